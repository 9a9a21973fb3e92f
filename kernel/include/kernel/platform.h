// What the boot code learned about the machine from its device tree. Filled once by kernel_main,
// constant afterwards. Addresses are physical, sizes in bytes, interrupts are INTIDs of the GIC.
#pragma once
#include <kernel/fdt.h>
#include <kernel/memory.h>
#include <kernel/region.h>
#include <kpi/core.h>

#define PLATFORM_MAX_GICR     4 // redistributor regions
#define PLATFORM_BOOTARGS_MAX 1024
#define PLATFORM_SEED_MAX     64

enum platform_uart { UART_NONE, UART_PL011, UART_LPUART };
enum platform_gic { GIC_NONE, GIC_V2, GIC_V3 };
enum platform_conduit { CONDUIT_NONE, CONDUIT_HVC, CONDUIT_SMC };

// The CPU drivers of all cores and what is kept for them, by core number: none of it is in any
// linear map. Chosen by the core that boots, the same on all cores.
struct platform_cores {
    unsigned self; // the core this kernel runs on
    unsigned boot;
    struct region kernel[KPI_CORES_MAX]; // the kernel regions; size 0: the core is left alone
    struct region shadow[KPI_CORES_MAX]; // of the whole RAM, with the option kernel_kasan
    struct region doorbells;             // kernel/doorbell.h; size 0 if there is one core only
};

// The deepest idle state of the cores in which nothing of a core is lost (Devicetree binding
// arm,idle-state; DEN 0022D, 5.4.2).
struct platform_idle {
    bool exists;
    uint32_t param;        // of CPU_SUSPEND
    uint32_t residency_us; // a shorter wait does not pay
};

struct platform {
    // Page-aligned, sorted, disjoint.
    struct region_list memory;   // all RAM of the machine, reserved parts included
    struct region_list ram;      // in the linear map: `memory` without no-map parts and `cores`
    struct region_list free_ram; // of it what nobody uses yet: to be given to init
    struct region kernel;        // the kernel region; the Image lies at its start
    uint64_t image_bytes;        // length of the pristine Image file
    struct region initrd;        // as loaded, any alignment; size 0 = none
    struct region device_tree;   // page-aligned copy of the tree, without the seed; exact length

    uint64_t core_mpidr[KPI_CORES_MAX];
    unsigned core_count;
    unsigned cores_ignored; // listed by the device tree beyond that
    struct platform_cores cores;
    const struct core_data *further; // what this core was started with; NULL: it has booted
    unsigned entry_el;  // exception level at which the loader entered
    unsigned phys_bits; // width of physical addresses

    enum platform_gic gic;
    struct region gicd;
    struct region gicc;                     // GICv2 CPU interface
    struct region gicr[PLATFORM_MAX_GICR];  // GICv3 redistributors
    unsigned gicr_count;
    uint64_t gicr_stride; // 0: what each redistributor says about itself

    struct platform_idle idle;
    uint32_t timer_irq; // virtual timer
    enum platform_uart uart;
    struct region uart_regs;
    uint32_t uart_irq;
    enum platform_conduit psci;

    char bootargs[PLATFORM_BOOTARGS_MAX]; // NUL-terminated
    uint8_t seed[PLATFORM_SEED_MAX];      // /chosen/rng-seed
    size_t seed_bytes;
};

// Fills everything but kernel, image_bytes, device_tree, entry_el, phys_bits, cores, further and
// the memory lists' holes for those. NULL on success, else what is missing or wrong.
const char *platform_parse(const struct fdt *fdt, struct platform *ret_platform);

// Whether the space-separated word is in the boot arguments.
bool platform_has_bootarg(const struct platform *platform, const char *word);
