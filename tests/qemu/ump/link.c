#include "link.h"

#include <aos/cap.h>
#include <aos/dispatch.h>

static const struct lmp_msg ring_message = {.header = MSG_HEADER(1, MSG_ONEWAY, 0, 0)};
static const struct lmp_msg cap_message = {.header = MSG_HEADER(2, MSG_ONEWAY, 0, 1)};

static void link_arrived_disabled(struct raw_chan *raw, const struct lmp_msg *msg)
{
    struct link *l = raw->arg;
    bool gone = msg->header == KPI_CONTROL_HEADER(KPI_CONTROL_PEER_GONE);
    if (msg->cap != 0 && l->caps_got - l->caps_given < LINK_CAPS) {
        l->caps[l->caps_got % LINK_CAPS] = msg->cap;
        l->caps_info[l->caps_got++ % LINK_CAPS] = msg->cap_info;
    } else {
        chan_discard_cap_disabled(msg->cap);
    }
    if (l->chan == NULL) {
        return;
    }
    if (gone) {
        ump_peer_died_disabled(l->chan);
    } else {
        ump_rung_disabled(l->chan);
    }
}

static void link_message(struct raw_chan *raw, const struct lmp_msg *msg)
{
    disp_disable();
    link_arrived_disabled(raw, msg);
    disp_enable();
}

/* A full channel holds enough rings. */
static void link_ring(void *ctx)
{
    struct link *l = ctx;
    l->rings++;
    (void)chan_send_disabled(&l->raw.chan, &ring_message);
}

static errval_t link_cap_send(void *ctx, uint64_t index, struct msg_cap cap)
{
    struct link *l = ctx;
    return chan_send(&l->raw.chan, &cap_message, cap); /* the slot is the caller's */
}

static errval_t link_cap_recv(void *ctx, uint64_t index, caddr_t *ret_cap, uint32_t *ret_info)
{
    struct link *l = ctx;
    if (l->caps_given == l->caps_got) {
        return RPC_ERR_AGAIN;
    }
    *ret_cap = l->caps[l->caps_given % LINK_CAPS];
    *ret_info = l->caps_info[l->caps_given++ % LINK_CAPS];
    return ERR_OK;
}

errval_t link_open(struct link *l, caddr_t end, struct waitset *ws, struct ump_config *config)
{
    static const struct ump_bell_ops bell = {link_ring};
    static const struct ump_caps_ops caps = {link_cap_send, link_cap_recv};
    *l = (struct link){0};
    errval_t err = raw_open(&l->raw, ws, end, link_message, l);
    l->raw.arrived_disabled = link_arrived_disabled;
    config->bell = &bell;
    config->caps = &caps;
    config->ctx = l;
    return err;
}

void link_connect(struct link *l, struct chan *chan)
{
    disp_disable();
    l->chan = chan;
    ump_rung_disabled(chan); /* for what came before */
    disp_enable();
}

void link_close(struct link *l)
{
    raw_close(&l->raw);
    for (; l->caps_given != l->caps_got; l->caps_given++) {
        (void)cap_destroy(l->caps[l->caps_given % LINK_CAPS]);
    }
}
