/* The memory service's allocator against a page map that says who owns each page. */
#include "check.h"

#include <aos/domain.h>

#include "memory_priv.h"

enum { PAGES = 512, ROOTS = 2, RECORDS = 2600, CLIENTS = 6, STEPS = 40000 };
enum { FREE_PAGE = 0, DYING = 99 };

static const uint64_t root_base[ROOTS] = {0x40000000, 0x80003000};
static struct memory_core core;
static union memory_record records[RECORDS];
static uint8_t owner[ROOTS][PAGES];
static struct memory_account *account[CLIENTS + 1]; /* by pid */

static void start(void)
{
    memory_core_init(&core, DOMAIN_PIDS_FIRST);
    memory_add_records(&core, records, sizeof(records));
    memset(owner, FREE_PAGE, sizeof(owner));
    for (int r = 0; r < ROOTS; r++) {
        CHECK_EQ(memory_add(&core, root_base[r], PAGES * MEMORY_PAGE), ERR_OK);
    }
    for (uint32_t pid = 1; pid <= CLIENTS; pid++) {
        CHECK_EQ(accounts_connect(&core, pid, &account[pid]), ERR_OK);
    }
}

static errval_t take(uint32_t pid, uint64_t bytes, uint64_t align, struct memory_range *ret_range)
{
    return memory_take(&core, account[pid], account[pid], bytes, align, ret_range);
}

static errval_t give(uint32_t pid, uint64_t base, uint64_t bytes)
{
    struct memory_range range;
    errval_t err = memory_give_check(&core, account[pid], base, bytes, &range);

    if (err_is_ok(err)) {
        memory_give(&core, base, bytes);
    }
    return err;
}

static void reap_all(void)
{
    while (memory_dying_next(&core, NULL) != NULL) {
        memory_reap(&core, memory_dying_next(&core, NULL));
    }
    CHECK(memory_check(&core) == NULL);
}

static void MEM0001_takes_aligned_and_merges(void)
{
    struct memory_range a, b, c;

    start();
    CHECK_EQ(take(1, 1, 1, &a), ERR_OK);
    CHECK_EQ(a.bytes, MEMORY_PAGE);
    CHECK_EQ(take(1, 5000, 64 * 1024, &b), ERR_OK);
    CHECK_EQ(b.base % (64 * 1024), 0);
    CHECK_EQ(b.bytes, 2 * MEMORY_PAGE);
    CHECK_EQ(b.off, b.base - root_base[b.root]);
    CHECK_EQ(take(1, PAGES * MEMORY_PAGE, MEMORY_PAGE, &c), ERR_OK);
    CHECK(memory_check(&core) == NULL);
    CHECK_EQ(give(1, a.base, a.bytes), ERR_OK);
    CHECK_EQ(give(1, b.base, b.bytes), ERR_OK);
    CHECK_EQ(give(1, c.base, c.bytes), ERR_OK);
    CHECK(memory_check(&core) == NULL);
    CHECK_EQ(core.free, core.total);
    CHECK_EQ(core.free_count, ROOTS);
    CHECK_EQ(memory_largest(&core), PAGES * MEMORY_PAGE);
}

static void MEM0002_refuses(void)
{
    struct memory_range a, b;

    start();
    CHECK_EQ(take(1, UINT64_MAX, 1, &a), MEMORY_ERR_NO_MEMORY);
    CHECK_EQ(take(1, (PAGES + 1) * MEMORY_PAGE, 1, &a), MEMORY_ERR_NO_MEMORY);
    CHECK_EQ(take(1, 1, 1ull << 63, &a), MEMORY_ERR_BAD_ALIGN);
    CHECK_EQ(take(1, 4 * MEMORY_PAGE, 1, &a), ERR_OK);
    CHECK_EQ(give(2, a.base, a.bytes), MEMORY_ERR_NOT_YOURS);
    CHECK_EQ(give(1, a.base + 1, 1), MEMORY_ERR_NOT_YOURS);
    CHECK_EQ(give(1, a.base, a.bytes + MEMORY_PAGE), MEMORY_ERR_NOT_YOURS);
    CHECK_EQ(give(1, a.base - MEMORY_PAGE, a.bytes), MEMORY_ERR_NOT_YOURS);
    CHECK_EQ(give(1, a.base, 0), MEMORY_ERR_NOT_YOURS);
    CHECK_EQ(give(1, a.base + MEMORY_PAGE, UINT64_MAX & ~4095ull), MEMORY_ERR_NOT_YOURS);
    CHECK_EQ(memory_give_check(&core, NULL, a.base, a.bytes, &b), MEMORY_ERR_NOT_YOURS);
    CHECK_EQ(give(1, a.base + MEMORY_PAGE, MEMORY_PAGE), ERR_OK);
    CHECK(memory_check(&core) == NULL);
    CHECK_EQ(give(1, a.base, a.bytes), MEMORY_ERR_NOT_YOURS);
}

