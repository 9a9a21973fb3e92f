// Archives good, joined, cut off and damaged. Each is read from a buffer of its exact size.
#include <check.h>

#include <kernel/cpio.h>
#include <stdlib.h>

#define ARCHIVE_MAX 4096
#define MUTATIONS   50000
#define CPIO_SEED   0x853c49e6748fea9bul

struct archive {
    uint8_t bytes[ARCHIVE_MAX];
    size_t size;
};

static void add_raw(struct archive *a, const char *name, size_t name_size, uint32_t mode,
                    const void *data, uint32_t claimed, size_t size)
{
    char header[111];
    snprintf(header, sizeof(header), "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
             1u, mode, 0u, 0u, 1u, 0u, claimed, 0u, 0u, 0u, 0u, (unsigned)name_size, 0u);
    memcpy(a->bytes + a->size, header, 110);
    a->size += 110;
    memcpy(a->bytes + a->size, name, strlen(name));
    a->size = (a->size + name_size + 3) & ~3ul;
    memcpy(a->bytes + a->size, data, size);
    a->size = (a->size + size + 3) & ~3ul;
}

static void add(struct archive *a, const char *name, uint32_t mode, const char *text)
{
    add_raw(a, name, strlen(name) + 1, mode, text, (uint32_t)strlen(text), strlen(text));
}

static void end(struct archive *a)
{
    add(a, "TRAILER!!!", 0, "");
}

// Reads everything; returns the number of entries, and how it ended.
static unsigned read_all(const uint8_t *bytes, size_t size, enum cpio_result *ret_result)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    struct cpio cpio;
    struct cpio_entry entry;
    unsigned entries = 0;
    memcpy(copy, bytes, size);
    cpio_init(&cpio, copy, size);
    while ((*ret_result = cpio_next(&cpio, &entry)) == CPIO_ENTRY) {
        entries++;
        (void)strlen(entry.name);
        CHECK(entry.data >= copy && entry.data + entry.size <= copy + size);
    }
    free(copy);
    return entries;
}

static struct archive sample(void)
{
    struct archive a = {.size = 0};
    add(&a, "./init", 0100755, "first");
    add(&a, "sub", 0040755, "");
    add(&a, "/sub/file", 0100644, "second file");
    end(&a);
    return a;
}

static void test_good(void)
{
    struct archive a = sample();
    struct cpio_entry entry;
    enum cpio_result result;
    CHECK_EQ(read_all(a.bytes, a.size, &result), 3);
    CHECK_EQ(result, CPIO_END);
    CHECK(cpio_find(a.bytes, a.size, "init", &entry));
    CHECK_STR(entry.name, "init");
    CHECK_EQ(entry.size, 5);
    CHECK(memcmp(entry.data, "first", 5) == 0);
    CHECK(cpio_find(a.bytes, a.size, "sub/file", &entry));
    CHECK(!cpio_find(a.bytes, a.size, "sub", &entry)); // a folder
    CHECK(!cpio_find(a.bytes, a.size, "ini", &entry));
    CHECK(!cpio_find(a.bytes, a.size, "TRAILER!!!", &entry));
}

static void test_padded_name(void)
{
    struct archive a = {.size = 0};
    struct cpio_entry entry;
    // The name is padded with zeros until the data start on a multiple of 1024.
    add_raw(&a, "module", 1024 - 110, 0100644, "data", 4, 4);
    end(&a);
    CHECK(cpio_find(a.bytes, a.size, "module", &entry));
    CHECK_EQ(entry.data - a.bytes, 1024);
    CHECK_EQ(entry.size, 4);
}

static void test_joined(void)
{
    struct archive a = sample();
    struct cpio_entry entry;
    enum cpio_result result;
    a.size += 512; // zeros between archives
    add(&a, "exec", 0100644, "echo hi");
    add(&a, "init", 0100755, "replaced");
    end(&a);
    a.size += 300;
    CHECK_EQ(read_all(a.bytes, a.size, &result), 5);
    CHECK_EQ(result, CPIO_END);
    CHECK(cpio_find(a.bytes, a.size, "exec", &entry));
    CHECK(cpio_find(a.bytes, a.size, "init", &entry));
    CHECK_EQ(entry.size, 8);
}

static void test_empty(void)
{
    struct archive a = {.size = 0};
    enum cpio_result result;
    CHECK_EQ(read_all(a.bytes, 0, &result), 0);
    CHECK_EQ(result, CPIO_END);
    CHECK_EQ(read_all(a.bytes, 1000, &result), 0);
    CHECK_EQ(result, CPIO_END);
    end(&a);
    CHECK_EQ(read_all(a.bytes, a.size, &result), 0);
    CHECK_EQ(result, CPIO_END);
}

static void test_hostile_sizes(void)
{
    static const uint32_t sizes[] = {6, 0x7fffffff, 0x80000000, 0xfffffffc, UINT32_MAX};
    enum cpio_result result;
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct archive data = {.size = 0}, name = {.size = 0};
        add_raw(&data, "x", 2, 0100644, "", sizes[i], 0);
        CHECK_EQ(read_all(data.bytes, data.size, &result), 0);
        CHECK_EQ(result, CPIO_DAMAGED);
        add_raw(&name, "x", 2, 0100644, "", 0, 0);
        char digits[9];
        snprintf(digits, sizeof(digits), "%08x", sizes[i]);
        memcpy(name.bytes + 94, digits, 8);
        CHECK_EQ(read_all(name.bytes, name.size, &result), 0);
        CHECK_EQ(result, CPIO_DAMAGED);
    }
}

static void test_truncated(void)
{
    struct archive a = sample();
    enum cpio_result result;
    for (size_t size = 0; size < a.size; size++) {
        unsigned entries = read_all(a.bytes, size, &result);
        CHECK(entries <= 3);
        CHECK(entries == 3 || size == 0 || result == CPIO_DAMAGED || entries > 0);
    }
}

static void test_mutated(void)
{
    uint64_t random = CPIO_SEED;
    const struct archive good = sample();
    unsigned whole = 0;
    for (unsigned i = 0; i < MUTATIONS; i++) {
        struct archive a = good;
        enum cpio_result result;
        for (unsigned n = 1 + i % 4; n > 0; n--) {
            uint64_t r = check_random(&random);
            a.bytes[(r >> 32) % a.size] = r & 64 ? (uint8_t)(r >> 8) : (uint8_t)"0f\0F8"[r % 5];
        }
        whole += read_all(a.bytes, a.size, &result) == 3;
    }
    CHECK(whole > 0 && whole < MUTATIONS);
}

static const struct check_test tests[] = {
    {"CPIO0001 files, folders and names", test_good},
    {"CPIO0002 a padded name", test_padded_name},
    {"CPIO0003 archives that follow each other", test_joined},
    {"CPIO0004 nothing in it", test_empty},
    {"CPIO0005 sizes that lie", test_hostile_sizes},
    {"CPIO0006 cut off at every byte", test_truncated},
    {"CPIO0007 mutated archives", test_mutated},
};

int main(void)
{
    return CHECK_MAIN(tests);
}
