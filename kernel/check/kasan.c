// Checks of every access that compiled C makes in the kernel (option kernel_kasan). The compiler
// calls __asan_load8_noabort and so on before each; the names and the layout of a global's record
// are its own (GCC manual, "Instrumentation Options": -fsanitize=kernel-address; gcc/asan.cc). A
// finding is a panic.
//
// One byte of shadow tells about 8 bytes: 0, all may be touched; 1 to 7, the first so many; a value
// of enum shadow, none. There is shadow of the kernel region (start.S maps it) and of all RAM
// (kasan_init). The compiler poisons what surrounds variables on the stack and globals; RAM is
// poisoned but for the objects in it. Devices and the window are not checked; assembly is not; an
// address of the user half is an error.
#include <arch/kasan_shadow.h>
#include <kernel/kasan.h>
#include <kernel/memory.h>
#include <kernel/mmu.h>
#include <kernel/panic.h>
#include <kernel/platform.h>
#include "kasan_priv.h"

#define GRANULE      (1u << KASAN_SHIFT)
#define GRANULE_MASK (GRANULE - 1)
#define USER_END     (1ul << 48)

_Static_assert(KASAN_REGION_VA == KASAN_OFFSET + (KERNEL_BASE >> KASAN_SHIFT), "start.S maps it");
_Static_assert(KASAN_REGION_BYTES == KERNEL_REGION_SIZE >> KASAN_SHIFT, "start.S maps it");
_Static_assert(KASAN_OFFSET + (LINEAR_BASE >> KASAN_SHIFT) > LINEAR_BASE + LINEAR_SIZE - 1,
               "the shadow lies above the linear map");

// What the compiler tells about a global (gcc/asan.cc, asan_global_struct).
struct kasan_global {
    uintptr_t start;
    size_t bytes, bytes_with_redzone;
    const char *name, *file;
    size_t dynamic;
    const void *place;
    size_t odr;
};

extern char _stack_bottom[], _emergency_top[];
extern void (*const _init_array_start[])(void), (*const _init_array_end[])(void);

static bool kasan_has_ram; // owner: this file; RAM is checked
static bool kasan_reporting; // owner: this file; the panic of a finding is under way

static inline KASAN_RAW uint8_t *kasan_shadow(uintptr_t address)
{
    return (uint8_t *)(KASAN_OFFSET + (address >> KASAN_SHIFT));
}

static KASAN_RAW bool kasan_is_checked(uintptr_t address)
{
    return (address >= KERNEL_BASE && address < KERNEL_BASE + KERNEL_REGION_SIZE) ||
           (kasan_has_ram && address >= LINEAR_BASE && address < LINEAR_BASE + LINEAR_SIZE);
}

KASAN_RAW void kasan_fill(uintptr_t start, uint64_t bytes, uint8_t value)
{
    uint8_t *at = kasan_shadow(start), *end = kasan_shadow(start + bytes);
    while (at < end && ((uintptr_t)at & 7) != 0)
        *at++ = value;
    for (; end - at >= 8; at += 8)
        *(volatile uint64_t *)(void *)at = value * 0x0101010101010101ul;
    while (at < end)
        *at++ = value;
}

static const char *kasan_kind(uint8_t shadow)
{
    if (shadow >= SHADOW_STACK_FIRST && shadow <= SHADOW_STACK_LAST)
        return "outside of a variable on the stack";
    switch (shadow) {
    case SHADOW_GLOBAL:
        return "outside of a global";
    case SHADOW_FREED:
        return "in an object that has ended";
    case SHADOW_FOREIGN:
        return "in memory that is not the kernel's";
    case SHADOW_SCOPE:
        return "in a variable out of scope";
    default:
        return shadow <= GRANULE_MASK ? "beyond the end of a variable" : "in poisoned memory";
    }
}

static void kasan_report(uintptr_t address, size_t bytes, bool write, uint8_t shadow)
{
    if (kasan_reporting)
        return; // by a panic under way
    kasan_reporting = true;
    panic("bad %s of %lu bytes at 0x%lx: %s", write ? "write" : "read", (unsigned long)bytes,
          (unsigned long)address, address < USER_END ? "a user address" : kasan_kind(shadow));
}

// One granule of an access: `address` and `bytes` within it.
static inline KASAN_RAW bool kasan_granule_ok(uintptr_t address, size_t bytes)
{
    uint8_t shadow = *kasan_shadow(address);
    return shadow == 0 || (shadow <= GRANULE_MASK && (address & GRANULE_MASK) + bytes <= shadow);
}

static KASAN_RAW void kasan_check(uintptr_t address, size_t bytes, bool write)
{
    if (address < USER_END)
        kasan_report(address, bytes, write, 0);
    if (!kasan_is_checked(address))
        return;
    while (bytes > 0) {
        size_t part = GRANULE - (address & GRANULE_MASK);
        part = part < bytes ? part : bytes;
        if (__builtin_expect(!kasan_granule_ok(address, part), 0))
            kasan_report(address, bytes, write, *kasan_shadow(address));
        address += part;
        bytes -= part;
    }
}

