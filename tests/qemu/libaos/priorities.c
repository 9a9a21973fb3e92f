/* Priorities, what inherits them, and locks of several kinds. */
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include <aos/thread.h>
#include <aos/time.h>

#include "libtest.h"

#define MS 1000000ull

/* What ran, in order. */
static char trail[64];
static size_t trail_length;

static void trail_add(char c)
{
    trail[trail_length < sizeof(trail) - 1 ? trail_length++ : 0] = c;
}

static void trail_clear(void)
{
    memset(trail, 0, sizeof(trail));
    trail_length = 0;
}

static int write_letter(void *arg)
{
    trail_add(*(const char *)arg);
    thread_yield();
    trail_add(*(const char *)arg);
    return 0;
}

static struct thread *start(thread_fn fn, const void *arg, int priority)
{
    struct thread_attr attr = { .name = "prio", .priority = (int8_t)priority };
    struct thread *t = NULL;
    EXPECT_OK(thread_create(fn, (void *)(uintptr_t)arg, &attr, &t));
    return t;
}

static void test_order(void)
{
    static const char *const letters[] = { "l", "a", "h", "b", "m", "H" };
    static const int priorities[] = { -4, 0, 3, 0, -1, 3 };
    struct thread *threads[6];
    trail_clear();
    EXPECT_OK(thread_set_priority(thread_self(), THREAD_PRIORITY_MAX));
    for (int i = 0; i < 6; i++) {
        threads[i] = start(write_letter, letters[i], priorities[i]);
    }
    EXPECT(trail_length == 0);           /* none is of a higher priority than this thread */
    EXPECT_OK(thread_set_priority(thread_self(), THREAD_PRIORITY_MIN));
    for (int i = 0; i < 6; i++) {
        EXPECT_OK(thread_join(threads[i], NULL));
    }
    EXPECT(strcmp(trail, "hHhHababmmll") == 0);
    EXPECT(thread_priority(thread_self()) == THREAD_PRIORITY_MIN);
    EXPECT_OK(thread_set_priority(thread_self(), 0));
    EXPECT(thread_set_priority(thread_self(), THREAD_PRIORITY_MAX + 1) == LIB_ERR_RANGE);
    EXPECT(thread_create(write_letter, NULL, &(struct thread_attr){ .priority = -5 }, NULL) ==
           LIB_ERR_RANGE);
}

/* A thread of higher priority runs at once when it is made, woken, or raised. */
static struct sem wake;
static int wait_then_write(void *arg)
{
    sem_wait(&wake);
    trail_add(*(const char *)arg);
    return 0;
}

static void test_at_once(void)
{
    trail_clear();
    struct thread *h = start(write_letter, "h", 1);
    EXPECT(strcmp(trail, "hh") == 0);
    EXPECT_OK(thread_join(h, NULL));
    h = start(wait_then_write, "w", 1);
    trail_add('1');
    sem_post(&wake);
    trail_add('2');
    EXPECT(strcmp(trail, "hh1w2") == 0);
    EXPECT_OK(thread_join(h, NULL));
    trail_clear();
    struct thread *l = start(write_letter, "l", -1);
    thread_yield();                      /* goes to nobody of a lower priority */
    trail_add('1');
    EXPECT_OK(thread_set_priority(l, 1));
    trail_add('2');
    EXPECT(strcmp(trail, "1ll2") == 0);
    EXPECT_OK(thread_join(l, NULL));
}

/* Three mutexes in a chain: the one who is waited for runs before those in between. */
static struct mutex chain[3];
static struct sem chain_ready;

static int chain_hold(void *arg)
{
    uintptr_t i = (uintptr_t)arg;
    mutex_lock(&chain[i]);
    sem_post(&chain_ready);
    if (i > 0) {
        mutex_lock(&chain[i - 1]);
        mutex_unlock(&chain[i - 1]);
    } else {
        sem_wait(&wake);
    }
    trail_add((char)('0' + i));
    mutex_unlock(&chain[i]);
    return 0;
}

static volatile bool spin_stop;
static int spin(void *arg)
{
    while (!spin_stop) {
        thread_yield();
    }
    trail_add('s');
    return 0;
}

static int want_last(void *arg)
{
    mutex_lock(&chain[2]);
    trail_add('H');
    mutex_unlock(&chain[2]);
    return 0;
}

static void test_inherit(void)
{
    struct thread *t[5];
    trail_clear();
    spin_stop = false;
    for (uintptr_t i = 0; i < 3; i++) {
        t[i] = start(chain_hold, (void *)i, -3);
        sem_wait(&chain_ready);
    }
    thread_sleep_ns(1 * MS);             /* the others wait for each other now */
    t[3] = start(want_last, NULL, 2);
    EXPECT(thread_priority(t[0]) == -3); /* its own */
    EXPECT_OK(thread_set_priority(thread_self(), 1));
    t[4] = start(spin, NULL, 1);         /* would keep what is below it from running */
    sem_post(&wake);
    EXPECT_OK(thread_join(t[3], NULL));
    spin_stop = true;
    EXPECT_OK(thread_set_priority(thread_self(), 0));
    for (int i = 0; i < 5; i++) {
        if (i != 3) {
            EXPECT_OK(thread_join(t[i], NULL));
        }
    }
    EXPECT(strcmp(trail, "012Hs") == 0);
}

