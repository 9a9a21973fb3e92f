/* Version 2. */
#include <if/evolving.h>

static const evolving_kind_t newest_kind = EVOLVING_KIND_PIPE;
static const evolving_mode_t all_modes = EVOLVING_MODE_READ | EVOLVING_MODE_WRITE;

static void fill(struct evolving_prefs *p)
{
    *p = (struct evolving_prefs){.has_name = true, .name_len = 3, .name = "two",
                                 .has_size = true, .size = {.rows = 24, .cols = 80},
                                 .has_rank = true, .rank = 2};
}

static uint32_t count(const struct evolving_prefs *p)
{
    uint32_t found = p->has_name && p->name_len == 3;
    found += p->has_size && p->size.cols == 80;
    found += p->has_rank && p->rank != 0;
    return found;
}

static void newest_target(struct evolving_target *t)
{
    *t = (struct evolving_target){.tag = EVOLVING_TARGET_NUMBER, .number = UINT64_MAX};
}

#include "since2.h"

static errval_t on_put(struct server_ctx *ctx, uint32_t key, uint32_t *ret_old)
{
    (void)state_of(ctx);
    *ret_old = key + 2;
    return key == SIDE_REFUSED ? EVOLVING_ERR_REFUSED : ERR_OK;
}

static const struct evolving_server_ops ops = {COMMON_OPS, SINCE2_OPS};

COMMON_END(ops, events)

const struct side evolving_v2 = {
    COMMON_SIDE, SINCE2_SIDE, .kind = EVOLVING_KIND_PIPE,
    .mode = EVOLVING_MODE_READ | EVOLVING_MODE_WRITE, .fields = 3,
    .member = EVOLVING_TARGET_NUMBER};
