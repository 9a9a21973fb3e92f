/* Memory that is filled on demand, and copy on write. */
#include <string.h>

#include <aos/cap.h>
#include <aos/fault.h>
#include <aos/paging.h>
#include <aos/ram.h>
#include <aos/slot.h>
#include <aos/thread.h>

#include "libtest.h"

#define PAGE AOS_PAGE_BYTES
#define MIB  0x100000ull
#define GIB  0x40000000ull

static struct paging_use use(void)
{
    struct paging_use u;
    paging_stats(&u);
    return u;
}

static uint8_t *lazy(uint64_t bytes, uint32_t cluster)
{
    void *va;
    EXPECT_OK(paging_alloc_lazy(&(struct paging_lazy){ .bytes = bytes, .flags = AOS_VM_RW,
                                                       .cluster = cluster }, &va));
    return va;
}

/* Every access that is not allowed is counted and skipped. */
static unsigned denied;

static enum fault_action deny(const struct fault *f, void *arg)
{
    denied++;
    f->regs->pc += 4;
    return FAULT_RESUME;
}

static unsigned store_denied(volatile void *p)
{
    unsigned before = denied;
    fault_set_thread_handler(deny, NULL);
    __asm__ volatile("strb wzr, [%0]" : : "r"(p) : "memory");
    fault_set_thread_handler(NULL, NULL);
    return denied - before;
}

static unsigned load_denied(volatile void *p)
{
    unsigned before = denied;
    uint64_t value;
    fault_set_thread_handler(deny, NULL);
    __asm__ volatile("ldrb %w0, [%1]" : "=r"(value) : "r"(p) : "memory");
    fault_set_thread_handler(NULL, NULL);
    return denied - before;
}

/* Addresses cost nothing, pages one frame each. */
static void test_sparse(void)
{
    static const uint64_t at[] = { 0, 4095, 2 * MIB - 1, 2 * MIB, 1 * GIB, 77 * GIB + 5 * PAGE,
                                   255 * GIB, 256 * GIB - 1 };
    enum { COUNT = sizeof(at) / sizeof(at[0]), PAGES = COUNT - 1 };
    for (int round = 0; round < 3; round++) {
        struct libtest_use before = libtest_use();
        struct paging_use pages = use();
        uint8_t *p = lazy(256 * GIB, 1);
        struct libtest_use reserved = libtest_use();
        EXPECT(reserved.ram_free == before.ram_free && reserved.slots_used == before.slots_used);
        for (int i = 0; i < COUNT; i++) {
            EXPECT(p[at[i]] == 0);
            p[at[i]] = (uint8_t)(i + 1);
        }
        for (int i = 0; i < COUNT; i++) {
            EXPECT(p[at[i]] == (uint8_t)(i + 1));
        }
        EXPECT(use().pages == pages.pages + PAGES && use().filled == pages.filled + PAGES);
        EXPECT_OK(paging_unmap(paging_self(), p));
        EXPECT(use().pages == pages.pages);
        if (round > 0) {
            libtest_same(before);        /* page tables went, too */
        }
    }
}

