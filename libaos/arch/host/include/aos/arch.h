/* The host tests' processor: one page, a counter that only moves when a test moves it. */
#pragma once

#include <stdint.h>

#include <kpi/dispatcher.h>

extern struct kpi_dispatcher arch_host_page;
extern uint64_t arch_host_counter;

static inline void arch_relax(void)
{
}

static inline struct kpi_dispatcher *arch_page(void)
{
    return &arch_host_page;
}

static inline uint64_t arch_counter(void)
{
    return arch_host_counter;
}

static inline void arch_compiler_barrier(void)
{
    __asm__ volatile("" : : : "memory");
}

static inline void arch_stack_touch(const uint32_t bytes)
{
    (void)bytes;
}

static inline void arch_set_tls(uint64_t tpidr)
{
    (void)tpidr;
}

static inline uint64_t arch_frame_pointer(void)
{
    return 0;
}
