/* See <aos/services.h>. */
#include <aos/services.h>

#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/thread.h>
#include <if/init.h>
#include <if/memory.h>
#include <if/nameserver.h>
#include <if/process.h>
#include <if/serial.h>

/* Pid of the nameserver's end on a service, as far as the service knows it: it speaks for
 * others. */
#define RPC_PID_NAMESERVER 0u

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

/* One function per service: the types of binding and bind function differ, nothing else does. Calls
 * may take `call_ns`; 0: what the interface says. Waiting for input or the end of a child has no
 * limit but the end of the service. */
#define RPC_SERVICE(name, find_end, call_ns)                                                      \
    errval_t aos_##name(struct name##_binding **ret_binding)                                      \
    {                                                                                             \
        struct rpc_slot *slot = &rpc.name;                                                        \
        struct name##_binding *b = &rpc.name##_binding;                                           \
        errval_t err = ERR_OK;                                                                    \
        caddr_t end;                                                                              \
                                                                                                  \
        mutex_lock(&slot->lock);                                                                  \
        if (slot->bound && !binding_is_open(&b->base)) {                                       \
            name##_close(b);                                                                      \
            slot->bound = false;                                                                  \
        }                                                                                         \
        if (!slot->bound) {                                                                       \
            err = find_end(#name, &end);                                                          \
            if (err_is_ok(err)) {                                                                 \
                err = name##_bind(end, b);                                                        \
            }                                                                                     \
            slot->bound = err_is_ok(err);                                                         \
            if (slot->bound && (call_ns) != 0) {                                                  \
                binding_set_deadline(&b->base, (call_ns));                                     \
            }                                                                                     \
        }                                                                                         \
        mutex_unlock(&slot->lock);                                                                \
        if (err_is_ok(err)) {                                                                     \
            *ret_binding = b;                                                                     \
        }                                                                                         \
        return err;                                                                               \
    }

/* The end that the spawner gave. It can be bound once: without the nameserver a domain is on its
 * own. */
static errval_t rpc_nameserver_end(const char *name, caddr_t *ret_end)
{
    struct cap_info info;
    errval_t err = cap_identify(KPI_CAP_NAMESERVER, &info);

    (void)name;
    if (err_is_fail(err) || info.type != CAPTYPE_ENDPOINT) {
        return RPC_ERR_NOT_BOUND;
    }
    *ret_end = KPI_CAP_NAMESERVER;
    return ERR_OK;
}

/* What a domain was given by whom it comes from reaches that one without the nameserver, once. */
static errval_t rpc_parent_end(uint32_t iface, const char *name, caddr_t *ret_end)
{
    struct cap_info info;

    if (domain_startup()->parent_iface != iface
        || err_is_fail(cap_identify(KPI_CAP_PARENT, &info)) || info.type != CAPTYPE_ENDPOINT) {
        return aos_lookup(name, ret_end);
    }
    *ret_end = KPI_CAP_PARENT;
    return ERR_OK;
}

static errval_t rpc_process_end(const char *name, caddr_t *ret_end)
{
    return rpc_parent_end(PROCESS_ID, name, ret_end);
}

RPC_SERVICE(nameserver, rpc_nameserver_end, 0)
RPC_SERVICE(init, aos_lookup, 0)
RPC_SERVICE(memory, aos_lookup, 0)
RPC_SERVICE(process, rpc_process_end, AOS_FOREVER)
RPC_SERVICE(serial, aos_lookup, AOS_FOREVER)

errval_t aos_lookup(const char *name, caddr_t *ret_end)
{
    struct nameserver_binding *b;
    errval_t err = aos_nameserver(&b);

    return err_is_fail(err) ? err
                            : nameserver_lookup(b, name, strlen(name), /* iface= */ 0, ret_end);
}

errval_t aos_await(const char *name, uint64_t timeout_ns, caddr_t *ret_end)
{
    struct nameserver_binding *b;
    struct nameserver_binding *own = calloc(1, sizeof(*own));
    caddr_t end;
    errval_t err = own == NULL ? LIB_ERR_NO_MEMORY : aos_nameserver(&b);

    /* A connection of its own: the deadline is that of a connection, and others use the shared
     * one. */
    if (err_is_ok(err)) {
        err = binding_clone(&b->base, BINDING_CLONE_OWN, 0, &end);
    }
    if (err_is_ok(err)) {
        err = nameserver_bind(end, own);
    }
    if (err_is_ok(err)) {
        binding_set_deadline(&own->base, timeout_ns);
        err = nameserver_await(own, name, strlen(name), /* iface= */ 0, ret_end);
        nameserver_close(own);
    }
    free(own);
    return err;
}

errval_t aos_register(struct server *server, const char *name, const char *props,
                      size_t props_bytes)
{
    struct nameserver_binding *b;
    caddr_t end;
    errval_t err = aos_nameserver(&b);

    if (err_is_fail(err)) {
        return err;
    }
    err = server_make_end(server, RPC_PID_NAMESERVER, SERVER_PEER_TRUSTED, &end);
    if (err_is_fail(err)) {
        return err;
    }
    return nameserver_register(b, name, strlen(name), server->iface->id, props, props_bytes, end);
}
