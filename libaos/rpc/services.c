/* See <aos/services.h>. */
#include <aos/services.h>

#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <if/init.h>
#include <if/memory.h>
#include <if/nameserver.h>
#include <if/process.h>
#include <if/serial.h>

#define RPC_NAMES_PAUSE_NS 1000000ull /* before init is asked again for the first time; doubled */
#define RPC_FIND_PAUSE_NS 5000000ull     /* between tries to find a service that has ended */

/* State of one connection; the binding itself has the type of its interface. */
struct rpc_slot {
    struct mutex lock;                   /* held while the connection is made */
    bool bound;
};

static struct {
    struct rpc_slot init, memory, nameserver, process, serial;
    struct init_binding init_binding;
    struct memory_binding memory_binding;
    struct nameserver_binding nameserver_binding;
    struct process_binding process_binding;
    struct serial_binding serial_binding;
} rpc;

/* Waits before the next one is looked for. False: it is too late, or no other would do better. */
static bool rpc_again(errval_t err, uint64_t until_ns)
{
    if (err_is_ok(err) || err_has(err, RPC_ERR_VERSION) || time_now_ns() >= until_ns) {
        return false;
    }
    thread_sleep_ns(RPC_FIND_PAUSE_NS);
    return true;
}

/* One function per service: the types of binding and bind function differ, nothing else does. Calls
 * may take `call_ns`; 0: what the interface says. Waiting for input or the end of a child has no
 * limit but the end of the service. When that has ended, `again` finds the next one; also if it
 * ends while it is bound for the first time. */
