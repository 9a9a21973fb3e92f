/* See rules.h. */
#include "rules.h"

#include <stdio.h>
#include <stdlib.h>

#include <aos/kernel.h>

#include "invariants.h"

#define RULES_LINE_BYTES 160u
#define RULES_NOBODY     0xffu           /* no core */

static const char *const rules_texts[] = {
#define RULES_TEXT(number, name, text) [number] = text,
    CAPS_INVARIANTS(RULES_TEXT)
#undef RULES_TEXT
};

static bool rules_aloud;

void rules_say(bool say)
{
    rules_aloud = say;
}

static uint64_t rules_require(bool ok, enum caps_invariant invariant, uint32_t core,
                              const struct caps_key *key)
{
    char line[RULES_LINE_BYTES];
    int length;

    if (ok || !rules_aloud) {
        return !ok;
    }
    length = snprintf(line, sizeof(line), "monitor: invariant %u violated (%s): core %u, type %u "
                      "at page 0x%x, %u pages\n", (unsigned)invariant, rules_texts[invariant],
                      (unsigned)core, key->type, (unsigned)key->page, (unsigned)key->pages);
    length = length < (int)sizeof(line) ? length : (int)sizeof(line) - 1;
    (void)kernel_print(line, (size_t)length);
    return 1;
}

static bool rules_same(const struct caps_key *a, const struct caps_key *b)
{
    return a->type == b->type && a->page == b->page && a->pages == b->pages;
}

static bool rules_apart(const struct caps_key *a, const struct caps_key *b)
{
    return a->page - b->page >= b->pages && b->page - a->page >= a->pages;
}

static bool rules_contains(const struct caps_key *outer, const struct caps_key *inner)
{
    return inner->page >= outer->page && inner->pages <= outer->pages
        && inner->page - outer->page <= outer->pages - inner->pages;
}

static bool rules_nest(const struct caps_key *a, const struct caps_key *b)
{
    return rules_apart(a, b) || rules_contains(a, b) || rules_contains(b, a);
}

/* --- one core --------------------------------------------------------------------------------- */

/* What the record stands for, when nothing is under way. */
static bool rules_is_of_use(const struct caps *c, const struct caps_record *r, uint32_t state)
{
    bool used = (state & (KPI_CAP_SHARED | KPI_CAP_USED)) != 0;

    if (r->pinned) {
        return true;
    }
    if (r->owner == c->self) {
        return r->users != 0 || (used && r->home != c->self);
    }
    return used || r->home == c->self;
}

uint64_t rules_own(const struct caps *c, const struct caps_record *r, bool quiet)
{
    struct caps_description d = {0};
    errval_t err = c->host.describe(c->host.arg, 0, r->anchor, &d);
    uint64_t found = rules_require(err_is_ok(err) && (d.state & KPI_CAP_ANCHOR) != 0
                                   && d.owner == r->owner && rules_same(&d.key, &r->key),
                                   CAPS_INVARIANT_ANCHOR, c->self, &r->key);

    return found + rules_require(!quiet || rules_is_of_use(c, r, d.state), CAPS_INVARIANT_SPARE,
                                 c->self, &r->key);
}

/* The next object of this core's database; false: there is none, or *ret_found says why not. */
static bool rules_next(struct kernel_object *o, struct caps_key *ret_key, uint64_t *ret_found)
{
    errval_t err = kernel_caps_next(o, o);

    *ret_key = (struct caps_key){o->cap.type, o->cap.page, o->cap.pages};
    *ret_found += err_is_fail(err);
    return err_is_ok(err) && o->cap.type != CAPTYPE_NULL;
}

static bool rules_is_frame(const struct caps_key *key)
{
    return key->type == CAPTYPE_FRAME || key->type == CAPTYPE_DEVFRAME;
}

uint64_t rules_parts(const struct caps *c,
                     void (*tell)(void *arg, const struct audit_record *part), void *arg)
{
    struct kernel_object o = {0};
    struct audit_record part = {.core = c->self, .owner = c->self, .part = true};
    uint64_t found = 0;

    while (rules_next(&o, &part.key, &found)) {
        bool made = false;

        for (uint32_t i = 0; rules_is_frame(&part.key) && !made && i < CAPS_RECORDS_MAX; i++) {
            const struct caps_record *r = &c->records[i];

            made = r->used && r->owner == c->self && o.cap.owner == c->self
                && r->key.type == part.key.type && r->key.pages > part.key.pages
                && rules_contains(&r->key, &part.key);
        }
        if (made) {
            tell(arg, &part);
        }
    }
    return found;
}

/* --- all cores -------------------------------------------------------------------------------- */

