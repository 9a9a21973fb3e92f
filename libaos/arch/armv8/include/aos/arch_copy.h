/* Copies that survive the loss of their source or destination
 * (libaos/chan/arch/armv8/copy.S). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* False: a fault stopped it half-way. Both 8-byte aligned. */
bool arch_copy_words(void *to, const void *from, uint32_t count);
/* The same for bytes, not aligned. */
bool arch_copy_bytes(void *to, const void *from, uint32_t bytes);
extern const char arch_copy_first[], arch_copy_last[], arch_copy_failed[];

/* For a fault handler: if `*pc` is in the copy, lets it fail. */
static inline bool arch_copy_fixup(uint64_t *pc)
{
    if (*pc < (uint64_t)arch_copy_first || *pc >= (uint64_t)arch_copy_last) {
        return false;
    }
    *pc = (uint64_t)arch_copy_failed;
    return true;
}
