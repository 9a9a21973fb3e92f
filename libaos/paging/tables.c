/* Page tables on demand, and Mappings in them. A table that becomes empty is kept for a while,
 * since addresses are handed out from below and one that has been needed will be needed again; the
 * oldest of more than TABLES_IDLE_MAX goes. */
#include <abi/user.h>
#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/slot.h>

#include "mem_priv.h"
#include "paging_priv.h"

#define TABLE_LEVEL_PAGE  3u             /* entries of 4 KiB */
#define TABLE_LEVEL_LARGE 2u             /* entries of 2 MiB, or L3 tables */
#define TABLES_IDLE_MAX   4u

/* Bytes that one entry of a table of this level covers: 512 GiB, 1 GiB, 2 MiB, 4 KiB. */
static uint64_t table_entry_bytes(uint32_t level)
{
    return AOS_PAGE_BYTES << (9 * (TABLE_LEVEL_PAGE - level));
}

static uint64_t table_start(uint64_t va, uint32_t level)
{
    return level == 0 ? 0 : aos_round_down(va, table_entry_bytes(level - 1));
}

static uint16_t table_index(uint64_t va, uint32_t level)
{
    return (uint16_t)(va / table_entry_bytes(level) % KPI_TABLE_ENTRIES);
}

static void table_busy(struct paging_state *st, struct ptable *t)
{
    if (!t->idle) {
        return;
    }
    t->idle = false;
    st->idle_count--;
    if (t->idle_prev != NULL) {
        t->idle_prev->idle_next = t->idle_next;
    } else {
        st->idle_first = t->idle_next;
    }
    if (t->idle_next != NULL) {
        t->idle_next->idle_prev = t->idle_prev;
    } else {
        st->idle_last = t->idle_prev;
    }
}

static struct ptable *table_find(struct paging_state *st, uint64_t va, uint32_t level)
{
    return NODE_TABLE(tree_find(st->tables, table_start(va, level) | level));
}

static struct ptable *table_add(struct paging_state *st, uint64_t va, uint32_t level, caddr_t cap,
                                caddr_t mapping)
{
    struct ptable *t = mem_new(MEM_SLAB_TABLE);
    t->node.key = table_start(va, level) | level;
    t->cap = cap;
    t->mapping = mapping;
    t->level = (uint8_t)level;
    tree_insert(&st->tables, &t->node);
    return t;
}

void paging_adopt_table(struct paging_state *st, const struct kpi_table *table)
{
    caddr_t mapping = table->mapping == UINT16_MAX ? 0 : KPI_CADDR(KPI_L1_VNODES, table->mapping);
    caddr_t cap = table->level == 0 ? KPI_CAP_SELF_VROOT : KPI_CADDR(KPI_L1_VNODES, table->index);
    struct ptable *t = table_add(st, table->va, table->level, cap, mapping);
    /* What the spawner mapped in it is not known entry by entry: such a table is never taken
     * down. */
    t->live = 1;
}

static errval_t table_make(struct paging_state *st, struct ptable *parent, uint64_t va,
                           uint32_t level, struct ptable **ret_table)
{
    caddr_t cap = slot_take(1);
    caddr_t mapping = slot_take(1);
    uint64_t base;
    USER_CHECK(cap != 0 && mapping != 0);
    errval_t err = ram_make(cap, (enum captype)(CAPTYPE_VNODEL0 + level), KPI_PAGE_BYTES,
                            KPI_PAGE_BYTES, &base);
    if (err_is_ok(err)) {
        err = inv_vnode_map(parent->cap, table_index(va, level - 1), cap, 0, 1, 0, mapping);
        if (err_is_ok(err)) {
            *ret_table = table_add(st, va, level, cap, mapping);
            (*ret_table)->base = base;
            (*ret_table)->owned = true;
            parent->live++;
            table_busy(st, parent);
            return ERR_OK;
        }
        (void)cap_delete(cap);
        ram_give(base, KPI_PAGE_BYTES);
    }
    slot_free(mapping);
    slot_free(cap);
    return err;
}

/* Makes the table of `level` that translates va the last one; made if it is not there, with those
 * above it. */
static __attribute__((noinline)) errval_t table_search(struct paging_state *st, uint64_t va,
                                                       uint32_t level)
{
    struct ptable *table = table_find(st, va, level);
    uint32_t missing = level;
    while (table == NULL) {
        USER_CHECK(missing > 0);         /* the root is always known */
        missing--;
        table = table_find(st, va, missing);
    }
    while (table->level < level) {
        errval_t err = table_make(st, table, va, table->level + 1u, &table);
        if (err_is_fail(err)) {
            return err;
        }
    }
    st->last = table;
    return ERR_OK;
}

static errval_t table_get(struct paging_state *st, uint64_t va, uint32_t level)
{
    const struct ptable *table = st->last;
    if (table != NULL && table->node.key == (table_start(va, level) | level)) {
        return ERR_OK;
    }
    return table_search(st, va, level);
}

static void table_destroy(struct paging_state *st, struct ptable *t)
{
    table_busy(st, t);
    st->last = NULL;
    tree_remove(&st->tables, t->node.key);
    if (t->mapping != 0) {
        (void)cap_destroy(t->mapping);
    }
    if (t->owned) {
        (void)cap_destroy(t->cap);
    }
    if (t->base != 0) {
        ram_give(t->base, KPI_PAGE_BYTES);
    }
    mem_free(MEM_SLAB_TABLE, t);
}

/* An entry less in `t`. */
static void table_lost(struct paging_state *st, struct ptable *t, uint32_t entries)
{
    t->live -= entries;
    if (t->live != 0 || !t->owned) {
        return;
    }
    t->idle = true;
    t->idle_next = NULL;
    t->idle_prev = st->idle_last;
    if (t->idle_prev != NULL) {
        t->idle_prev->idle_next = t;
    } else {
        st->idle_first = t;
    }
    st->idle_last = t;
    st->idle_count++;
}

