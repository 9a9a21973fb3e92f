/* Instruction cache maintenance. */
#pragma once

#include <stddef.h>

/* Makes code written through the linear map at `code` visible to instruction fetches by any
 * mapping. */
void icache_sync(const void *code, size_t bytes);
