/* See audit.h. */
#include "audit.h"

#include <stdio.h>
#include <stdlib.h>

#include <aos/domain.h>
#include <aos/kernel.h>
#include <if/intermon.h>

#include "intermon.h"
#include "invariants.h"
#include "share.h"

#define AUDIT_RECORDS_MAX (CAPS_CORES_MAX * CAPS_RECORDS_MAX)
#define AUDIT_LINE_BYTES  160u

/* What `core` knows of an object. */
struct audit_record {
    uint8_t core, owner, home, users;
    struct caps_key key;
};

static struct {
    bool running;
    uint32_t number;                     /* of the question */
    uint8_t waits;                       /* cores that have not answered */
    struct audit_result result;
    struct audit_record *records;
    uint32_t room;
    audit_done_fn done;
    void *arg;
} audit;

static const char *const audit_texts[] = {
#define AUDIT_TEXT(number, name, text) [number] = text,
    CAPS_INVARIANTS(AUDIT_TEXT)
#undef AUDIT_TEXT
};

static uint64_t audit_require(bool ok, enum caps_invariant invariant, uint32_t core,
                              const struct caps_key *key)
{
    char line[AUDIT_LINE_BYTES];
    int length;

    if (ok) {
        return 0;
    }
    length = snprintf(line, sizeof(line), "monitor: invariant %u violated (%s): core %u, type %u "
                      "at page 0x%x, %u pages\n", (unsigned)invariant, audit_texts[invariant],
                      (unsigned)core, key->type, (unsigned)key->page, (unsigned)key->pages);
    length = length < (int)sizeof(line) ? length : (int)sizeof(line) - 1;
    (void)kernel_print(line, (size_t)length);
    return 1;
}

/* --- what this core knows ------------------------------------------------------------------- */

static uint64_t audit_anchor(const struct caps *c, const struct caps_record *record)
{
    struct caps_description d = {0};
    errval_t err = c->host.describe(c->host.arg, 0, record->anchor, &d);

    return audit_require(err_is_ok(err) && (d.state & KPI_CAP_ANCHOR) != 0
                         && d.owner == record->owner && d.key.type == record->key.type
                         && d.key.page == record->key.page && d.key.pages == record->key.pages,
                         CAPS_INVARIANT_ANCHOR, c->self, &record->key);
}

static bool audit_is_quiet(const struct caps *c)
{
    bool quiet = !c->retry && !c->again;

    for (uint32_t i = 0; i < CAPS_OPS_MAX; i++) {
        quiet &= c->ops[i].kind == CAPS_OP_NONE;
    }
    for (uint32_t i = 0; i < CAPS_MARKS_MAX; i++) {
        quiet &= !c->marks[i].used;
    }
    return quiet;
}

/* Gives all records of this core to `tell`, and returns how it ends. */
static struct intermon_audit_message audit_own(uint32_t number, uint32_t to,
                                               void (*tell)(uint32_t core,
                                                            const struct intermon_audit_message *m))
{
    const struct caps *c = share_caps();
    struct intermon_audit_message end = {
        .kind = INTERMON_AUDIT_KIND_END, .number = number, .quiet = audit_is_quiet(c),
    };

    if (err_is_fail(kernel_check(&end.found, &end.nodes))) {
        end.found = 1;
    }
    for (uint32_t i = 0; i < CAPS_RECORDS_MAX; i++) {
        const struct caps_record *r = &c->records[i];

        if (r->used) {
            const struct intermon_audit_message m = {
                .kind = INTERMON_AUDIT_KIND_RECORD, .number = number, .type = r->key.type,
                .page = r->key.page, .pages = r->key.pages, .owner = r->owner, .home = r->home,
                .users = r->owner == c->self ? r->users : 0,
            };

            end.found += audit_anchor(c, r);
            tell(to, &m);
        }
    }
    return end;
}

/* --- what all know -------------------------------------------------------------------------- */

static bool audit_same(const struct caps_key *a, const struct caps_key *b)
{
    return a->type == b->type && a->page == b->page && a->pages == b->pages;
}

/* Whether one contains the other, or they are apart. */
static bool audit_nests(const struct caps_key *a, const struct caps_key *b)
{
    uint64_t a_end = (uint64_t)a->page + a->pages, b_end = (uint64_t)b->page + b->pages;

    return a_end <= b->page || b_end <= a->page || (a->page <= b->page && b_end <= a_end)
        || (b->page <= a->page && a_end <= b_end);
}

