/* Streams, server side. A stream is a deferred call: it has a responder, and before that answers,
 * it sends items as far as the client has read them. in_flight <= window, and a channel that was
 * made for the interface has room for all of them; in a smaller one fewer are in flight. */
#include "chan_priv.h"

void conn_stream_wake_disabled(struct server_conn *conn, uint32_t slot)
{
    struct conn_stream *s = &conn->streams[slot - CHAN_STREAM_SLOT];
    s->starved = false;
    if (s->ready.fn != NULL && conn->chan.ws != NULL) {
        waitset_post_disabled(conn->chan.ws, &s->ready);
    }
}

void conn_stream_open_disabled(struct server_conn *conn, uint64_t header)
{
    const struct server_method *m = &conn->server->iface->methods[msg_ordinal(header)];
    conn->streams[msg_slot(header) - CHAN_STREAM_SLOT] =
        (struct conn_stream){.window = (uint8_t)(m->exact & ~SERVER_STREAM)};
}

void conn_stream_close_disabled(struct server_conn *conn, uint32_t slot)
{
    struct conn_stream *s = &conn->streams[slot - CHAN_STREAM_SLOT];
    conn->items -= s->in_flight;
    s->in_flight = 0;
    if (conn->chan.ws != NULL) {
        waitset_unpost_disabled(conn->chan.ws, &s->ready);
    }
    s->ready.fn = NULL;
}

/* All that had to wait may try again. */
static void conn_streams_feed_disabled(struct server_conn *conn)
{
    for (uint32_t i = 0; i < CHAN_STREAMS_MAX; i++) {
        if (conn->streams[i].starved) {
            conn_stream_wake_disabled(conn, CHAN_STREAM_SLOT + i);
        }
    }
}

void conn_stream_credit_disabled(struct server_conn *conn, const struct lmp_msg *msg)
{
    uint32_t slot = msg_slot(msg->header);
    if (slot < CHAN_STREAM_SLOT || slot >= CHAN_CALLS_MAX || (conn->deferred >> slot & 1u) == 0 ||
        conn->deferred_tx[slot] != (msg->header & MSG_TXID_MASK)) {
        return; /* of a stream that has ended meanwhile */
    }
    struct conn_stream *s = &conn->streams[slot - CHAN_STREAM_SLOT];
    if (msg_words(msg->header) != 1 || msg->words[0] == 0 || msg->words[0] > s->in_flight) {
        conn->overflow = true; /* it has read what it was never sent */
        chan_ready_disabled(&conn->chan);
        return;
    }
    s->in_flight = (uint8_t)(s->in_flight - msg->words[0]);
    conn->items -= (uint32_t)msg->words[0];
    conn_streams_feed_disabled(conn);
}

void conn_room_disabled(struct server_conn *conn)
{
    conn_streams_feed_disabled(conn);
    if (conn->events_head != NULL) {
        chan_ready_disabled(&conn->chan);
    }
}

/* Is there room for another item of this stream? Disabled. */
static errval_t stream_state_disabled(const struct server_responder *r)
{
    const struct server_conn *conn = r->conn;
    if (conn == NULL || conn->chan.state != CHAN_OPEN) {
        return RPC_ERR_PEER_GONE;
    }
    if (server_responder_cancelled(r)) {
        return RPC_ERR_CANCELLED;
    }
    const struct conn_stream *s = &conn->streams[msg_slot(r->header) - CHAN_STREAM_SLOT];
    uint32_t ring = conn->chan.end != 0 ? KPI_LMP_RING(conn->chan.ring_bytes) : UINT32_MAX;
    return s->in_flight == s->window || conn->items >= ring - CHAN_CALLS_MAX - CHAN_EVENTS_MAX
               ? RPC_ERR_AGAIN
               : ERR_OK;
}

errval_t server_sink_state(const struct server_responder *r)
{
    disp_disable();
    errval_t err = stream_state_disabled(r);
    if (err == RPC_ERR_AGAIN) {
        r->conn->streams[msg_slot(r->header) - CHAN_STREAM_SLOT].starved = true;
    }
    disp_enable();
    return err;
}

void server_sink_on_ready(const struct server_responder *r, void (*fn)(void *arg), void *arg)
{
    disp_disable();
    if (r->conn != NULL) {
        struct conn_stream *s = &r->conn->streams[msg_slot(r->header) - CHAN_STREAM_SLOT];
        s->ready.fn = fn;
        s->ready.arg = arg;
        if (stream_state_disabled(r) != RPC_ERR_AGAIN) {
            conn_stream_wake_disabled(r->conn, msg_slot(r->header));
        } else {
            s->starved = true;
        }
    }
    disp_enable();
}

/* Takes or gives back the place of an item. */
static void stream_count(struct server_conn *conn, struct conn_stream *s, bool sent)
{
    disp_disable();
    s->in_flight = (uint8_t)(s->in_flight + (sent ? 1 : -1));
    s->seq += sent ? 1u : ~0u;
    conn->items += sent ? 1u : ~0u;
    if (!sent) {
        s->starved = true;
        if (conn->chan.full == 0) {
            conn_streams_feed_disabled(conn); /* there is room again already */
        }
    }
    disp_enable();
}

errval_t server_put(const struct server_responder *r, errval_t err, const uint64_t *words,
                    uint32_t count, struct msg_cap cap)
{
    if (err_is_ok(err)) {
        err = server_sink_state(r);
    }
    struct server_conn *conn = r->conn;
    if (err_is_fail(err)) {
        chan_cap_sent(cap, false);
        return err;
    }
    struct conn_stream *s = &conn->streams[msg_slot(r->header) - CHAN_STREAM_SLOT];
    struct lmp_msg msg = {.header = (r->header & ECHO_MASK) |
                                    MSG_HEADER(0, MSG_STREAM, count, cap.cap != 0 ? 1 : 0)};
    uint32_t place = chan_area_item(msg_slot(r->header), s->seq, s->window);
    if (count <= MSG_REG_WORDS) {
        __builtin_memcpy(msg.words, words, 8u * count);
    } else if (!chan_area_write(&conn->chan.out, place, words, count)) {
        chan_cap_sent(cap, false);
        return RPC_ERR_TOO_LARGE;
    } else if (conn->chan.carrier != NULL) {
        msg.words[0] = place; /* for ump.c */
    }
    stream_count(conn, s, true);
    err = chan_send_room(&conn->chan, &msg, cap);
    chan_cap_sent(cap, err_is_ok(err));
    if (err_is_ok(err)) {
        if (chan_traced(&conn->chan)) {
            trace_server(conn, conn->server->iface->id, true, msg.header, words);
        }
        return ERR_OK;
    }
    stream_count(conn, s, false);
    if (err_no(err) == SYS_ERR_LMP_FULL) {
        return RPC_ERR_AGAIN;
    }
    conn_failed(conn, err);
    return RPC_ERR_PEER_GONE;
}
