/* Domains that come and go leave nothing behind: TAP on stdout. Every way to end is gone through
 * many times, and then the machine must have as much free memory, and the kernel exactly as many
 * objects, as before. With an argument it is one of its own children. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <aos/process.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/slot.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <if/init.h>
#include <if/memory.h>

#include "taptest.h"

#define SELF        "leaktest"
#define ROUNDS      100u
#define WARM_ROUNDS 3u                   /* services keep what they needed once */
#define SETTLE_NS   20000000000ull       /* bounds a failure: how long memory may take to return */
#define SPINNERS    1

struct counters {
    uint64_t free_bytes, objects, own_bytes, own_slots;
};

/* How a domain ends: by itself, by force, or by whichever comes first. */
enum end { BY_ITSELF, BY_FORCE, BY_EITHER };

struct way {
    const char *name;
    const char *argv[4];
    enum end end;
    uint32_t rounds;
};

static errval_t count(struct counters *ret_counters, uint64_t *ret_dying)
{
    struct init_binding *init;
    struct memory_binding *memory;
    struct init_machine machine;
    struct counters c;
    uint64_t total, largest, own_free, slots;
    uint32_t pieces;
    errval_t err = aos_init(&init);

    if (err_is_ok(err)) {
        err = aos_memory(&memory);
    }
    if (err_is_ok(err)) {
        err = memory_stats(memory, &total, &c.free_bytes, &largest, &pieces, ret_dying);
    }
    if (err_is_ok(err)) {
        err = init_facts(init, &machine);
    }
    if (err_is_fail(err)) {
        return err;
    }
    ram_stats(&own_free, &c.own_bytes);
    c.own_bytes -= own_free;
    slot_stats(&c.own_slots, &slots);
    c.objects = machine.caps;
    *ret_counters = c;
    return ERR_OK;
}

static bool same(const struct counters *a, const struct counters *b)
{
    return a->free_bytes == b->free_bytes && a->objects == b->objects
        && a->own_bytes == b->own_bytes && a->own_slots == b->own_slots;
}

/* Waits until two looks in a row agree and nothing is on its way back. */
static bool settle(struct counters *ret_counters)
{
    uint64_t deadline = time_deadline_ns(SETTLE_NS), dying = 1;
    struct counters before = {0}, now = {0};

    do {
        before = now;
        if (err_is_fail(count(&now, &dying))) {
            return false;
        }
        thread_sleep_ns(1000000);        /* lets the services work; decides nothing */
    } while ((dying != 0 || !same(&before, &now)) && time_now_ns() < deadline);
    *ret_counters = now;
    return dying == 0;
}

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

    if (!rounds(way, WARM_ROUNDS) || !settle(&before) || !rounds(way, way->rounds)
        || !settle(&after)) {
        return false;
    }
    for (uint64_t deadline = time_deadline_ns(SETTLE_NS);
         !same(&before, &after) && time_now_ns() < deadline;) {
        if (!settle(&after)) {
            return false;
        }
    }
    if (!same(&before, &after)) {
        printf("# free %llu -> %llu, objects %llu -> %llu, own %llu -> %llu, slots %llu -> %llu\n",
               (unsigned long long)before.free_bytes, (unsigned long long)after.free_bytes,
               (unsigned long long)before.objects, (unsigned long long)after.objects,
               (unsigned long long)before.own_bytes, (unsigned long long)after.own_bytes,
               (unsigned long long)before.own_slots, (unsigned long long)after.own_slots);
        return false;
    }
    return true;
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
    uint64_t dying;
    struct thread *thread;
    caddr_t frame;

    for (int i = 0; i < SPINNERS; i++) {
        if (err_is_fail(thread_create(spin, NULL, NULL, &thread))) {
            return 1;
        }
    }
    if (err_is_fail(frame_alloc(1 << 20, &frame, NULL)) || err_is_fail(count(&c, &dying))) {
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
