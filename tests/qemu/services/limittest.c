/* Limits are inherited and divided: TAP on stdout. With an argument it is one of its own children,
 * which says by its status what it found. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/binding.h>
#include <aos/domain.h>
#include <aos/paging.h>
#include <aos/process.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/slot.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <aos/waitset.h>
#include <if/memory.h>
#include <if/process.h>

#include "taptest.h"

#define SELF       "limittest"
#define MIB        0x100000ull
#define FOREVER_NS 1000000000000ull
#define GIVE_UP_NS 20000000000ull        /* bounds a failure */
#define CALLS      5u
#define ENDS       12u
#define THREADS    6u
#define SLOTS      300u
#define ARGS_MAX   AOS_SPAWN_ARGS_BYTES

enum { CHILD_OK = 7, CHILD_WRONG = 1 };

extern char **environ;

static errval_t launch(const char *how, const struct aos_launch *limits, uint32_t *ret_pid)
{
    const char *argv[] = {SELF, how};

    return aos_launch(2, argv, limits, ret_pid);
}

/* The status a child ends with; -1: it did not end by itself. */
static int status_of(uint32_t pid)
{
    struct aos_exit how;
    uint32_t who;

    return err_is_ok(aos_wait(pid, &who, &how)) && how.exited ? how.status : -1;
}

/* --- the children --------------------------------------------------------------------------- */

static int child_sleep(void *arg)
{
    for (;;) {
        thread_sleep_ns(FOREVER_NS);
    }
    return 0;
}

static int child_threads(void)
{
    struct thread *t;
    errval_t err;
    uint32_t count = thread_count();

    while (err_is_ok(err = thread_create(child_sleep, NULL, NULL, &t)) && count < 2 * THREADS) {
        count++;
    }
    return count == THREADS && err_has(err, LIB_ERR_THREAD_LIMIT) ? CHILD_OK : CHILD_WRONG;
}

/* The limit is for what it takes: it can still be given capabilities, and gives back. */
static int child_slots(void)
{
    static caddr_t slots[2 * SLOTS];
    uint32_t count = 0;
    errval_t err;
    caddr_t end;

    if (err_is_fail(aos_lookup("serial", &end))) {
        return CHILD_WRONG;              /* the connection for it takes slots */
    }
    while (count < 2 * SLOTS && err_is_ok(err = slot_alloc(&slots[count]))) {
        count++;
    }
    if (count >= SLOTS || !err_has(err, LIB_ERR_SLOT_LIMIT)
        || err_is_fail(aos_lookup("serial", &end))) {
        return CHILD_WRONG;
    }
    slot_free(slots[0]);
    return err_is_ok(slot_alloc(&slots[0])) ? CHILD_OK : CHILD_WRONG;
}

static void child_event(void *arg)
{
}

static int child_ends(void)
{
    static struct event_source sources[2 * ENDS];
    static struct waitset ws;
    uint32_t count = 0;
    errval_t err;

    waitset_init(&ws);
    while (count < 2 * ENDS
           && err_is_ok(err = event_source_init(&sources[count], &ws, child_event, NULL))) {
        count++;
    }
    if (count == 0 || count > ENDS || !err_has(err, LIB_ERR_END_LIMIT)) {
        return CHILD_WRONG;
    }
    event_source_deinit(&sources[0]);
    return err_is_ok(event_source_init(&sources[0], &ws, child_event, NULL)) ? CHILD_OK
                                                                             : CHILD_WRONG;
}

static int child_calls(void)
{
    static struct process_wait_call calls[2 * CALLS];
    static const struct aos_launch none;
    struct process_binding *b;
    uint32_t pid, count = 0;
    errval_t err;

    if (err_is_fail(launch("sleep", &none, &pid)) || err_is_fail(aos_process(&b))) {
        return CHILD_WRONG;
    }
    while (count < 2 * CALLS && err_is_ok(err = process_wait_begin(b, pid, &calls[count]))) {
        count++;
    }
    if (count != CALLS || !err_has(err, LIB_ERR_CALL_LIMIT)) {
        return CHILD_WRONG;
    }
    binding_call_cancel(&calls[0].base);
    /* what is cancelled counts until its answer came; the others until they end */
    if (err_is_fail(aos_kill(pid))) {
        return CHILD_WRONG;
    }
    for (uint32_t i = 1; i < CALLS; i++) {
        struct process_exit how;
        uint32_t who;

        if (err_is_fail(process_wait_end(&calls[i], time_deadline_ns(FOREVER_NS), &who, &how))) {
            return CHILD_WRONG;
        }
    }
    return err_is_ok(process_wait_begin(b, pid, &calls[0])) ? CHILD_OK : CHILD_WRONG;
}

