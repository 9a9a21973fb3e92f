/* <threads.h> over aos/thread.h. */
#include <stdlib.h>
#include <threads.h>
#include <time.h>

#include <aos/time.h>

#define NS_PER_S 1000000000ull

static int threads_result(errval_t err)
{
    if (err_is_ok(err)) {
        return thrd_success;
    }
    return err_has(err, LIB_ERR_NO_MEMORY) ? thrd_nomem : thrd_error;
}

/* Nanoseconds, AOS_FOREVER if that is more than the clock will ever show. */
static uint64_t threads_ns(const struct timespec *t)
{
    uint64_t ns = 0;
    if (t->tv_sec < 0 || t->tv_nsec < 0) {
        return 0;
    }
    bool over = __builtin_mul_overflow((uint64_t)t->tv_sec, NS_PER_S, &ns) ||
                __builtin_add_overflow(ns, (uint64_t)t->tv_nsec, &ns);
    return over ? AOS_FOREVER : ns;
}

/* A time of the wall clock as a deadline of the system's. */
static uint64_t threads_deadline(const struct timespec *deadline)
{
    struct timespec now = { .tv_sec = 0 };
    uint64_t at = threads_ns(deadline);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    uint64_t now_ns = threads_ns(&now);
    return at == AOS_FOREVER ? AOS_FOREVER : time_deadline_ns(at > now_ns ? at - now_ns : 0);
}

int thrd_create(thrd_t *ret_thread, thrd_start_t fn, void *arg)
{
    return threads_result(thread_create(fn, arg, NULL, ret_thread));
}

thrd_t thrd_current(void)
{
    return thread_self();
}

int thrd_detach(thrd_t thread)
{
    return threads_result(thread_detach(thread));
}

int thrd_equal(thrd_t a, thrd_t b)
{
    return a == b;
}

void thrd_exit(int status)
{
    if (thread_id(thread_self()) == 0) {
        exit(EXIT_SUCCESS);
    }
    thread_exit(status);
}

int thrd_join(thrd_t thread, int *ret_status)
{
    return threads_result(thread_join(thread, ret_status));
}

int thrd_sleep(const struct timespec *duration, struct timespec *ret_remaining)
{
    thread_sleep_ns(threads_ns(duration));
    if (ret_remaining != NULL) {
        *ret_remaining = (struct timespec){ .tv_sec = 0 };
    }
    return 0;
}

void thrd_yield(void)
{
    thread_yield();
}

int mtx_init(mtx_t *m, int type)
{
    *m = (mtx_t){ .recursive = (type & mtx_recursive) != 0 };
    return thrd_success;
}

void mtx_destroy(mtx_t *m)
{
    (void)m;
}

int mtx_lock(mtx_t *m)
{
    mutex_lock(m);
    return thrd_success;
}

int mtx_trylock(mtx_t *m)
{
    return mutex_try_lock(m) ? thrd_success : thrd_busy;
}

int mtx_timedlock(mtx_t *restrict m, const struct timespec *restrict deadline)
{
    return mutex_lock_until(m, threads_deadline(deadline)) ? thrd_success : thrd_timedout;
}

int mtx_unlock(mtx_t *m)
{
    mutex_unlock(m);
    return thrd_success;
}

int cnd_init(cnd_t *c)
{
    *c = (cnd_t){ .waiters = { .head = NULL } };
    return thrd_success;
}

void cnd_destroy(cnd_t *c)
{
    (void)c;
}

int cnd_wait(cnd_t *c, mtx_t *m)
{
    cond_wait(c, m);
    return thrd_success;
}

int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict deadline)
{
    return cond_wait_until(c, m, threads_deadline(deadline)) ? thrd_success : thrd_timedout;
}

int cnd_signal(cnd_t *c)
{
    cond_signal(c);
    return thrd_success;
}

int cnd_broadcast(cnd_t *c)
{
    cond_broadcast(c);
    return thrd_success;
}

void call_once(once_flag *flag, void (*fn)(void))
{
    once_call(flag, fn);
}

int tss_create(tss_t *ret_key, tss_dtor_t end)
{
    return threads_result(thread_key_create(end, ret_key));
}

void tss_delete(tss_t key)
{
    thread_key_delete(key);
}

void *tss_get(tss_t key)
{
    return thread_key_get(key);
}

int tss_set(tss_t key, void *value)
{
    thread_key_set(key, value);
    return thrd_success;
}