/* Discard, protect and unmap at any page. */
static void test_parts(void)
{
    struct paging_use before = use();
    uint8_t *p = lazy(64 * PAGE, 4);
    p[5 * PAGE] = 5;                     /* may fill 4 to 7 */
    EXPECT(use().pages > before.pages && use().pages <= before.pages + 4);
    p[6 * PAGE] = 6;
    p[4 * PAGE] = 4;
    p[7 * PAGE] = 7;
    EXPECT(use().pages == before.pages + 4);
    EXPECT_OK(paging_discard(p + 5 * PAGE, PAGE));
    EXPECT(use().pages == before.pages + 3 && p[6 * PAGE] == 6);
    EXPECT(p[5 * PAGE] == 0 && use().pages == before.pages + 4);
    EXPECT_OK(paging_populate(p + 16 * PAGE, 16 * PAGE));
    EXPECT(use().pages == before.pages + 20);
    memset(p + 16 * PAGE, 0x5a, 16 * PAGE);
    /* read-only: pages that are there and pages that are not */
    EXPECT_OK(paging_protect_part(paging_self(), p + 30 * PAGE, 4 * PAGE, AOS_VM_READ));
    EXPECT(store_denied(p + 29 * PAGE) == 0 && store_denied(p + 30 * PAGE) == 1);
    EXPECT(store_denied(p + 33 * PAGE) == 1 && store_denied(p + 34 * PAGE) == 0);
    EXPECT(load_denied(p + 33 * PAGE) == 0 && p[30 * PAGE] == 0x5a);
    EXPECT_OK(paging_protect_part(paging_self(), p + 31 * PAGE, PAGE, AOS_VM_RW));
    EXPECT(store_denied(p + 31 * PAGE) == 0 && store_denied(p + 32 * PAGE) == 1);
    EXPECT_OK(paging_protect_part(paging_self(), p + 20 * PAGE, 2 * PAGE, 0));
    EXPECT(load_denied(p + 20 * PAGE) == 1 && load_denied(p + 22 * PAGE) == 0);
    EXPECT_OK(paging_protect(paging_self(), p, AOS_VM_RW));
    EXPECT(store_denied(p + 32 * PAGE) == 0 && p[20 * PAGE] == 0x5a);
    /* three regions out of one; what was between is nobody's */
    EXPECT_OK(paging_unmap_part(paging_self(), p + 18 * PAGE, PAGE));
    EXPECT_OK(paging_unmap_part(paging_self(), p + 24 * PAGE, 3 * PAGE));
    EXPECT(load_denied(p + 18 * PAGE) == 1 && load_denied(p + 25 * PAGE) == 1);
    EXPECT(p[17 * PAGE] == 0x5a && p[19 * PAGE] == 0x5a && p[23 * PAGE] == 0x5a);
    EXPECT(p[27 * PAGE + 1] == 0x5a);
    EXPECT(paging_unmap_part(paging_self(), p + 17 * PAGE, 2 * PAGE) == LIB_ERR_BAD_ADDRESS);
    EXPECT(paging_unmap_part(paging_self(), p + 1, PAGE) == LIB_ERR_BAD_ALIGN);
    EXPECT_OK(paging_unmap(paging_self(), p + 19 * PAGE));
    EXPECT_OK(paging_unmap(paging_self(), p));
    EXPECT_OK(paging_unmap_part(paging_self(), p + 27 * PAGE, PAGE));
    EXPECT_OK(paging_unmap(paging_self(), p + 28 * PAGE));
    EXPECT(use().pages == before.pages);
}

/* LIB1040: clusters that would reach over the border of a page table. */
static void test_borders(void)
{
    uint8_t *p = lazy(7 * MIB, 16);
    void *va;
    uint64_t none = use().pages;
    uint64_t border = aos_round_up((uint64_t)p, 2 * MIB) - (uint64_t)p;
    for (int i = 0; i < 3; i++, border += 2 * MIB) {
        p[border - 1] = (uint8_t)i;
        p[border] = 7;
        EXPECT(p[border - 1] == (uint8_t)i);
    }
    EXPECT_OK(paging_populate(p, 7 * MIB));
    EXPECT(use().pages == none + 7 * MIB / PAGE);
    EXPECT_OK(paging_snapshot(p, &va));
    p[border - 2 * MIB] = 8;
    EXPECT(((uint8_t *)va)[border - 2 * MIB] == 7);
    EXPECT_OK(paging_unmap(paging_self(), p));
    EXPECT_OK(paging_unmap(paging_self(), va));
}

