/* Reader-writer locks and barriers. A lock is handed over by whoever lets go of it. */
#include <aos/debug.h>

#include "thread_priv.h"

#define RWLOCK_WRITER (-1)

static bool rwlock_read_disabled(struct rwlock *l)
{
    bool free = l->users >= 0 && l->writers_waiting == 0;
    l->users += free ? 1 : 0;
    return free;
}

static bool rwlock_write_disabled(struct rwlock *l)
{
    bool free = l->users == 0;
    l->users = free ? RWLOCK_WRITER : l->users;
    return free;
}

void rwlock_read_lock(struct rwlock *l)
{
    disp_disable();
    if (!rwlock_read_disabled(l)) {
        thread_block_disabled(&l->readers);
    }
    disp_enable();
}

bool rwlock_try_read_lock(struct rwlock *l)
{
    disp_disable();
    bool got = rwlock_read_disabled(l);
    disp_enable();
    return got;
}

void rwlock_write_lock(struct rwlock *l)
{
    disp_disable();
    if (!rwlock_write_disabled(l)) {
        l->writers_waiting++;
        thread_block_disabled(&l->writers);
    }
    disp_enable();
}

bool rwlock_try_write_lock(struct rwlock *l)
{
    disp_disable();
    bool got = rwlock_write_disabled(l);
    disp_enable();
    return got;
}

/* A writer is followed by all readers that wait, the last of several readers by a writer: neither
 * kind starves. */
void rwlock_unlock(struct rwlock *l)
{
    disp_disable();
    USER_CHECK(l->users != 0);
    bool wrote = l->users == RWLOCK_WRITER;
    l->users = wrote ? 0 : l->users - 1;
    if (wrote) {
        while (thread_wake_one_disabled(&l->readers)) {
            l->users++;
        }
    }
    if (l->users == 0 && thread_wake_one_disabled(&l->writers)) {
        l->writers_waiting--;
        l->users = RWLOCK_WRITER;
    }
    disp_enable();
}

bool barrier_wait(struct barrier *b)
{
    disp_disable();
    bool last = ++b->arrived >= b->count;
    if (last) {
        b->arrived = 0;
        thread_wake_all_disabled(&b->waiters);
    } else {
        thread_block_disabled(&b->waiters);
    }
    disp_enable();
    return last;
}
