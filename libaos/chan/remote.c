/* Channels to other cores. An end that came from another core is a proxy: the monitors pass its
 * messages on (services/monitor/line.h), and the one here has said so before all else
 * (CHAN_CONTROL_REMOTE). That works for everything; when a client opens its binding, both sides
 * leave it for a ring:
 *
 *   client    CHAN_OP_BELL, with its Notify  ->  server: answers with its own
 *   client    CHAN_OP_UPGRADE ->  monitor: adds a frame for two rings  ->  monitor  ->  server
 *   client  <-  monitor: adds the frame  <-  monitor  <-  answer, and from then on the ring
 *
 * A server that refuses stays on the line, and so does the client. The channel that was there
 * before stays, too, as lifeline: by it either side learns of the other's end, and capabilities of
 * the ring travel on it, as do its doorbells if one side has no Notify. Nothing else does.
 *
 * A domain has one Notify for all its rings: when it is rung it looks at all of them.
 *
 * The frame comes from the client's monitor and goes back there when nobody has it mapped. */
#include "chan_priv.h"

#include <stdlib.h>

#include <aos/cap.h>
#include <aos/raw.h>
#include <aos/slot.h>
#include <aos/arch_lmp.h>

#include "ump_priv.h"

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
    struct remote *next; /* of all that are open */
    caddr_t bell;        /* Notify of the peer, 0: there is none */
    uint32_t head, count;
    /* Capabilities that came before their messages: room for as many as messages have room in the
     * ring and, from a server, in its backlog, and one that is still to be sent. */
    uint32_t caps_max;
    struct remote_cap caps[];
};

/* --- the bell of this domain ----------------------------------------------------------------- */

static struct {
    struct mutex lock;
    errval_t (*make)(caddr_t *ret_notify);
    caddr_t notify;       /* 0: not asked for yet, or there was none */
    struct raw_chan rung; /* to which it is connected */
    struct remote *rings; /* changed disabled */
} bells;

void ump_set_notify(errval_t (*make)(caddr_t *ret_notify))
{
    bells.make = make;
}

static void bells_rung_disabled(struct raw_chan *rung, const struct lmp_msg *msg)
{
    (void)rung;
    chan_discard_cap_disabled(msg->cap);
    for (struct remote *r = bells.rings; r != NULL; r = r->next) {
        ump_rung_disabled(r->chan);
    }
}

static errval_t bells_make(void)
{
    caddr_t own, trigger, notify;
    errval_t err = bells.make == NULL ? LIB_ERR_NOT_FOUND : bells.make(&notify);
    if (err_is_fail(err)) {
        return err;
    }
    err = chan_create(&own, &trigger);
    if (err_is_ok(err)) {
        bells.rung = (struct raw_chan){.arrived_disabled = bells_rung_disabled};
        err = chan_bind(&bells.rung.chan, CHAN_RAW, own, NULL);
        if (err_is_ok(err)) {
            err = chan_notify_connect(notify, trigger);
        } else {
            (void)cap_destroy(trigger);
        }
    }
    if (err_is_fail(err)) {
        (void)cap_destroy(notify);
        return err;
    }
    bells.notify = notify;
    return ERR_OK;
}

/* The Notify of this domain, which stays its own. */
static errval_t bells_own(caddr_t *ret_notify)
{
    mutex_lock(&bells.lock);
    errval_t err = bells.notify == 0 ? bells_make() : ERR_OK;
    *ret_notify = bells.notify;
    mutex_unlock(&bells.lock);
    return err;
}

static bool bells_ok(uint32_t info)
{
    return msg_cap_ok(info, 1u << CAPTYPE_NOTIFY, CAP_RIGHT_W);
}

/* --- on the lifeline ------------------------------------------------------------------------ */

