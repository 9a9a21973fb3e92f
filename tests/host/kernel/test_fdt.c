// Hostile device trees: built by hand, cut off everywhere, mutated at random. Whatever comes, the
// reader stays inside the blob (ASan watches) and ends. Argument: a good tree to mutate.
#include <check.h>

#include <kernel/platform.h>
#include <stdlib.h>

#define MUTATIONS     30000
#define MUTATION_SEED 0x2545f4914f6cdd1dul
#define BUILD_MAX     16384

static uint8_t *sample; // the tree given, cut to the bytes in use
static uint32_t sample_size;

static struct platform platform;

// Everything a reader does, on a blob in memory of its exact size.
static bool read_all(const uint8_t *blob, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    memcpy(copy, blob, size);
    struct fdt fdt;
    struct fdt_walk walk;
    struct fdt_range range;
    uint32_t cells[3];
    bool good = fdt_open(copy, size, &fdt);
    if (good) {
        CHECK(fdt_used_size(&fdt) <= size);
        fdt_walk_init(&walk, &fdt);
        while (fdt_walk_next(&walk)) {
            (void)strlen(fdt_name(&walk));
            for (unsigned i = 0; i < 4; i++) {
                if (fdt_reg(&walk, i, &range))
                    CHECK(range.base + range.size >= range.base);
                (void)fdt_interrupt(&walk, i, cells);
            }
        }
        (void)platform_parse(&fdt, &platform);
    }
    free(copy);
    return good;
}

static void put32(uint8_t *p, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

// A tree under construction: header and one closing reservation entry, then tokens.
struct builder {
    uint8_t bytes[BUILD_MAX];
    uint32_t at;
};

#define BUILD_STRUCT 56u

static void build_start(struct builder *b)
{
    memset(b, 0, sizeof(*b));
    b->at = BUILD_STRUCT;
}

static void build_cell(struct builder *b, uint32_t cell)
{
    put32(b->bytes + b->at, cell);
    b->at += 4;
}

static void build_node(struct builder *b, const char *name)
{
    build_cell(b, 1);
    memcpy(b->bytes + b->at, name, strlen(name));
    b->at += ((uint32_t)strlen(name) + 4) & ~3u;
}

static void build_prop(struct builder *b, uint32_t name, uint32_t size, uint32_t cell)
{
    build_cell(b, 3);
    build_cell(b, size);
    build_cell(b, name);
    if (size > 0)
        build_cell(b, cell);
}

// Ends the structure block, adds the strings "reg" at 0 and "ranges" at 4, writes the header.
static uint32_t build_finish(struct builder *b)
{
    static const char strings[] = "reg\0ranges";
    uint32_t end = b->at, size = end + sizeof(strings);
    memcpy(b->bytes + end, strings, sizeof(strings));
    const uint32_t header[] = {FDT_MAGIC, size,          BUILD_STRUCT, end, 40, 17, 16, 0,
                               sizeof(strings), end - BUILD_STRUCT};
    for (unsigned i = 0; i < sizeof(header) / 4; i++)
        put32(b->bytes + 4 * i, header[i]);
    return size;
}

static void test_minimal(void)
{
    static struct builder b;
    build_start(&b);
    build_node(&b, "");
    build_prop(&b, 0, 4, 7);
    build_cell(&b, 4);
    build_node(&b, "child");
    build_cell(&b, 2);
    build_cell(&b, 2);
    build_cell(&b, 9);
    uint32_t size = build_finish(&b);
    CHECK(read_all(b.bytes, size));
    CHECK(!read_all(b.bytes, size - 1));
}

static void test_depth(void)
{
    static struct builder b;
    for (unsigned depth = FDT_MAX_DEPTH; depth <= FDT_MAX_DEPTH + 1; depth++) {
        build_start(&b);
        for (unsigned i = 0; i < depth; i++)
            build_node(&b, i == 0 ? "" : "n");
        for (unsigned i = 0; i < depth; i++)
            build_cell(&b, 2);
        build_cell(&b, 9);
        CHECK_EQ(read_all(b.bytes, build_finish(&b)), depth <= FDT_MAX_DEPTH);
    }
}

// Tokens after the root's name; each list must be refused.
static void test_structure(void)
{
    static const struct {
        unsigned count;
        uint32_t cells[6];
    } bad[] = {
        {3, {2, 2, 9}},                   // more ends than nodes
        {1, {9}},                         // the root does not end
        {1, {2}},                         // no end token
        {5, {2, 1, 0, 2, 9}},             // two roots
        {6, {1, 0, 2, 3, 0, 0}},          // a property behind a child
        {5, {2, 3, 0, 0, 9}},             // a property outside of all nodes
        {5, {3, 0, 100, 2, 9}},           // a name outside of the strings
        {5, {3, 0xfffffff0, 0, 2, 9}},    // a value as long as memory
        {3, {5, 2, 9}},                   // an unknown token
        {3, {1, 0x6e6e6e6e, 0x6e6e6e6e}}, // a name without end
    };
    static struct builder b;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        build_start(&b);
        build_node(&b, "");
        for (unsigned t = 0; t < bad[i].count; t++)
            build_cell(&b, bad[i].cells[t]);
        if (bad[i].count == 6) {
            build_cell(&b, 2);
            build_cell(&b, 9);
        }
        uint32_t size = build_finish(&b);
        bool good = read_all(b.bytes, size);
        if (good)
            fprintf(stderr, "structure %u was accepted\n", i);
        CHECK(!good);
    }
}

