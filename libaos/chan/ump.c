/* The UMP carrier: messages of bindings and connections over a ring (ump_ring.h). Invariants stand
 * at struct ump. */
#include "ump_priv.h"

#include <stdlib.h>

#include <aos/debug.h>

/* Where the words of a message that has too many stand in an area. That of an item, which is not
 * told by its slot, is in the first of its own words, as they are not used. */
static uint32_t ump_area_slot(const struct lmp_msg *msg)
{
    switch (msg_kind(msg->header)) {
    case MSG_STREAM:
        return (uint32_t)msg->words[0];
    case MSG_EVENT:
        return CHAN_CALLS_MAX + msg_slot(msg->header);
    default:
        return msg_slot(msg->header);
    }
}

/* --- out ------------------------------------------------------------------------------------ */

/* Its words, wherever they stand. NULL: in an area that is not there. */
static const uint64_t *ump_words(const struct chan *c, const struct lmp_msg *msg)
{
    if (!msg_in_area(msg->header)) {
        return msg->words;
    }
    return (const uint64_t *)(const void *)chan_area_place(&c->out, ump_area_slot(msg),
                                                           msg_words(msg->header));
}

bool ump_ring_put_disabled(struct chan *c, const struct lmp_msg *msg)
{
    const uint64_t *words = ump_words(c, msg);
    USER_CHECK(words != NULL || msg_words(msg->header) == 0);
    return ump_ring_send(&c->ump->ring, msg->header, words, msg_words(msg->header));
}

/* What found no room before. */
static void ump_flush_disabled(struct chan *c)
{
    struct ump *u = c->ump;
    bool sent = false;
    while (u->backlog_count != 0 && ump_ring_put_disabled(c, &u->backlog[u->backlog_head])) {
        u->backlog_head = (uint8_t)((u->backlog_head + 1u) % UMP_BACKLOG_MAX);
        u->backlog_count--;
        sent = true;
    }
    if (sent) {
        ump_bell_disabled(u);
    }
}

bool ump_put_disabled(struct chan *c, const struct lmp_msg *msg)
{
    struct ump *u = c->ump;
    if (__builtin_expect(u->backlog_count == 0 && ump_ring_put_disabled(c, msg), 1)) {
        ump_bell_disabled(u);
        return true;
    }
    if (u->backlog_count == UMP_BACKLOG_MAX) {
        return false;
    }
    u->backlog[(u->backlog_head + u->backlog_count) % UMP_BACKLOG_MAX] = *msg;
    u->backlog_count++;
    return true;
}

/* Acknowledges what was taken in if the peer may wait for that. */
static void ump_ack_disabled(struct ump *u)
{
    if (ump_ring_ack(&u->ring)) {
        ump_bell_disabled(u);
    }
}

/* May a message be put now? Requests need room in the ring, and find it by taking in what has come;
 * items need room, too; answers and events must not wait, so they may go to the backlog. */
static errval_t ump_room_disabled(struct chan *c, uint64_t header)
{
    struct ump *u = c->ump;
    uint32_t lines = ump_message_lines(msg_words(header));
    if (!ump_is_up(c)) {
        return SYS_ERR_LMP_PEER_GONE;
    }
    ump_flush_disabled(c);
    bool is_conn = c->role == CHAN_CONN;
    if (is_conn && msg_kind(header) != MSG_STREAM) {
        return u->backlog_count < UMP_BACKLOG_MAX ? ERR_OK : SYS_ERR_LMP_FULL;
    }
    for (uint32_t i = 0; i < u->ring.in_lines && !is_conn && ump_ring_room(&u->ring) < lines; i++) {
        if (!ump_step_disabled(c)) {
            break;
        }
    }
    ump_ack_disabled(u);
    if (u->dead) {
        return SYS_ERR_LMP_PEER_GONE;
    }
    return u->backlog_count == 0 && ump_ring_room(&u->ring) >= lines ? ERR_OK : SYS_ERR_LMP_FULL;
}

