// Further cores: memory kept for their CPU drivers at boot, and their start.
#pragma once
#include <kernel/platform.h>
#include <kpi/errval.h>

struct cte;

// On the core that boots: takes what the CPU drivers of all cores need from `free_ram`. A core for
// which too little is left is left alone. False: there is not even enough for this core.
bool cores_reserve(struct platform *platform);
// Takes the kernel regions, shadows and doorbell pages of all cores out of a list of memory. False:
// the list is full.
bool cores_exclude(const struct platform *platform, struct region_list *list);

// What kcb_start needs to know of this machine; before the first one. `init` is the program file.
void kcb_init(const struct platform *platform, struct region init);
// The core whose kernel region starts at `base`.
unsigned kcb_core(uint64_t base);
// kcb.start and kcb.state of idl/abi/objects.if.
errval_t kcb_start(unsigned core, struct cte *pool, const struct cte *channel);
uint32_t kcb_state(unsigned core);
errval_t kcb_reclaim(unsigned core, struct cte *pool);
// kernel.core_off; does not return where it works.
errval_t kcb_core_off(void);
