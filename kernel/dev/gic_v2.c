// Generic Interrupt Controller version 2.
#include "gic_priv.h"

#include <kernel/mmu.h>
#include <arch/sysreg.h>

// Set by init.
static struct {
    struct gicd_regs gicd;
    struct gicc_regs gicc;
    uint32_t limit;
    uint32_t self; // this core's interface, as a bit
    uint32_t iar; // of the interrupt in service: EOIR wants all of it
} gic;

// Masks interrupts [first, limit), none of them pending.
static void gic_v2_reset(uint32_t first, uint32_t limit)
{
    for (uint32_t i = first / 32; i < (limit + 31) / 32; i++) {
        gicd_icenabler_clear(&gic.gicd, i, ~0u);
        gicd_icpendr_clear(&gic.gicd, i, ~0u);
    }
    for (uint32_t i = first / 4; i < limit / 4; i++)
        gicd_ipriorityr_wr(&gic.gicd, i, GIC_PRIORITY_ALL);
}

// What the cores share; all of it comes to this one.
static void gic_v2_init_distributor(void)
{
    gicd_ctlr_wr(&gic.gicd, 0);
    gic_v2_reset(IRQ_FIRST_SHARED, gic.limit);
    for (uint32_t i = IRQ_FIRST_SHARED / 4; i < gic.limit / 4; i++)
        gicd_itargetsr_wr(&gic.gicd, i, gic.self * 0x01010101u);
    for (uint32_t i = IRQ_FIRST_SHARED / 16; i < (gic.limit + 15) / 16; i++)
        gicd_icfgr_wr(&gic.gicd, i, 0);
    gicd_ctlr_wr(&gic.gicd, GICD_CTLR_ENABLE_GRP0);
}

static const char *gic_v2_init(const struct platform *platform)
{
    gic.gicd = gicd_at((uintptr_t)dev_map(platform->gicd.base, platform->gicd.size));
    gic.gicc = gicc_at((uintptr_t)dev_map(platform->gicc.base, platform->gicc.size));
    if (gic.gicd.base == 0 || gic.gicc.base == 0)
        return "no room to map the registers";
    gic.limit = gic_distributor_limit(&gic.gicd);
    // The first registers of each row are those of this core's own interrupts, banked by core.
    gic_v2_reset(0, IRQ_FIRST_SHARED);
    // The private interrupts' target register tells this interface's own bit; 0: it is alone.
    uint32_t self = gicd_itargetsr_t0_rd(&gic.gicd, 0);
    if (self != 0 && self != 1u << platform->cores.self)
        return "the number of this core's interface is not the core's";
    gic.self = self != 0 ? self : 1;
    if (platform->further == NULL)
        gic_v2_init_distributor();
    gicc_pmr_wr(&gic.gicc, GIC_MASK_ALL);
    gicc_ctlr_wr(&gic.gicc, GICC_CTLR_ENABLE_GRP0);
    return NULL;
}

static void gic_v2_enable(uint32_t irq)
{
    gicd_isenabler_set(&gic.gicd, irq / 32, gic_bit(irq));
}

static void gic_v2_disable(uint32_t irq)
{
    gicd_icenabler_clear(&gic.gicd, irq / 32, gic_bit(irq));
    // Reading back makes sure that the write has arrived.
    (void)gicd_icenabler_rd(&gic.gicd, irq / 32);
}

static uint32_t gic_v2_claim(void)
{
    uint32_t iar = gicc_iar_rd(&gic.gicc);
    if (gicc_iar_interrupt(iar) >= GIC_LINES_MAX)
        return IRQ_NONE;
    dsb_sy(); // or memory could be read before the interrupt was claimed: kernel/doorbell.h
    gic.iar = iar;
    return gicc_iar_interrupt(iar);
}

static void gic_v2_eoi(uint32_t irq)
{
    gicc_eoir_wr(&gic.gicc, gicc_iar_interrupt(gic.iar) == irq ? gic.iar : irq);
}

static void gic_v2_route(uint32_t irq)
{
    const struct gicd_bytes_regs bytes = gicd_bytes_at(gic.gicd.base);
    gicd_bytes_targets_wr(&bytes, irq, (uint8_t)gic.self);
}

// The interfaces are numbered as the cores are: gic_v2_init makes sure.
static void gic_v2_send(unsigned core, uint64_t mpidr, uint32_t irq)
{
    (void)mpidr;
    gicd_sgir_wr(&gic.gicd, irq | 1u << (GICD_SGIR_CORES_SHIFT + core));
}

static void gic_v2_leave(void)
{
    gicd_icenabler_clear(&gic.gicd, 0, ~0u);
    gicc_ctlr_wr(&gic.gicc, 0);
}

static void gic_v2_mute(uint32_t irq, bool mute)
{
    gic_config_mute(&gic.gicd, irq, mute);
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
    .route = gic_v2_route,
    .limit = gic_v2_limit,
    .send = gic_v2_send,
    .mute = gic_v2_mute,
    .leave = gic_v2_leave,
};
