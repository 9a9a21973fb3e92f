/* Values of threads by keys. A key that is deleted and made again may find old values: as with C's
 * tss_create, the program keeps track. */
#include <aos/debug.h>

#include "thread_priv.h"

static struct {
    struct mutex lock;
    bool used[THREAD_KEYS_MAX];          /* under lock */
    void (*end[THREAD_KEYS_MAX])(void *);
} keys;

errval_t thread_key_create(void (*end)(void *value), thread_key *ret_key)
{
    errval_t err = LIB_ERR_THREAD_LIMIT;
    mutex_lock(&keys.lock);
    for (uint32_t i = 0; i < THREAD_KEYS_MAX && err_is_fail(err); i++) {
        if (!keys.used[i]) {
            keys.used[i] = true;
            keys.end[i] = end;
            *ret_key = i;
            err = ERR_OK;
        }
    }
    mutex_unlock(&keys.lock);
    return err;
}

void thread_key_delete(thread_key key)
{
    USER_CHECK(key < THREAD_KEYS_MAX);
    mutex_lock(&keys.lock);
    keys.used[key] = false;
    keys.end[key] = NULL;
    mutex_unlock(&keys.lock);
}

void *thread_key_get(thread_key key)
{
    USER_CHECK(key < THREAD_KEYS_MAX);
    return thread_self()->values[key];
}

void thread_key_set(thread_key key, void *value)
{
    USER_CHECK(key < THREAD_KEYS_MAX);
    struct thread *self = thread_self();
    self->values[key] = value;
    self->has_values = true;
}

void thread_keys_end(struct thread *self)
{
    for (uint32_t round = 0; round < THREAD_KEY_ROUNDS && self->has_values; round++) {
        self->has_values = false;
        for (uint32_t i = 0; i < THREAD_KEYS_MAX; i++) {
            void *value = self->values[i];
            self->values[i] = NULL;
            if (value != NULL && keys.end[i] != NULL) {
                keys.end[i](value);
            }
        }
    }
}
