// Hand-over points of the boot sequence: start.S -> kernel_main -> kernel_start.
#pragma once
#include <kernel/memory.h>

struct platform;

// Called by start.S at the link address, MMU and caches on, .data and .bss ready. `argument` is
// what the loader left in x0: the physical address of a device tree.
_Noreturn void kernel_main(uint64_t argument, paddr_t region_base, uint64_t entry_el);

// Called when log, memory, interrupts and timer work, interrupts masked. Builds init and runs it.
_Noreturn void kernel_start(const struct platform *platform);

// Identification of this build: hexadecimal digits of the linker's build id, NUL-terminated.
const char *kernel_build_id(void);
