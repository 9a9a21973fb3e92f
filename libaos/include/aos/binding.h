/* Client side of a connection: the runtime under the generated stubs of <if/NAME.h>. A binding
 * speaks one interface over one channel end and may be used by all threads of the domain. The
 * struct is the caller's memory and stays where it is until the close.
 *
 * Forms of a call `m` of interface `I`; none of them allocates memory:
 *   I_m            blocks its thread, at most until the binding's deadline; meanwhile it runs no
 *                  handler, callback or other work
 *   I_m_begin      sends and returns; I_m_end waits for the answer and reads it. Every begun call
 *                  is ended or cancelled, once; a lent buffer is the call's until then
 *   I_m_cb         sends and returns; `done` runs once in the waitset of the binding
 *   I_m_open       of a call with a stream: sends and returns; I_m_next waits for an item. Every
 *                  opened stream is closed with I_m_close, before its binding
 *
 * At most CHAN_CALLS_MAX calls are under way, of them CHAN_STREAMS_MAX streams. begin, cb and open
 * do not wait: with no place left, or a full channel, they return RPC_ERR_AGAIN;
 * binding_on_writable tells when to try again. The first message that needs the message area may
 * wait until it is made. A call that timed out or was cancelled keeps its place until its answer or
 * the end of the peer, so that a late answer finds nobody; the server is told that nobody waits.
 *
 * Ownership: a capability sent with `move` is gone from the caller's slot and the slot is free
 * again, whatever the call returns; one sent with `copy` stays. One sent with `borrow` stays, too,
 * and when the call has returned, been ended or cancelled, or its binding closed, nobody else has
 * it any more, nor anything that was copied from it or mapped with it. Received capabilities are in
 * fresh slots and the caller's. */
#pragma once

#include <aos/chan.h>
#include <aos/lend.h>
#include <aos/thread.h>
#include <aos/timer.h>
#include <aos/waitset.h>

struct binding;
struct binding_call;

/* Values of the request that judge the reply (stubgen's KEEP_MAX). */
#define BINDING_KEEP_MAX 6u

/* What the framework must know of a method to judge its answer. Indexed by ordinal. */
struct client_method {
    const uint16_t *fails; /* codes of the errors it lists */
    uint8_t fails_count;
    bool large; /* request, reply or item may need the message area */
    bool idempotent; /* may be executed twice: repeated after the peer's end (binding_set_finder) */
};

struct client_interface {
    const char *name;
    uint64_t hash;
    uint64_t deadline_ns;
    uint16_t id;
    uint16_t version;
    uint16_t method_count;       /* one above the largest ordinal */
    uint16_t request_area_words; /* largest request that needs the area; 0: none does */
    uint16_t reply_area_words;   /* the same for replies, events and items of streams */
    uint32_t region_bytes;       /* of lent buffers; 0: they fit the messages */
    bool region_written;         /* by the server */
    uint8_t window;              /* largest window of its streams; 0: it has none */
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
    uint64_t keep[BINDING_KEEP_MAX]; /* begin: arguments that judge the reply; end: the same */
    const struct lend_set *lends;    /* NULL: the method has no leases */
    struct binding_lend *lent;
};

/* What is lent until a call returns: `count` copies in slots from `first` on, and as many slots
 * behind them from which the loans were sent. */
struct binding_loans {
    caddr_t first;
    uint32_t count;
};

/* A call that was begun; all zero: none. */
struct binding_handle {
    struct binding *binding;
    uint32_t tx; /* generation and slot, in their header positions */
};

enum pending_state {
    PENDING_FREE = 0,
    PENDING_TAKEN, /* being sent */
    PENDING_WAITING,
    PENDING_DONE,
    PENDING_LOST,   /* timed out or cancelled: waits for a late answer */
    PENDING_ONEWAY, /* until the server has read the area slot */
    PENDING_STREAM, /* items and the end go to `stream`, which frees it */
};

/* A call in flight: one per txid slot. */
struct pending {
    uint64_t header; /* as sent */
    uint32_t tx;     /* generation and slot, in their header positions */
    uint8_t state;   /* enum pending_state */
    uint32_t lent_off, lent_bytes; /* its range of the region, until it is free again */
    uint8_t caps_count;
    bool callback;
    bool answered;   /* the answer came, or began to, after the deadline */
    bool cancel_due; /* the server is still to be told */
    bool begun;      /* counts for the limit of this domain */
    errval_t err;
    uint64_t deadline_ns; /* begun: when its end gives up by default */
    struct thread_queue waiter;
    struct lmp_msg msg; /* the reply; its cap is caps[0] */
    caddr_t caps[MSG_CAPS_MAX];
    uint32_t caps_info[MSG_CAPS_MAX];
    struct timer timer; /* callback form */
    struct binding *binding;
    /* Callback form: ends the call and calls done. */
    void (*complete)(struct binding_handle *call, void (*done)(void), void *arg);
    void (*done)(void);
    void *arg;
    uint64_t keep[BINDING_KEEP_MAX];
    struct binding_stream *stream;
    struct binding_loans loans; /* begun: ends with the call */
};