/* After a send found no room: is half of the ring free? A peer that reads on tells of a quarter of
 * it at the latest, and rings. Disabled. */
static inline bool ump_freed_disabled(struct chan *c)
{
    const struct ump *u = c->ump;
    if (__builtin_expect((c->full & CHAN_FULL) == 0, 1) || u->backlog_count != 0 ||
        ump_ring_room(&u->ring) <= u->ring.sent_max / 2u) {
        return false;
    }
    chan_room_disabled(c, CHAN_FULL);
    return true;
}

static errval_t ump_send_disabled(struct chan *c, const struct lmp_msg *msg)
{
    if (__builtin_expect(c->state == CHAN_OPEN && c->ump->odd == 0 &&
                             ump_ring_put_disabled(c, msg), 1)) {
        ump_bell_disabled(c->ump);
        return ERR_OK;
    }
    errval_t err = ump_room_disabled(c, msg->header);
    if (err_is_ok(err) && !ump_put_disabled(c, msg)) {
        err = SYS_ERR_LMP_FULL;
    }
    return chan_sent_disabled(c, err);
}

/* With a capability: it goes first, and the message follows in the same order. */
static errval_t ump_send_cap(struct chan *c, const struct lmp_msg *msg, struct msg_cap cap)
{
    struct ump *u = c->ump;
    if (u->caps == NULL) {
        return RPC_ERR_CAPABILITY;
    }
    mutex_lock(&u->caps_lock);
    disp_disable();
    errval_t err = chan_sent_disabled(c, ump_room_disabled(c, msg->header));
    if (err_is_ok(err)) {
        c->full |= CHAN_FULL_LINE; /* beforehand: the ring that tells of room may come at once */
    }
    disp_enable();
    if (err_is_ok(err)) {
        err = u->caps->send(u->ctx, u->caps_sent, cap);
        if (err_no(err) != SYS_ERR_LMP_FULL) {
            disp_disable_touched();
            chan_room_disabled(c, CHAN_FULL_LINE);
            disp_enable();
        }
    }
    if (err_is_ok(err)) {
        u->caps_sent++;
        disp_disable_touched();
        /* Other threads may have taken the room: then it waits, since it can no longer fail. */
        if (!u->dead && !ump_put_disabled(c, msg)) {
            ump_kill_disabled(c);
        }
        disp_enable();
    }
    mutex_unlock(&u->caps_lock);
    return err;
}

static errval_t ump_send(struct chan *c, const struct lmp_msg *msg, struct msg_cap cap)
{
    if (cap.cap != 0) {
        return ump_send_cap(c, msg, cap);
    }
    disp_disable();
    errval_t err = ump_send_disabled(c, msg);
    disp_enable();
    return err;
}

/* --- in ------------------------------------------------------------------------------------- */

void ump_kill_disabled(struct chan *c)
{
    struct ump *u = c->ump;
    if (u->dead) {
        return;
    }
    ump_ring_close(&u->ring);
    ump_bell_disabled(u);
    u->dead = true;
    const struct lmp_msg gone = {.header = KPI_CONTROL_HEADER(KPI_CONTROL_PEER_GONE)};
    chan_deliver_disabled((uint64_t)(uintptr_t)c, &gone);
}

/* Delivers the message in `in`. False: it has to wait for its capability. */
static bool ump_deliver_disabled(struct chan *c)
{
    struct ump *u = c->ump;
    struct lmp_msg msg = {.header = u->in.header};
    if (msg_caps(msg.header) != 0) {
        errval_t err = u->caps == NULL
                           ? RPC_ERR_CAPABILITY
                           : u->caps->recv(u->ctx, u->caps_got, &msg.cap, &msg.cap_info);
        u->parked = err_no(err) == RPC_ERR_AGAIN;
        if (err_is_fail(err)) {
            if (!u->parked) {
                ump_kill_disabled(c);
            }
            return !u->parked;
        }
        u->caps_got++;
    }
    uint32_t words = msg_words(msg.header);
    if (msg_kind(msg.header) == MSG_STREAM && c->role == CHAN_BINDING) {
        msg.words[0] = stream_place_disabled((struct binding *)(void *)c, msg.header);
    }
    if (msg_in_area(msg.header)) {
        /* A message that is longer than any that this side knows loses its words: it is not for
         * any method with so many. */
        uint8_t *to = chan_area_place(&c->in, ump_area_slot(&msg), words);
        if (to != NULL) {
            __builtin_memcpy(to, u->in.words, 8u * words);
        }
    } else {
        __builtin_memcpy(msg.words, u->in.words, 8u * words);
    }
    chan_deliver_disabled((uint64_t)(uintptr_t)c, &msg);
    return true;
}

