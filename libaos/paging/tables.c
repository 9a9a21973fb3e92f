/* Page tables on demand. A VNode is kept when it becomes empty, unless a large entry needs its
 * place: addresses are handed out from below, so a table that has been needed will be needed
 * again. */
#include <abi/user.h>
#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/slot.h>

#include "mem_priv.h"
#include "paging_priv.h"

#define TABLE_LEVEL_PAGE  3u             /* entries of 4 KiB */
#define TABLE_LEVEL_LARGE 2u             /* entries of 2 MiB, or L3 tables */

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

static struct ptable *table_find(struct paging_state *st, uint64_t va, uint32_t level)
{
    return (struct ptable *)(void *)tree_find(st->tables, table_start(va, level) | level);
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

/* A VNode from the pool, or from the RAM that a foreign space was given. */
static errval_t table_retype(struct paging_state *st, caddr_t cap, uint32_t level,
                             uint64_t *ret_base)
{
    enum captype type = (enum captype)(CAPTYPE_VNODEL0 + level);
    if (st->table_ram == 0) {
        return ram_make(cap, type, KPI_PAGE_BYTES, KPI_PAGE_BYTES, ret_base);
    }
    if (st->table_ram_end - st->table_ram_off < KPI_PAGE_BYTES) {
        return LIB_ERR_NO_MEMORY;
    }
    errval_t err = cap_retype(cap, st->table_ram, st->table_ram_off, type, KPI_PAGE_BYTES, 1);
    if (err_is_ok(err)) {
        st->table_ram_off += KPI_PAGE_BYTES;
        *ret_base = 0;
    }
    return err;
}

static errval_t table_make(struct paging_state *st, struct ptable *parent, uint64_t va,
                           uint32_t level, struct ptable **ret_table)
{
    caddr_t cap = slot_take(1);
    caddr_t mapping = slot_take(1);
    uint64_t base;
    USER_CHECK(cap != 0 && mapping != 0);
    errval_t err = table_retype(st, cap, level, &base);
    if (err_is_ok(err)) {
        err = inv_vnode_map(parent->cap, table_index(va, level - 1), cap, 0, 1, 0, mapping);
        if (err_is_ok(err)) {
            *ret_table = table_add(st, va, level, cap, mapping);
            (*ret_table)->base = base;
            (*ret_table)->owned = true;
            parent->live++;
            return ERR_OK;
        }
        (void)cap_delete(cap);
        if (base != 0) {
            ram_give(base, KPI_PAGE_BYTES);
        }
    }
    slot_free(mapping);
    slot_free(cap);
    return err;
}

/* The table of `level` that translates va; made if it is not there, with those above it. */
static errval_t table_get(struct paging_state *st, uint64_t va, uint32_t level,
                          struct ptable **ret_table)
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
    *ret_table = table;
    return ERR_OK;
}

static void table_destroy(struct paging_state *st, struct ptable *t)
{
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

void paging_destroy_tables(struct paging_state *st)
{
    /* Deepest level first, so that a table is empty when its turn comes. */
    for (uint32_t level = TABLE_LEVEL_PAGE; level > 0; level--) {
        struct tree_node *n = tree_above(st->tables, 0);
        while (n != NULL) {
            uint64_t key = n->key;
            struct ptable *t = (struct ptable *)(void *)n;
            if (t->level == level) {
                table_destroy(st, t);
            }
            n = tree_above(st->tables, key + 1);
        }
    }
    struct tree_node *root = tree_remove(&st->tables, 0);
    if (root != NULL) {
        mem_free(MEM_SLAB_TABLE, root);
    }
}

/* A left-over table in the way of large entries is empty, or the range would not have been free. */
static void table_clear_way(struct paging_state *st, uint64_t va, uint64_t bytes)
{
    for (uint64_t at = va; at < va + bytes; at += AOS_LARGE_BYTES) {
        struct ptable *old = table_find(st, at, TABLE_LEVEL_PAGE);
        if (old != NULL && old->live == 0) {
            struct ptable *parent = table_find(st, at, TABLE_LEVEL_LARGE);
            table_destroy(st, old);
            parent->live--;
        }
    }
}

/* One run of entries within one table. */
static errval_t table_map_run(struct paging_state *st, const struct paging_span *span,
                              uint64_t done, uint64_t *ret_bytes, struct paging_part **parts)
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
    if (large) {
        table_clear_way(st, va, bytes);
    }
    struct ptable *table;
    errval_t err = table_get(st, va, level, &table);
    if (err_is_fail(err)) {
        return err;
    }
    caddr_t mapping = slot_take(1);
    USER_CHECK(mapping != 0);
    uint16_t count = (uint16_t)(bytes / unit);
    uint16_t index = table_index(va, level);
    uint64_t off = span->off + done;
    caddr_t copy = 0;
    err = inv_vnode_map(table->cap, index, span->frame, off, count, span->flags, mapping);
    if (err_no(err) == SYS_ERR_BORROWED) {
        copy = slot_take(1);
        USER_CHECK(copy != 0);
        err = cap_copy(copy, span->frame);
        if (err_is_ok(err)) {
            err = inv_vnode_map(table->cap, index, copy, off, count, span->flags, mapping);
        }
    }
    if (err_is_fail(err)) {
        slot_free(mapping);
        if (copy != 0) {
            (void)cap_destroy(copy);
        }
        return err_push(err, LIB_ERR_MAP);
    }
    struct paging_part *part = mem_new(MEM_SLAB_PART);
    *part = (struct paging_part){
        .next = *parts, .table = table, .va = va, .mapping = mapping, .copy = copy, .count = count,
    };
    *parts = part;
    table->live += count;
    *ret_bytes = bytes;
    return ERR_OK;
}

errval_t paging_map_span(struct paging_state *st, const struct paging_span *span,
                         struct paging_part **parts)
{
    struct paging_part *made = NULL;
    uint64_t done = 0;
    while (done < span->bytes) {
        uint64_t bytes;
        errval_t err = mem_begin(0, 0);
        if (err_is_ok(err)) {
            err = table_map_run(st, span, done, &bytes, &made);
            mem_end();
        }
        if (err_is_fail(err)) {
            paging_drop_parts(made);
            return err;
        }
        done += bytes;
    }
    struct paging_part **tail = parts;
    while (*tail != NULL) {
        tail = &(*tail)->next;
    }
    *tail = made;
    return ERR_OK;
}

void paging_drop_parts(struct paging_part *parts)
{
    mem_lock();
    while (parts != NULL) {
        struct paging_part *next = parts->next;
        errval_t err = cap_destroy(parts->mapping);
        USER_CHECK(err_is_ok(err));
        if (parts->copy != 0) {
            (void)cap_destroy(parts->copy);
        }
        parts->table->live -= parts->count;
        mem_free(MEM_SLAB_PART, parts);
        parts = next;
    }
    mem_end();
}
