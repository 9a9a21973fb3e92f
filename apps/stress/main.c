/* stress [--seconds N] [--rounds R] [--seed S] [--cores]: see README.md. */
#include "stress_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/counters.h>
#include <aos/domain.h>
#include <aos/process.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <if/init.h>
#include <if/monitor.h>

#define SECONDS      5u
#define SECONDS_MAX  86400u
#define MS_PER_S     1000u
#define WARM_DIVISOR 4u                  /* of the time, for what services keep */
/* More than the rounds that must be equal: one is not as soon as the most that any service has had
 * to keep is more than ever, and there are two on each core. */
#define ATTEMPTS     (6u + 3u * domain_core_count())
#define ROUNDS_MAX   10000u
#define SETTLE_NS    20000000000ull      /* bounds a failure: how long memory may take to return */
#define RETURN_NS    2000000000ull       /* until what is on its way has come */
#define LOOK_NS      10000000ull
#define USAGE        2

static uint32_t rounds_wanted = 1;       /* that must leave all counters as they were */

static int sleep_forever(void)
{
    for (;;) {
        thread_sleep_ns(STRESS_CALL_NS);
    }
    return 0;
}

/* With a child on the next core, that ends when this does. */
static int sleep_with_child(void)
{
    const char *argv[] = {"stress", "--sleep"};
    const struct aos_launch how = {
        .on_core = 1 + (domain_core() + 1) % domain_core_count(),
    };
    uint32_t pid;

    return err_is_ok(aos_launch(2, argv, &how, &pid)) ? sleep_forever() : 1;
}

static void tell(const struct counters *before, const struct counters *after)
{
    char counter[COUNTER_NAME_BYTES];

    for (uint32_t i = 0; (i = counters_differ(before, after, i)) < COUNTERS; i++) {
        counter_name(i, counter);
        printf("%s: %llu before, %llu after\n", counter, (unsigned long long)before->value[i],
               (unsigned long long)after->value[i]);
    }
}

/* What a pool has kept at rest, a chunk more or less, depends on what went through it, in each
 * service for itself; so a counter is as before if it is between what it was at rests before. What
 * leaks leaves that soon, whatever the others do. */
static bool within(const struct counters *rests, uint32_t count, const struct counters *now)
{
    for (uint32_t i = 0; i < COUNTERS; i++) {
        uint64_t least = rests[0].value[i], most = least;

        for (uint32_t k = 1; k < count; k++) {
            least = rests[k].value[i] < least ? rests[k].value[i] : least;
            most = rests[k].value[i] > most ? rests[k].value[i] : most;
        }
        if (now->value[i] < least || now->value[i] > most) {
            return false;
        }
    }
    return true;
}

/* Capabilities, and memory of other cores, go back step by step: between two of them nothing seems
 * to move. */
static bool as_before(struct counters *rests, uint32_t count)
{
    uint64_t deadline = time_deadline_ns(RETURN_NS);
    bool same = false;

    do {
        (void)counters_settle(SETTLE_NS, &rests[count]);
        same = within(rests, count, &rests[count]);
    } while (!same && time_now_ns() < deadline);
    if (!same) {
        tell(&rests[count - 1], &rests[count]);
    }
    return same;
}

/* For the shell each kernel proves its own database, too. */
static errval_t find_monitor(struct monitor_binding **ret_monitor)
{
    static struct monitor_binding of_shell;
    struct init_binding *lent = team_lent();
    caddr_t end;
    errval_t err;

    if (lent == NULL) {
        return aos_monitor(ret_monitor);
    }
    err = init_monitor(lent, &end);
    err = err_is_ok(err) ? monitor_bind(end, &of_shell) : err;
    if (err_is_ok(err)) {
        *ret_monitor = &of_shell;
    }
    return err;
}

