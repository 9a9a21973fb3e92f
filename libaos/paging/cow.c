/* Copy on write: snapshots of regions, and private views of frames. Pages that have several users
 * are mapped read-only; who writes to one gets a copy, and the last user gets the page itself. */
#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/dispatch.h>

#include "mem_priv.h"
#include "paging_priv.h"

/* Steps before others may have the memory lock. Each makes at most two records. */
#define COW_STEP (MEM_NODES_RESERVE / 8)

/* Where a page is mapped while it is copied. */
static struct paging_region cow_window;
static uint64_t cow_count;

uint64_t cow_copied(void)
{
    return cow_count;
}

static errval_t cow_prepare(void)
{
    struct paging_region *r;
    if (cow_window.node.bytes != 0) {
        return ERR_OK;
    }
    errval_t err = region_take(paging_self(), AOS_LARGE_BYTES, AOS_LARGE_BYTES, &r);
    if (err_is_fail(err)) {
        return err;
    }
    mem_lock();
    if (cow_window.node.bytes == 0) {
        cow_window.node = r->node;
        cow_window.flags = AOS_VM_RW;
        cow_window.name = "copy window";
        mem_free(MEM_SLAB_REGION, r);
        r = NULL;
    }
    mem_end();
    if (r != NULL) {
        region_release(paging_self(), r);
    }
    return ERR_OK;
}

/* A page in the window. */
static errval_t cow_show(struct paging_state *st, struct paging_part *w, uint64_t unit,
                         struct paging_store *s, uint32_t page, uint32_t flags)
{
    *w = (struct paging_part){ .node = { .key = cow_window.node.key, .bytes = unit }, .count = 1 };
    return table_map(st, w, s->frame, page * unit, flags);
}

/* Copies the page that the part has into page `page` of `store`, by way of the window: the one that
 * is not mapped where it belongs is mapped there. */
static errval_t cow_fill(struct paging_state *st, struct paging_part *p, uint64_t unit,
                         struct paging_store *store, uint32_t page)
{
    struct paging_part w;
    errval_t err = p->mapping != 0 ? cow_show(st, &w, unit, store, page, AOS_VM_RW)
                                   : cow_show(st, &w, unit, p->store, p->first, AOS_VM_READ);
    if (err_is_fail(err)) {
        return err;
    }
    if (p->mapping != 0) {
        paging_copy(w.node.key, p->node.key, unit);
        table_unmap(st, &w);
        disp_disable_touched();          /* nobody sees the page gone */
        table_unmap(st, p);
        err = table_map(st, p, store->frame, page * unit, AOS_VM_RW);
        disp_enable();
        return err;
    }
    disp_disable_touched();              /* nor empty */
    err = table_map(st, p, store->frame, page * unit, AOS_VM_RW);
    if (err_is_ok(err)) {
        paging_copy(p->node.key, w.node.key, unit);
    }
    disp_enable();
    table_unmap(st, &w);
    return err;
}

errval_t cow_copy(struct paging_state *st, struct paging_region *r, struct paging_part *p,
                  uint64_t va)
{
    struct paging_part copy;
    errval_t err = store_take(r->unit, 1, &copy);
    if (err_is_fail(err)) {
        return err;
    }
    if (p->count != 1) {
        err = part_cut(st, r, va);
        if (err_is_ok(err)) {
            err = part_cut(st, r, va + r->unit);
        }
        p = part_at(r, va);
    }
    if (err_is_ok(err)) {
        err = cow_fill(st, p, r->unit, copy.store, copy.first);
    }
    if (err_is_fail(err)) {
        store_release(copy.store, copy.first, 1);
        return err;
    }
    struct paging_store *before = p->store;
    uint32_t page_before = p->first;
    p->store = copy.store;
    p->first = copy.first;
    store_release(before, page_before, 1);
    cow_count++;
    return access_flags(r, va) == AOS_VM_RW ? ERR_OK : part_protect(r, va, va + r->unit);
}

/* A part of `to` that shows `count` pages of `s`, and shares them; two where a table ends. */
static void cow_share(struct paging_region *to, uint64_t va, struct paging_store *s, uint32_t first,
                      uint32_t count)
{
    store_hold(s, first, count);
    while (count != 0) {
        uint64_t left = KPI_TABLE_ENTRIES - va / to->unit % KPI_TABLE_ENTRIES;
        uint32_t run = count < left ? count : (uint32_t)left;
        (void)part_new(to, va, s, first, run);
        va += run * to->unit;
        first += run;
        count -= run;
    }
}

