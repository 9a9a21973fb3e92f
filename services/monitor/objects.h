/* What there is: the databases of all cores and the capability spaces of domains, read piece by
 * piece through monitor.if (`objects`, `space`). For init's main thread. */
#pragma once

#include <stddef.h>

#include <aos/types.h>

struct monitor_object;

/* Objects in one answer, as in monitor.if and intermon.if. */
#define OBJECTS_MAX 16u

/* The objects of this core after `after` (type 0: from the first on), none at the end. */
errval_t objects_own(const struct monitor_object *after, struct monitor_object *ret_objects,
                     size_t *ret_count);
/* The capabilities in the space of `dispatcher` from address `from` on; *ret_next 0: all. */
errval_t objects_space(caddr_t dispatcher, uint32_t from, struct monitor_object *ret_objects,
                       size_t *ret_count, uint32_t *ret_next);

/* RPC_ERR_PEER_GONE: the core has stopped meanwhile. */
typedef void (*objects_done_fn)(void *arg, errval_t err, const struct monitor_object *objects,
                                size_t count);
/* As objects_own, of `core`, another one. `done` is called unless this fails: RPC_ERR_NOT_BOUND,
 * the core is off or not reached from here; LIB_ERR_NO_MEMORY. */
errval_t objects_ask(uint32_t core, const struct monitor_object *after, objects_done_fn done,
                     void *arg);

/* From intermon.c. */
void objects_looked(uint32_t core, uint32_t number, const struct monitor_object *after);
void objects_seen(uint32_t core, uint32_t number, const struct monitor_object *objects,
                  size_t count);
void objects_peer_gone(uint32_t core);
