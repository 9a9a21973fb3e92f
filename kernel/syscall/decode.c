/* What the generated decoder (abi/kernel_invoke.c) needs from the kernel. */
#include <kernel/cspace.h>
#include <kernel/dispatcher.h>
#include <kernel/user_slice.h>
#include <kpi/vm.h>

errval_t cspace_find(struct dispatcher *self, uint32_t caddr, struct cte **ret)
{
    struct cte *slot = caddr != 0 ? dispatcher_slot(self, caddr) : NULL;
    if (slot == NULL || slot->type == CAPTYPE_NULL || (slot->flags & CTE_DYING) != 0)
        return cspace_cap(&self->cspace, caddr, ret);
    *ret = slot;
    return ERR_OK;
}

/* Apart, so that what is common needs no stack. */
static __attribute__((noinline)) errval_t cspace_find_empty_slow(struct dispatcher *self,
                                                                 uint32_t caddr, struct cte **ret)
{
    struct cte *slot;
    errval_t err = cspace_slot(&self->cspace, caddr, &slot);
    if (err_is_fail(err))
        return err;
    if (slot->type != CAPTYPE_NULL)
        return SYS_ERR_SLOT_OCCUPIED;
    *ret = slot;
    return ERR_OK;
}

errval_t cspace_find_empty(struct dispatcher *self, uint32_t caddr, struct cte **ret)
{
    struct cte *slot = caddr != 0 ? dispatcher_slot(self, caddr) : NULL;
    if (slot == NULL || slot->type != CAPTYPE_NULL)
        return cspace_find_empty_slow(self, caddr, ret);
    *ret = slot;
    return ERR_OK;
}

errval_t user_slice_make(uint64_t va, uint64_t bytes, uint64_t max, struct user_slice *ret)
{
    if (bytes > max)
        return SYS_ERR_TOO_LARGE;
    if (va >= KPI_VA_LIMIT || bytes > KPI_VA_LIMIT - va)
        return SYS_ERR_USER_POINTER;
    *ret = (struct user_slice){.va = va, .bytes = bytes};
    return ERR_OK;
}