/* Has a limit of 24 MiB; its own child may not have more than what is left of it. */
static int child_family(void)
{
    static const struct aos_launch too_much = {.memory = 23 * MIB}, most = {.memory = 16 * MIB};
    struct memory_binding *b;
    uint64_t own, subtree, quota, available, left;
    uint32_t pid;
    caddr_t ram;

    if (err_is_fail(aos_memory(&b))
        || err_is_fail(memory_account(b, 0, &own, &subtree, &quota, &available))
        || quota != 24 * MIB || own < MIB || subtree != own || available != quota - own
        || !err_has(launch("sleep", &too_much, &pid), PROCESS_ERR_NO_MEMORY)
        || err_is_fail(launch("sleep", &most, &pid))
        || err_is_fail(memory_account(b, 0, &own, &subtree, &quota, &left))
        || left != quota - own - 16 * MIB || subtree <= own
        || !err_has(memory_alloc(b, left + AOS_PAGE_BYTES, AOS_PAGE_BYTES, &ram, &own),
                    MEMORY_ERR_QUOTA)) {
        return CHILD_WRONG;
    }
    if (err_is_fail(aos_kill(pid)) || status_of(pid) != -1) {
        return CHILD_WRONG;
    }
    do {                                 /* until what it was made of is free */
        if (err_is_fail(memory_account(b, 0, &own, &subtree, &quota, &left))) {
            return CHILD_WRONG;
        }
    } while (left != quota - own || subtree != own);
    return CHILD_OK;
}

static int child_processes(void)
{
    static const struct aos_launch none, two = {.processes = 2}, four = {.processes = 4};
    uint32_t pid;

    if (!err_has(launch("sleep", &four, &pid), PROCESS_ERR_LIMIT) /* it is one itself */
        || err_is_fail(launch("sleep", &two, &pid))
        || !err_has(launch("sleep", &two, &pid), PROCESS_ERR_LIMIT)
        || err_is_fail(aos_kill(pid)) || status_of(pid) != -1
        || err_is_fail(launch("sleep", &none, &pid))) {
        return CHILD_WRONG;
    }
    return CHILD_OK;
}

/* Arguments and environment are lists of any strings, of ARGS_MAX bytes together. */
static int child_lists(int argc, char **argv)
{
    size_t bytes = 0;

    for (int i = 0; i < argc; i++) {
        bytes += strlen(argv[i]) + 1;
    }
    for (char **e = environ; *e != NULL; e++) {
        bytes += strlen(*e) + 1;
    }
    return bytes == ARGS_MAX ? CHILD_OK : CHILD_WRONG;
}

/* Touches more than it may have; says by a status of its own if nothing stops it. */
static int child_touch(void)
{
    const struct paging_lazy all = {.bytes = 64 * MIB, .flags = AOS_VM_RW, .name = "too much"};
    void *memory;

    if (err_is_fail(paging_alloc_lazy(&all, &memory))) {
        return CHILD_WRONG;              /* it costs nothing yet */
    }
    for (uint64_t at = 0; at < all.bytes; at += AOS_PAGE_BYTES) {
        ((volatile uint8_t *)memory)[at] = 1;
    }
    return CHILD_WRONG;
}

static int child(const char *how)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } roles[] = {
        {"threads", child_threads}, {"slots", child_slots}, {"ends", child_ends},
        {"calls", child_calls}, {"family", child_family}, {"processes", child_processes},
        {"touch", child_touch},
    };

    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (strcmp(roles[i].name, how) == 0) {
            return roles[i].run();
        }
    }
    return child_sleep(NULL);
}

/* --- the tests ------------------------------------------------------------------------------ */

static bool keeps(const char *what, const struct aos_launch *limits)
{
    uint32_t pid;

    TRY_OK(launch(what, limits, &pid));
    TRY(status_of(pid) == CHILD_OK);
    return true;
}

static bool threads_are_limited(void)
{
    return keeps("threads", &(struct aos_launch){.limits = {.threads = THREADS}});
}

static bool slots_are_limited(void)
{
    return keeps("slots", &(struct aos_launch){.limits = {.slots = SLOTS}});
}

static bool ends_are_limited(void)
{
    return keeps("ends", &(struct aos_launch){.limits = {.endpoints = ENDS}});
}

static bool calls_are_limited(void)
{
    return keeps("calls", &(struct aos_launch){.limits = {.calls = CALLS}});
}

static bool memory_is_divided(void)
{
    struct memory_binding *b;
    uint64_t own, subtree, quota, available, deadline = time_deadline_ns(GIVE_UP_NS);

    TRY_OK(aos_memory(&b));
    TRY(keeps("family", &(struct aos_launch){.memory = 24 * MIB}));
    do {                                 /* all of it comes back */
        TRY_OK(memory_account(b, 0, &own, &subtree, &quota, &available));
        TRY(time_now_ns() < deadline);
    } while (subtree != own);
    return true;
}

static bool processes_are_divided(void)
{
    return keeps("processes", &(struct aos_launch){.processes = 4});
}

