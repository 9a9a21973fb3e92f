/* Records, operations, and what arrives. */
#include "caps_priv.h"

static struct caps_record **caps_bucket(struct caps *c, const struct caps_key *key)
{
    uint32_t hash = (key->page ^ (key->pages << 7) ^ ((uint32_t)key->type << 19)) * 0x9e3779b1u;
    return &c->buckets[hash % CAPS_BUCKETS];
}

struct caps_record *caps_find(struct caps *c, const struct caps_key *key)
{
    struct caps_record *record = *caps_bucket(c, key);
    while (record != NULL && !caps_key_same(&record->key, key))
        record = record->next;
    return record;
}

bool caps_record_room(const struct caps *c)
{
    return c->free != NULL;
}

struct caps_record *caps_record_add(struct caps *c, const struct caps_key *key, caddr_t slot)
{
    struct caps_record *record = c->free;
    if (record == NULL)
        return NULL;
    struct caps_record **bucket = caps_bucket(c, key);
    c->free = record->next;
    c->record_count++;
    *record = (struct caps_record){
        .used = true, .key = *key, .anchor = slot, .owner = c->self, .home = c->self};
    record->next = *bucket;
    *bucket = record;
    return record;
}

errval_t caps_record_make(struct caps *c, const struct caps_key *key, caddr_t root, caddr_t cap,
                          struct caps_record **ret)
{
    caddr_t anchor;
    *ret = caps_find(c, key);
    if (*ret != NULL)
        return ERR_OK;
    if (!caps_record_room(c))
        return RPC_ERR_AGAIN;
    errval_t err = c->host.slot_alloc(c->host.arg, &anchor);
    if (err_is_fail(err))
        return err;
    err = c->host.anchor(c->host.arg, root, cap, anchor);
    if (err_is_fail(err)) {
        c->host.slot_free(c->host.arg, anchor);
        return err;
    }
    *ret = caps_record_add(c, key, anchor);
    return ERR_OK;
}

void caps_record_free(struct caps *c, struct caps_record *record)
{
    struct caps_record **link = caps_bucket(c, &record->key);
    while (*link != record)
        link = &(*link)->next;
    *link = record->next;
    c->host.slot_free(c->host.arg, record->anchor);
    c->pinned_count -= record->pinned;
    *record = (struct caps_record){.next = c->free};
    c->free = record;
    c->record_count--;
}

void caps_record_remove(struct caps *c, struct caps_record *record)
{
    c->host.remove(c->host.arg, record->anchor);
    caps_record_free(c, record);
}

void caps_settle(struct caps *c, struct caps_record *record)
{
    if (record->busy == 0 && record->owner == c->self && record->users == 0 &&
        record->home == c->self)
        caps_record_remove(c, record);
}

struct caps_op *caps_op_begin(struct caps *c, enum caps_op_kind kind)
{
    for (uint32_t i = 0; i < CAPS_OPS_MAX; i++) {
        struct caps_op *op = &c->ops[i];
        if (op->kind != CAPS_OP_NONE)
            continue;
        c->generation++;
        *op = (struct caps_op){.kind = kind, .id = c->generation * CAPS_OPS_MAX + i};
        return op;
    }
    return NULL;
}

static void caps_on_ack(struct caps *c, uint8_t core, const struct caps_msg *msg);

void caps_answer(struct caps *c, uint8_t core, uint32_t op, errval_t err)
{
    struct caps_msg msg = {.kind = CAPS_ACK, .op = op, .err = err};
    if (core != c->self)
        c->host.send(c->host.arg, core, &msg);
    else
        caps_on_ack(c, core, &msg); /* it asked the owner, and has become it meanwhile */
}

void caps_op_end(struct caps *c, struct caps_op *op, errval_t err)
{
    struct caps_op was = *op;
    op->kind = CAPS_OP_NONE;
    c->again = true; /* others may have waited for it */
    if (was.kind == CAPS_OP_VIA || was.kind == CAPS_OP_REHOME)
        caps_answer(c, was.from, was.from_op, err);
    if (was.done != NULL)
        was.done(was.arg, err);
}

void caps_ask(struct caps *c, struct caps_op *op, uint8_t core, struct caps_msg msg)
{
    msg.op = op->id;
    msg.key = op->key;
    op->asked |= caps_bit(core);
    c->host.send(c->host.arg, core, &msg);
}

