/* See audit.h; the messages are told in intermon.if. The core that booted asks, as it alone reaches
 * all others directly: those ask it. One look at a time; who asks meanwhile gets the next one. */
#include "audit.h"

#include <stdlib.h>

#include <aos/domain.h>
#include <aos/kernel.h>
#include <if/intermon.h>

#include "intermon.h"
#include "rules.h"
#include "share.h"

#define AUDIT_RECORDS_MAX (CAPS_CORES_MAX * CAPS_RECORDS_MAX)
#define AUDIT_LOOKS_MAX   3u             /* in a row that find something: then it is there */

/* Who has asked on this core. */
struct audit_asker {
    struct audit_asker *next;
    audit_done_fn done;
    void *arg;
    uint32_t number;                     /* of the wish; 0: it waits for the answer to another */
    bool kernels;
};
/* Further cores that have asked, and by which number. */
struct audit_far {
    uint8_t cores;                       /* mask */
    bool kernels;                        /* one of them wants these */
    uint32_t number[CAPS_CORES_MAX];
};

static struct {
    uint32_t number;                     /* of the question, of what is asked here */
    uint8_t waits;                       /* cores that have not answered */
    bool compares;                       /* it is the second answer */
    uint32_t looks;                      /* of this question, this one included */
    bool kernels;                        /* they are asked, too */
    struct audit_asker *askers;          /* of this look */
    struct audit_asker *later;           /* of the next one */
    struct audit_result result;
    struct audit_records records;
    struct audit_records told;           /* to this core, which did not ask, */
    bool told_failed;                    /* but there was no room for all of it */
    bool wished;                         /* a further core: the core that booted has its wish */
    bool looking;                        /* for those in `askers` and `far` */
    struct audit_far far, far_later;
} audit;

/* False: there is no room. */
static bool audit_add(struct audit_records *records, const struct audit_record *r)
{
    if (records->count == records->room) {
        uint32_t room = records->room == 0 ? 64 : 2 * records->room;
        struct audit_record *more = room <= AUDIT_RECORDS_MAX
            ? realloc(records->all, room * sizeof(*more)) : NULL;

        if (more == NULL) {
            return false;
        }
        records->all = more;
        records->room = room;
    }
    records->all[records->count++] = *r;
    return true;
}

static void audit_forget(struct audit_records *records)
{
    free(records->all);
    *records = (struct audit_records){0};
}

static struct intermon_audit_message audit_message(uint32_t number, const struct audit_record *r)
{
    return (struct intermon_audit_message){
        .kind = r->part ? INTERMON_AUDIT_KIND_PART : INTERMON_AUDIT_KIND_RECORD, .number = number,
        .core = r->core, .type = r->key.type, .page = r->key.page, .pages = r->key.pages,
        .owner = r->owner, .home = r->home, .users = r->users,
    };
}

static struct audit_record audit_record_of(const struct intermon_audit_message *m)
{
    return (struct audit_record){
        .core = m->core, .owner = m->owner, .home = m->home, .users = m->users,
        .part = m->kind == INTERMON_AUDIT_KIND_PART, .key = {m->type, m->page, m->pages},
    };
}

/* --- what this core knows ------------------------------------------------------------------- */

/* What was found here, and all records to `tell`. */
static struct audit_result audit_own(bool kernels,
                                     void (*tell)(void *arg, const struct audit_record *r),
                                     void *arg)
{
    const struct caps *c = share_caps();
    struct audit_result own = {.quiet = share_is_quiet()};

    own.failed = kernels && err_is_fail(kernel_check(&own.found, &own.nodes));
    for (uint32_t i = 0; i < CAPS_RECORDS_MAX; i++) {
        const struct caps_record *r = &c->records[i];
        struct audit_record known = {
            .core = c->self, .owner = r->owner, .home = r->home,
            .users = r->owner == c->self ? r->users : 0, .key = r->key,
        };

        if (r->used) {
            own.found += rules_own(c, r, own.quiet);
            own.records++;
            tell(arg, &known);
        }
    }
    own.found += rules_parts(c, tell, arg);
    return own;
}

/* A question of another core. */
struct audit_question {
    uint32_t core, number;
    bool failed;                         /* some of the answer could not be told */
};

static void audit_tell(void *arg, const struct audit_record *r)
{
    struct audit_question *q = arg;
    struct intermon_audit_message m = audit_message(q->number, r);

    q->failed |= err_is_fail(intermon_send_audit(q->core, &m));
}

