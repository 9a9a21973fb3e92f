/* Invocations of channel ends (idl/abi/objects.if). */
#include <kernel/cspace.h>
#include <abi/kernel_invoke.h>
#include <kernel/lmp.h>

errval_t inv_endpoint_bind(struct dispatcher *self, struct cte *object, uint64_t cookie)
{
    return lmp_bind(endpoint_of(object), self, cookie);
}

errval_t inv_endpoint_hold(struct dispatcher *self, struct cte *object)
{
    return lmp_hold(endpoint_of(object), self);
}
