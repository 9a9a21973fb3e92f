// The value that -fstack-protector puts between locals and return addresses.
#pragma once
#include <stddef.h>
#include <stdint.h>

// The compiler's name for it. Changed once, by a function that never returns.
extern uint64_t stack_guard __asm__("__stack_chk_guard");

// A guard from the boot seed and the time, which are not disclosed by it. Its lowest byte is 0, so
// that a string that overflows cannot contain it.
uint64_t stack_guard_make(const uint8_t *seed, size_t seed_bytes, uint64_t time);
