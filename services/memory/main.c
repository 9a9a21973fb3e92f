/* The memory service: the allocator of memory.c, with a capability for each root, behind memory.if.
 *
 * Started by init with all RAM as grants `ram0`, `ram1`, ..., and with an end that init has the
 * other half of as its parent end. Its own memory comes from the same allocator. It calls nobody,
 * but registers itself. */
#include "service_priv.h"

#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/services.h>

#define SERVICE_PID_INIT 0u

struct service service;

/* The account of the caller: the first call of a connection counts it. */
static errval_t service_client(struct server_ctx *ctx, struct memory_account **ret_account)
{
    struct memory_account *a = server_conn_state(ctx->conn);
    errval_t err = ERR_OK;

    if (a == NULL) {
        err = accounts_connect(&service.core, (uint32_t)ctx->peer_pid, &a);
    }
    if (err_is_ok(err)) {
        server_conn_set_state(ctx->conn, a);
        *ret_account = a;
    }
    return err;
}

static void service_tell_low(void)
{
    bool low = memory_is_low(&service.core);

    if (low && !service.was_low) {
        struct server_conn *conn = server_conn_next(&service.server.base, NULL);

        for (; conn != NULL; conn = server_conn_next(&service.server.base, conn)) {
            memory_event_low(conn, service.core.free);
        }
    }
    service.was_low = low;
}

errval_t service_take_locked(struct memory_account *owner, struct memory_account *charged,
                             uint64_t bytes, uint64_t align, caddr_t *ret_ram,
                             uint64_t *ret_actual)
{
    struct memory_range range;
    errval_t err = memory_take(&service.core, owner, charged, bytes, align, &range);

    /* What a dead child left counts against the quota, too. */
    if (err_is_fail(err) && service.core.dying != 0) {
        service_reap(NULL);
        err = memory_take(&service.core, owner, charged, bytes, align, &range);
    }
    if (err_is_fail(err)) {
        return err;
    }
    err = service_retype(&range, ret_ram);
    if (err_is_fail(err)) {
        memory_give(&service.core, range.base, range.bytes);
        return err_push(err, MEMORY_ERR_NO_MEMORY);
    }
    *ret_actual = range.bytes;
    return ERR_OK;
}

static errval_t on_alloc(struct server_ctx *ctx, uint64_t bytes, uint64_t align, caddr_t *ret_ram,
                         uint64_t *ret_actual)
{
    struct memory_account *a;
    errval_t err;

    if (!service_lends((uint32_t)ctx->peer_pid, bytes)) {
        return MEMORY_ERR_NO_MEMORY;
    }
    mutex_lock(&service.lock);
    service_own_records();
    err = service_client(ctx, &a);
    if (err_is_ok(err)) {
        err = service_take_locked(a, a, bytes, align, ret_ram, ret_actual);
    }
    mutex_unlock(&service.lock);
    service_tell_low();
    return err_no(err) == MEMORY_ERR_NO_MEMORY ? service_borrow(ctx, bytes, align) : err;
}

static errval_t on_alloc_for(struct server_ctx *ctx, uint32_t pid, uint64_t bytes, uint64_t align,
                             caddr_t *ret_ram, uint64_t *ret_actual)
{
    struct memory_account *a, *charged = accounts_find(&service.core, pid);
    errval_t err;

    if (!server_conn_trusted(ctx->conn)) {
        return MEMORY_ERR_DENIED;
    }
    if (charged == NULL) {
        return MEMORY_ERR_NO_PID;
    }
    mutex_lock(&service.lock);
    service_own_records();
    err = service_client(ctx, &a);
    if (err_is_ok(err)) {
        err = service_take_locked(a, charged, bytes, align, ret_ram, ret_actual);
    }
    mutex_unlock(&service.lock);
    service_tell_low();
    return err_no(err) == MEMORY_ERR_NO_MEMORY ? service_borrow_for(ctx, pid, bytes, align) : err;
}

