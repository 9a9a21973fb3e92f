/* What client bindings, server connections and event sources have in common: one end of a channel,
 * whose cookie is the address of its struct chan. Fields are private to libaos/chan and generated
 * code; programs use binding.h, server.h and waitset.h.
 *
 * State of a channel is changed only while the domain is disabled (aos/dispatch.h), so threads need
 * no locks for it. */
#pragma once

#include <aos/dispatch.h>
#include <aos/msg.h>
#include <aos/types.h>

struct waitset;

enum chan_role {
    CHAN_BINDING = 1,
    CHAN_CONN,
    CHAN_SOURCE,
    CHAN_RAW,
};

enum chan_state {
    CHAN_CLOSED = 0,
    CHAN_OPEN,
    CHAN_GONE, /* the peer ended; nothing more can be sent */
    CHAN_OPENING, /* binding_reopen introduces itself to a new peer: only it may send */
};

/* One direction of the message area: one slot per call (and per event in flight), fixed size. */
struct chan_area {
    uint8_t *base; /* NULL: not set up */
    uint32_t slot_bytes;
    uint32_t bytes;
    caddr_t frame; /* of the side that made it, else 0 */
    bool shared;   /* loopback: mapped by the other side */
};

struct chan;
struct binding;
struct binding_call;

/* A way for messages that is neither LMP nor loopback (UMP: libaos/chan/ump.c). */
struct chan_carrier {
    /* As chan_send. */
    errval_t (*send)(struct chan *c, const struct lmp_msg *msg, struct msg_cap cap);
    /* The same without a capability, disabled. */
    errval_t (*send_disabled)(struct chan *c, const struct lmp_msg *msg);
    /* A thread is about to block until something comes: true if something came, the end of the
     * channel, too. Disabled. */
    bool (*wait_disabled)(struct chan *c);
    /* From the ready list: takes in what has come, and puts the channel back there unless it may
     * sleep. A connection is held by the caller. */
    void (*run)(struct chan *c);
    /* A call that fits the registers; binding_call_long if anything is in the way. */
    errval_t (*call)(struct binding *b, struct lmp_regs *r);
    /* As binding_call_direct. */
    bool (*call_direct)(struct binding *b, struct binding_call *call, errval_t *ret_err);
    /* Nothing is sent or delivered after this. In thread context. */
    void (*close)(struct chan *c);
    /* After the close: nobody looks at the channel any more. */
    void (*free)(struct chan *c);
};

struct chan {
    /* 0x00 of the headers of calls, one word for the fast path: the generation that the next call
     * in txid slot 0 has, and the low byte of the agreed hash (chan_hash), in their positions */
    uint32_t tx, hash;
    caddr_t end;        /* 0x08 own end; 0: loopback */
    uint32_t slow;      /* 0x0c CHAN_SLOW_*: not 0, calls and requests leave the fast path */
    uint8_t role;       /* 0x10 enum chan_role */
    uint8_t state;      /* enum chan_state */
    bool ready;         /* in the ready list of ws */
    bool owns_ram;      /* this side made the channel: its RAM comes back here */
    bool paused;        /* no messages come now (chan_pause_disabled) */
    uint8_t full;       /* CHAN_FULL_*: not 0, something found no room, and an event is to come */
    struct waitset *ws;
    struct chan *ready_next;
    struct chan *peer;                  /* loopback: the other half */
    const struct chan_carrier *carrier; /* NULL: LMP or loopback */
    struct ump *ump;                    /* of the carrier */
    uint32_t ring_bytes;
    struct chan_area out, in;
    struct chan_area region; /* lent buffers, both directions */
    struct chan *all_next;   /* of the list of all bindings and connections */
};

_Static_assert(offsetof(struct chan, tx) == 0x00, "assembly uses it");
_Static_assert(offsetof(struct chan, hash) == 0x04, "assembly uses it");
_Static_assert(offsetof(struct chan, end) == 0x08, "assembly uses it");
_Static_assert(offsetof(struct chan, slow) == 0x0c, "assembly uses it");
_Static_assert(offsetof(struct chan, ump) == 0x38, "assembly uses it");

