/* How long the kernel goes without a look at the interrupts, in instructions: counted by the kernel
 * `measured` (build/kernel/measured.image) only, and only where the core counts retired
 * instructions (QEMU: with -icount). */
#pragma once

#include <stdint.h>

/* An interrupt that is pending is about to be seen: the kernel returns to user mode, or claims the
 * next one. */
#ifdef CONFIG_STRETCH
void stretch_start(void);
void stretch_point(void);
/* The longest stretch since the last call; starts again. */
uint64_t stretch_take(void);
#else
static inline void stretch_start(void)
{
}
static inline void stretch_point(void)
{
}
static inline uint64_t stretch_take(void)
{
    return 0;
}
#endif
