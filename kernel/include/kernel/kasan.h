// Checking of the kernel's memory accesses (option kernel_kasan; kernel/check/kasan.c). Without the
// option nothing of this costs anything.
//
// What the kernel may touch through the linear map are objects: capability nodes, page tables,
// dispatchers, channels. All other RAM is user space's, and an object that has ended is nobody's.
// Code that works on memory that is not the kernel's says so: kasan_copy, KASAN_RAW.
#pragma once
#include <kernel/string.h>
#include <stdbool.h>
#include <stdint.h>

struct cte;
struct platform;

#ifdef CONFIG_KASAN
// Before a function: its accesses are not checked. With __attribute__((noipa)) where a caller is
// checked, into which the compiler would move them.
#define KASAN_RAW __attribute__((no_sanitize_address))
// Bytes of shadow that platform->ram needs, a multiple of BLOCK_SIZE.
uint64_t kasan_shadow_bytes(const struct platform *platform);
// Makes the shadow of RAM in this core's platform->cores.shadow. False: no memory for its tables.
bool kasan_init(const struct platform *platform);
// From now on RAM is checked: what is no object now is not the kernel's.
void kasan_start(const struct platform *platform);
// The object of this capability exists from now on. Types without kernel memory are left alone.
void kasan_object_made(const struct cte *cte);
// The last capability `cte` of the object has left its slot.
void kasan_object_gone(const struct cte *cte);
// memcpy from or to memory of user space.
void kasan_copy(void *to, const void *from, size_t bytes);
#else
#define KASAN_RAW
static inline uint64_t kasan_shadow_bytes(const struct platform *platform)
{
    (void)platform;
    return 0;
}
static inline bool kasan_init(const struct platform *platform)
{
    (void)platform;
    return true;
}
static inline void kasan_start(const struct platform *platform)
{
    (void)platform;
}
static inline void kasan_object_made(const struct cte *cte)
{
    (void)cte;
}
static inline void kasan_object_gone(const struct cte *cte)
{
    (void)cte;
}
static inline void kasan_copy(void *to, const void *from, size_t bytes)
{
    memcpy(to, from, bytes);
}
#endif
