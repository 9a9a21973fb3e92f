/* Giving capabilities and ownership to other cores. The owner does it, one operation at a time for
 * each object, so it knows who uses what; others ask it (VIA). */
#include "caps_priv.h"

/* The operation no longer relies on the record, and is done. */
static void send_end(struct caps *c, struct caps_op *op, struct caps_record *record, errval_t err)
{
    if (op->kind == CAPS_OP_SEND && err_is_ok(err))
        c->host.remove(c->host.arg, op->slot);
    if (record != NULL) {
        record->busy--;
        if (record->owner == c->self)
            caps_settle(c, record);
    }
    caps_op_end(c, op, err);
    if (record != NULL && record->used && record->owner != c->self && record->taken)
        caps_release(c, record);
}

void caps_give(struct caps *c, struct caps_op *op, struct caps_record *record, uint8_t flags)
{
    struct caps_msg msg = {.kind = CAPS_GIVE,
                           .flags = flags,
                           .rights = op->rights,
                           .owner = record->owner,
                           .home = record->home,
                           .version = record->version,
                           .from = op->kind == CAPS_OP_VIA ? op->from : c->self,
                           .dest = op->dest,
                           .tag = op->tag};
    if (op->kind == CAPS_OP_REHOME || (op->kind == CAPS_OP_HANDOVER && record->home == c->self))
        msg.home = op->dest;
    if (record->parted)
        msg.flags |= CAPS_PARTED;
    op->flags = flags;
    op->state = CAPS_GIVEN;
    op->version = record->version;
    op->was_user = (record->users & caps_bit(op->dest)) != 0;
    record->busy++;
    if ((flags & CAPS_MOVE) != 0) {
        msg.owner = op->dest;
        msg.version = record->version + 1;
        msg.users = (uint8_t)(record->users & ~caps_bit(op->dest));
        if (msg.home != c->self)
            msg.users |= caps_bit(c->self); /* until this core has released its anchor */
        (void)c->host.set_owner(c->host.arg, record->anchor, op->dest);
        record->owner = op->dest;
    } else if ((flags & CAPS_SILENT) == 0) {
        record->users |= caps_bit(op->dest);
    }
    caps_ask(c, op, op->dest, msg);
}

/* A foreign capability: the owner is asked. */
static void send_foreign(struct caps *c, struct caps_op *op, const struct caps_description *d)
{
    struct caps_record *record = caps_find(c, &d->key);
    struct caps_msg msg = {.kind = CAPS_VIA,
                           .rights = (uint8_t)(op->rights & d->rights & ~CAP_RIGHT_D),
                           .from = c->self,
                           .dest = op->dest,
                           .tag = op->tag};
    if (caps_is_single(d->key.type) || record == NULL) {
        caps_op_end(c, op, SYS_ERR_NOT_COPYABLE);
        return;
    }
    op->state = CAPS_ASKED;
    caps_ask(c, op, record->owner, msg);
}

/* A frame that was parted: no new core learns of it, as long as there are parts. When there are
 * none any more, whoever gets it from now on may map it. */
static errval_t send_check_parted(struct caps *c, struct caps_record *record,
                                  const struct caps_op *op)
{
    struct caps_description d;
    errval_t err = c->host.describe(c->host.arg, 0, record->anchor, &d);
    if (err_is_fail(err) || (d.state & KPI_CAP_PARTED) == 0)
        return err;
    if ((d.state & KPI_CAP_USED) != 0)
        return (record->users & caps_bit(op->dest)) != 0 ? ERR_OK : SYS_ERR_HAS_DESCENDANTS;
    record->parted = false;
    return c->host.part(c->host.arg, record->anchor, 0, 0, false);
}

static void send_own(struct caps *c, struct caps_op *op, const struct caps_description *d)
{
    struct caps_record *record = NULL;
    bool exclusive = (d->state & (KPI_CAP_SHARED | KPI_CAP_USED)) == 0;
    bool single = caps_is_single(d->key.type);
    bool move = op->move && exclusive && d->key.type != CAPTYPE_NOTIFY &&
                (single || (d->rights & op->rights & CAP_RIGHT_D) != 0);
    errval_t err = ERR_OK;
    if (single && !op->move)
        err = SYS_ERR_NOT_COPYABLE;
    else if (single && !exclusive)
        err = SYS_ERR_HAS_DESCENDANTS;
    if (err_is_ok(err))
        err = caps_record_make(c, &d->key, 0, op->slot, &record);
    if (err_is_ok(err) && record->busy != 0) {
        op->state = CAPS_WAITS;
        return;
    }
    if (err_is_ok(err)) {
        err = send_check_parted(c, record, op);
        if (err_is_fail(err))
            caps_settle(c, record);
    }
    if (err_is_fail(err)) {
        caps_op_end(c, op, err);
        return;
    }
    op->rights &= move ? d->rights : (uint8_t)(d->rights & ~CAP_RIGHT_D);
    caps_give(c, op, record, move ? CAPS_MOVE : 0);
}

