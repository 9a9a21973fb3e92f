/* Deletion and revocation of objects that hold others. */
#include "check.h"
#include "rules.h"
#include <kernel/cap_tree.h>
#include <kernel/lmp.h>

enum { KB = 1024 };

/* A copy of a capability in slot `index` of a CNode. */
static struct cte *put(struct cte *cnode, unsigned index, struct cte *src)
{
    struct cte *slot = &cnode_slots(cnode)[index];
    CHECK_EQ(cap_copy(src, CAP_RIGHTS_ALL, slot), ERR_OK);
    return slot;
}

static struct cte *put_move(struct cte *cnode, unsigned index, struct cte *src)
{
    struct cte *slot = &cnode_slots(cnode)[index];
    CHECK_EQ(cap_move(src, slot), ERR_OK);
    return slot;
}

static void CAP0020_delete_copies_then_the_object(void)
{
    fresh();
    make(CAPTYPE_FRAME, 0, &home[1]);
    CHECK_EQ(cap_copy(&home[1], CAP_RIGHTS_ALL, &home[2]), ERR_OK);
    CHECK_EQ(cap_node_count(), 2);
    CHECK_EQ(env_delete(&home[1]), ERR_OK);
    CHECK_EQ(cap_node_count(), 2);
    check_database();
    CHECK_EQ(env_delete(&home[2]), ERR_OK);
    CHECK_EQ(cap_node_count(), 1);
    CHECK_EQ(env_delete(&home[2]), SYS_ERR_CAP_NOT_FOUND);
}

static void CAP0021_last_cnode_takes_its_slots(void)
{
    fresh();
    make(CAPTYPE_L2CNODE, 0, &home[1]);
    make(CAPTYPE_FRAME, 16 * KB, &home[2]);
    for (unsigned i = 0; i < KPI_L2_SLOTS; i++)
        put(&home[1], i, &home[2]);
    CHECK_EQ(env_delete(&home[2]), ERR_OK);
    CHECK_EQ(cap_copy(&home[1], CAP_RIGHTS_ALL, &home[3]), ERR_OK);
    CHECK_EQ(env_delete(&home[1]), ERR_OK);
    CHECK_EQ(cap_node_count(), 3);
    CHECK_EQ(env_delete(&home[3]), ERR_OK);
    CHECK_EQ(cap_node_count(), 1);
    check_database();
}

static void CAP0022_cnode_cycle(void)
{
    /* A lies in B and B in A; each has its last capability in the other. */
    fresh();
    make(CAPTYPE_L2CNODE, 0, &home[1]);
    make(CAPTYPE_L2CNODE, 16 * KB, &home[2]);
    struct cte *b_in_a = put(&home[1], 0, &home[2]);
    put(&home[2], 0, &home[1]);
    CHECK_EQ(env_delete(&home[2]), ERR_OK);
    CHECK_EQ(b_in_a->type, CAPTYPE_L2CNODE);
    CHECK_EQ(cap_node_count(), 3);
    CHECK_EQ(env_revoke(&home[1]), ERR_OK); /* takes A's copy in B */
    CHECK_EQ(cap_node_count(), 3);
    CHECK_EQ(env_delete(&home[1]), ERR_OK);
    CHECK_EQ(cap_node_count(), 1);
    check_database();
    /* Unreachable cycles go with the memory they are made of. */
    make(CAPTYPE_L2CNODE, 0, &home[1]);
    put_move(&home[1], 255, &home[1]);
    CHECK_EQ(cap_node_count(), 2);
    check_database();
    CHECK_EQ(env_revoke(ROOT), ERR_OK);
    CHECK_EQ(cap_node_count(), 1);
}