/* 2 MiB at a time, if that is asked for; not by half. */
static void test_large(void)
{
    void *va;
    struct libtest_use before = { .ram_free = 0 };
    for (int round = 0; round < 3; round++) {
        EXPECT_OK(paging_alloc_lazy(&(struct paging_lazy){
            .bytes = 9 * MIB, .flags = AOS_VM_RW | AOS_VM_LARGE, .guard_bytes = PAGE }, &va));
        uint8_t *p = va;
        EXPECT((uint64_t)p % (2 * MIB) == 0);
        uint64_t pages = use().pages;
        p[2 * MIB + 7] = 1;
        p[4 * MIB - 1] = 2;
        EXPECT(use().pages == pages + 1);
        p[10 * MIB - 1] = 3;
        EXPECT(use().pages == pages + 2 && p[2 * MIB + 7] == 1);
        EXPECT(paging_discard(p + PAGE, 2 * MIB) == LIB_ERR_BAD_ALIGN);
        void *copy;
        EXPECT_OK(paging_snapshot(p, &copy));
        p[2 * MIB + 7] = 9;
        EXPECT(((uint8_t *)copy)[2 * MIB + 7] == 1 && use().pages == pages + 3);
        EXPECT(p[4 * MIB - 1] == 2);
        EXPECT_OK(paging_unmap(paging_self(), copy));
        EXPECT_OK(paging_unmap(paging_self(), va));
        EXPECT_OK(paging_alloc(4 * MIB, AOS_VM_RW | AOS_VM_LARGE, &va));
        EXPECT_OK(paging_unmap(paging_self(), va));
        caddr_t frame;
        EXPECT_OK(frame_alloc(4 * MIB, &frame, NULL));
        EXPECT(paging_map_frame(paging_self(), frame, PAGE, 2 * MIB, AOS_VM_RW | AOS_VM_LARGE, &va)
               == LIB_ERR_BAD_ALIGN);
        EXPECT_OK(paging_map_frame(paging_self(), frame, 2 * MIB, 2 * MIB,
                                   AOS_VM_RW | AOS_VM_LARGE, &va));
        EXPECT_OK(paging_unmap(paging_self(), va));
        EXPECT_OK(ram_free(frame));
        if (round == 1) {
            before = libtest_use();
        }
    }
    EXPECT(libtest_use().slots_used == before.slots_used);
}

#define SNAP_PAGES 64u

static void fill(uint8_t *p, uint8_t seed)
{
    for (uint32_t i = 0; i < SNAP_PAGES; i++) {
        memset(p + i * PAGE, (int)(uint8_t)(seed + i), PAGE);
    }
}

