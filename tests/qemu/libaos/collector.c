/* What user programs do with faults (A. Appel, K. Li, "Virtual memory primitives for user
 * programs", 1991): the write barrier of a generational collector, the page trap of a concurrent
 * copying one, and paging to compressed memory. */
#include <stdlib.h>
#include <string.h>

#include <aos/fault.h>
#include <aos/paging.h>
#include <aos/ram.h>
#include <aos/thread.h>

#include "libtest.h"

#define PAGE AOS_PAGE_BYTES

/* The old generation is read-only as a whole; who writes to a page is remembered, once. */
#define OLD_PAGES 64u

static struct {
    uint8_t *old;
    uint8_t dirty[OLD_PAGES];
    unsigned traps;
} barrier;

static enum fault_action barrier_fault(const struct fault *f, void *arg)
{
    uint64_t page = (f->address - (uint64_t)barrier.old) / PAGE;
    if (f->kind != FAULT_WRITE) {
        return FAULT_NOT_MINE;
    }
    barrier.dirty[page]++;
    barrier.traps++;
    return err_is_ok(paging_protect_part(paging_self(), barrier.old + page * PAGE, PAGE, AOS_VM_RW))
               ? FAULT_RESUME : FAULT_NOT_MINE;
}

static void test_barrier(void)
{
    uint8_t written[OLD_PAGES];
    void *va;
    EXPECT_OK(paging_alloc_lazy(&(struct paging_lazy){ .bytes = OLD_PAGES * PAGE, .cluster = 8,
                                                       .flags = AOS_VM_RW, .name = "old" }, &va));
    barrier.old = va;
    EXPECT_OK(fault_set_region_handler(va, barrier_fault, NULL));
    for (int round = 0; round < 4; round++) {
        unsigned pages = 0;
        memset(barrier.dirty, 0, sizeof(barrier.dirty));
        memset(written, 0, sizeof(written));
        barrier.traps = 0;
        EXPECT_OK(paging_protect(paging_self(), va, AOS_VM_READ));
        for (int i = 0; i < 40; i++) {
            uint64_t at = libtest_random() % (OLD_PAGES * PAGE);
            barrier.old[at] = (uint8_t)(barrier.old[at] + 1);
            pages += written[at / PAGE] == 0 ? 1 : 0;
            written[at / PAGE] = 1;
        }
        EXPECT(memcmp(written, barrier.dirty, sizeof(written)) == 0 && barrier.traps == pages);
    }
    EXPECT_OK(paging_unmap(paging_self(), va));
}

/* A heap of pairs. The mutator sees no page of to-space before all pointers in it are to to-space:
 * touching one that has not been scanned traps, and the handler scans it by the collector's own
 * mapping of the same frame. */
#define PAIRS      20000u
/* To-space: a page that is scanned while it is being filled stays as full as it is. */
#define TO_PAGES   (2 * ((PAIRS * sizeof(struct pair) + PAGE - 1) / PAGE))
#define EACH       (PAGE / sizeof(struct pair))

struct pair {
    struct pair *left, *right;
    uint64_t value;
    struct pair *forward;                /* in from-space: where it has gone to */
};

static struct {
    struct mutex lock;
    struct pair *from;
    struct pair *to;                     /* as the mutators see it */
    struct pair *own;                    /* the same, as the collector does */
    uint64_t copied;                     /* pairs in to-space */
    uint8_t scanned[TO_PAGES];
    unsigned traps, background;
} gc;

static struct pair *gc_forward(struct pair *p)
{
    if (p == NULL || p < gc.from || p >= gc.from + PAIRS) {
        return p;
    }
    if (p->forward == NULL) {
        EXPECT(gc.copied < TO_PAGES * EACH);
        gc.own[gc.copied] = *p;
        p->forward = gc.to + gc.copied++;
    }
    return p->forward;
}

/* Under the lock. What is copied meanwhile is scanned when its page is. */
static void gc_scan(uint64_t page)
{
    if (gc.scanned[page] != 0) {
        return;
    }
    for (uint64_t i = page * EACH; i < (page + 1) * EACH; i++) {
        gc.own[i].left = gc_forward(gc.own[i].left);
        gc.own[i].right = gc_forward(gc.own[i].right);
    }
    if (gc.copied > page * EACH && gc.copied < (page + 1) * EACH) {
        gc.copied = (page + 1) * EACH;
    }
    gc.scanned[page] = 1;
    EXPECT_OK(paging_protect_part(paging_self(), (uint8_t *)gc.to + page * PAGE, PAGE, AOS_VM_RW));
}

