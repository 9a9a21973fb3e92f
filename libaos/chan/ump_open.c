/* Opening channels over UMP: the client's side and the server's. */
#include "ump_priv.h"

#include <stdlib.h>

static bool ump_frame_ok(const void *frame, uint32_t bytes)
{
    return bytes >= UMP_FRAME_BYTES_MIN && bytes <= UMP_FRAME_BYTES_MAX &&
           (uintptr_t)frame % UMP_LINE_BYTES == 0;
}

struct ump_room { /* of an area */
    uint32_t words, slots;
};

/* The areas hold the largest message each way. */
static errval_t ump_make(const struct ump_config *config, const struct ump_room *in,
                         const struct ump_room *out, struct ump **ret_ump)
{
    _Static_assert(UMP_FRAME_BYTES_MIN / UMP_LINE_BYTES * 3 / 4 > UMP_MESSAGE_LINES + 1,
                   "room comes for every message (ump_ring_longest)");
    if (!ump_frame_ok(config->out, config->out_bytes) ||
        !ump_frame_ok(config->in, config->in_bytes)) {
        return LIB_ERR_RANGE;
    }
    uint32_t in_words = in->words * in->slots, out_words = out->words * out->slots;
    struct ump *u = calloc(1, sizeof(*u) + 8u * (in_words + out_words));
    if (u == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    ump_ring_init(&u->ring, config->out, ump_frame_lines(config->out_bytes), config->in,
                  ump_frame_lines(config->in_bytes));
    u->caps = config->caps;
    u->bell = config->bell;
    u->ctx = config->ctx;
    u->closed = config->closed;
    u->freed = config->freed;
    u->spin = config->spin == 0               ? UMP_SPIN_DEFAULT
              : config->spin == UMP_SPIN_NONE ? 0
                                              : config->spin;
    if (in_words != 0) {
        u->in_area =
            (struct chan_area){(uint8_t *)u->area, 8u * in->words, 8u * in_words, 0, true};
    }
    if (out_words != 0) {
        u->out_area = (struct chan_area){(uint8_t *)(u->area + in_words), 8u * out->words,
                                         8u * out_words, 0, true};
    }
    *ret_ump = u;
    return ERR_OK;
}

errval_t ump_make_client(const struct client_interface *iface, const struct ump_config *config,
                         struct ump **ret_ump)
{
    const struct ump_room out = {iface->request_area_words, CHAN_CALLS_MAX};
    const struct ump_room in = {iface->reply_area_words, chan_reply_slots(iface->window)};
    return ump_make(config, &in, &out, ret_ump);
}

errval_t ump_make_server(const struct server_interface *iface, const struct ump_config *config,
                         struct ump **ret_ump)
{
    const struct ump_room in = {iface->request_area_words, CHAN_CALLS_MAX};
    const struct ump_room out = {iface->reply_area_words, chan_reply_slots(iface->window)};
    return ump_make(config, &in, &out, ret_ump);
}

void ump_take_over_disabled(struct chan *c, struct ump *u)
{
    c->carrier = &ump_carrier;
    u->before = c->ump;
    c->ump = u;
    u->chan = c;
    c->full = 0;
    c->slow |= CHAN_SLOW_CARRIER;
    u->in_before = c->in;
    u->out_before = c->out;
    c->in = u->in_area;
    c->out = u->out_area;
    ump_enlist_disabled(u);
}

void ump_leave_disabled(struct chan *c)
{
    struct ump *u = c->ump;
    c->carrier = NULL;
    c->full = 0;
    c->slow &= ~CHAN_SLOW_CARRIER;
    c->in = u->in_before;
    c->out = u->out_before;
    u->in_before = u->out_before = (struct chan_area){0};
}

static void ump_begin(struct chan *c, enum chan_role role, struct waitset *ws, struct ump *u)
{
    chan_open(c, role, 0, ws);
    disp_disable();
    ump_take_over_disabled(c, u);
    disp_enable();
}

errval_t binding_open_ump(struct binding *b, const struct ump_config *config,
                          const struct client_interface *iface)
{
    struct ump *u;
    binding_init(b, iface);
    errval_t err = ump_make_client(iface, config, &u);
    if (err_is_fail(err)) {
        return err;
    }
    ump_begin(&b->chan, CHAN_BINDING, NULL, u);
    b->setup_done = true;
    binding_set_deadline(b, b->deadline_ns);
    err = binding_handshake(b);
    if (err_is_fail(err)) {
        binding_close(b);
    }
    return err;
}

errval_t server_add_ump(struct server *s, const struct ump_config *config, uint64_t pid,
                        uint32_t flags, struct server_conn **ret_conn)
{
    struct server_conn *conn;
    errval_t err = conn_create(s, pid, flags, &conn);
    if (err_is_fail(err)) {
        return err;
    }
    struct ump *u;
    err = ump_make_server(s->iface, config, &u);
    if (err_is_fail(err)) {
        server_conn_close(conn);
        return err;
    }
    ump_begin(&conn->chan, CHAN_CONN, s->ws, u);
    disp_disable();
    chan_ready_disabled(&conn->chan);
    disp_enable();
    *ret_conn = conn;
    return ERR_OK;
}

struct chan *ump_conn_chan(struct server_conn *conn)
{
    return &conn->chan;
}