uint64_t ump_lost_seen;
static struct ump *ump_all;

static bool ump_frame_has(const void *frame, const struct ump_line *end, uint64_t address)
{
    return address - (uint64_t)(uintptr_t)frame <
           (uint64_t)((uintptr_t)end - (uintptr_t)frame);
}

/* Ends the channel on whose frames the last access was that was left out. One that was before it is
 * found when it is accessed again. */
static void ump_end_lost_disabled(void)
{
    if (!ump_lost_disabled()) {
        return;
    }
    const struct kpi_dispatcher *page = disp_page();
    const uint64_t at = page->shared_at;
    for (struct ump *u = ump_all; u != NULL; u = u->next) {
        if (ump_frame_has(u->ring.out, u->ring.out_end, at) ||
            ump_frame_has(u->ring.in, u->ring.in_end, at)) {
            ump_kill_disabled(u->chan);
        }
    }
    ump_lost_seen = page->shared_lost; /* with what the ends themselves wrote */
}

void ump_enlist_disabled(struct ump *u)
{
    ump_end_lost_disabled(); /* who had these frames before */
    u->next = ump_all;
    ump_all = u;
}

void ump_delist(struct ump *u)
{
    disp_disable();
    struct ump **at = &ump_all;
    while (*at != u) {
        at = &(*at)->next;
    }
    *at = u->next;
    disp_enable();
}

bool ump_step_disabled(struct chan *c)
{
    struct ump *u = c->ump;
    ump_end_lost_disabled();
    if (!ump_is_up(c)) {
        return false;
    }
    if (u->parked) {
        return ump_deliver_disabled(c);
    }
    switch (ump_ring_recv(&u->ring, &u->in)) {
    case UMP_NONE:
        return false;
    case UMP_SOME:
        return true;
    case UMP_MESSAGE:
        return ump_deliver_disabled(c);
    case UMP_BAD:
        break;
    }
    ump_kill_disabled(c);
    return true;
}

/* Nothing came for a while: may this side sleep until it is rung? Disabled. */
static bool ump_sleep_disabled(struct chan *c)
{
    struct ump *u = c->ump;
    ump_end_lost_disabled();
    if (u->dead || u->parked) {
        return true; /* nothing more comes, or the coming of the capability wakes */
    }
    if (ump_freed_disabled(c)) {
        return false;
    }
    if (!ump_ring_arm(&u->ring)) {
        return false;
    }
    if (ump_ring_ended(&u->ring)) {
        ump_kill_disabled(c);
    }
    u->asleep = true;
    return true;
}

static bool ump_wait_disabled(struct chan *c)
{
    struct ump *u = c->ump;
    u->asleep = false;
    for (uint32_t i = 0;; i++) {
        if (ump_step_disabled(c)) {
            ump_ack_disabled(u);
            return true;
        }
        if (u->parked || i >= u->spin || disp_runnable() || disp_pending()) {
            break; /* a capability comes another way, and wakes */
        }
        arch_relax();
    }
    if (u->dead) {
        return true; /* perhaps by this look: who waits has been told */
    }
    ump_ack_disabled(u);
    return !ump_sleep_disabled(c) || u->dead;
}

/* A look by way of the ready list costs as much as so many that follow each other. */
#define UMP_LOOKS_PER_RUN 32u