static void MEM0003_quota_and_death(void)
{
    struct memory_range a;
    struct memory_account *seven;

    start();
    CHECK(accounts_find(&core, 7) == NULL);
    CHECK_EQ(accounts_set_limit(&core, 7, 8 * MEMORY_PAGE), ERR_OK);
    CHECK_EQ(accounts_connect(&core, 7, &seven), ERR_OK);
    CHECK_EQ(accounts_connect(&core, 7, &seven), ERR_OK);
    CHECK_EQ(memory_take(&core, seven, seven, 6 * MEMORY_PAGE, 1, &a), ERR_OK);
    CHECK_EQ(memory_take(&core, seven, seven, 3 * MEMORY_PAGE, 1, &a), MEMORY_ERR_QUOTA);
    CHECK_EQ(memory_take(&core, seven, seven, 2 * MEMORY_PAGE, 1, &a), ERR_OK);
    CHECK_EQ(seven->quota.own, 8 * MEMORY_PAGE);
    accounts_disconnect(&core, seven, false);
    CHECK_EQ(core.dying, 0);
    accounts_disconnect(&core, seven, false);
    CHECK_EQ(core.dying, 8 * MEMORY_PAGE);
    CHECK(accounts_find(&core, 7) == NULL);
    CHECK(memory_check(&core) == NULL);
    reap_all();
    CHECK_EQ(core.free, core.total);
    CHECK_EQ(core.account_count, CLIENTS);
}

static void MEM0006_abandoned_ranges_are_nobodys(void)
{
    struct memory_range a, b;

    start();
    CHECK_EQ(take(1, 8 * MEMORY_PAGE, 1, &a), ERR_OK);
    CHECK_EQ(memory_give_check(&core, account[1], a.base + MEMORY_PAGE, 2 * MEMORY_PAGE, &b),
             ERR_OK);
    memory_retire(&core, b.base, b.bytes);
    CHECK(memory_check(&core) == NULL);
    CHECK_EQ(core.dying, 2 * MEMORY_PAGE);
    CHECK_EQ(give(1, b.base, b.bytes), MEMORY_ERR_NOT_YOURS);
    CHECK_EQ(account[1]->quota.own, 8 * MEMORY_PAGE); /* until nobody uses it */
    reap_all();
    CHECK_EQ(account[1]->quota.own, 6 * MEMORY_PAGE);
    CHECK_EQ(give(1, a.base, MEMORY_PAGE), ERR_OK);
    CHECK_EQ(give(1, a.base + 3 * MEMORY_PAGE, 5 * MEMORY_PAGE), ERR_OK);
    CHECK_EQ(core.free, core.total);
    CHECK_EQ(core.free_count, ROOTS);
    CHECK(memory_check(&core) == NULL);
}

/* Of a service of which another comes only what was for itself goes. */
static void MEM0010_a_supervised_service_keeps_what_it_has_for_others(void)
{
    struct memory_range own, others, back;
    struct memory_account *nine, *again;

    start();
    CHECK_EQ(accounts_connect(&core, 9, &nine), ERR_OK);
    CHECK_EQ(accounts_open(&core, 16, 0, 0), ERR_OK);
    CHECK_EQ(memory_take(&core, nine, nine, 2 * MEMORY_PAGE, 1, &own), ERR_OK);
    CHECK_EQ(memory_take(&core, nine, accounts_find(&core, 16), MEMORY_PAGE, 1, &others), ERR_OK);
    accounts_disconnect(&core, nine, true);
    CHECK_EQ(core.dying, 2 * MEMORY_PAGE);
    CHECK_EQ(accounts_connect(&core, 9, &again), ERR_OK);
    CHECK(again == nine);
    CHECK_EQ(memory_give_check(&core, again, others.base, others.bytes, &back), ERR_OK);
    memory_give(&core, others.base, others.bytes);
    CHECK(memory_check(&core) == NULL);
    reap_all();
    CHECK_EQ(core.free, core.total);
}

