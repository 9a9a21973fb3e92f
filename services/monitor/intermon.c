/* See intermon.h. Invariant: messages to a peer go in the order in which they were given: what
 * cannot be sent at once waits in a list, and nothing passes it. */
#include "intermon_priv.h"

#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/chan.h>
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/slot.h>

#include "audit.h"
#include "share.h"

struct intermon_ways ways;

/* --- out ------------------------------------------------------------------------------------ */

static errval_t intermon_put(struct intermon_peer *p, const struct intermon_item *i)
{
    const struct line_wire *w = &i->wire;
    intermon_side_t side = w->to_proxy ? INTERMON_SIDE_PROXY : INTERMON_SIDE_HOME;

    switch ((enum intermon_kind)i->kind) {
    case INTERMON_CAPS:
        return intermon_caps(&p->out, i->sender, i->to, &i->message);
    case INTERMON_ONLINE:
        return intermon_online(&p->out, i->to);
    case INTERMON_AUDIT:
        return intermon_audit(&p->out, &i->audit);
    case INTERMON_LOOK:
        return intermon_look(&p->out, i->objects->number, &i->objects->all[0]);
    case INTERMON_SEEN:
        return intermon_seen(&p->out, i->objects->number, i->objects->all, i->objects->count);
    case INTERMON_OFFLINE:
        return intermon_offline(&p->out, i->to);
    case INTERMON_ROOT:
        return intermon_root(&p->out, (intermon_cap_kind_t)w->cap, w->cap_line);
    case INTERMON_LINE:
        break;
    }
    if (w->ended) {
        return intermon_ended(&p->out, w->line, side);
    }
    if (w->taken != 0) {
        return intermon_taken(&p->out, w->line, side, w->taken);
    }
    return intermon_pass(&p->out, w->line, side, w->header, w->words,
                         (intermon_cap_kind_t)w->cap, w->cap_line, i->tag);
}

void intermon_free(struct intermon_item *i)
{
    free(i->objects);
    free(i);
}

/* False: the rest waits. */
static bool intermon_flush_list(struct intermon_peer *p, struct intermon_list *list)
{
    while (p->up && list->head != NULL && !list->head->crossing) {
        struct intermon_item *i = list->head;
        errval_t err = intermon_put(p, i);

        if (err_no(err) == RPC_ERR_AGAIN) {
            p->waits = true;
            binding_on_writable(&p->out.base, intermon_flush, p);
            return false;
        }
        list->head = i->next;
        list->tail = list->head == NULL ? &list->head : list->tail;
        intermon_free(i);
        if (err_is_fail(err)) {
            p->up = false;               /* the core has stopped */
        }
    }
    return true;
}

void intermon_flush(void *arg)
{
    struct intermon_peer *p = arg;

    p->waits = false;
    if (intermon_flush_list(p, &p->lists[INTERMON_FIRST])) {
        (void)intermon_flush_list(p, &p->lists[INTERMON_SECOND]);
    }
}

/* Takes `what`, of malloc. */
static void intermon_queue(struct intermon_item *what, uint32_t peer)
{
    struct intermon_peer *p = &ways.peers[peer];
    struct intermon_list *list =
        &p->lists[what->kind == INTERMON_LINE || what->kind == INTERMON_ROOT ? INTERMON_SECOND
                                                                             : INTERMON_FIRST];

    what->next = NULL;
    what->peer = p;
    *list->tail = what;
    list->tail = &what->next;
    if (!p->waits) {
        intermon_flush(p);
    }
}

/* The capability has arrived, so its message may follow; or it cannot cross. */
static void intermon_crossed(void *arg, errval_t err)
{
    struct intermon_item *i = arg;

    if (err_is_ok(err)) {
        slot_free(i->cap);
    } else {
        (void)cap_destroy(i->cap);
    }
    if (i->dropped) {
        free(i);                         /* its line has ended; the number may be another's */
        return;
    }
    if (err_is_fail(err)) {
        line_refused(i->peer->core, &i->wire);
    }
    i->crossing = false;
    if (!i->peer->waits) {
        intermon_flush(i->peer);
    }
}

static errval_t intermon_add(uint32_t peer, const struct line_wire *w, caddr_t cap,
                             enum intermon_kind kind)
{
    struct intermon_item *i = peer < LINE_PEERS_MAX ? calloc(1, sizeof(*i)) : NULL;

