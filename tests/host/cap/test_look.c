/* Looking at what there is, piece by piece. */
#include "check.h"
#include "rules.h"

#include <string.h>

#include <kernel/cap_look.h>
#include <kernel/cap_tree.h>
#include <kpi/remote.h>

enum {
    KB = 1024,
    PARENT = 10,
    CHILD,
    COPY,
    MADE = 20,
    SPACE = 30, /* L1CNode, and from the next slot on L2CNodes */
};

static struct cte crowd[CAP_STEP_MAX - HOME_SLOTS / 2];

static struct cap_key key_after(const struct cap_sight *s)
{
    return cap_key_make((enum captype)s->what.type, s->what.page, s->what.pages, s->place);
}

static void CAP0079_each_object_once_ancestors_first(void)
{
    fresh();
    CHECK_EQ(cap_retype(ROOT, 0, CAPTYPE_RAM, 64 * KB, 1, &home[PARENT]), ERR_OK);
    CHECK_EQ(env_retype(&home[PARENT], 4 * KB, CAPTYPE_FRAME, 8 * KB, 3, &home[MADE]), ERR_OK);
    CHECK_EQ(env_retype(&home[PARENT], 32 * KB, CAPTYPE_ENDPOINT, 8 * KB, 1, &home[CHILD]), ERR_OK);
    CHECK_EQ(cap_copy(&home[MADE], CAP_RIGHTS_ALL, &home[COPY + 4]), ERR_OK);

    struct cap_key key = {0}, before = {0};
    struct cap_sight s;
    unsigned count = 0, ends = 0, shared = 0;
    while (cap_look(&key, &s)) {
        before = key;
        key = key_after(&s);
        CHECK(cap_key_before(&before, &key));
        CHECK(tree_find(&key) != NULL);
        count++;
        ends += s.what.type == CAPTYPE_ENDPOINT;
        shared += s.copies == 2;
    }
    CHECK_EQ(count, cap_node_count());
    CHECK_EQ(ends, 2);
    CHECK_EQ(shared, 1);
    CHECK_EQ(count, 2 + 3 + 2); /* ROOT, PARENT */
}

/* A space with L2CNodes in slots 0, 2 and 5 of its L1CNode. */
static void fresh_space(void)
{
    fresh();
    make(CAPTYPE_L1CNODE, 64 * KB, &home[SPACE]);
    for (unsigned i = 0; i < 3; i++) {
        static const unsigned at[] = {0, 2, 5};
        make(CAPTYPE_L2CNODE, (128 + 16 * i) * KB, &home[SPACE + 1]);
        CHECK_EQ(cap_move(&home[SPACE + 1], &cnode_slots(&home[SPACE])[at[i]]), ERR_OK);
    }
}

static struct cte *space_slot(caddr_t at)
{
    struct cte *slot;
    CHECK_EQ(cspace_slot(&home[SPACE], at, &slot), ERR_OK);
    return slot;
}

static void CAP0080_a_space_slot_by_slot(void)
{
    static const caddr_t filled[] = {KPI_CADDR(0, 1), KPI_CADDR(0, 255), KPI_CADDR(2, 0),
                                     KPI_CADDR(5, 255)};
    const unsigned count = sizeof(filled) / sizeof(filled[0]);
    struct cap_sight s;
    fresh_space();
    make(CAPTYPE_FRAME, 0, &home[PARENT]);
    for (unsigned i = 0; i < count; i++)
        CHECK_EQ(cap_copy(&home[PARENT], CAP_RIGHT_R, space_slot(filled[i])), ERR_OK);

    caddr_t at = 0, found[16];
    unsigned founds = 0, calls = 0;
    do {
        cap_look_space(&home[SPACE], at, &at, &s);
        calls++;
        if (s.what.type == CAPTYPE_NULL)
            continue;
        CHECK(founds < 16);
        CHECK_EQ(s.what.type, founds < count ? CAPTYPE_FRAME : CAPTYPE_L2CNODE);
        CHECK_EQ(s.copies, 1);
        if (s.what.type == CAPTYPE_FRAME)
            CHECK_EQ(s.what.rights, CAP_RIGHT_R);
        found[founds++] = at++;
    } while (at != 0);
    CHECK_EQ(founds, count + 3);
    for (unsigned i = 0; i < count; i++)
        CHECK_EQ(found[i], filled[i]);
    CHECK_EQ(found[count], KPI_CADDR_L1);
    CHECK_EQ(found[count + 2], KPI_CADDR_L1 | 5);
    CHECK(calls < 16);

    cap_look_space(&home[PARENT], 0, &at, &s); /* no space: a dispatcher that has ended */
    CHECK_EQ(at, 0);
    CHECK_EQ(s.what.type, CAPTYPE_NULL);
}

static void CAP0081_bounded_and_said(void)
{
    struct cap_sight s;
    struct cap_key key = {0};
    fresh_space();
    make(CAPTYPE_FRAME, 0, &home[PARENT]);
    for (unsigned i = 0; i < CAP_STEP_MAX; i++) {
        struct cte *slot = i < HOME_SLOTS / 2 ? &home[HOME_SLOTS / 2 + i]
                                              : &crowd[i - HOME_SLOTS / 2];
        CHECK_EQ(cap_copy(&home[PARENT], CAP_RIGHTS_ALL, slot), ERR_OK);
    }
    do {
        CHECK(cap_look(&key, &s));
        key = key_after(&s);
    } while (s.what.type != CAPTYPE_FRAME);
    CHECK_EQ(s.copies, CAP_STEP_MAX);
    CHECK((s.what.state & KPI_CAP_MORE) != 0);

    /* 768 empty slots, and places without a CNode: more than it looks at in one go */
    caddr_t at, last;
    unsigned calls = 0;
    for (at = last = 0; calls == 0 || s.what.type == CAPTYPE_NULL; calls++, last = at) {
        cap_look_space(&home[SPACE], last, &at, &s);
        CHECK(at > last && calls < 4);
    }
    CHECK(calls > 1);
    CHECK_EQ(s.what.type, CAPTYPE_L2CNODE);
    CHECK_EQ(at, KPI_CADDR_L1);
}

void test_look(void)
{
    RUN(CAP0079_each_object_once_ancestors_first);
    RUN(CAP0080_a_space_slot_by_slot);
    RUN(CAP0081_bounded_and_said);
    fresh();
    memset(crowd, 0, sizeof(crowd));
}
