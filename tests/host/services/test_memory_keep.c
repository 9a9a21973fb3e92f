/* What the memory service keeps for the next one: a core is thrown away, and another is made of the
 * vault, also of one between any two changes of it (keep.c is compiled as part of this). */
#include "check.h"

#include <aos/domain.h>
#include <aos/vault.h>

#include "memory_priv.h"

static void seen_set(uint32_t *word, uint32_t value);
#define vault_set seen_set
#include "keep.c"
#undef vault_set

enum { PAGES = 512, RECORDS = 2600, REGIONS = 400, STEPS = 6000, TORN_STEPS = 1500,
       DOMAINS = 8 };
enum { PID_OWN = 1, PID_PROCESS = 3, PID_SHELL = 16 };

#define ROOT_BASE 0x40000000ull

union test_vault {
    struct keep_vault vault;
    uint8_t bytes[sizeof(struct keep_vault) + REGIONS * sizeof(struct keep_region)];
};

static struct memory_core core;
static union memory_record records[RECORDS];
static union test_vault kept;
static struct memory_account *process;

/* The vault after each change that the last step made. */
enum { SEEN_MAX = 64 };
static union test_vault seen[SEEN_MAX];
static uint32_t seen_count;
static bool seeing;

static void seen_set(uint32_t *word, uint32_t value)
{
    vault_set(word, value);
    if (seeing) {
        CHECK(seen_count < SEEN_MAX);
        seen[seen_count++] = kept;
    }
}

/* As the service does when it starts. */
static struct memory_account *revive(struct memory_core *m, union memory_record *memory,
                                     union test_vault *vault)
{
    struct memory_account *a;

    memory_core_init(m, DOMAIN_PIDS_FIRST);
    memory_add_records(m, memory, RECORDS * sizeof(*memory));
    keep_init(m, &vault->vault, sizeof(*vault));
    CHECK(keep_records(m) < RECORDS);
    CHECK_EQ(memory_add(m, ROOT_BASE, PAGES * MEMORY_PAGE), ERR_OK);
    keep_restore(m, PID_OWN);
    CHECK_EQ(accounts_connect(m, PID_OWN, &m->own), ERR_OK);
    CHECK_EQ(accounts_connect(m, PID_PROCESS, &a), ERR_OK);
    CHECK(memory_check(m) == NULL);
    return a;
}

static void restart(void)
{
    process = revive(&core, records, &kept);
}

static void start(void)
{
    memset(&kept, 0, sizeof(kept));
    restart();
    CHECK_EQ(accounts_open(&core, PID_SHELL, 0, 256 * MEMORY_PAGE), ERR_OK);
}

static uint32_t kept_accounts(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < KEEP_ACCOUNTS_MAX; i++) {
        count += kept.vault.accounts[i].state != KEEP_NO_ACCOUNT;
    }
    return count;
}

static struct memory_range take(struct memory_account *owner, struct memory_account *charged,
                                uint64_t pages)
{
    struct memory_range range = {.bytes = 0};

    (void)memory_take(&core, owner, charged, pages * MEMORY_PAGE, 1, &range);
    return range;
}

static void reap_all(void)
{
    while (memory_dying_next(&core, NULL) != NULL) {
        memory_reap(&core, memory_dying_next(&core, NULL));
    }
    CHECK(memory_check(&core) == NULL);
}

/* Each restart made one record more for each account that has ended, until there was no room. */
static void MEM0011_an_ended_account_is_kept_once(void)
{
    struct memory_range range, back;

    start();
    CHECK_EQ(accounts_open(&core, 17, PID_SHELL, 0), ERR_OK);
    CHECK_EQ(accounts_open(&core, 18, PID_SHELL, 0), ERR_OK);
    CHECK_EQ(take(process, accounts_find(&core, 17), 4).bytes, 4 * MEMORY_PAGE);
    range = take(process, accounts_find(&core, 18), 4);
    CHECK_EQ(accounts_end(&core, 17, false), ERR_OK);
    CHECK_EQ(core.dying, 4 * MEMORY_PAGE);
    for (int i = 0; i < 3; i++) {
        restart();
        CHECK_EQ(kept_accounts(), 5);
        CHECK_EQ(core.account_count, 5);
        CHECK_EQ(core.dying, 4 * MEMORY_PAGE);
        CHECK(accounts_find(&core, 17) == NULL);
        CHECK_EQ(accounts_find(&core, 18)->quota.own, 4 * MEMORY_PAGE);
        CHECK_EQ(accounts_find(&core, PID_SHELL)->quota.limit, 256 * MEMORY_PAGE);
        CHECK_EQ(accounts_find(&core, PID_SHELL)->quota.used, 8 * MEMORY_PAGE);
    }
    CHECK_EQ(memory_give_check(&core, process, range.base, range.bytes, &back), ERR_OK);
    memory_give(&core, range.base, range.bytes);
    CHECK_EQ(accounts_end(&core, 18, false), ERR_OK);
    reap_all();
    CHECK_EQ(core.free, core.total);
    CHECK_EQ(kept_accounts(), 3);
}

