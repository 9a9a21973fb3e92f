/* The nameserver: the directory of nameserver.c behind nameserver.if.
 *
 * Init starts it with the other half of its own end as parent end, and with the other halves of the
 * ends of services that were started before as grants `client/PID`. Every further end comes by
 * clone from a trusted one. It asks init only for the monitor, when somebody binds from another
 * core for the first time: then init serves, and no longer waits for the nameserver.
 *
 * A lookup needs a fresh end from the service found. It is asked for without waiting for it, so
 * that a slow or hostile service delays only who looks for it. */
#include "nameserver_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/binding.h>
#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/server.h>
#include <aos/time.h>
#include <aos/waitset.h>
#include <if/memory.h>
#include <if/nameserver_server.h>

#define SERVICE_PID_INIT    0u
#define SERVICE_PIDS_EARLY  16u          /* services that can be started before the nameserver */
#define SERVICE_WAITS_MAX   8u           /* of one domain, so that none keeps others from asking */
/* How long lookups wait for a service that is being started again. */
#define SERVICE_RETURN_NS   3000000000ull
#define SERVICE_PAGE_BYTES  1023u        /* of one enumerate, as in nameserver.if */

/* A registered service: the nameserver's own connection to it. It outlives its name while lookups
 * are under way. */
struct provider {
    struct binding binding;              /* first */
    struct work reclaim;
    struct work use_memory;              /* of the memory service */
    uint32_t lookups;                    /* under way */
    bool named;
};

/* A lookup under way, or one that waits for its name: an await, or a lookup of a name that is
 * expected; of malloc, in a list. */
struct request {
    struct request *next, **link;        /* `link`: where the pointer to it stands */
    bool await;
    struct provider *provider;           /* NULL: waits for the name */
    uint16_t iface;
    char name[DIRECTORY_NAME_BYTES + 1];
    struct nameserver_lookup_responder lookup;
    struct nameserver_await_responder awaited;
};

static struct {
    struct directory directory;
    struct waitset ws;
    struct nameserver_server server;
    struct request *requests;
    struct memory_binding memory;
    bool memory_bound;
    struct waitset_timer late;           /* for lookups of names that are expected in vain */
} service;

static void service_use_memory(void *arg);
static void service_look_again(void *arg);

static void provider_free(void *arg)
{
    free(arg);
}

/* Closes the connection. Its memory goes one turn of the waitset later: the news of its peer's end
 * may be under way. */
static void provider_reclaim(void *arg)
{
    struct provider *p = arg;

    binding_close(&p->binding);
    p->reclaim.fn = provider_free;
    waitset_post(&service.ws, &p->reclaim);
}

static void provider_release(struct provider *p)
{
    if (!p->named && p->lookups == 0) {
        p->reclaim.fn = provider_reclaim;
        p->reclaim.arg = p;
        waitset_post(&service.ws, &p->reclaim);
    }
}

static void service_withdraw(const struct directory_name *n)
{
    struct provider *p = n->service;
    struct server_conn *conn = server_conn_next(&service.server.base, NULL);
    char name[DIRECTORY_NAME_BYTES + 1];

    memcpy(name, n->name, sizeof(name));
    directory_remove(&service.directory, n);
    p->named = false;
    provider_release(p);
    for (; conn != NULL; conn = server_conn_next(&service.server.base, conn)) {
        nameserver_event_gone(conn, name, strlen(name));
    }
}

/* What init started it starts again. */
static void service_withdraw_ended(const struct directory_name *n)
{
    if (n->pid < SERVICE_PIDS_EARLY) {
        directory_expect(&service.directory, (struct text){n->name, strlen(n->name)},
                         time_deadline_ns(SERVICE_RETURN_NS));
    }
    service_withdraw(n);
}

/* The service closed its end or ended. */
static void provider_gone(void *arg)
{
    const struct directory_name *n = directory_of_service(&service.directory, arg);

    if (n != NULL) {
        service_withdraw_ended(n);
    }
}

static const struct server_responder *request_base(const struct request *r)
{
    return r->await ? &r->awaited.base : &r->lookup.base;
}

static uint64_t request_pid(const struct request *r)
{
    return server_conn_pid(request_base(r)->conn);
}

static struct request *request_new(uint64_t pid)
{
    uint32_t waits = 0;
    struct request *r;

    for (r = service.requests; r != NULL; r = r->next) {
        waits += request_pid(r) == pid;
    }
    return waits < SERVICE_WAITS_MAX ? calloc(1, sizeof(*r)) : NULL;
}

