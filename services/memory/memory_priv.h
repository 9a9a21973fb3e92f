/* The allocator of the memory service: which range of RAM belongs to whom, and whose account it is
 * on. It holds no capability and sends no message, so it runs on the host too.
 *
 * Every region has an owner, who may give it back, and an account that it is charged to: the same,
 * but for the memory of a new domain, which the process service owns. Accounts form the tree of
 * <aos/quota.h>. A region that its owner gave up, or whose owner has ended, is dying: nobody's, but
 * still charged until the service finds that nothing uses it any more; so what is left of a dead
 * domain counts for its parents.
 *
 * Where (the policy): a range of less than MEMORY_LARGE comes from the lowest free region with
 * room, a larger one from the highest; free neighbours of a root are one region at all times. So
 * small ranges, which come and go, gather at the bottom, and a range that is to be aligned to a
 * page, 64 KiB or 2 MiB is refused for want of room only if no such range is free.
 *
 * Invariants (memory_check tests them):
 *  1. The regions of a root are a list in address order that covers the root without gap or
 *     overlap; all of them are in the tree (regions.h).
 *  2. No two neighbours of one root are both free.
 *  3. A used region is in the list of its owner, a dying one in the list of those, a free one in
 *     neither. Only a free one is on no account.
 *  4. `own` of an account's quota is the sum of the regions on it, `holds` the number of regions
 *     that it owns or that are on it.
 *  5. `programs` is the sum of the regions on accounts of programs.
 *  6. An account exists while somebody holds it: an open end, a region, a child, a limit.
 *
 * All sizes are bytes and multiples of MEMORY_PAGE. Errors are MEMORY_ERR_*. Nothing changes when a
 * function fails. */
#pragma once

#include <aos/quota.h>
#include <if/memory.h>

#include "keep.h"
#include "regions.h"

#define MEMORY_ROOTS_MAX       64u
#define MEMORY_BUCKETS         64u       /* of accounts, a power of two */
#define MEMORY_LARGE           0x200000ull
#define MEMORY_LOW_DIVISOR     16u       /* the service is low on memory below total / 16 */
/* What only the service itself gets: the memory that its records, slots and page tables need so
 * that others can give back. */
#define MEMORY_OWN_BYTES       0x80000ull
/* Records kept for giving back (which may cut a region twice) and for the service itself. */
#define MEMORY_RECORDS_RESERVE 32u

struct memory_account {
    struct quota quota;                  /* first */
    uint32_t pid;
    uint32_t connections;
    uint32_t holds;
    bool opened;                         /* by accounts_open, and its domain has not ended */
    bool program;                        /* the same, or it has: not a service's */
    bool ended;                          /* not found by pid any more */
    uint32_t kept;                       /* place of its record + 1 (keep.h); 0: none */
    struct memory_region *regions;       /* owned */
    struct memory_account *hash_next;
    struct memory_account *next, *prev;  /* all accounts */
};

/* One size of record for both. */
union memory_record {
    union memory_record *spare;
    struct memory_region region;
    struct memory_account account;
};

struct memory_core {
    uint64_t total, free, dying;
    uint64_t programs;                   /* bytes on accounts of programs */
    uint64_t reserve;                    /* bytes that these leave to services */
    uint32_t free_count;                 /* free regions */
    uint32_t region_count, account_count, dying_count;
    uint32_t root_count;
    /* `bytes` 0: it was removed */
    struct { uint64_t base, bytes; struct memory_region *first; } roots[MEMORY_ROOTS_MAX];
    struct memory_region *tree;
    struct memory_region *dying_regions, *dying_end;
    union memory_record *spare;
    uint32_t spare_count;
    struct keep keep;
    uint32_t services_end;
    struct memory_account *own;          /* the service's, NULL: there is none */
    struct memory_account *accounts;
    struct memory_account *by_pid[MEMORY_BUCKETS];
};

/* A part of a root; what a capability for it is made from. */
struct memory_range {
    uint32_t root;
    uint64_t off;                        /* from the base of the root */
    uint64_t base, bytes;
};

/* `services_end`: of this core's pids those below are of init's services. */
void memory_core_init(struct memory_core *m, uint32_t services_end);
/* Memory for records, which must live as long as the core. Each call adds to what there is. */
void memory_add_records(struct memory_core *m, void *memory, size_t bytes);
/* Adds RAM to give out; roots are numbered in order, or like one that was removed.
 * MEMORY_ERR_NO_MEMORY: no record or no root is left. */
