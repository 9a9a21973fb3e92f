/* Ways to other monitors (intermon.h): how they begin, are rung, and end. */
#include "intermon_priv.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <aos/domain.h>
#include <aos/kernel.h>
#include <aos/slot.h>
#include <aos/ump.h>

#include "audit.h"
#include "share.h"

#define INTERMON_FRAME_BYTES (INTERMON_BYTES / 4u)

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

static void intermon_drop_mail(struct intermon_peer *p)
{
    while (p->lists[INTERMON_FIRST].head != NULL) {
        mail_free(mail_take(&p->lists[INTERMON_FIRST]));
    }
    while (p->lists[INTERMON_SECOND].head != NULL) {
        struct mail_line *i = mail_as_line(mail_take(&p->lists[INTERMON_SECOND]));

        i->dropped = true;
        if (!i->crossing) {
            mail_free(&i->mail);
        }
    }
    memset(p->refused, 0, sizeof(p->refused));
    p->refuses = false;
}

bool intermon_is_forgotten(uint32_t peer)
{
    for (uint32_t i = 0; i < LINE_PEERS_MAX; i++) {
        if (atomic_load_explicit(&ways.peers[i].stale[peer], memory_order_acquire)) {
            return false;
        }
    }
    return true;
}

void intermon_forget(uint32_t peer)
{
    struct intermon_peer *p = &ways.peers[peer];
    bool was_up = p->up;

    p->up = p->waits = false;
    for (uint32_t i = 0; i < LINE_PEERS_MAX; i++) {
        p->stale[i] = false;
    }
    if (p->in != NULL) {
        server_conn_close(p->in);
        p->in = NULL;
    }
    if (p->asks) {
        p->asks = false;
        binding_close(&p->out.base);
    }
    intermon_drop_mail(p);
    line_peer_gone(peer);
    audit_peer_gone(peer);
    objects_peer_gone(peer);
    share_core_down((uint8_t)peer);
    for (uint32_t i = 0; i < LINE_PEERS_MAX && was_up; i++) {
        if (ways.peers[i].up) {
            ways.peers[i].stale[peer] = true;
            intermon_tell(i, INTERMON_OFFLINE, peer);
        }
    }
}