/* With its responder set it counts. */
static void request_enter(struct request *r)
{
    r->next = service.requests;
    r->link = &service.requests;
    if (r->next != NULL) {
        r->next->link = &r->next;
    }
    service.requests = r;
}

static void request_end(struct request *r)
{
    *r->link = r->next;
    if (r->next != NULL) {
        r->next->link = r->link;
    }
    free(r);
}

static void request_reply(struct request *r, errval_t err, caddr_t end)
{
    if (r->await) {
        nameserver_await_reply(&r->awaited, err, end);
    } else {
        nameserver_lookup_reply(&r->lookup, err, end);
    }
    request_end(r);
}

/* Why there is no fresh end: the asker has as many as it may, or there is no memory for one; or the
 * service is gone. */
static errval_t request_error(errval_t err)
{
    if (err_is_ok(err)) {
        return ERR_OK;
    }
    return err_push(err, err_has(err, RPC_ERR_AGAIN) ? NAMESERVER_ERR_LIMIT
                                                     : NAMESERVER_ERR_NOT_FOUND);
}

/* Until when this waits for its name; 0: no longer. */
static uint64_t request_expects(const struct request *r)
{
    if (server_responder_cancelled(request_base(r))) {
        return 0;
    }
    return r->await ? UINT64_MAX
                    : directory_expects(&service.directory, (struct text){r->name, strlen(r->name)},
                                        time_now_ns());
}

/* From the waitset, since somebody may be walking through those that wait. */
static void service_look_soon(void)
{
    (void)waitset_timer_set(&service.ws, &service.late, time_now_ns(), service_look_again, NULL);
}

/* The service answered the request for a fresh end, or did not. If it ended the next is asked. */
static void request_cloned(void *arg, errval_t err, caddr_t end)
{
    struct request *r = arg;
    struct provider *p = r->provider;

    if (err_has(err, RPC_ERR_PEER_GONE)) {
        provider_gone(p);                /* its name may be here still */
    }
    if (err_has(err, RPC_ERR_PEER_GONE) && request_expects(r) != 0) {
        r->provider = NULL;
        service_look_soon();
    } else {
        request_reply(r, request_error(err), end);
    }
    p->lookups--;
    provider_release(p);
}

static void request_start(struct request *r, const struct directory_name *n, uint64_t pid)
{
    errval_t err;

    r->provider = n->service;
    r->provider->lookups++;
    err = binding_clone_cb(&r->provider->binding, pid, 0, request_cloned, r);
    if (err_is_fail(err)) {
        request_cloned(r, err, 0);
    }
}

/* Awaits whose name there is now, and places of those that nobody waits for any more. */
static void service_serve_waiting(void)
{
    struct request *next;

    for (struct request *r = service.requests; r != NULL; r = next) {
        const struct directory_name *n;
        errval_t err;

        next = r->next;
        if (r->provider != NULL) {
            continue;
        }
        if (server_responder_cancelled(request_base(r))) {
            request_reply(r, NAMESERVER_ERR_NOT_FOUND, 0); /* which its connection waits for */
            continue;
        }
        err = directory_lookup(&service.directory, (struct text){r->name, strlen(r->name)},
                               r->iface, &n);
        if (err_is_ok(err)) {
            request_start(r, n, request_pid(r));
        } else if (!err_has(err, NAMESERVER_ERR_NOT_FOUND)) {
            request_reply(r, err, 0);
        }
    }
}

/* Somebody waits, or waits again: for a name that may have come meanwhile, or that was expected in
 * vain. */
static void service_look_again(void *arg)
{
    uint64_t first = UINT64_MAX;
    struct request *next;

    (void)arg;
    service_serve_waiting();
    for (struct request *r = service.requests; r != NULL; r = next) {
        const uint64_t until = request_expects(r);

        next = r->next;
        if (r->provider == NULL && until == 0) {
            request_reply(r, NAMESERVER_ERR_NOT_FOUND, 0);
        } else if (r->provider == NULL) {
            first = until < first ? until : first;
        }
    }
    if (first != UINT64_MAX) {
        (void)waitset_timer_set(&service.ws, &service.late, first, service_look_again, NULL);
    }
}