static void audit_send_result(uint32_t core, uint32_t number, intermon_audit_kind_t kind,
                              const struct audit_result *r)
{
    const struct intermon_audit_message m = {
        .kind = kind, .number = number, .failed = r->failed, .quiet = r->quiet,
        .found = r->found, .nodes = r->nodes, .records = r->records,
    };

    (void)intermon_send_audit(core, &m);
}

static void audit_asked(uint32_t core, const struct intermon_audit_message *m)
{
    struct audit_question q = {core, m->number, false};
    struct audit_result own;

    rules_say(m->say);
    audit_forget(&audit.told);
    audit.told_failed = false;
    own = audit_own(m->kernels, audit_tell, &q);
    own.failed |= q.failed;
    audit_send_result(core, m->number, INTERMON_AUDIT_KIND_END, &own);
}

static struct audit_result audit_look(const struct audit_records *told)
{
    uint64_t found = rules_look(share_caps(), told);

    return (struct audit_result){.quiet = share_is_quiet(), .found = found};
}

/* --- a look at all ---------------------------------------------------------------------------- */

static void audit_start(void);

static void audit_end(void)
{
    struct audit_asker *a = audit.askers, *next;
    const struct audit_result result = audit.result;
    const struct audit_far far = audit.far;

    audit_forget(&audit.records);
    audit.askers = NULL;
    audit.looking = false;
    audit_start();
    for (uint32_t core = 0; core < CAPS_CORES_MAX; core++) {
        if ((far.cores & 1u << core) != 0) {
            audit_send_result(core, far.number[core], INTERMON_AUDIT_KIND_RESULT, &result);
        }
    }
    for (; a != NULL; a = next) {
        next = a->next;
        a->done(a->arg, &result);
        free(a);
    }
}

static void audit_ask(void);
static void audit_answered(uint32_t core, const struct audit_result *r);

/* Each core gets what the others have said. */
static void audit_begin_looks(void)
{
    const struct intermon_audit_message end = {
        .kind = INTERMON_AUDIT_KIND_TOLD, .number = audit.number,
    };
    uint32_t self = domain_core();
    struct audit_records others = {0};
    struct audit_result own;
    bool ok = true;

    audit.compares = true;
    audit.waits = (uint8_t)(intermon_peers() | 1u << self);
    for (uint32_t core = 0; core < CAPS_CORES_MAX; core++) {
        struct audit_question q = {core, audit.number, false};
        bool peer = core != self && (audit.waits & 1u << core) != 0;

        for (uint32_t i = 0; i < audit.records.count && (peer || core == self); i++) {
            const struct audit_record *r = &audit.records.all[i];

            if (r->core != core && peer) {
                audit_tell(&q, r);
            } else if (r->core != core) {
                ok &= audit_add(&others, r);
            }
        }
        ok &= !q.failed;
        if (peer) {
            (void)intermon_send_audit(core, &end);
        }
    }
    own = audit_look(&others);
    own.failed = !ok;
    audit_forget(&others);
    audit_answered(self, &own);
}

static void audit_go_on(void)
{
    if (audit.waits != 0) {
        return;
    }
    if (audit.compares && !audit.result.failed && audit.result.quiet && audit.result.found != 0
        && audit.looks < AUDIT_LOOKS_MAX) {
        audit_ask();
    } else if (audit.compares || audit.result.failed || !audit.result.quiet) {
        audit_end();
    } else {
        audit.result.found += rules_agree(&audit.records);
        audit_begin_looks();
    }
}

static void audit_answered(uint32_t core, const struct audit_result *r)
{
    audit.waits &= (uint8_t)~(1u << core);
    audit.result.failed |= r->failed;
    audit.result.quiet &= r->quiet;
    audit.result.found += r->found;
    audit.result.nodes += r->nodes;
    audit.result.records += r->records;
    audit_go_on();
}

static void audit_note(void *arg, const struct audit_record *r)
{
    (void)arg;
    audit.result.failed |= !audit_add(&audit.records, r);
}

static void audit_ask(void)
{
    bool say = ++audit.looks == AUDIT_LOOKS_MAX;
    const struct intermon_audit_message m = {
        .kind = INTERMON_AUDIT_KIND_ASK, .number = ++audit.number, .say = say,
        .kernels = audit.kernels,
    };
    uint8_t peers = intermon_peers();
    struct audit_result own;

    rules_say(say);
    audit_forget(&audit.records);
    audit.compares = false;
    audit.waits = (uint8_t)(peers | 1u << domain_core());
    audit.result = (struct audit_result){.quiet = true};
    for (uint32_t core = 0; core < CAPS_CORES_MAX; core++) {
        if ((peers & 1u << core) != 0) {
            (void)intermon_send_audit(core, &m);
        }
    }
    own = audit_own(audit.kernels, audit_note, NULL);
    audit_answered(domain_core(), &own);
}

