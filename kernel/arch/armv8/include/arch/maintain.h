/* Maintenance of TLB and caches for this core (DDI 0487, D8.13 and D7.5). Address spaces never
 * leave their core, so nothing is broadcast. The host tests have their own version of this
 * header. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <arch/sysreg.h>

#define TLBI_ASID_SHIFT 48
#define TLBI_VA_SHIFT   12
#define TLBI_VA_MASK    ((1ull << 44) - 1) /* VA[55:12] */

/* Orders writes of table entries before later walks and before the TLB maintenance that follows. */
static inline void arch_table_written(void)
{
    __asm__ volatile("dsb nshst\n isb" ::: "memory");
}

/* Forgets the last-level entry of one page or block; needs arch_tlb_done. */
static inline void arch_tlb_page(uint16_t asid, uint64_t va)
{
    uint64_t arg = (uint64_t)asid << TLBI_ASID_SHIFT | va >> TLBI_VA_SHIFT;
    __asm__ volatile("tlbi vale1, %0" ::"r"(arg) : "memory");
}

/* Forgets the entries of one page of the kernel half; needs arch_tlb_done. The bits of the address
 * above 55 do not belong into the operand: there is the TTL, by which cores that have FEAT_TTL look
 * for entries of one granule and level only. */
static inline void arch_tlb_kernel_page(uint64_t va)
{
    __asm__ volatile("tlbi vaae1, %0" ::"r"(va >> TLBI_VA_SHIFT & TLBI_VA_MASK) : "memory");
}

/* Forgets everything of one address space, walk caches included; needs arch_tlb_done. */
static inline void arch_tlb_asid(uint16_t asid)
{
    __asm__ volatile("tlbi aside1, %0" ::"r"((uint64_t)asid << TLBI_ASID_SHIFT) : "memory");
}

/* Maintenance so far is complete. */
static inline void arch_tlb_done(void)
{
    __asm__ volatile("dsb nsh\n isb" ::: "memory");
}

/* Number of ASIDs the hardware tells apart, 0 included. */
static inline uint32_t arch_asid_count(void)
{
    const unsigned sixteen_bits = 2;
    unsigned bits = id_field(sysreg_read(id_aa64mmfr0_el1), ID_AA64MMFR0_ASIDBITS_SHIFT);
    return bits == sixteen_bits ? 65536 : 256;
}

/* Writes back and forgets what the caches hold of this memory, to the point of coherency. */
void arch_clean_memory(const void *memory, size_t bytes);
/* Zeroes whole pages of the linear map and cleans them to the point of coherency. */
void arch_clear_memory(void *memory, size_t bytes);
