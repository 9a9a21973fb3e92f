/* Channels (kpi/lmp.h). A channel is one object of 4 to 64 KiB in RAM with two ends; an EndPoint
 * capability names (channel, side). A send on one end puts the message into the ring of the other.
 *
 * Invariants:
 *  1 `fast` is the receiver if the end is bound, nothing is queued and no flag is set, else NULL.
 *  2 An end is in exactly one list of its receiver (deliverable, no_slot) if it is bound and has
 *    something to receive, else in none. While it is held that is events only.
 *  3 A ring entry's slot holds a capability only while the entry is queued; a revoke may empty it
 *    meanwhile.
 *  4 Messages of one end are received in the order they were sent; peer-gone comes after all of
 *    them.
 *  5 A sender who has found the ring full is told once, when half of it is free or the end is
 *    deleted: from one to the other WANTED is set. */
#pragma once

/* Offsets used by fastpath.S. */
#define ENDPOINT_BYTES  128
#define ENDPOINT_FAST   0                /* `fast`, then `cookie` */

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kernel/cap.h>
#include <kernel/dispatcher.h>
#include <kpi/lmp.h>

struct lmp_entry {
    uint64_t header;
    uint64_t words[KPI_LMP_WORDS];
    uint64_t has_cap;                    /* sent with a capability, whatever became of it since */
    uint64_t reserved[6];
    struct cte slot;
};

struct endpoint {
    struct dispatcher *fast;             /* invariant 1 */
    uint64_t cookie;                     /* not 0 once bound */
    struct dispatcher *receiver;         /* NULL = unbound */
    struct endpoint *queue_next;         /* in receiver->deliverable or ->no_slot */
    struct endpoint *queue_prev;
    struct endpoint *bound_next;         /* in receiver->bound */
    struct endpoint *bound_prev;
    struct dispatcher *watched;          /* raise the peer when this one ends */
    struct endpoint *watch_next;         /* in watched->watchers */
    struct endpoint *watch_prev;
    uint16_t ring_size;                  /* entries */
    uint16_t head;                       /* oldest entry */
    uint16_t count;                      /* queued entries */
    uint8_t flags;                       /* ENDPOINT_EVENT_*, ENDPOINT_WANTED, ENDPOINT_HELD */
    uint8_t list;                        /* ENDPOINT_LIST_* */
    bool exists;                         /* the capability of this end is not deleted */
    bool log_watch;                      /* raise the peer when the kernel log grows */
    /* interrupt connected to this end, 0 = none (INTID 0 is no device's) */
    uint16_t irq;
    uint16_t notify;                     /* bit of the Notify connected to this end + 1, 0 = none */
    uint16_t reserved;
    uint64_t reserved2[4];
};

/* Flags. Most of the time none is set, so one look tells the fast paths. Events that were raised
 * and not yet received: */
#define ENDPOINT_EVENT_RAISED 0x1u
#define ENDPOINT_EVENT_GONE   0x2u
#define ENDPOINT_EVENT_ROOM   0x4u
#define ENDPOINT_WANTED       0x40u      /* who sends to this end wants to know of room */
#define ENDPOINT_HELD         0x80u      /* its receiver takes no messages now (endpoint.hold) */

#define ENDPOINT_LIST_NONE        0u
#define ENDPOINT_LIST_DELIVERABLE 1u
#define ENDPOINT_LIST_NO_SLOT     2u

/* ring_size entries for side 0, then as many for side 1. */
struct channel {
    struct endpoint end[2];
    struct lmp_entry entries[];
};

_Static_assert(sizeof(struct endpoint) == ENDPOINT_BYTES, "fastpath.S");
_Static_assert(offsetof(struct endpoint, fast) == ENDPOINT_FAST, "fastpath.S");
_Static_assert(offsetof(struct endpoint, cookie) == ENDPOINT_FAST + 8, "fastpath.S");
_Static_assert(sizeof(struct channel) +
                       2 * KPI_LMP_RING(KPI_CHANNEL_BYTES_MIN) * sizeof(struct lmp_entry) <=
                   KPI_CHANNEL_BYTES_MIN,
               "a channel has room for its rings");

