/* Invocations of KCB capabilities (idl/abi/objects.if). */
#include <kernel/cspace.h>
#include <abi/kernel_invoke.h>
#include <kernel/cores.h>

errval_t inv_kcb_start(struct dispatcher *self, struct cte *object, struct cte *pool,
                       struct cte *channel)
{
    return kcb_start(kcb_core(cte_base(object)), pool, channel);
}

errval_t inv_kcb_state(struct dispatcher *self, struct cte *object, uint64_t *ret_core,
                       uint64_t *ret_state)
{
    unsigned core = kcb_core(cte_base(object));
    uint32_t state;
    errval_t err = kcb_state(core, &state);

    if (err_is_ok(err)) {
        *ret_core = core;
        *ret_state = state;
    }
    return err;
}
