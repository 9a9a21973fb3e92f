/* Channel ends. Invariants:
 *  1. A struct chan is bound as cookie from chan_bind to chan_close; after the close nothing is
 * delivered to it.
 *  2. It is in the ready list of its waitset iff `ready`; it leaves the list before it goes away.
 *  3. Every received capability has exactly one owner: a message on its way to a handler or caller,
 * or the list of discarded ones. */
#include "chan_priv.h"

#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/ram.h>
#include <aos/slot.h>
#include <aos/arch_lmp.h>

/* Capabilities that nobody wants, until a thread has the time. Receive slots come from a reserve
 * that is refilled at the same places where this list is emptied, so it cannot overflow between two
 * visits. */
#define DISCARD_MAX (2u * RECV_SLOT_RESERVE)
static caddr_t discarded[DISCARD_MAX];
static uint32_t discarded_count;
uint32_t chan_untidy;

/* Memory of channels of which this side has closed its end and the peer has not: looked at when
 * channels are made. With more of them than places the oldest is forgotten, and its memory comes
 * back when the domain ends. */
#define GRAVES_MAX   32u
#define GRAVES_STEPS 2u /* how many are looked at at a time */
static uint64_t graves[GRAVES_MAX]; /* base | bytes / AOS_PAGE_BYTES */
static uint32_t graves_head, graves_count;

static void chan_bury(uint64_t base)
{
    disp_disable();
    if (graves_count == GRAVES_MAX) {
        graves_head = (graves_head + 1) % GRAVES_MAX;
        graves_count--;
    }
    graves[(graves_head + graves_count++) % GRAVES_MAX] = base;
    disp_enable();
}

static void chan_visit_graves(void)
{
    for (uint32_t i = 0; i < GRAVES_STEPS && graves_count != 0; i++) {
        uint64_t base = 0;
        disp_disable();
        if (graves_count != 0) {
            base = graves[graves_head];
            graves_head = (graves_head + 1) % GRAVES_MAX;
            graves_count--;
        }
        disp_enable();
        uint64_t pages = base % AOS_PAGE_BYTES;
        if (base != 0 && err_is_fail(ram_free_range_unused(base - pages, pages * AOS_PAGE_BYTES))) {
            chan_bury(base);
        }
    }
}

/* Ends that are bound. */
static uint32_t ends_count;

/* One end more is used, if there may be. */
static errval_t chan_count_end(void)
{
    uint32_t limit = domain_startup()->limits.endpoints;
    uint32_t count = __atomic_add_fetch(&ends_count, 1, __ATOMIC_RELAXED);
    if (limit == 0 || count <= limit) {
        return ERR_OK;
    }
    (void)__atomic_sub_fetch(&ends_count, 1, __ATOMIC_RELAXED);
    return LIB_ERR_END_LIMIT;
}

static void chan_uncount_end(void)
{
    (void)__atomic_sub_fetch(&ends_count, 1, __ATOMIC_RELAXED);
}

uint32_t chan_ring_bytes(uint32_t window)
{
    uint32_t bytes = CHAN_RING_BYTES;
    while (KPI_LMP_RING(bytes) <= CHAN_CALLS_MAX + CHAN_EVENTS_MAX + CHAN_STREAMS_MAX * window) {
        bytes *= 2;
    }
    return bytes;
}

errval_t chan_create(caddr_t *ret_own, caddr_t *ret_peer)
{
    return chan_create_for(0, ret_own, ret_peer);
}

errval_t chan_create_for(uint32_t window, caddr_t *ret_own, caddr_t *ret_peer)
{
    uint32_t bytes = chan_ring_bytes(window);
    caddr_t first;
    chan_visit_graves();
    errval_t err = chan_count_end();
    if (err_is_fail(err)) {
        return err;
    }
    chan_uncount_end();                  /* it counts when it is bound */
    err = slot_alloc_range(2, &first);
    if (err_is_fail(err)) {
        return err;
    }
    err = ram_retype_new(first, CAPTYPE_ENDPOINT, bytes, bytes);
    if (err_is_fail(err)) {
        slot_free(first);
        slot_free(first + 1);
        return err;
    }
    *ret_own = first;
    *ret_peer = first + 1;
    return ERR_OK;
}

static void chan_init(struct chan *c, enum chan_role role, caddr_t end, struct waitset *ws)
{
    disp_disable();
    chan_delist_disabled(c); /* a connection is opened before it gets its end */
    disp_enable();
    *c = (struct chan){.end = end, .role = (uint8_t)role, .state = CHAN_OPEN, .ws = ws};
    c->ring_bytes = CHAN_RING_BYTES;
    c->tx = MSG_GEN_ONE;
    c->slow = (end == 0 ? CHAN_SLOW_CARRIER : 0) | (role == CHAN_CONN ? CHAN_SLOW_UNBOUND : 0) |
              (role == CHAN_BINDING ? CHAN_SLOW_SWEEP : 0);
    if (role != CHAN_SOURCE && role != CHAN_RAW) {
        disp_disable();
        chan_enlist_disabled(c);
        disp_enable();
    }
}

