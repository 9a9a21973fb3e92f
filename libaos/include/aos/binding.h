/* Client side of a connection: the runtime under the generated stubs of <if/NAME.h>. A binding
 * speaks one interface over one channel end and may be used by all threads of the domain. A call
 * blocks only its thread, at most until the binding's deadline; a timed-out call keeps its txid
 * slot until its answer or the end of the peer. The struct is the caller's memory and stays where
 * it is until the close.
 *
 * Ownership: a capability sent with `move` is gone from the caller's slot and the slot is free
 * again, whatever the call returns; one sent with `copy` stays. Received capabilities are in fresh
 * slots and the caller's. */
#pragma once

#include <aos/chan.h>
#include <aos/lend.h>
#include <aos/thread.h>
#include <aos/timer.h>
#include <aos/waitset.h>

struct binding;
struct binding_call;

#define BINDING_KEEP_MAX 4u

/* What the framework must know of a method to judge its answer. Indexed by ordinal. */
struct client_method {
    const uint16_t *fails; /* codes of the errors it lists */
    uint8_t fails_count;
    bool large; /* request or reply may need the message area */
};

struct client_interface {
    const char *name;
    uint64_t hash;
    uint64_t deadline_ns;
    uint16_t id;
    uint16_t version;
    uint16_t method_count;       /* one above the largest ordinal */
    uint16_t request_area_words; /* largest request that needs the area; 0: none does */
    uint16_t reply_area_words;   /* the same for replies and events */
    uint32_t region_bytes;       /* of lent buffers; 0: they fit the messages */
    bool region_written;         /* by the server */
    const struct client_method *methods;
    /* Decodes an event and calls the handler of `events`; NULL: the interface has none. */
    void (*on_event)(struct binding *b, const struct binding_call *event);
};

/* What binding_call sends and brings, all in the caller's memory. */
struct binding_call {
    uint64_t header;                 /* ordinal, kind and shape; out: as received */
    uint64_t *words;                 /* in: request; out: reply */
    uint32_t words_max;              /* room in words */
    uint32_t caps_max;               /* room in `got` */
    const struct msg_cap *caps;      /* to send, as many as the shape says */
    caddr_t *got;                    /* received */
    uint32_t *got_info;              /* type | rights << 8 of each */
    uint64_t keep[BINDING_KEEP_MAX]; /* callback form: arguments that judge the reply */
    const struct lend_set *lends;    /* NULL: the method has no leases */
    struct binding_lend *lent;
};

enum pending_state {
    PENDING_FREE = 0,
    PENDING_TAKEN, /* being sent */
    PENDING_WAITING,
    PENDING_DONE,
    PENDING_LOST,   /* timed out: waits for a late answer */
    PENDING_ONEWAY, /* until the server has read the area slot */
};

/* A call in flight: one per txid slot. */
struct pending {
    uint64_t header; /* as sent */
    uint32_t tx;     /* generation and slot, in their header positions */
    uint8_t state;   /* enum pending_state */
    uint32_t lent_off, lent_bytes; /* its range of the region, until it is free again */
    uint8_t caps_count;
    bool callback;
    bool answered; /* the late answer came before the callback ran */
    errval_t err;
    struct thread_queue waiter;
    struct lmp_msg msg; /* the reply; its cap is caps[0] */
    caddr_t caps[MSG_CAPS_MAX];
    uint32_t caps_info[MSG_CAPS_MAX];
    struct timer timer; /* callback form */
    struct binding *binding;
    /* Callback form: decodes the reply and calls done. */
    void (*complete)(struct binding *b, errval_t err, const struct binding_call *reply,
                     void (*done)(void), void *arg);
    void (*done)(void);
    void *arg;
    uint64_t keep[BINDING_KEEP_MAX];
};

