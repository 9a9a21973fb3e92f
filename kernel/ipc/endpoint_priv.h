/* Between the files of kernel/ipc. */
#pragma once

#include <kernel/lmp.h>

/* Puts a bound end into the list `which` of its receiver, at the end, or into none. */
void endpoint_enlist(struct endpoint *end, uint8_t which);
/* Raises an event that comes before messages (ENDPOINT_EVENTS_FIRST). */
void endpoint_raise(struct endpoint *end, uint8_t event);

/* Restores invariants 1 and 2 after something arrived, was received, or the end was bound. */
static inline void endpoint_update(struct endpoint *end)
{
    struct dispatcher *d = end->receiver;

    end->fast = (end->count | end->flags) == 0 ? d : NULL;
    if (d == NULL) {
        return;
    }
    if (!endpoint_due(end)) {
        if (end->list != ENDPOINT_LIST_NONE) {
            endpoint_enlist(end, ENDPOINT_LIST_NONE);
        }
    } else if (end->list == ENDPOINT_LIST_NONE) {
        endpoint_enlist(end, ENDPOINT_LIST_DELIVERABLE);
        dispatcher_notify(d);
    }
}
