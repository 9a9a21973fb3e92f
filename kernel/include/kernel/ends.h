/* What raises events on channel ends: the death of a dispatcher, the growth of the kernel log.
 * (Interrupts: kernel/irq_cap.h.) */
#pragma once

#include <stdbool.h>
#include <kpi/errval.h>

struct dispatcher;
struct endpoint;

/* Raises the peer of `end` when `d` ends, at once if it is dead. An end watches one dispatcher. */
void ends_watch(struct endpoint *end, struct dispatcher *d);
/* `d` has ended: raises one of its watchers, whose watch ends with that; false: it has none. */
bool ends_raise_watcher(struct dispatcher *d);
/* Raises the peer of `end` when the kernel log grows; replaces an earlier end. */
void ends_log_watch(struct endpoint *end);
/* Raises the log watcher if the log grew since the last call. Not from inside klog, which may be
 * called in the middle of anything. */
void ends_log_poll(void);
/* `end` is deleted: it watches nothing any more. */
void ends_forget(struct endpoint *end);
