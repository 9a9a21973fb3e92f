/* The allocator of the memory service: which range of RAM belongs to whom. It holds no capability
 * and sends no message, so it runs on the host too.
 *
 * Invariants (memory_check tests them):
 *  1. The regions of a root are a list in address order that covers the root without gap or
 * overlap.
 *  2. No two neighbours of one root are both free.
 *  3. A free region is in the bin of its size; any other is in the list of its owner and in the
 * hash by its base.
 *  4. `used` of a client is the sum of its regions; `dying` the sum of the regions whose owner has
 * ended.
 *
 * All sizes are bytes and multiples of MEMORY_PAGE. Errors are MEMORY_ERR_*. Nothing changes when a
 * function fails. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <if/memory.h>

#define MEMORY_PAGE               4096ull
#define MEMORY_ROOTS_MAX          32u
#define MEMORY_CLIENTS_MAX        256u   /* domains that have memory or a quota at one time */
#define MEMORY_CLIENT_REGIONS_MAX 1024u  /* so that no client can use up all region records */
#define MEMORY_BINS               52u    /* by logarithm of the pages */
#define MEMORY_BUCKETS               1024u  /* buckets, a power of two */
#define MEMORY_LOW_DIVISOR        16u    /* the service is low on memory below total / 16 */

enum memory_state { MEMORY_FREE, MEMORY_USED, MEMORY_DYING };

/* A list link of a region: its bin when free, its owner's list otherwise. */
struct memory_region {
    uint64_t base, bytes;
    /* neighbours in address order, NULL at the ends of the root */
    struct memory_region *above, *below;
    struct memory_region *next, *prev;   /* bin or owner's list */
    struct memory_region *hash_next;
    uint32_t root;
    uint16_t client;                     /* index + 1; 0 for free and dying regions */
    uint16_t state;                      /* enum memory_state */
    bool patient;                        /* dying: others may live in it, nothing is taken away */
    uint64_t seen_ns;                    /* dying: first seen so, 0 not yet; kept by main.c */
};

struct memory_client {
    uint32_t pid;
    bool live;                           /* the record is in use */
    uint32_t connections;
    uint32_t region_count;
    uint64_t used;
    uint64_t quota;                      /* 0: no limit */
    struct memory_region *regions;
};

struct memory_core {
    uint64_t total, free, dying;
    uint32_t free_count;                 /* free regions */
    uint32_t root_count;
    struct { uint64_t base, bytes; struct memory_region *first; } roots[MEMORY_ROOTS_MAX];
    struct memory_region *bins[MEMORY_BINS];
    struct memory_region *hash[MEMORY_BUCKETS];
    struct memory_region *dying_regions;
    struct memory_region *spare;         /* unused records, by `next` */
    struct memory_client clients[MEMORY_CLIENTS_MAX];
};

/* A part of a root; what a capability for it is made from. */
struct memory_range {
    uint32_t root;
    uint64_t off;                        /* from the base of the root */
    uint64_t base, bytes;
};

/* `records` must live as long as the core. */
void memory_core_init(struct memory_core *m, struct memory_region *records, size_t count);
/* Adds RAM to give out; the roots are numbered in order. MEMORY_ERR_NO_MEMORY: no record or no root
 * is left. */
errval_t memory_add(struct memory_core *m, uint64_t base, uint64_t bytes);

/* Pages that contain `bytes`, from the smallest free region that has room. `bytes` is at least 1,
 * `align` a power of two. */
errval_t memory_take(struct memory_core *m, uint32_t pid, uint64_t bytes, uint64_t align,
                     struct memory_range *ret_range);
/* Is [base, base + bytes) part of one allocation of `pid`? MEMORY_ERR_NOT_YOURS. NO_MEMORY: it
 * cannot be cut out for want of a record. memory_give cannot fail after this succeeded. */
errval_t memory_give_check(struct memory_core *m, uint32_t pid, uint64_t base, uint64_t bytes,
                           struct memory_range *ret_range);
void memory_give(struct memory_core *m, uint32_t pid, uint64_t base, uint64_t bytes);
/* The range is dying instead of free. After the same check. */
void memory_retire(struct memory_core *m, uint32_t pid, uint64_t base, uint64_t bytes);

/* Connections keep a client's record. When the last one closes its regions are dying: still
 * taken, nobody's, until the service finds that nothing uses them any more; `patient` ones it does
 * not clear itself. MEMORY_ERR_NO_MEMORY: too many clients. */
errval_t memory_client_opened(struct memory_core *m, uint32_t pid);
void memory_client_closed(struct memory_core *m, uint32_t pid, bool patient);
/* Walks the dying regions: the one after `region`, NULL for the first. memory_reap makes one
 * free. */
struct memory_region *memory_dying_next(struct memory_core *m, struct memory_region *region);
void memory_reap(struct memory_core *m, struct memory_region *region);

errval_t memory_set_quota(struct memory_core *m, uint32_t pid, uint64_t quota);
errval_t memory_get_usage(const struct memory_core *m, uint32_t pid, uint64_t *ret_used,
                          uint64_t *ret_quota);
uint64_t memory_largest(const struct memory_core *m);
bool memory_is_low(const struct memory_core *m);

/* The first violated invariant as text, or NULL. */
const char *memory_check(const struct memory_core *m);
