/* Empty slots of this domain's capability space. The space grows by whole L2 CNodes; a small
 * reserve makes sure that growing never needs what it provides. Any thread may call; the
 * `_disabled` form is for code that runs disabled. */
#pragma once

#include <aos/types.h>

#define SLOT_RANGE_MAX    64u            /* slots of one slot_alloc_range */
#define RECV_SLOT_RESERVE 16u            /* receive slots kept ready */

/* LIB_ERR_NO_SLOTS when the space is full, LIB_ERR_NO_MEMORY when it cannot grow,
 * LIB_ERR_SLOT_LIMIT when this domain may have no more (kpi/startup.h). */
errval_t slot_alloc(caddr_t *ret_slot);
/* `count` consecutive slots of one CNode. Each may be freed by itself. */
errval_t slot_alloc_range(uint32_t count, caddr_t *ret_first);
/* The slot must be empty. */
void slot_free(caddr_t slot);
/* `count` L1 slots in a row, for L2 CNodes of other domains that are worked on by address
 * (KPI_CADDR_L1 | slot, KPI_CADDR(slot, index)). They stay the caller's for ever.
 * LIB_ERR_NO_SLOTS. */
errval_t slot_alloc_l1(uint32_t count, uint32_t *ret_first);
/* Slots in use and slots there are, for programs that report on themselves. */
void slot_stats(uint64_t *ret_used, uint64_t *ret_total);

/* The kernel has used the receive slot of the dispatcher page: puts the next reserved empty one
 * there and returns it, or 0 (and leaves 0 there) when the reserve is used up; then
 * KPI_EVENT_SLOT follows, and recv_slot_refill helps. */
caddr_t recv_slot_rotate_disabled(void);
/* Fills the reserve, in thread context. Blocking calls do it on their way out; a loop that only
 * polls calls it itself. Cheap when nothing is to be done. */
void recv_slot_refill(void);
/* True when recv_slot_refill has something to do: half of the reserve is used. */
bool recv_slot_low(void);
