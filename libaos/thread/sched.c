/* The user scheduler. Invariants:
 * 1. Everything here runs disabled, on the stack of the thread that gives up the core or on the
 *    upcall stack.
 * 2. `current` is the thread whose registers are in the processor; it is in no queue. While the
 *    domain waits in the kernel, or handles an upcall, current may be a thread that is queued:
 *    nobody looks at it then but to save it.
 * 3. The FP registers in the processor are those of the thread that ran last. A preempted thread's
 *    are saved only when another thread runs, one's that gives up the core by thread_switch. */
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/slot.h>

#include "queue_priv.h"
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
        user->current = to;
        thread_switch(self, to);
    }
}

void sched_leave(void)
{
    struct disp_user *user = disp_user();
    struct thread *from = user->current;
    struct thread *to = sched_next(user);
    if (to != from && from->mode == THREAD_PREEMPTED && from->fp_state == THREAD_FP_NONE &&
        disp_page()->fp_live != 0) {
        arch_fp_save_all(from);
        from->fp_state = THREAD_FP_ALL;
    }
    user->current = to;
    thread_load(to);
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
        chan_interrupted_disabled(&page->save);
        bool queued = (why & KPI_UPCALL_FAULT) != 0 && fault_begin_disabled(t, page);
        t->regs = page->save;
        t->mode = THREAD_PREEMPTED;
        /* Before its first use of FP a thread's registers are those of its record: all zero. */
        t->fp_state = page->fp_live != 0 ? THREAD_FP_NONE : THREAD_FP_ALL;
        if (!queued) {
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
    *user = (struct disp_user){ .current = first };
    first->tpidr = tls_build(tls);
    first->stack_top = KPI_STACK_TOP;
    page->upcall_entry = (uint64_t)upcall_entry;
    page->upcall_sp = (uint64_t)(upcall_stack + sizeof(upcall_stack));
    arch_set_tls(first->tpidr);
}
