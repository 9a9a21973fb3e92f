/* Address spaces as a whole: looking up. */
#include <abi/user.h>
#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/slot.h>

#include "mem_priv.h"
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
