// The kernel's own mappings. Built at boot, never changed later: the kernel half is the same for
// every address space of a core. User mappings are made by the capability system, not here.
#pragma once
#include <kernel/memory.h>

// Takes over the tables that start.S built and drops its identity mapping.
void mmu_init(paddr_t region_base);

// Maps RAM at its place in the linear map. Base and size are page aligned. False if the range lies
// above LINEAR_SIZE or boot memory for tables has run out; part of it may be mapped then.
bool mmu_map_linear(paddr_t base, uint64_t size);

// The same at `va`, where nothing is mapped yet: memory of the kernel's own.
bool mmu_map_ram(uint64_t va, paddr_t base, uint64_t size);

// Maps device registers nGnRE; returns the virtual address of `pa` itself, NULL without room.
void *dev_map(paddr_t pa, size_t size);

// Takes back the most recent dev_map of `size` bytes at `pa`, so that probing costs no room.
void dev_unmap_last(paddr_t pa, size_t size);

// Read-only view of loader data of unknown RAM, one at a time. NULL if larger than the window.
const void *mmu_window_map(paddr_t pa, size_t size);
// The same to write: the kernel region of a core that is off. Caches are the caller's to clean.
void *mmu_window_map_rw(paddr_t pa, size_t size);
void mmu_window_unmap(void);

// A range that is mapped in a row, all of it alike.
struct mmu_range {
    uint64_t va;
    paddr_t pa;
    uint64_t bytes;
    uint32_t flags; // MMU_RANGE_*
};
#define MMU_RANGE_WRITE   1u
#define MMU_RANGE_EXECUTE 2u
#define MMU_RANGE_DEVICE  4u
// The first one that contains `from` or lies behind it; from the page tables themselves. It may go
// on in the next one. `bytes` 0: there is none before `va`, from where to go on; 0: none is left.
void mmu_range_next(uint64_t from, struct mmu_range *ret_range);

// Value for TTBR0_EL1 when no dispatcher runs: an empty table, ASID 0.
uint64_t mmu_empty_ttbr0(void);

// Zeroed pages from the rest of the kernel region, but for its last page (kernel/core_data.h), for
// boot code. NULL when used up.
void *boot_alloc_page(void);
