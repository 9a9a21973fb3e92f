/* What domains do, and cores: at random. Each act says what the model thinks of the result: the
 * real system may refuse what is on its way out, but never allow what the model does not. */
#include <kernel/notify.h>
#include "sim.h"

struct op *world_op(enum op_kind kind, uint8_t core)
{
    for (unsigned i = 0; i < OPS_MAX; i++) {
        if (sim.ops[i].kind == OP_NONE) {
            sim.ops[i] = (struct op){.kind = kind, .core = core};
            return &sim.ops[i];
        }
    }
    fail("too many operations");
}

void really_remove(struct machine *m, struct cte *cte)
{
    errval_t err;
    do {
        err = m->core.ops->remove(cte);
    } while (err == SYS_ERR_AGAIN);
    HOLDS(err == ERR_OK, "core %u: a deletion failed: 0x%x", number_of(m), (unsigned)err);
}

/* The domain that began an operation, NULL: it has ended. */
static struct domain *op_domain(const struct op *op)
{
    struct domain *d = &sim.machines[op->core].domains[op->domain];
    return !op->is_pool && d->alive && d->generation == op->generation ? d : NULL;
}

static void sent(struct op *op, struct domain *d, errval_t err)
{
    struct machine *m = &sim.machines[op->core];
    HOLDS(op->delivered == err_is_ok(err),
          "invariant 9 violated: core %u: delivered %u times with result 0x%x", op->core,
          op->delivered, (unsigned)err);
    HOLDS(err_is_fail(err) || op->m.real->type == CAPTYPE_NULL,
          "core %u: a capability was sent and stays", op->core);
    if (err_is_fail(err) && op->m.real->type != CAPTYPE_NULL) {
        if (d != NULL && d->slots[op->slot].real->type == CAPTYPE_NULL) {
            struct mslot *home = &d->slots[op->slot];
            HOLDS(m->core.ops->move(op->m.real, home->real) == ERR_OK, "it does not go back");
            home->cap = op->m.cap;
        } else {
            really_remove(m, op->m.real);
        }
    }
    m->core.ops->slot_free(op->sending);
}

/* Whether pages from `range` on belong to something larger made of `key`. What other cores made of
 * that is not in the way of anything, and stays. */
static bool is_cut(struct machine *m, const struct caps_key *key, const struct caps_key *range)
{
    for (struct cte *n = m->core.ops->next(NULL); n != NULL; n = m->core.ops->next(n)) {
        struct caps_key at = key_of(n);
        if (n->type != CAPTYPE_MAPPING && at.page <= range->page &&
            at.page + at.pages > range->page && key_before(&at, range) && key_before(key, &at))
            return true;
    }
    return false;
}

static void revoked(struct op *op, struct domain *d, errval_t err)
{
    if (err_is_fail(err))
        return;
    struct caps_key key = op->key;
    if (key.type == CAPTYPE_NULL && is_cut(&sim.machines[op->core], &op->target, &key)) {
        model_sync(); /* made since it began */
        return;
    }
    model_revoked(&key, d != NULL ? &d->slots[op->slot] : NULL,
                  key.type == CAPTYPE_NULL && op->target.type != CAPTYPE_RAM);
}

static void retyped(struct op *op, struct domain *d, errval_t err)
{
    if (err_is_fail(err))
        return;
    HOLDS(d != NULL, "core %u: a retype for a domain that has ended", op->core);
    struct mslot *slot = &d->slots[op->slot];
    HOLDS(!model_overlap(&op->key, op->first, op->first + op->pages, false),
          "core %u: a frame was made where something is", op->core);
    model_take(slot, slot->real);
}

void world_done(void *arg, errval_t err)
{
    struct op *op = arg;
    struct domain *d = op_domain(op);
    TRACE("# %u: operation %u of core %u ends: 0x%x\n", sim.step, op->kind, op->core,
          (unsigned)err);
    sim.done[8 + op->kind] += err_is_ok(err);
    if (d != NULL)
        d->blocked = false;
    switch (op->kind) {
    case OP_SEND:
        sent(op, d, err);
        break;
    case OP_REVOKE:
        revoked(op, d, err);
        break;
    case OP_RETYPE:
        retyped(op, d, err);
        break;
    case OP_PART:
    case OP_NONE:
        break;
    }
    op->kind = OP_NONE;
}

static struct mslot *pick(struct domain *d, bool full)
{
    unsigned first = rnd(DOMAIN_SLOTS);
    for (unsigned i = 0; i < DOMAIN_SLOTS; i++) {
        struct mslot *slot = &d->slots[(first + i) % DOMAIN_SLOTS];
        if ((slot->cap.key.type != CAPTYPE_NULL) == full)
            return slot;
    }
    return NULL;
}

