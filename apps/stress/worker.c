/* A worker: a thread for each kind of load. */
#include "stress_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/binding.h>
#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/process.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <if/memory.h>

#define WORKER_BLOCK_MAX   0x8000u
#define WORKER_PIECE_PAGES 64u
#define WORKER_BLOCKS      16u
#define WORKER_PAUSE_NS    1000000u      /* of what is dear for others: programs, memory */

struct load {
    const struct stress_job *job;
    void (*fn)(const struct stress_job *job, uint64_t seed, struct stress_done *done);
    struct thread *thread;
    struct stress_done done;
};

/* Each does something, however slow the machine is: `times` so far. */
static bool worker_goes_on(const struct stress_job *job, const struct stress_done *done,
                           uint64_t times)
{
    return done->failed == 0 && (times == 0 || time_now_ns() < job->deadline_ns);
}

/* Starts programs on all cores: some end, some are killed, at any time, with a child of their
 * own. */
static void worker_programs(const struct stress_job *job, uint64_t seed, struct stress_done *done)
{
    static const char *const programs[][3] = {
        {"true"}, {"stress", "--sleep"}, {"stress", "--family"},
    };

    while (worker_goes_on(job, done, done->programs)) {
        uint32_t which = stress_random(&seed, 3), pid, who;
        const struct aos_launch how = {
            .on_core = 1 + job->cores[stress_random(&seed, job->core_count)],
        };
        struct aos_exit end;
        errval_t err = aos_launch(which == 0 ? 1 : 2, programs[which], &how, &pid);

        if (err_is_ok(err) && which != 0) {
            thread_sleep_ns(stress_random(&seed, WORKER_PAUSE_NS));
            err = aos_kill(pid);
        }
        err = err_is_ok(err) ? aos_wait(pid, &who, &end) : err;
        if (err_is_ok(err)
            && (who != pid || (which == 0 ? !end.exited || end.status != 0 : !end.killed))) {
            err = LIB_ERR_BAD_STATE;
        }
        if (err_is_fail(err)) {
            stress_fail(done, "a program", err);
        }
        done->programs++;
    }
}

/* Blocks of the heap that keep what was written into them. */
static bool worker_block(uint8_t *blocks[WORKER_BLOCKS], uint64_t *seed)
{
    uint32_t i = stress_random(seed, WORKER_BLOCKS), bytes;

    if (blocks[i] != NULL) {
        memcpy(&bytes, blocks[i], sizeof(bytes));
        for (uint32_t at = sizeof(bytes); at < bytes; at++) {
            if (blocks[i][at] != (uint8_t)bytes) {
                return false;
            }
        }
        free(blocks[i]);
        blocks[i] = NULL;
        return true;
    }
    bytes = sizeof(bytes) + stress_random(seed, WORKER_BLOCK_MAX);
    blocks[i] = malloc(bytes);
    if (blocks[i] != NULL) {
        memset(blocks[i], (int)bytes, bytes);
        memcpy(blocks[i], &bytes, sizeof(bytes));
    }
    return blocks[i] != NULL;
}

static void worker_memory(const struct stress_job *job, uint64_t seed, struct stress_done *done)
{
    uint8_t *blocks[WORKER_BLOCKS] = {NULL};
    struct memory_binding *b;
    errval_t err = aos_memory(&b);

    while (err_is_ok(err) && worker_goes_on(job, done, done->pieces)) {
        uint64_t bytes;
        caddr_t ram;

        err = memory_alloc(b, (1 + stress_random(&seed, WORKER_PIECE_PAGES)) * AOS_PAGE_BYTES,
                           AOS_PAGE_BYTES, &ram, &bytes);
        err = err_is_ok(err) ? memory_free(b, ram) : err;
        for (uint32_t i = 0; err_is_ok(err) && i < WORKER_BLOCKS; i++) {
            err = worker_block(blocks, &seed) ? ERR_OK : LIB_ERR_BAD_STATE;
        }
        done->pieces++;
        thread_sleep_ns(WORKER_PAUSE_NS);
    }
    for (uint32_t i = 0; i < WORKER_BLOCKS; i++) {
        free(blocks[i]);
    }
    if (err_is_fail(err)) {
        stress_fail(done, "memory", err);
    }
}

