/* Notifications: a Notify names (core, bit). On its core it is connected to a channel end, at whose
 * peer it raises an event; other cores ring it (kernel/doorbell.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <kernel/cap.h>
#include <kpi/core.h>

struct endpoint;

/* Name of a Notify in the tree, and back. */
static inline uint64_t notify_base(uint32_t core, uint32_t bit)
{
    return CAP_NOTIFY_BASE + ((uint64_t)(core * KPI_NOTIFY_BITS + bit) << CAP_PAGE_SHIFT);
}
static inline bool notify_page_ok(uint32_t page)
{
    const uint32_t first = (uint32_t)(CAP_NOTIFY_BASE >> CAP_PAGE_SHIFT);
    return page >= first && page - first < KPI_CORES_MAX * KPI_NOTIFY_BITS;
}
static inline uint32_t notify_number(const struct cte *cte)
{
    return cte->page - (uint32_t)(CAP_NOTIFY_BASE >> CAP_PAGE_SHIFT);
}
static inline uint32_t notify_core(const struct cte *cte)
{
    return notify_number(cte) / KPI_NOTIFY_BITS;
}
static inline uint32_t notify_bit(const struct cte *cte)
{
    return notify_number(cte) % KPI_NOTIFY_BITS;
}

/* The invocations kernel.notify, notify.connect and notify.signal. */
errval_t notify_make(uint32_t core, uint32_t bit, struct cte *dest);
errval_t notify_connect(struct cte *notify, struct endpoint *end);
void notify_signal(struct cte *notify);

/* A doorbell of this core rang. Bounded; a bit that is not connected is ignored. */
void notify_raise(uint32_t bit);
/* Bits from here on have no Notify on this core. */
uint32_t notify_limit(void);

/* The last capability of a Notify of this core goes. */
void notify_object_destroy(struct cte *notify);
/* `end` goes away, which has a Notify connected. */
void notify_disconnect(struct endpoint *end);
