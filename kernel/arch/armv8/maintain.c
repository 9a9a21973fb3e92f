/* Clearing and cleaning of memory by cache lines. */
#include <arch/maintain.h>
#include <kernel/string.h>

#define DCZID_DZP      (1u << 4) /* DDI 0487, DCZID_EL0: DC ZVA is not allowed */
#define DCZID_BS_MASK  0xfu      /* log2 of words of 4 bytes */
#define CTR_DMIN_SHIFT 16        /* DDI 0487, CTR_EL0.DminLine: log2 of words of 4 bytes */
#define CTR_DMIN_MASK  0xfu
#define WORD_BYTES     4u

static inline void clear_line(uintptr_t at)
{
    __asm__ volatile("dc zva, %0\n\tdc civac, %0" ::"r"(at) : "memory");
}

static inline uintptr_t clear_four(uintptr_t at, size_t line)
{
    clear_line(at);
    clear_line(at += line);
    clear_line(at += line);
    clear_line(at += line);
    return at + line;
}

void arch_clear_memory(void *memory, size_t bytes)
{
    uintptr_t start = (uintptr_t)memory, end = start + bytes;
    uint64_t dczid = sysreg_read(dczid_el0);
    size_t block = (size_t)WORD_BYTES << (dczid & DCZID_BS_MASK);
    size_t line = (size_t)WORD_BYTES << (sysreg_read(ctr_el0) >> CTR_DMIN_SHIFT & CTR_DMIN_MASK);
    if ((dczid & DCZID_DZP) != 0) {
        memset(memory, 0, bytes);
    } else if (block == line) { /* as on every known core: one pass */
        uintptr_t at = start;
        while (end - at >= 16 * line)
            at = clear_four(clear_four(clear_four(clear_four(at, line), line), line), line);
        for (; at < end; at += line)
            clear_line(at);
        dsb_sy();
        return;
    } else {
        for (uintptr_t at = start; at < end; at += block)
            __asm__ volatile("dc zva, %0" ::"r"(at) : "memory");
    }
    for (uintptr_t at = start; at < end; at += line)
        __asm__ volatile("dc civac, %0" ::"r"(at) : "memory");
    dsb_sy();
}

void arch_clean_memory(const void *memory, size_t bytes)
{
    size_t line = (size_t)WORD_BYTES << (sysreg_read(ctr_el0) >> CTR_DMIN_SHIFT & CTR_DMIN_MASK);
    uintptr_t start = (uintptr_t)memory & ~(line - 1), end = (uintptr_t)memory + bytes;

    for (uintptr_t at = start; at < end; at += line)
        __asm__ volatile("dc civac, %0" ::"r"(at) : "memory");
    dsb_sy();
}
