// Generic Interrupt Controller version 3, one security state. Source of what is not in memory: Arm
// IHI 0069H, chapter 12.2 (CPU interface registers).
#include "gic_priv.h"

#include <arch/sysreg.h>
#include <kernel/mmu.h>

#define GICR_BYTES      (GICR_SIZE + GICD_SIZE) // its own page and one like a distributor's
#define GICR_VLPI_BYTES (2u * GICR_BYTES)       // virtual LPIs add two more

#define MPIDR_AFFINITY 0xff00fffffful
#define GIC_WAIT_MAX   1000000u // looks at a flag before the controller counts as dead
#define GIC_CORES_MAX  512u     // redistributors looked at in one region

// Set by init. `gicr` is this core's redistributor, `own` its page with the private interrupts.
static struct {
    struct gicd_regs gicd, own;
    struct gicr_regs gicr;
    uint32_t limit;
} gic;

static bool gic_v3_wait_distributor(void)
{
    for (unsigned i = 0; i < GIC_WAIT_MAX; i++) {
        if (!gicd_ctlr_rwp_rd(&gic.gicd))
            return true;
        cpu_relax();
    }
    return false;
}

// Until all bits of `mask` in CTLR or WAKER of the redistributor are clear.
static bool gic_v3_wait_redistributor(uint32_t (*read)(const struct gicr_regs *), uint32_t mask)
{
    for (unsigned i = 0; i < GIC_WAIT_MAX; i++) {
        if (!(read(&gic.gicr) & mask))
            return true;
        cpu_relax();
    }
    return false;
}

// Affinity of this core as GICR_TYPER has it: Aff3.Aff2.Aff1.Aff0.
static uint32_t gic_v3_affinity(uint64_t mpidr)
{
    return (uint32_t)(mpidr & 0xffffff) | (uint32_t)(mpidr >> 8 & 0xff000000);
}

// Maps redistributors of a region one after another until this core's is found; keeps that one.
static bool gic_v3_find_redistributor(const struct platform *platform, const struct region *region)
{
    uint32_t self = gic_v3_affinity(sysreg_read(mpidr_el1) & MPIDR_AFFINITY);
    uint64_t offset = 0;
    for (unsigned i = 0; i < GIC_CORES_MAX && offset + GICR_BYTES <= region->size; i++) {
        uintptr_t regs = (uintptr_t)dev_map(region->base + offset, GICR_BYTES);
        if (regs == 0)
            return false;
        const struct gicr_wide_regs wide = gicr_wide_at(regs);
        uint64_t typer = gicr_wide_typer_rd(&wide);
        if (gicr_wide_typer_affinity(typer) == self) {
            gic.gicr = gicr_at(regs);
            gic.own = gicd_at(regs + GICR_SIZE);
            return true;
        }
        dev_unmap_last(region->base + offset, GICR_BYTES);
        if (gicr_wide_typer_last(typer))
            return false;
        offset += platform->gicr_stride != 0 ? platform->gicr_stride
                  : gicr_wide_typer_vlpis(typer) ? GICR_VLPI_BYTES
                                                 : GICR_BYTES;
    }
    return false;
}

static void gic_v3_route(uint32_t irq)
{
    const struct gicd_wide_regs wide = gicd_wide_at(gic.gicd.base);
    gicd_wide_irouter_wr(&wide, irq, sysreg_read(mpidr_el1) & MPIDR_AFFINITY);
}

static bool gic_v3_init_distributor(void)
{
    const struct gicd_regs *gicd = &gic.gicd;
    gicd_ctlr_wr(gicd, 0);
    if (!gic_v3_wait_distributor())
        return false;
    for (uint32_t i = IRQ_FIRST_SHARED / 32; i < (gic.limit + 31) / 32; i++) {
        gicd_icenabler_clear(gicd, i, ~0u);
        gicd_icpendr_clear(gicd, i, ~0u);
        gicd_igroupr_wr(gicd, i, ~0u);
    }
    for (uint32_t i = IRQ_FIRST_SHARED / 4; i < gic.limit / 4; i++)
        gicd_ipriorityr_wr(gicd, i, GIC_PRIORITY_ALL);
    for (uint32_t i = IRQ_FIRST_SHARED / 16; i < (gic.limit + 15) / 16; i++)
        gicd_icfgr_wr(gicd, i, 0);
    gicd_ctlr_wr(gicd, GICD_CTLR_ARE | GICD_CTLR_ENABLE_GRP1);
    if (!gic_v3_wait_distributor())
        return false;
    for (uint32_t irq = IRQ_FIRST_SHARED; irq < gic.limit; irq++)
        gic_v3_route(irq);
    return true;
}

