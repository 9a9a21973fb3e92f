/* Objects that other cores know, as one core's kernel sees them. */
#include "check.h"
#include "rules.h"

#include <kernel/cap_remote.h>
#include <kernel/cap_tree.h>
#include <kernel/irq_cap.h>
#include <kernel/notify.h>
#include <kpi/remote.h>

enum {
    KB = 1024,
    OWN = 10,     /* what a domain has */
    COPY,
    KEPT,         /* the anchor of the monitor */
    PART,
    SPACE = 20,   /* tables 20 to 23, their Mappings 24 to 26 */
    MAPPING = 40,
    HERE = 2,     /* this core, */
    THERE = 5,    /* and another */
    FAR_PAGE = 0x100,
};

static void fresh_core(void)
{
    core_self = HERE;
    fresh();
    (void)cap_remote_ended();
}

static void fresh_frame(void)
{
    fresh_core();
    CHECK_EQ(env_retype(ROOT, 0, CAPTYPE_FRAME, 64 * KB, 1, &home[OWN]), ERR_OK);
    CHECK_EQ(cap_copy(&home[OWN], CAP_RIGHTS_ALL, &home[COPY]), ERR_OK);
    CHECK_EQ(cap_anchor(&home[OWN], &home[KEPT]), ERR_OK);
    check_database();
}

static unsigned state_of(unsigned slot)
{
    struct cap_description d;
    cap_describe(&home[slot], &d);
    return d.state;
}

static unsigned owner_of(unsigned slot)
{
    struct cap_description d;
    cap_describe(&home[slot], &d);
    return d.owner;
}

static void fresh_space(void)
{
    for (unsigned i = 0; i < 4; i++)
        make(CAPTYPE_VNODEL0 + i, (64 + 4 * i) * KB, &home[SPACE + i]);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(vnode_map(&home[SPACE + i], 1, &home[SPACE + i + 1], 0, 1, 0,
                           &home[SPACE + 4 + i]), ERR_OK);
}

static errval_t map_page(unsigned frame, unsigned page, unsigned mapping)
{
    return vnode_map(&home[SPACE + 3], page, &home[frame], page * 4 * KB, 1,
                     KPI_VM_READ | KPI_VM_WRITE, &home[mapping]);
}

static void CAP0070_the_anchor_is_the_last_to_go(void)
{
    fresh_frame();
    CHECK_EQ(state_of(KEPT), KPI_CAP_ANCHOR | KPI_CAP_KNOWN | KPI_CAP_SHARED);
    CHECK_EQ(cap_anchor(&home[COPY], &home[PART]), SYS_ERR_BUSY);
    CHECK_EQ(cap_anchor_count(), 1);
    CHECK_EQ(env_delete(&home[OWN]), ERR_OK);
    check_database();
    CHECK(cap_remote_ended());
    CHECK(!cap_remote_ended());
    CHECK_EQ(env_delete(&home[COPY]), ERR_OK);
    CHECK_EQ(state_of(KEPT), KPI_CAP_ANCHOR | KPI_CAP_KNOWN);
    CHECK_EQ(cap_retype(ROOT, 0, CAPTYPE_RAM, 4 * KB, 1, &home[PART]), SYS_ERR_RETYPE_OVERLAP);
    CHECK_EQ(env_delete(&home[KEPT]), ERR_OK);
    CHECK_EQ(cap_anchor_count(), 0);
    CHECK_EQ(cap_retype(ROOT, 0, CAPTYPE_RAM, 4 * KB, 1, &home[PART]), ERR_OK);
    check_database();
}

