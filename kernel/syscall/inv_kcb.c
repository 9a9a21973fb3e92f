/* Invocations of KCB capabilities (idl/abi/objects.if), and of the Kernel capability about its
 * core. */
#include <kernel/cspace.h>
#include <abi/kernel_invoke.h>
#include <kernel/cores.h>
#include <kernel/mmu.h>
#include <kpi/core.h>

_Static_assert(MMU_RANGE_WRITE == KPI_MAPPING_WRITE && MMU_RANGE_EXECUTE == KPI_MAPPING_EXECUTE &&
               MMU_RANGE_DEVICE == KPI_MAPPING_DEVICE && LINEAR_BASE == KPI_LINEAR_BASE &&
               LINEAR_SIZE == KPI_LINEAR_BYTES, "kpi/core.h");

errval_t inv_kcb_start(struct dispatcher *self, struct cte *object, struct cte *pool,
                       struct cte *channel)
{
    return kcb_start(kcb_core(cte_base(object)), pool, channel);
}

errval_t inv_kcb_state(struct dispatcher *self, struct cte *object, uint64_t *ret_core,
                       uint64_t *ret_state)
{
    unsigned core = kcb_core(cte_base(object));

    *ret_core = core;
    *ret_state = kcb_state(core);
    return ERR_OK;
}

errval_t inv_kcb_reclaim(struct dispatcher *self, struct cte *object, struct cte *pool)
{
    return kcb_reclaim(kcb_core(cte_base(object)), pool);
}

errval_t inv_kernel_core_off(struct dispatcher *self, struct cte *object)
{
    return kcb_core_off();
}

errval_t inv_kernel_mapping(struct dispatcher *self, struct cte *object, uint64_t from,
                            uint64_t *ret_va, uint64_t *ret_base, uint64_t *ret_bytes,
                            uint64_t *ret_flags)
{
    struct mmu_range range;

    mmu_range_next(from, &range);
    *ret_va = range.va;
    *ret_base = range.pa;
    *ret_bytes = range.bytes;
    *ret_flags = range.flags;
    return ERR_OK;
}
