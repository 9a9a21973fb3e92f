/* Source: DDI 0487, B2.4.4 (concurrent modification of instructions) and D7.5.9 (cache
 * maintenance by address to the point of unification). */
#include <kernel/icache.h>
#include <stdint.h>
#include <arch/sysreg.h>

#define CTR_DMINLINE_SHIFT 16

void icache_sync(const void *code, size_t bytes)
{
    uintptr_t line = 4u << (sysreg_read(ctr_el0) >> CTR_DMINLINE_SHIFT & 0xfu);
    uintptr_t start = (uintptr_t)code & ~(line - 1);

    for (uintptr_t at = start; at < (uintptr_t)code + bytes; at += line) {
        __asm__ volatile("dc cvau, %0" ::"r"(at) : "memory");
    }
    dsb_ish();
    __asm__ volatile("ic iallu" ::: "memory");
    dsb_ish();
    isb();
}
