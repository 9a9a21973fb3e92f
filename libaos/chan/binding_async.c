/* Calls without waiting: callback form, oneways, events. */
#include "chan_priv.h"

#include <aos/slot.h>
#include <aos/cap.h>
#include <aos/time.h>

static void binding_timeout_disabled(struct timer *t)
{
    struct pending *p = (struct pending *)((uint8_t *)t - offsetof(struct pending, timer));
    if (p->state == PENDING_WAITING) {
        p->err = RPC_ERR_TIMEOUT;
        pending_done_disabled(p->binding, p);
    }
}

errval_t binding_call_cb(struct binding *b, struct binding_call *call,
                         void (*complete)(struct binding *, errval_t, const struct binding_call *,
                                          void (*)(void), void *),
                         void (*done)(void), void *arg)
{
    if (b->chan.ws == NULL || msg_caps(call->header) > 1) {
        return LIB_ERR_BAD_STATE;
    }
    const uint32_t lent_bytes = lend_bytes(call);
    errval_t err = binding_setup(b, call->header);
    if (err_is_ok(err) && lent_bytes != 0) {
        err = lend_setup(b, lent_bytes);
    }
    if (err_is_fail(err)) {
        return err;
    }
    disp_disable();
    struct pending *p = b->chan.state == CHAN_OPEN ? pending_take_disabled(b, lent_bytes) : NULL;
    disp_enable();
    if (p == NULL) {
        return b->chan.state == CHAN_OPEN ? RPC_ERR_AGAIN : binding_state_error(b);
    }
    struct lmp_msg msg;
    err = binding_fill(b, p, call, &msg);
    disp_disable();
    p->callback = true;
    p->complete = complete;
    p->done = done;
    p->arg = arg;
    __builtin_memcpy(p->keep, call->keep, sizeof(p->keep));
    p->timer.fire_disabled = binding_timeout_disabled;
    p->state = PENDING_WAITING;
    if (b->deadline_ns != AOS_FOREVER &&
        !timer_arm_disabled(&p->timer, time_deadline_ns(b->deadline_ns))) {
        err = LIB_ERR_NO_MEMORY;
    }
    disp_enable();
    if (err_is_ok(err)) {
        err = chan_send(&b->chan, &msg,
                        msg_caps(call->header) == 1 ? call->caps[0] : (struct msg_cap){0});
    }
    if (err_is_fail(err)) {
        disp_disable();
        timer_cancel_disabled(&p->timer);
        pending_free_disabled(b, p);
        disp_enable();
    }
    return binding_send_error(err);
}

errval_t binding_oneway(struct binding *b, struct binding_call *call)
{
    errval_t err = binding_setup(b, call->header);
    if (err_is_fail(err)) {
        return err;
    }
    if (msg_caps(call->header) > 1) {
        return LIB_ERR_BAD_STATE;
    }
    bool area = msg_in_area(call->header);
    struct pending none = {0}, *p = &none;
    disp_disable();
    bool open = b->chan.state == CHAN_OPEN;
    if (open && area) {
        p = pending_take_disabled(b, 0);
        if (p != NULL) {
            p->state = PENDING_ONEWAY;
        }
    }
    disp_enable();
    if (!open) {
        return binding_state_error(b);
    }
    if (p == NULL) {
        return RPC_ERR_AGAIN;
    }
    struct lmp_msg msg;
    err = binding_fill(b, p, call, &msg);
    if (err_is_ok(err)) {
        err = chan_send(&b->chan, &msg,
                        msg_caps(call->header) == 1 ? call->caps[0] : (struct msg_cap){0});
    }
    if (err_is_fail(err) && area) {
        disp_disable();
        pending_free_disabled(b, p);
        disp_enable();
    }
    return binding_send_error(err);
}

void binding_moved(errval_t err, caddr_t cap)
{
    if (cap == 0) {
        return;
    }
    if (err_is_ok(err)) {
        slot_free(cap);
    } else {
        (void)cap_destroy(cap);
    }
}

static void binding_cloned(struct binding *b, errval_t err, const struct binding_call *reply,
                           void (*done)(void), void *arg)
{
    void (*give)(void *, errval_t, caddr_t) = (void (*)(void *, errval_t, caddr_t))done;
    uint32_t caps = err_is_ok(err) ? msg_caps(reply->header) : 0;
    (void)b;
    if (err_is_ok(err) && (msg_words(reply->header) != 0 || caps != 1 ||
                           (reply->got_info[0] & 0xff) != CAPTYPE_ENDPOINT)) {
        err = binding_bad_reply(reply->got, caps);
    }
    give(arg, err, err_is_ok(err) ? reply->got[0] : 0);
}