errval_t service_give_locked(const struct memory_account *owner, caddr_t ram)
{
    struct cap_info info;
    struct memory_range range;
    errval_t err = cap_identify(ram, &info);

    if (err_is_ok(err)) {
        err = memory_give_check(&service.core, owner, info.a, info.b, &range);
    }
    if (err_is_fail(err)) {
        return MEMORY_ERR_NOT_YOURS;
    }
    (void)cap_revoke(ram);
    (void)cap_delete(ram);
    if (!service_probe(&range)) {
        return MEMORY_ERR_IN_USE;
    }
    memory_give(&service.core, range.base, range.bytes);
    return ERR_OK;
}

/* What another core gives back: its monitor and that of this core may hold on to it for a while.
 * The service that took it may have ended. */
static errval_t service_take_back(struct server_ctx *ctx, caddr_t ram)
{
    struct memory_account *owner;
    struct memory_range range;
    struct cap_info info;
    errval_t err = cap_identify(ram, &info);

    if (err_is_ok(err)) {
        err = service_client(ctx, &owner);
    }
    if (err_is_ok(err) && memory_is_awaited(&service.core, info.a, info.b)) {
        (void)cap_delete(ram);
        service_reap_soon();
        return ERR_OK;
    }
    if (err_is_ok(err)) {
        err = memory_give_check(&service.core, owner, info.a, info.b, &range);
    }
    if (err_is_fail(err)) {
        return MEMORY_ERR_NOT_YOURS;
    }
    (void)cap_delete(ram);
    memory_retire(&service.core, range.base, range.bytes);
    service_reap_soon();
    return ERR_OK;
}

/* The first call of a caller that the service before this one knew may be this. */
static errval_t on_free(struct server_ctx *ctx, caddr_t ram)
{
    struct memory_account *a;
    errval_t err;

    mutex_lock(&service.lock);
    service_own_records();
    if (domain_core_of((uint32_t)ctx->peer_pid) != domain_core()) {
        err = service_take_back(ctx, ram);
    } else {
        err = err_is_ok(service_client(ctx, &a)) ? service_give_locked(a, ram)
                                                 : MEMORY_ERR_NOT_YOURS;
    }
    mutex_unlock(&service.lock);
    service_return_soon();
    return err;
}

/* The capability goes, what was made of it stays until its holders let go. */
static errval_t on_abandon(struct server_ctx *ctx, caddr_t ram)
{
    struct memory_account *a;
    struct cap_info info;
    struct memory_range range;
    errval_t err = cap_identify(ram, &info);

    mutex_lock(&service.lock);
    service_own_records();
    if (err_is_ok(err)) {
        err = service_client(ctx, &a);
    }
    if (err_is_ok(err)) {
        err = memory_give_check(&service.core, a, info.a, info.b, &range);
    }
    if (err_is_ok(err)) {
        (void)cap_delete(ram);
        memory_retire(&service.core, range.base, range.bytes);
        service_reap_soon();
    }
    mutex_unlock(&service.lock);
    return err_is_ok(err) ? ERR_OK : MEMORY_ERR_NOT_YOURS;
}

static errval_t on_stats(struct server_ctx *ctx, uint64_t *ret_total, uint64_t *ret_free,
                         uint64_t *ret_largest, uint32_t *ret_pieces, uint64_t *ret_dying)
{
    (void)ctx;
    if (service.core.dying != 0) {
        service_reap(NULL);
    }
    *ret_total = service.core.total;
    *ret_free = service.core.free;
    *ret_largest = memory_largest(&service.core);
    *ret_pieces = service.core.free_count;
    *ret_dying = service.core.dying;
    return ERR_OK;
}

static const struct quota *service_quota(const struct server_ctx *ctx, uint32_t pid)
{
    const struct memory_account *a =
        accounts_find(&service.core, pid == 0 ? (uint32_t)ctx->peer_pid : pid);

    return a == NULL ? NULL : &a->quota;
}

static errval_t on_usage(struct server_ctx *ctx, uint32_t pid, uint64_t *ret_used,
                         uint64_t *ret_quota)
{
    const struct quota *q = service_quota(ctx, pid);

    if (q == NULL) {
        return MEMORY_ERR_NO_PID;
    }
    *ret_used = q->own;
    *ret_quota = q->limit;
    return ERR_OK;
}

static errval_t on_account(struct server_ctx *ctx, uint32_t pid, uint64_t *ret_own,
                           uint64_t *ret_subtree, uint64_t *ret_quota, uint64_t *ret_available)
{
    const struct quota *q = service_quota(ctx, pid);

    if (q == NULL) {
        return MEMORY_ERR_NO_PID;
    }
    *ret_own = q->own;
    *ret_subtree = q->used;
    *ret_quota = q->limit;
    *ret_available = quota_available(q);
    return ERR_OK;
}

