#include <kernel/platform.h>
#include <kernel/string.h>

#define GIC_SPI           0u // first cell of an interrupt: shared, or private to a core
#define GIC_PPI           1u
#define GIC_SPI_BASE      32u
#define GIC_PPI_BASE      16u
#define GIC_SPI_MAX       988u // INTIDs 32 to 1019
#define GIC_PPI_MAX       16u
#define TIMER_VIRTUAL     2u // place of the virtual timer in `interrupts` of an Arm timer
#define RESERVED_MAX_REGS 8u
#define IDLE_POWER_DOWN   (1u << 30) // of CPU_SUSPEND's parameter: the core's state is lost

// Nodes whose meaning depends on others, found in a first pass.
struct platform_paths {
    const char *console; // path of stdout, not terminated
    size_t console_length;
    char alias[32]; // or the alias that stands for it
};

static bool platform_any(const struct fdt_walk *w, const char *const *compatible)
{
    for (; *compatible != NULL; compatible++) {
        if (fdt_is_compatible(w, *compatible))
            return true;
    }
    return false;
}

static const char *const gic_v3_names[] = {"arm,gic-v3", NULL};
static const char *const gic_v2_names[] = {"arm,cortex-a15-gic", "arm,gic-400", NULL};
static const char *const psci_names[] = {"arm,psci-1.0", "arm,psci-0.2", NULL};
static const char *const idle_names[] = {"arm,idle-state", NULL};
static const char *const timer_names[] = {"arm,armv8-timer", "arm,armv7-timer", NULL};
static const char *const pl011_names[] = {"arm,pl011", NULL};
static const char *const lpuart_names[] = {"fsl,imx8qxp-lpuart", "fsl,imx8qm-lpuart",
                                           "fsl,imx7ulp-lpuart", NULL};

// INTID of interrupt `index` of the node; 0 if there is none.
static uint32_t platform_irq(const struct fdt_walk *w, unsigned index)
{
    uint32_t cells[3];
    if (!fdt_interrupt(w, index, cells))
        return 0;
    if (cells[0] == GIC_SPI && cells[1] < GIC_SPI_MAX)
        return cells[1] + GIC_SPI_BASE;
    if (cells[0] == GIC_PPI && cells[1] < GIC_PPI_MAX)
        return cells[1] + GIC_PPI_BASE;
    return 0;
}

static bool platform_region(const struct fdt_walk *w, unsigned index, struct region *ret_region)
{
    struct fdt_range range;
    if (!fdt_reg(w, index, &range) || range.size == 0)
        return false;
    *ret_region = (struct region){range.base, range.size};
    return true;
}

static void platform_gic(const struct fdt_walk *w, struct platform *p)
{
    if (p->gic != GIC_NONE || !platform_region(w, 0, &p->gicd))
        return;
    if (platform_any(w, gic_v3_names)) {
        uint32_t count = fdt_u32(w, "#redistributor-regions", 1);
        struct fdt_prop stride;
        for (unsigned i = 0; i < count && i < PLATFORM_MAX_GICR; i++) {
            if (platform_region(w, 1 + i, &p->gicr[p->gicr_count]))
                p->gicr_count++;
        }
        if (fdt_prop(w, "redistributor-stride", &stride) && stride.size % 4 == 0)
            p->gicr_stride = fdt_cells(stride.data, stride.size / 4);
        p->gic = p->gicr_count > 0 ? GIC_V3 : GIC_NONE;
    } else if (platform_region(w, 1, &p->gicc)) {
        p->gic = GIC_V2;
    }
}

static void platform_psci(const struct fdt_walk *w, struct platform *p)
{
    if (fdt_has_string(w, "method", "smc"))
        p->psci = CONDUIT_SMC;
    else if (fdt_has_string(w, "method", "hvc"))
        p->psci = CONDUIT_HVC;
}

static void platform_uart(const struct fdt_walk *w, enum platform_uart kind, struct platform *p)
{
    struct region regs;
    if (!platform_region(w, 0, &regs))
        return;
    p->uart = kind;
    p->uart_regs = regs;
    p->uart_irq = platform_irq(w, 0);
}

