/* Faults of user mode: an upcall for a dispatcher that is enabled, the end of one that is not. */
#include <kernel/trap.h>
#include <kernel/log.h>
#include <kernel/user_copy.h>
#include <kernel/user_symbols.h>

/* ESR_EL1: exception class and fault status. Arm ARM DDI 0487, D17.2.37. */
#define ESR_CLASS_SHIFT       26
#define ESR_CLASS_MASK        0x3fu
#define ESR_CLASS_DABORT_USER 0x24u
#define ESR_STATUS_MASK       0x3cu      /* without the level */
#define ESR_STATUS_TRANSLATE  0x04u
#define ESR_STATUS_PERMISSION 0x0cu
#define INSTRUCTION_BYTES     4u

/* Frames of a user stack that are logged. */
#define FAULT_FRAMES_MAX 24u

static const char *fault_name(uint64_t esr)
{
    switch (esr >> 26 & 0x3fu) {
    case 0x00:
        return "undefined instruction";
    case 0x15:
        return "system call in the wrong state";
    case 0x18:
        return "system register access";
    case 0x20:
        return "instruction fetch";
    case 0x22:
        return "misaligned program counter";
    case 0x24:
        return (esr & 1u << 6) != 0 ? "write" : "read";
    case 0x26:
        return "misaligned stack pointer";
    case 0x2f:
        return "system error";
    case 0x3c:
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
    uint64_t status = esr & ESR_STATUS_MASK;

    if ((esr >> ESR_CLASS_SHIFT & ESR_CLASS_MASK) != ESR_CLASS_DABORT_USER ||
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
