#include <kernel/irq.h>
#include <kernel/panic.h>
#include <arch/sysreg.h>

// The controller's driver and the machine, set once at boot.
static const struct irqchip_ops *irq_chip;
static const struct platform *irq_platform; // constant after irq_init

void irq_init(const struct platform *platform)
{
    irq_platform = platform;
    irq_chip = platform->gic == GIC_V3 ? &irqchip_gic_v3 : &irqchip_gic_v2;
    const char *problem = irq_chip->init(platform);
    if (problem != NULL)
        panic("%s: %s", irq_chip->name, problem);
}

const char *irq_chip_name(void)
{
    return irq_chip->name;
}

uint32_t irq_limit(void)
{
    return irq_chip->limit();
}

bool irq_valid(uint32_t irq)
{
    return irq >= IRQ_FIRST_PRIVATE && irq < irq_chip->limit();
}

void irq_enable(uint32_t irq)
{
    kernel_assert(irq_valid(irq));
    irq_chip->enable(irq);
}

void irq_disable(uint32_t irq)
{
    kernel_assert(irq_valid(irq));
    irq_chip->disable(irq);
}

void irq_route_here(uint32_t irq)
{
    kernel_assert(irq_valid(irq));
    if (irq >= IRQ_FIRST_SHARED)
        irq_chip->route(irq);
}

uint32_t irq_claim(void)
{
    return irq_chip->claim();
}

void irq_eoi(uint32_t irq)
{
    irq_chip->eoi(irq);
}

void irq_send(unsigned core, unsigned number)
{
    kernel_assert(core < irq_platform->core_count && number < IRQ_FIRST_PRIVATE);
    dsb_ish();
    irq_chip->send(core, irq_platform->core_mpidr[core], number);
}

void irq_enable_doorbell(unsigned sender)
{
    irq_chip->enable(sender);
}

void irq_mute_doorbell(unsigned sender, bool mute)
{
    irq_chip->mute(sender, mute);
}

void irq_leave(void)
{
    irq_chip->leave();
}