/* The service ended between what the process service gave up for a child, which it was not told of
 * again, and the end of the child's account. */
static void MEM0012_what_services_have_for_an_ended_domain_goes(void)
{
    struct memory_range others;

    start();
    CHECK_EQ(accounts_open(&core, 17, PID_SHELL, 0), ERR_OK);
    CHECK_EQ(take(process, accounts_find(&core, 17), 4).bytes, 4 * MEMORY_PAGE);
    others = take(process, accounts_find(&core, PID_SHELL), 3);
    CHECK_EQ(others.bytes, 3 * MEMORY_PAGE);
    CHECK_EQ(accounts_end(&core, 17, false), ERR_OK);
    CHECK_EQ(core.dying, 4 * MEMORY_PAGE);
    CHECK_EQ(process->quota.own, 0);
    CHECK(process->regions != NULL && process->regions->base == others.base);
    CHECK(memory_check(&core) == NULL);
    /* Without a connection the last region takes the service's account along. */
    CHECK_EQ(accounts_open(&core, 18, 0, 0), ERR_OK);
    memory_give(&core, others.base, others.bytes);
    CHECK_EQ(take(process, accounts_find(&core, 18), 4).bytes, 4 * MEMORY_PAGE);
    accounts_disconnect(&core, process, true);
    CHECK(accounts_find(&core, PID_PROCESS) == process);
    CHECK_EQ(accounts_end(&core, 18, false), ERR_OK);
    CHECK(accounts_find(&core, PID_PROCESS) == NULL);
    CHECK(memory_check(&core) == NULL);
    reap_all();
    CHECK_EQ(core.free, core.total);
}

/* There the pids of services are not the smallest ones. */
static void MEM1001_the_same_on_a_further_core(void)
{
    enum { FURTHER_PROCESS = 25, FURTHER_PROGRAM = 33 };
    struct memory_account *a;

    memory_core_init(&core, FURTHER_PROGRAM);
    memory_add_records(&core, records, sizeof(records));
    CHECK_EQ(memory_add(&core, ROOT_BASE, PAGES * MEMORY_PAGE), ERR_OK);
    CHECK_EQ(accounts_connect(&core, FURTHER_PROCESS, &a), ERR_OK);
    CHECK_EQ(accounts_open(&core, FURTHER_PROGRAM, 0, 0), ERR_OK);
    CHECK_EQ(take(a, accounts_find(&core, FURTHER_PROGRAM), 4).bytes, 4 * MEMORY_PAGE);
    CHECK_EQ(accounts_end(&core, FURTHER_PROGRAM, false), ERR_OK);
    CHECK_EQ(core.dying, 4 * MEMORY_PAGE);
    CHECK_EQ(a->quota.own, 0);
    CHECK(memory_check(&core) == NULL);
}

/* --- random --------------------------------------------------------------------------------- */

static uint32_t pid[DOMAINS], next_pid;

static struct memory_account *random_account(uint64_t *seed)
{
    return accounts_find(&core, pid[check_random(seed) % DOMAINS]);
}

static void step_give(uint64_t *seed)
{
    struct memory_account *a = check_random(seed) % 3 == 0 ? process : random_account(seed);
    uint64_t base = ROOT_BASE + check_random(seed) % PAGES * MEMORY_PAGE;
    uint64_t bytes = (1 + check_random(seed) % 4) * MEMORY_PAGE;
    struct memory_range range;

    if (err_is_fail(memory_give_check(&core, a, base, bytes, &range))) {
        return;
    }
    if (check_random(seed) % 2 == 0) {
        memory_give(&core, base, bytes);
    } else {
        memory_retire(&core, base, bytes);
    }
}

static void step_end(uint64_t *seed)
{
    uint32_t *p = &pid[check_random(seed) % DOMAINS];

    CHECK_EQ(accounts_end(&core, *p, false), ERR_OK);
    *p = next_pid++;
    CHECK_EQ(accounts_open(&core, *p, PID_SHELL, 0), ERR_OK);
}

