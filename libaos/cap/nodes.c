/* The CNodes of this domain's capability space. The task CNode and the CNode of page tables come
 * with the domain. Further L2 CNodes are made on demand and go when they are empty; when the L1
 * CNode has no room for one, a larger L1 CNode takes its place. That one stays. */
#include <abi/user.h>
#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/paging.h>
#include <aos/slot.h>

#include "mem_priv.h"
#include "slot_priv.h"

#define L1_SLOTS_MAX (KPI_L1_BYTES_MAX / KPI_SLOT_BYTES)
#define L1_FACTOR    4u                  /* how much larger the next L1 CNode is */
#define L1_SPARE     4u                  /* it is made when so few slots are left */
#define DIR_SLOTS    (AOS_PAGE_BYTES / sizeof(struct slot_node *))

_Static_assert(L1_SLOTS_MAX % DIR_SLOTS == 0, "a directory of whole pages");

static struct {
    struct slot_node task;               /* these two are always there */
    struct slot_node vnodes;
    struct slot_node others;             /* stands for all nodes that are not of this domain */
    struct slot_node *first[DIR_SLOTS];
    struct slot_node **dir[L1_SLOTS_MAX / DIR_SLOTS]; /* nodes by L1 slot; pages stay */
    uint32_t l1_next;                    /* no L1 slot below it is free */
    uint32_t l1_count;                   /* slots of the L1 CNode; 0: not known yet */
    caddr_t l1_cap;                      /* with all rights, if it is one of ours; 0: it is not */
    uint64_t l1_base;
} nodes;

struct slot_node *slot_node_at(uint32_t l1)
{
    struct slot_node **page = l1 < L1_SLOTS_MAX ? nodes.dir[l1 / DIR_SLOTS] : NULL;
    return page == NULL ? NULL : page[l1 % DIR_SLOTS];
}

static void slot_add_node(struct slot_node *node, uint32_t l1, uint32_t first, uint64_t base)
{
    node->l1 = l1;
    node->base = base;
    for (uint32_t i = 0; i < first; i++) {
        bitmap_set(&node->used, i);
    }
    node->free_count = KPI_L2_SLOTS - first;
    slots.kept_free_count += node->kept ? node->free_count : 0;
    if (node->free_count != 0) {
        slot_open_link(node);
    }
    nodes.dir[l1 / DIR_SLOTS][l1 % DIR_SLOTS] = node;
    slots.free_count += node->free_count;
    slots.total_count += node->free_count;
}

void slot_init(void)
{
    nodes.l1_next = KPI_L1_TRACE + 1;
    nodes.dir[0] = nodes.first;
    nodes.vnodes.kept = true;
    slot_add_node(&nodes.vnodes, KPI_L1_VNODES, domain_startup()->table_slots_used, 0);
    slot_add_node(&nodes.task, KPI_L1_TASK, KPI_CAP_FIRST_FREE, 0);
}

static uint32_t slot_l1_count(void)
{
    struct cap_info info;
    if (nodes.l1_count == 0 && err_is_ok(cap_identify(KPI_CAP_SELF_L1, &info))) {
        nodes.l1_count = (uint32_t)(info.b / KPI_SLOT_BYTES);
    }
    return nodes.l1_count;
}

/* init's holds what the kernel put there, so each slot is looked at before use. */
static bool slot_l1_is_free(uint32_t l1)
{
    struct cap_info info;
    return slot_node_at(l1) == NULL && nodes.dir[l1 / DIR_SLOTS] != NULL &&
           err_is_ok(cap_identify(KPI_CADDR_L1 | l1, &info)) && info.type == CAPTYPE_NULL;
}

/* The first free L1 slot, or the end of the L1 CNode. */
static uint32_t slot_find_l1(void)
{
    for (uint32_t l1 = nodes.l1_next; l1 < slot_l1_count(); l1++) {
        if (slot_l1_is_free(l1)) {
            nodes.l1_next = l1;
            return l1;
        }
    }
    return slot_l1_count();
}

errval_t slot_alloc_l1(uint32_t count, uint32_t *ret_first)
{
    uint32_t run = 0;
    errval_t err = mem_begin(0, 0);
    if (err_is_fail(err)) {
        return err;
    }
    uint32_t l1 = slot_find_l1();
    while (run < count && l1 < slot_l1_count()) {
        run = slot_l1_is_free(l1) ? run + 1 : 0;
        l1++;
    }
    if (run == count) {
        for (uint32_t i = l1 - count; i < l1; i++) {
            nodes.dir[i / DIR_SLOTS][i % DIR_SLOTS] = &nodes.others;
        }
        *ret_first = l1 - count;
    }
    mem_end();
    return run == count ? ERR_OK : LIB_ERR_NO_SLOTS;
}

