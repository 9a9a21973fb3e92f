// What GICv2 and GICv3 have in common: the distributor's registers.
// Source: IHI 0048 (GICv2) 4.3, IHI 0069 (GICv3) 12.9.
#pragma once
#include <arch/mmio.h>
#include <kernel/irq.h>

#define GICD_CTLR       0x0000u
#define GICD_TYPER      0x0004u
#define GICD_IGROUPR    0x0080u // one bit per interrupt, as the next four
#define GICD_ISENABLER  0x0100u
#define GICD_ICENABLER  0x0180u
#define GICD_ICPENDR    0x0280u
#define GICD_IPRIORITYR 0x0400u // one byte per interrupt
#define GICD_ITARGETSR  0x0800u // one byte per interrupt
#define GICD_ICFGR      0x0c00u // two bits per interrupt, the upper one is set for edge

#define GIC_INTID_MAX    1020u // numbers from here on are special
#define GIC_PRIORITY_ALL 0xa0a0a0a0u
#define GIC_MASK_ALL     0xf0u // priority mask that lets everything through

// Number of interrupts that the distributor implements.
static inline uint32_t gic_distributor_limit(uintptr_t gicd)
{
    uint32_t limit = 32 * ((mmio_read32(gicd + GICD_TYPER) & 0x1f) + 1);
    return limit < GIC_INTID_MAX ? limit : GIC_INTID_MAX;
}

// Address of the 32-bit register with the interrupt's bit, in a bank of one bit each.
static inline uintptr_t gic_bit_register(uintptr_t bank, uint32_t irq)
{
    return bank + 4 * (irq / 32);
}

static inline uint32_t gic_bit(uint32_t irq)
{
    return 1u << (irq % 32);
}

static inline void gic_config_edge(uintptr_t icfgr, uint32_t irq, bool edge)
{
    uintptr_t reg = icfgr + 4 * (irq / 16);
    uint32_t bit = 2u << (2 * (irq % 16));
    uint32_t value = mmio_read32(reg);
    mmio_write32(reg, edge ? value | bit : value & ~bit);
}
