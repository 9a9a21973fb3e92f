/* Invocations of Notify capabilities (idl/abi/objects.if), and kernel.notify. */
#include <kernel/cspace.h>
#include <abi/kernel_invoke.h>
#include <kernel/lmp.h>
#include <kernel/notify.h>

errval_t inv_kernel_notify(struct dispatcher *self, struct cte *object, uint32_t core, uint32_t bit,
                           struct cte *dest)
{
    return notify_make(core, bit, dest);
}

errval_t inv_notify_connect(struct dispatcher *self, struct cte *object, struct cte *end)
{
    if ((object->rights & CAP_RIGHT_R) == 0) {
        return SYS_ERR_CAP_RIGHTS;
    }
    return notify_connect(object, endpoint_of(end));
}

errval_t inv_notify_signal(struct dispatcher *self, struct cte *object)
{
    if ((object->rights & CAP_RIGHT_W) == 0) {
        return SYS_ERR_CAP_RIGHTS;
    }
    notify_signal(object);
    return ERR_OK;
}
