/* Slots. The task CNode and the CNode of page tables come with the domain, further L2 CNodes are
 * made on demand. Everything but the receive reserve is under the memory lock. */
#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/slot.h>

#include "mem_priv.h"
#include "slot_priv.h"

#define SLOT_L1_MAX 512u                 /* CNodes of slots: 128 Ki slots */

static struct {
    struct slot_node task;               /* these two are always there */
    struct slot_node vnodes;
    struct slot_node *nodes;             /* all; one with free slots tends to be in front */
    struct slot_node *by_l1[SLOT_L1_MAX];
    uint32_t l1_next;                    /* where to look for a free L1 slot */
    uint64_t used_count;
    uint64_t free_count;
    uint64_t total_count;
} slots;

static void slot_add_node(struct slot_node *node, uint32_t l1, uint32_t first)
{
    node->l1 = l1;
    for (uint32_t i = 0; i < first; i++) {
        bitmap_set(&node->used, i);
    }
    node->free_count = KPI_L2_SLOTS - first;
    node->next = slots.nodes;
    slots.nodes = node;
    slots.by_l1[l1] = node;
    slots.free_count += node->free_count;
    slots.total_count += node->free_count;
}

void slot_init(void)
{
    slots.l1_next = KPI_L1_FIRST_FREE;
    slot_add_node(&slots.vnodes, KPI_L1_VNODES, domain_startup()->table_slots_used);
    slot_add_node(&slots.task, KPI_L1_TASK, KPI_CAP_FIRST_FREE);
}

uint64_t slot_free_count(void)
{
    return slots.free_count;
}

/* init's L1 CNode holds what the kernel put there, so each slot is looked at before use. */
static errval_t slot_find_l1(uint32_t *ret_l1)
{
    for (uint32_t l1 = slots.l1_next; l1 < SLOT_L1_MAX; l1++) {
        struct cap_info info;
        errval_t err = cap_identify(KPI_CADDR_L1 | l1, &info);
        if (err_is_fail(err)) {
            break;                       /* the end of the CNode */
        }
        if (info.type == CAPTYPE_NULL && slots.by_l1[l1] == NULL) {
            *ret_l1 = l1;
            return ERR_OK;
        }
    }
    return LIB_ERR_NO_SLOTS;
}

errval_t slot_grow(void)
{
    uint32_t l1;
    errval_t err = slot_find_l1(&l1);
    if (err_is_fail(err)) {
        return err;
    }
    uint64_t base;
    err = ram_make(KPI_CADDR_L1 | l1, CAPTYPE_L2CNODE, KPI_L2_BYTES, KPI_L2_BYTES, &base);
    if (err_is_fail(err)) {
        return err_push(err, LIB_ERR_NO_SLOTS);
    }
    slots.l1_next = l1 + 1;
    slot_add_node(mem_new(MEM_SLAB_SLOTS), l1, 0);
    return ERR_OK;
}

/* A run of `count` in one node, which moves to the front of the list. */
caddr_t slot_take(uint32_t count)
{
    struct slot_node **link = &slots.nodes;
    for (struct slot_node *node = *link; node != NULL; link = &node->next, node = *link) {
        if (node->free_count < count) {
            continue;
        }
        uint32_t index = bitmap_take(&node->used, count);
        if (index == BITMAP_NONE) {
            continue;
        }
        node->free_count -= count;
        slots.free_count -= count;
        slots.used_count += count;
        *link = node->next;
        node->next = slots.nodes;
        slots.nodes = node;
        return KPI_CADDR(node->l1, index);
    }
    return 0;
}

errval_t slot_alloc_range(uint32_t count, caddr_t *ret_first)
{
    if (count == 0 || count > SLOT_RANGE_MAX) {
        return LIB_ERR_RANGE;
    }
    errval_t err = mem_begin(0, 0);
    if (err_is_fail(err)) {
        return err;
    }
    caddr_t first = slot_take(count);
    if (first == 0) {
        err = slot_grow();
        first = err_is_ok(err) ? slot_take(count) : 0;
    }
    mem_end();
    if (first == 0) {
        return err_is_fail(err) ? err : LIB_ERR_NO_SLOTS;
    }
    *ret_first = first;
    return ERR_OK;
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
    struct slot_node *node = l1 < SLOT_L1_MAX ? slots.by_l1[l1] : NULL;
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
        node->free_count++;
        slots.free_count++;
        slots.used_count--;
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

/* Nodes never go, and the bit of a slot in use is its user's, so this takes no lock. */
bool recv_slot_give_back(caddr_t slot)
{
    if ((slot & KPI_CADDR_L1) != 0 || slot_node_of(slot) == NULL) {
        return false;
    }
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

void recv_slot_refill(void)
{
    while (recv_slot_low()) {
        caddr_t batch[RECV_SLOT_RESERVE / 2];
        uint32_t count = 0;
        while (count < RECV_SLOT_RESERVE / 2 && err_is_ok(slot_alloc(&batch[count]))) {
            count++;
        }
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
