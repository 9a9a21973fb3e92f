// The kernel with coverage (kernel/check/coverage.c).
#pragma once
#include <kernel/memory.h>

// The memory of struct kpi_coverage: whole pages. False: this kernel has none.
bool coverage_memory(paddr_t *ret_base, uint64_t *ret_bytes);
