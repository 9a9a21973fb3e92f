// In place of the target's device access: calls into a register model of the test.
#pragma once
#include <stdint.h>

uint32_t mmio_read32(uintptr_t addr);
void mmio_write32(uintptr_t addr, uint32_t value);
void mmio_relax(void);
