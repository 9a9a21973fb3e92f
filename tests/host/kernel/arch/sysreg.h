// In place of the target's: system registers by name, from the test. A model changes when it is
// looked at, so there is nothing to wait for.
#pragma once
#include <stdint.h>

uint64_t fake_sysreg_read(const char *name);
void fake_sysreg_write(const char *name, uint64_t value);

#define sysreg_read(name)           fake_sysreg_read(#name)
#define sysreg_write(name, value)   fake_sysreg_write(#name, (value))
#define sysreg_read_x(name)         fake_sysreg_read(#name)
#define sysreg_write_x(name, value) fake_sysreg_write(#name, (value))

static inline void isb(void)
{
}

static inline void dsb_sy(void)
{
}

static inline void cpu_relax(void)
{
}
