/* Device interrupts as events: IRQTable hands out one IRQDest per interrupt, which connects it to
 * a channel end. An interrupt is masked from its arrival until `ack`. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <kpi/errval.h>

struct endpoint;

/* INTIDs of SGIs, PPIs and SPIs (GIC architecture, IHI 0069 2.2.1) */
#define IRQ_CAP_MAX 1020u
#define IRQ_CAP_FIRST 16u                /* below are software-generated interrupts */

/* Keeps `irq` for the kernel (timer, console): IRQTable never hands it out. */
void irq_cap_reserve(uint32_t irq);
/* Whether `irq` exists and user space may have it. */
bool irq_cap_available(uint32_t irq);
/* The invocations of irq_dest. */
errval_t irq_cap_connect(uint32_t irq, struct endpoint *end);
void irq_cap_ack(uint32_t irq);
/* The end that `irq` is connected to, NULL: none. */
const struct endpoint *irq_cap_connected(uint32_t irq);
/* Called with an interrupt that is none of the kernel's own. It is claimed, not yet ended. */
void irq_cap_deliver(uint32_t irq);
/* The last IRQDest of `irq` is deleted: masked, disconnected, free to be handed out again. */
void irq_object_destroy(uint32_t irq);
/* The end that `irq` is connected to goes away. */
void irq_cap_disconnect(uint32_t irq);