/* The low byte of the agreed hash in its header position. */
static inline uint64_t chan_hash(const struct chan *c)
{
    return (uint64_t)c->hash << 32;
}
static inline void chan_hash_set(struct chan *c, uint64_t hash)
{
    c->hash = (uint32_t)((hash & 0xff) << (MSG_HASH_SHIFT - 32));
}

#define CHAN_SLOW_CARRIER  0x1u  /* not LMP */
#define CHAN_SLOW_BUSY     0x2u  /* txid slot 0 is in use */
#define CHAN_SLOW_STATE    0x4u  /* not open */
#define CHAN_SLOW_DEADLINE 0x8u  /* the deadline is shorter than the sweep interval */
#define CHAN_SLOW_UNBOUND  0x10u /* connection: the client has not introduced itself */
#define CHAN_SLOW_QUEUED   0x20u /* connection: requests wait in user space */
#define CHAN_SLOW_DEFERRED 0x40u /* connection: calls of it are still to be answered */
#define CHAN_SLOW_TRACE    0x80u /* messages are recorded (aos/trace.h) */
#define CHAN_SLOW_CANCEL   0x100u /* connection: a call was cancelled that may be being handled */
#define CHAN_SLOW_SWEEP    0x200u /* binding: the sweep timer is to be looked at before a call */

/* Where there was no room. */
#define CHAN_FULL      0x1u /* in the peer's queue: chan_room_disabled when half of it is free */
#define CHAN_FULL_LINE 0x2u /* beside a ring, for a capability: when it is rung */

#define CHAN_CALLS_MAX  8u /* calls in flight on one binding: txid slots */
#define CHAN_EVENTS_MAX 4u /* events in flight on one binding */
/* Streams open on one binding; they have the last txid slots: slot 0 stays for the others. */
#define CHAN_STREAMS_MAX 4u
#define CHAN_STREAM_SLOT (CHAN_CALLS_MAX - CHAN_STREAMS_MAX)
#define CHAN_WINDOW_MAX  16u /* items of one stream in flight (stubgen's WINDOW_MAX) */
/* A channel's ring holds all that one connection may have in flight in one direction. Without
 * streams it has this size. */
#define CHAN_RING_BYTES 8192u

/* Framework calls: ordinal 0, the operation in word 0. */
enum chan_op {
    CHAN_OP_BIND = 1,  /* id | version << 32, hash -> version, hash */
    CHAN_OP_CLONE,     /* pid, flags -> EndPoint */
    CHAN_OP_AREA,      /* direction (0 requests, 1 replies), slot bytes, bytes; Frame */
    CHAN_OP_SUBSCRIBE, /* event ordinal, on */
    CHAN_OP_REGION,    /* bytes -> bytes that the server mapped of them; Frame */
    CHAN_OP_BELL,      /* Notify of the client -> Notify of the server (remote.c) */
    CHAN_OP_UPGRADE,   /* bytes; Frame of two rings, which the monitor adds -> Frame (remote.c) */
};

/* Control messages (kind control) between stubs; the kernel makes up those below (kpi/lmp.h). */
enum chan_control {
    CHAN_CONTROL_CAP = 16,    /* the next capability of the message with this txid */
    CHAN_CONTROL_EVENT_DONE,  /* client: the event in this slot was consumed */
    CHAN_CONTROL_ONEWAY_DONE, /* server: the oneway in this slot was consumed */
    CHAN_CONTROL_CREDIT,      /* client: it has read as many items of this stream; 1 word */
    CHAN_CONTROL_CANCEL,      /* client: nobody waits for the answer to this call */
    CHAN_CONTROL_REMOTE,      /* monitor: the peer is on another core */
    CHAN_CONTROL_RING_CAP,    /* beside a ring: capability number word 0 of this direction */
    CHAN_CONTROL_RING_BELL,   /* beside a ring: there is something in it */
    CHAN_CONTROL_ACK = 32,    /* UMP only: a line that says nothing but what was consumed */
};

/* Makes a channel: two EndPoints in fresh slots. Neither is bound. LIB_ERR_END_LIMIT: this domain
 * uses as many ends as it may (kpi/startup.h). */
errval_t chan_create(caddr_t *ret_own, caddr_t *ret_peer);
/* The same for an interface with streams whose windows are at most `window`. On a channel that is
 * too small for them, streams have smaller windows, and one that is not read can hold up others. */
