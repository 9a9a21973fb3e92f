/* See process_priv.h: waiting for the end of processes. */
#include "process_priv.h"

static struct table_waits *table_waits_of(struct table *t, uint32_t caller)
{
    const struct table_entry *e = table_find(t, caller);

    if (caller == TABLE_PID_INIT) {
        return &t->waits[TABLE_ENTRIES_MAX];
    }
    return e == NULL || e->state != TABLE_LIVE ? NULL : &t->waits[e->place];
}

/* Those of the parent; NULL: it is none here. */
static struct table_waits *table_waits_above(struct table *t, const struct table_entry *e)
{
    return table_foreign(e) ? NULL : table_waits_of(t, e->parent);
}

static uint32_t table_waiter_number(const struct table *t, const struct table_waits *waits,
                                    uint32_t i)
{
    return (uint32_t)(waits - t->waits) * TABLE_WAITS_MAX + i;
}

uint32_t table_first_waiter(struct table *t, uint32_t caller)
{
    const struct table_waits *waits = table_waits_of(t, caller);

    return waits == NULL ? TABLE_WAITERS_MAX : table_waiter_number(t, waits, 0);
}

void table_cancel(struct table *t, uint32_t waiter)
{
    struct table_waits *waits = &t->waits[waiter / TABLE_WAITS_MAX];
    struct table_waiter *w = &waits->all[waiter % TABLE_WAITS_MAX];

    waits->count -= w->used;
    w->used = false;
}

/* Is there anything that this may wait for? */
static bool table_waitable(struct table *t, uint32_t caller, uint32_t pid)
{
    const struct table_entry *e = table_find(t, pid);

    if (pid == 0) {
        return table_child(t, caller, 0, TABLE_LIVE) != NULL;
    }
    return e != NULL && e->state == TABLE_LIVE && !e->service && e->pid != caller
        && table_may(t, caller, e);
}

errval_t table_wait(struct table *t, uint32_t caller, uint32_t pid, enum table_wait *ret_what,
                    uint32_t *ret_pid, struct table_exit *ret_exit, uint32_t *ret_waiter)
{
    struct table_waits *waits = table_waits_of(t, caller);
    struct table_entry *e =
        pid == 0 ? table_child(t, caller, 0, TABLE_ENDED) : table_find(t, pid);

    if (waits == NULL) {
        return PROCESS_ERR_NO_CHILD;
    }
    if (e != NULL && e->state == TABLE_ENDED && table_may(t, caller, e)) {
        *ret_what = TABLE_WAIT_DONE;
        *ret_pid = e->pid;
        *ret_exit = e->exit;
        if (e->parent == caller) {
            table_forget(e);
        }
        return ERR_OK;
    }
    if (!table_waitable(t, caller, pid)) {
        return PROCESS_ERR_NO_CHILD;
    }
    for (uint32_t i = 0; i < TABLE_WAITS_MAX; i++) {
        if (!waits->all[i].used) {
            waits->all[i] = (struct table_waiter){.used = true, .pid = pid};
            waits->count++;
            *ret_what = TABLE_WAIT_LATER;
            *ret_waiter = table_waiter_number(t, waits, i);
            return ERR_OK;
        }
    }
    return PROCESS_ERR_LIMIT;
}

/* Answers the waiters of one domain that wait for `pid`, at most `most`. */
static uint32_t table_answer_some(struct table *t, struct table_waits *waits, uint32_t pid,
                                  uint32_t most, uint32_t who, const struct table_exit *how,
                                  table_answer answer, void *arg)
{
    uint32_t answered = 0;

    for (uint32_t i = 0; waits->count != 0 && answered < most && i < TABLE_WAITS_MAX; i++) {
        if (waits->all[i].used && waits->all[i].pid == pid) {
            waits->all[i].used = false;
            waits->count--;
            answered++;
            answer(arg, table_waiter_number(t, waits, i), who, how);
        }
    }
    return answered;
}

/* Gives the exit of `e` to all that wait for it by its pid, and to one that waits for any child
 * unless its parent waits for this one. True: its parent has got it. */
