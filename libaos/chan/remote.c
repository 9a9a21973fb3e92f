/* Channels to other cores. An end that came from another core is a proxy: the monitors pass its
 * messages on (services/monitor/line.h), and the one here has said so before all else
 * (CHAN_CONTROL_REMOTE). That works for everything; when a client opens its binding, both sides
 * leave it for a ring:
 *
 *   client    CHAN_OP_UPGRADE ->  monitor: adds a frame for two rings  ->  monitor  ->  server
 *   client  <-  monitor: adds the frame  <-  monitor  <-  answer, and from then on the ring
 *
 * A server that refuses stays on the line, and so does the client. The channel that was there
 * before stays, too, as lifeline: by it either side learns of the other's end, and capabilities and
 * doorbells of the ring travel on it. Nothing else does.
 *
 * The frame comes from the client's monitor and goes back there when nobody has it mapped. */
#include "chan_priv.h"

#include <stdlib.h>

#include <aos/cap.h>
#include <aos/raw.h>
#include <aos/slot.h>
#include <aos/arch_lmp.h>

#include "ump_priv.h"

/* Capabilities that came before their messages: as many as a peer that keeps to the rules has under
 * way, with room to spare. */
#define REMOTE_CAPS_MAX 32u

struct remote_cap {
    uint64_t index;
    caddr_t cap;
    uint32_t info;
};

/* What an upgraded channel has beside its ring. */
struct remote {
    struct raw_chan line; /* first */
    struct chan *chan;
    struct ump_config config;
    uint32_t head, count;
    struct remote_cap caps[REMOTE_CAPS_MAX];
};

/* --- on the lifeline ------------------------------------------------------------------------ */

static void remote_arrived_disabled(struct raw_chan *line, const struct lmp_msg *msg)
{
    struct remote *r = (struct remote *)(void *)line;
    if (msg->header == KPI_CONTROL_HEADER(KPI_CONTROL_PEER_GONE)) {
        ump_peer_died_disabled(r->chan);
        return;
    }
    if (msg_kind(msg->header) == MSG_CONTROL &&
        msg_ordinal(msg->header) == CHAN_CONTROL_RING_CAP && r->count < REMOTE_CAPS_MAX) {
        r->caps[(r->head + r->count++) % REMOTE_CAPS_MAX] =
            (struct remote_cap){msg->words[0], msg->cap, msg->cap_info};
    } else {
        chan_discard_cap_disabled(msg->cap);
    }
    ump_rung_disabled(r->chan); /* whatever it was: a bell that found no room counted on it */
}

static errval_t remote_send_cap(void *ctx, uint64_t index, struct msg_cap cap)
{
    struct remote *r = ctx;
    const struct lmp_msg msg = {.header = MSG_HEADER(CHAN_CONTROL_RING_CAP, MSG_CONTROL, 1, 1),
                                .words = {index}};
    return chan_send(&r->line.chan, &msg, cap);
}

static errval_t remote_recv_cap_disabled(void *ctx, uint64_t index, caddr_t *ret_cap,
                                         uint32_t *ret_info)
{
    struct remote *r = ctx;
    if (r->count == 0) {
        return RPC_ERR_AGAIN;
    }
    const struct remote_cap *c = &r->caps[r->head];
    if (c->index != index) {
        return RPC_ERR_CAPABILITY;
    }
    r->head = (r->head + 1u) % REMOTE_CAPS_MAX;
    r->count--;
    *ret_cap = c->cap;
    *ret_info = c->info;
    return ERR_OK;
}

/* Full means that the peer has something to read there, after which it looks at the ring, too. */
static void remote_bell_disabled(void *ctx)
{
    struct remote *r = ctx;
    const struct lmp_msg msg = {.header = MSG_HEADER(CHAN_CONTROL_RING_BELL, MSG_CONTROL, 0, 0)};
    (void)chan_send_disabled(&r->line.chan, &msg);
}

static void remote_close(void *ctx)
{
    struct remote *r = ctx;
    chan_close(&r->line.chan);
    disp_disable();
    for (; r->count != 0; r->count--) {
        chan_discard_cap_disabled(r->caps[r->head].cap);
        r->head = (r->head + 1u) % REMOTE_CAPS_MAX;
    }
    disp_enable();
}

static void remote_free(void *ctx)
{
    struct remote *r = ctx;
    ump_frames_unmap(&r->config);
    free(r);
}

static const struct ump_caps_ops remote_caps = {remote_send_cap, remote_recv_cap_disabled};
static const struct ump_bell_ops remote_bell = {remote_bell_disabled};

/* --- both sides ----------------------------------------------------------------------------- */

/* Maps the rings of `frame`, of `bytes` bytes in all; the client writes the first. */
static errval_t remote_prepare(struct chan *c, caddr_t frame, uint64_t bytes, bool is_client,
                               struct remote **ret_remote)
{
    struct remote *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    errval_t err = ump_rings_map(frame, (uint32_t)bytes / 2, is_client, &r->config);
    if (err_is_fail(err)) {
        free(r);
        return err;
    }
    r->chan = c;
    r->line.arrived_disabled = remote_arrived_disabled;
    r->config.caps = &remote_caps;
    r->config.bell = &remote_bell;
    r->config.closed = remote_close;
    r->config.freed = remote_free;
    r->config.ctx = r;
    *ret_remote = r;
    return ERR_OK;
}

static bool remote_bytes_ok(uint64_t bytes)
{
    return bytes >= 2 * UMP_FRAME_BYTES_MIN && bytes <= 2 * UMP_FRAME_BYTES_MAX &&
           bytes % AOS_PAGE_BYTES == 0;
}

