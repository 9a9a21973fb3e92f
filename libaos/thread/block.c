/* Blocking and waking. Disabled. */
#include <aos/debug.h>

#include "queue_priv.h"
#include "thread_priv.h"

void thread_block_disabled(struct thread_queue *q)
{
    struct thread *self = disp_user()->current;
    USER_CHECK(disp_is_disabled());
    self->state = THREAD_BLOCKED;
    queue_insert(q, self);
    sched_switch_from(self);
}

static void block_timeout(struct timer *timer)
{
    struct thread *t = (struct thread *)(void *)((char *)timer - offsetof(struct thread, timer));
    if (t->state == THREAD_BLOCKED) {    /* else somebody has just woken it: no timeout */
        t->timed_out = true;
        thread_wake_disabled(t);
    }
}

bool thread_block_until_disabled(struct thread_queue *q, uint64_t deadline_ns)
{
    struct thread *self = disp_user()->current;
    if (deadline_ns == AOS_FOREVER) {
        thread_block_disabled(q);
        return true;
    }
    self->timed_out = false;
    self->timer.fire_disabled = block_timeout;
    /* THREADS_MAX timers are kept for threads: it does not fail for them. */
    bool armed = timer_arm_disabled(&self->timer, deadline_ns);
    USER_CHECK(armed);
    thread_block_disabled(q);
    timer_cancel_disabled(&self->timer);
    return !self->timed_out;
}

void thread_wake_disabled(struct thread *t)
{
    if (t->state != THREAD_BLOCKED) {
        return;
    }
    if (t->queue != NULL) {
        queue_remove(t->queue, t);
    }
    sched_ready(t);
}

bool thread_wake_one_disabled(struct thread_queue *q)
{
    struct thread *t = queue_pop(q);
    if (t == NULL) {
        return false;
    }
    sched_ready(t);
    return true;
}

void thread_wake_all_disabled(struct thread_queue *q)
{
    while (thread_wake_one_disabled(q)) {
    }
}