static void MEM0004_records_for_giving_back_are_kept(void)
{
    static union memory_record few[MEMORY_RECORDS_RESERVE + 40];
    struct memory_account *one, *two, *own;
    struct memory_range a, first = {0};
    uint32_t got = 0;

    memory_core_init(&core, DOMAIN_PIDS_FIRST);
    memory_add_records(&core, few, sizeof(few));
    CHECK_EQ(memory_add(&core, 0x40000000, 0x10000000), ERR_OK);
    CHECK_EQ(accounts_connect(&core, 9, &own), ERR_OK);
    core.own = own;
    CHECK_EQ(accounts_connect(&core, 1, &one), ERR_OK);
    while (memory_take(&core, one, one, 8 * MEMORY_PAGE, 1, &a) == ERR_OK) {
        first = got++ == 0 ? a : first;
    }
    CHECK(got > 20);
    CHECK_EQ(memory_take(&core, one, one, 1, 1, &a), MEMORY_ERR_NO_MEMORY);
    CHECK_EQ(accounts_connect(&core, 2, &two), ERR_OK);
    CHECK_EQ(accounts_connect(&core, 3, &two), MEMORY_ERR_NO_MEMORY);
    /* The service can go on, and so get more records; and parts can be given back. */
    CHECK_EQ(memory_take(&core, own, own, 1, 1, &a), ERR_OK);
    CHECK_EQ(memory_give_check(&core, one, first.base + MEMORY_PAGE, MEMORY_PAGE, &a), ERR_OK);
    memory_give(&core, a.base, a.bytes);
    CHECK(memory_check(&core) == NULL);
    memory_add_records(&core, records, sizeof(records));
    CHECK_EQ(memory_take(&core, one, one, 1, 1, &a), ERR_OK);
    accounts_disconnect(&core, one, false);
    reap_all();
    CHECK(memory_check(&core) == NULL);
    CHECK_EQ(core.free, core.total - MEMORY_PAGE);
}

static void MEM0007_the_last_memory_is_for_the_service(void)
{
    struct memory_account *own;
    struct memory_range a;

    start();
    CHECK_EQ(accounts_connect(&core, 9, &own), ERR_OK);
    core.own = own;
    while (take(1, MEMORY_PAGE, 1, &a) == ERR_OK) {
    }
    CHECK_EQ(core.free, MEMORY_OWN_BYTES);
    CHECK_EQ(take(2, MEMORY_PAGE, 1, &a), MEMORY_ERR_NO_MEMORY);
    CHECK_EQ(memory_take(&core, own, own, MEMORY_OWN_BYTES / 2, 1, &a), ERR_OK);
}

