/* Faults: from the upcall to a handler, or to a report and the end of the domain.
 *
 * The upcall parks the faulting thread's registers in the fault record and makes the thread
 * continue in fault_main on the fault stack. There is one fault stack; a thread that faults
 * while it is taken waits in fault_waiters. When the handler has done its work the thread goes
 * on with the registers of the record. */
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/io.h>
#include <aos/paging.h>

#include "queue_priv.h"
#include "thread_priv.h"

#define FAULT_STACK_BYTES 24576u

/* ESR_EL1: exception class and the fields used here. Arm ARM DDI 0487, D17.2.37. */
#define ESR_CLASS_SHIFT     26
#define ESR_CLASS_MASK      0x3fu
#define ESR_CLASS_IABORT    0x20u
#define ESR_CLASS_PC_ALIGN  0x22u
#define ESR_CLASS_DABORT    0x24u
#define ESR_CLASS_SP_ALIGN  0x26u
#define ESR_CLASS_SERROR    0x2fu
#define ESR_CLASS_BRK       0x3cu
#define ESR_CLASS_UNKNOWN   0x00u
#define ESR_CLASS_SYSREG    0x18u
#define ESR_WNR             (1u << 6)
#define ESR_FSC_MASK        0x3fu
#define ESR_FSC_ALIGN       0x21u
#define ESR_FSC_EXTERNAL    0x10u        /* 0x10, 0x14..0x17 on a walk */

static struct {
    struct thread *thread;               /* who is on the fault stack; NULL: nobody */
    struct thread *aborting;             /* who is writing the last report */
    struct kpi_regs regs;
    uint64_t esr;
    uint64_t far;
    bool fp_saved;                       /* the handler may wait, and others use FP meanwhile */
    uint64_t fp[64];
    uint64_t fpsr, fpcr;
    struct thread_queue waiters;
} faulted;

static uint8_t fault_stack[FAULT_STACK_BYTES] __attribute__((aligned(16)));

static void fault_main(void);

/* The thread's state goes into the record, and the thread to the fault stack. */
static void fault_enter_disabled(struct thread *t, uint64_t esr, uint64_t far)
{
    faulted.thread = t;
    faulted.regs = t->regs;
    faulted.fp_saved = disp_page()->fp_live != 0;
    if (faulted.fp_saved) {
        arch_fp_save_all(t);
        __builtin_memcpy(faulted.fp, t->fp, sizeof(faulted.fp));
        faulted.fpsr = t->fpsr;
        faulted.fpcr = t->fpcr;
    }
    t->fp_state = THREAD_FP_NONE;
    faulted.esr = esr;
    faulted.far = far;
    t->regs.pc = (uint64_t)fault_main;
    t->regs.sp = (uint64_t)(fault_stack + sizeof(fault_stack));
    t->regs.pstate = 0;
    t->regs.x[29] = 0;
    t->regs.x[30] = 0;
    t->state = THREAD_RUNNABLE;
    queue_push_front(&disp_user()->run, t);
}

void fault_begin_disabled(struct thread *t, uint64_t esr, uint64_t far)
{
    if (faulted.thread == t || faulted.aborting == t) {
        /* A fault in the handler of a fault: nothing can be trusted any more. */
        domain_exit(AOS_STATUS_FAULT);
    }
    if (faulted.thread != NULL) {
        /* It faults once more when it runs again, which gives esr and far again. */
        t->state = THREAD_BLOCKED;
        queue_push(&faulted.waiters, t);
        return;
    }
    fault_enter_disabled(t, esr, far);
}

static enum fault_kind fault_kind_of(uint64_t esr)
{
    uint32_t class = (uint32_t)(esr >> ESR_CLASS_SHIFT) & ESR_CLASS_MASK;
    uint32_t code = (uint32_t)esr & ESR_FSC_MASK;
    switch (class) {
    case ESR_CLASS_DABORT:
        if (code == ESR_FSC_ALIGN) {
            return FAULT_ALIGN;
        }
        if ((code & ~0x7u) == ESR_FSC_EXTERNAL) {
            return FAULT_BUS;
        }
        return (esr & ESR_WNR) != 0 ? FAULT_WRITE : FAULT_READ;
    case ESR_CLASS_IABORT:
        return (code & ~0x7u) == ESR_FSC_EXTERNAL ? FAULT_BUS : FAULT_EXECUTE;
    case ESR_CLASS_PC_ALIGN:
    case ESR_CLASS_SP_ALIGN:
        return FAULT_ALIGN;
    case ESR_CLASS_SERROR:
        return FAULT_BUS;
    case ESR_CLASS_BRK:
        return FAULT_BREAK;
    case ESR_CLASS_UNKNOWN:
    case ESR_CLASS_SYSREG:
        return FAULT_INSTRUCTION;
    default:
        return FAULT_OTHER;
    }
}

static bool fault_is_translation(uint64_t esr, enum fault_kind kind)
{
    return kind <= FAULT_EXECUTE && (esr & 0x3cu) == 0x04u;
}

static enum fault_action fault_ask(const struct fault *f, struct thread *t)
{
    struct paging_region_info region;
    if (t->handler != NULL && t->handler(f, t->handler_arg) == FAULT_RESUME) {
        return FAULT_RESUME;
    }
    if (f->kind <= FAULT_EXECUTE && paging_lookup(f->address, &region) && region.handler != NULL) {
        return region.handler(f, region.handler_arg);
    }
    return FAULT_NOT_MINE;
}

static void fault_main(void)
{
    struct thread *self = thread_self();
    struct fault f = {
        .kind = fault_kind_of(faulted.esr), .address = faulted.far, .esr = faulted.esr,
        .regs = &faulted.regs,
    };
    f.translation = fault_is_translation(f.esr, f.kind);
    if (fault_ask(&f, self) != FAULT_RESUME) {
        faulted.aborting = self;
        fault_report(&f, self);
        domain_exit(AOS_STATUS_FAULT);
    }
    disp_disable();
    self->regs = faulted.regs;
    self->mode = THREAD_PREEMPTED;
    self->fp_state = THREAD_FP_ALL;
    if (faulted.fp_saved) {
        __builtin_memcpy(self->fp, faulted.fp, sizeof(faulted.fp));
        self->fpsr = faulted.fpsr;
        self->fpcr = faulted.fpcr;
    } else {
        __builtin_memset(self->fp, 0, sizeof(self->fp)); /* it had not used FP yet */
        self->fpsr = 0;
        self->fpcr = 0;
    }
    faulted.thread = NULL;
    thread_wake_all_disabled(&faulted.waiters); /* each faults again or finds its page */
    queue_push_front(&disp_user()->run, self);
    sched_leave();
}

fault_handler fault_set_thread_handler(fault_handler handler, void *arg)
{
    struct thread *self = thread_self();
    fault_handler old = self->handler;
    self->handler = NULL;
    self->handler_arg = arg;
    self->handler = handler;
    return old;
}

const char *fault_kind_name(enum fault_kind kind)
{
    static const char *const names[] = {
        [FAULT_READ] = "read", [FAULT_WRITE] = "write", [FAULT_EXECUTE] = "execute",
        [FAULT_ALIGN] = "alignment", [FAULT_INSTRUCTION] = "undefined instruction",
        [FAULT_BREAK] = "breakpoint", [FAULT_BUS] = "bus error", [FAULT_OTHER] = "exception",
    };
    return (uint32_t)kind <= FAULT_OTHER ? names[kind] : "exception";
}
