/* Operations on services that more than one test measures, or lets fail: each leaves nothing. */
#pragma once

#include <aos/types.h>

/* RAM from the memory service, and back. */
errval_t ops_ram(uint64_t bytes, uint64_t align);
/* A client end of a service from the nameserver, and its end. */
errval_t ops_lookup(void);
