// How a further core is told what it is: the last page of its kernel region, written by the core
// that starts it (kernel/boot/kcb.c), with its physical address in x0 at entry.
#pragma once
#include <kernel/platform.h>

#define CORE_DATA_MAGIC  0x41544144524f4341ul // "ACORDATA"
#define CORE_DATA_OFFSET (KERNEL_REGION_SIZE - PAGE_SIZE)

struct core_data {
    uint64_t magic;
    struct platform_cores cores; // `self` is the core that is started
    struct region device_tree;   // the copy that init of the boot core has, too: nobody writes it
    struct region init;          // program file, in the initrd
    struct region pool;          // RAM of the core; everything below belongs to others
    struct region channel;       // KPI_BOOT_CHANNEL
    uint64_t clock_base;         // tick at which the system clock was 0
    uint64_t seed[4];
};

_Static_assert(sizeof(struct core_data) <= PAGE_SIZE, "one page");

// Of this core, if `argument`, what it was entered with, says that there is one; else NULL.
const struct core_data *core_data_find(uint64_t argument, paddr_t region_base);
