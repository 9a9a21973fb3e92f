/* What the process service knows, in its vault (aos/vault.h), so that the next one after it knows
 * it too: a record for each entry of the table, at the same place, and the capabilities of its
 * domain. Without a vault nothing is kept.
 *
 * A record's `state` is written last. STARTING: there may be an account and parts of a domain.
 * LIVE, ENDED: as the entry. ENDING: it has ended as `exit` says, and what it had is being given
 * back. TOLD: the parent was answered, perhaps in vain, if the service ended then. */
#pragma once

#include "service_priv.h"

/* Opens the vault. */
errval_t keep_init(void);
/* Makes the table what it was and clears away what was half done. Before anybody is served. */
void keep_recover(void);

/* `e` is about to get an account, and capabilities. */
void keep_starting(const struct table_entry *e);
/* It has ended like this. */
void keep_ending(const struct table_entry *e, const struct table_exit *how);
/* The table has changed: brings all records up to date. */
void keep_sync(void);
/* The capabilities of the domain of `e` are the vault's from now on; `io_proc` says where. */
errval_t keep_proc(const struct table_entry *e, struct proc *io_proc);
errval_t keep_ring(const struct table_entry *e, struct proc *io_proc);
errval_t keep_ram(const struct table_entry *e, caddr_t *io_ram);

/* How `pid` ended, of which the service before this one told `caller`, its parent; once. False: it
 * knows of none. */
bool keep_told(uint32_t caller, uint32_t pid, struct table_exit *ret_exit);
