/* From a request to its reply: header checks, the method's shim, the framework's own calls. */
#include "chan_priv.h"

#include <aos/cap.h>
#include <aos/paging.h>

#define AREA_BYTES_MAX 262144u /* of one direction of one connection */

uint64_t conn_error_header(uint64_t request)
{
    return (request & ECHO_MASK) | MSG_HEADER(0, MSG_ERROR, 1, 0);
}

static bool server_lists(const struct server_method *m, errval_t err)
{
    uint32_t code = (uint32_t)err_no(err);
    if (code >> 6 == (uint32_t)RPC_ERR_MALFORMED >> 6) {
        return true;
    }
    for (uint32_t i = 0; i < m->fails_count; i++) {
        if (m->fails[i] == code) {
            return true;
        }
    }
    return false;
}

/* The header against what the method takes. */
static errval_t conn_check(const struct server_conn *conn, const struct server_interface *iface,
                           const struct server_request *req,
                           const struct server_method **ret_method)
{
    uint64_t h = req->msg.header;
    uint32_t ordinal = msg_ordinal(h), words = msg_words(h), caps = msg_caps(h);
    if ((h & (MSG_HASH_MASK | MSG_UMP_MASK)) != chan_hash(&conn->chan) ||
        msg_slot(h) >= CHAN_CALLS_MAX || caps != req->caps_count ||
        ((h & MSG_MORE) != 0) != (caps > 1) || (conn->deferred >> msg_slot(h) & 1u) != 0) {
        return RPC_ERR_MALFORMED;
    }
    if (ordinal == 0) {
        *ret_method = NULL;
        return msg_kind(h) == MSG_CALL && caps <= 1 && words <= MSG_REG_WORDS ? ERR_OK
                                                                              : RPC_ERR_MALFORMED;
    }
    if ((conn->chan.slow & CHAN_SLOW_UNBOUND) != 0) {
        return RPC_ERR_MALFORMED;
    }
    const struct server_method *m = &iface->methods[ordinal];
    if (ordinal >= iface->method_count || m->shim == NULL) {
        return RPC_ERR_UNKNOWN_METHOD;
    }
    if (msg_kind(h) != (enum msg_kind)m->kind || words < m->words_min || words > m->words_max ||
        caps < m->caps_min || caps > m->caps_max ||
        ((m->exact & SERVER_STREAM) != 0 && msg_slot(h) < CHAN_STREAM_SLOT)) {
        return RPC_ERR_MALFORMED;
    }
    *ret_method = m;
    return ERR_OK;
}

static void conn_drop_caps(struct server_ctx *ctx)
{
    for (uint32_t i = 0; i < ctx->caps_count; i++) {
        if (ctx->caps[i] != 0) {
            (void)cap_destroy_received(ctx->caps[i]);
        }
    }
}

/* One that nobody knows is skipped if it is flexible; else the connection ends. */
static void conn_oneway_done(struct server_conn *conn, uint64_t header, bool unknown)
{
    if (unknown && (header & MSG_FLEXIBLE) == 0) {
        disp_disable();
        conn->overflow = true;
        chan_ready_disabled(&conn->chan);
        disp_enable();
    } else if (msg_in_area(header)) {
        const struct lmp_msg done = {.header =
                                         MSG_HEADER(CHAN_CONTROL_ONEWAY_DONE, MSG_CONTROL, 0, 0) |
                                         (header & (MSG_TXID_MASK | MSG_HASH_MASK))};
        conn_reply(conn, &done, (struct msg_cap){0});
    }
}

/* After an error, what a handler may have written into a result is still its own. */
static void conn_drop_reply_caps(struct server_ctx *ctx, errval_t err)
{
    for (uint32_t i = 0; i < ctx->reply_caps_count; i++) {
        struct msg_cap cap = ctx->reply_caps[i];
        if ((cap.move & MSG_CAP_RESULT) == 0 || err_is_ok(err)) {
            cap.move &= (uint8_t)~MSG_CAP_RESULT;
            chan_cap_sent(cap, false);
        }
    }
}

