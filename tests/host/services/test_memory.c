/* The memory service's allocator against a page map that says who owns each page. */
#include "check.h"

#include "memory_priv.h"

enum { PAGES = 512, ROOTS = 2, RECORDS = 700, CLIENTS = 6, STEPS = 40000 };
enum { FREE_PAGE = 0, DYING = 99 };

static const uint64_t root_base[ROOTS] = {0x40000000, 0x80003000};
static struct memory_core core;
static struct memory_region records[RECORDS];
static uint8_t owner[ROOTS][PAGES];

static void start(void)
{
    memory_core_init(&core, records, RECORDS);
    memset(owner, FREE_PAGE, sizeof(owner));
    for (int r = 0; r < ROOTS; r++) {
        CHECK_EQ(memory_add(&core, root_base[r], PAGES * MEMORY_PAGE), ERR_OK);
    }
}

static void MEM0001_takes_aligned_and_merges(void)
{
    struct memory_range a, b, c;

    start();
    CHECK_EQ(memory_take(&core, 1, 1, 1, &a), ERR_OK);
    CHECK_EQ(a.bytes, MEMORY_PAGE);
    CHECK_EQ(memory_take(&core, 1, 5000, 64 * 1024, &b), ERR_OK);
    CHECK_EQ(b.base % (64 * 1024), 0);
    CHECK_EQ(b.bytes, 2 * MEMORY_PAGE);
    CHECK_EQ(b.off, b.base - root_base[b.root]);
    CHECK_EQ(memory_take(&core, 1, PAGES * MEMORY_PAGE, MEMORY_PAGE, &c), ERR_OK);
    CHECK(memory_check(&core) == NULL);
    memory_give(&core, 1, a.base, a.bytes);
    memory_give(&core, 1, b.base, b.bytes);
    memory_give(&core, 1, c.base, c.bytes);
    CHECK(memory_check(&core) == NULL);
    CHECK_EQ(core.free, core.total);
    CHECK_EQ(core.free_count, ROOTS);
    CHECK_EQ(memory_largest(&core), PAGES * MEMORY_PAGE);
}

static void MEM0002_refuses(void)
{
    struct memory_range a, b;

    start();
    CHECK_EQ(memory_take(&core, 1, UINT64_MAX, 1, &a), MEMORY_ERR_NO_MEMORY);
    CHECK_EQ(memory_take(&core, 1, (PAGES + 1) * MEMORY_PAGE, 1, &a), MEMORY_ERR_NO_MEMORY);
    CHECK_EQ(memory_take(&core, 1, 1, 1ull << 63, &a), MEMORY_ERR_BAD_ALIGN);
    CHECK_EQ(memory_take(&core, 1, 4 * MEMORY_PAGE, 1, &a), ERR_OK);
    CHECK_EQ(memory_give_check(&core, 2, a.base, a.bytes, &b), MEMORY_ERR_NOT_YOURS);
    CHECK_EQ(memory_give_check(&core, 1, a.base + 1, 1, &b), MEMORY_ERR_NOT_YOURS);
    CHECK_EQ(memory_give_check(&core, 1, a.base, a.bytes + MEMORY_PAGE, &b), MEMORY_ERR_NOT_YOURS);
    CHECK_EQ(memory_give_check(&core, 1, a.base - MEMORY_PAGE, a.bytes, &b), MEMORY_ERR_NOT_YOURS);
    CHECK_EQ(memory_give_check(&core, 1, a.base, 0, &b), MEMORY_ERR_NOT_YOURS);
    CHECK_EQ(memory_give_check(&core, 1, a.base + MEMORY_PAGE, UINT64_MAX & ~4095ull, &b),
             MEMORY_ERR_NOT_YOURS);
    CHECK_EQ(memory_give_check(&core, 1, a.base + MEMORY_PAGE, MEMORY_PAGE, &b), ERR_OK);
    memory_give(&core, 1, b.base, b.bytes);
    CHECK(memory_check(&core) == NULL);
    CHECK_EQ(memory_give_check(&core, 1, a.base, a.bytes, &b), MEMORY_ERR_NOT_YOURS);
}

static void MEM0003_quota_and_death(void)
{
    struct memory_range a;
    uint64_t used, quota;

    start();
    CHECK_EQ(memory_get_usage(&core, 7, &used, &quota), MEMORY_ERR_NO_PID);
    CHECK_EQ(memory_set_quota(&core, 7, 8 * MEMORY_PAGE), ERR_OK);
    CHECK_EQ(memory_client_opened(&core, 7), ERR_OK);
    CHECK_EQ(memory_client_opened(&core, 7), ERR_OK);
    CHECK_EQ(memory_take(&core, 7, 6 * MEMORY_PAGE, 1, &a), ERR_OK);
    CHECK_EQ(memory_take(&core, 7, 3 * MEMORY_PAGE, 1, &a), MEMORY_ERR_QUOTA);
    CHECK_EQ(memory_take(&core, 7, 2 * MEMORY_PAGE, 1, &a), ERR_OK);
    CHECK_EQ(memory_get_usage(&core, 7, &used, &quota), ERR_OK);
    CHECK_EQ(used, 8 * MEMORY_PAGE);
    memory_client_closed(&core, 7, false);
    CHECK_EQ(core.dying, 0);
    memory_client_closed(&core, 7, false);
    CHECK_EQ(core.dying, 8 * MEMORY_PAGE);
    CHECK_EQ(memory_get_usage(&core, 7, &used, &quota), MEMORY_ERR_NO_PID);
    CHECK(memory_check(&core) == NULL);
    while (memory_dying_next(&core, NULL) != NULL) {
        memory_reap(&core, memory_dying_next(&core, NULL));
        CHECK(memory_check(&core) == NULL);
    }
    CHECK_EQ(core.free, core.total);
}

