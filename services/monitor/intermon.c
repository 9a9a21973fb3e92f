/* See intermon.h. Invariant: messages to a peer go in the order in which they were given: what
 * cannot be sent at once waits in a list, and nothing passes it. */
#include "intermon.h"

#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/chan.h>
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/kernel.h>
#include <aos/slot.h>
#include <aos/ump.h>
#include <if/intermon.h>
#include <if/intermon_server.h>

#include "audit.h"
#include "objects.h"
#include "share.h"

#define INTERMON_FRAME_BYTES (INTERMON_BYTES / 4u)

/* A message that is still to be sent. */
enum intermon_kind {
    INTERMON_LINE, INTERMON_ROOT, INTERMON_CAPS, INTERMON_ONLINE, INTERMON_OFFLINE, INTERMON_AUDIT,
    INTERMON_LOOK, INTERMON_SEEN
};
struct intermon_item {
    struct intermon_item *next;
    uint8_t kind;                        /* enum intermon_kind */
    uint8_t sender, to;                  /* CAPS; ONLINE, OFFLINE: the core */
    bool crossing;                       /* LINE: its capability is on its way, which is awaited */
    bool dropped;                        /* meanwhile the core went off: in no list any more */
    struct line_wire wire;
    uint64_t tag;                        /* of the capability */
    caddr_t cap;
    struct intermon_cap_message message;
    struct intermon_audit_message audit;
    struct intermon_objects *objects;    /* LOOK, SEEN: of malloc */
    struct intermon_peer *peer;
};
struct intermon_objects {
    uint32_t number;
    size_t count;
    struct monitor_object all[OBJECTS_MAX];
};

/* Messages about capabilities do not wait for the others. */
enum { INTERMON_FIRST, INTERMON_SECOND, INTERMON_LISTS };
struct intermon_list {
    struct intermon_item *head, **tail;
};

struct intermon_peer {
    uint32_t core;
    bool up;                             /* `out` is open */
    bool waits;                          /* for room in `out` */
    struct intermon_binding out;
    struct intermon_list lists[INTERMON_LISTS];
    struct work connected;
    bool asks;                           /* `out` is open, or about to be */
    struct server_conn *in;
    caddr_t bell;                        /* of that core */
    struct event_source rung;            /* by that core */
};

static struct {
    const struct intermon_host *host;
    struct waitset *ws;
    struct intermon_server server;
    struct intermon_peer peers[LINE_PEERS_MAX];
} ways;

/* --- out ------------------------------------------------------------------------------------ */

static void intermon_flush(void *arg);

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

static void intermon_free(struct intermon_item *i)
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

static void intermon_flush(void *arg)
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

