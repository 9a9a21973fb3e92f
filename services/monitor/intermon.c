/* See intermon.h. Invariant: messages to a peer go in the order in which they were given: what
 * cannot be sent at once waits in a list, and nothing passes it. */
#include "intermon_priv.h"

#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/chan.h>
#include <aos/domain.h>
#include <aos/slot.h>

#include "share.h"

struct intermon_ways ways;

/* --- out ------------------------------------------------------------------------------------ */

static errval_t intermon_put_line(struct intermon_peer *p, const struct mail_line *i)
{
    const struct line_wire *w = &i->wire;
    intermon_side_t side = w->to_proxy ? INTERMON_SIDE_PROXY : INTERMON_SIDE_HOME;

    if (w->ended) {
        return intermon_ended(&p->out, w->line, side);
    }
    if (w->taken != 0) {
        return intermon_taken(&p->out, w->line, side, w->taken);
    }
    return intermon_pass(&p->out, w->line, side, w->header, w->words,
                         (intermon_cap_kind_t)w->cap, w->cap_line, i->tag);
}

static errval_t intermon_put_caps(struct intermon_peer *p, const struct mail_caps *i)
{
    const struct caps_msg *m = &i->msg;
    const struct intermon_cap_message message = {
        .kind = m->kind, .flags = m->flags, .rights = m->rights, .owner = m->owner,
        .home = m->home, .users = m->users, .origin = m->from, .dest = m->dest, .op = m->op,
        .type = m->key.type, .page = m->key.page, .pages = m->key.pages, .version = m->version,
        .first = m->first, .count = m->count, .tag = m->tag, .err = m->err,
    };

    return intermon_caps(&p->out, i->sender, i->to, &message);
}

static errval_t intermon_put(struct intermon_peer *p, struct mail *m)
{
    void *what = m;                      /* struct mail is the first of each */
    const struct mail_line *line = what;
    const struct intermon_news *news = what;
    const struct intermon_audit *audit = what;
    const struct intermon_objects *objects = what;

    switch ((enum intermon_kind)m->kind) {
    case INTERMON_CAPS:
        return intermon_put_caps(p, what);
    case INTERMON_ONLINE:
        return intermon_online(&p->out, news->core);
    case INTERMON_OFFLINE:
        return intermon_offline(&p->out, news->core);
    case INTERMON_AUDIT:
        return intermon_audit(&p->out, &audit->message);
    case INTERMON_LOOK:
        return intermon_look(&p->out, objects->number, &objects->all[0]);
    case INTERMON_SEEN:
        return intermon_seen(&p->out, objects->number, objects->all, objects->count);
    case INTERMON_ROOT:
        return intermon_root(&p->out, (intermon_cap_kind_t)line->wire.cap, line->wire.cap_line);
    case INTERMON_LINE:
        break;
    }
    return intermon_put_line(p, line);
}

/* Of what was to be sent. False: the rest waits. */
static bool intermon_sent(struct intermon_peer *p, errval_t err)
{
    if (err_no(err) == RPC_ERR_AGAIN) {
        p->waits = true;
        binding_on_writable(&p->out.base, intermon_flush, p);
        return false;
    }
    p->up = p->up && err_is_ok(err);     /* if not, the core has stopped */
    return true;
}

static bool intermon_flush_list(struct intermon_peer *p, struct mail_list *list)
{
    while (p->up && list->head != NULL) {
        struct mail *m = list->head;

        if (list == &p->lists[INTERMON_SECOND] && mail_as_line(m)->crossing) {
            return true;
        }
        if (!intermon_sent(p, intermon_put(p, m))) {
            return false;
        }
        mail_free(mail_take(list));
    }
    return true;
}

/* Nothing is ever said about these lines by this side, so it does not matter when. */
static void intermon_flush_refused(struct intermon_peer *p)
{
    p->refuses = false;
    for (uint32_t i = 0; p->up && i < LINES_MAX; i++) {
        uint64_t bit = 1ull << i % 64;

        if ((p->refused[i / 64] & bit) == 0) {
            continue;
        }
        if (!intermon_sent(p, intermon_ended(&p->out, i, INTERMON_SIDE_HOME))) {
            p->refuses = true;
            return;
        }
        p->refused[i / 64] &= ~bit;
    }
}

