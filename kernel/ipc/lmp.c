/* Messages: everything but the direct switch of fastpath.S (invariants: kernel/lmp.h). */
#include <kernel/lmp.h>
#include <kernel/check.h>
#include <kernel/cspace.h>
#include <kernel/memory.h>
#include <kernel/panic.h>
#include <kernel/sched.h>
#include <kernel/stack_guard.h>
#include <kernel/string.h>

#include "endpoint_priv.h"

#define LMP_X_COOKIE 0
#define LMP_X_HEADER 1
#define LMP_X_WORDS  2
#define LMP_X_CAP    10
#define LMP_X_CAP_INFO 11

/* Bits of x10 on send that mean something. */
#define LMP_XFER_VALID (KPI_XFER_MOVE | 0xffull << KPI_XFER_RIGHTS_SHIFT | 0xffffffffull)

static struct lmp_entry *endpoint_ring(struct endpoint *end)
{
    struct channel *channel =
        (struct channel *)((uintptr_t)end & ~(uintptr_t)(KPI_PAGE_BYTES - 1));

    return &channel->entries[end == &channel->end[1] ? end->ring_size : 0];
}

/* Rings are powers of two. */
static struct lmp_entry *endpoint_entry(struct endpoint *end, unsigned index)
{
    return &endpoint_ring(end)[(end->head + index) & (end->ring_size - 1u)];
}

/* The empty slot that `self` offers for a capability, NULL if there is none. */
static inline struct cte *lmp_recv_slot(struct dispatcher *self, caddr_t *ret_addr)
{
    caddr_t addr = dispatcher_page(self)->recv_slot;
    struct cte *slot = dispatcher_slot(self, addr);

    if (addr == 0 || ((slot == NULL || slot->type != CAPTYPE_NULL) &&
                      err_is_fail(cspace_find_empty(self, addr, &slot)))) {
        return NULL;
    }
    *ret_addr = addr;
    return slot;
}

/* The capability that x10 of a send on `end` names: checks that it can go into `dest`. */
static inline errval_t lmp_check_cap(struct dispatcher *self, uint64_t xfer, struct endpoint *end,
                                     const struct cte *dest, struct cte **ret_src)
{
    struct cte *src;
    errval_t err;

    if ((xfer & ~LMP_XFER_VALID) != 0) {
        return SYS_ERR_BAD_ARGUMENT;
    }
    err = dispatcher_cap(self, (uint32_t)xfer, &src);
    if (err_is_fail(err)) {
        return err;
    }
    /* An end inside its own channel could never be reached again. */
    if (cte_type(src) == CAPTYPE_ENDPOINT &&
        (endpoint_of(src) == end || endpoint_of(src) == endpoint_peer(end))) {
        return SYS_ERR_END_IN_USE;
    }
    /* What was lost in transit (lmp_receive_cap) has not ended yet. */
    if (cte_type(dest) != CAPTYPE_NULL) {
        return SYS_ERR_LMP_FULL;
    }
    err = cap_transfer_check(src, dest, (xfer & KPI_XFER_MOVE) != 0);
    if (err_is_fail(err)) {
        return err;
    }
    *ret_src = src;
    return ERR_OK;
}

static void lmp_transfer(struct cte *src, struct cte *dest, uint64_t xfer)
{
    cap_transfer(src, dest, (uint8_t)(xfer >> KPI_XFER_RIGHTS_SHIFT),
                 (xfer & KPI_XFER_MOVE) != 0);
}

/* The end in x0 of a send. */
static inline errval_t lmp_sender(struct dispatcher *self, struct endpoint **ret_end)
{
    struct cte *object;
    errval_t err;

    err = dispatcher_cap(self, self->frame.x[LMP_X_COOKIE], &object);
    if (err_is_fail(err)) {
        return err;
    }
    if (cte_type(object) != CAPTYPE_ENDPOINT) {
        return SYS_ERR_CAP_TYPE;
    }
    if ((cte_rights(object) & CAP_RIGHT_W) == 0) {
        return SYS_ERR_CAP_RIGHTS;
    }
    if (!endpoint_peer(endpoint_of(object))->exists) {
        return SYS_ERR_LMP_PEER_GONE;
    }
    *ret_end = endpoint_of(object);
    return ERR_OK;
}

