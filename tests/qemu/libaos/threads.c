/* Threads, locks, timers, floating point. */
#include <errno.h>
#include <stdlib.h>

#include <aos/ram.h>
#include <aos/thread.h>
#include <aos/time.h>

#include "libtest.h"

#define MS 1000000ull
#define RESIDENT_BYTES 0x80000ull        /* of a stack: more than the reserves have */

static int thread_square(void *arg)
{
    int n = *(int *)arg;
    errno = n;
    thread_yield();
    return errno == n ? n * n : -1;
}

static void test_create_join(void)
{
    enum { COUNT = 20 };
    struct thread *threads[COUNT];
    int numbers[COUNT];
    errno = 12345;
    for (int round = 0; round < 3; round++) {
        struct libtest_use before = libtest_use();
        for (int i = 0; i < COUNT; i++) {
            numbers[i] = i;
            EXPECT_OK(thread_create(thread_square, &numbers[i], NULL, &threads[i]));
        }
        for (int i = 0; i < COUNT; i++) {
            int status;
            EXPECT_OK(thread_join(threads[i], &status));
            EXPECT(status == i * i);
        }
        EXPECT(round == 0 || libtest_use().ram_free == before.ram_free);
    }
    EXPECT(errno == 12345);
    EXPECT(thread_join(thread_self(), NULL) == LIB_ERR_BAD_STATE);
}

static volatile bool spin_stop;
static volatile uint64_t spin_count;

static int thread_spin(void *arg)
{
    while (!spin_stop) {
        spin_count++;
    }
    return 0;
}

/* Two threads that never give up the core, and this one that must get it back. */
static void test_preemption(void)
{
    struct thread *a;
    struct thread *b;
    spin_stop = false;
    EXPECT_OK(thread_create(thread_spin, NULL, NULL, &a));
    EXPECT_OK(thread_create(thread_spin, NULL, NULL, &b));
    for (int i = 0; i < 5; i++) {
        uint64_t before = spin_count;
        thread_yield();
        EXPECT(spin_count != before);
    }
    spin_stop = true;
    EXPECT_OK(thread_join(a, NULL));
    EXPECT_OK(thread_join(b, NULL));
}

static struct mutex count_lock;
static uint64_t counted;

static int thread_count_up(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        mutex_lock(&count_lock);
        uint64_t seen = counted;
        if (i % 64 == 0) {
            thread_yield();
        }
        counted = seen + 1;
        mutex_unlock(&count_lock);
        if (i % 97 == 0) {
            thread_yield();
        }
    }
    return 0;
}

static void test_mutex(void)
{
    enum { COUNT = 6 };
    struct thread *threads[COUNT];
    for (int i = 0; i < COUNT; i++) {
        EXPECT_OK(thread_create(thread_count_up, NULL, NULL, &threads[i]));
    }
    for (int i = 0; i < COUNT; i++) {
        EXPECT_OK(thread_join(threads[i], NULL));
    }
    EXPECT(counted == COUNT * 2000);
    struct mutex recursive = MUTEX_INIT_RECURSIVE;
    mutex_lock(&recursive);
    EXPECT(mutex_try_lock(&recursive) && mutex_held(&recursive));
    mutex_unlock(&recursive);
    mutex_unlock(&recursive);
    EXPECT(!mutex_held(&recursive));
}

static struct {
    struct mutex lock;
    struct cond full, empty;
    int items[4];
    unsigned count;
} box;

static int thread_produce(void *arg)
{
    for (int i = 1; i <= 1000; i++) {
        mutex_lock(&box.lock);
        while (box.count == 4) {
            cond_wait(&box.empty, &box.lock);
        }
        box.items[box.count++] = i;
        cond_signal(&box.full);
        mutex_unlock(&box.lock);
    }
    return 0;
}

static void test_cond_sem(void)
{
    struct thread *producer;
    int sum = 0;
    EXPECT_OK(thread_create(thread_produce, NULL, NULL, &producer));
    for (int taken = 0; taken < 1000; taken++) {
        mutex_lock(&box.lock);
        while (box.count == 0) {
            cond_wait(&box.full, &box.lock);
        }
        sum += box.items[--box.count];
        cond_signal(&box.empty);
        mutex_unlock(&box.lock);
    }
    EXPECT(sum == 1000 * 1001 / 2);
    EXPECT_OK(thread_join(producer, NULL));
    mutex_lock(&box.lock);
    uint64_t start = time_now_ns();
    EXPECT(!cond_wait_until(&box.full, &box.lock, start + 3 * MS));
    EXPECT(time_now_ns() >= start + 3 * MS && mutex_held(&box.lock));
    mutex_unlock(&box.lock);
    struct sem sem;
    sem_init(&sem, 1);
    EXPECT(sem_try_wait(&sem) && !sem_try_wait(&sem));
    EXPECT(!sem_wait_until(&sem, time_now_ns() + 1 * MS));
    sem_post(&sem);
    sem_wait(&sem);
}

static int thread_sleeper(void *arg)
{
    uint64_t ns = *(uint64_t *)arg;
    uint64_t start = time_now_ns();
    thread_sleep_ns(ns);
    uint64_t slept = time_now_ns() - start;
    return slept >= ns && slept < ns + 20 * MS ? 0 : 1;
}

