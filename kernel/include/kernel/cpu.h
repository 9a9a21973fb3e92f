// This core: identification and the settings that user space depends on.
#pragma once
#include <stdint.h>

// Sets up traps, PAN and the performance counters; part of boot.
void cpu_init(void);

uint64_t cpu_mpidr(void);      // affinity bits only, as in the device tree's cpu nodes
unsigned cpu_phys_bits(void);  // width of physical addresses
unsigned cpu_asid_bits(void);  // 8 or 16
uint64_t cpu_midr(void);
