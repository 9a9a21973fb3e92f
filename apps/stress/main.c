/* stress [--seconds N] [--rounds R] [--seed S]: see README.md. */
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
#define WORKERS_MIN  2u
#define ATTEMPTS     6u                  /* more than the rounds that must be equal */
#define ROUNDS_MAX   10000u
#define SETTLE_NS    20000000000ull      /* bounds a failure: how long memory may take to return */
#define RETURN_NS    2000000000ull       /* until what is on its way has come */
#define LOOK_NS      10000000ull
#define USAGE        2

/* One worker, and the thread that waits for it. */
struct hand {
    uint32_t pid;
    struct thread *thread;
    bool well;
};

static struct {
    uint32_t cores[STRESS_WORKERS_MAX];
    uint32_t core_count, worker_count;
    struct mutex tell;
    uint32_t rounds;                     /* that must leave all counters as they were */
    uint64_t seed;
} run;

void stress_name(uint32_t of, uint32_t index, char ret_name[STRESS_NAME_BYTES])
{
    (void)snprintf(ret_name, STRESS_NAME_BYTES, "stress/%u/%u", (unsigned)of, (unsigned)index);
}

void stress_meeting_name(uint32_t of, char ret_name[STRESS_NAME_BYTES])
{
    (void)snprintf(ret_name, STRESS_NAME_BYTES, "stress/%u", (unsigned)of);
}

uint32_t stress_random(uint64_t *io_state, uint32_t end)
{
    uint64_t x = *io_state;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *io_state = x;
    return (uint32_t)((x * 0x2545f4914f6cdd1dull >> 32) % end);
}

void stress_fail(struct stress_done *done, const char *what, errval_t err)
{
    char text[128];

    (void)err_format(err, text, sizeof(text));
    fprintf(stderr, "stress: process %u: %s failed: %s (%s)\n", (unsigned)domain_pid(), what,
            err_message(err), text);
    done->failed++;
}

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

static bool find_cores(void)
{
    struct init_binding *init;
    uint32_t on = 0;
    errval_t err = aos_init(&init);

    err = err_is_ok(err) ? init_cores(init, &on) : err;
    for (uint32_t core = 0; core < domain_core_count(); core++) {
        if ((on & 1u << core) != 0) {
            run.cores[run.core_count++] = core;
        }
    }
    run.worker_count = run.core_count < WORKERS_MIN ? WORKERS_MIN : run.core_count;
    return err_is_ok(err);
}

static errval_t start_worker(uint32_t index, uint64_t ms, struct hand *ret_hand)
{
    char number[5][24], cores[4 * STRESS_WORKERS_MAX] = "";
    const char *argv[8] = {"stress", "--worker"};
    const struct aos_launch how = {.on_core = 1 + run.cores[index % run.core_count]};
    const uint64_t numbers[5] = {domain_pid(), index, run.worker_count, ms, run.seed + index};
    size_t used = 0;

    for (uint32_t i = 0; i < 5; i++) {
        (void)snprintf(number[i], sizeof(number[i]), "%llu", (unsigned long long)numbers[i]);
        argv[2 + i] = number[i];
    }
    for (uint32_t i = 0; i < run.core_count; i++) {
        used += (size_t)snprintf(cores + used, sizeof(cores) - used, "%u,",
                                 (unsigned)run.cores[i]);
    }
    argv[7] = cores;
    return aos_launch(8, argv, &how, &ret_hand->pid);
}

static int wait_worker(void *arg)
{
    struct hand *hand = arg;
    struct stress_done unused;
    struct aos_exit how;
    uint32_t who;
    errval_t err = aos_wait(hand->pid, &who, &how);

    hand->well = err_is_ok(err) && how.exited && how.status == 0;
    if (!hand->well) {
        mutex_lock(&run.tell);           /* threads that print at the same time mix it up */
        fprintf(stderr, "stress: the worker %u did not end well: %s, status %d\n",
                (unsigned)hand->pid, err_message(err), err_is_ok(err) ? (int)how.status : -1);
        mutex_unlock(&run.tell);
        (void)stress_meeting_end(&unused); /* the others need not wait for it */
    }
    return 0;
}

