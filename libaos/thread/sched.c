/* The user scheduler. Invariants:
 * 1. Everything here runs disabled, on the stack of the thread that gives up the core or on the
 *    upcall stack.
 * 2. `current` is the thread whose registers are in the processor; it is in no queue. While the
 *    domain waits in the kernel, or handles an upcall, current may be a thread that is queued:
 *    nobody looks at it then but to save it.
 * 3. Runnable threads are in `run` if they are of run_level, else in the queue of their level,
 *    which is a lower one. `run` is refilled at once when its last thread leaves, so a look at its
 *    head tells whether anybody is runnable. The `queue` of a runnable thread means nothing.
 * 4. The FP registers in the processor are those of the thread that ran last. A preempted thread's
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

/* The queue of runnable threads of a level. */
static struct thread_queue *sched_queue(struct disp_user *user, uint32_t level)
{
    return user->run.head != NULL && level == user->run_level ? &user->run : &user->levels[level];
}

/* `run` becomes the queue of a higher level. */
static void sched_raise(struct disp_user *user, uint32_t level)
{
    if (user->run.head != NULL) {
        user->levels[user->run_level] = user->run;
        user->levels_used |= (uint8_t)(1u << user->run_level);
        user->run = (struct thread_queue){ .head = NULL };
    }
    user->run_level = (uint8_t)level;
}

/* `run` has become empty: the next level takes its place. */
static void sched_lower(struct disp_user *user)
{
    uint32_t level = 31u - (uint32_t)__builtin_clz(user->levels_used);
    user->run = user->levels[level];
    user->levels[level] = (struct thread_queue){ .head = NULL };
    user->levels_used &= (uint8_t)~(1u << level);
    user->run_level = (uint8_t)level;
}

static void sched_push(struct disp_user *user, struct thread *t)
{
    if (user->run.head == NULL || t->level > user->run_level) {
        sched_raise(user, t->level);
    }
    if (t->level == user->run_level) {
        queue_push(&user->run, t);
    } else {
        queue_push(&user->levels[t->level], t);
        user->levels_used |= (uint8_t)(1u << t->level);
    }
}

static struct thread *sched_pop(struct disp_user *user)
{
    struct thread *t = queue_pop(&user->run);
    if (user->run.head == NULL && user->levels_used != 0) {
        sched_lower(user);
    }
    return t;
}

static void sched_take_out(struct disp_user *user, struct thread *t)
{
    struct thread_queue *q = sched_queue(user, t->level);
    queue_remove(q, t);
    if (q->head != NULL) {
        return;
    }
    if (q != &user->run) {
        user->levels_used &= (uint8_t)~(1u << t->level);
    } else if (user->levels_used != 0) {
        sched_lower(user);
    }
}

/* Makes the next disp_enable look whether another thread should run: it sees that something is
 * pending. */
static void sched_ask(struct disp_user *user)
{
    user->resched = true;
    *(volatile uint32_t *)&disp_page()->pending = 1;
}

void sched_ready(struct thread *t)
{
    struct disp_user *user = disp_user();
    t->state = THREAD_RUNNABLE;
    sched_push(user, t);
    if (t->level > user->current->level) {
        sched_ask(user);
    }
}

void sched_set_level(struct thread *t, uint32_t level)
{
    struct disp_user *user = disp_user();
    uint32_t old = t->level;
    bool queued = t != user->current && t->state == THREAD_RUNNABLE;
    if (old == level) {
        return;
    }
    user->special += (uint64_t)(level != THREAD_LEVEL_DEFAULT)
                     - (uint64_t)(old != THREAD_LEVEL_DEFAULT);
    if (queued) {
        sched_take_out(user, t);
    }
    t->level = level;
    if (queued) {
        sched_push(user, t);
    } else if (t->state == THREAD_BLOCKED && t->queue != NULL) {
        struct thread_queue *q = t->queue;
        queue_remove(q, t);
        queue_insert(q, t);
    }
    if (user->run.head != NULL && user->run_level > user->current->level) {
        sched_ask(user);
    }
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
    struct thread *t = sched_pop(user);
    while (t == NULL) {
        struct arch_received r;
        arch_wait(&r);
        sched_deliver(&r);
        t = sched_pop(user);
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

void sched_yield_disabled(void)
{
    struct disp_user *user = disp_user();
    struct thread *self = user->current;
    if (user->run.head != NULL && user->run_level >= self->level) {
        sched_push(user, self);
        sched_switch_from(self);
    }
}

void thread_yield_levels(void)
{
    disp_disable();
    sched_yield_disabled();
    disp_enable();
}

void sched_leave(void)
{
    struct disp_user *user = disp_user();
    struct thread *from = user->current;
    struct thread *to = sched_next(user);
    if (to != from && from->mode == THREAD_PREEMPTED && from->fp_state == THREAD_FP_NONE &&
        disp_page()->fp_live != 0) {
        arch_fp_save_all(&from->fp);
        from->fp_state = THREAD_FP_ALL;
    }
    user->current = to;
    thread_load(to);
}

/* If sched_ask said that something is pending, what the kernel has told besides is found by asking
 * the kernel at least once. */
void disp_drain_disabled(void)
{
    struct disp_user *user = disp_user();
    bool asked = user->resched;
    if (asked) {
        user->resched = false;
        *(volatile uint32_t *)&disp_page()->pending = 0;
    }
    for (; asked || disp_pending(); asked = false) {
        struct arch_received r;
        arch_poll(&r);
        if (r.cookie == 0 && r.header == 0) {
            return;
        }
        if (asked && r.cookie == 0 && (r.header & KPI_EVENT_SLOT) != 0) {
            *(volatile uint32_t *)&disp_page()->pending = 1; /* the kernel does not repeat it */
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
    struct disp_user *user = disp_user();
    do {
        disp_disable();
        disp_drain_disabled();
        if (user->run.head != NULL && user->run_level > user->current->level) {
            sched_yield_disabled();
        }
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
            sched_push(user, t);
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
    first->level = THREAD_LEVEL_DEFAULT;
    first->base_level = THREAD_LEVEL_DEFAULT;
    first->tpidr = tls_build(tls);
    first->stack_top = KPI_STACK_TOP;
    page->upcall_entry = (uint64_t)upcall_entry;
    page->upcall_sp = (uint64_t)(upcall_stack + sizeof(upcall_stack));
    arch_set_tls(first->tpidr);
}
