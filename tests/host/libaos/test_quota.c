/* Divisible limits (aos/quota.h), against sums that are counted anew. */
#include <check.h>

#include <aos/quota.h>
#include <abi/errors.h>

enum { ACCOUNTS = 24, STEPS = 60000, TOTAL = 100000 };

static void QUOTA0001_an_explicit_limit_is_reserved(void)
{
    struct quota shell, a, b, c;

    CHECK_EQ(quota_open(&shell, NULL, 1000), ERR_OK);
    CHECK_EQ(quota_open(&a, &shell, 600), ERR_OK);
    CHECK_EQ(quota_available(&shell), 400);
    CHECK_EQ(quota_open(&b, &shell, 500), LIB_ERR_QUOTA);
    CHECK_EQ(quota_open(&b, &shell, 400), ERR_OK);
    CHECK_EQ(quota_available(&shell), 0);
    CHECK_EQ(quota_take(&shell, 1), LIB_ERR_QUOTA);
    CHECK_EQ(quota_take(&a, 600), ERR_OK);
    CHECK_EQ(quota_take(&a, 1), LIB_ERR_QUOTA);
    CHECK_EQ(quota_take(&b, 400), ERR_OK);
    CHECK_EQ(shell.used, 1000);
    CHECK_EQ(shell.own, 0);
    CHECK_EQ(quota_open(&c, &a, 1), LIB_ERR_QUOTA);
    /* what is not used goes back at the end of the owner, the rest when it is given */
    quota_give(&a, 350);
    CHECK_EQ(quota_available(&shell), 0);
    quota_end(&a);
    CHECK_EQ(quota_available(&shell), 350);
    quota_give(&a, 250);
    CHECK_EQ(quota_available(&shell), 600);
    quota_close(&a);
    CHECK_EQ(shell.children, 1);
    quota_give(&b, 400);
    quota_close(&b);
    CHECK_EQ(quota_available(&shell), 1000);
    CHECK_EQ(shell.used, 0);
}

static void QUOTA0002_a_default_child_leaves_as_much_as_it_has(void)
{
    struct quota shell, child[4], grandchild;

    CHECK_EQ(quota_open(&shell, NULL, 1000), ERR_OK);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(quota_open(&child[i], &shell, 0), ERR_OK);
    }
    CHECK_EQ(quota_available(&child[0]), 500);
    CHECK_EQ(quota_take(&child[0], 501), LIB_ERR_QUOTA);
    CHECK_EQ(quota_take(&child[0], 500), ERR_OK);
    CHECK_EQ(quota_available(&child[0]), 0);
    CHECK_EQ(quota_available(&child[1]), 250);
    CHECK_EQ(quota_take(&child[1], 250), ERR_OK);
    CHECK_EQ(quota_available(&child[2]), 125);
    /* two that always take what they can have end with a third each */
    quota_give(&child[0], 250);
    CHECK_EQ(quota_available(&child[0]), 125);
    CHECK_EQ(quota_take(&child[0], 83), ERR_OK);
    CHECK_EQ(quota_take(&child[1], 83), ERR_OK);
    CHECK_EQ(quota_available(&child[0]), 0);
    CHECK_EQ(quota_available(&shell), 334);
    /* the grandchild's counts for the child */
    CHECK_EQ(quota_open(&grandchild, &child[2], 0), ERR_OK);
    CHECK_EQ(quota_available(&grandchild), 83);
    CHECK_EQ(quota_take(&grandchild, 83), ERR_OK);
    CHECK_EQ(child[2].charge, 83);
    CHECK_EQ(shell.used, 749);
    CHECK_EQ(quota_available(&child[2]), (334 - 83 - 83) / 2);
}

static void QUOTA0003_without_a_limit_above_there_is_none(void)
{
    struct quota init, child, limited;

    CHECK_EQ(quota_open(&init, NULL, 0), ERR_OK);
    CHECK_EQ(quota_open(&child, &init, 0), ERR_OK);
    CHECK_EQ(quota_available(&child), QUOTA_NO_LIMIT);
    CHECK_EQ(quota_take(&child, 1ull << 50), ERR_OK);
    CHECK_EQ(quota_open(&limited, &child, 1ull << 60), ERR_OK);
    CHECK_EQ(quota_available(&limited), 1ull << 60);
    CHECK_EQ(init.used, 1ull << 50);
}

static void QUOTA0004_limits_change(void)
{
    struct quota shell, a;

    CHECK_EQ(quota_open(&shell, NULL, 1000), ERR_OK);
    CHECK_EQ(quota_open(&a, &shell, 100), ERR_OK);
    CHECK_EQ(quota_set_limit(&a, 1001), LIB_ERR_QUOTA);
    CHECK_EQ(quota_set_limit(&a, 1000), ERR_OK);
    CHECK_EQ(quota_available(&shell), 0);
    CHECK_EQ(quota_take(&a, 300), ERR_OK);
    CHECK_EQ(quota_set_limit(&a, 200), ERR_OK); /* below what is used */
    CHECK_EQ(quota_available(&a), 0);
    CHECK_EQ(quota_available(&shell), 700);
    quota_give(&a, 200);
    CHECK_EQ(quota_available(&a), 100);
    CHECK_EQ(quota_available(&shell), 800);
    CHECK_EQ(quota_set_limit(&a, 0), ERR_OK);
    CHECK_EQ(quota_available(&shell), 900);
    CHECK_EQ(quota_available(&a), (900 - 100) / 2);
}

