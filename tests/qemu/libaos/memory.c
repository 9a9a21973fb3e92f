/* Slots, RAM, paging, heap. */
#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/paging.h>
#include <aos/ram.h>
#include <aos/slot.h>

#include "libtest.h"

#define KIB 1024ull
#define MIB (1024ull * KIB)

void libtest_same(struct libtest_use before)
{
    struct libtest_use after = libtest_use();
    if (before.ram_free != after.ram_free || before.slots_used != after.slots_used) {
        printf("# RAM %llu -> %llu, slots %llu -> %llu\n", (unsigned long long)before.ram_free,
               (unsigned long long)after.ram_free, (unsigned long long)before.slots_used,
               (unsigned long long)after.slots_used);
    }
    EXPECT(before.ram_free == after.ram_free && before.slots_used == after.slots_used);
}

/* More slots than one CNode has; none twice. */
static void test_slots(void)
{
    enum { COUNT = 600 };
    static caddr_t slots[COUNT];
    static uint8_t seen[8 * 256 * 16];
    memset(seen, 0, sizeof(seen));
    for (int i = 0; i < COUNT; i++) {
        EXPECT_OK(slot_alloc(&slots[i]));
        EXPECT(slots[i] < sizeof(seen) && seen[slots[i]]++ == 0);
    }
    struct libtest_use full = libtest_use();
    caddr_t range;
    EXPECT_OK(slot_alloc_range(SLOT_RANGE_MAX, &range));
    EXPECT(cap_index_of(range) + SLOT_RANGE_MAX <= KPI_L2_SLOTS);
    for (uint32_t i = 0; i < SLOT_RANGE_MAX; i++) {
        slot_free(range + i);
    }
    EXPECT(libtest_use().slots_used == full.slots_used);
    for (int i = 0; i < COUNT; i++) {
        slot_free(slots[i]);
    }
    EXPECT(slot_alloc_range(SLOT_RANGE_MAX + 1, &range) == LIB_ERR_RANGE);
}

enum { RAM_COUNT = 40 };

static void take_and_give_ram(void)
{
    caddr_t caps[RAM_COUNT];
    for (int i = 0; i < RAM_COUNT; i++) {
        struct cap_info info;
        uint64_t bytes = 4096ull << (i % 4);
        EXPECT_OK(ram_alloc(bytes, bytes, &caps[i]));
        EXPECT_OK(cap_identify(caps[i], &info));
        EXPECT(info.type == CAPTYPE_RAM && info.b == bytes && info.a % bytes == 0);
    }
    for (int i = 0; i < RAM_COUNT; i++) {
        EXPECT_OK(ram_free(caps[i * 7 % RAM_COUNT]));
    }
}

static void test_ram(void)
{
    caddr_t caps[1];
    take_and_give_ram();                 /* what this makes slabs grow by stays */
    struct libtest_use before = libtest_use();
    take_and_give_ram();
    libtest_same(before);
    /* LIB1001: as much as the source gives at once: the kernel makes no RAM of all of a RAM. */
    for (uint64_t bytes = 1ull << 20; bytes <= 8ull << 20; bytes += 1ull << 20) {
        EXPECT_OK(ram_alloc(bytes, 4096, &caps[0]));
        EXPECT_OK(ram_free(caps[0]));
    }
    libtest_same(before);
    EXPECT(ram_alloc(4096, 100, &caps[0]) == LIB_ERR_BAD_ALIGN);
    EXPECT(err_is_fail(ram_alloc(1ull << 40, 4096, &caps[0])));
    libtest_same(before);
}

static void fill_and_check(uint64_t *words, uint64_t bytes, uint64_t seed)
{
    for (uint64_t i = 0; i < bytes / 8; i += 64) {
        EXPECT(words[i] == 0);
        words[i] = i ^ seed;
    }
    for (uint64_t i = 0; i < bytes / 8; i += 64) {
        EXPECT(words[i] == (i ^ seed));
    }
}

/* Ranges that cross page tables, odd sizes, and addresses that come back. */
static void test_paging(void)
{
    static const uint64_t sizes[] = { 4 * KIB, 8 * KIB, 60 * KIB, 1 * MIB, 36 * KIB };
    enum { COUNT = sizeof(sizes) / sizeof(sizes[0]) };
    void *at[COUNT];
    for (int round = 0; round < 3; round++) {
        struct libtest_use before = libtest_use();
        for (int i = 0; i < COUNT; i++) {
            EXPECT_OK(paging_alloc(sizes[i], AOS_VM_RW, &at[i]));
            fill_and_check(at[i], sizes[i], (uint64_t)i);
        }
        for (int i = 0; i < COUNT; i++) {
            EXPECT_OK(paging_unmap(paging_self(), at[i * 3 % COUNT]));
        }
        EXPECT(paging_unmap(paging_self(), at[0]) == LIB_ERR_BAD_ADDRESS);
        if (round > 0) {
            libtest_same(before);         /* the first round made page tables, which stay */
        }
    }
}

