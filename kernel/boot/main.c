// From the first C instruction to kernel_start: device tree, memory, console, interrupts, timer.
#include <kernel/boot.h>
#include <kernel/console.h>
#include <kernel/core_data.h>
#include <kernel/cores.h>
#include <kernel/cpu.h>
#include <kernel/irq.h>
#include <kernel/kasan.h>
#include <kernel/log.h>
#include <kernel/mmu.h>
#include <kernel/panic.h>
#include <kernel/platform.h>
#include <kernel/power.h>
#include <kernel/stack_guard.h>
#include <kernel/string.h>
#include <kernel/timer.h>

#define MIB(bytes) ((unsigned long)((bytes) >> 20))

extern const char _image_file_size[]; // its address is the number

static struct platform platform; // constant after kernel_main
static struct fdt boot_fdt;      // the loader's tree, then the copy

// Until there is a console a problem can only be seen with a debugger, in `boot_problem`.
static const char *volatile boot_problem;

static _Noreturn void boot_fail(const char *problem)
{
    boot_problem = problem;
    panic("%s", problem);
}

// Makes the loader's tree readable through the window.
static void boot_open_tree(paddr_t tree)
{
    const void *header = mmu_window_map(tree, FDT_HEADER_SIZE);
    uint32_t size = header != NULL ? fdt_total_size(header) : 0;
    if (size == 0)
        boot_fail("x0 is not the address of a device tree");
    const void *blob = mmu_window_map(tree, size);
    if (blob == NULL || !fdt_open(blob, size, &boot_fdt))
        boot_fail("the device tree is damaged");
}

static void boot_start_console(void)
{
    static const struct uart_ops *const drivers[] = {
        [UART_PL011] = &uart_pl011, [UART_LPUART] = &uart_lpuart};
    if (platform.uart == UART_NONE)
        return; // the log still collects everything
    uintptr_t regs = (uintptr_t)dev_map(platform.uart_regs.base, platform.uart_regs.size);
    bool frames = platform_has_bootarg(&platform, "console=frames");
    if (regs != 0 && platform.further == NULL)
        console_init(drivers[platform.uart], regs, frames);
    else if (regs != 0)
        console_init_silent(drivers[platform.uart], regs, frames);
}

// The linear map, without the kernels.
static void boot_map_memory(void)
{
    if (!cores_exclude(&platform, &platform.ram))
        boot_fail("the memory map has too many pieces");
    for (unsigned i = 0; i < platform.ram.count; i++) {
        if (!mmu_map_linear(platform.ram.item[i].base, platform.ram.item[i].size))
            boot_fail("no boot memory left for page tables");
    }
}