static void MEM0006_abandoned_ranges_are_nobodys(void)
{
    struct memory_range a, b;

    start();
    CHECK_EQ(memory_take(&core, 1, 8 * MEMORY_PAGE, 1, &a), ERR_OK);
    CHECK_EQ(memory_give_check(&core, 1, a.base + MEMORY_PAGE, 2 * MEMORY_PAGE, &b), ERR_OK);
    memory_retire(&core, 1, b.base, b.bytes);
    CHECK(memory_check(&core) == NULL);
    CHECK_EQ(core.dying, 2 * MEMORY_PAGE);
    CHECK_EQ(memory_give_check(&core, 1, b.base, b.bytes, &b), MEMORY_ERR_NOT_YOURS);
    memory_reap(&core, memory_dying_next(&core, NULL));
    memory_give(&core, 1, a.base, MEMORY_PAGE);
    memory_give(&core, 1, a.base + 3 * MEMORY_PAGE, 5 * MEMORY_PAGE);
    CHECK_EQ(core.free, core.total);
    CHECK_EQ(core.free_count, ROOTS);
    CHECK(memory_check(&core) == NULL);
}

static void MEM0004_a_client_cannot_use_up_the_records(void)
{
    static struct memory_region many[3 * MEMORY_CLIENT_REGIONS_MAX];
    struct memory_range a;
    uint32_t got = 0;

    memory_core_init(&core, many, sizeof(many) / sizeof(many[0]));
    CHECK_EQ(memory_add(&core, 0x40000000, 0x10000000), ERR_OK);
    while (memory_take(&core, 1, 1, 1, &a) == ERR_OK) {
        got++;
    }
    CHECK_EQ(got, MEMORY_CLIENT_REGIONS_MAX);
    CHECK_EQ(memory_take(&core, 1, 1, 1, &a), MEMORY_ERR_QUOTA);
    CHECK_EQ(memory_take(&core, 2, 1, 1, &a), ERR_OK);
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

static void step_take(uint64_t *seed)
{
    uint8_t pid = (uint8_t)(1 + check_random(seed) % CLIENTS);
    uint64_t pages = 1 + check_random(seed) % (check_random(seed) % 8 == 0 ? 200 : 12);
    uint64_t align = MEMORY_PAGE << check_random(seed) % 6;
    struct memory_range a;
    errval_t err = memory_take(&core, pid, pages * MEMORY_PAGE, align, &a);

    if (err != ERR_OK) {
        CHECK_EQ(err, MEMORY_ERR_NO_MEMORY);
        CHECK(!model_has_room(pages, align) || core.spare == NULL || core.spare->next == NULL);
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
    if (memory_give_check(&core, pid, root_base[r] + at * MEMORY_PAGE, pages * MEMORY_PAGE, &a)
        != ERR_OK) {
        return;
    }
    CHECK(same && pid != FREE_PAGE && pid != DYING);
    memory_give(&core, pid, a.base, a.bytes);
    memset(&owner[r][at], FREE_PAGE, pages);
}

static void step_die(uint64_t *seed)
{
    uint8_t pid = (uint8_t)(1 + check_random(seed) % CLIENTS);

    CHECK_EQ(memory_client_opened(&core, pid), ERR_OK);
    memory_client_closed(&core, pid, false);
    while (memory_dying_next(&core, NULL) != NULL) {
        memory_reap(&core, memory_dying_next(&core, NULL));
    }
    for (int i = 0; i < ROOTS * PAGES; i++) {
        if (owner[i / PAGES][i % PAGES] == pid) {
            owner[i / PAGES][i % PAGES] = FREE_PAGE;
        }
    }
}

static void MEM0005_random_against_a_page_map(void)
{
    uint64_t seed = 0x5eed;

    start();
    for (int i = 0; i < STEPS; i++) {
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
        memory_client_opened(&core, (uint32_t)c);
        memory_client_closed(&core, (uint32_t)c, false);
    }
    while (memory_dying_next(&core, NULL) != NULL) {
        memory_reap(&core, memory_dying_next(&core, NULL));
    }
    CHECK_EQ(core.free, core.total);
    CHECK_EQ(core.free_count, ROOTS);
}

int main(void)
{
    RUN(MEM0001_takes_aligned_and_merges);
    RUN(MEM0002_refuses);
    RUN(MEM0003_quota_and_death);
    RUN(MEM0004_a_client_cannot_use_up_the_records);
    RUN(MEM0006_abandoned_ranges_are_nobodys);
    RUN(MEM0005_random_against_a_page_map);
    return 0;
}
