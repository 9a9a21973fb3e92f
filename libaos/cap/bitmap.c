/* Bitmaps of slots (bitmap_priv.h). */
#include "bitmap_priv.h"

/* A run within a word, as most are: bit i of `runs` tells whether one begins there. */
static uint32_t bitmap_take_in_word(struct bitmap *b, uint32_t count)
{
    const uint64_t ones = UINT64_MAX >> (64 - count);
    for (uint32_t w = 0; w < BITMAP_WORDS; w++) {
        uint64_t runs = ~b->words[w];
        for (uint32_t i = 1; i < count && runs != 0; i++) {
            runs &= runs >> 1;
        }
        if (runs != 0) {
            uint32_t bit = (uint32_t)__builtin_ctzll(runs);
            b->words[w] |= ones << bit;
            return w * 64 + bit;
        }
    }
    return BITMAP_NONE;
}

uint32_t bitmap_take(struct bitmap *b, uint32_t count)
{
    if (count == 1) {
        return bitmap_take_one(b);
    }
    uint32_t first = count <= 64 ? bitmap_take_in_word(b, count) : BITMAP_NONE;
    if (first != BITMAP_NONE) {
        return first;
    }
    uint32_t run = 0;
    for (uint32_t i = 0; i < KPI_L2_SLOTS; i++) {
        run = bitmap_test(b, i) ? 0 : run + 1;
        if (run == count) {
            first = i + 1 - count;
            for (uint32_t k = first; k <= i; k++) {
                bitmap_set(b, k);
            }
            return first;
        }
    }
    return BITMAP_NONE;
}
