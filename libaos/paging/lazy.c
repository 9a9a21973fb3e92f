/* Memory that is filled on demand: a page costs nothing before it is touched. The fault of the
 * first touch, or paging_populate, takes pages from a store and maps them. All under the memory
 * lock, so a page is never filled twice: whoever comes second finds it and goes on. */
#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/dispatch.h>

#include "mem_priv.h"
#include "paging_priv.h"

/* Pages of a frame of somebody else that one fault maps. */
#define LAZY_ORIGIN_CLUSTER 16u

static uint64_t lazy_filled;

errval_t paging_alloc_lazy(const struct paging_lazy *spec, void **ret_va)
{
    struct paging_state *st = paging_self();
    struct paging_region *r;
    uint64_t unit = (spec->flags & AOS_VM_LARGE) != 0 ? AOS_LARGE_BYTES : AOS_PAGE_BYTES;
    uint64_t guard = aos_round_up(spec->guard_bytes, unit);
    if (spec->bytes == 0 || spec->bytes > KPI_VA_LIMIT || spec->guard_bytes > KPI_VA_LIMIT) {
        return LIB_ERR_BAD_ALIGN;
    }
    uint64_t bytes = aos_round_up(spec->bytes, unit);
    errval_t err = region_take(st, guard + bytes, unit, &r);
    if (err_is_fail(err)) {
        return err;
    }
    r->guard_bytes = guard;
    r->flags = spec->flags & ~AOS_VM_LARGE;
    r->unit = unit;
    r->lazy = true;
    r->cluster = unit != AOS_PAGE_BYTES || spec->cluster == 0 ? 1 : spec->cluster;
    r->name = spec->name;
    void *va = (void *)region_start(r);
    region_publish(st, r);
    *ret_va = va;
    return ERR_OK;
}

/* The pages around `va` that may be filled with it: of the same access and table, without a part,
 * within the aligned cluster. */
static void lazy_window(const struct paging_region *r, uint64_t va, uint32_t cluster,
                        uint64_t *ret_start, uint64_t *ret_end)
{
    uint64_t bytes = cluster * r->unit;
    uint64_t start = region_start(r) + (va - region_start(r)) / bytes * bytes;
    uint64_t end = start + bytes;
    uint64_t table = aos_round_down(va, r->unit * KPI_TABLE_ENTRIES);
    start = start < table ? table : start;
    end = end > table + r->unit * KPI_TABLE_ENTRIES ? table + r->unit * KPI_TABLE_ENTRIES : end;
    const struct tree_node *n = tree_below(r->parts, va);
    if (n != NULL && n->key + n->bytes > start) {
        start = n->key + n->bytes;
    }
    n = tree_above(r->parts, va);
    end = n != NULL && n->key < end ? n->key : end;
    n = tree_below(r->access, va);
    if (n != NULL && n->key + n->bytes > start) {
        start = va - n->key < n->bytes ? (n->key > start ? n->key : start) : n->key + n->bytes;
    }
    uint64_t same_end;
    (void)access_at(r, va, &same_end);
    end = same_end < end ? same_end : end;
    *ret_start = start;
    *ret_end = region_end(r) < end ? region_end(r) : end;
}

/* Maps what a store gave and sees to it that nobody sees what was there before. */
static __attribute__((noinline)) errval_t lazy_map_dirty(struct paging_state *st,
                                                         struct paging_region *r,
                                                         struct paging_part *p)
{
    uint32_t flags = access_flags(r, p->node.key);
    disp_disable_touched();
    errval_t err = table_map(st, p, p->store->frame, p->first * r->unit, AOS_VM_RW);
    if (err_is_ok(err)) {
        paging_clear(p->node.key, p->node.bytes);
    }
    disp_enable();
    if (err_is_ok(err) && flags != AOS_VM_RW) {
        err = part_protect(r, p->node.key, p->node.key + p->node.bytes);
    }
    return err;
}

