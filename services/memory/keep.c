/* See keep.h. */
#include "memory_priv.h"

#include <aos/vault.h>

void keep_init(struct memory_core *m, struct keep_vault *vault, size_t bytes)
{
    struct keep *k = &m->keep;

    k->vault = vault;
    k->region_count = (uint32_t)((bytes - sizeof(*vault)) / sizeof(vault->regions[0]));
    k->region_free = k->region_count;
    k->account_free = KEEP_ACCOUNTS_MAX;
}

uint32_t keep_records(const struct memory_core *m)
{
    const struct keep *k = &m->keep;
    uint32_t count = 0;

    for (uint32_t i = 0; k->vault != NULL && i < k->region_count; i++) {
        count += 2u * k->vault->regions[i].state; /* and the free one behind it */
    }
    for (uint32_t i = 0; k->vault != NULL && i < KEEP_ACCOUNTS_MAX; i++) {
        count += k->vault->accounts[i].state != KEEP_NO_ACCOUNT;
    }
    return count;
}

bool keep_has_room(const struct memory_core *m, uint32_t count)
{
    return m->keep.vault == NULL || m->keep.region_free >= count;
}

/* --- records -------------------------------------------------------------------------------- */

static uint32_t keep_owner(const struct memory_region *r)
{
    return r->state == MEMORY_DYING ? KEEP_NOBODY : r->owner->pid;
}

/* A record that is not used; there is one. */
static uint32_t keep_find_place(struct keep *k)
{
    while (k->vault->regions[k->region_next].state != 0) {
        k->region_next = (k->region_next + 1) % k->region_count;
    }
    return k->region_next;
}

void keep_region(struct memory_core *m, struct memory_region *r)
{
    struct keep *k = &m->keep;
    uint32_t pages = (uint32_t)(r->bytes / MEMORY_PAGE);
    struct keep_region *kept;

    if (k->vault == NULL) {
        return;
    }
    if (r->kept != 0) {
        kept = &k->vault->regions[r->kept - 1];
        vault_set(&kept->pages, pages);  /* first: what was cut off lives on when `r` is dying */
        vault_set(&kept->owner, keep_owner(r));
        return;
    }
    r->kept = keep_find_place(k) + 1;
    kept = &k->vault->regions[r->kept - 1];
    kept->base = r->base;
    kept->pages = pages;
    kept->owner = keep_owner(r);
    kept->charged = r->charged->pid;
    vault_set(&kept->state, 1);
    k->region_free--;
}

void keep_drop(struct memory_core *m, struct memory_region *r)
{
    if (m->keep.vault != NULL && r->kept != 0) {
        vault_set(&m->keep.vault->regions[r->kept - 1].state, 0);
        m->keep.region_free++;
        r->kept = 0;
    }
}

static enum keep_account_state keep_state(const struct memory_account *a)
{
    return a->ended ? KEEP_ENDED : a->opened ? KEEP_OPENED : KEEP_CONNECTED;
}

bool keep_account(struct memory_core *m, struct memory_account *a)
{
    const struct memory_account *parent = (const struct memory_account *)(void *)a->quota.parent;
    struct keep *k = &m->keep;
    struct keep_account *kept;
    uint32_t place = 0;

    if (k->vault == NULL) {
        return true;
    }
    if (a->kept != 0) {
        kept = &k->vault->accounts[a->kept - 1];
        kept->limit = a->quota.limit;
        vault_set(&kept->state, keep_state(a));
        return true;
    }
    while (place < KEEP_ACCOUNTS_MAX && k->vault->accounts[place].state != KEEP_NO_ACCOUNT) {
        place++;
    }
    if (place == KEEP_ACCOUNTS_MAX) {
        return false;
    }
    kept = &k->vault->accounts[place];
    kept->pid = a->pid;
    kept->parent = parent == NULL ? KEEP_NOBODY : parent->pid;
    kept->limit = a->quota.limit;
    vault_set(&kept->state, keep_state(a));
    a->kept = place + 1;
    k->account_free--;
    return true;
}

void keep_drop_account(struct memory_core *m, struct memory_account *a)
{
    if (m->keep.vault != NULL && a->kept != 0) {
        vault_set(&m->keep.vault->accounts[a->kept - 1].state, KEEP_NO_ACCOUNT);
        m->keep.account_free++;
        a->kept = 0;
    }
}

