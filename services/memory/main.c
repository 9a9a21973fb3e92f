/* The memory service: the allocator of memory.c, with a capability for each root, behind memory.if.
 *
 * Started by init with all RAM as grants `ram0`, `ram1`, ..., and with an end that init has the
 * other half of as its parent end. Its own memory comes from the same allocator. It calls nobody,
 * but registers itself.
 *
 * A range that was freed, or whose owner ended, is given out again only after a probe: the kernel
 * lets the service make a capability of the whole range only if no descendant of the root overlaps
 * it. */
#include "memory_priv.h"

#include <stdio.h>

#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/slot.h>
#include <aos/time.h>
#include <aos/waitset.h>
#include <if/memory_server.h>

#define SERVICE_RECORDS      6144u       /* ranges at one time */
#define SERVICE_PID_INIT     0u
/* first look at what an ended domain left; doubled up to */
#define SERVICE_REAP_NS      2000000ull
#define SERVICE_REAP_MAX_NS  1000000000ull
/* How long others may take to notice the end of a domain before what is left in its memory, which
 * may be of use to nobody and reachable by nobody, goes too. */
#define SERVICE_GRACE_NS     3000000000ull

static struct {
    /* of core; recursive: making a capability may need memory */
    struct mutex lock;
    struct memory_core core;
    struct memory_region records[SERVICE_RECORDS];
    caddr_t roots[MEMORY_ROOTS_MAX];
    struct waitset ws;
    struct memory_server server;
    struct waitset_timer reap_timer;
    uint64_t reap_ns;
    bool was_low;
} service;

static errval_t service_retype(const struct memory_range *range, caddr_t *ret_cap)
{
    caddr_t slot;
    errval_t err = slot_alloc(&slot);

    if (err_is_fail(err)) {
        return err;
    }
    err = cap_retype(slot, service.roots[range->root], range->off, CAPTYPE_RAM, range->bytes, 1);
    if (err_is_fail(err)) {
        slot_free(slot);
        return err;
    }
    *ret_cap = slot;
    return ERR_OK;
}

/* Does nobody use any part of the range? */
static bool service_probe(const struct memory_range *range)
{
    caddr_t cap;

    if (err_is_fail(service_retype(range, &cap))) {
        return false;
    }
    (void)cap_destroy(cap);
    return true;
}

/* May the dying region be given out again? Ends what is in it after the grace time. */
static bool service_clear(struct memory_region *r)
{
    struct memory_range range = {
        .root = r->root, .off = r->base - service.core.roots[r->root].base, .base = r->base,
        .bytes = r->bytes,
    };
    uint64_t now = time_now_ns();

    if (service_probe(&range)) {
        return true;
    }
    if (r->seen_ns == 0) {
        r->seen_ns = now;
    }
    return !r->patient && now - r->seen_ns >= SERVICE_GRACE_NS
           && err_is_ok(cap_revoke_part(service.roots[r->root], range.off, range.bytes))
           && service_probe(&range);
}

static void service_reap(void *arg)
{
    struct memory_region *r;

    (void)arg;
    mutex_lock(&service.lock);
    r = memory_dying_next(&service.core, NULL);
    while (r != NULL) {
        struct memory_region *next = memory_dying_next(&service.core, r);

        if (service_clear(r)) {
            memory_reap(&service.core, r);
        }
        r = next;
    }
    if (service.core.dying != 0) {
        service.reap_ns = service.reap_ns * 2 < SERVICE_REAP_MAX_NS ? service.reap_ns * 2
                                                                    : SERVICE_REAP_MAX_NS;
        (void)waitset_timer_set(&service.ws, &service.reap_timer,
                                time_deadline_ns(service.reap_ns), service_reap, NULL);
    }
    mutex_unlock(&service.lock);
}

static void service_reap_soon(void)
{
    service.reap_ns = SERVICE_REAP_NS;
    (void)waitset_timer_set(&service.ws, &service.reap_timer, time_deadline_ns(SERVICE_REAP_NS),
                            service_reap, NULL);
}

