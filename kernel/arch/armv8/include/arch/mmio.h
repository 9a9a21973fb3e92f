// Waiting for a device. Registers are accessed by what stubgen makes of idl/dev.
#pragma once

// Between two looks at a register that a device changes.
static inline void mmio_relax(void)
{
    __asm__ volatile("yield" ::: "memory");
}
