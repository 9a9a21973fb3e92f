/* What the kernel built with coverage tells (kernel/check/coverage.c): a Frame that init finds as
 * KPI_BOOT_COVERAGE and may write to. The kernel only counts up; the user clears. */
#pragma once

#include <stdint.h>

#define KPI_COVERAGE_EDGES  0x10000u
#define KPI_COVERAGE_BLOCKS 0x18000u

struct kpi_coverage {
    /* how often control went from one block to another, modulo 256, by a hash of both */
    uint8_t edges[KPI_COVERAGE_EDGES];
    /* 1: the block whose call of the counter is at byte 4 * index of the kernel's text was run */
    uint8_t blocks[KPI_COVERAGE_BLOCKS];
};
