/* What ended domains leave. A range that was given up, or whose owner ended, is given out again
 * only after a probe: the kernel lets the service make a capability of the whole range only if no
 * descendant of the root overlaps it. */
#include "service_priv.h"

#include <aos/cap.h>
#include <aos/slot.h>
#include <aos/time.h>

/* first look at what an ended domain left; doubled up to */
#define SERVICE_REAP_NS      2000000ull
#define SERVICE_REAP_MAX_NS  1000000000ull
/* Ranges that are looked at in one go, so that one who leaves thousands delays nobody for long. */
#define SERVICE_REAP_MAX     64u
/* How long others may take to notice the end of a domain before what is left in its memory, which
 * may be of use to nobody and reachable by nobody, goes too. */
#define SERVICE_GRACE_NS     3000000000ull

errval_t service_retype(const struct memory_range *range, caddr_t *ret_cap)
{
    caddr_t slot;
    errval_t err = slot_alloc(&slot);

    if (err_is_fail(err)) {
        return err;
    }
    err = cap_retype(slot, service.roots[range->root], range->off, CAPTYPE_RAM, range->bytes, 1);
    if (err_is_fail(err)) {
        slot_free(slot);
        return err;
    }
    *ret_cap = slot;
    return ERR_OK;
}

bool service_probe(const struct memory_range *range)
{
    if (err_is_fail(cap_retype(service.probe_slot, service.roots[range->root], range->off,
                               CAPTYPE_RAM, range->bytes, 1))) {
        return false;
    }
    (void)cap_delete(service.probe_slot);
    return true;
}

/* May the dying region be given out again? Ends what is in it after the grace time. */
static bool service_clear(struct memory_region *r)
{
    struct memory_range range = {
        .root = r->root, .off = r->base - service.core.roots[r->root].base, .base = r->base,
        .bytes = r->bytes,
    };
    uint64_t now = time_now_ns();

    if (service_probe(&range)) {
        return true;
    }
    if (r->seen_ns == 0) {
        r->seen_ns = now;
    }
    return !r->patient && now - r->seen_ns >= SERVICE_GRACE_NS
           && err_is_ok(cap_revoke_part(service.roots[r->root], range.off, range.bytes))
           && service_probe(&range);
}

void service_reap(void *arg)
{
    struct memory_region *r;
    uint32_t count, freed = 0;

    (void)arg;
    mutex_lock(&service.lock);
    count = service.core.dying_count < SERVICE_REAP_MAX ? service.core.dying_count
                                                        : SERVICE_REAP_MAX;
    r = memory_dying_next(&service.core, NULL);
    while (count-- > 0) {
        struct memory_region *next = memory_dying_next(&service.core, r);

        if (service_clear(r)) {
            memory_reap(&service.core, r);
            freed++;
        } else {
            memory_dying_last(&service.core, r); /* the others first */
        }
        r = next;
    }
    if (service.core.dying != 0) {
        service.reap_ns = freed != 0 ? SERVICE_REAP_NS
            : service.reap_ns * 2 < SERVICE_REAP_MAX_NS ? service.reap_ns * 2 : SERVICE_REAP_MAX_NS;
        (void)waitset_timer_set(&service.ws, &service.reap_timer,
                                time_deadline_ns(service.reap_ns), service_reap, NULL);
    }
    mutex_unlock(&service.lock);
    service_return_soon();
}

void service_reap_soon(void)
{
    service.reap_ns = SERVICE_REAP_NS;
    (void)waitset_timer_set(&service.ws, &service.reap_timer, time_deadline_ns(SERVICE_REAP_NS),
                            service_reap, NULL);
}
