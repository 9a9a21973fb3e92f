/* The heap gives back, from any number of threads; its edges. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <aos/heap.h>
#include <aos/ram.h>
#include <aos/thread.h>
#include <malloc_priv.h>

#include "libtest.h"

#define USERS  6u
#define BLOCKS 120u
#define ROUNDS 1500u
#define CHUNK  0x10000ull

static uint64_t ram_in_use(void)
{
    uint64_t free_bytes;
    uint64_t total;
    ram_stats(&free_bytes, &total);
    return total - free_bytes;
}

static size_t size_of(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    uint32_t kind = *seed >> 24;
    return kind < 4 ? 0x20000u + (*seed & 0xffffu) : kind < 40 ? *seed % 9000u : *seed % 300u;
}

/* Blocks of a thread of its own keep what is in them while others come and go. */
static int user(void *arg)
{
    uint8_t *blocks[BLOCKS] = { NULL };
    size_t bytes[BLOCKS];
    uint32_t seed = (uint32_t)(uintptr_t)arg + 1;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        size_t i = size_of(&seed) % BLOCKS;
        if (blocks[i] != NULL) {
            EXPECT(blocks[i][0] == (uint8_t)i && blocks[i][bytes[i] - 1] == (uint8_t)i);
            free(blocks[i]);
            blocks[i] = NULL;
            continue;
        }
        bytes[i] = size_of(&seed) + 1;
        blocks[i] = malloc(bytes[i]);
        EXPECT(blocks[i] != NULL && (uintptr_t)blocks[i] % 16 == 0);
        blocks[i][0] = (uint8_t)i;
        blocks[i][bytes[i] - 1] = (uint8_t)i;
        if (round % 64 == 0) {
            thread_yield();
        }
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        free(blocks[i]);
    }
    return 0;
}

static void users(void)
{
    struct thread *threads[USERS];
    for (uint64_t i = 0; i < USERS; i++) {
        EXPECT_OK(thread_create(user, (void *)i, NULL, &threads[i]));
    }
    for (uint32_t i = 0; i < USERS; i++) {
        EXPECT_OK(thread_join(threads[i], NULL));
    }
}

static void test_gives_back(void)
{
    struct heap_stats before;
    struct heap_stats after;
    users();                             /* what slabs and page tables take stays */
    uint64_t ram = ram_in_use();
    heap_stats(&before);
    users();
    heap_stats(&after);
    printf("# memory %llu -> %llu, chunks %llu, blocks %llu -> %llu, large %llu, held %llu\n",
           (unsigned long long)ram, (unsigned long long)ram_in_use(),
           (unsigned long long)after.chunks, (unsigned long long)before.blocks,
           (unsigned long long)after.blocks, (unsigned long long)after.large_blocks,
           (unsigned long long)after.held_blocks);
    EXPECT(after.allocated > before.allocated + USERS * ROUNDS / 3);
    if (after.held_blocks != 0) {        /* checked: what is held differs from time to time */
        EXPECT(heap_check());
        return;
    }
    EXPECT(after.blocks == before.blocks && after.large_blocks == before.large_blocks);
    EXPECT(after.large_bytes == before.large_bytes && after.used_bytes == before.used_bytes);
    /* A chunk stays for a block in it only, or is the last one; one empty one is kept. */
    EXPECT(after.chunks <= after.blocks + 1 && after.spare_bytes <= CHUNK);
    EXPECT(ram_in_use() <= ram + (after.chunks + 1) * CHUNK);
}

/* volatile: the compiler knows what malloc does. */
static volatile size_t heap_max = SIZE_MAX;

static void test_edges(void)
{
    struct heap_stats before;
    struct heap_stats after;
    void *p;
    heap_stats(&before);
    errno = 0;
    EXPECT(calloc(heap_max / 2, 3) == NULL && errno == ENOMEM);
    EXPECT(calloc(heap_max, heap_max) == NULL && malloc(heap_max) == NULL);
    EXPECT(malloc(heap_max - 4096) == NULL && realloc(NULL, heap_max / 2) == NULL);
    EXPECT(aligned_alloc(heap_max / 2 + 1, 16) == NULL && aligned_alloc(3, 16) == NULL);
    heap_stats(&after);
    EXPECT(after.failed >= before.failed + 4 && after.blocks == before.blocks);
    for (size_t align = 16; align <= 0x10000; align *= 2) {
        EXPECT(posix_memalign(&p, align, 100) == 0 && (uintptr_t)p % align == 0);
        EXPECT(malloc_usable_size(p) >= 100);
        memset(p, 1, 100);
        p = realloc(p, 50000);
        EXPECT(p != NULL && ((char *)p)[99] == 1);
        free(p);
    }
    uint8_t *zero = malloc(5000);
    memset(zero, 0xff, 5000);
    free(zero);
    for (size_t bytes = 100; bytes <= 500000; bytes *= 10) {
        zero = calloc(bytes / 4, 4);
        for (size_t i = 0; i < bytes; i++) {
            EXPECT(zero[i] == 0);
        }
        free(zero);
    }
    free(NULL);
    p = malloc(0);
    EXPECT(p != NULL);
    free(p);
    (void)heap_check();
}

const struct libtest libtest_heap[] = {
    { "LIB0075 a heap of several threads gives back", test_gives_back },
    { "LIB0076 edges of the heap", test_edges },
    { NULL, NULL },
};
