/* Page tables: mapping into them, and taking them apart. */
#include <arch/maintain.h>
#include <arch/user_pte.h>
#include <kernel/asid.h>
#include <kernel/cap_remote.h>
#include <kernel/memory.h>
#include <kernel/vnode.h>
#include <kernel/check.h>
#include "mem_priv.h"

_Static_assert(KPI_VM_READ == CAP_RIGHT_R && KPI_VM_WRITE == CAP_RIGHT_W &&
                   KPI_VM_EXECUTE == CAP_RIGHT_X,
               "access flags and rights are the same bits");
_Static_assert(PTE_COUNT == KPI_TABLE_ENTRIES, "table size");

#define EMPTY_STEP 8u /* entries that are looked at together */
_Static_assert(KPI_TABLE_ENTRIES % EMPTY_STEP == 0, "no step reaches beyond the table");

uint64_t vnode_ttbr0(struct cte *vnode)
{
    return cte_base(vnode) | (uint64_t)vnode_asid(cte_node(vnode)) << CTE_ASID_SHIFT;
}

errval_t vm_flags_check(uint32_t flags, uint8_t most)
{
    const uint32_t access = KPI_VM_READ | KPI_VM_WRITE | KPI_VM_EXECUTE;
    if ((flags & ~(access | KPI_VM_UNCACHED)) != 0)
        return SYS_ERR_BAD_ARGUMENT;
    if ((flags & KPI_VM_WRITE) != 0 && (flags & KPI_VM_EXECUTE) != 0)
        return SYS_ERR_BAD_ARGUMENT;
    /* Whatever is accessible can be read (DDI 0487, D8.4). */
    uint32_t need = (flags & access) != 0 ? (flags & access) | KPI_VM_READ : 0;
    return (need & ~(uint32_t)most) == 0 ? ERR_OK : SYS_ERR_CAP_RIGHTS;
}

/* What a checked map will write. */
struct map_plan {
    uint64_t pa;
    pte_t entry;          /* the first; each further one is entry_pages on */
    uint32_t entry_pages; /* pages of 4 KiB that one entry covers in the mapped object */
    uint8_t most;
    struct cte *table; /* node of the table to attach; NULL for memory */
};

static errval_t plan_table(struct cte *src, uint64_t off, uint32_t pages, uint32_t flags,
                           struct map_plan *plan)
{
    if (off != 0 || pages != 1)
        return SYS_ERR_MAP_RANGE;
    if (flags != 0)
        return SYS_ERR_BAD_ARGUMENT;
    if ((src->rights & CAP_RIGHT_W) == 0)
        return SYS_ERR_CAP_RIGHTS;
    struct cte *node = cte_node(src);
    if ((node->flags & CTE_ATTACHED) != 0 || node->count != 0)
        return SYS_ERR_MAP_OCCUPIED;
    uint64_t pa = cte_base(src);
    *plan = (struct map_plan){
        .pa = pa, .entry = pte_user_table(pa), .entry_pages = 1, .table = node};
    return ERR_OK;
}

static errval_t plan_dispatcher(struct cte *src, uint64_t off, uint32_t pages, uint32_t flags,
                                struct map_plan *plan)
{
    if (off != 0 || pages != 1)
        return SYS_ERR_MAP_RANGE;
    uint8_t most = src->rights & (CAP_RIGHT_R | CAP_RIGHT_W);
    /* The first page of the object is the kernel's. */
    uint64_t pa = cte_base(src) + KPI_PAGE_BYTES;
    pte_t entry = pte_user_leaf(pa, VNODE_LEVEL_PAGE, flags, false);
    *plan = (struct map_plan){.pa = pa, .entry = entry, .entry_pages = 1, .most = most};
    return vm_flags_check(flags, most);
}

/* Memory is either used through its frame or through frames made from it, so that a Mapping never
 * reaches beyond the objects that contain its start. */
