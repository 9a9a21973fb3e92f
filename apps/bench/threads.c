/* Threads: two that yield to each other. */
#include "bench_priv.h"

#include <stdbool.h>

#include <aos/thread.h>

static volatile bool stop;

static int threads_other(void *arg)
{
    while (!stop) {
        thread_yield();
    }
    return 0;
}

static errval_t threads_yield(void *arg)
{
    thread_yield();
    return ERR_OK;
}

void bench_threads(void)
{
    struct thread *other;

    bench_check("thread", thread_create(threads_other, NULL, NULL, &other));
    /* One call goes there and back: two switches. */
    bench_run("thread_switch", &(struct bench){.fn = threads_yield, .per = 2}, NULL);
    stop = true;
    bench_check("join", thread_join(other, NULL));
}
