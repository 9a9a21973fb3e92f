/* What takes the monitor: operations on capabilities of which other cores have copies. Asked for
 * seldom, so the connection is made when it is needed. */
#include <aos/cap.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/ump.h>
#include <if/init.h>
#include <if/monitor.h>

static struct {
    struct mutex lock;
    bool bound;
    struct monitor_binding binding;
} rpc_monitor;

static errval_t rpc_monitor_bind(void)
{
    struct init_binding *init;
    caddr_t end;
    errval_t err = aos_init(&init);

    if (err_is_ok(err)) {
        err = init_monitor(init, &end);
    }
    return err_is_ok(err) ? monitor_bind(end, &rpc_monitor.binding) : err;
}

errval_t aos_monitor(struct monitor_binding **ret_binding)
{
    errval_t err = ERR_OK;

    mutex_lock(&rpc_monitor.lock);
    if (!rpc_monitor.bound) {
        err = rpc_monitor_bind();
        rpc_monitor.bound = err_is_ok(err);
    }
    mutex_unlock(&rpc_monitor.lock);
    *ret_binding = &rpc_monitor.binding;
    return err;
}

/* The kernel's error, as if it had been asked alone. */
static errval_t rpc_kernel_error(errval_t err)
{
    return err_no(err) == MONITOR_ERR_FAILED ? err_pop(err) : err;
}

static errval_t rpc_revoke(caddr_t c)
{
    struct monitor_binding *b;
    errval_t err = aos_monitor(&b);

    if (err_is_ok(err)) {
        err = monitor_revoke(b, KPI_CAP_SELF_L1, c);
    }
    return rpc_kernel_error(err);
}

static errval_t rpc_revoke_part(caddr_t c, uint64_t off, uint64_t bytes)
{
    struct monitor_binding *b;
    errval_t err = aos_monitor(&b);

    if (err_is_ok(err)) {
        err = monitor_revoke_part(b, KPI_CAP_SELF_L1, c, off, bytes);
    }
    return rpc_kernel_error(err);
}

static errval_t rpc_retype(caddr_t dest, caddr_t src, uint64_t off, enum captype type,
                           uint64_t bytes, uint32_t count)
{
    struct monitor_binding *b;
    errval_t err = aos_monitor(&b);

    if (err_is_ok(err)) {
        err = monitor_retype(b, KPI_CAP_SELF_L1, src, off, (uint8_t)type, bytes, count,
                             cap_cnode_of(dest), cap_index_of(dest));
    }
    return rpc_kernel_error(err);
}

static errval_t rpc_notify(caddr_t *ret_notify)
{
    struct monitor_binding *b;
    errval_t err = aos_monitor(&b);

    return err_is_ok(err) ? monitor_notify(b, ret_notify) : err;
}

void aos_use_monitor(void)
{
    static const struct cap_remote_ops ops = {rpc_revoke, rpc_revoke_part, rpc_retype};

    cap_set_remote(&ops);
    ump_set_notify(rpc_notify);
}
