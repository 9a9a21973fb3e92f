/* Calls without waiting: begin and end, cancel, callback form, oneways, events. */
#include "chan_priv.h"

#include <aos/slot.h>
#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/time.h>

/* --- begin, end, cancel --------------------------------------------------------------------- */

errval_t pending_start(struct binding *b, const struct binding_call *call, uint32_t first,
                       struct pending **ret_p, struct lmp_msg *ret_msg)
{
    const uint32_t lent_bytes = lend_bytes(call);
    errval_t err = binding_setup(b, call->header);
    if (err_is_ok(err) && lent_bytes != 0) {
        err = lend_setup(b, lent_bytes);
    }
    if (err_is_fail(err)) {
        return err;
    }
    const uint32_t limit = domain_startup()->limits.calls;
    disp_disable();
    bool open = b->chan.state == CHAN_OPEN, more = limit == 0 || binding_calls_begun < limit;
    struct pending *p = open && more ? pending_take_disabled(b, first, lent_bytes) : NULL;
    if (p != NULL) {
        p->begun = true;
        binding_calls_begun++;
    } else if (open && more) {
        b->waits |= BINDING_WAITS_PLACE;
    }
    disp_enable();
    if (p == NULL) {
        return !open ? binding_state_error(b) : more ? RPC_ERR_AGAIN : LIB_ERR_CALL_LIMIT;
    }
    err = binding_fill(b, p, call, ret_msg);
    if (err_is_fail(err)) {
        disp_disable_touched();
        pending_free_disabled(b, p);
        disp_enable();
        return err;
    }
    *ret_p = p;
    return ERR_OK;
}

errval_t pending_launch(struct binding *b, struct pending *p, const struct binding_call *call,
                        const struct lmp_msg *msg)
{
    uint32_t caps = msg_caps(call->header);
    if (caps > 1) {
        mutex_lock(&b->setup_lock);
    }
    errval_t err = chan_send_room(&b->chan, msg, caps != 0 ? call->caps[0] : (struct msg_cap){0});
    disp_disable();
    if (err_is_ok(err) && caps > 1) {
        err = binding_send_more_disabled(b, p, call, time_deadline_ns(b->deadline_ns));
    }
    if (err_is_fail(err) && p->state != PENDING_FREE) {
        pending_free_disabled(b, p);
    }
    disp_enable();
    if (caps > 1) {
        mutex_unlock(&b->setup_lock);
    }
    return binding_send_error(err);
}

errval_t binding_begin(struct binding *b, struct binding_call *call,
                       struct binding_handle *ret_handle)
{
    struct pending *p;
    struct lmp_msg msg;
    struct msg_cap caps[MSG_CAPS_MAX];
    struct binding_loans loans = {0};
    errval_t err = ERR_OK;
    if (loans_wanted(call)) {
        err = loans_make(b, call, caps, &loans);
        call->caps = caps;
    }
    if (err_is_ok(err)) {
        err = pending_start(b, call, 0, &p, &msg);
    }
    if (err_is_fail(err)) {
        loans_end(b, loans);
        return err;
    }
    __builtin_memcpy(p->keep, call->keep, sizeof(p->keep));
    p->deadline_ns = time_deadline_ns(b->deadline_ns);
    p->state = PENDING_WAITING;
    uint32_t tx = p->tx;
    err = pending_launch(b, p, call, &msg);
    if (err_is_fail(err)) {
        loans_end(b, loans);
        return err;
    }
    p->loans = loans;
    *ret_handle = (struct binding_handle){b, tx};
    return ERR_OK;
}

/* The call of a handle; NULL: it has ended. Disabled. */
static struct pending *handle_find_disabled(const struct binding_handle *h)
{
    if (h->binding == NULL) {
        return NULL;
    }
    struct pending *p = pending_find_disabled(h->binding, h->tx);
    return p != NULL && !p->callback &&
                   (p->state == PENDING_WAITING || p->state == PENDING_DONE)
               ? p
               : NULL;
}