static int hold_for_a_while(void *arg)
{
    mutex_lock(arg);
    sem_post(&chain_ready);
    sem_wait(&wake);
    mutex_unlock(arg);
    return 0;
}

static void test_lock_until(void)
{
    static struct mutex m;
    struct thread *t = start(hold_for_a_while, &m, -2);
    sem_wait(&chain_ready);
    uint64_t begin = time_now_ns();
    EXPECT(!mutex_lock_until(&m, begin + 2 * MS));
    EXPECT(time_now_ns() >= begin + 2 * MS);
    EXPECT(thread_join_until(t, time_now_ns() + 1 * MS, NULL) == LIB_ERR_TIMEOUT);
    sem_post(&wake);
    EXPECT(mutex_lock_until(&m, time_now_ns() + 1000 * MS));
    mutex_unlock(&m);
    EXPECT_OK(thread_join_until(t, time_now_ns() + 1000 * MS, NULL));
}

static struct rwlock rw;
static int readers_inside, readers_most, writers_inside;
static uint64_t rw_value[2];

static int rw_work(void *arg)
{
    bool writer = *(bool *)arg;
    for (int i = 0; i < 300; i++) {
        if (writer) {
            rwlock_write_lock(&rw);
            EXPECT(writers_inside++ == 0 && readers_inside == 0);
            rw_value[0]++;
            thread_yield();
            rw_value[1]++;
            writers_inside--;
        } else {
            rwlock_read_lock(&rw);
            readers_inside++;
            readers_most = readers_inside > readers_most ? readers_inside : readers_most;
            thread_yield();
            EXPECT(writers_inside == 0 && rw_value[0] == rw_value[1]);
            readers_inside--;
        }
        rwlock_unlock(&rw);
        if (i % 16 == 0) {
            thread_yield();
        }
    }
    return 0;
}

static void test_rwlock(void)
{
    enum { COUNT = 8 };
    struct thread *t[COUNT];
    bool writer[COUNT];
    for (int i = 0; i < COUNT; i++) {
        writer[i] = i % 4 == 0;
        t[i] = start(rw_work, &writer[i], i % 3 - 1);
    }
    for (int i = 0; i < COUNT; i++) {
        EXPECT_OK(thread_join(t[i], NULL));
    }
    EXPECT(rw_value[0] == 600 && readers_most > 1);
    EXPECT(rwlock_try_write_lock(&rw) && !rwlock_try_read_lock(&rw));
    rwlock_unlock(&rw);
    EXPECT(rwlock_try_read_lock(&rw) && rwlock_try_read_lock(&rw) && !rwlock_try_write_lock(&rw));
    rwlock_unlock(&rw);
    rwlock_unlock(&rw);
}

static tss_t key;
static int key_ends;
static void key_end(void *value)
{
    key_ends++;
    if (value == &key_ends) {            /* once more */
        (void)tss_set(key, &key);
    }
}

static mtx_t c_lock;
static cnd_t c_ready;
static int c_state;

static int c_thread(void *arg)
{
    EXPECT(tss_get(key) == NULL && tss_set(key, arg) == thrd_success);
    EXPECT(mtx_lock(&c_lock) == thrd_success);
    c_state++;
    (void)cnd_signal(&c_ready);
    EXPECT(mtx_unlock(&c_lock) == thrd_success);
    thrd_exit(7);
}

static void test_c11(void)
{
    thrd_t t;
    int status = 0;
    struct timespec now, soon;
    EXPECT(mtx_init(&c_lock, mtx_timed) == thrd_success && cnd_init(&c_ready) == thrd_success);
    EXPECT(tss_create(&key, key_end) == thrd_success);
    EXPECT(mtx_lock(&c_lock) == thrd_success);
    EXPECT(thrd_create(&t, c_thread, &key_ends) == thrd_success);
    while (c_state == 0) {
        EXPECT(cnd_wait(&c_ready, &c_lock) == thrd_success);
    }
    (void)clock_gettime(CLOCK_REALTIME, &now);
    soon = (struct timespec){ now.tv_sec + (now.tv_nsec + 2000000) / 1000000000,
                              (now.tv_nsec + 2000000) % 1000000000 };
    EXPECT(cnd_timedwait(&c_ready, &c_lock, &soon) == thrd_timedout);
    EXPECT(mtx_unlock(&c_lock) == thrd_success);
    EXPECT(thrd_join(t, &status) == thrd_success && status == 7);
    EXPECT(key_ends == 2 && !thrd_equal(t, thrd_current()));
    tss_delete(key);
}