static void conn_error_reply(struct server_request *req, errval_t err)
{
    req->msg.header = conn_error_header(req->msg.header);
    req->msg.words[0] = err;
    for (uint32_t i = 1; i < MSG_REG_WORDS; i++) {
        req->msg.words[i] = 0;
    }
}

static void conn_trace(const struct server_conn *conn, bool sent, const struct lmp_msg *msg)
{
    if (chan_traced(&conn->chan) && conn->server != NULL) {
        trace_server(conn, conn->server->iface->id, sent, msg->header,
                     msg_in_area(msg->header) ? NULL : msg->words);
    }
}

/* The handler of the call `header` is done: it cannot be cancelled any more, nor can an older one
 * of its slot. */
static void conn_cancels_done(struct server_conn *conn, uint64_t header)
{
    uint32_t slot = msg_slot(header);
    disp_disable();
    if (slot < CHAN_CALLS_MAX &&
        (int32_t)((uint32_t)(header & MSG_TXID_MASK) - conn->cancels_tx[slot]) >= 0) {
        conn_cancels_clear_disabled(conn, 1u << slot);
    }
    disp_enable();
}

bool conn_conclude(struct server_conn *conn, struct server_request *req, struct server_ctx *ctx,
                   const struct server_method *m, errval_t err, struct msg_cap *ret_cap)
{
    uint64_t h = ctx->header;
    if (msg_kind(h) == MSG_ONEWAY) {
        conn_oneway_done(conn, h, m == NULL && err == RPC_ERR_UNKNOWN_METHOD);
        return false;
    }
    if (__builtin_expect(conn->cancels != 0, 0)) {
        conn_cancels_done(conn, h);
    }
    if (err == SERVER_DEFERRED || conn->chan.state != CHAN_OPEN) {
        conn_drop_reply_caps(ctx, err);
        return false;
    }
    if (err_is_fail(err)) {
        conn_drop_reply_caps(ctx, err);
        if (m != NULL && !server_lists(m, err)) {
            err = err_push(err, RPC_ERR_BAD_REPLY);
        }
        req->msg.header = h;
        conn_error_reply(req, err);
        conn_trace(conn, true, &req->msg);
        return true;
    }
    req->msg.header |= (h & ECHO_MASK) | MSG_HEADER(0, MSG_REPLY, 0, 0);
    conn_trace(conn, true, &req->msg);
    if (ctx->reply_caps_count > 1) {
        conn_reply_caps(conn, &req->msg, ctx->reply_caps, ctx->reply_caps_count);
        return false;
    }
    if (ctx->reply_caps_count == 1) {
        *ret_cap = ctx->reply_caps[0];
        ret_cap->move &= (uint8_t)~MSG_CAP_RESULT;
    }
    return true;
}

bool conn_serve_in(struct server_conn *conn, struct server *server, struct server_request *req,
                   struct server_ctx *ctx, struct msg_cap *ret_cap)
{
    const uint64_t h = req->msg.header;
    ctx->header = h;
    ctx->caps_count = req->caps_count;
    ctx->reply_caps_count = 0;
    ret_cap->cap = 0;
    conn_trace(conn, false, &req->msg);
    const struct server_method *m = NULL;
    errval_t err = req->cancelled ? RPC_ERR_CANCELLED : conn_check(conn, server->iface, req, &m);
    if (__builtin_expect(err_is_ok(err), 1)) {
        err = m != NULL ? m->shim(ctx, &req->msg) : conn_framework(conn, server, ctx, &req->msg);
    }
    if (ctx->caps_count != 0) {
        conn_drop_caps(ctx);
    }
    /* Not slow: open, nothing cancelled, nothing recorded. */
    if (__builtin_expect((err | ctx->reply_caps_count |
                          (conn->chan.slow & ~CHAN_SLOW_CARRIER)) == 0, 1)) {
        if (msg_kind(h) == MSG_CALL) {
            req->msg.header |= (h & ECHO_MASK) | MSG_HEADER(0, MSG_REPLY, 0, 0);
            return true;
        }
        if (!msg_in_area(h)) {
            return false;
        }
    }
    return conn_conclude(conn, req, ctx, m, err, ret_cap);
}