static void remote_arrived_disabled(struct raw_chan *line, const struct lmp_msg *msg)
{
    struct remote *r = (struct remote *)(void *)line;
    if (msg->header == KPI_CONTROL_HEADER(KPI_CONTROL_PEER_GONE)) {
        ump_peer_died_disabled(r->chan);
        return;
    }
    if (msg_kind(msg->header) == MSG_CONTROL &&
        msg_ordinal(msg->header) == CHAN_CONTROL_RING_CAP && r->count < r->caps_max) {
        r->caps[(r->head + r->count++) % r->caps_max] =
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
    r->head = (r->head + 1u) % r->caps_max;
    r->count--;
    *ret_cap = c->cap;
    *ret_info = c->info;
    return ERR_OK;
}

/* Without a Notify on the lifeline. Full means that the peer has something to read there, after
 * which it looks at the ring, too. */
static void remote_bell_disabled(void *ctx)
{
    struct remote *r = ctx;
    const struct lmp_msg msg = {.header = MSG_HEADER(CHAN_CONTROL_RING_BELL, MSG_CONTROL, 0, 0)};
    if (r->bell != 0) {
        chan_notify_signal(r->bell);
    } else {
        (void)chan_send_disabled(&r->line.chan, &msg);
    }
}

static void remote_close(void *ctx)
{
    struct remote *r = ctx;
    chan_close(&r->line.chan);
    disp_disable();
    struct remote **at = &bells.rings;
    while (*at != r) {
        at = &(*at)->next;
    }
    *at = r->next;
    for (; r->count != 0; r->count--) {
        chan_discard_cap_disabled(r->caps[r->head].cap);
        r->head = (r->head + 1u) % r->caps_max;
    }
    caddr_t bell = r->bell;
    r->bell = 0;
    disp_enable();
    if (bell != 0) {
        (void)cap_destroy(bell);
    }
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
    const uint32_t caps = ump_frame_lines((uint32_t)bytes / 2) + UMP_BACKLOG_MAX + 1u;
    struct remote *r = calloc(1, sizeof(*r) + caps * sizeof(r->caps[0]));
    if (r == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    r->caps_max = caps;
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
                          .state = c->state == CHAN_GONE ? CHAN_GONE : CHAN_OPEN,
                          .owns_ram = c->owns_ram,
                          .ring_bytes = c->ring_bytes};
    c->end = 0;
    c->owns_ram = false;
    c->paused = false;
    r->next = bells.rings;
    bells.rings = r;
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

/* Refused, it goes on as it was. Else nobody knows what the server understands now. */
static bool remote_refused(errval_t err)
{
    return err_no(err) != RPC_ERR_TIMEOUT && err_no(err) != RPC_ERR_PEER_GONE;
}

/* Both sides tell each other how they are rung. `ret_bell` 0: not at all. */
static errval_t remote_swap_bells(struct binding *b, caddr_t *ret_bell)
{
    uint64_t words[MSG_REG_WORDS] = {CHAN_OP_BELL};
    struct msg_cap own = {.rights = CAP_RIGHT_W, .move = MSG_CAP_COPY};
    caddr_t bell = 0;
    uint32_t info = 0;
    struct binding_call call = {
        .header = MSG_HEADER(0, MSG_CALL, 1, 1),
        .words = words,
        .words_max = MSG_REG_WORDS,
        .caps_max = 1,
        .caps = &own,
        .got = &bell,
        .got_info = &info,
    };
    *ret_bell = 0;
    if (err_is_fail(bells_own(&own.cap))) {
        return ERR_OK;
    }
    errval_t err = binding_call(b, &call);
    if (err_is_fail(err)) {
        return remote_refused(err) ? ERR_OK : err;
    }
    if (msg_caps(call.header) == 1 && bells_ok(info)) {
        *ret_bell = bell;
    } else if (bell != 0) {
        (void)cap_destroy(bell);
    }
    return ERR_OK;
}

static errval_t remote_upgrade_with(struct binding *b, caddr_t bell)
{
    struct remote *r;
    struct ump *u;
    caddr_t frame = 0;
    uint64_t bytes = 0;
    errval_t err = remote_ask(b, &frame, &bytes);
    if (err_is_fail(err)) {
        return err;
    }
    err = remote_prepare(&b->chan, frame, bytes, /* is_client= */ true, &r);
    (void)cap_destroy(frame);
    if (err_is_fail(err)) {
        return err_push(err, RPC_ERR_PEER_GONE); /* the server has left the line already */
    }
    err = ump_make_client(b->iface, &r->config, &u);
    if (err_is_fail(err)) {
        remote_free(r);
        return err_push(err, RPC_ERR_PEER_GONE);
    }
    r->bell = bell;
    disp_disable();
    remote_switch_disabled(r, u);
    chan_ready_disabled(&b->chan);
    b->setup_done = true;
    disp_enable();
    return ERR_OK;
}

errval_t remote_upgrade(struct binding *b)
{
    caddr_t bell;
    errval_t err = remote_swap_bells(b, &bell);
    if (err_is_ok(err)) {
        err = remote_upgrade_with(b, bell);
    }
    if (err_is_fail(err) && bell != 0) {
        (void)cap_destroy(bell);
    }
    return err_is_fail(err) && remote_refused(err) ? ERR_OK : err;
}

/* Nobody looks at an answer, an item of a stream, or an event. */
static bool remote_unread_disabled(const struct binding *b)
{
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        if (b->pending[i].state != PENDING_FREE) {
            return false;
        }
    }
    return b->events_count == 0;
}

errval_t remote_leave(struct binding *b)
{
    const struct chan_carrier *carrier = b->chan.carrier;
    caddr_t slot;
    errval_t err = slot_alloc(&slot);
    if (err_is_fail(err)) {
        return err;
    }
    carrier->close(&b->chan);
    disp_disable();
    b->chan.end = slot;
    ump_leave_disabled(&b->chan);
    b->setup_done = false;
    const bool unread = remote_unread_disabled(b);
    disp_enable();
    if (unread) {                        /* else the rings stay until the binding is left again */
        carrier->free(&b->chan);
    }
    return ERR_OK;
}

/* --- the server ----------------------------------------------------------------------------- */

errval_t conn_op_bell(struct server_conn *conn, struct server_ctx *ctx, struct lmp_msg *msg)
{
    caddr_t own;
    if (conn->far_bell != 0 || conn->chan.carrier != NULL) {
        return RPC_ERR_MALFORMED;
    }
    if (ctx->caps_count != 1 || !bells_ok(ctx->caps_info[0])) {
        return RPC_ERR_CAPABILITY;
    }
    errval_t err = bells_own(&own);
    if (err_is_fail(err)) {
        return err_push(err, RPC_ERR_AGAIN);
    }
    conn->far_bell = ctx->caps[0];
    server_take_cap(ctx, conn->far_bell);
    server_reply_cap(ctx, (struct msg_cap){own, CAP_RIGHT_W, MSG_CAP_COPY});
    *msg = (struct lmp_msg){.header = MSG_SHAPE(0, 1)};
    return ERR_OK;
}

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
    r->bell = conn->far_bell;
    conn->far_bell = 0;
    remote_switch_disabled(r, u);
    chan_ready_disabled(c);
    disp_enable();
    return SERVER_DEFERRED;
}