static void audit_start(void)
{
    if (!audit.looking && (audit.later != NULL || audit.far_later.cores != 0)) {
        audit.looking = true;
        audit.askers = audit.later;
        audit.later = NULL;
        audit.far = audit.far_later;
        audit.far_later = (struct audit_far){0};
        audit.looks = 0;
        audit.kernels = audit.far.kernels;
        for (const struct audit_asker *a = audit.askers; a != NULL; a = a->next) {
            audit.kernels |= a->kernels;
        }
        audit_ask();
    }
}

void audit_peer_gone(uint32_t core)
{
    const struct audit_result gone = {.failed = true};

    audit.far.cores &= (uint8_t)~(1u << core);
    audit.far_later.cores &= (uint8_t)~(1u << core);
    if (audit.looking && (audit.waits & 1u << core) != 0) {
        audit_answered(core, &gone);
    }
}

/* --- asking ----------------------------------------------------------------------------------- */

/* On a further core: the wish of all who wait. One at a time. */
static void audit_wish(void)
{
    struct intermon_audit_message m = {.kind = INTERMON_AUDIT_KIND_PLEASE};

    if (audit.wished || audit.later == NULL) {
        return;
    }
    m.number = ++audit.number;
    for (struct audit_asker *a = audit.later; a != NULL; a = a->next) {
        a->number = m.number;
        m.kernels |= a->kernels;
    }
    audit.wished = true;
    (void)intermon_send_audit(domain_startup()->boot_core, &m);
}

/* The core that booted has answered. */
static void audit_got(const struct intermon_audit_message *m)
{
    const struct audit_result r = {
        .failed = m->failed, .quiet = m->quiet, .found = m->found, .nodes = m->nodes,
        .records = m->records,
    };
    struct audit_asker **at = &audit.later, *got = NULL, *next;

    while (*at != NULL) {
        struct audit_asker *a = *at;

        if (a->number == m->number) {
            *at = a->next;
            a->next = got;
            got = a;
        } else {
            at = &a->next;
        }
    }
    audit.wished = false;
    for (; got != NULL; got = next) {
        next = got->next;
        got->done(got->arg, &r);
        free(got);
    }
    audit_wish();
}

void audit_begin(bool kernels, audit_done_fn done, void *arg)
{
    const struct audit_result failed = {.failed = true};
    struct audit_asker *a = malloc(sizeof(*a));

    if (a == NULL) {
        done(arg, &failed);
        return;
    }
    *a = (struct audit_asker){
        .next = audit.later, .done = done, .arg = arg, .kernels = kernels,
    };
    audit.later = a;
    if (domain_on_boot_core()) {
        audit_start();
    } else {
        audit_wish();
    }
}

/* By a further core, which has no other wish. */
static void audit_pleased(uint32_t core, const struct intermon_audit_message *m)
{
    audit.far_later.cores |= (uint8_t)(1u << core);
    audit.far_later.kernels |= m->kernels;
    audit.far_later.number[core] = m->number;
    audit_start();
}

void audit_receive(uint32_t core, const struct intermon_audit_message *m)
{
    const struct audit_result r = {
        .failed = m->failed, .quiet = m->quiet, .found = m->found, .nodes = m->nodes,
        .records = m->records,
    };
    const struct audit_record record = audit_record_of(m);
    bool awaited = audit.looking && m->number == audit.number
        && (audit.waits & 1u << core) != 0;
    struct audit_result own;

    switch (m->kind) {
    case INTERMON_AUDIT_KIND_ASK:
        audit_asked(core, m);
        break;
    case INTERMON_AUDIT_KIND_RECORD:
    case INTERMON_AUDIT_KIND_PART:
        if (awaited) {
            audit_note(NULL, &record);
        } else if (!domain_on_boot_core()) {
            audit.told_failed |= !audit_add(&audit.told, &record);
        }
        break;
    case INTERMON_AUDIT_KIND_TOLD:
        own = audit_look(&audit.told);
        own.failed = audit.told_failed;
        audit_forget(&audit.told);
        audit_send_result(core, m->number, INTERMON_AUDIT_KIND_LOOKED, &own);
        break;
    case INTERMON_AUDIT_KIND_END:
    case INTERMON_AUDIT_KIND_LOOKED:
        if (awaited) {
            audit_answered(core, &r);
        }
        break;
    case INTERMON_AUDIT_KIND_PLEASE:
        audit_pleased(core, m);
        break;
    case INTERMON_AUDIT_KIND_RESULT:
        audit_got(m);
        break;
    }
}
