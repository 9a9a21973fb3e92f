/* Families across cores, seen from a parent: TAP on stdout. With an argument it is one of its own
 * children. Needs three cores. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/domain.h>
#include <aos/process.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <if/memory.h>
#include <if/process.h>

#include "taptest.h"

#define SELF       "kintest"
#define CORES      3u
#define ABOVE_MAX  32u                   /* as in process.if */
#define PIDS_MAX   64u                   /* of one answer, as in process.if */
#define STAY_NS    1000000000ull
#define MEMORY     0x1000000ull          /* of a child that is limited */
#define PROCESSES  6u
#define STATUS_BAD 99

static errval_t start_as(const char *role, const char *arg, struct aos_launch how, uint32_t core,
                         uint32_t *ret_pid)
{
    const char *argv[] = {SELF, role, arg};

    how.on_core = 1 + core;
    return aos_launch(3, argv, &how, ret_pid);
}

static errval_t start(const char *role, const char *arg, uint32_t core, uint32_t *ret_pid)
{
    return start_as(role, arg, (struct aos_launch){0}, core, ret_pid);
}

static bool lives(uint32_t pid, uint8_t state)
{
    struct process_binding *b;
    struct process_info info;

    return err_is_ok(aos_process_of(pid, &b)) && err_is_ok(process_describe(b, pid, &info))
        && info.state != PROCESS_STATE_ENDED && (state == 0 || info.state == state);
}

/* A child of `parent` on `core`; 0: there is none. */
static uint32_t child_on(uint32_t core, uint32_t parent)
{
    uint32_t pids[PIDS_MAX], after = 0;
    struct process_binding *b;
    struct process_info info;
    size_t count;

    if (err_is_fail(aos_process_on(core, &b))) {
        return 0;
    }
    while (err_is_ok(process_pids(b, after, pids, &count)) && count > 0) {
        for (size_t i = 0; i < count; i++) {
            after = pids[i];
            if (err_is_ok(process_describe(b, after, &info)) && info.parent == parent
                && info.state != PROCESS_STATE_ENDED) {
                return after;
            }
        }
    }
    return 0;
}

/* The same, as soon as there is one. */
static uint32_t await_child_on(uint32_t core, uint32_t parent)
{
    uint32_t pid;

    while ((pid = child_on(core, parent)) == 0 && lives(parent, 0)) {
        thread_yield();
    }
    return pid;
}

static bool any_child_is_waited_for(void)
{
    bool told[CORES] = {false};
    struct aos_exit how;
    uint32_t pid, who;

    for (uint32_t core = 0; core < CORES; core++) {
        const char *status[] = {"10", "11", "12"};

        TRY_OK(start("status", status[core], core, &pid));
        TRY(domain_core_of(pid) == core);
    }
    for (uint32_t i = 0; i < CORES; i++) {
        uint32_t core;

        TRY_OK(aos_wait(0, &who, &how));
        core = domain_core_of(who);
        TRY(how.exited && how.status == 10 + (int)core && !told[core]);
        told[core] = true;
    }
    TRY(err_has(aos_wait(0, &who, &how), PROCESS_ERR_NO_CHILD));
    TRY(err_has(aos_wait(pid, &who, &how), PROCESS_ERR_NO_CHILD));
    return true;
}

/* Ahead of the kill, on the same connection. */
static bool whoever_is_above_waits(void)
{
    struct process_wait_call call;
    struct process_binding *b;
    struct process_exit how;
    struct aos_exit end;
    uint32_t child, grandchild, who;

    TRY_OK(start("start", "2", 1, &child));
    grandchild = await_child_on(2, child);
    TRY(grandchild != 0);
    TRY_OK(aos_process_of(grandchild, &b));
    TRY_OK(process_wait_begin(b, grandchild, &call));
    TRY_OK(aos_kill(grandchild));
    TRY_OK(process_wait_end(&call, AOS_FOREVER, &who, &how));
    TRY(who == grandchild && how.kind == PROCESS_EXIT_KIND_KILLED && lives(child, 0));
    TRY_OK(aos_kill(child));
    TRY_OK(aos_wait(child, &who, &end));
    TRY(end.killed);
    return true;
}

