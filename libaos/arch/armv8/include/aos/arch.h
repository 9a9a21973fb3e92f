/* What user code reads from the processor. Arm ARM DDI 0487, D17.2 (TPIDRRO_EL0), D12.8
 * (CNTVCT_EL0). */
#pragma once

#include <stdint.h>

#include <kpi/dispatcher.h>

/* In a loop that waits for another core. */
static inline void arch_relax(void)
{
    __asm__ volatile("yield");
}

/* The dispatcher page. Constant for the life of a thread, so the compiler may reuse it. */
static inline struct kpi_dispatcher *arch_page(void)
{
    struct kpi_dispatcher *page;
    __asm__("mrs %0, tpidrro_el0" : "=r"(page));
    return page;
}

static inline uint64_t arch_counter(void)
{
    uint64_t ticks;
    __asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks) : : "memory");
    return ticks;
}

/* DDI 0487, D13.8 (PMCCNTR_EL0); the kernel lets EL0 read it. */
static inline uint64_t arch_cycles(void)
{
    uint64_t cycles;
    __asm__ volatile("isb\n\tmrs %0, pmccntr_el0" : "=r"(cycles) : : "memory");
    return cycles;
}

/* Event counter 0, which the kernel makes count retired instructions (kernel/arch/armv8/cpu.c), and
 * lets EL0 read: 32 bits. */
static inline uint32_t arch_instructions(void)
{
    uint64_t count;
    __asm__ volatile("isb\n\tmrs %0, pmevcntr0_el0" : "=r"(count) : : "memory");
    return (uint32_t)count;
}

/* Keeps the compiler from moving memory accesses across; one dispatcher runs on one core, so no
 * barrier is needed. */
static inline void arch_compiler_barrier(void)
{
    __asm__ volatile("" : : : "memory");
}

/* Makes sure that the stack is mapped for `bytes` (a constant up to 4080) below SP: a page that is
 * not is filled by the fault that this store causes. */
static inline __attribute__((always_inline)) void arch_stack_touch(const uint32_t bytes)
{
    uint64_t at;
    __asm__ volatile("sub %0, sp, %1\n\tstr xzr, [%0]" : "=&r"(at) : "i"(bytes) : "memory");
}

/* The caller must not use thread-local variables before it returns: the compiler may know the
 * old address. */
static inline void arch_set_tls(uint64_t tpidr)
{
    __asm__ volatile("msr tpidr_el0, %0" : : "r"(tpidr) : "memory");
}

static inline uint64_t arch_frame_pointer(void)
{
    return (uint64_t)__builtin_frame_address(0);
}