/* --- restoring ------------------------------------------------------------------------------ */

/* The account of this pid; of several the one that has not ended. */
static struct memory_account *keep_find_account(const struct memory_core *m, uint32_t pid)
{
    struct memory_account *a = m->accounts, *found = NULL;

    for (; a != NULL; a = a->next) {
        if (a->pid == pid && (found == NULL || !a->ended)) {
            found = a;
        }
    }
    return found;
}

/* The kept account with the smallest pid that is not restored yet: parents before children. */
static struct keep_account *keep_next_account(struct keep_vault *v, const bool *done)
{
    struct keep_account *next = NULL;

    for (uint32_t i = 0; i < KEEP_ACCOUNTS_MAX; i++) {
        struct keep_account *a = &v->accounts[i];

        if (a->state != KEEP_NO_ACCOUNT && !done[i] && (next == NULL || a->pid < next->pid)) {
            next = a;
        }
    }
    return next;
}

static void keep_restore_accounts(struct memory_core *m)
{
    static bool done[KEEP_ACCOUNTS_MAX];
    struct keep_vault *v = m->keep.vault;
    struct keep_account *k;

    for (uint32_t i = 0; i < KEEP_ACCOUNTS_MAX; i++) {
        done[i] = false;
    }
    while ((k = keep_next_account(v, done)) != NULL) {
        struct memory_account *parent =
            k->parent == KEEP_NOBODY ? NULL : keep_find_account(m, k->parent);
        struct memory_account *a = accounts_restore(m, k->pid, parent, k->state == KEEP_OPENED,
                                                    k->state == KEEP_ENDED);

        done[k - v->accounts] = true;
        if (a == NULL) {
            vault_set(&k->state, KEEP_NO_ACCOUNT);
        } else {
            a->kept = (uint32_t)(k - v->accounts) + 1;
            m->keep.account_free--;
        }
    }
}

static void keep_restore_region(struct memory_core *m, uint32_t place, uint32_t own_pid)
{
    struct keep_region *k = &m->keep.vault->regions[place];
    struct memory_account *charged = keep_find_account(m, k->charged), *owner = NULL;
    struct memory_region *r = NULL;

    if (k->owner != KEEP_NOBODY) {
        owner = accounts_find(m, k->owner);
    }
    if (k->owner == own_pid
        || (k->owner < m->services_end && charged != NULL && charged->ended)) {
        owner = NULL;
    }
    if (charged != NULL) {
        r = memory_restore(m, owner, charged, k->base, (uint64_t)k->pages * MEMORY_PAGE);
    }
    if (r == NULL) {
        vault_set(&k->state, 0);
        return;
    }
    r->kept = place + 1;
    m->keep.region_free--;
    keep_region(m, r);
}

void keep_restore(struct memory_core *m, uint32_t own_pid)
{
    struct memory_account *a, *next;
    uint32_t count;

    if (m->keep.vault == NULL) {
        return;
    }
    keep_restore_accounts(m);
    for (uint32_t i = 0; i < m->keep.region_count; i++) {
        if (m->keep.vault->regions[i].state != 0) {
            keep_restore_region(m, i, own_pid);
        }
    }
    for (a = m->accounts; a != NULL; a = a->next) {
        if (!a->ended && a->kept != 0) {
            (void)quota_set_limit(&a->quota, m->keep.vault->accounts[a->kept - 1].limit);
        }
    }
    do {                                 /* one that goes may be the last that held another */
        count = m->account_count;
        for (a = m->accounts; a != NULL && m->account_count == count; a = next) {
            next = a->next;
            accounts_put(m, a);
        }
    } while (m->account_count != count);
}

struct memory_region *keep_next(struct memory_core *m, uint32_t *io_place)
{
    struct keep *k = &m->keep;

    while (k->vault != NULL && *io_place < k->region_count) {
        const struct keep_region *kept = &k->vault->regions[(*io_place)++];

        if (kept->state != 0 && kept->owner != KEEP_NOBODY) {
            return regions_at(m->tree, kept->base);
        }
    }
    return NULL;
}