/* Init's end and those it had made trusted (the process service's) are the ones that may. */
static errval_t on_limit(struct server_ctx *ctx, uint32_t pid, uint64_t quota)
{
    if (!server_conn_trusted(ctx->conn)) {
        return MEMORY_ERR_DENIED;
    }
    return err_is_ok(accounts_set_limit(&service.core, pid, quota)) ? ERR_OK : MEMORY_ERR_DENIED;
}

static errval_t on_open_account(struct server_ctx *ctx, uint32_t pid, uint32_t parent,
                                uint64_t quota)
{
    errval_t err = MEMORY_ERR_DENIED;

    if (server_conn_trusted(ctx->conn)) {
        mutex_lock(&service.lock);
        service_own_records();
        err = accounts_open(&service.core, pid, parent, quota);
        mutex_unlock(&service.lock);
    }
    return err;
}

static errval_t on_end_account(struct server_ctx *ctx, uint32_t pid)
{
    errval_t err = MEMORY_ERR_DENIED;

    if (server_conn_trusted(ctx->conn)) {
        mutex_lock(&service.lock);
        err = accounts_end(&service.core, pid, /* patient= */ false);
        mutex_unlock(&service.lock);
        service_reap_soon();
    }
    return err;
}

bool service_is_far(uint32_t pid)
{
    uint32_t core = domain_core_of(pid);

    return core != domain_core() && (pid < DOMAIN_PIDS_FIRST
        || pid < domain_pid_on(core, domain_core_count(), DOMAIN_PIDS_OF_INIT));
}

static void on_peer_gone(struct server_ctx *ctx)
{
    struct memory_account *a = server_conn_state(ctx->conn);

    if (a == NULL) {
        return;
    }
    mutex_lock(&service.lock);
    if (service_is_far(a->pid)) {        /* programs there have what was lent: nobody takes it */
        memory_retire_all(&service.core, a, /* patient= */ true);
    }
    /* Whom init trusts has memory for others: programs outlive the process service, and the next
     * one gives it back. */
    accounts_disconnect(&service.core, a, server_conn_trusted(ctx->conn));
    mutex_unlock(&service.lock);
    service_reap_soon();
}

static const struct memory_server_ops ops = {
    .on_alloc = on_alloc, .on_free = on_free, .on_stats = on_stats, .on_usage = on_usage,
    .on_limit = on_limit, .on_abandon = on_abandon, .on_open_account = on_open_account,
    .on_end_account = on_end_account, .on_alloc_for = on_alloc_for, .on_account = on_account,
    .on_peer_gone = on_peer_gone,
};

errval_t aos_rpc_init(void)
{
    aos_use_monitor();
    return ERR_OK;                       /* no RAM and no stdio of other services */
}

/* In a thread of its own: the nameserver starts after this service, which meanwhile works. */
static int service_register(void *arg)
{
    char name[AOS_SERVICE_NAME_BYTES];
    errval_t err = aos_register(&service.server.base, aos_own_name("memory", name), NULL, 0);

    (void)arg;
    if (err_is_fail(err)) {
        aos_panic("memory: cannot register: 0x%llx", (unsigned long long)err);
    }
    return 0;
}

int main(void)
{
    struct server_conn *conn;
    struct thread *registrar;
    errval_t err;

    service.lock.recursive = true;
    service_own_init();
    waitset_init(&service.ws);
    memory_serve(&service.server, &ops, &service, &service.ws);
    err = server_add_end(&service.server.base, KPI_CAP_PARENT, SERVICE_PID_INIT,
                         SERVER_PEER_TRUSTED, &conn);
    if (err_is_ok(err)) {
        err = thread_create(service_register, NULL, &(struct thread_attr){.detached = true},
                            &registrar);
    }
    if (err_is_ok(err)) {
        err = service_borrow_init();
    }
    if (err_is_fail(err)) {
        aos_panic("memory: cannot start: 0x%llx", (unsigned long long)err);
    }
    service_reap_soon();
    waitset_run(&service.ws);
}