/* Fills the page at `va` and others of [start, end), for which there is no part. */
static errval_t lazy_fill_own(struct paging_state *st, struct paging_region *r, uint64_t va,
                              uint64_t start, uint64_t end)
{
    struct paging_part *p = mem_new(MEM_SLAB_PART);
    errval_t err = store_take(r->unit, (uint32_t)((end - start) / r->unit), p);
    if (err_is_fail(err)) {
        mem_free(MEM_SLAB_PART, p);
        return err;
    }
    p->node.bytes = p->count * r->unit;
    uint64_t last = end - p->node.bytes;
    p->node.key = va < last ? va : last;
    part_add(r, p);
    lazy_filled += p->count;
    err = p->clean ? part_map(st, r, p) : lazy_map_dirty(st, r, p);
    if (err_is_fail(err)) {
        part_drop(st, r, p);
    }
    return err;
}

static errval_t lazy_fill_foreign(struct paging_state *st, struct paging_region *r, uint64_t va)
{
    uint64_t start;
    uint64_t end;
    lazy_window(r, va, LAZY_ORIGIN_CLUSTER, &start, &end);
    uint32_t count = (uint32_t)((end - start) / r->unit);
    uint32_t first = r->origin_first + (uint32_t)((start - region_start(r)) / r->unit);
    struct paging_part *p = part_new(r, start, r->origin, first, count);
    store_hold(r->origin, first, count);
    errval_t err = part_map(st, r, p);
    if (err_is_fail(err)) {
        part_drop(st, r, p);
    }
    return err;
}

/* Apart, so that what is common needs no stack. */
static __attribute__((noinline)) errval_t lazy_fill_around(struct paging_state *st,
                                                           struct paging_region *r, uint64_t va)
{
    uint64_t start;
    uint64_t end;
    if (r->origin != NULL) {
        return lazy_fill_foreign(st, r, va);
    }
    lazy_window(r, va, r->cluster, &start, &end);
    return lazy_fill_own(st, r, va, start, end);
}

/* Fills the page at `va`, for which there is no part, and maybe some around it. */
static errval_t lazy_fill(struct paging_state *st, struct paging_region *r, uint64_t va)
{
    if (r->origin != NULL || r->cluster != 1) {
        return lazy_fill_around(st, r, va);
    }
    return lazy_fill_own(st, r, va, va, va + r->unit);
}

/* The part is there, but this access to `va` failed. */
static __attribute__((noinline)) errval_t lazy_again(struct paging_state *st,
                                                     struct paging_region *r,
                                                     struct paging_part *p, uint64_t va,
                                                     bool write)
{
    struct cap_info info;
    uint32_t page = p->first + (uint32_t)((va - p->node.key) / r->unit);
    if (write && r->shared && !store_alone(p->store, page)) {
        return cow_copy(st, r, p, va);
    }
    if (p->mapping == 0) {
        return part_map(st, r, p);
    }
    if (write && r->shared) {
        return part_protect(r, va, va + r->unit); /* the others are gone, or it is done already */
    }
    /* Another thread was faster; or the owner of the frame has taken it away. */
    if (err_is_fail(cap_identify(p->mapping, &info)) || info.type == CAPTYPE_NULL) {
        return LIB_ERR_BAD_ADDRESS;
    }
    return ERR_OK;
}

static bool lazy_allows(uint32_t flags, enum fault_kind kind)
{
    switch (kind) {
    case FAULT_READ:
        return flags != 0;
    case FAULT_WRITE:
        return (flags & AOS_VM_WRITE) != 0;
    case FAULT_EXECUTE:
        return (flags & AOS_VM_EXECUTE) != 0;
    default:
        return false;
    }
}

/* Does it take a new page to let this access go on? */
static bool lazy_needs_page(const struct paging_region *r, const struct paging_part *p,
                            uint64_t va, bool write)
{
    if (p == NULL) {
        return r->origin == NULL || write;
    }
    return write && r->shared &&
           !store_alone(p->store, p->first + (uint32_t)((va - p->node.key) / r->unit));
}

/* One page, with the lock held and the reserves full. */
static errval_t lazy_page(struct paging_state *st, struct paging_region *r, struct paging_part *p,
                          uint64_t va, bool write)
{
    if (p != NULL) {
        return lazy_again(st, r, p, va, write);
    }
    errval_t err = lazy_fill(st, r, va);
    if (err_is_ok(err) && write && r->origin != NULL) {
        err = cow_copy(st, r, part_at(r, va), va);
    }
    return err;
}

