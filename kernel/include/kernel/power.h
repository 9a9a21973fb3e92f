// Power states through PSCI (Arm DEN 0022), by the conduit of the device tree.
#pragma once
#include <kernel/platform.h>

// Before the others; CONDUIT_NONE: there is no PSCI.
void power_init(enum platform_conduit conduit);
// Version as major << 16 | minor; 0 if there is no PSCI.
uint32_t power_psci_version(void);
_Noreturn void power_off(void);   // waits forever where firmware cannot switch off
_Noreturn void power_reset(void);
_Noreturn void cpu_halt(void);    // interrupts off, forever
