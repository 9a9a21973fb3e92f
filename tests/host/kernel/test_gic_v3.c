// The interrupt controller, version 3, against models of its registers, in memory and of the core.
#include <check.h>

#include <arch/sysreg.h>
#include <dev/dev_model.h>
#include <dev/gic.h>
#include <kernel/irq.h>
#include <kernel/mmu.h>

#define GICD_AT     0x8000000u
#define GICR_AT     0x80a0000u // first region: cores 0 and 1, with virtual LPIs
#define GICR2_AT    0x9000000u // second region: core 0x100 and core 0x101, without
#define PAIR_BYTES  (GICR_SIZE + GICD_SIZE)
#define GICR_BYTES  (4u * PAIR_BYTES)
#define GICR2_BYTES (2u * PAIR_BYTES)
#define LINES       96u
#define SELF        0x101u
#define WAKER_MAKER (1u << 31 | 1u) // the maker's own bits

static struct {
    struct dev_model gicd, gicr, gicr2;
    uint8_t gicd_memory[GICD_SIZE], gicr_memory[GICR_BYTES], gicr2_memory[GICR2_BYTES];
    uint64_t self;   // MPIDR_EL1
    int mapped;      // redistributors, looked at or kept
    uint32_t busy;   // looks until a write has taken effect
    bool stuck, no_system_registers;
    uint64_t sre, pmr, bpr, ctlr, grpen, iar, eoir;
} test;

static uint64_t *fake_sysreg(const char *name)
{
    static const struct {
        const char *name;
        uint64_t *value;
    } registers[] = {
        {"mpidr_el1", &test.self},         {"ICC_SRE_EL1", &test.sre},
        {"ICC_PMR_EL1", &test.pmr},        {"ICC_BPR1_EL1", &test.bpr},
        {"ICC_CTLR_EL1", &test.ctlr},      {"ICC_IGRPEN1_EL1", &test.grpen},
        {"ICC_IAR1_EL1", &test.iar},       {"ICC_EOIR1_EL1", &test.eoir},
    };
    for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
        if (strcmp(registers[i].name, name) == 0)
            return registers[i].value;
    }
    CHECK(false);
    return NULL;
}

uint64_t fake_sysreg_read(const char *name)
{
    return *fake_sysreg(name);
}

void fake_sysreg_write(const char *name, uint64_t value)
{
    uint64_t *at = fake_sysreg(name);
    CHECK(at != &test.self && at != &test.iar);
    if (!(test.no_system_registers && at == &test.sre))
        *at = value;
}

void *dev_map(paddr_t base, size_t size)
{
    test.mapped += base != GICD_AT;
    CHECK(size == (base == GICD_AT ? GICD_SIZE : PAIR_BYTES));
    return (void *)(uintptr_t)base;
}

void dev_unmap_last(paddr_t base, size_t size)
{
    CHECK(base != GICD_AT && size == PAIR_BYTES);
    test.mapped--;
}

static bool settled(void)
{
    test.busy -= test.busy > 0 && !test.stuck;
    return test.busy == 0;
}

static void gicd_read(struct dev_model *m, const struct dev_register *reg, uint32_t index)
{
    (void)index;
    if (reg->offset == GICD_CTLR_OFFSET) {
        uint64_t ctlr = dev_model_get(m, &gicd_device, reg->offset) & ~(uint64_t)GICD_CTLR_RWP;
        dev_model_put(m, &gicd_device, reg->offset, settled() ? ctlr : ctlr | GICD_CTLR_RWP);
    }
}

static void gicd_write(struct dev_model *m, const struct dev_register *reg, uint32_t index,
                       uint64_t written)
{
    (void)m;
    (void)reg;
    (void)index;
    (void)written;
    test.busy = 3;
}

// Of this core's redistributor.
static void gicr_read(struct dev_model *m, const struct dev_register *reg, uint32_t index)
{
    uint64_t at = SELF % 2 * PAIR_BYTES;
    (void)index;
    if (strcmp(reg->name, "WAKER") == 0) {
        uint64_t waker = dev_model_get(m, &gicr_device, at + GICR_WAKER_OFFSET);
        if (!(waker & GICR_WAKER_PROCESSOR_SLEEP) && settled())
            waker &= ~(uint64_t)GICR_WAKER_CHILDREN_ASLEEP;
        dev_model_put(m, &gicr_device, at + GICR_WAKER_OFFSET, waker);
    } else if (strcmp(reg->name, "CTLR") == 0) {
        dev_model_put(m, &gicr_device, at + GICR_CTLR_OFFSET, settled() ? 0 : GICR_CTLR_RWP);
    }
}

