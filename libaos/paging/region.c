/* Regions: allocated ranges of addresses. */
#include <aos/debug.h>
#include <aos/ram.h>

#include "mem_priv.h"
#include "ranges_priv.h"
#include "paging_priv.h"

/* Parts that are dropped before others may have the memory lock. */
#define REGION_DROP_MAX 64u

void paging_add_free(struct paging_state *st, uint64_t start, uint64_t end)
{
    bool given = ranges_give(&st->free, &mem_slabs[MEM_SLAB_RANGE], start, end - start, 0,
                             UINT64_MAX);
    USER_CHECK(given);
}

/* Takes addresses and makes the record. */
errval_t region_take(struct paging_state *st, uint64_t bytes, uint64_t align,
                     struct paging_region **ret_region)
{
    if (bytes == 0 || bytes > KPI_VA_LIMIT || !aos_is_pow2(align) || align < AOS_PAGE_BYTES ||
        bytes % AOS_PAGE_BYTES != 0) {
        return LIB_ERR_BAD_ALIGN;
    }
    errval_t err = mem_begin(0, 0);
    if (err_is_fail(err)) {
        return err;
    }
    struct paging_region *r = NULL;
    struct slab *nodes = &mem_slabs[MEM_SLAB_RANGE];
    uint64_t va;
    bool taken = ranges_take(&st->free, nodes, bytes, align, &va);
    if (taken) {
        r = mem_new(MEM_SLAB_REGION);
        r->node.key = va;
        r->node.bytes = bytes;
        r->unit = AOS_PAGE_BYTES;
    }
    mem_end();
    if (!taken) {
        return LIB_ERR_NO_ADDRESS;
    }
    *ret_region = r;
    return ERR_OK;
}

void region_publish(struct paging_state *st, struct paging_region *r)
{
    mem_lock();
    tree_insert(&st->regions, &r->node);
    mem_end();
}

void region_release(struct paging_state *st, struct paging_region *r)
{
    for (bool more = true; more;) {
        mem_lock();
        for (uint32_t i = 0; i < REGION_DROP_MAX && r->parts != NULL; i++) {
            part_drop(st, r, NODE_PART(r->parts));
        }
        more = r->parts != NULL;
        mem_end();
    }
    caddr_t frame = r->frame;
    mem_lock();
    if (r->origin != NULL) {
        store_release(r->origin, 0, 1);
    }
    while (r->access != NULL) {
        mem_free(MEM_SLAB_ACCESS, tree_remove(&r->access, r->access->key));
    }
    paging_add_free(st, r->node.key, region_end(r));
    mem_free(MEM_SLAB_REGION, r);
    mem_end();
    if (frame != 0) {
        errval_t err = ram_free(frame);
        USER_CHECK(err_is_ok(err));
    }
}

struct paging_region *region_find(struct paging_state *st, uint64_t va)
{
    struct paging_region *r = NODE_REGION(tree_below(st->regions, va));
    return r != NULL && region_start(r) == va ? r : NULL;
}

struct paging_region *region_around(struct paging_state *st, uint64_t va, uint64_t bytes)
{
    struct paging_region *r = NODE_REGION(tree_below(st->regions, va));
    if (r == NULL || va < region_start(r) || va >= region_end(r) || bytes > region_end(r) - va) {
        return NULL;
    }
    return r;
}

/* Moves what lies from `va` on from `r` into a region of its own. */
static void region_split(struct paging_state *st, struct paging_region *r, uint64_t va)
{
    struct paging_region *high = mem_new(MEM_SLAB_REGION);
    struct tree_node *n;
    uint64_t end = region_end(r);
    *high = (struct paging_region){
        .node = { .key = va, .bytes = end - va }, .flags = r->flags, .lazy = r->lazy,
        .shared = r->shared, .cluster = r->cluster, .unit = r->unit, .origin = r->origin,
        .name = r->name, .handler = r->handler, .handler_arg = r->handler_arg,
    };
    if (r->origin != NULL) {
        high->origin_first = r->origin_first + (uint32_t)((va - region_start(r)) / r->unit);
        store_hold(r->origin, 0, 1);
    }
    while ((n = tree_above(r->parts, va)) != NULL) {
        tree_remove(&r->parts, n->key);
        tree_insert(&high->parts, n);
    }
    r->near = NULL;
    while ((n = tree_above(r->access, va)) != NULL) {
        tree_remove(&r->access, n->key);
        tree_insert(&high->access, n);
    }
    tree_resize(&st->regions, r->node.key, va - r->node.key);
    tree_insert(&st->regions, &high->node);
}

