/* Makes code that was written as data visible to instruction fetch. Arm ARM DDI 0487, B2.4.4 (cache
 * maintenance by VA) and D17.2.34 (CTR_EL0: line sizes as log2 of words). The kernel allows both at
 * EL0 (SCTLR_EL1.UCI, UCT). */
#pragma once

#include <stddef.h>
#include <stdint.h>

static inline void arch_sync_code(const void *start, size_t bytes)
{
    uint64_t ctr, at, end = (uint64_t)start + bytes;
    uint64_t dline, iline;

    __asm__ volatile("mrs %0, ctr_el0" : "=r"(ctr));
    dline = 4ull << (ctr >> 16 & 15);
    iline = 4ull << (ctr & 15);
    for (at = (uint64_t)start & ~(dline - 1); at < end; at += dline) {
        __asm__ volatile("dc cvau, %0" : : "r"(at) : "memory");
    }
    __asm__ volatile("dsb ish" : : : "memory");
    for (at = (uint64_t)start & ~(iline - 1); at < end; at += iline) {
        __asm__ volatile("ic ivau, %0" : : "r"(at) : "memory");
    }
    __asm__ volatile("dsb ish\n\tisb" : : : "memory");
}
