/* Between the files of libaos/chan. */
#pragma once

#include <aos/binding.h>
#include <aos/chan.h>
#include <aos/server.h>
#include <aos/waitset.h>

/* A transient state of one request of a connection, in user space. */
struct server_request {
    struct lmp_msg msg;
    uint8_t caps_count;
    bool partial;   /* more capabilities are to come */
    bool cancelled; /* nobody waits for the answer: the handler is spared */
    caddr_t caps[MSG_CAPS_MAX];
    uint32_t caps_info[MSG_CAPS_MAX];
};

/* One event of one connection that could not be sent yet. */
struct server_event_item {
    struct server_event_item *next;
    uint16_t words;
    uint16_t index;
    bool lost;
    uint64_t word[];
};

/* The words of a message in registers: `count` of them, and zeros. */
static inline void msg_words_set(uint64_t to[MSG_REG_WORDS], const uint64_t *words, uint32_t count)
{
#pragma GCC unroll 8
    for (uint32_t i = 0; i < MSG_REG_WORDS; i++) {
        to[i] = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        to[i] = words[i];
    }
}

/* Of a stream that a handler has deferred. */
struct conn_stream {
    uint8_t window;
    uint8_t in_flight;  /* items sent that the client has not read */
    bool starved;       /* an item was refused: who puts them wants to know when one can go */
    uint32_t seq;       /* items sent */
    struct work ready;  /* fn NULL: nobody wants to know */
};

struct server_conn {
    struct chan chan;      /* first: its address is the cookie */
    struct server *server; /* NULL: closed, lives on for its responders */
    struct server_conn *next;
    void *state;
    uint64_t pid;
    caddr_t far_bell;  /* Notify of a client on another core, until it has its ring; 0: none */
    uint32_t flags;    /* SERVER_PEER_* */
    uint32_t refs;     /* responders not yet used, and the thread that runs it */
    uint32_t deferred; /* bit per txid slot with a responder */
    uint32_t
        deferred_tx[CHAN_CALLS_MAX]; /* generation and slot of each, in their header positions */
    uint32_t cancelled;              /* those of `deferred` for whose answer nobody waits */
    /* Bit per txid slot: this call was cancelled, perhaps while its handler runs. 0 unless
     * CHAN_SLOW_CANCEL. */
    uint32_t cancels;
    uint32_t cancels_tx[CHAN_CALLS_MAX];
    struct conn_stream streams[CHAN_STREAMS_MAX];
    uint32_t items;                  /* in flight, of all streams */
    uint32_t subscribed;             /* bit per event of the interface */
    uint32_t lost;                   /* bit per event: some were dropped since the last one sent */
    uint32_t events_free;            /* bit per event slot of the client */
    struct server_event_item *events_head, *events_tail;
    uint8_t queue_head, queue_count;
    bool overflow; /* it sent what it may not, or cannot be answered: close */
    struct server_request queue[SERVER_QUEUE_MAX];
};

#define CONN_EVENTS_MAX 32u /* events of one interface: bits of `subscribed` */

/* What handlers of `conn` are told. The rest of `ctx` is set for each request. */
static inline void conn_ctx_init(struct server_ctx *ctx, struct server_conn *conn,
                                 const struct server *server, struct server_request *req)
{
    ctx->state = server->state;
    ctx->peer_pid = conn->pid;
    ctx->conn = conn;
    ctx->ops = server->ops;
    ctx->msg = &req->msg;
    ctx->caps = req->caps;
    ctx->caps_info = req->caps_info;
    ctx->caps_count = 0;
}
/* Dispatches one request to `server`, to which the connection belongs or did when the request was
 * taken. True: `req->msg` is the reply to send, with `ret_cap`. The caller holds the connection. */
bool conn_serve(struct server_conn *conn, struct server *server, struct server_request *req,
                struct msg_cap *ret_cap);
/* The same, for who has set `ctx` up with conn_ctx_init. */
bool conn_serve_in(struct server_conn *conn, struct server *server, struct server_request *req,
                   struct server_ctx *ctx, struct msg_cap *ret_cap);
/* After a handler: what becomes of a request that is not simply answered. As conn_serve. */
bool conn_conclude(struct server_conn *conn, struct server_request *req, struct server_ctx *ctx,
                   const struct server_method *m, errval_t err, struct msg_cap *ret_cap);
/* Runs what is due on a connection that the caller holds. True: `req->msg` is a reply without a
 * capability that is still to be sent, and the connection is held still; else it is not. */
