/* Reports of faults and panics, for a person. */
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/paging.h>
#include <kpi/startup.h>

#include "thread_priv.h"

#define REPORT_NULL_BYTES  0x200000ull   /* never mapped (kpi/startup.h) */
/* below the first stack: an overflow, not a wild pointer */
#define REPORT_GUARD_BYTES 0x100000ull
#define REPORT_FRAMES      24u

static bool report_is_stack_overflow(const struct fault *f, const struct thread *t,
                                     const struct paging_region_info *region, bool known)
{
    uint64_t low = KPI_STACK_TOP - KPI_STACK_BYTES;
    if (f->kind > FAULT_WRITE) {
        return false;
    }
    if (t->stack == NULL) {
        return f->address < low && f->address >= low - REPORT_GUARD_BYTES;
    }
    return known && region->guard && region->va == (uint64_t)t->stack;
}

/* Why: the best word for the address. */
static const char *report_reason(const struct fault *f, const struct thread *t)
{
    struct paging_region_info region;
    bool known = paging_lookup(f->address, &region);
    if (f->depth >= FAULT_DEPTH_MAX) {
        return " (too many faults inside handlers)";
    }
    if (f->error == LIB_ERR_BAD_STATE) {
        return " (while it held the memory lock)";
    }
    if (err_has(f->error, LIB_ERR_NO_MEMORY)) {
        return " (no memory to fill the page)";
    }
    if (err_is_fail(f->error)) {
        return " (the page cannot be filled)";
    }
    if (f->kind > FAULT_EXECUTE) {
        return "";
    }
    if (f->address < REPORT_NULL_BYTES) {
        return f->kind == FAULT_EXECUTE ? " (call through a NULL pointer)" : " (NULL pointer)";
    }
    if (report_is_stack_overflow(f, t, &region, known)) {
        return " (stack overflow)";
    }
    if (known && region.guard) {
        return " (guard page)";
    }
    /* Of what is filled on demand a page that is not there yet has its access, too. */
    bool there = !f->translation || (known && region.lazy && region.flags != 0);
    if (f->kind == FAULT_EXECUTE && there) {
        return " (execution of data)";
    }
    if (f->kind == FAULT_WRITE && there) {
        return " (write to read-only memory)";
    }
    return f->translation && !known ? " (not mapped)" : " (no access)";
}

void report_registers(const struct kpi_regs *regs)
{
    for (int i = 0; i < 28; i += 4) {
        debug_printf("  x%-2d %016llx %016llx %016llx %016llx\n", i,
                     (unsigned long long)regs->x[i], (unsigned long long)regs->x[i + 1],
                     (unsigned long long)regs->x[i + 2], (unsigned long long)regs->x[i + 3]);
    }
    debug_printf("  x28 %016llx fp  %016llx lr  %016llx sp  %016llx pstate %08llx\n",
                 (unsigned long long)regs->x[28], (unsigned long long)regs->x[29],
                 (unsigned long long)regs->x[30], (unsigned long long)regs->sp,
                 (unsigned long long)regs->pstate);
}

static void report_frame(const char *what, uint64_t pc)
{
    uint64_t offset;
    const char *name = debug_symbol(pc, &offset);
    debug_printf("  %s %016llx %s+0x%llx\n", what, (unsigned long long)pc, name,
                 (unsigned long long)offset);
}

void report_backtrace(uint64_t pc, uint64_t fp)
{
    uint64_t pcs[REPORT_FRAMES];
    size_t count = debug_backtrace(fp, pcs, REPORT_FRAMES);
    if (pc != 0) {
        report_frame("at  ", pc);
    }
    for (size_t i = 0; i < count; i++) {
        report_frame("from", pcs[i] - 4); /* the call, not what follows it */
    }
}

/* The region that was hit, or the nearest one. */
static void report_region(const struct fault *f, struct paging_region_info r)
{
    uint64_t va = f->address;
    const char *how = "in";
    uint64_t distance = 0;
    if (r.guard) {
        how = "in the guard of";
    } else if (va >= r.va + r.bytes) {
        how = "behind";
        distance = va - (r.va + r.bytes) + 1;
    } else if (va < r.va) {
        how = "before";
        distance = r.va - va;
    }
    debug_printf("  %s `%s` 0x%llx-0x%llx %c%c%c%s", how, r.name, (unsigned long long)r.va,
                 (unsigned long long)(r.va + r.bytes), (r.flags & AOS_VM_READ) != 0 ? 'r' : '-',
                 (r.flags & AOS_VM_WRITE) != 0 ? 'w' : '-',
                 (r.flags & AOS_VM_EXECUTE) != 0 ? 'x' : '-', r.lazy ? ", filled on demand" : "");
    uint64_t offset;
    const char *name = debug_symbol(va, &offset);
    if (distance != 0) {
        debug_printf(", by %llu bytes\n", (unsigned long long)distance);
    } else if (name[0] != '?') {
        debug_printf(", %s+0x%llx\n", name, (unsigned long long)offset);
    } else {
        debug_printf("\n");
    }
}

void fault_report(const struct fault *f, const struct thread *t)
{
    uint64_t offset;
    uint64_t pc = f->regs->pc;
    struct paging_region_info region;    /* before a binding for the report takes addresses */
    bool known = f->kind <= FAULT_EXECUTE && paging_nearest(f->address, &region);
    const char *name = debug_symbol(pc, &offset);
    debug_printf("%s: fault: %s at address 0x%llx%s, pc 0x%llx %s+0x%llx, "
                 "thread %u %s, esr 0x%llx\n",
                 domain_name(), fault_kind_name(f->kind), (unsigned long long)f->address,
                 report_reason(f, t), (unsigned long long)pc, name, (unsigned long long)offset,
                 t->id, t->name, (unsigned long long)f->esr);
    if (known) {
        report_region(f, region);
    }
    report_registers(f->regs);
    if (f->kind == FAULT_EXECUTE) {
        /* no function of ours has a frame yet: the caller is in lr */
        report_frame("at  ", pc);
        report_frame("from", f->regs->x[30] - 4);
        pc = 0;
    }
    report_backtrace(pc, f->regs->x[29]);
}
