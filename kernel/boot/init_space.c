/* The address space of init. */
#include "init_priv.h"
#include <kernel/memory.h>
#include <kernel/panic.h>
#include <kernel/vnode.h>

/* kpi_table: the root is in the task CNode, nowhere mapped */
#define NO_SLOT 0xffffu

static const enum captype init_vnode_types[] = {
    CAPTYPE_VNODEL0, CAPTYPE_VNODEL1, CAPTYPE_VNODEL2, CAPTYPE_VNODEL3,
};

/* Bytes that one entry of a table of `level` translates. */
static uint64_t entry_bytes(unsigned level)
{
    return 1ull << (39 - 9 * level);
}

static uint32_t entry_index(uint64_t va, unsigned level)
{
    return (uint32_t)(va / entry_bytes(level)) % KPI_TABLE_ENTRIES;
}

static struct cte *init_space_slot(struct init_build *b)
{
    if (b->vnodes_used == KPI_L2_SLOTS) {
        panic("init: its page tables do not fit in one capability node");
    }
    return &b->vnodes[b->vnodes_used++];
}

static struct kpi_table *init_space_add(struct init_build *b, uint64_t va, unsigned level)
{
    if (b->table_count == KPI_TABLES_MAX) {
        panic("init: too many page tables");
    }
    struct kpi_table *t = &b->tables[b->table_count++];

    *t = (struct kpi_table){ .va = va, .level = (uint8_t)level, .index = NO_SLOT,
                             .mapping = NO_SLOT };
    return t;
}

void init_space_root(struct init_build *b)
{
    init_object(b, CAPTYPE_VNODEL0, KPI_PAGE_BYTES, 1, &b->task[KPI_CAP_SELF_VROOT]);
    (void)init_space_add(b, 0, 0);
}

/* The table of `level` that translates `va`. */
static struct cte *init_space_table(struct init_build *b, uint64_t va, unsigned level)
{
    if (level == 0) {
        return &b->task[KPI_CAP_SELF_VROOT];
    }

    uint64_t start = va & ~(entry_bytes(level - 1) - 1);

    for (unsigned i = 0; i < b->table_count; i++) {
        if (b->tables[i].level == level && b->tables[i].va == start) {
            return &b->vnodes[b->tables[i].index];
        }
    }

    struct cte *parent = init_space_table(b, va, level - 1);
    struct kpi_table *t = init_space_add(b, start, level);
    struct cte *table = init_space_slot(b);
    struct cte *mapping = init_space_slot(b);

    t->index = (uint16_t)(table - b->vnodes);
    t->mapping = (uint16_t)(mapping - b->vnodes);
    init_object(b, init_vnode_types[level], KPI_PAGE_BYTES, 1, table);
    init_check(vnode_map(parent, entry_index(va, level - 1), table, 0, 1, 0, mapping),
               "attaching a page table");
    return table;
}

void init_space_map(struct init_build *b, uint64_t va, struct cte *src, uint64_t bytes,
                    uint32_t flags)
{
    uint64_t end = va + bytes;
    uint64_t off = 0;

    b->ranges[b->range_count++] = (struct kpi_range){ .va = va, .bytes = bytes, .flags = flags };
    while (va < end) {
        uint64_t table_end = (va | (KPI_LARGE_BYTES - 1)) + 1;
        uint64_t chunk = (end < table_end ? end : table_end) - va;

        if (KPI_CAP_TASK_MAPPING0 + b->mappings_used == KPI_CAP_GRANT0) {
            panic("init: too large for the mapping slots of a new domain");
        }
        init_check(vnode_map(init_space_table(b, va, VNODE_LEVEL_PAGE),
                             entry_index(va, VNODE_LEVEL_PAGE), src, off,
                             (uint32_t)(chunk / KPI_PAGE_BYTES), flags,
                             &b->task[KPI_CAP_TASK_MAPPING0 + b->mappings_used]),
                   "mapping memory");
        b->mappings_used++;
        va += chunk;
        off += chunk;
    }
}