static void MEM0008_accounts_of_a_family(void)
{
    enum { SHELL = 16, PROGRAM, CHILD, PROCESS = 3 };
    struct memory_account *shell, *program, *child;
    struct memory_range domain, a, b;

    start();
    CHECK_EQ(accounts_open(&core, SHELL, 0, 400 * MEMORY_PAGE), ERR_OK);
    CHECK_EQ(accounts_open(&core, SHELL, 0, 0), MEMORY_ERR_DENIED);
    CHECK_EQ(accounts_open(&core, PROGRAM, SHELL, 401 * MEMORY_PAGE), MEMORY_ERR_QUOTA);
    CHECK_EQ(accounts_open(&core, PROGRAM, SHELL, 100 * MEMORY_PAGE), ERR_OK);
    CHECK_EQ(accounts_open(&core, CHILD, PROGRAM, 0), ERR_OK);
    shell = accounts_find(&core, SHELL);
    program = accounts_find(&core, PROGRAM);
    child = accounts_find(&core, CHILD);
    CHECK_EQ(quota_available(&shell->quota), 300 * MEMORY_PAGE);
    /* its own domain: the process service's, on its account */
    CHECK_EQ(memory_take(&core, account[PROCESS], child, 20 * MEMORY_PAGE, 1, &domain), ERR_OK);
    CHECK_EQ(memory_take(&core, child, child, 31 * MEMORY_PAGE, 1, &a), MEMORY_ERR_QUOTA);
    CHECK_EQ(memory_take(&core, child, child, 30 * MEMORY_PAGE, 1, &a), ERR_OK);
    CHECK_EQ(memory_take(&core, program, program, 50 * MEMORY_PAGE, 1, &b), ERR_OK);
    CHECK_EQ(memory_take(&core, program, program, 1, 1, &b), MEMORY_ERR_QUOTA);
    CHECK_EQ(child->quota.own, 50 * MEMORY_PAGE);
    CHECK_EQ(program->quota.used, 100 * MEMORY_PAGE);
    CHECK_EQ(shell->quota.used, 100 * MEMORY_PAGE);
    CHECK(memory_check(&core) == NULL);
    /* what a dead child left is its parents' burden until it is gone */
    CHECK_EQ(memory_give_check(&core, account[PROCESS], domain.base, domain.bytes, &a), ERR_OK);
    memory_retire(&core, domain.base, domain.bytes);
    CHECK_EQ(accounts_end(&core, CHILD, false), ERR_OK);
    CHECK_EQ(accounts_end(&core, CHILD, false), MEMORY_ERR_NO_PID);
    CHECK_EQ(quota_available(&program->quota), 0);
    CHECK_EQ(memory_take(&core, child, child, 1, 1, &b), MEMORY_ERR_QUOTA);
    CHECK(memory_check(&core) == NULL);
    reap_all();
    CHECK_EQ(quota_available(&program->quota), 50 * MEMORY_PAGE);
    /* the limit of a dead one goes back but for what is left of it */
    CHECK_EQ(accounts_end(&core, PROGRAM, false), ERR_OK);
    CHECK_EQ(quota_available(&shell->quota), 350 * MEMORY_PAGE);
    reap_all();
    CHECK_EQ(quota_available(&shell->quota), 400 * MEMORY_PAGE);
    CHECK_EQ(accounts_end(&core, SHELL, false), ERR_OK);
    CHECK_EQ(core.account_count, CLIENTS);
    CHECK_EQ(core.free, core.total);
}

static void MEM0009_small_ranges_low_large_ones_high(void)
{
    enum { HUGE_PAGES = 8192 };
    const uint64_t base = 0x40001000, end = base + HUGE_PAGES * MEMORY_PAGE;
    struct memory_range small, large, all;

    start();
    memory_core_init(&core, DOMAIN_PIDS_FIRST);
    memory_add_records(&core, records, sizeof(records));
    CHECK_EQ(memory_add(&core, base, HUGE_PAGES * MEMORY_PAGE), ERR_OK);
    CHECK_EQ(accounts_connect(&core, 1, &account[1]), ERR_OK);
    CHECK_EQ(take(1, 1, 1, &small), ERR_OK);
    CHECK_EQ(small.base, base);
    CHECK_EQ(take(1, MEMORY_LARGE, MEMORY_LARGE, &large), ERR_OK);
    CHECK_EQ(large.base % MEMORY_LARGE, 0);
    CHECK(end - large.base < 2 * MEMORY_LARGE);
    CHECK_EQ(give(1, small.base, small.bytes), ERR_OK);
    CHECK_EQ(take(1, MEMORY_LARGE, 8 * MEMORY_LARGE, &all), ERR_OK);
    CHECK_EQ(all.base % (8 * MEMORY_LARGE), 0);
    CHECK(memory_check(&core) == NULL);
}