/* The end of the channel becomes the lifeline, and it goes over `u`. Disabled. */
static void remote_switch_disabled(struct remote *r, struct ump *u)
{
    struct chan *c = r->chan, *line = &r->line.chan;
    *line = (struct chan){.end = c->end,
                          .role = CHAN_RAW,
                          .state = c->state,
                          .owns_ram = c->owns_ram,
                          .ring_bytes = c->ring_bytes};
    c->end = 0;
    c->owns_ram = false;
    (void)arch_lmp_bind(line->end, (uint64_t)(uintptr_t)line); /* bound by this domain already */
    ump_take_over_disabled(c, u);
}

/* --- the client ----------------------------------------------------------------------------- */

static errval_t remote_ask(struct binding *b, caddr_t *ret_frame, uint64_t *ret_bytes)
{
    uint64_t words[MSG_REG_WORDS] = {CHAN_OP_UPGRADE};
    caddr_t frame = 0;
    uint32_t info = 0;
    struct binding_call call = {
        .header = MSG_HEADER(0, MSG_CALL, 2, 0),
        .words = words,
        .words_max = MSG_REG_WORDS,
        .caps_max = 1,
        .got = &frame,
        .got_info = &info,
    };
    errval_t err = binding_call(b, &call);
    if (err_is_fail(err)) {
        return err;
    }
    if (msg_words(call.header) != 1 || msg_caps(call.header) != 1 || !remote_bytes_ok(words[0]) ||
        !msg_cap_ok(info, 1u << CAPTYPE_FRAME, CAP_RIGHT_R | CAP_RIGHT_W)) {
        return binding_bad_reply1(frame);
    }
    *ret_frame = frame;
    *ret_bytes = words[0];
    return ERR_OK;
}

errval_t remote_upgrade(struct binding *b)
{
    struct remote *r;
    struct ump *u;
    caddr_t frame = 0;
    uint64_t bytes = 0;
    errval_t err = remote_ask(b, &frame, &bytes);
    if (err_is_fail(err)) {
        /* Refused, it goes on as it was. Else nobody knows what the server understands now. */
        return err_no(err) == RPC_ERR_TIMEOUT || err_no(err) == RPC_ERR_PEER_GONE ? err : ERR_OK;
    }
    err = remote_prepare(&b->chan, frame, bytes, /* is_client= */ true, &r);
    (void)cap_destroy(frame);
    if (err_is_fail(err)) {
        return err;
    }
    err = ump_make_client(b->iface, &r->config, &u);
    if (err_is_fail(err)) {
        remote_free(r);
        return err;
    }
    disp_disable();
    remote_switch_disabled(r, u);
    b->setup_done = true;
    disp_enable();
    return ERR_OK;
}

errval_t remote_leave(struct binding *b)
{
    caddr_t slot;
    errval_t err = slot_alloc(&slot);
    if (err_is_fail(err)) {
        return err;
    }
    b->chan.carrier->close(&b->chan);
    disp_disable();
    b->chan.end = slot;
    b->chan.carrier = NULL; /* what is behind it stays: somebody may be looking at an answer */
    b->chan.slow &= ~CHAN_SLOW_CARRIER;
    b->chan.in = b->chan.out = (struct chan_area){0};
    b->setup_done = false;
    disp_enable();
    return ERR_OK;
}

/* --- the server ----------------------------------------------------------------------------- */

static errval_t remote_make(struct server_conn *conn, const struct server_interface *iface,
                            const struct server_ctx *ctx, uint64_t bytes, struct remote **ret_r,
                            struct ump **ret_u)
{
    errval_t err =
        remote_prepare(&conn->chan, ctx->caps[0], bytes, /* is_client= */ false, ret_r);
    if (err_is_ok(err)) {
        err = ump_make_server(iface, &(*ret_r)->config, ret_u);
        if (err_is_fail(err)) {
            remote_free(*ret_r);
        }
    }
    return err;
}

errval_t conn_op_upgrade(struct server_conn *conn, const struct server_interface *iface,
                         struct server_ctx *ctx, const struct lmp_msg *msg)
{
    const uint64_t bytes = msg->words[1];
    struct chan *c = &conn->chan;
    struct remote *r;
    struct ump *u;
    if (c->carrier != NULL || c->end == 0 || c->in.base != NULL || c->out.base != NULL ||
        !remote_bytes_ok(bytes) || conn->deferred != 0) {
        return RPC_ERR_MALFORMED;
    }
    if (ctx->caps_count != 1 ||
        !msg_cap_ok(ctx->caps_info[0], 1u << CAPTYPE_FRAME, CAP_RIGHT_R | CAP_RIGHT_W)) {
        return RPC_ERR_CAPABILITY;
    }
    errval_t err = remote_make(conn, iface, ctx, bytes, &r, &u);
    if (err_is_fail(err)) {
        return err_push(err, RPC_ERR_AGAIN);
    }
    /* The answer is the last message that goes the old way. */
    const struct lmp_msg answer = {.header = (ctx->header & ECHO_MASK) |
                                             MSG_HEADER(0, MSG_REPLY, 0, 0)};
    err = chan_send(c, &answer, (struct msg_cap){0});
    if (err_is_fail(err)) {
        remote_free(r);
        free(u);
        conn_failed(conn, err);
        return SERVER_DEFERRED;
    }
    disp_disable();
    if (c->state == CHAN_CLOSED) {
        disp_enable();
        remote_free(r);
        free(u);
        return SERVER_DEFERRED;
    }
    remote_switch_disabled(r, u);
    chan_ready_disabled(c);
    disp_enable();
    return SERVER_DEFERRED;
}