errval_t chan_create_for(uint32_t window, caddr_t *ret_own, caddr_t *ret_peer);

/* The rest is for libaos/chan. */
void chan_open(struct chan *c, enum chan_role role, caddr_t end, struct waitset *ws);
void chan_close(struct chan *c);
/* Binds `end` with this struct as cookie and opens it. Takes the end, whatever it returns. */
errval_t chan_bind(struct chan *c, enum chan_role role, caddr_t end, struct waitset *ws);
/* Sends without waiting, in thread context. SYS_ERR_LMP_*: nothing was sent, the capability is
 * where it was. */
errval_t chan_send(struct chan *c, const struct lmp_msg *msg, struct msg_cap cap);
/* For who waits for room, after chan_send has returned `err`, an error: with SYS_ERR_LMP_FULL it
 * sends once more, disabled, so that the event of room cannot come before `full` says that it is to
 * come. Returns what became of it; SYS_ERR_LMP_FULL: `full` is set, until chan_room_disabled. */
errval_t chan_full(struct chan *c, const struct lmp_msg *msg, struct msg_cap cap, errval_t err);
/* Both. */
static inline errval_t chan_send_room(struct chan *c, const struct lmp_msg *msg,
                                      struct msg_cap cap)
{
    errval_t err = chan_send(c, msg, cap);
    return __builtin_expect(err_is_ok(err), 1) ? ERR_OK : chan_full(c, msg, cap, err);
}
/* As chan_send and chan_full, without a capability, disabled. */
errval_t chan_send_disabled(struct chan *c, const struct lmp_msg *msg);
/* A capability that nobody asked for: deleted as soon as a thread has the time. */
void chan_discard_cap_disabled(caddr_t cap);
/* In thread context, on the way out of a wait: discarded capabilities, receive slots. */
void chan_tidy(void);
/* Not 0: there may be something to tidy. */
extern uint32_t chan_untidy;
void chan_ready_disabled(struct chan *c);
/* There is room again in what `which` (CHAN_FULL_*) says: whoever waits for it tries again. */
void chan_room_disabled(struct chan *c, uint8_t which);
/* What has come is more than there is room for: from now on the rest waits in the kernel, which has
 * room for the channel's ring, and then tells the sender so. LMP only; else nothing changes. Events
 * come, so this side goes on sending. */
void chan_pause_disabled(struct chan *c);
/* There is room again. */
void chan_resume_disabled(struct chan *c);

/* What arrived on a channel, by its role; it takes the capability of the message. */
void binding_deliver_disabled(struct chan *c, const struct lmp_msg *msg);
void conn_deliver_disabled(struct chan *c, const struct lmp_msg *msg);
void source_deliver_disabled(struct chan *c, const struct lmp_msg *msg);
void raw_deliver_disabled(struct chan *c, const struct lmp_msg *msg);
/* Work of a channel in the ready list, in thread context. False: the channel is no longer there. */
bool binding_run(struct chan *c);
bool conn_run(struct chan *c);
bool source_run(struct chan *c);
bool raw_run(struct chan *c);

/* Signals of `notify` raise the event of an end whose peer is `end`; signals it (may be disabled).
 */
errval_t chan_notify_connect(caddr_t notify, caddr_t end);
void chan_notify_signal(caddr_t notify);

/* Copies between private memory and an area that the peer may revoke. False: it is gone. */
bool chan_area_read(const struct chan_area *a, uint32_t slot, uint64_t *words, uint32_t count);
bool chan_area_write(const struct chan_area *a, uint32_t slot, const uint64_t *words,
                     uint32_t count);
/* The same for bytes at any place of an area; the caller has checked that they are in it. */
bool chan_area_get(const struct chan_area *a, uint32_t off, void *to, uint32_t bytes);
bool chan_area_put(const struct chan_area *a, uint32_t off, const void *from, uint32_t bytes);

_Static_assert(KPI_LMP_RING(CHAN_RING_BYTES) > CHAN_CALLS_MAX + CHAN_EVENTS_MAX,
               "replies always fit");
_Static_assert(CHAN_CALLS_MAX + CHAN_EVENTS_MAX + CHAN_STREAMS_MAX * CHAN_WINDOW_MAX <
                   KPI_LMP_RING(KPI_CHANNEL_BYTES_MAX),
               "items always fit");