/* A CNode whose slots all hold the last capability of another object with slots. */
static struct cte *make_full(uint64_t off, struct cte *dest, struct cte *first)
{
    make(CAPTYPE_L2CNODE, off, dest);
    for (unsigned i = 0; i < KPI_L2_SLOTS; i++) {
        struct cte *slot = &cnode_slots(dest)[i];
        if (i == 0 && first != NULL)
            CHECK_EQ(cap_move(first, slot), ERR_OK);
        else
            make(CAPTYPE_DISPATCHER, off + 16 * KB + i * 8 * KB, slot);
    }
    return dest;
}

static void CAP0023_graves_swap(void)
{
    const uint64_t stride = 16 * KB + KPI_L2_SLOTS * 8 * KB;
    fresh();
    make_full(0, &home[1], NULL);
    make_full(stride, &home[2], &home[1]);
    make_full(2 * stride, &home[3], &home[2]);
    check_database();
    unsigned again = 0;
    while (cap_delete(&home[3]) == SYS_ERR_AGAIN) {
        again++;
        check_database();
    }
    CHECK_EQ(home[3].type, CAPTYPE_NULL);
    while (cap_work()) {
        again++;
        check_database();
    }
    CHECK(again > 0);
    CHECK_EQ(cap_node_count(), 1);
}

static void CAP0024_retype_waits_for_dying_objects(void)
{
    fresh();
    make(CAPTYPE_L2CNODE, 0, &home[1]);
    for (unsigned i = 0; i < KPI_L2_SLOTS; i++)
        make(CAPTYPE_FRAME, 16 * KB + i * 4 * KB, &cnode_slots(&home[1])[i]);
    CHECK_EQ(cap_delete(&home[1]), ERR_OK);
    CHECK(cap_work_pending());
    check_database();
    CHECK_EQ(cap_retype(ROOT, 0, CAPTYPE_RAM, 4096, 1, &home[1]), SYS_ERR_AGAIN);
    CHECK_EQ(env_retype(ROOT, 0, CAPTYPE_RAM, 4096, 1, &home[1]), ERR_OK);
}

static void CAP0025_ends(void)
{
    fresh();
    make(CAPTYPE_ENDPOINT, 0, &home[1]);
    CHECK_EQ(cte_side(&home[1]), 0);
    CHECK_EQ(cte_side(&home[2]), 1);
    make(CAPTYPE_ENDPOINT, 4 * KB, &home[3]);
    /* Queued: an end whose queue holds an end. */
    CHECK_EQ(cap_move(&home[3], channel_slot(ARENA_BASE, 1, 0)), ERR_OK);
    CHECK_EQ(cap_move(&home[4], channel_slot(ARENA_BASE + 4 * KB, 0, 3)), ERR_OK);
    CHECK_EQ(cap_copy(ROOT, 1, channel_slot(ARENA_BASE, 1, 1)), ERR_OK);
    check_database();
    CHECK_EQ(cap_node_count(), 5);
    unsigned destroyed = env_ends_destroyed;
    CHECK_EQ(env_revoke(&home[1]), ERR_OK);
    CHECK_EQ(home[2].type, CAPTYPE_ENDPOINT);
    CHECK_EQ(env_delete(&home[1]), ERR_OK);
    CHECK_EQ(env_ends_destroyed, destroyed + 1);
    CHECK_EQ(cap_node_count(), 4);
    CHECK_EQ(cap_retype(ROOT, 0, CAPTYPE_RAM, 4096, 1, &home[9]), SYS_ERR_RETYPE_OVERLAP);
    CHECK_EQ(env_delete(&home[2]), ERR_OK);
    CHECK_EQ(env_ends_destroyed, destroyed + 4);
    CHECK_EQ(cap_node_count(), 1);
    CHECK(slot_alone(ROOT));
    check_database();
}

