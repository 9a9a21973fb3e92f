/* Raw ends: aos/raw.h. Invariants:
 *  1. The channel is in the ready list of its waitset as long as something is in the queue or the
 * peer's end is still to be told, unless it is held.
 *  2. A full queue pauses the channel, until half of it is handled.
 *  3. That there is room to send neither waits in the queue nor is held. */
#include "chan_priv.h"

#include <stdlib.h>

#include <aos/cap.h>
#include <aos/raw.h>
#include <aos/slot.h>

void raw_deliver_disabled(struct chan *c, const struct lmp_msg *msg)
{
    struct raw_chan *r = (struct raw_chan *)(void *)c;
    bool gone = msg->header == KPI_CONTROL_HEADER(KPI_CONTROL_PEER_GONE);
    if (c->state != CHAN_OPEN) {
        chan_discard_cap_disabled(msg->cap);
        return;
    }
    if (gone) {
        c->state = CHAN_GONE;
    }
    if (r->arrived_disabled != NULL) {
        r->arrived_disabled(r, msg);
        return;
    }
    if (msg->header == KPI_CONTROL_HEADER(KPI_CONTROL_ROOM)) {
        c->full = 0;
        r->room = true;
        chan_ready_disabled(c);
        return;
    }
    if (!gone && r->count < RAW_QUEUE_MAX) {
        r->queue[(r->head + r->count++) % RAW_QUEUE_MAX] = *msg;
    } else if (!gone) {
        chan_discard_cap_disabled(msg->cap);
        c->state = CHAN_GONE; /* the kernel would not pause it */
    }
    if (r->count == RAW_QUEUE_MAX) {
        chan_pause_disabled(c);
    }
    if (!r->held) {
        chan_ready_disabled(c);
    }
}

bool raw_run(struct chan *c)
{
    struct raw_chan *r = (struct raw_chan *)(void *)c;
    struct lmp_msg msg = {.header = KPI_CONTROL_HEADER(KPI_CONTROL_PEER_GONE)};
    bool some = true, room = false;
    disp_disable();
    if (r->room) {
        r->room = false;
        room = true;
        some = false;
        if (!r->held && (r->count != 0 || c->state == CHAN_GONE)) {
            chan_ready_disabled(c);
        }
    } else if (r->held) {
        some = false;
    } else if (r->count != 0) {
        msg = r->queue[r->head];
        r->head = (r->head + 1u) % RAW_QUEUE_MAX;
        r->count--;
        if (r->count == RAW_QUEUE_MAX / 2) {
            chan_resume_disabled(c);
        }
        if (r->count != 0 || c->state == CHAN_GONE) {
            chan_ready_disabled(c);
        }
    } else {
        some = c->state == CHAN_GONE;
    }
    disp_enable();
    if (some) {
        r->message(r, &msg);
    } else if (room && r->writable != NULL) {
        r->writable(r);
    }
    return true;
}

errval_t raw_open(struct raw_chan *r, struct waitset *ws, caddr_t end,
                  void (*message)(struct raw_chan *r, const struct lmp_msg *msg), void *arg)
{
    struct lmp_msg *queue = calloc(RAW_QUEUE_MAX, sizeof(*queue));
    if (queue == NULL) {
        (void)cap_destroy(end);
        return LIB_ERR_NO_MEMORY;
    }
    *r = (struct raw_chan){.message = message, .arg = arg, .queue = queue};
    errval_t err = chan_bind(&r->chan, CHAN_RAW, end, ws);
    if (err_is_fail(err)) {
        free(queue);
        r->queue = NULL;
        r->chan.end = 0;
    }
    return err;
}

errval_t raw_send(struct raw_chan *r, const struct lmp_msg *msg, struct msg_cap cap)
{
    errval_t err = chan_send_room(&r->chan, msg, cap);
    if (err_is_ok(err)) {
        chan_cap_sent(cap, true);
    }
    return err;
}

void raw_hold(struct raw_chan *r, bool hold)
{
    disp_disable();
    r->held = hold;
    if (!hold && (r->count != 0 || r->chan.state == CHAN_GONE)) {
        chan_ready_disabled(&r->chan);
    }
    disp_enable();
}

void raw_close(struct raw_chan *r)
{
    chan_close(&r->chan);
    for (; r->count != 0; r->count--) {
        caddr_t cap = r->queue[r->head].cap;
        if (cap != 0) {
            (void)cap_destroy(cap);
        }
        r->head = (r->head + 1u) % RAW_QUEUE_MAX;
    }
    free(r->queue);
    r->queue = NULL;
}

void raw_own_ram(struct raw_chan *r)
{
    r->chan.owns_ram = true;
}
