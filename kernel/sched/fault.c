/* Faults of user mode: an upcall for a dispatcher that is enabled, the end of one that is not. */
#include <kernel/trap.h>
#include <arch/esr.h>
#include <kernel/log.h>
#include <kernel/user_copy.h>
#include <kernel/user_symbols.h>

#define INSTRUCTION_BYTES 4u

/* Frames of a user stack that are logged. */
#define FAULT_FRAMES_MAX 24u

static const char *fault_name(uint64_t esr)
{
    switch (ESR_CLASS(esr)) {
    case ESR_CLASS_UNKNOWN:
        return "undefined instruction";
    case ESR_CLASS_SVC:
        return "system call in the wrong state";
    case ESR_CLASS_SYSREG:
        return "system register access";
    case ESR_CLASS_IABORT_USER:
        return "instruction fetch";
    case ESR_CLASS_PC:
        return "misaligned program counter";
    case ESR_CLASS_DABORT_USER:
        return (esr & ESR_WRITE) != 0 ? "write" : "read";
    case ESR_CLASS_SP:
        return "misaligned stack pointer";
    case ESR_CLASS_SERROR:
        return "system error";
    case ESR_CLASS_BRK:
        return "breakpoint instruction";
    default:
        return "exception";
    }
}

/* A code address of the domain with its function, as far as the domain tells. */
static void fault_log_address(const char *what, uint64_t pc)
{
    char name[USER_SYMBOL_MAX];
    uint64_t offset;

    if (user_symbol_find(pc, name, &offset)) {
        klog(LOG_ERROR, "  %s %016llx %s+0x%llx\n", what, (unsigned long long)pc, name,
             (unsigned long long)offset);
    } else {
        klog(LOG_ERROR, "  %s %016llx\n", what, (unsigned long long)pc);
    }
}

static void fault_log(struct dispatcher *d, uint64_t esr, uint64_t far)
{
    const struct kpi_regs *r = &d->frame;
    uint64_t record[2] = { r->x[29], 0 };

    klog(LOG_ERROR, "dispatcher %p ended by a fault while disabled: %s, esr %llx, address %llx\n",
         (void *)d, fault_name(esr), (unsigned long long)esr, (unsigned long long)far);
    klog(LOG_ERROR, "  pc %016llx sp %016llx pstate %08llx tls %llx\n", (unsigned long long)r->pc,
         (unsigned long long)r->sp, (unsigned long long)r->pstate, (unsigned long long)r->tpidr);
    for (unsigned i = 0; i < 30; i += 3) {
        klog(LOG_ERROR, "  x%-2u %016llx x%-2u %016llx x%-2u %016llx\n", i,
             (unsigned long long)r->x[i], i + 1, (unsigned long long)r->x[i + 1], i + 2,
             (unsigned long long)r->x[i + 2]);
    }
    klog(LOG_ERROR, "  x30 %016llx\n", (unsigned long long)r->x[30]);
    fault_log_address("in", r->pc);
    for (unsigned i = 0; i < FAULT_FRAMES_MAX; i++) {
        uint64_t frame = record[0];
        struct user_slice slice;

        if (frame % 8 != 0 ||
            err_is_fail(user_slice_make(frame, sizeof(record), sizeof(record), &slice)) ||
            err_is_fail(user_copy_in(record, slice, sizeof(record))) || record[1] == 0) {
            break;
        }
        fault_log_address("called from", record[1] - 4);
        if (record[0] <= frame) {
            break;
        }
    }
}

/* Disabled code looks at memory that a peer has taken away: goes on behind the access. */
static bool fault_leave_out(struct dispatcher *d, uint64_t esr, uint64_t far)
{
    struct kpi_dispatcher *page = dispatcher_page(d);
    uint64_t status = ESR_STATUS(esr);

    if (ESR_CLASS(esr) != ESR_CLASS_DABORT_USER ||
        (status != ESR_STATUS_TRANSLATE && status != ESR_STATUS_PERMISSION) ||
        far - page->shared_first >= page->shared_bytes) {
        return false;
    }
    page->shared_at = far;
    page->shared_lost++;
    d->frame.pc += INSTRUCTION_BYTES;
    return true;
}

/* Apart, so that what is common needs no stack. */
static __attribute__((noinline)) void fault_disabled(struct dispatcher *d, uint64_t esr,
                                                     uint64_t far)
{
    if (fault_leave_out(d, esr, far)) {
        return;
    }
    fault_log(d, esr, far);
    d->cause = esr;
    d->cause_pc = d->frame.pc;
    d->cause_far = far;
    dispatcher_end(d, 0);
    dispatcher_release(d);
}

void fault_handle(struct dispatcher *d, uint64_t esr, uint64_t far)
{
    struct kpi_dispatcher *page = dispatcher_page(d);

    d->faults++;
    if (page->disabled != 0) {
        fault_disabled(d, esr, far);
        return;
    }
    page->fault_esr = esr;
    page->fault_far = far;
    d->fault = true;
}