errval_t binding_end(struct binding_handle *h, uint64_t deadline_ns, struct binding_call *call)
{
    struct binding *b = h->binding;
    disp_disable();
    struct pending *p = handle_find_disabled(h);
    h->binding = NULL;
    if (p == NULL) {
        disp_enable();
        return b != NULL && b->chan.state == CHAN_CLOSED ? RPC_ERR_NOT_BOUND : LIB_ERR_BAD_STATE;
    }
    __builtin_memcpy(call->keep, p->keep, sizeof(p->keep));
    return binding_finish_disabled(b, p, call,
                                   deadline_ns != BINDING_DEADLINE ? deadline_ns : p->deadline_ns);
}

bool binding_call_answered(const struct binding_handle *h)
{
    disp_disable();
    const struct pending *p = handle_find_disabled(h);
    bool waits = p != NULL && p->state == PENDING_WAITING &&
                 !(chan_poll_disabled(&h->binding->chan) && p->state != PENDING_WAITING);
    disp_enable();
    return !waits;
}

void binding_call_cancel(struct binding_handle *h)
{
    struct binding *b = h->binding;
    struct binding_loans lent = {0};
    disp_disable();
    struct pending *p = handle_find_disabled(h);
    if (p != NULL && p->state == PENDING_DONE) {
        p->answered = true;
    }
    if (p != NULL) {
        lent = pending_loans_take(p);
        pending_drop_disabled(b, p);
    }
    h->binding = NULL;
    disp_enable();
    loans_end(b, lent);
    chan_tidy();
}

/* --- the callback form ---------------------------------------------------------------------- */

/* The call ends here, whatever may still come. */
static void pending_abandon_disabled(struct pending *p, errval_t err)
{
    p->err = err;
    p->answered = p->caps_count != 0; /* a reply has begun: there will be no other */
    pending_done_disabled(p->binding, p);
}

static void binding_timeout_disabled(struct timer *t)
{
    struct pending *p = (struct pending *)((uint8_t *)t - offsetof(struct pending, timer));
    if (p->state == PENDING_WAITING) {
        pending_abandon_disabled(p, RPC_ERR_TIMEOUT);
    }
}

void binding_then(const struct binding_handle *h,
                  void (*complete)(struct binding_handle *call, void (*done)(void), void *arg),
                  void (*done)(void), void *arg)
{
    disp_disable();
    struct pending *p = handle_find_disabled(h);
    p->callback = true;
    p->complete = complete;
    p->done = done;
    p->arg = arg;
    if (p->state == PENDING_DONE) {
        chan_ready_disabled(&h->binding->chan);
    } else if (p->deadline_ns != AOS_FOREVER) {
        p->timer.fire_disabled = binding_timeout_disabled;
        if (!timer_arm_disabled(&p->timer, p->deadline_ns)) {
            pending_abandon_disabled(p, RPC_ERR_TIMEOUT);
        }
    }
    disp_enable();
}

void pending_complete(struct pending *p)
{
    struct binding_handle h = {p->binding, p->tx};
    p->complete(&h, p->done, p->arg);
}

uint32_t binding_cancel_cb(struct binding *b, void *arg)
{
    uint32_t count = 0;
    disp_disable();
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        struct pending *p = &b->pending[i];
        if (p->callback && p->state == PENDING_WAITING && p->arg == arg) {
            pending_abandon_disabled(p, RPC_ERR_CANCELLED);
            count++;
        }
    }
    disp_enable();
    return count;
}

/* --- oneways -------------------------------------------------------------------------------- */

/* Its words go through the message area, of which it needs a slot. */
static __attribute__((noinline)) errval_t binding_oneway_area(struct binding *b,
                                                              struct binding_call *call)
{
    struct pending *p = NULL;
    struct lmp_msg msg;
    errval_t err = pending_start(b, call, 0, &p, &msg);
    if (err_is_fail(err)) {
        return err;
    }
    p->state = PENDING_ONEWAY;
    return pending_launch(b, p, call, &msg);
}

static __attribute__((noinline)) errval_t binding_oneway_full(struct binding *b,
                                                             const struct lmp_msg *msg,
                                                             const struct binding_call *call,
                                                             errval_t err)
{
    return binding_send_error(chan_full(&b->chan, msg,
                                        msg_caps(call->header) == 1 ? call->caps[0]
                                                                    : (struct msg_cap){0},
                                        err));
}

