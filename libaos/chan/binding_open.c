/* Bindings come and go: bind, message area, clone, subscriptions, close. */
#include "chan_priv.h"

#include <aos/cap.h>
#include <aos/paging.h>
#include <aos/time.h>

#define FRAMEWORK_DEADLINE_NS 5000000000ull

void binding_init(struct binding *b, const struct client_interface *iface)
{
    *b = (struct binding){0};
    b->iface = iface;
    b->setup_lock = (struct mutex)MUTEX_INIT_RECURSIVE;
    binding_set_deadline(b, iface != NULL ? iface->deadline_ns : FRAMEWORK_DEADLINE_NS);
}

errval_t binding_framework(struct binding *b, uint64_t *words, uint32_t count,
                           uint32_t reply_words, struct msg_cap cap, caddr_t *ret_cap)
{
    uint32_t info = 0;
    caddr_t got = 0;
    uint32_t caps_max = ret_cap != NULL;
    struct binding_call call = {
        .header = MSG_HEADER(0, MSG_CALL, count, cap.cap != 0 ? 1 : 0),
        .words = words,
        .words_max = MSG_REG_WORDS,
        .caps_max = caps_max,
        .caps = &cap,
        .got = &got,
        .got_info = &info,
    };
    errval_t err = binding_call(b, &call);
    if (err_is_fail(err)) {
        return err;
    }
    if (msg_words(call.header) != reply_words || msg_caps(call.header) != caps_max ||
        (caps_max != 0 && (info & 0xff) != CAPTYPE_ENDPOINT)) {
        return binding_bad_reply1(got);
    }
    if (ret_cap != NULL) {
        *ret_cap = got;
    }
    return ERR_OK;
}

errval_t binding_handshake(struct binding *b)
{
    const struct client_interface *iface = b->iface;
    uint64_t words[MSG_REG_WORDS] = {
        CHAN_OP_BIND, (uint64_t)iface->id | (uint64_t)iface->version << 32, iface->hash};
    errval_t err = binding_framework(b, words, 3, 2, (struct msg_cap){0}, NULL);
    if (err_is_fail(err)) {
        return err;
    }
    if (words[0] == 0 || words[0] > UINT16_MAX ||
        (words[0] == iface->version && words[1] != iface->hash)) {
        return RPC_ERR_VERSION;
    }
    b->version = (uint32_t)words[0];
    disp_disable();
    chan_hash_set(&b->chan, iface->hash);
    disp_enable();
    return ERR_OK;
}

errval_t binding_open(struct binding *b, caddr_t end, const struct client_interface *iface)
{
    binding_init(b, iface);
    errval_t err = chan_bind(&b->chan, CHAN_BINDING, end, NULL);
    if (err_is_fail(err)) {
        return err;
    }
    binding_set_deadline(b, b->deadline_ns);
    err = binding_handshake(b);
    if (err_is_ok(err) && b->remote) {
        err = remote_upgrade(b);
    }
    if (err_is_fail(err)) {
        binding_close(b);
    }
    return err;
}

errval_t binding_open_any(struct binding *b, caddr_t end)
{
    binding_init(b, NULL);
    return chan_bind(&b->chan, CHAN_BINDING, end, NULL);
}

errval_t binding_open_loop(struct binding *b, struct server *server,
                           const struct client_interface *iface)
{
    binding_init(b, iface);
    struct server_conn *conn;
    errval_t err = conn_create(server, 0, 0, &conn);
    if (err_is_fail(err)) {
        return err;
    }
    chan_open(&b->chan, CHAN_BINDING, 0, NULL);
    b->chan.peer = &conn->chan;
    conn->chan.peer = &b->chan;
    err = binding_handshake(b);
    if (err_is_fail(err)) {
        binding_close(b);
    }
    return err;
}

void binding_close(struct binding *b)
{
    disp_disable();
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        timer_cancel_disabled(&b->pending[i].timer);
    }
    b->waits = 0;
    disp_enable();
    chan_close(&b->chan);
    if (b->chan.ws != NULL) {            /* nothing comes any more that would post them again */
        disp_disable();
        waitset_unpost_disabled(b->chan.ws, &b->writable);
        waitset_unpost_disabled(b->chan.ws, &b->gone);
        disp_enable();
    }
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        struct pending *p = &b->pending[i];
        if (p->state == PENDING_WAITING) {
            p->err = RPC_ERR_CANCELLED;
            p->state = PENDING_DONE;
        }
        if (p->state == PENDING_DONE && p->callback) {
            p->err = RPC_ERR_CANCELLED;
            p->callback = false;
            pending_complete(p);
        } else if (p->state == PENDING_DONE) {
            (void)binding_bad_reply(p->caps, p->caps_count); /* begun, and never ended */
            loans_end(b, pending_loans_take(p));
        }
        if (p->state == PENDING_STREAM) {
            struct binding_stream *s = p->stream;
            s->binding = NULL;
            s->held = false;
            if (b->chan.ws != NULL) {
                disp_disable();
                waitset_unpost_disabled(b->chan.ws, &s->ready);
                disp_enable();
            }
        }
        p->state = PENDING_FREE;
        pending_uncount(p);
    }
    loans_forget(b);
    chan_area_free(&b->chan.region);
    chan_carrier_free(&b->chan);
}

