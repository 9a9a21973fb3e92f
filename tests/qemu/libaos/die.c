/* Ways to end badly; what libaos says about each is looked for by meson.build. */
#include <stdlib.h>
#include <string.h>

#include <aos/debug.h>
#include <aos/thread.h>

#include "libtest.h"

static volatile uint64_t die_zero;

static volatile int die_depth = INT32_MAX;

static int die_overflow(void *arg)
{
    volatile char frame[512];
    frame[0] = 1;
    return die_depth-- == 0 ? 0 : die_overflow(arg) + frame[0];
}

static void die_data(void)
{
    static uint32_t code[4] = { 0xd65f03c0, 0xd65f03c0, 0xd65f03c0, 0xd65f03c0 }; /* ret */
    void (*function)(void) = (void (*)(void))(uintptr_t)code;
    function();
}

static void die_smash(size_t bytes)
{
    volatile char buffer[16];
    for (size_t i = 0; i < bytes; i++) {
        buffer[i] = (char)i;
    }
    die_zero = (uint64_t)buffer[0];
}

static void die_null(void)
{
    *(volatile uint64_t *)(die_zero + 8) = 1;
}

void libtest_die(const char *way)
{
    if (strncmp(way, "null", 4) == 0) {
        die_null();
    } else if (strncmp(way, "overflow", 8) == 0) {
        (void)die_overflow(NULL);
    } else if (strncmp(way, "thread", 6) == 0) {
        struct thread *t;
        EXPECT_OK(thread_create(die_overflow, NULL, NULL, &t));
        (void)thread_join(t, NULL);
    } else if (strncmp(way, "data", 4) == 0) {
        die_data();
    } else if (strncmp(way, "smash", 5) == 0) {
        die_smash(100 + die_zero);
    } else if (strncmp(way, "free", 4) == 0) {
        char *volatile p = malloc(10); /* volatile: the compiler must not see the mistake */
        free(p);
        free(p);
    } else if (strncmp(way, "abort", 5) == 0) {
        abort();
    }
}