/* A stream that is read: the base of the generated struct I_m_stream, which is the caller's memory
 * and stays where it is until the close. One thread at a time reads it. */
struct binding_stream {
    struct binding *binding; /* NULL: closed, or the binding is */
    struct lmp_msg *items;   /* received and not read yet: a ring of `window` */
    uint32_t tx;
    uint32_t seq; /* items read */
    uint8_t window, head, count;
    uint8_t credits; /* items read of which the server does not know */
    bool held;       /* the txid slot is taken still: by what is to come, or is to be read */
    bool ended;      /* nothing more is to come */
    bool ready_wanted;
    errval_t err; /* of the end: RPC_ERR_STREAM_END if it was a good one */
    struct thread_queue waiter;
    struct work ready;
};

#define BINDING_WAITS_WRITABLE 0x1u /* `writable` is to be posted */
/* A request found no place in the table, or in the region, since one was given back last. */
#define BINDING_WAITS_PLACE    0x2u

struct binding {
    struct chan chan; /* first: its address is the cookie */
    const struct client_interface *iface;
    uint64_t deadline_ns; /* how long a call may take */
    uint32_t version;     /* of the server */
    bool setup_done;      /* the message area exists, or none is needed */
    bool remote;          /* the server is on another core: monitors pass the messages on */
    uint8_t events_count;
    uint8_t events_head;
    struct thread_queue slot_waiters;
    struct mutex
        setup_lock;     /* one thread makes the area; one at a time sends several capabilities */
    const void *events; /* handlers: struct NAME_event_ops */
    void *events_arg;
    struct work gone;   /* posted when the peer has ended; fn NULL: nobody wants to know */
    struct work writable; /* posted when a request may be sent again, if that is wanted */
    uint8_t waits;        /* BINDING_WAITS_* */
    struct thread_queue room_waiters; /* the channel was full for them */
    struct binding_loans loan_slots; /* empty ones, kept for the next call that lends */
    /* One try to get an end of the service that is there now; NULL: a gone binding stays gone. */
    errval_t (*find)(void *arg, caddr_t *ret_end);
    void *find_arg;
    struct mutex reopen_lock; /* held while it is opened again */
    uint64_t subscribed;      /* bit per ordinal below 64: to be asked for again */
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

/* A binding that outlives its peer: `find` makes one try, without a limit of its own, to get an
 * unused client end of whoever provides the service now. From then on, when the peer has ended,
 *   a call that blocks (I_m) and was not sent yet opens the binding again and is sent then;
 *   one that was sent and is `idempotent` is repeated; together with finding the service this takes
 *   at most BINDING_REOPEN_NS or the deadline, whichever is shorter, from when the end was noticed;
 *   any other that was sent fails with RPC_ERR_PEER_GONE: it may have been executed or not;
 *   everything that does not wait (begin, cb, open, oneways), and open streams, fail with
 *   RPC_ERR_PEER_GONE until a call or binding_reopen has opened the binding again.
 * Subscriptions are renewed with the binding; events that were not handled yet are dropped. */
void binding_set_finder(struct binding *b, errval_t (*find)(void *arg, caddr_t *ret_end),
                        void *arg);
#define BINDING_REOPEN_NS 5000000000ull
/* Opens it again if its peer has ended, trying until the time `deadline_ns`. RPC_ERR_PEER_GONE: in
 * vain, RPC_ERR_NOT_BOUND: it was closed, RPC_ERR_VERSION. No other call of the binding's may be
 * under way in the same thread. */
errval_t binding_reopen(struct binding *b, uint64_t deadline_ns);

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
 * side, nor after one). */
void binding_on_peer_gone(struct binding *b, void (*fn)(void *arg), void *arg);
/* After RPC_ERR_AGAIN: fn(arg) runs once in the waitset of the binding, as soon as a request may be
 * sent (which can fail again: there are others who send) or the peer has ended. A later call
 * replaces an earlier one that has not run. */
void binding_on_writable(struct binding *b, void (*fn)(void *arg), void *arg);

