/* What the whole system has at a moment, as numbers that can be compared: a program that comes and
 * goes leaves them as they were. Asked of init, the memory service and the process service of each
 * core that is on, of which they are the sums, and of the nameserver; whoever asks is counted,
 * too. */
#pragma once

#include <aos/cap.h>
#include <aos/types.h>

enum counter {
    COUNTER_FREE,                        /* bytes of the memory services that can be given out */
    COUNTER_PIECES,                      /* free ranges */
    COUNTER_DYING,                       /* bytes that ended domains have not returned yet */
    COUNTER_PROCESSES,                   /* that the process services know, ended ones too */
    COUNTER_NAMES,
    COUNTER_OWN_RAM,                     /* bytes of RAM that this domain uses of its pool */
    COUNTER_OWN_SLOTS,
    COUNTER_OBJECTS,                     /* that the kernels know, by type from here on */
    COUNTER_CAPS = COUNTER_OBJECTS + CAPTYPE_COUNT, /* capabilities to them */
    COUNTERS = COUNTER_CAPS + CAPTYPE_COUNT,
};

struct counters {
    uint64_t value[COUNTERS];
};

#define COUNTER_NAME_BYTES 32u

/* Reads all of them, one after the other. */
errval_t counters_read(struct counters *ret_counters);
/* Reads them until two readings in a row are the same and nothing is on its way back to the memory
 * service, or `timeout_ns` have passed (false: the last reading). */
bool counters_settle(uint64_t timeout_ns, struct counters *ret_counters);
/* "free bytes", "Frame objects", "Frame capabilities". */
void counter_name(uint32_t counter, char ret_name[COUNTER_NAME_BYTES]);
/* The first counter from `from` on that differs; COUNTERS: none. */
uint32_t counters_differ(const struct counters *a, const struct counters *b, uint32_t from);
