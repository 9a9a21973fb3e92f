/* Page tables and mappings. Entries of user tables are written here only; format: DDI 0487,
 * D8.3.
 *
 * An entry in use has PTE_SW_USED set, the first one of each Mapping also PTE_SW_FIRST; both
 * stay when the access is removed and the entry becomes invalid. The Mapping of an entry is
 * found in the derivation tree by the address mapped, the table and the index. A table that was
 * detached (its Mapping was deleted) keeps its Mappings but translates nothing. */
#pragma once

#include <kernel/cap.h>

/* First level that maps memory by blocks of KPI_LARGE_BYTES, and the one of pages. */
#define VNODE_LEVEL_LARGE 2u
#define VNODE_LEVEL_PAGE  3u

/* Is it a page table, and of which level (0 is the root)? */
static inline bool vnode_is(enum captype type)
{
    return type >= CAPTYPE_VNODEL0 && type <= CAPTYPE_VNODEL3;
}
static inline unsigned vnode_level(const struct cte *vnode)
{
    return (unsigned)vnode->type - (unsigned)CAPTYPE_VNODEL0;
}

/* As the invocation vnode.map. */
errval_t vnode_map(struct cte *vnode, uint32_t index, struct cte *src, uint64_t off, uint32_t pages,
                   uint32_t flags, struct cte *mapping);
/* As mapping.modify. */
errval_t mapping_modify(struct cte *mapping, uint32_t first, uint32_t pages, uint32_t flags);

/* Clears the entries of a mapping and forgets their translations. The capability is left to the
 * caller. For kernel/cap. */
void mapping_clear(struct cte *mapping);
/* A VNode's last copy goes: detaches it from its parent, and forgets all its translations. It
 * keeps its Mappings. For kernel/cap. */
void vnode_detach(struct cte *vnode);
/* The Mapping whose first entry is entry `index` of the table, NULL if none starts there. */
struct cte *vnode_mapping_at(struct cte *vnode, uint32_t index);
/* The same for a checker, which trusts no entry: NULL, too, if there is no such Mapping. */
struct cte *vnode_mapping_find(struct cte *vnode, uint32_t index);
/* The first entry from `index` on at which one starts, KPI_TABLE_ENTRIES if none does. */
uint32_t vnode_next_mapping(struct cte *vnode, uint32_t index);

/* Value for TTBR0_EL1: root table and ASID of a VNodeL0. */
uint64_t vnode_ttbr0(struct cte *vnode);
