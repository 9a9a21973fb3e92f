/* The system clock: ns since the kernel started, the same for all domains of a core. Reading it
 * does not trap. */
#pragma once

#include <aos/types.h>

/* Never goes back. */
uint64_t time_now_ns(void);
/* now + ns, AOS_FOREVER if that is beyond the end of time. */
uint64_t time_deadline_ns(uint64_t ns);
