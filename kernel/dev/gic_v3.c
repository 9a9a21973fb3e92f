// Generic Interrupt Controller version 3, one security state. Source: Arm IHI 0069H, chapters 12.2
// (CPU interface registers), 12.9 (distributor) and 12.11 (redistributors).
#include "gic_priv.h"

#include <arch/sysreg.h>
#include <kernel/mmu.h>

#define GICD_IROUTER 0x6000u // one 64-bit register per interrupt

#define CTLR_GRP1_NS 2u // EnableGrp1A, seen from the non-secure side or with one security state
#define CTLR_ARE_NS  (1u << 4)
#define CTLR_RWP     (1u << 31)

#define GICR_CTLR       0x0000u
#define GICR_TYPER      0x0008u
#define GICR_WAKER      0x0014u
#define GICR_SGI_FRAME  0x10000u // the second page: same layout as a distributor for 32 interrupts
#define GICR_BYTES      0x20000u // two frames; virtual LPIs add two more
#define GICR_VLPI_BYTES 0x40000u

#define GICR_CTLR_RWP         (1u << 3)
#define TYPER_VLPIS           (1u << 1)
#define TYPER_LAST            (1u << 4)
#define WAKER_PROCESSOR_SLEEP (1u << 1)
#define WAKER_CHILDREN_ASLEEP (1u << 2)

#define MPIDR_AFFINITY 0xff00fffffful
#define GIC_WAIT_MAX   1000000u // looks at a flag before the controller counts as dead
#define GIC_CORES_MAX  512u     // redistributors looked at in one region

// Register addresses and size, set by init. `gicr` is this core's redistributor.
static struct {
    uintptr_t gicd, gicr;
    uint32_t limit;
} gic;

static bool gic_v3_wait_clear(uintptr_t reg, uint32_t bits)
{
    for (unsigned i = 0; i < GIC_WAIT_MAX; i++) {
        if (!(mmio_read32(reg) & bits))
            return true;
        mmio_relax();
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
        uint64_t typer = mmio_read64(regs + GICR_TYPER);
        if (typer >> 32 == self) {
            gic.gicr = regs;
            return true;
        }
        dev_unmap_last(region->base + offset, GICR_BYTES);
        if (typer & TYPER_LAST)
            return false;
        offset += platform->gicr_stride != 0 ? platform->gicr_stride
                  : typer & TYPER_VLPIS      ? GICR_VLPI_BYTES
                                             : GICR_BYTES;
    }
    return false;
}

static bool gic_v3_init_distributor(void)
{
    uint64_t self = sysreg_read(mpidr_el1) & MPIDR_AFFINITY;
    mmio_write32(gic.gicd + GICD_CTLR, 0);
    if (!gic_v3_wait_clear(gic.gicd + GICD_CTLR, CTLR_RWP))
        return false;
    for (uint32_t irq = IRQ_FIRST_SHARED; irq < gic.limit; irq += 32) {
        mmio_write32(gic_bit_register(gic.gicd + GICD_ICENABLER, irq), ~0u);
        mmio_write32(gic_bit_register(gic.gicd + GICD_ICPENDR, irq), ~0u);
        mmio_write32(gic_bit_register(gic.gicd + GICD_IGROUPR, irq), ~0u);
    }
    for (uint32_t irq = IRQ_FIRST_SHARED; irq < gic.limit; irq += 4)
        mmio_write32(gic.gicd + GICD_IPRIORITYR + irq, GIC_PRIORITY_ALL);
    for (uint32_t irq = IRQ_FIRST_SHARED; irq < gic.limit; irq += 16)
        mmio_write32(gic.gicd + GICD_ICFGR + irq / 4, 0);
    mmio_write32(gic.gicd + GICD_CTLR, CTLR_ARE_NS | CTLR_GRP1_NS);
    if (!gic_v3_wait_clear(gic.gicd + GICD_CTLR, CTLR_RWP))
        return false;
    for (uint32_t irq = IRQ_FIRST_SHARED; irq < gic.limit; irq++)
        mmio_write64(gic.gicd + GICD_IROUTER + 8ul * irq, self);
    return true;
}

static bool gic_v3_init_redistributor(void)
{
    uintptr_t sgi = gic.gicr + GICR_SGI_FRAME;
    uint32_t waker = mmio_read32(gic.gicr + GICR_WAKER);
    mmio_write32(gic.gicr + GICR_WAKER, waker & ~WAKER_PROCESSOR_SLEEP);
    if (!gic_v3_wait_clear(gic.gicr + GICR_WAKER, WAKER_CHILDREN_ASLEEP))
        return false;
    mmio_write32(sgi + GICD_ICENABLER, ~0u);
    mmio_write32(sgi + GICD_ICPENDR, ~0u);
    mmio_write32(sgi + GICD_IGROUPR, ~0u);
    for (uint32_t irq = 0; irq < IRQ_FIRST_SHARED; irq += 4)
        mmio_write32(sgi + GICD_IPRIORITYR + irq, GIC_PRIORITY_ALL);
    return gic_v3_wait_clear(gic.gicr + GICR_CTLR, GICR_CTLR_RWP);
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
    gic.gicd = (uintptr_t)dev_map(platform->gicd.base, platform->gicd.size);
    if (gic.gicd == 0)
        return "no room to map the distributor";
    gic.limit = gic_distributor_limit(gic.gicd);
    for (unsigned i = 0; i < platform->gicr_count && gic.gicr == 0; i++)
        (void)gic_v3_find_redistributor(platform, &platform->gicr[i]);
    if (gic.gicr == 0)
        return "no redistributor for this core";
    if (!gic_v3_init_distributor())
        return "the distributor does not answer";
    if (!gic_v3_init_redistributor())
        return "the redistributor does not answer";
    if (!gic_v3_init_interface())
        return "the CPU interface has no system registers";
    return NULL;
}

// Distributor or this core's redistributor: the frame with the interrupt's registers.
static uintptr_t gic_v3_frame(uint32_t irq)
{
    return irq < IRQ_FIRST_SHARED ? gic.gicr + GICR_SGI_FRAME : gic.gicd;
}

static void gic_v3_enable(uint32_t irq)
{
    mmio_write32(gic_bit_register(gic_v3_frame(irq) + GICD_ISENABLER, irq), gic_bit(irq));
}

static void gic_v3_disable(uint32_t irq)
{
    mmio_write32(gic_bit_register(gic_v3_frame(irq) + GICD_ICENABLER, irq), gic_bit(irq));
    if (irq < IRQ_FIRST_SHARED)
        (void)gic_v3_wait_clear(gic.gicr + GICR_CTLR, GICR_CTLR_RWP);
    else
        (void)gic_v3_wait_clear(gic.gicd + GICD_CTLR, CTLR_RWP);
}

static uint32_t gic_v3_claim(void)
{
    uint32_t irq = (uint32_t)sysreg_read_x(ICC_IAR1_EL1);
    dsb_sy(); // the read has its effect before anything the handler does (IHI 0069, 4.1.1)
    return irq < GIC_INTID_MAX ? irq : IRQ_NONE;
}

static void gic_v3_eoi(uint32_t irq)
{
    sysreg_write_x(ICC_EOIR1_EL1, irq);
    isb();
}

static void gic_v3_set_edge(uint32_t irq, bool edge)
{
    gic_config_edge(gic.gicd + GICD_ICFGR, irq, edge);
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
    .set_edge = gic_v3_set_edge,
    .limit = gic_v3_limit,
};
