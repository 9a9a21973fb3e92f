/* How a trap ends that need not lead to another dispatcher. */
#pragma once

#include <kernel/check.h>
#include <kernel/sched.h>
#include <kernel/stretch.h>
#include <kernel/trap.h>

static inline struct trap_result trap_go_on(struct dispatcher *d)
{
    uint64_t leave = sched_wants_switch | (d->condition ^ DISP_RUNNABLE);

    if (__builtin_expect(leave != 0, 0)) {
        bool upcall = d->pending != 0 && dispatcher_interrupted(d);

        leave = sched_wants_switch || d->state != DISP_RUNNABLE || upcall;
    }
    check_touched();
    if (leave == 0) {
        stretch_point();
    }
    return (struct trap_result){ .d = d, .leave = leave };
}
