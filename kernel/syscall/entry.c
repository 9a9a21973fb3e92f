/* Every way from user mode into C: system calls, interrupts, faults. */
#include <kernel/cspace.h>
#include <abi/syscalls.h>
#include <arch/esr.h>
#include <arch/sysreg.h>
#include <kernel/check.h>
#include <kernel/dispatcher.h>
#include <kernel/ends.h>
#include <kernel/fpu.h>
#include <kernel/lmp.h>
#include <kernel/sched.h>
#include <kernel/stack_guard.h>
#include <kernel/stretch.h>
#include <kernel/trap.h>
#include "trap_priv.h"

/* What a handler leaves to trap_switch; owned by this file. */
static struct {
    struct lmp_woken direct;             /* by the message of a CALL: it goes on at once */
    bool fault;
    uint64_t esr;
    uint64_t far;
} trap;

static struct trap_result trap_leave_for(struct dispatcher *d)
{
    return (struct trap_result){ .d = d, .leave = 1 };
}

static struct trap_result trap_fault(struct dispatcher *d, uint64_t esr)
{
    trap.fault = true;
    trap.esr = esr;
    trap.far = sysreg_read(far_el1);
    return trap_leave_for(d);
}

static STACK_GUARD_NONE struct trap_result syscall_call(struct dispatcher *d)
{
    uint64_t *x = d->frame.x;
    struct lmp_woken woken = { .d = NULL };

    if (x[0] != 0) {
        errval_t err = lmp_call(d, &woken);

        if (err_is_fail(err)) {
            x[0] = 0;
            x[1] = KPI_EVENT_ERROR;
            x[2] = err;
            return trap_go_on(d);
        }
    }
    if (d->pending != 0 && dispatcher_has_news(d)) {
        lmp_poll(d);
        return trap_go_on(d);
    }
    d->state = DISP_WAITING;
    trap.direct = woken;
    return trap_leave_for(d);
}

static struct trap_result syscall_resume(struct dispatcher *d, uint64_t esr)
{
    struct kpi_dispatcher *page = dispatcher_page(d);

    if (page->disabled == 0) {
        return trap_fault(d, esr);
    }
    d->frame.x[16] = page->resume_x16;
    d->frame.x[17] = page->resume_x17;
    sysreg_write(elr_el1, page->resume_pc);
    sysreg_write(spsr_el1, page->resume_pstate & TRAP_PSTATE_USER);
    page->disabled = 0;
    return trap_go_on(d);
}

STACK_GUARD_NONE struct trap_result trap_send(struct dispatcher *d)
{
    current = d;
    d->frame.x[0] = lmp_send(d);
    return trap_go_on(d);
}

/* Calls that come here seldom. Apart, so that the others need no stack. */
static __attribute__((noinline)) STACK_GUARD_NONE struct trap_result
trap_syscall_other(struct dispatcher *d, uint64_t esr)
{
    switch (esr & 0xffffu) {
    case SYSCALL_CALL:
        return syscall_call(d);
    case SYSCALL_INVOKE:
        return trap_invoke(d);
    case SYSCALL_SEND:
        return trap_send(d);
    case SYSCALL_POLL:
        lmp_poll(d);
        return trap_go_on(d);
    case SYSCALL_YIELD:
        sched_yield();
        return trap_leave_for(d);
    default:
        return trap_fault(d, esr);
    }
}

static STACK_GUARD_NONE struct trap_result trap_syscall(struct dispatcher *d, uint64_t esr)
{
    if ((esr & 0xffffu) == SYSCALL_RESUME) {
        return syscall_resume(d, esr);
    }
    return trap_syscall_other(d, esr);
}

STACK_GUARD_NONE struct trap_result trap_sync(struct dispatcher *d, uint64_t esr)
{
    current = d;
    if (ESR_CLASS(esr) == ESR_CLASS_SVC) {
        return trap_syscall(d, esr);
    }
    if (ESR_CLASS(esr) == ESR_CLASS_FP) {
        fpu_take(d);
        return trap_go_on(d);
    }
    return trap_fault(d, esr);
}

struct trap_result trap_irq(struct dispatcher *d)
{
    current = d;
    sched_interrupts();
    return trap_go_on(d);
}

/* Asynchronous, but devices are mapped without early acknowledgement of writes from devices that
 * report errors, so it is charged to whoever runs. */
struct trap_result trap_serror(struct dispatcher *d, uint64_t esr)
{
    current = d;
    return trap_fault(d, esr);
}

struct dispatcher *trap_switch(struct dispatcher *d)
{
    struct lmp_woken direct = trap.direct;
    struct dispatcher *next = d;

    if (direct.d != NULL) {
        trap.direct.d = NULL;
        sched_direct(d, direct.d);
        if (direct.delivered) {
            dispatcher_load(direct.d);
        } else {
            dispatcher_enter(direct.d);
        }
        stretch_point();
        return direct.d;
    }
    if (trap.fault) {
        trap.fault = false;
        fault_handle(d, trap.esr, trap.far);
    }
    ends_log_poll();
    check_touched();
    if (d->state != DISP_RUNNABLE || d->ready || sched_wants_switch) {
        next = sched_switch(d);
    }
    dispatcher_enter(next);
    stretch_point();
    return next;
}
