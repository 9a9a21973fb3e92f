/* waitset_run: the loop of servers, in which an answer and the wait for the next request are one
 * trap. Requests that follow each other on one connection are served with what is known from the
 * one before (struct serve); anything else leaves the short way.
 * Invariant: `to` is held, so its memory stays. Whether it is still open is looked at after each
 * wait (chan.slow) and in each answer (chan.end), disabled. */
#include "chan_priv.h"

#include <aos/debug.h>
#include <aos/slot.h>
#include <aos/arch_lmp.h>

/* Stands for the connection when there is none: it has no end, and no request is for it. */
static struct chan nobody = {.slow = CHAN_SLOW_STATE};

struct serve {
    struct chan *to;       /* the connection of the last request; &nobody: there is none */
    struct chan *answered; /* `to`: req.msg is an answer for it; &nobody: there is no answer */
    struct server *server; /* of `to` */
    const struct server_interface *iface;
    struct server_ctx ctx;
    struct server_request req;
};

/* What a request's header has in common with chan_hash if it is a call with a txid slot that there
 * is. */
#define EXACT_MASK                                                                                 \
    (MSG_HASH_MASK | MSG_UMP_MASK | MSG_FLEXIBLE | 7ull << MSG_KIND_SHIFT |                        \
     ((MSG_TXID_SLOTS - 1ull) & ~(CHAN_CALLS_MAX - 1ull)) << MSG_SLOT_SHIFT)

_Static_assert((CHAN_CALLS_MAX & (CHAN_CALLS_MAX - 1)) == 0, "slots are told by a mask");
_Static_assert(MSG_CALL == 0, "the kind of chan_hash");

static inline struct server_conn *serve_conn(const struct serve *s)
{
    return (struct server_conn *)(void *)s->to;
}

/* The method if req.msg is a request of `to` exactly as it must be; NULL: somebody else must
 * look. */
static inline const struct server_method *serve_exact(const struct serve *s)
{
    uint64_t h = s->req.msg.header;
    uint32_t ordinal = msg_ordinal(h);
    if ((s->to->slow | s->req.msg.cap) != 0 || ((h ^ chan_hash(s->to)) & EXACT_MASK) != 0 ||
        ordinal >= s->iface->method_count) {
        return NULL;
    }
    const struct server_method *m = &s->iface->methods[ordinal];
    return m->exact == ((h & MSG_SHAPE_MASK) >> MSG_WORDS_SHIFT) + 1u ? m : NULL;
}

static void serve_drop(struct serve *s)
{
    if (s->to != &nobody) {
        struct server_conn *conn = serve_conn(s);
        s->to = &nobody;
        s->answered = &nobody;
        conn_release(conn);
    }
}

/* Takes over the caller's hold of `conn`, which is not closed. Disabled. */
static void serve_take_disabled(struct serve *s, struct server_conn *conn)
{
    USER_CHECK(conn->server != NULL && conn->refs != 0);
    s->to = &conn->chan;
    s->answered = &conn->chan;
    s->server = conn->server;
    s->iface = conn->server->iface;
    conn_ctx_init(&s->ctx, conn, conn->server, &s->req);
}

/* The request of `to` was served; `reply`: req.msg is the answer, with `cap`. */
static inline void serve_done(struct serve *s, bool reply, struct msg_cap cap)
{
    if (reply && cap.cap != 0) {
        conn_reply(serve_conn(s), &s->req.msg, cap);
    }
    s->answered = reply && cap.cap == 0 ? s->to : &nobody;
    if ((s->to->slow & CHAN_SLOW_STATE) != 0) {
        serve_drop(s); /* closed: its memory is not kept until something else comes */
    }
}

/* Runs the handler of an exact request. */
static inline void serve_call(struct serve *s, const struct server_method *m)
{
    struct lmp_msg *msg = &s->req.msg;
    s->ctx.header = msg->header;
    s->ctx.reply_caps_count = 0;
    errval_t err = m->shim(&s->ctx, msg);
    if (__builtin_expect((err | s->ctx.reply_caps_count | s->to->slow) == 0, 1)) {
        /* Of an exact header all but the shape goes back. */
        msg->header |= (s->ctx.header & ~MSG_SHAPE_MASK) | MSG_HEADER(0, MSG_REPLY, 0, 0);
        return;
    }
    struct msg_cap cap = {0};
    bool reply = conn_conclude(serve_conn(s), &s->req, &s->ctx, m, err, &cap);
    serve_done(s, reply, cap);
}