static __attribute__((noinline)) bool memory_is_whole_search(const struct cte *frame,
                                                             uint32_t first, uint32_t end)
{
    /* Of a foreign one it is not known which part: its owner asked before (cap_part). */
    struct cte *node = cte_node((struct cte *)(uintptr_t)frame);
    if ((node->flags & CTE_PARTED) != 0 && node->owner != core_self)
        return false;
    struct cap_key key = cap_key_of(frame);
    return tree_overlap(&key, first, end, true) == NULL;
}

/* The search apart, so that what is common needs little stack. */
static inline bool memory_is_whole(const struct cte *frame, uint32_t first, uint32_t end)
{
    return (frame->level != 0 && (frame->flags & CTE_PARTED) == 0) ||
           memory_is_whole_search(frame, first, end);
}

static errval_t plan_memory(unsigned level, struct cte *src, uint64_t off, uint32_t pages,
                            uint32_t flags, struct map_plan *plan)
{
    uint64_t entry_bytes = level == VNODE_LEVEL_LARGE ? KPI_LARGE_BYTES : KPI_PAGE_BYTES;
    uint64_t have = cte_bytes(src), want = pages * entry_bytes;
    if (off > have || want > have - off)
        return SYS_ERR_MAP_RANGE;
    uint64_t pa = cte_base(src) + off;
    if ((pa & (entry_bytes - 1)) != 0)
        return SYS_ERR_MAP_ALIGN;
    uint8_t most = src->rights & (CAP_RIGHT_R | CAP_RIGHT_W | CAP_RIGHT_X);
    errval_t err = vm_flags_check(flags, most);
    if (err_is_fail(err))
        return err;
    if (!memory_is_whole(src, (uint32_t)(pa >> CAP_PAGE_SHIFT),
                         (uint32_t)((pa + want) >> CAP_PAGE_SHIFT)))
        return SYS_ERR_HAS_DESCENDANTS;
    *plan =
        (struct map_plan){.pa = pa,
                          .entry = pte_user_leaf(pa, level, flags, src->type == CAPTYPE_DEVFRAME),
                          .entry_pages = (uint32_t)(entry_bytes >> CAP_PAGE_SHIFT),
                          .most = most};
    return ERR_OK;
}

static errval_t map_check(struct cte *node, uint32_t index, struct cte *src, uint32_t pages,
                          const struct cte *mapping)
{
    if ((node->flags & CTE_DYING) != 0 || (src->flags & CTE_DYING) != 0)
        return SYS_ERR_BUSY;
    if (mapping->type != CAPTYPE_NULL)
        return SYS_ERR_SLOT_OCCUPIED;
    if ((captype_table[src->type].map_mask >> node->type & 1) == 0)
        return SYS_ERR_MAP_LEVEL;
    if ((node->flags & CTE_ATTACHED) == 0)
        return SYS_ERR_MAP_DETACHED;
    if (pages == 0 || index >= KPI_TABLE_ENTRIES || pages > KPI_TABLE_ENTRIES - index)
        return SYS_ERR_MAP_RANGE;
    if (slot_loan_mapping(src) != NULL)
        return SYS_ERR_BORROWED;
    const pte_t *table = vnode_table(node);
    for (uint32_t i = 0; i < pages; i++) {
        if (table[index + i] != 0)
            return SYS_ERR_MAP_OCCUPIED;
    }
    return ERR_OK;
}