static void test_header(void)
{
    uint8_t *blob = malloc(sample_size);
    for (uint32_t field = 0; field < FDT_HEADER_SIZE; field += 4) {
        static const uint32_t values[] = {0, 1, 39, 0x7fffffff, 0x80000000, 0xfffffff8, UINT32_MAX};
        for (unsigned v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
            memcpy(blob, sample, sample_size);
            put32(blob + field, values[v]);
            bool good = read_all(blob, sample_size);
            // Boot CPU and, downwards, version do not decide whether a tree can be read.
            if (field == 28 || field == 20 || field == 24 || field == 16 || field == 32)
                continue;
            if (good)
                fprintf(stderr, "field %u = %#x was accepted\n", field, values[v]);
            CHECK(!good);
        }
    }
    free(blob);
}

static void test_truncated(void)
{
    uint8_t *blob = malloc(sample_size);
    memcpy(blob, sample, sample_size);
    for (uint32_t size = 0; size < sample_size; size++) {
        CHECK(!read_all(sample, size));
        if (size < FDT_HEADER_SIZE)
            continue;
        put32(blob + 4, size); // a header that agrees with the cut
        (void)read_all(blob, size);
    }
    free(blob);
}

static void test_mutated(void)
{
    uint64_t random = MUTATION_SEED;
    uint8_t *blob = malloc(sample_size);
    unsigned accepted = 0;
    for (unsigned round = 0; round < MUTATIONS; round++) {
        memcpy(blob, sample, sample_size);
        unsigned changes = 1 + (unsigned)(check_random(&random) % 8);
        while (changes-- > 0) {
            uint64_t r = check_random(&random);
            uint32_t at = (uint32_t)(r >> 32) % (sample_size - 3) & ~3u;
            static const uint32_t values[] = {0, 1, 2, 3, 4, 9, UINT32_MAX, 0x80000000};
            if (r & 8)
                put32(blob + at, values[r % 8]);
            else
                blob[(uint32_t)(r >> 32) % sample_size] = (uint8_t)(r >> 8);
        }
        accepted += read_all(blob, sample_size);
    }
    free(blob);
    printf("# %u of %u mutated trees were accepted\n", accepted, MUTATIONS);
    CHECK(accepted > MUTATIONS / 10 && accepted < MUTATIONS);
}

static const struct check_test tests[] = {
    {"FDT0010 the smallest tree, and one byte less", test_minimal},
    {"FDT0011 depth at the limit and one more", test_depth},
    {"FDT0012 broken structure is refused", test_structure},
    {"FDT0013 broken headers are refused", test_header},
    {"FDT0014 a tree cut off at every byte", test_truncated},
    {"FDT0015 mutated trees", test_mutated},
};

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    struct fdt fdt;
    if (file == NULL)
        return 2;
    sample = malloc(FDT_MAX_SIZE);
    size_t size = fread(sample, 1, FDT_MAX_SIZE, file);
    fclose(file);
    if (!fdt_open(sample, size, &fdt))
        return 2;
    sample_size = fdt_used_size(&fdt);
    fdt_shrink(sample, sample_size);
    return CHECK_MAIN(tests);
}
