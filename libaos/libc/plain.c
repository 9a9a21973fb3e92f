/* Blocks of the heap as malloc.c makes them, without checks (malloc_priv.h). */
#include <aos/heap.h>

#include "malloc_priv.h"

#define PLAIN_FIRST_BYTES 0x4000u        /* many programs never need more */

void *block_alloc(size_t bytes, size_t align)
{
    return malloc_raw(bytes, align);
}

void block_free(void *p)
{
    malloc_raw_free(p);
}

size_t block_usable(void *p)
{
    return malloc_raw_usable(p);
}

bool block_resize(void *p, size_t bytes)
{
    return malloc_raw_resize(p, bytes);
}

bool block_is_zero(void *p)
{
    return malloc_raw_is_zero(p);
}

void block_held(uint64_t *ret_blocks, uint64_t *ret_bytes)
{
    *ret_blocks = 0;
    *ret_bytes = 0;
}

uint64_t block_first_chunk(void)
{
    return PLAIN_FIRST_BYTES;
}

bool heap_check(void)
{
    return false;
}
