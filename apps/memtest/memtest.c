/* Tests memory: memtest [MiB]. Fills a large block with patterns and checks each, then allocates
 * and frees small blocks of random sizes while it checks that they keep their contents. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB             0x100000ull
#define DEFAULT_MIB     8ull
#define SMALL_BLOCKS    256u
#define SMALL_ROUNDS    20000u
#define SMALL_BYTES_MAX 2048u

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
    uint64_t *block = malloc(bytes);
    if (block == NULL) {
        fprintf(stderr, "memtest: no memory for %llu MiB\n", mib);
        return 1;
    }
    int failed = memtest_block(block, bytes / sizeof(*block));
    free(block);
    if (failed != 0 || memtest_small() != 0) {
        return 1;
    }
    printf("memtest: %llu MiB and %u small blocks: no errors\n", mib, SMALL_ROUNDS);
    return 0;
}