/* A message is still to be answered, or its connection is to be looked at by the waitset. */
static void serve_answer(struct serve *s)
{
    if (s->answered != &nobody) {
        conn_reply(serve_conn(s), &s->req.msg, (struct msg_cap){0});
    }
    serve_drop(s);
}

/* Something else is due. Enters disabled, returns enabled. */
static __attribute__((noinline)) void serve_due_disabled(struct waitset *ws, struct serve *s)
{
    if (chan_untidy != 0) {
        disp_enable();
        chan_tidy();
        return;
    }
    if (s->to != &nobody) {
        disp_enable();
        serve_answer(s);
        return;
    }
    struct server_conn *conn = waitset_next_disabled(ws, &s->req);
    if (conn == NULL) {
        return;
    }
    disp_disable();
    bool open = conn->server != NULL;
    if (open) {
        serve_take_disabled(s, conn);
    }
    disp_enable();
    if (!open) {
        conn_release(conn);
    }
}

/* Was this message for a server connection of this waitset that can be served at once? */
static inline bool serve_direct(const struct waitset *ws, const struct chan *c,
                                const struct lmp_msg *msg)
{
    const struct server_conn *conn = (const struct server_conn *)c;
    enum msg_kind kind = msg_kind(msg->header);
    return c->role == CHAN_CONN && c->ws == ws && (kind == MSG_CALL || kind == MSG_ONEWAY) &&
           (msg->header & MSG_MORE) == 0 && conn->queue_count == 0 && conn->server != NULL &&
           c->state == CHAN_OPEN;
}

/* What came is not an exact request of `to`. Enters disabled, returns enabled. */
static __attribute__((noinline)) void serve_came_disabled(struct waitset *ws, struct serve *s,
                                                          uint64_t cookie)
{
    struct lmp_msg *msg = &s->req.msg;
    struct server_conn *conn = (struct server_conn *)(uintptr_t)cookie;
    if (conn == NULL) {
        uint64_t events = msg->header;
        disp_event_disabled(events & ~(uint64_t)KPI_EVENT_ERROR);
        disp_enable();
        if ((events & KPI_EVENT_ERROR) != 0 && s->answered != &nobody) {
            conn_failed(serve_conn(s), msg->words[0]);
        }
        serve_drop(s);
        return;
    }
    if (!serve_direct(ws, &conn->chan, msg)) {
        chan_deliver_disabled(cookie, msg);
        disp_enable();
        serve_drop(s);
        return;
    }
    s->req.caps_count = 0;
    s->req.cancelled = false;
    if (msg->cap != 0) {
        (void)recv_slot_rotate_disabled();
        chan_untidy |= recv_slot_low();
        s->req.caps_count = 1;
        s->req.caps[0] = msg->cap;
        s->req.caps_info[0] = msg->cap_info;
    }
    struct server_conn *before = NULL;
    if (s->to != &conn->chan) {
        before = s->to != &nobody ? serve_conn(s) : NULL;
        conn_hold(conn);
        serve_take_disabled(s, conn);
    }
    disp_enable_quiet();
    if (before != NULL) {
        conn_release(before);
    }
    struct msg_cap cap;
    bool reply = conn_serve_in(conn, s->server, &s->req, &s->ctx, &cap);
    serve_done(s, reply, cap);
}

void waitset_run(struct waitset *ws)
{
    struct serve s;
    s.to = &nobody;
    s.answered = &nobody;
    disp_stack_touch();
    for (;;) {
        disp_disable_touched();
        if (__builtin_expect(!waitset_may_call_disabled(ws), 0)) {
            serve_due_disabled(ws, &s);
            continue;
        }
        uint64_t cookie = arch_lmp_call(s.answered->end, 0, &s.req.msg);
        const struct server_method *m =
            cookie == (uint64_t)(uintptr_t)s.to ? serve_exact(&s) : NULL;
        if (__builtin_expect(m != NULL, 1)) {
            disp_enable_quiet();
            s.answered = s.to;
            serve_call(&s, m);
        } else {
            serve_came_disabled(ws, &s, cookie);
        }
    }
}
