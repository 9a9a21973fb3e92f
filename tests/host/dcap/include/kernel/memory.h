/* The linear map of the simulator: physical memory is one array that all cores share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t paddr_t;

#define ARENA_BASE  0x40000000ull
#define ARENA_BYTES (1ull << 20)

extern uint8_t *arena;

static inline bool memory_is_linear(const void *va)
{
    return (uintptr_t)va - (uintptr_t)arena < ARENA_BYTES;
}

static inline paddr_t virt_to_phys(const void *va)
{
    return (uintptr_t)va - (uintptr_t)arena + ARENA_BASE;
}

static inline void *phys_to_virt(paddr_t pa)
{
    return &arena[pa - ARENA_BASE];
}
