// The interrupt controller, version 2, against models of its registers.
#include <check.h>

#include <dev/dev_model.h>
#include <dev/gic.h>
#include <kernel/irq.h>
#include <kernel/mmu.h>

#define GICD_AT 0x8000000u
#define GICC_AT 0x8010000u
#define LINES   96u

static struct {
    struct dev_model gicd, gicc;
    uint8_t gicd_memory[GICD_SIZE], gicc_memory[GICC_SIZE];
    bool unmappable;
    uint32_t ended; // what EOIR got last
} test;

void *dev_map(paddr_t base, size_t size)
{
    CHECK(base == GICD_AT || base == GICC_AT);
    return test.unmappable ? NULL : (void *)(uintptr_t)base;
}

static uint32_t gicd(uint32_t offset)
{
    return (uint32_t)dev_model_get(&test.gicd, &gicd_device, offset);
}

// The two rows of a pair are one state.
static void gicd_write(struct dev_model *m, const struct dev_register *reg, uint32_t index,
                       uint64_t written)
{
    uint32_t own = reg->offset + 4 * index;
    uint32_t row = reg->offset & ~0x80u;
    if (row == GICD_ISENABLER_OFFSET || row == GICD_ISPENDR_OFFSET) {
        (void)written;
        dev_model_put(m, &gicd_device, own ^ 0x80u, gicd(own));
    }
}

static void gicc_write(struct dev_model *m, const struct dev_register *reg, uint32_t index,
                       uint64_t written)
{
    (void)m;
    (void)index;
    if (reg->offset == GICC_EOIR_OFFSET)
        test.ended = (uint32_t)written;
}

static const char *start(void)
{
    static const struct platform platform = {.gic = GIC_V2, .cores = {.self = 2},
                                             .gicd = {.base = GICD_AT, .size = GICD_SIZE},
                                             .gicc = {.base = GICC_AT, .size = GICC_SIZE}};
    bool unmappable = test.unmappable;
    dev_model_stop(&test.gicd);
    dev_model_stop(&test.gicc);
    memset(&test, 0, sizeof(test));
    test.unmappable = unmappable;
    test.gicd = (struct dev_model){.on_write = gicd_write};
    test.gicc = (struct dev_model){.on_write = gicc_write};
    dev_model_start(&test.gicd, GICD_AT, test.gicd_memory, GICD_SIZE);
    dev_model_start(&test.gicc, GICC_AT, test.gicc_memory, GICC_SIZE);
    dev_model_put(&test.gicd, &gicd_device, GICD_TYPER_OFFSET, LINES / 32 - 1);
    dev_model_put(&test.gicd, &gicd_device, GICD_ITARGETSR_OFFSET, 0x04040404);
    // A loader may have left anything enabled, pending, and sensitive to edges.
    for (uint32_t i = 0; i < LINES / 32; i++) {
        for (uint32_t row = GICD_ISENABLER_OFFSET; row <= GICD_ICPENDR_OFFSET; row += 0x80)
            dev_model_put(&test.gicd, &gicd_device, row + 4 * i, 0xffffffff);
    }
    for (uint32_t i = 0; i < LINES / 16; i++)
        dev_model_put(&test.gicd, &gicd_device, GICD_ICFGR_OFFSET + 4 * i, 0xaaaaaaaa);
    return irqchip_gic_v2.init(&platform);
}

static void test_init(void)
{
    CHECK(start() == NULL);
    CHECK_EQ(irqchip_gic_v2.limit(), LINES);
    for (uint32_t i = 0; i < LINES / 32; i++) {
        CHECK_EQ(gicd(GICD_ISENABLER_OFFSET + 4 * i), 0);
        CHECK_EQ(gicd(GICD_ISPENDR_OFFSET + 4 * i), 0);
    }
    for (uint32_t i = 0; i < LINES / 4; i++)
        CHECK_EQ(gicd(GICD_IPRIORITYR_OFFSET + 4 * i), 0xa0a0a0a0);
    for (uint32_t i = 8; i < LINES / 4; i++)
        CHECK_EQ(gicd(GICD_ITARGETSR_OFFSET + 4 * i), 0x04040404); // this core, as it said
    CHECK_EQ(gicd(GICD_IPRIORITYR_OFFSET + LINES), 0);
    CHECK_EQ(gicd(GICD_ICFGR_OFFSET + 4), 0xaaaaaaaa); // the core's own stay as they are
    for (uint32_t i = 2; i < LINES / 16; i++)
        CHECK_EQ(gicd(GICD_ICFGR_OFFSET + 4 * i), 0);
    CHECK_EQ(gicd(GICD_CTLR_OFFSET), 1);
    CHECK_EQ(dev_model_get(&test.gicc, &gicc_device, GICC_CTLR_OFFSET), 1);
    CHECK_EQ(dev_model_get(&test.gicc, &gicc_device, GICC_PMR_OFFSET), 0xf0);
}

static void test_unmappable(void)
{
    test.unmappable = true;
    CHECK(start() != NULL);
    test.unmappable = false;
}

static void test_lines(void)
{
    CHECK(start() == NULL);
    irqchip_gic_v2.enable(33);
    irqchip_gic_v2.enable(95);
    CHECK_EQ(gicd(GICD_ISENABLER_OFFSET + 4), 2);
    CHECK_EQ(gicd(GICD_ISENABLER_OFFSET + 8), 1u << 31);
    irqchip_gic_v2.disable(33);
    CHECK_EQ(gicd(GICD_ISENABLER_OFFSET + 4), 0);
    CHECK_EQ(gicd(GICD_ISENABLER_OFFSET + 8), 1u << 31);
    irqchip_gic_v2.route(33);
    dev_model_put(&test.gicd, &gicd_device, GICD_ITARGETSR_OFFSET + 36, 0x01020202);
    irqchip_gic_v2.route(38);
    CHECK_EQ(gicd(GICD_ITARGETSR_OFFSET + 36), 0x01040202); // one byte
}

static void test_claim(void)
{
    CHECK(start() == NULL);
    dev_model_put(&test.gicc, &gicc_device, GICC_IAR_OFFSET, 1023);
    CHECK_EQ(irqchip_gic_v2.claim(), IRQ_NONE);
    // A software generated interrupt from core 2: EOIR wants the core, too.
    dev_model_put(&test.gicc, &gicc_device, GICC_IAR_OFFSET, 2u << 10 | 5);
    CHECK_EQ(irqchip_gic_v2.claim(), 5);
    irqchip_gic_v2.eoi(5);
    CHECK_EQ(test.ended, 2u << 10 | 5);
    irqchip_gic_v2.eoi(40);
    CHECK_EQ(test.ended, 40);
}

static const struct check_test tests[] = {
    {"GIC0001 whatever the loader left, all is masked and goes to this core", test_init},
    {"GIC0002 registers that cannot be mapped", test_unmappable},
    {"GIC0003 one interrupt is enabled, disabled", test_lines},
    {"GIC0004 claim and end", test_claim},
};

int main(void)
{
    return CHECK_MAIN(tests);
}