static bool gic_v3_init_redistributor(void)
{
    gicr_waker_processor_sleep_wr(&gic.gicr, false);
    if (!gic_v3_wait_redistributor(gicr_waker_rd, GICR_WAKER_CHILDREN_ASLEEP))
        return false;
    gicd_icenabler_clear(&gic.own, 0, ~0u);
    gicd_icpendr_clear(&gic.own, 0, ~0u);
    gicd_igroupr_wr(&gic.own, 0, ~0u);
    for (uint32_t i = 0; i < IRQ_FIRST_SHARED / 4; i++)
        gicd_ipriorityr_wr(&gic.own, i, GIC_PRIORITY_ALL);
    return gic_v3_wait_redistributor(gicr_ctlr_rd, GICR_CTLR_RWP);
}

static bool gic_v3_init_interface(void)
{
    sysreg_write_x(ICC_SRE_EL1, sysreg_read_x(ICC_SRE_EL1) | 1);
    isb();
    if (!(sysreg_read_x(ICC_SRE_EL1) & 1))
        return false;
    sysreg_write_x(ICC_PMR_EL1, GIC_MASK_ALL);
    sysreg_write_x(ICC_BPR1_EL1, 0);
    sysreg_write_x(ICC_CTLR_EL1, 0); // EOI also deactivates
    sysreg_write_x(ICC_IGRPEN1_EL1, 1);
    isb();
    return true;
}

static const char *gic_v3_init(const struct platform *platform)
{
    gic.gicd = gicd_at((uintptr_t)dev_map(platform->gicd.base, platform->gicd.size));
    if (gic.gicd.base == 0)
        return "no room to map the distributor";
    gic.limit = gic_distributor_limit(&gic.gicd);
    for (unsigned i = 0; i < platform->gicr_count && gic.gicr.base == 0; i++)
        (void)gic_v3_find_redistributor(platform, &platform->gicr[i]);
    if (gic.gicr.base == 0)
        return "no redistributor for this core";
    if (platform->further == NULL && !gic_v3_init_distributor())
        return "the distributor does not answer";
    if (!gic_v3_init_redistributor())
        return "the redistributor does not answer";
    if (!gic_v3_init_interface())
        return "the CPU interface has no system registers";
    return NULL;
}

// Distributor or this core's redistributor: the page with the interrupt's registers.
static const struct gicd_regs *gic_v3_page(uint32_t irq)
{
    return irq < IRQ_FIRST_SHARED ? &gic.own : &gic.gicd;
}

static void gic_v3_enable(uint32_t irq)
{
    gicd_isenabler_set(gic_v3_page(irq), irq / 32, gic_bit(irq));
}

static void gic_v3_disable(uint32_t irq)
{
    gicd_icenabler_clear(gic_v3_page(irq), irq / 32, gic_bit(irq));
    if (irq < IRQ_FIRST_SHARED)
        (void)gic_v3_wait_redistributor(gicr_ctlr_rd, GICR_CTLR_RWP);
    else
        (void)gic_v3_wait_distributor();
}

static uint32_t gic_v3_claim(void)
{
    uint32_t irq = (uint32_t)sysreg_read_x(ICC_IAR1_EL1);
    dsb_sy(); // the read has its effect before anything the handler does (IHI 0069, 4.1.1), reads
              // of memory included: kernel/doorbell.h
    return irq < GIC_LINES_MAX ? irq : IRQ_NONE;
}

static void gic_v3_eoi(uint32_t irq)
{
    sysreg_write_x(ICC_EOIR1_EL1, irq);
    isb();
}

// ICC_SGI1R_EL1 (IHI 0069H, 12.2.21): a list of 16 cores, of the same upper affinities, from
// 16 * RS on.
static void gic_v3_send(unsigned core, uint64_t mpidr, uint32_t irq)
{
    uint64_t aff0 = mpidr & 0xff, aff1 = mpidr >> 8 & 0xff, aff2 = mpidr >> 16 & 0xff;
    uint64_t aff3 = mpidr >> 32 & 0xff;
    (void)core;
    sysreg_write_x(ICC_SGI1R_EL1, aff3 << 48 | aff0 / 16 << 44 | aff2 << 32 |
                                      (uint64_t)irq << 24 | aff1 << 16 | 1u << aff0 % 16);
    isb();
}

// The redistributor is the firmware's to put to sleep.
static void gic_v3_leave(void)
{
    gicd_icenabler_clear(&gic.own, 0, ~0u);
    sysreg_write_x(ICC_IGRPEN1_EL1, 0);
    isb();
}

static void gic_v3_mute(uint32_t irq, bool mute)
{
    gic_config_mute(&gic.own, irq, mute);
}

static uint32_t gic_v3_limit(void)
{
    return gic.limit;
}

const struct irqchip_ops irqchip_gic_v3 = {
    .name = "gic-v3",
    .init = gic_v3_init,
    .enable = gic_v3_enable,
    .disable = gic_v3_disable,
    .claim = gic_v3_claim,
    .eoi = gic_v3_eoi,
    .route = gic_v3_route,
    .limit = gic_v3_limit,
    .send = gic_v3_send,
    .mute = gic_v3_mute,
    .leave = gic_v3_leave,
};
