/* Threads: two that yield to each other. */
#include "bench_priv.h"

#include <stdbool.h>
#include <stdio.h>

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

static void threads_run(const char *name)
{
    struct thread *other;

    stop = false;
    bench_check("thread", thread_create(threads_other, NULL, NULL, &other));
    /* One call goes there and back: two switches. */
    bench_run(name, &(struct bench){.fn = threads_yield, .per = 2}, NULL);
    stop = true;
    bench_check("join", thread_join(other, NULL));
}

/* From their first use on, floating-point registers travel with each switch. Whatever formats as
 * printf does uses them; nothing here has until now (measure.c). */
void bench_threads(void)
{
    char text[8];

    threads_run("thread_switch_plain");
    (void)snprintf(text, sizeof(text), "%u", 0u);
    threads_run("thread_switch");
}
