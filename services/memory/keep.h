/* What the memory service after this one must know, in memory that outlives it (aos/vault.h): the
 * regions that are not free, and the accounts. The service may end between any two instructions,
 * so each change is one word: `state` when a record is made or goes, `pages` when a region is cut,
 * then `owner` when it is dying. Of a region that is cut, the record of the upper part is made
 * before that of the lower one shrinks: two records may overlap, and the one above is right.
 *
 * Whether a range is used is the kernel's to say: what was recorded and nobody has got, or has
 * given back already, is found out by a probe. Runs on the host, too. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memory_core;
struct memory_region;
struct memory_account;

#define KEEP_ACCOUNTS_MAX 1024u          /* at one time, ended ones that are used included */
#define KEEP_BORROWED_MAX 64u            /* pieces of other cores */
#define KEEP_NOBODY       UINT32_MAX     /* owner of a dying region */

struct keep_region {
    uint64_t base;
    uint32_t pages;
    uint32_t owner, charged;             /* pids */
    uint32_t state;                      /* 1: it holds */
};

enum keep_account_state { KEEP_NO_ACCOUNT, KEEP_CONNECTED, KEEP_OPENED, KEEP_ENDED };

struct keep_account {
    uint64_t limit;
    uint32_t pid, parent;
    uint32_t state;                      /* enum keep_account_state */
    uint32_t reserved;
};

/* All zero: nothing is kept yet. */
struct keep_vault {
    struct keep_account accounts[KEEP_ACCOUNTS_MAX];
    /* By slot of the vault: 1 + the core whose memory that is; 0: none. */
    uint32_t lenders[KEEP_BORROWED_MAX];
    struct keep_region regions[];
};

/* Part of the core. */
struct keep {
    struct keep_vault *vault;            /* NULL: nothing is kept */
    uint32_t region_count, region_free, region_next;
    uint32_t account_free;
};

/* Keeps in `vault` from now on, before there are accounts and used regions. */
void keep_init(struct memory_core *m, struct keep_vault *vault, size_t bytes);
/* How many records the core needs for what is kept. */
uint32_t keep_records(const struct memory_core *m);
/* After keep_init, with all RAM added and records enough: makes the core what it was. What the
 * service itself had, and what services have for domains that have ended, is dying. */
void keep_restore(struct memory_core *m, uint32_t own_pid);
/* Walks the used regions that were restored. NULL: that was all. */
struct memory_region *keep_next(struct memory_core *m, uint32_t *io_place);

/* Is there room for `count` more regions? */
bool keep_has_room(const struct memory_core *m, uint32_t count);
/* The record of `r`, which is not free, becomes what `r` is, and is made if there is none. */
void keep_region(struct memory_core *m, struct memory_region *r);
/* `r` is to be free. */
void keep_drop(struct memory_core *m, struct memory_region *r);
/* The same for accounts. False: there is no room. */
bool keep_account(struct memory_core *m, struct memory_account *a);
void keep_drop_account(struct memory_core *m, struct memory_account *a);
