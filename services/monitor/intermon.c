/* See intermon.h. Invariant: messages to a peer go in the order in which they were given: what
 * cannot be sent at once waits in a list, and nothing passes it. */
#include "intermon.h"

#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/kernel.h>
#include <aos/slot.h>
#include <aos/ump.h>
#include <if/intermon.h>
#include <if/intermon_server.h>

#include "share.h"

#define INTERMON_FRAME_BYTES (INTERMON_BYTES / 4u)

/* A message that is still to be sent. */
struct intermon_item {
    struct intermon_item *next;
    bool root;                           /* an end, not a message of a line */
    struct line_wire wire;
    struct intermon_object object;       /* of LINE_CAP_OTHER */
};

struct intermon_peer {
    uint32_t core;
    bool up;                             /* `out` is open */
    bool waits;                          /* for room in `out` */
    struct intermon_binding out;
    struct intermon_item *head, **tail;
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

    if (i->root) {
        return intermon_root(&p->out, (intermon_cap_kind_t)w->cap, w->cap_line);
    }
    if (w->ended) {
        return intermon_ended(&p->out, w->line, side);
    }
    return intermon_pass(&p->out, w->line, side, w->header, w->words,
                         (intermon_cap_kind_t)w->cap, w->cap_line, &i->object);
}

static void intermon_flush(void *arg)
{
    struct intermon_peer *p = arg;

    p->waits = false;
    while (p->up && p->head != NULL) {
        struct intermon_item *i = p->head;
        errval_t err = intermon_put(p, i);

        if (err_no(err) == RPC_ERR_AGAIN) {
            p->waits = true;
            binding_on_writable(&p->out.base, intermon_flush, p);
            return;
        }
        p->head = i->next;
        p->tail = p->head == NULL ? &p->head : p->tail;
        free(i);
        if (err_is_fail(err)) {
            p->up = false;               /* the core has stopped */
        }
    }
}

static errval_t intermon_queue(uint32_t peer, const struct line_wire *w, caddr_t cap, bool root)
{
    struct intermon_peer *p = &ways.peers[peer];
    struct intermon_item *i = malloc(sizeof(*i));
    struct kernel_cap object = {0};
    errval_t err = i == NULL ? LIB_ERR_NO_MEMORY : cap == 0 ? ERR_OK : share_give(cap, &object);

    if (err_is_fail(err)) {
        free(i);
        return err;
    }
    *i = (struct intermon_item){.root = root, .wire = *w};
    i->object = (struct intermon_object){
        .owner = object.owner, .type = object.type, .rights = object.rights,
        .page = object.page, .pages = object.pages,
    };
    *p->tail = i;
    p->tail = &i->next;
    if (!p->waits) {
        intermon_flush(p);
    }
    return ERR_OK;
}

errval_t intermon_send(uint32_t peer, const struct line_wire *w, caddr_t cap)
{
    return peer < LINE_PEERS_MAX ? intermon_queue(peer, w, cap, /* root= */ false)
                                 : LIB_ERR_RANGE;
}

errval_t intermon_send_root(uint32_t peer, caddr_t end)
{
    struct line_wire w = {0};
    errval_t err = line_export(peer, end, &w);

    if (err_is_fail(err)) {
        (void)cap_destroy(end);
        return err;
    }
    return intermon_queue(peer, &w, 0, /* root= */ true);
}

/* --- in ------------------------------------------------------------------------------------- */

static void on_pass(struct server_ctx *ctx, uint32_t line, intermon_side_t side, uint64_t header,
                    const uint64_t *words, intermon_cap_kind_t cap, uint32_t cap_line,
                    const struct intermon_object *object)
{
    const struct kernel_cap described = {
        .owner = object->owner, .type = object->type, .rights = object->rights,
        .page = object->page, .pages = object->pages,
    };
    struct line_wire w = {
        .line = line, .to_proxy = side == INTERMON_SIDE_PROXY, .header = header,
        .cap = (uint8_t)cap, .cap_line = cap_line,
    };
    caddr_t slot = 0;

    memcpy(w.words, words, sizeof(w.words));
    if (w.cap == LINE_CAP_OTHER && err_is_fail(share_take(&described, &slot))) {
        w.cap = LINE_CAP_LOST;
    }
    line_receive((uint32_t)ctx->peer_pid, &w, slot);
}

static void on_ended(struct server_ctx *ctx, uint32_t line, intermon_side_t side)
{
    const struct line_wire w = {
        .line = line, .to_proxy = side == INTERMON_SIDE_PROXY, .ended = true,
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
}

static const struct intermon_server_ops ops = {
    .on_pass = on_pass, .on_ended = on_ended, .on_root = on_root, .on_peer_gone = on_peer_gone,
};

/* --- opening -------------------------------------------------------------------------------- */

/* --- doorbells ------------------------------------------------------------------------------ */

static void intermon_ring(void *ctx)
{
    const struct intermon_peer *p = ctx;

    (void)kernel_notify_signal(p->bell);
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
    errval_t err = slot_alloc(&own);

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
    return err_is_ok(err) ? kernel_notify_connect(own, p->rung.trigger) : err;
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
        ways.peers[i].tail = &ways.peers[i].head;
    }
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
