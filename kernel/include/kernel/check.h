/* What the parts of the checker share (kernel/invariants.h), and when it runs. */
#pragma once

#include <kernel/cap_tree.h>
#include <kernel/invariants.h>

/* One run. */
struct check {
    uint64_t found; /* violations */
    uint64_t which; /* bit n: of invariant n */
    bool all;       /* a run over everything; then also what was seen: */
    uint64_t nodes;
    uint64_t dying;
    uint64_t anchors;
    uint64_t spaces; /* level 0 tables that have an identifier */
    uint64_t irqs;   /* ends with an interrupt */
    uint64_t objects_of[CAPTYPE_COUNT];
    uint64_t copies_of[CAPTYPE_COUNT];
};

/* Counts and logs a violation, unless `ok`. `cte`: the capability where it was seen. */
void check_that(struct check *check, bool ok, enum invariant invariant, const struct cte *cte);

/* The slot of an object (of kernel/ipc or kernel/cap) that lies in `holder`. */
void check_slot(struct check *check, struct cte *slot, const struct cte *holder);

/* Of one node: kernel/mem/check.c. */
void mem_check_table(struct check *check, struct cte *vnode);
void mem_check_mapping(struct check *check, const struct cte *mapping);
/* Of all: once all nodes were looked at. */
void mem_check_begin(void);
void mem_check_end(struct check *check);

/* The same: kernel/ipc/check.c. */
void ipc_check_end_object(struct check *check, struct cte *end);
void ipc_check_dispatcher(struct check *check, struct cte *dispatcher);
void ipc_check_notify(struct check *check, struct cte *notify);
void ipc_check_end(struct check *check);

/* Everything; logs at most CAP_CHECK_LOG_MAX violations. */
void check_everything(struct check *check);

#ifdef CONFIG_KERNEL_CHECK
/* This slot, or what it is linked with, changes. */
void check_touch(const struct cte *slot);
/* The kernel returns to user mode: looks at what was touched, and at everything each
 * CHECK_ALL_EVERY times that something was. A violation is a panic. */
void check_touched(void);
#define CHECK_ALL_EVERY 1000u
#else
static inline void check_touch(const struct cte *slot)
{
    (void)slot;
}
static inline void check_touched(void)
{
}
#endif
