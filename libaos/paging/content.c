/* The contents of pages, by their addresses. */
#include "paging_priv.h"

void paging_clear(uint64_t va, uint64_t bytes)
{
    __builtin_memset((void *)va, 0, bytes);
}

void paging_copy(uint64_t to, uint64_t from, uint64_t bytes)
{
    __builtin_memcpy((void *)to, (const void *)from, bytes);
}
