/* What cap, mem and paging share: one recursive lock and the reserves that make refilling safe.
 *
 * Invariants:
 * 1. An operation runs between mem_begin and mem_end and holds the lock. mem_begin has seen to
 *    it that slots, nodes of every slab and RAM for page tables are above their reserve, so the
 *    operation never refills in its middle.
 * 2. Refilling is done by one thread at a time (`refilling`), and is itself made of the same
 *    operations; those find refilling == self, skip the check and live on the reserve. Reserves
 *    are sized for one refill of everything.
 * 3. Whoever holds the lock does not fault: its stack is touched for MEM_STACK_BYTES before the
 *    lock is taken (more than the deepest operation takes: test LIB0044), records are in memory
 *    that is mapped, and what a caller gets is written when the lock is free again.
 * 4. Giving back needs no refill: for every piece of RAM and every region in use there is a node
 *    for the range that it becomes, on top of the reserve (mem_owed). Each comes back whole.
 * 5. The lock is not held while the RAM source runs, so the source may use whatever it likes,
 *    and other threads find refilling != NULL: they wait only if the reserve is not above its
 *    floor. */
#pragma once

#include <aos/ram.h>
#include <aos/slab.h>
#include <aos/thread.h>

#define MEM_NODES_RESERVE  32u           /* objects of each slab that a refill may use */
#define MEM_SLOTS_RESERVE  48u
#define MEM_STACK_BYTES   4000u
#define MEM_SLAB_BYTES     AOS_PAGE_BYTES

enum mem_slab {
    MEM_SLAB_RANGE,                      /* struct tree_node: free ranges of RAM and of addresses */
    MEM_SLAB_CHUNK,                      /* struct ram_chunk */
    MEM_SLAB_TABLE,                      /* struct ptable */
    MEM_SLAB_PART,                       /* struct paging_part */
    MEM_SLAB_REGION,                     /* struct paging_region */
    MEM_SLAB_ACCESS,                     /* struct paging_access */
    MEM_SLAB_STORE,                      /* struct paging_store */
    MEM_SLAB_SLOTS,                      /* struct slot_node */
    MEM_SLAB_COUNT,
};

extern struct slab mem_slabs[MEM_SLAB_COUNT];

/* Gives the slabs their first memory. Before the first thread exists. */
void mem_init(void);

/* Takes the lock and sees to the reserves; `bytes` of RAM aligned to `align` on top of them (0:
 * none). Only that much may fail: LIB_ERR_NO_MEMORY, and then the lock is not held. */
errval_t mem_begin(uint64_t bytes, uint64_t align);
/* Only the lock: for giving back and looking up. */
void mem_lock(void);
void mem_end(void);
/* Does the calling thread hold it? */
bool mem_locked(void);
/* Is it refilling? Under the lock. */
bool mem_is_refilling(void);

/* Free objects that are not for allocating (invariant 4): what is in use comes back in any order,
 * and each piece of RAM and each region may need a node of its own for that. */
uint64_t mem_owed(enum mem_slab kind);
/* Zeroed; never NULL within the reserve. */
void *mem_new(enum mem_slab kind);
void mem_free(enum mem_slab kind, void *object);

/* cap/nodes.c, cap/slot.c: under the lock. */
void slot_init(void);
/* Free slots for everybody, and those that refills take theirs from. */
uint64_t slot_free_count(void);
uint64_t slot_kept_free_count(void);
bool slot_is_kept(caddr_t slot);
errval_t slot_grow(bool kept);           /* one more L2 CNode, for one or the other */
/* Is there room for only a few more? */
bool slot_l1_low(void);
/* A larger L1 CNode. During a refill only: may drop the lock for more RAM. */
errval_t slot_grow_l1(void);
/* 0: no run that long; always one slot within the reserve */
caddr_t slot_take(uint32_t count);

/* mem/ram.c: under the lock. */
errval_t ram_init(void);
/* Pieces that are handed out. */
uint64_t ram_pieces(void);
bool ram_has(uint64_t bytes, uint64_t align);
/* A range of a chunk: capability and offset to retype from. Given back with ram_give. */
errval_t ram_take(uint64_t bytes, uint64_t align, caddr_t *ret_cap, uint64_t *ret_off,
                  uint64_t *ret_base);
void ram_give(uint64_t base, uint64_t bytes);
/* One object from the pool into `dest`. */
errval_t ram_make(caddr_t dest, enum captype type, uint64_t bytes, uint64_t align,
                  uint64_t *ret_base);
/* More from the source; drops the lock meanwhile. */
errval_t ram_refill(uint64_t bytes, uint64_t align);
/* The same unless the reserve and so much besides is there. */
errval_t ram_need(uint64_t bytes, uint64_t align);
/* Passes whole free chunks back to the source; drops the lock meanwhile. */
void ram_return_chunks(void);
bool ram_returns_pending(void);
