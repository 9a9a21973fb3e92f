/* Memory for the records of what the service before this one has left: programs may have as many
 * pieces as the vault has room for, and what this service starts with is not enough to know them
 * all. So it comes from where, by the vault, nothing is. */
#include "service_priv.h"

#include <aos/cap.h>
#include <aos/paging.h>
#include <aos/slot.h>

#define HOLE_UNITS_MAX 4096u             /* of a root, that are looked at */

/* By unit: something is in it. */
static bool hole_used[HOLE_UNITS_MAX];

/* The units of a root, of `unit` bytes, in which there is something; returns how many there are. */
static uint32_t hole_mark(uint32_t root, uint64_t unit)
{
    const uint64_t base = service.core.roots[root].base, bytes = service.core.roots[root].bytes;
    const uint32_t count = bytes / unit < HOLE_UNITS_MAX ? (uint32_t)(bytes / unit)
                                                         : HOLE_UNITS_MAX;
    const struct keep *k = &service.core.keep;

    for (uint32_t i = 0; i < count; i++) {
        hole_used[i] = false;
    }
    for (uint32_t i = 0; i < k->region_count; i++) {
        const struct keep_region *r = &k->vault->regions[i];
        uint64_t end = r->base + (uint64_t)r->pages * MEMORY_PAGE;

        if (r->state == 0 || r->base < base || r->base >= base + bytes || end <= r->base) {
            continue;
        }
        for (uint64_t at = (r->base - base) / unit; at < count && at <= (end - 1 - base) / unit;
             at++) {
            hole_used[at] = true;
        }
    }
    return count;
}

/* False: something is there that is not in the vault, or there is no room to map it. */
static bool hole_take(uint32_t root, uint64_t off, uint64_t bytes, void **ret_memory)
{
    caddr_t slot;

    if (err_is_fail(slot_alloc(&slot))) {
        return false;
    }
    if (err_is_fail(cap_retype(slot, service.roots[root], off, CAPTYPE_FRAME, bytes, 1))) {
        slot_free(slot);
        return false;
    }
    if (err_is_fail(paging_map_frame(paging_self(), slot, 0, bytes, AOS_VM_RW, ret_memory))) {
        (void)cap_destroy(slot);
        return false;
    }
    return true;
}

bool service_find_hole(uint64_t bytes, struct memory_range *ret_range, void **ret_memory)
{
    const uint64_t unit = aos_round_up(bytes, AOS_LARGE_BYTES);

    for (uint32_t root = 0; root < service.core.root_count; root++) {
        uint32_t count = service.roots[root] != 0 ? hole_mark(root, unit) : 0;

        for (uint32_t i = count; i > 0; i--) {
            const uint64_t off = (i - 1) * unit;

            if (!hole_used[i - 1] && hole_take(root, off, bytes, ret_memory)) {
                *ret_range = (struct memory_range){
                    .root = root, .off = off, .base = service.core.roots[root].base + off,
                    .bytes = bytes,
                };
                return true;
            }
        }
    }
    return false;
}
