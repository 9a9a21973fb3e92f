// Access to AArch64 system registers, barriers and hints.
// Source: Arm Architecture Reference Manual for A-profile (DDI 0487), chapter D (system registers).
#pragma once
#include <stdint.h>

#define sysreg_read(name)                                                                          \
    ({                                                                                             \
        uint64_t sysreg_value_;                                                                    \
        __asm__ volatile("mrs %0, " #name : "=r"(sysreg_value_));                                  \
        sysreg_value_;                                                                             \
    })
#define sysreg_write(name, value)                                                                  \
    __asm__ volatile("msr " #name ", %0" ::"r"((uint64_t)(value)) : "memory")

static inline void isb(void)
{
    __asm__ volatile("isb" ::: "memory");
}

static inline void dsb_sy(void)
{
    __asm__ volatile("dsb sy" ::: "memory");
}

static inline void dsb_ish(void)
{
    __asm__ volatile("dsb ish" ::: "memory");
}

static inline void dsb_nsh(void)
{
    __asm__ volatile("dsb nsh" ::: "memory");
}

// Makes page table writes visible to this core's walker.
static inline void dsb_ishst(void)
{
    __asm__ volatile("dsb ishst" ::: "memory");
}

static inline void cpu_relax(void)
{
    __asm__ volatile("yield" ::: "memory");
}

static inline void cpu_wfi(void)
{
    __asm__ volatile("dsb sy\n wfi" ::: "memory");
}

// CPU interface of GICv3 (IHI 0069, 12.2): encodings, because not every assembler knows the names.
#define ICC_SRE_EL1     S3_0_C12_C12_5
#define ICC_PMR_EL1     S3_0_C4_C6_0
#define ICC_BPR1_EL1    S3_0_C12_C12_3
#define ICC_CTLR_EL1    S3_0_C12_C12_4
#define ICC_IGRPEN1_EL1 S3_0_C12_C12_7
#define ICC_IAR1_EL1    S3_0_C12_C12_0
#define ICC_EOIR1_EL1   S3_0_C12_C12_1
#define ICC_SGI1R_EL1   S3_0_C12_C11_5

#define sysreg_read_x(name)         sysreg_read(name)
#define sysreg_write_x(name, value) sysreg_write(name, value)

// ID register fields used (DDI 0487, D19.2).
static inline unsigned id_field(uint64_t reg, unsigned shift)
{
    return (unsigned)(reg >> shift) & 0xfu;
}
#define ID_AA64PFR0_GIC_SHIFT       24
#define ID_AA64MMFR0_PARANGE_SHIFT  0
#define ID_AA64MMFR0_ASIDBITS_SHIFT 4
#define ID_AA64MMFR1_PAN_SHIFT      20
#define ID_AA64DFR0_PMUVER_SHIFT    8

#define SCTLR_SPAN (1ul << 23)
