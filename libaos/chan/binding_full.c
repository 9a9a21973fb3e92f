/* What is to be sent when the channel has no room for it: control messages, which are kept until it
 * has, and requests, whose senders want to know. Nothing tells a sender of room, so it is tried
 * again every CHAN_RETRY_NS. */
#include "chan_priv.h"

#include <aos/time.h>

void binding_writable_disabled(struct binding *b)
{
    if (b->writable_wanted && b->chan.ws != NULL) {
        b->writable_wanted = false;
        waitset_post_disabled(b->chan.ws, &b->writable);
    }
}

static void binding_retry_disabled(struct timer *t)
{
    struct binding *b = (struct binding *)((uint8_t *)t - offsetof(struct binding, retry));
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        struct pending *p = &b->pending[i];
        if (p->cancel_due) {
            p->cancel_due = !binding_control_disabled(b, CHAN_CONTROL_CANCEL, p->tx, 0);
        }
        if (p->state == PENDING_STREAM) {
            stream_credit_disabled(p->stream);
        }
    }
    binding_writable_disabled(b);
}

static void binding_retry_arm_disabled(struct binding *b)
{
    if (b->retry.place == 0) {
        b->retry.fire_disabled = binding_retry_disabled;
        (void)timer_arm_disabled(&b->retry, time_deadline_ns(CHAN_RETRY_NS));
    }
}

bool binding_control_disabled(struct binding *b, uint32_t control, uint32_t tx, uint64_t word)
{
    const struct lmp_msg msg = {.header = MSG_HEADER(control, MSG_CONTROL, word != 0 ? 1 : 0, 0) |
                                          chan_hash(&b->chan) | tx,
                                .words = {word}};
    if (err_no(chan_send_disabled(&b->chan, &msg)) != SYS_ERR_LMP_FULL) {
        return true;
    }
    binding_retry_arm_disabled(b);
    return false;
}

void binding_on_writable(struct binding *b, void (*fn)(void *arg), void *arg)
{
    bool some = false;
    disp_disable();
    b->writable.fn = fn;
    b->writable.arg = arg;
    b->writable_wanted = true;
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        some = some || b->pending[i].state == PENDING_FREE;
    }
    if (b->chan.state != CHAN_OPEN) {
        binding_writable_disabled(b);
    } else if (some) {
        binding_retry_arm_disabled(b); /* so it was the channel that was full */
    }
    disp_enable();
}

bool binding_look_disabled(struct binding *b, uint64_t deadline)
{
    return chan_poll_disabled(&b->chan) && time_now_ns() < deadline;
}
