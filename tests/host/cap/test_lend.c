/* Loans: copies that end with the capability they were made from. */
#include "check.h"
#include "rules.h"

#include <kernel/cap_tree.h>
#include <kernel/lmp.h>

enum {
    KB = 1024,
    OWN = 10,      /* the lender's frame */
    ANCHOR = 11,   /* its copy for one call */
    LOAN = 12,     /* what the borrower gets */
    SPACE = 20,    /* tables 20 to 23, their Mappings 24 to 26 */
    MAPPING = 40,
    MANY = 100,
};

static void fresh_loan(void)
{
    fresh();
    CHECK_EQ(env_retype(ROOT, 0, CAPTYPE_FRAME, 64 * KB, 1, &home[OWN]), ERR_OK);
    CHECK_EQ(cap_copy(&home[OWN], CAP_RIGHTS_ALL, &home[ANCHOR]), ERR_OK);
    CHECK_EQ(cap_lend(&home[ANCHOR], CAP_RIGHTS_ALL, &home[LOAN]), ERR_OK);
    check_database();
}

static void fresh_space(void)
{
    for (unsigned i = 0; i < 4; i++)
        make(CAPTYPE_VNODEL0 + i, (64 + 4 * i) * KB, &home[SPACE + i]);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(vnode_map(&home[SPACE + i], 1, &home[SPACE + i + 1], 0, 1, 0,
                           &home[SPACE + 4 + i]), ERR_OK);
}

static errval_t map(unsigned index, unsigned frame, unsigned mapping)
{
    return vnode_map(&home[SPACE + 3], index, &home[frame], 0, 1, KPI_VM_READ | KPI_VM_WRITE,
                     &home[mapping]);
}

static bool mapped(unsigned index)
{
    return ((uint64_t *)phys_to_virt(cte_base(&home[SPACE + 3])))[index] != 0;
}

static void take_back(void)
{
    CHECK_EQ(env_delete(&home[ANCHOR]), ERR_OK);
    check_database();
    CHECK_EQ(home[OWN].type, CAPTYPE_FRAME);
    CHECK_EQ(home[LOAN].type, CAPTYPE_NULL);
}

static void CAP0060_a_loan_ends_with_its_lender(void)
{
    fresh_loan();
    CHECK_EQ(home[LOAN].rights, CAP_RIGHT_R | CAP_RIGHT_W | CAP_RIGHT_X);
    CHECK_EQ(cap_revoke(&home[LOAN]), SYS_ERR_CAP_RIGHTS);
    CHECK_EQ(cap_retype(&home[LOAN], 0, CAPTYPE_FRAME, 4 * KB, 1, &home[50]), SYS_ERR_CAP_RIGHTS);
    CHECK_EQ(cap_split(&home[LOAN], 4 * KB, &home[50]), SYS_ERR_CAP_RIGHTS);
    take_back();
    CHECK_EQ(cap_node_count(), 2);
    /* It may also be given back. */
    fresh_loan();
    CHECK_EQ(env_delete(&home[LOAN]), ERR_OK);
    take_back();
}

static void CAP0061_whatever_became_of_it(void)
{
    fresh_loan();
    make(CAPTYPE_L2CNODE, 128 * KB, &home[30]);
    make(CAPTYPE_ENDPOINT, 160 * KB, &home[32]);
    struct cte *inside = cnode_slots(&home[30]);
    CHECK_EQ(cap_copy(&home[LOAN], CAP_RIGHT_R, &inside[5]), ERR_OK);
    CHECK_EQ(cap_move(&inside[5], &inside[6]), ERR_OK);
    CHECK_EQ(cap_lend(&inside[6], CAP_RIGHTS_ALL, &inside[7]), ERR_OK);
    CHECK_EQ(cap_copy(&inside[6], CAP_RIGHTS_ALL, &inside[8]), ERR_OK);
    CHECK_EQ(cap_copy(&inside[7], CAP_RIGHTS_ALL, &inside[9]), ERR_OK);
    struct cte *queued = channel_slot(cte_base(&home[32]), 0, 1);
    cap_transfer(&inside[8], queued, CAP_RIGHTS_ALL, true);
    cap_transfer(queued, channel_slot(cte_base(&home[32]), 1, 0), CAP_RIGHTS_ALL, false);
    check_database();
    /* What it was first in does not matter. */
    CHECK_EQ(env_delete(&home[LOAN]), ERR_OK);
    check_database();
    CHECK_EQ(inside[6].type, CAPTYPE_FRAME);
    CHECK_EQ(inside[9].type, CAPTYPE_FRAME);
    take_back();
    for (unsigned i = 5; i < 10; i++)
        CHECK_EQ(inside[i].type, CAPTYPE_NULL);
    CHECK_EQ(queued->type, CAPTYPE_NULL);
    CHECK_EQ(channel_slot(cte_base(&home[32]), 1, 0)->type, CAPTYPE_NULL);
    CHECK(slot_alone(&home[OWN]));
}

