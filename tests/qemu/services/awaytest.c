/* Calls to services of a core that goes off and comes on again, whenever. Each ends, with an error
 * or without one, and when the core is there again all work. Three runs, told apart by their
 * argument:
 *   hold CORE  calls until `check` (test_cores.py waits for it), says how long one took at most
 *   ready      waits until it calls
 *   check      ends it */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/process.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <if/init.h>
#include <if/memory.h>
#include <if/process.h>

#include "taptest.h"
#include "told.h"

#define PAUSE_NS    3000000ull           /* between calls: those of the others get their turn */
#define CALLERS     4u

static uint32_t core;
static volatile bool ends;

/* Kept for good: opened again by each call. */
static errval_t call_memory(void)
{
    uint64_t total, free_bytes, largest, dying;
    struct memory_binding *b;
    uint32_t pieces;
    errval_t err = aos_memory_on(core, &b);

    return err_is_ok(err) ? memory_stats(b, &total, &free_bytes, &largest, &pieces, &dying) : err;
}

/* Which has no deadline of its own. */
static errval_t call_process(void)
{
    uint32_t pids[PROCESS_PIDS_PIDS_MAX];
    struct process_binding *b;
    size_t count;
    errval_t err = aos_process_on(core, &b);

    return err_is_ok(err) ? process_pids(b, 0, pids, &count) : err;
}

/* Through another service of that core. */
static errval_t call_init(void)
{
    struct init_binding *b;
    uint64_t echo;
    errval_t err = aos_init_on(core, &b);

    return err_is_ok(err) ? init_number(b, 1, &echo) : err;
}

/* A program there, whose end is waited for. */
static errval_t call_launch(void)
{
    static const char *const argv[] = {"true"};
    const struct aos_launch how = {.on_core = core + 1};
    struct aos_exit end;
    uint32_t pid, who;
    errval_t err = aos_launch(1, argv, &how, &pid);

    return err_is_ok(err) ? aos_wait(pid, &who, &end) : err;
}

static struct caller {
    const char *name;
    errval_t (*call)(void);
    uint64_t longest_ns;
    uint32_t done, failed;
    errval_t last;
} callers[CALLERS] = {
    {.name = "memory", .call = call_memory},
    {.name = "process", .call = call_process},
    {.name = "init", .call = call_init},
    {.name = "launch", .call = call_launch},
};

static int caller_run(void *arg)
{
    struct caller *c = arg;
    bool last = false;

    while (!last) {
        uint64_t began = time_now_ns(), took;

        last = ends;
        c->last = c->call();
        took = time_now_ns() - began;
        c->longest_ns = took > c->longest_ns ? took : c->longest_ns;
        c->failed += err_is_fail(c->last);
        c->done++;
        thread_sleep_ns(PAUSE_NS);
    }
    return 0;
}

static bool hold(void)
{
    struct thread *threads[CALLERS];

    for (uint32_t i = 0; i < CALLERS; i++) {
        TRY_OK(callers[i].call());
        TRY_OK(thread_create(caller_run, &callers[i], NULL, &threads[i]));
    }
    TRY_OK(told_say("awaytest/ready"));
    TRY_OK(told_await("awaytest/check"));
    ends = true;
    for (uint32_t i = 0; i < CALLERS; i++) {
        TRY_OK(thread_join(threads[i], NULL));
        printf("awaytest: %s: %u calls, %u failed, %llu ms at most\n", callers[i].name,
               (unsigned)callers[i].done, (unsigned)callers[i].failed,
               (unsigned long long)(callers[i].longest_ns / 1000000));
        TRY_OK(callers[i].last);
    }
    return true;
}

static bool check(void)
{
    caddr_t end;

    TRY_OK(told_say("awaytest/check"));
    while (err_is_ok(aos_lookup("awaytest/ready", &end))) {
        (void)cap_destroy(end);
        thread_sleep_ns(PAUSE_NS);
    }
    return true;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    core = argc > 2 ? (uint32_t)atoi(argv[2]) : 1;
    return strcmp(what, "hold") == 0  ? !hold()
        : strcmp(what, "ready") == 0  ? err_is_fail(told_await("awaytest/ready"))
        : strcmp(what, "check") == 0  ? !check() : 2;
}
