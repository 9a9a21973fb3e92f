/* The memory of services that have ended. Clients still have ends of its channels, and see them end
 * by that; so it is given back when they have let go, or after a while, whatever other cores have
 * of it. That may have to wait for them, and so for init's main thread, which only buries. */
#include "init_priv.h"

#include <stdlib.h>

#include <aos/cap.h>
#include <aos/ram.h>
#include <aos/slot.h>
#include <aos/time.h>

#define GRAVE_NS 3000000000ull           /* as long as clients may take to notice the end */

struct grave {
    struct grave *next;
    caddr_t ram;
    uint64_t bytes, dug_ns;
};

static struct {
    struct mutex lock;                   /* held for the list only */
    struct grave *first;
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

static void yard_put(struct grave *g)
{
    mutex_lock(&yard.lock);
    g->next = yard.first;
    yard.first = g;
    mutex_unlock(&yard.lock);
}

struct grave *init_dig(void)
{
    return calloc(1, sizeof(struct grave));
}

void init_bury(struct grave *g, caddr_t ram, uint64_t bytes)
{
    g->ram = ram;
    g->bytes = bytes;
    g->dug_ns = time_now_ns();
    yard_put(g);
}

void init_visit_graves(bool all)
{
    uint64_t now = time_now_ns();
    struct grave *g, *next;

    mutex_lock(&yard.lock);
    g = yard.first;
    yard.first = NULL;                   /* each is looked at by one thread */
    mutex_unlock(&yard.lock);
    for (; g != NULL; g = next) {
        bool due = all || now - g->dug_ns >= GRAVE_NS || grave_unused(g);

        next = g->next;
        if (due && err_is_ok(ram_free(g->ram))) {
            free(g);
        } else {
            yard_put(g);
        }
    }
}