/* The monitors of all cores find nothing wrong with the capabilities that several cores have. */
static bool monitors_agree(void)
{
    uint64_t until = time_deadline_ns(SETTLE_NS), found = 0, nodes = 0;
    struct monitor_binding *monitor;
    uint32_t records, busy = 1;
    errval_t err = find_monitor(&monitor);

    while (err_is_ok(err) && busy != 0 && time_now_ns() < until) {
        err = monitor_check(monitor, &found, &nodes, &records, &busy);
        if (busy != 0) {
            thread_sleep_ns(LOOK_NS);
        }
    }
    if (err_is_fail(err) || busy != 0 || found != 0) {
        printf("the monitors do not agree: %llu violations, busy %u\n",
               (unsigned long long)found, (unsigned)busy);
        return false;
    }
    if (nodes != 0) {
        printf("the kernels find nothing wrong with %llu objects\n", (unsigned long long)nodes);
    }
    return true;
}

/* What services keep of more than there ever was shows in a few rounds. What leaks shows in all. */
static bool rounds(uint64_t warm_ms, uint64_t ms, struct counters *rests)
{
    uint32_t same = 0;

    if (!team_work(warm_ms)) {
        return false;
    }
    if (!counters_settle(SETTLE_NS, &rests[0])) {
        printf("the counters do not come to rest\n");
        return false;
    }
    for (uint32_t i = 1; i <= rounds_wanted + ATTEMPTS && same < rounds_wanted; i++) {
        if (!team_work(i == 1 ? ms : warm_ms)) {
            return false;
        }
        same += as_before(rests, i);
    }
    if (!monitors_agree()) {
        return false;
    }
    printf("%s\n", same == rounds_wanted ? "every counter is as before" : "something is missing");
    return same == rounds_wanted;
}

static bool stress(uint64_t seconds)
{
    uint64_t warm_ms = seconds * MS_PER_S / WARM_DIVISOR;
    size_t bytes = (1 + rounds_wanted + ATTEMPTS) * sizeof(struct counters);
    struct counters *rests = malloc(bytes);
    bool well;

    if (rests == NULL) {
        fprintf(stderr, "stress: no memory for the counters of %u rounds\n",
                (unsigned)rounds_wanted);
        return false;
    }
    memset(rests, 0, bytes);             /* now, so that they are not counted as used later */
    well = rounds(warm_ms, seconds * MS_PER_S - warm_ms, rests);
    free(rests);
    return well;
}

/* False: that is nothing to do. */
static bool read_arguments(int argc, char **argv, uint64_t *ret_seconds, bool *ret_cores)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(argv[i], "--cores") == 0) {
            *ret_cores = true;
            continue;
        }
        if (strcmp(argv[i], "--seconds") == 0) {
            *ret_seconds = strtoull(value, NULL, 10);
        } else if (strcmp(argv[i], "--rounds") == 0) {
            rounds_wanted = (uint32_t)strtoull(value, NULL, 10);
        } else if (strcmp(argv[i], "--seed") == 0) {
            team_seed(strtoull(value, NULL, 10));
        } else {
            return false;
        }
        i++;
    }
    return *ret_seconds != 0 && *ret_seconds <= SECONDS_MAX && rounds_wanted != 0
        && rounds_wanted <= ROUNDS_MAX;
}

int main(int argc, char **argv)
{
    uint64_t seconds = SECONDS;
    bool cores = false;
    char name[STRESS_NAME_BYTES];
    errval_t err;

    if (argc > 1 && strcmp(argv[1], "--worker") == 0) {
        return worker_main(argc - 2, argv + 2);
    }
    if (argc == 2 && strcmp(argv[1], "--sleep") == 0) {
        return sleep_forever();
    }
    if (argc == 2 && strcmp(argv[1], "--family") == 0) {
        return sleep_with_child();
    }
    if (!read_arguments(argc, argv, &seconds, &cores)) {
        fprintf(stderr, "usage: stress [--seconds N] [--rounds R] [--seed S] [--cores]\n");
        return USAGE;
    }
    job_meeting_name(domain_pid(), name);
    err = team_find(cores) ? serve_start(name) : LIB_ERR_BAD_STATE;
    if (err_is_fail(err)) {
        fprintf(stderr, "stress: cannot begin%s\n", cores ? ": core lend stress" : "");
        return 1;
    }
    return stress(seconds) ? 0 : 1;
}
