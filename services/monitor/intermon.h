/* The ways to the monitors of other cores: two rings each way in memory that both share
 * (kpi/core.h), so that either may say something at any time. intermon.if is what is said. */
#pragma once

#include <aos/types.h>
#include <aos/waitset.h>

#include "line.h"

/* What a way needs of the shared memory. It is zero before either side opens. */
#define INTERMON_BYTES 0x8000u

struct intermon_host {
    /* An end of the init of core `peer` came: the receiver's from now on. */
    void (*root)(uint32_t peer, caddr_t end);
    /* Core `peer` has rung: there may be something beside the rings. */
    void (*rung)(uint32_t peer);
};

/* LIB_ERR_NO_MEMORY. */
errval_t intermon_init(const struct intermon_host *host, struct waitset *ws);
/* Hears core `peer` from now on. `first`: one of the two sides, and not the other. */
errval_t intermon_listen(uint32_t peer, void *memory, bool first);
/* Greets the other side, which must have listened, and waits until it answers: not in init's main
 * thread. What was to be sent before is sent then. */
errval_t intermon_connect(uint32_t peer, void *memory, bool first);
/* Core `peer` has gone off, with all it had: its lines end, and the others are told. It can be
 * heard and connected to again when the memory is zero. In init's main thread. */
void intermon_forget(uint32_t peer);
/* Whether all others have heard that it has: before that it does not come back. By any thread. */
bool intermon_is_forgotten(uint32_t peer);
/* Rings the monitor of `peer`. */
void intermon_wake(uint32_t peer);
/* As struct line_host. */
errval_t intermon_send(uint32_t peer, const struct line_wire *w, caddr_t cap);
void intermon_refuse(uint32_t peer, uint32_t number);
/* Gives an end of this core's init to the monitor of `peer`. Takes it, whatever it returns. */
errval_t intermon_send_root(uint32_t peer, caddr_t end);
/* The cores whose monitors are reached directly: a mask. */
uint8_t intermon_peers(void);
struct intermon_audit_message;
/* LIB_ERR_NO_MEMORY (records and parts only): it is not sent. */
errval_t intermon_send_audit(uint32_t peer, const struct intermon_audit_message *m);
/* For monitor.objects: a question to another monitor, of which the last one was answered, and the
 * answer. */
struct monitor_object;
void intermon_send_look(uint32_t peer, uint32_t number, const struct monitor_object *after);
void intermon_send_seen(uint32_t peer, uint32_t number, const struct monitor_object *all,
                        size_t count);
