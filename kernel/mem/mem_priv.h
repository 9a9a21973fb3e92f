/* What the parts of kernel/mem share. */
#pragma once

#include <arch/user_pte.h>
#include <kernel/memory.h>
#include <kernel/vnode.h>

#define VNODE_INDEX_BITS 9u

static inline pte_t *vnode_table(const struct cte *vnode)
{
    return (pte_t *)phys_to_virt(cte_base(vnode));
}

/* State of a node; 0 for what was never attached. */
static inline uint16_t vnode_asid(const struct cte *node)
{
    return (uint16_t)(node->aux >> CTE_ASID_SHIFT);
}

/* Bytes that one entry of a table of this level translates. */
static inline uint64_t vnode_entry_bytes(unsigned level)
{
    return (uint64_t)KPI_PAGE_BYTES << VNODE_INDEX_BITS * (VNODE_LEVEL_PAGE - level);
}

static inline uint64_t vnode_entry_va(const struct cte *node, uint32_t index)
{
    return (node->aux & CTE_ADDRESS_MASK) + index * vnode_entry_bytes(vnode_level(node));
}

/* Pages of the object that one entry maps: a block those of the block, a table or page one. */
static inline uint32_t mapping_entry_pages(const struct cte *vnode, pte_t pte)
{
    bool block = vnode_level(vnode) == VNODE_LEVEL_LARGE && (pte & PTE_TABLE) == 0;
    return block ? KPI_LARGE_BYTES / KPI_PAGE_BYTES : 1;
}

/* The VNode whose table a mapping is in. Its Mappings end with it, so it exists. */
struct cte *mapping_vnode(const struct cte *mapping);

static inline uint32_t mapping_index(const struct cte *mapping)
{
    return (uint32_t)(mapping->aux % CAP_PAGE_BYTES);
}

/* Whether access `flags` are well formed and within `most`. */
errval_t vm_flags_check(uint32_t flags, uint8_t most);
