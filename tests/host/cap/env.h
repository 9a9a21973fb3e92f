/* The kernel around the capability system, for the host tests: memory, a TLB, and objects whose
 * life is another part's business. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <kernel/cap.h>
#include <kernel/dispatcher.h>
#include <kernel/memory.h>

/* Translations that the hardware may have cached. The worst case is kept: nothing leaves but by
 * invalidation. */
#define TLB_ENTRIES 64u
struct tlb_entry {
    bool used;
    uint16_t asid;
    uint64_t va;   /* of a page */
    uint64_t leaf; /* the entry it came from */
};
extern struct tlb_entry tlb[TLB_ENTRIES];
extern unsigned tlb_invalidations; /* calls so far */

/* Walks the tables from a root; 0 if nothing valid is there. */
uint64_t env_walk(uint64_t root_pa, uint64_t va);
void env_tlb_fill(uint16_t asid, uint64_t root_pa, uint64_t va);

/* Ends of channels that say they are in use. */
extern struct cte *env_end_in_use;
extern unsigned env_space_gone, env_ends_destroyed, env_irqs_destroyed;

/* Forgets all capabilities and memory. */
void env_reset(void);
struct dispatcher *env_dispatcher(uint64_t base);

/* Each call of the kernel below is an entry of its own: where what an entry touched is checked
 * (kernel/check.h), it is before the next, which may make something else of that memory (CAP1004).
 */
bool env_work(void); /* cap_work, and a check of what was touched before it */
/* Deletes to the end: cap_delete until it does not say again, then all background work. */
errval_t env_delete(struct cte *cte);
errval_t env_revoke(struct cte *cte);
errval_t env_retype(struct cte *src, uint64_t off, enum captype type, uint64_t bytes,
                    uint32_t count, struct cte *dest);
void env_settle(void);
