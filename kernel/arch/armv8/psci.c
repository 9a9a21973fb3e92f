// PSCI calls (Arm DEN 0022D, chapter 5) under the SMC calling convention (Arm DEN 0028).
#include <kernel/power.h>
#include <arch/sysreg.h>

#define PSCI_VERSION      0x84000000u
#define PSCI_SYSTEM_OFF   0x84000008u
#define PSCI_SYSTEM_RESET 0x84000009u

// Conduit of this machine, set once at boot.
static enum platform_conduit psci_conduit;

void power_init(enum platform_conduit conduit)
{
    psci_conduit = conduit;
}

static int64_t psci_call(uint32_t function)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = 0;
    register uint64_t x2 __asm__("x2") = 0;
    register uint64_t x3 __asm__("x3") = 0;
    if (psci_conduit == CONDUIT_SMC)
        __asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory", "x4", "x5",
                         "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
                         "x17");
    else if (psci_conduit == CONDUIT_HVC)
        __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory", "x4", "x5",
                         "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
                         "x17");
    return (int64_t)x0;
}

uint32_t power_psci_version(void)
{
    return psci_conduit == CONDUIT_NONE ? 0 : (uint32_t)psci_call(PSCI_VERSION);
}

void cpu_halt(void)
{
    __asm__ volatile("msr daifset, #0xf" ::: "memory");
    for (;;)
        cpu_wfi();
}

void power_off(void)
{
    psci_call(PSCI_SYSTEM_OFF);
    cpu_halt();
}

void power_reset(void)
{
    psci_call(PSCI_SYSTEM_RESET);
    cpu_halt();
}