void caps_send_start(struct caps *c, struct caps_op *op)
{
    struct caps_description d;
    errval_t err = c->host.describe(c->host.arg, 0, op->slot, &d);
    if (err_is_ok(err) && (!caps_crosses(d.key.type) || (d.state & KPI_CAP_LOAN) != 0))
        err = SYS_ERR_NOT_COPYABLE;
    bool gone = (c->online & caps_bit(op->dest)) == 0; /* while it waited for its turn */
    if (err_is_ok(err) && (caps_is_marked(c, &d.key) || c->stopping || gone))
        err = SYS_ERR_BUSY;
    if (err_is_fail(err)) {
        caps_op_end(c, op, err);
        return;
    }
    op->key = d.key;
    if (d.owner == c->self)
        send_own(c, op, &d);
    else
        send_foreign(c, op, &d);
}

void caps_send(struct caps *c, caddr_t slot, uint8_t rights, bool move, uint8_t dest, uint64_t tag,
               caps_done_fn done, void *arg)
{
    struct caps_op *op = NULL;
    if (dest < CAPS_CORES_MAX && (c->online & caps_bit(dest)) != 0)
        op = caps_op_begin(c, CAPS_OP_SEND);
    if (op == NULL) {
        done(arg, RPC_ERR_AGAIN);
        return;
    }
    op->slot = slot;
    op->rights = rights;
    op->move = move;
    op->dest = dest;
    op->tag = tag;
    op->done = done;
    op->arg = arg;
    caps_send_start(c, op);
}

/* Somebody on this core gets a capability by way of the anchor. */
static errval_t send_deliver(struct caps *c, const struct caps_record *record, uint8_t rights,
                             uint8_t from, uint64_t tag)
{
    caddr_t slot;
    errval_t err = c->host.room(c->host.arg);
    if (err_is_ok(err))
        err = c->host.slot_alloc(c->host.arg, &slot);
    if (err_is_fail(err))
        return err;
    err = c->host.copy(c->host.arg, record->anchor, rights, slot);
    if (err_is_fail(err)) {
        c->host.slot_free(c->host.arg, slot);
        return err;
    }
    c->host.deliver(c->host.arg, from, tag, slot);
    return ERR_OK;
}

void caps_via_start(struct caps *c, struct caps_op *op)
{
    struct caps_record *record = caps_find(c, &op->key);
    op->state = CAPS_WAITS;
    if (caps_is_marked(c, &op->key) || record == NULL) {
        caps_op_end(c, op, record == NULL ? SYS_ERR_CAP_NOT_FOUND : SYS_ERR_BUSY);
    } else if (record->busy != 0) {
        return;
    } else if (record->owner != c->self) {
        struct caps_msg msg = {.kind = CAPS_VIA,
                               .rights = op->rights,
                               .from = op->from,
                               .dest = op->dest,
                               .op = op->from_op,
                               .key = op->key,
                               .tag = op->tag};
        op->kind = CAPS_OP_NONE;
        c->host.send(c->host.arg, record->owner, &msg);
    } else if (op->dest == c->self) {
        caps_op_end(c, op, send_deliver(c, record, op->rights, op->from, op->tag));
    } else {
        errval_t err = send_check_parted(c, record, op);
        if (err_is_ok(err) && (c->online & caps_bit(op->dest)) == 0)
            err = SYS_ERR_BUSY;
        if (err_is_fail(err))
            caps_op_end(c, op, err);
        else
            caps_give(c, op, record, 0);
    }
}

/* The object has moved. If it has moved on by now, or come back, its later owners tell all. */
static void give_tell(struct caps *c, struct caps_op *op, struct caps_record *record)
{
    struct caps_msg msg = {
        .kind = CAPS_MOVED, .owner = op->dest, .version = op->version + 1};
    uint8_t cores = (uint8_t)((record->users | caps_bit(record->home)) &
                              ~(caps_bit(c->self) | caps_bit(op->dest)));
    op->state = CAPS_TELLING;
    if (record->owner != c->self) {
        record->users = 0;
        if (record->home != c->self)
            record->taken = true; /* otherwise it may be: of what the next owner gave */
    }
    if (record->version == op->version) {
        record->version++;
        caps_ask_all(c, op, cores, msg);
    }
}

void caps_give_answered(struct caps *c, struct caps_op *op, errval_t err)
{
    struct caps_record *record = caps_find(c, &op->key);
    if (op->state == CAPS_ASKED) {
        send_end(c, op, NULL, err);
        return;
    }
    if (op->kind == CAPS_OP_REHOME) {
        caps_rehome_given(c, op, err);
        return;
    }
    if (op->state == CAPS_GIVEN && (op->flags & CAPS_MOVE) != 0) {
        if (err_is_ok(err)) {
            if ((op->flags & CAPS_SETTLED) != 0 && record->home == c->self)
                record->home = op->dest;
            give_tell(c, op, record);
        } else {
            (void)c->host.set_owner(c->host.arg, record->anchor, c->self);
            record->owner = c->self;
        }
    } else if (op->state == CAPS_GIVEN && err_is_fail(err) && !op->was_user) {
        record->users &= (uint8_t)~caps_bit(op->dest);
    }
    if (op->asked == 0)
        send_end(c, op, record, op->state == CAPS_TELLING ? ERR_OK : err);
}

