/* Slots (aos/slot.h). Everything but the receive reserve is under the memory lock. */
#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/slot.h>

#include "mem_priv.h"
#include "slot_priv.h"

#define SLOT_TRIES      8u               /* nodes that are looked at for a run of slots */
/* An empty node goes when at least so many slots are free besides. */
#define SLOT_KEEP_FREE (2 * KPI_L2_SLOTS)

struct slot_space slots;

void slot_open_link(struct slot_node *node)
{
    node->prev = NULL;
    node->next = slots.open[node->kept];
    if (node->next != NULL) {
        node->next->prev = node;
    }
    slots.open[node->kept] = node;
}

void slot_open_unlink(struct slot_node *node)
{
    if (node->prev != NULL) {
        node->prev->next = node->next;
    } else {
        slots.open[node->kept] = node->next;
    }
    if (node->next != NULL) {
        node->next->prev = node->prev;
    }
}

uint64_t slot_free_count(void)
{
    return slots.free_count - slots.kept_free_count;
}

uint64_t slot_kept_free_count(void)
{
    return slots.kept_free_count;
}

bool slot_is_kept(caddr_t slot)
{
    const struct slot_node *node = slot_node_at(slot >> 8);
    return node != NULL && node->kept;
}

static void slot_count_taken(struct slot_node *node, uint32_t count)
{
    node->free_count -= count;
    slots.free_count -= count;
    slots.kept_free_count -= node->kept ? count : 0;
    slots.used_count += count;
}

static void slot_count_given(struct slot_node *node)
{
    node->free_count++;
    slots.free_count++;
    slots.kept_free_count += node->kept ? 1 : 0;
    slots.used_count--;
}

/* `count` slots from `index` on are in use now. */
static inline caddr_t slot_taken(struct slot_node *node, uint32_t index, uint32_t count)
{
    slot_count_taken(node, count);
    if (node->free_count == 0) {
        slot_open_unlink(node);
    }
    return KPI_CADDR(node->l1, index);
}

/* A run in one of the first nodes that have so many. */
static caddr_t slot_take_of(struct slot_node *node, uint32_t count)
{
    for (uint32_t tries = 0; node != NULL && tries < SLOT_TRIES; node = node->next, tries++) {
        uint32_t index = node->free_count < count ? BITMAP_NONE : bitmap_take(&node->used, count);
        if (index != BITMAP_NONE) {
            return slot_taken(node, index, count);
        }
    }
    return 0;
}

static __attribute__((noinline)) caddr_t slot_take_run(uint32_t count)
{
    bool kept = mem_is_refilling();
    caddr_t first = slot_take_of(slots.open[kept], count);
    return first != 0 ? first : slot_take_of(slots.open[!kept], count);
}

/* What a refill allocates stays for long: it has nodes of its own, so that the others become empty
 * some time. A single slot is always in the first node. */
caddr_t slot_take(uint32_t count)
{
    struct slot_node *node = slots.open[mem_is_refilling()];
    if (count != 1 || node == NULL) {
        return slot_take_run(count);
    }
    return slot_taken(node, bitmap_take_one(&node->used), 1);
}

/* `limit` 0: none. */
static errval_t slot_alloc_within(uint32_t limit, uint32_t count, caddr_t *ret_first)
{
    errval_t err = mem_begin(0, 0);
    if (err_is_fail(err)) {
        return err;
    }
    if (limit != 0 && slots.used_count + count > limit) {
        mem_end();
        return LIB_ERR_SLOT_LIMIT;
    }
    caddr_t first = slot_take(count);
    if (first == 0) {
        err = slot_grow(false);
        first = err_is_ok(err) ? slot_take(count) : 0;
    }
    mem_end();
    if (first == 0) {
        return err_is_fail(err) ? err : LIB_ERR_NO_SLOTS;
    }
    *ret_first = first;
    return ERR_OK;
}

errval_t slot_alloc_range(uint32_t count, caddr_t *ret_first)
{
    if (count == 0 || count > SLOT_RANGE_MAX) {
        return LIB_ERR_RANGE;
    }
    return slot_alloc_within(domain_startup()->limits.slots, count, ret_first);
}

errval_t slot_alloc(caddr_t *ret_slot)
{
    return slot_alloc_range(1, ret_slot);
}

