/* Calls. Invariants of the pending table:
 *  1. FREE -> TAKEN (by a caller) -> WAITING (sent) -> DONE (answered, or the peer is gone) -> FREE
 * (caller has read it); WAITING -> LOST when the caller stops waiting; LOST -> FREE when the answer
 * comes after all. A stream: TAKEN -> STREAM -> FREE (all read) or LOST (closed before its end).
 *  2. A slot's generation grows with every call, so an answer matches at most one call.
 *  3. Slot 0 is in use iff CHAN_SLOW_BUSY; the assembly fast path uses it without an entry
 * (binding_call.S). All transitions happen disabled. */
#include "chan_priv.h"

#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/slot.h>
#include <aos/time.h>
#include <aos/arch_lmp.h>

#define GEN_MASK (~0u << MSG_GEN_SHIFT)

static struct timer sweep_timer;

static void binding_sweep_disabled(struct timer *t)
{
    (void)t;
    chan_sweep_due_disabled();
}

void binding_sweep_arm_disabled(struct binding *b)
{
    if (sweep_timer.place == 0) {
        sweep_timer.fire_disabled = binding_sweep_disabled;
        if (!timer_arm_disabled(&sweep_timer, time_deadline_ns(CHAN_SWEEP_NS))) {
            return;
        }
    }
    b->chan.slow &= ~CHAN_SLOW_SWEEP;
}

uint32_t binding_calls_begun;

void pending_free_disabled(struct binding *b, struct pending *p)
{
    USER_CHECK(p->state != PENDING_FREE);
    pending_uncount(p);
    p->state = PENDING_FREE;
    USER_CHECK(p->loans.count == 0);
    p->callback = false;
    p->lent_bytes = 0;
    if (p == &b->pending[0]) {
        b->chan.slow &= ~CHAN_SLOW_BUSY;
    }
    if (b->chan.region.base != NULL) {
        thread_wake_all_disabled(&b->slot_waiters); /* not each of them can use what is free now */
    } else {
        (void)thread_wake_one_disabled(&b->slot_waiters);
    }
    if (__builtin_expect(b->waits != 0, 0)) {
        binding_writable_disabled(b);
    }
}

struct pending *pending_take_disabled(struct binding *b, uint32_t first, uint32_t lent_bytes)
{
    for (uint32_t i = first; i < CHAN_CALLS_MAX; i++) {
        struct pending *p = &b->pending[i];
        if (p->state != PENDING_FREE) {
            continue;
        }
        if (lent_bytes != 0 && !lend_take_disabled(b, p, lent_bytes)) {
            return NULL;
        }
        if (i == 0) {
            p->tx = (uint32_t)binding_txid_disabled(b);
            b->chan.slow |= CHAN_SLOW_BUSY;
        } else {
            p->tx = ((p->tx + MSG_GEN_ONE) & GEN_MASK) | i << MSG_SLOT_SHIFT;
        }
        p->state = PENDING_TAKEN;
        p->callback = false;
        p->answered = false;
        p->cancel_due = false;
        p->err = ERR_OK;
        p->caps_count = 0;
        p->binding = b;
        return p;
    }
    return NULL;
}

/* --- delivery ------------------------------------------------------------------------------- */

static void pending_add_cap_disabled(struct pending *p, const struct lmp_msg *msg)
{
    if (msg->cap == 0) {
        return;
    }
    if (p->caps_count == MSG_CAPS_MAX) {
        chan_discard_cap_disabled(msg->cap);
        return;
    }
    p->caps[p->caps_count] = msg->cap;
    p->caps_info[p->caps_count++] = msg->cap_info;
}

void pending_done_disabled(struct binding *b, struct pending *p)
{
    USER_CHECK(p->state == PENDING_WAITING);
    p->state = PENDING_DONE;
    if (p->callback) {
        timer_cancel_disabled(&p->timer);
        chan_ready_disabled(&b->chan);
    } else {
        thread_wake_all_disabled(&p->waiter);
    }
}