/* The next service knows what this one knew. */
static void step_restart(void)
{
    uint64_t own[DOMAINS], used = accounts_find(&core, PID_SHELL)->quota.used;
    uint64_t free_bytes = core.free, dying = core.dying;
    uint32_t accounts = core.account_count, regions = core.region_count;

    for (uint32_t i = 0; i < DOMAINS; i++) {
        own[i] = accounts_find(&core, pid[i])->quota.own;
    }
    seeing = false;
    restart();
    CHECK_EQ(core.free, free_bytes);
    CHECK_EQ(core.dying, dying);
    CHECK_EQ(core.account_count, accounts);
    CHECK_EQ(core.region_count, regions);
    CHECK_EQ(kept_accounts(), accounts);
    CHECK_EQ(accounts_find(&core, PID_SHELL)->quota.used, used);
    for (uint32_t i = 0; i < DOMAINS; i++) {
        CHECK_EQ(accounts_find(&core, pid[i])->quota.own, own[i]);
    }
}

static void step(uint64_t *seed)
{
    uint64_t what = check_random(seed) % 100;

    if (what < 45) {
        struct memory_account *charged = random_account(seed);

        (void)take(check_random(seed) % 3 == 0 ? process : charged, charged,
                   1 + check_random(seed) % 6);
    } else if (what < 90) {
        step_give(seed);
    } else if (what < 93) {
        step_end(seed);
    } else if (what < 97 && core.dying != 0) {
        memory_reap(&core, memory_dying_next(&core, NULL));
    } else if (what >= 97) {
        step_restart();
    }
}

static void MEM0013_random_restarts(void)
{
    uint64_t seed = 0x5eed2;

    start();
    next_pid = PID_SHELL + 1;
    for (uint32_t i = 0; i < DOMAINS; i++) {
        pid[i] = next_pid++;
        CHECK_EQ(accounts_open(&core, pid[i], PID_SHELL, 0), ERR_OK);
    }
    for (int i = 0; i < STEPS; i++) {
        step(&seed);
        CHECK(i % 16 != 0 || memory_check(&core) == NULL);
    }
    for (uint32_t i = 0; i < DOMAINS; i++) {
        CHECK_EQ(accounts_end(&core, pid[i], false), ERR_OK);
    }
    reap_all();
    CHECK_EQ(core.free, core.total);
    restart();
    CHECK_EQ(core.free, core.total);
    CHECK_EQ(core.keep.region_free, core.keep.region_count);
}

/* --- ends between any two changes ----------------------------------------------------------- */

enum { NOBODYS = 0, IS_DYING = 99 };

/* Who may give each page back. */
static void owners(const struct memory_core *m, uint32_t map[PAGES])
{
    for (uint32_t i = 0; i < PAGES; i++) {
        const struct memory_region *r = regions_at(m->tree, ROOT_BASE + i * MEMORY_PAGE);

        map[i] = r->state == MEMORY_FREE ? NOBODYS
            : r->state == MEMORY_DYING ? IS_DYING : r->owner->pid;
    }
}

/* What somebody had before the step and after it he has, and nobody else; what was free is, too. */
static void check_seen(const uint32_t before[PAGES])
{
    static struct memory_core torn;
    static union memory_record torn_records[RECORDS];
    static uint32_t after[PAGES], now[PAGES];

    owners(&core, after);
    for (uint32_t i = 0; i < seen_count; i++) {
        (void)revive(&torn, torn_records, &seen[i]);
        owners(&torn, now);
        for (uint32_t p = 0; p < PAGES; p++) {
            CHECK(before[p] != after[p] || now[p] == before[p]);
        }
    }
}

static int torn_steps = TORN_STEPS;

/* A service that ended between the two words of a region that its owner gave up in parts had the
 * next one take the rest, too. */
static void MEM0014_an_end_between_any_two_changes(void)
{
    static uint32_t before[PAGES];
    uint64_t seed = 0x5eed3;

    start();
    next_pid = PID_SHELL + 1;
    for (uint32_t i = 0; i < DOMAINS; i++) {
        pid[i] = next_pid++;
        CHECK_EQ(accounts_open(&core, pid[i], PID_SHELL, 0), ERR_OK);
    }
    for (int i = 0; i < torn_steps; i++) {
        owners(&core, before);
        seen_count = 0;
        seeing = true;
        step(&seed);
        seeing = false;
        check_seen(before);
    }
}

/* By hand: the number of steps between which services end, 100000 for example. */
int main(int argc, char **argv)
{
    if (argc > 1) {
        torn_steps = atoi(argv[1]);
    }
    RUN(MEM0011_an_ended_account_is_kept_once);
    RUN(MEM0012_what_services_have_for_an_ended_domain_goes);
    RUN(MEM1001_the_same_on_a_further_core);
    RUN(MEM0013_random_restarts);
    RUN(MEM0014_an_end_between_any_two_changes);
    return 0;
}
