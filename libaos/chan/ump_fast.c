/* UMP with both sides awake: a call that spins for its answer, a server that spins for the next
 * request. The conditions are those of the one-trap call (binding_direct.c) and of serve.c: no
 * other code of this domain runs meanwhile, so a call uses txid slot 0 without an entry in the
 * pending table, and a request is answered from where it was read. Whatever is out of the ordinary
 * goes the long way. */
#include "ump_priv.h"

#define UMP_NOT_ONE_LINE (MSG_SHAPE_MASK & ~MSG_SHAPE(UMP_LINE_WORDS, 0))
#define UMP_CAPS_MASK    (MSG_SHAPE_MASK & ~MSG_SHAPE(MSG_WORDS_MAX, 0))

_Static_assert((UMP_LINE_WORDS & (UMP_LINE_WORDS + 1)) == 0, "a mask tells more words");
_Static_assert((MSG_WORDS_MAX & (MSG_WORDS_MAX + 1)) == 0, "a mask tells capabilities");

/* Takes the message `header`, whose first line is there. False: not all of it is, or rules were
 * broken; ump_step_disabled goes on with that. Disabled. */
static bool ump_take_disabled(struct ump *u, uint64_t header, uint64_t *words)
{
    uint32_t had = 0;
    enum ump_got got = ump_ring_take(&u->ring, header, words, msg_words(header), &had);
    if (__builtin_expect(got == UMP_SOME, 0)) {
        u->in.header = header;
        u->in.have = had;
        __builtin_memcpy(u->in.words, words, 8u * had);
    }
    return got == UMP_MESSAGE;
}

/* --- the client ----------------------------------------------------------------------------- */

/* Sends a call in txid slot 0, without an entry in the table, and completes its header. False:
 * something is in the way. Disabled. */
static bool ump_call_send_disabled(struct binding *b, uint64_t *header, const uint64_t *words)
{
    struct ump *u = b->chan.ump;
    const uint64_t sent = *header | chan_hash(&b->chan) | b->chan.tx;
    /* A backlog and messages that have begun are rare and not for here. */
    if (__builtin_expect(((b->chan.slow & ~(CHAN_SLOW_DEADLINE | CHAN_SLOW_SWEEP)) ^
                          CHAN_SLOW_CARRIER) != 0 ||
                             u->odd != 0 || disp_runnable() || (sent & UMP_CAPS_MASK) != 0 ||
                             !ump_ring_send(&u->ring, sent, words, msg_words(sent)),
                         0)) {
        return false;
    }
    (void)binding_txid_disabled(b);
    *header = sent;
    return true;
}

/* Rings for the call `sent` and waits for its answer: a reply of at most `words_max` words and no
 * capability, and takes it. False: it is not there yet, or something else is. Disabled. */
static bool ump_call_await_disabled(struct binding *b, uint64_t sent, uint64_t *words,
                                    uint32_t words_max, uint64_t *ret_header)
{
    struct ump *u = b->chan.ump;
    struct ump_ring *ring = &u->ring;
    const uint64_t reply = (sent & ~MSG_SHAPE_MASK) | MSG_HEADER(0, MSG_REPLY, 0, 0) |
                           ring->in_epoch;
    const uint64_t free = UMP_COUNT_BITS | MSG_SHAPE(MSG_WORDS_MAX, 0);
    uint32_t left = u->spin;
    ump_bell_disabled(u);
    do {
        uint64_t head = ump_ring_head(ring);
        if (((head ^ reply) & ~free) == 0 && msg_words(head) <= words_max) {
            *ret_header = head & ~MSG_UMP_MASK;
            return (head & UMP_NOT_ONE_LINE) == 0 && words_max >= UMP_LINE_WORDS
                       ? ump_ring_take_line(ring, head, words)
                       : ump_take_disabled(u, *ret_header, words);
        }
        if (ump_ring_new(ring, head)) {
            break;
        }
        arch_relax();
    } while (left-- != 0 && !disp_pending() && !ump_lost_disabled());
    return false;
}

/* On the target arch/armv8/ump_call.S does all this for one line each way as long as nothing has to
 * wait, and comes here if something has. */
