/* The naive model: one list of capabilities, looked through from one end to the other. */
#include <kernel/notify.h>
#include "sim.h"

bool key_before(const struct caps_key *a, const struct caps_key *b)
{
    if (a->page != b->page)
        return a->page < b->page;
    if (a->pages != b->pages)
        return a->pages > b->pages;
    return a->type < b->type;
}

bool key_concerned(const struct caps_key *range, const struct caps_key *key)
{
    return key->page >= range->page && key->page < range->page + range->pages &&
           !key_before(key, range);
}

struct caps_key key_of(const struct cte *cte)
{
    return (struct caps_key){.type = cte->type, .page = cte->page, .pages = cte->pages};
}

static bool key_same(const struct caps_key *a, const struct caps_key *b)
{
    return a->type == b->type && a->page == b->page && a->pages == b->pages;
}

void model_take(struct mslot *m, struct cte *real)
{
    m->real = real;
    m->cap = (struct mcap){.key = key_of(real), .rights = real->rights};
}

bool model_any(model_fn fn, void *arg)
{
    for (unsigned c = 0; c < sim.cores; c++) {
        struct machine *m = &sim.machines[c];
        for (unsigned d = 0; d < DOMAINS; d++) {
            for (unsigned i = 0; m->domains[d].alive && i < DOMAIN_SLOTS; i++) {
                struct mslot *slot = &m->domains[d].slots[i];
                if (slot->cap.key.type != CAPTYPE_NULL && fn(m, slot, arg))
                    return true;
            }
        }
        for (unsigned i = 0; i < INBOX_MAX; i++) {
            if (m->inbox[i].used && m->inbox[i].m.cap.key.type != CAPTYPE_NULL &&
                fn(m, &m->inbox[i].m, arg))
                return true;
        }
    }
    for (unsigned i = 0; i < OPS_MAX; i++) {
        struct op *op = &sim.ops[i];
        if (op->kind == OP_SEND && op->m.cap.key.type != CAPTYPE_NULL &&
            fn(&sim.machines[op->core], &op->m, arg))
            return true;
    }
    return false;
}

/* A Notify of a core that stops goes everywhere. */
static bool is_of_gone_core(const struct caps_key *key)
{
    if (key->type != CAPTYPE_NOTIFY)
        return false;
    uint32_t number = key->page - (uint32_t)(CAP_NOTIFY_BASE >> CAP_PAGE_SHIFT);
    return sim.machines[number / KPI_NOTIFY_BITS].state != CORE_RUNS;
}

static bool is_revoked(const struct caps_key *key)
{
    if (is_of_gone_core(key))
        return true;
    for (unsigned i = 0; i < OPS_MAX; i++) {
        const struct op *op = &sim.ops[i];
        if (op->kind == OP_REVOKE && key_concerned(&op->key, key))
            return true;
    }
    return false;
}

static bool sync_slot(struct machine *m, struct mslot *slot, void *arg)
{
    if (slot->real->type != CAPTYPE_NULL)
        return false;
    HOLDS(is_revoked(&slot->cap.key), "core %u: type %u at page 0x%x is gone, and nobody took it",
          number_of(m), slot->cap.key.type, slot->cap.key.page);
    slot->cap = (struct mcap){0};
    return false;
}

void model_sync(void)
{
    (void)model_any(sync_slot, NULL);
}

struct revoked {
    const struct caps_key *key;
    const struct mslot *kept;
    bool mappings;
};

static bool revoked_slot(struct machine *m, struct mslot *slot, void *arg)
{
    const struct revoked *r = arg;
    if (r->mappings && slot->cap.key.type == CAPTYPE_MAPPING)
        return false;
    HOLDS(slot == r->kept || slot->cap.key.type == CAPTYPE_NULL ||
              !key_concerned(r->key, &slot->cap.key),
          "core %u: type %u at page 0x%x, %u pages, is still there after the revoke of type %u at "
          "page 0x%x, %u pages",
          number_of(m), slot->cap.key.type, slot->cap.key.page, slot->cap.key.pages, r->key->type,
          r->key->page, r->key->pages);
    return false;
}

void model_revoked(const struct caps_key *key, const struct mslot *kept, bool mappings)
{
    struct revoked r = {key, kept, mappings};
    model_sync();
    (void)model_any(revoked_slot, &r);
    for (unsigned c = 0; c < sim.cores; c++) {
        const struct core *core = &sim.machines[c].core;
        if (sim.machines[c].state == CORE_OFF)
            continue;
        for (struct cte *n = core->ops->next(NULL); n != NULL; n = core->ops->next(n)) {
            struct caps_key at = key_of(n);
            bool idle = (n->flags & CTE_ANCHOR) != 0 && n->next == NULL && n->owner != c;
            idle |= mappings && n->type == CAPTYPE_MAPPING;
            HOLDS(!key_concerned(key, &at) || key_same(key, &at) || idle,
                  "core %u: the tree still has type %u at page 0x%x after its revoke", c, at.type,
                  at.page);
        }
    }
}

struct overlap {
    const struct caps_key *key;
    uint32_t first, end;
    bool frames;
};

static bool overlap_slot(struct machine *m, struct mslot *slot, void *arg)
{
    const struct overlap *o = arg;
    const struct caps_key *key = &slot->cap.key;
    if (o->frames && key->type != CAPTYPE_FRAME && key->type != CAPTYPE_DEVFRAME)
        return false;
    return key->page < o->end && key->page + key->pages > o->first && key_before(o->key, key);
}

bool model_overlap(const struct caps_key *key, uint32_t first, uint32_t end, bool frames)
{
    struct overlap o = {key, first, end, frames};
    return model_any(overlap_slot, &o);
}
