/* What threads wait for besides mutexes: conditions, semaphores, each other. */
#include <aos/debug.h>
#include <aos/slot.h>

#include "thread_priv.h"

bool cond_wait_until(struct cond *c, struct mutex *m, uint64_t deadline_ns)
{
    USER_CHECK(mutex_held(m) && m->depth == 0);
    disp_disable();
    mutex_unlock_disabled(m);
    bool woken = thread_block_until_disabled(&c->waiters, deadline_ns);
    (void)mutex_lock_disabled(m, AOS_FOREVER);
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
