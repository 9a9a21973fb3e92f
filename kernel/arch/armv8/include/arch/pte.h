// Stage 1 translation table descriptors, 4 KiB granule (DDI 0487, D8.3), and the memory attribute
// indices that boot code puts into MAIR_EL1. Plain numbers, so that assembly can use them.
#pragma once

#define PTE_VALID      (1 << 0)
#define PTE_TABLE      (1 << 1) // at levels 0 to 2; a clear bit means block
#define PTE_PAGE       (1 << 1) // at level 3
#define PTE_ATTR_SHIFT 2
#define PTE_AP_EL0     (1 << 6)
#define PTE_AP_RO      (1 << 7)
#define PTE_SH_OUTER   (2 << 8)
#define PTE_SH_INNER   (3 << 8)
#define PTE_AF         (1 << 10)
#define PTE_NG         (1 << 11)
#define PTE_PXN_BIT    53
#define PTE_UXN_BIT    54

#define MAIR_DEVICE_NGNRNE 0
#define MAIR_DEVICE_NGNRE  1
#define MAIR_NORMAL        2 // write-back, read and write allocate
#define MAIR_NORMAL_NC     3
#define MAIR_VALUE         0x44ff0400

#ifndef __ASSEMBLER__
#include <stdint.h>

#define PTE_PXN       (1ul << PTE_PXN_BIT)
#define PTE_UXN       (1ul << PTE_UXN_BIT)
#define PTE_ADDR_MASK 0x0000fffffffff000ul

// Kernel mappings: all global, none executable but text.
#define PTE_KERNEL_COMMON (PTE_VALID | PTE_AF | PTE_UXN)
#define PTE_KERNEL_RAM                                                                             \
    (PTE_KERNEL_COMMON | PTE_PXN | PTE_SH_INNER | (uint64_t)(MAIR_NORMAL << PTE_ATTR_SHIFT))
#define PTE_KERNEL_DEV                                                                             \
    (PTE_KERNEL_COMMON | PTE_PXN | PTE_SH_OUTER | (uint64_t)(MAIR_DEVICE_NGNRE << PTE_ATTR_SHIFT))

typedef uint64_t pte_t;
#define PTE_COUNT 512 // entries of one table

static inline unsigned pte_index(uint64_t va, unsigned level)
{
    return (unsigned)(va >> (39 - 9 * level)) & (PTE_COUNT - 1);
}
#endif
