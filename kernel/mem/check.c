/* Page tables against Mappings, for kernel/cap/check.c. */
#include <arch/maintain.h>
#include <kernel/asid.h>
#include <kernel/check.h>
#include "mem_priv.h"

#define WORD_BITS 64u

static uint64_t asid_seen[ASID_MAX / WORD_BITS]; /* owner: this file, during a check */

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

static bool table_is_mapped(const struct cte *vnode)
{
    struct cap_key key = cap_key_of(vnode);
    const struct cte *after = tree_after(&key);
    return after != NULL && after->type == CAPTYPE_MAPPING && after->page == vnode->page;
}

static void check_asid(struct check *check, const struct cte *root)
{
    uint16_t asid = vnode_asid(root);
    uint64_t bit = 1ull << asid % WORD_BITS;
    check_that(check, asid != 0 && asid_is_used(asid), INVARIANT_ASID, root);
    if (!check->all)
        return;
    check_that(check, (asid_seen[asid / WORD_BITS] & bit) == 0, INVARIANT_ASID, root);
    asid_seen[asid / WORD_BITS] |= bit;
    check->spaces++;
}

void mem_check_begin(void)
{
    for (unsigned i = 0; i < ASID_MAX / WORD_BITS; i++)
        asid_seen[i] = 0;
}

void mem_check_end(struct check *check)
{
    check_that(check, check->spaces + asid_available() + 1 == arch_asid_count(), INVARIANT_ASID,
               tree_root());
}

void mem_check_table(struct check *check, struct cte *vnode)
{
    if ((vnode->flags & CTE_DYING) != 0)
        return;
    const pte_t *table = vnode_table(vnode);
    uint32_t used = 0;
    for (uint32_t i = 0; i < KPI_TABLE_ENTRIES; i++) {
        if (table[i] == 0)
            continue;
        used++;
        check_that(check, (table[i] & PTE_SW_USED) != 0, INVARIANT_TABLE, vnode);
        if ((table[i] & PTE_SW_FIRST) != 0)
            check_that(check, vnode_mapping_find(vnode, i) != NULL, INVARIANT_TABLE, vnode);
        else
            check_that(check, i != 0 && table[i - 1] != 0, INVARIANT_TABLE, vnode);
    }
    check_that(check, used == vnode->count, INVARIANT_TABLE, vnode);
    if (vnode->type == CAPTYPE_VNODEL0)
        check_asid(check, vnode);
    else
        check_that(check, table_is_mapped(vnode) == ((vnode->flags & CTE_ATTACHED) != 0),
                   INVARIANT_TABLE, vnode);
}

/* The table that a Mapping attaches to `vnode`. */
static void check_child(struct check *check, const struct cte *mapping, const struct cte *vnode)
{
    const struct cte *child = tree_at(CAPTYPE_VNODEL0, mapping->page, mapping->pages);
    if ((vnode->flags & CTE_DYING) != 0 || child == NULL || (child->flags & CTE_DYING) != 0)
        return;
    uint64_t place = vnode_entry_va(vnode, mapping_index(mapping)) |
                     (uint64_t)vnode_asid(vnode) << CTE_ASID_SHIFT;
    check_that(check, child->page == mapping->page && vnode_is(cte_type(child)) &&
                          child->aux == place,
               INVARIANT_PLACE, mapping);
}

void mem_check_mapping(struct check *check, const struct cte *mapping)
{
    uint32_t page = (uint32_t)(mapping->aux >> CAP_PAGE_SHIFT), index = mapping_index(mapping);
    const struct cte *vnode = tree_at(CAPTYPE_VNODEL0, page, 1);
    bool found = vnode != NULL && vnode->page == page && vnode_is(cte_type(vnode)) &&
                 mapping->count != 0 && index + mapping->count <= KPI_TABLE_ENTRIES;
    check_that(check, found, INVARIANT_MAPPING, mapping);
    if (!found)
        return;
    const pte_t *table = vnode_table(vnode);
    uint32_t entry_pages = mapping_entry_pages(vnode, table[index]);
    bool is_table = vnode_level(vnode) < VNODE_LEVEL_PAGE && (table[index] & PTE_TABLE) != 0;
    check_that(check, mapping->pages == mapping->count * entry_pages, INVARIANT_MAPPING, mapping);
    for (uint32_t i = 0; i < mapping->count; i++) {
        pte_t pte = table[index + i];
        uint64_t pa = cte_base(mapping) + (uint64_t)i * entry_pages * KPI_PAGE_BYTES;
        uint32_t access = is_table ? 0 : pte_access(pte);
        bool good = (pte & PTE_ADDR_MASK) == pa && (pte & PTE_SW_USED) != 0 &&
                    ((pte & PTE_SW_FIRST) != 0) == (i == 0) &&
                    (access & ~(uint32_t)mapping->detail) == 0 &&
                    (access & (KPI_VM_WRITE | KPI_VM_EXECUTE)) != (KPI_VM_WRITE | KPI_VM_EXECUTE);
        check_that(check, good, INVARIANT_MAPPING, mapping);
    }
    if (is_table)
        check_child(check, mapping, vnode);
}