/* The node that a slot in use was taken from. NULL: slots that came with the domain (the early
 * RAM) were never ours to hand out. */
static struct slot_node *slot_node_of(caddr_t slot)
{
    USER_CHECK((slot & KPI_CADDR_L1) == 0);
    uint32_t l1 = slot >> 8;
    struct slot_node *node = slot_node_at(l1);
    uint32_t index = slot & (KPI_L2_SLOTS - 1);
    if (node == NULL || (l1 == KPI_L1_TASK && index < KPI_CAP_FIRST_FREE)) {
        return NULL;
    }
    USER_CHECK(bitmap_test(&node->used, index));
    return node;
}

static bool recv_slot_is(caddr_t slot)
{
    const struct disp_user *user = disp_user();
    bool found = slot == disp_page()->recv_slot;
    for (uint32_t i = 0; i < user->recv_count; i++) {
        found |= user->recv[i] == slot;
    }
    return found;
}

void slot_free(caddr_t slot)
{
    mem_lock();
    struct slot_node *node = slot_node_of(slot);
    if (node != NULL) {
        USER_CHECK(!recv_slot_is(slot)); /* freed twice */
        bitmap_clear(&node->used, cap_index_of(slot));
        if (node->free_count == 0) {
            slot_open_link(node);
        }
        slot_count_given(node);
        if (node->free_count == KPI_L2_SLOTS && node->base != 0 && !node->kept &&
            slot_free_count() >= KPI_L2_SLOTS + SLOT_KEEP_FREE) {
            slot_shrink(node);
        }
    }
    mem_end();
}

void slot_stats(uint64_t *ret_used, uint64_t *ret_total)
{
    mem_lock();
    /* Receive slots are taken, but empty: nobody uses them yet. */
    *ret_used = slots.used_count - disp_user()->recv_count - (disp_page()->recv_slot != 0);
    *ret_total = slots.total_count;
    mem_end();
}

caddr_t recv_slot_rotate_disabled(void)
{
    struct disp_user *user = disp_user();
    caddr_t slot = user->recv_count == 0 ? 0 : user->recv[--user->recv_count];
    disp_page()->recv_slot = slot;
    return slot;
}

/* A node with a slot in use stays, and the bit of the slot is its user's, so this takes no lock. */
bool recv_slot_give_back(caddr_t slot)
{
    return (slot & KPI_CADDR_L1) == 0 && slot_node_of(slot) != NULL && recv_slot_put_back(slot);
}

bool recv_slot_put_back(caddr_t slot)
{
    struct disp_user *user = disp_user();
    disp_disable_touched();              /* calls nothing */
    bool room = user->recv_count < RECV_SLOT_RESERVE;
    if (room) {
        user->recv[user->recv_count++] = slot;
    }
    disp_enable();
    return room;
}

bool recv_slot_low(void)
{
    return disp_user()->recv_count < RECV_SLOT_RESERVE / 2 || disp_page()->recv_slot == 0;
}

/* Takes up to `most` slots, and one if there is any at all. A domain may have these besides its
 * limit. */
static uint32_t recv_slot_take(uint32_t most, caddr_t *ret_slots)
{
    uint32_t count = 0;
    if (err_is_fail(mem_begin(0, 0))) {
        return 0;
    }
    if (slot_free_count() == 0) {
        (void)slot_grow(false);
    }
    while (count < most && (ret_slots[count] = slot_take(1)) != 0) {
        count++;
    }
    mem_end();
    return count;
}

void recv_slot_refill(void)
{
    while (recv_slot_low()) {
        caddr_t batch[RECV_SLOT_RESERVE / 2];
        uint32_t count = recv_slot_take(RECV_SLOT_RESERVE / 2, batch);
        if (count == 0) {
            return;                      /* tried again on the way out of the next blocking call */
        }
        struct disp_user *user = disp_user();
        disp_disable();
        while (count > 0 && user->recv_count < RECV_SLOT_RESERVE) {
            user->recv[user->recv_count++] = batch[--count];
        }
        if (disp_page()->recv_slot == 0) {
            (void)recv_slot_rotate_disabled();
        }
        disp_enable();
        while (count > 0) {
            slot_free(batch[--count]);
        }
    }
}