struct pending *pending_find_disabled(struct binding *b, uint64_t txid)
{
    uint32_t slot = msg_slot(txid);
    if (slot >= CHAN_CALLS_MAX || (txid & MSG_TXID_MASK) != b->pending[slot].tx) {
        return NULL;
    }
    return &b->pending[slot];
}

void pending_drop_disabled(struct binding *b, struct pending *p)
{
    /* A reply of which capabilities are still to come has been here: there will be no other. */
    bool begun = p->state == PENDING_WAITING && p->caps_count != 0;
    for (uint32_t i = 0; i < p->caps_count; i++) {
        chan_discard_cap_disabled(p->caps[i]);
    }
    p->caps_count = 0;
    p->callback = false;
    if (begun || p->answered || b->chan.state != CHAN_OPEN) {
        pending_free_disabled(b, p);
        return;
    }
    p->state = PENDING_LOST;
    p->cancel_due = !binding_control_disabled(b, CHAN_CONTROL_CANCEL, p->tx, 0);
}

static void binding_answer_disabled(struct binding *b, const struct lmp_msg *msg)
{
    struct pending *p = pending_find_disabled(b, msg->header);
    uint64_t same = MSG_ORDINAL_MASK | MSG_FLEXIBLE | MSG_HASH_MASK | MSG_UMP_MASK;
    if (p == NULL || ((p->header ^ msg->header) & same) != 0) {
        chan_discard_cap_disabled(msg->cap);
        return;
    }
    switch ((enum pending_state)p->state) {
    case PENDING_WAITING:
        if (p->caps_count != 0) {
            break; /* an answer was begun already: only CAP messages may follow */
        }
        p->msg = *msg;
        chan_area_keep(&b->chan, &p->msg, msg_slot(msg->header));
        pending_add_cap_disabled(p, msg);
        if ((msg->header & MSG_MORE) == 0 || msg->cap == 0) {
            pending_done_disabled(b, p);
        }
        return;
    case PENDING_LOST:
        pending_free_disabled(b, p);
        break;
    case PENDING_STREAM:
        stream_answer_disabled(b, p, msg);
        break;
    case PENDING_DONE:
        p->answered = true;
        break;
    case PENDING_FREE:
    case PENDING_TAKEN:
    case PENDING_ONEWAY:
        break;
    }
    chan_discard_cap_disabled(msg->cap);
}

static void binding_more_caps_disabled(struct binding *b, const struct lmp_msg *msg)
{
    struct pending *p = pending_find_disabled(b, msg->header);
    if (p == NULL || p->state != PENDING_WAITING || p->caps_count == 0) {
        chan_discard_cap_disabled(msg->cap);
        return;
    }
    pending_add_cap_disabled(p, msg);
    if (p->caps_count == msg_caps(p->msg.header)) {
        pending_done_disabled(b, p);
    }
}

void binding_gone_disabled(struct binding *b)
{
    b->chan.state = CHAN_GONE;
    b->chan.slow |= CHAN_SLOW_STATE;
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        struct pending *p = &b->pending[i];
        if (p->state == PENDING_WAITING) {
            p->err = RPC_ERR_PEER_GONE;
            pending_done_disabled(b, p);
        } else if (p->state == PENDING_LOST || p->state == PENDING_ONEWAY) {
            pending_free_disabled(b, p);
        } else if (p->state == PENDING_STREAM && !p->stream->ended) {
            stream_end_disabled(p, RPC_ERR_PEER_GONE);
        }
    }
    thread_wake_all_disabled(&b->slot_waiters);
    thread_wake_all_disabled(&b->room_waiters);
    binding_writable_disabled(b);
    if (b->gone.fn != NULL && b->chan.ws != NULL) {
        waitset_post_disabled(b->chan.ws, &b->gone);
    }
}