bool conn_step(struct server_conn *conn, struct server_request *req);
/* May this thread make a CALL on behalf of the whole domain, which returns what is pending, or
 * waits? Disabled. */
static inline bool waitset_may_call_disabled(const struct waitset *ws)
{
    return ((uintptr_t)ws->work_head | (uintptr_t)ws->ready_head |
            (uintptr_t)disp_user()->run.head | chan_untidy) == 0;
}
/* The same, and nothing is pending. */
static inline bool waitset_idle_disabled(const struct waitset *ws)
{
    return waitset_may_call_disabled(ws) && disp_page()->pending == 0;
}
/* Runs one due thing, or waits as a thread if there is none. A reply that is not yet sent is in
 * `req`, for the connection returned (held): so a server that fell behind finds back to the
 * one-trap reply and wait. Enters disabled, returns enabled. */
struct server_conn *waitset_next_disabled(struct waitset *ws, struct server_request *req);
/* Takes back work that has not run. */
void waitset_unpost_disabled(struct waitset *ws, struct work *w);
/* Sends a reply and frees what it moved. A channel that cannot take it is closed, soon. */
void conn_reply(struct server_conn *conn, const struct lmp_msg *msg, struct msg_cap cap);
/* The same with several capabilities. */
void conn_reply_caps(struct server_conn *conn, const struct lmp_msg *msg,
                     const struct msg_cap *caps, uint32_t count);
/* The `cancels` of these slots are over. */
static inline void conn_cancels_clear_disabled(struct server_conn *conn, uint32_t slots)
{
    conn->cancels &= ~slots;
    if (conn->cancels == 0) {
        conn->chan.slow &= ~CHAN_SLOW_CANCEL;
    }
}
/* A deferred call is cancelled. False: it is not deferred. */
bool conn_cancel_disabled(struct server_conn *conn, uint32_t tx);
/* Streams (server_stream.c): deferred, credit given, cancelled or client gone, answered. */
void conn_stream_open_disabled(struct server_conn *conn, uint64_t header);
void conn_stream_credit_disabled(struct server_conn *conn, const struct lmp_msg *msg);
void conn_stream_wake_disabled(struct server_conn *conn, uint32_t slot);
void conn_stream_close_disabled(struct server_conn *conn, uint32_t slot);
/* The channel has room again. */
void conn_room_disabled(struct server_conn *conn);
/* A reply could not be sent. */
void conn_failed(struct server_conn *conn, errval_t err);
uint64_t conn_error_header(uint64_t request);
/* What an answer's header has in common with its request's. */
#define ECHO_MASK (MSG_ORDINAL_MASK | MSG_FLEXIBLE | MSG_TXID_MASK | MSG_HASH_MASK)
/* Framework calls: ordinal 0. */
errval_t conn_framework(struct server_conn *conn, struct server *server, struct server_ctx *ctx,
                        struct lmp_msg *msg);
/* Sends queued events as far as the client has given credit. */
void conn_events_run(struct server_conn *conn);
void conn_events_drop(struct server_conn *conn);
void conn_free(struct server_conn *conn);
static inline void conn_hold(struct server_conn *conn)
{
    (void)__atomic_fetch_add(&conn->refs, 1, __ATOMIC_RELAXED);
}
static inline void conn_release(struct server_conn *conn)
{
    if (__builtin_expect(__atomic_sub_fetch(&conn->refs, 1, __ATOMIC_RELAXED) == 0, 0)) {
        conn_free(conn);
    }
}
/* A connection of `s` without a channel end yet. */
errval_t conn_create(struct server *s, uint64_t pid, uint32_t flags, struct server_conn **ret_conn);

/* Loopback: what the receiver gets for `cap`. */
errval_t chan_loop_cap(struct msg_cap cap, caddr_t *ret_cap, uint32_t *ret_info);
/* Notes what a send has returned that was made disabled, by a system call. Returns it. */
errval_t chan_sent_disabled(struct chan *c, errval_t err);
/* After a capability was sent, or could not be: a moved one is gone from its slot. */
void chan_cap_sent(struct msg_cap cap, bool sent);

/* The size of a channel whose ring holds streams with windows of at most `window`. */
uint32_t chan_ring_bytes(uint32_t window);
/* Where an item stands in the message area, which goes on after the slots of calls and events. */
static inline uint32_t chan_area_item(uint32_t slot, uint32_t seq, uint32_t window)
{
    return CHAN_CALLS_MAX + CHAN_EVENTS_MAX + seq % window * CHAN_STREAMS_MAX + slot -
           CHAN_STREAM_SLOT;
}

