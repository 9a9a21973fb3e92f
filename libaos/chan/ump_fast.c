/* UMP with both sides awake: a call that spins for its answer, a server that spins for the next
 * request. The conditions are those of the one-trap call (binding_direct.c) and of serve.c: no
 * other code of this domain runs meanwhile, so a call uses txid slot 0 without an entry in the
 * pending table, and a request is answered from where it was read. Whatever is out of the ordinary
 * goes the long way. */
#include "ump_priv.h"

#include <aos/time.h>

/* The call `sent` is under way, and `got` is what came first: the long way. Enters disabled,
 * returns enabled. */
static __attribute__((noinline)) errval_t ump_parked_disabled(struct binding *b, uint64_t sent,
                                                              enum ump_got got, struct lmp_regs *r)
{
    struct pending *p = binding_enter_disabled(b, sent);
    (void)ump_took_disabled(&b->chan, got);
    caddr_t cap = 0;
    uint32_t info = 0;
    struct binding_call call = {.header = sent,
                                .words = r->w,
                                .words_max = MSG_REG_WORDS,
                                .caps_max = 1,
                                .got = &cap,
                                .got_info = &info};
    errval_t err = binding_finish_disabled(b, p, &call, time_deadline_ns(b->deadline_ns));
    r->header = call.header;
    r->cap = cap;
    r->cap_info = info;
    return err;
}

bool ump_call(struct binding *b, struct lmp_regs *r, errval_t *ret_err)
{
    struct ump *u = b->chan.ump;
    disp_disable();
    /* Backlog and parked messages are rare and not for here. */
    if (((b->chan.slow & ~CHAN_SLOW_DEADLINE) ^ CHAN_SLOW_CARRIER) != 0 || disp_runnable() ||
        (r->header & MSG_SHAPE_MASK) > MSG_SHAPE(UMP_LINE_WORDS, 0) ||
        (u->parked | u->backlog_count) != 0) {
        disp_enable();
        return false;
    }
    b->chan.tx += MSG_GEN_ONE;
    const uint64_t sent = r->header | b->chan.hash_bits | b->chan.tx;
    if (!ump_ring_send(&u->ring, sent, r->w, msg_words(sent))) {
        disp_enable();
        return false;
    }
    ump_bell_disabled(u);
    const uint64_t reply = sent | MSG_HEADER(0, MSG_REPLY, 0, 0);
    enum ump_got got;
    uint32_t left = u->spin;
    do {
        got = ump_ring_recv(&u->ring, &u->in, 1);
    } while (got == UMP_NONE && left-- != 0 && !disp_pending());
    if (__builtin_expect(got != UMP_MESSAGE || ((reply ^ u->in.header) & ~MSG_SHAPE_MASK) != 0 ||
                             (u->in.header & MSG_SHAPE_MASK) > MSG_SHAPE(UMP_LINE_WORDS, 0),
                         0)) {
        *ret_err = ump_parked_disabled(b, sent, got, r);
        return true;
    }
    r->header = u->in.header;
    r->cap = 0;
    r->cap_info = 0;
    for (uint32_t i = 0; i < UMP_LINE_WORDS; i++) {
        r->w[i] = u->in.words[i];
    }
    disp_enable();
    *ret_err = ERR_OK;
    return true;
}

/* What a request's header has in common with hash_bits if it is a call with a txid slot that there
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
        ((header ^ conn->chan.hash_bits) & UMP_EXACT_MASK) != 0 || ordinal >= iface->method_count ||
        (header & MSG_SHAPE_MASK) > MSG_SHAPE(UMP_LINE_WORDS, 0)) {
        return NULL;
    }
    const struct server_method *m = &iface->methods[ordinal];
    return m->exact == ((header & MSG_SHAPE_MASK) >> MSG_WORDS_SHIFT) + 1u ? m : NULL;
}

/* Serves `req`, which is exact. */
static void ump_answer(struct server_conn *conn, const struct server_method *m,
                       struct server_request *req, struct server_ctx *ctx)
{
    ctx->header = req->msg.header;
    ctx->reply_caps_count = 0;
    errval_t err = m->shim(ctx, &req->msg);
    if (__builtin_expect((err | ctx->reply_caps_count) == 0, 1)) {
        /* Of an exact header all but the shape goes back. */
        req->msg.header |= (ctx->header & ~MSG_SHAPE_MASK) | MSG_HEADER(0, MSG_REPLY, 0, 0);
        disp_disable();
        bool open = conn->chan.state == CHAN_OPEN && !conn->chan.ump->dead;
        bool sent = open && ump_put_disabled(&conn->chan, &req->msg);
        disp_enable();
        if (open && !sent) {
            conn_failed(conn, SYS_ERR_LMP_FULL);
        }
        return;
    }
    struct msg_cap cap = {0};
    if (conn_conclude(conn, req, ctx, m, err, &cap)) {
        conn_reply(conn, &req->msg, cap);
    }
}

bool ump_serve_disabled(struct server_conn *conn)
{
    struct chan *c = &conn->chan;
    struct ump *u = c->ump;
    const struct server *server = conn->server;
    struct server_request req;
    struct server_ctx ctx;
    uint32_t left = 0; /* looks at an empty ring: none before the first request */
    enum ump_got got = UMP_NONE;
    if (server == NULL) {
        return false;
    }
    conn_ctx_init(&ctx, conn, server, &req);
    /* A handler may have closed the connection, and what is queued or parked comes first. */
    while (c->state == CHAN_OPEN &&
           (conn->queue_count | u->backlog_count | (uint32_t)u->parked | (uint32_t)u->dead) == 0) {
        got = ump_ring_recv(&u->ring, &u->in, u->ring.in_lines);
        if (got == UMP_NONE) {
            if (left-- == 0 || !waitset_idle_disabled(c->ws)) {
                return false;
            }
            continue;
        }
        const struct server_method *m =
            got == UMP_MESSAGE ? ump_exact(conn, server->iface, u->in.header) : NULL;
        if (m == NULL) {
            return ump_took_disabled(c, got);
        }
        req.msg.header = u->in.header;
        for (uint32_t i = 0; i < UMP_LINE_WORDS; i++) {
            req.msg.words[i] = u->in.words[i];
        }
        disp_enable();
        ump_answer(conn, m, &req, &ctx);
        disp_disable();
        left = u->spin;
        if (!waitset_idle_disabled(c->ws)) {
            return true;
        }
    }
    return ump_step_disabled(c);
}