/* The other end of the same channel: channels are page aligned. */
static inline struct endpoint *endpoint_peer(struct endpoint *end)
{
    return (struct endpoint *)((uintptr_t)end ^ ENDPOINT_BYTES);
}

/* Events that come before messages, whether these can come or not. */
#define ENDPOINT_EVENTS_FIRST (ENDPOINT_EVENT_RAISED | ENDPOINT_EVENT_ROOM)

/* Is there something to receive, for whoever is bound? */
static inline bool endpoint_due(const struct endpoint *end)
{
    if (__builtin_expect(end->flags == 0, 1)) {
        return end->count != 0;
    }
    if ((end->flags & ENDPOINT_EVENTS_FIRST) != 0) {
        return true;
    }
    return end->count != 0 ? (end->flags & ENDPOINT_HELD) == 0
                           : (end->flags & ENDPOINT_EVENT_GONE) != 0;
}

/* The end of the channel at physical address `base`. */
struct endpoint *endpoint_at(uint64_t base, unsigned side);
/* The end that an EndPoint capability names. */
static inline struct endpoint *endpoint_of(const struct cte *object)
{
    return (struct endpoint *)object->aux;
}

/* Life of the object; called by the capability system. `base` is physical, the memory is zeroed. */
void channel_object_init(uint64_t base, uint64_t bytes);
/* The capability of one end is deleted: wakes the peer with peer-gone, unbinds. Capabilities
 * queued for this end are the capability system's to delete: channel_slot. */
void endpoint_object_destroy(uint64_t base, unsigned side);
/* Slots that hold capabilities queued for `side`: 0 <= index < channel_slot_count. */
unsigned channel_slot_count(uint64_t base);
struct cte *channel_slot(uint64_t base, unsigned side, unsigned index);
/* An end that is bound, connected or watching does not move. */
bool endpoint_in_use(uint64_t base, unsigned side);

/* Raises an event at the receiver of `end`'s peer, as if sent on `end`; still one if already
 * raised. */
void lmp_raise(struct endpoint *end);

/* Whose wait a message has ended. */
struct lmp_woken {
    struct dispatcher *d;                /* NULL = nobody's */
    /* the message is in its frame already: it is in no queue */
    bool delivered;
};

/* Sends what the registers of kpi/lmp.h in `self->frame` say. On failure nothing is changed, but
 * with SYS_ERR_LMP_FULL an event of the own end tells of room. */
errval_t lmp_send(struct dispatcher *self);
/* The same for a sender that waits next if nothing is pending. `ret_woken` is written if the
 * message ended a wait. */
errval_t lmp_call(struct dispatcher *self, struct lmp_woken *ret_woken);

/* The receive slot that a capability came into (0 = it could not), and its type and rights as in
 * x11. */
struct lmp_cap_got {
    uint64_t addr;
    uint64_t info;
};
/* For fastpath.S, which has found everything else in order: the capability that `xfer`, x10 of a
 * CALL, names goes to `to`, who waits at `peer`. If it cannot, nothing is changed, and the way
 * through C tells why. */
struct lmp_cap_got lmp_fast_cap(struct dispatcher *self, struct dispatcher *to,
                                struct endpoint *peer, uint64_t xfer);

/* Takes the next thing to receive and puts it into x0-x11 of self->frame; x0 = x1 = 0 if there is
 * nothing. */
void lmp_poll(struct dispatcher *self);

/* Makes `self` receive on `end`. */
errval_t lmp_bind(struct endpoint *end, struct dispatcher *self, uint64_t cookie);
/* `self`, who receives on `end`, gets no messages there until the next lmp_bind; what is queued
 * stays with it, and events come. SYS_ERR_NOT_BOUND, SYS_ERR_END_IN_USE: nobody or another than
 * `self` receives. */
errval_t lmp_hold(struct endpoint *end, struct dispatcher *self);
/* Unbinds an end of `d`; what is queued stays with it. False: none is bound. */
bool lmp_unbind_one(struct dispatcher *d);
#endif
