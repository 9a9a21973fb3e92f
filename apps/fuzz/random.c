#include "fuzz_priv.h"

static uint64_t state = 1;

void fuzz_random_seed(uint64_t seed)
{
    state = seed * 2 + 1;
}

/* xorshift64* (Vigna): the same sequence everywhere. */
uint64_t fuzz_random(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dull;
}

uint64_t fuzz_below(uint64_t limit)
{
    return fuzz_random() % limit;
}
