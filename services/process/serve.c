/* Handlers about processes that exist: waiting, ending, listing, describing. */
#include <string.h>

#include <aos/domain.h>
#include <aos/services.h>
#include <if/monitor.h>

#include "keep.h"
#include "peers.h"

#define SERVICE_PIDS_PAGE 64u            /* as in process.if */

/* Calls that their clients do not wait for any more make room. */
static void serve_drop_waits(uint32_t caller)
{
    uint32_t first = table_first_waiter(&svc.table, caller);

    for (uint32_t i = first; i < first + TABLE_WAITS_MAX && i < TABLE_WAITERS_MAX; i++) {
        if (server_responder_cancelled(&svc.waiters[i].base)) {
            table_cancel(&svc.table, i);
            service_answer_wait(NULL, i, 0, NULL);
        }
    }
}

/* A process of another core may wait here, but not for its children: the service there answers for
 * those. */
static errval_t serve_may_wait(uint32_t caller, uint32_t pid)
{
    const struct table_entry *e = table_find(&svc.table, pid);

    if (domain_core_of(caller) == domain_core() || caller == TABLE_PID_INIT) {
        return ERR_OK;
    }
    if (e == NULL || (table_foreign(e) && e->parent == caller)
        || !table_may(&svc.table, caller, e)) {
        return PROCESS_ERR_NO_CHILD;
    }
    return domain_invite(caller);
}

errval_t on_wait(struct server_ctx *ctx, uint32_t pid, uint32_t *ret_who,
                 struct process_exit *ret_exit)
{
    uint32_t caller = (uint32_t)ctx->peer_pid, waiter;
    enum table_wait what;
    struct table_exit how;
    errval_t err = serve_may_wait(caller, pid);

    if (err_is_ok(err)) {
        err = table_wait(&svc.table, caller, pid, &what, ret_who, &how, &waiter);
    }
    if (err == PROCESS_ERR_LIMIT) {
        serve_drop_waits(caller);
        err = table_wait(&svc.table, caller, pid, &what, ret_who, &how, &waiter);
    }
    if (err == PROCESS_ERR_NO_CHILD && keep_told(caller, pid, &how)) {
        *ret_who = pid;                  /* it asks again, for want of an answer */
        *ret_exit = service_exit(&how);
        return ERR_OK;
    }
    if (err_is_fail(err)) {
        return err;
    }
    if (what == TABLE_WAIT_LATER) {
        svc.waiters[waiter] = process_wait_defer(ctx);
        return SERVER_DEFERRED;
    }
    *ret_exit = service_exit(&how);
    keep_sync();
    return ERR_OK;
}

errval_t on_kill(struct server_ctx *ctx, uint32_t pid)
{
    uint32_t caller = (uint32_t)ctx->peer_pid;
    struct table_entry *e = table_find(&svc.table, pid);
    errval_t err = table_may_kill(&svc.table, caller, pid);

    if ((e == NULL || e->away) && domain_core_of(pid) != domain_core()
        && table_trusted(&svc.table, caller)) {
        return relate_kill(ctx, pid);
    }
    if (err_is_fail(err)) {
        return err;
    }
    if (e->away) {
        peers_note(NULL, e, KIN_END);
    } else {
        domain_kill(e);
    }
    return ERR_OK;
}

errval_t on_ask(struct server_ctx *ctx, uint32_t pid)
{
    errval_t err = table_may_kill(&svc.table, (uint32_t)ctx->peer_pid, pid);
    struct server_conn *conn = server_conn_next(&svc.server.base, NULL);

    if (err_is_fail(err) || table_find(&svc.table, pid)->away) {
        return err_is_fail(err) ? err : PROCESS_ERR_NO_PID;
    }
    for (; conn != NULL; conn = server_conn_next(&svc.server.base, conn)) {
        if (server_conn_pid(conn) == pid) {
            process_event_asked(conn);
        }
    }
    return ERR_OK;
}

errval_t on_status(struct server_ctx *ctx, uint32_t pid, bool *ret_ended,
                          struct process_exit *ret_exit)
{
    struct table_entry *e = table_find(&svc.table, pid);
    struct table_exit none = {.kind = PROCESS_EXIT_KIND_EXITED};

    (void)ctx;
    if (e == NULL) {
        return PROCESS_ERR_NO_PID;
    }
    *ret_ended = e->state == TABLE_ENDED;
    *ret_exit = service_exit(*ret_ended ? &e->exit : &none);
    return ERR_OK;
}

