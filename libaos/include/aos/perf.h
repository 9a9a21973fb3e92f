/* Counters for measurements. The cycle counter (PMCCNTR_EL0, DDI 0487 D13.8) runs at EL0 by
 * leave of the kernel; under QEMU's -icount shift=0 it counts one per executed instruction, on
 * hardware cycles. */
#pragma once

#include <aos/arch.h>
#include <aos/dispatch.h>

/* The counter now; meaningful as a difference on one core. */
static inline uint64_t perf_cycles(void)
{
    return arch_cycles();
}

/* Instructions retired, modulo 2^32; under -icount those of all cores. Unlike cycles, none pass
 * while nobody runs. */
static inline uint32_t perf_instructions(void)
{
    return arch_instructions();
}

/* ns from the machine's reset to time 0 of the system clock, as far as the machine's counter
 * started at reset. */
static inline uint64_t perf_reset_ns(void)
{
    const struct kpi_dispatcher *page = disp_page();

    return page->clock_base * 1000000000ull / page->timer_hz;
}
