/* Threads from the inside. Queues, `mode`, `queue` and `state` change only while disabled. */
#pragma once

#include <aos/fault.h>
#include <aos/thread.h>
#include <aos/timer.h>

#include "offsets_priv.h"

#define THREAD_LEVEL_DEFAULT 4u          /* of THREAD_LEVELS: priority 0 */

enum thread_mode { THREAD_SWITCHED = 0, THREAD_PREEMPTED = 1 };
enum thread_state { THREAD_RUNNABLE, THREAD_BLOCKED, THREAD_ENDED };

/* All floating point registers. */
struct thread_fp {
    uint64_t q[64];
    uint64_t fpsr, fpcr;
};

struct thread {
    struct thread *next, *prev;          /* in `queue`, or the run queue */
    struct thread_queue *queue;          /* of a blocked thread; NULL: not in any */
    uint64_t sp;                         /* THREAD_SWITCHED: frame of thread_switch */
    uint64_t tpidr;
    uint32_t mode;                       /* enum thread_mode */
    uint32_t fp_state;                   /* THREAD_FP_*: where its FP registers are */
    uint32_t state;                      /* enum thread_state */
    uint32_t id;
    /* of THREAD_LEVELS: as it counts now, and without what waiters for its mutexes lend it */
    uint32_t level, base_level;
    struct kpi_regs regs;                /* THREAD_PREEMPTED */
    struct thread_fp fp;
    struct mutex *held;                  /* its mutexes that others wait for, by next_held */
    struct mutex *wanted;                /* the mutex it waits for */
    struct timer timer;
    bool timed_out;
    bool detached;
    bool joined;                         /* somebody waits for the end, or has done so */
    int status;
    thread_fn fn;
    void *arg;
    struct thread_queue joiners;
    struct thread *all_next, *all_prev;  /* list of all threads */
    void *values[THREAD_KEYS_MAX];
    bool has_values;                     /* maybe */
    void *stack;                         /* lowest usable address; NULL: not from paging */
    uint64_t stack_top;
    fault_handler handler;
    void *handler_arg;
    struct fault_frame *faults;          /* being handled, the innermost first (fault.c) */
    char name[THREAD_NAME_BYTES];
};

#define THREAD_ASSERT(place, value) _Static_assert((place) == (value), "switch.S relies on it")
THREAD_ASSERT(offsetof(struct thread, next), THREAD_NEXT);
THREAD_ASSERT(offsetof(struct thread, prev), THREAD_PREV);
THREAD_ASSERT(offsetof(struct thread, queue), THREAD_QUEUE);
THREAD_ASSERT(offsetof(struct thread, sp), THREAD_SP);
THREAD_ASSERT(offsetof(struct thread, tpidr), THREAD_TPIDR);
THREAD_ASSERT(offsetof(struct thread, mode), THREAD_MODE);
THREAD_ASSERT(offsetof(struct thread, fp_state), THREAD_FP_STATE);
THREAD_ASSERT(offsetof(struct thread, regs), THREAD_REGS);
THREAD_ASSERT(offsetof(struct thread, fp), THREAD_FP);
THREAD_ASSERT(offsetof(struct thread_fp, fpsr), THREAD_FP_STATUS);
THREAD_ASSERT(offsetof(struct kpi_regs, sp), REGS_SP);
THREAD_ASSERT(offsetof(struct kpi_regs, pc), REGS_PC);
THREAD_ASSERT(offsetof(struct kpi_regs, tpidr), REGS_TPIDR);
THREAD_ASSERT(offsetof(struct kpi_dispatcher, pending), PAGE_PENDING);
THREAD_ASSERT(offsetof(struct kpi_dispatcher, fp_live), PAGE_FP_LIVE);
THREAD_ASSERT(offsetof(struct kpi_dispatcher, resume_x16), PAGE_RESUME);
THREAD_ASSERT(KPI_PAGE_USER_OFFSET + offsetof(struct disp_user, current), PAGE_CURRENT);
THREAD_ASSERT(KPI_PAGE_USER_OFFSET + offsetof(struct disp_user, run.head), PAGE_RUN_HEAD);
THREAD_ASSERT(KPI_PAGE_USER_OFFSET + offsetof(struct disp_user, run.tail), PAGE_RUN_TAIL);
THREAD_ASSERT(KPI_PAGE_USER_OFFSET + offsetof(struct disp_user, special), PAGE_SPECIAL);

/* What arch_wait and arch_poll bring: registers x0-x11. */
struct arch_received {
    uint64_t cookie;
    uint64_t header;                     /* cookie 0: KPI_EVENT_* */
    uint64_t words[KPI_LMP_WORDS];
    uint32_t cap;
    uint32_t cap_info;
};
void arch_wait(struct arch_received *ret);
void arch_poll(struct arch_received *ret);

/* switch.S */
void thread_switch(struct thread *from, struct thread *to);
void thread_load(struct thread *to) __attribute__((noreturn));
/* The same with registers that are not in its record; those of FP are in place. */
void thread_load_regs(struct thread *to, const struct kpi_regs *regs) __attribute__((noreturn));
void arch_fp_save_all(struct thread_fp *fp);
void arch_fp_load_all(const struct thread_fp *fp);
void upcall_entry(void);

/* sched.c; all disabled */
void sched_switch_from(struct thread *self);
void sched_leave(void) __attribute__((noreturn));
void sched_ready(struct thread *t);
/* The thread gets another level, wherever it is. */
void sched_set_level(struct thread *t, uint32_t level);
/* To a thread of the same or a higher level, if there is one. */
void sched_yield_disabled(void);
/* thread_yield where there are threads of several levels. */
void thread_yield_levels(void);
void sched_init(struct thread *main, void *tls);
void upcall_handle(uint64_t why) __attribute__((noreturn));

/* timer.c */
void timer_expire_disabled(void);
size_t timer_count(void);

/* fault.c; disabled: the current thread faulted, its registers are in page->save. Returns only if
 * the thread has to wait, true: it is in a queue, runs again later and faults again. */
bool fault_begin_disabled(struct thread *t, const struct kpi_dispatcher *page);
/* arch/ARCH/fault.S */
void fault_enter(void *sp, struct fault_frame *frame, void (*fn)(struct fault_frame *frame))
    __attribute__((noreturn));

/* report.c */
void fault_report(const struct fault *f, const struct thread *t);
void report_registers(const struct kpi_regs *regs);
void report_backtrace(uint64_t pc, uint64_t fp);

/* tls.c: bytes a thread's TLS takes below stack_top, and its TPIDR. */
uint64_t tls_bytes(void);
uint64_t tls_build(void *memory);

/* thread.c */
void thread_register(struct thread *t);
void thread_start_helper(void);

/* mutex.c; disabled */
bool mutex_lock_disabled(struct mutex *m, uint64_t deadline_ns);
void mutex_unlock_disabled(struct mutex *m);
/* Its own level or what it inherits has changed: puts it right, and the owners it waits for. */
void thread_relevel_disabled(struct thread *t);

/* keys.c: of the thread that ends */
void thread_keys_end(struct thread *self);