/* An empty region like `r`, which is at `va`, in the tree already. */
static errval_t cow_like(struct paging_state *st, uint64_t va, struct paging_region **ret_copy)
{
    struct paging_region *copy = NULL;
    mem_lock();
    struct paging_region *r = region_find(st, va);
    bool good = r != NULL && r->lazy && !r->permanent;
    uint64_t bytes = good ? region_end(r) - va : 0;
    uint64_t unit = good ? r->unit : 0;
    mem_end();
    if (!good) {
        return LIB_ERR_BAD_ADDRESS;
    }
    errval_t err = cow_prepare();
    if (err_is_ok(err)) {
        err = region_take(st, bytes, unit, &copy);
    }
    if (err_is_fail(err)) {
        return err;
    }
    mem_lock();
    r = region_find(st, va);
    if (r != NULL && r->lazy && region_end(r) - va == bytes) {
        copy->flags = r->flags;
        copy->unit = r->unit;
        copy->cluster = r->cluster;
        copy->name = r->name;
        copy->lazy = true;
        copy->shared = true;
        r->shared = true;
        copy->origin = r->origin;
        copy->origin_first = r->origin_first;
        if (copy->origin != NULL) {
            store_hold(copy->origin, 0, 1);
        }
    } else {
        err = LIB_ERR_BAD_ADDRESS;
    }
    mem_end();
    if (err_is_fail(err)) {
        region_release(st, copy);
        return err;
    }
    *ret_copy = copy;
    return ERR_OK;
}

/* Shares what the region at `va` has from *io_at on, a step of it. *io_at is 0 after the last. */
static errval_t cow_snapshot_step(struct paging_state *st, uint64_t va, struct paging_region *copy,
                                  uint64_t *io_at)
{
    errval_t err = mem_begin(0, 0);
    if (err_is_fail(err)) {
        return err;
    }
    struct paging_region *r = region_find(st, va);
    uint64_t at = *io_at;
    struct tree_node *n = r != NULL ? tree_above(r->parts, at) : NULL;
    for (uint32_t i = 0; n != NULL && i < COW_STEP && err_is_ok(err); i++) {
        struct paging_part *p = NODE_PART(n);
        cow_share(copy, n->key - va + region_start(copy), p->store, p->first, p->count);
        err = part_protect(r, n->key, n->key + n->bytes);
        at = n->key + n->bytes;
        n = tree_above(r->parts, at);
    }
    mem_end();
    *io_at = n != NULL ? at : 0;
    return r != NULL ? err : LIB_ERR_BAD_ADDRESS;
}

errval_t paging_snapshot(void *va, void **ret_copy)
{
    struct paging_state *st = paging_self();
    struct paging_region *copy;
    uint64_t at = (uint64_t)va;
    errval_t err = cow_like(st, at, &copy);
    if (err_is_fail(err)) {
        return err;
    }
    while (err_is_ok(err) && at != 0) {
        err = cow_snapshot_step(st, (uint64_t)va, copy, &at);
    }
    if (err_is_fail(err)) {
        region_release(st, copy);
        return err;
    }
    void *start = (void *)region_start(copy);
    region_publish(st, copy);
    *ret_copy = start;
    return ERR_OK;
}

/* How many pages from `va` on, at most `max`, are the same pages in `p` and in `other` (which may
 * be NULL), or are not (`same` false). */
static uint32_t cow_run(const struct paging_part *p, uint32_t i, struct paging_region *other,
                        uint64_t va, uint64_t unit, bool *ret_same)
{
    uint32_t run = 0;
    for (; i + run < p->count; run++) {
        const struct paging_part *q = part_at(other, va + run * unit);
        uint32_t page = q != NULL ? q->first + (uint32_t)((va + run * unit - q->node.key) / unit)
                                  : 0;
        bool same = q != NULL && q->store == p->store && page == p->first + i + run;
        if (run != 0 && same != *ret_same) {
            break;
        }
        *ret_same = same;
    }
    return run;
}

/* Drops what `r` has and the snapshot does not, from offset *io_off on: one run. */
static errval_t cow_drop_step(struct paging_state *st, struct paging_region *r,
                              struct paging_region *snapshot, uint64_t *io_off)
{
    struct paging_part *p = part_at(r, region_start(r) + *io_off);
    if (p == NULL) {
        struct tree_node *n = tree_above(r->parts, region_start(r) + *io_off);
        *io_off = n != NULL ? n->key - region_start(r) : region_end(r) - region_start(r);
        return ERR_OK;
    }
    bool same = false;
    uint64_t va = region_start(r) + *io_off;
    uint32_t i = (uint32_t)((va - p->node.key) / r->unit);
    uint64_t bytes = cow_run(p, i, snapshot, region_start(snapshot) + *io_off, r->unit, &same) *
                     r->unit;
    *io_off += bytes;
    if (same) {
        return ERR_OK;
    }
    errval_t err = part_cut(st, r, va);
    if (err_is_ok(err)) {
        err = part_cut(st, r, va + bytes);
    }
    if (err_is_ok(err)) {
        lazy_drop(st, r, va, va + bytes);
    }
    return err;
}

