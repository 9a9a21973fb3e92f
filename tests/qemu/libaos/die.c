/* Ways to end badly; what libaos says about each is looked for by meson.build. */
#include <stdlib.h>
#include <string.h>

#include <aos/debug.h>
#include <aos/heap.h>
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

static char *__attribute__((noinline)) die_allocate(void)
{
    char *volatile p = malloc(40);       /* volatile: the compiler must not see the mistake */
    EXPECT(p != NULL);
    memset(p, 1, 40);
    return p;
}

static void __attribute__((noinline)) die_give_back(char *p)
{
    free(p);
    die_zero = 0;                        /* no tail call: it is to be seen on the stack */
}

/* A freed block, and room for others until it is used again. */
static void die_use_again(void)
{
    for (int i = 0; i < 3000; i++) {
        free(malloc(700));
    }
}

/* Mistakes with the heap that only a checked one finds. */
static void die_heap(const char *way)
{
    volatile char *p = die_allocate();
    char *q = (char *)p;
    if (strncmp(way, "free", 4) == 0) {
        die_give_back(q);
        die_give_back(q);
    } else if (strncmp(way, "overrun", 7) == 0) {
        p[40] = 0;
        die_give_back(q);
    } else if (strncmp(way, "underrun", 8) == 0) {
        p[-1] = 0;
        die_give_back(q);
    } else if (strncmp(way, "demand", 6) == 0) {
        p[41] = 0;
        (void)heap_check();
    } else if (strncmp(way, "after", 5) == 0) {
        die_give_back(q);
        p[8] = 0;
        (void)heap_check();
    } else if (strncmp(way, "later", 5) == 0) {
        die_give_back(q);
        p[16] = 0;
        die_use_again();
    } else if (strncmp(way, "read", 4) == 0) {
        die_give_back(q);
        die_zero = **(volatile uint64_t *volatile *)(void *)(q + 8);
    } else if (strncmp(way, "wrong", 5) == 0) {
        die_give_back((char *)0x123456780);
    } else if (strncmp(way, "inside", 6) == 0) {
        die_give_back(q + 16);
    } else if (strncmp(way, "realloc", 7) == 0) {
        die_give_back(q);
        die_zero = (uint64_t)realloc(q, 100);
    }
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
    } else if (strncmp(way, "inside", 6) == 0) {
        free(die_allocate() + 16);
    } else if (strncmp(way, "heap-", 5) == 0) {
        die_heap(way + 5);
    } else if (strncmp(way, "abort", 5) == 0) {
        abort();
    }
}