static errval_t on_register(struct server_ctx *ctx, const char *name, size_t name_len,
                            uint16_t iface, const char *props, size_t props_len, caddr_t end)
{
    struct provider *p = calloc(1, sizeof(*p));
    errval_t err;

    if (p == NULL) {
        return NAMESERVER_ERR_LIMIT;
    }
    err = directory_register(&service.directory, (uint32_t)ctx->peer_pid,
                             (struct text){name, name_len}, iface,
                             (struct text){props, props_len}, p);
    if (err_is_fail(err)) {
        free(p);
        return err;
    }
    server_take_cap(ctx, end);
    err = binding_open_any(&p->binding, end);
    if (err_is_fail(err)) {
        directory_remove(&service.directory, directory_of_service(&service.directory, p));
        free(p);
        return err_push(err, NAMESERVER_ERR_DENIED);
    }
    p->named = true;
    binding_set_waitset(&p->binding, &service.ws);
    binding_on_peer_gone(&p->binding, provider_gone, p);
    service_serve_waiting();
    if (iface == MEMORY_ID && ctx->peer_pid < SERVICE_PIDS_EARLY) {
        p->use_memory = (struct work){.fn = service_use_memory, .arg = p};
        waitset_post(&service.ws, &p->use_memory);
    }
    return ERR_OK;
}

static errval_t on_deregister(struct server_ctx *ctx, const char *name, size_t name_len)
{
    struct text text = {name, name_len};
    errval_t err = directory_may_remove(&service.directory, (uint32_t)ctx->peer_pid, text);

    if (err_is_ok(err)) {
        service_withdraw(directory_find(&service.directory, text));
    }
    return err;
}

static errval_t on_lookup(struct server_ctx *ctx, const char *name, size_t name_len,
                          uint16_t iface, caddr_t *ret_service)
{
    const struct directory_name *n;
    struct request *r;
    errval_t err = directory_lookup(&service.directory, (struct text){name, name_len}, iface, &n);
    bool wait = err_has(err, NAMESERVER_ERR_NOT_FOUND)
        && directory_expects(&service.directory, (struct text){name, name_len}, time_now_ns()) != 0;

    (void)ret_service;
    if (err_is_fail(err) && !wait) {
        return err;
    }
    r = request_new(ctx->peer_pid);
    if (r == NULL) {
        service_serve_waiting();          /* frees the places of clients that are gone */
        r = request_new(ctx->peer_pid);
    }
    if (r == NULL) {
        return NAMESERVER_ERR_LIMIT;
    }
    r->lookup = nameserver_lookup_defer(ctx);
    request_enter(r);
    r->iface = iface;
    memcpy(r->name, name, name_len);
    if (wait) {
        service_look_soon();
    } else {
        request_start(r, n, ctx->peer_pid);
    }
    return SERVER_DEFERRED;
}

static errval_t on_await(struct server_ctx *ctx, const char *name, size_t name_len,
                         uint16_t iface, caddr_t *ret_service)
{
    const struct directory_name *n;
    struct request *r;
    errval_t err = directory_lookup(&service.directory, (struct text){name, name_len}, iface, &n);

    (void)ret_service;
    if (err_is_fail(err) && !err_has(err, NAMESERVER_ERR_NOT_FOUND)) {
        return err;
    }
    service_serve_waiting();              /* frees the places of clients that are gone */
    r = request_new(ctx->peer_pid);
    if (r == NULL) {
        return NAMESERVER_ERR_LIMIT;
    }
    r->await = true;
    r->awaited = nameserver_await_defer(ctx);
    request_enter(r);
    r->iface = iface;
    memcpy(r->name, name, name_len);
    if (err_is_ok(err)) {
        request_start(r, n, ctx->peer_pid);
    }
    return SERVER_DEFERRED;
}

static errval_t on_enumerate(struct server_ctx *ctx, const char *prefix, size_t prefix_len,
                             const char *where, size_t where_len, const char *after,
                             size_t after_len, char *ret_names, size_t *ret_names_len)
{
    (void)ctx;
    return directory_enumerate(&service.directory, (struct text){prefix, prefix_len},
                               (struct text){where, where_len}, (struct text){after, after_len},
                               ret_names, SERVICE_PAGE_BYTES, ret_names_len);
}

static errval_t on_describe(struct server_ctx *ctx, const char *name, size_t name_len,
                            uint32_t *ret_pid, uint16_t *ret_iface, char *ret_props,
                            size_t *ret_props_len)
{
    const struct directory_name *n =
        directory_find(&service.directory, (struct text){name, name_len});

    (void)ctx;
    if (n == NULL) {
        return NAMESERVER_ERR_NOT_FOUND;
    }
    *ret_pid = n->pid;
    *ret_iface = n->iface;
    memcpy(ret_props, n->props, n->props_bytes);
    *ret_props_len = n->props_bytes;
    return ERR_OK;
}