/* Cuts [va, end) out of `r`, as the region *ret_cut, which is in the tree. Borders of parts and
 * ranges are where they must be. */
static void region_cut(struct paging_state *st, struct paging_region *r, uint64_t va, uint64_t end,
                       struct paging_region **ret_cut)
{
    if (end < region_end(r)) {
        region_split(st, r, end);
    }
    if (va > region_start(r)) {
        region_split(st, r, va);
        r = region_find(st, va);
    }
    *ret_cut = r;
}

/* Makes va and end borders of parts and of ranges of access. */
static errval_t region_borders(struct paging_state *st, struct paging_region *r, uint64_t va,
                               uint64_t end)
{
    errval_t err = part_cut(st, r, va);
    if (err_is_ok(err)) {
        err = part_cut(st, r, end);
    }
    if (err_is_ok(err)) {
        access_forget(r, va, end - va);
    }
    return err;
}

errval_t paging_unmap_part(struct paging_state *st, void *va, uint64_t bytes)
{
    uint64_t at = (uint64_t)va;
    struct paging_region *cut = NULL;
    if (bytes == 0 || (at | bytes) % AOS_PAGE_BYTES != 0) {
        return LIB_ERR_BAD_ALIGN;
    }
    errval_t err = mem_begin(0, 0);
    if (err_is_fail(err)) {
        return err;
    }
    struct paging_region *r = region_around(st, at, bytes);
    if (r == NULL || r->permanent || r->frame != 0) {
        err = LIB_ERR_BAD_ADDRESS;
    } else if ((at | bytes) % r->unit != 0) {
        err = LIB_ERR_BAD_ALIGN;
    } else {
        err = region_borders(st, r, at, at + bytes);
    }
    if (err_is_ok(err)) {
        region_cut(st, r, at, at + bytes, &cut);
        tree_remove(&st->regions, cut->node.key);
    }
    mem_end();
    if (err_is_ok(err)) {
        region_release(st, cut);
    }
    return err;
}

errval_t paging_unmap(struct paging_state *st, void *va)
{
    mem_lock();
    struct paging_region *r = region_find(st, (uint64_t)va);
    if (r != NULL && !r->permanent) {
        tree_remove(&st->regions, r->node.key);
    } else {
        r = NULL;
    }
    mem_end();
    if (r == NULL) {
        return LIB_ERR_BAD_ADDRESS;
    }
    region_release(st, r);
    return ERR_OK;
}

/* Access of [va, va + bytes), or of all of `r`. */
static errval_t region_protect(struct paging_region *r, uint64_t va, uint64_t bytes, uint32_t flags)
{
    if (r->permanent) {
        return LIB_ERR_BAD_ADDRESS;
    }
    if ((va | bytes) % r->unit != 0) {
        return LIB_ERR_BAD_ALIGN;
    }
    if (va == region_start(r) && va + bytes == region_end(r)) {
        access_forget(r, va, bytes);
        r->flags = flags;
    } else {
        access_set(r, va, bytes, flags);
    }
    return part_protect(r, va, va + bytes);
}

errval_t paging_protect_part(struct paging_state *st, void *va, uint64_t bytes, uint32_t flags)
{
    if (bytes == 0) {
        return LIB_ERR_BAD_ALIGN;
    }
    errval_t err = mem_begin(0, 0);
    if (err_is_fail(err)) {
        return err;
    }
    struct paging_region *r = region_around(st, (uint64_t)va, bytes);
    err = r == NULL ? LIB_ERR_BAD_ADDRESS : region_protect(r, (uint64_t)va, bytes, flags);
    mem_end();
    return err;
}

errval_t paging_protect(struct paging_state *st, void *va, uint32_t flags)
{
    mem_lock();
    struct paging_region *r = region_find(st, (uint64_t)va);
    errval_t err = LIB_ERR_BAD_ADDRESS;
    if (r != NULL) {
        err = region_protect(r, region_start(r), region_end(r) - region_start(r), flags);
    }
    mem_end();
    return err;
}