static void test_sleep(void)
{
    enum { COUNT = 12 };
    struct thread *threads[COUNT];
    uint64_t ns[COUNT];
    for (int i = 0; i < COUNT; i++) {
        ns[i] = ((uint64_t)i * 5 % COUNT + 1) * MS / 2;
        EXPECT_OK(thread_create(thread_sleeper, &ns[i], NULL, &threads[i]));
    }
    for (int i = 0; i < COUNT; i++) {
        int status;
        EXPECT_OK(thread_join(threads[i], &status));
        EXPECT(status == 0);
    }
}

/* Every thread iterates a map of its own; any lost register shows in the end. */
static double iterate(double x, uint64_t steps)
{
    for (uint64_t i = 0; i < steps; i++) {
        x = 3.9 * x * (1.0 - x);
    }
    return x;
}

static int thread_float(void *arg)
{
    double start = *(double *)arg;
    double expected = iterate(start, 1000);
    for (int i = 0; i < 1500; i++) {
        double x = start;
        for (int k = 0; k < 10; k++) {
            x = iterate(x, 100);
            if (i % 7 == k) {
                thread_yield();
            }
        }
        if (x != expected) {
            return 1;
        }
    }
    return 0;
}

static void test_float(void)
{
    enum { COUNT = 5 };
    struct thread *threads[COUNT];
    double starts[COUNT];
    for (int i = 0; i < COUNT; i++) {
        starts[i] = 0.1 + 0.13 * i;
        EXPECT_OK(thread_create(thread_float, &starts[i], NULL, &threads[i]));
    }
    for (int i = 0; i < COUNT; i++) {
        int status;
        EXPECT_OK(thread_join(threads[i], &status));
        EXPECT(status == 0);
    }
    char text[32];
    snprintf(text, sizeof(text), "%.3f", 2.5);
    EXPECT(text[0] == '2' && text[2] == '5');
}

#define TURNS 10000

static uint64_t turn;

/* Each takes every other number. */
static int thread_turns(void *arg)
{
    uint64_t mine = *(uint64_t *)arg;
    for (int i = 0; i < TURNS; i++) {
        while (*(volatile uint64_t *)&turn % 2 != mine) {
            thread_yield();
        }
        turn++;
    }
    return 0;
}

static void test_turns(void)
{
    struct thread *t;
    uint64_t parity[2] = { 0, 1 };
    EXPECT_OK(thread_create(thread_turns, &parity[1], NULL, &t));
    uint64_t start = time_now_ns();
    EXPECT(thread_turns(&parity[0]) == 0);
    printf("# %llu ns a turn\n", (unsigned long long)(time_now_ns() - start) / (2 * TURNS));
    EXPECT_OK(thread_join(t, NULL));
    EXPECT(turn == 2 * TURNS);
}

static int once_runs;
static void once_run(void)
{
    thread_yield();
    once_runs++;
}
static struct once once;
static int thread_once(void *arg)
{
    once_call(&once, once_run);
    return once_runs == 1 ? 0 : 1;
}

static void test_once_detach(void)
{
    struct thread *threads[4];
    for (int i = 0; i < 4; i++) {
        EXPECT_OK(thread_create(thread_once, NULL, NULL, &threads[i]));
    }
    for (int i = 0; i < 4; i++) {
        int status;
        EXPECT_OK(thread_join(threads[i], &status));
        EXPECT(status == 0);
    }
    struct thread_attr attr = { .detached = true, .name = "detached", .stack_bytes = 40000 };
    uint32_t before = thread_count();
    for (int i = 0; i < 10; i++) {
        EXPECT_OK(thread_create(thread_once, NULL, &attr, NULL));
        thread_yield();
    }
    thread_sleep_ns(1 * MS);
    EXPECT(thread_count() <= before + 10);
}

/* From the lowest page of its stack to the highest. */
static int thread_deep(void *arg)
{
    volatile char deep[RESIDENT_BYTES - 2 * AOS_PAGE_BYTES];
    uint64_t before, after, total;

    ram_stats(&before, &total);
    for (size_t i = 0; i < sizeof(deep); i += AOS_PAGE_BYTES / 2) {
        deep[i] = 1;
    }
    ram_stats(&after, &total);
    *(bool *)arg = before != after;
    return 0;
}

static void test_resident(void)
{
    struct thread_attr attr = {.stack_bytes = RESIDENT_BYTES};
    bool grew[2] = {false, true};
    struct thread *t;
    int status;

    for (int i = 0; i < 2; i++) {
        attr.resident = i == 1;
        EXPECT_OK(thread_create(thread_deep, &grew[i], &attr, &t));
        EXPECT_OK(thread_join(t, &status));
        EXPECT(status == 0);
    }
    EXPECT(grew[0]);
    EXPECT(!grew[1]);
}

const struct libtest libtest_threads[] = {
    { "LIB0010 create and join, errno", test_create_join },
    { "LIB0011 preemption", test_preemption },
    { "LIB0012 mutex", test_mutex },
    { "LIB0013 condition and semaphore", test_cond_sem },
    { "LIB0014 sleep", test_sleep },
    { "LIB0015 floating point", test_float },
    { "LIB0016 once, detach", test_once_detach },
    { "LIB0017 two threads take turns", test_turns },
    { "LIB0019 a stack that is there from the start", test_resident },
    { NULL, NULL },
};