errval_t memory_add(struct memory_core *m, uint64_t base, uint64_t bytes);
/* The number of the root that begins at `base`, which is one. */
uint32_t memory_root_at(const struct memory_core *m, uint64_t base);
/* Takes all of a root away if it is free, the service keeps what only it gets, and programs have no
 * more than they may of the rest. False: it does not. */
bool memory_remove(struct memory_core *m, uint32_t root);

/* Pages that contain `bytes`, for `owner`, on the account `charged`. `bytes` is at least 1, `align`
 * a power of two. QUOTA, NO_MEMORY, BAD_ALIGN. */
errval_t memory_take(struct memory_core *m, struct memory_account *owner,
                     struct memory_account *charged, uint64_t bytes, uint64_t align,
                     struct memory_range *ret_range);
/* A range that was not free when the service before this one ended; what there is of it. `owner`
 * NULL: it is dying. NULL: it is not free here, either. */
struct memory_region *memory_restore(struct memory_core *m, struct memory_account *owner,
                                     struct memory_account *charged, uint64_t base,
                                     uint64_t bytes);
/* Is [base, base + bytes) part of one allocation of `owner`? MEMORY_ERR_NOT_YOURS. NO_MEMORY: it
 * cannot be cut out for want of a record. memory_give and memory_retire cannot fail after this
 * succeeded. */
errval_t memory_give_check(struct memory_core *m, const struct memory_account *owner,
                           uint64_t base, uint64_t bytes, struct memory_range *ret_range);
void memory_give(struct memory_core *m, uint64_t base, uint64_t bytes);
/* Is the range dying, and waited for (memory_retire_all)? */
bool memory_is_awaited(const struct memory_core *m, uint64_t base, uint64_t bytes);
/* The range is dying instead of free. */
void memory_retire(struct memory_core *m, uint64_t base, uint64_t bytes);

/* Walks the dying regions: the one after `region`, NULL for the first. memory_reap makes one free,
 * memory_dying_last puts one behind the others. */
struct memory_region *memory_dying_next(struct memory_core *m, struct memory_region *region);
void memory_dying_last(struct memory_core *m, struct memory_region *region);
void memory_reap(struct memory_core *m, struct memory_region *region);

/* The account of a domain that has not ended; NULL: none. */
struct memory_account *accounts_find(const struct memory_core *m, uint32_t pid);
/* The account of a new domain, under that of `parent` if there is one. `limit` 0: none of its own.
 * DENIED: the domain has one. QUOTA: the parent has not that much. NO_MEMORY: no record is left. */
errval_t accounts_open(struct memory_core *m, uint32_t pid, uint32_t parent, uint64_t limit);
/* The domain has ended: what it owns is dying; `patient`: the service does not take it from others.
 * NO_PID. */
errval_t accounts_end(struct memory_core *m, uint32_t pid, bool patient);
/* An account that was there; without a limit. NULL: no record is left. */
struct memory_account *accounts_restore(struct memory_core *m, uint32_t pid,
                                        struct memory_account *parent, bool opened, bool ended);
/* A connection of the domain, which gets an account if it has none. With the last one of a domain
 * that nobody opened an account for, that ends; else what it owns is dying. A `supervised` one is
 * a service of which another comes: it keeps its account, and what it owns on those of others. */
errval_t accounts_connect(struct memory_core *m, uint32_t pid, struct memory_account **ret_account);
void accounts_disconnect(struct memory_core *m, struct memory_account *a, bool supervised);

/* 0: no limit of its own. QUOTA. */
errval_t accounts_set_limit(struct memory_core *m, uint32_t pid, uint64_t limit);
/* The largest piece. */
uint64_t memory_largest(const struct memory_core *m);
bool memory_is_low(const struct memory_core *m);

/* For accounts.c: a zeroed record, NULL: none is left; and back. */
void *memory_record_get(struct memory_core *m);
void memory_record_put(struct memory_core *m, void *record);
/* What an account held on to may have been the last thing. */
void accounts_put(struct memory_core *m, struct memory_account *a);
/* All that `a` owns is dying. */
void memory_retire_all(struct memory_core *m, struct memory_account *a, bool patient);

/* The same of what is on the account `charged`. */
void memory_retire_for(struct memory_core *m, struct memory_account *a,
                       const struct memory_account *charged);

/* The first violated invariant as text, or NULL. */
const char *memory_check(const struct memory_core *m);
