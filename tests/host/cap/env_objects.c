/* Channels and interrupts whose life is another part's business: counted, not real. */
#include <kernel/check.h>
#include <kernel/irq_cap.h>
#include <kernel/lmp.h>
#include <kernel/notify.h>
#include "env.h"

struct cte *env_end_in_use;
unsigned env_ends_destroyed, env_irqs_destroyed;

/* A channel: slots at its end, the first half for side 0. */
unsigned channel_slot_count(uint64_t base)
{
    return *(uint16_t *)phys_to_virt(base);
}

struct cte *channel_slot(uint64_t base, unsigned side, unsigned index)
{
    struct cte *slots = (struct cte *)phys_to_virt(base + 512);
    return &slots[side * channel_slot_count(base) + index];
}

void channel_object_init(uint64_t base, uint64_t bytes)
{
    *(uint16_t *)phys_to_virt(base) = (uint16_t)(bytes / 512);
}

struct endpoint *endpoint_at(uint64_t base, unsigned side)
{
    return (struct endpoint *)phys_to_virt(base + side * ENDPOINT_BYTES);
}

void endpoint_object_destroy(uint64_t base, unsigned side)
{
    env_ends_destroyed++;
}

bool endpoint_in_use(uint64_t base, unsigned side)
{
    return env_end_in_use != NULL && cte_base(env_end_in_use) == base &&
           cte_side(env_end_in_use) == side;
}

bool irq_cap_available(uint32_t irq)
{
    return irq >= IRQ_CAP_FIRST && irq < IRQ_CAP_MAX;
}

void irq_object_destroy(uint32_t irq)
{
    env_irqs_destroyed++;
}

void notify_object_destroy(struct cte *notify)
{
    notify->aux = 0;
}

/* What there is to check is not here: test_corrupt.c has it. */
void ipc_check_end_object(struct check *check, struct cte *end)
{
}

void ipc_check_dispatcher(struct check *check, struct cte *dispatcher)
{
}

void ipc_check_notify(struct check *check, struct cte *notify)
{
}

void ipc_check_end(struct check *check)
{
}