/* A domain: L1 with a task CNode that holds the L1 and the dispatcher. */
static struct dispatcher *make_domain(uint64_t off, struct cte *l1, struct cte *disp,
                                      struct cte *root)
{
    make(CAPTYPE_L1CNODE, off, l1);
    make(CAPTYPE_DISPATCHER, off + 16 * KB, disp);
    make(CAPTYPE_VNODEL0, off + 24 * KB, root);
    struct cte *task = make(CAPTYPE_L2CNODE, off + 32 * KB, &cnode_slots(l1)[0]);
    put(task, KPI_CAP_SELF_L1, l1);
    put(task, KPI_CAP_SELF_DISP, disp);
    make(CAPTYPE_FRAME, off + 28 * KB, &cnode_slots(task)[KPI_CAP_STARTUP]);
    struct dispatcher *d = dispatcher_of(disp);
    cap_embed(l1, &d->cspace);
    cap_embed(root, &d->vspace);
    return d;
}

static void CAP0026_ended_dispatcher_empties_its_space(void)
{
    fresh();
    struct dispatcher *d = make_domain(0, &home[1], &home[2], &home[3]);
    uint64_t with = cap_node_count();
    check_database();
    /* The parent keeps the L1 CNode: it is emptied, but lives on. */
    cap_release_cspace(&d->cspace);
    CHECK_EQ(d->cspace.type, CAPTYPE_NULL);
    env_settle();
    CHECK_EQ(cap_node_count(), with - 2); /* task CNode and frame */
    CHECK_EQ(cnode_slots(&home[1])[0].type, CAPTYPE_NULL);
    CHECK(slot_alone(&home[1]) && slot_alone(&home[2]));
    CHECK_EQ(env_delete(&home[3]), ERR_OK);
    CHECK_EQ(d->vspace.type, CAPTYPE_VNODEL0);
    check_database();
    CHECK_EQ(env_delete(&home[2]), ERR_OK);
    CHECK_EQ(env_delete(&home[1]), ERR_OK);
    CHECK_EQ(cap_node_count(), 1);

    /* The parent keeps nothing: only the domain's own cycle holds it until it ends. */
    d = make_domain(0, &home[1], &home[2], &home[3]);
    for (unsigned i = 1; i <= 3; i++)
        CHECK_EQ(env_delete(&home[i]), ERR_OK);
    CHECK_EQ(cap_node_count(), with);
    cap_release_cspace(&d->cspace);
    env_settle();
    CHECK_EQ(cap_node_count(), 1);
    check_database();
}

static void CAP0027_revoked_space_ends_the_dispatcher(void)
{
    for (unsigned what = 1; what <= 3; what += 2) {
        fresh();
        struct dispatcher *d = make_domain(0, &home[1], &home[2], &home[3]);
        unsigned gone = env_space_gone;
        CHECK_EQ(env_revoke(&home[what]), ERR_OK);
        CHECK_EQ(env_space_gone, gone + 1);
        CHECK_EQ(d->state, DISP_DEAD);
        CHECK_EQ(d->cspace.type, CAPTYPE_NULL);
        CHECK_EQ(home[what].type == CAPTYPE_NULL, false);
        check_database();
        CHECK_EQ(env_revoke(ROOT), ERR_OK);
        CHECK_EQ(cap_node_count(), 1);
    }
}

static void CAP0028_revoke_in_bounded_steps(void)
{
    fresh();
    for (unsigned i = 0; i < 16; i++) {
        (void)make_domain(i * 64 * KB, &home[1], &home[2], &home[3]);
        for (unsigned k = 1; k <= 3; k++)
            CHECK_EQ(env_delete(&home[k]), ERR_OK);
    }
    CHECK_EQ(cap_node_count(), 1 + 16 * 5);
    CHECK_EQ(cap_revoke(ROOT), SYS_ERR_AGAIN);
    check_database();
    CHECK_EQ(env_revoke(ROOT), ERR_OK);
    CHECK_EQ(cap_node_count(), 1);
}

