/* The invariants of services/monitor/invariants.h, looked up in the databases of all cores at once;
 * and the model against reality. */
#include <stdlib.h>
#include "invariants.h"
#include "sim.h"

static const char *const texts[] = {
#define TEXT(number, name, text) [number] = text,
    CAPS_INVARIANTS(TEXT)
#undef TEXT
};

/* At core `c`, about an object. */
static void require(bool ok, enum caps_invariant invariant, unsigned c, const struct caps_key *key)
{
    HOLDS(ok, "invariant %u violated (%s): core %u, type %u at page 0x%x, %u pages",
          (unsigned)invariant, texts[invariant], c, key->type, key->page, key->pages);
}

static bool core_runs(unsigned c)
{
    return sim.machines[c].state != CORE_OFF;
}

static struct caps_record *record_of(unsigned c, const struct caps_key *key)
{
    struct caps *caps = &sim.machines[c].core.caps;
    for (unsigned i = 0; i < CAPS_RECORDS_MAX; i++) {
        struct caps_record *r = &caps->records[i];
        if (r->used && r->key.type == key->type && r->key.page == key->page &&
            r->key.pages == key->pages)
            return r;
    }
    return NULL;
}

/* The ownership of an object on its way, NULL: it is not. */
static const struct caps_msg *moving(const struct caps_key *key)
{
    for (unsigned from = 0; from < sim.cores; from++) {
        for (unsigned to = 0; to < sim.cores; to++) {
            const struct channel *ch = &sim.channels[from][to];
            for (unsigned i = 0; i < ch->count; i++) {
                const struct caps_msg *msg = &ch->messages[(ch->first + i) % CHANNEL_MAX];
                if (msg->kind == CAPS_GIVE && (msg->flags & CAPS_MOVE) != 0 &&
                    msg->key.type == key->type && msg->key.page == key->page &&
                    msg->key.pages == key->pages)
                    return msg;
            }
        }
    }
    return NULL;
}

/* An owner has given it up, or another home, and has not heard yet what came of that; or it has
 * ended, and its home has not heard of it. */
static bool given_up(const struct caps_key *key)
{
    for (unsigned c = 0; c < sim.cores; c++) {
        const struct caps *caps = &sim.machines[c].core.caps;
        for (unsigned i = 0; core_runs(c) && i < CAPS_OPS_MAX; i++) {
            const struct caps_op *op = &caps->ops[i];
            bool moves = op->kind != CAPS_OP_NONE && op->state == CAPS_GIVEN &&
                         (op->flags & CAPS_MOVE) != 0;
            if ((moves || op->kind == CAPS_OP_DROP || op->kind == CAPS_OP_REHOME) &&
                op->state != CAPS_WAITS && op->key.type == key->type &&
                op->key.page == key->page && op->key.pages == key->pages)
                return true;
        }
    }
    return false;
}

/* Core `c` has asked the owner to be forgotten. */
static bool releasing(unsigned c, const struct caps_key *key)
{
    const struct caps *caps = &sim.machines[c].core.caps;
    for (unsigned i = 0; i < CAPS_OPS_MAX; i++) {
        const struct caps_op *op = &caps->ops[i];
        if (op->kind == CAPS_OP_RELEASE && op->state == CAPS_ASKED && op->key.type == key->type &&
            op->key.page == key->page && op->key.pages == key->pages)
            return true;
    }
    return false;
}

/* A revoke takes it, on one core after the other. */
static bool taken_away(const struct caps_key *key)
{
    for (unsigned c = 0; c < sim.cores; c++) {
        const struct caps *caps = &sim.machines[c].core.caps;
        for (unsigned i = 0; core_runs(c) && i < CAPS_MARKS_MAX; i++) {
            if (caps->marks[i].used && key_concerned(&caps->marks[i].key, key))
                return true;
        }
    }
    return false;
}

