/* Ends of peers, and bindings that outlive them. Invariants:
 *  1. What is opened again is the same binding: its pending table, areas and region, which are this
 * side's own memory, stay as they are, or where they are if the new peer is reached in another way,
 * so whoever still reads an answer of the old peer may (chan_area_keep).
 *  2. The new end takes the slot of the old one. A thread that was about to send on the old end
 * sends on the new one at worst; its txid is of no call that waits, so no answer finds it.
 *  3. While the state is OPENING only the holder of reopen_lock sends. */
#include "chan_priv.h"

#include <aos/cap.h>
#include <aos/slot.h>
#include <aos/time.h>
#include <aos/arch_lmp.h>

#define REOPEN_FIRST_NS     1000000ull  /* between two tries; doubled up to */
#define REOPEN_MAX_NS       50000000ull
#define REOPEN_HANDSHAKE_NS 2000000000ull /* of one try: a service that starts may be busy */

errval_t binding_state_error(const struct binding *b)
{
    return b->chan.state == CHAN_CLOSED ? RPC_ERR_NOT_BOUND : RPC_ERR_PEER_GONE;
}

errval_t binding_send_error(errval_t err)
{
    switch (err_no(err)) {
    case SYS_ERR_LMP_FULL:
        return RPC_ERR_AGAIN;
    case SYS_ERR_LMP_PEER_GONE:
        return RPC_ERR_PEER_GONE;
    default:
        return err;
    }
}

errval_t binding_send_failed(struct binding *b, errval_t err)
{
    struct cap_info info;
    if (err_no(err) != SYS_ERR_CAP_NOT_FOUND || b->chan.end == 0 ||
        (err_is_ok(cap_identify(b->chan.end, &info)) && info.type != CAPTYPE_NULL)) {
        return binding_send_error(err);
    }
    disp_disable();
    if (b->chan.state == CHAN_OPEN) {
        binding_gone_disabled(b);
    }
    disp_enable();
    return RPC_ERR_PEER_GONE;
}

void binding_set_finder(struct binding *b, errval_t (*find)(void *arg, caddr_t *ret_end),
                        void *arg)
{
    b->find_arg = arg;
    b->find = find;
}

/* Introduces itself on the new channel and renews what the old server knew. */
static errval_t reopen_renew(struct binding *b)
{
    errval_t err = b->iface != NULL ? binding_handshake(b) : ERR_OK;
    if (err_is_ok(err) && b->remote && b->iface != NULL) {
        err = remote_upgrade(b);
    }
    const bool own_areas = b->chan.carrier == NULL; /* a ring has its own */
    if (err_is_ok(err) && own_areas && b->chan.out.base != NULL) {
        err = binding_tell_area(b, 0);
    }
    if (err_is_ok(err) && own_areas && b->chan.in.base != NULL) {
        err = binding_tell_area(b, 1);
    }
    if (err_is_ok(err) && b->chan.region.base != NULL) {
        err = lend_tell(b);
    }
    for (uint64_t left = b->subscribed; err_is_ok(err) && left != 0; left &= left - 1) {
        uint64_t words[MSG_REG_WORDS] = {CHAN_OP_SUBSCRIBE, (uint64_t)__builtin_ctzll(left), true};
        err = binding_framework(b, words, 3, 0, (struct msg_cap){0}, NULL);
    }
    return err;
}

/* Puts `end` in place of the old one and opens. Takes the end, whatever it returns. */
static errval_t reopen_on(struct binding *b, caddr_t end)
{
    caddr_t slot = b->chan.end;
    uint64_t deadline_ns = b->deadline_ns;
    (void)cap_delete(slot);
    errval_t err = cap_move(slot, end);
    if (err_is_fail(err)) {
        (void)cap_destroy(end);
        return err;
    }
    slot_free(end);
    disp_disable();
    b->chan.hash = 0;
    b->chan.full = 0;
    b->remote = false;
    b->chan.state = CHAN_OPENING;
    b->events_count = 0;
    b->deadline_ns = deadline_ns < REOPEN_HANDSHAKE_NS ? deadline_ns : REOPEN_HANDSHAKE_NS;
    disp_enable();
    err = arch_lmp_bind(slot, (uint64_t)(uintptr_t)&b->chan);
    if (err_is_ok(err)) {
        err = reopen_renew(b);
    }
    disp_disable();
    b->deadline_ns = deadline_ns;
    if (err_is_ok(err) && b->chan.state == CHAN_OPENING) {
        b->chan.state = CHAN_OPEN;
        b->chan.slow &= ~CHAN_SLOW_STATE;
        thread_wake_all_disabled(&b->slot_waiters);
        binding_writable_disabled(b);
    } else {
        b->chan.state = CHAN_GONE;
        err = err_is_ok(err) ? RPC_ERR_PEER_GONE : err;
    }
    disp_enable();
    return err;
}

