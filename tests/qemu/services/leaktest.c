/* Domains that come and go leave nothing behind: TAP on stdout. Every way to end is gone through
 * many times, and then every counter of the system must be as before. `leakcheck` has busier
 * children; these here exit at once, print, spin, run wild. With an argument it is one of its own
 * children. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <aos/counters.h>
#include <aos/process.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>

#include "taptest.h"

#define SELF        "leaktest"
#define ROUNDS      30u
#define WARM_ROUNDS 3u                   /* services keep what they needed once */
#define ATTEMPTS    3u                   /* heaps and stacks grow once, a leak shows always */
#define SETTLE_NS   20000000000ull       /* bounds a failure: how long memory may take to return */
#define SPINNERS    1

/* How a domain ends: by itself, by force, or by whichever comes first. */
enum end { BY_ITSELF, BY_FORCE, BY_EITHER };

struct way {
    const char *name;
    const char *argv[4];
    enum end end;
    uint32_t rounds;
};

static bool round_trip(const struct way *way)
{
    uint32_t pid, who;
    struct aos_exit how;
    int argc = 0;

    while (way->argv[argc] != NULL) {
        argc++;
    }
    if (err_is_fail(aos_spawn(argc, way->argv, &pid))) {
        return false;
    }
    if (way->end != BY_ITSELF && err_is_fail(aos_kill(pid)) && way->end == BY_FORCE) {
        return false;
    }
    return err_is_ok(aos_wait(pid, &who, &how)) && who == pid
        && (way->end == BY_EITHER || how.killed == (way->end == BY_FORCE));
}

static bool rounds(const struct way *way, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!round_trip(way)) {
            printf("# %s: round %u failed\n", way->name, (unsigned)i);
            return false;
        }
    }
    return true;
}

static bool leaves_nothing(const struct way *way)
{
    struct counters before, after;
    uint32_t differs = 0;

    if (!rounds(way, WARM_ROUNDS)) {
        return false;
    }
    for (uint32_t i = 0; i < ATTEMPTS && differs != COUNTERS; i++) {
        if (!counters_settle(SETTLE_NS, &before) || !rounds(way, way->rounds)
            || !counters_settle(SETTLE_NS, &after)) {
            return false;
        }
        differs = counters_differ(&before, &after, 0);
        for (uint32_t c = differs; c < COUNTERS; c = counters_differ(&before, &after, c + 1)) {
            char name[COUNTER_NAME_BYTES];

            counter_name(c, name);
            printf("# %s: %llu -> %llu\n", name, (unsigned long long)before.value[c],
                   (unsigned long long)after.value[c]);
        }
    }
    return differs == COUNTERS;
}

/* --- the children --------------------------------------------------------------------------- */

static volatile uint64_t nowhere = 8;

static int spin(void *arg)
{
    for (volatile int i = 0;; i++) {
    }
    return 0;
}

/* Ends while connected to every service, with threads running and memory of its own. */
static int child_busy(void)
{
    struct counters c;
    struct thread *thread;
    caddr_t frame;

    for (int i = 0; i < SPINNERS; i++) {
        if (err_is_fail(thread_create(spin, NULL, NULL, &thread))) {
            return 1;
        }
    }
    if (err_is_fail(frame_alloc(1 << 20, &frame, NULL)) || err_is_fail(counters_read(&c))) {
        return 1;
    }
    return 0;
}

static int child(const char *how)
{
    if (strcmp(how, "fault") == 0) {
        *(volatile int *)(uintptr_t)nowhere = 1;
    }
    if (strcmp(how, "spin") == 0) {
        return spin(NULL);
    }
    return child_busy();
}

int main(int argc, char **argv)
{
    static const struct way ways[] = {
        {"LEAK0001 exits at once", {"true"}, BY_ITSELF, ROUNDS},
        {"LEAK0002 exits with output", {"hello"}, BY_ITSELF, ROUNDS},
        {"LEAK0003 exits with threads, memory and connections", {SELF, "busy"}, BY_ITSELF, ROUNDS},
        {"LEAK0004 is killed while it starts", {"true"}, BY_EITHER, ROUNDS},
        {"LEAK0005 is killed while it runs", {SELF, "spin"}, BY_FORCE, ROUNDS},
        {"LEAK0006 faults", {SELF, "fault"}, BY_ITSELF, ROUNDS},
        {"LEAK0007 has wild children", {"fuzz", "1", "4", "300"}, BY_ITSELF, 10},
    };
    unsigned failed = 0;

    if (argc > 1) {
        return child(argv[1]);
    }
    taptest_plan(TAPTEST_COUNT(ways));
    for (unsigned i = 0; i < TAPTEST_COUNT(ways); i++) {
        failed += !taptest_end(i + 1, ways[i].name, leaves_nothing(&ways[i]));
    }
    return failed != 0;
}
