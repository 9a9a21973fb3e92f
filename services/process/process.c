/* See process_priv.h. */
#include "process_priv.h"

#include <string.h>

static bool table_keeps(struct table *t, uint32_t parent)
{
    const struct table_entry *p = table_find(t, parent);

    return parent == TABLE_PID_INIT || (p != NULL && p->state == TABLE_LIVE);
}

void table_init(struct table *t, uint32_t first_pid)
{
    memset(t, 0, sizeof(*t));
    t->next_pid = first_pid;
    for (uint32_t i = 0; i < TABLE_ENTRIES_MAX; i++) {
        t->entries[i].place = i;
    }
}

struct table_entry *table_find(struct table *t, uint32_t pid)
{
    for (uint32_t i = 0; i < t->entries_end; i++) {
        if (t->entries[i].state != TABLE_UNUSED && t->entries[i].pid == pid) {
            return &t->entries[i];
        }
    }
    return NULL;
}

struct table_entry *table_next(struct table *t, uint32_t after)
{
    struct table_entry *next = NULL;

    for (uint32_t i = 0; i < t->entries_end; i++) {
        struct table_entry *e = &t->entries[i];

        if (e->state != TABLE_UNUSED && e->pid > after && (next == NULL || e->pid < next->pid)) {
            next = e;
        }
    }
    return next;
}

/* Fills an unused entry, or returns NULL. */
static struct table_entry *table_fill(struct table *t, uint32_t pid, uint32_t parent,
                                      const char *name)
{
    for (uint32_t i = 0; i < TABLE_ENTRIES_MAX; i++) {
        struct table_entry *e = &t->entries[i];

        if (e->state == TABLE_UNUSED) {
            *e = (struct table_entry){
                .state = TABLE_LIVE, .pid = pid, .parent = parent, .place = i,
            };
            strncpy(e->name, name, TABLE_NAME_BYTES);
            t->entries_end = i < t->entries_end ? t->entries_end : i + 1;
            return e;
        }
    }
    return NULL;
}

static uint32_t table_children(const struct table *t, uint32_t parent)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < t->entries_end; i++) {
        count += t->entries[i].state != TABLE_UNUSED && t->entries[i].parent == parent;
    }
    return count;
}

errval_t table_add(struct table *t, uint32_t parent, const char *name, uint64_t quota,
                   struct table_entry **ret_entry)
{
    struct table_entry *e;

    if (table_children(t, parent) >= TABLE_CHILDREN_MAX) {
        return PROCESS_ERR_LIMIT;
    }
    while (t->next_pid == TABLE_PID_INIT || table_find(t, t->next_pid) != NULL) {
        t->next_pid++;
    }
    e = table_fill(t, t->next_pid, parent, name);
    if (e == NULL) {
        return PROCESS_ERR_LIMIT;
    }
    t->next_pid++;
    e->quota = quota;
    *ret_entry = e;
    return ERR_OK;
}

errval_t table_adopt(struct table *t, uint32_t pid, const char *name,
                     struct table_entry **ret_entry)
{
    struct table_entry *e;

    if (pid == TABLE_PID_INIT || table_find(t, pid) != NULL) {
        return PROCESS_ERR_DENIED;
    }
    e = table_fill(t, pid, TABLE_PID_INIT, name);
    if (e == NULL) {
        return PROCESS_ERR_LIMIT;
    }
    e->service = true;
    *ret_entry = e;
    return ERR_OK;
}

static void table_forget(struct table_entry *e)
{
    e->state = TABLE_UNUSED;
}

void table_undo(struct table *t, struct table_entry *e)
{
    (void)t;
    table_forget(e);
}

errval_t table_may_kill(struct table *t, uint32_t caller, uint32_t pid)
{
    struct table_entry *e = table_find(t, pid);
    struct table_entry *by = table_find(t, caller);

    if (e == NULL || e->state != TABLE_LIVE) {
        return PROCESS_ERR_NO_PID;
    }
    if (caller == TABLE_PID_INIT || caller == pid
        || (by != NULL && by->parent == TABLE_PID_INIT)) {
        return ERR_OK;
    }
    /* A parent that ended may have given its pid to nobody else yet, so the walk up ends. */
    for (uint32_t steps = 0; e != NULL && steps < TABLE_ENTRIES_MAX; steps++) {
        if (e->parent == caller) {
            return ERR_OK;
        }
        e = table_find(t, e->parent);
    }
    return PROCESS_ERR_DENIED;
}

/* A child of `caller` in `state` that `pid` (0: any) names. */
static struct table_entry *table_child(struct table *t, uint32_t caller, uint32_t pid,
                                       enum table_state state)
{
    for (uint32_t i = 0; i < t->entries_end; i++) {
        struct table_entry *e = &t->entries[i];

        if (e->state == state && e->parent == caller && (pid == 0 || e->pid == pid)) {
            return e;
        }
    }
    return NULL;
}