/* As lazy_page; ret_need: what RAM to come back with, if it needs more than the reserve. */
static errval_t lazy_try(struct paging_state *st, uint64_t va, enum fault_kind kind,
                         uint64_t have, uint64_t *ret_need)
{
    struct paging_region *r = region_around(st, va, 1);
    *ret_need = 0;
    if (r == NULL || !r->lazy || !lazy_allows(access_flags(r, va), kind)) {
        return LIB_ERR_BAD_ADDRESS;
    }
    va = aos_round_down(va, r->unit);
    bool write = kind == FAULT_WRITE;
    struct paging_part *p = part_at(r, va);
    uint64_t need = lazy_needs_page(r, p, va, write) ? store_need(r->unit) : 0;
    if (need > have) {
        *ret_need = need;
        return ERR_OK;
    }
    return lazy_page(st, r, p, va, write);
}

/* Sees to the page at `va` with as much RAM as it takes. */
static errval_t lazy_touch(uint64_t va, enum fault_kind kind)
{
    uint64_t have = 0;
    for (;;) {
        uint64_t need;
        errval_t err = mem_begin(have, have == AOS_LARGE_BYTES ? have : AOS_PAGE_BYTES);
        if (err_is_fail(err)) {
            return err;
        }
        err = lazy_try(paging_self(), va, kind, have, &need);
        mem_end();
        if (need == 0) {
            return err;
        }
        have = need;
    }
}

errval_t paging_fault(uint64_t va, enum fault_kind kind, bool translation)
{
    if (kind > FAULT_EXECUTE || (!translation && kind != FAULT_WRITE)) {
        return LIB_ERR_BAD_ADDRESS;
    }
    errval_t err = lazy_touch(va, kind);
    return err_is_fail(err) && err_has(err, LIB_ERR_NO_MEMORY) ? LIB_ERR_NO_MEMORY : err;
}

/* Is there a region filled on demand at `va`, and is the page there already? */
static errval_t lazy_state(uint64_t va, uint64_t *ret_next, bool *ret_there)
{
    errval_t err = LIB_ERR_BAD_ADDRESS;
    uint64_t next = 0;
    bool there = false;
    mem_lock();
    struct paging_region *r = region_around(paging_self(), va, 1);
    if (r != NULL && r->lazy) {
        struct paging_part *p = part_at(r, va);
        there = p != NULL;
        next = there ? p->node.key + p->node.bytes : va + r->unit;
        err = ERR_OK;
    }
    mem_end();
    *ret_next = next;
    *ret_there = there;
    return err;
}

errval_t paging_populate(void *va, uint64_t bytes)
{
    uint64_t end = (uint64_t)va + bytes;
    for (uint64_t at = (uint64_t)va; at < end;) {
        uint64_t next;
        bool there;
        errval_t err = lazy_state(at, &next, &there);
        if (err_is_ok(err) && !there) {
            err = lazy_touch(at, FAULT_READ);
            next = at;                   /* several pages may be there by now */
        }
        if (err_is_fail(err)) {
            return err;
        }
        at = next;
    }
    return ERR_OK;
}

void lazy_drop(struct paging_state *st, struct paging_region *r, uint64_t va, uint64_t end)
{
    struct tree_node *n;
    while ((n = tree_above(r->parts, va)) != NULL && n->key < end) {
        part_drop(st, r, NODE_PART(n));
    }
}

errval_t paging_discard(void *va, uint64_t bytes)
{
    uint64_t at = (uint64_t)va;
    struct paging_state *st = paging_self();
    errval_t err = bytes == 0 ? LIB_ERR_BAD_ALIGN : mem_begin(0, 0);
    if (err_is_fail(err)) {
        return err;
    }
    struct paging_region *r = region_around(st, at, bytes);
    if (r == NULL || r->permanent || r->frame != 0) {
        err = LIB_ERR_BAD_ADDRESS;
    } else if ((at | bytes) % r->unit != 0) {
        err = LIB_ERR_BAD_ALIGN;
    } else {
        err = part_cut(st, r, at);
        if (err_is_ok(err)) {
            err = part_cut(st, r, at + bytes);
        }
    }
    if (err_is_ok(err)) {
        lazy_drop(st, r, at, at + bytes);
    }
    mem_end();
    return err;
}

void paging_stats(struct paging_use *ret_use)
{
    mem_lock();
    struct paging_use use = {
        .pages = store_pages_used(), .filled = lazy_filled, .copied = cow_copied(),
    };
    mem_end();
    *ret_use = use;
}
