/* What the parts of stress share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <aos/waitset.h>
#include <if/bench.h>

#define STRESS_WORKERS_MAX 16u
#define STRESS_NAME_BYTES  32u
#define STRESS_CALL_NS     60000000000ull /* bounds a hang */

/* What a worker has done; `failed` things of it in vain. */
struct stress_done {
    uint64_t calls, notes, programs, pieces, ends, failed;
};

/* What one worker needs to know. */
struct stress_job {
    uint32_t run;                        /* pid of the program that started it */
    uint32_t index, count;               /* of the workers */
    uint64_t deadline_ns;
    uint64_t seed;
    uint32_t cores[STRESS_WORKERS_MAX];  /* that programs may be started on */
    uint32_t core_count;
};

/* The name of worker `index` of the run `run`. */
void stress_name(uint32_t run, uint32_t index, char ret_name[STRESS_NAME_BYTES]);
/* That of the meeting. */
void stress_meeting_name(uint32_t run, char ret_name[STRESS_NAME_BYTES]);
/* xorshift64* of `io_state`, which is not 0; below `end`. */
uint32_t stress_random(uint64_t *io_state, uint32_t end);
/* Says what went wrong, and counts it. */
void stress_fail(struct stress_done *done, const char *what, errval_t err);

/* serve.c: answers the calls of other workers under the name, in a thread of its own. */
errval_t stress_serve(const char *name);
/* The same for the meeting: who comes waits until `count` have come, or stress_meeting_end. */
errval_t stress_meeting_begin(const char *name);
void stress_meeting_expect(uint32_t count);
/* How many have come; adds what they have done up. */
uint32_t stress_meeting_end(struct stress_done *ret_sum);

/* calls.c: calls all workers until the deadline. */
void stress_calls(const struct stress_job *job, uint64_t seed, struct stress_done *done);

/* worker.c: `args` are those of main behind "--worker". Returns the status of the program. */
int stress_worker(int argc, char **args);