static struct op *block(struct machine *m, struct domain *d, enum op_kind kind, struct mslot *slot)
{
    struct op *op = world_op(kind, number_of(m));
    op->domain = (uint8_t)(d - m->domains);
    op->generation = d->generation;
    op->slot = (unsigned)(slot - d->slots);
    d->blocked = true;
    return op;
}

/* What a domain writes to its memory: nobody takes it for zero. */
static void scribble(const struct mslot *slot)
{
    if (slot->cap.key.type == CAPTYPE_FRAME) {
        for (uint32_t i = 0; i < slot->cap.key.pages; i++)
            *world_memory(slot->cap.key.page + i) = 0x77;
    }
}

static void do_retype(struct machine *m, struct domain *d, struct cte *real,
                      const struct caps_key *key, struct mslot *src)
{
    struct mslot *dest = pick(d, false);
    static const uint8_t types[] = {CAPTYPE_RAM, CAPTYPE_FRAME, CAPTYPE_FRAME};
    if (dest == NULL || key->pages == 0)
        return;
    uint8_t type = key->type == CAPTYPE_RAM ? types[rnd(3)] : key->type;
    uint32_t off = rnd(key->pages), pages = 1 + rnd(key->pages > 8 ? 8 : key->pages);
    errval_t err;
    do {
        err = m->core.ops->retype(real, (uint64_t)off << CAP_PAGE_SHIFT, (enum captype)type,
                                  (uint64_t)pages << CAP_PAGE_SHIFT, 1, dest->real);
    } while (err == SYS_ERR_AGAIN);
    model_sync();
    TRACE("# %u: core %u retypes type %u at 0x%x+%u: 0x%x\n", sim.step, number_of(m), key->type,
          key->page + off, pages, (unsigned)err);
    if (err == ERR_OK) {
        HOLDS(!model_overlap(key, key->page + off, key->page + off + pages, false),
              "core %u: something was made where something is", number_of(m));
        model_take(dest, dest->real);
        scribble(dest);
    } else if (err == SYS_ERR_REMOTE && src != NULL) {
        struct op *op = block(m, d, OP_RETYPE, dest);
        op->key = *key;
        op->first = key->page + off;
        op->pages = pages;
        struct caps_retype what = {.root = domain_root(m, d),
                                   .src = (caddr_t)(src - d->slots),
                                   .off = (uint64_t)off << CAP_PAGE_SHIFT,
                                   .bytes = (uint64_t)pages << CAP_PAGE_SHIFT,
                                   .type = type,
                                   .count = 1,
                                   .index = (uint32_t)(dest - d->slots)};
        m->core.ops->caps_retype(&m->core.caps, &what, world_done, op);
    }
}

static void do_copy(struct machine *m, struct domain *d)
{
    struct mslot *src = pick(d, true), *dest;
    struct domain *other = one_in(2) ? d : &m->domains[rnd(DOMAINS)];
    if (!other->alive || (dest = pick(other, false)) == NULL || src == NULL)
        return;
    if (dest == src || other->blocked)
        return; /* that is where its result comes */
    if (m->core.ops->copy(src->real, other == d ? CAP_RIGHTS_ALL : CAP_RIGHTS_ALL & ~CAP_RIGHT_D,
                          dest->real) == ERR_OK)
        model_take(dest, dest->real);
}

static void do_delete(struct machine *m, struct domain *d)
{
    struct mslot *slot = pick(d, true);
    if (slot == NULL)
        return;
    TRACE("# %u: core %u deletes type %u at 0x%x\n", sim.step, number_of(m), slot->cap.key.type,
          slot->cap.key.page);
    really_remove(m, slot->real);
    slot->cap = (struct mcap){0};
}

static void do_map(struct machine *m, struct domain *d)
{
    struct mslot *src = pick(d, true), *dest = pick(d, false);
    if (src == NULL || dest == NULL ||
        (src->cap.key.type != CAPTYPE_FRAME && src->cap.key.type != CAPTYPE_DEVFRAME))
        return;
    uint32_t page = rnd(src->cap.key.pages);
    struct caps_key key = src->cap.key;
    errval_t err = m->core.ops->map(src->real, page, rnd(MAP_ENTRIES), dest->real);
    TRACE("# %u: core %u maps 0x%x: 0x%x\n", sim.step, number_of(m), key.page + page,
          (unsigned)err);
    if (err != ERR_OK)
        return;
    model_sync();
    HOLDS(!model_overlap(&key, key.page + page, key.page + page + 1, true),
          "invariant 7 violated: core %u maps what is a frame of its own", number_of(m));
    model_take(dest, dest->real);
}

