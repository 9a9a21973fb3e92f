/* Disabled sections and the boundary between the thread scheduler and the channels. For libaos
 * and generated stubs only.
 *
 * A thread that stores 1 to page.disabled cannot be switched away from, neither by its peers nor
 * by an upcall, until it enables again. Disabled code touches only memory that is mapped and has
 * been written before, takes no lock, and does not fault: a fault ends the domain. Disabled
 * sections are short and do not nest.
 *
 * Stacks grow by faults, so the stack that a disabled section needs is touched before it begins:
 * DISP_STACK_BYTES below SP, which is more than the deepest one takes (test LIB0044 measures). */
#pragma once

#include <aos/arch.h>
#include <aos/types.h>
#include <kpi/lmp.h>

#define DISP_STACK_BYTES 2048u

struct thread;

#define THREAD_LEVELS 8u                 /* of priority; the highest runs first */

/* Threads that wait: higher levels first, first in, first out within a level. All zero is empty.
 * Only touched while disabled. */
struct thread_queue {
    struct thread *head, *tail;
};

/* libaos's part of the dispatcher page, hot fields first; assembly knows the first four. */
struct disp_user {
    struct thread *current;
    /* runnable threads of the highest level that has any, without the current one; empty only if
     * no other thread is runnable */
    struct thread_queue run;
    uint64_t special;                    /* threads that are not of the default level */
    struct thread_queue levels[THREAD_LEVELS]; /* runnable threads of lower levels than `run` */
    uint8_t levels_used;                 /* bit of each level of those that has any */
    uint8_t run_level;
    bool resched;                        /* a thread of a higher level than the current is ready */
    uint32_t recv_count;                 /* empty slots in `recv` */
    /* RECV_SLOT_RESERVE + 1: stack of reserved receive slots */
    uint32_t recv[17];
};

_Static_assert(sizeof(struct disp_user) <= 4096 - KPI_PAGE_USER_OFFSET, "fits the page");

/* A received message, as the kernel delivers it (kpi/lmp.h). */
struct lmp_msg {
    uint64_t header;
    uint64_t words[KPI_LMP_WORDS];
    caddr_t cap;                         /* slot of the received capability, 0 = none */
    uint32_t cap_info;                   /* its type | rights << 8 */
};

/* The page shared with the kernel, and libaos's part of it. */
static inline struct kpi_dispatcher *disp_page(void)
{
    return arch_page();
}

static inline struct disp_user *disp_user(void)
{
    return (struct disp_user *)(void *)arch_page()->user;
}

/* Before disp_disable_touched. */
static inline __attribute__((always_inline)) void disp_stack_touch(void)
{
    arch_stack_touch(DISP_STACK_BYTES);
}

/* For whoever has touched the stack since this function was entered, or was entered disabled, or
 * calls nothing before disp_enable. Any value but 0 will do, and the page's address is at hand. */
static inline __attribute__((always_inline)) void disp_disable_touched(void)
{
    struct kpi_dispatcher *page = arch_page();
    *(volatile uint32_t *)&page->disabled = (uint32_t)(uintptr_t)page | 1u;
    arch_compiler_barrier();
}

/* From here to disp_enable no upcall interrupts, no other thread runs, and only memory that is
 * surely mapped may be touched. Does not nest. */
static inline __attribute__((always_inline)) void disp_disable(void)
{
    disp_stack_touch();
    disp_disable_touched();
}

static inline bool disp_is_disabled(void)
{
    return *(volatile uint32_t *)&arch_page()->disabled != 0;
}

/* Something came in while disabled: takes it all and enables. */
void disp_enable_pending(void);

static inline void disp_enable(void)
{
    struct kpi_dispatcher *page = arch_page();
    arch_compiler_barrier();
    *(volatile uint32_t *)&page->disabled = 0;
    arch_compiler_barrier();
    if (__builtin_expect(*(volatile uint32_t *)&page->pending != 0, 0)) {
        disp_enable_pending();
    }
}

/* The same without a look at what is pending: for a thread that disables again soon and then makes
 * a CALL, which returns it. Meanwhile the kernel upcalls as soon as it is entered. */
static inline void disp_enable_quiet(void)
{
    arch_compiler_barrier();
    *(volatile uint32_t *)&arch_page()->disabled = 0;
    arch_compiler_barrier();
}

/* Is another thread ready to run? While disabled. */
static inline bool disp_runnable(void)
{
    return disp_user()->run.head != NULL;
}

/* Would svc #SYSCALL_POLL return something? */
static inline bool disp_pending(void)
{
    return *(volatile uint32_t *)&arch_page()->pending != 0;
}

/* The channels take a message or an event of end `cookie`. Disabled. Must put a used receive
 * slot right with recv_slot_rotate_disabled when msg->cap is not 0. Wakes threads; does not
 * block. */
void chan_deliver_disabled(uint64_t cookie, const struct lmp_msg *msg);

/* The spawner wants messages recorded, or no more (aos/trace.h). Disabled. */
void chan_asked_disabled(void);

/* An upcall found the thread of `regs` interrupted. If that was within a call in one trap
 * (binding_call.S), which is not disabled: before the message is sent, the thread will begin anew;
 * when something has come and is still in `regs`, it goes on, disabled, and this does not
 * return. */
void chan_interrupted_disabled(struct kpi_regs *regs);
/* How often it was so: for tests. */
struct chan_interrupted {
    uint32_t restarted, parked;
};
extern struct chan_interrupted chan_interrupted;

/* What svc CALL or POLL returned with cookie 0: KPI_EVENT_* bits, handled by the thread library.
 * Disabled. */
void disp_event_disabled(uint64_t events);
/* Takes everything that is pending. Disabled. */
void disp_drain_disabled(void);
