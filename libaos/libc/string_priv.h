/* Words for memory.c and string.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORD_ONES 0x0101010101010101ull
#define WORD_TOPS 0x8080808080808080ull

/* Any address, any type behind it. */
typedef uint64_t word_any __attribute__((aligned(1), may_alias));

static inline uint64_t word_get(const void *p)
{
    return *(const word_any *)p;
}

static inline void word_put(void *p, uint64_t word)
{
    *(word_any *)p = word;
}

static inline bool word_has_zero(uint64_t word)
{
    return ((word - WORD_ONES) & ~word & WORD_TOPS) != 0;
}
