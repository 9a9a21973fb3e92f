/* Address spaces as a whole: changing access, looking up, and building one for somebody else. */
#include <abi/user.h>
#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/slot.h>

#include "mem_priv.h"
#include "ranges_priv.h"
#include "paging_priv.h"

/* What a region without a name is called. */
static const char *space_name(const struct paging_region *r)
{
    if (r->lazy) {
        return r->origin != NULL ? "view of a frame" : "memory on demand";
    }
    if (r->frame != 0) {
        return "memory";
    }
    return r->parts != NULL ? "frame" : "reserved addresses";
}

static void space_tell(const struct paging_region *r, uint64_t va,
                       struct paging_region_info *ret_info)
{
    uint64_t end;
    *ret_info = (struct paging_region_info){
        .va = region_start(r), .bytes = region_end(r) - region_start(r),
        .flags = access_at(r, va, &end), .guard = va - r->node.key < r->guard_bytes,
        .lazy = r->lazy, .name = r->name != NULL ? r->name : space_name(r),
        .handler = r->handler, .handler_arg = r->handler_arg,
    };
}

bool paging_lookup(uint64_t va, struct paging_region_info *ret_info)
{
    struct paging_region_info info;
    mem_lock();
    const struct paging_state *st = paging_self();
    struct paging_region *r = NODE_REGION(tree_below(st->regions, va));
    bool found = r != NULL && va - r->node.key < r->node.bytes;
    if (found) {
        space_tell(r, va, &info);
    }
    mem_end();
    if (found) {
        *ret_info = info;
    }
    return found;
}

bool paging_nearest(uint64_t va, struct paging_region_info *ret_info)
{
    struct paging_region_info info;
    mem_lock();
    const struct paging_state *st = paging_self();
    const struct paging_region *below = NODE_REGION(tree_below(st->regions, va));
    const struct paging_region *above = NODE_REGION(tree_above(st->regions, va));
    const struct paging_region *r = below;
    if (below == NULL || (above != NULL && va - region_end(below) > above->node.key - va &&
                          va >= region_end(below))) {
        r = above;
    }
    if (r != NULL) {
        space_tell(r, va, &info);
    }
    mem_end();
    if (r != NULL) {
        *ret_info = info;
    }
    return r != NULL;
}

errval_t paging_init_foreign(struct paging_state *st, caddr_t vroot)
{
    *st = (struct paging_state){ .root = vroot, .foreign = true };
    errval_t err = mem_begin(0, 0);
    if (err_is_fail(err)) {
        return err;
    }
    struct ptable *root = mem_new(MEM_SLAB_TABLE);
    root->cap = vroot;
    tree_insert(&st->tables, &root->node);
    (void)ranges_give(&st->free, &mem_slabs[MEM_SLAB_RANGE], KPI_PROGRAM_VA,
                      KPI_DYNAMIC_END - KPI_PROGRAM_VA, 0, UINT64_MAX);
    mem_end();
    return ERR_OK;
}

void paging_set_foreign_ram(struct paging_state *st, caddr_t ram, uint64_t off, uint64_t bytes)
{
    st->table_ram = ram;
    st->table_ram_off = off;
    st->table_ram_end = off + bytes;
}

/* Forgets ranges, regions and free addresses; what they mapped is the caller's business. */
static void space_forget(struct paging_state *st)
{
    while (st->free != NULL) {
        mem_free(MEM_SLAB_RANGE, tree_remove(&st->free, st->free->key));
    }
    while (st->regions != NULL) {
        mem_free(MEM_SLAB_REGION, tree_remove(&st->regions, st->regions->key));
    }
}

void paging_deinit_foreign(struct paging_state *st)
{
    mem_lock();
    for (struct tree_node *n = tree_above(st->regions, 0); n != NULL;
         n = tree_above(st->regions, n->key + 1)) {
        lazy_drop(st, NODE_REGION(n), 0, UINT64_MAX);
    }
    paging_destroy_tables(st);
    space_forget(st);
    mem_end();
}

