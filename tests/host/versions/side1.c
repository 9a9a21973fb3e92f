/* Version 1. */
#include <if/evolving.h>

static const evolving_kind_t newest_kind = EVOLVING_KIND_DIR;
static const evolving_mode_t all_modes = EVOLVING_MODE_READ;

static void fill(struct evolving_prefs *p)
{
    *p = (struct evolving_prefs){.has_name = true, .name_len = 3, .name = "one",
                                 .has_size = true, .size = {.rows = 24, .cols = 80}};
}

static uint32_t count(const struct evolving_prefs *p)
{
    uint32_t found = p->has_name && p->name_len == 3;
    found += p->has_size && p->size.cols == 80;
    return found;
}

static void newest_target(struct evolving_target *t)
{
    *t = (struct evolving_target){.tag = EVOLVING_TARGET_PATH, .path_len = 4, .path = "/bin"};
}

#include "common.h"

static errval_t on_fire(struct server_ctx *ctx, uint64_t value)
{
    (void)state_of(ctx);
    evolving_event_changed(ctx->conn, value);
    return ERR_OK;
}

static const struct evolving_server_ops ops = {COMMON_OPS};
static const struct evolving_event_ops events = {.on_changed = on_changed};

COMMON_END(ops, events)

const struct side evolving_v1 = {
    COMMON_SIDE, .kind = EVOLVING_KIND_DIR, .mode = EVOLVING_MODE_READ, .fields = 2,
    .member = EVOLVING_TARGET_PATH};
