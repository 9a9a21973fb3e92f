/* UMP with both sides awake: a call that spins for its answer, a server that spins for the next
 * request. The conditions are those of the one-trap call (binding_direct.c) and of serve.c: no
 * other code of this domain runs meanwhile, so a call uses txid slot 0 without an entry in the
 * pending table, and a request is answered from where it was read. Whatever is out of the ordinary
 * goes the long way. */
#include "ump_priv.h"

#define UMP_NOT_ONE_LINE (MSG_SHAPE_MASK & ~MSG_SHAPE(UMP_LINE_WORDS, 0))

_Static_assert((UMP_LINE_WORDS & (UMP_LINE_WORDS + 1)) == 0, "a mask tells more words");

/* On the target arch/armv8/ump_call.S does all this as long as nothing has to wait, and comes here
 * if something has. */
errval_t ump_call_sent(struct binding *b, uint64_t answer, struct lmp_regs *r)
{
    struct ump *u = b->chan.ump;
    struct ump_ring *ring = &u->ring;
    const uint64_t sent = r->header;
    const uint64_t reply = (answer & ~MSG_ANY_SHAPE) | ring->in_epoch;
    const uint64_t free = (answer & MSG_ANY_SHAPE) != 0 ? UMP_COUNT_BITS | MSG_SHAPE_MASK
                                                        : UMP_COUNT_BITS;
    uint32_t left = u->spin;
    ump_bell_disabled(u);
    do {
        uint64_t head = ump_ring_head(ring);
        if (((head ^ reply) & ~free) == 0 && (head & UMP_NOT_ONE_LINE) == 0 &&
            ump_ring_take_line(ring, head, r->w)) {
            r->header = head & ~MSG_UMP_MASK;
            r->cap = 0;
            r->cap_info = 0;
            disp_enable();
            return ERR_OK;
        }
        if (ump_ring_new(ring, head)) {
            break;
        }
        arch_relax();
    } while (left-- != 0 && !disp_pending() && !ump_lost_disabled());
    /* What came first is not the answer in one line. */
    (void)binding_enter_disabled(b, sent);
    return binding_finish_regs_disabled(b, ERR_OK, answer, r);
}

errval_t ump_call(struct binding *b, struct lmp_regs *r)
{
    struct ump *u = b->chan.ump;
    disp_disable();
    /* A backlog and messages that have begun are rare and not for here. */
    if (__builtin_expect(((b->chan.slow & ~(CHAN_SLOW_DEADLINE | CHAN_SLOW_SWEEP)) ^
                              CHAN_SLOW_CARRIER) != 0 ||
                             u->odd != 0 || disp_runnable() ||
                             (r->header & UMP_NOT_ONE_LINE) != 0 || ump_ring_room(&u->ring) == 0,
                         0)) {
        disp_enable();
        return binding_call_long(b, r);
    }
    r->header |= binding_txid_disabled(b);
    ump_ring_put_line(&u->ring, r->header, r->w);
    return ump_call_sent(b, r->header ^ r->answer, r);
}

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

/* Serves `req`, which is exact. Enters and returns disabled, enabled in between. */
static inline void ump_answer_disabled(struct server_conn *conn, const struct server_method *m,
                                       struct server_request *req, struct server_ctx *ctx)
{
    struct ump *u = conn->chan.ump;
    disp_enable();
    ctx->header = req->msg.header;
    ctx->reply_caps_count = 0;
    errval_t err = m->shim(ctx, &req->msg);
    if (__builtin_expect((err | ctx->reply_caps_count) == 0, 1)) {
        /* Of an exact header all but the shape goes back. */
        const uint64_t header =
            req->msg.header | (ctx->header & ~MSG_SHAPE_MASK) | MSG_HEADER(0, MSG_REPLY, 0, 0);
        disp_disable_touched();
        if (__builtin_expect((header & UMP_NOT_ONE_LINE) == 0 && u->odd == 0 &&
                                 ump_ring_room(&u->ring) != 0,
                             1)) {
            ump_ring_put_line(&u->ring, header, req->msg.words); /* the rest is the client's own */
            ump_bell_disabled(u);
            return;
        }
        disp_enable();
        req->msg.header = header;
        conn_reply(conn, &req->msg, (struct msg_cap){0});
    } else {
        struct msg_cap cap = {0};
        if (conn_conclude(conn, req, ctx, m, err, &cap)) {
            conn_reply(conn, &req->msg, cap);
        }
    }
    disp_disable_touched();
}

bool ump_serve_disabled(struct server_conn *conn)
{
    struct chan *c = &conn->chan;
    struct ump *u = c->ump;
    const struct server *server = conn->server;
    struct server_request req;
    struct server_ctx ctx;
    uint32_t left = u->spin > u->idle ? u->spin - u->idle : 0; /* looks at an empty ring */
    if (server == NULL) {
        return false;
    }
    const struct server_interface *iface = server->iface;
    conn_ctx_init(&ctx, conn, server, &req);
    /* A handler may have closed the connection; what has begun comes first, and what is queued
     * (ump_exact). */
    uint32_t served = 0;
    while ((u->in.have | u->odd) == 0) {
        uint64_t head = ump_ring_head(&u->ring);
        if (((head ^ u->ring.in_epoch) & UMP_EPOCH) == 0) {
            req.msg.header = head & ~MSG_UMP_MASK;
            const struct server_method *m = ump_exact(conn, iface, req.msg.header);
            if (__builtin_expect(m != NULL && ump_ring_take_line(&u->ring, head, req.msg.words),
                                 1)) {
                ump_answer_disabled(conn, m, &req, &ctx);
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
        if (left == 0 || !waitset_idle_disabled(c->ws) || ump_lost_disabled()) {
            return served != 0;
        }
        left--;
        u->idle++; /* ump_stay_disabled forgets it if something came */
        arch_relax();
    }
    return ump_step_disabled(c);
}
