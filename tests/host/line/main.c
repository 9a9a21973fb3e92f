/* Schedules by seed: test_line SCHEDULES [SEED [ID]]. With one schedule every step is printed. */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define STEPS 600u
#define DEEP  50u                        /* times as many schedules */
#define STUCK 2000000u                   /* steps after which it does not come to rest */

bool trace;
static uint64_t random_state, seed;

uint32_t rnd(uint32_t below)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)((random_state >> 33) % below);
}

bool one_in(uint32_t n)
{
    return rnd(n) == 0;
}

void say(const char *what, ...)
{
    va_list args;

    if (trace) {
        va_start(args, what);
        printf("# ");
        vprintf(what, args);
        putchar('\n');
        va_end(args);
    }
}

void fail(const char *what, ...)
{
    va_list args;

    va_start(args, what);
    printf("# seed %llu: ", (unsigned long long)seed);
    vprintf(what, args);
    printf("\nnot ok 1\n");
    va_end(args);
    exit(1);
}

/* Everything goes its way until nothing is under way any more. */
static void settle(void)
{
    for (uint32_t i = 0; world_parcel() || world_work() || talks_read(); i++) {
        if (i == STUCK) {
            fail("it does not come to rest");
        }
    }
}

static void schedule(void)
{
    bool stops;

    random_state = seed * 0x9e3779b97f4a7c15ull;
    (void)rnd(2);
    stops = one_in(3);
    scarce = one_in(4);
    settling = false;
    world_start(1 + rnd(CORES_MAX));
    talks_start();
    for (uint32_t i = 0; i < STEPS; i++) {
        uint32_t what = rnd(16);

        if (what < 6) {
            talk_act();
        } else if (what < 9) {
            (void)talks_read();
        } else if (what < 12) {
            (void)world_work();
        } else if (what < 15) {
            (void)world_parcel();
        } else if (stops && one_in(30)) {
            uint32_t core = rnd(cores);

            say("core %u stops", core);
            talks_core_stops(core);
            world_stop(core);
        }
    }
    settling = true;
    settle();
    talks_check();
    talks_close_all();
    settle();
    world_end();
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 0) : 1000;
    const char *id = argc > 3 ? argv[3] : "LINE0008";

    seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    trace = count == 1;
    count *= getenv("AOS_DEEP") != NULL && argc <= 3 ? DEEP : 1;
    printf("1..1\n");
    for (uint64_t i = 0; i < count; i++, seed++) {
        schedule();
    }
    printf("ok 1 - %s %llu schedules agree with the model\n", id, (unsigned long long)count);
    return 0;
}
