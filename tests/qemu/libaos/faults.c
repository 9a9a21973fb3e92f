/* Fault handlers. */
#include <string.h>

#include <aos/fault.h>
#include <aos/paging.h>
#include <aos/ram.h>
#include <aos/thread.h>

#include "libtest.h"

#define LAZY_PAGES 16u

struct lazy {
    char *base;
    unsigned faults;
};

/* Maps the page that was missed. */
static enum fault_action lazy_fault(const struct fault *f, void *arg)
{
    struct lazy *lazy = arg;
    caddr_t frame;
    uint64_t page = aos_round_down(f->address, AOS_PAGE_BYTES);
    if (!f->translation || err_is_fail(frame_alloc(AOS_PAGE_BYTES, &frame, NULL)) ||
        err_is_fail(paging_map_reserved(paging_self(), (void *)page, frame, 0, AOS_PAGE_BYTES,
                                        AOS_VM_RW))) {
        return FAULT_NOT_MINE;
    }
    lazy->faults++;
    return FAULT_RESUME;
}

static void test_lazy(void)
{
    struct lazy lazy = { .faults = 0 };
    void *base;
    EXPECT_OK(paging_reserve(paging_self(), LAZY_PAGES * AOS_PAGE_BYTES, AOS_PAGE_BYTES, &base));
    lazy.base = base;
    EXPECT_OK(fault_set_region_handler(base, lazy_fault, &lazy));
    for (unsigned i = 0; i < LAZY_PAGES; i++) {
        volatile char *p = lazy.base + i * AOS_PAGE_BYTES + i;
        *p = (char)i;
        EXPECT(*p == (char)i);
    }
    EXPECT(lazy.faults == LAZY_PAGES);
}

static unsigned skipped;

static enum fault_action skip_fault(const struct fault *f, void *arg)
{
    skipped++;
    f->regs->pc += 4;
    return f->kind == FAULT_READ || f->kind == FAULT_WRITE ? FAULT_RESUME : FAULT_NOT_MINE;
}

static int thread_skip(void *arg)
{
    fault_set_thread_handler(skip_fault, NULL);
    for (int i = 0; i < 10; i++) {
        uint64_t value = 7;
        __asm__ volatile("ldr %0, [%1]" : "+r"(value) : "r"(0x1000ull) : "memory");
        if (value != 7) {
            return 1;
        }
        thread_yield();
    }
    return 0;
}

/* Several threads fault at once; each goes on with all its registers. */
static void test_skip(void)
{
    struct thread *threads[4];
    for (int i = 0; i < 4; i++) {
        EXPECT_OK(thread_create(thread_skip, NULL, NULL, &threads[i]));
    }
    for (int i = 0; i < 4; i++) {
        int status;
        EXPECT_OK(thread_join(threads[i], &status));
        EXPECT(status == 0);
    }
    EXPECT(skipped == 40);
}

/* Text is not writable, data not executable, and the flags of a mapping can change. */
static void test_protect(void)
{
    void *page;
    EXPECT_OK(paging_alloc(AOS_PAGE_BYTES, AOS_VM_RW, &page));
    memset(page, 1, AOS_PAGE_BYTES);
    EXPECT_OK(paging_protect(paging_self(), page, AOS_VM_READ));
    skipped = 0;
    fault_set_thread_handler(skip_fault, NULL);
    __asm__ volatile("str wzr, [%0]" : : "r"(page) : "memory");
    EXPECT(skipped == 1 && *(char *)page == 1);
    fault_set_thread_handler(NULL, NULL);
    EXPECT_OK(paging_protect(paging_self(), page, AOS_VM_RW));
    *(volatile char *)page = 2;
    EXPECT_OK(paging_unmap(paging_self(), page));
}

#define CROWD 16u

/* Threads that are inside a handler at the same time: each waits there for all the others. */
static struct {
    char *base;
    void *outside;                       /* filled by a fault inside the handler */
    struct mutex lock;
    struct cond all;
    unsigned inside, most, filled;
} crowd;

static enum fault_action crowd_fault(const struct fault *f, void *arg)
{
    mutex_lock(&crowd.lock);
    crowd.inside++;
    if (crowd.inside == CROWD) {
        crowd.most = CROWD;
        cond_broadcast(&crowd.all);
    }
    while (crowd.most != CROWD) {
        cond_wait(&crowd.all, &crowd.lock);
    }
    crowd.inside--;
    /* LIB0024: a fault inside the handler. */
    volatile double *nested = (volatile double *)crowd.outside + f->depth;
    *nested = *nested + 1.0;
    mutex_unlock(&crowd.lock);
    struct lazy lazy = { .faults = 0 };
    return lazy_fault(f, &lazy);
}

static int thread_crowd(void *arg)
{
    volatile char *p = crowd.base + (uint64_t)arg * AOS_PAGE_BYTES;
    volatile double sum = (double)(uint64_t)arg;
    for (uint64_t i = 0; i < 8; i++) {   /* floating point is kept over the fault */
        sum = sum * 2.0 + (double)*(p + i);
    }
    *p = (char)(uint64_t)arg;
    return *p == (char)(uint64_t)arg && sum == (double)(uint64_t)arg * 256.0 ? 0 : 1;
}

static void test_crowd(void)
{
    struct thread *threads[CROWD];
    void *base;
    EXPECT_OK(paging_reserve(paging_self(), CROWD * AOS_PAGE_BYTES, AOS_PAGE_BYTES, &base));
    EXPECT_OK(paging_alloc_lazy(&(struct paging_lazy){ .bytes = AOS_PAGE_BYTES,
                                                       .flags = AOS_VM_RW }, &crowd.outside));
    EXPECT_OK(fault_set_region_handler(base, crowd_fault, NULL));
    crowd.base = base;
    for (uint64_t i = 0; i < CROWD; i++) {
        EXPECT_OK(thread_create(thread_crowd, (void *)i, NULL, &threads[i]));
    }
    for (unsigned i = 0; i < CROWD; i++) {
        int status;
        EXPECT_OK(thread_join(threads[i], &status));
        EXPECT(status == 0);
    }
    EXPECT(crowd.most == CROWD && crowd.inside == 0);
    EXPECT(*(volatile double *)crowd.outside == (double)CROWD);
    EXPECT_OK(paging_unmap(paging_self(), base));
    EXPECT_OK(paging_unmap(paging_self(), crowd.outside));
}

const struct libtest libtest_faults[] = {
    { "LIB0020 pages on demand", test_lazy },
    { "LIB0021 faults of several threads", test_skip },
    { "LIB0022 protection", test_protect },
    { "LIB0023 threads that wait inside handlers; LIB0024 faults inside them", test_crowd },
    { NULL, NULL },
};