void chan_open(struct chan *c, enum chan_role role, caddr_t end, struct waitset *ws)
{
    chan_init(c, role, end, ws);
}

errval_t chan_bind(struct chan *c, enum chan_role role, caddr_t end, struct waitset *ws)
{
    chan_init(c, role, end, ws);
    errval_t err = chan_count_end();
    if (err_is_ok(err)) {
        err = arch_lmp_bind(end, (uint64_t)(uintptr_t)c);
        if (err_is_fail(err)) {
            chan_uncount_end();
        }
    }
    if (err_is_fail(err)) {
        c->state = CHAN_CLOSED;
        disp_disable();
        chan_delist_disabled(c);
        disp_enable();
        (void)cap_destroy(end);
    }
    return err;
}

static void chan_unready_disabled(struct chan *c)
{
    struct chan *before = NULL;
    for (struct chan *i = c->ws->ready_head; i != NULL; before = i, i = i->ready_next) {
        if (i != c) {
            continue;
        }
        if (before == NULL) {
            c->ws->ready_head = c->ready_next;
        } else {
            before->ready_next = c->ready_next;
        }
        if (c->ws->ready_tail == c) {
            c->ws->ready_tail = before;
        }
        c->ready = false;
        c->ready_next = NULL;
        return;
    }
}

/* Deletes the own end. The memory of a channel made here comes back when the peer's is gone too. */
static void chan_close_end(caddr_t end, uint32_t ring_bytes, bool owns_ram, bool peer_gone)
{
    struct cap_info info;
    owns_ram = owns_ram && err_is_ok(cap_identify(end, &info));
    (void)cap_destroy(end);
    if (owns_ram && peer_gone) {
        (void)ram_free_range(info.a, ring_bytes);
    } else if (owns_ram) {
        chan_bury(info.a | ring_bytes / AOS_PAGE_BYTES);
    }
}

void chan_close(struct chan *c)
{
    disp_disable();
    bool peer_gone = c->state == CHAN_GONE;
    c->state = CHAN_CLOSED;
    c->slow |= CHAN_SLOW_STATE;
    chan_delist_disabled(c);
    if (c->ready) {
        chan_unready_disabled(c);
    }
    /* Taken out before its slot is free: nobody sends on what is there next. */
    caddr_t end = c->end;
    c->end = 0;
    struct chan *peer = c->peer;
    c->peer = NULL;
    const struct chan_carrier *carrier = c->carrier;
    if (peer != NULL) {
        peer->peer = NULL;
        if (peer->region.shared) {
            peer->region = (struct chan_area){0}; /* it goes with this side */
        }
        const struct lmp_msg gone = {.header = KPI_CONTROL_HEADER(KPI_CONTROL_PEER_GONE)};
        chan_deliver_disabled((uint64_t)(uintptr_t)peer, &gone);
    }
    disp_enable();
    if (carrier != NULL) {
        carrier->close(c);
    }
    if (end != 0) {
        chan_uncount_end();
        chan_close_end(end, c->ring_bytes, c->owns_ram, peer_gone);
    }
    chan_area_free(&c->out);
    chan_area_free(&c->in);
}

void chan_ready_disabled(struct chan *c)
{
    struct waitset *ws = c->ws;
    if (ws == NULL || c->ready) {
        return;
    }
    c->ready = true;
    c->ready_next = NULL;
    if (ws->ready_head == NULL) {
        ws->ready_head = c;
    } else {
        ws->ready_tail->ready_next = c;
    }
    ws->ready_tail = c;
    (void)thread_wake_one_disabled(&ws->waiters);
}

void chan_pause_disabled(struct chan *c)
{
    if (c->end != 0 && !c->paused) {
        c->paused = err_is_ok(arch_lmp_hold(c->end));
    }
}

void chan_resume_disabled(struct chan *c)
{
    if (c->paused && c->end != 0) {
        c->paused = false;
        (void)arch_lmp_bind(c->end, (uint64_t)(uintptr_t)c);
    }
}

void chan_room_disabled(struct chan *c, uint8_t which)
{
    const bool was = c->full != 0;
    c->full &= (uint8_t)~which;
    if (!was || c->full != 0) {
        return;
    }
    switch ((enum chan_role)c->role) {
    case CHAN_BINDING:
        binding_room_disabled((struct binding *)(void *)c);
        return;
    case CHAN_CONN:
        conn_room_disabled((struct server_conn *)(void *)c);
        return;
    case CHAN_SOURCE:
    case CHAN_RAW:
        return;                          /* raw_deliver_disabled */
    }
}

