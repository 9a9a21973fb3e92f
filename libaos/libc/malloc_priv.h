/* Shared by malloc.c and the two kinds of blocks, and what <stdlib.h> does not declare in strict
 * mode. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memalign(size_t align, size_t bytes);
size_t malloc_usable_size(void *p);
int posix_memalign(void **ret_p, size_t align, size_t bytes);

/* malloc.c: blocks without checks. NULL: no memory. */
void *malloc_raw(size_t bytes, size_t align);
void malloc_raw_free(void *p);
size_t malloc_raw_usable(void *p);
/* Whether the block can have that size where it is; it has then. */
bool malloc_raw_resize(void *p, size_t bytes);
/* Is what malloc_raw just returned zero? */
bool malloc_raw_is_zero(void *p);

/* What the program gets: plain.c, those above; with -Dheap_check=true check.c, blocks with checks
 * around them. */
void *block_alloc(size_t bytes, size_t align);
void block_free(void *p);
size_t block_usable(void *p);
bool block_resize(void *p, size_t bytes);
bool block_is_zero(void *p);
/* Freed, not yet in use again. */
void block_held(uint64_t *ret_blocks, uint64_t *ret_bytes);
/* How large the first chunk is to be, in bytes: a multiple of pages. */
uint64_t block_first_chunk(void);
