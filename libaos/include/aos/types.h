/* Scalars that every part of libaos speaks of. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <abi/errors.h>
#include <kpi/cspace.h>

/* Deadline of a wait that never times out. Deadlines are absolute, in ns of the system clock. */
#define AOS_FOREVER UINT64_MAX

#define AOS_PAGE_BYTES  4096ull
#define AOS_LARGE_BYTES 0x200000ull

/* Multiples of `unit`, a power of two. */
static inline uint64_t aos_round_up(uint64_t x, uint64_t unit)
{
    return (x + unit - 1) & ~(unit - 1); /* wraps to 0 for a huge x */
}

static inline uint64_t aos_round_down(uint64_t x, uint64_t unit)
{
    return x & ~(unit - 1);
}

static inline bool aos_is_pow2(uint64_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}
