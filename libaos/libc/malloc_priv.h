/* Shared by malloc.c and check.c, and what <stdlib.h> does not declare in strict mode. */
#pragma once

#include <stddef.h>
#include <stdint.h>

void *memalign(size_t align, size_t bytes);
size_t malloc_usable_size(void *p);
int posix_memalign(void **ret_p, size_t align, size_t bytes);

/* malloc.c: blocks without checks. NULL: no memory. */
void *malloc_raw(size_t bytes, size_t align);
void malloc_raw_free(void *p);

/* check.c: the same with checks; only in checked builds. Blocks are filled with CHECK_FRESH. */
void *check_alloc(size_t bytes, size_t align);
void check_free(void *p);
/* Exactly what was asked for. */
size_t check_usable(void *p);
void check_held(uint64_t *ret_blocks, uint64_t *ret_bytes);
