/* Address spaces: constants shared by kernel and libaos. */
#pragma once

#include <stdint.h>

#define KPI_PAGE_BYTES   4096u
#define KPI_LARGE_BYTES  0x200000u       /* one L2 entry */
#define KPI_TABLE_ENTRIES 512u
#define KPI_VA_LIMIT     (1ull << 48)    /* user addresses are below */

/* Flags of vnode.map and mapping.modify. No bit at all means: no access (entry kept, invalid). W^X:
 * WRITE with EXECUTE fails. */
#define KPI_VM_READ    0x1u
#define KPI_VM_WRITE   0x2u
#define KPI_VM_EXECUTE 0x4u
/* normal non-cacheable; DevFrames are device memory always */
#define KPI_VM_UNCACHED 0x8u
