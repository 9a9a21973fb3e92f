/* Between the files of the UMP carrier. */
#pragma once

#include <aos/thread.h>
#include <aos/ump.h>

#include "chan_priv.h"
#include "ump_ring.h"

/* Messages that found no room in the ring: more than a peer that keeps to the rules can cause. */
#define UMP_BACKLOG_MAX (2u * (CHAN_CALLS_MAX + CHAN_EVENTS_MAX))

/* What a channel over UMP has beside its struct chan. Invariants:
 *  1. `ring`, `in` and the backlog change only while disabled, so a message is sent and received
 *     whole before another thread of the domain sees them.
 *  2. The channel of a connection, and of a binding with a waitset, is in the ready list of its
 *     waitset, or its doorbell is armed and not yet answered, or a thread is about to run it.
 *  3. Words that do not fit struct lmp_msg stand in the areas of the channel, as with LMP; only
 *     that these are private memory, to and from which the words are copied here.
 *  4. `dead`: neither ring is touched again. */
struct ump {
    struct ump_ring ring;
    union {
        struct {
            bool dead;
            bool parked; /* `in` is complete and waits for its capability */
            uint8_t backlog_count;
        };
        uint32_t odd; /* not 0: the short ways are not for this channel now */
    };
    uint32_t spin, idle; /* looks at an empty ring in a row: how many are allowed, and were */
    bool asleep; /* the bell was armed, and nobody has looked since */
    uint8_t backlog_head;
    const struct ump_caps_ops *caps;
    const struct ump_bell_ops *bell;
    void *ctx;
    struct chan *chan;
    struct ump *next; /* of all channels that are open */
    struct ump *before; /* of the same channel, whose peer has ended; dead */
    void (*closed)(void *ctx);
    void (*freed)(void *ctx);
    struct chan_area in_area, out_area; /* in `area` */
    struct chan_area in_before, out_before; /* what the channel had, and will have again */
    uint64_t caps_sent, caps_got;
    struct mutex caps_lock; /* capabilities are sent in the order of their messages */
    struct ump_message in;
    struct lmp_msg backlog[UMP_BACKLOG_MAX];
    uint64_t area[]; /* in, then out */
};

_Static_assert(offsetof(struct ump, odd) == 112 && offsetof(struct ump, spin) == 116,
               "assembly uses it");

extern const struct chan_carrier ump_carrier;
/* What a channel over UMP needs, not in use yet. LIB_ERR_RANGE, LIB_ERR_NO_MEMORY. */
errval_t ump_make_client(const struct client_interface *iface, const struct ump_config *config,
                         struct ump **ret_ump);
errval_t ump_make_server(const struct server_interface *iface, const struct ump_config *config,
                         struct ump **ret_ump);
/* The channel goes over it from now on. Disabled. */
void ump_take_over_disabled(struct chan *c, struct ump *u);
/* The channel, which was closed on this side, is without a carrier, as it was before. The memory
 * behind the ring stays until chan_carrier_free: somebody may be looking at an answer. Disabled. */
void ump_leave_disabled(struct chan *c);
/* May messages come and go? A binding that is being opened again already uses its new ring. */
static inline bool ump_is_up(const struct chan *c)
{
    return (c->state == CHAN_OPEN || c->state == CHAN_OPENING) && !c->ump->dead;
}
/* Takes in at most one message. False: there was none. Disabled. */
bool ump_step_disabled(struct chan *c);
/* Rings if the peer sleeps. After each send. Disabled. */
static inline void ump_bell_disabled(struct ump *u)
{
    if (ump_ring_bell(&u->ring) && u->bell != NULL) {
        u->bell->ring(u->ctx);
    }
}
/* Accesses to frames that are gone, as far as somebody has looked. Disabled. */
extern uint64_t ump_lost_seen;
/* Is there one that nobody has looked after? Who polls a ring asks, and leaves it to
 * ump_step_disabled. */
static inline bool ump_lost_disabled(void)
{
    return __builtin_expect(disp_page()->shared_lost != ump_lost_seen, 0);
}
/* The list of all. In thread context. */
void ump_enlist_disabled(struct ump *u);
void ump_delist(struct ump *u);
/* Puts a message into the ring or the backlog. Disabled. False: neither has room. */
bool ump_put_disabled(struct chan *c, const struct lmp_msg *msg);
/* Puts a message into the ring, wherever its words stand. Disabled. False: there is no room. */
bool ump_ring_put_disabled(struct chan *c, const struct lmp_msg *msg);
/* Ends the channel: the rules were broken, or the peer is gone. Disabled. */
void ump_kill_disabled(struct chan *c);

/* Of struct chan_carrier. */
errval_t ump_call(struct binding *b, struct lmp_regs *r);
bool ump_call_direct(struct binding *b, struct binding_call *call, errval_t *ret_err);
/* The rest of a call that was sent as `r->header`, and of which the stub expects `answer`. Enters
 * disabled, returns enabled. */
errval_t ump_call_sent(struct binding *b, uint64_t answer, struct lmp_regs *r);
/* Takes in requests and answers those that need nothing but their handler. False: there is nothing
 * more. Enters and returns disabled, enabled in between; the caller holds the connection. */
bool ump_serve_disabled(struct server_conn *conn);