static void MEM0015_memory_of_others_comes_and_goes(void)
{
    const uint64_t base = 0xc0000000, bytes = PAGES * MEMORY_PAGE;
    struct memory_range a, b;
    uint64_t total;
    uint32_t root;

    start();
    CHECK_EQ(take(1, bytes, 1, &a), ERR_OK);
    CHECK_EQ(take(1, bytes, 1, &a), ERR_OK);
    CHECK_EQ(take(1, bytes, 1, &b), MEMORY_ERR_NO_MEMORY);
    total = core.total;
    CHECK_EQ(memory_add(&core, base, bytes), ERR_OK);
    root = memory_root_at(&core, base);
    CHECK_EQ(root, ROOTS);
    CHECK_EQ(take(1, MEMORY_PAGE, 1, &b), ERR_OK);
    CHECK_EQ(b.base, base);
    CHECK(!memory_remove(&core, root));  /* it is used */
    CHECK_EQ(give(1, b.base, b.bytes), ERR_OK);
    CHECK_EQ(give(1, a.base, a.bytes), ERR_OK);
    CHECK(memory_remove(&core, root));
    CHECK(!memory_remove(&core, root));  /* it is gone */
    CHECK_EQ(core.total, total);
    CHECK(memory_check(&core) == NULL);
    CHECK_EQ(memory_add(&core, base + bytes, bytes), ERR_OK); /* takes its place */
    CHECK_EQ(memory_root_at(&core, base + bytes), root);
    CHECK_EQ(core.total, total + bytes);
    CHECK(memory_check(&core) == NULL);
}

/* Programs leave a part of what there is to services; memory of others is theirs in full, and stays
 * while they have more than their part of the rest. */
static void MEM0016_programs_leave_a_reserve(void)
{
    const uint64_t base = 0xc0000000, bytes = PAGES * MEMORY_PAGE;
    struct memory_account *program;
    struct memory_range a, b;
    uint32_t root;

    start();
    core.reserve = bytes / 2;
    CHECK_EQ(accounts_open(&core, 16, 0, 0), ERR_OK);
    program = accounts_find(&core, 16);
    CHECK_EQ(memory_take(&core, program, program, bytes, 1, &a), ERR_OK);
    CHECK_EQ(memory_take(&core, program, program, bytes / 2 + MEMORY_PAGE, 1, &b),
             MEMORY_ERR_NO_MEMORY);
    CHECK_EQ(take(1, bytes / 2 + MEMORY_PAGE, 1, &b), ERR_OK); /* a service */
    CHECK_EQ(give(1, b.base, b.bytes), ERR_OK);
    CHECK_EQ(memory_take(&core, program, program, bytes / 2, 1, &b), ERR_OK);
    CHECK(memory_check(&core) == NULL);
    CHECK_EQ(memory_take(&core, program, program, MEMORY_PAGE, 1, &a), MEMORY_ERR_NO_MEMORY);
    CHECK_EQ(memory_add(&core, base, bytes), ERR_OK);
    root = memory_root_at(&core, base);
    CHECK_EQ(memory_take(&core, program, program, MEMORY_PAGE, 1, &a), ERR_OK);
    CHECK(a.base < base);                /* of the rest, */
    CHECK(!memory_remove(&core, root));  /* so what others lent is not given back yet */
    memory_give(&core, a.base, a.bytes);
    CHECK(memory_remove(&core, root));
    CHECK(memory_check(&core) == NULL);
}

/* Is there a run of free pages with this length and alignment? */
static int model_has_room(uint64_t pages, uint64_t align)
{
    for (int r = 0; r < ROOTS; r++) {
        for (uint64_t i = 0; i + pages <= PAGES; i++) {
            uint64_t n = 0;

            while (n < pages && owner[r][i + n] == FREE_PAGE) {
                n++;
            }
            if (n == pages && (root_base[r] + i * MEMORY_PAGE) % align == 0) {
                return 1;
            }
        }
    }
    return 0;
}

/* May a request be refused for want of room? Exactly, but for alignments between two classes. */
static int model_may_refuse(uint64_t pages, uint64_t align)
{
    uint32_t class = 0;

    while (class + 1 < MEMORY_CLASSES && regions_align(class + 1) <= align) {
        class++;
    }
    if (regions_align(class) == align) {
        return !model_has_room(pages, align);
    }
    return !model_has_room(pages + (align - regions_align(class)) / MEMORY_PAGE,
                           regions_align(class))
        && !model_has_room(pages, regions_align(class + 1));
}

static void step_take(uint64_t *seed)
{
    uint8_t pid = (uint8_t)(1 + check_random(seed) % CLIENTS);
    uint64_t pages = 1 + check_random(seed) % (check_random(seed) % 8 == 0 ? 200 : 12);
    uint64_t align = MEMORY_PAGE << check_random(seed) % 6;
    struct memory_range a;
    errval_t err = take(pid, pages * MEMORY_PAGE, align, &a);

    if (err != ERR_OK) {
        CHECK_EQ(err, MEMORY_ERR_NO_MEMORY);
        CHECK(model_may_refuse(pages, align));
        return;
    }
    CHECK_EQ(a.base % align, 0);
    for (uint64_t i = 0; i < pages; i++) {
        CHECK_EQ(owner[a.root][a.off / MEMORY_PAGE + i], FREE_PAGE);
        owner[a.root][a.off / MEMORY_PAGE + i] = pid;
    }
}