static void put_redistributor(struct dev_model *m, uint64_t at, uint64_t affinity, uint64_t flags)
{
    dev_model_put(m, &gicr_wide_device, at + GICR_WIDE_TYPER_OFFSET,
                  affinity << GICR_WIDE_TYPER_AFFINITY_SHIFT | flags);
    dev_model_put(m, &gicr_device, at + GICR_WAKER_OFFSET,
                  WAKER_MAKER | GICR_WAKER_PROCESSOR_SLEEP | GICR_WAKER_CHILDREN_ASLEEP);
    dev_model_put(m, &gicd_device, at + GICR_SIZE + GICD_ICENABLER_OFFSET, 0xffffffff);
    dev_model_put(m, &gicd_device, at + GICR_SIZE + GICD_ICPENDR_OFFSET, 0xffffffff);
}

static void set_up(uint64_t self)
{
    dev_model_stop(&test.gicd);
    dev_model_stop(&test.gicr);
    dev_model_stop(&test.gicr2);
    memset(&test, 0, sizeof(test));
    test.self = self;
    test.gicd = (struct dev_model){.on_read = gicd_read, .on_write = gicd_write};
    test.gicr2 = (struct dev_model){.on_read = gicr_read, .on_write = gicd_write};
    dev_model_start(&test.gicd, GICD_AT, test.gicd_memory, GICD_SIZE);
    dev_model_start(&test.gicr, GICR_AT, test.gicr_memory, GICR_BYTES);
    dev_model_start(&test.gicr2, GICR2_AT, test.gicr2_memory, GICR2_BYTES);
    dev_model_put(&test.gicd, &gicd_device, GICD_TYPER_OFFSET, LINES / 32 - 1);
    for (uint32_t i = 0; i < LINES / 32; i++) {
        dev_model_put(&test.gicd, &gicd_device, GICD_ICENABLER_OFFSET + 4 * i, 0xffffffff);
        dev_model_put(&test.gicd, &gicd_device, GICD_ICPENDR_OFFSET + 4 * i, 0xffffffff);
    }
    put_redistributor(&test.gicr, 0, 0, GICR_WIDE_TYPER_VLPIS);
    put_redistributor(&test.gicr, 2 * PAIR_BYTES, 1,
                      GICR_WIDE_TYPER_VLPIS | GICR_WIDE_TYPER_LAST);
    put_redistributor(&test.gicr, PAIR_BYTES, SELF, 0); // pages for virtual LPIs hold anything
    put_redistributor(&test.gicr2, 0, 0x100, 0);
    put_redistributor(&test.gicr2, PAIR_BYTES, 0x101, GICR_WIDE_TYPER_LAST);
}

static const char *start(void)
{
    static const struct platform platform = {
        .gic = GIC_V3, .gicd = {.base = GICD_AT, .size = GICD_SIZE}, .gicr_count = 2,
        .gicr = {{.base = GICR_AT, .size = GICR_BYTES}, {.base = GICR2_AT, .size = GICR2_BYTES}}};
    return irqchip_gic_v3.init(&platform);
}

static uint32_t gicd(uint32_t offset)
{
    return (uint32_t)dev_model_get(&test.gicd, &gicd_device, offset);
}

// Of this core's own interrupts.
static uint32_t own(uint32_t offset)
{
    return (uint32_t)dev_model_get(&test.gicr2, &gicd_device, PAIR_BYTES + GICR_SIZE + offset);
}

// Comes first: what init has found once it keeps.
static void test_foreign(void)
{
    set_up(0x202);
    CHECK(start() != NULL);
    CHECK_EQ(test.mapped, 0);
}