/* Back to the ready list, unless nothing came for a while, or another thread could run. */
static void ump_stay_disabled(struct chan *c, bool some)
{
    struct ump *u = c->ump;
    ump_ack_disabled(u);
    u->idle = some ? 0 : u->idle + UMP_LOOKS_PER_RUN;
    if (some) {
        chan_ready_disabled(c);
    } else if (u->idle <= u->spin && !u->parked && !disp_runnable()) {
        chan_ready_disabled(c);
        arch_relax();
    } else if (!ump_sleep_disabled(c)) {
        chan_ready_disabled(c);
    } else {
        u->idle = 0;
    }
}

static void ump_run(struct chan *c)
{
    struct ump *u = c->ump;
    bool some = false;
    disp_disable();
    u->asleep = false;
    ump_end_lost_disabled();
    if (ump_is_up(c)) {
        if (u->backlog_count != 0) {
            ump_flush_disabled(c);
        }
        if (c->role == CHAN_CONN) {
            struct server_conn *conn = (struct server_conn *)(void *)c;
            /* A full queue is left to be worked off first, unless it waits for capabilities. */
            some =
                (conn->queue_count == SERVER_QUEUE_MAX && !conn->queue[conn->queue_head].partial) ||
                ump_serve_disabled(conn);
        } else {
            for (uint32_t i = 0; i < u->ring.in_lines && ump_step_disabled(c); i++) {
                some = true;
            }
        }
    }
    if (ump_is_up(c)) {
        ump_stay_disabled(c, some);
    }
    disp_enable();
}

/* Several rings have one bell. One that sleeps and in which there is nothing sleeps on, but with
 * its bell armed anew: the peer may have rung it for a line that was taken without, and would not
 * ring again (UMP0126). */
void ump_rung_disabled(struct chan *c)
{
    if (c->ump == NULL || !ump_is_up(c)) {
        return;
    }
    if (__builtin_expect(c->full != 0, 0)) {
        chan_room_disabled(c, CHAN_FULL_LINE);
    }
    struct ump *u = c->ump;
    if (u->asleep && !u->parked && !ump_ring_some(&u->ring) && ump_sleep_disabled(c) &&
        !u->dead) {
        return;
    }
    u->asleep = false;
    chan_ready_disabled(c);
    if (c->role == CHAN_BINDING) {
        binding_wake_disabled((struct binding *)(void *)c);
    }
}

void ump_peer_died_disabled(struct chan *c)
{
    if (c->ump == NULL || !ump_is_up(c)) {
        return;
    }
    /* What it said before comes first; a server need not know. */
    for (uint32_t i = 0; c->role == CHAN_BINDING && i <= c->ump->ring.in_lines; i++) {
        if (!ump_step_disabled(c)) {
            break;
        }
    }
    if (ump_is_up(c)) {
        ump_kill_disabled(c);
    }
}

/* --- life ----------------------------------------------------------------------------------- */

static void ump_close(struct chan *c)
{
    struct ump *u = c->ump;
    disp_disable();
    if (!u->dead) {
        ump_flush_disabled(c); /* the areas are still there */
        ump_ring_close(&u->ring);
        ump_bell_disabled(u);
        u->dead = true;
    }
    disp_enable();
    if (u->closed != NULL) {
        u->closed(u->ctx);
    }
}

static void ump_free(struct chan *c)
{
    while (c->ump != NULL) {
        struct ump *u = c->ump;
        ump_delist(u);
        c->ump = u->before;
        chan_area_free(&u->in_before);
        chan_area_free(&u->out_before);
        if (u->freed != NULL) {
            u->freed(u->ctx);
        }
        free(u);
    }
}

const struct chan_carrier ump_carrier = {
    .send = ump_send,
    .send_disabled = ump_send_disabled,
    .wait_disabled = ump_wait_disabled,
    .run = ump_run,
    .call = ump_call,
    .call_direct = ump_call_direct,
    .close = ump_close,
    .free = ump_free,
};