static enum fault_action gc_fault(const struct fault *f, void *arg)
{
    mutex_lock(&gc.lock);
    gc.traps++;
    gc_scan((f->address - (uint64_t)gc.to) / PAGE);
    mutex_unlock(&gc.lock);
    return FAULT_RESUME;
}

static int thread_collect(void *arg)
{
    for (uint64_t page = 0; page < TO_PAGES; page++) {
        mutex_lock(&gc.lock);
        /* a page that is still being filled is left to traps and to the end */
        if ((page + 1) * EACH <= gc.copied) {
            gc.background += gc.scanned[page] == 0 ? 1 : 0;
            gc_scan(page);
        }
        mutex_unlock(&gc.lock);
        thread_yield();
    }
    return 0;
}

/* Walks down from the root again and again; every pair must be in to-space, and what it was. */
static int thread_mutate(void *arg)
{
    uint64_t state = (uint64_t)arg;
    for (int walk = 0; walk < 300; walk++) {
        const struct pair *p = gc.to;
        uint64_t place = 1;
        while (p != NULL) {
            if (p < gc.to || p >= gc.to + TO_PAGES * EACH || p->value != place) {
                return 1;
            }
            state = state * 6364136223846793005ull + 1442695040888963407ull;
            place = place * 2 + (state >> 63);
            p = (state >> 63) != 0 ? p->right : p->left;
        }
        if (walk % 8 == 0) {
            thread_yield();
        }
    }
    return 0;
}

static void gc_build(void)
{
    for (uint64_t i = 0; i < PAIRS; i++) { /* a full tree: pair i is number i + 1 */
        gc.from[i] = (struct pair){
            .value = i + 1, .left = 2 * i + 1 < PAIRS ? &gc.from[2 * i + 1] : NULL,
            .right = 2 * i + 2 < PAIRS ? &gc.from[2 * i + 2] : NULL,
        };
    }
}

static void test_collector(void)
{
    enum { MUTATORS = 3 };
    struct thread *threads[MUTATORS + 1];
    caddr_t frame;
    uint64_t bytes;
    void *va;
    EXPECT_OK(paging_alloc_lazy(&(struct paging_lazy){ .bytes = PAIRS * sizeof(struct pair),
                                                       .flags = AOS_VM_RW, .cluster = 8 }, &va));
    gc.from = va;
    gc_build();
    EXPECT_OK(frame_alloc(TO_PAGES * PAGE, &frame, &bytes));
    EXPECT_OK(paging_map_frame(paging_self(), frame, 0, bytes, AOS_VM_RW, &va));
    gc.own = va;
    EXPECT_OK(paging_map_frame(paging_self(), frame, 0, bytes, AOS_VM_RW, &va));
    gc.to = va;
    EXPECT_OK(fault_set_region_handler(va, gc_fault, NULL));
    EXPECT_OK(paging_protect(paging_self(), va, 0));
    (void)gc_forward(gc.from);           /* the flip: the root */
    EXPECT_OK(thread_create(thread_collect, NULL, NULL, &threads[MUTATORS]));
    for (uint64_t i = 0; i < MUTATORS; i++) {
        EXPECT_OK(thread_create(thread_mutate, (void *)(i + 1), NULL, &threads[i]));
    }
    for (int i = 0; i <= MUTATORS; i++) {
        int status;
        EXPECT_OK(thread_join(threads[i], &status));
        EXPECT(status == 0);
    }
    EXPECT(gc.traps > 0 && gc.copied <= TO_PAGES * EACH);
    EXPECT_OK(paging_unmap(paging_self(), gc.from));
    EXPECT_OK(paging_unmap(paging_self(), gc.to));
    EXPECT_OK(paging_unmap(paging_self(), gc.own));
    EXPECT_OK(ram_free(frame));
}

/* More pages than frames: what is not resident is kept as runs of equal bytes. */
#define OUT_PAGES  40u
#define OUT_FRAMES 4u