void caps_ask_all(struct caps *c, struct caps_op *op, uint8_t cores, struct caps_msg msg)
{
    for (uint8_t core = 0; core < CAPS_CORES_MAX; core++) {
        if ((cores & caps_bit(core)) != 0)
            caps_ask(c, op, core, msg);
    }
}

static void caps_op_start(struct caps *c, struct caps_op *op)
{
    switch (op->kind) {
    case CAPS_OP_SEND:
        caps_send_start(c, op);
        break;
    case CAPS_OP_VIA:
        caps_via_start(c, op);
        break;
    case CAPS_OP_RETYPE:
        caps_retype_start(c, op);
        break;
    case CAPS_OP_REHOME:
        caps_rehome_start(c, op);
        break;
    case CAPS_OP_NONE:
    case CAPS_OP_RELEASE:
    case CAPS_OP_DROP:
    case CAPS_OP_REVOKE:
    case CAPS_OP_HANDOVER:
    case CAPS_OP_AWAY:
        break;
    }
}

/* An answer of `core` to `op`. */
static void caps_answered(struct caps *c, struct caps_op *op, uint8_t core, errval_t err)
{
    op->asked &= (uint8_t)~caps_bit(core);
    switch (op->kind) {
    case CAPS_OP_SEND:
    case CAPS_OP_VIA:
    case CAPS_OP_HANDOVER:
    case CAPS_OP_REHOME:
        caps_give_answered(c, op, err);
        break;
    case CAPS_OP_RELEASE:
        caps_release_answered(c, op, err);
        break;
    case CAPS_OP_RETYPE:
        caps_part_answered(c, op, core, err);
        break;
    case CAPS_OP_REVOKE:
        caps_revoke_answered(c, op);
        break;
    case CAPS_OP_AWAY:
        caps_away_answered(c, op, err);
        break;
    case CAPS_OP_DROP:
        caps_drop_answered(c, op, err);
        break;
    case CAPS_OP_NONE:
        break;
    }
}

static void caps_on_ack(struct caps *c, uint8_t core, const struct caps_msg *msg)
{
    struct caps_op *op = &c->ops[msg->op % CAPS_OPS_MAX];
    if (op->kind != CAPS_OP_NONE && op->id == msg->op)
        caps_answered(c, op, core, msg->err);
}

/* Something that the owner is asked to do, for whoever asked first. */
static void caps_on_request(struct caps *c, const struct caps_msg *msg, enum caps_op_kind kind)
{
    struct caps_op *op = caps_op_begin(c, kind);
    if (op == NULL) {
        caps_answer(c, msg->from, msg->op, RPC_ERR_AGAIN);
        return;
    }
    op->key = msg->key;
    op->from = msg->from;
    op->from_op = msg->op;
    op->dest = msg->dest;
    op->rights = msg->rights;
    op->tag = msg->tag;
    caps_op_start(c, op);
}

void caps_receive(struct caps *c, uint8_t core, const struct caps_msg *msg)
{
    switch ((enum caps_kind)msg->kind) {
    case CAPS_GIVE:
        caps_on_give(c, core, msg);
        break;
    case CAPS_VIA:
        caps_on_request(c, msg, CAPS_OP_VIA);
        break;
    case CAPS_MOVED:
        caps_on_moved(c, core, msg);
        break;
    case CAPS_RELEASE:
        caps_on_release(c, core, msg);
        break;
    case CAPS_DROP:
        caps_on_drop(c, core, msg);
        break;
    case CAPS_PART:
        caps_on_part(c, core, msg);
        break;
    case CAPS_MARK:
        caps_on_mark(c, core, msg);
        break;
    case CAPS_COMMIT:
        caps_on_commit(c, core, msg);
        break;
    case CAPS_REHOME:
        caps_on_request(c, msg, CAPS_OP_REHOME);
        break;
    case CAPS_ACK:
        caps_on_ack(c, core, msg);
        break;
    }
    caps_marks_work(c);
}

bool caps_work(struct caps *c)
{
    c->again = false;
    for (uint32_t i = 0; i < CAPS_OPS_MAX; i++) {
        struct caps_op *op = &c->ops[i];
        if (op->kind != CAPS_OP_NONE && op->kind != CAPS_OP_REVOKE && op->state == CAPS_WAITS)
            caps_op_start(c, op);
        else if (op->kind == CAPS_OP_RETYPE && op->state == CAPS_MAKING)
            caps_retype_work(c, op);
    }
    caps_marks_work(c);
    return c->again;
}