static bool table_answer_exit(struct table *t, const struct table_entry *e, table_answer answer,
                              void *arg)
{
    struct table_waits *parent = table_waits_above(t, e);
    bool told = false;

    /* those of the entries that have been used, and init's */
    for (uint32_t i = 0; i <= t->entries_end; i++) {
        struct table_waits *waits = &t->waits[i < t->entries_end ? i : TABLE_ENTRIES_MAX];

        if (waits->count != 0
            && table_answer_some(t, waits, e->pid, TABLE_WAITS_MAX, e->pid, &e->exit, answer,
                                 arg) != 0) {
            told |= waits == parent;
        }
    }
    return told || (parent != NULL
                    && table_answer_some(t, parent, 0, 1, e->pid, &e->exit, answer, arg) != 0);
}

/* Those that `pid` leaves: detached children live on as init's; ended ones are forgotten. */
static void table_orphan(struct table *t, uint32_t pid)
{
    for (uint32_t i = 0; i < t->entries_end; i++) {
        struct table_entry *e = &t->entries[i];

        if (e->state == TABLE_UNUSED || e->parent != pid || table_foreign(e)) {
            continue;
        }
        table_give_to_init(t, e);
        if (e->state == TABLE_ENDED) {
            table_forget(e);
        }
    }
}

/* Who waits for any child and has none any more is told so. */
static void table_answer_childless(struct table *t, uint32_t pid, table_answer answer, void *arg)
{
    struct table_waits *waits = table_waits_of(t, pid);

    if (waits != NULL && table_child(t, pid, 0, TABLE_LIVE) == NULL) {
        (void)table_answer_some(t, waits, 0, TABLE_WAITS_MAX, 0, NULL, answer, arg);
    }
}

/* The waits of a domain that is no more. */
static void table_drop_own(struct table *t, const struct table_entry *e, table_answer answer,
                           void *arg)
{
    struct table_waits *own = &t->waits[e->place];

    for (uint32_t i = 0; own->count != 0 && i < TABLE_WAITS_MAX; i++) {
        (void)table_answer_some(t, own, own->all[i].pid, TABLE_WAITS_MAX, 0, NULL, answer, arg);
    }
}

void table_ended(struct table *t, struct table_entry *e, const struct table_exit *how,
                 table_answer answer, void *arg)
{
    const struct table_waits *parent = table_waits_above(t, e);
    bool orphan = e->detached && e->parent == TABLE_PID_INIT, foreign = table_foreign(e);
    uint32_t above = e->parent;

    e->state = TABLE_ENDED;
    e->exit = *how;
    table_drop_own(t, e, answer, arg);
    table_orphan(t, e->pid);
    if ((table_answer_exit(t, e, answer, arg) || e->service || orphan || parent == NULL)
        && !foreign) {
        table_forget(e);
    }
    if (!foreign) {
        table_answer_childless(t, above, answer, arg);
    }
}

void table_never(struct table *t, struct table_entry *e, table_answer answer, void *arg)
{
    uint32_t above = e->parent;

    table_drop_own(t, e, answer, arg);
    for (uint32_t i = 0; i <= TABLE_ENTRIES_MAX; i++) {
        (void)table_answer_some(t, &t->waits[i], e->pid, TABLE_WAITS_MAX, 0, NULL, answer, arg);
    }
    table_forget(e);
    table_answer_childless(t, above, answer, arg);
}

void table_told(struct table_entry *e)
{
    if (table_foreign(e) && (e->state == TABLE_ENDED
                             || (e->state == TABLE_STARTING && e->ending))) {
        table_forget(e);
    }
}

const char *table_check_waits(struct table *t)
{
    for (uint32_t row = 0; row <= TABLE_ENTRIES_MAX; row++) {
        const struct table_entry *e = row < TABLE_ENTRIES_MAX ? &t->entries[row] : NULL;
        const struct table_waits *waits = &t->waits[row];
        uint32_t caller = e == NULL ? TABLE_PID_INIT : e->pid, count = 0;

        for (uint32_t i = 0; i < TABLE_WAITS_MAX; i++) {
            const struct table_waiter *w = &waits->all[i];

            count += w->used;
            if (w->used && (!table_waitable(t, caller, w->pid)
                            || (w->pid == 0 && table_child(t, caller, 0, TABLE_ENDED) != NULL))) {
                return "a waiter has nothing to wait for";
            }
        }
        if (count != waits->count || (count != 0 && e != NULL && e->state != TABLE_LIVE)) {
            return "waiters are miscounted";
        }
    }
    return NULL;
}
