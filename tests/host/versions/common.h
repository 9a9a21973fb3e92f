/* What all versions have. Included by each of them, after what differs:
 *   newest_kind, all_modes      values
 *   fill(), count()             the fields of struct evolving_prefs that it knows
 *   newest_target()             the newest member of struct evolving_target */
#pragma once

#include <if/evolving_server.h>

#include "side.h"

_Static_assert(sizeof(struct evolving_server) == sizeof(struct server), "a server is one");
_Static_assert(sizeof(struct evolving_binding) == sizeof(struct binding), "a binding is one");

static struct side_state *state_of(struct server_ctx *ctx)
{
    struct side_state *s = ctx->state;
    s->calls++;
    return s;
}

static struct evolving_binding *of(struct side_client *c)
{
    return (struct evolving_binding *)&c->binding;
}

static errval_t on_add(struct server_ctx *ctx, uint32_t a, uint32_t b, uint64_t *ret_sum)
{
    (void)state_of(ctx);
    *ret_sum = (uint64_t)a + b;
    return ERR_OK;
}

static errval_t on_kind(struct server_ctx *ctx, evolving_kind_t kind, evolving_mode_t mode,
                        evolving_kind_t *ret_kind_out, evolving_mode_t *ret_mode_out)
{
    struct side_state *s = state_of(ctx);
    s->kind = kind;
    s->mode = mode;
    *ret_kind_out = newest_kind;
    *ret_mode_out = all_modes;
    return ERR_OK;
}

static errval_t on_prefer(struct server_ctx *ctx, const struct evolving_prefs *prefs,
                          uint32_t *ret_seen, struct evolving_prefs *ret_prefs_out)
{
    (void)state_of(ctx);
    *ret_seen = count(prefs);
    fill(ret_prefs_out);
    return ERR_OK;
}

static errval_t on_aim(struct server_ctx *ctx, const struct evolving_target *target,
                       uint32_t *ret_seen, struct evolving_target *ret_target_out)
{
    (void)state_of(ctx);
    *ret_seen = target->tag;
    newest_target(ret_target_out);
    return ERR_OK;
}

static void on_poke(struct server_ctx *ctx, uint64_t value)
{
    state_of(ctx)->pokes += value;
}

static void on_peer_gone(struct server_ctx *ctx)
{
    struct side_state *s = ctx->state;
    s->peers_gone++;
}

static void on_changed(void *arg, uint64_t value)
{
    ((struct side_client *)arg)->changed += value;
}

static errval_t add(struct side_client *c, uint32_t a, uint32_t b, uint64_t *ret_sum)
{
    return evolving_add(of(c), a, b, ret_sum);
}

static errval_t kind_of(struct side_client *c, uint8_t *ret_kind, uint16_t *ret_mode)
{
    return evolving_kind(of(c), newest_kind, all_modes, ret_kind, ret_mode);
}

static errval_t prefer(struct side_client *c, uint32_t *ret_seen, uint32_t *ret_back)
{
    struct evolving_prefs prefs, out;
    fill(&prefs);
    errval_t err = evolving_prefer(of(c), &prefs, ret_seen, &out);
    *ret_back = count(&out);
    return err;
}

static errval_t aim(struct side_client *c, uint32_t *ret_seen, uint32_t *ret_back)
{
    struct evolving_target target, out;
    newest_target(&target);
    errval_t err = evolving_aim(of(c), &target, ret_seen, &out);
    *ret_back = out.tag;
    return err;
}

static errval_t fire(struct side_client *c, uint64_t value)
{
    return evolving_fire(of(c), value);
}

static errval_t poke(struct side_client *c, uint64_t value)
{
    return evolving_poke(of(c), value);
}

#define COMMON_OPS                                                                                \
    .on_add = on_add, .on_kind = on_kind, .on_prefer = on_prefer, .on_aim = on_aim,               \
    .on_fire = on_fire, .on_poke = on_poke, .on_peer_gone = on_peer_gone
#define COMMON_SIDE                                                                               \
    .version = EVOLVING_VERSION, .client = &evolving_client_interface, .serve = serve,            \
    .listen = listen_all, .add = add, .kind_of = kind_of, .prefer = prefer, .aim = aim,           \
    .fire = fire, .poke = poke

/* The last two functions of a version, whose handlers differ. */
#define COMMON_END(ops, events)                                                                   \
    static void serve(struct side_state *s, struct waitset *ws)                                   \
    {                                                                                             \
        evolving_serve((struct evolving_server *)&s->server, &ops, s, ws);                        \
    }                                                                                             \
    static errval_t listen_all(struct side_client *c, struct waitset *ws)                         \
    {                                                                                             \
        evolving_set_events(of(c), ws, &events, c);                                               \
        return evolving_subscribe_changed(of(c), true);                                           \
    }
