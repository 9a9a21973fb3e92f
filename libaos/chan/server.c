/* Connections: their life, and the queue of requests that arrived while the server was busy. A
 * connection lives while it is open or somebody holds it (a running handler, a responder). */
#include "chan_priv.h"

#include <stdlib.h>

#include <aos/cap.h>
#include <aos/debug.h>

void server_init(struct server *s, const struct server_interface *iface, const void *ops,
                 void (*on_peer_gone)(struct server_ctx *ctx), void *state, struct waitset *ws)
{
    *s = (struct server){iface, ops, on_peer_gone, state, ws, NULL};
}

errval_t conn_create(struct server *s, uint64_t pid, uint32_t flags, struct server_conn **ret_conn)
{
    struct server_conn *conn = calloc(1, sizeof(*conn));
    if (conn == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    conn->server = s;
    conn->pid = pid;
    conn->flags = flags;
    conn->refs = 1; /* of the server */
    conn->events_free = (1u << CHAN_EVENTS_MAX) - 1u;
    chan_open(&conn->chan, CHAN_CONN, 0, s->ws);
    disp_disable();
    conn->next = s->conns;
    s->conns = conn;
    disp_enable();
    *ret_conn = conn;
    return ERR_OK;
}

void conn_free(struct server_conn *conn)
{
    USER_CHECK(conn->server == NULL && !conn->chan.ready && conn->queue_count == 0);
    /* Not at the close: a handler that still runs may be copying. */
    chan_area_free(&conn->chan.region);
    chan_carrier_free(&conn->chan);
    if (conn->far_bell != 0) {
        (void)cap_destroy(conn->far_bell);
    }
    free(conn);
}

void server_conn_close(struct server_conn *conn)
{
    disp_disable();
    struct server *s = conn->server;
    conn->server = NULL;
    conn->chan.slow |= CHAN_SLOW_STATE;
    if (s != NULL) {
        struct server_conn **at = &s->conns;
        while (*at != conn) {
            at = &(*at)->next;
        }
        *at = conn->next;
    }
    disp_enable();
    if (s == NULL) {
        return;
    }
    chan_close(&conn->chan);
    disp_disable();
    for (uint32_t slot = CHAN_STREAM_SLOT; slot < CHAN_CALLS_MAX; slot++) {
        if ((conn->deferred >> slot & 1u) != 0) {
            conn_stream_wake_disabled(conn, slot);
        }
    }
    disp_enable();
    for (; conn->queue_count != 0; conn->queue_count--) {
        struct server_request *req = &conn->queue[conn->queue_head];
        (void)binding_bad_reply(req->caps, req->caps_count);
        conn->queue_head = (uint8_t)((conn->queue_head + 1u) % SERVER_QUEUE_MAX);
    }
    conn_events_drop(conn);
    conn_release(conn);
}

static errval_t server_add(struct server *s, caddr_t end, uint64_t pid, uint32_t flags,
                           bool owns_ram, struct server_conn **ret_conn)
{
    struct server_conn *conn;
    errval_t err = conn_create(s, pid, flags, &conn);
    if (err_is_fail(err)) {
        (void)cap_destroy(end);
        return err;
    }
    err = chan_bind(&conn->chan, CHAN_CONN, end, s->ws);
    if (err_is_fail(err)) {
        conn->chan.end = 0;
        server_conn_close(conn);
        return err;
    }
    conn->chan.owns_ram = owns_ram;
    *ret_conn = conn;
    return ERR_OK;
}

errval_t server_add_end(struct server *s, caddr_t end, uint64_t pid, uint32_t flags,
                        struct server_conn **ret_conn)
{
    return server_add(s, end, pid, flags, false, ret_conn);
}

errval_t server_make_end(struct server *s, uint64_t pid, uint32_t flags, caddr_t *ret_client_end)
{
    caddr_t own, peer;
    errval_t err = chan_create_for(s->iface->window, &own, &peer);
    if (err_is_fail(err)) {
        return err;
    }
    struct server_conn *conn;
    err = server_add(s, own, pid, flags, true, &conn);
    if (err_is_fail(err)) {
        (void)cap_destroy(peer);
        return err;
    }
    conn->chan.ring_bytes = chan_ring_bytes(s->iface->window);
    *ret_client_end = peer;
    return ERR_OK;
}

void server_deinit(struct server *s)
{
    while (s->conns != NULL) {
        server_conn_close(s->conns);
    }
}

void server_conn_set_state(struct server_conn *conn, void *state)
{
    conn->state = state;
}

void *server_conn_state(const struct server_conn *conn)
{
    return conn->state;
}

bool server_conn_trusted(const struct server_conn *conn)
{
    return (conn->flags & SERVER_PEER_TRUSTED) != 0;
}

uint64_t server_conn_pid(const struct server_conn *conn)
{
    return conn->pid;
}

struct server_conn *server_conn_next(const struct server *s, const struct server_conn *conn)
{
    return conn == NULL ? s->conns : conn->next;
}

/* --- delivery ------------------------------------------------------------------------------- */

/* Answers a call that finds no room, without a thread. */
static void conn_refuse_disabled(struct server_conn *conn, uint64_t header)
{
    struct lmp_msg msg = {.header = conn_error_header(header), .words = {RPC_ERR_AGAIN}};
    if (err_is_fail(chan_send_disabled(&conn->chan, &msg))) {
        conn->overflow = true;
        chan_ready_disabled(&conn->chan);
    }
}

/* Nothing else keeps a client from sending more oneways than the queue has room for. Calls it has
 * room for, and of a request whose capabilities are still to come the rest must come. */
static void conn_pause_disabled(struct server_conn *conn)
{
    bool oneway = false, partial = false;
    if (conn->queue_count != SERVER_QUEUE_MAX) {
        return;
    }
    for (uint32_t i = 0; i < SERVER_QUEUE_MAX; i++) {
        oneway |= msg_kind(conn->queue[i].msg.header) == MSG_ONEWAY;
        partial |= conn->queue[i].partial;
    }
    if (oneway && !partial) {
        chan_pause_disabled(&conn->chan);
    }
}

static void conn_request_disabled(struct server_conn *conn, const struct lmp_msg *msg)
{
    if (conn->queue_count == SERVER_QUEUE_MAX) {
        chan_discard_cap_disabled(msg->cap);
        if (msg_kind(msg->header) == MSG_CALL) {
            conn_refuse_disabled(conn, msg->header);
        } else {
            conn->overflow = true;
            chan_ready_disabled(&conn->chan);
        }
        return;
    }
    struct server_request *req =
        &conn->queue[(conn->queue_head + conn->queue_count) % SERVER_QUEUE_MAX];
    req->msg = *msg;
    req->caps_count = msg->cap != 0;
    req->caps[0] = msg->cap;
    req->caps_info[0] = msg->cap_info;
    req->cancelled = false;
    req->partial = (msg->header & MSG_MORE) != 0 && msg_caps(msg->header) > 1;
    conn->queue_count++;
    conn->chan.slow |= CHAN_SLOW_QUEUED;
    conn_pause_disabled(conn);
    chan_ready_disabled(&conn->chan);
}

static void conn_more_caps_disabled(struct server_conn *conn, const struct lmp_msg *msg)
{
    for (uint32_t i = 0; i < conn->queue_count; i++) {
        struct server_request *req = &conn->queue[(conn->queue_head + i) % SERVER_QUEUE_MAX];
        if (!req->partial || ((req->msg.header ^ msg->header) & MSG_TXID_MASK) != 0) {
            continue;
        }
        if (msg->cap != 0 && req->caps_count < MSG_CAPS_MAX) {
            req->caps[req->caps_count] = msg->cap;
            req->caps_info[req->caps_count++] = msg->cap_info;
        }
        if (msg->cap == 0 || req->caps_count >= msg_caps(req->msg.header)) {
            req->partial = false;
            conn_pause_disabled(conn);
            chan_ready_disabled(&conn->chan);
        }
        return;
    }
    chan_discard_cap_disabled(msg->cap);
}

/* The client does not wait for this call any more. If it is neither in the queue nor deferred, it
 * is being handled and may yet be deferred, or it is answered. The first is remembered until the
 * handler defers or is done (server_defer, conn_conclude); of the second conn_step gets rid. */
static void conn_cancel_control_disabled(struct server_conn *conn, uint64_t header)
{
    uint32_t tx = (uint32_t)(header & MSG_TXID_MASK), slot = msg_slot(header);
    for (uint32_t i = 0; i < conn->queue_count; i++) {
        struct server_request *req = &conn->queue[(conn->queue_head + i) % SERVER_QUEUE_MAX];
        if ((req->msg.header & MSG_TXID_MASK) == tx && msg_kind(req->msg.header) == MSG_CALL) {
            req->cancelled = true;
            return;
        }
    }
    if (slot < CHAN_CALLS_MAX && !conn_cancel_disabled(conn, tx)) {
        conn->cancels |= 1u << slot;
        conn->cancels_tx[slot] = tx;
        conn->chan.slow |= CHAN_SLOW_CANCEL;
        chan_ready_disabled(&conn->chan);
    }
}

void conn_deliver_disabled(struct chan *c, const struct lmp_msg *msg)
{
    struct server_conn *conn = (struct server_conn *)(void *)c;
    enum msg_kind kind = msg_kind(msg->header);
    if (kind == MSG_CALL || kind == MSG_ONEWAY) {
        conn_request_disabled(conn, msg);
        return;
    }
    uint32_t control = kind == MSG_CONTROL ? msg_ordinal(msg->header) : 0;
    if (control == CHAN_CONTROL_CAP) {
        conn_more_caps_disabled(conn, msg);
        return;
    }
    chan_discard_cap_disabled(msg->cap);
    if (control == KPI_CONTROL_PEER_GONE) {
        c->state = CHAN_GONE;
        c->slow |= CHAN_SLOW_STATE;
        chan_ready_disabled(c);
    } else if (control == KPI_CONTROL_ROOM) {
        chan_room_disabled(c, CHAN_FULL);
    } else if (control == CHAN_CONTROL_CREDIT) {
        conn_stream_credit_disabled(conn, msg);
    } else if (control == CHAN_CONTROL_CANCEL) {
        conn_cancel_control_disabled(conn, msg->header);
    } else if (control == CHAN_CONTROL_EVENT_DONE && msg_slot(msg->header) < CHAN_EVENTS_MAX) {
        conn->events_free |= 1u << msg_slot(msg->header);
        if (conn->events_head != NULL) {
            chan_ready_disabled(c);
        }
    }
}

/* --- work ----------------------------------------------------------------------------------- */

static void conn_gone(struct server_conn *conn)
{
    struct server *s = conn->server;
    if (s != NULL && s->on_peer_gone != NULL) {
        struct server_ctx ctx;
        ctx.state = s->state;
        ctx.peer_pid = conn->pid;
        ctx.conn = conn;
        ctx.msg = NULL;
        ctx.caps_count = 0;
        s->on_peer_gone(&ctx);
    }
    server_conn_close(conn);
}

/* Takes the next request, and the server that is to get it. */
static bool conn_pop(struct server_conn *conn, struct server_request *ret_req,
                     struct server **ret_server)
{
    disp_disable();
    bool some =
        conn->server != NULL && conn->queue_count != 0 && !conn->queue[conn->queue_head].partial;
    if (some) {
        *ret_server = conn->server;
        *ret_req = conn->queue[conn->queue_head];
        conn->queue_head = (uint8_t)((conn->queue_head + 1u) % SERVER_QUEUE_MAX);
        conn->queue_count--;
        if (conn->queue_count == SERVER_QUEUE_MAX / 2) {
            chan_resume_disabled(&conn->chan);
        }
        if (conn->queue_count != 0) {
            chan_ready_disabled(&conn->chan);
        } else {
            conn->chan.slow &= ~CHAN_SLOW_QUEUED;
        }
    }
    disp_enable();
    return some;
}

/* Cancelled calls of which no more is to come, as nobody but this thread, the server and responders
 * holds the connection: no handler runs. */
static void conn_cancels_forget(struct server_conn *conn)
{
    disp_disable();
    if (conn->refs <= 2u + (uint32_t)__builtin_popcount(conn->deferred)) {
        conn_cancels_clear_disabled(conn, conn->cancels);
    }
    disp_enable();
}

bool conn_step(struct server_conn *conn, struct server_request *req)
{
    bool reply = false;
    struct server *server;
    if (conn->cancels != 0) {
        conn_cancels_forget(conn);
    }
    if (conn->chan.state == CHAN_GONE || conn->overflow) {
        conn_gone(conn);
    } else if (conn_pop(conn, req, &server)) {
        struct msg_cap cap;
        reply = conn_serve(conn, server, req, &cap);
        if (reply && (cap.cap != 0 || conn->events_head != NULL)) {
            conn_reply(conn, &req->msg, cap);
            reply = false;
        }
    }
    if (!reply) {
        conn_events_run(conn);
        conn_release(conn);
    }
    return reply;
}

/* Apart, as the room for a request on the stack costs those who need none. */
static __attribute__((noinline)) void conn_run_queued(struct server_conn *conn)
{
    struct server_request req;
    if (conn_step(conn, &req)) {
        conn_reply(conn, &req.msg, (struct msg_cap){0});
        conn_release(conn);
    }
}

bool conn_run(struct chan *c)
{
    struct server_conn *conn = (struct server_conn *)(void *)c;
    if (c->carrier != NULL) {
        c->carrier->run(c);
        if (__builtin_expect(c->slow == CHAN_SLOW_CARRIER && !conn->overflow &&
                                 conn->events_head == NULL, 1)) {
            conn_release(conn); /* nothing is queued, nothing has happened to it */
            return true;
        }
    }
    conn_run_queued(conn);
    return true;
}

void conn_failed(struct server_conn *conn, errval_t err)
{
    if (err_no(err) == SYS_ERR_LMP_PEER_GONE) {
        return; /* the kernel tells it as an event too */
    }
    disp_disable();
    if (conn->server != NULL) {
        conn->overflow = true;
        chan_ready_disabled(&conn->chan);
    }
    disp_enable();
}

/* The capability of a reply may have been revoked by now, or may not go where it is to go: then
 * only this call fails. */
static errval_t conn_cap_refused(struct server_conn *conn, const struct lmp_msg *msg, errval_t err)
{
    if (err_no(err) == SYS_ERR_LMP_PEER_GONE || err_no(err) == SYS_ERR_LMP_FULL) {
        return err;
    }
    const struct lmp_msg refused = {.header = conn_error_header(msg->header),
                                    .words = {err_push(err, RPC_ERR_CAPABILITY)}};
    return chan_send(&conn->chan, &refused, (struct msg_cap){0});
}

void conn_reply(struct server_conn *conn, const struct lmp_msg *msg, struct msg_cap cap)
{
    errval_t err = chan_send(&conn->chan, msg, cap);
    chan_cap_sent(cap, err_is_ok(err));
    if (err_is_fail(err) && cap.cap != 0) {
        err = conn_cap_refused(conn, msg, err);
    }
    if (err_is_fail(err)) {
        conn_failed(conn, err);
    }
}

void conn_reply_caps(struct server_conn *conn, const struct lmp_msg *msg,
                     const struct msg_cap *caps, uint32_t count)
{
    struct lmp_msg m = *msg;
    errval_t err = ERR_OK;
    for (uint32_t i = 0; i < count; i++) {
        if (err_is_ok(err)) {
            err = chan_send(&conn->chan, &m, caps[i]);
        }
        chan_cap_sent(caps[i], err_is_ok(err));
        m = (struct lmp_msg){.header = MSG_HEADER(CHAN_CONTROL_CAP, MSG_CONTROL, 0, 1) |
                                       (msg->header & (MSG_TXID_MASK | MSG_HASH_MASK))};
    }
    if (err_is_fail(err)) {
        conn_failed(conn, err);
    }
}
