/* Mappings: changing their access and taking them away. */
#include <arch/maintain.h>
#include <kernel/check.h>
#include "mem_priv.h"

/* Beyond this many entries the whole address space is forgotten. */
#define TLB_SINGLE_MAX 16u

struct cte *mapping_vnode(const struct cte *mapping)
{
    uint32_t page = (uint32_t)(mapping->aux >> CAP_PAGE_SHIFT);
    struct cte *vnode = tree_at(CAPTYPE_VNODEL0, page, 1);
    kernel_assert(vnode != NULL && vnode->page == page && vnode_is(cte_type(vnode)));
    return vnode;
}

/* Forgets translations through `count` leaf entries. A detached table has none. */
static void tlb_forget(const struct cte *vnode, uint32_t index, uint32_t count)
{
    if ((vnode->flags & CTE_ATTACHED) == 0)
        return;
    if (count > TLB_SINGLE_MAX) {
        arch_tlb_asid(vnode_asid(vnode));
    } else {
        for (uint32_t i = 0; i < count; i++)
            arch_tlb_page(vnode_asid(vnode), vnode_entry_va(vnode, index + i));
    }
    arch_tlb_done();
}

errval_t mapping_modify(struct cte *mapping, uint32_t first, uint32_t pages, uint32_t flags)
{
    if ((mapping->flags & CTE_DYING) != 0)
        return SYS_ERR_BUSY;
    if ((mapping->rights & CAP_RIGHT_W) == 0)
        return SYS_ERR_CAP_RIGHTS;
    if (pages == 0 || first >= mapping->count || pages > mapping->count - first)
        return SYS_ERR_MAP_RANGE;
    struct cte *vnode = mapping_vnode(mapping);
    unsigned level = vnode_level(vnode);
    uint32_t index = mapping_index(mapping);
    pte_t *table = vnode_table(vnode);
    if (level < VNODE_LEVEL_LARGE ||
        (level == VNODE_LEVEL_LARGE && (table[index] & PTE_TABLE) != 0))
        return SYS_ERR_MAP_LEVEL;
    errval_t err = vm_flags_check(flags, mapping->detail);
    if (err_is_fail(err))
        return err;

    bool device = pte_is_device(table[index]);
    uint64_t entry_bytes = vnode_entry_bytes(level);
    uint64_t pa = cte_base(mapping) + first * entry_bytes;
    pte_t sample = pte_user_leaf(pa, level, flags, device);
    bool attr_change = false;
    for (uint32_t i = first; i < first + pages; i++)
        attr_change |= ((table[index + i] ^ sample) & PTE_ATTR_MASK) != 0;
    if (attr_change) {
        /* Memory type may only change through an invalid entry (DDI 0487, D8.14.1). */
        for (uint32_t i = first; i < first + pages; i++)
            table[index + i] &= ~(pte_t)PTE_VALID;
        arch_table_written();
        tlb_forget(vnode, index + first, pages);
    }
    for (uint32_t i = 0; i < pages; i++) {
        pte_t keep = table[index + first + i] & PTE_SW_FIRST;
        table[index + first + i] = (sample + i * entry_bytes) | keep;
    }
    arch_table_written();
    if (!attr_change)
        tlb_forget(vnode, index + first, pages);
    return ERR_OK;
}

void mapping_clear(struct cte *mapping)
{
    struct cte *vnode = mapping_vnode(mapping);
    uint32_t index = mapping_index(mapping);
    pte_t *table = vnode_table(vnode);
    bool is_table = vnode_level(vnode) < VNODE_LEVEL_PAGE && (table[index] & PTE_TABLE) != 0;
    kernel_assert((table[index] & PTE_SW_FIRST) != 0);
    check_touch(vnode);
    for (uint32_t i = 0; i < mapping->count; i++)
        table[index + i] = 0;
    arch_table_written();
    if (is_table) {
        struct cte *child = tree_at(CAPTYPE_VNODEL0, mapping->page, mapping->pages);
        kernel_assert(child != NULL && child->page == mapping->page && vnode_is(cte_type(child)));
        child->flags &= (uint8_t)~CTE_ATTACHED;
        check_touch(child);
    }
    vnode->count = (uint16_t)(vnode->count - mapping->count);
    if ((vnode->flags & CTE_DYING) != 0)
        return; /* its translations are forgotten */
    if (!is_table) {
        tlb_forget(vnode, index, mapping->count);
    } else if ((vnode->flags & CTE_ATTACHED) != 0) {
        arch_tlb_asid(vnode_asid(vnode));
        arch_tlb_done();
    }
}