/* Gives up: the answer will be dropped, its capabilities deleted, and the server told. Empties the
 * handle; nothing happens if it is empty. */
void binding_call_cancel(struct binding_handle *h);
/* Would the end of this call return without waiting? */
bool binding_call_answered(const struct binding_handle *h);
/* Gives up the calls in callback form that were made with `arg`: their `done` runs with
 * RPC_ERR_CANCELLED. Returns how many there were. */
uint32_t binding_cancel_cb(struct binding *b, void *arg);
/* How long an end waits that is given no time of its own: the binding's deadline, counted from the
 * begin. */
#define BINDING_DEADLINE 0u

/* Waits until the next item or the end of the stream is there, at most until the time
 * `deadline_ns`: RPC_ERR_TIMEOUT. (I_m_next waits as long as any call. After a timeout the stream
 * is as before.) */
errval_t binding_stream_wait(struct binding_stream *s, uint64_t deadline_ns);
/* Would I_m_next return without waiting? */
bool binding_stream_ready(const struct binding_stream *s);
/* fn(arg) runs once in the waitset of the binding, which there must be (LIB_ERR_BAD_STATE), when
 * I_m_next would return without waiting; not after the close. */
errval_t binding_stream_on_ready(struct binding_stream *s, void (*fn)(void *arg), void *arg);

/* For generated code. */
/* The slow ways of a call in registers: nothing sent yet; sent, but not `answer`, the header that
 * was expected, came back, but what is in `r`, for `cookie`: delivers it, disabled throughout, and
 * then waits, if that went well. */
errval_t binding_call_regs(struct binding *b, struct lmp_regs *r);
errval_t binding_park_disabled(struct binding *b, uint64_t answer, uint64_t cookie,
                               const struct lmp_regs *r);
errval_t binding_call_parked(struct binding *b, uint64_t answer, errval_t sent_err,
                             struct lmp_regs *r);
errval_t binding_call(struct binding *b, struct binding_call *call);
/* An idempotent call of `count` words, at most MSG_REG_WORDS, whose reply fits the registers: made
 * again where binding_call would (binding_set_finder). `answer` is the header that is expected. */
errval_t binding_call_again(struct binding *b, uint64_t header, uint64_t answer,
                            const uint64_t *words, uint32_t count, struct lmp_regs *r);
/* Sends without waiting for the answer. On failure there is no handle. */
errval_t binding_begin(struct binding *b, struct binding_call *call,
                       struct binding_handle *ret_handle);
/* Waits for the answer until the time `deadline_ns` (BINDING_DEADLINE: the default) and reads it.
 * The handle is empty afterwards. LIB_ERR_BAD_STATE: it was already. */
errval_t binding_end(struct binding_handle *h, uint64_t deadline_ns, struct binding_call *call);
/* Makes a call in callback form of a begun one: `complete` runs once, in the waitset, which there
 * must be. */
void binding_then(const struct binding_handle *h,
                  void (*complete)(struct binding_handle *call, void (*done)(void), void *arg),
                  void (*done)(void), void *arg);
/* Sends a call whose items go into `items`. On failure nothing is open: a close does nothing. */
errval_t binding_stream_open(struct binding *b, struct binding_call *call,
                             struct binding_stream *ret_stream, struct lmp_msg *items,
                             uint8_t window);
/* Reads the next item. RPC_ERR_STREAM_END: there is none any more; or why the stream broke off. */
errval_t binding_stream_next(struct binding_stream *s, struct binding_call *item);
/* The item read last is not what was agreed: deletes its capability, breaks the stream off, and
 * returns RPC_ERR_BAD_REPLY. */
errval_t binding_stream_bad(struct binding_stream *s, const caddr_t *caps, uint32_t count);
/* Tells the server if there was more to come; what is not read is dropped, its capabilities
 * deleted. */
void binding_stream_close(struct binding_stream *s);
/* A oneway: RPC_ERR_AGAIN when the channel is full. */
errval_t binding_oneway(struct binding *b, struct binding_call *call);
/* An event of a newer server: skipped if it is flexible, else the end of the connection. */
void binding_unknown_event(struct binding *b, uint64_t header);
errval_t binding_subscribe(struct binding *b, uint32_t ordinal, bool on);
/* The answer does not hold what was agreed: deletes its capabilities, returns RPC_ERR_BAD_REPLY. */
errval_t binding_bad_reply(const caddr_t *caps, uint32_t count);
errval_t binding_bad_reply1(caddr_t cap);
/* After a call that sent `cap` with move: frees its slot, and deletes what is still in it. */
void binding_moved(errval_t err, caddr_t cap);
