/* Timers: a binary heap by deadline over the one deadline that the kernel keeps for this
 * dispatcher. The kernel's is never later than the earliest timer; it may be earlier, which
 * costs one spurious wake-up. Disabled. */
#include <abi/user.h>
#include <aos/debug.h>
#include <aos/thread.h>
#include <aos/time.h>

#include "thread_priv.h"

static struct {
    struct timer *heap[TIMERS_MAX];
    uint32_t count;
    uint64_t programmed;                 /* the kernel's deadline, 0 = none */
} timers;

size_t timer_count(void)
{
    return timers.count;
}

static void timer_put(uint32_t place, struct timer *t)
{
    timers.heap[place - 1] = t;
    t->place = place;
}

static struct timer *timer_at(uint32_t place)
{
    return timers.heap[place - 1];
}

static void timer_up(uint32_t place, struct timer *t)
{
    while (place > 1 && timer_at(place / 2)->deadline_ns > t->deadline_ns) {
        timer_put(place, timer_at(place / 2));
        place /= 2;
    }
    timer_put(place, t);
}

static void timer_down(uint32_t place, struct timer *t)
{
    for (;;) {
        uint32_t child = place * 2;
        if (child > timers.count) {
            break;
        }
        if (child < timers.count &&
            timer_at(child + 1)->deadline_ns < timer_at(child)->deadline_ns) {
            child++;
        }
        if (timer_at(child)->deadline_ns >= t->deadline_ns) {
            break;
        }
        timer_put(place, timer_at(child));
        place = child;
    }
    timer_put(place, t);
}

/* Tells the kernel if it would wake us too late. */
static void timer_program(void)
{
    if (timers.count == 0) {
        return;
    }
    uint64_t earliest = timer_at(1)->deadline_ns;
    earliest = earliest == 0 ? 1 : earliest;
    if (timers.programmed == 0 || earliest < timers.programmed) {
        errval_t err = inv_dispatcher_deadline(KPI_CAP_SELF_DISP, earliest);
        USER_CHECK(err_is_ok(err));
        timers.programmed = earliest;
    }
}

bool timer_arm_disabled(struct timer *t, uint64_t deadline_ns)
{
    timer_cancel_disabled(t);
    if (timers.count == TIMERS_MAX) {
        return false;
    }
    t->deadline_ns = deadline_ns;
    timers.count++;
    timer_up(timers.count, t);
    timer_program();
    return true;
}

void timer_cancel_disabled(struct timer *t)
{
    uint32_t place = t->place;
    if (place == 0) {
        return;
    }
    struct timer *last = timer_at(timers.count);
    timers.count--;
    t->place = 0;
    if (last != t) {
        if (place > 1 && timer_at(place / 2)->deadline_ns > last->deadline_ns) {
            timer_up(place, last);
        } else {
            timer_down(place, last);
        }
    }
}

void timer_expire_disabled(void)
{
    uint64_t now = time_now_ns();
    timers.programmed = 0;
    while (timers.count > 0 && timer_at(1)->deadline_ns <= now) {
        struct timer *t = timer_at(1);
        timer_cancel_disabled(t);
        t->fire_disabled(t);
    }
    timer_program();
}
