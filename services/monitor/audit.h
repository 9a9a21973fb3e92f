/* Looks the invariants of services/monitor/invariants.h up on all cores (rules.h), by asking all
 * monitors (intermon.audit). For init's main thread. */
#pragma once

#include <aos/types.h>

struct intermon_audit_message;

struct audit_result {
    bool failed;                         /* a core has not answered; there is nothing else */
    bool quiet;                          /* nothing was under way: `found` is true */
    uint64_t found, nodes;               /* those of the kernels' checks, too, if they were made */
    uint32_t records;
};

typedef void (*audit_done_fn)(void *arg, const struct audit_result *result);

/* `done` is called once, maybe at once. `kernels`: each kernel proves its own database, too. That
 * takes some thousand instructions per object with interrupts off: not for everybody. */
void audit_begin(bool kernels, audit_done_fn done, void *arg);

/* From intermon.c. */
void audit_receive(uint32_t core, const struct intermon_audit_message *m);
void audit_peer_gone(uint32_t core);