errval_t ump_call_sent(struct binding *b, uint64_t answer, struct lmp_regs *r)
{
    const uint64_t sent = r->header;
    if (__builtin_expect(ump_call_await_disabled(b, sent, r->w, MSG_REG_WORDS, &r->header), 1)) {
        r->cap = 0;
        r->cap_info = 0;
        disp_enable();
        return binding_shape(r, answer);
    }
    (void)binding_enter_disabled(b, sent);
    return binding_finish_regs_disabled(b, ERR_OK, answer, r);
}

errval_t ump_call(struct binding *b, struct lmp_regs *r)
{
    disp_disable();
    if (!ump_call_send_disabled(b, &r->header, r->w)) {
        disp_enable();
        return binding_call_long(b, r);
    }
    return ump_call_sent(b, r->header ^ r->answer, r);
}

bool ump_call_direct(struct binding *b, struct binding_call *call, errval_t *ret_err)
{
    const uint32_t words = msg_words(call->header);
    uint64_t sent = call->header;
    if (words < call->words_max) {
        /* Where the answer may come to is touched, lest it be filled on demand while disabled: a
         * message does not reach over two pages. */
        ((volatile uint64_t *)call->words)[words] = 0;
        ((volatile uint64_t *)call->words)[call->words_max - 1] = 0;
    }
    disp_disable();
    if (!ump_call_send_disabled(b, &sent, call->words)) {
        disp_enable();
        return false;
    }
    if (__builtin_expect(ump_call_await_disabled(b, sent, call->words, call->words_max,
                                                 &call->header), 1)) {
        disp_enable();
        return true;
    }
    (void)binding_enter_disabled(b, sent);
    *ret_err = binding_parked_disabled(b, ERR_OK, call);
    return err_is_ok(*ret_err);
}

/* --- the server ----------------------------------------------------------------------------- */

/* What a request's header has in common with chan_hash if it is a call with a txid slot that there
 * is. */
#define UMP_EXACT_MASK                                                                             \
    (MSG_HASH_MASK | MSG_FLEXIBLE | 7ull << MSG_KIND_SHIFT |                                       \
     ((MSG_TXID_SLOTS - 1ull) & ~(CHAN_CALLS_MAX - 1ull)) << MSG_SLOT_SHIFT)

/* The method if `header` is a request of one line exactly as it must be. */
static inline const struct server_method *
ump_exact(const struct server_conn *conn, const struct server_interface *iface, uint64_t header)
{
    uint32_t ordinal = msg_ordinal(header);
    if (conn->chan.slow != CHAN_SLOW_CARRIER ||
        ((header ^ chan_hash(&conn->chan)) & UMP_EXACT_MASK) != 0 ||
        ordinal >= iface->method_count ||
        (header & UMP_NOT_ONE_LINE) != 0) {
        return NULL;
    }
    const struct server_method *m = &iface->methods[ordinal];
    return m->exact == ((header & MSG_SHAPE_MASK) >> MSG_WORDS_SHIFT) + 1u ? m : NULL;
}

/* Requests that are served before others of the same waitset have their turn. */
#define UMP_BURST 16u

/* Answers with what a handler has left in `msg`. In thread context; returns disabled. */
static __attribute__((noinline)) void ump_answer(struct server_conn *conn,
                                                 const struct lmp_msg *msg, struct msg_cap cap)
{
    struct ump *u = conn->chan.ump;
    disp_disable();
    if (__builtin_expect(cap.cap == 0 && u->odd == 0 && ump_ring_put_disabled(&conn->chan, msg),
                         1)) {
        ump_bell_disabled(u);
        return;
    }
    disp_enable();
    conn_reply(conn, msg, cap);
    disp_disable_touched();
}