/* What is said of the object of record `at`, which is the first one about it. */
static uint64_t rules_object(const struct audit_records *records, uint32_t at)
{
    const struct audit_record *r = &records->all[at], *owner = NULL;
    uint8_t cores = 0, known;
    uint64_t found = 0;
    bool agreed = true;

    for (uint32_t i = at; i < records->count; i++) {
        const struct audit_record *s = &records->all[i];

        if (!s->part && rules_same(&r->key, &s->key)) {
            cores |= (uint8_t)(1u << s->core);
            agreed &= s->owner == r->owner;
            owner = s->owner == s->core ? s : owner;
        }
    }
    found += rules_require(owner != NULL && agreed, CAPS_INVARIANT_OWNER, r->core, &r->key);
    if (owner != NULL) {
        found += rules_require((cores & 1u << owner->home) != 0, CAPS_INVARIANT_HOME, owner->core,
                               &r->key);
        known = (uint8_t)(owner->users | 1u << owner->core | 1u << owner->home);
        found += rules_require(known == cores, CAPS_INVARIANT_USERS, owner->core, &r->key);
    }
    return found;
}

uint64_t rules_agree(const struct audit_records *records)
{
    uint64_t found = 0;

    for (uint32_t i = 0; i < records->count; i++) {
        const struct audit_record *r = &records->all[i];
        bool first = true;

        for (uint32_t j = 0; j < i; j++) {
            const struct audit_record *s = &records->all[j];

            first &= s->part || !rules_same(&s->key, &r->key);
        }
        found += !r->part && first ? rules_object(records, i) : 0;
    }
    return found;
}

/* --- what others know, and this kernel -------------------------------------------------------- */

/* What this database has of something that another core has told of. */
struct rules_sight {
    uint8_t cover;                       /* owner of the smallest object around it */
    bool known, mapped;                  /* it, and pages of it */
    uint32_t inner_end;                  /* of frames that were made of it: those may be mapped */
};

static uint64_t rules_compare(const struct caps *c, const struct kernel_object *o,
                              const struct caps_key *key, const struct audit_record *told,
                              struct rules_sight *sight)
{
    if (rules_apart(key, &told->key)) {
        return 0;
    }
    if (key->type == CAPTYPE_MAPPING) {
        sight->mapped |= key->page + key->pages > sight->inner_end;
        return 0;
    }
    sight->known |= rules_same(key, &told->key);
    if (rules_is_frame(key) && rules_contains(&told->key, key)
        && key->page + key->pages > sight->inner_end) {
        sight->inner_end = key->page + key->pages;
    }
    /* Of the same range, what the other is made of has the lower type. */
    if (rules_contains(key, &told->key)
        && (key->pages > told->key.pages || key->type <= told->key.type)) {
        sight->cover = o->cap.owner;
    }
    return rules_require(rules_nest(key, &told->key), CAPS_INVARIANT_NESTING, c->self, key);
}

static bool rules_is_known(const struct caps *c, const struct caps_key *key)
{
    for (uint32_t i = 0; i < CAPS_RECORDS_MAX; i++) {
        if (c->records[i].used && rules_same(&c->records[i].key, key)) {
            return true;
        }
    }
    return false;
}

/* An object of another core: there is a record of it, but of the bells of other monitors, and of
 * the memory that other cores were started with. */
static uint64_t rules_foreign(const struct caps *c, const struct kernel_object *o,
                              const struct caps_key *key, uint8_t *pools)
{
    uint8_t bit = (uint8_t)(1u << o->cap.owner);
    bool ok = o->cap.owner == c->self || key->type == CAPTYPE_MAPPING || rules_is_known(c, key)
        || (key->type == CAPTYPE_NOTIFY && (key->page - KPI_CAP_NOTIFIES)
            % KPI_NOTIFY_BITS < KPI_NOTIFY_MONITORS);

    if (!ok && key->type == CAPTYPE_RAM && (*pools & bit) == 0) {
        *pools |= bit;
        ok = true;
    }
    return rules_require(ok, CAPS_INVARIANT_ANCHOR, c->self, key);
}

uint64_t rules_look(const struct caps *c, const struct audit_records *told)
{
    struct rules_sight *sights = calloc(told->count + 1, sizeof(*sights));
    struct kernel_object o = {0};
    uint64_t found = sights == NULL;
    struct caps_key key;
    uint8_t pools = 0;

    for (uint32_t i = 0; sights != NULL && i < told->count; i++) {
        sights[i].cover = RULES_NOBODY;
    }
    while (sights != NULL && rules_next(&o, &key, &found)) {
        found += rules_foreign(c, &o, &key, &pools);
        for (uint32_t i = 0; i < told->count; i++) {
            found += rules_compare(c, &o, &key, &told->all[i], &sights[i]);
        }
    }
    for (uint32_t i = 0; sights != NULL && i < told->count; i++) {
        const struct audit_record *r = &told->all[i];

        found += rules_require(r->part || r->owner == c->self || sights[i].cover != c->self,
                               CAPS_INVARIANT_COVERED, c->self, &r->key);
        found += rules_require(!r->part || sights[i].known || !sights[i].mapped,
                               CAPS_INVARIANT_PARTED, c->self, &r->key);
    }
    free(sights);
    return found;
}