/* Ends of other workers come and go; some are used. */
static void worker_ends(const struct stress_job *job, uint64_t seed, struct stress_done *done)
{
    while (worker_goes_on(job, done, done->ends)) {
        char name[STRESS_NAME_BYTES];
        struct bench_binding b;
        caddr_t end;
        errval_t err;

        stress_name(job->run, stress_random(&seed, job->count), name);
        err = aos_await(name, STRESS_CALL_NS, &end);
        if (err_is_ok(err) && stress_random(&seed, 2) == 0) {
            err = cap_destroy(end);
        } else if (err_is_ok(err) && err_is_ok(err = bench_bind(end, &b))) {
            err = bench_zero(&b);
            bench_close(&b);
        }
        if (err_is_fail(err)) {
            stress_fail(done, "an end", err);
        }
        done->ends++;
        thread_sleep_ns(WORKER_PAUSE_NS);
    }
}

static int worker_run(void *arg)
{
    struct load *l = arg;

    l->fn(l->job, l->job->seed, &l->done);
    return 0;
}

/* Waits until all others are done, too: they need this one's server. */
static errval_t worker_meet(const struct stress_job *job, const struct stress_done *sum)
{
    struct bench_binding b;
    char name[STRESS_NAME_BYTES];
    uint64_t r;
    caddr_t end;
    errval_t err;

    stress_meeting_name(job->run, name);
    err = aos_lookup(name, &end);
    err = err_is_ok(err) ? bench_bind(end, &b) : err;
    if (err_is_fail(err)) {
        return err;
    }
    binding_set_deadline(&b.base, AOS_FOREVER);
    return bench_eight(&b, sum->calls, sum->notes, sum->programs, sum->pieces, sum->ends,
                       sum->failed, 0, 0, &r, &r, &r, &r, &r, &r, &r, &r);
}

static bool worker_read(int argc, char **args, struct stress_job *ret_job)
{
    uint64_t ms = argc == 6 ? strtoull(args[3], NULL, 10) : 0;
    char *at = argc == 6 ? args[5] : NULL;

    if (at == NULL) {
        return false;
    }
    *ret_job = (struct stress_job){
        .run = (uint32_t)strtoul(args[0], NULL, 10), .index = (uint32_t)strtoul(args[1], NULL, 10),
        .count = (uint32_t)strtoul(args[2], NULL, 10),
        .deadline_ns = time_deadline_ns(ms * 1000000u), .seed = strtoull(args[4], NULL, 10) | 1,
    };
    while (*at != '\0' && ret_job->core_count < STRESS_WORKERS_MAX) {
        ret_job->cores[ret_job->core_count++] = (uint32_t)strtoul(at, &at, 10);
        at += *at == ',';
    }
    return ret_job->count != 0 && ret_job->core_count != 0;
}

int stress_worker(int argc, char **args)
{
    struct stress_job job;
    struct load loads[] = {
        {.job = &job, .fn = stress_calls}, {.job = &job, .fn = worker_programs},
        {.job = &job, .fn = worker_memory}, {.job = &job, .fn = worker_ends},
    };
    struct stress_done sum = {0};
    char name[STRESS_NAME_BYTES];
    errval_t err;

    if (!worker_read(argc, args, &job)) {
        return 2;
    }
    stress_name(job.run, job.index, name);
    err = stress_serve(name);
    if (err_is_fail(err)) {
        stress_fail(&sum, "a server", err);
        return 1;
    }
    for (uint32_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
        err = thread_create(worker_run, &loads[i], NULL, &loads[i].thread);
        if (err_is_fail(err)) {
            stress_fail(&sum, "a thread", err);
        }
    }
    for (uint32_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
        int status;

        if (loads[i].thread != NULL) {
            (void)thread_join(loads[i].thread, &status);
        }
        sum.calls += loads[i].done.calls;
        sum.notes += loads[i].done.notes;
        sum.programs += loads[i].done.programs;
        sum.pieces += loads[i].done.pieces;
        sum.ends += loads[i].done.ends;
        sum.failed += loads[i].done.failed;
    }
    err = worker_meet(&job, &sum);
    if (err_is_fail(err)) {
        stress_fail(&sum, "the meeting", err);
    }
    return sum.failed == 0 ? 0 : 1;
}
