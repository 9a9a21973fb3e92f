/* Mutexes. The uncontended paths are one exclusive store; contended ones are disabled sections, in
 * which the lock is handed to the first waiter, so that nobody starves.
 *
 * Priority inheritance: a thread runs at the highest level of its own and of all who wait for its
 * mutexes. `held` lists a thread's mutexes that somebody waits for; their queues are in the order
 * of levels, so the first waiter of each decides. `wanted` leads from a waiting thread to the next
 * owner, who may wait as well. */
#include <aos/debug.h>

#include "queue_priv.h"
#include "thread_priv.h"

#define MUTEX_CONTENDED 1ull

static bool mutex_try_fast(struct mutex *m, uint64_t self)
{
    uint64_t free = 0;
    return __atomic_compare_exchange_n(&m->owner, &free, self, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static struct thread *mutex_owner(const struct mutex *m)
{
    return (struct thread *)(m->owner & ~MUTEX_CONTENDED);
}

static bool mutex_again(struct mutex *m, uint64_t self)
{
    if ((m->owner & ~MUTEX_CONTENDED) != self) {
        return false;
    }
    if (!m->recursive) {
        aos_panic("thread %s locks mutex %p, which it holds", thread_name(thread_self()),
                  (void *)m);
    }
    m->depth++;
    return true;
}

/* The level that a thread runs at by what it holds. */
static uint32_t mutex_level(const struct thread *t)
{
    uint32_t level = t->base_level;
    for (const struct mutex *m = t->held; m != NULL; m = m->next_held) {
        const struct thread *first = m->waiters.head; /* NULL: it has just given up */
        level = first != NULL && first->level > level ? first->level : level;
    }
    return level;
}

/* `owner`, and whoever it waits for in turn, runs at least at `level`. */
static void mutex_lend(struct thread *owner, uint32_t level)
{
    while (owner->level < level) {
        sched_set_level(owner, level);
        if (owner->wanted == NULL) {
            return;
        }
        owner = mutex_owner(owner->wanted);
    }
}

void thread_relevel_disabled(struct thread *t)
{
    uint32_t level = mutex_level(t);
    while (level != t->level) {
        sched_set_level(t, level);
        if (t->wanted == NULL) {
            return;
        }
        t = mutex_owner(t->wanted);
        level = mutex_level(t);
    }
}

static void mutex_hold(struct mutex *m, struct thread *owner)
{
    m->owner = (uint64_t)owner | MUTEX_CONTENDED;
    m->next_held = owner->held;
    owner->held = m;
}

/* Nobody waits for it any more, or it gets another owner. */
static void mutex_unhold(struct mutex *m, struct thread *owner)
{
    if ((m->owner & MUTEX_CONTENDED) == 0) {
        return;
    }
    m->owner = (uint64_t)owner;
    struct mutex **link = &owner->held;
    while (*link != m) {
        link = &(*link)->next_held;
    }
    *link = m->next_held;
    m->next_held = NULL;
}

bool mutex_lock_disabled(struct mutex *m, uint64_t deadline_ns)
{
    struct thread *self = disp_user()->current;
    if (m->owner == 0) {
        m->owner = (uint64_t)self;
        return true;
    }
    struct thread *owner = mutex_owner(m);
    if ((m->owner & MUTEX_CONTENDED) == 0) {
        mutex_hold(m, owner);
    }
    self->wanted = m;
    mutex_lend(owner, self->level);
    bool got = thread_block_until_disabled(&m->waiters, deadline_ns);
    self->wanted = NULL;
    owner = mutex_owner(m);
    if (!got && owner != NULL) {
        if (m->waiters.head == NULL) {
            mutex_unhold(m, owner);
        }
        thread_relevel_disabled(owner);
    }
    return got;                          /* true: mutex_unlock_disabled has made us the owner */
}

void mutex_lock(struct mutex *m)
{
    uint64_t self = (uint64_t)disp_user()->current;
    if (__builtin_expect(mutex_try_fast(m, self), 1) || mutex_again(m, self)) {
        return;
    }
    disp_disable();
    (void)mutex_lock_disabled(m, AOS_FOREVER);
    disp_enable();
}

bool mutex_lock_until(struct mutex *m, uint64_t deadline_ns)
{
    uint64_t self = (uint64_t)disp_user()->current;
    if (mutex_try_fast(m, self) || mutex_again(m, self)) {
        return true;
    }
    disp_disable();
    bool got = mutex_lock_disabled(m, deadline_ns);
    disp_enable();
    return got;
}

bool mutex_try_lock(struct mutex *m)
{
    uint64_t self = (uint64_t)disp_user()->current;
    if (mutex_try_fast(m, self)) {
        return true;
    }
    return m->recursive && mutex_again(m, self);
}

void mutex_unlock_disabled(struct mutex *m)
{
    struct thread *self = disp_user()->current;
    struct thread *next = m->waiters.head;
    mutex_unhold(m, self);
    m->owner = (uint64_t)next;
    (void)thread_wake_one_disabled(&m->waiters);
    if (m->waiters.head != NULL) {
        mutex_hold(m, next);             /* nobody who waits is of a higher level than it */
    }
    thread_relevel_disabled(self);
}

void mutex_unlock(struct mutex *m)
{
    uint64_t self = (uint64_t)disp_user()->current;
    if ((m->owner & ~MUTEX_CONTENDED) != self) {
        aos_panic("thread %s unlocks mutex %p of %s", thread_name(thread_self()), (void *)m,
                  m->owner != 0 ? thread_name(mutex_owner(m)) : "nobody");
    }
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