errval_t binding_oneway(struct binding *b, struct binding_call *call)
{
    struct lmp_msg msg;
    if (msg_in_area(call->header)) {
        return binding_oneway_area(b, call);
    }
    if (b->chan.state != CHAN_OPEN) {
        return binding_state_error(b);
    }
    msg.header = call->header | chan_hash(&b->chan);
    msg.cap = 0;
    msg.cap_info = 0;
    msg_words_set(msg.words, call->words, msg_words(call->header));
    if (chan_traced(&b->chan)) {
        trace_client(b, true, msg.header, call->words, ERR_OK);
    }
    errval_t err = chan_send(&b->chan, &msg, msg_caps(call->header) == 1 ? call->caps[0]
                                                                         : (struct msg_cap){0});
    return __builtin_expect(err_is_ok(err), 1) ? ERR_OK : binding_oneway_full(b, &msg, call, err);
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

/* Ends a call of CHAN_OP_CLONE: the new end, or the error. */
static void binding_cloned(struct binding_handle *h, void (*done)(void), void *arg)
{
    void (*give)(void *, errval_t, caddr_t) = (void (*)(void *, errval_t, caddr_t))done;
    caddr_t got[1];
    uint32_t info[1];
    struct binding_call call = {.caps_max = 1, .got = got, .got_info = info};
    errval_t err = binding_end(h, BINDING_DEADLINE, &call);
    uint32_t caps = err_is_ok(err) ? msg_caps(call.header) : 0;
    if (err_is_ok(err) && (caps != 1 || (info[0] & 0xff) != CAPTYPE_ENDPOINT)) {
        err = binding_bad_reply(got, caps);
    }
    give(arg, err, err_is_ok(err) ? got[0] : 0);
}

errval_t binding_clone_cb(struct binding *b, uint64_t pid, uint32_t flags,
                          void (*done)(void *arg, errval_t err, caddr_t end), void *arg)
{
    uint64_t words[] = {CHAN_OP_CLONE, pid, flags};
    struct binding_call call = {.header = MSG_HEADER(0, MSG_CALL, 3, 0), .words = words};
    struct binding_handle h;
    if (b->chan.ws == NULL) {
        return LIB_ERR_BAD_STATE;
    }
    errval_t err = binding_begin(b, &call, &h);
    if (err_is_ok(err)) {
        binding_then(&h, binding_cloned, (void (*)(void))done, arg);
    }
    return err;
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
    for (uint32_t i = 0; i < CHAN_CALLS_MAX && p == NULL; i++) {
        if (b->pending[i].callback && b->pending[i].state == PENDING_DONE) {
            p = &b->pending[i];
            p->callback = false; /* no other thread takes it */
        }
    }
    disp_enable();
    if (p == NULL) {
        return false;
    }
    pending_complete(p);
    return true;
}

void binding_unknown_event(struct binding *b, uint64_t header)
{
    disp_disable();
    if ((header & MSG_FLEXIBLE) == 0 && b->chan.state == CHAN_OPEN) {
        binding_gone_disabled(b);
    }
    disp_enable();
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
    struct binding_call event = {.header = msg.header, .words = words};
    bool ok = chan_area_kept(&msg, words);
    if (ok && chan_traced(&b->chan)) {
        trace_client(b, false, msg.header, words, ERR_OK);
    }
    const struct lmp_msg done = {.header = MSG_HEADER(CHAN_CONTROL_EVENT_DONE, MSG_CONTROL, 0, 0) |
                                           chan_hash(&b->chan) |
                                           (uint64_t)msg_slot(msg.header) << MSG_SLOT_SHIFT};
    (void)chan_send(&b->chan, &done, (struct msg_cap){0});
    if (b->iface->on_event == NULL) {
        binding_unknown_event(b, msg.header);
    } else if (ok && b->events != NULL) {
        b->iface->on_event(b, &event);
    }
    return true;
}

bool binding_run(struct chan *c)
{
    struct binding *b = (struct binding *)(void *)c;
    if (c->carrier != NULL) {
        c->carrier->run(c);
    }
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