static void CAP0071_revoke_is_for_the_monitor(void)
{
    fresh_frame();
    CHECK_EQ(cap_revoke(&home[OWN]), SYS_ERR_REMOTE);
    CHECK_EQ(home[COPY].type, CAPTYPE_FRAME);
    CHECK_EQ(cap_revoke(ROOT), SYS_ERR_REMOTE);
    CHECK_EQ(cap_revoke_part(ROOT, 0, 64 * KB), SYS_ERR_REMOTE);
    CHECK_EQ(cap_revoke_part(&home[OWN], 4 * KB, 4 * KB), SYS_ERR_REMOTE);
    CHECK_EQ(home[OWN].type, CAPTYPE_FRAME);
    CHECK_EQ(cap_retype(&home[OWN], 0, CAPTYPE_FRAME, 4 * KB, 1, &home[PART]), SYS_ERR_REMOTE);
    CHECK_EQ(cap_retype_agreed(&home[OWN], 0, CAPTYPE_FRAME, 4 * KB, 1, &home[PART]), ERR_OK);
    check_database();
    /* It is one again that only this core knows. */
    CHECK_EQ(env_delete(&home[KEPT]), ERR_OK);
    CHECK_EQ(env_revoke(&home[OWN]), ERR_OK);
    CHECK_EQ(home[PART].type, CAPTYPE_NULL);
    check_database();
}

static errval_t sweep(unsigned slot, bool keep_anchor, const struct cte *keep)
{
    struct cte was = home[slot];
    errval_t err;
    do {
        err = cap_sweep(cte_type(&was), was.page, was.pages, keep_anchor, keep);
    } while (err == SYS_ERR_AGAIN);
    check_database();
    return err;
}

static void CAP0072_sweeping(void)
{
    fresh_frame();
    CHECK_EQ(cap_retype_agreed(&home[OWN], 0, CAPTYPE_FRAME, 4 * KB, 1, &home[PART]), ERR_OK);
    CHECK_EQ(sweep(OWN, true, &home[OWN]), ERR_OK);
    CHECK_EQ(home[COPY].type, CAPTYPE_NULL);
    CHECK_EQ(home[PART].type, CAPTYPE_NULL);
    CHECK_EQ(home[OWN].type, CAPTYPE_FRAME);
    CHECK_EQ(home[KEPT].type, CAPTYPE_FRAME);
    CHECK_EQ(sweep(OWN, true, NULL), ERR_OK);
    CHECK_EQ(home[OWN].type, CAPTYPE_NULL);
    CHECK_EQ(sweep(KEPT, false, NULL), ERR_OK);
    CHECK_EQ(home[KEPT].type, CAPTYPE_NULL);
    /* Of what is not known here: what lies in the range. */
    fresh_frame();
    CHECK_EQ(cap_sweep(CAPTYPE_RAM, home[OWN].page, 16, true, NULL), ERR_OK);
    CHECK_EQ(home[OWN].type, CAPTYPE_NULL);
    CHECK_EQ(home[KEPT].type, CAPTYPE_NULL);
    CHECK_EQ(ROOT->type, CAPTYPE_RAM);
    CHECK_EQ(cap_anchor_count(), 0);
    check_database();
}

static void CAP0073_foreign_objects(void)
{
    fresh_core();
    CHECK_EQ(cap_foreign(CAPTYPE_L2CNODE, FAR_PAGE, 4, THERE, &home[KEPT]), SYS_ERR_NOT_COPYABLE);
    CHECK_EQ(cap_foreign(CAPTYPE_COUNT + 3, FAR_PAGE, 4, THERE, &home[KEPT]),
             SYS_ERR_NOT_COPYABLE);
    CHECK_EQ(cap_foreign(CAPTYPE_FRAME, UINT32_MAX, 4, THERE, &home[KEPT]), SYS_ERR_RETYPE_SIZE);
    CHECK_EQ(cap_foreign(CAPTYPE_FRAME, FAR_PAGE, 4, THERE, &home[KEPT]), ERR_OK);
    CHECK_EQ(cap_foreign(CAPTYPE_FRAME, FAR_PAGE, 4, THERE, &home[COPY]), SYS_ERR_RETYPE_OVERLAP);
    CHECK_EQ(home[KEPT].rights, CAP_RIGHT_R | CAP_RIGHT_W | CAP_RIGHT_X);
    CHECK_EQ(owner_of(KEPT), THERE);
    CHECK_EQ(cap_copy(&home[KEPT], CAP_RIGHTS_ALL, &home[COPY]), ERR_OK);
    CHECK_EQ(cap_revoke(&home[COPY]), SYS_ERR_CAP_RIGHTS);
    check_database();
    CHECK_EQ(env_delete(&home[COPY]), ERR_OK);
    CHECK(cap_remote_ended());
    CHECK_EQ(env_delete(&home[KEPT]), ERR_OK);
    CHECK_EQ(cap_node_count(), 1);
}

