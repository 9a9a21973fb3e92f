/* Whose memory it is: see memory_priv.h. */
#include "memory_priv.h"

static struct memory_account **accounts_bucket(const struct memory_core *m, uint32_t pid)
{
    return (struct memory_account **)&m->by_pid[pid & (MEMORY_BUCKETS - 1)];
}

struct memory_account *accounts_find(const struct memory_core *m, uint32_t pid)
{
    struct memory_account *a = *accounts_bucket(m, pid);

    while (a != NULL && a->pid != pid) {
        a = a->hash_next;
    }
    return a;
}

/* The pid may be another domain's from now on. */
static void accounts_hide(struct memory_core *m, struct memory_account *a)
{
    struct memory_account **p = accounts_bucket(m, a->pid);

    while (*p != a) {
        p = &(*p)->hash_next;
    }
    *p = a->hash_next;
    a->ended = true;
}

/* The same, and the next service knows. */
static void accounts_set_ended(struct memory_core *m, struct memory_account *a)
{
    if (!a->ended) {
        accounts_hide(m, a);
        (void)keep_account(m, a);
    }
}

static errval_t accounts_make(struct memory_core *m, uint32_t pid,
                                   struct memory_account *parent, uint64_t limit,
                                   struct memory_account **ret_account)
{
    struct memory_account *a;
    struct memory_account **bucket = accounts_bucket(m, pid);

    if (m->spare_count <= MEMORY_RECORDS_RESERVE) {
        return MEMORY_ERR_NO_MEMORY;
    }
    a = memory_record_get(m);
    if (err_is_fail(quota_open(&a->quota, parent != NULL ? &parent->quota : NULL, limit))) {
        memory_record_put(m, a);
        return MEMORY_ERR_QUOTA;
    }
    a->pid = pid;
    a->hash_next = *bucket;
    *bucket = a;
    a->next = m->accounts;
    if (a->next != NULL) {
        a->next->prev = a;
    }
    m->accounts = a;
    m->account_count++;
    *ret_account = a;
    return ERR_OK;
}

static errval_t accounts_new(struct memory_core *m, uint32_t pid, struct memory_account *parent,
                             uint64_t limit, struct memory_account **ret_account)
{
    if (m->keep.vault != NULL && m->keep.account_free == 0) {
        return MEMORY_ERR_NO_MEMORY;
    }
    errval_t err = accounts_make(m, pid, parent, limit, ret_account);

    if (err_is_ok(err)) {
        (void)keep_account(m, *ret_account);
    }
    return err;
}

struct memory_account *accounts_restore(struct memory_core *m, uint32_t pid,
                                        struct memory_account *parent, bool opened, bool ended)
{
    struct memory_account *a;

    if (err_is_fail(accounts_make(m, pid, parent, /* limit= */ 0, &a))) {
        return NULL;
    }
    a->opened = opened;
    a->program = opened || ended;        /* services do not end for good */
    if (ended) {
        accounts_hide(m, a);
    }
    return a;
}

void accounts_put(struct memory_core *m, struct memory_account *a)
{
    struct memory_account *parent;

    while (a != NULL && a != m->own && !a->opened && a->connections == 0 && a->holds == 0
           && a->quota.children == 0 && (a->ended || a->quota.limit == 0)) {
        parent = (struct memory_account *)(void *)a->quota.parent;
        accounts_set_ended(m, a);
        quota_close(&a->quota);
        if (a->prev != NULL) {
            a->prev->next = a->next;
        } else {
            m->accounts = a->next;
        }
        if (a->next != NULL) {
            a->next->prev = a->prev;
        }
        m->account_count--;
        keep_drop_account(m, a);
        memory_record_put(m, a);
        a = parent;                      /* which may have ended before */
    }
}

errval_t accounts_open(struct memory_core *m, uint32_t pid, uint32_t parent, uint64_t limit)
{
    struct memory_account *a = NULL;
    errval_t err;

    if (accounts_find(m, pid) != NULL) {
        return MEMORY_ERR_DENIED;
    }
    err = accounts_new(m, pid, accounts_find(m, parent), limit, &a);
    if (err_is_ok(err)) {
        a->opened = a->program = true;
        (void)keep_account(m, a);
    }
    return err;
}

/* What services have on the account of a domain that has ended: the service that had it, or this
 * one, ended before it was given back, and nobody knows of it any more. */
static void accounts_retire_others(struct memory_core *m, const struct memory_account *ended)
{
    struct memory_account *a = m->accounts;

    while (a != NULL) {
        struct memory_account *next;

        a->holds++;                      /* its last region may go */
        if (a->pid < m->services_end) {
            memory_retire_for(m, a, ended);
        }
        next = a->next;
        a->holds--;
        accounts_put(m, a);
        a = next;
    }
}

errval_t accounts_end(struct memory_core *m, uint32_t pid, bool patient)
{
    struct memory_account *a = accounts_find(m, pid);

    if (a == NULL) {
        return MEMORY_ERR_NO_PID;
    }
    a->opened = false;
    accounts_set_ended(m, a);
    quota_end(&a->quota);
    a->holds++;                          /* it stays until all is retired */
    memory_retire_all(m, a, patient);
    accounts_retire_others(m, a);
    a->holds--;
    accounts_put(m, a);
    return ERR_OK;
}

errval_t accounts_connect(struct memory_core *m, uint32_t pid, struct memory_account **ret_account)
{
    struct memory_account *a = accounts_find(m, pid);

    if (a == NULL) {
        errval_t err = accounts_new(m, pid, NULL, 0, &a);

        if (err_is_fail(err)) {
            return err;
        }
    }
    a->connections++;
    *ret_account = a;
    return ERR_OK;
}

void accounts_disconnect(struct memory_core *m, struct memory_account *a, bool supervised)
{
    if (--a->connections > 0) {
        return;
    }
    a->holds++;
    if (supervised) {
        memory_retire_for(m, a, a);
    } else {
        memory_retire_all(m, a, /* patient= */ false);
    }
    a->holds--;
    if (!a->opened && !supervised) {
        accounts_set_ended(m, a);
        quota_end(&a->quota);
    }
    accounts_put(m, a);
}

errval_t accounts_set_limit(struct memory_core *m, uint32_t pid, uint64_t limit)
{
    struct memory_account *a = accounts_find(m, pid);
    errval_t err = ERR_OK;

    if (a == NULL) {
        err = accounts_new(m, pid, NULL, limit, &a);
    } else if (err_is_fail(quota_set_limit(&a->quota, limit))) {
        err = MEMORY_ERR_QUOTA;
    }
    if (err_is_ok(err)) {
        (void)keep_account(m, a);
        accounts_put(m, a);
    }
    return err;
}