void intermon_flush(void *arg)
{
    struct intermon_peer *p = arg;

    p->waits = false;
    if (intermon_flush_list(p, &p->lists[INTERMON_FIRST])
        && intermon_flush_list(p, &p->lists[INTERMON_SECOND]) && p->refuses) {
        intermon_flush_refused(p);
    }
}

static void intermon_queue(struct mail *m, uint32_t peer, enum intermon_kind kind)
{
    struct intermon_peer *p = &ways.peers[peer];
    bool second = kind == INTERMON_LINE || kind == INTERMON_ROOT;

    m->kind = (uint8_t)kind;
    mail_add(&p->lists[second ? INTERMON_SECOND : INTERMON_FIRST], m);
    if (!p->waits) {
        intermon_flush(p);
    }
}

/* What has a place of its own. */
static void intermon_queue_kept(struct mail *m, uint32_t peer, enum intermon_kind kind)
{
    if (!m->queued) {
        m->store = MAIL_KEPT;
        intermon_queue(m, peer, kind);
    }
}

/* The capability has arrived, so its message may follow; or it cannot cross. */
static void intermon_crossed(void *arg, errval_t err)
{
    struct mail_line *i = arg;
    struct intermon_peer *p = &ways.peers[i->peer];

    if (err_is_ok(err)) {
        slot_free(i->cap);
    } else {
        (void)cap_destroy(i->cap);
    }
    if (i->dropped) {
        mail_free(&i->mail);             /* its line has ended; the number may be another's */
        return;
    }
    if (err_is_fail(err)) {
        line_refused(i->peer, &i->wire);
    }
    i->crossing = false;
    if (!p->waits) {
        intermon_flush(p);
    }
}

/* What need not wait takes no memory. */
static bool intermon_send_now(struct intermon_peer *p, const struct line_wire *w,
                              enum intermon_kind kind)
{
    struct mail_line now = {.mail.kind = (uint8_t)kind, .wire = *w};
    errval_t err = RPC_ERR_AGAIN;

    if (p->up && !p->waits && p->lists[INTERMON_SECOND].head == NULL) {
        err = intermon_put(p, &now.mail);
    }
    if (err_no(err) == RPC_ERR_AGAIN) {
        return false;
    }
    p->up = p->up && err_is_ok(err);
    return true;
}

static errval_t intermon_add(uint32_t peer, const struct line_wire *w, caddr_t cap,
                             enum intermon_kind kind)
{
    struct mail_line *i;

