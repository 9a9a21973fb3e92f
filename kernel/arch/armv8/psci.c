// PSCI calls (Arm DEN 0022D, chapter 5) under the SMC calling convention (Arm DEN 0028).
#include <kernel/power.h>
#include <kernel/log.h>
#include <kernel/timer.h>
#include <arch/sysreg.h>

#define PSCI_VERSION       0x84000000u
#define PSCI_CPU_OFF       0x84000002u
#define PSCI_SYSTEM_OFF    0x84000008u
#define PSCI_SYSTEM_RESET  0x84000009u
#define PSCI_FEATURES      0x8400000au
#define PSCI_CPU_SUSPEND   0xc4000001u // of the 64-bit calling convention, as the next two
#define PSCI_CPU_ON        0xc4000003u
#define PSCI_AFFINITY_INFO 0xc4000004u

#define US_PER_S 1000000u

// Results, 5.2.2.
#define PSCI_SUCCESS    0
// Of AFFINITY_INFO, 5.1.6.
#define PSCI_IS_ON      0
#define PSCI_IS_OFF     1
#define PSCI_IS_PENDING 2

// Conduit of this machine, set once at boot.
static enum platform_conduit psci_conduit;

// How this core idles; set at boot, changed here if the firmware does not keep to it.
static struct {
    bool usable, used;
    uint32_t param;
    uint64_t ticks; // it does not pay for less
} psci_idle;

void power_init(enum platform_conduit conduit)
{
    psci_conduit = conduit;
}

static int64_t psci_call_with(uint32_t function, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    register uint64_t x3 __asm__("x3") = c;
    if (psci_conduit == CONDUIT_SMC)
        __asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory", "x4", "x5",
                         "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
                         "x17");
    else if (psci_conduit == CONDUIT_HVC)
        __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory", "x4", "x5",
                         "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
                         "x17");
    return (int32_t)x0; // results are 32 bits wide
}

static int64_t psci_call(uint32_t function)
{
    return psci_call_with(function, 0, 0, 0);
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

bool power_core_on(uint64_t mpidr, paddr_t entry, uint64_t argument)
{
    return psci_conduit != CONDUIT_NONE &&
           psci_call_with(PSCI_CPU_ON, mpidr, entry, argument) == PSCI_SUCCESS;
}

enum power_core power_core_state(uint64_t mpidr)
{
    if (psci_conduit == CONDUIT_NONE)
        return POWER_CORE_UNKNOWN;
    switch (psci_call_with(PSCI_AFFINITY_INFO, mpidr, 0, 0)) {
    case PSCI_IS_ON:
        return POWER_CORE_ON;
    case PSCI_IS_OFF:
        return POWER_CORE_OFF;
    case PSCI_IS_PENDING:
        return POWER_CORE_STARTING;
    default:
        return POWER_CORE_UNKNOWN;
    }
}

void power_core_off(void)
{
    psci_call(PSCI_CPU_OFF);
    cpu_halt();
}

void power_idle_init(const struct platform_idle *idle)
{
    if (!idle->exists || psci_conduit == CONDUIT_NONE ||
        psci_call_with(PSCI_FEATURES, PSCI_CPU_SUSPEND, 0, 0) < 0)
        return;
    psci_idle.usable = true;
    psci_idle.param = idle->param;
    psci_idle.ticks = (uint64_t)idle->residency_us * timer_hz() / US_PER_S;
}

static bool psci_idle_pays(uint64_t until)
{
    return psci_idle.usable &&
           (until == UINT64_MAX || until >= timer_ticks() + psci_idle.ticks);
}

void power_idle(uint64_t until)
{
    if (!psci_idle_pays(until)) {
        cpu_wfi();
        return;
    }
    dsb_sy();
    if (psci_call_with(PSCI_CPU_SUSPEND, psci_idle.param, 0, 0) != PSCI_SUCCESS) {
        psci_idle.usable = false;
        klog(LOG_WARNING, "the firmware refuses idle state %08x\n", psci_idle.param);
    } else if (!psci_idle.used) {
        psci_idle.used = true;
        kprintf("idle state %08x works, for %llu ticks and more\n", psci_idle.param,
                (unsigned long long)psci_idle.ticks);
    }
}
