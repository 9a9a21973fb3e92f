/* Random schedules of a machine of two to four cores: domains that make, map, copy, send, revoke
 * and crash; messages that are late; slots that run out; cores that stop and start.
 *
 * Usage: test_dcap OBJECT SCHEDULES [SEED [ID]]. OBJECT is the shared object of a core. Each
 * schedule has a seed of its own, and a failure names it: run it again, with every step printed, by
 * test_dcap OBJECT 1 SEED. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim.h"

enum { DEEP = 50 }; /* times as many schedules under AOS_DEEP */

bool trace;
static uint64_t seed_now;
static const char *object_path, *program;

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_odr_violation=0"; /* the cores are copies of one file */
}

void fail(const char *fmt, ...)
{
    va_list args;
    fflush(stdout);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "\nstep %u of the schedule with seed %llu; again with every step printed:\n",
            sim.step, (unsigned long long)seed_now);
    fprintf(stderr, "  %s %s 1 %llu\n", program, object_path, (unsigned long long)seed_now);
    exit(1);
}

uint32_t rnd(uint32_t n)
{
    sim.random ^= sim.random >> 12;
    sim.random ^= sim.random << 25;
    sim.random ^= sim.random >> 27;
    return (uint32_t)(sim.random * 0x2545f4914f6cdd1dull >> 33) % n;
}

static uint64_t totals[16];

static void schedule(uint64_t seed)
{
    seed_now = seed;
    sim.random = seed * 0x9e3779b97f4a7c15ull + 1;
    (void)rnd(2);
    bool wide = seed >= WIDE_SEEDS;
    world_begin(2 + rnd(CORES_MAX - 1), wide, seed >= POOR_SEEDS);
    unsigned steps = (wide ? 400 : 40) + rnd(240), checked = 8 + rnd(32), late = 1 + rnd(6);
    bool stops = one_in(4) || wide;
    if (trace)
        checked = 1;
    for (sim.step = 0; sim.step < steps; sim.step++) {
        uint32_t what = rnd(8 + 2 * late);
        if (what < 8)
            act_domain();
        else if (what == 8 && (stops || one_in(3)))
            act_core();
        else if (what == 9)
            world_work();
        else if (what == 10)
            world_collect();
        else
            world_deliver();
        if (sim.step % checked == 0) {
            check_slots();
            check_invariants();
        }
    }
    world_settle();
    check_slots();
    check_invariants();
    check_settled();
    world_end();
    for (unsigned i = 0; i < 16; i++)
        totals[i] += sim.done[i];
}

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc < 3)
        return 2;
    object_path = argv[1];
    const char *id = argc > 4 ? argv[4] : "DCAP0001";
    uint64_t count = strtoull(argv[2], NULL, 0);
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 0) : 1;
    trace = count == 1;
    if (getenv("AOS_DEEP") != NULL && (argc <= 3 || strncmp(id, "DCAP0", 5) == 0))
        count *= DEEP;
    printf("1..1\n");
    fflush(stdout);
    world_load(object_path);
    for (uint64_t i = 0; i < count; i++) {
        schedule(seed + i);
        if (count > 100000 && i % 100000 == 99999) {
            printf("# %llu schedules\n", (unsigned long long)(i + 1));
            fflush(stdout);
        }
    }
    printf("# sent %llu, revoked %llu, parted %llu\n", (unsigned long long)totals[8 + OP_SEND],
           (unsigned long long)totals[8 + OP_REVOKE], (unsigned long long)totals[8 + OP_RETYPE]);
    printf("ok 1 - %s %llu schedules from seed %llu agree with the model\n",
           id, (unsigned long long)count, (unsigned long long)seed);
    return 0;
}
