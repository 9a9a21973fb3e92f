/* Who runs: round robin in slices, one-shot timer, timer queue. Interrupts are off in the kernel,
 * so nothing here is concurrent.
 *
 * Rules: the running dispatcher is in no queue. The slice belongs to the core: a dispatcher that
 * is entered by the scheduler brings its rest, a direct switch hands it on, who gives up the core
 * by waiting takes the rest with it. So time is neither made nor lost. A woken dispatcher with
 * rest goes first; one without goes to the end with a fresh slice. Who is woken by an interrupt
 * preempts. A call to one who is ready already switches to it, too: the sender waits for it anyway.
 * Who is woken by a message does not preempt: a server that answers would lose the core before
 * it waits, and its next request would find it busy, and so on for ever. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <kernel/dispatcher.h>

#define SCHED_SLICE_US 10000u            /* 10 ms */
#define SCHED_REST_MIN_US 50u            /* a smaller rest counts as none */
#define SCHED_WORK_STEPS 4u              /* of background deletions, at the end of a slice */

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
/* Length of a full slice. */
uint64_t sched_slice_ticks(void);
/* `d` became runnable: enqueues it. `d` is not current. */
void sched_ready(struct dispatcher *d);
/* `d` stopped being runnable: out of the ready queue if it is there. */
void sched_unready(struct dispatcher *d);
/* The current dispatcher must not simply go on: its slice ended, or someone goes first. Owned by
 * sched.c. */
extern bool sched_wants_switch;
/* Gives up the rest of the slice at the end of this kernel entry. */
void sched_yield(void);
/* `old`, who entered the kernel and cannot go on or must not, gives up the core: accounts, requeues
 * it if it is runnable, idles until someone is ready; the result is `current` and its slice
 * runs. */
struct dispatcher *sched_switch(struct dispatcher *old);
/* `old` waits, `next` is ready because of `old`'s message: it goes on with the rest of the
 * slice. */
void sched_direct(struct dispatcher *old, struct dispatcher *next);
/* Claims and handles all pending interrupts. */
void sched_interrupts(void);
/* Starts the first dispatcher; the boot code ends here. */
_Noreturn void sched_start(void);

/* Timer queue: at most one deadline per dispatcher, in ticks of CNTVCT_EL0. */
void timerq_insert(struct dispatcher *d, uint64_t deadline_ticks);
void timerq_remove(struct dispatcher *d);
struct dispatcher *timerq_first(void);
/* The first deadline may have changed. */
void sched_deadline_changed(void);
