/* The memory service around its allocator: capabilities, records, its own memory. */
#pragma once

#include <aos/types.h>
#include <aos/vault.h>
#include <aos/waitset.h>
#include <if/memory_server.h>

#include "memory_priv.h"

struct service {
    /* of core; recursive: making a capability may need memory */
    struct mutex lock;
    struct memory_core core;
    caddr_t roots[MEMORY_ROOTS_MAX];
    struct vault vault;                  /* no data: there is none */
    caddr_t probe_slot;                  /* empty; taking back needs no slot of others (FAIL0001) */
    struct waitset ws;
    struct memory_server server;
    struct waitset_timer reap_timer;
    uint64_t reap_ns;
    bool was_low;
};

extern struct service service;

/* RAM for `owner` on the account `charged`, as a capability. The service's lock is held. */
errval_t service_take_locked(struct memory_account *owner, struct memory_account *charged,
                             uint64_t bytes, uint64_t align, caddr_t *ret_ram,
                             uint64_t *ret_actual);
/* Takes it back. NOT_YOURS, IN_USE, NO_MEMORY. The service's lock is held. */
errval_t service_give_locked(const struct memory_account *owner, caddr_t ram);

/* One of init's services of another core, which starts it again: a memory service. */
bool service_is_far(uint32_t pid);
/* reap.c: does nobody use any part of the range? The service's lock is held, or there is one
 * thread. */
bool service_probe(const struct memory_range *range);
errval_t service_retype(const struct memory_range *range, caddr_t *ret_cap);
/* Makes dying ranges free that nobody uses any more, at most SERVICE_REAP_MAX of them; looks again
 * later while there are some. The service's lock is not needed. */
void service_reap(void *arg);
void service_reap_soon(void);

/* borrow.c: memory of other cores for the caller, who waits, when there is none here:
 * SERVER_DEFERRED; NO_MEMORY: nothing is borrowed for this caller. The service's lock is not
 * held. */
errval_t service_borrow(struct server_ctx *ctx, uint64_t bytes, uint64_t align);
errval_t service_borrow_for(struct server_ctx *ctx, uint32_t pid, uint64_t bytes, uint64_t align);
/* Is there so much for the domain `pid`, if it is of another core? */
bool service_lends(uint32_t pid, uint64_t bytes);
/* Something has become free: what is borrowed goes back when it is not used. */
void service_return_soon(void);
errval_t service_borrow_init(void);
/* Before keep_restore: the pieces that the service before this one had borrowed. */
void service_borrow_restore(void);

/* hole.c: memory in which, by the vault, nothing is, as a range that only the caller knows of.
 * False: there is none. Before anything was given out. */
bool service_find_hole(uint64_t bytes, struct memory_range *ret_range, void **ret_memory);

/* own.c: the first records and all RAM that was granted; this domain lives on it from then on. */
void service_own_init(void);
/* Sees to it that there are records for the next request, as far as there is memory. */
void service_own_records(void);