static void do_revoke(struct machine *m, struct domain *d)
{
    struct mslot *slot = pick(d, true);
    if (slot == NULL || slot->cap.key.type == CAPTYPE_MAPPING)
        return;
    struct caps_key key = slot->cap.key;
    struct op *op = block(m, d, OP_REVOKE, slot);
    op->key = key;
    errval_t err;
    do {
        err = m->core.ops->revoke(slot->real);
    } while (err == SYS_ERR_AGAIN);
    model_sync();
    TRACE("# %u: core %u revokes type %u at 0x%x+%u: 0x%x\n", sim.step, number_of(m), key.type,
          key.page, key.pages, (unsigned)err);
    if (err == SYS_ERR_REMOTE)
        m->core.ops->caps_revoke(&m->core.caps, domain_root(m, d), op->slot, world_done, op);
    else
        world_done(op, err);
}

/* A part of a domain's memory, or of the core's pool. */
static void do_revoke_part(struct machine *m, struct domain *d, struct mslot *slot)
{
    struct cte *real = slot != NULL ? slot->real : &m->core.slots[POOL_SLOT];
    struct caps_key key = key_of(real);
    if (key.type == CAPTYPE_MAPPING || key.pages < 2)
        return;
    uint32_t off = rnd(key.pages), pages = 1 + rnd(key.pages - off);
    if (pages == key.pages)
        pages--;
    struct caps_key range = {.type = CAPTYPE_NULL, .page = key.page + off, .pages = pages};
    if (is_cut(m, &key, &range))
        return;
    struct op *op = world_op(OP_REVOKE, number_of(m));
    if (slot != NULL) {
        op->kind = OP_NONE;
        op = block(m, d, OP_REVOKE, slot);
    } else {
        op->is_pool = true;
    }
    op->key = range;
    op->target = key;
    errval_t err;
    do {
        err = m->core.ops->revoke_part(real, (uint64_t)off << CAP_PAGE_SHIFT,
                                       (uint64_t)pages << CAP_PAGE_SHIFT);
    } while (err == SYS_ERR_AGAIN);
    model_sync();
    TRACE("# %u: core %u revokes pages 0x%x+%u: 0x%x\n", sim.step, number_of(m), key.page + off,
          pages, (unsigned)err);
    if (err == SYS_ERR_REMOTE)
        m->core.ops->caps_revoke_part(&m->core.caps, slot != NULL ? domain_root(m, d) : 0,
                                      slot != NULL ? op->slot : POOL_SLOT,
                                      (uint64_t)off << CAP_PAGE_SHIFT,
                                      (uint64_t)pages << CAP_PAGE_SHIFT, world_done, op);
    else
        world_done(op, err);
}

static void do_send(struct machine *m, struct domain *d)
{
    struct mslot *slot = pick(d, true);
    unsigned to = rnd(sim.cores);
    unsigned waiting = 0;
    for (unsigned i = 0; i < INBOX_MAX; i++)
        waiting += sim.machines[to].inbox[i].used;
    if (slot == NULL || to == number_of(m) || waiting > 8)
        return;
    caddr_t sending = m->core.ops->slot_alloc();
    if (sending == 0)
        return;
    struct cte *real = &m->core.slots[sending];
    if (m->core.ops->move(slot->real, real) != ERR_OK) {
        m->core.ops->slot_free(sending);
        return;
    }
    struct op *op = block(m, d, OP_SEND, slot);
    model_take(&op->m, real);
    slot->cap = (struct mcap){0};
    op->sending = sending;
    op->key = op->m.cap.key;
    op->tag = ++sim.tag;
    op->dest = (uint8_t)to;
    op->rights = one_in(3) ? (uint8_t)rnd(16) : CAP_RIGHTS_ALL;
    op->move = !one_in(3);
    TRACE("# %u: core %u sends type %u at 0x%x+%u to %u, move %u\n", sim.step, number_of(m),
          op->key.type, op->key.page, op->key.pages, to, op->move);
    m->core.ops->send(&m->core.caps, sending, op->rights, op->move, op->dest, op->tag, world_done,
                      op);
}

static void do_take(struct machine *m, struct domain *d)
{
    struct mslot *dest = pick(d, false);
    for (unsigned i = 0; i < INBOX_MAX && dest != NULL; i++) {
        struct inbox *in = &m->inbox[i];
        if (!in->used)
            continue;
        in->used = false;
        if (in->m.real->type != CAPTYPE_NULL) {
            HOLDS(m->core.ops->move(in->m.real, dest->real) == ERR_OK, "it cannot be taken");
            dest->cap = in->m.cap;
        }
        m->core.ops->slot_free(in->slot);
        return;
    }
}

