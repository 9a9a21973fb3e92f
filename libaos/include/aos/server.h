/* Server side: the runtime under the generated dispatch of <if/NAME_server.h>. A server has one set
 * of handlers and many connections, each with its own channel end, served by the threads that run
 * its waitset.
 *
 * A handler gets decoded and checked arguments, which live until it returns, and a context. It
 * returns ERR_OK with all its results set, an error that its method lists, or SERVER_DEFERRED after
 * it took a responder; another error becomes RPC_ERR_BAD_REPLY (on top of it). Received
 * capabilities belong to the context: what the handler does not take with server_take_cap is
 * deleted when it returns, whatever it returns. A capability result of kind `move` belongs to the
 * message once the handler returned ERR_OK (its slot is freed, also when the results do not fit and
 * the client gets RPC_ERR_TOO_LARGE); with `copy` it stays the server's.
 */
#pragma once

#include <aos/chan.h>
#include <aos/lend.h>
#include <aos/waitset.h>

#define SERVER_DEFERRED                                                                            \
    (~(errval_t)0)           /* no errval: an answer comes later, through the responder            \
                              */
#define SERVER_QUEUE_MAX 12u /* requests of one connection that wait in user space */
/* Ends of one service that a domain has at one time by clone, which costs the server some 10 KiB
 * each; the next one is RPC_ERR_AGAIN on top of LIB_ERR_QUOTA. */
#define SERVER_ENDS_MAX 8u

struct server;
struct server_conn;

/* What a handler knows of its call. */
struct server_ctx {
    void *state;       /* as given to NAME_serve */
    uint64_t peer_pid; /* vouched for by who made the end */
    struct server_conn *conn;
    /* The rest is for the framework. */
    const void *ops; /* struct NAME_server_ops */
    uint64_t header;
    struct lmp_msg *msg; /* request, then reply */
    caddr_t *caps;       /* received */
    uint32_t *caps_info;
    uint32_t caps_count;
    uint32_t reply_caps_count;
    struct lease *lent; /* leases of the request, while its handler runs */
    struct msg_cap reply_caps[MSG_CAPS_MAX];
};

#define SERVER_STREAM 0x8000u

struct server_method {
    /* Checks, decodes, calls the handler, encodes; sets the shape of the reply with server_reply_*.
     */
    errval_t (*shim)(struct server_ctx *ctx, struct lmp_msg *msg);
    const uint16_t *fails;
    uint8_t fails_count;
    uint8_t kind;                 /* MSG_CALL or MSG_ONEWAY */
    uint8_t words_min, words_max; /* of the request */
    uint8_t caps_min, caps_max;
    /* 1 + the words of the only request there is, if that is a call without capabilities or stream;
     * SERVER_STREAM | window of a call with a stream; else 0. */
    uint16_t exact;
};

_Static_assert(sizeof(struct server_method) == 3 * sizeof(void *), "24 bytes an entry");

struct server_interface {
    const char *name;
    uint64_t hash;
    uint16_t id;
    uint16_t version;
    uint16_t method_count; /* one above the largest ordinal */
    uint16_t event_count;
    uint8_t window; /* largest window of its streams */
    uint32_t region_bytes; /* of lent buffers, at most; 0: there are no leases */
    bool region_written;   /* some are lent out */
    uint16_t request_area_words; /* as in struct client_interface */
    uint16_t reply_area_words;
    const struct server_method *methods; /* by ordinal */
    const struct server_event *events;
};

struct server_event {
    uint16_t ordinal;
    uint16_t words_max;
    uint16_t queue; /* 0: coalesce */
    bool flexible;  /* a client that does not know it skips it */
};

struct server {
    const struct server_interface *iface;
    const void *ops; /* struct NAME_server_ops */
    /* Handler of the end of a connection, or NULL: ctx has no message. */
    void (*on_peer_gone)(struct server_ctx *ctx);
    void *state;
    struct waitset *ws;
    struct server_conn *conns;
};

/* A server without connections, in the caller's memory. `iface`, `ops` and `ws` must live on. */
void server_init(struct server *s, const struct server_interface *iface, const void *ops,
                 void (*on_peer_gone)(struct server_ctx *ctx), void *state, struct waitset *ws);
/* Serves `end` for the domain `pid`. Takes the end, whatever it returns. Trusted: see
 * binding_clone. */
