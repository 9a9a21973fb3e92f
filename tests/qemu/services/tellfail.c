/* See tellfail.h. */
#include "tellfail.h"

#include <aos/cap.h>
#include <aos/chan.h>

#define TELL_TRIES (2 * FAILING_MANY)    /* one that is told may fail while it listens */

errval_t tellfail_open(struct tellfail *t, caddr_t end, caddr_t frame)
{
    t->frame = frame;
    return binding_open_any(&t->control, end);
}

errval_t tellfail_set(struct tellfail *t, uint32_t burst, uint32_t number)
{
    uint64_t words[MSG_REG_WORDS] = {CHAN_OP_AREA, 0, FAILING_SLOT_BYTES(burst, number),
                                     AOS_PAGE_BYTES};
    const struct msg_cap cap = {t->frame, CAP_RIGHT_R, false};
    struct binding_call call = {
        .header = MSG_HEADER(0, MSG_CALL, 4, 1), .words = words, .words_max = MSG_REG_WORDS,
        .caps = &cap,
    };

    return binding_call(&t->control, &call);
}

errval_t tellfail_stop(struct tellfail *t, bool *ret_failed)
{
    errval_t err = ERR_OK;

    *ret_failed = false;
    for (unsigned i = 0; i < TELL_TRIES; i++) {
        err = tellfail_set(t, 0, 0);
        if (err_is_ok(err)) {
            break;
        }
        *ret_failed = true;
    }
    return err;
}