errval_t vnode_map(struct cte *vnode, uint32_t index, struct cte *src, uint64_t off, uint32_t pages,
                   uint32_t flags, struct cte *mapping)
{
    struct cte *node = cte_node(vnode);
    errval_t err = map_check(node, index, src, pages, mapping);
    if (err_is_fail(err))
        return err;
    unsigned level = vnode_level(node);
    struct map_plan plan;
    if (vnode_is(cte_type(src)))
        err = plan_table(src, off, pages, flags, &plan);
    else if (src->type == CAPTYPE_DISPATCHER)
        err = plan_dispatcher(src, off, pages, flags, &plan);
    else
        err = plan_memory(level, src, off, pages, flags, &plan);
    if (err_is_fail(err))
        return err;

    pte_t *table = vnode_table(node);
    table[index] = plan.entry | PTE_SW_FIRST;
    for (uint32_t i = 1; i < pages; i++)
        table[index + i] = plan.entry + (uint64_t)i * plan.entry_pages * KPI_PAGE_BYTES;
    node->count = (uint16_t)(node->count + pages);
    if (plan.table != NULL) {
        plan.table->flags |= CTE_ATTACHED;
        plan.table->aux = vnode_entry_va(node, index) | (uint64_t)vnode_asid(node)
                                                            << CTE_ASID_SHIFT;
    }
    slot_init(mapping, CAPTYPE_MAPPING, (uint32_t)(plan.pa >> CAP_PAGE_SHIFT),
              pages * plan.entry_pages, captype_table[CAPTYPE_MAPPING].rights, core_self);
    mapping->detail = plan.most;
    mapping->count = (uint16_t)pages;
    mapping->aux = cte_base(node) | index;
    if (src->level != 0)
        tree_insert_after(mapping, src);
    else
        tree_insert(mapping);
    if (cte_loan(src) != 0)
        slot_link_mapping(src, mapping);
    arch_table_written();
    check_touch(node);
    return ERR_OK;
}

uint32_t vnode_next_mapping(struct cte *vnode, uint32_t index)
{
    const pte_t *table = vnode_table(vnode);
    while (index < KPI_TABLE_ENTRIES && (table[index] & PTE_SW_FIRST) == 0) {
        index++;
        /* Most entries of most tables are empty: several in one step. */
        while (index % EMPTY_STEP == 0 && index < KPI_TABLE_ENTRIES &&
               (table[index] | table[index + 1] | table[index + 2] | table[index + 3] |
                table[index + 4] | table[index + 5] | table[index + 6] | table[index + 7]) == 0)
            index += EMPTY_STEP;
    }
    return index;
}

struct cte *vnode_mapping_find(struct cte *vnode, uint32_t index)
{
    const pte_t *table = vnode_table(vnode);
    pte_t first = table[index];
    if ((first & PTE_SW_FIRST) == 0)
        return NULL;
    uint32_t entries = 1;
    while (index + entries < KPI_TABLE_ENTRIES &&
           (table[index + entries] & (PTE_SW_USED | PTE_SW_FIRST)) == PTE_SW_USED)
        entries++;
    uint32_t page = (uint32_t)((first & PTE_ADDR_MASK) >> CAP_PAGE_SHIFT);
    struct cap_key key =
        cap_key_make(CAPTYPE_MAPPING, page, entries * mapping_entry_pages(vnode, first),
                     cte_base(vnode) | index);
    return tree_find(&key);
}

struct cte *vnode_mapping_at(struct cte *vnode, uint32_t index)
{
    struct cte *mapping = vnode_mapping_find(vnode, index);
    kernel_assert(mapping != NULL || (vnode_table(vnode)[index] & PTE_SW_FIRST) == 0);
    return mapping;
}

void vnode_detach(struct cte *vnode)
{
    if (vnode->type == CAPTYPE_VNODEL0) {
        arch_tlb_asid(vnode_asid(vnode));
        arch_tlb_done();
        asid_free(vnode_asid(vnode));
    } else if ((vnode->flags & CTE_ATTACHED) != 0) {
        /* The Mapping in the parent has the range of the table and comes right after it. */
        struct cte *mapping = tree_next(vnode);
        kernel_assert(mapping != NULL && mapping->type == CAPTYPE_MAPPING &&
                      mapping->page == vnode->page);
        mapping_clear(mapping);
        slot_end(mapping);
    }
}