static void CAP0029_revoke_of_what_one_stands_on(void)
{
    /* The capability lies in a CNode made from the memory it names. */
    fresh();
    make(CAPTYPE_RAM, 0, &home[1]);
    env_delete(&home[1]);
    CHECK_EQ(cap_retype(ROOT, 0, CAPTYPE_RAM, 64 * KB, 1, &home[1]), ERR_OK);
    CHECK_EQ(env_retype(&home[1], 0, CAPTYPE_L2CNODE, 16 * KB, 1, &home[2]), ERR_OK);
    struct cte *inside = put_move(&home[2], 100, &home[1]);
    CHECK_EQ(env_revoke(inside), ERR_OK);
    CHECK_EQ(cap_node_count(), 1);
    check_database();
}

static void CAP0030_many_dispatchers_of_one_space(void)
{
    fresh();
    make(CAPTYPE_L1CNODE, 0, &home[1]);
    make(CAPTYPE_VNODEL0, 16 * KB, &home[2]);
    make(CAPTYPE_FRAME, 20 * KB, &cnode_slots(&home[1])[3]);
    for (unsigned i = 0; i < 300; i++) {
        make(CAPTYPE_DISPATCHER, 64 * KB + i * 8 * KB, &home[10 + i]);
        cap_embed(&home[1], &dispatcher_of(&home[10 + i])->cspace);
        cap_embed(&home[2], &dispatcher_of(&home[10 + i])->vspace);
    }
    for (unsigned i = 0; i < 300; i++)
        cap_release_cspace(&dispatcher_of(&home[10 + i])->cspace);
    check_database();
    env_settle();
    check_database();
    CHECK_EQ(cnode_slots(&home[1])[3].type, CAPTYPE_NULL);
    CHECK(slot_alone(&home[1]));
    CHECK_EQ(env_revoke(ROOT), ERR_OK);
    CHECK_EQ(cap_node_count(), 1);
}

static void CAP0031_refilled_while_dying(void)
{
    /* A holder of another copy puts something behind the point that the deletion has reached. */
    fresh();
    make(CAPTYPE_L1CNODE, 0, &home[1]);
    make(CAPTYPE_DISPATCHER, 16 * KB, &home[2]);
    struct dispatcher *d = dispatcher_of(&home[2]);
    cap_embed(&home[1], &d->cspace);
    for (unsigned i = 0; i < KPI_L2_SLOTS; i++)
        make(CAPTYPE_FRAME, 64 * KB + i * 4 * KB, &cnode_slots(&home[1])[i]);
    cap_release_cspace(&d->cspace);
    CHECK(cap_work());
    struct cte *behind = &cnode_slots(&home[1])[1];
    CHECK_EQ(behind->type, CAPTYPE_NULL);
    CHECK_EQ(cap_copy(ROOT, CAP_RIGHT_R, behind), ERR_OK);
    CHECK_EQ(cap_delete(&home[1]), ERR_OK);
    env_settle();
    check_database();
    CHECK(slot_alone(ROOT));
    CHECK_EQ(cap_node_count(), 2);
}

static errval_t revoke_part(struct cte *cte, uint64_t off, uint64_t bytes)
{
    errval_t err;
    do {
        err = cap_revoke_part(cte, off, bytes);
        check_database();
    } while (err == SYS_ERR_AGAIN);
    env_settle();
    return err;
}