/* The words of a message: all are read before any is written, so that both go in pairs. */
static inline void lmp_copy(uint64_t *to, const uint64_t *from)
{
    uint64_t w0 = from[0], w1 = from[1], w2 = from[2], w3 = from[3];
    uint64_t w4 = from[4], w5 = from[5], w6 = from[6], w7 = from[7];

    to[0] = w0;
    to[1] = w1;
    to[2] = w2;
    to[3] = w3;
    to[4] = w4;
    to[5] = w5;
    to[6] = w6;
    to[7] = w7;
}

_Static_assert(KPI_LMP_WORDS == 8, "lmp_copy");

/* The ring has room, but not for a capability (lmp_check_cap). That is seldom and soon over, and
 * nothing else tells of it: whoever sends tries again at once. */
static __attribute__((noinline)) errval_t lmp_no_place(struct endpoint *end, errval_t err)
{
    if (err == SYS_ERR_LMP_FULL) {
        endpoint_raise(end, ENDPOINT_EVENT_ROOM);
    }
    return err;
}

/* Puts the message into the ring of the peer of `end`. */
static STACK_GUARD_NONE errval_t lmp_enqueue(struct dispatcher *self, struct endpoint *end)
{
    const uint64_t *x = self->frame.x;
    struct endpoint *peer = endpoint_peer(end);
    struct cte *src = NULL;

    if (peer->count == peer->ring_size) {
        peer->flags |= ENDPOINT_WANTED;
        return SYS_ERR_LMP_FULL;
    }

    struct lmp_entry *entry = endpoint_entry(peer, peer->count);

    if (x[LMP_X_CAP] != 0) {
        errval_t err = lmp_check_cap(self, x[LMP_X_CAP], end, &entry->slot, &src);

        if (err_is_fail(err)) {
            return lmp_no_place(end, err);
        }
    }
    /* Nothing fails from here on. */
    entry->header = x[LMP_X_HEADER];
    entry->has_cap = src != NULL;
    lmp_copy(entry->words, &x[LMP_X_WORDS]);
    if (src != NULL) {
        lmp_transfer(src, &entry->slot, x[LMP_X_CAP]);
    }
    peer->count++;
    self->messages_sent++;
    endpoint_update(peer);
    return ERR_OK;
}

/* Moves or copies the capability that `xfer` names into `slot` at `addr`, the receive slot of `to`,
 * who waits for it at the peer of `end`. */
static inline errval_t lmp_give_cap(struct dispatcher *self, uint64_t xfer, struct endpoint *end,
                                    struct dispatcher *to, struct cte *slot, caddr_t addr,
                                    struct lmp_cap_got *ret)
{
    struct cte *src;
    errval_t err = lmp_check_cap(self, xfer, end, slot, &src);

    if (err_is_fail(err)) {
        return err;
    }
    lmp_transfer(src, slot, xfer);
    dispatcher_page(to)->recv_slot = 0;
    *ret = (struct lmp_cap_got){
        .addr = addr,
        .info = (uint64_t)cte_type(slot) | (uint64_t)cte_rights(slot) << 8,
    };
    return ERR_OK;
}

STACK_GUARD_NONE struct lmp_cap_got lmp_fast_cap(struct dispatcher *self, struct dispatcher *to,
                                struct endpoint *peer, uint64_t xfer)
{
    struct lmp_cap_got got = { .addr = 0 };
    caddr_t addr;
    struct cte *slot = lmp_recv_slot(to, &addr);

    if (slot != NULL &&
        err_is_ok(lmp_give_cap(self, xfer, endpoint_peer(peer), to, slot, addr, &got))) {
        check_touched();
    }
    return got;
}

/* Puts header and words of a message to `peer` into the registers of its receiver, which waits for
 * it, and ends the wait. */
static inline void lmp_hand(struct dispatcher *self, struct endpoint *peer, struct dispatcher *to)
{
    const uint64_t *from = self->frame.x;
    uint64_t *x = to->frame.x;

    kernel_assert(peer->count == 0);
    x[LMP_X_COOKIE] = peer->cookie;
    x[LMP_X_HEADER] = from[LMP_X_HEADER];
    lmp_copy(&x[LMP_X_WORDS], &from[LMP_X_WORDS]);
    x[LMP_X_CAP] = 0;
    x[LMP_X_CAP_INFO] = 0;
    to->frame.pstate = 0;
    self->messages_sent++;
    to->messages_received++;
    to->state = DISP_RUNNABLE;
}

