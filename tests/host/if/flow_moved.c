/* Requests that are refused before they are sent, in all forms; for tests on the host and in
 * QEMU. */
#include "flow_handlers.h"

#include <aos/cap.h>

#define TEXT     "abcdefghijklmnopqrst" /* as long as may be */
#define TEXT_MAX 20u

enum flow_form {
    FORM_CALL,
    FORM_BEGIN,
    FORM_CB,
    FORM_ONEWAY,
    FORM_OPEN,
    FORM_COUNT,
};

static void on_hand(void *arg, errval_t err, caddr_t back, const char *text, size_t text_len)
{
    (void)arg;
    (void)err;
    (void)back;
    (void)text;
    (void)text_len;
}

static void on_give(void *arg, errval_t err, const caddr_t *back, size_t count)
{
    (void)arg;
    (void)err;
    (void)back;
    (void)count;
}

/* Gives `cap` away with a text of `length` bytes. */
static errval_t hand(enum flow_form form, struct flow_binding *b, caddr_t cap, size_t length)
{
    struct flow_hand_call call;
    struct flow_sift_stream stream;
    const char text[] = TEXT "u";
    char text_out[TEXT_MAX + 1];
    size_t text_len;
    caddr_t back;
    switch (form) {
    case FORM_CALL:
        return flow_hand(b, cap, text, length, &back, text_out, &text_len);
    case FORM_BEGIN:
        return flow_hand_begin(b, cap, text, length, &call);
    case FORM_CB:
        return flow_hand_cb(b, cap, text, length, on_hand, NULL);
    case FORM_ONEWAY:
        return flow_leave(b, cap, text, length);
    default:
        return flow_sift_open(b, cap, text, length, &stream);
    }
}

/* Gives more away than a request can hold. */
static errval_t give(enum flow_form form, struct flow_binding *b, const caddr_t caps[4])
{
    struct flow_give_call call;
    caddr_t back[3];
    size_t count;
    switch (form) {
    case FORM_CALL:
        return flow_give(b, caps, 4, back, &count);
    case FORM_BEGIN:
        return flow_give_begin(b, caps, 4, &call);
    default:
        return flow_give_cb(b, caps, 4, on_give, NULL);
    }
}

static const char *refused(enum flow_form form, struct flow_binding *b, size_t length,
                           errval_t expected, errval_t (*make)(caddr_t *ret_cap),
                           bool (*gone)(caddr_t cap))
{
    static const char *const names[FORM_COUNT] = {"call", "begin", "cb", "oneway", "open"};
    caddr_t cap;
    if (err_is_fail(make(&cap))) {
        return "no capability";
    }
    if (hand(form, b, cap, length) != expected) {
        return names[form];
    }
    return gone(cap) ? NULL : names[form];
}

static const char *too_many(struct flow_binding *b, errval_t (*make)(caddr_t *ret_cap),
                            bool (*gone)(caddr_t cap))
{
    for (enum flow_form form = FORM_CALL; form <= FORM_CB; form++) {
        caddr_t caps[4];
        for (uint32_t i = 0; i < 4; i++) {
            if (err_is_fail(make(&caps[i]))) {
                return "no capability";
            }
        }
        if (give(form, b, caps) != RPC_ERR_TOO_LARGE) {
            return "too many: not refused";
        }
        for (uint32_t i = 0; i < 4; i++) {
            if (!gone(caps[i])) {
                return "too many: kept";
            }
        }
    }
    return NULL;
}

/* With all places taken. */
static const char *full(struct flow_binding *b, struct flow_binding *other,
                        errval_t (*make)(caddr_t *ret_cap), bool (*gone)(caddr_t cap))
{
    struct flow_park_call park[CHAN_CALLS_MAX];
    const char *wrong = NULL;
    uint64_t value;
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        if (flow_park_begin(b, i, &park[i]) != ERR_OK) {
            return "not parked";
        }
    }
    const enum flow_form forms[] = {FORM_BEGIN, FORM_CB, FORM_OPEN};
    for (uint32_t i = 0; i < 3 && wrong == NULL; i++) {
        wrong = refused(forms[i], b, TEXT_MAX, RPC_ERR_AGAIN, make, gone);
    }
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        if (flow_release(other, i, i) != ERR_OK ||
            flow_park_end(&park[i], BINDING_DEADLINE, &value) != ERR_OK) {
            return "not released";
        }
    }
    return wrong;
}

const char *flow_moved(struct flow_binding *b, struct flow_binding *other,
                       errval_t (*make)(caddr_t *ret_cap), bool (*gone)(caddr_t cap))
{
    const char *wrong = too_many(b, make, gone);
    const uint32_t version = b->base.version;
    struct waitset *const ws = b->base.chan.ws;
    for (enum flow_form form = FORM_CALL; form < FORM_COUNT && wrong == NULL; form++) {
        wrong = refused(form, b, TEXT_MAX + 1, RPC_ERR_TOO_LARGE, make, gone);
        b->base.version = 1;
        wrong = wrong != NULL ? wrong : refused(form, b, TEXT_MAX, RPC_ERR_VERSION, make, gone);
        b->base.version = version;
    }
    binding_set_waitset(&b->base, NULL);
    wrong = wrong != NULL ? wrong
                          : refused(FORM_CB, b, TEXT_MAX, LIB_ERR_BAD_STATE, make, gone);
    binding_set_waitset(&b->base, ws);
    wrong = wrong != NULL ? wrong : full(b, other, make, gone);
    flow_close(b);
    b->base.version = version;
    binding_set_waitset(&b->base, ws);
    for (enum flow_form form = FORM_CALL; form < FORM_COUNT && wrong == NULL; form++) {
        wrong = refused(form, b, TEXT_MAX, RPC_ERR_NOT_BOUND, make, gone);
    }
    return wrong;
}
