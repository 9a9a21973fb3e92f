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
#define WORKER_PROGRAMS    3u            /* kinds of them */
#define WORKER_FAMILY      2u            /* the one with a child */

struct load {
    const struct job *job;
    load_fn fn;
    uint64_t seed;
    struct thread *thread;
    struct stress_done done;
};

/* Starts a program that ends, or is killed at any time, perhaps with a child on the next core. */
static errval_t worker_program(uint32_t core, uint32_t which, uint64_t *seed)
{
    static const char *const programs[][3] = {
        {"true"}, {"stress", "--sleep"}, {"stress", "--family"},
    };
    const struct aos_launch how = {.on_core = 1 + core};
    struct aos_exit end;
    uint32_t pid, who;
    errval_t err = aos_launch(which == 0 ? 1 : 2, programs[which], &how, &pid);

    if (err_is_ok(err) && which != 0) {
        thread_sleep_ns(job_random(seed, WORKER_PAUSE_NS));
        err = aos_kill(pid);
    }
    err = err_is_ok(err) ? aos_wait(pid, &who, &end) : err;
    if (err_is_ok(err)
        && (who != pid || (which == 0 ? !end.exited || end.status != 0 : !end.killed))) {
        err = LIB_ERR_BAD_STATE;
    }
    return err;
}

/* One on each core first: what the services of any two cores keep for each other from their first
 * meeting on is there after the first round. */
static void worker_programs(const struct job *job, uint64_t seed, struct stress_done *done)
{
    while (job_goes_on(job, done, done->programs / job->core_count)) {
        uint32_t which = job_random(&seed, WORKER_PROGRAMS);
        uint32_t core = job->cores[done->programs < job->core_count
                                   ? done->programs : job_random(&seed, job->core_count)];
        uint32_t next = (core + 1) % domain_core_count();
        errval_t err = worker_program(core, which, &seed);

        /* The child may be on the core that goes off. */
        err = job_excuse(job, which == WORKER_FAMILY && job->unsteady == 1 + next ? next : core,
                         err, done);
        if (err_is_fail(err)) {
            job_fail(done, "a program", err);
        }
        done->programs++;
    }
}

/* Blocks of the heap that keep what was written into them. */
static bool worker_block(uint8_t *blocks[WORKER_BLOCKS], uint64_t *seed)
{
    uint32_t i = job_random(seed, WORKER_BLOCKS), bytes;

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
    bytes = sizeof(bytes) + job_random(seed, WORKER_BLOCK_MAX);
    blocks[i] = malloc(bytes);
    if (blocks[i] != NULL) {
        memset(blocks[i], (int)bytes, bytes);
        memcpy(blocks[i], &bytes, sizeof(bytes));
    }
    return blocks[i] != NULL;
}

static void worker_memory(const struct job *job, uint64_t seed, struct stress_done *done)
{
    uint8_t *blocks[WORKER_BLOCKS] = {NULL};
    struct memory_binding *b;
    errval_t err = aos_memory(&b);

    if (err_is_ok(err)) {
        binding_set_deadline(&b->base, STRESS_CALL_NS);
    }
    while (err_is_ok(err) && job_goes_on(job, done, done->pieces)) {
        uint64_t bytes;
        caddr_t ram;

        err = memory_alloc(b, (1 + job_random(&seed, WORKER_PIECE_PAGES)) * AOS_PAGE_BYTES,
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
        job_fail(done, "memory", err);
    }
}

/* Ends of other workers come and go; some are used. */
static void worker_ends(const struct job *job, uint64_t seed, struct stress_done *done)
{
    errval_t err = ERR_OK;

    while (err_is_ok(err) && job_goes_on(job, done, done->ends)) {
        uint32_t index = job_random(&seed, job->count);
        struct peer p = {.open = false};

        err = job_open_peer(job, index, &p);
        if (err_is_ok(err) && job_random(&seed, 2) == 0) {
            err = stress_touch(&p.binding);
        }
        err = job_check_peer(job, "an end", index, &p, err, done);
        if (p.open) {
            stress_close(&p.binding);
        }
        done->ends++;
        thread_sleep_ns(WORKER_PAUSE_NS);
    }
}

static int worker_run(void *arg)
{
    struct load *l = arg;

    l->fn(l->job, l->seed, &l->done);
    return 0;
}

/* Waits until all others are done, too: they need this one's server. */
static errval_t worker_meet(const struct job *job, const struct stress_done *sum)
{
    struct stress_binding b;
    char name[STRESS_NAME_BYTES];
    caddr_t end;
    errval_t err;

    job_meeting_name(job->run, name);
    err = aos_lookup(name, &end);
    err = err_is_ok(err) ? stress_bind(end, &b) : err;
    if (err_is_fail(err)) {
        return err;
    }
    binding_set_deadline(&b.base, AOS_FOREVER);
    return stress_meet(&b, job->index, sum);
}

static bool worker_read(int argc, char **args, struct job *ret_job)
{
    uint64_t ms = argc == WORKER_ARGS ? strtoull(args[3], NULL, 10) : 0;
    char *at = argc == WORKER_ARGS ? args[WORKER_ARGS - 1] : NULL;

    if (at == NULL) {
        return false;
    }
    *ret_job = (struct job){
        .run = (uint32_t)strtoul(args[0], NULL, 10), .index = (uint32_t)strtoul(args[1], NULL, 10),
        .count = (uint32_t)strtoul(args[2], NULL, 10),
        .deadline_ns = time_deadline_ns(ms * 1000000u), .seed = strtoull(args[4], NULL, 10),
        .unsteady = (uint32_t)strtoul(args[5], NULL, 10),
    };
    while (*at != '\0' && ret_job->core_count < STRESS_WORKERS_MAX) {
        ret_job->cores[ret_job->core_count++] = (uint32_t)strtoul(at, &at, 10);
        at += *at == ',';
    }
    return ret_job->count != 0 && ret_job->count <= STRESS_WORKERS_MAX && ret_job->core_count != 0;
}

/* All at the same time. Adds what they do. */
static void worker_loads(const struct job *job, struct stress_done *sum)
{
    struct load loads[] = {
        {.fn = calls_run}, {.fn = worker_programs}, {.fn = worker_memory}, {.fn = worker_ends},
        {.fn = lends_run}, {.fn = frames_run},
    };
    int status;

    for (uint32_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
        errval_t err;

        loads[i].job = job;
        loads[i].seed = job->seed * (sizeof(loads) / sizeof(loads[0])) + i + 1;
        err = thread_create(worker_run, &loads[i], NULL, &loads[i].thread);
        if (err_is_fail(err)) {
            job_fail(sum, "a thread", err);
        }
    }
    for (uint32_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
        if (loads[i].thread != NULL) {
            (void)thread_join(loads[i].thread, &status);
            job_add(sum, &loads[i].done);
        }
    }
}

int worker_main(int argc, char **args)
{
    struct job job;
    struct stress_done sum = {0};
    char name[STRESS_NAME_BYTES];
    errval_t err;

    if (!worker_read(argc, args, &job)) {
        return 2;
    }
    job_name(job.run, job.index, name);
    err = serve_start(name);
    if (err_is_fail(err)) {
        job_fail(&sum, "a server", err);
        return 1;
    }
    worker_loads(&job, &sum);
    err = worker_meet(&job, &sum);
    if (err_is_fail(err)) {
        job_fail(&sum, "the meeting", err);
    }
    return sum.failed == 0 ? 0 : 1;
}
