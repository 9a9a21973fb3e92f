/* Host: nothing is ever revoked. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

static inline bool arch_copy_words(void *to, const void *from, uint32_t count)
{
    __builtin_memcpy(to, from, 8u * (uint64_t)count);
    return true;
}

static inline bool arch_copy_fixup(uint64_t *pc)
{
    (void)pc;
    return false;
}