/* One owner; it knows the users; the home has an anchor. */
static void check_record(unsigned c, const struct caps_record *r)
{
    const struct core *core = &sim.machines[c].core;
    const struct cte *anchor = &core->slots[r->anchor];
    unsigned owners = 0;
    if (taken_away(&r->key))
        return;
    require(anchor->type == r->key.type && anchor->page == r->key.page &&
                (anchor->flags & CTE_ANCHOR) != 0 &&
                core->ops->node_of(&core->slots[r->anchor])->owner == r->owner,
            CAPS_INVARIANT_ANCHOR, c, &r->key);
    if (releasing(c, &r->key))
        return;
    for (unsigned o = 0; o < sim.cores; o++) {
        const struct caps_record *other = core_runs(o) ? record_of(o, &r->key) : NULL;
        if (other == NULL || other->owner != o)
            continue;
        owners++;
        if (o != c && (other->home != c || r->taken) && !given_up(&r->key))
            require((other->users >> c & 1) != 0, CAPS_INVARIANT_USERS, c, &r->key);
        require(other->home == o || (core_runs(other->home) &&
                                     record_of(other->home, &r->key) != NULL),
                CAPS_INVARIANT_HOME, o, &r->key);
    }
    bool under_way = moving(&r->key) != NULL || given_up(&r->key);
    require(owners == 1 || (owners == 0 && under_way), CAPS_INVARIANT_OWNER, c, &r->key);
}

/* Two objects that this machine's cores own. */
static void check_pair(unsigned a, const struct cte *outer, unsigned b, const struct cte *inner)
{
    struct caps_key o = key_of(outer), i = key_of(inner);
    if (o.page >= i.page + i.pages || i.page >= o.page + o.pages || !key_before(&o, &i))
        return;
    require(i.page + i.pages <= o.page + o.pages, CAPS_INVARIANT_NESTING, b, &i);
    if (sim.machines[a].state == CORE_STOPS)
        return; /* it makes nothing any more */
    /* Something at a that b owns, or that has left b again, covers it. */
    const struct core_ops *ops = sim.machines[a].core.ops;
    for (const struct cte *n = ops->next(outer); n != NULL; n = ops->next(n)) {
        struct caps_key k = key_of(n);
        if (k.page <= i.page && k.page + k.pages >= i.page + i.pages && n->type != CAPTYPE_MAPPING)
            return;
    }
    require(false, CAPS_INVARIANT_COVERED, a, &i);
}

static void check_objects(void)
{
    for (unsigned a = 0; a < sim.cores; a++) {
        const struct core_ops *ops = sim.machines[a].core.ops;
        for (struct cte *n = core_runs(a) ? ops->next(NULL) : NULL; n != NULL; n = ops->next(n)) {
            if (n->owner != a || n->type == CAPTYPE_MAPPING)
                continue;
            for (unsigned b = 0; b < sim.cores; b++) {
                const struct core_ops *other = sim.machines[b].core.ops;
                struct cte *m = b != a && core_runs(b) ? other->next(NULL) : NULL;
                for (; m != NULL; m = other->next(m)) {
                    bool apart = n->page >= m->page + m->pages || m->page >= n->page + n->pages;
                    if (apart || m->owner != b || m->type == CAPTYPE_MAPPING)
                        continue;
                    struct caps_key key = key_of(n), at = key_of(m);
                    require(key.type != at.type || key.page != at.page || key.pages != at.pages,
                            CAPS_INVARIANT_OWNER, b, &at);
                    check_pair(a, n, b, m);
                }
            }
        }
    }
}

/* What is mapped anywhere overlaps no frame that was made of the same frame anywhere else. */
static bool check_mapping(struct machine *m, struct mslot *slot, void *arg)
{
    const struct mslot *mapping = arg;
    const struct caps_key *key = &slot->cap.key, *at = &mapping->cap.key;
    if (key->type != CAPTYPE_FRAME)
        return false;
    require(key->page >= at->page + at->pages || at->page >= key->page + key->pages ||
                (key->page <= at->page && key->page + key->pages >= at->page + at->pages),
            CAPS_INVARIANT_PARTED, number_of(m), key);
    return false;
}

static bool check_slot(struct machine *m, struct mslot *slot, void *arg)
{
    const struct cte *real = slot->real;
    const struct mcap *cap = &slot->cap;
    HOLDS(real->type == cap->key.type && real->page == cap->key.page &&
              real->pages == cap->key.pages && real->rights == cap->rights,
          "core %u: type %u at page 0x%x, %u pages, rights 0x%x; really type %u at page 0x%x, %u "
          "pages, rights 0x%x",
          number_of(m), cap->key.type, cap->key.page, cap->key.pages, cap->rights, real->type,
          real->page, real->pages, real->rights);
    if (cap->key.type == CAPTYPE_MAPPING)
        (void)model_any(check_mapping, slot);
    return false;
}