bool conn_serve(struct server_conn *conn, struct server *server, struct server_request *req,
                struct msg_cap *ret_cap)
{
    struct server_ctx ctx;
    conn_ctx_init(&ctx, conn, server, req);
    return conn_serve_in(conn, server, req, &ctx, ret_cap);
}

/* --- for shims ------------------------------------------------------------------------------ */

void server_take_cap(struct server_ctx *ctx, caddr_t cap)
{
    for (uint32_t i = 0; i < ctx->caps_count; i++) {
        if (ctx->caps[i] == cap) {
            ctx->caps[i] = 0;
            return;
        }
    }
}

errval_t server_request(struct server_ctx *ctx, uint64_t *words, uint32_t words_max)
{
    uint32_t count = msg_words(ctx->header);
    if (count > words_max) {
        return RPC_ERR_MALFORMED;
    }
    if (!msg_in_area(ctx->header)) {
        __builtin_memcpy(words, ctx->msg->words, 8u * count);
        return ERR_OK;
    }
    return chan_area_read(&ctx->conn->chan.in, msg_slot(ctx->header), words, count)
               ? ERR_OK
               : RPC_ERR_MALFORMED;
}

/* Puts `count` words of a message with `caps` capabilities into `msg` or the area. */
static errval_t conn_put_words(struct server_conn *conn, uint64_t header, struct lmp_msg *msg,
                               const uint64_t *words, uint32_t count, uint32_t caps)
{
    msg->header = MSG_SHAPE(count, caps);
    if (msg_in_area(msg->header)) {
        if (!chan_area_write(&conn->chan.out, msg_slot(header), words, count)) {
            return RPC_ERR_TOO_LARGE;
        }
        count = 0;
    }
    msg_words_set(msg->words, words, count);
    return ERR_OK;
}

errval_t server_reply_words(struct server_ctx *ctx, const uint64_t *words, uint32_t count)
{
    return conn_put_words(ctx->conn, ctx->header, ctx->msg, words, count, ctx->reply_caps_count);
}

void server_reply_cap(struct server_ctx *ctx, struct msg_cap cap)
{
    if (ctx->reply_caps_count < MSG_CAPS_MAX) {
        ctx->reply_caps[ctx->reply_caps_count++] = cap;
    }
}

void server_drop_cap(caddr_t cap)
{
    chan_cap_sent((struct msg_cap){cap, CAP_RIGHTS_ALL, MSG_CAP_MOVE}, false);
}

/* --- deferred answers ----------------------------------------------------------------------- */

/* A call that was cancelled while its handler ran is deferred. */
static void conn_cancels_run_disabled(struct server_conn *conn, uint64_t header)
{
    uint32_t bit = 1u << msg_slot(header);
    if ((conn->cancels & bit) != 0) {
        (void)conn_cancel_disabled(conn, conn->cancels_tx[msg_slot(header)]);
        conn_cancels_clear_disabled(conn, bit);
    }
}

struct server_responder server_defer(struct server_ctx *ctx)
{
    struct server_conn *conn = ctx->conn;
    conn_hold(conn);
    disp_disable();
    conn->deferred |= 1u << msg_slot(ctx->header);
    conn->deferred_tx[msg_slot(ctx->header)] = (uint32_t)(ctx->header & MSG_TXID_MASK);
    conn->cancelled &= ~(1u << msg_slot(ctx->header));
    if (msg_slot(ctx->header) >= CHAN_STREAM_SLOT && conn->server != NULL) {
        conn_stream_open_disabled(conn, ctx->header);
    }
    conn->chan.slow |= CHAN_SLOW_DEFERRED;
    conn_cancels_run_disabled(conn, ctx->header);
    disp_enable();
    return (struct server_responder){conn, ctx->header};
}

bool conn_cancel_disabled(struct server_conn *conn, uint32_t tx)
{
    uint32_t bit = 1u << msg_slot(tx);
    if ((conn->deferred & bit) == 0 || conn->deferred_tx[msg_slot(tx)] != tx) {
        return false;
    }
    conn->cancelled |= bit;
    if (msg_slot(tx) >= CHAN_STREAM_SLOT) {
        conn_stream_wake_disabled(conn, msg_slot(tx));
    }
    return true;
}