/* The same for a message with a capability: `slot` at `addr` is the receive slot. */
static errval_t lmp_deliver(struct dispatcher *self, struct endpoint *end, struct dispatcher *to,
                            struct cte *slot, caddr_t addr)
{
    struct lmp_cap_got got;
    errval_t err = lmp_give_cap(self, self->frame.x[LMP_X_CAP], end, to, slot, addr, &got);

    if (err_is_ok(err)) {
        lmp_hand(self, endpoint_peer(end), to);
        to->frame.x[LMP_X_CAP] = got.addr;
        to->frame.x[LMP_X_CAP_INFO] = got.info;
    }
    return err;
}

STACK_GUARD_NONE errval_t lmp_send(struct dispatcher *self)
{
    struct endpoint *end;
    errval_t err = lmp_sender(self, &end);

    if (err_is_fail(err)) {
        return err;
    }

    struct dispatcher *to = endpoint_peer(end)->fast;
    caddr_t addr;

    if (to == NULL || to->state != DISP_WAITING) {
        return lmp_enqueue(self, end);
    }
    if (self->frame.x[LMP_X_CAP] == 0) {
        lmp_hand(self, endpoint_peer(end), to);
    } else {
        struct cte *slot = lmp_recv_slot(to, &addr);

        if (slot == NULL) {
            return lmp_enqueue(self, end);
        }
        err = lmp_deliver(self, end, to, slot, addr);
        if (err_is_fail(err)) {
            return err;
        }
    }
    to->delivered = true;
    sched_ready(to);
    return ERR_OK;
}

STACK_GUARD_NONE errval_t lmp_call(struct dispatcher *self, struct lmp_woken *ret_woken)
{
    struct endpoint *end;
    errval_t err = lmp_sender(self, &end);

    if (err_is_fail(err)) {
        return err;
    }

    struct dispatcher *to = endpoint_peer(end)->receiver;
    bool waits = to != NULL && to->state == DISP_WAITING && endpoint_peer(end)->fast == to;
    caddr_t addr;

    if (waits && self->pending == 0 && self->frame.x[LMP_X_CAP] != 0) {
        struct cte *slot = lmp_recv_slot(to, &addr);

        if (slot != NULL) {
            err = lmp_deliver(self, end, to, slot, addr);
            if (err_is_ok(err)) {
                *ret_woken = (struct lmp_woken){ .d = to, .delivered = true };
            }
            return err;
        }
    }
    err = lmp_enqueue(self, end);
    if (err_is_ok(err) && to != NULL && to->ready) {
        *ret_woken = (struct lmp_woken){ .d = to, .delivered = false };
    }
    return err;
}

static void lmp_control(uint64_t *x, const struct endpoint *end, uint64_t ordinal)
{
    memset(x, 0, (LMP_X_CAP_INFO + 1) * sizeof(x[0]));
    x[LMP_X_COOKIE] = end->cookie;
    x[LMP_X_HEADER] = KPI_CONTROL_HEADER(ordinal);
}

/* Receives the capability of `entry`, if it still has one; false if there is no slot for it. */
static bool lmp_receive_cap(struct dispatcher *self, struct lmp_entry *entry, uint64_t *x)
{
    caddr_t addr;

    x[LMP_X_CAP] = 0;
    x[LMP_X_CAP_INFO] = 0;
    if (entry->has_cap == 0 || cte_type(&entry->slot) == CAPTYPE_NULL) {
        return true;
    }

    struct cte *slot = lmp_recv_slot(self, &addr);

    if (slot == NULL) {
        return false;
    }
    /* An object whose end has begun is lost in transit, like one that was revoked. */
    if (err_is_ok(cap_transfer_check(&entry->slot, slot, true))) {
        cap_transfer(&entry->slot, slot, CAP_RIGHTS_ALL, true);
        dispatcher_page(self)->recv_slot = 0;
        x[LMP_X_CAP] = addr;
        x[LMP_X_CAP_INFO] = (uint64_t)cte_type(slot) | (uint64_t)cte_rights(slot) << 8;
    }
    return true;
}