static void binding_event_disabled(struct binding *b, const struct lmp_msg *msg)
{
    chan_discard_cap_disabled(msg->cap);
    if (b->events_count == CHAN_EVENTS_MAX || b->chan.ws == NULL) {
        return; /* more than the credit that was given: dropped */
    }
    uint32_t at = (b->events_head + b->events_count) % CHAN_EVENTS_MAX;
    b->event_msgs[at] = *msg;
    b->event_msgs[at].cap = 0;
    chan_area_keep(&b->chan, &b->event_msgs[at], CHAN_CALLS_MAX + msg_slot(msg->header));
    b->events_count++;
    chan_ready_disabled(&b->chan);
}

void binding_deliver_disabled(struct chan *c, const struct lmp_msg *msg)
{
    struct binding *b = (struct binding *)(void *)c;
    switch (msg_kind(msg->header)) {
    case MSG_REPLY:
    case MSG_ERROR:
    case MSG_MALFORMED:
        binding_answer_disabled(b, msg);
        return;
    case MSG_EVENT:
        binding_event_disabled(b, msg);
        return;
    case MSG_CONTROL:
        break;
    case MSG_STREAM:
        stream_item_disabled(b, msg);
        return;
    case MSG_CALL:
    case MSG_ONEWAY:
        chan_discard_cap_disabled(msg->cap);
        return;
    }
    uint32_t control = msg_ordinal(msg->header);
    if (control == CHAN_CONTROL_CAP) {
        binding_more_caps_disabled(b, msg);
        return;
    }
    chan_discard_cap_disabled(msg->cap);
    if (control == KPI_CONTROL_PEER_GONE) {
        binding_gone_disabled(b);
    } else if (control == KPI_CONTROL_ROOM) {
        chan_room_disabled(c, CHAN_FULL);
    } else if (control == CHAN_CONTROL_REMOTE) {
        b->remote = true;
    } else if (control == CHAN_CONTROL_ONEWAY_DONE) {
        struct pending *p = pending_find_disabled(b, msg->header);
        if (p != NULL && p->state == PENDING_ONEWAY) {
            pending_free_disabled(b, p);
        }
    }
}

void binding_wake_disabled(struct binding *b)
{
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        if (b->pending[i].state == PENDING_WAITING && !b->pending[i].callback) {
            thread_wake_all_disabled(&b->pending[i].waiter);
        } else if (b->pending[i].state == PENDING_STREAM) {
            thread_wake_all_disabled(&b->pending[i].stream->waiter);
        }
    }
    thread_wake_all_disabled(&b->slot_waiters);
    thread_wake_all_disabled(&b->room_waiters);
}

/* --- waiting -------------------------------------------------------------------------------- */

errval_t binding_finish_disabled(struct binding *b, struct pending *p, struct binding_call *call,
                                 uint64_t deadline)
{
    while (p->state == PENDING_WAITING) {
        if (binding_look_disabled(b, deadline)) {
            continue;
        }
        if (!thread_block_until_disabled(&p->waiter, deadline) && p->state == PENDING_WAITING) {
            struct binding_loans lent = pending_loans_take(p);
            pending_drop_disabled(b, p);
            disp_enable();
            loans_end(b, lent);
            chan_tidy();
            return RPC_ERR_TIMEOUT;
        }
    }
    disp_enable();
    errval_t err = pending_read(b, p, call);
    loans_end(b, pending_loans_take(p));
    disp_disable_touched();              /* by who has entered disabled */
    p->caps_count = 0; /* the caller's now, or deleted */
    if (p->err == RPC_ERR_TIMEOUT || p->err == RPC_ERR_CANCELLED) {
        pending_drop_disabled(b, p); /* of a callback: given up before there was an answer */
    } else {
        pending_free_disabled(b, p);
    }
    disp_enable();
    chan_tidy();
    return err;
}

/* Sends the call and, if this thread is the only one, waits in the kernel for what comes next.
 * Enters and returns disabled. */