static void CAP0062_others_keep_theirs(void)
{
    fresh_loan();
    CHECK_EQ(cap_copy(&home[OWN], CAP_RIGHTS_ALL, &home[50]), ERR_OK);
    CHECK_EQ(cap_lend(&home[50], CAP_RIGHT_R, &home[51]), ERR_OK);
    CHECK_EQ(cap_lend(&home[OWN], CAP_RIGHT_R, &home[52]), ERR_OK);
    /* Copies of a lender, before and after it lent. */
    CHECK_EQ(cap_copy(&home[ANCHOR], CAP_RIGHT_R, &home[53]), ERR_OK);
    CHECK_EQ(cap_lend(&home[ANCHOR], CAP_RIGHT_R, &home[54]), ERR_OK);
    CHECK_EQ(cap_copy(&home[ANCHOR], CAP_RIGHT_R, &home[55]), ERR_OK);
    CHECK_EQ(cap_lend(&home[55], CAP_RIGHT_R, &home[56]), ERR_OK);
    check_database();
    CHECK_EQ(cap_move(&home[ANCHOR], &home[57]), ERR_OK);
    CHECK_EQ(cap_move(&home[57], &home[ANCHOR]), ERR_OK);
    take_back();
    CHECK_EQ(home[54].type, CAPTYPE_NULL);
    static const unsigned others[] = {OWN, 50, 51, 52, 53, 55, 56};
    for (unsigned i = 0; i < 7; i++)
        CHECK_EQ(home[others[i]].type, CAPTYPE_FRAME);
    CHECK_EQ(env_delete(&home[50]), ERR_OK);
    CHECK_EQ(home[51].type, CAPTYPE_NULL);
    CHECK_EQ(home[56].type, CAPTYPE_FRAME);
    CHECK_EQ(env_revoke(&home[OWN]), ERR_OK);
    CHECK(slot_alone(&home[OWN]));
    check_database();
}

static void CAP0063_what_is_mapped_with_it(void)
{
    fresh_loan();
    fresh_space();
    CHECK_EQ(cap_copy(&home[LOAN], CAP_RIGHT_R | CAP_RIGHT_W, &home[50]), ERR_OK);
    CHECK_EQ(map(0, OWN, MAPPING), ERR_OK);
    CHECK_EQ(map(1, LOAN, MAPPING + 1), ERR_OK);
    CHECK_EQ(map(2, 50, MAPPING + 2), ERR_OK);
    CHECK_EQ(map(3, LOAN, MAPPING + 3), SYS_ERR_BORROWED);
    CHECK_EQ(cap_move(&home[MAPPING + 1], &home[60]), ERR_OK);
    CHECK_EQ(cap_move(&home[LOAN], &home[61]), ERR_OK);
    check_database();
    /* One at a time. */
    CHECK_EQ(env_delete(&home[60]), ERR_OK);
    CHECK(!mapped(1));
    CHECK_EQ(map(3, 61, MAPPING + 3), ERR_OK);
    CHECK_EQ(cap_lend(&home[61], CAP_RIGHTS_ALL, &home[62]), ERR_OK);
    CHECK_EQ(map(4, 62, MAPPING + 4), ERR_OK);
    check_database();
    take_back();
    CHECK(mapped(0));
    for (unsigned i = 1; i < 5; i++) {
        CHECK(!mapped(i));
        CHECK_EQ(home[MAPPING + i].type, CAPTYPE_NULL);
    }
    CHECK_EQ(home[SPACE + 3].count, 1);
}

/* The page table goes first, then the loan. */
static void CAP0064_the_table_of_its_mapping_ends(void)
{
    fresh_loan();
    fresh_space();
    CHECK_EQ(map(100, LOAN, MAPPING), ERR_OK);
    CHECK_EQ(env_delete(&home[SPACE + 3]), ERR_OK);
    CHECK_EQ(home[MAPPING].type, CAPTYPE_NULL);
    CHECK_EQ(home[LOAN].left, 0);
    check_database();
    take_back();
}

