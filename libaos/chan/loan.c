/* Capabilities that are lent for a call. For each a copy is made of the caller's own, the anchor,
 * and of that a loan, which is given away. When the anchor is deleted, the kernel ends the loan and
 * all that was made of it, wherever it is: nothing depends on the server. */
#include "chan_priv.h"

#include <aos/cap.h>
#include <aos/slot.h>

/* Slots for `count` loans. Most calls lend one thing, so the slots for that are kept: to get some
 * costs as much as all the rest. */
static errval_t loans_slots(struct binding *b, uint32_t count, struct binding_loans *ret_loans)
{
    struct binding_loans kept = {0};
    disp_disable_touched();              /* calls nothing */
    if (count == b->loan_slots.count) {
        kept = b->loan_slots;
        b->loan_slots.count = 0;
    }
    disp_enable();
    if (kept.count == 0) {
        kept.count = count;
        errval_t err = slot_alloc_range(2 * count, &kept.first);
        if (err_is_fail(err)) {
            return err;
        }
    }
    *ret_loans = kept;
    return ERR_OK;
}

errval_t loans_make(struct binding *b, const struct binding_call *call,
                    struct msg_cap caps[MSG_CAPS_MAX], struct binding_loans *ret_loans)
{
    uint32_t all = msg_caps(call->header), count = 0;
    for (uint32_t i = 0; i < all; i++) {
        caps[i] = call->caps[i];
        count += caps[i].move == MSG_CAP_LEND;
    }
    struct binding_loans loans;
    errval_t err = loans_slots(b, count, &loans);
    if (err_is_fail(err)) {
        return err;
    }
    uint32_t made = 0;
    for (uint32_t i = 0; i < all && err_is_ok(err); i++) {
        if (caps[i].move != MSG_CAP_LEND) {
            continue;
        }
        caddr_t anchor = loans.first + made, loan = anchor + count;
        made++;
        err = cap_copy(anchor, caps[i].cap);
        if (err_is_ok(err)) {
            err = cap_lend(loan, anchor, caps[i].rights);
        }
        caps[i] = (struct msg_cap){loan, CAP_RIGHTS_ALL, MSG_CAP_MOVE};
    }
    if (err_is_fail(err)) {
        loans_end(b, loans);
        return err;
    }
    *ret_loans = loans;
    return ERR_OK;
}

static void loans_free(struct binding_loans loans)
{
    for (uint32_t i = 0; i < 2 * loans.count; i++) {
        slot_free(loans.first + i);
    }
}

void loans_end(struct binding *b, struct binding_loans loans)
{
    for (uint32_t i = 0; i < loans.count; i++) {
        (void)cap_delete(loans.first + i); /* an anchor that was not made: its slot is empty */
    }
    if (loans.count == 1) {
        disp_disable_touched();
        if (b->loan_slots.count == 0 && b->chan.state == CHAN_OPEN) {
            b->loan_slots = loans;
            loans.count = 0;
        }
        disp_enable();
    }
    loans_free(loans);
}

void loans_forget(struct binding *b)
{
    struct binding_loans kept = b->loan_slots;
    b->loan_slots.count = 0;
    loans_free(kept);
}