static bool groups_are_everywhere(void)
{
    struct process_binding *b;
    struct aos_exit how;
    uint32_t pids[CORES + 1], count, who, group;
    struct process_limits limits;

    TRY_OK(aos_process(&b));
    TRY_OK(start_as("start", "2", (struct aos_launch){.lead = true}, 1, &pids[0]));
    TRY_OK(start_as("stay", "", (struct aos_launch){.group = pids[0]}, 0, &pids[1]));
    TRY_OK(start_as("stay", "", (struct aos_launch){.group = pids[0]}, 2, &pids[2]));
    pids[3] = await_child_on(2, pids[0]);
    TRY(pids[3] != 0);
    for (uint32_t i = 0; i <= CORES; i++) {
        struct process_binding *there;

        TRY_OK(aos_process_of(pids[i], &there));
        TRY_OK(process_group(there, pids[i], &group, &limits));
        TRY(group == pids[0]);
    }
    TRY_OK(process_stop_group(b, pids[0], &count));
    TRY(count == 4);
    for (uint32_t i = 0; i <= CORES; i++) {
        TRY(lives(pids[i], PROCESS_STATE_STOPPED));
    }
    TRY_OK(process_resume_group(b, pids[0], &count));
    TRY(count == 4 && !lives(pids[2], PROCESS_STATE_STOPPED));
    TRY_OK(process_kill_group(b, pids[0], &count));
    TRY(count >= 3 && count <= 4);       /* the last one may have ended with its parent */
    for (uint32_t i = 0; i < CORES; i++) {
        TRY_OK(aos_wait(0, &who, &how));
        TRY(how.killed);
    }
    TRY(!lives(pids[3], 0));
    TRY(err_has(process_kill_group(b, pids[0], &count), PROCESS_ERR_NO_GROUP));
    TRY(err_has(process_kill_group(b, 1, &count), PROCESS_ERR_DENIED));
    return true;
}

/* Whoever has been told of the end of the first one finds nothing of the others. */
static bool children_end_with_their_parent(void)
{
    uint32_t pids[4], who;
    struct aos_exit how;

    TRY_OK(start("chain", "3", 1, &pids[0]));
    pids[1] = await_child_on(2, pids[0]);
    pids[2] = await_child_on(0, pids[1]);
    pids[3] = await_child_on(1, pids[2]);
    TRY(pids[1] != 0 && pids[2] != 0 && pids[3] != 0);
    TRY_OK(aos_kill(pids[0]));
    TRY_OK(aos_wait(pids[0], &who, &how));
    TRY(how.killed);
    for (uint32_t i = 0; i < 4; i++) {
        TRY(!lives(pids[i], 0));
    }
    return true;
}

static bool limits_hold_everywhere(void)
{
    const struct aos_launch few = {.processes = PROCESSES};
    const struct aos_launch small = {.memory = MEMORY}, tiny = {.memory = AOS_PAGE_BYTES};
    struct aos_exit how;
    uint32_t pid, who;

    TRY_OK(start_as("breed", "", few, 1, &pid));
    TRY_OK(aos_wait(pid, &who, &how));
    printf("# of %u processes %d started on other cores\n", PROCESSES - 1, how.status);
    TRY(how.exited && how.status > 0 && how.status < (int)PROCESSES);
    /* Nothing comes of it, and nobody waits for it. */
    TRY(err_has(start_as("stay", "", tiny, 1, &pid), PROCESS_ERR_NO_MEMORY));
    TRY(err_has(aos_wait(0, &who, &how), PROCESS_ERR_NO_CHILD));
    for (uint32_t core = 0; core < 2; core++) {
        TRY_OK(start_as("divide", "", small, core, &pid));
        TRY_OK(aos_wait(pid, &who, &how));
        TRY(how.exited && how.status == 0);
    }
    return true;
}

static bool strangers_are_denied(void)
{
    struct aos_exit how;
    uint32_t stay, pid, who;
    char number[16];

    TRY_OK(start("stay", "", 1, &stay));
    (void)snprintf(number, sizeof(number), "%u", (unsigned)stay);
    for (uint32_t core = 0; core < CORES; core++) {
        TRY_OK(start("stranger", number, core, &pid));
        TRY_OK(aos_wait(pid, &who, &how));
        TRY(how.exited && how.status == 0);
    }
    TRY(lives(stay, 0));
    TRY_OK(aos_kill(stay));
    TRY_OK(aos_wait(0, &who, &how));
    TRY(who == stay && how.killed);
    return true;
}

/* --- children ------------------------------------------------------------------------------- */

static int __attribute__((noreturn)) child_stay(void)
{
    for (;;) {
        thread_sleep_ns(STAY_NS);
    }
}

/* Starts the next one on the next core, as long as more are wanted. */
static int child_chain(unsigned more)
{
    char text[16];
    uint32_t pid;

    (void)snprintf(text, sizeof(text), "%u", more - 1);
    return more == 0 || err_is_ok(start("chain", text, (domain_core() + 1) % CORES, &pid))
        ? child_stay() : STATUS_BAD;
}

