/* What the init of the core that booted shares with that of a further core while that starts
 * (KPI_BOOT_CHANNEL): how far it is, and its kernel's log. Written by the further core, but for
 * `log_taken` and `wanted`. Counters are stored with release after what they count, and loaded with
 * acquire before it. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include <aos/kernel.h>

#include "intermon.h"

#define CORE_CHANNEL_LOG_BYTES 0x4000u   /* a power of two */

#define CORE_CHANNEL_STARTS 0u
#define CORE_CHANNEL_UP     1u           /* its init waits for work */
#define CORE_CHANNEL_STAYS  2u           /* it cannot go off */
#define CORE_CHANNEL_LEFT   3u           /* it goes off: nothing of it is left */

#define CORE_CHANNEL_NOTHING 0u
#define CORE_CHANNEL_LEAVE   1u          /* it is to go off */

struct core_channel {
    _Atomic uint32_t state;              /* CORE_CHANNEL_* */
    _Atomic uint32_t wanted;             /* CORE_CHANNEL_NOTHING, _LEAVE: by the core that booted */
    /* bytes of log ever put into `log` and taken out of it; a byte is at its number modulo the
     * size */
    _Atomic uint64_t log_put;
    _Atomic uint64_t log_taken;
    uint64_t reserved2[5];
    char log[CORE_CHANNEL_LOG_BYTES];
    uint8_t way[INTERMON_BYTES];         /* services/monitor/intermon.h */
};

_Static_assert(sizeof(struct core_channel) <= KPI_CORE_CHANNEL_BYTES, "it fits the frame");
