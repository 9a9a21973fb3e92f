// The value that -fstack-protector puts between locals and return addresses.
#pragma once
#include <stddef.h>
#include <stdint.h>

// The compiler's name for it. Changed once, by a function that never returns.
extern uint64_t stack_guard __asm__("__stack_chk_guard");

// For functions that every message or invocation runs through and that have no array which could
// overflow: they go without.
#define STACK_GUARD_NONE __attribute__((no_stack_protector))

// A guard from the boot seed and the time, which are not disclosed by it. Its lowest byte is 0, so
// that a string that overflows cannot contain it.
uint64_t stack_guard_make(const uint8_t *seed, size_t seed_bytes, uint64_t time);
