/* Many channels to another core that end at once leave nothing there or here, however many of them
 * the monitors can work on at a time. For two cores. TAP on stdout. */
#include <aos/cap.h>
#include <aos/counters.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <if/init.h>
#include <if/memory.h>
#include <if/monitor.h>
#include <if/process.h>

#include "taptest.h"

#define CHANNELS  6u                     /* to each service: less than it gives to one domain */
#define ATTEMPTS  6u
#define SETTLE_NS 20000000000ull         /* bounds a failure */
#define RETURN_NS 2000000000ull          /* until what is on its way has come */
#define BITS      300u                   /* taken and given back, one after the other */

/* Together several times what the monitor can revoke at a time. */
static struct memory_binding memories[CHANNELS];
static struct process_binding processes[CHANNELS];

static bool open_and_close(void)
{
    caddr_t end;

    for (uint32_t i = 0; i < CHANNELS; i++) {
        TRY_OK(aos_await("memory/1", SETTLE_NS, &end));
        TRY_OK(memory_bind(end, &memories[i]));
        TRY_OK(aos_await("process/1", SETTLE_NS, &end));
        TRY_OK(process_bind(end, &processes[i]));
    }
    for (uint32_t i = 0; i < CHANNELS; i++) {
        memory_close(&memories[i]);
        process_close(&processes[i]);
    }
    return true;
}

static bool same_again(const struct counters *before)
{
    uint64_t until = time_deadline_ns(RETURN_NS);
    struct counters now;

    do {
        (void)counters_settle(SETTLE_NS, &now);
        if (counters_differ(before, &now, COUNTER_OBJECTS) == COUNTERS) {
            return true;
        }
        thread_sleep_ns(1000000);
    } while (time_now_ns() < until);
    for (uint32_t i = COUNTER_OBJECTS; (i = counters_differ(before, &now, i)) < COUNTERS; i++) {
        char name[COUNTER_NAME_BYTES];

        counter_name(i, name);
        printf("# %s: %llu before, %llu after\n", name, (unsigned long long)before->value[i],
               (unsigned long long)now.value[i]);
    }
    return false;
}

/* Room that is made and stays is made once. What leaks leaks every time. */
static bool many_end_at_once(void)
{
    struct counters before;
    bool same = false;

    TRY(open_and_close());
    for (uint32_t i = 0; i < ATTEMPTS && !same; i++) {
        TRY(counters_settle(SETTLE_NS, &before));
        TRY(open_and_close());
        same = same_again(&before);
    }
    return same;
}

/* However many notifications there have ever been, their bits lie together. */
static bool bits_are_used_again(void)
{
    static struct monitor_binding monitor;
    struct init_binding *init;
    uint64_t lowest = UINT64_MAX, highest = 0;
    caddr_t end, notify;

    TRY_OK(aos_init(&init));
    TRY_OK(init_monitor(init, &end));
    TRY_OK(monitor_bind(end, &monitor));
    for (uint32_t i = 0; i < BITS; i++) {
        struct cap_info info;

        TRY_OK(monitor_notify(&monitor, &notify));
        TRY_OK(cap_identify(notify, &info));
        TRY_OK(cap_destroy(notify));
        lowest = info.b < lowest ? info.b : lowest;
        highest = info.b > highest ? info.b : highest;
    }
    monitor_close(&monitor);
    printf("# bits %u to %u\n", (unsigned)lowest, (unsigned)highest);
    return highest - lowest < BITS / 2;
}

static const struct taptest tests[] = {
    {"BIND0006 rings of many channels that end at once are given back", many_end_at_once},
    {"BIND1001 the bits of notifications are used again", bits_are_used_again},
};

int main(void)
{
    return taptest_run(tests, TAPTEST_COUNT(tests));
}