    if (peer >= LINE_PEERS_MAX) {
        return LIB_ERR_RANGE;
    }
    if (cap == 0 && intermon_send_now(&ways.peers[peer], w, kind)) {
        return ERR_OK;
    }
    i = mail_line(w);
    if (i == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    i->peer = peer;
    i->cap = cap;
    i->crossing = cap != 0;
    intermon_queue(&i->mail, peer, kind);
    if (cap != 0) {
        share_send(cap, peer, &i->tag, intermon_crossed, i);
    }
    return ERR_OK;
}

errval_t intermon_send(uint32_t peer, const struct line_wire *w, caddr_t cap)
{
    return intermon_add(peer, w, cap, INTERMON_LINE);
}

void intermon_refuse(uint32_t peer, uint32_t number)
{
    struct intermon_peer *p = &ways.peers[peer % LINE_PEERS_MAX];

    p->refused[number % LINES_MAX / 64] |= 1ull << number % 64;
    p->refuses = true;
    if (!p->waits) {
        intermon_flush(p);
    }
}

errval_t intermon_send_root(uint32_t peer, caddr_t end)
{
    struct line_wire w = {0};
    errval_t err = line_export(peer, end, &w);

    if (err_is_fail(err)) {
        (void)cap_destroy(end);
        return err;
    }
    err = intermon_add(peer, &w, 0, INTERMON_ROOT);
    if (err_is_fail(err)) {
        line_unexport(peer, &w);
    }
    return err;
}

/* The core by which `core` is reached: all but the one that booted reach each other by that. */
static uint32_t intermon_way(uint32_t core)
{
    return domain_on_boot_core() ? core : domain_startup()->boot_core;
}

void intermon_pass_caps(uint8_t sender, uint8_t to, const struct caps_msg *m)
{
    struct intermon_peer *p = &ways.peers[intermon_way(to)];

    (void)mail_put_caps(&ways.box, &p->lists[INTERMON_FIRST], INTERMON_CAPS, sender, to, m);
    if (!p->waits) {
        intermon_flush(p);
    }
}

static void intermon_send_caps(uint8_t core, const struct caps_msg *m)
{
    intermon_pass_caps((uint8_t)domain_core(), core, m);
}

void intermon_tell(uint32_t peer, enum intermon_kind kind, uint32_t core)
{
    struct intermon_news *n = &ways.peers[peer].news[kind == INTERMON_OFFLINE]
                                                        [core % LINE_PEERS_MAX];

    n->core = (uint8_t)core;
    intermon_queue_kept(&n->mail, peer, kind);
}

errval_t intermon_send_audit(uint32_t peer, const struct intermon_audit_message *m)
{
    bool wish = m->kind == INTERMON_AUDIT_KIND_PLEASE || m->kind == INTERMON_AUDIT_KIND_RESULT;
    struct intermon_peer *p = &ways.peers[peer];
    struct intermon_audit *i;

    if (m->kind != INTERMON_AUDIT_KIND_RECORD && m->kind != INTERMON_AUDIT_KIND_PART) {
        i = &p->audits[wish ? INTERMON_AUDIT_WISHES : INTERMON_AUDIT_LOOKS];
        i->message = *m;
        intermon_queue_kept(&i->mail, peer, INTERMON_AUDIT);
        return ERR_OK;
    }
    i = malloc(sizeof(*i));
    if (i == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    *i = (struct intermon_audit){.mail.store = MAIL_HEAP, .message = *m};
    intermon_queue(&i->mail, peer, INTERMON_AUDIT);
    return ERR_OK;
}

void intermon_send_look(uint32_t peer, uint32_t number, const struct monitor_object *after)
{
    struct intermon_objects *o = &ways.peers[peer].look;

    o->number = number;
    o->all[0] = *after;
    intermon_queue_kept(&o->mail, peer, INTERMON_LOOK);
}

void intermon_send_seen(uint32_t peer, uint32_t number, const struct monitor_object *all,
                        size_t count)
{
    struct intermon_objects *o = &ways.peers[peer].seen;

    o->number = number;
    o->count = count;
    memcpy(o->all, all, count * sizeof(*all));
    intermon_queue_kept(&o->mail, peer, INTERMON_SEEN);
}

uint8_t intermon_peers(void)
{
    uint8_t peers = 0;

    for (uint32_t i = 0; i < LINE_PEERS_MAX; i++) {
        peers |= ways.peers[i].up ? (uint8_t)(1u << i) : 0;
    }
    return peers;
}

/* Places for all that there is to be said about capabilities, once and for all. */
static errval_t intermon_make_box(void)
{
    uint32_t cores = domain_core_count();

    ways.box.cores = cores;
    ways.box.places = calloc(MAIL_PLACES(cores), sizeof(*ways.box.places));
    return ways.box.places == NULL ? LIB_ERR_NO_MEMORY : ERR_OK;
}

errval_t intermon_init(const struct intermon_host *host, struct waitset *ws)
{
    errval_t err = intermon_make_box();

    if (err_is_fail(err)) {
        return err;
    }
    ways.host = host;
    ways.ws = ws;
    for (uint32_t i = 0; i < LINE_PEERS_MAX; i++) {
        ways.peers[i].core = i;
        for (uint32_t l = 0; l < INTERMON_LISTS; l++) {
            mail_list_init(&ways.peers[i].lists[l]);
        }
    }
    share_init(intermon_send_caps, ws);
    intermon_serve(&ways.server, &intermon_ops, &ways, ws);
    return ERR_OK;
}
