/* The memory of services that have ended. Clients still have ends of its channels, and see them end
 * by that; so it is given back when they have let go, or after a while. */
#include "init_priv.h"

#include <aos/cap.h>
#include <aos/ram.h>
#include <aos/slot.h>
#include <aos/time.h>

#define GRAVES_MAX 16u
#define GRAVE_NS   3000000000ull         /* as long as clients may take to notice the end */

struct grave {
    caddr_t ram;
    uint64_t bytes, dug_ns;
};

static struct {
    struct mutex lock;
    uint32_t count;                      /* oldest first */
    struct grave graves[GRAVES_MAX];
} yard;

/* Can a capability be made of this part? Not of one of which something is left. */
static bool grave_probe(caddr_t ram, uint64_t off, uint64_t bytes)
{
    caddr_t probe;

    if (err_is_fail(slot_alloc(&probe))) {
        return false;
    }
    if (err_is_fail(cap_retype(probe, ram, off, CAPTYPE_RAM, bytes, 1))) {
        slot_free(probe);
        return false;
    }
    (void)cap_destroy(probe);
    return true;
}

/* In halves: of the whole, RAM is not made of RAM. */
static bool grave_unused(const struct grave *g)
{
    uint64_t half = aos_round_down(g->bytes / 2, AOS_PAGE_BYTES);

    return half != 0 && grave_probe(g->ram, 0, half) && grave_probe(g->ram, half, g->bytes - half);
}

static void graves_visit_locked(bool all)
{
    uint64_t now = time_now_ns();
    uint32_t kept = 0;

    for (uint32_t i = 0; i < yard.count; i++) {
        const struct grave g = yard.graves[i];

        if (all || now - g.dug_ns >= GRAVE_NS || grave_unused(&g)) {
            (void)ram_free(g.ram);
        } else {
            yard.graves[kept++] = g;
        }
    }
    yard.count = kept;
}

void init_visit_graves(bool all)
{
    mutex_lock(&yard.lock);
    graves_visit_locked(all);
    mutex_unlock(&yard.lock);
}

void init_bury(caddr_t ram, uint64_t bytes)
{
    mutex_lock(&yard.lock);
    graves_visit_locked(false);
    if (yard.count == GRAVES_MAX) {
        graves_visit_locked(true);
    }
    yard.graves[yard.count++] = (struct grave){ram, bytes, time_now_ns()};
    mutex_unlock(&yard.lock);
}
