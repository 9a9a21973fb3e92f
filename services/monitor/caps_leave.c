/* How a core forgets: what is not used any more is given up; what a core that stops owns, or made
 * and others use, goes to its successor. */
#include "caps_priv.h"

/* Whether nobody on this core has, or maps, the object. */
static bool record_is_idle(struct caps *c, const struct caps_record *record)
{
    struct caps_description d;
    errval_t err = c->host.describe(c->host.arg, 0, record->anchor, &d);
    return err_is_ok(err) && (d.state & (KPI_CAP_SHARED | KPI_CAP_USED)) == 0;
}

/* Whether an operation is to begin with it. */
static bool record_is_awaited(const struct caps *c, const struct caps_record *record)
{
    for (uint32_t i = 0; i < CAPS_OPS_MAX; i++) {
        const struct caps_op *op = &c->ops[i];
        if (op->kind != CAPS_OP_NONE && caps_key_same(&op->key, &record->key))
            return true;
    }
    return false;
}

/* A request about a record on which nothing else is under way. */
static void leave_ask(struct caps *c, struct caps_record *record, enum caps_op_kind kind,
                      uint8_t core, struct caps_msg msg)
{
    struct caps_op *op = caps_op_begin(c, kind);
    if (op == NULL) {
        c->retry = true;
        return;
    }
    op->key = record->key;
    op->state = CAPS_ASKED;
    record->busy++;
    msg.from = c->self;
    caps_ask(c, op, core, msg);
}

/* Whether it was made here of something that this core still owns. */
static bool leave_has_outer(const struct caps *c, const struct caps_record *record)
{
    for (uint32_t i = 0; i < CAPS_RECORDS_MAX; i++) {
        const struct caps_record *outer = &c->records[i];
        if (outer->used && outer != record && outer->owner == c->self &&
            caps_concerns(&outer->key, &record->key))
            return true;
    }
    return false;
}

void caps_release(struct caps *c, struct caps_record *record)
{
    struct caps_msg msg = {.kind = CAPS_RELEASE};
    if (c->leaving && record->home != c->self && leave_has_outer(c, record)) {
        c->retry = true; /* until then it shows that the other is in use; a home's record stays */
        return;
    }
    if (record->busy != 0 || caps_is_marked(c, &record->key) || record_is_awaited(c, record))
        c->retry = true;
    else if (record_is_idle(c, record))
        leave_ask(c, record, CAPS_OP_RELEASE, record->owner, msg);
}

void caps_release_forget(struct caps *c, struct caps_record *record)
{
    for (uint32_t i = 0; i < CAPS_OPS_MAX; i++) {
        struct caps_op *op = &c->ops[i];
        if (op->kind == CAPS_OP_RELEASE && op->state == CAPS_ASKED &&
            caps_key_same(&op->key, &record->key)) {
            op->state = CAPS_UNDOING;
            record->busy--;
        }
    }
}

void caps_release_answered(struct caps *c, struct caps_op *op, errval_t err)
{
    struct caps_record *record = op->state == CAPS_ASKED ? caps_find(c, &op->key) : NULL;
    if (record != NULL)
        record->busy--;
    if (record == NULL || err_is_fail(err)) {
        c->retry = true;
    } else {
        record->taken = false;
        if (record->home != c->self)
            caps_record_remove(c, record);
    }
    caps_op_end(c, op, ERR_OK);
}

void caps_on_release(struct caps *c, uint8_t core, const struct caps_msg *msg)
{
    struct caps_record *record = caps_find(c, &msg->key);
    if (record == NULL || record->owner != c->self || record->busy != 0 ||
        caps_is_marked(c, &msg->key)) {
        caps_answer(c, core, msg->op, SYS_ERR_BUSY);
        return;
    }
    record->users &= (uint8_t)~caps_bit(core);
    caps_answer(c, core, msg->op, ERR_OK);
    caps_settle(c, record);
}

/* The object ends here, where it is owned, and then where it was made. */
static void leave_drop(struct caps *c, struct caps_record *record)
{
    struct caps_msg msg = {.kind = CAPS_DROP};
    uint8_t home = record->home;
    struct caps_op *op = caps_op_begin(c, CAPS_OP_DROP);
    if (op == NULL) {
        c->retry = true;
        return;
    }
    op->key = record->key;
    op->state = CAPS_ASKED;
    op->dest = home;
    caps_record_remove(c, record);
    caps_ask(c, op, home, msg);
}

void caps_drop_answered(struct caps *c, struct caps_op *op, errval_t err)
{
    if (err_is_ok(err)) {
        caps_op_end(c, op, ERR_OK);
    } else {
        op->state = CAPS_WAITS;
        c->retry = true;
    }
}

static void drop_again(struct caps *c)
{
    struct caps_msg msg = {.kind = CAPS_DROP};
    for (uint32_t i = 0; i < CAPS_OPS_MAX; i++) {
        struct caps_op *op = &c->ops[i];
        if (op->kind == CAPS_OP_DROP && op->state == CAPS_WAITS) {
            op->state = CAPS_ASKED;
            caps_ask(c, op, op->dest, msg);
        }
    }
}

/* Whether this core still tells others that the object has moved: that must not arrive later than
 * what they hear of the next object here. */
