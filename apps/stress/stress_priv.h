/* What the parts of stress share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <aos/cap.h>
#include <aos/waitset.h>
#include <if/stress.h>

#define STRESS_WORKERS_MAX 16u
#define STRESS_NAME_BYTES  32u
#define STRESS_CALL_NS     60000000000ull /* bounds a hang */

/* What one worker needs to know. */
struct job {
    uint32_t run;                        /* pid of the program that started it */
    uint32_t index, count;               /* of the workers */
    uint64_t deadline_ns;
    uint64_t seed;
    uint32_t unsteady;                   /* 1 + a core that goes off and on meanwhile; 0: none */
    uint32_t cores[STRESS_WORKERS_MAX];  /* that programs may be started on */
    uint32_t core_count;
};

/* A connection to another worker; all zero: none. */
struct peer {
    struct stress_binding binding;
    bool open;
    uint64_t number;                     /* of the last message */
    uint64_t notes;
};

/* --- job.c ---------------------------------------------------------------------------------- */

/* The name of worker `index` of the run `run`, and that of the meeting. */
void job_name(uint32_t run, uint32_t index, char ret_name[STRESS_NAME_BYTES]);
void job_meeting_name(uint32_t run, char ret_name[STRESS_NAME_BYTES]);
/* xorshift64* of `io_state`, which is not 0; below `end`. */
uint32_t job_random(uint64_t *io_state, uint32_t end);
/* Byte `at` of what is made of `seed`. */
uint8_t job_byte(uint64_t seed, size_t at);
/* Says what went wrong, and counts it. */
void job_fail(struct stress_done *done, const char *what, errval_t err);
/* Adds `done` to `sum`. */
void job_add(struct stress_done *sum, const struct stress_done *done);
/* Each load does something, however slow the machine is: `times` so far. */
bool job_goes_on(const struct job *job, const struct stress_done *done, uint64_t times);
/* ERR_OK in place of an error that comes of a core that went off, which is counted. */
errval_t job_excuse(const struct job *job, uint32_t core, errval_t err, struct stress_done *done);
uint32_t job_core_of(const struct job *job, uint32_t index);
/* Connects with worker `index`, if there is no connection yet. */
errval_t job_open_peer(const struct job *job, uint32_t index, struct peer *p);
/* What job_excuse returns; the connection that has failed is closed, and what is no excuse is said
 * and counted. */
errval_t job_check_peer(const struct job *job, const char *what, uint32_t index, struct peer *p,
                        errval_t err, struct stress_done *done);
/* A random one of `peers`, one for each worker, is open. */
errval_t job_pick_peer(const struct job *job, uint64_t *seed, struct peer *peers,
                       uint32_t *ret_index);

/* Ends all these connections, and frees their memory. */
void job_close_peers(const struct job *job, struct peer *peers);

/* --- serve.c: a server in a thread of its own ------------------------------------------------ */

errval_t serve_start(const char *name);
/* The meeting: who comes waits until `count` have come and it is not held any more, or
 * meeting_end. */
void meeting_expect(uint32_t count, bool held);
/* No worker is replaced from now on: who has come may leave when all have. */
void meeting_release(void);
/* Worker `index` has ended, and another comes in its place. */
void meeting_forget(uint32_t index);
/* How many have come; what they have done in all. */
uint32_t meeting_end(struct stress_done *ret_sum);

/* --- loads, each for a thread: until the deadline -------------------------------------------- */

typedef void (*load_fn)(const struct job *job, uint64_t seed, struct stress_done *done);
void calls_run(const struct job *job, uint64_t seed, struct stress_done *done);
void frames_run(const struct job *job, uint64_t seed, struct stress_done *done);
void lends_run(const struct job *job, uint64_t seed, struct stress_done *done);

/* The servers' side of frames_run: what one connection has given. All zero: nothing. */
#define KEEP_FRAMES_MAX 4u
struct keep {
    struct { caddr_t frame; void *at; uint64_t bytes; bool used; } places[KEEP_FRAMES_MAX];
};
errval_t keep_add(struct keep *k, caddr_t frame, uint64_t mark, stress_use_t use,
                  uint32_t *ret_place);
errval_t keep_look(struct keep *k, uint32_t place, uint64_t mark);
errval_t keep_leave(struct keep *k, uint32_t place, stress_was_t was);
void keep_leave_all(struct keep *k);
/* 0: it has none. */
caddr_t keep_any(const struct keep *k);

/* --- programs -------------------------------------------------------------------------------- */

/* worker.c: `args` are those of main behind "--worker". Returns the status of the program. */
#define WORKER_ARGS 7
int worker_main(int argc, char **args);

/* team.c: the workers. False: there are none, or there is nobody who switches cores. */
bool team_find(bool switching);
/* Init as the shell has it, if that lends it (`core lend`); else NULL. */
struct init_binding *team_lent(void);
/* Who makes of numbers more numbers. */
void team_seed(uint64_t seed);
/* All workers work for a time. False: not all was well. Says what they have done. */
bool team_work(uint64_t ms);