static bool nobody_gets_more_than_the_parent(void)
{
    static const struct aos_launch few = {.limits = {.threads = 2 * THREADS}};
    const struct aos_launch huge = {.memory = 1ull << 45};
    struct process_binding *b;
    struct process_limits limits;
    uint32_t pid, group;

    TRY(err_has(launch("sleep", &huge, &pid), PROCESS_ERR_NO_MEMORY));
    TRY_OK(launch("sleep", &few, &pid));
    TRY_OK(aos_process(&b));
    TRY_OK(process_group(b, pid, &group, &limits));
    TRY(limits.threads == 2 * THREADS);
    TRY_OK(aos_kill(pid));
    TRY(status_of(pid) == -1);
    return true;
}

/* Starts a child with lists of so many bytes; its status, or the error. */
static bool lists_pass(size_t args_bytes, size_t env_bytes, errval_t expected)
{
    static char args[ARGS_MAX + 1], env[ARGS_MAX + 1];
    static const char start[] = SELF "\0lists";
    const struct process_limits none = {0};
    struct process_binding *b;
    uint32_t pid;
    errval_t err;

    memset(args, 'a', args_bytes);
    memcpy(args, start, sizeof(start));
    args[args_bytes - 1] = '\0';
    memset(env, 'e', env_bytes);
    if (env_bytes != 0) {
        env[env_bytes / 2] = '=';
        env[env_bytes - 1] = '\0';
    }
    TRY_OK(aos_process(&b));
    err = process_launch(b, args, args_bytes, env, env_bytes, 0, &none, 0, 0, NULL, 0, NULL, 0,
                         &pid);
    if (err_is_fail(expected)) {
        TRY(err_has(err, expected));
        return true;
    }
    TRY_OK(err);
    TRY(status_of(pid) == CHILD_OK);
    return true;
}

static bool lists_up_to_their_limit(void)
{
    static char text[ARGS_MAX];
    const char *argv[] = {SELF, text};
    uint32_t pid;

    TRY(lists_pass(ARGS_MAX, 0, ERR_OK));
    TRY(lists_pass(ARGS_MAX - 1, 1, ERR_OK));
    TRY(lists_pass(ARGS_MAX / 2, ARGS_MAX / 2, ERR_OK));
    TRY(lists_pass(100, ARGS_MAX - 100, ERR_OK));
    TRY(lists_pass(ARGS_MAX, 1, PROCESS_ERR_BAD_ARGS));
    TRY(lists_pass(ARGS_MAX / 2, ARGS_MAX / 2 + 1, PROCESS_ERR_BAD_ARGS));
    TRY(lists_pass(100, ARGS_MAX - 99, PROCESS_ERR_BAD_ARGS));
    memset(text, 'x', ARGS_MAX - sizeof(SELF)); /* with its end one byte more, with the name */
    TRY(err_has(aos_spawn(2, argv, &pid), LIB_ERR_ARGS_SIZE));
    return true;
}

/* The one that is stopped in a page fault gets its report; it leaves nothing, and its sibling and
 * its parent do not notice. */
static bool memory_ends_in_a_fault(void)
{
    static const struct aos_launch limits = {.memory = 8 * MIB}, other = {.memory = 24 * MIB};
    struct memory_binding *b;
    struct process_binding *processes;
    struct process_info info;
    uint64_t own, subtree, quota, available, deadline = time_deadline_ns(GIVE_UP_NS);
    struct aos_exit how;
    uint32_t sibling, pid, who;

    TRY_OK(aos_memory(&b));
    TRY_OK(aos_process(&processes));
    TRY_OK(launch("sleep", &other, &sibling));
    TRY_OK(launch("touch", &limits, &pid));
    TRY(keeps("family", &other));        /* meanwhile */
    TRY_OK(aos_wait(pid, &who, &how));
    TRY(how.exited && how.status == (int)AOS_STATUS_FAULT); /* after the report of the fault */
    TRY_OK(process_describe(processes, sibling, &info));
    TRY(info.state != PROCESS_STATE_ENDED);
    TRY_OK(aos_kill(sibling));
    TRY(status_of(sibling) == -1);
    do {                                 /* all of it comes back */
        TRY_OK(memory_account(b, 0, &own, &subtree, &quota, &available));
        TRY(time_now_ns() < deadline);
    } while (subtree != own);
    return true;
}

int main(int argc, char **argv)
{
    static const struct taptest tests[] = {
        {"LIMIT0001 threads", threads_are_limited},
        {"LIMIT0002 slots", slots_are_limited},
        {"LIMIT0003 channel ends", ends_are_limited},
        {"LIMIT0004 calls", calls_are_limited},
        {"LIMIT0005 memory is divided, and comes back", memory_is_divided},
        {"LIMIT0006 processes are divided", processes_are_divided},
        {"LIMIT0007 nobody gets more than the parent", nobody_gets_more_than_the_parent},
        {"LIMIT0008 arguments and environment", lists_up_to_their_limit},
        {"LIMIT0009 no memory for a page fault", memory_ends_in_a_fault},
    };

    if (argc > 1 && strncmp(argv[1], "lists", 5) == 0) {
        return child_lists(argc, argv);
    }
    if (argc > 1 && strcmp(argv[1], "--exec") != 0) {
        return child(argv[1]);
    }
    return taptest_run(tests, TAPTEST_COUNT(tests));
}
