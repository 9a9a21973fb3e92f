/* Random words for seeds, expanded from the boot seed. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Starts from what the loader gave (may be nothing) and the time. */
void random_init(const uint8_t *seed, size_t seed_bytes, uint64_t time);
/* Four words that were never given out before. */
void random_words(uint64_t ret_words[4]);
