/* The heap, slabs and slot bitmaps. */
#include <check.h>

#include <aos/slab.h>
#include <bitmap_priv.h>
#include <heap.h>

#define CHUNK_BYTES 65536u
#define BLOCKS      500u

static uint64_t seed = 99;
static _Alignas(16) uint8_t chunks[8][CHUNK_BYTES];

static struct {
    uint8_t *p;
    size_t bytes;
    uint8_t fill;
} blocks[BLOCKS];

static void check_fill(size_t i)
{
    for (size_t k = 0; k < blocks[i].bytes; k++) {
        CHECK(blocks[i].p[k] == blocks[i].fill);
    }
}

static void take_block(struct heap *h, size_t i)
{
    size_t bytes = check_random(&seed) % (check_random(&seed) % 10 == 0 ? 5000 : 300);
    size_t align = check_random(&seed) % 5 == 0 ? 16u << check_random(&seed) % 6 : 16;
    uint8_t *p = heap_alloc_aligned(h, bytes, align);
    if (p != NULL) {
        CHECK((uintptr_t)p % align == 0 && heap_valid(p) && heap_usable(p) >= bytes);
        blocks[i].p = p;
        blocks[i].bytes = bytes;
        blocks[i].fill = (uint8_t)check_random(&seed);
        memset(p, blocks[i].fill, bytes);
    }
}

static void LIB1010_heap_keeps_contents(void)
{
    static struct heap h;
    unsigned live_chunks = 8;
    for (int i = 0; i < 8; i++) {
        heap_add(&h, chunks[i], CHUNK_BYTES);
    }
    for (int step = 0; step < 40000; step++) {
        size_t i = check_random(&seed) % BLOCKS;
        if (blocks[i].p == NULL) {
            take_block(&h, i);
        } else if (check_random(&seed) % 3 == 0) {
            size_t bytes = check_random(&seed) % 600;
            check_fill(i);
            if (heap_resize(&h, blocks[i].p, bytes)) {
                CHECK(heap_usable(blocks[i].p) >= bytes);
                size_t kept = bytes < blocks[i].bytes ? bytes : blocks[i].bytes;
                blocks[i].bytes = kept;
                check_fill(i);
                blocks[i].bytes = bytes;
                memset(blocks[i].p, blocks[i].fill, bytes);
            }
        } else {
            check_fill(i);
            CHECK(heap_free(&h, blocks[i].p, true) == NULL);
            blocks[i].p = NULL;
        }
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        if (blocks[i].p != NULL) {
            check_fill(i);
            void *gone = heap_free(&h, blocks[i].p, false);
            live_chunks -= gone != NULL ? 1 : 0;
            CHECK(gone == NULL || ((uint8_t *)gone - chunks[0]) % CHUNK_BYTES == 0);
        }
    }
    CHECK_EQ(h.used_bytes, 0);
    CHECK_EQ(h.total_bytes, (uint64_t)live_chunks * CHUNK_BYTES);
}

static void LIB1011_heap_edges(void)
{
    static struct heap h;
    CHECK(heap_alloc(&h, 1) == NULL);
    heap_add(&h, chunks[0], CHUNK_BYTES);
    CHECK(heap_alloc(&h, CHUNK_BYTES) == NULL && heap_alloc(&h, SIZE_MAX) == NULL);
    CHECK(heap_alloc_aligned(&h, 16, (size_t)1 << 62) == NULL);
    uint8_t *p = heap_alloc(&h, 0);
    CHECK(p != NULL && !heap_valid(p + 16) && !heap_valid(NULL) && !heap_valid(p + 1));
    CHECK(heap_free(&h, p, false) == (void *)chunks[0]);
    CHECK(heap_alloc(&h, 1) == NULL);
}

static void LIB1012_slab(void)
{
    static _Alignas(16) uint8_t memory[1000];
    struct slab s;
    void *objects[16];
    slab_init(&s, 100);
    CHECK(slab_alloc(&s) == NULL);
    CHECK_EQ(slab_grow(&s, memory, sizeof(memory)), 1000 / 112);
    for (int i = 0; i < 8; i++) {
        objects[i] = slab_alloc(&s);
        CHECK(objects[i] != NULL && (uintptr_t)objects[i] % 16 == 0);
        memset(objects[i], 0xff, 100);
    }
    CHECK(slab_alloc(&s) == NULL && s.free_count == 0 && s.total_count == 8);
    slab_free(&s, objects[3]);
    uint8_t *again = slab_alloc(&s);
    CHECK(again == objects[3] && again[0] == 0 && again[99] == 0);
}

static void LIB1013_bitmap(void)
{
    struct bitmap b = { { 0 } };
    CHECK_EQ(bitmap_take(&b, 64), 0);
    CHECK_EQ(bitmap_take(&b, 1), 64);
    CHECK_EQ(bitmap_take(&b, 60), 65);
    CHECK_EQ(bitmap_take(&b, 64), 128);  /* within a word, if it can be */
    bitmap_clear(&b, 10);
    CHECK_EQ(bitmap_take(&b, 2), 125);
    CHECK_EQ(bitmap_take(&b, 1), 10);
    CHECK_EQ(bitmap_take(&b, 64), 192);
    CHECK_EQ(bitmap_take(&b, 1), 127);
    CHECK_EQ(bitmap_take(&b, 1), BITMAP_NONE);
    for (uint32_t i = 120; i < 136; i++) {
        bitmap_clear(&b, i);
    }
    CHECK_EQ(bitmap_take(&b, 17), BITMAP_NONE);
    CHECK_EQ(bitmap_take(&b, 16), 120);  /* crosses words */
    for (uint32_t i = 100; i < 110; i++) {
        bitmap_clear(&b, i);
    }
    CHECK_EQ(bitmap_take(&b, 11), BITMAP_NONE);
    CHECK_EQ(bitmap_take(&b, 10), 100);
}

int main(void)
{
    RUN(LIB1010_heap_keeps_contents);
    RUN(LIB1011_heap_edges);
    RUN(LIB1012_slab);
    RUN(LIB1013_bitmap);
    return 0;
}