#define KASAN_ACCESS(name, bytes, write)                                                           \
    void name(uintptr_t address) __asm__(#name);                                                   \
    KASAN_RAW void name(uintptr_t address)                                                         \
    {                                                                                              \
        kasan_check(address, bytes, write);                                                        \
    }

KASAN_ACCESS(__asan_load1_noabort, 1, false)
KASAN_ACCESS(__asan_load2_noabort, 2, false)
KASAN_ACCESS(__asan_load4_noabort, 4, false)
KASAN_ACCESS(__asan_load8_noabort, 8, false)
KASAN_ACCESS(__asan_load16_noabort, 16, false)
KASAN_ACCESS(__asan_store1_noabort, 1, true)
KASAN_ACCESS(__asan_store2_noabort, 2, true)
KASAN_ACCESS(__asan_store4_noabort, 4, true)
KASAN_ACCESS(__asan_store8_noabort, 8, true)
KASAN_ACCESS(__asan_store16_noabort, 16, true)

void __asan_loadN_noabort(uintptr_t address, size_t bytes);
KASAN_RAW void __asan_loadN_noabort(uintptr_t address, size_t bytes)
{
    kasan_check(address, bytes, false);
}

void __asan_storeN_noabort(uintptr_t address, size_t bytes);
KASAN_RAW void __asan_storeN_noabort(uintptr_t address, size_t bytes)
{
    kasan_check(address, bytes, true);
}

// Before a function that does not return: the frames above it will not clean up.
void __asan_handle_no_return(void);
KASAN_RAW void __asan_handle_no_return(void)
{
    kasan_fill((uintptr_t)_stack_bottom, (uintptr_t)_emergency_top - (uintptr_t)_stack_bottom, 0);
}

// The last granule of [start, start + bytes) may be part of it only.
static KASAN_RAW void kasan_open(uintptr_t start, uint64_t bytes)
{
    kasan_fill(start, bytes & ~(uint64_t)GRANULE_MASK, 0);
    if ((bytes & GRANULE_MASK) != 0)
        *kasan_shadow(start + bytes) = (uint8_t)(bytes & GRANULE_MASK);
}

void __asan_poison_stack_memory(uintptr_t start, size_t bytes);
KASAN_RAW void __asan_poison_stack_memory(uintptr_t start, size_t bytes)
{
    kasan_fill(start, (bytes + GRANULE_MASK) & ~(size_t)GRANULE_MASK, SHADOW_SCOPE);
}

void __asan_unpoison_stack_memory(uintptr_t start, size_t bytes);
KASAN_RAW void __asan_unpoison_stack_memory(uintptr_t start, size_t bytes)
{
    kasan_open(start, bytes);
}

void __asan_register_globals(const struct kasan_global *globals, size_t count);
KASAN_RAW void __asan_register_globals(const struct kasan_global *globals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        kasan_fill(globals[i].start, globals[i].bytes_with_redzone, SHADOW_GLOBAL);
        kasan_open(globals[i].start, globals[i].bytes);
    }
}

// Globals stay: the compiler's list of destructors is not linked.
void __asan_unregister_globals(const struct kasan_global *globals, size_t count);
void __asan_unregister_globals(const struct kasan_global *globals, size_t count)
{
    (void)globals;
    (void)count;
}

KASAN_RAW void kasan_copy(void *to, const void *from, size_t bytes)
{
    volatile uint8_t *t = to;
    const volatile uint8_t *f = from;
    for (size_t i = 0; i < bytes; i++)
        t[i] = f[i];
}

// The shadow of a piece of RAM is mapped in whole blocks, which may tell about more than that: from
// *at on, which is where that of the RAM before ends, as pieces come in ascending order. Returns
// the number of blocks.
static uint64_t kasan_blocks(const struct region *ram, uint64_t *at)
{
    uint64_t first = (uint64_t)kasan_shadow(LINEAR_BASE + ram->base) & ~(BLOCK_SIZE - 1);
    uint64_t end = (uint64_t)kasan_shadow(LINEAR_BASE + ram->base + ram->size);
    *at = first < *at ? *at : first;
    return *at < end ? (end - *at + BLOCK_SIZE - 1) / BLOCK_SIZE : 0;
}

uint64_t kasan_shadow_bytes(const struct platform *platform)
{
    uint64_t at = 0, blocks = 0;
    for (unsigned i = 0; i < platform->ram.count; i++) {
        uint64_t n = kasan_blocks(&platform->ram.item[i], &at);
        at += n * BLOCK_SIZE;
        blocks += n;
    }
    return blocks * BLOCK_SIZE;
}

bool kasan_init(const struct platform *platform)
{
    const struct region *shadow = &platform->cores.shadow[platform->cores.self];
    uint64_t at = 0, used = 0;
    for (unsigned i = 0; i < platform->ram.count; i++) {
        const struct region *ram = &platform->ram.item[i];
        uint64_t bytes = kasan_blocks(ram, &at) * BLOCK_SIZE;
        if (bytes > shadow->size - used || !mmu_map_ram(at, shadow->base + used, bytes))
            return false;
        at += bytes;
        used += bytes;
        kasan_fill(LINEAR_BASE + ram->base, ram->size, 0);
    }
    for (size_t i = 0; &_init_array_start[i] != _init_array_end; i++)
        _init_array_start[i]();
    return true;
}

void kasan_check_ram(void)
{
    kasan_has_ram = true;
}