/* The first call of a connection makes its domain a client. */
static errval_t service_client(struct server_ctx *ctx)
{
    errval_t err;

    if (server_conn_state(ctx->conn) != NULL) {
        return ERR_OK;
    }
    err = memory_client_opened(&service.core, (uint32_t)ctx->peer_pid);
    if (err_is_ok(err)) {
        server_conn_set_state(ctx->conn, &service);
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

static errval_t service_take_locked(uint32_t pid, uint64_t bytes, uint64_t align,
                                    caddr_t *ret_ram, uint64_t *ret_actual)
{
    struct memory_range range;
    errval_t err = memory_take(&service.core, pid, bytes, align, &range);

    if (err_has(err, MEMORY_ERR_NO_MEMORY) && service.core.dying != 0) {
        service_reap(NULL);
        err = memory_take(&service.core, pid, bytes, align, &range);
    }
    if (err_is_fail(err)) {
        return err;
    }
    err = service_retype(&range, ret_ram);
    if (err_is_fail(err)) {
        memory_give(&service.core, pid, range.base, range.bytes);
        return err_push(err, MEMORY_ERR_NO_MEMORY);
    }
    *ret_actual = range.bytes;
    return ERR_OK;
}

static errval_t service_take(uint32_t pid, uint64_t bytes, uint64_t align, caddr_t *ret_ram,
                             uint64_t *ret_actual)
{
    errval_t err;

    mutex_lock(&service.lock);
    err = service_take_locked(pid, bytes, align, ret_ram, ret_actual);
    mutex_unlock(&service.lock);
    return err;
}

static errval_t on_alloc(struct server_ctx *ctx, uint64_t bytes, uint64_t align, caddr_t *ret_ram,
                         uint64_t *ret_actual)
{
    errval_t err = service_client(ctx);

    if (err_is_ok(err)) {
        err = service_take((uint32_t)ctx->peer_pid, bytes, align, ret_ram, ret_actual);
    }
    service_tell_low();
    return err;
}

static errval_t service_give_locked(uint32_t pid, caddr_t ram)
{
    struct cap_info info;
    struct memory_range range;
    errval_t err = cap_identify(ram, &info);

    if (err_is_ok(err)) {
        err = memory_give_check(&service.core, pid, info.a, info.b, &range);
    }
    if (err_is_fail(err)) {
        return MEMORY_ERR_NOT_YOURS;
    }
    (void)cap_revoke(ram);
    (void)cap_delete(ram);
    if (!service_probe(&range)) {
        return MEMORY_ERR_IN_USE;
    }
    memory_give(&service.core, pid, range.base, range.bytes);
    return ERR_OK;
}

static errval_t service_give(uint32_t pid, caddr_t ram)
{
    errval_t err;

    mutex_lock(&service.lock);
    err = service_give_locked(pid, ram);
    mutex_unlock(&service.lock);
    return err;
}

static errval_t on_free(struct server_ctx *ctx, caddr_t ram)
{
    return service_give((uint32_t)ctx->peer_pid, ram);
}

/* The capability goes, what was made of it stays until its holders let go. */
static errval_t on_abandon(struct server_ctx *ctx, caddr_t ram)
{
    struct cap_info info;
    struct memory_range range;
    errval_t err = cap_identify(ram, &info);

    mutex_lock(&service.lock);
    if (err_is_ok(err)) {
        err = memory_give_check(&service.core, (uint32_t)ctx->peer_pid, info.a, info.b, &range);
    }
    if (err_is_ok(err)) {
        (void)cap_delete(ram);
        memory_retire(&service.core, (uint32_t)ctx->peer_pid, range.base, range.bytes);
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

static errval_t on_usage(struct server_ctx *ctx, uint32_t pid, uint64_t *ret_used,
                         uint64_t *ret_quota)
{
    return memory_get_usage(&service.core, pid == 0 ? (uint32_t)ctx->peer_pid : pid, ret_used,
                            ret_quota);
}

/* Init's end and those it had made trusted (the process service's) are the ones that may. */
static errval_t on_limit(struct server_ctx *ctx, uint32_t pid, uint64_t quota)
{
    if (!server_conn_trusted(ctx->conn)) {
        return MEMORY_ERR_DENIED;
    }
    return err_is_ok(memory_set_quota(&service.core, pid, quota)) ? ERR_OK : MEMORY_ERR_DENIED;
}

static void on_peer_gone(struct server_ctx *ctx)
{
    if (server_conn_state(ctx->conn) == NULL) {
        return;
    }
    mutex_lock(&service.lock);
    /* Whom init trusts has memory for others: programs outlive the process service. */
    memory_client_closed(&service.core, (uint32_t)ctx->peer_pid, server_conn_trusted(ctx->conn));
    mutex_unlock(&service.lock);
    service_reap_soon();
}

static const struct memory_server_ops ops = {
    .on_alloc = on_alloc, .on_free = on_free, .on_stats = on_stats, .on_usage = on_usage,
    .on_limit = on_limit, .on_abandon = on_abandon,
    .on_peer_gone = on_peer_gone,
};

/* The service's own memory. */
static errval_t own_alloc(void *arg, uint64_t bytes, uint64_t align, caddr_t *ret_ram,
                          uint64_t *ret_bytes)
{
    (void)arg;
    return service_take(domain_pid(), bytes, align, ret_ram, ret_bytes);
}

static void own_free(void *arg, caddr_t ram, uint64_t bytes)
{
    (void)arg;
    (void)bytes;
    (void)service_give(domain_pid(), ram);
}

static const struct ram_source own_source = {.alloc = own_alloc, .free = own_free};

errval_t aos_rpc_init(void)
{
    return ERR_OK;                       /* no RAM and no stdio of other services */
}

static void service_add_roots(void)
{
    char name[16];
    struct cap_info info;
    caddr_t cap;

    memory_core_init(&service.core, service.records, SERVICE_RECORDS);
    for (uint32_t i = 0; i < MEMORY_ROOTS_MAX; i++) {
        snprintf(name, sizeof(name), "ram%u", i);
        if (err_is_fail(domain_grant(name, &cap))) {
            break;
        }
        if (err_is_ok(cap_identify(cap, &info))
            && err_is_ok(memory_add(&service.core, info.a, info.b))) {
            service.roots[service.core.root_count - 1] = cap;
        }
    }
    ram_set_source(&own_source);
}

/* In a thread of its own: the nameserver starts after this service, which meanwhile works. */
static int service_register(void *arg)
{
    errval_t err = aos_register(&service.server.base, "memory", NULL, 0);

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
    service_add_roots();
    waitset_init(&service.ws);
    memory_serve(&service.server, &ops, &service, &service.ws);
    err = server_add_end(&service.server.base, KPI_CAP_PARENT, SERVICE_PID_INIT,
                         SERVER_PEER_TRUSTED, &conn);
    if (err_is_ok(err)) {
        err = thread_create(service_register, NULL, &(struct thread_attr){.detached = true},
                            &registrar);
    }
    if (err_is_fail(err)) {
        aos_panic("memory: cannot start: 0x%llx", (unsigned long long)err);
    }
    waitset_run(&service.ws);
}