static void CAP0065_bounded_steps(void)
{
    fresh_loan();
    for (unsigned i = 0; i < 400; i++)
        CHECK_EQ(cap_copy(&home[i % 2 == 0 ? LOAN : MANY + i - 1], CAP_RIGHT_R, &home[MANY + i]),
                 ERR_OK);
    check_database();
    unsigned steps = 0;
    errval_t err;
    do {
        err = cap_delete(&home[ANCHOR]);
        check_database();
        steps++;
    } while (err == SYS_ERR_AGAIN);
    CHECK_EQ(err, ERR_OK);
    CHECK(steps >= 401u * 16 / CAP_STEP_MAX && steps <= 401u * 16 / CAP_STEP_MAX + 2);
    CHECK(slot_alone(&home[OWN]));
}

static void CAP0066_so_deep_and_no_deeper(void)
{
    fresh_loan();
    for (unsigned i = 1; i < CAP_LOAN_MAX; i++)
        CHECK_EQ(cap_lend(&home[i == 1 ? LOAN : MANY + i - 1], CAP_RIGHTS_ALL, &home[MANY + i]),
                 ERR_OK);
    unsigned last = MANY + CAP_LOAN_MAX - 1;
    CHECK_EQ(cap_lend(&home[last], CAP_RIGHTS_ALL, &home[50]), SYS_ERR_NOT_COPYABLE);
    CHECK_EQ(cap_copy(&home[last], CAP_RIGHTS_ALL, &home[50]), ERR_OK);
    CHECK_EQ(cap_lend(&home[50], CAP_RIGHTS_ALL, &home[51]), SYS_ERR_NOT_COPYABLE);
    CHECK_EQ(cap_lend(&home[60], CAP_RIGHTS_ALL, &home[51]), SYS_ERR_CAP_NOT_FOUND);
    CHECK_EQ(cap_lend(ROOT, CAP_RIGHTS_ALL, &home[50]), SYS_ERR_SLOT_OCCUPIED);
    make(CAPTYPE_ENDPOINT, 160 * KB, &home[32]);
    CHECK_EQ(cap_lend(&home[32], CAP_RIGHTS_ALL, &home[51]), SYS_ERR_NOT_COPYABLE);
    check_database();
    take_back();
    CHECK_EQ(home[50].type, CAPTYPE_NULL);
}

/* A space that was lent and became a dispatcher's: what is left of it waits for nobody. */
static void CAP0067_a_space_that_was_lent(void)
{
    fresh();
    make(CAPTYPE_L1CNODE, 0, &home[OWN]);
    make(CAPTYPE_VNODEL0, 32 * KB, &home[30]);
    make(CAPTYPE_DISPATCHER, 64 * KB, &home[31]);
    make(CAPTYPE_FRAME, 128 * KB, &home[32]);
    struct cte *inside = cnode_slots(&home[OWN]);
    CHECK_EQ(cap_copy(&home[OWN], CAP_RIGHTS_ALL, &home[ANCHOR]), ERR_OK);
    CHECK_EQ(cap_lend(&home[ANCHOR], CAP_RIGHTS_ALL, &home[LOAN]), ERR_OK);
    /* The lender itself lies in the space. */
    CHECK_EQ(cap_move(&home[ANCHOR], &inside[3]), ERR_OK);
    for (unsigned i = 8; i < 200; i++)
        CHECK_EQ(cap_copy(&home[32], CAP_RIGHT_R, &inside[i]), ERR_OK);
    struct dispatcher *d = env_dispatcher(cte_base(&home[31]));
    cap_embed(&home[LOAN], &d->cspace);
    cap_embed(&home[30], &d->vspace);
    check_database();
    CHECK_EQ(cap_delete(&home[31]), ERR_OK);
    check_database();
    while (cap_work())
        check_database();
    CHECK_EQ(inside[3].type, CAPTYPE_NULL);
    CHECK_EQ(home[LOAN].type, CAPTYPE_NULL);
    CHECK(slot_alone(&home[OWN]));
    CHECK(slot_alone(&home[32]));
    check_database();
}

void test_lend(void)
{
    RUN(CAP0060_a_loan_ends_with_its_lender);
    RUN(CAP0061_whatever_became_of_it);
    RUN(CAP0062_others_keep_theirs);
    RUN(CAP0063_what_is_mapped_with_it);
    RUN(CAP0064_the_table_of_its_mapping_ends);
    RUN(CAP0065_bounded_steps);
    RUN(CAP0066_so_deep_and_no_deeper);
    RUN(CAP0067_a_space_that_was_lent);
}
