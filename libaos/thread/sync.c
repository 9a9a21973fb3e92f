/* Locks. The uncontended paths are one exclusive store; contended ones are disabled sections, in
 * which the lock is handed to the first waiter, so that nobody starves. */
#include <aos/debug.h>
#include <aos/slot.h>

#include "thread_priv.h"

#define MUTEX_CONTENDED 1ull

static bool mutex_try_fast(struct mutex *m, uint64_t self)
{
    uint64_t free = 0;
    return __atomic_compare_exchange_n(&m->owner, &free, self, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static bool mutex_again(struct mutex *m, uint64_t self)
{
    if ((m->owner & ~MUTEX_CONTENDED) != self) {
        return false;
    }
    USER_CHECK(m->recursive);            /* else the thread would wait for itself */
    m->depth++;
    return true;
}

static void mutex_lock_disabled(struct mutex *m, uint64_t self)
{
    if (m->owner == 0) {
        m->owner = self;
        return;
    }
    m->owner |= MUTEX_CONTENDED;
    thread_block_disabled(&m->waiters);  /* mutex_unlock has made us the owner */
}

void mutex_lock(struct mutex *m)
{
    uint64_t self = (uint64_t)disp_user()->current;
    if (__builtin_expect(mutex_try_fast(m, self), 1) || mutex_again(m, self)) {
        return;
    }
    disp_disable();
    mutex_lock_disabled(m, self);
    disp_enable();
}

bool mutex_try_lock(struct mutex *m)
{
    uint64_t self = (uint64_t)disp_user()->current;
    if (mutex_try_fast(m, self)) {
        return true;
    }
    return m->recursive && mutex_again(m, self);
}

static void mutex_unlock_disabled(struct mutex *m)
{
    struct thread *next = m->waiters.head;
    if (next == NULL) {
        m->owner = 0;
        return;
    }
    (void)thread_wake_one_disabled(&m->waiters);
    m->owner = (uint64_t)next | (m->waiters.head != NULL ? MUTEX_CONTENDED : 0);
}

void mutex_unlock(struct mutex *m)
{
    uint64_t self = (uint64_t)disp_user()->current;
    USER_CHECK((m->owner & ~MUTEX_CONTENDED) == self);
    if (m->depth > 0) {
        m->depth--;
        return;
    }
    uint64_t owner = self;
    if (__builtin_expect(__atomic_compare_exchange_n(&m->owner, &owner, 0, false, __ATOMIC_RELEASE,
                                                     __ATOMIC_RELAXED), 1)) {
        return;
    }
    disp_disable();
    mutex_unlock_disabled(m);
    disp_enable();
}

bool mutex_held(const struct mutex *m)
{
    return (m->owner & ~MUTEX_CONTENDED) == (uint64_t)disp_user()->current;
}

bool cond_wait_until(struct cond *c, struct mutex *m, uint64_t deadline_ns)
{
    uint64_t self = (uint64_t)disp_user()->current;
    USER_CHECK(mutex_held(m) && m->depth == 0);
    disp_disable();
    mutex_unlock_disabled(m);
    bool woken = thread_block_until_disabled(&c->waiters, deadline_ns);
    mutex_lock_disabled(m, self);
    disp_enable();
    return woken;
}

void cond_wait(struct cond *c, struct mutex *m)
{
    (void)cond_wait_until(c, m, AOS_FOREVER);
}

void cond_signal(struct cond *c)
{
    /* a waiter that is not there yet has not let go of its mutex */
    if (c->waiters.head != NULL) {
        disp_disable();
        (void)thread_wake_one_disabled(&c->waiters);
        disp_enable();
    }
}

void cond_broadcast(struct cond *c)
{
    if (c->waiters.head != NULL) {
        disp_disable();
        thread_wake_all_disabled(&c->waiters);
        disp_enable();
    }
}

void sem_init(struct sem *s, uint64_t count)
{
    *s = (struct sem){ .count = count };
}

bool sem_try_wait(struct sem *s)
{
    disp_disable();
    bool taken = s->count > 0;
    s->count -= taken ? 1 : 0;
    disp_enable();
    return taken;
}

bool sem_wait_until(struct sem *s, uint64_t deadline_ns)
{
    bool taken = true;
    disp_disable();
    if (s->count > 0) {
        s->count--;
    } else {
        taken = thread_block_until_disabled(&s->waiters, deadline_ns); /* sem_post gave us one */
    }
    disp_enable();
    recv_slot_refill();
    return taken;
}

void sem_wait(struct sem *s)
{
    (void)sem_wait_until(s, AOS_FOREVER);
}

void sem_post(struct sem *s)
{
    disp_disable();
    if (!thread_wake_one_disabled(&s->waiters)) {
        s->count++;
    }
    disp_enable();
}

enum once_state { ONCE_NEW, ONCE_RUNNING, ONCE_DONE };

void once_call(struct once *o, void (*fn)(void))
{
    if (__atomic_load_n(&o->state, __ATOMIC_ACQUIRE) == ONCE_DONE) {
        return;
    }
    disp_disable();
    if (o->state == ONCE_NEW) {
        o->state = ONCE_RUNNING;
        disp_enable();
        fn();
        disp_disable();
        o->state = ONCE_DONE;
        thread_wake_all_disabled(&o->waiters);
    } else {
        while (o->state != ONCE_DONE) {
            thread_block_disabled(&o->waiters);
        }
    }
    disp_enable();
}