/* A connection ends with what waits on it. */
static void service_drop_waiting(const struct server_conn *conn)
{
    struct request *next;

    for (struct request *r = service.requests; r != NULL; r = next) {
        next = r->next;
        if (r->provider == NULL && request_base(r)->conn == conn) {
            request_reply(r, NAMESERVER_ERR_NOT_FOUND, 0);
        }
    }
}

/* A domain ended; what it registered is withdrawn even if its service's end still lives in other
 * hands. */
static void on_peer_gone(struct server_ctx *ctx)
{
    struct server_conn *other = server_conn_next(&service.server.base, NULL);
    const struct directory_name *n;

    service_drop_waiting(ctx->conn);
    for (; other != NULL; other = server_conn_next(&service.server.base, other)) {
        if (other != ctx->conn && server_conn_pid(other) == ctx->peer_pid) {
            return;
        }
    }
    while ((n = directory_of_pid(&service.directory, (uint32_t)ctx->peer_pid)) != NULL) {
        service_withdraw_ended(n);
    }
}

static const struct nameserver_server_ops ops = {
    .on_register = on_register, .on_deregister = on_deregister, .on_lookup = on_lookup,
    .on_await = on_await, .on_enumerate = on_enumerate, .on_describe = on_describe,
    .on_peer_gone = on_peer_gone,
};

static errval_t service_add_early_clients(void)
{
    struct server_conn *conn;
    errval_t err = server_add_end(&service.server.base, KPI_CAP_PARENT, SERVICE_PID_INIT,
                                  SERVER_PEER_TRUSTED, &conn);

    for (uint32_t pid = 1; err_is_ok(err) && pid < SERVICE_PIDS_EARLY; pid++) {
        char name[32];
        caddr_t end;

        snprintf(name, sizeof(name), "client/%u", pid);
        if (err_is_ok(domain_grant(name, &end))) {
            err = server_add_end(&service.server.base, end, pid, 0, &conn);
        }
    }
    return err;
}

/* --- RAM: the nameserver cannot look the memory service up, but it has a connection to it
 * ------ */

static errval_t own_alloc(void *arg, uint64_t bytes, uint64_t align, caddr_t *ret_ram,
                          uint64_t *ret_bytes)
{
    (void)arg;
    /* Not before the memory service has told of itself again: that needs an answer from here. */
    return service.memory_bound && binding_is_open(&service.memory.base)
        ? memory_alloc(&service.memory, bytes, align, ret_ram, ret_bytes) : LIB_ERR_NO_MEMORY;
}

static void own_free(void *arg, caddr_t ram, uint64_t bytes)
{
    (void)arg;
    (void)bytes;
    if (service.memory_bound && binding_is_open(&service.memory.base)) {
        (void)memory_free(&service.memory, ram);
    } else {
        (void)cap_destroy(ram);          /* the next memory service finds that nobody uses it */
    }
}

static const struct ram_source own_source = {.alloc = own_alloc, .free = own_free};

/* After the answer to its registration: it may be asked now. */
static void service_use_memory(void *arg)
{
    struct provider *p = arg;
    caddr_t end;
    errval_t err = p->named ? binding_clone(&p->binding, domain_pid(), 0, &end)
                            : RPC_ERR_PEER_GONE;

    if (err_is_fail(err)) {
        return;                          /* it ends: the next one tells of itself */
    }
    if (service.memory_bound) {
        memory_close(&service.memory);
    }
    service.memory_bound = err_is_ok(memory_bind(end, &service.memory));
    ram_set_source(&own_source);
}

errval_t aos_rpc_init(void)
{
    aos_use_monitor();
    return ERR_OK;                       /* early RAM until the memory service is there; no stdio */
}

/* --again: it is not the first one. */
int main(int argc, char **argv)
{
    errval_t err;

    directory_init(&service.directory);
    if (argc > 1 && strcmp(argv[1], "--again") == 0) {
        service.directory.settled_ns = time_deadline_ns(SERVICE_RETURN_NS);
    }
    waitset_init(&service.ws);
    nameserver_serve(&service.server, &ops, &service, &service.ws);
    err = service_add_early_clients();
    if (err_is_fail(err)) {
        aos_panic("nameserver: cannot start: 0x%llx", (unsigned long long)err);
    }
    waitset_run(&service.ws);
}