void check_slots(void)
{
    model_sync();
    (void)model_any(check_slot, NULL);
}

void check_invariants(void)
{
    for (unsigned c = 0; c < sim.cores; c++) {
        const struct caps *caps = &sim.machines[c].core.caps;
        uint64_t nodes;
        if (!core_runs(c))
            continue;
        HOLDS(sim.machines[c].core.ops->check(&nodes) == 0, "core %u: its database is damaged", c);
        for (unsigned i = 0; i < CAPS_RECORDS_MAX; i++) {
            if (caps->records[i].used)
                check_record(c, &caps->records[i]);
        }
    }
    check_objects();
}

struct use {
    const struct caps_key *key;
    unsigned core;
    bool anywhere;
};

/* Uses of an object: capabilities to it, and what was made of it or is mapped of it. */
static bool use_slot(struct machine *m, struct mslot *slot, void *arg)
{
    const struct use *use = arg;
    return (use->anywhere || number_of(m) == use->core) &&
           key_concerned(use->key, &slot->cap.key);
}

/* Whether core `c` knows something else that was made of it, which is used somewhere. */
static bool has_inner(unsigned c, const struct caps_record *outer)
{
    const struct caps *caps = &sim.machines[c].core.caps;
    for (unsigned i = 0; i < CAPS_RECORDS_MAX; i++) {
        const struct caps_record *r = &caps->records[i];
        if (r->used && r != outer && key_concerned(&outer->key, &r->key))
            return true;
    }
    return false;
}

static void add_record(void *arg, const struct audit_record *r)
{
    struct audit_records *all = arg;
    all->all = realloc(all->all, (all->count + 1) * sizeof *all->all);
    all->all[all->count++] = *r;
}

/* What monitor.check does on the machine. */
static uint64_t look_through(struct audit_records *all)
{
    uint64_t found = 0;
    for (unsigned c = 0; c < sim.cores; c++) {
        const struct core *core = &sim.machines[c].core;
        for (unsigned i = 0; core_runs(c) && i < CAPS_RECORDS_MAX; i++) {
            const struct caps_record *r = &core->caps.records[i];
            struct audit_record known = {.core = (uint8_t)c,
                                         .owner = r->owner,
                                         .home = r->home,
                                         .users = r->owner == c ? r->users : 0,
                                         .key = r->key};
            if (!r->used)
                continue;
            found += core->ops->rules_own(&core->caps, r, true);
            add_record(all, &known);
        }
        if (core_runs(c))
            found += core->ops->rules_parts(&core->caps, add_record, all);
    }
    return found + sim.machines[BOOT].core.ops->rules_agree(all);
}

/* The rules for the machine, which see less than the checks here, find nothing either. */
static void check_rules(void)
{
    struct audit_records all = {0};
    uint64_t found = look_through(&all);
    for (unsigned c = 0; c < sim.cores; c++) {
        const struct core *core = &sim.machines[c].core;
        struct audit_records others = {0};
        for (unsigned i = 0; i < all.count; i++) {
            if (all.all[i].core != c)
                add_record(&others, &all.all[i]);
        }
        if (core_runs(c))
            found += core->ops->rules_look(&core->caps, &others);
        free(others.all);
    }
    free(all.all);
    HOLDS(found == 0, "the rules for the machine find %llu violations",
          (unsigned long long)found);
}

/* Each record stands for something. */
void check_settled(void)
{
    check_rules();
    for (unsigned c = 0; c < sim.cores; c++) {
        const struct caps *caps = &sim.machines[c].core.caps;
        if (!core_runs(c))
            continue;
        for (unsigned i = 0; i < CAPS_RECORDS_MAX; i++) {
            const struct caps_record *r = &caps->records[i];
            struct use use = {&r->key, c, false};
            if (!r->used)
                continue;
            require(r->busy == 0, CAPS_INVARIANT_SPARE, c, &r->key);
            if (r->owner == c && r->home == c)
                require(r->users != 0, CAPS_INVARIANT_SPARE, c, &r->key);
            else if (r->owner != c && r->home != c)
                require(model_any(use_slot, &use) || has_inner(c, r), CAPS_INVARIANT_SPARE, c,
                        &r->key);
            use.anywhere = true;
            require(model_any(use_slot, &use), CAPS_INVARIANT_SPARE, c, &r->key);
        }
    }
}
