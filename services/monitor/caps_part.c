/* Making frames of a frame that other cores know. Each of them looks whether it maps what is to be
 * a frame of its own, and maps nothing more of the whole from then on: that is the lock, and it
 * stays when the frames are made. */
#include "caps_priv.h"

static void retype_end(struct caps *c, struct caps_op *op, errval_t err)
{
    struct caps_record *record = caps_find(c, &op->key);
    if (op->move) { /* the record is relied on */
        record->busy--;
        caps_settle(c, record);
    }
    caps_op_end(c, op, err);
}

/* Nothing was made: those who agreed may map again, unless other frames were made before. */
static void retype_undo(struct caps *c, struct caps_op *op, errval_t err)
{
    const struct caps_record *record = caps_find(c, &op->key);
    struct caps_msg msg = {.kind = CAPS_PART};
    op->err = err;
    op->state = CAPS_UNDOING;
    if (op->move && !record->parted)
        caps_ask_all(c, op, op->agreed, msg);
    if (op->asked == 0)
        retype_end(c, op, err);
}

void caps_retype_work(struct caps *c, struct caps_op *op)
{
    errval_t err = c->host.retype(c->host.arg, &op->what);
    if (err == SYS_ERR_AGAIN) {
        c->again = true;
    } else if (err_is_fail(err)) {
        retype_undo(c, op, err);
    } else {
        if (op->move && op->agreed != 0)
            caps_find(c, &op->key)->parted = true;
        retype_end(c, op, ERR_OK);
    }
}

void caps_part_answered(struct caps *c, struct caps_op *op, uint8_t core, errval_t err)
{
    if (op->state == CAPS_ASKED && err_is_fail(err)) {
        op->err = err;
        op->agreed &= (uint8_t)~caps_bit(core);
    }
    if (op->asked != 0)
        return;
    if (op->state == CAPS_UNDOING) {
        retype_end(c, op, op->err);
    } else if (err_is_fail(op->err)) {
        retype_undo(c, op, op->err);
    } else {
        op->state = CAPS_MAKING;
        caps_retype_work(c, op);
    }
}

static errval_t retype_check(struct caps *c, const struct caps_retype *what,
                             struct caps_description *ret)
{
    errval_t err = c->host.describe(c->host.arg, what->root, what->src, ret);
    if (err_is_fail(err))
        return err;
    if (ret->key.type != CAPTYPE_FRAME && ret->key.type != CAPTYPE_DEVFRAME)
        return SYS_ERR_CAP_TYPE;
    if ((ret->rights & CAP_RIGHT_D) == 0 || ret->owner != c->self)
        return SYS_ERR_CAP_RIGHTS;
    uint64_t have = (uint64_t)ret->key.pages * AOS_PAGE_BYTES;
    if (what->off % AOS_PAGE_BYTES != 0 || what->bytes % AOS_PAGE_BYTES != 0 ||
        what->bytes == 0 || what->count == 0 || what->off > have ||
        what->count > (have - what->off) / what->bytes)
        return SYS_ERR_RETYPE_SIZE;
    return caps_is_marked(c, &ret->key) ? SYS_ERR_BUSY : ERR_OK;
}

void caps_retype_start(struct caps *c, struct caps_op *op)
{
    struct caps_description d;
    errval_t err = retype_check(c, &op->what, &d);
    if (err_is_fail(err)) {
        caps_op_end(c, op, err);
        return;
    }
    struct caps_record *record = caps_find(c, &d.key);
    op->key = d.key;
    op->state = CAPS_WAITS;
    if (record != NULL && record->busy != 0)
        return;
    op->move = record != NULL;
    if (record != NULL) {
        struct caps_msg msg = {
            .kind = CAPS_PART,
            .first = (uint32_t)(op->what.off / AOS_PAGE_BYTES),
            .count = (uint32_t)(op->what.bytes / AOS_PAGE_BYTES) * op->what.count};
        record->busy++;
        op->agreed = (uint8_t)((record->users | caps_bit(record->home)) & ~caps_bit(c->self));
        op->state = CAPS_ASKED;
        caps_ask_all(c, op, op->agreed, msg);
    }
    if (op->asked == 0) {
        op->state = CAPS_MAKING;
        caps_retype_work(c, op);
    }
}

void caps_retype(struct caps *c, const struct caps_retype *what, caps_done_fn done, void *arg)
{
    struct caps_op *op = caps_op_begin(c, CAPS_OP_RETYPE);
    if (op == NULL) {
        done(arg, RPC_ERR_AGAIN);
        return;
    }
    op->what = *what;
    op->done = done;
    op->arg = arg;
    caps_retype_start(c, op);
}

void caps_on_part(struct caps *c, uint8_t core, const struct caps_msg *msg)
{
    const struct caps_record *record = caps_find(c, &msg->key);
    errval_t err = ERR_OK;
    /* That `core` is the owner now may not have arrived yet. */
    if (record != NULL && record->owner != c->self)
        err = c->host.part(c->host.arg, record->anchor, (uint64_t)msg->first * AOS_PAGE_BYTES,
                           (uint64_t)msg->count * AOS_PAGE_BYTES, msg->count != 0);
    caps_answer(c, core, msg->op, err);
}