struct binding {
    struct chan chan; /* first: its address is the cookie */
    const struct client_interface *iface;
    uint64_t deadline_ns; /* how long a call may take */
    uint32_t version;     /* of the server */
    bool setup_done;      /* the message area exists, or none is needed */
    uint8_t events_count;
    uint8_t events_head;
    struct thread_queue slot_waiters;
    struct mutex
        setup_lock;     /* one thread makes the area; one at a time sends several capabilities */
    const void *events; /* handlers: struct NAME_event_ops */
    void *events_arg;
    struct work gone;   /* posted when the peer has ended; fn NULL: nobody wants to know */
    struct pending pending[CHAN_CALLS_MAX];
    struct lmp_msg event_msgs[CHAN_EVENTS_MAX];
};

/* Binds `end` and exchanges id, version and hash. Takes the end, whatever it returns:
 * RPC_ERR_VERSION, RPC_ERR_PEER_GONE, RPC_ERR_TIMEOUT, or the kernel's error. */
errval_t binding_open(struct binding *b, caddr_t end, const struct client_interface *iface);
/* For an end of whatever interface, not bound to a version: it can be cloned and nothing else. */
errval_t binding_open_any(struct binding *b, caddr_t end);
/* Loopback: a server of this process, without the kernel. */
struct server;
errval_t binding_open_loop(struct binding *b, struct server *server,
                           const struct client_interface *iface);
/* Ends the connection. No thread may be in a call; callbacks in flight get RPC_ERR_CANCELLED. */
void binding_close(struct binding *b);
/* How long calls may take from now on; AOS_FOREVER: for ever. The default is the interface's. */
void binding_set_deadline(struct binding *b, uint64_t ns);
/* Callbacks and events are run by this waitset. Before the first of them. */
void binding_set_waitset(struct binding *b, struct waitset *ws);
bool binding_is_open(const struct binding *b);

/* A fresh client end of the same service. Its peer pid is the caller's own; a trusted client
 * (server_new_trusted_end) may name another, and may ask with BINDING_CLONE_TRUSTED for an end that
 * is trusted like its own. RPC_ERR_CAPABILITY: it may not. */
#define BINDING_CLONE_OWN     UINT64_MAX /* pid: the caller's own */
#define BINDING_CLONE_TRUSTED 1u
errval_t binding_clone(struct binding *b, uint64_t pid, uint32_t flags, caddr_t *ret_end);
/* The callback form: `done` runs in the waitset of the binding; an error here means that it never
 * runs. */
errval_t binding_clone_cb(struct binding *b, uint64_t pid, uint32_t flags,
                          void (*done)(void *arg, errval_t err, caddr_t end), void *arg);
/* fn(arg) runs once in the waitset of the binding when the peer has ended (not for a close of this
 * side). The binding's memory must stay until what was posted to the waitset before its close has
 * run. */
void binding_on_peer_gone(struct binding *b, void (*fn)(void *arg), void *arg);
/* For generated code. */
/* The slow ways of a call in registers: nothing sent yet; sent, but something else came back. */
errval_t binding_call_regs(struct binding *b, struct lmp_regs *r);
errval_t binding_call_parked(struct binding *b, uint64_t sent, uint64_t cookie, struct lmp_regs *r);
errval_t binding_call(struct binding *b, struct binding_call *call);
errval_t binding_call_cb(struct binding *b, struct binding_call *call,
                         void (*complete)(struct binding *, errval_t, const struct binding_call *,
                                          void (*)(void), void *),
                         void (*done)(void), void *arg);
/* A oneway: RPC_ERR_AGAIN when the channel is full. */
errval_t binding_oneway(struct binding *b, struct binding_call *call);
errval_t binding_subscribe(struct binding *b, uint32_t ordinal, bool on);
/* The answer does not hold what was agreed: deletes its capabilities, returns RPC_ERR_BAD_REPLY. */
errval_t binding_bad_reply(const caddr_t *caps, uint32_t count);
errval_t binding_bad_reply1(caddr_t cap);
/* After a call that sent `cap` with move: frees its slot, and deletes what is still in it. */
void binding_moved(errval_t err, caddr_t cap);
