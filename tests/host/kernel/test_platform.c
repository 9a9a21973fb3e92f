// What the kernel finds in real device trees. Arguments: NAME=FILE for each tree, with the names of
// the table below.
#include <check.h>

#include <kernel/platform.h>
#include <stdlib.h>

#define MIB (1ul << 20)

struct tree {
    const char *name;
    const char *file;
    void *blob;
    size_t size;
};

static struct tree trees[] = {{.name = "v3"}, {.name = "v2"}, {.name = "el2"}, {.name = "aster"}};

static struct platform platform;

// Parses the tree of that name into `platform`.
static void parse(const char *name, struct fdt *fdt)
{
    const struct tree *tree = trees;
    while (strcmp(tree->name, name) != 0)
        tree++;
    CHECK(fdt_open(tree->blob, tree->size, fdt));
    const char *problem = platform_parse(fdt, &platform);
    CHECK_STR(problem != NULL ? problem : "", "");
}

static void check_virt_common(void)
{
    CHECK_EQ(platform.uart, UART_PL011);
    CHECK_EQ(platform.uart_regs.base, 0x9000000);
    CHECK_EQ(platform.uart_regs.size, 0x1000);
    CHECK_EQ(platform.uart_irq, 33);
    CHECK_EQ(platform.timer_irq, 27);
    CHECK_EQ(platform.gicd.base, 0x8000000);
    CHECK_EQ(platform.memory.count, 1);
    CHECK_EQ(platform.memory.item[0].base, 0x40000000);
    CHECK_EQ(platform.free_ram.item[0].size, platform.memory.item[0].size);
    CHECK_EQ(platform.seed_bytes, 32);
}

static void test_v3(void)
{
    struct fdt fdt;
    parse("v3", &fdt);
    check_virt_common();
    CHECK_EQ(platform.memory.item[0].size, 512 * MIB);
    CHECK_EQ(platform.core_count, 2);
    CHECK_EQ(platform.core_mpidr[1], 1);
    CHECK_EQ(platform.gic, GIC_V3);
    CHECK_EQ(platform.gicr_count, 1);
    CHECK_EQ(platform.gicr[0].base, 0x80a0000);
    CHECK_EQ(platform.gicr[0].size, 0xf60000);
    CHECK_EQ(platform.psci, CONDUIT_HVC);
    CHECK(fdt_used_size(&fdt) < 0x4000); // QEMU leaves much room at the end
}

static void test_v2(void)
{
    struct fdt fdt;
    parse("v2", &fdt);
    check_virt_common();
    CHECK_EQ(platform.memory.item[0].size, 2048 * MIB);
    CHECK_EQ(platform.core_count, 4);
    CHECK_EQ(platform.gic, GIC_V2);
    CHECK_EQ(platform.idle.exists, false);
    CHECK_EQ(platform.gicc.base, 0x8010000);
    CHECK_EQ(platform.psci, CONDUIT_HVC);
}

static void test_el2(void)
{
    struct fdt fdt;
    parse("el2", &fdt);
    check_virt_common();
    CHECK_EQ(platform.psci, CONDUIT_SMC);
    CHECK_EQ(platform.gic, GIC_V3);
}

static void test_aster(void)
{
    struct fdt fdt;
    parse("aster", &fdt);
    CHECK_EQ(platform.uart, UART_LPUART);
    CHECK_EQ(platform.uart_regs.base, 0x5a090000);
    CHECK_EQ(platform.uart_irq, 380);
    CHECK_EQ(platform.gic, GIC_V3);
    CHECK_EQ(platform.gicd.base, 0x51a00000);
    CHECK_EQ(platform.gicr[0].base, 0x51b00000);
    CHECK_EQ(platform.gicr[0].size, 0xc0000);
    CHECK_EQ(platform.timer_irq, 27);
    CHECK_EQ(platform.psci, CONDUIT_SMC);
    CHECK_EQ(platform.core_count, 4);
    CHECK_EQ(platform.core_mpidr[3], 3);
    CHECK_EQ(platform.idle.exists, true);
    CHECK_EQ(platform.idle.param, 0x11);
    CHECK_EQ(platform.idle.residency_us, 700);
    CHECK_EQ(platform.seed_bytes, 16);
    CHECK_EQ(platform.initrd.base, 0x8a000000);
    CHECK_EQ(platform.initrd.size, 0x123456);
    CHECK_STR(platform.bootargs, "console=frames quiet");
    CHECK(platform_has_bootarg(&platform, "console=frames"));
    CHECK(platform_has_bootarg(&platform, "quiet"));
    CHECK(!platform_has_bootarg(&platform, "console"));
    CHECK(!platform_has_bootarg(&platform, "qui"));
}

