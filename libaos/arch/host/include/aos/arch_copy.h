/* Host: a test decides what becomes of a copy. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool arch_copy_words(void *to, const void *from, uint32_t count)
{
    if (count != 0) {
        __builtin_memcpy(to, from, 8u * (uint64_t)count);
    }
    return true;
}

/* Not NULL: does the copy, and may do as if a fault stopped it half-way (false), or let the peer
 * change what is copied. */
extern bool (*arch_host_copy)(void *to, const void *from, uint32_t bytes);

static inline bool arch_copy_bytes(void *to, const void *from, uint32_t bytes)
{
    if (arch_host_copy != NULL) {
        return arch_host_copy(to, from, bytes);
    }
    if (bytes != 0) {
        __builtin_memcpy(to, from, bytes);
    }
    return true;
}

static inline void arch_line_store(void *line, const uint64_t words[7])
{
    uint64_t *to = line;
    for (uint32_t i = 0; i < 7; i++) {
        __atomic_store_n(&to[i], words[i], __ATOMIC_RELAXED);
    }
}
static inline void arch_line_load(uint64_t words[7], const void *line)
{
    const uint64_t *from = line;
    for (uint32_t i = 0; i < 7; i++) {
        words[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    }
}

static inline void arch_store_load(void)
{
}

static inline bool arch_copy_fixup(uint64_t *pc)
{
    (void)pc;
    return false;
}
