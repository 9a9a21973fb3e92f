// Device register access. Volatile 32-bit accesses to Device memory: in order among themselves;
// against normal memory only where the caller adds a barrier. Host tests put a register model here.
#pragma once
#include <stdint.h>

static inline uint32_t mmio_read32(uintptr_t addr)
{
    return *(volatile uint32_t *)addr;
}

static inline void mmio_write32(uintptr_t addr, uint32_t value)
{
    *(volatile uint32_t *)addr = value;
}

static inline uint64_t mmio_read64(uintptr_t addr)
{
    return *(volatile uint64_t *)addr;
}

static inline void mmio_write64(uintptr_t addr, uint64_t value)
{
    *(volatile uint64_t *)addr = value;
}

// Between two looks at a register that a device changes.
static inline void mmio_relax(void)
{
    __asm__ volatile("yield" ::: "memory");
}
