// Features of the core, found in its identification registers (DDI 0487, D19.2), and their set-up,
// whatever the loader left.
#include <kernel/cpu.h>
#include <arch/sysreg.h>

#define MPIDR_AFFINITY 0xff00fffffful

#define PMUVER_NONE      0xfu
#define PMCR_E           (1u << 0) // counters run
#define PMCR_P           (1u << 1) // reset event counters
#define PMCR_C           (1u << 2) // reset the cycle counter
#define PMCR_LC          (1u << 6) // 64-bit cycle counter
#define PMU_CYCLES       (1u << 31)
#define PMU_COUNTER0     (1u << 0)
#define PMU_INST_RETIRED 0x08u
#define PMUSER_CR        (1u << 2) // EL0 reads the cycle counter
#define PMUSER_ER        (1u << 3) // EL0 reads event counters

// The cycle counter runs, event counter 0 counts retired instructions; EL0 reads both.
static void cpu_init_pmu(void)
{
    unsigned version = id_field(sysreg_read(id_aa64dfr0_el1), ID_AA64DFR0_PMUVER_SHIFT);
    if (version == 0 || version == PMUVER_NONE)
        return;
    sysreg_write(pmcr_el0, PMCR_E | PMCR_P | PMCR_C | PMCR_LC);
    sysreg_write(pmintenclr_el1, UINT32_MAX);
    sysreg_write(pmccfiltr_el0, 0);
    uint64_t enable = PMU_CYCLES;
    if (sysreg_read(pmceid0_el0) >> PMU_INST_RETIRED & 1) {
        sysreg_write(pmselr_el0, 0);
        isb();
        sysreg_write(pmxevtyper_el0, PMU_INST_RETIRED);
        enable |= PMU_COUNTER0;
    }
    sysreg_write(pmcntenset_el0, enable);
    sysreg_write(pmuserenr_el0, PMUSER_CR | PMUSER_ER);
}

void cpu_init(void)
{
    sysreg_write(mdscr_el1, 0); // no debug events
    if (id_field(sysreg_read(id_aa64mmfr1_el1), ID_AA64MMFR1_PAN_SHIFT) != 0) {
        // The kernel reaches user memory through the linear map only: PAN stays set.
        sysreg_write(sctlr_el1, sysreg_read(sctlr_el1) & ~SCTLR_SPAN);
        __asm__ volatile(".inst 0xd500419f" ::: "memory"); // msr pan, #1
    }
    cpu_init_pmu();
    isb();
}

uint64_t cpu_mpidr(void)
{
    return sysreg_read(mpidr_el1) & MPIDR_AFFINITY;
}

uint64_t cpu_midr(void)
{
    return sysreg_read(midr_el1);
}

unsigned cpu_phys_bits(void)
{
    static const uint8_t bits[] = {32, 36, 40, 42, 44, 48};
    unsigned range = id_field(sysreg_read(id_aa64mmfr0_el1), ID_AA64MMFR0_PARANGE_SHIFT);
    return range < sizeof(bits) ? bits[range] : 48;
}

unsigned cpu_asid_bits(void)
{
    return id_field(sysreg_read(id_aa64mmfr0_el1), ID_AA64MMFR0_ASIDBITS_SHIFT) == 2 ? 16 : 8;
}
