// Where things lie in the kernel half of the address space (TTBR1, 48 bits), and conversions.
//
//   0xffff_0000_0000_0000  linear map: all RAM at LINEAR_BASE + PA, writable, never executable;
//                          the kernel's own region is a hole in it
//   0xffff_6000_0000_0000  shadow of both, with the option kernel_kasan (arch/kasan_shadow.h)
//   0xffff_ffff_8000_0000  KERNEL_BASE: this core's kernel region, text RX, constants R, rest RW
//   0xffff_ffff_9000_0000  DEV_BASE: devices, Device-nGnRE
//   0xffff_ffff_a000_0000  WINDOW_BASE: temporary view of loader data, or of the region of a
//                          core that is about to start
//   0xffff_ffff_b000_0000  DOORBELL_BASE: the doorbell pages of this core
//
// The linker script repeats KERNEL_BASE and KERNEL_REGION_SIZE; start.S checks nothing at run time,
// so the script asserts that both agree with the symbols used here.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t paddr_t;

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096ul
#define BLOCK_SIZE (2ul << 20) // one level 2 block

#define LINEAR_BASE 0xffff000000000000ul
#define LINEAR_BITS 46 // RAM above this physical address is not used
#define LINEAR_SIZE (1ul << LINEAR_BITS)

#define KERNEL_BASE        0xffffffff80000000ul
#define KERNEL_REGION_SIZE BLOCK_SIZE // image, data, stacks and boot page tables; as image_size
#define DEV_BASE           0xffffffff90000000ul
#define DEV_SIZE           BLOCK_SIZE
#define WINDOW_BASE        0xffffffffa0000000ul
#define WINDOW_SIZE        BLOCK_SIZE
#define DOORBELL_BASE      0xffffffffb0000000ul

// Physical address at which this core's kernel region starts; set once at boot.
extern paddr_t kernel_phys_base;

// Kernel virtual address of RAM. The caller knows that `pa` is RAM of the platform.
static inline void *phys_to_virt(paddr_t pa)
{
    return (void *)(LINEAR_BASE + pa);
}

// Whether this is an address in the linear map, and not in the kernel region.
static inline bool memory_is_linear(const void *va)
{
    return (uint64_t)(uintptr_t)va - LINEAR_BASE < LINEAR_SIZE;
}

// Physical address of an object in the linear map or in the kernel region.
static inline paddr_t virt_to_phys(const void *va)
{
    uint64_t v = (uint64_t)(uintptr_t)va;
    return v >= KERNEL_BASE ? v - KERNEL_BASE + kernel_phys_base : v - LINEAR_BASE;
}