#define RPC_SERVICE(name, find_end, again, call_ns)                                               \
    static errval_t rpc_bind_##name(struct name##_binding *b)                                     \
    {                                                                                             \
        const uint64_t until_ns = time_deadline_ns(BINDING_REOPEN_NS);                            \
        caddr_t end;                                                                              \
        errval_t err = find_end(#name, &end);                                                     \
                                                                                                  \
        err = err_is_ok(err) ? name##_bind(end, b) : err;                                         \
        if (err_has(err, RPC_ERR_PEER_GONE)) {                                                    \
            while (rpc_again(err, until_ns)) {                                                    \
                err = again((void *)(uintptr_t)#name, &end);                                      \
                err = err_is_ok(err) ? name##_bind(end, b) : err;                                 \
            }                                                                                     \
        }                                                                                         \
        if (err_is_ok(err)) {                                                                     \
            binding_set_finder(&b->base, again, (void *)(uintptr_t)#name);                        \
        }                                                                                         \
        if (err_is_ok(err) && (call_ns) != 0) {                                                   \
            binding_set_deadline(&b->base, (call_ns));                                            \
        }                                                                                         \
        return err;                                                                               \
    }                                                                                             \
                                                                                                  \
    errval_t aos_##name(struct name##_binding **ret_binding)                                      \
    {                                                                                             \
        errval_t err = ERR_OK;                                                                    \
                                                                                                  \
        mutex_lock(&rpc.name.lock);                                                               \
        if (!rpc.name.bound) {                                                                    \
            err = rpc_bind_##name(&rpc.name##_binding);                                           \
            rpc.name.bound = err_is_ok(err);                                                      \
        }                                                                                         \
        mutex_unlock(&rpc.name.lock);                                                             \
        if (err_is_ok(err)) {                                                                     \
            *ret_binding = &rpc.name##_binding;                                                   \
        }                                                                                         \
        return err;                                                                               \
    }

static bool rpc_has_end(caddr_t slot)
{
    struct cap_info info;

    return err_is_ok(cap_identify(slot, &info)) && info.type == CAPTYPE_ENDPOINT;
}

/* An end of the nameserver that there is now. Another one may be about to start. */
static errval_t rpc_ask_names(caddr_t *ret_end)
{
    uint64_t until = time_deadline_ns(BINDING_REOPEN_NS), pause_ns = RPC_NAMES_PAUSE_NS;
    struct init_binding *init;
    errval_t err = aos_init(&init);

    while (err_is_ok(err)) {
        err = init_names(init, ret_end);
        if (!err_has(err, INIT_ERR_NOT_READY) || time_now_ns() >= until) {
            break;
        }
        thread_sleep_ns(pause_ns);
        pause_ns *= 2;
        err = ERR_OK;
    }
    return err;
}

/* For the first time: what init starts itself has an end, everybody else asks for one. */
static errval_t rpc_nameserver_end(const char *name, caddr_t *ret_end)
{
    (void)name;
    if (domain_startup()->parent_iface == INIT_ID) {
        return rpc_ask_names(ret_end);
    }
    if (!rpc_has_end(KPI_CAP_NAMESERVER)) {
        return RPC_ERR_NOT_BOUND;
    }
    *ret_end = KPI_CAP_NAMESERVER;
    return ERR_OK;
}

/* Everybody has an end of init, which never ends: what init starts itself as a grant, since its
 * parent end is for other things. */
static errval_t rpc_init_end(const char *name, caddr_t *ret_end)
{
    caddr_t end = KPI_CAP_PARENT;

    if (domain_startup()->parent_iface != INIT_ID && err_is_fail(domain_grant(name, &end))) {
        return aos_lookup(name, ret_end);
    }
    if (!rpc_has_end(end)) {
        return RPC_ERR_NOT_BOUND;
    }
    *ret_end = end;
    return ERR_OK;
}

static errval_t rpc_find(void *name, caddr_t *ret_end)
{
    return aos_lookup(name, ret_end);
}

const char *aos_own_name(const char *name, char text[AOS_SERVICE_NAME_BYTES])
{
    return aos_name_on(name, domain_core(), text);
}

static errval_t rpc_own_end(const char *name, caddr_t *ret_end)
{
    char text[AOS_SERVICE_NAME_BYTES];

    return aos_lookup(aos_own_name(name, text), ret_end);
}

static errval_t rpc_find_own(void *name, caddr_t *ret_end)
{
    return rpc_own_end(name, ret_end);
}

/* Another nameserver than the one that has ended: init knows it. */
static errval_t rpc_find_names(void *name, caddr_t *ret_end)
{
    struct init_binding *init;
    errval_t err = aos_init(&init);

    (void)name;
    return err_is_ok(err) ? init_names(init, ret_end) : err;
}

RPC_SERVICE(nameserver, rpc_nameserver_end, rpc_find_names, 0)
RPC_SERVICE(init, rpc_init_end, rpc_find, 0)
RPC_SERVICE(memory, rpc_own_end, rpc_find_own, 0)
RPC_SERVICE(process, rpc_own_end, rpc_find_own, AOS_FOREVER)
RPC_SERVICE(serial, aos_lookup, rpc_find, AOS_FOREVER)

errval_t aos_lookup(const char *name, caddr_t *ret_end)
{
    struct nameserver_binding *b;
    errval_t err = aos_nameserver(&b);

    return err_is_fail(err) ? err
                            : nameserver_lookup(b, name, strlen(name), /* iface= */ 0, ret_end);
}

/* A connection of its own for an await: the deadline is that of a connection, and others use the
 * shared one. A domain may have SERVER_ENDS_MAX: if other threads have them, or the nameserver has
 * not heard yet that they have closed theirs, it waits for one. */
static errval_t rpc_await_bind(struct nameserver_binding *b, uint64_t until_ns)
{
    struct nameserver_binding *shared;
    caddr_t end;
    errval_t err = aos_nameserver(&shared);

    if (err_is_ok(err)) {
        do {
            err = binding_clone(&shared->base, BINDING_CLONE_OWN, 0, &end);
        } while (err_no(err) == RPC_ERR_AGAIN && rpc_again(err, until_ns));
    }
    return err_is_ok(err) ? nameserver_bind(end, b) : err;
}

errval_t aos_await(const char *name, uint64_t timeout_ns, caddr_t *ret_end)
{
    const uint64_t until_ns = time_deadline_ns(timeout_ns);
    struct nameserver_binding *b = calloc(1, sizeof(*b));
    errval_t err = b == NULL ? LIB_ERR_NO_MEMORY : rpc_await_bind(b, until_ns);

    if (err_is_ok(err)) {
        const uint64_t now = time_now_ns();

        binding_set_deadline(&b->base, timeout_ns == AOS_FOREVER ? AOS_FOREVER
                                       : until_ns > now ? until_ns - now : 0);
        err = nameserver_await(b, name, strlen(name), /* iface= */ 0, ret_end);
        nameserver_close(b);
    }
    free(b);
    return err;
}
