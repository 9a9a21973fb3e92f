/* Interrupts as events: kernel/irq_cap.h. */
#include <kernel/irq_cap.h>
#include <kernel/irq.h>
#include <kernel/lmp.h>

/* The end connected to each interrupt, NULL = none; and the kernel's own interrupts. */
static struct endpoint *irq_cap_end[IRQ_CAP_MAX];
static uint32_t irq_cap_reserved[(IRQ_CAP_MAX + 31) / 32];

void irq_cap_reserve(uint32_t irq)
{
    irq_cap_reserved[irq / 32] |= 1u << irq % 32;
}

bool irq_cap_available(uint32_t irq)
{
    return irq >= IRQ_CAP_FIRST && irq < IRQ_CAP_MAX && irq_valid(irq) &&
           (irq_cap_reserved[irq / 32] & 1u << irq % 32) == 0;
}

void irq_cap_deliver(uint32_t irq)
{
    irq_disable(irq);
    if (irq < IRQ_CAP_MAX && irq_cap_end[irq] != NULL) {
        lmp_raise(irq_cap_end[irq]);
    }
}

errval_t irq_cap_connect(uint32_t irq, struct endpoint *end)
{
    if (end->irq != 0 && end->irq != irq) {
        return SYS_ERR_IRQ_TAKEN;
    }
    if (irq_cap_end[irq] != NULL && irq_cap_end[irq] != end) {
        return SYS_ERR_IRQ_TAKEN;
    }
    if (irq_cap_end[irq] == NULL) {
        irq_route_here(irq);             /* another core may have had it before */
    }
    irq_cap_end[irq] = end;
    end->irq = (uint16_t)irq;
    irq_enable(irq);
    return ERR_OK;
}

void irq_cap_ack(uint32_t irq)
{
    if (irq_cap_end[irq] != NULL) {
        irq_enable(irq);
    }
}

void irq_cap_disconnect(uint32_t irq)
{
    irq_disable(irq);
    if (irq_cap_end[irq] != NULL) {
        irq_cap_end[irq]->irq = 0;
        irq_cap_end[irq] = NULL;
    }
}

void irq_object_destroy(uint32_t irq)
{
    irq_cap_disconnect(irq);
}

const struct endpoint *irq_cap_connected(uint32_t irq)
{
    return irq < IRQ_CAP_MAX ? irq_cap_end[irq] : NULL;
}
