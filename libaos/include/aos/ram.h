/* RAM of this domain. A local pool hands out pieces and takes them back, merging neighbours; it
 * is fed with RAM capabilities from a source: at first the domain's early RAM alone, then what
 * ram_set_source names. Whole capabilities that become free again go back to the source. Any
 * thread may call. */
#pragma once

#include <aos/types.h>
#include <abi/captypes.h>

/* How the pool gets more: at least `bytes` (a power of two) aligned to `align`, as a RAM
 * capability with all rights in a slot of slot_alloc, which then belongs to the pool. Called in
 * thread context without any lock held; must not need more than RAM_RESERVE_BYTES of this pool
 * itself. */
struct ram_source {
    errval_t (*alloc)(void *arg, uint64_t bytes, uint64_t align, caddr_t *ret_ram,
                      uint64_t *ret_bytes);
    /* Takes the capability and its slot. */
    void (*free)(void *arg, caddr_t ram, uint64_t bytes);
    void *arg;
};

#define RAM_CHUNK_BYTES   0x40000ull     /* what the pool asks for when it runs low */
#define RAM_RESERVE_BYTES 0x20000ull     /* kept for the refill itself */

/* `source` must live on; NULL: no source. */
void ram_set_source(const struct ram_source *source);
/* Gives the pool a RAM capability that never goes back (init: boot memory). The slot belongs to
 * the pool. */
errval_t ram_add(caddr_t ram, uint64_t base, uint64_t bytes);

/* A RAM capability of exactly `bytes` (a multiple of the page) aligned to `align` (a power of
 * two, at least a page). LIB_ERR_NO_MEMORY, LIB_ERR_BAD_ALIGN. */
errval_t ram_alloc(uint64_t bytes, uint64_t align, caddr_t *ret_ram);
/* The same as Frame, rounded up to pages; the kernel has cleared it. From 2 MiB on aligned to 2
 * MiB. */
errval_t frame_alloc(uint64_t bytes, caddr_t *ret_frame, uint64_t *ret_bytes);
/* The same as any object that is made of RAM; `count` slots from `dest` on (an EndPoint fills
 * two). */
errval_t ram_retype_new(caddr_t dest, enum captype type, uint64_t bytes, uint64_t align);

/* Gives back the memory of a RAM, Frame or other capability from the functions above: revokes it
 * everywhere, deletes it, frees the slot. `c` must carry `d`. LIB_ERR_BAD_ADDRESS if it is not
 * of this pool. */
errval_t ram_free(caddr_t c);
/* For an object whose capability is already deleted (`base`, `bytes` as it was identified). */
errval_t ram_free_range(uint64_t base, uint64_t bytes);
/* The same if nobody has anything made of it any more; else SYS_ERR_RETYPE_OVERLAP, try later. */
errval_t ram_free_range_unused(uint64_t base, uint64_t bytes);

/* What is free in the pool, and what it has in all: bytes. */
void ram_stats(uint64_t *ret_free_bytes, uint64_t *ret_total_bytes);
