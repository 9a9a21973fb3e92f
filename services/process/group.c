/* Handlers about groups: what the shell makes of a command and its children. */
#include "service_priv.h"

/* What is done to one member. False: it was not touched. */
typedef bool (*group_fn)(struct table_entry *e);

static errval_t group_each(struct server_ctx *ctx, uint32_t group, group_fn fn,
                           uint32_t *ret_count)
{
    uint32_t caller = (uint32_t)ctx->peer_pid, count = 0;
    struct table_entry *e;
    bool found = false, allowed = false;

    for (uint32_t after = 0;
         (e = table_member(&svc.table, caller, group, after, &found)) != NULL; after = e->pid) {
        allowed = true;
        count += fn(e);
    }
    if (!allowed) {
        return found ? PROCESS_ERR_DENIED : PROCESS_ERR_NO_GROUP;
    }
    *ret_count = count;
    return ERR_OK;
}

static bool group_kill(struct table_entry *e)
{
    domain_kill(e);
    return true;
}

/* Not services: this one could not go on without some of them. */
static bool group_stop(struct table_entry *e)
{
    return !e->service && err_is_ok(proc_stop(svc.domains[e->place].proc.dispatcher));
}

static bool group_resume(struct table_entry *e)
{
    return err_is_ok(proc_resume(svc.domains[e->place].proc.dispatcher));
}

errval_t on_kill_group(struct server_ctx *ctx, uint32_t group, uint32_t *ret_count)
{
    return group_each(ctx, group, group_kill, ret_count);
}

errval_t on_stop_group(struct server_ctx *ctx, uint32_t group, uint32_t *ret_count)
{
    return group_each(ctx, group, group_stop, ret_count);
}

errval_t on_resume_group(struct server_ctx *ctx, uint32_t group, uint32_t *ret_count)
{
    return group_each(ctx, group, group_resume, ret_count);
}

errval_t on_group(struct server_ctx *ctx, uint32_t pid, uint32_t *ret_group,
                  struct process_limits *ret_limits)
{
    const struct table_entry *e = table_find(&svc.table, pid);

    (void)ctx;
    if (e == NULL) {
        return PROCESS_ERR_NO_PID;
    }
    *ret_group = e->group;
    *ret_limits = e->limits;
    return ERR_OK;
}