errval_t slot_grow(bool kept)
{
    uint32_t l1 = slot_find_l1();
    if (l1 == slot_l1_count()) {
        return LIB_ERR_NO_SLOTS;
    }
    uint64_t base;
    errval_t err = ram_make(KPI_CADDR_L1 | l1, CAPTYPE_L2CNODE, KPI_L2_BYTES, AOS_PAGE_BYTES,
                            &base);
    if (err_is_fail(err)) {
        return err_push(err, LIB_ERR_NO_SLOTS);
    }
    nodes.l1_next = l1 + 1;
    struct slot_node *node = mem_new(MEM_SLAB_SLOTS);
    node->kept = kept;
    slot_add_node(node, l1, 0, base);
    return ERR_OK;
}

void slot_shrink(struct slot_node *node)
{
    errval_t err = cap_delete(KPI_CADDR_L1 | node->l1);
    USER_CHECK(err_is_ok(err));
    slot_open_unlink(node);
    slots.free_count -= KPI_L2_SLOTS;
    slots.total_count -= KPI_L2_SLOTS;
    nodes.dir[node->l1 / DIR_SLOTS][node->l1 % DIR_SLOTS] = NULL;
    nodes.l1_next = node->l1 < nodes.l1_next ? node->l1 : nodes.l1_next;
    ram_give(node->base, KPI_L2_BYTES);
    mem_free(MEM_SLAB_SLOTS, node);
}

bool slot_l1_low(void)
{
    uint32_t count = slot_l1_count();
    return count < L1_SLOTS_MAX && slot_find_l1() + L1_SPARE >= count;
}

/* Pages of the directory up to `count` L1 slots. */
static errval_t slot_grow_dir(uint32_t count)
{
    for (uint32_t i = 0; i < count / DIR_SLOTS; i++) {
        void *page;
        if (nodes.dir[i] != NULL) {
            continue;
        }
        errval_t err = paging_alloc(AOS_PAGE_BYTES, AOS_VM_RW, &page);
        if (err_is_fail(err)) {
            return err;
        }
        nodes.dir[i] = page;
    }
    return ERR_OK;
}

/* The same nodes in the same places of another L1 CNode, which the dispatcher then goes on with.
 * From there on KPI_CAP_SELF_L1, moved to `old`, names a node that nobody needs. */
static errval_t slot_switch_l1(caddr_t fresh, caddr_t old)
{
    for (uint32_t i = 0; i < nodes.l1_count; i++) {
        errval_t err = inv_cnode_copy(fresh, KPI_CADDR_L1 | i, i);
        if (err_is_fail(err) && err_no(err) != SYS_ERR_CAP_NOT_FOUND) {
            return err;
        }
    }
    errval_t err = inv_dispatcher_replace(KPI_CAP_SELF_DISP, fresh);
    if (err_is_fail(err)) {
        return err;
    }
    err = cap_move(old, KPI_CAP_SELF_L1);
    USER_CHECK(err_is_ok(err));
    err = cap_mint(KPI_CAP_SELF_L1, fresh, CAP_RIGHT_R | CAP_RIGHT_W);
    USER_CHECK(err_is_ok(err));
    for (uint32_t i = 0; i < nodes.l1_count; i++) {
        (void)inv_cnode_delete(old, i);  /* one copy of several: never SYS_ERR_AGAIN */
    }
    return ERR_OK;
}

errval_t slot_grow_l1(void)
{
    uint32_t count = slot_l1_count() * L1_FACTOR;
    count = count < L1_SLOTS_MAX ? count : L1_SLOTS_MAX;
    uint64_t bytes = (uint64_t)count * KPI_SLOT_BYTES;
    errval_t err = slot_grow_dir(count);
    if (err_is_ok(err)) {
        err = ram_need(bytes, AOS_PAGE_BYTES);
    }
    if (err_is_fail(err)) {
        return err;
    }
    caddr_t fresh = slot_take(1);
    caddr_t old = slot_take(1);
    uint64_t base;
    USER_CHECK(fresh != 0 && old != 0);
    err = ram_make(fresh, CAPTYPE_L1CNODE, bytes, AOS_PAGE_BYTES, &base);
    if (err_is_ok(err)) {
        err = slot_switch_l1(fresh, old);
        if (err_is_fail(err)) {
            (void)cap_delete(fresh);
            ram_give(base, bytes);
        }
    }
    if (err_is_fail(err)) {
        slot_free(fresh);
        slot_free(old);
        return err;
    }
    (void)cap_destroy(old);
    if (nodes.l1_cap != 0) {
        (void)cap_destroy(nodes.l1_cap); /* the last one */
        ram_give(nodes.l1_base, (uint64_t)nodes.l1_count * KPI_SLOT_BYTES);
    }
    nodes.l1_cap = fresh;
    nodes.l1_base = base;
    nodes.l1_count = count;
    return ERR_OK;
}