static void CAP1001_part_of_a_range(void)
{
    /* Larger and neighbouring objects stay; an unreachable cycle goes. */
    fresh();
    make(CAPTYPE_RAM, 0, &home[1]);
    CHECK_EQ(env_delete(&home[1]), ERR_OK);
    CHECK_EQ(cap_retype(ROOT, 0, CAPTYPE_RAM, 256 * KB, 1, &home[1]), ERR_OK);
    CHECK_EQ(cap_retype(&home[1], 0, CAPTYPE_RAM, 64 * KB, 1, &home[2]), ERR_OK);
    CHECK_EQ(env_retype(&home[2], 0, CAPTYPE_L2CNODE, 16 * KB, 1, &home[3]), ERR_OK);
    CHECK_EQ(env_retype(&home[2], 16 * KB, CAPTYPE_L2CNODE, 16 * KB, 1, &home[4]), ERR_OK);
    CHECK_EQ(env_retype(&home[1], 64 * KB, CAPTYPE_FRAME, 4 * KB, 1, &home[5]), ERR_OK);
    put(&home[3], 7, &home[4]);
    put_move(&home[4], 9, &home[3]);
    CHECK_EQ(env_delete(&home[4]), ERR_OK);
    CHECK_EQ(cap_node_count(), 6);
    check_database();
    CHECK_EQ(revoke_part(ROOT, 0, 64 * KB), ERR_OK);
    CHECK_EQ(cap_node_count(), 3);
    CHECK_EQ(home[1].type, CAPTYPE_RAM);
    CHECK_EQ(home[2].type, CAPTYPE_NULL);
    CHECK_EQ(home[5].type, CAPTYPE_FRAME);
    CHECK_EQ(revoke_part(ROOT, 0, 256 * KB), ERR_OK);
    CHECK_EQ(cap_node_count(), 1);
}

static void CAP1002_part_of_a_range_refused(void)
{
    fresh();
    CHECK_EQ(cap_retype(ROOT, 0, CAPTYPE_RAM, 256 * KB, 1, &home[1]), ERR_OK);
    CHECK_EQ(cap_copy(&home[1], CAP_RIGHT_R | CAP_RIGHT_W, &home[2]), ERR_OK);
    make(CAPTYPE_DISPATCHER, 256 * KB, &home[3]);
    CHECK_EQ(cap_revoke_part(&home[4], 0, 4 * KB), SYS_ERR_CAP_NOT_FOUND);
    CHECK_EQ(cap_revoke_part(&home[3], 0, 4 * KB), SYS_ERR_CAP_TYPE);
    CHECK_EQ(cap_revoke_part(&home[2], 0, 4 * KB), SYS_ERR_CAP_RIGHTS);
    CHECK_EQ(cap_revoke_part(&home[1], 0, 256 * KB), SYS_ERR_RETYPE_SIZE);
    CHECK_EQ(cap_revoke_part(&home[1], 0, 0), SYS_ERR_RETYPE_SIZE);
    CHECK_EQ(cap_revoke_part(&home[1], 1, 4 * KB), SYS_ERR_RETYPE_SIZE);
    CHECK_EQ(cap_revoke_part(&home[1], 4 * KB, 1), SYS_ERR_RETYPE_SIZE);
    CHECK_EQ(cap_revoke_part(&home[1], 252 * KB, 8 * KB), SYS_ERR_RETYPE_SIZE);
    CHECK_EQ(cap_revoke_part(&home[1], UINT64_MAX - 4095, 8 * KB), SYS_ERR_RETYPE_SIZE);
    CHECK_EQ(cap_revoke_part(&home[1], 252 * KB, 4 * KB), ERR_OK);
    CHECK_EQ(cap_node_count(), 3);
    check_database();
}

void test_delete(void)
{
    RUN(CAP0020_delete_copies_then_the_object);
    RUN(CAP0021_last_cnode_takes_its_slots);
    RUN(CAP0022_cnode_cycle);
    RUN(CAP0023_graves_swap);
    RUN(CAP0024_retype_waits_for_dying_objects);
    RUN(CAP0025_ends);
    RUN(CAP0026_ended_dispatcher_empties_its_space);
    RUN(CAP0027_revoked_space_ends_the_dispatcher);
    RUN(CAP0028_revoke_in_bounded_steps);
    RUN(CAP0029_revoke_of_what_one_stands_on);
    RUN(CAP0030_many_dispatchers_of_one_space);
    RUN(CAP0031_refilled_while_dying);
    RUN(CAP1001_part_of_a_range);
    RUN(CAP1002_part_of_a_range_refused);
}
