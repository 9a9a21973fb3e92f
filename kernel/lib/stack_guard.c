#include <kernel/stack_guard.h>
#include <kernel/panic.h>

#define GUARD_BEFORE_SEED 0x5bd1e9955bd1e900ul // until the seed is known
#define MIX_1             0xbf58476d1ce4e5b9ul // odd constants with mixed bits
#define MIX_2             0x94d049bb133111ebul

uint64_t stack_guard = GUARD_BEFORE_SEED; // owner: this file; read by compiled code

void __stack_chk_fail(void) __asm__("__stack_chk_fail");

void __stack_chk_fail(void)
{
    panic("a function has overwritten its stack frame");
}

uint64_t stack_guard_make(const uint8_t *seed, size_t seed_bytes, uint64_t time)
{
    uint64_t guard = time;
    for (size_t i = 0; i < seed_bytes; i++) {
        guard = (guard ^ seed[i]) * MIX_1;
        guard ^= guard >> 29;
    }
    guard = (guard ^ guard >> 31) * MIX_2;
    return (guard ^ guard >> 32) & ~0xfful;
}