/* What is told of on this core: not what runs elsewhere. */
static bool serve_is_shown(const struct table_entry *e)
{
    return e->state == TABLE_ENDED || (e->state == TABLE_LIVE && !e->guest && !e->away);
}

errval_t on_pids(struct server_ctx *ctx, uint32_t after, uint32_t *ret_pids,
                        size_t *ret_pids_count)
{
    struct table_entry *e;
    size_t count = 0;

    (void)ctx;
    while (count < SERVICE_PIDS_PAGE && (e = table_next(&svc.table, after)) != NULL) {
        after = e->pid;
        if (e->service) {
            domain_check(e);
        }
        if (serve_is_shown(e)) {
            ret_pids[count++] = e->pid;
        }
    }
    *ret_pids_count = count;
    return ERR_OK;
}

errval_t on_name(struct server_ctx *ctx, uint32_t pid, char *ret_name,
                        size_t *ret_name_len)
{
    const struct table_entry *e = table_find(&svc.table, pid);
    const char *name = pid == TABLE_PID_INIT ? "init" : e != NULL ? e->name : NULL;

    (void)ctx;
    if (name == NULL) {
        return PROCESS_ERR_NO_PID;
    }
    *ret_name_len = strlen(name);
    memcpy(ret_name, name, *ret_name_len);
    return ERR_OK;
}

static process_state_t service_state(enum proc_state state)
{
    static const process_state_t states[] = {
        [PROC_RUNNABLE] = PROCESS_STATE_RUNNABLE, [PROC_WAITING] = PROCESS_STATE_WAITING,
        [PROC_STOPPED] = PROCESS_STATE_STOPPED, [PROC_ENDED] = PROCESS_STATE_ENDED,
    };

    return states[state];
}

errval_t on_describe(struct server_ctx *ctx, uint32_t pid, struct process_info *ret_info)
{
    const struct table_entry init = {.state = TABLE_LIVE};
    const struct table_entry *e =
        pid == TABLE_PID_INIT ? &init : table_find(&svc.table, pid);
    struct proc_info info = {.state = PROC_ENDED};

    (void)ctx;
    if (e == NULL || !serve_is_shown(e)) {
        return PROCESS_ERR_NO_PID;
    }
    if (e->state == TABLE_LIVE) {
        (void)proc_query(pid == TABLE_PID_INIT ? svc.init
                                               : svc.domains[e->place].proc.dispatcher, &info);
    }
    *ret_info = (struct process_info){
        .pid = e->pid, .parent = e->parent,
        .core = (uint8_t)(e->away ? domain_core_of(e->pid) : domain_core()),
        .state = service_state(info.state),
        .cpu_ns = info.cpu_ns, .messages = info.messages, .preemptions = info.preemptions,
        .quota = e->limits.memory,
    };
    return ERR_OK;
}

errval_t on_self(struct server_ctx *ctx, uint32_t *ret_pid, uint32_t *ret_parent)
{
    const struct table_entry *e = table_find(&svc.table, (uint32_t)ctx->peer_pid);

    *ret_pid = (uint32_t)ctx->peer_pid;
    *ret_parent = e == NULL ? TABLE_PID_INIT : e->parent;
    return ERR_OK;
}

static errval_t serve_space(uint32_t caller, uint32_t pid, caddr_t *ret_dispatcher)
{
    struct table_entry *e = table_find(&svc.table, pid);
    errval_t err = pid == TABLE_PID_INIT
        ? (table_trusted(&svc.table, caller) ? ERR_OK : PROCESS_ERR_DENIED)
        : table_may_kill(&svc.table, caller, pid);

    if (err_is_ok(err) && e != NULL && e->away) {
        err = PROCESS_ERR_NO_PID;        /* its core's service can tell */
    }
    if (err_is_ok(err)) {
        *ret_dispatcher = pid == TABLE_PID_INIT ? svc.init
                                                : svc.domains[e->place].proc.dispatcher;
    }
    return err;
}

errval_t on_capabilities(struct server_ctx *ctx, uint32_t pid, uint32_t from,
                         struct monitor_object *ret_objects, size_t *ret_objects_count,
                         uint32_t *ret_next)
{
    struct monitor_binding *b;
    caddr_t dispatcher;
    errval_t err = serve_space((uint32_t)ctx->peer_pid, pid, &dispatcher);

    if (err_is_fail(err)) {
        return err;
    }
    err = aos_monitor(&b);
    if (err_is_ok(err)) {
        err = monitor_space(b, dispatcher, from, ret_objects, ret_objects_count, ret_next);
    }
    return err_is_ok(err) ? ERR_OK : err_push(err, PROCESS_ERR_FAILED);
}
