// Memory and string functions against the C library's, and symbol tables. The kernel's functions
// are compiled here under the names lib_*.
#include <check.h>

#include <kernel/symbols.h>
#include <stdlib.h>

void *lib_memcpy(void *restrict dst, const void *restrict src, size_t n);
void *lib_memmove(void *dst, const void *src, size_t n);
void *lib_memset(void *dst, int byte, size_t n);
int lib_memcmp(const void *a, const void *b, size_t n);
size_t lib_strlen(const char *s);
size_t lib_strnlen(const char *s, size_t max);
int lib_strcmp(const char *a, const char *b);
int lib_strncmp(const char *a, const char *b, size_t n);

#define ROOM     96
#define ROUNDS   20000
#define LIB_SEED 0x6a09e667f3bcc909ul

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

static void test_memory(void)
{
    uint64_t random = LIB_SEED;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t ours[ROOM], theirs[ROOM], source[ROOM];
        for (unsigned i = 0; i < ROOM; i++) {
            ours[i] = theirs[i] = (uint8_t)check_random(&random);
            source[i] = (uint8_t)check_random(&random) & 1;
        }
        uint64_t r = check_random(&random);
        size_t from = r % 16, to = (r >> 8) % 16, n = (r >> 16) % (ROOM - 16);
        switch (r >> 62) {
        case 0:
            CHECK(lib_memcpy(ours + to, source + from, n) == ours + to);
            memcpy(theirs + to, source + from, n);
            break;
        case 1:
            CHECK(lib_memmove(ours + to, ours + from, n) == ours + to);
            memmove(theirs + to, theirs + from, n);
            break;
        case 2:
            CHECK(lib_memset(ours + to, (int)(r >> 24), n) == ours + to);
            memset(theirs + to, (int)(r >> 24), n);
            break;
        default:
            CHECK_EQ(sign(lib_memcmp(source + from, source + to, n)),
                        sign(memcmp(source + from, source + to, n)));
        }
        CHECK(memcmp(ours, theirs, ROOM) == 0);
    }
}

static void test_strings(void)
{
    static const char *const words[] = {"", "a", "ab", "abc", "abd", "b", "\xff", "abcabcabcabc"};
    for (unsigned i = 0; i < 8; i++) {
        CHECK_EQ(lib_strlen(words[i]), strlen(words[i]));
        for (unsigned j = 0; j < 8; j++) {
            CHECK_EQ(sign(lib_strcmp(words[i], words[j])), sign(strcmp(words[i], words[j])));
            for (size_t n = 0; n < 6; n++) {
                CHECK_EQ(sign(lib_strncmp(words[i], words[j], n)),
                            sign(strncmp(words[i], words[j], n)));
                CHECK_EQ(lib_strnlen(words[i], n), strnlen(words[i], n));
            }
        }
    }
}

struct table {
    struct symbols_header header;
    uint64_t addresses[3];
    uint32_t names[3];
    char text[12];
};

static const struct table good = {
    .header = {SYMBOLS_MAGIC, 3, offsetof(struct table, addresses), offsetof(struct table, names)},
    .addresses = {0x1000, 0x1040, 0x2000},
    .names = {offsetof(struct table, text), offsetof(struct table, text) + 2,
              offsetof(struct table, text) + 6},
    .text = "a\0bcd\0main\0",
};

static void test_symbols(void)
{
    const char *name = NULL;
    uint64_t offset = 0;
    CHECK(!symbols_find(&good, sizeof(good), 0xfff, &name, &offset));
    CHECK(name == NULL);
    CHECK(symbols_find(&good, sizeof(good), 0x1000, &name, &offset));
    CHECK_STR(name, "a");
    CHECK(symbols_find(&good, sizeof(good), 0x1fff, &name, &offset));
    CHECK_STR(name, "bcd");
    CHECK_EQ(offset, 0xfbf);
    CHECK(symbols_find(&good, sizeof(good), UINT64_MAX, &name, &offset));
    CHECK_STR(name, "main");
}

static void test_symbols_hostile(void)
{
    uint64_t random = LIB_SEED;
    const char *name;
    uint64_t offset;
    unsigned found = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t size = i < sizeof(good) ? i : sizeof(good);
        uint8_t *copy = malloc(sizeof(good)); // malloc aligns it as the kernel does
        memcpy(copy, &good, sizeof(good));
        uint64_t r = check_random(&random);
        if (i >= sizeof(good))
            copy[r % size] ^= (uint8_t)(r >> 8);
        copy = realloc(copy, size > 0 ? size : 1);
        found += symbols_find(copy, size, 0x1000 + (r >> 16) % 0x1100, &name, &offset) &&
                 strlen(name) < sizeof(good);
        free(copy);
    }
    CHECK(found > 0 && found < ROUNDS);
}

static const struct check_test tests[] = {
    {"LIB0001 memory functions", test_memory},
    {"LIB0002 string functions", test_strings},
    {"LIB0003 symbols are found", test_symbols},
    {"LIB0004 damaged symbol tables", test_symbols_hostile},
};

int main(void)
{
    return CHECK_MAIN(tests);
}