/* One frame, mapped twice with an offset so that it crosses a table; what one sees the other
 * sees. */
static void test_paging_shared(void)
{
    caddr_t frame;
    uint64_t bytes;
    void *reserved;
    void *other;
    EXPECT_OK(frame_alloc(64 * KIB, &frame, &bytes));
    EXPECT_OK(paging_reserve(paging_self(), 4 * MIB, 2 * MIB, &reserved));
    char *middle = (char *)reserved + 2 * MIB - 32 * KIB;
    EXPECT_OK(paging_map_reserved(paging_self(), middle, frame, 0, bytes, AOS_VM_RW));
    EXPECT_OK(paging_map_frame(paging_self(), frame, 0, bytes, AOS_VM_READ, &other));
    memset(middle, 0x5a, bytes);
    EXPECT(memcmp(middle, other, bytes) == 0);
    EXPECT(((uint8_t *)other)[bytes - 1] == 0x5a);
    EXPECT(paging_map_reserved(paging_self(), middle, frame, 0, bytes, AOS_VM_RW) != ERR_OK);
    EXPECT_OK(paging_unmap(paging_self(), other));
    EXPECT_OK(paging_unmap(paging_self(), reserved));
    EXPECT_OK(ram_free(frame));
}

/* A large entry where a page table has been, and the other way round. */
static void test_paging_large(void)
{
    void *at;
    for (int round = 0; round < 3; round++) {
        EXPECT_OK(paging_alloc(4 * MIB, AOS_VM_RW, &at));
        EXPECT((uint64_t)at % (2 * MIB) == 0);
        fill_and_check(at, 4 * MIB, 7);
        EXPECT_OK(paging_unmap(paging_self(), at));
        EXPECT_OK(paging_alloc(12 * KIB, AOS_VM_RW, &at));
        fill_and_check(at, 12 * KIB, 8);
        EXPECT_OK(paging_unmap(paging_self(), at));
    }
}

/* More than early RAM: the pool asks its source, and gives whole pieces back. */
static void test_source(void)
{
    enum { COUNT = 64 };
    void *at[COUNT];
    struct libtest_use before = libtest_use();
    uint64_t returned = libtest_returned;
    for (uint64_t i = 0; i < COUNT; i++) {
        EXPECT_OK(paging_alloc(128 * KIB, AOS_VM_RW, &at[i]));
        fill_and_check(at[i], 128 * KIB, i);
    }
    for (uint64_t i = 0; i < COUNT; i++) {
        EXPECT_OK(paging_unmap(paging_self(), at[i * 5 % COUNT]));
    }
    EXPECT(libtest_returned - returned >= 6 * MIB);
    EXPECT(libtest_use().ram_free < before.ram_free + 2 * MIB);
    EXPECT(paging_alloc(1ull << 33, AOS_VM_RW, &at[0]) != ERR_OK);
}

static void test_heap(void)
{
    enum { COUNT = 400, STEPS = 6000 };
    static struct {
        uint8_t *p;
        size_t bytes;
    } blocks[COUNT];
    for (int step = 0; step < STEPS; step++) {
        size_t i = libtest_random() % COUNT;
        if (blocks[i].p == NULL) {
            size_t bytes = libtest_random() % (step % 50 == 0 ? 150000 : 700);
            blocks[i].p = malloc(bytes);
            blocks[i].bytes = bytes;
            EXPECT(blocks[i].p != NULL && (uint64_t)blocks[i].p % 16 == 0);
            memset(blocks[i].p, (int)i, bytes);
        } else if (libtest_random() % 4 == 0) {
            size_t bytes = libtest_random() % 2000 + 1;
            size_t kept = bytes < blocks[i].bytes ? bytes : blocks[i].bytes;
            uint8_t *p = realloc(blocks[i].p, bytes);
            EXPECT(p != NULL);
            for (size_t k = 0; k < kept; k++) {
                EXPECT(p[k] == (uint8_t)i);
            }
            memset(p, (int)i, bytes);
            blocks[i].p = p;
            blocks[i].bytes = bytes;
        } else {
            for (size_t k = 0; k < blocks[i].bytes; k++) {
                EXPECT(blocks[i].p[k] == (uint8_t)i);
            }
            free(blocks[i].p);
            blocks[i].p = NULL;
        }
    }
    for (size_t i = 0; i < COUNT; i++) {
        free(blocks[i].p);
        blocks[i].p = NULL;
    }
    void *aligned = aligned_alloc(4096, 100);
    EXPECT(aligned != NULL && (uint64_t)aligned % 4096 == 0);
    free(aligned);
    EXPECT(malloc(1ull << 50) == NULL);
}

const struct libtest libtest_memory[] = {
    { "LIB0001 slots", test_slots },
    { "LIB0002 RAM", test_ram },
    { "LIB0003 paging", test_paging },
    { "LIB0004 frames mapped twice, across tables", test_paging_shared },
    { "LIB0005 large entries", test_paging_large },
    { "LIB0006 heap", test_heap },
    { "LIB0007 RAM from its source", test_source },
    { NULL, NULL },
};