/* Nobody is about to send: words that were put into the area of the old peer are for no other. Who
 * does sends in vain, and soon. */
static void reopen_await_senders(const struct binding *b)
{
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        while (*(const volatile uint8_t *)&b->pending[i].state == PENDING_TAKEN) {
            thread_sleep_ns(REOPEN_FIRST_NS);
        }
    }
}

static errval_t reopen_locked(struct binding *b, uint64_t deadline_ns)
{
    uint64_t pause_ns = REOPEN_FIRST_NS;
    reopen_await_senders(b);
    for (;;) {
        caddr_t end = 0;
        errval_t err = b->chan.carrier != NULL ? remote_leave(b) : ERR_OK;
        if (err_is_ok(err)) {
            err = b->find(b->find_arg, &end);
        }
        if (err_is_ok(err)) {
            err = reopen_on(b, end);
        }
        if (err_is_ok(err) || err_no(err) == RPC_ERR_VERSION) {
            return err;
        }
        uint64_t now = time_now_ns();
        if (now >= deadline_ns || pause_ns >= deadline_ns - now) {
            return err_push(err, RPC_ERR_PEER_GONE);
        }
        thread_sleep_ns(pause_ns);
        pause_ns = pause_ns * 2 < REOPEN_MAX_NS ? pause_ns * 2 : REOPEN_MAX_NS;
    }
}

errval_t binding_reopen(struct binding *b, uint64_t deadline_ns)
{
    const uint64_t limit = time_deadline_ns(BINDING_REOPEN_NS);
    /* To find a service may need memory, which may need the service. */
    if (mutex_held(&b->reopen_lock)) {
        return RPC_ERR_PEER_GONE;
    }
    mutex_lock(&b->reopen_lock);
    errval_t err = ERR_OK;
    if (b->chan.state != CHAN_OPEN) {
        err = binding_may_reopen(b) && (b->chan.end != 0 || b->chan.carrier != NULL)
                  ? reopen_locked(b, deadline_ns < limit ? deadline_ns : limit)
                  : binding_state_error(b);
    }
    mutex_unlock(&b->reopen_lock);
    return err;
}

/* What is given away or lent is gone after the first try. */
static bool repeat_allowed(const struct binding *b, const struct binding_call *call)
{
    const uint32_t ordinal = msg_ordinal(call->header);
    if (b->find == NULL || b->iface == NULL || ordinal >= b->iface->method_count ||
        !b->iface->methods[ordinal].idempotent) {
        return false;
    }
    for (uint32_t i = 0; i < msg_caps(call->header); i++) {
        if (call->caps[i].move != MSG_CAP_COPY) {
            return false;
        }
    }
    return true;
}

errval_t binding_repeat(struct binding *b, struct binding_call *call, errval_t err)
{
    if (err_no(err) != RPC_ERR_PEER_GONE || !repeat_allowed(b, call)) {
        return err;
    }
    const uint64_t ns = b->deadline_ns < BINDING_REOPEN_NS ? b->deadline_ns : BINDING_REOPEN_NS;
    const uint64_t until = time_deadline_ns(ns);
    while (err_no(err) == RPC_ERR_PEER_GONE && time_now_ns() < until) {
        err = binding_reopen(b, until);
        if (err_is_ok(err)) {
            err = binding_call_once(b, call);
        }
    }
    return err;
}

/* What is left of a call in registers that failed is its result: the request comes from `words`. */
static errval_t binding_repeat_regs(struct binding *b, errval_t err, uint64_t header,
                                    uint64_t answer, const uint64_t *words, struct lmp_regs *r)
{
    caddr_t got = 0;
    uint32_t got_info = 0;
    __builtin_memcpy(r->w, words, sizeof(r->w));
    struct binding_call call = {
        .header = header,
        .words = r->w,
        .words_max = MSG_REG_WORDS,
        .caps_max = 1,
        .got = &got,
        .got_info = &got_info,
    };
    err = binding_repeat(b, &call, err);
    r->header = call.header;
    r->cap = got;
    r->cap_info = got_info;
    return err_is_ok(err) ? binding_shape(r, answer) : err;
}

errval_t binding_call_again(struct binding *b, uint64_t header, uint64_t answer,
                            const uint64_t *words, uint32_t count, struct lmp_regs *r)
{
    uint64_t w[MSG_REG_WORDS] = {0};
    for (uint32_t i = 0; i < count; i++) {
        w[i] = words[i];
    }
    const errval_t err = lmp_call8(b, header, answer, 0, w[0], w[1], w[2], w[3], w[4], w[5], w[6],
                                   w[7], 0, r);
    return err_is_ok(err) ? err : binding_repeat_regs(b, err, header, answer, w, r);
}