/* Receives the event of `end` whose turn it is; false if a message comes first. */
static STACK_GUARD_NONE bool lmp_receive_event(uint64_t *x, struct endpoint *end)
{
    uint8_t event = ENDPOINT_EVENT_RAISED;
    uint64_t ordinal = KPI_CONTROL_EVENT;

    if (__builtin_expect((end->flags & ENDPOINT_EVENT_RAISED) == 0, 0)) {
        if ((end->flags & ENDPOINT_EVENT_ROOM) != 0) {
            event = ENDPOINT_EVENT_ROOM;
            ordinal = KPI_CONTROL_ROOM;
        } else if (end->count == 0) {
            kernel_assert((end->flags & ENDPOINT_EVENT_GONE) != 0);
            event = ENDPOINT_EVENT_GONE;
            ordinal = KPI_CONTROL_PEER_GONE;
        } else {
            return false;
        }
    }
    end->flags &= (uint8_t)~event;
    lmp_control(x, end, ordinal);
    return true;
}

/* A message of `end` was taken whose sender wants to know of room: tells of half of the ring, so
 * that who sends is woken once for as many messages. */
static __attribute__((noinline)) STACK_GUARD_NONE void lmp_taken(struct endpoint *end)
{
    if (end->count <= end->ring_size / 2u) {
        end->flags &= (uint8_t)~ENDPOINT_WANTED;
        endpoint_raise(endpoint_peer(end), ENDPOINT_EVENT_ROOM);
    }
}

/* Receives the next thing of `end`; false if it needs a receive slot and there is none. */
static STACK_GUARD_NONE bool lmp_receive(struct dispatcher *self, struct endpoint *end)
{
    uint64_t *x = self->frame.x;

    if (__builtin_expect(end->flags == 0, 1) || !lmp_receive_event(x, end)) {
        struct lmp_entry *entry = endpoint_entry(end, 0);

        if (!lmp_receive_cap(self, entry, x)) {
            return false;
        }
        x[LMP_X_COOKIE] = end->cookie;
        x[LMP_X_HEADER] = entry->header;
        lmp_copy(&x[LMP_X_WORDS], entry->words);
        end->head = (uint16_t)((end->head + 1u) & (end->ring_size - 1u));
        end->count--;
        self->messages_received++;
        if (__builtin_expect((end->flags & ENDPOINT_WANTED) != 0, 0)) {
            lmp_taken(end);
        }
    }
    /* Ends take turns. */
    endpoint_enlist(end, endpoint_due(end) ? ENDPOINT_LIST_DELIVERABLE : ENDPOINT_LIST_NONE);
    end->fast = (end->count | end->flags) == 0 ? self : NULL;
    return true;
}

STACK_GUARD_NONE void lmp_poll(struct dispatcher *self)
{
    struct kpi_dispatcher *page = dispatcher_page(self);
    uint64_t *x = self->frame.x;
    caddr_t addr;

    if ((self->pending & (DISP_PENDING_TIMER | DISP_PENDING_ASKED)) != 0) {
        x[LMP_X_COOKIE] = 0;
        x[LMP_X_HEADER] = ((self->pending & DISP_PENDING_TIMER) != 0 ? KPI_EVENT_TIMER : 0) |
                          ((self->pending & DISP_PENDING_ASKED) != 0 ? KPI_EVENT_ASKED : 0);
        self->pending &= ~(DISP_PENDING_TIMER | DISP_PENDING_ASKED);
        page->pending = self->pending;
        return;
    }
    if (self->no_slot.first != NULL && lmp_recv_slot(self, &addr) != NULL &&
        lmp_receive(self, self->no_slot.first)) {
        return;
    }
    while (self->deliverable.first != NULL) {
        if (lmp_receive(self, self->deliverable.first)) {
            return;
        }
        endpoint_enlist(self->deliverable.first, ENDPOINT_LIST_NO_SLOT);
    }
    x[LMP_X_COOKIE] = 0;
    x[LMP_X_HEADER] = self->no_slot.first != NULL ? KPI_EVENT_SLOT : 0;
    self->slot_told = true;
}