static inline uint32_t chan_reply_slots(uint32_t window)
{
    return CHAN_CALLS_MAX + CHAN_EVENTS_MAX + CHAN_STREAMS_MAX * window;
}

errval_t chan_area_create(struct chan_area *a, uint32_t slot_bytes, uint32_t slots, uint32_t flags);
errval_t chan_area_attach(struct chan_area *a, caddr_t frame, uint32_t slot_bytes, uint32_t bytes,
                          uint32_t flags);
void chan_area_free(struct chan_area *a);
/* Where `count` words of a slot stand; NULL: they would not fit, or there is no area. */
uint8_t *chan_area_place(const struct chan_area *a, uint32_t slot, uint32_t count);
/* A message that came and is kept until somebody reads it: notes where its words stand if that is
 * in slot `slot` of the area. The channel may have another area by then. */
static inline void chan_area_keep(const struct chan *c, struct lmp_msg *msg, uint32_t slot)
{
    if (msg_in_area(msg->header)) {
        msg->words[MSG_REG_WORDS - 1] =
            (uint64_t)(uintptr_t)chan_area_place(&c->in, slot, msg_words(msg->header));
    }
}
/* Copies all words of such a message. False: there was no place for them, or it is gone. */
bool chan_area_kept(const struct lmp_msg *msg, uint64_t *words);

/* Before a thread blocks or looks whether something has come: true if something did, by a carrier
 * that does not tell. */
static inline bool chan_poll_disabled(struct chan *c)
{
    return c->carrier != NULL && c->carrier->wait_disabled(c);
}
/* After the close, when nobody looks at the channel any more: what the carrier had. */
void chan_carrier_free(struct chan *c);

/* Recording messages (trace.c). Channels are enlisted while they can carry messages. */
void chan_enlist_disabled(struct chan *c);
void chan_delist_disabled(const struct chan *c);
static inline bool chan_traced(const struct chan *c)
{
    return __builtin_expect((c->slow & CHAN_SLOW_TRACE) != 0, 0);
}
/* Records a message, in thread context. `words`: the first of those that the header tells. */
void trace_client(const struct binding *b, bool sent, uint64_t header, const uint64_t *words,
                  errval_t err);
/* The same on the server's side; `words` NULL: they are in the message area. */
void trace_server(const struct server_conn *conn, uint16_t iface, bool sent, uint64_t header,
                  const uint64_t *words);

/* Pending table (binding.c). */
/* A free slot, with `lent_bytes` of the region. NULL: there is none. */
struct pending *pending_take_disabled(struct binding *b, uint32_t first, uint32_t lent_bytes);
/* Takes a place from `first` on and fills `msg`; nothing is sent yet. RPC_ERR_AGAIN: all taken. */
errval_t pending_start(struct binding *b, const struct binding_call *call, uint32_t first,
                       struct pending **ret_p, struct lmp_msg *ret_msg);
/* Sends what pending_start has made, whose state says already what its answer means. On failure the
 * place is free again. */
errval_t pending_launch(struct binding *b, struct pending *p, const struct binding_call *call,
                        const struct lmp_msg *msg);
void pending_free_disabled(struct binding *b, struct pending *p);
/* Entries taken by pending_start, in all bindings: calls begun or in callback form, streams. */
extern uint32_t binding_calls_begun;
/* Disabled, or nobody else knows the binding. */
static inline void pending_uncount(struct pending *p)
{
    binding_calls_begun -= p->begun;
    p->begun = false;
}
void pending_done_disabled(struct binding *b, struct pending *p);
/* The peer has ended, or cannot be understood: whoever waits gets RPC_ERR_PEER_GONE. */
void binding_gone_disabled(struct binding *b);
/* Runs the callback of a call that is DONE and was taken out of the callback form. */
void pending_complete(struct pending *p);
/* Nobody waits for the answer to `p` any more: frees it if the answer came, else tells the server
 * and leaves it to the late answer. */
void pending_drop_disabled(struct binding *b, struct pending *p);
/* The entry of a txid; NULL: it has another generation now. */
struct pending *pending_find_disabled(struct binding *b, uint64_t txid);
/* The capabilities of `call` after the first, one message each, waiting for room until `deadline`.
 * On failure the binding is gone. Enters and returns disabled. */
