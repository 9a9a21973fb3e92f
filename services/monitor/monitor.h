/* Init as the monitor of its core: monitor.if for the domains of the core, intermon.if for the
 * monitors of others. For init's main thread. */
#pragma once

#include <aos/server.h>

#include "intermon.h"

errval_t monitor_start(const struct intermon_host *ways, struct waitset *ws);
/* An end of monitor.if for the domain `pid`, which may look at all that there is if `trusted`. */
errval_t monitor_end_for(uint64_t pid, bool trusted, caddr_t *ret_end);
