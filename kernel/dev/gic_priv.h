// What GICv2 and GICv3 have in common: the distributor. Registers: idl/dev/gic.dev.
#pragma once
#include <dev/gic.h>
#include <kernel/irq.h>

#define GIC_PRIORITY_ALL 0xa0a0a0a0u
#define GIC_PRIORITY_MUTE 0xffu // not urgent enough to be signalled
#define GIC_MASK_ALL     0xf0u // priority mask that lets everything else through

// Number of interrupts that the distributor implements.
static inline uint32_t gic_distributor_limit(const struct gicd_regs *gicd)
{
    uint32_t limit = 32 * (gicd_typer_lines_rd(gicd) + 1u);
    return limit < GIC_LINES_MAX ? limit : GIC_LINES_MAX;
}

// Bit of an interrupt in its register of a row with one bit each.
static inline uint32_t gic_bit(uint32_t irq)
{
    return 1u << (irq % 32);
}

// Gives an interrupt, in the row of its page, the priority that the mask stops, or the usual one.
static inline void gic_config_mute(const struct gicd_regs *gicd, uint32_t irq, bool mute)
{
    unsigned shift = 8 * (irq % 4);
    uint32_t value = gicd_ipriorityr_rd(gicd, irq / 4) & ~(0xffu << shift);
    uint32_t priority = mute ? GIC_PRIORITY_MUTE : GIC_PRIORITY_ALL & 0xffu;
    gicd_ipriorityr_wr(gicd, irq / 4, value | priority << shift);
}
