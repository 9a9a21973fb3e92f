/* The scheduler (rules: kernel/sched.h). */
#include <kernel/sched.h>
#include <arch/sysreg.h>
#include <kernel/cap.h>
#include <kernel/doorbell.h>
#include <kernel/ends.h>
#include <kernel/irq.h>
#include <kernel/irq_cap.h>
#include <kernel/mmu.h>
#include <kernel/panic.h>
#include <kernel/power.h>
#include <kernel/stretch.h>
#include <kernel/timer.h>
#include <kernel/trap.h>

#define TICKS_NEVER UINT64_MAX

/* Owned by this file; others read them. */
struct sched_stats sched_stats;
struct dispatcher *current;
bool sched_wants_switch;

/* State of the core's scheduler; owned by this file. */
static struct {
    struct dispatcher *first, *last;     /* ready queue */
    uint64_t slice;                      /* ticks of a full slice */
    uint64_t rest_min;                   /* ticks; a smaller rest counts as none */
    uint64_t slice_end;                  /* tick at which the running dispatcher's slice ends */
    bool interrupt;                      /* an interrupt is being handled */
    bool slice_over;                     /* background deletions get their share */
    uint64_t armed;                      /* tick the timer is set to, TICKS_NEVER = off */
} sched;

void sched_init(void)
{
    sched.slice = (uint64_t)timer_hz() * SCHED_SLICE_US / 1000000u;
    sched.rest_min = (uint64_t)timer_hz() * SCHED_REST_MIN_US / 1000000u;
    sched.armed = TICKS_NEVER;
    irq_cap_reserve(timer_irq());
}

static void sched_push_back(struct dispatcher *d)
{
    d->ready = true;
    d->ready_next = NULL;
    d->ready_prev = sched.last;
    if (sched.last != NULL) {
        sched.last->ready_next = d;
    } else {
        sched.first = d;
    }
    sched.last = d;
}

static void sched_push_front(struct dispatcher *d)
{
    d->ready = true;
    d->ready_prev = NULL;
    d->ready_next = sched.first;
    if (sched.first != NULL) {
        sched.first->ready_prev = d;
    } else {
        sched.last = d;
    }
    sched.first = d;
}

void sched_unready(struct dispatcher *d)
{
    if (!d->ready) {
        return;
    }
    d->ready = false;
    if (d->ready_prev != NULL) {
        d->ready_prev->ready_next = d->ready_next;
    } else {
        sched.first = d->ready_next;
    }
    if (d->ready_next != NULL) {
        d->ready_next->ready_prev = d->ready_prev;
    } else {
        sched.last = d->ready_prev;
    }
    d->ready_next = NULL;
    d->ready_prev = NULL;
}

void sched_ready(struct dispatcher *d)
{
    kernel_assert(!d->ready && d != current && d->state == DISP_RUNNABLE);
    if (d->slice_left >= sched.rest_min) {
        sched_push_front(d);
        if (sched.interrupt) {
            sched_wants_switch = true;
        }
    } else {
        d->slice_left = 0;
        sched_push_back(d);
    }
}

uint64_t sched_slice_ticks(void)
{
    return sched.slice;
}

void sched_yield(void)
{
    sched.slice_end = 0;
    sched_wants_switch = true;
}

/* What the running dispatcher has not used of the slice. */
static uint64_t sched_rest(uint64_t now)
{
    uint64_t rest = sched.slice_end > now ? sched.slice_end - now : 0;

    return rest < sched.rest_min ? 0 : rest;
}

/* Sets the timer to the earlier of slice end (TICKS_NEVER while idle) and first deadline. */
static void sched_arm(uint64_t slice_end)
{
    struct dispatcher *first = timerq_first();
    uint64_t when = slice_end;

    if (first != NULL && first->deadline < when) {
        when = first->deadline;
    }
    if (when == sched.armed) {
        return;
    }
    sched.armed = when;
    if (when == TICKS_NEVER) {
        timer_disarm();
    } else {
        timer_arm_ticks(when);
    }
}