static errval_t binding_send_disabled(struct binding *b, struct pending *p,
                                      const struct lmp_msg *msg, struct msg_cap cap)
{
    p->state = PENDING_WAITING;
    if (b->chan.end == 0 || (b->chan.slow & CHAN_SLOW_DEADLINE) != 0 || disp_runnable() ||
        disp_pending()) {
        disp_enable();
        errval_t err = chan_send_room(&b->chan, msg, cap);
        disp_disable();
        return err;
    }
    binding_sweep_arm_disabled(b);
    struct lmp_msg m = *msg;
    uint64_t cookie = arch_lmp_call(b->chan.end, msg_xfer(cap), &m);
    if (cookie != 0) {
        chan_deliver_disabled(cookie, &m);
        return ERR_OK;
    }
    disp_event_disabled(m.header & ~(uint64_t)KPI_EVENT_ERROR);
    return (m.header & KPI_EVENT_ERROR) != 0 ? chan_sent_disabled(&b->chan, m.words[0]) : ERR_OK;
}

/* The same until there is room in the channel or the deadline passes. */
static errval_t binding_send_retry_disabled(struct binding *b, struct pending *p,
                                            const struct lmp_msg *msg, struct msg_cap cap,
                                            uint64_t deadline)
{
    for (;;) {
        errval_t err = binding_send_disabled(b, p, msg, cap);
        if (err_no(err) == SYS_ERR_LMP_FULL) {
            err = binding_await_room_disabled(b, msg->header, deadline);
            if (err_is_ok(err)) {
                continue;
            }
        }
        return err;
    }
}

static errval_t binding_take(struct binding *b, uint64_t header, uint32_t lent_bytes,
                             uint64_t deadline, struct pending **ret_p)
{
    disp_disable();
    for (;;) {
        if (!binding_ready(b, header)) {
            disp_enable();
            if (!binding_may_reopen(b) || msg_ordinal(header) == 0) {
                return binding_state_error(b);
            }
            errval_t err = binding_reopen(b, deadline);
            if (err_is_fail(err)) {
                return err;
            }
            disp_disable();
            continue;
        }
        struct pending *p = pending_take_disabled(b, 0, lent_bytes);
        if (p != NULL) {
            disp_enable();
            *ret_p = p;
            return ERR_OK;
        }
        if (binding_look_disabled(b, deadline)) {
            continue;
        }
        if (!thread_block_until_disabled(&b->slot_waiters, deadline)) {
            disp_enable();
            return RPC_ERR_TIMEOUT;
        }
    }
}

/* Header and words of a request in slot `p`; words that do not fit go into the area. */
errval_t binding_fill(struct binding *b, struct pending *p, const struct binding_call *call,
                      struct lmp_msg *ret_msg)
{
    uint32_t words = msg_words(call->header);
    if (p->lent_bytes != 0) {
        lend_fill(b, p, call);
    }
    ret_msg->header = call->header | chan_hash(&b->chan) | p->tx;
    p->header = ret_msg->header;
    if (msg_in_area(call->header)) {
        if (!chan_area_write(&b->chan.out, msg_slot(p->tx), call->words, words)) {
            return RPC_ERR_PEER_GONE;
        }
        words = 0;
    }
    msg_words_set(ret_msg->words, call->words, words);
    ret_msg->cap = 0;
    ret_msg->cap_info = 0;
    if (chan_traced(&b->chan)) {
        trace_client(b, true, ret_msg->header, call->words, ERR_OK);
    }
    return ERR_OK;
}

/* Sends, waiting for room until the deadline. Enters and returns disabled, enabled in between. */
static errval_t binding_send_part_disabled(struct binding *b, const struct lmp_msg *msg,
                                           struct msg_cap cap, uint64_t deadline)
{
    for (;;) {
        disp_enable();
        errval_t err = chan_send_room(&b->chan, msg, cap);
        disp_disable();
        if (err_no(err) == SYS_ERR_LMP_FULL) {
            err = binding_await_room_disabled(b, msg->header, deadline);
            if (err_is_ok(err)) {
                continue;
            }
        }
        return err;
    }
}

