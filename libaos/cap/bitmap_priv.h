/* Which slots of one L2 CNode are in use: 256 bits. Pure; 1 = in use. */
#pragma once

#include <aos/types.h>

#define BITMAP_WORDS (KPI_L2_SLOTS / 64u)
#define BITMAP_NONE  UINT32_MAX

struct bitmap {
    uint64_t words[BITMAP_WORDS];
};

/* Lowest clear bit, now set; BITMAP_NONE if there is none. */
static inline uint32_t bitmap_take_one(struct bitmap *b)
{
    for (uint32_t w = 0; w < BITMAP_WORDS; w++) {
        if (b->words[w] != UINT64_MAX) {
            uint32_t bit = (uint32_t)__builtin_ctzll(~b->words[w]);
            b->words[w] |= 1ull << bit;
            return w * 64 + bit;
        }
    }
    return BITMAP_NONE;
}

/* Lowest run of `count` (1..64) clear bits, now set; BITMAP_NONE if there is none. A run may
 * cross words. */
uint32_t bitmap_take(struct bitmap *b, uint32_t count);

static inline void bitmap_clear(struct bitmap *b, uint32_t index)
{
    b->words[index / 64] &= ~(1ull << (index % 64));
}

static inline void bitmap_set(struct bitmap *b, uint32_t index)
{
    b->words[index / 64] |= 1ull << (index % 64);
}

static inline bool bitmap_test(const struct bitmap *b, uint32_t index)
{
    return (b->words[index / 64] >> (index % 64) & 1) != 0;
}