/* Shares with `r` what the snapshot has, from offset *io_off on: one run. */
static errval_t cow_take_step(struct paging_state *st, struct paging_region *r,
                              struct paging_region *snapshot, uint64_t *io_off)
{
    struct paging_part *p = part_at(snapshot, region_start(snapshot) + *io_off);
    if (p == NULL) {
        struct tree_node *n = tree_above(snapshot->parts, region_start(snapshot) + *io_off);
        *io_off = n != NULL ? n->key - region_start(snapshot)
                            : region_end(snapshot) - region_start(snapshot);
        return ERR_OK;
    }
    bool same = false;
    uint64_t va = region_start(r) + *io_off;
    uint64_t in_snapshot = region_start(snapshot) + *io_off;
    uint32_t i = (uint32_t)((in_snapshot - p->node.key) / r->unit);
    uint32_t run = cow_run(p, i, r, va, r->unit, &same);
    *io_off += run * r->unit;
    if (!same) {
        cow_share(r, va, p->store, p->first + i, run);
        return part_protect(snapshot, in_snapshot, in_snapshot + run * r->unit);
    }
    return ERR_OK;
}

typedef errval_t (*cow_step_fn)(struct paging_state *st, struct paging_region *r,
                                struct paging_region *snapshot, uint64_t *io_off);

/* Goes through both regions, a few records at a time. */
static errval_t cow_walk(uint64_t va, uint64_t snapshot_va, cow_step_fn step)
{
    struct paging_state *st = paging_self();
    uint64_t off = 0;
    for (bool more = true; more;) {
        errval_t err = mem_begin(0, 0);
        if (err_is_fail(err)) {
            return err;
        }
        struct paging_region *r = region_find(st, va);
        struct paging_region *s = region_find(st, snapshot_va);
        if (r == NULL || s == NULL || r == s || !r->lazy || !s->lazy || r->permanent ||
            r->unit != s->unit || r->origin != s->origin ||
            region_end(r) - va != region_end(s) - snapshot_va) {
            err = LIB_ERR_BAD_ADDRESS;
        } else {
            r->shared = true;
            s->shared = true;
        }
        for (uint32_t i = 0; err_is_ok(err) && i < COW_STEP && off < region_end(r) - va; i++) {
            err = step(st, r, s, &off);
        }
        more = err_is_ok(err) && off < region_end(r) - va;
        mem_end();
        if (err_is_fail(err)) {
            return err;
        }
    }
    return ERR_OK;
}

errval_t paging_restore(void *va, void *snapshot)
{
    errval_t err = cow_walk((uint64_t)va, (uint64_t)snapshot, cow_drop_step);
    if (err_is_ok(err)) {
        err = cow_walk((uint64_t)va, (uint64_t)snapshot, cow_take_step);
    }
    return err;
}

errval_t paging_map_private(caddr_t frame, uint64_t off, uint64_t bytes, uint32_t flags,
                            void **ret_va)
{
    struct paging_state *st = paging_self();
    struct paging_region *r;
    struct cap_info info;
    if (off % AOS_PAGE_BYTES != 0 || (flags & AOS_VM_LARGE) != 0) {
        return LIB_ERR_BAD_ALIGN;
    }
    errval_t err = cap_identify(frame, &info);
    if (err_is_ok(err) && (info.type != CAPTYPE_FRAME || off > info.b || bytes > info.b - off)) {
        err = LIB_ERR_RANGE;
    }
    if (err_is_ok(err)) {
        err = cow_prepare();
    }
    if (err_is_ok(err)) {
        err = region_take(st, bytes, AOS_PAGE_BYTES, &r);
    }
    if (err_is_fail(err)) {
        return err;
    }
    r->flags = flags;
    r->lazy = true;
    r->shared = true;
    r->cluster = 1;
    r->origin_first = (uint32_t)(off / AOS_PAGE_BYTES);
    err = mem_begin(0, 0);
    if (err_is_ok(err)) {
        err = store_foreign(frame, &r->origin);
        mem_end();
    }
    if (err_is_fail(err)) {
        region_release(st, r);
        return err;
    }
    void *va = (void *)region_start(r);
    region_publish(st, r);
    *ret_va = va;
    return ERR_OK;
}
