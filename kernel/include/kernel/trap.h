/* Between the exception vectors and C. */
#pragma once

#include <stdint.h>
#include <kernel/dispatcher.h>

/* What a trap handler tells trap_leave. */
struct trap_result {
    struct dispatcher *d;                /* the dispatcher that trapped */
    uint64_t leave;                      /* 0: it goes on at once */
};

/* Called by exceptions.S with x0-x18, x29, x30 saved in d->frame; x19-x28, SP_EL0, ELR, SPSR and
 * TPIDR_EL0 are still in their registers. */
struct trap_result trap_sync(struct dispatcher *d, uint64_t esr);
struct trap_result trap_invoke(struct dispatcher *d); /* svc #SYSCALL_INVOKE */
struct trap_result trap_send(struct dispatcher *d);   /* svc #SYSCALL_SEND */
struct trap_result trap_irq(struct dispatcher *d);
struct trap_result trap_serror(struct dispatcher *d, uint64_t esr);

/* All registers of `d` are in its frame: finishes the trap; returns who is entered now. */
struct dispatcher *trap_switch(struct dispatcher *d);

/* Loads all registers from d->frame and goes to user mode; never returns. */
_Noreturn void context_enter(struct dispatcher *d);

/* *to = *from, in pairs of registers. */
void context_copy(struct kpi_regs *to, const struct kpi_regs *from);

/* The message path in assembly (fastpath.S) and the way from it to trap_sync. */
void lmp_fast(void);
void trap_sync_slow(void);

/* What PSTATE bits user mode chooses itself: NZCV, TCO, DIT, SSBS, BTYPE (DDI 0487, C5.2.19). */
#define TRAP_PSTATE_USER 0xf3001c00ull

/* Tells user mode of the fault described by ESR and FAR, or ends a dispatcher that is disabled. */
void fault_handle(struct dispatcher *d, uint64_t esr, uint64_t far);