/* Takes an empty table away; the one above it may become empty by that. */
static void table_reclaim(struct paging_state *st, struct ptable *t)
{
    uint64_t va = t->node.key - t->level;
    uint32_t above = t->level - 1u;
    table_destroy(st, t);
    table_lost(st, table_find(st, va, above), 1);
}

/* A left-over table in the way of large entries is empty, or the range would not have been free. */
static __attribute__((noinline)) void table_clear_way(struct paging_state *st, uint64_t va,
                                                      uint64_t bytes)
{
    for (uint64_t at = va; at < va + bytes; at += AOS_LARGE_BYTES) {
        struct ptable *old = table_find(st, at, TABLE_LEVEL_PAGE);
        if (old != NULL && old->live == 0) {
            table_reclaim(st, old);
        }
    }
}

/* A borrowed frame that is mapped already: a copy of it can be mapped once more. */
static __attribute__((noinline)) errval_t table_map_copy(struct paging_part *p, caddr_t table,
                                                         uint16_t index, caddr_t frame,
                                                         uint64_t off, uint32_t flags,
                                                         caddr_t mapping)
{
    caddr_t copy = slot_take(1);
    USER_CHECK(copy != 0);
    errval_t err = cap_copy(copy, frame);
    if (err_is_ok(err)) {
        err = inv_vnode_map(table, index, copy, off, p->count, flags, mapping);
    }
    if (err_is_fail(err)) {
        (void)cap_destroy(copy);
        return err;
    }
    p->copy = copy;
    return ERR_OK;
}

errval_t table_map(struct paging_state *st, struct paging_part *p, caddr_t frame, uint64_t off,
                   uint32_t flags)
{
    uint64_t unit = p->node.bytes / p->count;
    uint32_t level = unit == AOS_PAGE_BYTES ? TABLE_LEVEL_PAGE : TABLE_LEVEL_LARGE;
    if (level == TABLE_LEVEL_LARGE) {
        table_clear_way(st, p->node.key, p->node.bytes);
    }
    errval_t err = table_get(st, p->node.key, level);
    if (err_is_fail(err)) {
        return err;
    }
    struct ptable *table = st->last;
    caddr_t mapping = slot_take(1);
    USER_CHECK(mapping != 0);
    uint16_t index = (uint16_t)(p->node.key / unit % KPI_TABLE_ENTRIES);
    err = inv_vnode_map(table->cap, index, frame, off, p->count, flags, mapping);
    if (err_no(err) == SYS_ERR_BORROWED) {
        err = table_map_copy(p, table->cap, index, frame, off, flags, mapping);
    }
    if (err_is_fail(err)) {
        slot_free(mapping);
        return err_push(err, LIB_ERR_MAP);
    }
    table_busy(st, table);
    table->live += p->count;
    p->table = table;
    p->mapping = mapping;
    return ERR_OK;
}

void table_unmap(struct paging_state *st, struct paging_part *p)
{
    errval_t err = inv_mapping_unmap(p->mapping);
    /* The owner of the frame may have taken it away, and the Mapping with it. */
    USER_CHECK(err_is_ok(err) || err_no(err) == SYS_ERR_CAP_NOT_FOUND);
    slot_free(p->mapping);
    if (p->copy != 0) {
        (void)cap_destroy(p->copy);
    }
    p->mapping = 0;
    p->copy = 0;
    table_lost(st, p->table, p->count);
    p->table = NULL;
    while (st->idle_count > TABLES_IDLE_MAX) {
        table_reclaim(st, st->idle_first);
    }
}

/* One run of entries within one table. */
static errval_t table_map_run(struct paging_state *st, struct paging_region *r,
                              const struct paging_span *span, uint64_t done, uint64_t *ret_bytes)
{
    uint64_t va = span->va + done;
    uint64_t left = span->bytes - done;
    bool large = span->large && va % AOS_LARGE_BYTES == 0 && left >= AOS_LARGE_BYTES;
    uint32_t level = large ? TABLE_LEVEL_LARGE : TABLE_LEVEL_PAGE;
    uint64_t unit = table_entry_bytes(level);
    uint64_t room = table_start(va, level) + KPI_TABLE_ENTRIES * unit - va;
    uint64_t bytes = aos_round_down(left < room ? left : room, unit);
    if (span->large && !large) {
        /* Small entries only up to where large ones begin. */
        uint64_t border = aos_round_up(va + 1, AOS_LARGE_BYTES) - va;
        bytes = bytes < border ? bytes : border;
    }
    struct paging_part *part = mem_new(MEM_SLAB_PART);
    part->node.key = va;
    part->node.bytes = bytes;
    part->count = (uint16_t)(bytes / unit);
    errval_t err = table_map(st, part, span->frame, span->off + done, span->flags);
    if (err_is_fail(err)) {
        mem_free(MEM_SLAB_PART, part);
        return err;
    }
    part_add(r, part);
    *ret_bytes = bytes;
    return ERR_OK;
}

errval_t paging_map_span(struct paging_state *st, struct paging_region *r,
                         const struct paging_span *span)
{
    uint64_t done = 0;
    while (done < span->bytes) {
        uint64_t bytes = 0;
        errval_t err = mem_begin(0, 0);
        if (err_is_ok(err)) {
            err = table_map_run(st, r, span, done, &bytes);
            mem_end();
        }
        if (err_is_fail(err)) {
            mem_lock();
            lazy_drop(st, r, span->va, span->va + done);
            mem_end();
            return err;
        }
        done += bytes;
    }
    return ERR_OK;
}
