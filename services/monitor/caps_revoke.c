/* Revoke, in two phases. First every core marks the range: nothing in it is given to others any
 * more, and what is on its way has come when the mark is acknowledged. Then every core sweeps it,
 * the one that revokes after all others: what it has of the range keeps it from being used for
 * something else until then.
 * A mark waits for operations inside its range only, and none of these waits for a mark, so there
 * is no circle. */
#include "caps_priv.h"

/* The order of the kernel's tree: what encloses something comes before it. */
static bool key_before(const struct caps_key *a, const struct caps_key *b)
{
    if (a->page != b->page)
        return a->page < b->page;
    if (a->pages != b->pages)
        return a->pages > b->pages;
    return a->type < b->type;
}

bool caps_concerns(const struct caps_key *range, const struct caps_key *key)
{
    return key->page >= range->page && key->page - range->page < range->pages &&
           !key_before(key, range);
}

bool caps_is_marked(const struct caps *c, const struct caps_key *key)
{
    for (uint32_t i = 0; i < CAPS_MARKS_MAX; i++) {
        if (c->marks[i].used && caps_concerns(&c->marks[i].key, key))
            return true;
    }
    return false;
}

bool caps_is_marking(const struct caps *c)
{
    for (uint32_t i = 0; i < CAPS_MARKS_MAX; i++) {
        if (c->marks[i].used)
            return true;
    }
    return false;
}

static void mark_end(struct caps *c, struct caps_mark *mark)
{
    mark->used = false;
    c->unmarked = true;
}

static struct caps_mark *mark_add(struct caps *c, uint8_t core, uint32_t op,
                                  const struct caps_key *key)
{
    for (uint32_t i = 0; i < CAPS_MARKS_MAX; i++) {
        struct caps_mark *mark = &c->marks[i];
        if (mark->used)
            continue;
        *mark = (struct caps_mark){.used = true, .core = core, .op = op, .key = *key};
        return mark;
    }
    return NULL;
}

static struct caps_mark *mark_find(struct caps *c, uint8_t core, uint32_t op)
{
    for (uint32_t i = 0; i < CAPS_MARKS_MAX; i++) {
        struct caps_mark *mark = &c->marks[i];
        if (mark->used && mark->core == core && mark->op == op)
            return mark;
    }
    return NULL;
}

/* What has not begun yet does not. */
static void mark_refuse_waiting(struct caps *c, const struct caps_mark *mark)
{
    struct caps_key key = mark->key;
    for (uint32_t i = 0; i < CAPS_OPS_MAX; i++) {
        struct caps_op *op = &c->ops[i];
        if (op->kind != CAPS_OP_NONE && op->kind != CAPS_OP_REVOKE && op->state == CAPS_WAITS &&
            caps_concerns(&key, &op->key))
            caps_op_end(c, op, SYS_ERR_BUSY);
    }
}

static bool mark_is_clear(const struct caps *c, const struct caps_mark *mark)
{
    for (uint32_t i = 0; i < CAPS_OPS_MAX; i++) {
        const struct caps_op *op = &c->ops[i];
        /* Of two revokes of the same part the one of the core with the higher number is first. */
        bool later = op->kind == CAPS_OP_REVOKE && caps_key_same(&mark->key, &op->key) &&
                     mark->core >= c->self;
        if (op->kind != CAPS_OP_NONE && !later && caps_concerns(&mark->key, &op->key))
            return false;
    }
    return true;
}

/* Records whose anchors went with the rest. */
static void mark_forget(struct caps *c, const struct caps_mark *mark)
{
    for (uint32_t i = 0; i < CAPS_RECORDS_MAX; i++) {
        struct caps_record *record = &c->records[i];
        struct caps_description d;
        if (!record->used || !caps_concerns(&mark->key, &record->key))
            continue;
        if (err_is_fail(c->host.describe(c->host.arg, 0, record->anchor, &d)))
            caps_record_free(c, record);
        else
            record->taken = false;
    }
}

static struct caps_op *revoke_of(struct caps *c, const struct caps_mark *mark)
{
    return mark->core == c->self ? &c->ops[mark->op % CAPS_OPS_MAX] : NULL;
}