    if (i == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    i->kind = (uint8_t)kind;
    i->wire = *w;
    i->cap = cap;
    i->crossing = cap != 0;
    intermon_queue(i, peer);
    if (cap != 0) {
        share_send(cap, peer, &i->tag, intermon_crossed, i);
    }
    return ERR_OK;
}

errval_t intermon_send(uint32_t peer, const struct line_wire *w, caddr_t cap)
{
    return intermon_add(peer, w, cap, INTERMON_LINE);
}

errval_t intermon_send_root(uint32_t peer, caddr_t end)
{
    struct line_wire w = {0};
    errval_t err = line_export(peer, end, &w);

    if (err_is_fail(err)) {
        (void)cap_destroy(end);
        return err;
    }
    return intermon_add(peer, &w, 0, INTERMON_ROOT);
}

/* The core by which `core` is reached: all but the one that booted reach each other by that. */
static uint32_t intermon_way(uint32_t core)
{
    return domain_on_boot_core() ? core : domain_startup()->boot_core;
}

/* What the other monitors cannot do without. */
static struct intermon_item *intermon_must(enum intermon_kind kind)
{
    struct intermon_item *i = calloc(1, sizeof(*i));

    if (i == NULL) {
        aos_panic("monitor: no memory for what cores agree on");
    }
    i->kind = (uint8_t)kind;
    return i;
}

static void intermon_pass_caps(uint8_t sender, uint8_t to, const struct intermon_cap_message *m)
{
    struct intermon_item *i = intermon_must(INTERMON_CAPS);

    i->sender = sender;
    i->to = to;
    i->message = *m;
    intermon_queue(i, intermon_way(to));
}

static void intermon_send_caps(uint8_t core, const struct caps_msg *m)
{
    const struct intermon_cap_message message = {
        .kind = m->kind, .flags = m->flags, .rights = m->rights, .owner = m->owner,
        .home = m->home, .users = m->users, .origin = m->from, .dest = m->dest, .op = m->op,
        .type = m->key.type, .page = m->key.page, .pages = m->key.pages, .version = m->version,
        .first = m->first, .count = m->count, .tag = m->tag, .err = m->err,
    };

    intermon_pass_caps((uint8_t)domain_core(), core, &message);
}

void intermon_tell(uint32_t peer, enum intermon_kind kind, uint32_t core)
{
    struct intermon_item *i = intermon_must(kind);

    i->to = (uint8_t)core;
    intermon_queue(i, peer);
}

errval_t intermon_send_audit(uint32_t peer, const struct intermon_audit_message *m)
{
    struct intermon_item *i = calloc(1, sizeof(*i));

    if (i == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    i->kind = INTERMON_AUDIT;
    i->audit = *m;
    intermon_queue(i, peer);
    return ERR_OK;
}

static errval_t intermon_send_objects(uint32_t peer, enum intermon_kind kind, uint32_t number,
                                      const struct monitor_object *all, size_t count)
{
    struct intermon_item *i = calloc(1, sizeof(*i));
    struct intermon_objects *o = malloc(sizeof(*o));

    if (i == NULL || o == NULL) {
        free(i);
        free(o);
        return LIB_ERR_NO_MEMORY;
    }
    o->number = number;
    o->count = count;
    memcpy(o->all, all, count * sizeof(*all));
    i->kind = (uint8_t)kind;
    i->objects = o;
    intermon_queue(i, peer);
    return ERR_OK;
}

errval_t intermon_send_look(uint32_t peer, uint32_t number, const struct monitor_object *after)
{
    return intermon_send_objects(peer, INTERMON_LOOK, number, after, 1);
}

errval_t intermon_send_seen(uint32_t peer, uint32_t number, const struct monitor_object *all,
                            size_t count)
{
    return intermon_send_objects(peer, INTERMON_SEEN, number, all, count);
}

uint8_t intermon_peers(void)
{
    uint8_t peers = 0;

    for (uint32_t i = 0; i < LINE_PEERS_MAX; i++) {
        peers |= ways.peers[i].up ? (uint8_t)(1u << i) : 0;
    }
    return peers;
}

/* --- in ------------------------------------------------------------------------------------- */

static void on_pass(struct server_ctx *ctx, uint32_t line, intermon_side_t side, uint64_t header,
                    const uint64_t *words, intermon_cap_kind_t cap, uint32_t cap_line,
                    uint64_t tag)
{
    struct line_wire w = {
        .line = line, .to_proxy = side == INTERMON_SIDE_PROXY, .header = header,
        .cap = (uint8_t)cap, .cap_line = cap_line,
    };
    caddr_t slot = w.cap == LINE_CAP_OTHER ? share_take(tag) : 0;

    memcpy(w.words, words, sizeof(w.words));
    w.cap = w.cap == LINE_CAP_OTHER && slot == 0 ? LINE_CAP_LOST : w.cap;
    line_receive((uint32_t)ctx->peer_pid, &w, slot);
    share_look_soon();
}

static void on_caps(struct server_ctx *ctx, uint8_t sender, uint8_t to,
                    const struct intermon_cap_message *m)
{
    const struct caps_msg msg = {
        .kind = m->kind, .flags = m->flags, .rights = m->rights, .owner = m->owner,
        .home = m->home, .users = m->users, .from = m->origin, .dest = m->dest, .op = m->op,
        .key = {m->type, m->page, m->pages}, .version = m->version, .first = m->first,
        .count = m->count, .tag = m->tag, .err = m->err,
    };

    if (to == domain_core()) {
        share_receive(sender, &msg);
    } else if (to < LINE_PEERS_MAX && domain_on_boot_core()
               && ways.peers[ctx->peer_pid].stale[to] == 0) {
        intermon_pass_caps(sender, to, m);
    }
}

static void on_online(struct server_ctx *ctx, uint8_t core)
{
    (void)ctx;
    share_core_up(core);
}

static void on_audit(struct server_ctx *ctx, const struct intermon_audit_message *m)
{
    audit_receive((uint32_t)ctx->peer_pid, m);
}

static void on_look(struct server_ctx *ctx, uint32_t number, const struct monitor_object *after)
{
    objects_looked((uint32_t)ctx->peer_pid, number, after);
}

static void on_seen(struct server_ctx *ctx, uint32_t number, const struct monitor_object *all,
                    size_t count)
{
    objects_seen((uint32_t)ctx->peer_pid, number, all, count);
}

/* Who was told says so; what it sent before was for the core that is off. */
static void on_offline(struct server_ctx *ctx, uint8_t core)
{
    if (domain_on_boot_core()) {
        ways.peers[ctx->peer_pid].stale[core % LINE_PEERS_MAX]--;
    } else {
        share_core_down(core);
        intermon_tell((uint32_t)ctx->peer_pid, INTERMON_OFFLINE, core);
    }
}

static void on_ended(struct server_ctx *ctx, uint32_t line, intermon_side_t side)
{
    const struct line_wire w = {
        .line = line, .to_proxy = side == INTERMON_SIDE_PROXY, .ended = true,
    };

    line_receive((uint32_t)ctx->peer_pid, &w, 0);
    share_look_soon();
}

static void on_taken(struct server_ctx *ctx, uint32_t line, intermon_side_t side, uint32_t count)
{
    const struct line_wire w = {
        .line = line, .to_proxy = side == INTERMON_SIDE_PROXY, .taken = count,
    };

    line_receive((uint32_t)ctx->peer_pid, &w, 0);
}

static void on_root(struct server_ctx *ctx, intermon_cap_kind_t cap, uint32_t cap_line)
{
    const struct line_wire w = {.cap = (uint8_t)cap, .cap_line = cap_line};
    caddr_t end;

    if (err_is_ok(line_import((uint32_t)ctx->peer_pid, &w, &end))) {
        ways.host->root((uint32_t)ctx->peer_pid, end);
    }
}

static void on_peer_gone(struct server_ctx *ctx)
{
    ways.peers[ctx->peer_pid].up = false;
    line_peer_gone((uint32_t)ctx->peer_pid);
    audit_peer_gone((uint32_t)ctx->peer_pid);
    objects_peer_gone((uint32_t)ctx->peer_pid);
}

static const struct intermon_server_ops ops = {
    .on_pass = on_pass, .on_ended = on_ended, .on_root = on_root, .on_caps = on_caps,
    .on_online = on_online, .on_offline = on_offline, .on_audit = on_audit,
    .on_look = on_look, .on_seen = on_seen, .on_taken = on_taken, .on_peer_gone = on_peer_gone,
};

/* -------------------------------------------------------------------------------------------- */

void intermon_init(const struct intermon_host *host, struct waitset *ws)
{
    ways.host = host;
    ways.ws = ws;
    for (uint32_t i = 0; i < LINE_PEERS_MAX; i++) {
        ways.peers[i].core = i;
        for (uint32_t l = 0; l < INTERMON_LISTS; l++) {
            ways.peers[i].lists[l].tail = &ways.peers[i].lists[l].head;
        }
    }
    share_init(intermon_send_caps, ws);
    intermon_serve(&ways.server, &ops, &ways, ws);
}