errval_t binding_send_more_disabled(struct binding *b, struct pending *p,
                                    const struct binding_call *call, uint64_t deadline);
/* Waits for `p`, reads it, and enables. Enters disabled. */
errval_t binding_finish_disabled(struct binding *b, struct pending *p, struct binding_call *call,
                                 uint64_t deadline);
/* Sends a call and gets its answer in one trap if nothing is in the way. False: it failed, or
 * `ret_err` is as before and nothing was sent. */
bool binding_call_direct(struct binding *b, struct binding_call *call, errval_t *ret_err);
/* Reads what came for `p` into `call`. pending_read records it, too. */
errval_t pending_judge(struct binding *b, struct pending *p, struct binding_call *call);
errval_t pending_read(struct binding *b, struct pending *p, struct binding_call *call);
errval_t binding_fill(struct binding *b, struct pending *p, const struct binding_call *call,
                      struct lmp_msg *ret_msg);
/* The txid of the next call in slot 0, with the hash, in their header positions. */
static inline uint64_t binding_txid_disabled(struct binding *b)
{
    const uint64_t txid = chan_hash(&b->chan) | b->chan.tx;
    b->chan.tx += MSG_GEN_ONE;
    return txid;
}
/* A call was sent as `sent` from txid slot 0 without an entry in the table: makes the entry. It is
 * waiting. Disabled. */
struct pending *binding_enter_disabled(struct binding *b, uint64_t sent);
/* Waits for the answer to the call in txid slot 0, which was entered, unless it could not be sent.
 * Enters disabled, returns enabled. */
errval_t binding_parked_disabled(struct binding *b, errval_t err, struct binding_call *call);
/* Judges the shape of the answer in `r` by the header that the stub expects. */
errval_t binding_shape(const struct lmp_regs *r, uint64_t answer);
/* Waits for the answer to a call in registers, in txid slot 0, unless it could not be sent, and
 * reads it, of which the stub expects `answer`, into `r`. Enters disabled, returns enabled. */
errval_t binding_finish_regs_disabled(struct binding *b, errval_t sent_err, uint64_t answer,
                                      struct lmp_regs *r);
/* A call that fits the registers, with an entry in the pending table. The carriers' calls and this
 * see to it that a good answer has the shape that the stub expects. */
errval_t binding_call_long(struct binding *b, struct lmp_regs *r);
/* All threads that wait for an answer look again. Disabled. */
void binding_wake_disabled(struct binding *b);
errval_t binding_state_error(const struct binding *b);
/* Streams, client side (binding_stream.c): an item came; nothing more will; read items are told
 * to the server. */
void stream_item_disabled(struct binding *b, const struct lmp_msg *msg);
void stream_end_disabled(struct pending *p, errval_t err);
void stream_answer_disabled(struct binding *b, struct pending *p, const struct lmp_msg *msg);
/* Where the words of the next item of this stream go in the message area; out of it if there is
 * none. */
uint32_t stream_place_disabled(struct binding *b, uint64_t header);
void stream_credit_disabled(struct binding_stream *s);
errval_t binding_error(const struct binding *b, uint32_t ordinal, errval_t err);
/* Before a thread blocks: has a carrier without interrupts brought something? What keeps coming may
 * be anything but what the thread waits for, so time is looked at, too. */
bool binding_look_disabled(struct binding *b, uint64_t deadline);
/* Requests may be sent again, or never: tells who wants to know. */
void binding_writable_disabled(struct binding *b);
/* The channel has room again. */
void binding_room_disabled(struct binding *b);
/* A send of `header` found no room: waits until there may be some. RPC_ERR_TIMEOUT,
 * RPC_ERR_PEER_GONE: it need not be tried any more. Enters and returns disabled. */
errval_t binding_await_room_disabled(struct binding *b, uint64_t header, uint64_t deadline);
/* Sends a control message about txid `tx`, with a word unless it is 0. False: the channel is full,
 * and binding_room_disabled will be called. */
