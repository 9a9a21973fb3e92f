/* Locks of the C library. */
#include <stdlib.h>
#include <sys/lock.h>

#include <aos/debug.h>
#include <aos/thread.h>

#include "libc_priv.h"

/* Newer versions of the library neither declare nor call these. */
int __retarget_lock_try_acquire(_LOCK_T lock);
int __retarget_lock_try_acquire_recursive(_LOCK_T lock);

/* The library's one big lock. */
struct __lock __lock___libc_recursive_mutex = { MUTEX_INIT_RECURSIVE };

/* Those of the streams lie here, and not with the streams, so that whoever has streams links this
 * file: the library brings functions of the same names that do nothing (LIB0018). */
struct __lock stdio_locks[3] = {
    { MUTEX_INIT_RECURSIVE }, { MUTEX_INIT_RECURSIVE }, { MUTEX_INIT_RECURSIVE },
};

void __retarget_lock_init(_LOCK_T *lock)
{
    __retarget_lock_init_recursive(lock);
}

void __retarget_lock_init_recursive(_LOCK_T *lock)
{
    struct __lock *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        aos_panic("no memory for a lock of the C library");
    }
    l->mutex.recursive = true;
    *lock = l;
}

void __retarget_lock_close(_LOCK_T lock)
{
    free(lock);
}

void __retarget_lock_close_recursive(_LOCK_T lock)
{
    free(lock);
}

void __retarget_lock_acquire(_LOCK_T lock)
{
    mutex_lock(&lock->mutex);
}

void __retarget_lock_acquire_recursive(_LOCK_T lock)
{
    mutex_lock(&lock->mutex);
}

int __retarget_lock_try_acquire(_LOCK_T lock)
{
    return mutex_try_lock(&lock->mutex);
}

int __retarget_lock_try_acquire_recursive(_LOCK_T lock)
{
    return mutex_try_lock(&lock->mutex);
}

void __retarget_lock_release(_LOCK_T lock)
{
    mutex_unlock(&lock->mutex);
}

void __retarget_lock_release_recursive(_LOCK_T lock)
{
    mutex_unlock(&lock->mutex);
}
