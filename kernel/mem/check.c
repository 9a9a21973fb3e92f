/* Page tables against Mappings, for cap_check_all. */
#include <kernel/cap_tree.h>
#include "mem_priv.h"

/* Bits of a leaf that say what EL0 may do, as access flags. */
static uint32_t pte_access(pte_t pte)
{
    if ((pte & PTE_VALID) == 0)
        return 0;
    uint32_t flags = KPI_VM_READ;
    if ((pte & PTE_AP_RO) == 0)
        flags |= KPI_VM_WRITE;
    if ((pte & PTE_UXN) == 0)
        flags |= KPI_VM_EXECUTE;
    return flags;
}

uint64_t vnode_check(struct cte *vnode)
{
    if ((vnode->flags & CTE_DYING) != 0)
        return 0;
    const pte_t *table = vnode_table(vnode);
    uint64_t found = 0;
    uint32_t used = 0;
    for (uint32_t i = 0; i < KPI_TABLE_ENTRIES; i++) {
        if (table[i] == 0)
            continue;
        used++;
        found += (table[i] & PTE_SW_USED) == 0;
        if ((table[i] & PTE_SW_FIRST) != 0)
            found += vnode_mapping_at(vnode, i) == NULL;
        else
            found += i == 0 || table[i - 1] == 0;
    }
    found += used != vnode->count;
    if (vnode->type != CAPTYPE_VNODEL0) {
        struct cap_key key = cap_key_of(vnode);
        const struct cte *after = tree_after(&key);
        bool mapped = after != NULL && after->type == CAPTYPE_MAPPING && after->page == vnode->page;
        found += mapped != ((vnode->flags & CTE_ATTACHED) != 0);
    }
    return found;
}

bool mapping_check(const struct cte *mapping)
{
    const struct cte *vnode = mapping_vnode(mapping);
    uint32_t index = mapping_index(mapping);
    const pte_t *table = vnode_table(vnode);
    if (index + mapping->count > KPI_TABLE_ENTRIES || mapping->count == 0)
        return false;
    uint32_t entry_pages = mapping_entry_pages(vnode, table[index]);
    if (mapping->pages != mapping->count * entry_pages)
        return false;
    for (uint32_t i = 0; i < mapping->count; i++) {
        pte_t pte = table[index + i];
        uint64_t pa = cte_base(mapping) + (uint64_t)i * entry_pages * KPI_PAGE_BYTES;
        bool is_table = vnode_level(vnode) < VNODE_LEVEL_PAGE && (pte & PTE_TABLE) != 0;
        uint32_t access = is_table ? 0 : pte_access(pte);
        if ((pte & PTE_ADDR_MASK) != pa || (pte & PTE_SW_USED) == 0 ||
            ((pte & PTE_SW_FIRST) != 0) != (i == 0) || (access & ~(uint32_t)mapping->detail) != 0 ||
            (access & (KPI_VM_WRITE | KPI_VM_EXECUTE)) == (KPI_VM_WRITE | KPI_VM_EXECUTE))
            return false;
    }
    return true;
}
