/* Threads as C has them (ISO/IEC 9899:2011, 7.26), over aos/thread.h. The first thread's thrd_exit
 * ends the program. */
#pragma once

#include <time.h>
#include <aos/thread.h>

#define thread_local   _Thread_local
#define ONCE_FLAG_INIT { 0 }
#define TSS_DTOR_ITERATIONS THREAD_KEY_ROUNDS

typedef struct thread *thrd_t;
typedef int (*thrd_start_t)(void *);
typedef struct mutex mtx_t;
typedef struct cond cnd_t;
typedef struct once once_flag;
typedef thread_key tss_t;
typedef void (*tss_dtor_t)(void *);

enum { thrd_success, thrd_nomem, thrd_timedout, thrd_busy, thrd_error };
enum { mtx_plain = 0, mtx_recursive = 1, mtx_timed = 2 };

int thrd_create(thrd_t *ret_thread, thrd_start_t fn, void *arg);
thrd_t thrd_current(void);
int thrd_detach(thrd_t thread);
int thrd_equal(thrd_t a, thrd_t b);
_Noreturn void thrd_exit(int status);
int thrd_join(thrd_t thread, int *ret_status);
int thrd_sleep(const struct timespec *duration, struct timespec *ret_remaining);
void thrd_yield(void);

int mtx_init(mtx_t *m, int type);
void mtx_destroy(mtx_t *m);
int mtx_lock(mtx_t *m);
int mtx_trylock(mtx_t *m);
/* Deadlines are of TIME_UTC, the clock of timespec_get. */
int mtx_timedlock(mtx_t *restrict m, const struct timespec *restrict deadline);
int mtx_unlock(mtx_t *m);

int cnd_init(cnd_t *c);
void cnd_destroy(cnd_t *c);
int cnd_wait(cnd_t *c, mtx_t *m);
int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict deadline);
int cnd_signal(cnd_t *c);
int cnd_broadcast(cnd_t *c);

void call_once(once_flag *flag, void (*fn)(void));

int tss_create(tss_t *ret_key, tss_dtor_t end);
void tss_delete(tss_t key);
void *tss_get(tss_t key);
int tss_set(tss_t key, void *value);
