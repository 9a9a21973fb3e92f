/* Threads of this domain: preempted, by priority, round robin among equals, switched without the
 * kernel. Everything here blocks only the calling thread. Objects are in the caller's memory; all
 * zero is their initial state (a semaphore of 0). Unless said otherwise functions are called in
 * thread context, not disabled. <threads.h> has C's names for the same. */
#pragma once

#include <aos/dispatch.h>
#include <aos/types.h>

#define THREADS_MAX         1024u
#define THREAD_STACK_BYTES  0x40000ull   /* default; what is touched of it is paid for */
#define THREAD_STACK_MIN    0x4000ull
#define THREAD_NAME_BYTES   16u

typedef int (*thread_fn)(void *arg);

/* A runnable thread of higher priority runs before all others, at once. */
#define THREAD_PRIORITY_MIN (-4)
#define THREAD_PRIORITY_MAX 3            /* 0: default */

struct thread_attr {                     /* NULL or all zero: defaults */
    uint64_t stack_bytes;
    const char *name;                    /* copied, cut */
    bool detached;
    bool resident;                       /* the whole stack is there from the start, and paid for:
                                          * no call of the thread can end for want of memory */
    int8_t priority;
};

/* LIB_ERR_THREAD_LIMIT, LIB_ERR_NO_MEMORY. */
errval_t thread_create(thread_fn fn, void *arg, const struct thread_attr *attr,
                       struct thread **ret_thread);
/* Waits for its end and gives its stack back. Once per thread; LIB_ERR_BAD_STATE for a detached
 * one or oneself. */
errval_t thread_join(struct thread *t, int *ret_status);
/* The same until the deadline: LIB_ERR_TIMEOUT, and it can be joined later. */
errval_t thread_join_until(struct thread *t, uint64_t deadline_ns, int *ret_status);
errval_t thread_detach(struct thread *t);
void thread_exit(int status) __attribute__((noreturn));
/* To another thread of the same or a higher priority, if one is runnable. */
void thread_yield(void);
/* LIB_ERR_RANGE. While others wait for its mutexes, a thread runs at the highest of their
 * priorities. */
errval_t thread_set_priority(struct thread *t, int priority);
int thread_priority(const struct thread *t);
struct thread *thread_self(void);
const char *thread_name(const struct thread *t);
uint32_t thread_id(const struct thread *t);
uint32_t thread_count(void);
void thread_sleep_ns(uint64_t ns);
void thread_sleep_until(uint64_t deadline_ns);

/* Owner-checked; a mistake ends the domain. The owner inherits the priority of whoever waits, also
 * through a chain of mutexes. `recursive` is set before the first use and then left alone. */
struct mutex {
    uint64_t owner;                      /* struct thread *, | 1 when somebody waits */
    uint32_t depth;                      /* extra acquisitions by the owner of a recursive one */
    bool recursive;
    struct thread_queue waiters;
    struct mutex *next_held;             /* of the owner's that somebody waits for */
};
#define MUTEX_INIT           { .recursive = false }
#define MUTEX_INIT_RECURSIVE { .recursive = true }
void mutex_lock(struct mutex *m);
bool mutex_try_lock(struct mutex *m);
/* False: the deadline passed. */
bool mutex_lock_until(struct mutex *m, uint64_t deadline_ns);
void mutex_unlock(struct mutex *m);
bool mutex_held(const struct mutex *m);  /* by the caller */

struct cond {
    struct thread_queue waiters;
};
/* `m` is held once, and held again on return. */
void cond_wait(struct cond *c, struct mutex *m);
/* False: the deadline passed. */
bool cond_wait_until(struct cond *c, struct mutex *m, uint64_t deadline_ns);
void cond_signal(struct cond *c);
void cond_broadcast(struct cond *c);

/* A count that waiters take one from. */
struct sem {
    uint64_t count;
    struct thread_queue waiters;
};
void sem_init(struct sem *s, uint64_t count);
void sem_wait(struct sem *s);
bool sem_try_wait(struct sem *s);
/* False: the deadline passed, and nothing was taken. */
bool sem_wait_until(struct sem *s, uint64_t deadline_ns);
void sem_post(struct sem *s);

/* Many readers or one writer. Who waits for writing keeps later readers out. No owner is kept: a
 * reader must not lock again. */
struct rwlock {
    int64_t users;                       /* readers; -1: a writer */
    uint64_t writers_waiting;
    struct thread_queue readers, writers;
};
void rwlock_read_lock(struct rwlock *l);
bool rwlock_try_read_lock(struct rwlock *l);
void rwlock_write_lock(struct rwlock *l);
bool rwlock_try_write_lock(struct rwlock *l);
void rwlock_unlock(struct rwlock *l);

/* `count` threads wait for each other, again and again. */
struct barrier {
    uint32_t count;                      /* at least 1 */
    uint32_t arrived;
    struct thread_queue waiters;
};
#define BARRIER_INIT(n) { .count = (n) }
/* True for one of them. */
bool barrier_wait(struct barrier *b);

/* Values of each thread by keys. When a thread ends that has a value other than NULL, it calls the
 * key's function, if there is one, up to THREAD_KEY_ROUNDS times while values come back. */
#define THREAD_KEYS_MAX   32u
#define THREAD_KEY_ROUNDS 4u
typedef uint32_t thread_key;
/* LIB_ERR_THREAD_LIMIT: all keys are in use. */
errval_t thread_key_create(void (*end)(void *value), thread_key *ret_key);
/* The values are left alone. */
void thread_key_delete(thread_key key);
void *thread_key_get(thread_key key);
void thread_key_set(thread_key key, void *value);

struct once {
    uint32_t state;
    struct thread_queue waiters;
};
/* Runs fn() for the first caller; the others return when it has finished. */
void once_call(struct once *o, void (*fn)(void));

/* For channels and stubs. Enter disabled, return disabled. While blocked, other threads run;
 * with none, the domain waits in the kernel, and what arrives goes to chan_deliver_disabled. */
void thread_block_disabled(struct thread_queue *q);
/* False: the deadline passed and the thread left the queue. AOS_FOREVER never passes. */
bool thread_block_until_disabled(struct thread_queue *q, uint64_t deadline_ns);
/* False: nobody waits. The woken thread goes to the end of the run queue. */
bool thread_wake_one_disabled(struct thread_queue *q);
void thread_wake_all_disabled(struct thread_queue *q);
/* Wakes exactly this blocked thread. */
void thread_wake_disabled(struct thread *t);
