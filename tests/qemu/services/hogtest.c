/* Others work while a hog of each kind takes all it can get, and go on at the same speed while it
 * keeps that: TAP on stdout. Run with -icount: the counter counts the instructions of the whole
 * machine. */
#include <stdio.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/perf.h>
#include <aos/process.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <if/memory.h>
#include <if/process.h>

#include "ops.h"
#include "taptest.h"

#define ROUNDS       9u                  /* the least of so many measurements counts */
#define RAM_BYTES    0x40000ull
#define HEAP_BYTES   0x10000ull
#define LOOK_NS      20000000ull         /* between two looks at a hog */
#define GIVE_UP_NS   60000000000ull      /* bounds a failure */
/* What an operation may cost beside a hog that keeps what it has: of what it costs without, in
 * percent. The second is for what makes and deletes descendants of all RAM: the kernel's tree of
 * capabilities is deeper by the logarithm of what the hog has. */
#define SLOWER_PERCENT      125u
#define SLOWER_TREE_PERCENT 200u
/* More, with the argument `checks`: in a kernel that checks itself the tree costs more. */
#define SLOWER_CHECKS_PERCENT 25u

static errval_t op_rpc(void)
{
    uint64_t own, subtree, quota, available;
    struct memory_binding *b;
    errval_t err = aos_memory(&b);

    return err_is_ok(err) ? memory_account(b, 0, &own, &subtree, &quota, &available) : err;
}

static errval_t op_ram(void)
{
    return ops_ram(RAM_BYTES, RAM_BYTES);
}

static errval_t op_frame(void)
{
    caddr_t frame;
    errval_t err = frame_alloc(HEAP_BYTES, &frame, NULL);

    return err_is_ok(err) ? ram_free(frame) : err;
}

static errval_t op_spawn(void)
{
    static const char *const argv[] = {"true"};
    struct aos_exit how;
    uint32_t pid, who;
    errval_t err = aos_spawn(1, argv, &pid);

    if (err_is_ok(err)) {
        err = aos_wait(pid, &who, &how);
    }
    return err_is_ok(err) && !(how.exited && how.status == 0) ? LIB_ERR_BAD_STATE : err;
}

static const struct op {
    const char *name;
    errval_t (*fn)(void);
    unsigned percent;
} ops[] = {
    {"RPC", op_rpc, SLOWER_PERCENT},
    {"allocation from the service", op_ram, SLOWER_TREE_PERCENT},
    {"allocation", op_frame, SLOWER_TREE_PERCENT},
    {"lookup", ops_lookup, SLOWER_PERCENT},
    {"spawn and wait", op_spawn, SLOWER_PERCENT},
};

#define OPS (sizeof(ops) / sizeof(ops[0]))

static uint64_t alone[OPS];
static bool kernel_checks;

static bool try_op(const struct op *op)
{
    errval_t err = op->fn();
    char text[160];

    if (err_is_fail(err)) {
        (void)err_format(err, text, sizeof(text));
        printf("# %s: %s\n", op->name, text);
    }
    return err_is_ok(err);
}

/* The least of ROUNDS. */
static bool measure(const struct op *op, uint64_t *ret_count)
{
    uint64_t least = UINT64_MAX;

    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t from = perf_cycles();

        TRY(try_op(op));
        from = perf_cycles() - from;
        least = from < least ? from : least;
    }
    *ret_count = least;
    return true;
}

/* A hog that is done waits and neither sends nor gets messages any more; nor does it run. */
static bool settled(uint32_t pid, struct process_info *io_last)
{
    struct process_binding *b;
    struct process_info now;

    TRY_OK(aos_process(&b));
    TRY_OK(process_describe(b, pid, &now));
    bool same = now.messages == io_last->messages && now.cpu_ns == io_last->cpu_ns
        && now.state == PROCESS_STATE_WAITING;

    *io_last = now;
    return same;
}

static bool work_until_settled(const uint32_t *pids, unsigned count)
{
    uint64_t deadline = time_deadline_ns(GIVE_UP_NS);

    for (unsigned i = 0; i < count; i++) {
        struct process_info last = {0};

        while (!settled(pids[i], &last)) {
            for (size_t k = 0; k < OPS; k++) {
                TRY(try_op(&ops[k]));
            }
            TRY(time_now_ns() < deadline);
            thread_sleep_ns(LOOK_NS);    /* lets the hog run; decides nothing */
        }
    }
    return true;
}

static bool as_fast_as_alone(const char *what)
{
    bool ok = true;

    for (size_t k = 0; k < OPS; k++) {
        unsigned percent = ops[k].percent + (kernel_checks ? SLOWER_CHECKS_PERCENT : 0);
        uint64_t beside;

        TRY(measure(&ops[k], &beside));
        printf("# %s beside hog %s: %llu instructions, alone %llu\n", ops[k].name, what,
               (unsigned long long)beside, (unsigned long long)alone[k]);
        ok = ok && beside * 100 <= alone[k] * percent;
    }
    return ok;
}

/* What they had is on its way back for a while, and the kernel works at that in every entry. */
static bool all_is_back(void)
{
    uint64_t total, free_bytes, largest, dying, deadline = time_deadline_ns(GIVE_UP_NS);
    struct memory_binding *b;
    uint32_t pieces;

    TRY_OK(aos_memory(&b));
    do {
        TRY_OK(memory_stats(b, &total, &free_bytes, &largest, &pieces, &dying));
        TRY(time_now_ns() < deadline);
        thread_sleep_ns(LOOK_NS);        /* lets the services work; decides nothing */
    } while (dying != 0);
    return true;
}

static bool end_hogs(const uint32_t *pids, unsigned count)
{
    bool ok = true;

    for (unsigned i = 0; i < count; i++) {
        struct aos_exit how;
        uint32_t who;

        TRY_OK(aos_kill(pids[i]));
        TRY_OK(aos_wait(pids[i], &who, &how));
        ok = ok && how.killed;           /* and not a fault before that */
    }
    return all_is_back() && ok;
}

/* Hogs `kinds` together. */
static bool hogs(const char *const *kinds, unsigned count, const char *what)
{
    uint32_t pids[8];

    for (unsigned i = 0; i < count; i++) {
        const char *argv[] = {"hog", kinds[i], "hold"};

        TRY_OK(aos_spawn(3, argv, &pids[i]));
    }
    TRY(work_until_settled(pids, count));
    TRY(as_fast_as_alone(what));
    TRY(end_hogs(pids, count));
    return true;
}

static const char *const kinds[] = {"memory", "slots", "spawn", "names", "messages", "threads",
                                    "endpoints"};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

int main(int argc, char **argv)
{
    unsigned failed = 0;
    char name[80];

    kernel_checks = argc == 2 && strcmp(argv[1], "checks") == 0;
    taptest_plan(KINDS + 1);
    for (size_t k = 0; k < OPS; k++) {
        uint64_t again;

        failed += !measure(&ops[k], &alone[k]) || !measure(&ops[k], &again);
        alone[k] = again < alone[k] ? again : alone[k];
    }
    for (unsigned i = 0; i < KINDS; i++) {
        (void)snprintf(name, sizeof(name), "HOG%04u hog %s", i + 1, kinds[i]);
        failed += !taptest_end(i + 1, name, hogs(&kinds[i], 1, kinds[i]));
    }
    (void)snprintf(name, sizeof(name), "HOG%04u all at once", (unsigned)KINDS + 1);
    failed += !taptest_end((unsigned)KINDS + 1, name, hogs(kinds, KINDS, "of every kind"));
    return failed != 0;
}