/* `k` writes to a snapshot of N pages take k frames. */
static void test_snapshot(void)
{
    enum { WRITES = 13 };
    static const uint8_t orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                          { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    uint64_t none = use().pages;
    for (int order = 0; order < 6; order++) {
        uint8_t *p = lazy(SNAP_PAGES * PAGE, 16);
        void *va;
        fill(p, 1);
        EXPECT(use().pages == none + SNAP_PAGES);
        EXPECT_OK(paging_snapshot(p, &va));
        uint8_t *snap = va;
        EXPECT(use().pages == none + SNAP_PAGES);
        struct paging_use before = use();
        for (uint32_t i = 0; i < WRITES; i++) {
            uint8_t *page = snap + i * 37 % SNAP_PAGES * PAGE;
            page[i] = 0xff;
            page[4095] = 0xff;
            EXPECT(page[i + 1] == (uint8_t)(1 + i * 37 % SNAP_PAGES));
        }
        EXPECT(use().pages == before.pages + WRITES && use().copied == before.copied + WRITES);
        for (uint32_t i = 0; i < SNAP_PAGES; i++) {
            EXPECT(p[i * PAGE] == (uint8_t)(1 + i) && p[i * PAGE + 4095] == (uint8_t)(1 + i));
        }
        /* a snapshot of the snapshot, and writes to all three */
        EXPECT_OK(paging_snapshot(snap, &va));
        uint8_t *third = va;
        before = use();
        third[0] = 3;
        snap[PAGE * 3] = 4;
        p[PAGE * 5] = 5;
        EXPECT(use().copied == before.copied + 3);
        EXPECT(third[PAGE * 3] == 4 && p[PAGE * 3] == 4 && snap[PAGE * 5] == 6);
        EXPECT(snap[0] == 0xff && p[0] == 1);
        uint8_t *const all[3] = { p, snap, third };
        uint8_t *last = all[orders[order][2]];
        EXPECT_OK(paging_unmap(paging_self(), all[orders[order][0]]));
        EXPECT_OK(paging_unmap(paging_self(), all[orders[order][1]]));
        before = use();
        EXPECT(before.pages <= none + SNAP_PAGES);
        last[7 * PAGE] = 7;              /* nobody else has it: no copy */
        EXPECT(use().copied == before.copied && last[7 * PAGE] == 7);
        EXPECT_OK(paging_unmap(paging_self(), last));
        EXPECT(use().pages == none);
    }
}

/* Back to a checkpoint, again and again. */
static void test_restore(void)
{
    uint64_t none = use().pages;
    uint8_t *p = lazy(SNAP_PAGES * PAGE, 8);
    void *va;
    fill(p, 1);
    EXPECT_OK(paging_discard(p + 9 * PAGE, PAGE));
    EXPECT_OK(paging_snapshot(p, &va));
    for (int round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < 20; i++) {
            p[libtest_random() % (SNAP_PAGES * PAGE)] ^= 0x80;
        }
        EXPECT_OK(paging_discard(p + (11 + (uint32_t)round) * PAGE, PAGE));
        p[9 * PAGE] = 1;
        EXPECT_OK(paging_restore(p, va));
        EXPECT(use().pages == none + SNAP_PAGES - 1);
        for (uint32_t i = 0; i < SNAP_PAGES * PAGE; i += 64) {
            EXPECT(p[i] == (i / PAGE == 9 ? 0 : (uint8_t)(1 + i / PAGE)));
        }
        EXPECT(use().pages == none + SNAP_PAGES); /* page 9 was read */
        EXPECT_OK(paging_discard(p + 9 * PAGE, PAGE));
    }
    EXPECT_OK(paging_unmap(paging_self(), va));
    EXPECT_OK(paging_unmap(paging_self(), p));
    EXPECT(use().pages == none);
}

/* A read-only frame of somebody else, and a loan of one: writes go into pages of one's own. */
static void test_private(void)
{
    enum { WRITES = 5 };
    caddr_t frame;
    caddr_t other;
    void *shown;
    void *va;
    uint64_t none = use().pages;
    EXPECT_OK(frame_alloc(SNAP_PAGES * PAGE, &frame, NULL));
    EXPECT_OK(paging_map_frame(paging_self(), frame, 0, SNAP_PAGES * PAGE, AOS_VM_RW, &shown));
    fill(shown, 1);
    for (int lent = 0; lent < 2; lent++) {
        EXPECT_OK(slot_alloc(&other));
        EXPECT_OK(lent != 0 ? cap_lend(other, frame, CAP_RIGHT_R)
                            : cap_mint(other, frame, CAP_RIGHT_R));
        EXPECT_OK(paging_map_private(other, 8 * PAGE, 40 * PAGE, AOS_VM_RW, &va));
        uint8_t *p = va;
        void *snap;
        EXPECT(p[0] == 9 && p[39 * PAGE] == 48 && use().pages == none);
        struct paging_use before = use();
        for (uint32_t i = 0; i < WRITES; i++) {
            p[i * 7 * PAGE] = 0xee;
        }
        EXPECT(use().copied == before.copied + WRITES && use().pages == none + WRITES);
        EXPECT(((uint8_t *)shown)[8 * PAGE] == 9 && p[1] == 9 && p[7 * PAGE] == 0xee);
        EXPECT_OK(paging_snapshot(p, &snap));
        p[0] = 1;
        p[PAGE] = 1;
        EXPECT(((uint8_t *)snap)[0] == 0xee && ((uint8_t *)snap)[PAGE] == 10);
        EXPECT(use().pages == none + WRITES + 2);
        EXPECT_OK(paging_discard(p, 8 * PAGE));
        EXPECT(p[0] == 9 && p[7 * PAGE] == 16);
        EXPECT_OK(paging_unmap(paging_self(), p));
        EXPECT_OK(paging_unmap(paging_self(), snap));
        EXPECT(use().pages == none);
        EXPECT_OK(cap_destroy(other));
    }
    EXPECT(paging_map_private(frame, 0, 65 * PAGE, AOS_VM_RW, &va) == LIB_ERR_RANGE);
    EXPECT_OK(paging_unmap(paging_self(), shown));
    EXPECT_OK(ram_free(frame));
}

