/* Handlers of flow.if, for tests on the host and in QEMU. */
#include "flow.h"

static struct flow *flow_of(struct server_ctx *ctx)
{
    struct flow *f = ctx->state;
    f->calls++;
    return f;
}

static errval_t on_park(struct server_ctx *ctx, uint32_t key, uint64_t *ret_value)
{
    struct flow *f = flow_of(ctx);
    (void)ret_value;
    if (f->parked[key].base.conn != NULL) {
        return FLOW_ERR_REFUSED;
    }
    if (f->in_park != NULL) {
        f->in_park();
    }
    f->parked[key] = flow_park_defer(ctx);
    return SERVER_DEFERRED;
}

static errval_t on_release(struct server_ctx *ctx, uint32_t key, uint64_t value)
{
    flow_park_reply(&flow_of(ctx)->parked[key], ERR_OK, value);
    return ERR_OK;
}

static errval_t on_asked(struct server_ctx *ctx, uint32_t key, bool *ret_cancelled)
{
    *ret_cancelled = server_responder_cancelled(&flow_of(ctx)->parked[key].base);
    return ERR_OK;
}

static errval_t on_twice(struct server_ctx *ctx, uint64_t value, uint64_t *ret_doubled)
{
    (void)flow_of(ctx);
    *ret_doubled = 2 * value;
    return ERR_OK;
}

static errval_t on_say(struct server_ctx *ctx, uint32_t count, char *ret_text, size_t *ret_text_len)
{
    (void)flow_of(ctx);
    *ret_text_len = 8u * count;
    __builtin_memset(ret_text, 's', *ret_text_len);
    return ERR_OK;
}

static errval_t on_fill(struct server_ctx *ctx, void *buf, size_t buf_len, uint32_t *ret_n)
{
    (void)flow_of(ctx);
    *ret_n = (uint32_t)buf_len;
    __builtin_memset(buf, 'f', buf_len);
    return ERR_OK;
}

static errval_t on_give(struct server_ctx *ctx, const caddr_t *many, size_t many_count,
                        caddr_t *ret_back, size_t *ret_back_count)
{
    (void)flow_of(ctx);
    for (size_t i = 0; i < many_count; i++) {
        server_take_cap(ctx, many[i]);
        ret_back[i] = many[i];
    }
    *ret_back_count = many_count;
    return ERR_OK;
}

static void on_drop(struct server_ctx *ctx, const char *text, size_t text_len)
{
    (void)text;
    (void)text_len;
    flow_of(ctx)->dropped++;
}

static errval_t on_fire(struct server_ctx *ctx, uint32_t n)
{
    (void)flow_of(ctx);
    for (uint32_t i = 0; i < n; i++) {
        flow_event_tick(ctx->conn, i);
    }
    return ERR_OK;
}

static void on_peer_gone(struct server_ctx *ctx)
{
    ((struct flow *)ctx->state)->peers_gone++;
}

static const struct flow_server_ops ops = {
    .on_park = on_park,
    .on_release = on_release,
    .on_asked = on_asked,
    .on_twice = on_twice,
    .on_say = on_say,
    .on_fill = on_fill,
    .on_give = on_give,
    .on_drop = on_drop,
    .on_fire = on_fire,
    .on_peer_gone = on_peer_gone,
};

void flow_init(struct flow *f, struct waitset *ws)
{
    *f = (struct flow){.ws = ws};
    flow_serve(&f->server, &ops, f, ws);
}

void flow_deinit(struct flow *f)
{
    for (uint32_t i = 0; i < FLOW_PARKED_MAX; i++) {
        flow_park_reply(&f->parked[i], FLOW_ERR_REFUSED, 0);
    }
    flow_server_deinit(&f->server);
}