bool binding_control_disabled(struct binding *b, uint32_t control, uint32_t tx, uint64_t word);
/* What a failed system call means to the caller of a stub. */
errval_t binding_send_error(errval_t err);
void binding_sweep_arm_disabled(struct binding *b);
/* Client side of leases (lend.c). How much of the region a call needs. */
uint32_t lend_bytes(const struct binding_call *call);
/* Makes the region if there is none. RPC_ERR_TOO_LARGE: it will never hold `bytes`. */
errval_t lend_setup(struct binding *b, uint32_t bytes);
/* A free range of the region for `p`. False: there is none now. */
bool lend_take_disabled(struct binding *b, struct pending *p, uint32_t bytes);
/* Completes the leases of a request with the range of `p` and copies what is lent in. */
void lend_fill(struct binding *b, const struct pending *p, const struct binding_call *call);
/* Copies what a reply, which is in call->words, says was lent out. */
errval_t lend_fetch(struct binding *b, const struct pending *p, const struct binding_call *call);
/* Does a call lend capabilities (loan.c)? */
static inline bool loans_wanted(const struct binding_call *call)
{
    bool some = false;
    for (uint32_t i = 0; i < msg_caps(call->header); i++) {
        some |= call->caps[i].move == MSG_CAP_LEND;
    }
    return some;
}
/* Copies what `call` sends to `caps`, with a loan to be given away for each capability that is
 * lent. Nothing is left behind on failure. */
errval_t loans_make(struct binding *b, const struct binding_call *call,
                    struct msg_cap caps[MSG_CAPS_MAX], struct binding_loans *ret_loans);
/* Ends the loans, sent or not, whatever became of them. In thread context. */
void loans_end(struct binding *b, struct binding_loans loans);
/* At the close: the slots that were kept for the next loan. */
void loans_forget(struct binding *b);
/* Takes what a call has lent away from it, to be ended. */
static inline struct binding_loans pending_loans_take(struct pending *p)
{
    struct binding_loans loans = p->loans;
    p->loans.count = 0;
    return loans;
}

/* A framework call: `count` words in, `reply_words` out, at most one capability each way. */
errval_t binding_framework(struct binding *b, uint64_t *words, uint32_t count,
                           uint32_t reply_words, struct msg_cap cap, caddr_t *ret_cap);
/* Maps the region of a client: `bytes` of `frame`, or as much as the interface ever needs. */
errval_t conn_op_region(struct server_conn *conn, const struct server_interface *iface,
                        struct server_ctx *ctx, struct lmp_msg *msg);
/* Remote peers (remote.c): leaves the line for a ring, if the server agrees; and for a new peer
 * leaves the ring. The channel of a gone binding then has an empty slot as its end. */
errval_t remote_upgrade(struct binding *b);
errval_t remote_leave(struct binding *b);
errval_t conn_op_bell(struct server_conn *conn, struct server_ctx *ctx, struct lmp_msg *msg);
errval_t conn_op_upgrade(struct server_conn *conn, const struct server_interface *iface,
                         struct server_ctx *ctx, const struct lmp_msg *msg);
/* What every way to open a binding does, before (no channel yet) and after. */
void binding_init(struct binding *b, const struct client_interface *iface);
errval_t binding_handshake(struct binding *b);
/* May a gone binding be opened again? Then a call does so before it is sent. */
static inline bool binding_may_reopen(const struct binding *b)
{
    return b->find != NULL && b->chan.state != CHAN_CLOSED;
}
/* Does it carry a call of this thread's with this header now? */
static inline bool binding_ready(const struct binding *b, uint64_t header)
{
    return b->chan.state == CHAN_OPEN ||
           (b->chan.state == CHAN_OPENING && msg_ordinal(header) == 0 &&
            mutex_held(&b->reopen_lock));
}
/* The system call that should have sent something failed. An end that somebody has taken away is
 * gone, too, and nothing else will tell. */
errval_t binding_send_failed(struct binding *b, errval_t err);
/* Repeats a call that failed with `err` if it is idempotent and its peer was gone. */
errval_t binding_repeat(struct binding *b, struct binding_call *call, errval_t err);
/* As binding_call, once, and nothing is lent. */
errval_t binding_call_once(struct binding *b, struct binding_call *call);
/* Tells the server of an area (direction 0: requests, 1: replies) or of the region that was made
 * already. */
errval_t binding_tell_area(struct binding *b, uint32_t direction);
errval_t lend_tell(struct binding *b);
/* Makes the message area if the method of `header` may need it and it is not there yet. */
errval_t binding_setup(struct binding *b, uint64_t header);

/* The interval in which calls are looked at for timeouts. */
#define CHAN_SWEEP_NS 1000000000ull
/* The sweep timer has fired: each binding arms it again, on the slow path, before its next call on
 * the fast one. */
void chan_sweep_due_disabled(void);