static void mark_sweep(struct caps *c, struct caps_mark *mark)
{
    const struct caps_record *record = caps_find(c, &mark->key);
    struct caps_op *op = revoke_of(c, mark);
    /* Without a record: the pool of a core that was started from here. */
    bool keep = record != NULL ? record->owner == c->self || record->home == c->self
                               : caps_is_single(mark->key.type);
    errval_t err = c->host.sweep(c->host.arg, &mark->key, keep, op != NULL ? op->root : 0,
                                 op != NULL ? op->cap : 0);
    if (err == SYS_ERR_AGAIN) {
        c->again = true;
        return;
    }
    mark_forget(c, mark);
    mark->sweeping = false;
    if (op == NULL) {
        struct caps_mark was = *mark;
        mark_end(c, mark);
        caps_answer(c, was.core, was.op, err);
    } else {
        op->asked &= (uint8_t)~caps_bit(c->self);
        caps_revoke_answered(c, op);
    }
}

void caps_marks_work(struct caps *c)
{
    for (uint32_t i = 0; i < CAPS_MARKS_MAX; i++) {
        struct caps_mark *mark = &c->marks[i];
        if (mark->used && !mark->acked && mark_is_clear(c, mark)) {
            struct caps_op *op = revoke_of(c, mark);
            mark->acked = true;
            if (op == NULL) {
                caps_answer(c, mark->core, mark->op, ERR_OK);
            } else {
                op->asked &= (uint8_t)~caps_bit(c->self);
                caps_revoke_answered(c, op);
            }
        }
        if (mark->used && mark->sweeping)
            mark_sweep(c, mark);
    }
}

void caps_on_mark(struct caps *c, uint8_t core, const struct caps_msg *msg)
{
    struct caps_mark *mark = mark_add(c, core, msg->op, &msg->key);
    if (mark == NULL)
        caps_answer(c, core, msg->op, RPC_ERR_AGAIN); /* it began more than it may */
    else
        mark_refuse_waiting(c, mark);
}

void caps_on_commit(struct caps *c, uint8_t core, const struct caps_msg *msg)
{
    struct caps_mark *mark = mark_find(c, core, msg->op);
    if (mark == NULL)
        caps_answer(c, core, msg->op, ERR_OK);
    else
        mark->sweeping = true;
}

static void revoke_end(struct caps *c, struct caps_op *op)
{
    struct caps_mark *mark = mark_find(c, c->self, op->id);
    struct caps_record *record = caps_find(c, &op->target);
    mark_end(c, mark);
    if (record != NULL) {
        if (op->key.type != CAPTYPE_NULL) {
            record->users = 0;
            record->parted = false;
        }
        record->busy--;
        caps_settle(c, record);
    }
    caps_op_end(c, op, ERR_OK);
}

void caps_revoke_answered(struct caps *c, struct caps_op *op)
{
    struct caps_msg msg = {.kind = CAPS_COMMIT};
    if (op->asked != 0)
        return;
    if (op->state == CAPS_SWEEPING_OWN) {
        revoke_end(c, op);
        return;
    }
    if (op->state == CAPS_MARKING) {
        op->state = CAPS_SWEEPING;
        caps_ask_all(c, op, op->agreed & c->online, msg);
    }
    if (op->asked == 0) {
        op->state = CAPS_SWEEPING_OWN;
        op->asked = caps_bit(c->self);
        mark_find(c, c->self, op->id)->sweeping = true;
        c->again = true;
    }
}

/* Begins; `op` has its key, and the record is relied on. */
static void revoke_begin(struct caps *c, struct caps_op *op)
{
    struct caps_msg msg = {.kind = CAPS_MARK};
    struct caps_mark *mark = mark_add(c, c->self, op->id, &op->key);
    op->state = CAPS_MARKING;
    op->agreed = c->online;
    op->asked = caps_bit(c->self);
    mark_refuse_waiting(c, mark);
    caps_ask_all(c, op, c->online, msg);
    caps_marks_work(c);
}

