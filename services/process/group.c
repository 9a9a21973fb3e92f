/* Handlers about groups: what the shell makes of a command and its children. Members may be on any
 * core: who asks gets an answer when all have been asked. */
#include <stdlib.h>

#include <aos/domain.h>

#include "peers.h"

/* What was done. */
struct group_sum {
    uint32_t count;
    bool found, allowed;
};

/* Somebody waits for what other cores do. */
struct group_call {
    struct peers_call call;              /* first */
    uint32_t caller, group;
    process_act_t act;
    struct group_sum sum;
    union {
        struct process_kill_group_responder kill;
        struct process_stop_group_responder stop;
        struct process_resume_group_responder resume;
    } answer;
};

/* Services are not stopped: this one could not go on without some of them. */
static bool group_act(struct table_entry *e, process_act_t act)
{
    caddr_t dispatcher = svc.domains[e->place].proc.dispatcher;

    switch (act) {
    case PROCESS_ACT_KILL:
        domain_kill(e);
        return true;
    case PROCESS_ACT_STOP:
        return !e->service && err_is_ok(proc_stop(dispatcher));
    case PROCESS_ACT_RESUME:
        return err_is_ok(proc_resume(dispatcher));
    }
    return false;
}

static struct group_sum group_here(uint32_t caller, uint32_t group, process_act_t act)
{
    struct group_sum sum = {0};
    struct table_entry *e;

    for (uint32_t after = 0;
         (e = table_member(&svc.table, caller, group, after, &sum.found)) != NULL;
         after = e->pid) {
        sum.allowed = true;
        sum.count += !e->away && group_act(e, act);
    }
    return sum;
}

static errval_t group_error(const struct group_sum *sum)
{
    return sum->allowed ? ERR_OK : sum->found ? PROCESS_ERR_DENIED : PROCESS_ERR_NO_GROUP;
}

static void group_run(struct peers_call *c)
{
    struct group_call *g = (struct group_call *)c;
    struct process_binding *b;
    uint32_t on = 0;

    (void)peers_on(&on);
    for (uint32_t core = 0; core < domain_core_count(); core++) {
        struct group_sum there = {0};
        errval_t err;

        if (core == domain_core() || (on & 1u << core) == 0) {
            continue;
        }
        err = peers_find(core, &b);
        if (err_is_ok(err)) {
            err = process_act(b, g->caller, g->group, g->act, &there.found, &there.allowed,
                              &there.count);
        }
        if (err_is_fail(err)) {
            peers_forget(core);          /* it starts, or ends */
            continue;
        }
        g->sum.found |= there.found;
        g->sum.allowed |= there.allowed;
        g->sum.count += there.count;
    }
}

static void group_done(struct peers_call *c)
{
    struct group_call *g = (struct group_call *)c;
    errval_t err = group_error(&g->sum);

    switch (g->act) {
    case PROCESS_ACT_KILL:
        process_kill_group_reply(&g->answer.kill, err, g->sum.count);
        break;
    case PROCESS_ACT_STOP:
        process_stop_group_reply(&g->answer.stop, err, g->sum.count);
        break;
    case PROCESS_ACT_RESUME:
        process_resume_group_reply(&g->answer.resume, err, g->sum.count);
        break;
    }
    free(g);
}

static void group_defer(struct server_ctx *ctx, struct group_call *g)
{
    switch (g->act) {
    case PROCESS_ACT_KILL:
        g->answer.kill = process_kill_group_defer(ctx);
        break;
    case PROCESS_ACT_STOP:
        g->answer.stop = process_stop_group_defer(ctx);
        break;
    case PROCESS_ACT_RESUME:
        g->answer.resume = process_resume_group_defer(ctx);
        break;
    }
}

/* Here first, and then on the other cores if any of them may have members. */
static errval_t group_each(struct server_ctx *ctx, uint32_t group, process_act_t act,
                           uint32_t *ret_count)
{
    uint32_t caller = (uint32_t)ctx->peer_pid;
    struct group_sum sum = group_here(caller, group, act);
    struct group_call *g;

    if (!peers_met()) {
        *ret_count = sum.count;
        return group_error(&sum);
    }
    g = calloc(1, sizeof(*g));
    if (g == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    g->call = (struct peers_call){.run = group_run, .done = group_done};
    g->caller = table_trusted(&svc.table, caller) ? TABLE_PID_INIT : caller;
    g->group = group;
    g->act = act;
    g->sum = sum;
    group_defer(ctx, g);
    peers_ask(&g->call);
    return SERVER_DEFERRED;
}

errval_t on_kill_group(struct server_ctx *ctx, uint32_t group, uint32_t *ret_count)
{
    return group_each(ctx, group, PROCESS_ACT_KILL, ret_count);
}

errval_t on_stop_group(struct server_ctx *ctx, uint32_t group, uint32_t *ret_count)
{
    return group_each(ctx, group, PROCESS_ACT_STOP, ret_count);
}

errval_t on_resume_group(struct server_ctx *ctx, uint32_t group, uint32_t *ret_count)
{
    return group_each(ctx, group, PROCESS_ACT_RESUME, ret_count);
}

errval_t on_act(struct server_ctx *ctx, uint32_t caller, uint32_t group, process_act_t act,
                bool *ret_found, bool *ret_allowed, uint32_t *ret_count)
{
    struct group_sum sum;

    if (!peers_is_one(ctx)) {
        return PROCESS_ERR_DENIED;
    }
    sum = group_here(caller, group, act);
    *ret_found = sum.found;
    *ret_allowed = sum.allowed;
    *ret_count = sum.count;
    return ERR_OK;
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
