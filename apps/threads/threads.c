/* Threads at work: threads [COUNT]. COUNT producers put numbers into a bounded buffer, COUNT
 * consumers take them out, a spinning thread shows that nobody is starved, and the sums must
 * agree. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <aos/thread.h>

#define COUNT_DEFAULT 4
#define COUNT_MAX     100
#define ITEMS         1000u              /* per producer */
#define BUFFER        16u

static struct {
    struct mutex lock;
    struct cond not_full;
    struct cond not_empty;
    uint32_t item[BUFFER];
    unsigned first, count;
    uint64_t taken, sum;
} buffer;

static _Atomic bool stop;
static _Atomic uint64_t spins;

static int producer(void *arg)
{
    uint32_t from = (uint32_t)(uintptr_t)arg * ITEMS;

    for (uint32_t i = 1; i <= ITEMS; i++) {
        mutex_lock(&buffer.lock);
        while (buffer.count == BUFFER) {
            cond_wait(&buffer.not_full, &buffer.lock);
        }
        buffer.item[(buffer.first + buffer.count++) % BUFFER] = from + i;
        cond_signal(&buffer.not_empty);
        mutex_unlock(&buffer.lock);
    }
    return 0;
}

static int consumer(void *arg)
{
    uint64_t total = *(const uint64_t *)arg;
    int taken = 0;

    mutex_lock(&buffer.lock);
    for (;;) {
        while (buffer.count == 0 && buffer.taken < total) {
            cond_wait(&buffer.not_empty, &buffer.lock);
        }
        if (buffer.taken == total) {
            break;
        }
        buffer.sum += buffer.item[buffer.first];
        buffer.first = (buffer.first + 1) % BUFFER;
        buffer.count--;
        buffer.taken++;
        taken++;
        cond_signal(&buffer.not_full);
    }
    cond_broadcast(&buffer.not_empty);
    mutex_unlock(&buffer.lock);
    return taken;
}

/* Never blocks and never yields: only preemption lets the others run. */
static int spinner(void *arg)
{
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        atomic_fetch_add_explicit(&spins, 1, memory_order_relaxed);
    }
    return 0;
}

static struct thread *start(thread_fn fn, void *arg, const char *name)
{
    struct thread_attr attr = {.name = name};
    struct thread *thread = NULL;

    if (err_is_fail(thread_create(fn, arg, &attr, &thread))) {
        fprintf(stderr, "threads: cannot create another thread\n");
        exit(1);
    }
    return thread;
}

int main(int argc, char **argv)
{
    static struct thread *thread[2 * COUNT_MAX];
    int count = argc > 1 ? atoi(argv[1]) : COUNT_DEFAULT;

    if (argc > 2 || count < 1 || count > COUNT_MAX) {
        fprintf(stderr, "usage: threads [COUNT]     COUNT from 1 to %d\n", COUNT_MAX);
        return 2;
    }
    uint64_t total = (uint64_t)count * ITEMS;
    struct thread *spin = start(spinner, NULL, "spinner");
    for (int i = 0; i < count; i++) {
        thread[2 * i] = start(consumer, &total, "consumer");
        thread[2 * i + 1] = start(producer, (void *)(uintptr_t)i, "producer");
    }
    int taken = 0;
    for (int i = 0; i < 2 * count; i++) {
        int status = 0;
        if (err_is_fail(thread_join(thread[i], &status))) {
            fprintf(stderr, "threads: cannot join thread %d\n", i);
            return 1;
        }
        taken += status;
    }
    atomic_store_explicit(&stop, true, memory_order_relaxed);
    (void)thread_join(spin, NULL);
    bool right = (uint64_t)taken == total && buffer.sum == total * (total + 1) / 2;
    printf("threads: %d producers and %d consumers passed %d items: %s\n", count, count, taken,
           right ? "all arrived once" : "the sums do not agree");
    return right ? 0 : 1;
}