void caps_init(struct caps *c, const struct caps_host *host, uint8_t self)
{
    *c = (struct caps){.host = *host, .self = self};
    for (uint32_t i = CAPS_RECORDS_MAX; i > 0; i--) {
        c->records[i - 1].next = c->free;
        c->free = &c->records[i - 1];
    }
}

void caps_core_up(struct caps *c, uint8_t core)
{
    struct caps_msg msg = {.kind = CAPS_MARK};
    c->online |= caps_bit(core);
    for (uint32_t i = 0; i < CAPS_OPS_MAX; i++) {
        struct caps_op *op = &c->ops[i];
        /* Who is not marked yet may give it something of the range. */
        if (op->kind == CAPS_OP_REVOKE && op->state == CAPS_MARKING) {
            op->agreed |= caps_bit(core);
            caps_ask(c, op, core, msg);
        }
    }
}

/* What `core` has answered, or would have: it has stopped with nothing left. So it maps nothing, is
 * no home, and what it owned has ended. */
static errval_t down_answer(struct caps *c, const struct caps_op *op, uint8_t core)
{
    const struct caps_record *record = caps_find(c, &op->key);
    bool ended = op->kind == CAPS_OP_DROP || op->kind == CAPS_OP_RETYPE ||
                 (op->kind == CAPS_OP_RELEASE && record != NULL && record->owner == core);
    return ended ? ERR_OK : SYS_ERR_BUSY;
}

void caps_core_down(struct caps *c, uint8_t core)
{
    c->online &= (uint8_t)~caps_bit(core);
    for (uint32_t i = 0; i < CAPS_OPS_MAX; i++) {
        struct caps_op *op = &c->ops[i];
        bool refused = op->kind == CAPS_OP_DROP && op->dest == core; /* before, by itself */
        if (op->kind != CAPS_OP_NONE && (refused || (op->asked & caps_bit(core)) != 0))
            caps_answered(c, op, core, down_answer(c, op, core));
    }
    for (uint32_t i = 0; i < CAPS_RECORDS_MAX; i++) {
        struct caps_record *record = &c->records[i];
        if (record->used && record->owner == c->self && (record->users & caps_bit(core)) != 0) {
            record->users &= (uint8_t)~caps_bit(core);
            caps_settle(c, record);
        }
    }
}

errval_t caps_lend(struct caps *c, caddr_t slot, uint8_t core)
{
    struct caps_description d;
    struct caps_record *record;
    errval_t err = c->host.describe(c->host.arg, 0, slot, &d);
    if (err_is_ok(err) && (d.key.type != CAPTYPE_FRAME || d.owner != c->self))
        err = SYS_ERR_NOT_COPYABLE;
    if (err_is_ok(err))
        err = caps_record_make(c, &d.key, 0, slot, &record);
    if (err_is_ok(err))
        record->users |= caps_bit(core);
    return err;
}

errval_t caps_adopt(struct caps *c, caddr_t slot)
{
    struct caps_description d;
    struct caps_record *record = NULL;
    errval_t err = c->host.describe(c->host.arg, 0, slot, &d);
    if (err_is_ok(err) && ((d.state & KPI_CAP_ANCHOR) == 0 || d.owner == c->self))
        err = SYS_ERR_NOT_COPYABLE;
    if (err_is_ok(err))
        record = caps_record_add(c, &d.key, slot);
    if (record == NULL)
        return err_is_ok(err) ? RPC_ERR_AGAIN : err;
    record->owner = d.owner;
    record->home = d.owner;
    record->taken = true;
    record->pinned = true;
    record->busy = 1; /* nothing else is ever done with it */
    c->pinned_count++;
    return ERR_OK;
}

bool caps_is_quiet(const struct caps *c)
{
    for (uint32_t i = 0; i < CAPS_OPS_MAX; i++) {
        if (c->ops[i].kind != CAPS_OP_NONE)
            return false;
    }
    return !caps_is_marking(c);
}

bool caps_is_idle(const struct caps *c)
{
    return c->record_count == c->pinned_count && caps_is_quiet(c);
}