/* What is said of the object of record `at`, which is the first one about it. */
static uint64_t audit_object(uint32_t at)
{
    const struct audit_record *r = &audit.records[at], *owner = NULL;
    uint8_t cores = 0, known;
    uint64_t found = 0;
    bool agreed = true;

    for (uint32_t i = at; i < audit.result.records; i++) {
        const struct audit_record *s = &audit.records[i];

        if (audit_same(&r->key, &s->key)) {
            cores |= (uint8_t)(1u << s->core);
            agreed &= s->owner == r->owner;
            owner = s->owner == s->core ? s : owner;
        }
    }
    found += audit_require(owner != NULL && agreed, CAPS_INVARIANT_OWNER, r->core, &r->key);
    if (owner != NULL) {
        found += audit_require((cores & 1u << owner->home) != 0, CAPS_INVARIANT_HOME, owner->core,
                               &r->key);
        known = (uint8_t)(owner->users | 1u << owner->core | 1u << owner->home);
        found += audit_require(known == cores, CAPS_INVARIANT_USERS, owner->core, &r->key);
    }
    return found;
}

static void audit_evaluate(void)
{
    for (uint32_t i = 0; i < audit.result.records; i++) {
        const struct audit_record *r = &audit.records[i];
        bool first = true, nests = true;

        for (uint32_t j = 0; j < i; j++) {
            first &= !audit_same(&audit.records[j].key, &r->key);
            nests &= audit_nests(&audit.records[j].key, &r->key);
        }
        audit.result.found += audit_require(nests, CAPS_INVARIANT_NESTING, r->core, &r->key);
        audit.result.found += first ? audit_object(i) : 0;
    }
}

static void audit_end(void)
{
    if (audit.waits != 0) {
        return;
    }
    if (!audit.result.failed && audit.result.quiet) {
        audit_evaluate();
    }
    audit.running = false;
    free(audit.records);
    audit.records = NULL;
    audit.room = 0;
    audit.done(audit.arg, &audit.result);
}

static void audit_note(uint32_t core, const struct intermon_audit_message *m)
{
    uint32_t at = audit.result.records;

    if (at == audit.room) {
        uint32_t room = audit.room == 0 ? 64 : 2 * audit.room;
        struct audit_record *more =
            at < AUDIT_RECORDS_MAX ? realloc(audit.records, room * sizeof(*more)) : NULL;

        if (more == NULL) {
            audit.result.failed = true;
            return;
        }
        audit.records = more;
        audit.room = room;
    }
    audit.records[at] = (struct audit_record){
        .core = (uint8_t)core, .owner = m->owner, .home = m->home, .users = m->users,
        .key = {m->type, m->page, m->pages},
    };
    audit.result.records++;
}

static void audit_answered(uint32_t core, const struct intermon_audit_message *m)
{
    audit.waits &= (uint8_t)~(1u << core);
    audit.result.found += m->found;
    audit.result.nodes += m->nodes;
    audit.result.quiet &= m->quiet;
    audit_end();
}

bool audit_begin(audit_done_fn done, void *arg)
{
    struct intermon_audit_message m = {.kind = INTERMON_AUDIT_KIND_ASK};
    uint32_t self = domain_core();
    uint8_t peers = intermon_peers();

    if (audit.running && (audit.waits & ~peers) != 0) {
        audit.result.failed = true;      /* of cores that went off in between */
        audit.waits &= peers;
        audit_end();
    }
    if (audit.running || !domain_on_boot_core()) {
        return false;
    }
    audit.running = true;
    audit.number++;
    audit.waits = (uint8_t)(peers | 1u << self);
    audit.result = (struct audit_result){.quiet = true};
    audit.done = done;
    audit.arg = arg;
    m.number = audit.number;
    for (uint32_t core = 0; core < CAPS_CORES_MAX; core++) {
        if ((peers & 1u << core) != 0 && err_is_fail(intermon_send_audit(core, &m))) {
            audit.result.failed = true;
            audit.waits &= (uint8_t)~(1u << core);
        }
    }
    m = audit_own(audit.number, self, audit_note);
    audit_answered(self, &m);
    return true;
}

static void audit_tell(uint32_t core, const struct intermon_audit_message *m)
{
    (void)intermon_send_audit(core, m);  /* what is not told is seen as missing */
}

void audit_receive(uint32_t core, const struct intermon_audit_message *m)
{
    struct intermon_audit_message end;

    if (m->kind == INTERMON_AUDIT_KIND_ASK) {
        end = audit_own(m->number, core, audit_tell);
        audit_tell(core, &end);
    } else if (audit.running && m->number == audit.number && (audit.waits & 1u << core) != 0) {
        if (m->kind == INTERMON_AUDIT_KIND_RECORD) {
            audit_note(core, m);
        } else {
            audit_answered(core, m);
        }
    }
}

void audit_peer_gone(uint32_t core)
{
    if (audit.running && (audit.waits & 1u << core) != 0) {
        audit.result.failed = true;
        audit.waits &= (uint8_t)~(1u << core);
        audit_end();
    }
}
