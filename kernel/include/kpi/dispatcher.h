/* The dispatcher page: what kernel and user scheduler share. It is the second page of the
 * Dispatcher object (KPI_DISPATCHER_BYTES; the first is the kernel's), mapped read-write into the
 * domain, its address in TPIDRRO_EL0. The kernel never trusts what it reads here.
 *
 * Disabled (`disabled` != 0): no upcalls. A preempted disabled dispatcher is resumed exactly where
 * it was, from a save area of the kernel. A fault in a disabled dispatcher ends it; but a load or
 * store in the range `shared_*`, where a peer may take memory away at any time, is left out if
 * nothing is mapped there (or not for this), and counted: registers stay as they are, and the next
 * instruction is executed. Such code makes do with any value.
 * Enabled: when anything is to be told (preempted and scheduled again, message, event, fault) the
 * kernel stores the thread's registers in `save`, sets disabled = 1 and enters `upcall_entry` with
 * SP = `upcall_sp`, x0 = KPI_UPCALL_*, TPIDRRO_EL0 = this page, other registers undefined. The user
 * scheduler copies `save` away before it enables.
 *
 * svc #SYSCALL_RESUME (only while disabled; all registers but x16, x17, PC and PSTATE already
 * restored): the kernel loads those four from `resume`, masks PSTATE to NZCV, BTYPE, SSBS, DIT and
 * TCO, sets disabled = 0 and returns there, or, if anything is pending, saves that state in `save`
 * and upcalls (but see KPI_EVENT_SLOT, kpi/lmp.h).
 *
 * FP and SIMD registers are the kernel's business between dispatchers (lazy: who touches them while
 * another dispatcher's are in the unit traps once) and the user scheduler's between threads:
 * `fp_live` is set by the kernel when the dispatcher uses them for the first time, and stays set. A
 * scheduler that finds it set saves q0-q31, FPSR and FPCR of a preempted thread before another one
 * of its threads runs, wherever the values are at that time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define KPI_DISPATCHER_BYTES 8192u
#define KPI_PAGE_USER_OFFSET 0x400u      /* from here on the page belongs to libaos */

/* All state of an interrupted thread but FP. */
struct kpi_regs {
    uint64_t x[31];
    uint64_t sp;
    uint64_t pc;
    uint64_t pstate;
    uint64_t tpidr;                      /* TPIDR_EL0 */
    uint64_t reserved;
};

struct kpi_dispatcher {
    uint32_t disabled;                   /* 0x000 written by both */
    /* 0x004 kernel: not 0 while a poll would return something; user reads */
    uint32_t pending;
    uint64_t upcall_entry;               /* 0x008 user */
    uint64_t upcall_sp;                  /* 0x010 user: 16-byte aligned top of the upcall stack */
    /* 0x018 user: address of the empty slot for the next received capability; the kernel writes 0
     * when it has used it */
    uint32_t recv_slot;
    uint32_t fp_live;                    /* 0x01c kernel */
    uint64_t resume_x16;                 /* 0x020 user, for svc #SYSCALL_RESUME */
    uint64_t resume_x17;                 /* 0x028 */
    uint64_t resume_pc;                  /* 0x030 */
    uint64_t resume_pstate;              /* 0x038 */
    uint64_t fault_esr;                  /* 0x040 kernel, with KPI_UPCALL_FAULT */
    uint64_t fault_far;                  /* 0x048 */
    uint32_t core;                       /* 0x050 kernel, constant */
    uint32_t timer_hz;                   /* 0x054 kernel, constant: frequency of CNTVCT_EL0 */
    /* 0x058 kernel, constant: CNTVCT_EL0 at time 0 of the system clock */
    uint64_t clock_base;
    uint64_t scratch[2];                 /* 0x060 user: for itself, while disabled */
    uint64_t reserved[2];                /* 0x070 */
    struct kpi_regs save;                /* 0x080 kernel, at an upcall */
    uint64_t shared_first, shared_bytes; /* 0x1a0 user: memory that peers may take away */
    uint64_t shared_at;                  /* 0x1b0 kernel: the last address that was left out */
    uint64_t shared_lost;                /* 0x1b8 kernel: how many were */
    uint8_t reserved2[KPI_PAGE_USER_OFFSET - 0x1c0];
    uint8_t user[4096 - KPI_PAGE_USER_OFFSET];
};

_Static_assert(sizeof(struct kpi_regs) == 36 * 8, "register frame");
_Static_assert(offsetof(struct kpi_dispatcher, resume_x16) == 0x20, "assembly uses it");
_Static_assert(offsetof(struct kpi_dispatcher, scratch) == 0x60, "assembly uses it");
_Static_assert(offsetof(struct kpi_dispatcher, save) == 0x80, "assembly uses it");
_Static_assert(offsetof(struct kpi_dispatcher, shared_first) == 0x1a0, "layout");
_Static_assert(offsetof(struct kpi_dispatcher, shared_lost) == 0x1b8, "assembly uses it");
_Static_assert(offsetof(struct kpi_dispatcher, user) == KPI_PAGE_USER_OFFSET, "layout");
_Static_assert(sizeof(struct kpi_dispatcher) == 4096, "one page");

/* x0 of an upcall: why. */
#define KPI_UPCALL_SAVED   0x1u          /* `save` holds a thread: it was running or resuming */
#define KPI_UPCALL_FAULT   0x2u          /* that thread faulted: fault_esr, fault_far */
#define KPI_UPCALL_PENDING 0x4u          /* svc #SYSCALL_POLL will return something */

/* dispatcher.info state. */
#define KPI_DISP_NEW     0u              /* never started */
#define KPI_DISP_RUNNABLE 1u             /* running or ready */
#define KPI_DISP_WAITING 2u              /* in svc #SYSCALL_CALL */
#define KPI_DISP_STOPPED 3u
#define KPI_DISP_DEAD    4u
