// The interrupt controller. Numbers are INTIDs: 0 to 15 are what cores send each other, the number
// of the sender (kernel/doorbell.h); 16 to 31 belong to this core, 32 on are shared. Everything is
// masked until enabled. Shared interrupts go to the core that boots until another one takes them.
#pragma once
#include <kernel/platform.h>

#define IRQ_FIRST_PRIVATE 16u
#define IRQ_FIRST_SHARED  32u
#define IRQ_NONE          1023u // irq_claim found nothing to do

// A driver: `init` maps registers and brings controller and this core's interface up; NULL on
// success, else what is wrong.
struct irqchip_ops {
    const char *name;
    const char *(*init)(const struct platform *platform);
    void (*enable)(uint32_t irq);
    void (*disable)(uint32_t irq);
    uint32_t (*claim)(void);
    void (*eoi)(uint32_t irq);
    void (*route)(uint32_t irq); // of the shared ones
    uint32_t (*limit)(void); // INTIDs from here on do not exist
    void (*send)(unsigned core, uint64_t mpidr, uint32_t irq);
    void (*leave)(void);
    void (*mute)(uint32_t irq, bool mute); // by priority: those of cores cannot all be disabled
};

extern const struct irqchip_ops irqchip_gic_v2, irqchip_gic_v3;

void irq_init(const struct platform *platform); // panics if the controller does not answer
const char *irq_chip_name(void);

bool irq_valid(uint32_t irq); // a private or shared interrupt of this machine
uint32_t irq_limit(void);     // INTIDs from here on do not exist
void irq_enable(uint32_t irq); // `irq` is valid, as in all that follow
// No new interrupt `irq` is signalled after return; one already claimed is not affected.
void irq_disable(uint32_t irq);
// From now on a shared interrupt goes to this core, and no other; only while it is disabled.
void irq_route_here(uint32_t irq);
// Acknowledges the most urgent pending interrupt; IRQ_NONE if there is none. It is not signalled
// again before irq_eoi. Memory is read after that: it has what was written before irq_send.
uint32_t irq_claim(void);
void irq_eoi(uint32_t irq);
// Raises interrupt `number` (below IRQ_FIRST_PRIVATE) at a core, this one or another; what was
// written before is visible there by then.
void irq_send(unsigned core, unsigned number);
// This core goes off: nothing is signalled to it any more.
void irq_leave(void);
// What `sender` sends is signalled from now on; and may be held back for a while: it stays pending.
void irq_enable_doorbell(unsigned sender);
void irq_mute_doorbell(unsigned sender, bool mute);