#define STORM_THREADS 16u
#define STORM_PAGES   400u
#define STORM_TOUCHES 600u

static struct {
    uint8_t *base;
    uint8_t *copy;
} storm;

/* Each byte belongs to one thread, each page to all. */
static int thread_storm(void *arg)
{
    uint64_t id = (uint64_t)arg;
    uint64_t state = id * 0x9e3779b97f4a7c15ull + 1;
    for (uint32_t i = 0; i < STORM_TOUCHES; i++) {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        uint64_t page = (state >> 33) % STORM_PAGES;
        volatile uint8_t *p = ((i & 1) != 0 ? storm.base : storm.copy) + page * PAGE + id;
        uint8_t want = (uint8_t)((i & 1) != 0 ? 0x40 + id : id + 1);
        if (*p != 0 && *p != want) {
            return 1;
        }
        *p = want;
        if (i % 16 == 0) {
            thread_yield();
        }
        if (*p != want) {
            return 1;
        }
    }
    return 0;
}

/* Faults of many threads on the same pages: none is filled, or copied, twice. */
static void test_storm(void)
{
    struct thread *threads[STORM_THREADS];
    struct paging_use before = use();
    void *copy;
    storm.base = lazy(STORM_PAGES * PAGE, 2);
    for (uint32_t i = 0; i < STORM_PAGES; i += 2) {
        storm.base[i * PAGE + 4000] = (uint8_t)i;
    }
    EXPECT_OK(paging_populate(storm.base, STORM_PAGES * PAGE));
    EXPECT_OK(paging_snapshot(storm.base, &copy));
    storm.copy = copy;
    for (uint64_t i = 0; i < STORM_THREADS; i++) {
        EXPECT_OK(thread_create(thread_storm, (void *)i, NULL, &threads[i]));
    }
    for (uint32_t i = 0; i < STORM_THREADS; i++) {
        int status;
        EXPECT_OK(thread_join(threads[i], &status));
        EXPECT(status == 0);
    }
    for (uint32_t i = 0; i < STORM_PAGES; i += 2) {
        EXPECT(storm.base[i * PAGE + 4000] == (uint8_t)i);
        EXPECT(storm.copy[i * PAGE + 4000] == (uint8_t)i);
    }
    EXPECT(use().copied - before.copied <= STORM_PAGES);
    EXPECT(use().pages - before.pages == STORM_PAGES + use().copied - before.copied);
    EXPECT_OK(paging_unmap(paging_self(), storm.base));
    EXPECT_OK(paging_unmap(paging_self(), storm.copy));
    EXPECT(use().pages == before.pages);
}

const struct libtest libtest_lazy[] = {
    { "LIB0050 256 GiB, a few pages of it", test_sparse },
    { "LIB0051 discard, protect, unmap at any page", test_parts },
    { "LIB1040 clusters at the border of page tables", test_borders },
    { "LIB0052 2 MiB pages on demand", test_large },
    { "LIB0053 snapshots: a frame for each page written", test_snapshot },
    { "LIB0054 back to a snapshot", test_restore },
    { "LIB0055 private views of frames", test_private },
    { "LIB0056 a storm of faults", test_storm },
    { NULL, NULL },
};
