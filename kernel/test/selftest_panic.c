// Ways to panic, each to be seen on the console with the name of the function that did it.
#include "selftest_priv.h"

#include <kernel/panic.h>
#include <kernel/string.h>

#define SMASH_BYTES    64
#define OVERFLOW_BYTES 256

extern char _head[]; // first byte of the kernel's text

static __attribute__((noinline)) void selftest_read_null(void)
{
    (void)*(volatile int *)4096;
}

static __attribute__((noinline)) void selftest_write_text(void)
{
    *(volatile char *)_head = 0;
}

static __attribute__((noinline)) void selftest_run_data(void)
{
    static uint32_t code = 0xd65f03c0; // ret
    ((void (*)(void))(uintptr_t)&code)();
}

static __attribute__((noinline)) void selftest_run_linear(const struct platform *platform)
{
    void *page = phys_to_virt(platform->free_ram.item[0].base);
    *(uint32_t *)page = 0xd65f03c0; // ret
    ((void (*)(void))page)();
}

static __attribute__((noinline)) unsigned selftest_overflow(unsigned depth)
{
    volatile char room[OVERFLOW_BYTES];
    if (depth == UINT32_MAX)
        return 0;
    room[depth % OVERFLOW_BYTES] = (char)depth;
    return selftest_overflow(depth + 1) + (unsigned char)room[depth % OVERFLOW_BYTES];
}

// Writes past `room` into this function's own frame, as far as the guard.
static __attribute__((noinline)) void selftest_smash(void)
{
    char room[SMASH_BYTES];
    volatile char *volatile at = room;
    for (unsigned i = 0; i < SMASH_BYTES + sizeof(long); i++)
        at[i] = (char)i;
}

static __attribute__((noinline)) void selftest_add(volatile int *a)
{
    *a += 1;
}

static __attribute__((noinline)) void selftest_shift(volatile int *a)
{
    *a = 1 << *a;
}

static char selftest_text[SMASH_BYTES]; // no byte of it is ever read

static __attribute__((noinline)) char selftest_index(const char *text, unsigned i)
{
    return ((const volatile char *)text)[i];
}

static __attribute__((noinline)) char selftest_scope(void)
{
    const volatile char *volatile out;
    {
        volatile char inner[SMASH_BYTES];
        inner[0] = 1;
        out = inner;
    }
    return out[0];
}

// Mistakes that only a kernel with checks notices.
static void selftest_checked(const struct platform *platform)
{
    volatile int largest = INT32_MAX, bits = 32;
    char text[SMASH_BYTES] = "";
    if (platform_has_bootarg(platform, "selftest=add"))
        selftest_add(&largest);
    if (platform_has_bootarg(platform, "selftest=shift"))
        selftest_shift(&bits);
    if (platform_has_bootarg(platform, "selftest=global"))
        (void)selftest_index(selftest_text, SMASH_BYTES);
    if (platform_has_bootarg(platform, "selftest=stack"))
        (void)selftest_index(text, SMASH_BYTES);
    if (platform_has_bootarg(platform, "selftest=scope"))
        (void)selftest_scope();
    if (platform_has_bootarg(platform, "selftest=copy"))
        memcpy(text, selftest_text, SMASH_BYTES + 1 + (size_t)bits - 32);
}

void selftest_panic(const struct platform *platform)
{
    if (platform_has_bootarg(platform, "selftest=null"))
        selftest_read_null();
    if (platform_has_bootarg(platform, "selftest=write-text"))
        selftest_write_text();
    if (platform_has_bootarg(platform, "selftest=run-data"))
        selftest_run_data();
    if (platform_has_bootarg(platform, "selftest=run-linear"))
        selftest_run_linear(platform);
    if (platform_has_bootarg(platform, "selftest=overflow"))
        (void)selftest_overflow(0);
    if (platform_has_bootarg(platform, "selftest=smash"))
        selftest_smash();
    selftest_checked(platform);
}