errval_t table_wait(struct table *t, uint32_t caller, uint32_t pid, enum table_wait *ret_what,
                    uint32_t *ret_pid, struct table_exit *ret_exit, uint32_t *ret_waiter)
{
    struct table_entry *e = table_child(t, caller, pid, TABLE_ENDED);
    uint32_t waits = 0;

    if (e != NULL) {
        *ret_what = TABLE_WAIT_DONE;
        *ret_pid = e->pid;
        *ret_exit = e->exit;
        table_forget(e);
        return ERR_OK;
    }
    if (table_child(t, caller, pid, TABLE_LIVE) == NULL) {
        return PROCESS_ERR_NO_CHILD;
    }
    for (uint32_t i = 0; i < TABLE_WAITERS_MAX; i++) {
        waits += t->waiters[i].used && t->waiters[i].caller == caller;
    }
    for (uint32_t i = 0; i < TABLE_WAITERS_MAX && waits < TABLE_WAITS_MAX; i++) {
        if (!t->waiters[i].used) {
            t->waiters[i] = (struct table_waiter){.used = true, .caller = caller, .pid = pid};
            t->waiters_end = i < t->waiters_end ? t->waiters_end : i + 1;
            *ret_what = TABLE_WAIT_LATER;
            *ret_waiter = i;
            return ERR_OK;
        }
    }
    return PROCESS_ERR_LIMIT;
}

void table_cancel(struct table *t, uint32_t waiter)
{
    t->waiters[waiter].used = false;
}

/* The waiter that gets the exit of `e`: one that named it before one that takes any. */
static struct table_waiter *table_waiter_of(struct table *t, const struct table_entry *e)
{
    struct table_waiter *found = NULL;

    for (uint32_t i = 0; i < t->waiters_end; i++) {
        struct table_waiter *w = &t->waiters[i];

        if (w->used && w->caller == e->parent
            && (w->pid == e->pid || (w->pid == 0 && found == NULL))) {
            found = w;
        }
    }
    return found;
}

/* Nobody can wait for the children of `pid` any more. */
static void table_orphan(struct table *t, uint32_t pid)
{
    for (uint32_t i = 0; i < t->entries_end; i++) {
        struct table_entry *e = &t->entries[i];

        if (e->state == TABLE_ENDED && e->parent == pid) {
            table_forget(e);
        }
    }
    for (uint32_t i = 0; i < t->waiters_end; i++) {
        if (t->waiters[i].used && t->waiters[i].caller == pid) {
            t->waiters[i].used = false;
        }
    }
}

/* Waiters whose child somebody else has got. */
static void table_refuse_waiters(struct table *t, table_answer answer, void *arg)
{
    for (uint32_t i = 0; i < t->waiters_end; i++) {
        struct table_waiter *w = &t->waiters[i];

        if (w->used && table_child(t, w->caller, w->pid, TABLE_LIVE) == NULL) {
            w->used = false;
            answer(arg, i, w->pid, NULL);
        }
    }
}

void table_ended(struct table *t, struct table_entry *e, const struct table_exit *how,
                 table_answer answer, void *arg)
{
    struct table_waiter *w = table_waiter_of(t, e);
    uint32_t pid = e->pid;

    e->state = TABLE_ENDED;
    e->exit = *how;
    if (w != NULL || !table_keeps(t, e->parent) || e->service) {
        table_forget(e);
    }
    table_orphan(t, pid);
    if (w != NULL) {
        w->used = false;
        answer(arg, (uint32_t)(w - t->waiters), pid, how);
    }
    table_refuse_waiters(t, answer, arg);
}

const char *table_check(struct table *t)
{
    for (uint32_t i = 0; i < t->entries_end; i++) {
        struct table_entry *e = &t->entries[i];

        if (e->state == TABLE_UNUSED) {
            continue;
        }
        if (e->pid == TABLE_PID_INIT || table_find(t, e->pid) != e || e->place != i) {
            return "a pid is not unique";
        }
        if (e->state == TABLE_ENDED && !table_keeps(t, e->parent)) {
            return "an ended process has nobody to wait for it";
        }
    }
    for (uint32_t i = 0; i < t->waiters_end; i++) {
        const struct table_waiter *w = &t->waiters[i];

        if (w->used && (table_child(t, w->caller, w->pid, TABLE_LIVE) == NULL
                        || table_child(t, w->caller, w->pid, TABLE_ENDED) != NULL)) {
            return "a waiter has nothing to wait for";
        }
    }
    return NULL;
}