static void platform_core(const struct fdt_walk *w, struct platform *p)
{
    struct fdt_range reg;
    if (!fdt_reg(w, 0, &reg))
        return;
    if (p->core_count < KPI_CORES_MAX)
        p->core_mpidr[p->core_count++] = reg.base;
    else
        p->cores_ignored++;
}

// A state in which the core or its timer is lost is left alone: nothing brings it back.
static void platform_idle(const struct fdt_walk *w, struct platform *p)
{
    struct fdt_prop prop;
    uint32_t param = fdt_u32(w, "arm,psci-suspend-param", IDLE_POWER_DOWN);
    uint32_t wake = fdt_u32(w, "entry-latency-us", 0) + fdt_u32(w, "exit-latency-us", 0);
    wake = fdt_u32(w, "wakeup-latency-us", wake);
    uint32_t residency = fdt_u32(w, "min-residency-us", wake);
    residency = residency > wake ? residency : wake;
    if ((param & IDLE_POWER_DOWN) != 0 || fdt_prop(w, "local-timer-stop", &prop) ||
        (p->idle.exists && p->idle.residency_us > residency))
        return;
    p->idle = (struct platform_idle){true, param, residency};
}

static bool platform_memory(const struct fdt_walk *w, struct platform *p)
{
    struct fdt_range range;
    for (unsigned i = 0; fdt_reg(w, i, &range); i++) {
        if (range.base >= LINEAR_SIZE)
            continue;
        if (range.size > LINEAR_SIZE - range.base)
            range.size = LINEAR_SIZE - range.base;
        if (!region_add(&p->memory, range.base, range.size))
            return false;
    }
    return true;
}

static uint64_t platform_chosen_number(const struct fdt_walk *w, const char *name)
{
    struct fdt_prop prop;
    if (!fdt_prop(w, name, &prop) || (prop.size != 4 && prop.size != 8))
        return 0;
    return fdt_cells(prop.data, prop.size / 4);
}

static void platform_chosen(const struct fdt_walk *w, struct platform *p,
                            struct platform_paths *paths)
{
    const char *args = fdt_string(w, "bootargs");
    if (args != NULL) {
        size_t n = strnlen(args, PLATFORM_BOOTARGS_MAX - 1);
        memcpy(p->bootargs, args, n);
        p->bootargs[n] = '\0';
    }
    uint64_t start = platform_chosen_number(w, "linux,initrd-start");
    uint64_t end = platform_chosen_number(w, "linux,initrd-end");
    if (start < end && end <= LINEAR_SIZE)
        p->initrd = (struct region){start, end - start};
    struct fdt_prop seed;
    if (fdt_prop(w, "rng-seed", &seed)) {
        p->seed_bytes = seed.size < PLATFORM_SEED_MAX ? seed.size : PLATFORM_SEED_MAX;
        memcpy(p->seed, seed.data, p->seed_bytes);
    }
    const char *console = fdt_string(w, "stdout-path");
    if (console == NULL)
        return;
    size_t n = 0; // a colon starts the line settings
    while (console[n] != '\0' && console[n] != ':')
        n++;
    if (console[0] == '/') {
        paths->console = console;
        paths->console_length = n;
    } else if (n < sizeof(paths->alias)) {
        memcpy(paths->alias, console, n);
        paths->alias[n] = '\0';
    }
}

// /chosen, /aliases and the banks of memory.
static const char *platform_first_pass(const struct fdt *fdt, struct platform *p,
                                       struct platform_paths *paths)
{
    struct fdt_walk w;
    fdt_walk_init(&w, fdt);
    while (fdt_walk_next(&w)) {
        if (w.depth == 1 && strcmp(fdt_name(&w), "chosen") == 0)
            platform_chosen(&w, p, paths);
        else if (fdt_enabled(&w) && fdt_has_string(&w, "device_type", "memory") &&
                 !platform_memory(&w, p))
            return "too many banks of memory";
    }
    fdt_walk_init(&w, fdt);
    while (paths->alias[0] != '\0' && fdt_walk_next(&w)) {
        if (w.depth != 1 || strcmp(fdt_name(&w), "aliases") != 0)
            continue;
        const char *path = fdt_string(&w, paths->alias);
        if (path != NULL) {
            paths->console = path;
            paths->console_length = strlen(path);
        }
    }
    region_trim(&p->memory, PAGE_SIZE);
    p->ram = p->memory;
    return p->memory.count > 0 ? NULL : "no memory in the device tree";
}

