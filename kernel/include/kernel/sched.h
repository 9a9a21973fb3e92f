/* Who runs: round robin in slices, one-shot timer, timer queue. Interrupts are off in the kernel,
 * so nothing here is concurrent.
 *
 * Rules: the running dispatcher is in no queue. The slice belongs to the core: a dispatcher that
 * is entered by the scheduler brings its rest, a direct switch hands it on, who gives up the core
 * by waiting takes the rest with it. So time is neither made nor lost. A woken dispatcher with
 * rest goes first and preempts; one without goes to the end with a fresh slice. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <kernel/dispatcher.h>

#define SCHED_SLICE_US 10000u            /* 10 ms */
#define SCHED_REST_MIN_US 50u            /* a smaller rest counts as none */

/* Counters of the core, for kernel.stats. */
struct sched_stats {
    uint64_t idle_ticks;
    /* by the scheduler; direct switches are counted as messages */
    uint64_t switches;
    uint64_t interrupts;
};
extern struct sched_stats sched_stats;

/* The dispatcher that entered the kernel; NULL while idle. */
extern struct dispatcher *current;

void sched_init(void);
/* `d` became runnable: enqueues it. `d` is not current. */
void sched_ready(struct dispatcher *d);
/* `d` stopped being runnable: out of the ready queue if it is there. */
void sched_unready(struct dispatcher *d);
/* Whether the current dispatcher must not simply go on. */
bool sched_must_switch(void);
/* Gives up the rest of the slice at the end of this kernel entry. */
void sched_yield(void);
/* `to` waits and has just been woken by `current`, which is about to wait: hands over the slice. */
void sched_direct(struct dispatcher *to);
/* Picks who runs next, idles until there is someone; sets `current`. The old current has been
 * requeued or waits. */
struct dispatcher *sched_next(void);
/* Handles the timer interrupt: deadlines that passed, end of the slice. */
void sched_timer_interrupt(void);

/* Timer queue: at most one deadline per dispatcher, in ticks of CNTVCT_EL0. */
void timerq_insert(struct dispatcher *d, uint64_t deadline_ticks);
void timerq_remove(struct dispatcher *d);
struct dispatcher *timerq_first(void);