static void CAP0074_the_owner_changes(void)
{
    fresh_frame();
    CHECK_EQ(cap_set_owner(&home[OWN], THERE), SYS_ERR_CAP_TYPE);
    CHECK_EQ(cap_set_owner(&home[KEPT], THERE), ERR_OK);
    check_database();
    /* d counts on the core of the owner only, whichever copy is the node. */
    CHECK_EQ(cap_retype_agreed(&home[OWN], 0, CAPTYPE_FRAME, 4 * KB, 1, &home[PART]),
             SYS_ERR_REMOTE);
    CHECK_EQ(cap_split(&home[OWN], 4 * KB, &home[PART]), SYS_ERR_REMOTE);
    CHECK_EQ(env_delete(&home[OWN]), ERR_OK);
    CHECK_EQ(owner_of(COPY), THERE);
    CHECK_EQ(env_delete(&home[COPY]), ERR_OK);
    CHECK_EQ(owner_of(KEPT), THERE);
    CHECK_EQ(home[KEPT].rights, CAP_RIGHT_R | CAP_RIGHT_W | CAP_RIGHT_X);
    CHECK_EQ(cap_set_owner(&home[KEPT], HERE), ERR_OK);
    CHECK_EQ(home[KEPT].rights, CAP_RIGHTS_ALL);
    check_database();
}

static void CAP0075_a_frame_parted_elsewhere(void)
{
    fresh_core();
    fresh_space();
    CHECK_EQ(env_retype(ROOT, 0, CAPTYPE_FRAME, 64 * KB, 1, &home[OWN]), ERR_OK);
    CHECK_EQ(cap_anchor(&home[OWN], &home[KEPT]), ERR_OK);
    CHECK_EQ(cap_set_owner(&home[KEPT], THERE), ERR_OK);
    CHECK_EQ(map_page(OWN, 2, MAPPING), ERR_OK);
    CHECK_EQ(state_of(KEPT) & KPI_CAP_USED, KPI_CAP_USED);
    CHECK_EQ(cap_part(&home[KEPT], 4 * KB, 8 * KB, true), SYS_ERR_RETYPE_OVERLAP);
    CHECK_EQ(cap_part(&home[KEPT], 64 * KB, 4 * KB, true), SYS_ERR_RETYPE_SIZE);
    CHECK_EQ(map_page(OWN, 4, MAPPING + 1), ERR_OK);
    CHECK_EQ(cap_part(&home[KEPT], 12 * KB, 4 * KB, true), ERR_OK);
    CHECK_EQ(map_page(OWN, 3, MAPPING + 2), SYS_ERR_HAS_DESCENDANTS);
    CHECK_EQ(map_page(OWN, 8, MAPPING + 2), SYS_ERR_HAS_DESCENDANTS);
    CHECK_EQ(cap_part(&home[KEPT], 0, 0, false), ERR_OK);
    CHECK_EQ(map_page(OWN, 8, MAPPING + 2), ERR_OK);
    check_database();
    CHECK_EQ(sweep(OWN, true, NULL), ERR_OK);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(home[MAPPING + i].type, CAPTYPE_NULL);
}

