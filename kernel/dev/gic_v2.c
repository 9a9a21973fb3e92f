// Generic Interrupt Controller version 2. Source: Arm IHI 0048B, chapters 4.3 and 4.4.
#include "gic_priv.h"

#include <kernel/mmu.h>

#define GICC_CTLR 0x00u
#define GICC_PMR  0x04u
#define GICC_IAR  0x0cu
#define GICC_EOIR 0x10u

#define GICV2_INTID(iar) ((iar) & 0x3ffu)
#define ENABLE           1u

// Register addresses and size, set by init.
static struct {
    uintptr_t gicd, gicc;
    uint32_t limit;
    uint32_t iar; // of the interrupt in service: EOIR wants all of it
} gic;

static const char *gic_v2_init(const struct platform *platform)
{
    gic.gicd = (uintptr_t)dev_map(platform->gicd.base, platform->gicd.size);
    gic.gicc = (uintptr_t)dev_map(platform->gicc.base, platform->gicc.size);
    if (gic.gicd == 0 || gic.gicc == 0)
        return "no room to map the registers";
    gic.limit = gic_distributor_limit(gic.gicd);
    mmio_write32(gic.gicd + GICD_CTLR, 0);
    // The private interrupts' target register tells this interface's own bit.
    uint32_t self = mmio_read32(gic.gicd + GICD_ITARGETSR) & 0xff;
    self = self != 0 ? self : 1; // a single-core controller reads 0
    for (uint32_t irq = 0; irq < gic.limit; irq += 32) {
        mmio_write32(gic_bit_register(gic.gicd + GICD_ICENABLER, irq), ~0u);
        mmio_write32(gic_bit_register(gic.gicd + GICD_ICPENDR, irq), ~0u);
    }
    for (uint32_t irq = 0; irq < gic.limit; irq += 4) {
        mmio_write32(gic.gicd + GICD_IPRIORITYR + irq, GIC_PRIORITY_ALL);
        if (irq >= IRQ_FIRST_SHARED)
            mmio_write32(gic.gicd + GICD_ITARGETSR + irq, self * 0x01010101u);
    }
    for (uint32_t irq = IRQ_FIRST_SHARED; irq < gic.limit; irq += 16)
        mmio_write32(gic.gicd + GICD_ICFGR + irq / 4, 0);
    mmio_write32(gic.gicd + GICD_CTLR, ENABLE);
    mmio_write32(gic.gicc + GICC_PMR, GIC_MASK_ALL);
    mmio_write32(gic.gicc + GICC_CTLR, ENABLE);
    return NULL;
}

static void gic_v2_enable(uint32_t irq)
{
    mmio_write32(gic_bit_register(gic.gicd + GICD_ISENABLER, irq), gic_bit(irq));
}

static void gic_v2_disable(uint32_t irq)
{
    mmio_write32(gic_bit_register(gic.gicd + GICD_ICENABLER, irq), gic_bit(irq));
    // Reading back makes sure that the write has arrived.
    (void)mmio_read32(gic_bit_register(gic.gicd + GICD_ICENABLER, irq));
}

static uint32_t gic_v2_claim(void)
{
    uint32_t iar = mmio_read32(gic.gicc + GICC_IAR);
    if (GICV2_INTID(iar) >= GIC_INTID_MAX)
        return IRQ_NONE;
    gic.iar = iar;
    return GICV2_INTID(iar);
}

static void gic_v2_eoi(uint32_t irq)
{
    mmio_write32(gic.gicc + GICC_EOIR, GICV2_INTID(gic.iar) == irq ? gic.iar : irq);
}

static void gic_v2_set_edge(uint32_t irq, bool edge)
{
    gic_config_edge(gic.gicd + GICD_ICFGR, irq, edge);
}

static uint32_t gic_v2_limit(void)
{
    return gic.limit;
}

const struct irqchip_ops irqchip_gic_v2 = {
    .name = "gic-v2",
    .init = gic_v2_init,
    .enable = gic_v2_enable,
    .disable = gic_v2_disable,
    .claim = gic_v2_claim,
    .eoi = gic_v2_eoi,
    .set_edge = gic_v2_set_edge,
    .limit = gic_v2_limit,
};
