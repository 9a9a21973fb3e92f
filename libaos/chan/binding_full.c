/* What is to be sent when the channel has no room for it: control messages, which are kept until it
 * has, requests of threads that wait, and requests whose senders want to know. The kernel tells of
 * room (kpi/lmp.h), or the carrier does. */
#include "chan_priv.h"

#include <aos/time.h>

void binding_writable_disabled(struct binding *b)
{
    b->waits &= (uint8_t)~BINDING_WAITS_PLACE;
    if ((b->waits & BINDING_WAITS_WRITABLE) != 0 && b->chan.ws != NULL) {
        b->waits = 0;
        waitset_post_disabled(b->chan.ws, &b->writable);
    }
}

void binding_room_disabled(struct binding *b)
{
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        struct pending *p = &b->pending[i];
        if (p->cancel_due) {
            p->cancel_due = !binding_control_disabled(b, CHAN_CONTROL_CANCEL, p->tx, 0);
        }
        if (p->state == PENDING_STREAM) {
            stream_credit_disabled(p->stream);
        }
    }
    if (b->chan.full == 0) {             /* else these have taken it */
        thread_wake_all_disabled(&b->room_waiters);
        binding_writable_disabled(b);
    }
}

errval_t binding_await_room_disabled(struct binding *b, uint64_t header, uint64_t deadline)
{
    while (b->chan.full != 0 && binding_ready(b, header)) {
        if (binding_look_disabled(b, deadline)) {
            continue;
        }
        if (!thread_block_until_disabled(&b->room_waiters, deadline) && b->chan.full != 0) {
            return RPC_ERR_TIMEOUT;
        }
    }
    if (!binding_ready(b, header)) {
        return RPC_ERR_PEER_GONE;
    }
    return time_now_ns() < deadline ? ERR_OK : RPC_ERR_TIMEOUT;
}

bool binding_control_disabled(struct binding *b, uint32_t control, uint32_t tx, uint64_t word)
{
    const struct lmp_msg msg = {.header = MSG_HEADER(control, MSG_CONTROL, word != 0 ? 1 : 0, 0) |
                                          chan_hash(&b->chan) | tx,
                                .words = {word}};
    return err_no(chan_send_disabled(&b->chan, &msg)) != SYS_ERR_LMP_FULL;
}

void binding_on_writable(struct binding *b, void (*fn)(void *arg), void *arg)
{
    bool some = false;
    disp_disable();
    b->writable.fn = fn;
    b->writable.arg = arg;
    b->waits |= BINDING_WAITS_WRITABLE;
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        some = some || b->pending[i].state == PENDING_FREE;
    }
    some = some && (b->waits & BINDING_WAITS_PLACE) == 0 && b->chan.full == 0;
    if (some || b->chan.state != CHAN_OPEN) {
        binding_writable_disabled(b);
    }
    disp_enable();
}

bool binding_look_disabled(struct binding *b, uint64_t deadline)
{
    return chan_poll_disabled(&b->chan) && time_now_ns() < deadline;
}