errval_t binding_send_more_disabled(struct binding *b, struct pending *p,
                                    const struct binding_call *call, uint64_t deadline)
{
    errval_t err = ERR_OK;
    for (uint32_t i = 1; i < msg_caps(call->header) && err_is_ok(err); i++) {
        struct lmp_msg msg = {.header = MSG_HEADER(CHAN_CONTROL_CAP, MSG_CONTROL, 0, 1) |
                                        chan_hash(&b->chan) | p->tx};
        /* While only a part is sent there is nothing to wait for but room. */
        err = binding_send_part_disabled(b, &msg, call->caps[i], deadline);
    }
    if (err_is_fail(err)) {
        binding_gone_disabled(b); /* half a message cannot be taken back */
    }
    return err;
}

static errval_t binding_send_all_disabled(struct binding *b, struct pending *p,
                                          const struct binding_call *call,
                                          const struct lmp_msg *msg, uint64_t deadline)
{
    if (msg_caps(call->header) <= 1) {
        struct msg_cap cap = msg_caps(call->header) == 1 ? call->caps[0] : (struct msg_cap){0};
        return binding_send_retry_disabled(b, p, msg, cap, deadline);
    }
    p->state = PENDING_WAITING;
    errval_t err = binding_send_part_disabled(b, msg, call->caps[0], deadline);
    if (err_is_fail(err)) {
        return err;
    }
    return binding_send_more_disabled(b, p, call, deadline);
}

/* The same with loans in place of what is lent. */
static __attribute__((noinline)) errval_t binding_call_lending(struct binding *b,
                                                               struct binding_call *call)
{
    struct msg_cap caps[MSG_CAPS_MAX];
    struct binding_loans loans;
    errval_t err = loans_make(b, call, caps, &loans);
    if (err_is_fail(err)) {
        return err;
    }
    call->caps = caps;
    err = binding_call(b, call);
    loans_end(b, loans);
    return err;
}

errval_t binding_call(struct binding *b, struct binding_call *call)
{
    if (__builtin_expect(loans_wanted(call), 0)) {
        return binding_call_lending(b, call);
    }
    errval_t err = binding_call_once(b, call);
    return __builtin_expect(err_is_ok(err), 1) ? ERR_OK : binding_repeat(b, call, err);
}

errval_t binding_call_once(struct binding *b, struct binding_call *call)
{
    bool several = msg_caps(call->header) > 1;
    struct pending *p = NULL;
    const uint32_t lent_bytes = lend_bytes(call);
    errval_t err = binding_setup(b, call->header);
    if (err_is_ok(err) && lent_bytes != 0) {
        err = lend_setup(b, lent_bytes);
    } else if (err_is_ok(err) && binding_call_direct(b, call, &err)) {
        return ERR_OK;
    }
    uint64_t deadline = time_deadline_ns(b->deadline_ns);
    if (err_is_ok(err)) {
        err = binding_take(b, call->header, lent_bytes, deadline, &p);
    }
    if (err_is_fail(err)) {
        return err;
    }
    struct lmp_msg msg;
    err = binding_fill(b, p, call, &msg);
    if (several) {
        mutex_lock(&b->setup_lock);
    }
    disp_disable();
    if (err_is_ok(err)) {
        err = binding_send_all_disabled(b, p, call, &msg, deadline);
    }
    if (several) {
        disp_enable();
        mutex_unlock(&b->setup_lock);
        disp_disable_touched();
    }
    if (err_is_fail(err)) {
        pending_free_disabled(b, p);
        disp_enable();
        return binding_send_failed(b, err);
    }
    return binding_finish_disabled(b, p, call, deadline);
}