/* An anchor for what is not known here. */
static errval_t give_new(struct caps *c, uint8_t core, const struct caps_msg *msg,
                         struct caps_record **ret)
{
    caddr_t anchor;
    if (!caps_record_room(c))
        return RPC_ERR_AGAIN;
    errval_t err = c->host.slot_alloc(c->host.arg, &anchor);
    if (err_is_fail(err))
        return err;
    uint8_t owner = (msg->flags & CAPS_MOVE) != 0 ? core : msg->owner;
    err = c->host.foreign(c->host.arg, &msg->key, owner, anchor);
    if (err_is_fail(err)) {
        c->host.slot_free(c->host.arg, anchor);
        return err;
    }
    *ret = caps_record_add(c, &msg->key, anchor);
    (*ret)->owner = owner;
    (*ret)->home = msg->home;
    (*ret)->version = msg->version;
    return ERR_OK;
}

/* The copy to be delivered, made before anything else changes. */
static errval_t give_copy(struct caps *c, uint8_t core, const struct caps_msg *msg,
                          const struct caps_record *record, caddr_t *ret_slot)
{
    bool move = (msg->flags & CAPS_MOVE) != 0;
    uint8_t rights = move ? msg->rights : (uint8_t)(msg->rights & ~CAP_RIGHT_D);
    errval_t err = c->host.room(c->host.arg);
    if (err_is_ok(err))
        err = c->host.slot_alloc(c->host.arg, ret_slot);
    if (err_is_fail(err))
        return err;
    if (move)
        (void)c->host.set_owner(c->host.arg, record->anchor, c->self);
    err = c->host.copy(c->host.arg, record->anchor, rights, *ret_slot);
    if (err_is_fail(err)) {
        if (move)
            (void)c->host.set_owner(c->host.arg, record->anchor, core);
        c->host.slot_free(c->host.arg, *ret_slot);
    }
    return err;
}

static void give_enter(struct caps *c, const struct caps_msg *msg, struct caps_record *record)
{
    if ((msg->flags & CAPS_MOVE) != 0) {
        (void)c->host.set_owner(c->host.arg, record->anchor, c->self);
        record->owner = c->self;
        record->users = (uint8_t)(msg->users & ~caps_bit(c->self));
        record->home = msg->home;
        record->version = msg->version;
        record->taken = false;
        record->parted = false;
    } else if ((msg->flags & CAPS_SILENT) == 0) {
        if (record->owner != msg->owner)
            (void)c->host.set_owner(c->host.arg, record->anchor, msg->owner);
        record->owner = msg->owner;
        record->home = msg->home;
        record->version = msg->version;
        record->taken = true;
    }
    if ((msg->flags & CAPS_SETTLED) != 0)
        record->home = msg->home;
    bool parted = (msg->flags & CAPS_PARTED) != 0;
    if (parted)
        record->parted = record->owner == c->self;
    if (parted || (msg->flags & CAPS_SILENT) == 0)
        (void)c->host.part(c->host.arg, record->anchor, 0, 0, parted);
}

void caps_on_give(struct caps *c, uint8_t core, const struct caps_msg *msg)
{
    struct caps_record *record = caps_find(c, &msg->key);
    bool fresh = record == NULL, silent = (msg->flags & CAPS_SILENT) != 0;
    caddr_t slot = 0;
    errval_t err = c->stopping || !caps_crosses(msg->key.type) ? SYS_ERR_BUSY : ERR_OK;
    if (err_is_ok(err) && fresh)
        err = give_new(c, core, msg, &record);
    if (err_is_ok(err) && !silent) {
        err = give_copy(c, core, msg, record, &slot);
        if (err_is_fail(err) && fresh)
            caps_record_remove(c, record);
    }
    caps_answer(c, core, msg->op, err);
    if (err_is_fail(err))
        return;
    caps_release_forget(c, record);
    give_enter(c, msg, record);
    if (!silent)
        c->host.deliver(c->host.arg, msg->from, msg->tag, slot);
    caps_settle(c, record);
}

void caps_on_moved(struct caps *c, uint8_t core, const struct caps_msg *msg)
{
    struct caps_record *record = caps_find(c, &msg->key);
    if (record != NULL && record->owner != c->self && msg->version > record->version) {
        record->version = msg->version;
        (void)c->host.set_owner(c->host.arg, record->anchor, msg->owner);
        record->owner = msg->owner;
    }
    caps_answer(c, core, msg->op, ERR_OK);
}
