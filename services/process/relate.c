/* Handlers for the process services of other cores: a child there joins its parent here, or has
 * ended; a process here is to end with its parent there. */
#include <stdlib.h>
#include <string.h>

#include <aos/domain.h>

#include "keep.h"
#include "peers.h"

bool peers_is_one(const struct server_ctx *ctx)
{
    uint32_t pid = (uint32_t)ctx->peer_pid;

    return domain_is_service(pid) && domain_core_of(pid) != domain_core();
}

/* The part of its parent's memory that an away child is to have, which its core cannot count: what
 * it asks for, or half of what there is. `limited`: something above it has a limit. */
static errval_t relate_memory(struct table_entry *e, bool known)
{
    uint64_t own, used, quota, available = 0;
    errval_t err;

    if (known || !table_memory_limited(&svc.table, e->parent)) {
        return ERR_OK;
    }
    if (e->limits.memory == 0) {
        err = memory_account(&svc.memory, e->parent, &own, &used, &quota, &available);
        e->limits.memory = available / 2 & ~(AOS_PAGE_BYTES - 1);
        if (err_is_fail(err) || e->limits.memory == 0) {
            return PROCESS_ERR_NO_MEMORY;
        }
    }
    err = account_open(e->pid, e->parent, e->limits.memory);
    return err_is_ok(err) ? ERR_OK : err_push(err, PROCESS_ERR_NO_MEMORY);
}

errval_t on_join(struct server_ctx *ctx, uint32_t pid, uint32_t parent, const char *name,
                 size_t name_len, const struct process_limits *limits, process_start_t start,
                 uint32_t group, struct process_limits *ret_own, uint32_t *ret_own_group,
                 uint32_t *ret_above, size_t *ret_above_count)
{
    char text[TABLE_NAME_BYTES + 1] = {0};
    const struct table_new what = {
        .parent = parent, .name = text, .limits = *limits, .group = group,
        .detached = (start & PROCESS_START_DETACHED) != 0,
        .lead = (start & PROCESS_START_LEAD) != 0,
    };
    bool known = table_find(&svc.table, pid) != NULL;
    struct table_entry *e;
    uint32_t count;
    errval_t err = PROCESS_ERR_DENIED;

    memcpy(text, name, name_len);
    if (peers_is_one(ctx) && domain_core_of(pid) == domain_core_of((uint32_t)ctx->peer_pid)) {
        err = table_above(&svc.table, table_find(&svc.table, parent), ret_above, &count);
    }
    if (err_is_ok(err)) {
        err = table_add_away(&svc.table, pid, &what, &e);
    }
    if (err_is_fail(err)) {
        return err;
    }
    err = relate_memory(e, known);
    if (err_is_fail(err)) {
        table_undo(&svc.table, e);
        return err;
    }
    peers_meet();
    keep_sync();
    *ret_own = e->limits;
    *ret_own_group = e->group;
    *ret_above_count = count;
    return ERR_OK;
}

errval_t on_ended(struct server_ctx *ctx, uint32_t pid, process_outcome_t outcome,
                  const struct process_exit *how)
{
    const struct table_exit end = {
        .kind = (uint8_t)how->kind, .status = how->status, .cause = how->cause, .pc = how->pc,
        .address = how->address,
    };

    if (!peers_is_one(ctx)) {
        return PROCESS_ERR_DENIED;
    }
    /* Unknown: it was told before. */
    (void)kin_on_ended(&domain_kin, domain_core_of((uint32_t)ctx->peer_pid), pid,
                       outcome == PROCESS_OUTCOME_ENDED, &end);
    keep_sync();
    return ERR_OK;
}

errval_t on_terminate(struct server_ctx *ctx, uint32_t pid, process_reason_t reason)
{
    errval_t err;

    if (!peers_is_one(ctx)) {
        return PROCESS_ERR_DENIED;
    }
    if (reason == PROCESS_REASON_TRUSTED) {
        err = table_may_kill(&svc.table, TABLE_PID_INIT, pid);
        if (err_is_ok(err)) {
            domain_kill(table_find(&svc.table, pid));
        }
        return err;
    }
    err = kin_on_end(&domain_kin, domain_core_of((uint32_t)ctx->peer_pid), pid)
        ? ERR_OK : PROCESS_ERR_NO_PID;
    keep_sync();
    return err;
}

/* Somebody waits for a kill on another core. */
struct relate_call {
    struct peers_call call;              /* first */
    uint32_t pid;
    errval_t err;
    struct process_kill_responder answer;
};

static void relate_run(struct peers_call *c)
{
    struct relate_call *r = (struct relate_call *)c;
    struct process_binding *b;

    r->err = PROCESS_ERR_NO_PID;         /* the core is off */
    if (err_is_ok(peers_find(domain_core_of(r->pid), &b))) {
        r->err = process_terminate(b, r->pid, PROCESS_REASON_TRUSTED);
    }
}

static void relate_done(struct peers_call *c)
{
    struct relate_call *r = (struct relate_call *)c;

    process_kill_reply(&r->answer, r->err);
    free(r);
}

errval_t relate_kill(struct server_ctx *ctx, uint32_t pid)
{
    struct relate_call *r = calloc(1, sizeof(*r));

    if (r == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    r->call = (struct peers_call){.run = relate_run, .done = relate_done};
    r->pid = pid;
    r->answer = process_kill_defer(ctx);
    peers_ask(&r->call);
    return SERVER_DEFERRED;
}