errval_t binding_clone_cb(struct binding *b, uint64_t pid, uint32_t flags,
                          void (*done)(void *arg, errval_t err, caddr_t end), void *arg)
{
    uint64_t words[] = {CHAN_OP_CLONE, pid, flags};
    struct binding_call call = {
        .header = MSG_HEADER(0, MSG_CALL, 3, 0),
        .words = words,
        .words_max = 3,
        .caps_max = 1,
    };
    return binding_call_cb(b, &call, binding_cloned, (void (*)(void))done, arg);
}

void binding_on_peer_gone(struct binding *b, void (*fn)(void *arg), void *arg)
{
    disp_disable();
    b->gone.fn = fn;
    b->gone.arg = arg;
    if (b->chan.state == CHAN_GONE && b->chan.ws != NULL) {
        waitset_post_disabled(b->chan.ws, &b->gone);
    }
    disp_enable();
}

/* Runs one callback whose call has ended. False: there was none. */
static bool binding_run_callback(struct binding *b)
{
    struct pending *p = NULL;
    disp_disable();
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        if (b->pending[i].callback && b->pending[i].state == PENDING_DONE) {
            p = &b->pending[i];
            break;
        }
    }
    disp_enable();
    if (p == NULL) {
        return false;
    }
    uint64_t words[MSG_WORDS_MAX];
    caddr_t got[MSG_CAPS_MAX];
    uint32_t info[MSG_CAPS_MAX];
    struct binding_call call = {.header = p->header,
                                .words = words,
                                .words_max = MSG_WORDS_MAX,
                                .caps_max = MSG_CAPS_MAX,
                                .got = got,
                                .got_info = info};
    errval_t err = pending_read(b, p, &call);
    struct pending was = *p;
    disp_disable();
    if (p->err == RPC_ERR_TIMEOUT && !p->answered) {
        p->callback = false;
        p->state = PENDING_LOST;
    } else {
        pending_free_disabled(b, p);
    }
    disp_enable();
    __builtin_memcpy(call.keep, was.keep, sizeof(call.keep));
    was.complete(b, err, &call, was.done, was.arg);
    return true;
}

/* Runs one event handler and gives its credit back. */
static bool binding_run_event(struct binding *b)
{
    disp_disable();
    bool some = b->events_count != 0;
    struct lmp_msg msg;
    if (some) {
        msg = b->event_msgs[b->events_head];
        b->events_head = (uint8_t)((b->events_head + 1u) % CHAN_EVENTS_MAX);
        b->events_count--;
    }
    disp_enable();
    if (!some) {
        return false;
    }
    uint64_t words[MSG_WORDS_MAX];
    uint32_t count = msg_words(msg.header);
    struct binding_call event = {.header = msg.header, .words = words};
    bool ok = true;
    if (msg_in_area(msg.header)) {
        ok = chan_area_read(&b->chan.in, CHAN_CALLS_MAX + msg_slot(msg.header), words, count);
    } else {
        __builtin_memcpy(words, msg.words, 8u * count);
    }
    const struct lmp_msg done = {.header = MSG_HEADER(CHAN_CONTROL_EVENT_DONE, MSG_CONTROL, 0, 0) |
                                           b->chan.hash_bits |
                                           (uint64_t)msg_slot(msg.header) << MSG_SLOT_SHIFT};
    (void)chan_send(&b->chan, &done, (struct msg_cap){0});
    if (ok && b->events != NULL && b->iface->on_event != NULL) {
        b->iface->on_event(b, &event);
    }
    return true;
}

bool binding_run(struct chan *c)
{
    struct binding *b = (struct binding *)(void *)c;
    disp_disable();
    uint32_t due = b->events_count;
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        due += b->pending[i].callback && b->pending[i].state == PENDING_DONE;
    }
    /* Handlers may close the binding: whatever is left after this one thing is announced before it
     * runs. */
    if (due > 1) {
        chan_ready_disabled(c);
    }
    disp_enable();
    if (binding_run_callback(b)) {
        return true;
    }
    return binding_run_event(b);
}
