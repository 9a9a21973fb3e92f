/* Lookup in the two-level capability space. */
#include <kernel/cspace.h>

errval_t cspace_slot(const struct cte *root, caddr_t caddr, struct cte **ret)
{
    if (root->type != CAPTYPE_L1CNODE || (root->flags & CTE_DYING) != 0 || caddr == 0)
        return SYS_ERR_CAP_NOT_FOUND;
    bool is_l1 = (caddr & KPI_CADDR_L1) != 0;
    uint32_t index = is_l1 ? caddr & ~KPI_CADDR_L1 : caddr / KPI_L2_SLOTS;
    if (index >= cnode_slot_count(root))
        return SYS_ERR_CAP_NOT_FOUND;
    struct cte *slot = &cnode_slots(root)[index];
    if (!is_l1) {
        if (slot->type != CAPTYPE_L2CNODE || (slot->flags & CTE_DYING) != 0)
            return SYS_ERR_CAP_NOT_FOUND;
        slot = &cnode_slots(slot)[caddr % KPI_L2_SLOTS];
    }
    *ret = slot;
    return ERR_OK;
}

errval_t cspace_cap(const struct cte *root, caddr_t caddr, struct cte **ret)
{
    struct cte *slot;
    errval_t err = cspace_slot(root, caddr, &slot);
    if (err_is_fail(err))
        return err;
    if (slot->type == CAPTYPE_NULL || (slot->flags & CTE_DYING) != 0)
        return SYS_ERR_CAP_NOT_FOUND;
    *ret = slot;
    return ERR_OK;
}
