/* Domains that init started, and recording of messages. */
#include "keep.h"

#include <string.h>

#include <aos/cap.h>

errval_t on_adopt(struct server_ctx *ctx, uint32_t pid, const char *name, size_t name_len,
                         caddr_t dispatcher)
{
    char text[TABLE_NAME_BYTES + 1] = {0};
    struct table_entry *e;
    errval_t err;

    if (ctx->peer_pid != TABLE_PID_INIT) {
        return PROCESS_ERR_DENIED;
    }
    if (pid == TABLE_PID_INIT && svc.init == 0) {
        server_take_cap(ctx, dispatcher);
        svc.init = dispatcher;
        return ERR_OK;
    }
    e = table_find(&svc.table, pid);
    if (e != NULL && e->service) {
        domain_check(e);                 /* the one before, if it has ended */
    }
    memcpy(text, name, name_len);
    err = table_adopt(&svc.table, pid, text, &e);
    if (err_is_ok(err)) {
        server_take_cap(ctx, dispatcher);
        svc.domains[e->place].proc.dispatcher = dispatcher;
    }
    return err;
}

errval_t on_starting(struct server_ctx *ctx, process_starting_t starting)
{
    if (ctx->peer_pid != TABLE_PID_INIT) {
        return PROCESS_ERR_DENIED;
    }
    svc.closed = starting == PROCESS_STARTING_OFF;
    return ERR_OK;
}

errval_t on_adopt_ring(struct server_ctx *ctx, uint32_t pid, caddr_t ring)
{
    struct table_entry *e = table_find(&svc.table, pid);

    if (ctx->peer_pid != TABLE_PID_INIT) {
        return PROCESS_ERR_DENIED;
    }
    if (e == NULL || !e->service || svc.domains[e->place].proc.trace != 0) {
        return PROCESS_ERR_NO_PID;
    }
    server_take_cap(ctx, ring);
    svc.domains[e->place].proc.trace = ring;
    return ERR_OK;
}

void service_untrace(uint32_t pid)
{
    for (uint32_t i = 0; i < svc.table.entries_end; i++) {
        struct domain *d = &svc.domains[i];

        if (d->traced && d->tracer == pid && svc.table.entries[i].state == TABLE_LIVE) {
            d->traced = false;
            (void)proc_trace(d->proc.dispatcher, d->proc.trace, false);
        }
    }
}

errval_t on_trace(struct server_ctx *ctx, uint32_t pid,
                         process_tracing_t tracing, caddr_t *ret_ring)
{
    const bool on = tracing == PROCESS_TRACING_ON;
    errval_t err = table_may_kill(&svc.table, (uint32_t)ctx->peer_pid, pid);
    struct table_entry *e = table_find(&svc.table, pid);
    struct domain *d = e != NULL ? &svc.domains[e->place] : NULL;

    if (err_is_ok(err)) {
        err = e->away ? PROCESS_ERR_NO_PID : domain_invite((uint32_t)ctx->peer_pid);
    }
    if (err_is_fail(err)) {
        return err_no(err) == PROCESS_ERR_LIMIT ? PROCESS_ERR_FAILED : err;
    }
    if (d->proc.trace == 0 && !e->service) {
        err = proc_make_ring(&d->proc);
        err = err_is_ok(err) ? keep_ring(e, &d->proc) : err;
    }
    if (err_is_ok(err)) {
        err = d->proc.trace == 0 ? LIB_ERR_NOT_FOUND
                                 : proc_trace(d->proc.dispatcher, d->proc.trace, on);
    }
    if (err_is_fail(err)) {
        return err_push(err, PROCESS_ERR_FAILED);
    }
    d->traced = on;
    d->tracer = (uint32_t)ctx->peer_pid;
    *ret_ring = d->proc.trace;
    return ERR_OK;
}