/* Gives a random part of a random run of pages with one owner; the model may not know where one
 * allocation ends and the next begins, so NOT_YOURS is possible there. */
static void step_give(uint64_t *seed)
{
    uint32_t r = (uint32_t)(check_random(seed) % ROOTS);
    uint64_t at = check_random(seed) % PAGES;
    uint64_t pages = 1 + check_random(seed) % 6;
    uint8_t pid = owner[r][at];
    struct memory_range a;
    int same = 1;

    for (uint64_t i = 0; i < pages; i++) {
        same &= at + i < PAGES && owner[r][at + i] == pid;
    }
    if (pid == FREE_PAGE || pid == DYING
        || memory_give_check(&core, account[pid], root_base[r] + at * MEMORY_PAGE,
                             pages * MEMORY_PAGE, &a)
               != ERR_OK) {
        return;
    }
    CHECK(same);
    memory_give(&core, a.base, a.bytes);
    memset(&owner[r][at], FREE_PAGE, pages);
}

static void step_die(uint64_t *seed)
{
    uint8_t pid = (uint8_t)(1 + check_random(seed) % CLIENTS);

    accounts_disconnect(&core, account[pid], false);
    while (memory_dying_next(&core, NULL) != NULL) {
        if (check_random(seed) % 4 == 0) {
            memory_dying_last(&core, memory_dying_next(&core, NULL));
        } else {
            memory_reap(&core, memory_dying_next(&core, NULL));
        }
    }
    CHECK_EQ(accounts_connect(&core, pid, &account[pid]), ERR_OK);
    for (int i = 0; i < ROOTS * PAGES; i++) {
        if (owner[i / PAGES][i % PAGES] == pid) {
            owner[i / PAGES][i % PAGES] = FREE_PAGE;
        }
    }
}

static int steps = STEPS;

static void MEM0005_random_against_a_page_map(void)
{
    uint64_t seed = 0x5eed;

    start();
    for (int i = 0; i < steps; i++) {
        uint64_t what = check_random(&seed) % 100;

        if (what < 48) {
            step_take(&seed);
        } else if (what < 98) {
            step_give(&seed);
        } else {
            step_die(&seed);
        }
        if (i % 64 == 0) {
            uint64_t taken = 0;

            for (int p = 0; p < ROOTS * PAGES; p++) {
                taken += owner[p / PAGES][p % PAGES] != FREE_PAGE;
            }
            CHECK_EQ(core.free, core.total - taken * MEMORY_PAGE);
            CHECK(memory_check(&core) == NULL);
        }
    }
    for (int c = 1; c <= CLIENTS; c++) {
        accounts_disconnect(&core, account[c], false);
    }
    reap_all();
    CHECK_EQ(core.free, core.total);
    CHECK_EQ(core.free_count, ROOTS);
    CHECK_EQ(core.region_count, ROOTS);
    CHECK_EQ(core.account_count, 0);
    CHECK_EQ(core.spare_count, RECORDS - ROOTS);
}

/* By hand: the number of random steps, 1000000 for example. */
int main(int argc, char **argv)
{
    if (argc > 1) {
        steps = atoi(argv[1]);
    }
    RUN(MEM0001_takes_aligned_and_merges);
    RUN(MEM0002_refuses);
    RUN(MEM0003_quota_and_death);
    RUN(MEM0004_records_for_giving_back_are_kept);
    RUN(MEM0006_abandoned_ranges_are_nobodys);
    RUN(MEM0007_the_last_memory_is_for_the_service);
    RUN(MEM0008_accounts_of_a_family);
    RUN(MEM0010_a_supervised_service_keeps_what_it_has_for_others);
    RUN(MEM0009_small_ranges_low_large_ones_high);
    RUN(MEM0015_memory_of_others_comes_and_goes);
    RUN(MEM0016_programs_leave_a_reserve);
    RUN(MEM0005_random_against_a_page_map);
    return 0;
}