bool server_responder_cancelled(const struct server_responder *r)
{
    return r->conn != NULL && (r->conn->chan.state != CHAN_OPEN ||
                               (r->conn->cancelled >> msg_slot(r->header) & 1u) != 0);
}

bool server_responder_alive(const struct server_responder *r)
{
    return r->conn != NULL && r->conn->chan.state == CHAN_OPEN;
}

void server_respond(struct server_responder *r, errval_t err, const uint64_t *words, uint32_t count,
                    const struct msg_cap *caps, uint32_t caps_count)
{
    struct server_conn *conn = r->conn;
    uint64_t h = r->header;
    *r = (struct server_responder){0};
    const struct server *server = NULL; /* NULL: nothing is to be sent */
    if (conn != NULL) {
        disp_disable();
        server = conn->chan.state == CHAN_OPEN ? conn->server : NULL;
        conn->deferred &= ~(1u << msg_slot(h));
        if (msg_slot(h) >= CHAN_STREAM_SLOT) {
            conn_stream_close_disabled(conn, msg_slot(h));
        }
        if (conn->deferred == 0) {
            conn->chan.slow &= ~CHAN_SLOW_DEFERRED;
        }
        disp_enable();
    }
    bool send = server != NULL;
    struct lmp_msg msg = {0};
    if (send && err_is_ok(err)) {
        err = conn_put_words(conn, h, &msg, words, count, caps_count);
    }
    if (send && err_is_ok(err)) {
        msg.header |= (h & ECHO_MASK) | MSG_HEADER(0, MSG_REPLY, 0, 0);
        conn_trace(conn, true, &msg);
        if (caps_count == 0) {
            conn_reply(conn, &msg, (struct msg_cap){0});
        } else {
            conn_reply_caps(conn, &msg, caps, caps_count);
        }
    } else {
        for (uint32_t i = 0; i < caps_count; i++) {
            chan_cap_sent(caps[i], false);
        }
        if (send) {
            const struct server_method *m = &server->iface->methods[msg_ordinal(h)];
            msg = (struct lmp_msg){.header = conn_error_header(h)};
            msg.words[0] = server_lists(m, err) ? err : err_push(err, RPC_ERR_BAD_REPLY);
            conn_trace(conn, true, &msg);
            conn_reply(conn, &msg, (struct msg_cap){0});
        }
    }
    if (conn != NULL) {
        conn_release(conn);
    }
}

/* --- the framework's own calls -------------------------------------------------------------- */

static errval_t conn_op_bind(struct server_conn *conn, const struct server_interface *iface,
                             struct lmp_msg *msg)
{
    uint64_t id = msg->words[1] & UINT32_MAX, version = msg->words[1] >> 32;
    if ((conn->chan.slow & CHAN_SLOW_UNBOUND) == 0) {
        return RPC_ERR_MALFORMED;
    }
    if (id != iface->id || version == 0 ||
        (version == iface->version && msg->words[2] != iface->hash)) {
        return RPC_ERR_VERSION;
    }
    disp_disable();
    conn->chan.slow &= ~CHAN_SLOW_UNBOUND;
    chan_hash_set(&conn->chan, msg->words[2]);
    disp_enable();
    *msg = (struct lmp_msg){.header = MSG_SHAPE(2, 0), .words = {iface->version, iface->hash}};
    return ERR_OK;
}

static uint32_t conn_count_of(const struct server *s, uint64_t pid)
{
    uint32_t count = 0;
    for (const struct server_conn *i = s->conns; i != NULL; i = i->next) {
        count += i->pid == pid;
    }
    return count;
}

static errval_t conn_op_clone(struct server_conn *conn, struct server *server,
                              struct server_ctx *ctx, struct lmp_msg *msg)
{
    uint64_t pid = msg->words[1], flags = msg->words[2];
    if (flags > SERVER_PEER_TRUSTED) {
        return RPC_ERR_MALFORMED;
    }
    if ((pid != BINDING_CLONE_OWN || flags != 0) && (conn->flags & SERVER_PEER_TRUSTED) == 0) {
        return RPC_ERR_CAPABILITY;
    }
    pid = pid == BINDING_CLONE_OWN ? conn->pid : pid;
    if (conn_count_of(server, pid) >= SERVER_ENDS_MAX) {
        return err_push(LIB_ERR_QUOTA, RPC_ERR_AGAIN);
    }
    caddr_t end;
    errval_t err = server_make_end(server, pid, (uint32_t)flags, &end);
    if (err_is_fail(err)) {
        return err_push(err, RPC_ERR_AGAIN);
    }
    server_reply_cap(ctx, (struct msg_cap){end, CAP_RIGHTS_ALL, true});
    *msg = (struct lmp_msg){.header = MSG_SHAPE(0, 1)};
    return ERR_OK;
}