static void CAP0076_the_first_memory_of_a_core(void)
{
    fresh_core();
    CHECK_EQ(cap_retype(ROOT, 0, CAPTYPE_RAM, 64 * KB, 1, &home[OWN]), ERR_OK);
    CHECK_EQ(cap_copy(&home[OWN], CAP_RIGHTS_ALL, &home[COPY]), ERR_OK);
    CHECK_EQ(cap_hand_over(&home[OWN], THERE), SYS_ERR_HAS_DESCENDANTS);
    CHECK_EQ(env_delete(&home[COPY]), ERR_OK);
    CHECK_EQ(cap_hand_over(&home[OWN], THERE), ERR_OK);
    CHECK_EQ(owner_of(OWN), THERE);
    CHECK_EQ(cap_retype(&home[OWN], 0, CAPTYPE_FRAME, 4 * KB, 1, &home[PART]), SYS_ERR_CAP_RIGHTS);
    CHECK_EQ(cap_retype(ROOT, 4 * KB, CAPTYPE_FRAME, 4 * KB, 1, &home[PART]),
             SYS_ERR_RETYPE_OVERLAP);
    CHECK_EQ(cap_revoke(ROOT), SYS_ERR_REMOTE);
    CHECK_EQ(cap_hand_over(&home[OWN], THERE), SYS_ERR_REMOTE);
    check_database();
}

/* Memory that another core may know is not given to a third: it has its anchor already. */
static void CAP1007_known_memory_is_not_handed_over(void)
{
    fresh_core();
    CHECK_EQ(cap_retype(ROOT, 0, CAPTYPE_RAM, 64 * KB, 1, &home[OWN]), ERR_OK);
    CHECK_EQ(cap_anchor(&home[OWN], &home[KEPT]), ERR_OK);
    CHECK_EQ(cap_hand_over(&home[OWN], THERE), SYS_ERR_HAS_DESCENDANTS);
    CHECK_EQ(env_delete(&home[OWN]), ERR_OK);
    CHECK_EQ(cap_hand_over(&home[KEPT], THERE), SYS_ERR_REMOTE);
    CHECK_EQ(owner_of(KEPT), HERE);
    CHECK_EQ(env_delete(&home[KEPT]), ERR_OK);
    CHECK_EQ(cap_anchor_count(), 0);
    check_database();
}

/* What another core tells may be anything. */
static void CAP1008_names_and_memory_are_not_confused(void)
{
    const uint32_t names = (uint32_t)(CAP_NAMED_BASE >> CAP_PAGE_SHIFT);
    const uint32_t bits = (uint32_t)(CAP_NOTIFY_BASE >> CAP_PAGE_SHIFT);
    const uint32_t bits_end = bits + KPI_CORES_MAX * KPI_NOTIFY_BITS;
    const struct {
        enum captype type;
        uint32_t page, pages;
        errval_t result;
    } tries[] = {
        {CAPTYPE_RAM, names - 1, 2, SYS_ERR_RETYPE_SIZE},
        {CAPTYPE_RAM, names, 1, SYS_ERR_RETYPE_SIZE},
        {CAPTYPE_FRAME, 1, UINT32_MAX, SYS_ERR_RETYPE_SIZE},
        {CAPTYPE_DEVFRAME, bits, 1, SYS_ERR_RETYPE_SIZE},
        {CAPTYPE_IRQDEST, FAR_PAGE, 1, SYS_ERR_RETYPE_SIZE},
        {CAPTYPE_IRQDEST, names + 33, 2, SYS_ERR_RETYPE_SIZE},
        {CAPTYPE_IRQDEST, names + IRQ_CAP_MAX, 1, SYS_ERR_RETYPE_SIZE},
        {CAPTYPE_IRQDEST, names + IRQ_CAP_MAX - 1, 1, ERR_OK},
        {CAPTYPE_NOTIFY, bits - 1, 1, SYS_ERR_RETYPE_SIZE},
        {CAPTYPE_NOTIFY, bits, 2, SYS_ERR_RETYPE_SIZE},
        {CAPTYPE_NOTIFY, bits_end, 1, SYS_ERR_RETYPE_SIZE},
        {CAPTYPE_NOTIFY, bits_end - 1, 1, ERR_OK},
        {CAPTYPE_FRAME, names - 1, 1, ERR_OK},
    };
    fresh_core();
    for (unsigned i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        CHECK_EQ(cap_foreign(tries[i].type, tries[i].page, tries[i].pages, THERE, &home[PART]),
                 tries[i].result);
        if (home[PART].type != CAPTYPE_NULL)
            CHECK_EQ(env_delete(&home[PART]), ERR_OK);
    }
    check_database();
}