static void intermon_pass_caps(uint8_t sender, uint8_t to, const struct intermon_cap_message *m)
{
    struct intermon_item *i = calloc(1, sizeof(*i));

    if (i == NULL) {
        aos_panic("monitor: no memory for what cores agree on");
    }
    i->kind = INTERMON_CAPS;
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

static void intermon_tell(uint32_t peer, enum intermon_kind kind, uint32_t core)
{
    struct intermon_item *i = calloc(1, sizeof(*i));

    if (i == NULL) {
        aos_panic("monitor: no memory to tell of a core");
    }
    i->kind = (uint8_t)kind;
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

    (void)ctx;
    if (to == domain_core()) {
        share_receive(sender, &msg);
    } else if (to < LINE_PEERS_MAX && domain_on_boot_core()) {
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

static void on_offline(struct server_ctx *ctx, uint8_t core)
{
    (void)ctx;
    share_core_down(core);
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

/* --- doorbells ------------------------------------------------------------------------------ */

static void intermon_ring(void *ctx)
{
    const struct intermon_peer *p = ctx;

    chan_notify_signal(p->bell);
}

/* The other core has something to say, or has room again. */
static void intermon_rung(void *arg)
{
    struct intermon_peer *p = arg;

    disp_disable();
    if (p->in != NULL) {
        ump_rung_disabled(ump_conn_chan(p->in));
    }
    if (p->asks) {
        ump_rung_disabled(&p->out.base.chan);
    }
    disp_enable();
    ways.host->rung(p->core);
}

void intermon_wake(uint32_t peer)
{
    if (ways.peers[peer].bell != 0) {
        intermon_ring(&ways.peers[peer]);
    }
}

/* Each core has a bit for each other one. */
static errval_t intermon_bells(struct intermon_peer *p)
{
    caddr_t own;
    errval_t err;

    if (p->bell != 0) {
        return ERR_OK;                   /* they outlive a core that goes off */
    }
    err = slot_alloc(&own);
    if (err_is_ok(err)) {
        err = slot_alloc(&p->bell);
    }
    if (err_is_ok(err)) {
        err = kernel_notify(domain_core(), p->core, own);
    }
    if (err_is_ok(err)) {
        err = kernel_notify(p->core, domain_core(), p->bell);
    }
    if (err_is_ok(err)) {
        err = event_source_init(&p->rung, ways.ws, intermon_rung, p);
    }
    return err_is_ok(err) ? chan_notify_connect(own, p->rung.trigger) : err;
}

/* The rings of the way on which the `first` side asks, or the other. */
static struct ump_config intermon_rings(struct intermon_peer *p, void *memory, bool asks,
                                        bool first)
{
    static const struct ump_bell_ops bell = {intermon_ring};

    uint8_t *requests = (uint8_t *)memory + (first == asks ? 0 : INTERMON_BYTES / 2);
    uint8_t *answers = requests + INTERMON_FRAME_BYTES;

    return (struct ump_config){
        .out = asks ? requests : answers, .in = asks ? answers : requests,
        .out_bytes = INTERMON_FRAME_BYTES, .in_bytes = INTERMON_FRAME_BYTES,
        .bell = &bell, .ctx = p,
    };
}

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

errval_t intermon_listen(uint32_t peer, void *memory, bool first)
{
    const struct ump_config config = intermon_rings(&ways.peers[peer], memory, /* asks= */ false,
                                                    first);
    struct intermon_peer *p = &ways.peers[peer];
    struct server_conn *conn;
    errval_t err = intermon_bells(p);

    if (err_is_ok(err)) {
        err = server_add_ump(&ways.server.base, &config, peer, 0, &conn);
    }
    if (err_is_ok(err)) {
        p->in = conn;
    }
    return err;
}

static void intermon_connected(void *arg)
{
    struct intermon_peer *p = arg;

    share_core_up((uint8_t)p->core);
    /* The others learn of it before anything that is about it. */
    for (uint32_t i = 0; i < LINE_PEERS_MAX && domain_on_boot_core(); i++) {
        if (ways.peers[i].up) {
            intermon_tell(i, INTERMON_ONLINE, p->core);
            intermon_tell(p->core, INTERMON_ONLINE, i);
        }
    }
    p->up = true;
    intermon_flush(p);
}

errval_t intermon_connect(uint32_t peer, void *memory, bool first)
{
    struct intermon_peer *p = &ways.peers[peer];
    const struct ump_config config = intermon_rings(p, memory, /* asks= */ true, first);
    errval_t err;

    p->asks = true;
    err = binding_open_ump(&p->out.base, &config, &intermon_client_interface);

    if (err_is_ok(err)) {
        binding_set_waitset(&p->out.base, ways.ws);
        p->connected.fn = intermon_connected;
        p->connected.arg = p;
        waitset_post(ways.ws, &p->connected);
    }
    return err;
}

void intermon_forget(uint32_t peer)
{
    struct intermon_peer *p = &ways.peers[peer];
    bool was_up = p->up;

    p->up = p->waits = false;
    if (p->in != NULL) {
        server_conn_close(p->in);
        p->in = NULL;
    }
    if (p->asks) {
        p->asks = false;
        binding_close(&p->out.base);
    }
    for (uint32_t l = 0; l < INTERMON_LISTS; l++) {
        struct intermon_item *i = p->lists[l].head, *next;

        for (; i != NULL; i = next) {
            next = i->next;
            i->dropped = true;
            if (!i->crossing) {
                intermon_free(i);
            }
        }
        p->lists[l].head = NULL;
        p->lists[l].tail = &p->lists[l].head;
    }
    line_peer_gone(peer);
    audit_peer_gone(peer);
    objects_peer_gone(peer);
    share_core_down((uint8_t)peer);
    for (uint32_t i = 0; i < LINE_PEERS_MAX && was_up; i++) {
        if (ways.peers[i].up) {
            intermon_tell(i, INTERMON_OFFLINE, peer);
        }
    }
}
