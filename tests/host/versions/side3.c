/* Version 3. */
#include <if/evolving.h>

static const evolving_kind_t newest_kind = EVOLVING_KIND_LINK;
static const evolving_mode_t all_modes =
    EVOLVING_MODE_READ | EVOLVING_MODE_WRITE | EVOLVING_MODE_RUN;

static void fill(struct evolving_prefs *p)
{
    *p = (struct evolving_prefs){.has_name = true, .name_len = 3, .name = "six",
                                 .has_size = true, .size = {.rows = 24, .cols = 80},
                                 .has_rank = true, .rank = 3,
                                 .has_text = true, .text_len = 16};
}

static uint32_t count(const struct evolving_prefs *p)
{
    uint32_t found = p->has_name && p->name_len == 3;
    found += p->has_size && p->size.cols == 80;
    found += p->has_rank && p->rank != 0;
    found += p->has_text && p->text_len == 16;
    return found;
}

static void newest_target(struct evolving_target *t)
{
    *t = (struct evolving_target){.tag = EVOLVING_TARGET_NUMBER, .number = 3};
}

#include "since2.h"

static errval_t on_put(struct server_ctx *ctx, uint32_t key, uint32_t *ret_old)
{
    (void)state_of(ctx);
    *ret_old = key + 3;
    return ERR_OK;
}

static errval_t on_swap(struct server_ctx *ctx, uint64_t value, uint64_t *ret_before)
{
    struct side_state *s = state_of(ctx);
    *ret_before = s->value;
    s->value = value;
    return value == SIDE_REFUSED ? EVOLVING_ERR_REFUSED : ERR_OK;
}

static errval_t on_keep(struct server_ctx *ctx, caddr_t cap, const caddr_t *more,
                        size_t more_count)
{
    (void)cap;
    (void)more;
    state_of(ctx)->value = more_count;
    return ERR_OK;
}

static errval_t keep(struct side_client *c, caddr_t cap, const caddr_t *more, size_t more_count)
{
    return evolving_keep(of(c), cap, more, more_count);
}

static errval_t swap(struct side_client *c, uint64_t value, uint64_t *ret_before)
{
    return evolving_swap(of(c), value, ret_before);
}

static const struct evolving_server_ops ops = {
    COMMON_OPS, SINCE2_OPS, .on_swap = on_swap, .on_keep = on_keep};

COMMON_END(ops, events)

const struct side evolving_v3 = {
    COMMON_SIDE, SINCE2_SIDE, .swap = swap, .keep = keep, .kind = EVOLVING_KIND_LINK,
    .mode = EVOLVING_MODE_READ | EVOLVING_MODE_WRITE | EVOLVING_MODE_RUN, .fields = 4,
    .member = EVOLVING_TARGET_NUMBER};
