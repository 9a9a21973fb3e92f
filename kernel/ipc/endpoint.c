/* Ends of channels: their life, their receivers, their events (invariants: kernel/lmp.h). */
#include <kernel/lmp.h>
#include <kernel/ends.h>
#include <kernel/memory.h>
#include <kernel/panic.h>

#include "endpoint_priv.h"

struct endpoint *endpoint_at(uint64_t base, unsigned side)
{
    return &((struct channel *)phys_to_virt(base))->end[side];
}

static void endpoint_list_append(struct endpoint_list *list, struct endpoint *end)
{
    end->queue_next = NULL;
    end->queue_prev = list->last;
    if (list->last != NULL) {
        list->last->queue_next = end;
    } else {
        list->first = end;
    }
    list->last = end;
}

static void endpoint_list_remove(struct endpoint_list *list, struct endpoint *end)
{
    if (end->queue_prev != NULL) {
        end->queue_prev->queue_next = end->queue_next;
    } else {
        list->first = end->queue_next;
    }
    if (end->queue_next != NULL) {
        end->queue_next->queue_prev = end->queue_prev;
    } else {
        list->last = end->queue_prev;
    }
}

void endpoint_enlist(struct endpoint *end, uint8_t which)
{
    struct dispatcher *d = end->receiver;

    kernel_assert(d != NULL);
    if (end->list == ENDPOINT_LIST_DELIVERABLE) {
        endpoint_list_remove(&d->deliverable, end);
    } else if (end->list == ENDPOINT_LIST_NO_SLOT) {
        endpoint_list_remove(&d->no_slot, end);
    }
    if (which == ENDPOINT_LIST_DELIVERABLE) {
        endpoint_list_append(&d->deliverable, end);
    } else if (which == ENDPOINT_LIST_NO_SLOT) {
        endpoint_list_append(&d->no_slot, end);
        d->slot_told = false;
    }
    end->list = which;
    d->pending &= ~(DISP_PENDING_MESSAGE | DISP_PENDING_SLOT);
    if (d->deliverable.first != NULL) {
        d->pending |= DISP_PENDING_MESSAGE;
    }
    if (d->no_slot.first != NULL) {
        d->pending |= DISP_PENDING_SLOT;
    }
    dispatcher_page(d)->pending = d->pending;
}

void endpoint_raise(struct endpoint *end, uint8_t event)
{
    if (!end->exists) {
        return;
    }
    end->flags |= event;
    end->fast = NULL;
    if (end->receiver != NULL && end->list != ENDPOINT_LIST_DELIVERABLE) {
        endpoint_enlist(end, ENDPOINT_LIST_DELIVERABLE);
        dispatcher_notify(end->receiver);
    }
}

static void endpoint_unbind(struct endpoint *end)
{
    struct dispatcher *d = end->receiver;

    if (d == NULL) {
        return;
    }
    endpoint_enlist(end, ENDPOINT_LIST_NONE);
    if (end->bound_prev != NULL) {
        end->bound_prev->bound_next = end->bound_next;
    } else {
        d->bound = end->bound_next;
    }
    if (end->bound_next != NULL) {
        end->bound_next->bound_prev = end->bound_prev;
    }
    end->bound_next = NULL;
    end->bound_prev = NULL;
    end->receiver = NULL;
    end->fast = NULL;
    end->flags &= (uint8_t)~ENDPOINT_HELD;
}

/* The ends of a dead dispatcher are unbound step by step; nobody has to wait for that. */
static void endpoint_unbind_dead(struct endpoint *end)
{
    if (end->receiver != NULL && end->receiver->state == DISP_DEAD) {
        endpoint_unbind(end);
    }
}

void channel_object_init(uint64_t base, uint64_t bytes)
{
    struct channel *channel = phys_to_virt(base);

    for (unsigned side = 0; side < 2; side++) {
        channel->end[side].ring_size = (uint16_t)KPI_LMP_RING(bytes);
        channel->end[side].exists = true;
    }
}

void endpoint_object_destroy(uint64_t base, unsigned side)
{
    struct channel *channel = phys_to_virt(base);
    struct endpoint *end = &channel->end[side];
    struct endpoint *peer = &channel->end[1 - side];

    endpoint_unbind(end);
    ends_forget(end);
    end->exists = false;
    kernel_assert(end->list == ENDPOINT_LIST_NONE && end->fast == NULL);
    if (!peer->exists) {
        return;
    }
    peer->flags &= (uint8_t)~ENDPOINT_WANTED;
    peer->flags |= ENDPOINT_EVENT_GONE;
    endpoint_update(peer);
    if ((end->flags & ENDPOINT_WANTED) != 0) {
        /* Perhaps it takes no messages, after which it would hear of the end. */
        endpoint_raise(peer, ENDPOINT_EVENT_ROOM);
    }
}

unsigned channel_slot_count(uint64_t base)
{
    return ((struct channel *)phys_to_virt(base))->end[0].ring_size;
}

struct cte *channel_slot(uint64_t base, unsigned side, unsigned index)
{
    struct channel *channel = phys_to_virt(base);

    return &channel->entries[side * channel->end[side].ring_size + index].slot;
}

bool endpoint_in_use(uint64_t base, unsigned side)
{
    struct endpoint *end = endpoint_at(base, side);

    endpoint_unbind_dead(end);
    return end->receiver != NULL || end->watched != NULL || end->irq != 0 || end->notify != 0 ||
           end->log_watch;
}

void lmp_raise(struct endpoint *end)
{
    endpoint_raise(endpoint_peer(end), ENDPOINT_EVENT_RAISED);
}

errval_t lmp_bind(struct endpoint *end, struct dispatcher *self, uint64_t cookie)
{
    endpoint_unbind_dead(end);
    if (end->receiver != NULL && end->receiver != self) {
        return SYS_ERR_END_IN_USE;
    }
    end->cookie = cookie;
    if (end->receiver == NULL) {
        end->receiver = self;
        end->bound_prev = NULL;
        end->bound_next = self->bound;
        if (self->bound != NULL) {
            self->bound->bound_prev = end;
        }
        self->bound = end;
    }
    end->flags &= (uint8_t)~ENDPOINT_HELD;
    endpoint_update(end);
    return ERR_OK;
}

errval_t lmp_hold(struct endpoint *end, struct dispatcher *self)
{
    endpoint_unbind_dead(end);
    if (end->receiver != self) {
        return end->receiver == NULL ? SYS_ERR_NOT_BOUND : SYS_ERR_END_IN_USE;
    }
    end->flags |= ENDPOINT_HELD;
    endpoint_update(end);
    return ERR_OK;
}

bool lmp_unbind_one(struct dispatcher *d)
{
    if (d->bound == NULL) {
        return false;
    }
    endpoint_unbind(d->bound);
    return true;
}