/* Serves `req`, which is exact. Enters and returns disabled, enabled in between. */
static inline void ump_serve_exact_disabled(struct server_conn *conn, const struct server_method *m,
                                            struct server_request *req, struct server_ctx *ctx)
{
    struct ump *u = conn->chan.ump;
    struct msg_cap cap = {0};
    disp_enable();
    ctx->header = req->msg.header;
    ctx->reply_caps_count = 0;
    errval_t err = m->shim(ctx, &req->msg);
    if (__builtin_expect((err | ctx->reply_caps_count) == 0, 1)) {
        /* Of an exact header all but the shape goes back. */
        req->msg.header |= (ctx->header & ~MSG_SHAPE_MASK) | MSG_HEADER(0, MSG_REPLY, 0, 0);
        disp_disable_touched();
        if (__builtin_expect((req->msg.header & UMP_NOT_ONE_LINE) == 0 && u->odd == 0 &&
                                 ump_ring_room(&u->ring) != 0,
                             1)) {
            /* The rest of the words is the client's own. */
            ump_ring_put_line(&u->ring, req->msg.header, req->msg.words);
            ump_bell_disabled(u);
            return;
        }
        disp_enable();
    } else if (!conn_conclude(conn, req, ctx, m, err, &cap)) {
        disp_disable_touched();
        return;
    }
    ump_answer(conn, &req->msg, cap);
}

/* Where the words of a request of any length are taken to. NULL: it has to be queued, or there is
 * no room for so many. */
static uint64_t *ump_request_place(struct server_conn *conn, struct lmp_msg *msg)
{
    const uint64_t header = msg->header;
    const enum msg_kind kind = msg_kind(header);
    if (conn->chan.slow != CHAN_SLOW_CARRIER || (header & UMP_CAPS_MASK) != 0 ||
        (kind != MSG_CALL && kind != MSG_ONEWAY)) {
        return NULL;
    }
    return msg_in_area(header)
               ? (uint64_t *)(void *)chan_area_place(&conn->chan.in, msg_slot(header),
                                                     msg_words(header))
               : msg->words;
}

/* Takes in the request `req->msg.header`, whose first line is there, and serves it, whatever it
 * asks. False: it is not for here, or not all of it has come. Enters and returns disabled, enabled
 * in between. */
static __attribute__((noinline)) bool ump_serve_any_disabled(struct server_conn *conn,
                                                             struct server *server,
                                                             struct server_request *req,
                                                             struct server_ctx *ctx)
{
    struct msg_cap cap;
    uint64_t *to = ump_request_place(conn, &req->msg);
    if (to == NULL || !ump_take_disabled(conn->chan.ump, req->msg.header, to)) {
        return false;
    }
    disp_enable();
    req->caps_count = 0;
    req->cancelled = false;
    if (conn_serve_in(conn, server, req, ctx, &cap)) {
        ump_answer(conn, &req->msg, cap);
    } else {
        disp_disable_touched();
    }
    return true;
}

bool ump_serve_disabled(struct server_conn *conn)
{
    struct chan *c = &conn->chan;
    struct ump *u = c->ump;
    struct server *server = conn->server;
    struct server_request req;
    struct server_ctx ctx;
    uint32_t left = u->spin > u->idle ? u->spin - u->idle : 0; /* looks at an empty ring */
    if (server == NULL) {
        return false;
    }
    const struct server_interface *iface = server->iface;
    conn_ctx_init(&ctx, conn, server, &req);
    /* A handler may have closed the connection; what has begun comes first, and what is queued
     * (ump_exact, ump_request_place). */
    uint32_t served = 0;
    while ((u->in.have | u->odd) == 0) {
        uint64_t head = ump_ring_head(&u->ring);
        if (((head ^ u->ring.in_epoch) & UMP_EPOCH) == 0) {
            req.msg.header = head & ~MSG_UMP_MASK;
            const struct server_method *m = ump_exact(conn, iface, req.msg.header);
            bool is_served = false;
            if (__builtin_expect(m != NULL && ump_ring_take_line(&u->ring, head, req.msg.words),
                                 1)) {
                ump_serve_exact_disabled(conn, m, &req, &ctx);
                is_served = true;
            } else if (m == NULL) {
                is_served = ump_serve_any_disabled(conn, server, &req, &ctx);
            }
            if (__builtin_expect(is_served, 1)) {
                left = u->spin;
                if (++served == UMP_BURST) {
                    return true;
                }
                continue;
            }
            if (head != u->ring.in_seen) {
                break;
            }
        }
        if (left == 0) {
            u->idle = u->spin; /* the last look of those that are allowed was this one */
            return false;
        }
        if (!waitset_idle_disabled(c->ws) || ump_lost_disabled()) {
            return served != 0;
        }
        left--;
        u->idle++; /* ump_stay_disabled forgets it if something came */
        arch_relax();
    }
    return ump_step_disabled(c);
}