/* All workers work for a time. */
static bool work(uint64_t ms, struct stress_done *ret_sum)
{
    struct hand hands[STRESS_WORKERS_MAX] = {{0}};
    bool well = true;
    int status;

    stress_meeting_expect(run.worker_count);
    for (uint32_t i = 0; i < run.worker_count; i++) {
        errval_t err = start_worker(i, ms, &hands[i]);

        err = err_is_ok(err) ? thread_create(wait_worker, &hands[i], NULL, &hands[i].thread) : err;
        if (err_is_fail(err)) {
            stress_fail(ret_sum, "a worker", err);
            (void)stress_meeting_end(ret_sum);
            well = false;
        }
    }
    for (uint32_t i = 0; i < run.worker_count; i++) {
        if (hands[i].thread != NULL) {
            (void)thread_join(hands[i].thread, &status);
            well = well && hands[i].well;
        }
    }
    run.seed += run.worker_count;
    return stress_meeting_end(ret_sum) == run.worker_count && well && ret_sum->failed == 0;
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

/* Capabilities, and memory of other cores, go back step by step: between two of them nothing seems
 * to move. What a pool has kept at rest, a chunk more or less, depends on what went through it; so
 * all is as before if it is as it was at any of the rests before. A leak never comes back to one.
 */
static bool as_before(struct counters *rests, uint32_t count)
{
    uint64_t deadline = time_deadline_ns(RETURN_NS);
    bool same = false;

    do {
        (void)counters_settle(SETTLE_NS, &rests[count]);
        for (uint32_t i = 0; i < count && !same; i++) {
            same = counters_differ(&rests[i], &rests[count], 0) == COUNTERS;
        }
    } while (!same && time_now_ns() < deadline);
    if (!same) {
        tell(&rests[count - 1], &rests[count]);
    }
    return same;
}

static bool work_for(uint64_t ms)
{
    struct stress_done sum = {0};

    if (!work(ms, &sum)) {
        return false;
    }
    printf("%u workers on %u cores: %llu calls, %llu notes, %llu programs, %llu pieces of "
           "memory, %llu ends\n", (unsigned)run.worker_count, (unsigned)run.core_count,
           (unsigned long long)sum.calls, (unsigned long long)sum.notes,
           (unsigned long long)sum.programs, (unsigned long long)sum.pieces,
           (unsigned long long)sum.ends);
    (void)fflush(stdout);
    return true;
}

/* The monitors of all cores find nothing wrong with the capabilities that several cores have. */
static bool monitors_agree(void)
{
    uint64_t until = time_deadline_ns(RETURN_NS), found = 0, nodes;
    struct monitor_binding *monitor;
    uint32_t records, busy = 1;
    errval_t err = aos_monitor(&monitor);

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
    return true;
}

/* What services keep of more than there ever was shows in a few rounds. What leaks shows in all. */
static bool rounds(uint64_t warm_ms, uint64_t ms, struct counters *rests)
{
    uint32_t same = 0;

    if (!work_for(warm_ms)) {
        return false;
    }
    if (!counters_settle(SETTLE_NS, &rests[0])) {
        printf("the counters do not come to rest\n");
        return false;
    }
    for (uint32_t i = 1; i <= run.rounds + ATTEMPTS && same < run.rounds; i++) {
        if (!work_for(i == 1 ? ms : warm_ms)) {
            return false;
        }
        same += as_before(rests, i);
    }
    if (!monitors_agree()) {
        return false;
    }
    printf("%s\n", same == run.rounds ? "every counter is as before" : "something is missing");
    return same == run.rounds;
}

static bool stress(uint64_t seconds)
{
    uint64_t warm_ms = seconds * MS_PER_S / WARM_DIVISOR;
    size_t bytes = (1 + run.rounds + ATTEMPTS) * sizeof(struct counters);
    struct counters *rests = malloc(bytes);
    bool well;

    if (rests == NULL) {
        fprintf(stderr, "stress: no memory for the counters of %u rounds\n", (unsigned)run.rounds);
        return false;
    }
    memset(rests, 0, bytes);             /* now, so that they are not counted as used later */
    well = rounds(warm_ms, seconds * MS_PER_S - warm_ms, rests);
    free(rests);
    return well;
}

int main(int argc, char **argv)
{
    uint64_t seconds = SECONDS;
    char name[STRESS_NAME_BYTES];
    errval_t err;

    run.seed = run.rounds = 1;
    if (argc > 1 && strcmp(argv[1], "--worker") == 0) {
        return stress_worker(argc - 2, argv + 2);
    }
    if (argc == 2 && strcmp(argv[1], "--sleep") == 0) {
        return sleep_forever();
    }
    if (argc == 2 && strcmp(argv[1], "--family") == 0) {
        return sleep_with_child();
    }
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seconds") == 0) {
            seconds = strtoull(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--rounds") == 0) {
            run.rounds = (uint32_t)strtoull(argv[i + 1], NULL, 10);
        } else if (strcmp(argv[i], "--seed") == 0) {
            run.seed = strtoull(argv[i + 1], NULL, 10) | 1;
        } else {
            seconds = 0;
        }
    }
    if (argc % 2 == 0 || seconds == 0 || seconds > SECONDS_MAX || run.rounds == 0
        || run.rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: stress [--seconds N] [--rounds R] [--seed S]\n");
        return USAGE;
    }
    stress_meeting_name(domain_pid(), name);
    err = find_cores() ? stress_meeting_begin(name) : LIB_ERR_BAD_STATE;
    if (err_is_fail(err)) {
        fprintf(stderr, "stress: cannot begin: %s\n", err_message(err));
        return 1;
    }
    return stress(seconds) ? 0 : 1;
}