/* How many can be started on other cores? */
static int child_breed(void)
{
    errval_t err = ERR_OK;
    uint32_t pid, count = 0;

    while (err_is_ok(err)) {
        err = start("stay", "", (domain_core() + 1 + count % 2) % CORES, &pid);
        count += err_is_ok(err);
    }
    return err_no(err) == PROCESS_ERR_LIMIT ? (int)count : STATUS_BAD;
}

/* What a child elsewhere may have is not there any more. */
static int child_divide(void)
{
    uint64_t own, used, quota, before, after;
    struct process_binding *there;
    struct process_limits limits;
    struct memory_binding *memory;
    uint32_t pid, group, who;
    struct aos_exit how;
    errval_t err = aos_memory(&memory);

    err = err_is_ok(err) ? memory_account(memory, 0, &own, &used, &quota, &before) : err;
    err = err_is_ok(err) ? start("stay", "", 2, &pid) : err;
    err = err_is_ok(err) ? memory_account(memory, 0, &own, &used, &quota, &after) : err;
    err = err_is_ok(err) ? aos_process_of(pid, &there) : err;
    err = err_is_ok(err) ? process_group(there, pid, &group, &limits) : err;
    if (err_is_fail(err) || limits.memory == 0 || limits.memory > before / 2
        || after > before - limits.memory) {
        return 1;
    }
    err = aos_kill(pid);
    err = err_is_ok(err) ? aos_wait(pid, &who, &how) : err;
    err = err_is_ok(err) ? memory_account(memory, 0, &own, &used, &quota, &after) : err;
    return err_is_ok(err) && after > before - limits.memory ? 0 : 2;
}

/* May do nothing to `pid`, which is not its child, and nothing that services may. */
static int child_stranger(uint32_t pid)
{
    const struct process_limits limits = {0};
    const struct process_exit exit = {.kind = PROCESS_EXIT_KIND_EXITED};
    uint32_t who, count, group, above[ABOVE_MAX];
    struct process_limits own;
    struct process_binding *b;
    struct aos_exit how;
    size_t above_count;
    bool found, allowed;
    errval_t err = aos_process_of(pid, &b);

    if (err_is_fail(err) || !err_has(aos_kill(pid), PROCESS_ERR_DENIED)
        || !err_has(aos_wait(pid, &who, &how), PROCESS_ERR_NO_CHILD)
        || !err_has(process_kill_group(b, pid, &count), PROCESS_ERR_NO_GROUP)) {
        return 1;
    }
    for (uint32_t core = 0; core < CORES; core++) {
        if (err_is_fail(aos_process_on(core, &b))
            || !err_has(process_join(b, pid + CORES, domain_pid(), "x", 1, &limits, 0, 0, &own,
                                     &group, above, &above_count), PROCESS_ERR_DENIED)
            || !err_has(process_ended(b, pid, PROCESS_OUTCOME_ENDED, &exit), PROCESS_ERR_DENIED)
            || !err_has(process_terminate(b, pid, PROCESS_REASON_TRUSTED), PROCESS_ERR_DENIED)
            || !err_has(process_act(b, 0, pid, PROCESS_ACT_KILL, &found, &allowed, &count),
                        PROCESS_ERR_DENIED)) {
            return 2;
        }
    }
    return 0;
}

static int child(const char *role, const char *arg)
{
    unsigned number = (unsigned)strtoul(arg, NULL, 10);
    uint32_t pid;

    if (strcmp(role, "status") == 0) {
        return (int)number;
    }
    if (strcmp(role, "start") == 0) {
        return err_is_ok(start("stay", "", number, &pid)) ? child_stay() : STATUS_BAD;
    }
    if (strcmp(role, "chain") == 0) {
        return child_chain(number);
    }
    return strcmp(role, "breed") == 0 ? child_breed()
        : strcmp(role, "divide") == 0 ? child_divide()
        : strcmp(role, "stranger") == 0 ? child_stranger(number) : child_stay();
}

int main(int argc, char **argv)
{
    static const struct taptest tests[] = {
        {"KIN0101 any child is waited for, wherever it is", any_child_is_waited_for},
        {"KIN0102 whoever is above waits", whoever_is_above_waits},
        {"KIN0103 groups are stopped, resumed, ended everywhere", groups_are_everywhere},
        {"KIN0104 children end with their parent, before it", children_end_with_their_parent},
        {"KIN0105 limits hold everywhere", limits_hold_everywhere},
        {"KIN0106 strangers are denied", strangers_are_denied},
    };

    if (argc > 2) {
        return child(argv[1], argv[2]);
    }
    return taptest_run(tests, TAPTEST_COUNT(tests));
}
