/* Calls that get their answer in the trap that sends them. The conditions are those of the
 * assembly (binding_call.S): no other code of this domain runs meanwhile, so txid slot 0 and its
 * place in the message area are used without an entry in the pending table. An entry is made when
 * something else comes back. */
#include "chan_priv.h"

#include <aos/time.h>
#include <aos/arch_lmp.h>

struct pending *binding_enter_disabled(struct binding *b, uint64_t sent)
{
    struct pending *p = &b->pending[0];
    *p = (struct pending){.header = sent,
                          .tx = (uint32_t)(sent & MSG_TXID_MASK),
                          .state = PENDING_WAITING,
                          .binding = b};
    b->chan.slow |= CHAN_SLOW_BUSY;
    return p;
}

/* The call `sent` is under way, and `msg` came for `cookie`: enters it in the pending table. The
 * kernel's error if it is not under way after all. Disabled throughout. */
static __attribute__((noinline)) errval_t binding_enter_parked(struct binding *b, uint64_t sent,
                                                               uint64_t cookie,
                                                               const struct lmp_msg *msg)
{
    struct pending *p = binding_enter_disabled(b, sent);
    if (cookie != 0) {
        chan_deliver_disabled(cookie, msg);
        return ERR_OK;
    }
    disp_event_disabled(msg->header & ~(uint64_t)KPI_EVENT_ERROR);
    if ((msg->header & KPI_EVENT_ERROR) == 0) {
        return ERR_OK;
    }
    pending_free_disabled(b, p);
    return chan_sent_disabled(&b->chan, msg->words[0]);
}

errval_t binding_parked_disabled(struct binding *b, errval_t err, struct binding_call *call)
{
    if (err_is_fail(err)) {
        disp_enable();
        return binding_send_failed(b, err);
    }
    return binding_finish_disabled(b, &b->pending[0], call, time_deadline_ns(b->deadline_ns));
}

bool binding_call_direct(struct binding *b, struct binding_call *call, errval_t *ret_err)
{
    uint32_t words = msg_words(call->header), caps = msg_caps(call->header);
    const struct chan_carrier *carrier = b->chan.carrier;
    if (carrier != NULL) {
        return carrier->call_direct(b, call, ret_err);
    }
    disp_disable();
    if ((b->chan.slow | disp_page()->pending) != 0 || disp_runnable() || caps > 1) {
        disp_enable();
        return false;
    }
    const uint64_t sent = call->header | binding_txid_disabled(b);
    if (words > MSG_REG_WORDS) {
        /* An area of one's own is there as long as the binding, and was mapped when it was made. */
        if (!chan_area_write(&b->chan.out, 0, call->words, words)) {
            disp_enable();
            *ret_err = RPC_ERR_PEER_GONE;
            return false;
        }
        words = 0;
    }
    struct lmp_msg msg;
    msg.header = sent;
    msg_words_set(msg.words, call->words, words);
    uint64_t xfer = caps != 0 ? msg_xfer(call->caps[0]) : 0;
    uint64_t cookie = arch_lmp_call(b->chan.end, xfer, &msg);
    const uint64_t reply = sent | MSG_HEADER(0, MSG_REPLY, 0, 0);
    if (cookie != (uint64_t)(uintptr_t)b || ((reply ^ msg.header) & ~MSG_SHAPE_MASK) != 0 ||
        (msg.header & MSG_SHAPE_MASK) > MSG_SHAPE(MSG_REG_WORDS, 0)) {
        errval_t sent_err = binding_enter_parked(b, sent, cookie, &msg);
        *ret_err = binding_parked_disabled(b, sent_err, call);
        return err_is_ok(*ret_err);
    }
    disp_enable();
    if (msg_words(msg.header) > call->words_max) {
        *ret_err = RPC_ERR_BAD_REPLY;
        return false;
    }
    call->header = msg.header;
    for (uint32_t i = 0; i < msg_words(msg.header); i++) {
        call->words[i] = msg.words[i];
    }
    return true;
}

errval_t binding_shape(const struct lmp_regs *r, uint64_t answer)
{
    if ((answer & MSG_ANY_SHAPE) == 0 && ((r->header ^ answer) & MSG_SHAPE_MASK) != 0) {
        return binding_bad_reply1((caddr_t)r->cap);
    }
    return ERR_OK;
}

errval_t binding_call_regs(struct binding *b, struct lmp_regs *r)
{
    const struct chan_carrier *carrier = b->chan.carrier; /* others may open it again */
    return carrier != NULL ? carrier->call(b, r) : binding_call_long(b, r);
}

errval_t binding_call_long(struct binding *b, struct lmp_regs *r)
{
    const uint64_t answer = r->header ^ r->answer;
    struct msg_cap cap = {(caddr_t)r->cap, (uint8_t)(r->cap >> KPI_XFER_RIGHTS_SHIFT),
                          (r->cap & KPI_XFER_MOVE) != 0};
    caddr_t got = 0;
    uint32_t got_info = 0;
    struct binding_call call = {
        .header = r->header,
        .words = r->w,
        .words_max = MSG_REG_WORDS,
        .caps_max = 1,
        .caps = &cap,
        .got = &got,
        .got_info = &got_info,
    };
    errval_t err = binding_call(b, &call);
    r->header = call.header;
    r->cap = got;
    r->cap_info = got_info;
    return err_is_ok(err) ? binding_shape(r, answer) : err;
}

errval_t binding_park_disabled(struct binding *b, uint64_t answer, uint64_t cookie,
                               const struct lmp_regs *r)
{
    /* But for the shape, which nobody asks for. */
    const uint64_t sent =
        (answer & ~(MSG_ANY_SHAPE | MSG_SHAPE_MASK)) ^ MSG_HEADER(0, MSG_REPLY, 0, 0);
    struct lmp_msg msg = {
        .header = r->header, .cap = (caddr_t)r->cap, .cap_info = (uint32_t)r->cap_info};
    __builtin_memcpy(msg.words, r->w, sizeof(msg.words));
    return binding_enter_parked(b, sent, cookie, &msg);
}

errval_t binding_finish_regs_disabled(struct binding *b, errval_t sent_err, uint64_t answer,
                                      struct lmp_regs *r)
{
    caddr_t got = 0;
    uint32_t got_info = 0;
    struct binding_call call = {.header = b->pending[0].header,
                                .words = r->w,
                                .words_max = MSG_REG_WORDS,
                                .caps_max = 1,
                                .got = &got,
                                .got_info = &got_info};
    errval_t err = binding_parked_disabled(b, sent_err, &call);
    r->header = call.header;
    r->cap = got;
    r->cap_info = got_info;
    return err_is_ok(err) ? binding_shape(r, answer) : err;
}

errval_t binding_call_parked(struct binding *b, uint64_t answer, errval_t sent_err,
                             struct lmp_regs *r)
{
    disp_disable();
    return binding_finish_regs_disabled(b, sent_err, answer, r);
}