static void platform_device(const struct fdt_walk *w, const struct platform_paths *paths,
                            struct platform *p)
{
    bool console = paths->console != NULL && fdt_path_is(w, paths->console, paths->console_length);
    enum platform_uart uart = platform_any(w, pl011_names)    ? UART_PL011
                              : platform_any(w, lpuart_names) ? UART_LPUART
                                                              : UART_NONE;
    if (uart != UART_NONE && (console || p->uart == UART_NONE))
        platform_uart(w, uart, p);
    else if (platform_any(w, gic_v3_names) || platform_any(w, gic_v2_names))
        platform_gic(w, p);
    else if (platform_any(w, psci_names))
        platform_psci(w, p);
    else if (platform_any(w, timer_names))
        p->timer_irq = platform_irq(w, TIMER_VIRTUAL);
    else if (platform_any(w, idle_names))
        platform_idle(w, p);
    else if (fdt_has_string(w, "device_type", "cpu"))
        platform_core(w, p);
}

// Takes [base, base + size), widened to pages, from the list.
static bool platform_exclude(struct region_list *list, uint64_t base, uint64_t size)
{
    uint64_t first = base & ~(PAGE_SIZE - 1);
    uint64_t end = base + size > UINT64_MAX - PAGE_SIZE
                       ? UINT64_MAX & ~(PAGE_SIZE - 1)
                       : (base + size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    return region_remove(list, first, end - first);
}

// Children of /reserved-memory: all are taken from free memory, those with no-map also from `ram`.
static bool platform_reserved(const struct fdt *fdt, struct platform *p)
{
    struct fdt_walk w;
    struct fdt_range range;
    struct fdt_prop no_map;
    bool inside = false;
    fdt_walk_init(&w, fdt);
    while (fdt_walk_next(&w)) {
        if (w.depth == 1)
            inside = strcmp(fdt_name(&w), "reserved-memory") == 0;
        if (w.depth != 2 || !inside || !fdt_enabled(&w))
            continue;
        for (unsigned i = 0; i < RESERVED_MAX_REGS && fdt_reg(&w, i, &range); i++) {
            if (!platform_exclude(&p->free_ram, range.base, range.size))
                return false;
            if (fdt_prop(&w, "no-map", &no_map) &&
                !platform_exclude(&p->ram, range.base, range.size))
                return false;
        }
    }
    return true;
}

const char *platform_parse(const struct fdt *fdt, struct platform *ret_platform)
{
    struct platform *p = ret_platform;
    struct platform_paths paths = {.console = NULL};
    struct fdt_range range;
    struct fdt_walk w;
    memset(p, 0, sizeof(*p));
    const char *problem = platform_first_pass(fdt, p, &paths);
    if (problem != NULL)
        return problem;
    fdt_walk_init(&w, fdt);
    while (fdt_walk_next(&w)) {
        if (fdt_enabled(&w))
            platform_device(&w, &paths, p);
    }
    p->free_ram = p->ram;
    for (unsigned i = 0; fdt_reserved(fdt, i, &range); i++) {
        if (!platform_exclude(&p->free_ram, range.base, range.size))
            return "too many memory reservations";
    }
    if (!platform_reserved(fdt, p) ||
        !platform_exclude(&p->free_ram, p->initrd.base, p->initrd.size))
        return "too many memory reservations";
    if (p->initrd.size > 0) {
        uint64_t first = p->initrd.base & ~(PAGE_SIZE - 1);
        if (!region_contains(&p->ram, first, p->initrd.base + p->initrd.size - first))
            return "the initrd is not in memory";
    }
    if (p->gic == GIC_NONE)
        return "no interrupt controller that is known (GICv2, GICv3)";
    if (p->timer_irq == 0)
        return "no virtual timer interrupt";
    return NULL;
}

bool platform_has_bootarg(const struct platform *platform, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = platform->bootargs; *at != '\0';) {
        size_t n = 0;
        while (at[n] != '\0' && at[n] != ' ')
            n++;
        if (n == length && strncmp(at, word, n) == 0)
            return true;
        at += n;
        while (*at == ' ')
            at++;
    }
    return false;
}
