/* Tests memory: memtest [MiB]. Fills a large block with patterns and checks each, allocates and
 * frees small blocks of random sizes while it checks that they keep their contents, and takes
 * pages and capability slots and gives them back in another order. In the end it has what it had
 * before. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/heap.h>
#include <aos/paging.h>
#include <aos/ram.h>
#include <aos/slot.h>

#define MIB             0x100000ull
#define DEFAULT_MIB     8ull
#define SMALL_BLOCKS    256u
#define SMALL_ROUNDS    20000u
#define SMALL_BYTES_MAX 2048u
#define PAGES           1000u
#define SLOTS           80000u           /* more than a domain can name when it starts */
#define KEPT_SLOTS      2048u            /* may stay for the next ones */
#define KEPT_BYTES      (640u * 1024)    /* so may records, and a larger table of slots */

static const uint64_t patterns[] = {
    0, ~0ull, 0x5555555555555555ull, 0xaaaaaaaaaaaaaaaaull, 0x0123456789abcdefull,
};
#define PATTERNS (sizeof(patterns) / sizeof(patterns[0]))

/* The last pattern is the index itself: it finds address lines that alias. */
static uint64_t memtest_expect(size_t pattern, size_t i)
{
    return pattern < PATTERNS ? patterns[pattern] : i * 0x9e3779b97f4a7c15ull;
}

static int memtest_block(volatile uint64_t *block, size_t words)
{
    for (size_t pattern = 0; pattern <= PATTERNS; pattern++) {
        for (size_t i = 0; i < words; i++) {
            block[i] = memtest_expect(pattern, i);
        }
        for (size_t i = 0; i < words; i++) {
            if (block[i] != memtest_expect(pattern, i)) {
                printf("memtest: word %zu holds %016llx, not %016llx\n", i,
                       (unsigned long long)block[i],
                       (unsigned long long)memtest_expect(pattern, i));
                return 1;
            }
        }
    }
    return 0;
}

static uint32_t memtest_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static int memtest_small(void)
{
    static struct {
        uint8_t *at;
        size_t bytes;
        uint8_t fill;
    } block[SMALL_BLOCKS];
    uint32_t state = 1;

    for (uint32_t round = 0; round < SMALL_ROUNDS; round++) {
        size_t k = memtest_random(&state) % SMALL_BLOCKS;
        for (size_t i = 0; i < block[k].bytes; i++) {
            if (block[k].at[i] != block[k].fill) {
                printf("memtest: a block of %zu bytes changed at byte %zu\n", block[k].bytes, i);
                return 1;
            }
        }
        free(block[k].at);
        block[k].bytes = 1 + memtest_random(&state) % SMALL_BYTES_MAX;
        block[k].fill = (uint8_t)round;
        block[k].at = malloc(block[k].bytes);
        if (block[k].at == NULL) {
            printf("memtest: no memory for a block of %zu bytes\n", block[k].bytes);
            return 1;
        }
        memset(block[k].at, block[k].fill, block[k].bytes);
    }
    for (size_t k = 0; k < SMALL_BLOCKS; k++) {
        free(block[k].at);
    }
    return 0;
}

/* Every second page first: each is a range of its own then. */
static int memtest_pages(void)
{
    static void *pages[PAGES];

    for (uint32_t i = 0; i < PAGES; i++) {
        if (err_is_fail(paging_alloc(AOS_PAGE_BYTES, AOS_VM_RW, &pages[i]))) {
            printf("memtest: no memory for page %u\n", i);
            return 1;
        }
    }
    for (uint32_t i = 0; i < 2 * PAGES; i += 2) {
        if (err_is_fail(paging_unmap(paging_self(), pages[i % PAGES + i / PAGES]))) {
            printf("memtest: page %u cannot be given back\n", i % PAGES + i / PAGES);
            return 1;
        }
    }
    return 0;
}

static int memtest_slots(void)
{
    uint64_t used, total, after, total_after;
    caddr_t *slots = malloc(SLOTS * sizeof(*slots));

    if (slots == NULL) {
        printf("memtest: no memory for a list of slots\n");
        return 1;
    }
    slot_stats(&used, &total);
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (err_is_fail(slot_alloc(&slots[i]))) {
            printf("memtest: no more than %u slots\n", i);
            return 1;
        }
    }
    for (uint32_t i = 0; i < SLOTS; i++) {
        slot_free(slots[i]);
    }
    free(slots);
    slot_stats(&after, &total_after);
    if (total_after > total + KEPT_SLOTS) {
        printf("memtest: %llu slots, %llu before\n", (unsigned long long)total_after,
               (unsigned long long)total);
        return 1;
    }
    return 0;
}

static uint64_t memtest_used(void)
{
    uint64_t ram_free_bytes, total;

    ram_stats(&ram_free_bytes, &total);
    return total - ram_free_bytes;
}

int main(int argc, char **argv)
{
    unsigned long long mib = DEFAULT_MIB;
    char *end = NULL;

    if (argc > 1) {
        errno = 0;
        mib = strtoull(argv[1], &end, 10);
        if (argc > 2 || *end != '\0' || errno != 0 || mib == 0 || mib > SIZE_MAX / MIB) {
            fprintf(stderr, "usage: memtest [MiB]\n");
            return 2;
        }
    }
    size_t bytes = (size_t)(mib * MIB);
    uint64_t before = memtest_used();
    uint64_t *block = malloc(bytes);
    if (block == NULL) {
        fprintf(stderr, "memtest: no memory for %llu MiB\n", mib);
        return 1;
    }
    int failed = memtest_block(block, bytes / sizeof(*block));
    free(block);
    if (failed != 0 || memtest_small() != 0 || memtest_pages() != 0 || memtest_slots() != 0) {
        return 1;
    }
    struct heap_stats heap;
    heap_stats(&heap);
    uint64_t after = memtest_used() - heap.total_bytes - heap.spare_bytes - heap.large_bytes;
    if (after > before + KEPT_BYTES) {
        printf("memtest: %llu bytes are in use, %llu before\n", (unsigned long long)after,
               (unsigned long long)before);
        return 1;
    }
    printf("memtest: %llu MiB and %u small blocks: no errors\n", mib, SMALL_ROUNDS);
    return 0;
}