static bool drop_is_early(const struct caps *c, const struct caps_record *record)
{
    for (uint32_t i = 0; i < CAPS_OPS_MAX; i++) {
        const struct caps_op *op = &c->ops[i];
        if (op->kind != CAPS_OP_NONE && op->state == CAPS_TELLING &&
            caps_key_same(&op->key, &record->key))
            return true;
    }
    return false;
}

void caps_on_drop(struct caps *c, uint8_t core, const struct caps_msg *msg)
{
    struct caps_record *record = caps_find(c, &msg->key);
    bool known = record != NULL && record->owner == core;
    bool busy = known && drop_is_early(c, record);
    if (known && !busy)
        caps_record_remove(c, record);
    caps_answer(c, core, msg->op, busy ? SYS_ERR_BUSY : ERR_OK);
}

/* It is tried again, if need be. */
static void leave_revoked(void *arg, errval_t err)
{
    (void)arg;
    (void)err;
}

/* Whether something is known elsewhere that was made of it here. */
static bool leave_has_inner(const struct caps *c, const struct caps_record *record)
{
    for (uint32_t i = 0; i < CAPS_RECORDS_MAX; i++) {
        const struct caps_record *inner = &c->records[i];
        if (inner->used && inner != record && inner->home == c->self &&
            caps_concerns(&record->key, &inner->key))
            return true;
    }
    return false;
}

static void leave_hand_over(struct caps *c, struct caps_record *record)
{
    /* The next owner must find in its way what was made of it. */
    if (leave_has_inner(c, record)) {
        c->retry = true;
        return;
    }
    /* This core makes it anew when it runs again, so nobody may have it then. */
    if (record->key.type == CAPTYPE_NOTIFY) {
        c->retry = true;
        caps_revoke(c, 0, record->anchor, leave_revoked, NULL);
        return;
    }
    struct caps_op *op = caps_op_begin(c, CAPS_OP_HANDOVER);
    if (op == NULL) {
        c->retry = true;
        return;
    }
    op->key = record->key;
    op->dest = c->successor;
    caps_give(c, op, record, CAPS_MOVE | CAPS_SILENT | CAPS_SETTLED);
}

void caps_away_answered(struct caps *c, struct caps_op *op, errval_t err)
{
    struct caps_record *record = caps_find(c, &op->key);
    if (record != NULL) {
        record->busy--;
        if (err_is_ok(err)) {
            record->home = c->successor;
            record->taken = true;
        }
    }
    c->retry = true;
    caps_op_end(c, op, ERR_OK);
}

void caps_rehome_start(struct caps *c, struct caps_op *op)
{
    struct caps_record *record = caps_find(c, &op->key);
    op->state = CAPS_WAITS;
    if (record == NULL || caps_is_marked(c, &op->key)) {
        caps_op_end(c, op, record == NULL ? SYS_ERR_CAP_NOT_FOUND : SYS_ERR_BUSY);
    } else if (record->busy != 0) {
        return;
    } else if (record->owner != c->self) {
        struct caps_msg msg = {.kind = CAPS_REHOME,
                               .from = op->from,
                               .dest = op->dest,
                               .op = op->from_op,
                               .key = op->key};
        op->kind = CAPS_OP_NONE;
        c->host.send(c->host.arg, record->owner, &msg);
    } else if (op->dest == c->self) {
        record->users |= caps_bit(op->from); /* until it has released its anchor */
        record->home = c->self;
        caps_op_end(c, op, ERR_OK);
    } else {
        caps_give(c, op, record, CAPS_SILENT | CAPS_SETTLED);
    }
}

void caps_rehome_given(struct caps *c, struct caps_op *op, errval_t err)
{
    struct caps_record *record = caps_find(c, &op->key);
    record->busy--;
    if (err_is_ok(err)) {
        record->users |= caps_bit(op->from);
        record->home = op->dest;
    }
    caps_op_end(c, op, err);
}

static void collect_own(struct caps *c, struct caps_record *record)
{
    if (record->users == 0 && record->home == c->self)
        caps_settle(c, record);
    else if (record->users == 0 && record_is_idle(c, record))
        leave_drop(c, record);
    else if (c->leaving)
        leave_hand_over(c, record);
}

static void collect_foreign(struct caps *c, struct caps_record *record)
{
    struct caps_msg msg = {.kind = CAPS_REHOME, .dest = c->successor};
    if (record->home != c->self || record->taken)
        caps_release(c, record);
    else if (c->leaving)
        leave_ask(c, record, CAPS_OP_AWAY, record->owner, msg);
}

bool caps_collect(struct caps *c)
{
    c->retry = false;
    drop_again(c);
    for (uint32_t i = 0; i < CAPS_RECORDS_MAX; i++) {
        struct caps_record *record = &c->records[i];
        if (!record->used || record->pinned)
            continue;
        if (record->busy != 0 || caps_is_marked(c, &record->key))
            c->retry = true;
        else if (record->owner == c->self)
            collect_own(c, record);
        else
            collect_foreign(c, record);
    }
    return c->retry;
}

void caps_stop(struct caps *c)
{
    c->stopping = true;
}

void caps_leave(struct caps *c, uint8_t successor)
{
    c->leaving = true;
    c->successor = successor;
    (void)caps_collect(c);
}