void sched_deadline_changed(void)
{
    sched_arm(sched.slice_end);
}

static void sched_timer_interrupt(void)
{
    uint64_t now = timer_ticks();
    struct dispatcher *d;

    sched.armed = TICKS_NEVER;
    timer_disarm();
    while ((d = timerq_first()) != NULL && d->deadline <= now) {
        timerq_remove(d);
        d->pending |= DISP_PENDING_TIMER;
        dispatcher_notify(d);
    }
    if (current != NULL) {
        if (now >= sched.slice_end) {
            sched_wants_switch = true;
            sched.slice_over = true;
        }
        sched_arm(now >= sched.slice_end ? TICKS_NEVER : sched.slice_end);
    }
}

static void sched_claim(void)
{
    uint32_t irq;

    while (stretch_point(), (irq = irq_claim()) != IRQ_NONE) {
        sched_stats.interrupts++;
        if (irq == timer_irq()) {
            sched_timer_interrupt();
        } else if (irq < IRQ_FIRST_PRIVATE) {
            doorbell_rung(irq);
        } else {
            irq_cap_deliver(irq);
        }
        irq_eoi(irq);
    }
}

void sched_interrupts(void)
{
    sched.interrupt = true;
    sched_claim();
    if (sched.slice_over) {
        sched.slice_over = false;
        doorbell_hear();
        for (unsigned i = 0; i < SCHED_WORK_STEPS && cap_work(); i++) {
            sched_claim();
        }
    }
    sched.interrupt = false;
}

/* Nothing is ready: sleeps until an interrupt makes something ready. */
static void sched_idle(void)
{
    uint64_t start = timer_ticks();

    dispatcher_unload();
    while (sched.first == NULL) {
        if (cap_work()) {
            sched_interrupts();
            continue;
        }
        doorbell_hear();
        sched_arm(TICKS_NEVER);
        power_idle(sched.armed);
        sched_interrupts();
        ends_log_poll(); /* while nobody is current */
    }
    sched_stats.idle_ticks += timer_ticks() - start;
}

struct dispatcher *sched_switch(struct dispatcher *old)
{
    uint64_t now = timer_ticks();
    uint64_t rest = sched_rest(now);
    bool requeue = old->state == DISP_RUNNABLE && !old->ready;

    old->cpu_ticks += now;
    current = NULL;
    if (doorbell_muted != 0) {
        doorbell_hear_at(now);
    }
    old->slice_left = rest;
    if (requeue && rest == 0) {
        old->preemptions++;
        sched_push_back(old);
        requeue = false;
    }
    if (!requeue && sched.first == NULL) {
        sched_idle();
        now = timer_ticks();
    }

    struct dispatcher *next = sched.first;

    if (next == NULL) {
        kernel_assert(old->state == DISP_RUNNABLE);
        next = old;                      /* it was not requeued: nobody else is ready */
    } else {
        kernel_assert(next->state == DISP_RUNNABLE);
        sched_unready(next);
        if (requeue) {
            old->preemptions++;
            sched_push_front(old);
        }
    }
    if (next != old) {
        sched_stats.switches++;
    }
    sched_wants_switch = false;
    sched.slice_end = now + (next->slice_left != 0 ? next->slice_left : sched.slice);
    next->slice_left = 0; /* it is the core's now */
    next->cpu_ticks -= now;
    current = next;
    sched_arm(sched.slice_end);
    return next;
}

void sched_direct(struct dispatcher *old, struct dispatcher *next)
{
    uint64_t now = timer_ticks();

    kernel_assert(next != old && next->state == DISP_RUNNABLE && old->state == DISP_WAITING);
    sched_unready(next);
    old->cpu_ticks += now;
    next->cpu_ticks -= now;
    sched_wants_switch = false;
    current = next;
}

_Noreturn void sched_start(void)
{
    static struct dispatcher boot;       /* owner of the core until the first switch; never runs */

    boot.state = DISP_DEAD;
    stretch_start();
    struct dispatcher *first = sched_switch(&boot);

    dispatcher_enter(first);
    context_enter(first);
}
