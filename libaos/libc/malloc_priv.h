/* What <stdlib.h> does not declare in strict mode. */
#pragma once

#include <stddef.h>
#include <stdint.h>

void *memalign(size_t align, size_t bytes);
size_t malloc_usable_size(void *p);
int posix_memalign(void **ret_p, size_t align, size_t bytes);
/* Small blocks only. */
void malloc_stats_bytes(uint64_t *ret_used, uint64_t *ret_total);
