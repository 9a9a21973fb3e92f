/* One-shot timers of this domain over one kernel deadline. A callback runs disabled (see
 * aos/dispatch.h) and may wake threads, nothing more. The timer is the caller's memory and all
 * zero at first. */
#pragma once

#include <aos/types.h>

#define TIMERS_MAX 2048u                 /* armed at one time: THREADS_MAX and as many again */

struct timer {
    uint64_t deadline_ns;
    void (*fire_disabled)(struct timer *t);
    uint32_t place;                      /* heap index + 1; 0 = not armed */
};

/* Disabled. An armed timer is moved. False: TIMERS_MAX are armed. */
bool timer_arm_disabled(struct timer *t, uint64_t deadline_ns);
/* Disabled. No effect if it is not armed. */
void timer_cancel_disabled(struct timer *t);
