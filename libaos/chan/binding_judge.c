/* What an answer means: the reply and its capabilities, or which error. */
#include "chan_priv.h"

#include <aos/cap.h>

errval_t binding_error(const struct binding *b, uint32_t ordinal, errval_t err)
{
    uint32_t code = (uint32_t)err_no(err);
    if (code == 0) {
        return RPC_ERR_BAD_REPLY;
    }
    if (code >> 6 == (uint32_t)RPC_ERR_MALFORMED >> 6) {
        return err; /* the framework's own: allowed everywhere */
    }
    if (b->iface != NULL && ordinal < b->iface->method_count) {
        const struct client_method *m = &b->iface->methods[ordinal];
        for (uint32_t i = 0; i < m->fails_count; i++) {
            if (m->fails[i] == code) {
                return err;
            }
        }
    }
    return err_push(err, RPC_ERR_BAD_REPLY);
}

errval_t binding_bad_reply(const caddr_t *caps, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        (void)cap_destroy(caps[i]);
    }
    return RPC_ERR_BAD_REPLY;
}

errval_t binding_bad_reply1(caddr_t cap)
{
    return binding_bad_reply(&cap, cap != 0);
}

/* Reads what came for `p` into `call`. */
errval_t pending_judge(struct binding *b, struct pending *p, struct binding_call *call)
{
    if (err_is_fail(p->err)) {
        (void)binding_bad_reply(p->caps, p->caps_count);
        return p->err;
    }
    uint64_t header = p->msg.header;
    uint32_t words = msg_words(header);
    enum msg_kind kind = msg_kind(header);
    if (kind != MSG_REPLY) {
        (void)binding_bad_reply(p->caps, p->caps_count);
        return kind == MSG_MALFORMED ? RPC_ERR_MALFORMED
                                     : binding_error(b, msg_ordinal(header), p->msg.words[0]);
    }
    if (words > call->words_max || p->caps_count != msg_caps(header) ||
        p->caps_count > call->caps_max || ((header & MSG_MORE) != 0) != (msg_caps(header) > 1)) {
        return binding_bad_reply(p->caps, p->caps_count);
    }
    if (!chan_area_kept(&p->msg, call->words)) {
        return binding_bad_reply(p->caps, p->caps_count);
    }
    for (uint32_t i = 0; i < p->caps_count; i++) {
        call->got[i] = p->caps[i];
        call->got_info[i] = p->caps_info[i];
    }
    call->header = header;
    errval_t err = p->lent_bytes != 0 ? lend_fetch(b, p, call) : ERR_OK;
    if (err_is_fail(err)) {
        (void)binding_bad_reply(p->caps, p->caps_count);
    }
    return err;
}
