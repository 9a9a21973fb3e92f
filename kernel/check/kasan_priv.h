// The shadow memory from the inside.
#pragma once
#include <stdint.h>

// Bytes of shadow. Those of the stack are the compiler's (gcc/asan.h).
enum kasan_shadow {
    SHADOW_STACK_FIRST = 0xf1,
    SHADOW_STACK_LAST = 0xf5,
    SHADOW_SCOPE = 0xf8,
    SHADOW_GLOBAL = 0xf9,
    SHADOW_FREED = 0xfd,
    SHADOW_FOREIGN = 0xfe,
};

// Sets the shadow of whole granules.
void kasan_fill(uintptr_t start, uint64_t bytes, uint8_t value);
// From now on accesses to RAM are checked, too.
void kasan_check_ram(void);