// Takes kernel and device tree out of the memory map, maps RAM and copies the tree there.
static void boot_set_up_memory(paddr_t tree)
{
    uint64_t bytes = fdt_used_size(&boot_fdt);
    uint64_t tree_end = (tree + boot_fdt.size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    uint64_t tree_base = tree & ~(PAGE_SIZE - 1), copy;
    struct region_list room = platform.free_ram;
    platform.kernel = (struct region){kernel_phys_base, KERNEL_REGION_SIZE};
    platform.image_bytes = (uintptr_t)_image_file_size;
    if (!region_remove(&platform.free_ram, kernel_phys_base, KERNEL_REGION_SIZE) ||
        !region_remove(&room, kernel_phys_base, KERNEL_REGION_SIZE) ||
        !region_remove(&room, tree_base, tree_end - tree_base))
        boot_fail("the memory map has too many pieces");
    if (!region_take(&room, (bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1), PAGE_SIZE, LINEAR_SIZE,
                     &copy))
        boot_fail("no memory for the device tree");
    if (!region_remove(&platform.free_ram, copy, (bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1)))
        boot_fail("the memory map has too many pieces");
    if (!cores_reserve(&platform))
        boot_fail("no memory for the shadow of RAM");
    boot_map_memory();
    memset(phys_to_virt(copy), 0, (bytes + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1));
    memcpy(phys_to_virt(copy), boot_fdt.base, bytes);
    fdt_shrink(phys_to_virt(copy), (uint32_t)bytes);
    platform.device_tree = (struct region){copy, bytes};
    mmu_window_unmap();
}

// A further core has been told what memory there is.
static void boot_join_memory(void)
{
    const struct core_data *data = platform.further;
    platform.cores = data->cores;
    platform.kernel = data->cores.kernel[data->cores.self];
    platform.device_tree = data->device_tree;
    platform.initrd = (struct region){0, 0};
    platform.free_ram = (struct region_list){.count = 1, .item = {data->pool}};
    memcpy(platform.seed, data->seed, sizeof(data->seed));
    platform.seed_bytes = sizeof(data->seed);
    if (platform.kernel.base != kernel_phys_base)
        boot_fail("this is not the kernel of this core");
    boot_map_memory();
    mmu_window_unmap();
}

// The seed is the kernel's to hand out: it disappears from the copy that user space will see.
static void boot_wipe_seeds(void)
{
    uint8_t *copy = phys_to_virt(platform.device_tree.base);
    struct fdt_walk walk;
    struct fdt_prop seed;
    if (!fdt_open(copy, platform.device_tree.size, &boot_fdt))
        boot_fail("the copy of the device tree is damaged");
    fdt_walk_init(&walk, &boot_fdt);
    while (fdt_walk_next(&walk)) {
        if (walk.depth != 1 || strcmp(fdt_name(&walk), "chosen") != 0)
            continue;
        if (fdt_prop(&walk, "rng-seed", &seed))
            memset(copy + (seed.data - boot_fdt.base), 0, seed.size);
        if (fdt_prop(&walk, "kaslr-seed", &seed))
            memset(copy + (seed.data - boot_fdt.base), 0, seed.size);
    }
}

static void boot_banner(void)
{
    kprintf("AOS build %s\n", kernel_build_id());
    kprintf("core %u of %u, midr %08llx, entered at EL%u, kernel at 0x%llx\n",
            platform.cores.self, platform.core_count, (long long)cpu_midr(), platform.entry_el,
            (long long)platform.kernel.base);
    if (platform.further != NULL)
        return;
    if (platform.cores_ignored > 0)
        klog(LOG_WARNING, "%u more cores are left alone\n", platform.cores_ignored);
    kprintf("memory %lu MiB, free %lu MiB, initrd %lu KiB, device tree %lu bytes\n",
            MIB(region_total(&platform.memory)), MIB(region_total(&platform.free_ram)),
            (unsigned long)(platform.initrd.size >> 10),
            (unsigned long)platform.device_tree.size);
    kprintf("%s, %u interrupts, timer %u Hz on %u, psci %u.%u, seed %lu bytes\n", irq_chip_name(),
            irq_limit(), timer_hz(), timer_irq(), power_psci_version() >> 16,
            power_psci_version() & 0xffff, (unsigned long)platform.seed_bytes);
}

static void boot_identify_core(uint64_t entry_el)
{
    platform.entry_el = (unsigned)entry_el;
    platform.phys_bits = cpu_phys_bits();
    if (platform.core_count == 0)
        platform.core_mpidr[platform.core_count++] = cpu_mpidr();
    unsigned self = 0;
    while (self < platform.core_count && platform.core_mpidr[self] != cpu_mpidr())
        self++;
    if (self == platform.core_count) // one of those that are ignored: it takes the last one's place
        platform.core_mpidr[--self] = cpu_mpidr();
    platform.cores.self = self;
    platform.cores.boot = self;
}

// Never returns, so it may change the stack protector's guard.
__attribute__((no_stack_protector)) void kernel_main(uint64_t argument, paddr_t region_base,
                                                     uint64_t entry_el)
{
    mmu_init(region_base);
    cpu_init();
    timer_init();
    const struct core_data *further = core_data_find(argument, region_base);
    boot_open_tree(further == NULL ? argument : further->device_tree.base);
    const char *problem = platform_parse(&boot_fdt, &platform);
    platform.further = further;
    if (further != NULL) {
        timer_set_base(further->clock_base);
        log_set_core(further->cores.self);
    }
    power_init(platform.psci);
    boot_start_console();
    if (problem != NULL)
        boot_fail(problem);
    boot_identify_core(entry_el);
    if (further == NULL) {
        boot_set_up_memory(argument);
        boot_wipe_seeds();
    } else {
        boot_join_memory();
    }
    if (!kasan_init(&platform))
        boot_fail("no memory for the tables of the shadow");
    stack_guard = stack_guard_make(platform.seed, platform.seed_bytes, timer_ticks());
    irq_init(&platform);
    timer_start(platform.timer_irq);
    power_idle_init(&platform.idle);
    boot_banner();
    kernel_start(&platform);
}
