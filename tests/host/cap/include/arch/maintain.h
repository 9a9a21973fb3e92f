/* The host test's TLB: what the kernel says goes to a simulated one (env.c). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ARCH_TEST_ASIDS 64u /* few, so that running out of them is tested */

void arch_table_written(void);
void arch_tlb_page(uint16_t asid, uint64_t va);
void arch_tlb_asid(uint16_t asid);
void arch_tlb_done(void);
void arch_clear_memory(void *memory, size_t bytes);

static inline uint32_t arch_asid_count(void)
{
    return ARCH_TEST_ASIDS;
}