static errval_t space_count(struct paging_state *st, const struct paging_export *io)
{
    uint32_t tables = 0;
    uint32_t ranges = 0;
    uint32_t parts = 0;
    struct tree_node *n;
    for (n = tree_above(st->tables, 0); n != NULL; n = tree_above(st->tables, n->key + 1)) {
        tables++;
    }
    for (n = tree_above(st->regions, 0); n != NULL; n = tree_above(st->regions, n->key + 1)) {
        const struct paging_region *r = NODE_REGION(n);
        for (struct tree_node *p = tree_above(r->parts, 0); p != NULL;
             p = tree_above(r->parts, p->key + 1)) {
            parts++;
        }
        ranges++;
    }
    uint32_t in_task = io->last_mapping + 1 - io->first_mapping;
    uint32_t over = parts > in_task ? parts - in_task : 0;
    if (tables > KPI_TABLES_MAX || ranges > io->ranges_max ||
        2 * tables + over > KPI_L2_SLOTS) {
        return LIB_ERR_BUFFER;
    }
    return ERR_OK;
}

static errval_t space_move(caddr_t cnode, uint32_t index, caddr_t cap)
{
    errval_t err = inv_cnode_move(cnode, cap, index);
    if (err_is_ok(err)) {
        slot_free(cap);
    }
    return err;
}

static errval_t space_export_tables(struct paging_state *st, struct paging_export *io)
{
    uint32_t count = 0;
    struct tree_node *n;
    for (n = tree_above(st->tables, 0); n != NULL; n = tree_above(st->tables, n->key + 1)) {
        count++;
    }
    uint32_t i = 0;
    for (n = tree_above(st->tables, 0); n != NULL; n = tree_above(st->tables, n->key + 1), i++) {
        struct ptable *t = NODE_TABLE(n);
        bool root = t->level == 0;
        io->tables[i] = (struct kpi_table){
            .va = t->node.key - t->level, .level = t->level, .index = (uint16_t)i,
            .mapping = root ? UINT16_MAX : (uint16_t)(count + i - 1),
        };
        errval_t err = root ? ERR_OK : space_move(io->vnodes, i, t->cap);
        if (err_is_ok(err) && !root) {
            err = space_move(io->vnodes, count + i - 1, t->mapping);
        }
        if (err_is_fail(err)) {
            return err;
        }
        t->mapping = 0;                  /* no longer ours, whatever happens to the rest */
        t->owned = false;
        t->base = 0;
    }
    io->table_count = count;
    io->table_slots_used = count == 0 ? 0 : 2 * count - 1;
    return ERR_OK;
}

static errval_t space_export_regions(struct paging_state *st, struct paging_export *io)
{
    uint32_t slot = io->first_mapping;
    io->range_count = 0;
    for (struct tree_node *n = tree_above(st->regions, 0); n != NULL;
         n = tree_above(st->regions, n->key + 1)) {
        struct paging_region *r = NODE_REGION(n);
        io->ranges[io->range_count++] = (struct kpi_range){
            .va = n->key, .bytes = n->bytes, .flags = r->flags,
            .kind = r->lazy ? KPI_RANGE_LAZY : KPI_RANGE_MAPPED,
        };
        struct tree_node *first;
        while ((first = tree_above(r->parts, 0)) != NULL) {
            struct paging_part *p = NODE_PART(first);
            bool task = slot <= io->last_mapping;
            errval_t err = space_move(task ? io->task : io->vnodes,
                                      task ? slot : io->table_slots_used, p->mapping);
            if (err_is_fail(err)) {
                return err;
            }
            slot += task ? 1 : 0;
            io->table_slots_used += task ? 0 : 1;
            tree_remove(&r->parts, first->key);
            mem_free(MEM_SLAB_PART, p);
        }
    }
    return ERR_OK;
}

errval_t paging_export_foreign(struct paging_state *st, struct paging_export *io)
{
    mem_lock();
    errval_t err = space_count(st, io);
    if (err_is_ok(err)) {
        err = space_export_tables(st, io);
    }
    if (err_is_ok(err)) {
        err = space_export_regions(st, io);
    }
    if (err_is_ok(err)) {
        paging_destroy_tables(st);
        space_forget(st);
    }
    mem_end();
    return err;
}