static errval_t conn_op_area(struct server_conn *conn, struct server_ctx *ctx, struct lmp_msg *msg)
{
    uint64_t direction = msg->words[1], slot_bytes = msg->words[2], bytes = msg->words[3];
    struct chan_area *a = direction == 0 ? &conn->chan.in : &conn->chan.out;
    uint32_t rights = direction == 0 ? CAP_RIGHT_R : CAP_RIGHT_R | CAP_RIGHT_W;
    if (conn->chan.carrier != NULL || direction > 1 || a->base != NULL || slot_bytes == 0 ||
        slot_bytes % 8 != 0 || slot_bytes > AREA_BYTES_MAX || bytes == 0 ||
        bytes > AREA_BYTES_MAX || bytes % AOS_PAGE_BYTES != 0) {
        return RPC_ERR_MALFORMED;
    }
    if (ctx->caps_count != 1 || !msg_cap_ok(ctx->caps_info[0], 1u << CAPTYPE_FRAME, rights)) {
        return RPC_ERR_CAPABILITY;
    }
    errval_t err = chan_area_attach(a, ctx->caps[0], (uint32_t)slot_bytes, (uint32_t)bytes,
                                    direction == 0 ? AOS_VM_READ : AOS_VM_RW);
    if (err_is_fail(err)) {
        return err_push(err, RPC_ERR_CAPABILITY);
    }
    *msg = (struct lmp_msg){.header = MSG_SHAPE(0, 0)};
    return ERR_OK;
}

static errval_t conn_op_subscribe(struct server_conn *conn, const struct server_interface *iface,
                                  struct lmp_msg *msg)
{
    for (uint32_t i = 0; i < iface->event_count; i++) {
        if (iface->events[i].ordinal != msg->words[1]) {
            continue;
        }
        conn->subscribed &= ~(1u << i);
        conn->subscribed |= (uint32_t)(msg->words[2] & 1u) << i;
        *msg = (struct lmp_msg){.header = MSG_SHAPE(0, 0)};
        return ERR_OK;
    }
    return RPC_ERR_UNKNOWN_METHOD;
}

errval_t conn_framework(struct server_conn *conn, struct server *server, struct server_ctx *ctx,
                        struct lmp_msg *msg)
{
    uint32_t words = msg_words(msg->header), caps = msg_caps(msg->header);
    switch (msg->words[0]) {
    case CHAN_OP_BIND:
        return words == 3 && caps == 0 ? conn_op_bind(conn, server->iface, msg) : RPC_ERR_MALFORMED;
    case CHAN_OP_CLONE:
        return words == 3 && caps == 0 ? conn_op_clone(conn, server, ctx, msg) : RPC_ERR_MALFORMED;
    case CHAN_OP_AREA:
        return words == 4 ? conn_op_area(conn, ctx, msg) : RPC_ERR_MALFORMED;
    case CHAN_OP_REGION:
        return words == 2 ? conn_op_region(conn, server->iface, ctx, msg) : RPC_ERR_MALFORMED;
    case CHAN_OP_BELL:
        return words == 1 ? conn_op_bell(conn, ctx, msg) : RPC_ERR_MALFORMED;
    case CHAN_OP_UPGRADE:
        return words == 2 ? conn_op_upgrade(conn, server->iface, ctx, msg) : RPC_ERR_MALFORMED;
    case CHAN_OP_SUBSCRIBE:
        return words == 3 && caps == 0 ? conn_op_subscribe(conn, server->iface, msg)
                                       : RPC_ERR_MALFORMED;
    default:
        return RPC_ERR_UNKNOWN_METHOD;
    }
}