void chan_deliver_disabled(uint64_t cookie, const struct lmp_msg *msg)
{
    struct chan *c = (struct chan *)(uintptr_t)cookie;
    /* While it is being closed the kernel may deliver until the end is gone: to nobody, and nothing
     * may be left in the lists that the channel was taken out of. */
    bool closed = c->state == CHAN_CLOSED;
    if (msg->cap != 0 && (c->end != 0 || (closed && c->carrier == NULL))) {
        chan_untidy = 1;
        (void)recv_slot_rotate_disabled();
    }
    if (__builtin_expect(closed, 0)) {
        chan_discard_cap_disabled(msg->cap);
        return;
    }
    switch ((enum chan_role)c->role) {
    case CHAN_BINDING:
        binding_deliver_disabled(c, msg);
        return;
    case CHAN_CONN:
        conn_deliver_disabled(c, msg);
        return;
    case CHAN_SOURCE:
        source_deliver_disabled(c, msg);
        return;
    case CHAN_RAW:
        raw_deliver_disabled(c, msg);
        return;
    }
    chan_discard_cap_disabled(msg->cap);
}

void chan_discard_cap_disabled(caddr_t cap)
{
    if (cap != 0 && discarded_count < DISCARD_MAX) {
        chan_untidy = 1;
        discarded[discarded_count++] = cap;
    }
}

void chan_tidy(void)
{
    chan_untidy = 0;
    while (__builtin_expect(discarded_count != 0, 0)) {
        disp_disable();
        caddr_t cap = discarded_count != 0 ? discarded[--discarded_count] : 0;
        disp_enable();
        if (cap != 0) {
            (void)cap_destroy(cap);
        }
    }
    if (__builtin_expect(recv_slot_low(), 0)) {
        recv_slot_refill();
    }
}

errval_t chan_loop_cap(struct msg_cap cap, caddr_t *ret_cap, uint32_t *ret_info)
{
    struct cap_info info;
    errval_t err = cap_identify(cap.cap, &info);
    if (err_is_fail(err)) {
        return err;
    }
    uint8_t rights = info.rights & cap.rights;
    if (!cap.move) {
        rights &= (uint8_t)~CAP_RIGHT_D;
    }
    caddr_t out;
    err = slot_alloc(&out);
    if (err_is_fail(err)) {
        return err;
    }
    err =
        cap.move && rights == info.rights ? cap_move(out, cap.cap) : cap_mint(out, cap.cap, rights);
    if (err_is_fail(err)) {
        slot_free(out);
        return err;
    }
    if (cap.move) {
        (void)cap_delete(cap.cap);
    }
    *ret_cap = out;
    *ret_info = (uint32_t)info.type | (uint32_t)rights << 8;
    return ERR_OK;
}

static errval_t chan_send_loop(struct chan *c, const struct lmp_msg *msg, struct msg_cap cap)
{
    struct lmp_msg m = *msg;
    m.cap = 0;
    m.cap_info = 0;
    if (c->peer == NULL) {
        return SYS_ERR_LMP_PEER_GONE;
    }
    if (cap.cap != 0) {
        errval_t err = chan_loop_cap(cap, &m.cap, &m.cap_info);
        if (err_is_fail(err)) {
            return err;
        }
    }
    disp_disable();
    if (c->peer != NULL) {
        chan_deliver_disabled((uint64_t)(uintptr_t)c->peer, &m);
    } else {
        chan_discard_cap_disabled(m.cap);
    }
    disp_enable();
    return ERR_OK;
}

errval_t chan_sent_disabled(struct chan *c, errval_t err)
{
    if (err_no(err) == SYS_ERR_LMP_FULL) {
        c->full |= CHAN_FULL;
    }
    return err;
}

errval_t chan_send(struct chan *c, const struct lmp_msg *msg, struct msg_cap cap)
{
    if (c->end != 0) {
        return arch_lmp_send(c->end, msg_xfer(cap), msg);
    }
    return c->carrier != NULL ? c->carrier->send(c, msg, cap) : chan_send_loop(c, msg, cap);
}

errval_t chan_full(struct chan *c, const struct lmp_msg *msg, struct msg_cap cap, errval_t err)
{
    if (err_no(err) == SYS_ERR_LMP_FULL && c->end != 0) {
        disp_disable();
        err = chan_sent_disabled(c, arch_lmp_send(c->end, msg_xfer(cap), msg));
        disp_enable();
    }
    return err;
}

void chan_carrier_free(struct chan *c)
{
    if (c->carrier != NULL) {
        c->carrier->free(c);
        c->carrier = NULL;
    }
}

errval_t chan_send_disabled(struct chan *c, const struct lmp_msg *msg)
{
    if (c->end != 0) {
        return chan_sent_disabled(c, arch_lmp_send(c->end, 0, msg));
    }
    if (c->carrier != NULL) {
        return c->carrier->send_disabled(c, msg);
    }
    if (c->peer == NULL) {
        return SYS_ERR_LMP_PEER_GONE;
    }
    chan_deliver_disabled((uint64_t)(uintptr_t)c->peer, msg);
    return ERR_OK;
}

void chan_cap_sent(struct msg_cap cap, bool sent)
{
    if (cap.cap == 0 || !cap.move) {
        return;
    }
    if (sent) {
        slot_free(cap.cap);
    } else {
        (void)cap_destroy(cap.cap);
    }
}