static void test_aster_memory(void)
{
    struct fdt fdt;
    parse("aster", &fdt);
    CHECK_EQ(region_total(&platform.memory), 2048 * MIB);
    // Parts with no-map are neither mapped nor free, but for the disabled one.
    CHECK_EQ(region_total(&platform.ram), (2048 - 32 - 2 - 1 - 7) * MIB);
    CHECK(!region_contains(&platform.ram, 0x84000000, 1));
    CHECK(!region_contains(&platform.ram, 0x861fffff, 1));
    CHECK(region_contains(&platform.ram, 0x86200000, 1));
    CHECK(region_contains(&platform.ram, 0x92400000, 0x2000000));
    // Reserved and loaded parts are mapped, but not free.
    CHECK(region_contains(&platform.ram, 0xa0000000, 0x100000));
    CHECK(!region_contains(&platform.free_ram, 0xa0000000, 1));
    CHECK(!region_contains(&platform.free_ram, 0x80000000, 1));
    CHECK(region_contains(&platform.free_ram, 0x80200000, 1));
    CHECK(!region_contains(&platform.free_ram, 0x8a123fff, 1));
    CHECK(region_contains(&platform.free_ram, 0x8a124000, 1));
}

static void test_translation(void)
{
    struct fdt fdt;
    struct fdt_walk walk;
    struct fdt_range range;
    uint32_t irq[3];
    bool seen = false;
    parse("aster", &fdt);
    fdt_walk_init(&walk, &fdt);
    while (fdt_walk_next(&walk)) {
        if (!fdt_is_compatible(&walk, "fsl,imx8qxp-gpio"))
            continue;
        seen = true;
        CHECK(fdt_reg(&walk, 0, &range));
        CHECK_EQ(range.base, 0x5d0b0000);
        CHECK_EQ(range.size, 0x10000);
        CHECK(!fdt_reg(&walk, 1, &range));
        CHECK(fdt_interrupt(&walk, 0, irq));
        CHECK_EQ(irq[1], 139);
        CHECK(!fdt_interrupt(&walk, 1, irq));
        CHECK(fdt_path_is(&walk, "/bus@5d000000/gpio@b0000", 24));
        CHECK(!fdt_path_is(&walk, "/bus@5d000000/gpio@b000", 23));
        CHECK(!fdt_path_is(&walk, "/bus@5d000000", 13));
        CHECK_STR(fdt_name(&walk), "gpio@b0000");
        CHECK(walk.level[walk.depth].interrupt_parent != 0);
    }
    CHECK(seen);
}

static bool load(struct tree *tree, const char *argument)
{
    size_t n = strlen(tree->name);
    if (strncmp(argument, tree->name, n) != 0 || argument[n] != '=')
        return false;
    FILE *file = fopen(argument + n + 1, "rb");
    if (file == NULL)
        return false;
    tree->blob = malloc(FDT_MAX_SIZE);
    tree->size = fread(tree->blob, 1, FDT_MAX_SIZE, file);
    fclose(file);
    return tree->size > 0;
}

static const struct check_test tests[] = {
    {"FDT0001 QEMU virt with GICv3", test_v3},
    {"FDT0002 QEMU virt with GICv2 and 2 GiB", test_v2},
    {"FDT0003 QEMU virt entered at EL2", test_el2},
    {"FDT0004 Colibri on Aster: devices", test_aster},
    {"FDT0005 Colibri on Aster: memory", test_aster_memory},
    {"FDT0006 addresses through a bus, interrupts, paths", test_translation},
};

int main(int argc, char **argv)
{
    unsigned loaded = 0;
    for (int i = 1; i < argc; i++) {
        for (unsigned t = 0; t < sizeof(trees) / sizeof(trees[0]); t++)
            loaded += load(&trees[t], argv[i]);
    }
    if (loaded != sizeof(trees) / sizeof(trees[0])) {
        fprintf(stderr, "usage: test_platform NAME=FILE...\n");
        return 2;
    }
    return CHECK_MAIN(tests);
}
