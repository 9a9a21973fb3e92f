/* Parts of regions: runs of pages with one Mapping each. */
#include <abi/user.h>
#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/dispatch.h>

#include "mem_priv.h"
#include "paging_priv.h"

/* Finds what is below `va`; apart, so that what is common needs no stack. */
static __attribute__((noinline)) struct tree_node *part_search(struct paging_region *r, uint64_t va)
{
    struct tree_node *from = r->near != NULL ? r->near : r->parts;
    uint64_t end;
    if (from == NULL) {
        return NULL;
    }
    struct tree_node *n = tree_below_near(from, va, &end);
    r->near = n;
    r->near_end = end;
    return n;
}

/* Whoever fills a region goes through it: the part asked for is near the last one. */
static inline struct tree_node *part_below(struct paging_region *r, uint64_t va)
{
    if (r->near != NULL && r->near->key <= va && va < r->near_end) {
        return r->near;
    }
    return part_search(r, va);
}

struct paging_part *part_at(struct paging_region *r, uint64_t va)
{
    struct tree_node *n = part_below(r, va);
    return n != NULL && va - n->key < n->bytes ? NODE_PART(n) : NULL;
}

void part_add(struct paging_region *r, struct paging_part *p)
{
    struct tree_node *below = part_below(r, p->node.key);
    tree_insert_after(&r->parts, below, &p->node);
    if (below != NULL) {
        r->near = &p->node;              /* the next one is the same */
    }
}

static void part_take_out(struct paging_region *r, struct paging_part *p)
{
    tree_remove(&r->parts, p->node.key);
    r->near = NULL;
}

static uint64_t part_unit(const struct paging_part *p)
{
    return p->node.bytes / p->count;
}

/* What the entry of page `i` must allow; ret_count: for how many entries that is so. */
static uint32_t part_flags(const struct paging_region *r, const struct paging_part *p, uint32_t i,
                           uint32_t *ret_count)
{
    uint64_t unit = part_unit(p);
    uint64_t va = p->node.key + i * unit;
    uint64_t end;
    uint32_t flags = access_at(r, va, &end);
    uint64_t left = p->node.key + p->node.bytes;
    uint32_t count = (uint32_t)(((end < left ? end : left) - va + unit - 1) / unit);
    if (r->shared && p->store != NULL && (flags & AOS_VM_WRITE) != 0) {
        bool alone = store_alone(p->store, p->first + i);
        uint32_t same = 1;
        while (same < count && store_alone(p->store, p->first + i + same) == alone) {
            same++;
        }
        count = same;
        flags = alone ? flags : flags & ~AOS_VM_WRITE;
    }
    *ret_count = count;
    return flags;
}

/* The frame of the part; 0: it is somebody else's affair. */
static inline caddr_t part_frame(const struct paging_region *r, const struct paging_part *p,
                          uint64_t *ret_off)
{
    if (p->store != NULL) {
        *ret_off = p->first * part_unit(p);
        return p->store->frame;
    }
    *ret_off = p->node.key - region_start(r);
    return r->frame;
}

/* Pages with different access. */
static __attribute__((noinline)) errval_t part_map_mixed(struct paging_state *st,
                                                         struct paging_region *r,
                                                         struct paging_part *p)
{
    uint64_t off;
    uint32_t count;
    caddr_t frame = part_frame(r, p, &off);
    uint32_t flags = part_flags(r, p, 0, &count);
    errval_t err = table_map(st, p, frame, off, flags);
    for (uint32_t i = count; i < p->count && err_is_ok(err); i += count) {
        flags = part_flags(r, p, i, &count);
        err = inv_mapping_modify(p->mapping, (uint16_t)i, (uint16_t)count, flags);
    }
    return err;
}

errval_t part_map(struct paging_state *st, struct paging_region *r, struct paging_part *p)
{
    uint64_t off;
    if (r->access != NULL || r->shared) {
        return part_map_mixed(st, r, p);
    }
    caddr_t frame = part_frame(r, p, &off);
    return table_map(st, p, frame, off, r->flags);
}

void part_drop(struct paging_state *st, struct paging_region *r, struct paging_part *p)
{
    part_take_out(r, p);
    if (p->mapping != 0) {
        table_unmap(st, p);
    }
    if (p->store != NULL) {
        store_release(p->store, p->first, p->count);
    }
    mem_free(MEM_SLAB_PART, p);
}

struct paging_part *part_new(struct paging_region *r, uint64_t va, struct paging_store *store,
                             uint32_t first, uint32_t count)
{
    struct paging_part *p = mem_new(MEM_SLAB_PART);
    p->node.key = va;
    p->node.bytes = count * r->unit;
    p->count = (uint16_t)count;
    p->store = store;
    p->first = first;
    part_add(r, p);
    return p;
}

errval_t part_cut(struct paging_state *st, struct paging_region *r, uint64_t va)
{
    struct paging_part *p = part_at(r, va);
    uint64_t off;
    if (p == NULL || p->node.key == va) {
        return ERR_OK;
    }
    if (va % part_unit(p) != 0 || part_frame(r, p, &off) == 0) {
        return LIB_ERR_BAD_ALIGN;
    }
    uint32_t low = (uint32_t)((va - p->node.key) / part_unit(p));
    struct paging_part *high = mem_new(MEM_SLAB_PART);
    high->node.key = va;
    high->node.bytes = p->node.bytes - (va - p->node.key);
    high->count = (uint16_t)(p->count - low);
    high->store = p->store;
    high->first = p->first + low;
    bool mapped = p->mapping != 0;
    errval_t err = ERR_OK;
    /* Other threads, and disabled code of theirs, may use the pages at any time: nobody sees them
     * gone. */
    disp_disable_touched();
    if (mapped) {
        table_unmap(st, p);
    }
    p->count = (uint16_t)low;
    tree_resize(&r->parts, p->node.key, va - p->node.key);
    part_add(r, high);
    if (mapped) {
        err = part_map(st, r, p);
        if (err_is_ok(err)) {
            err = part_map(st, r, high);
        }
    }
    disp_enable();
    USER_CHECK(err_is_ok(err));          /* slots and tables are there, the entries were its own */
    return ERR_OK;
}

errval_t part_protect(struct paging_region *r, uint64_t va, uint64_t end)
{
    struct tree_node *n = tree_below(r->parts, va);
    if (n == NULL || va - n->key >= n->bytes) {
        n = tree_above(r->parts, va);
    }
    for (; n != NULL && n->key < end; n = tree_above(r->parts, n->key + 1)) {
        struct paging_part *p = NODE_PART(n);
        uint64_t unit = part_unit(p);
        uint32_t i = va > n->key ? (uint32_t)((va - n->key) / unit) : 0;
        uint32_t last = end - n->key < n->bytes ? (uint32_t)((end - n->key) / unit) : p->count;
        while (p->mapping != 0 && i < last) {
            uint32_t count;
            uint32_t flags = part_flags(r, p, i, &count);
            count = count < last - i ? count : last - i;
            errval_t err = inv_mapping_modify(p->mapping, (uint16_t)i, (uint16_t)count, flags);
            if (err_is_fail(err) && err_no(err) != SYS_ERR_CAP_NOT_FOUND) {
                return err;
            }
            i += count;
        }
    }
    return ERR_OK;
}
