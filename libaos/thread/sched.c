/* The user scheduler. Invariants:
 * 1. Everything here runs disabled, on the stack of the thread that gives up the core or on the
 *    upcall stack.
 * 2. `current` is the thread whose registers are in the processor; it is in no queue. While the
 *    domain waits in the kernel, or handles an upcall, current may be a thread that is queued:
 *    nobody looks at it then but to save it.
 * 3. fp_owner is the thread whose FP registers the dispatcher holds, if the dispatcher has ever
 *    used them. Its state is saved only when another thread is switched to. */
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/slot.h>

#include "thread_priv.h"

#define UPCALL_STACK_BYTES 16384u

static uint8_t upcall_stack[UPCALL_STACK_BYTES] __attribute__((aligned(16)));

struct thread *thread_self(void)
{
    return disp_user()->current;
}

void sched_ready(struct thread *t)
{
    t->state = THREAD_RUNNABLE;
    queue_push(&disp_user()->run, t);
}

static void sched_fp_switch(struct disp_user *user, struct thread *to)
{
    struct thread *from = user->fp_owner;
    user->fp_owner = to;
    if (from == to) {
        return;
    }
    if (from != NULL && from->mode == THREAD_PREEMPTED) {
        arch_fp_save_all(from);
        from->fp_state = THREAD_FP_ALL;
    } else if (from != NULL) {
        arch_fp_save_callee(from);
        from->fp_state = THREAD_FP_CALLEE;
    }
    if (to->fp_state == THREAD_FP_ALL) {
        arch_fp_load_all(to);
    } else if (to->fp_state == THREAD_FP_CALLEE) {
        arch_fp_load_callee(to);
    } else {
        arch_fp_reset();
    }
    to->fp_state = THREAD_FP_NONE;
}

static void sched_make_current(struct disp_user *user, struct thread *to)
{
    if (__builtin_expect(disp_page()->fp_live != 0, 0)) {
        sched_fp_switch(user, to);
    } else {
        user->fp_owner = to;
    }
    user->current = to;
}

static void sched_deliver(const struct arch_received *r)
{
    if (r->cookie == 0) {
        disp_event_disabled(r->header);
        return;
    }
    struct lmp_msg msg;
    msg.header = r->header;
    for (uint32_t i = 0; i < KPI_LMP_WORDS; i++) {
        msg.words[i] = r->words[i];
    }
    msg.cap = r->cap;
    msg.cap_info = r->cap_info;
    chan_deliver_disabled(r->cookie, &msg);
}

/* Waits in the kernel until a thread is runnable. */
static struct thread *sched_next(struct disp_user *user)
{
    struct thread *t = queue_pop(&user->run);
    while (t == NULL) {
        struct arch_received r;
        arch_wait(&r);
        sched_deliver(&r);
        t = queue_pop(&user->run);
    }
    return t;
}

void sched_switch_from(struct thread *self)
{
    struct disp_user *user = disp_user();
    struct thread *to = sched_next(user);
    if (to != self) {
        sched_make_current(user, to);
        thread_switch(self, to);
    }
}

void sched_leave(void)
{
    struct disp_user *user = disp_user();
    struct thread *to = sched_next(user);
    sched_make_current(user, to);
    thread_load(to);
}

void thread_yield(void)
{
    disp_disable();
    struct disp_user *user = disp_user();
    struct thread *to = queue_pop(&user->run);
    if (to != NULL) {
        struct thread *self = user->current;
        queue_push(&user->run, self);
        sched_make_current(user, to);
        thread_switch(self, to);
    }
    disp_enable();
}

void disp_drain_disabled(void)
{
    while (disp_pending()) {
        struct arch_received r;
        arch_poll(&r);
        if (r.cookie == 0 && r.header == 0) {
            return;
        }
        sched_deliver(&r);
        if (r.cookie == 0 && (r.header & KPI_EVENT_SLOT) != 0 && disp_page()->recv_slot == 0) {
            return;                      /* nothing more until a thread has made slots */
        }
    }
}

void disp_enable_pending(void)
{
    struct kpi_dispatcher *page = disp_page();
    do {
        disp_disable();
        disp_drain_disabled();
        arch_compiler_barrier();
        *(volatile uint32_t *)&page->disabled = 0;
        arch_compiler_barrier();
    } while (disp_pending() && page->recv_slot != 0);
}

void upcall_handle(uint64_t why)
{
    struct kpi_dispatcher *page = disp_page();
    struct disp_user *user = disp_user();
    if ((why & KPI_UPCALL_SAVED) != 0) {
        struct thread *t = user->current;
        t->regs = page->save;
        t->mode = THREAD_PREEMPTED;
        if ((why & KPI_UPCALL_FAULT) != 0) {
            fault_begin_disabled(t, page->fault_esr, page->fault_far);
        } else {
            queue_push(&user->run, t);
        }
    }
    disp_drain_disabled();
    sched_leave();
}

void sched_init(struct thread *first, void *tls)
{
    struct kpi_dispatcher *page = disp_page();
    struct disp_user *user = disp_user();
    *user = (struct disp_user){ .current = first, .fp_owner = first };
    first->tpidr = tls_build(tls);
    first->stack_top = KPI_STACK_TOP;
    page->upcall_entry = (uint64_t)upcall_entry;
    page->upcall_sp = (uint64_t)(upcall_stack + sizeof(upcall_stack));
    arch_set_tls(first->tpidr);
}