static bool revoke_room(const struct caps *c)
{
    uint32_t own = 0, used = 0;
    for (uint32_t i = 0; i < CAPS_MARKS_MAX; i++) {
        used += c->marks[i].used;
        own += c->marks[i].used && c->marks[i].core == c->self;
    }
    return own < CAPS_REVOKES_MAX && used < CAPS_MARKS_MAX;
}

static errval_t revoke_check(struct caps *c, caddr_t root, caddr_t cap,
                             struct caps_description *ret)
{
    errval_t err = c->host.describe(c->host.arg, root, cap, ret);
    if (err_is_fail(err))
        return err;
    if ((ret->rights & CAP_RIGHT_D) == 0 || ret->owner != c->self)
        return SYS_ERR_CAP_RIGHTS;
    if (caps_is_marked(c, &ret->key))
        return SYS_ERR_BUSY;
    return revoke_room(c) ? ERR_OK : RPC_ERR_AGAIN;
}

/* Of `key`, all or a part of the object `target`, unless there is an `err`. */
static void revoke_start(struct caps *c, errval_t err, const struct caps_key *key,
                         const struct caps_key *target, caddr_t root, caddr_t cap,
                         caps_done_fn done, void *arg)
{
    struct caps_record *record;
    struct caps_op *op = err_is_ok(err) ? caps_op_begin(c, CAPS_OP_REVOKE) : NULL;
    if (err_is_ok(err))
        err = op == NULL ? RPC_ERR_AGAIN : caps_record_make(c, target, root, cap, &record);
    if (err_is_fail(err)) {
        if (op != NULL)
            op->kind = CAPS_OP_NONE;
        done(arg, err);
        return;
    }
    record->busy++;
    op->key = *key;
    op->target = *target;
    op->root = root;
    op->cap = cap;
    op->done = done;
    op->arg = arg;
    revoke_begin(c, op);
}

void caps_revoke(struct caps *c, caddr_t root, caddr_t cap, caps_done_fn done, void *arg)
{
    struct caps_description d = {0};
    errval_t err = revoke_check(c, root, cap, &d);
    revoke_start(c, err, &d.key, &d.key, root, cap, done, arg);
}

/* Whether an object that other cores know reaches out of the end of a range: of what they have of
 * the rest nobody here would know any more. */
static bool range_is_cut(const struct caps *c, const struct caps_key *range)
{
    uint32_t end = range->page + range->pages;
    for (uint32_t i = 0; i < CAPS_RECORDS_MAX; i++) {
        const struct caps_record *record = &c->records[i];
        if (record->used && record->key.page < end && caps_concerns(range, &record->key) &&
            record->key.pages > end - record->key.page)
            return true;
    }
    return false;
}

void caps_revoke_part(struct caps *c, caddr_t root, caddr_t cap, uint64_t off, uint64_t bytes,
                      caps_done_fn done, void *arg)
{
    struct caps_description d = {0};
    errval_t err = revoke_check(c, root, cap, &d);
    if (err_is_ok(err) && d.key.type != CAPTYPE_RAM && d.key.type != CAPTYPE_FRAME &&
        d.key.type != CAPTYPE_DEVFRAME)
        err = SYS_ERR_CAP_TYPE;
    uint64_t have = err_is_ok(err) ? (uint64_t)d.key.pages * AOS_PAGE_BYTES : 0;
    if (err_is_ok(err) && (off > have || bytes == 0 || bytes >= have || bytes > have - off ||
                           off % AOS_PAGE_BYTES != 0 || bytes % AOS_PAGE_BYTES != 0))
        err = SYS_ERR_RETYPE_SIZE;
    struct caps_key range = {.type = CAPTYPE_NULL,
                             .page = d.key.page + (uint32_t)(off / AOS_PAGE_BYTES),
                             .pages = (uint32_t)(bytes / AOS_PAGE_BYTES)};
    if (err_is_ok(err) && range_is_cut(c, &range))
        err = SYS_ERR_RETYPE_SIZE;
    if (err_is_ok(err) && caps_is_marked(c, &range))
        err = SYS_ERR_BUSY;
    revoke_start(c, err, &range, &d.key, root, cap, done, arg);
}