#define SERVER_PEER_TRUSTED 1u
errval_t server_add_end(struct server *s, caddr_t end, uint64_t pid, uint32_t flags,
                        struct server_conn **ret_conn);
/* Makes a channel, serves one half, returns the other for the client `pid`. */
errval_t server_make_end(struct server *s, uint64_t pid, uint32_t flags, caddr_t *ret_client_end);
/* Closes all connections; responders still held become no-ops. */
void server_deinit(struct server *s);

/* For handlers. */
/* The received capability `cap` is the handler's from now on. */
void server_take_cap(struct server_ctx *ctx, caddr_t cap);
/* One pointer per connection, NULL at first, for what the service knows of its client. */
void server_conn_set_state(struct server_conn *conn, void *state);
void *server_conn_state(const struct server_conn *conn);
uint64_t server_conn_pid(const struct server_conn *conn);
/* May it have ends cloned for others? */
bool server_conn_trusted(const struct server_conn *conn);
struct server_conn *server_conn_next(const struct server *s, const struct server_conn *conn);
/* Closes the connection: the client sees RPC_ERR_PEER_GONE. on_peer_gone is not called. */
void server_conn_close(struct server_conn *conn);

/* An answer that is still to be given; all zero: none. It may be moved about, by any thread; the
 * reply empties it, and every deferred call needs one reply, also when its client is gone (which
 * then goes nowhere): until then the connection's memory stays. */
struct server_responder {
    struct server_conn *conn;
    uint64_t header;
};
/* In a handler, which then returns SERVER_DEFERRED: the right and the duty to answer this call. */
struct server_responder server_defer(struct server_ctx *ctx);
/* False: the client is gone and a reply goes nowhere. */
bool server_responder_alive(const struct server_responder *r);

/* True: nobody waits for the answer, as the client has cancelled the call, its deadline has passed,
 * or it is gone. What the call does may be broken off; the reply is still due. */
bool server_responder_cancelled(const struct server_responder *r);

/* A call `m` with a stream: its handler takes a sink (I_m_defer, a responder by another name) and
 * returns SERVER_DEFERRED, or it returns ERR_OK for a stream without items, or an error. I_m_put
 * sends one item; I_m_finish ends the stream and is due whatever happens, as a reply is. One thread
 * at a time uses a sink.
 *
 * I_m_put fails with RPC_ERR_AGAIN when the client has not read enough, RPC_ERR_CANCELLED when it
 * closed the stream, RPC_ERR_PEER_GONE. A moved capability is gone from the server's slot, whatever
 * it returns: ask server_sink_state(&sink.base) before. */
errval_t server_sink_state(const struct server_responder *sink);
/* fn(arg) runs in the waitset of the server as soon as another answer than RPC_ERR_AGAIN is to be
 * expected: now, or when that was the last answer, and when the stream is cancelled or the client
 * goes. Until the finish; `arg` must live that long. */
void server_sink_on_ready(const struct server_responder *sink, void (*fn)(void *arg), void *arg);

/* For generated code. */
/* Sends an item unless `err` is one already. Takes a moved capability, whatever happens. */
errval_t server_put(const struct server_responder *sink, errval_t err, const uint64_t *words,
                    uint32_t count, struct msg_cap cap);
/* The request's words, copied out of the area if they stand there. */
errval_t server_request(struct server_ctx *ctx, uint64_t *words, uint32_t words_max);
/* The reply's words: into msg, or into the area if there are too many. */
errval_t server_reply_words(struct server_ctx *ctx, const uint64_t *words, uint32_t count);
void server_reply_cap(struct server_ctx *ctx, struct msg_cap cap);
/* A result that was to be given away and cannot be sent is deleted. 0: there is none. */
void server_drop_cap(caddr_t cap);
/* Answers a deferred call. Takes moved capabilities, whatever happens. */
void server_respond(struct server_responder *r, errval_t err, const uint64_t *words, uint32_t count,
                    const struct msg_cap *caps, uint32_t caps_count);
/* Sends an event to one connection if it has subscribed; never blocks, never fails: coalesces or
 * queues. `index` is the place in iface->events. No capabilities. */
void server_event(struct server_conn *conn, uint32_t index, const uint64_t *words, uint32_t count);
bool server_event_wanted(const struct server_conn *conn, uint32_t index);