static void QUOTA0005_depth_is_limited(void)
{
    struct quota chain[QUOTA_DEPTH_MAX + 2];

    CHECK_EQ(quota_open(&chain[0], NULL, UINT64_MAX / 2), ERR_OK);
    for (uint32_t i = 1; i <= QUOTA_DEPTH_MAX; i++) {
        CHECK_EQ(quota_open(&chain[i], &chain[i - 1], 0), ERR_OK);
    }
    CHECK_EQ(quota_open(&chain[QUOTA_DEPTH_MAX + 1], &chain[QUOTA_DEPTH_MAX], 0), LIB_ERR_QUOTA);
    CHECK_EQ(quota_available(&chain[QUOTA_DEPTH_MAX]), (UINT64_MAX / 2) >> QUOTA_DEPTH_MAX);
}

static void QUOTA0007_an_account_moves_with_what_it_uses(void)
{
    struct quota all, parent, child, grandchild;

    CHECK_EQ(quota_open(&all, NULL, 256), ERR_OK);
    CHECK_EQ(quota_open(&parent, &all, 100), ERR_OK);
    CHECK_EQ(quota_open(&child, &parent, 0), ERR_OK);
    CHECK_EQ(quota_open(&grandchild, &child, 10), ERR_OK);
    CHECK_EQ(quota_take(&child, 5), ERR_OK);
    CHECK_EQ(quota_take(&grandchild, 1), ERR_OK);
    CHECK_EQ(quota_take(&parent, 1), ERR_OK);
    CHECK_EQ(parent.charge, 16);
    CHECK_EQ(all.charge, 100);
    quota_move(&child, &all);
    CHECK_EQ(parent.charge, 1);
    CHECK_EQ(parent.used, 1);
    CHECK_EQ(parent.children, 0);
    CHECK_EQ(all.charge, 115);
    CHECK_EQ(all.used, 7);
    CHECK_EQ(all.children, 2);
    quota_give(&grandchild, 1);
    quota_close(&grandchild);
    quota_give(&child, 5);
    quota_close(&child);
    CHECK_EQ(all.charge, 100);
    CHECK_EQ(all.used, 1);
}

static struct quota account[ACCOUNTS];
static int parent_of[ACCOUNTS];          /* -2: unused, -1: none */

/* Invariants 1 to 3 from `own`, the limits and who is whose child. */
static void check_sums(void)
{
    for (int i = 0; i < ACCOUNTS; i++) {
        uint64_t used = account[i].own, charge = account[i].own;
        uint32_t children = 0;

        if (parent_of[i] == -2) {
            continue;
        }
        for (int c = 0; c < ACCOUNTS; c++) {
            if (parent_of[c] == i) {
                uint64_t limit = account[c].limit;

                used += account[c].used;
                charge += limit > account[c].charge ? limit : account[c].charge;
                children++;
            }
        }
        CHECK_EQ(account[i].used, used);
        CHECK_EQ(account[i].charge, charge);
        CHECK_EQ(account[i].children, children);
        CHECK(account[i].limit == 0 || charge <= account[i].limit);
    }
}

static void QUOTA0006_random_trees(void)
{
    uint64_t seed = 0x90a7a;

    for (int i = 0; i < ACCOUNTS; i++) {
        parent_of[i] = -2;
    }
    CHECK_EQ(quota_open(&account[0], NULL, TOTAL), ERR_OK);
    parent_of[0] = -1;
    for (int step = 0; step < STEPS; step++) {
        int i = 1 + (int)(check_random(&seed) % (ACCOUNTS - 1));
        int p = (int)(check_random(&seed) % ACCOUNTS);
        uint64_t amount = check_random(&seed) % 4000;

        if (parent_of[i] == -2) {
            if (parent_of[p] != -2 && p != i
                && quota_open(&account[i], &account[p], amount % 3 == 0 ? amount : 0) == ERR_OK) {
                parent_of[i] = p;
            }
        } else if (amount % 4 != 0) {
            uint64_t available = quota_available(&account[i]);
            uint64_t above = quota_available(&account[parent_of[i]]);

            CHECK_EQ(quota_take(&account[i], amount), amount <= available ? ERR_OK : LIB_ERR_QUOTA);
            if (amount <= available && account[i].limit == 0) {
                CHECK(quota_available(&account[parent_of[i]]) <= above);
                CHECK(account[i].charge <= quota_available(&account[parent_of[i]]));
            }
        } else if (amount % 8 == 0) {
            quota_give(&account[i], amount < account[i].own ? amount : account[i].own);
        } else {
            quota_end(&account[i]);
            if (account[i].children == 0) {
                quota_give(&account[i], account[i].own);
                quota_close(&account[i]);
                parent_of[i] = -2;
            }
        }
        check_sums();
    }
}

int main(void)
{
    RUN(QUOTA0001_an_explicit_limit_is_reserved);
    RUN(QUOTA0002_a_default_child_leaves_as_much_as_it_has);
    RUN(QUOTA0003_without_a_limit_above_there_is_none);
    RUN(QUOTA0004_limits_change);
    RUN(QUOTA0005_depth_is_limited);
    RUN(QUOTA0006_random_trees);
    RUN(QUOTA0007_an_account_moves_with_what_it_uses);
    return 0;
}
