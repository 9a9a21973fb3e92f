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

/* The 7 payload words of a line that another side may look at or change meanwhile: each is loaded
 * and stored once and whole; nothing is ordered. */
static inline void arch_line_store(void *line, const uint64_t words[7])
{
    uint64_t a, b, c, d;
    __asm__ volatile("ldp %0, %1, [%4]\n ldp %2, %3, [%4, #16]\n"
                     "stp %0, %1, [%5]\n stp %2, %3, [%5, #16]\n"
                     "ldp %0, %1, [%4, #32]\n ldr %2, [%4, #48]\n"
                     "stp %0, %1, [%5, #32]\n str %2, [%5, #48]"
                     : "=&r"(a), "=&r"(b), "=&r"(c), "=&r"(d)
                     : "r"(words), "r"(line)
                     : "memory");
}
static inline void arch_line_load(uint64_t words[7], const void *line)
{
    uint64_t a, b, c, d;
    __asm__ volatile("ldp %0, %1, [%5]\n ldp %2, %3, [%5, #16]\n"
                     "stp %0, %1, [%4]\n stp %2, %3, [%4, #16]\n"
                     "ldp %0, %1, [%5, #32]\n ldr %2, [%5, #48]\n"
                     "stp %0, %1, [%4, #32]\n str %2, [%4, #48]"
                     : "=&r"(a), "=&r"(b), "=&r"(c), "=&r"(d)
                     : "r"(words), "r"(line)
                     : "memory");
}

/* Between a sequentially consistent store and a load of that kind, where QEMU keeps them in order
 * only with a barrier (libaos/chan/ump_ring.h). */
static inline void arch_store_load(void)
{
    __asm__ volatile("dmb ish" ::: "memory");
}