static struct {
    uint8_t *base;
    struct {
        caddr_t frame;
        uint8_t *own;                    /* the pager's view */
        uint32_t page;                   /* what it holds; OUT_PAGES: nothing */
    } slot[OUT_FRAMES];
    struct {
        uint8_t *runs;                   /* pairs: length - 1, byte */
        size_t count;
    } out[OUT_PAGES];
    uint32_t next;
    unsigned in, evicted;
} pager;

static void pager_evict(uint32_t s)
{
    uint32_t page = pager.slot[s].page;
    if (page == OUT_PAGES) {
        return;
    }
    EXPECT_OK(paging_discard(pager.base + page * PAGE, PAGE));
    uint8_t *runs = malloc(2 * PAGE);
    size_t count = 0;
    EXPECT(runs != NULL);
    for (uint32_t i = 0; i < PAGE;) {
        uint32_t n = 1;
        while (n < 256 && i + n < PAGE && pager.slot[s].own[i + n] == pager.slot[s].own[i]) {
            n++;
        }
        runs[2 * count] = (uint8_t)(n - 1);
        runs[2 * count++ + 1] = pager.slot[s].own[i];
        i += n;
    }
    pager.out[page].runs = realloc(runs, 2 * count);
    pager.out[page].count = count;
    EXPECT(pager.out[page].runs != NULL);
    pager.evicted++;
}

static enum fault_action pager_fault(const struct fault *f, void *arg)
{
    uint32_t page = (uint32_t)((f->address - (uint64_t)pager.base) / PAGE);
    uint32_t s = pager.next++ % OUT_FRAMES;
    pager_evict(s);
    uint8_t *to = pager.slot[s].own;
    memset(to, 0, PAGE);
    for (size_t i = 0; i < pager.out[page].count; i++) {
        uint32_t n = pager.out[page].runs[2 * i] + 1u;
        memset(to, pager.out[page].runs[2 * i + 1], n);
        to += n;
    }
    free(pager.out[page].runs);
    pager.out[page].runs = NULL;
    pager.out[page].count = 0;
    pager.slot[s].page = page;
    pager.in++;
    return err_is_ok(paging_map_reserved(paging_self(), pager.base + page * PAGE,
                                         pager.slot[s].frame, 0, PAGE, AOS_VM_RW))
               ? FAULT_RESUME : FAULT_NOT_MINE;
}

static void test_pager(void)
{
    void *va;
    EXPECT_OK(paging_reserve(paging_self(), OUT_PAGES * PAGE, PAGE, &va));
    EXPECT_OK(fault_set_region_handler(va, pager_fault, NULL));
    pager.base = va;
    for (uint32_t s = 0; s < OUT_FRAMES; s++) {
        uint64_t bytes;
        void *own;
        EXPECT_OK(frame_alloc(PAGE, &pager.slot[s].frame, &bytes));
        EXPECT_OK(paging_map_frame(paging_self(), pager.slot[s].frame, 0, PAGE, AOS_VM_RW, &own));
        pager.slot[s].own = own;
        pager.slot[s].page = OUT_PAGES;
    }
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < OUT_PAGES; i++) {
            uint8_t *p = pager.base + i * 7 % OUT_PAGES * PAGE;
            EXPECT(p[i] == (round == 0 ? 0 : (uint8_t)(i + round)));
            memset(p, (int)(i + round + 1), 2000);
            EXPECT(p[4095] == 0);
        }
    }
    EXPECT(pager.in >= 3 * OUT_PAGES && pager.evicted == pager.in - OUT_FRAMES);
    EXPECT_OK(paging_unmap(paging_self(), va));
    for (uint32_t s = 0; s < OUT_FRAMES; s++) {
        EXPECT_OK(paging_unmap(paging_self(), pager.slot[s].own));
        EXPECT_OK(ram_free(pager.slot[s].frame));
    }
    for (uint32_t i = 0; i < OUT_PAGES; i++) {
        free(pager.out[i].runs);
    }
}

const struct libtest libtest_collector[] = {
    { "LIB0057 write barrier of a generational collector", test_barrier },
    { "LIB0058 page trap of a concurrent copying collector", test_collector },
    { "LIB0059 paging to compressed memory", test_pager },
    { NULL, NULL },
};
