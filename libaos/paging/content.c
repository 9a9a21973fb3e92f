/* The contents of pages, by their addresses. */
#include "paging_priv.h"

/* Words in one round of the loops. */
#define CONTENT_STEP 8u

void paging_clear(uint64_t va, uint64_t bytes)
{
    uint64_t *to = (uint64_t *)va;
    uint64_t *end = to + bytes / sizeof(*to);
    for (; to < end; to += CONTENT_STEP) {
        for (uint32_t i = 0; i < CONTENT_STEP; i++) {
            to[i] = 0;
        }
    }
}

void paging_copy(uint64_t to_va, uint64_t from_va, uint64_t bytes)
{
    uint64_t *to = (uint64_t *)to_va;
    const uint64_t *from = (const uint64_t *)from_va;
    const uint64_t *end = from + bytes / sizeof(*from);
    for (; from < end; from += CONTENT_STEP, to += CONTENT_STEP) {
        for (uint32_t i = 0; i < CONTENT_STEP; i++) {
            to[i] = from[i];
        }
    }
}