static void CAP0077_interrupts(void)
{
    fresh_core();
    CHECK_EQ(cap_create(&home[OWN], CAPTYPE_IRQDEST, CAP_IRQ_BASE(33), 4096, 15), ERR_OK);
    CHECK_EQ(cap_anchor(&home[OWN], &home[KEPT]), ERR_OK);
    unsigned destroyed = env_irqs_destroyed;
    CHECK_EQ(cap_set_owner(&home[KEPT], THERE), ERR_OK);
    CHECK_EQ(env_irqs_destroyed, destroyed + 1);
    CHECK_EQ(env_delete(&home[OWN]), ERR_OK);
    CHECK_EQ(env_irqs_destroyed, destroyed + 1);
    CHECK_EQ(cap_create(&home[OWN], CAPTYPE_IRQDEST, CAP_IRQ_BASE(33), 4096, 15),
             SYS_ERR_RETYPE_OVERLAP);
    check_database();
}

static void CAP0078_loans_have_no_part_in_it(void)
{
    fresh_core();
    CHECK_EQ(env_retype(ROOT, 0, CAPTYPE_FRAME, 64 * KB, 1, &home[OWN]), ERR_OK);
    CHECK_EQ(cap_lend(&home[OWN], CAP_RIGHTS_ALL, &home[COPY]), ERR_OK);
    CHECK_EQ(state_of(COPY), KPI_CAP_LOAN | KPI_CAP_SHARED);
    CHECK_EQ(cap_anchor(&home[COPY], &home[KEPT]), ERR_OK);
    CHECK_EQ(cte_loan(&home[KEPT]), 0);
    check_database();
    CHECK_EQ(env_delete(&home[OWN]), ERR_OK);
    CHECK_EQ(home[COPY].type, CAPTYPE_NULL);
    CHECK_EQ(state_of(KEPT), KPI_CAP_ANCHOR | KPI_CAP_KNOWN);
}

static void CAP0079_a_notify_stays_on_its_core(void)
{
    const uint64_t own = CAP_NOTIFY_BASE + 8 * 4096;
    const uint32_t far = (uint32_t)((CAP_NOTIFY_BASE >> 12) + THERE * KPI_NOTIFY_BITS + 8);
    fresh_core();
    CHECK_EQ(cap_create(&home[OWN], CAPTYPE_NOTIFY, own, 4096, 15), ERR_OK);
    CHECK_EQ(cap_anchor(&home[OWN], &home[KEPT]), ERR_OK);
    CHECK_EQ(cap_set_owner(&home[KEPT], THERE), SYS_ERR_CAP_TYPE);
    CHECK_EQ(cap_set_owner(&home[KEPT], HERE), ERR_OK);
    CHECK_EQ(home[KEPT].rights & CAP_RIGHT_D, CAP_RIGHT_D);
    CHECK_EQ(cap_foreign(CAPTYPE_NOTIFY, far, 1, THERE, &home[PART]), ERR_OK);
    CHECK_EQ(cap_set_owner(&home[PART], HERE), SYS_ERR_CAP_TYPE);
    CHECK_EQ(home[PART].rights & CAP_RIGHT_D, 0);
    check_database();
}

void test_remote(void)
{
    RUN(CAP0070_the_anchor_is_the_last_to_go);
    RUN(CAP0071_revoke_is_for_the_monitor);
    RUN(CAP0072_sweeping);
    RUN(CAP0073_foreign_objects);
    RUN(CAP0074_the_owner_changes);
    RUN(CAP0075_a_frame_parted_elsewhere);
    RUN(CAP0076_the_first_memory_of_a_core);
    RUN(CAP1007_known_memory_is_not_handed_over);
    RUN(CAP1008_names_and_memory_are_not_confused);
    RUN(CAP0077_interrupts);
    RUN(CAP0078_loans_have_no_part_in_it);
    RUN(CAP0079_a_notify_stays_on_its_core);
    core_self = 0;
    fresh();
}
