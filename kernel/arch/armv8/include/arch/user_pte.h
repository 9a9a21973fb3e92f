/* Entries of user address spaces (DDI 0487, D8.3: stage 1, 4 KiB granule). Bits 55 to 58 are
 * ignored by hardware and are the kernel's own. */
#pragma once

#include <stdbool.h>
#include <arch/pte.h>
#include <kpi/vm.h>

#define PTE_SW_FIRST (1ul << 55) /* first entry of a Mapping */
#define PTE_SW_USED  (1ul << 56) /* the entry belongs to a Mapping, valid or not */

#define PTE_LEVEL_PAGE 3u
#define PTE_ATTR_MASK  (7ul << PTE_ATTR_SHIFT)

static inline pte_t pte_user_table(uint64_t pa)
{
    return pa | PTE_VALID | PTE_TABLE | PTE_SW_USED | PTE_SW_FIRST;
}

/* A page or block. EL1 never executes it; without any access it is invalid, and keeps the rest. */
static inline pte_t pte_user_leaf(uint64_t pa, unsigned level, uint32_t flags, bool device)
{
    uint64_t attr = (flags & KPI_VM_UNCACHED) != 0 ? MAIR_NORMAL_NC : MAIR_NORMAL;
    if (device)
        attr = MAIR_DEVICE_NGNRE;
    pte_t pte = pa | attr << PTE_ATTR_SHIFT | (pte_t)PTE_SH_INNER | (pte_t)PTE_AF | (pte_t)PTE_NG |
                (pte_t)PTE_AP_EL0 | PTE_PXN | PTE_SW_USED;
    if (level == PTE_LEVEL_PAGE)
        pte |= PTE_PAGE;
    if ((flags & (KPI_VM_READ | KPI_VM_WRITE | KPI_VM_EXECUTE)) != 0)
        pte |= PTE_VALID;
    if ((flags & KPI_VM_WRITE) == 0)
        pte |= PTE_AP_RO;
    if ((flags & KPI_VM_EXECUTE) == 0)
        pte |= PTE_UXN;
    return pte;
}

static inline bool pte_is_device(pte_t pte)
{
    return (pte & PTE_ATTR_MASK) == (pte_t)MAIR_DEVICE_NGNRE << PTE_ATTR_SHIFT;
}