/* As many threads as a domain may have, all at once. */
enum { MANY = 1000 };
static struct barrier many = BARRIER_INIT(MANY + 1);
static int many_thread(void *arg)
{
    char room[256];
    memset(room, (int)(uintptr_t)arg, sizeof(room));
    (void)barrier_wait(&many);
    (void)barrier_wait(&many);
    return room[255];
}

static uint64_t ram_in_use(void)
{
    uint64_t free_bytes;
    uint64_t total;
    ram_stats(&free_bytes, &total);
    return total - free_bytes;
}

static void many_round(void)
{
    static struct thread *t[MANY];
    struct thread_attr attr = { .stack_bytes = THREAD_STACK_MIN };
    int made = 0;
    for (; made < MANY; made++) {
        if (err_is_fail(thread_create(many_thread, (void *)(uintptr_t)made, &attr, &t[made]))) {
            break;
        }
    }
    EXPECT(made == MANY);
    many.count = (uint32_t)made + 1;
    (void)barrier_wait(&many);
    EXPECT(thread_count() >= (uint32_t)made + 1);
    (void)barrier_wait(&many);
    for (int i = 0; i < made; i++) {
        int status;
        EXPECT_OK(thread_join(t[i], &status));
        EXPECT(status == (char)i);
    }
}

static void test_many(void)
{
    many_round();                        /* what slabs grow by stays */
    uint64_t before = ram_in_use();
    many_round();
    printf("# memory %llu -> %llu\n", (unsigned long long)before,
           (unsigned long long)ram_in_use());
    EXPECT(ram_in_use() <= before + 2 * KPI_L2_BYTES);
}

/* Random programs of locks and priorities: whoever runs is of the highest level of those that could
 * (checked whenever one gets a lock), and nothing is lost. */
enum { RANDOM_THREADS = 12, RANDOM_LOCKS = 3, RANDOM_ROUNDS = 400 };
static struct mutex random_locks[RANDOM_LOCKS];
static struct sem random_tokens;
static int random_inside[RANDOM_LOCKS];
static uint64_t random_done;

static int random_thread(void *arg)
{
    uint32_t x = (uint32_t)(uintptr_t)arg * 2654435761u + 1;
    for (int i = 0; i < RANDOM_ROUNDS; i++) {
        x = x * 1664525u + 1013904223u;
        uint32_t first = (x >> 8) % RANDOM_LOCKS, second = (x >> 12) % RANDOM_LOCKS;
        uint32_t low = first < second ? first : second, high = first < second ? second : first;
        EXPECT_OK(thread_set_priority(thread_self(), (int)((x >> 16) % 8) - 4));
        bool got = (x >> 20) % 4 != 0 || mutex_lock_until(&random_locks[low], time_now_ns() + 1000);
        if ((x >> 20) % 4 != 0) {
            mutex_lock(&random_locks[low]);
        }
        if (!got) {
            continue;
        }
        EXPECT(random_inside[low]++ == 0);
        if (high != low) {
            mutex_lock(&random_locks[high]);
            EXPECT(random_inside[high]++ == 0);
        }
        if ((x >> 24) % 4 == 0) {
            thread_yield();
        }
        sem_post(&random_tokens);
        random_done++;
        if (high != low) {
            random_inside[high]--;
            mutex_unlock(&random_locks[high]);
        }
        random_inside[low]--;
        mutex_unlock(&random_locks[low]);
    }
    return 0;
}

static void test_random(void)
{
    struct thread *t[RANDOM_THREADS];
    for (uintptr_t i = 0; i < RANDOM_THREADS; i++) {
        t[i] = start(random_thread, (void *)(i + 1), (int)(i % 8) - 4);
    }
    for (int i = 0; i < RANDOM_THREADS; i++) {
        EXPECT_OK(thread_join(t[i], NULL));
    }
    EXPECT(random_done == random_tokens.count && random_done > RANDOM_THREADS * RANDOM_ROUNDS / 2);
    for (int i = 0; i < RANDOM_LOCKS; i++) {
        EXPECT(random_locks[i].owner == 0 && random_locks[i].next_held == NULL);
    }
}

const struct libtest libtest_priorities[] = {
    { "LIB0060 the highest priority runs, equals take turns", test_order },
    { "LIB0061 a higher priority runs at once", test_at_once },
    { "LIB0062 inheritance along a chain of mutexes", test_inherit },
    { "LIB0063 locks and joins with a deadline", test_lock_until },
    { "LIB0064 readers and writers", test_rwlock },
    { "LIB0065 threads of C11", test_c11 },
    { "LIB0066 a thousand threads", test_many },
    { "LIB0067 random locks and priorities", test_random },
    { NULL, NULL },
};
