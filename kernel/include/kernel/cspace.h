/* Capability addresses (kpi/cspace.h) to slots. */
#pragma once

#include <kernel/cap.h>
#include <kernel/memory.h>

/* The slots of an L1 or L2 CNode, in its memory. */
static inline struct cte *cnode_slots(const struct cte *cnode)
{
    return (struct cte *)phys_to_virt(cte_base(cnode));
}
/* Number of slots of an L1 or L2 CNode. */
static inline uint32_t cnode_slot_count(const struct cte *cnode)
{
    return (uint32_t)(cnode->pages * (CAP_PAGE_BYTES / KPI_SLOT_BYTES));
}

/* The slot at `caddr` in the space whose L1CNode is `root`, empty or not. SYS_ERR_CAP_NOT_FOUND:
 * there is no such slot, or the root or L2 CNode is missing or dying. Address 0 is never found. */
errval_t cspace_slot(const struct cte *root, caddr_t caddr, struct cte **ret);
/* The capability there; empty and dying ones are not found. */
errval_t cspace_cap(const struct cte *root, caddr_t caddr, struct cte **ret);

/* The same in the capability space of a dispatcher, for the generated decoder. cspace_find_empty
 * fails with SYS_ERR_SLOT_OCCUPIED if the slot is not empty. */
errval_t cspace_find(struct dispatcher *self, uint32_t caddr, struct cte **ret);
errval_t cspace_find_empty(struct dispatcher *self, uint32_t caddr, struct cte **ret);