static void test_init(void)
{
    set_up(1ull << 31 | SELF);
    CHECK(start() == NULL);
    CHECK_EQ(test.mapped, 1); // what was looked at and is not this core's was given back
    CHECK_EQ(irqchip_gic_v3.limit(), LINES);
    for (uint32_t i = 1; i < LINES / 32; i++) {
        CHECK_EQ(gicd(GICD_ICENABLER_OFFSET + 4 * i), 0);
        CHECK_EQ(gicd(GICD_ICPENDR_OFFSET + 4 * i), 0);
        CHECK_EQ(gicd(GICD_IGROUPR_OFFSET + 4 * i), 0xffffffff);
    }
    CHECK_EQ(gicd(GICD_ICENABLER_OFFSET), 0xffffffff); // not where the core's own are
    for (uint32_t irq = 32; irq < LINES; irq++)
        CHECK_EQ(dev_model_get(&test.gicd, &gicd_wide_device,
                               GICD_WIDE_IROUTER_OFFSET + 8 * irq), SELF);
    CHECK_EQ(gicd(GICD_IPRIORITYR_OFFSET + LINES - 4), 0xa0a0a0a0);
    CHECK_EQ(gicd(GICD_IPRIORITYR_OFFSET + LINES), 0);
    CHECK_EQ(gicd(GICD_CTLR_OFFSET) & ~GICD_CTLR_RWP, GICD_CTLR_ARE | GICD_CTLR_ENABLE_GRP1);
    CHECK_EQ(own(GICD_ICENABLER_OFFSET), 0);
    CHECK_EQ(own(GICD_ICPENDR_OFFSET), 0);
    CHECK_EQ(own(GICD_IGROUPR_OFFSET), 0xffffffff);
    CHECK_EQ(own(GICD_IPRIORITYR_OFFSET + 28), 0xa0a0a0a0);
    CHECK_EQ(dev_model_get(&test.gicr2, &gicr_device, PAIR_BYTES + GICR_WAKER_OFFSET),
             WAKER_MAKER);
    CHECK_EQ(test.gicr.writes, 0);
    CHECK_EQ(dev_model_get(&test.gicr2, &gicr_device, GICR_WAKER_OFFSET),
             WAKER_MAKER | GICR_WAKER_PROCESSOR_SLEEP | GICR_WAKER_CHILDREN_ASLEEP);
    CHECK_EQ(test.sre, 1);
    CHECK_EQ(test.pmr, 0xf0);
    CHECK_EQ(test.grpen, 1);
}

static void test_lines(void)
{
    set_up(SELF);
    CHECK(start() == NULL);
    irqchip_gic_v3.enable(27);
    irqchip_gic_v3.enable(95);
    CHECK_EQ(own(GICD_ISENABLER_OFFSET), 1u << 27);
    CHECK_EQ(gicd(GICD_ISENABLER_OFFSET), 0);
    CHECK_EQ(gicd(GICD_ISENABLER_OFFSET + 8), 1u << 31);
    dev_model_put(&test.gicd, &gicd_device, GICD_ICENABLER_OFFSET + 8, 0xffffffff);
    irqchip_gic_v3.disable(95);
    CHECK_EQ(gicd(GICD_ICENABLER_OFFSET + 8), 0x7fffffff);
    CHECK_EQ(test.busy, 0); // it waited until that had taken effect
    dev_model_put(&test.gicr2, &gicd_device, PAIR_BYTES + GICR_SIZE + GICD_ICENABLER_OFFSET,
                  0xffffffff);
    irqchip_gic_v3.disable(27);
    CHECK_EQ(own(GICD_ICENABLER_OFFSET), ~(1u << 27));
    CHECK_EQ(test.busy, 0);
    dev_model_put(&test.gicd, &gicd_wide_device, GICD_WIDE_IROUTER_OFFSET + 8 * 33, 7);
    irqchip_gic_v3.route(33);
    CHECK_EQ(dev_model_get(&test.gicd, &gicd_wide_device, GICD_WIDE_IROUTER_OFFSET + 8 * 33),
             SELF);
}

static void test_claim(void)
{
    set_up(SELF);
    CHECK(start() == NULL);
    test.iar = 1023;
    CHECK_EQ(irqchip_gic_v3.claim(), IRQ_NONE);
    test.iar = 40;
    CHECK_EQ(irqchip_gic_v3.claim(), 40);
    irqchip_gic_v3.eoi(40);
    CHECK_EQ(test.eoir, 40);
}

static void test_dead(void)
{
    set_up(SELF);
    test.stuck = true;
    CHECK(start() != NULL);
    CHECK_EQ(test.gicr2.writes, 0);
    set_up(SELF);
    test.no_system_registers = true;
    CHECK(start() != NULL);
}

static const struct check_test tests[] = {
    {"GIC0010 a core without a redistributor", test_foreign},
    {"GIC0011 this core's redistributor is found, woken and used, and no other", test_init},
    {"GIC0012 own and shared interrupts are enabled and disabled where they are", test_lines},
    {"GIC0013 claim and end", test_claim},
    {"GIC0014 a controller that does not answer", test_dead},
};

int main(void)
{
    return CHECK_MAIN(tests);
}