static void do_irq(struct machine *m, struct domain *d)
{
    struct mslot *dest = pick(d, false);
    if (number_of(m) != BOOT || dest == NULL)
        return;
    uint32_t irq = 32 + rnd(3);
    if (m->core.ops->irq(irq, dest->real) == ERR_OK) {
        struct caps_key table = {.type = CAPTYPE_IRQTABLE,
                                 .page = (uint32_t)(CAP_IRQ_BASE(0) >> CAP_PAGE_SHIFT),
                                 .pages = (uint32_t)(CAP_IRQ_BYTES >> CAP_PAGE_SHIFT)};
        model_sync();
        HOLDS(!model_overlap(&table, table.page + irq, table.page + irq + 1, false),
              "interrupt %u is there twice", irq);
        model_take(dest, dest->real);
    }
}

/* Of this core. */
static void do_notify(struct machine *m, struct domain *d)
{
    struct mslot *dest = pick(d, false);
    if (dest == NULL)
        return;
    uint32_t bit = KPI_NOTIFY_MONITORS + rnd(3);
    if (m->core.ops->notify(bit, dest->real) == ERR_OK) {
        struct caps_key key = key_of(dest->real), all = {.type = CAPTYPE_NULL,
                                                         .page = key.page - bit,
                                                         .pages = KPI_NOTIFY_BITS};
        model_sync();
        HOLDS(!model_overlap(&all, key.page, key.page + 1, false),
              "core %u: Notify %u is there twice", number_of(m), bit);
        model_take(dest, dest->real);
    }
}

void act_domain(void)
{
    struct machine *m = &sim.machines[rnd(sim.cores)];
    struct domain *d = &m->domains[rnd(DOMAINS)];
    if (m->state != CORE_RUNS || d->blocked)
        return;
    model_sync();
    if (!d->alive) {
        domain_start(m, d);
        return;
    }
    bool device = sim.wide && number_of(m) == BOOT && one_in(4);
    struct cte *pool = &m->core.slots[device ? DEVICE_SLOT : POOL_SLOT];
    struct caps_key key = key_of(pool);
    struct mslot *src;
    uint32_t what = rnd(32);
    sim.done[what / 4]++;
    if (what < 5)
        do_retype(m, d, pool, &key, NULL);
    else if (what < 9 && (src = pick(d, true)) != NULL) {
        key = src->cap.key;
        do_retype(m, d, src->real, &key, src);
    } else if (what < 11)
        sim.wide && one_in(3) ? do_notify(m, d) : do_copy(m, d);
    else if (what < 13)
        do_delete(m, d);
    else if (what < 16)
        do_map(m, d);
    else if (what < 18)
        do_revoke(m, d);
    else if (what < 19)
        do_revoke_part(m, d, one_in(2) ? pick(d, true) : NULL);
    else if (what < 20)
        sim.wide && one_in(2) ? do_notify(m, d) : do_irq(m, d);
    else if (what < 24)
        do_take(m, d);
    else
        do_send(m, d);
}

/* The pool of a core that is off is free again once nobody has anything of it. */
static void core_try_on(unsigned c)
{
    model_sync(); /* what went with the core */
    struct machine *boot = &sim.machines[BOOT];
    struct cte *place = &boot->core.slots[PLACE_SLOT + c];
    errval_t err = boot->core.ops->hand_over(place, (uint8_t)c);
    if (err == ERR_OK) {
        TRACE("# %u: core %u is on\n", sim.step, c);
        core_start(c);
        return;
    }
    for (unsigned i = 0; i < OPS_MAX; i++) {
        if (sim.ops[i].kind != OP_NONE && sim.ops[i].is_pool)
            return;
    }
    struct op *op = world_op(OP_REVOKE, BOOT);
    op->is_pool = true;
    op->key = key_of(place);
    do {
        err = boot->core.ops->revoke(place);
    } while (err == SYS_ERR_AGAIN);
    model_sync();
    if (err == SYS_ERR_REMOTE)
        boot->core.ops->caps_revoke(&boot->core.caps, 0, PLACE_SLOT + c, world_done, op);
    else
        world_done(op, err);
}

static void core_stop(struct machine *m)
{
    TRACE("# %u: core %u stops\n", sim.step, number_of(m));
    for (unsigned d = 0; d < DOMAINS; d++) {
        if (m->domains[d].alive)
            domain_crash(m, &m->domains[d]);
    }
    m->state = CORE_STOPS;
    m->core.ops->stop(&m->core.caps);
}

void act_core(void)
{
    struct machine *m = &sim.machines[rnd(sim.cores)];
    struct domain *d = &m->domains[rnd(DOMAINS)];
    uint32_t what = rnd(8);
    if (m->state == CORE_STOPS) {
        core_empty(m);
    } else if (m->state == CORE_OFF) {
        core_try_on(number_of(m));
    } else if (what < 3 && d->alive) {
        TRACE("# %u: core %u: domain %u crashes\n", sim.step, number_of(m), what);
        domain_crash(m, d);
    } else if (what < 5) {
        m->starving = 1 + rnd(2);
    } else if (what == 5 && number_of(m) != BOOT && (sim.wide || one_in(4))) {
        core_stop(m);
    }
}