void binding_set_deadline(struct binding *b, uint64_t ns)
{
    disp_disable();
    b->deadline_ns = ns;
    b->chan.slow &= ~CHAN_SLOW_DEADLINE;
    if (ns < CHAN_SWEEP_NS) {
        b->chan.slow |= CHAN_SLOW_DEADLINE;
    }
    disp_enable();
}

void binding_set_waitset(struct binding *b, struct waitset *ws)
{
    disp_disable();
    b->chan.ws = ws;
    if (b->chan.carrier != NULL) {
        chan_ready_disabled(&b->chan); /* it may have slept while nobody listened */
    }
    disp_enable();
}

bool binding_is_open(const struct binding *b)
{
    return b->chan.state == CHAN_OPEN;
}

errval_t binding_clone(struct binding *b, uint64_t pid, uint32_t flags, caddr_t *ret_end)
{
    const uint64_t until = time_deadline_ns(b->deadline_ns);
    errval_t err;
    do {
        uint64_t words[MSG_REG_WORDS] = {CHAN_OP_CLONE, pid, flags};
        err = binding_framework(b, words, 3, 0, (struct msg_cap){0}, ret_end);
    } while (err_no(err) == RPC_ERR_PEER_GONE && b->find != NULL &&
             err_is_ok(binding_reopen(b, until)));
    return err;
}

errval_t binding_subscribe(struct binding *b, uint32_t ordinal, bool on)
{
    if (b->chan.ws == NULL) {
        return LIB_ERR_BAD_STATE;
    }
    uint64_t words[MSG_REG_WORDS] = {CHAN_OP_SUBSCRIBE, ordinal, on};
    errval_t err = binding_setup(b, ordinal);
    if (err_is_ok(err)) {
        err = binding_framework(b, words, 3, 0, (struct msg_cap){0}, NULL);
    }
    if (err_is_ok(err) && ordinal < 64) {
        const uint64_t bit = 1ull << ordinal;
        b->subscribed = on ? b->subscribed | bit : b->subscribed & ~bit;
    }
    return err;
}

/* --- message area --------------------------------------------------------------------------- */

#define AREA_ALIGN 64u /* slots begin on cache lines */

static uint32_t area_slot_bytes(uint32_t words)
{
    return (words * 8u + AREA_ALIGN - 1u) & ~(AREA_ALIGN - 1u);
}

errval_t binding_tell_area(struct binding *b, uint32_t direction)
{
    const struct chan_area *a = direction == 0 ? &b->chan.out : &b->chan.in;
    uint64_t words[MSG_REG_WORDS] = {CHAN_OP_AREA, direction, a->slot_bytes, a->bytes};
    const struct msg_cap cap = {
        a->frame, (uint8_t)(direction == 0 ? CAP_RIGHT_R : CAP_RIGHT_R | CAP_RIGHT_W), false};
    return binding_framework(b, words, 4, 0, cap, NULL);
}

/* Makes one direction and tells the server; `direction` 0 is requests. */
static errval_t binding_setup_area(struct binding *b, uint32_t direction, uint32_t words_max,
                                   uint32_t slots)
{
    struct chan_area *a = direction == 0 ? &b->chan.out : &b->chan.in;
    errval_t err = chan_area_create(a, area_slot_bytes(words_max), slots,
                                    direction == 0 ? AOS_VM_RW : AOS_VM_READ);
    if (err_is_fail(err)) {
        return err;
    }
    if (b->chan.end == 0) {
        struct chan_area *other = direction == 0 ? &b->chan.peer->in : &b->chan.peer->out;
        *other = *a;
        other->frame = 0;
        other->shared = true;
        return ERR_OK;
    }
    err = binding_tell_area(b, direction);
    if (err_is_fail(err)) {
        chan_area_free(a);
    }
    return err;
}

errval_t binding_setup(struct binding *b, uint64_t header)
{
    uint32_t ordinal = msg_ordinal(header);
    if (b->setup_done || ordinal == 0 || !b->iface->methods[ordinal].large) {
        return ERR_OK;
    }
    errval_t err = ERR_OK;
    if (b->chan.state != CHAN_OPEN && binding_may_reopen(b)) {
        err = binding_reopen(b, time_deadline_ns(b->deadline_ns));
    }
    if (err_is_fail(err)) {
        return err;
    }
    mutex_lock(&b->setup_lock);
    if (!b->setup_done) {
        if (b->iface->request_area_words != 0 && b->chan.out.base == NULL) {
            err = binding_setup_area(b, 0, b->iface->request_area_words, CHAN_CALLS_MAX);
        }
        if (err_is_ok(err) && b->iface->reply_area_words != 0 && b->chan.in.base == NULL) {
            err = binding_setup_area(b, 1, b->iface->reply_area_words,
                                     chan_reply_slots(b->iface->window));
        }
        b->setup_done = err_is_ok(err);
    }
    mutex_unlock(&b->setup_lock);
    return err;
}
