// Power states through PSCI (Arm DEN 0022), by the conduit of the device tree.
#pragma once
#include <kernel/platform.h>

// Before the others; CONDUIT_NONE: there is no PSCI.
void power_init(enum platform_conduit conduit);
// Version as major << 16 | minor; 0 if there is no PSCI.
uint32_t power_psci_version(void);
// Starts the core of that affinity at the physical address `entry` with x0 = `argument`, at the
// exception level at which this one was entered, MMU and caches off. False: the firmware does not.
bool power_core_on(uint64_t mpidr, paddr_t entry, uint64_t argument);
enum power_core { POWER_CORE_ON, POWER_CORE_OFF, POWER_CORE_STARTING, POWER_CORE_UNKNOWN };
enum power_core power_core_state(uint64_t mpidr);
_Noreturn void power_core_off(void); // this core
// Waits for an interrupt, which may be masked, as deep as pays for a wait until that tick
// (UINT64_MAX: for ever). Before that, once per core, after timer_init: with which state.
void power_idle_init(const struct platform_idle *idle);
void power_idle(uint64_t until);
_Noreturn void power_off(void);   // waits forever where firmware cannot switch off
_Noreturn void power_reset(void);
_Noreturn void cpu_halt(void);    // interrupts off, forever
