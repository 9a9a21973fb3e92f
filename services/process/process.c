/* See process_priv.h: entries, families, groups. */
#include "process_priv.h"

#include <string.h>

void table_init(struct table *t, uint32_t first_pid, uint32_t pid_step)
{
    memset(t, 0, sizeof(*t));
    t->next_pid = first_pid;
    t->pid_step = pid_step;
    for (uint32_t i = 0; i < TABLE_ENTRIES_MAX; i++) {
        t->entries[i].place = i;
    }
    (void)quota_open(&t->processes, NULL, TABLE_ENTRIES_MAX);
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

/* Fills the unused entry at `place`, with its account: `processes` as in struct process_limits.
 * NULL: the parent may not have one more. */
static struct table_entry *table_fill_at(struct table *t, uint32_t place, uint32_t pid,
                                         const struct table_new *what, uint32_t processes)
{
    struct table_entry *p = what->above_count != 0 ? NULL : table_find(t, what->parent);
    struct table_entry *e = &t->entries[place];
    struct quota *above = p == NULL ? &t->processes : &p->processes;

    *e = (struct table_entry){
        .state = TABLE_LIVE, .pid = pid, .parent = what->parent, .group = pid, .place = place,
        .away = what->away, .above_count = what->above_count,
    };
    for (uint32_t i = 0; i < what->above_count; i++) {
        e->above[i] = what->above[i];
    }
    if (err_is_fail(quota_open(&e->processes, above, processes))) {
        e->state = TABLE_UNUSED;
        return NULL;
    }
    if (err_is_fail(quota_take(&e->processes, 1))) {
        quota_close(&e->processes);
        e->state = TABLE_UNUSED;
        return NULL;
    }
    strncpy(e->name, what->name, TABLE_NAME_BYTES);
    t->entries_end = place < t->entries_end ? t->entries_end : place + 1;
    return e;
}

/* The same at the first place that is free; NULL also if there is none. */
static struct table_entry *table_fill(struct table *t, uint32_t pid, const struct table_new *what,
                                      uint32_t processes)
{
    for (uint32_t i = 0; i < TABLE_ENTRIES_MAX; i++) {
        if (t->entries[i].state == TABLE_UNUSED) {
            return table_fill_at(t, i, pid, what, processes);
        }
    }
    return NULL;
}

static uint32_t table_new_pid(struct table *t)
{
    uint32_t pid;

    while (t->next_pid == TABLE_PID_INIT || table_find(t, t->next_pid) != NULL) {
        t->next_pid += t->pid_step;
    }
    pid = t->next_pid;
    t->next_pid += t->pid_step;
    return pid;
}

bool table_trusted(struct table *t, uint32_t pid)
{
    const struct table_entry *e = table_find(t, pid);

    return pid == TABLE_PID_INIT || (e != NULL && e->parent == TABLE_PID_INIT && !e->detached
                                       && !e->guest);
}

/* What a child gets of a limit. False: it asks for more than its parent has. */
static bool table_limit(uint64_t wanted, uint64_t parents, uint64_t *ret_limit)
{
    *ret_limit = wanted != 0 ? wanted : parents;
    return wanted == 0 || parents == 0 || wanted <= parents;
}

/* Memory is the memory service's: it knows what is left. */
static bool table_limits(const struct process_limits *wanted, const struct table_entry *parent,
                         struct process_limits *ret_limits)
{
    const struct process_limits none = {0}, *p = parent == NULL ? &none : &parent->limits;
    uint64_t processes, threads, slots, endpoints, calls;

    if (!table_limit(wanted->processes, p->processes, &processes)
        || !table_limit(wanted->threads, p->threads, &threads)
        || !table_limit(wanted->slots, p->slots, &slots)
        || !table_limit(wanted->endpoints, p->endpoints, &endpoints)
        || !table_limit(wanted->calls, p->calls, &calls)) {
        return false;
    }
    *ret_limits = (struct process_limits){
        .memory = wanted->memory, .processes = (uint32_t)processes, .threads = (uint32_t)threads,
        .slots = (uint32_t)slots, .endpoints = (uint32_t)endpoints, .calls = (uint32_t)calls,
    };
    return true;
}

static errval_t table_may_add(struct table *t, const struct table_new *what,
                              const struct table_entry *parent)
{
    if (what->parent != TABLE_PID_INIT
        && (parent == NULL || parent->state != TABLE_LIVE || parent->ending)) {
        return PROCESS_ERR_NO_PID;       /* it has ended, and so must its children */
    }
    if (what->detached && !table_trusted(t, what->parent)) {
        return PROCESS_ERR_DENIED;
    }
    if (!what->lead && what->group != 0
        && table_member(t, what->parent, what->group, 0, NULL) == NULL) {
        return PROCESS_ERR_NO_GROUP;
    }
    return ERR_OK;
}

/* The entry `pid` (0: a new one), which may have `processes` with what is below it. */
static errval_t table_add_as(struct table *t, uint32_t pid, const struct table_new *what,
                             uint32_t processes, struct table_entry **ret_entry)
{
    const struct table_entry *parent = table_find(t, what->parent);
    struct process_limits limits;
    struct table_entry *e;

    if (!table_limits(&what->limits, parent, &limits)) {
        return PROCESS_ERR_LIMIT;
    }
    e = table_fill(t, pid != 0 ? pid : table_new_pid(t), what, processes);
    if (e == NULL) {
        return PROCESS_ERR_LIMIT;
    }
    e->limits = limits;
    e->detached = what->detached;
    if (!what->lead) {
        e->group = what->group != 0 ? what->group : parent != NULL ? parent->group : e->pid;
    }
    *ret_entry = e;
    return ERR_OK;
}

errval_t table_add(struct table *t, const struct table_new *what, struct table_entry **ret_entry)
{
    errval_t err = table_may_add(t, what, table_find(t, what->parent));

    return err_is_ok(err) ? table_add_as(t, 0, what, what->limits.processes, ret_entry) : err;
}

struct table_entry *table_restore(struct table *t, uint32_t place, uint32_t pid,
                                  const struct table_new *what, uint32_t processes)
{
    const struct table_entry *parent = table_find(t, what->parent);
    struct table_entry *e;

    if (t->entries[place].state != TABLE_UNUSED || table_find(t, pid) != NULL
        || (what->parent != TABLE_PID_INIT && what->above_count == 0
            && (parent == NULL || parent->state != TABLE_LIVE))) {
        return NULL;
    }
    e = table_fill_at(t, place, pid, what, processes);
    if (e != NULL) {
        e->limits = what->limits;
        e->detached = what->detached;
        e->group = what->group;
        if (!e->away && pid >= t->next_pid) {
            t->next_pid = pid + t->pid_step;
        }
    }
    return e;
}

errval_t table_adopt(struct table *t, uint32_t pid, const char *name,
                     struct table_entry **ret_entry)
{
    const struct table_new what = {.parent = TABLE_PID_INIT, .name = name};
    struct table_entry *e;

    if (pid == TABLE_PID_INIT || table_find(t, pid) != NULL) {
        return PROCESS_ERR_DENIED;
    }
    e = table_fill(t, pid, &what, /* processes= */ 0);
    if (e == NULL) {
        return PROCESS_ERR_LIMIT;
    }
    e->service = true;
    *ret_entry = e;
    return ERR_OK;
}

errval_t table_add_guest(struct table *t, uint32_t pid, struct table_entry **ret_entry)
{
    errval_t err = table_adopt(t, pid, "guest", ret_entry);

    if (err_is_ok(err)) {
        (*ret_entry)->guest = true;
    }
    return err;
}

void table_forget(struct table_entry *e)
{
    quota_give(&e->processes, 1);
    quota_close(&e->processes);
    e->state = TABLE_UNUSED;
}

void table_undo(struct table *t, struct table_entry *e)
{
    (void)t;
    table_forget(e);
}

void table_give_to_init(struct table *t, struct table_entry *e)
{
    e->parent = TABLE_PID_INIT;
    quota_move(&e->processes, &t->processes);
}

/* --- across cores --------------------------------------------------------------------------- */

errval_t table_add_away(struct table *t, uint32_t pid, const struct table_new *what,
                        struct table_entry **ret_entry)
{
    const struct table_entry *parent = table_find(t, what->parent);
    struct table_new part = *what;
    struct table_entry *e = table_find(t, pid);
    errval_t err = table_may_add(t, what, parent);

    if (e != NULL && e->away && e->state == TABLE_LIVE && e->parent == what->parent) {
        *ret_entry = e;
        return ERR_OK;
    }
    if (e != NULL) {
        return PROCESS_ERR_PID_TAKEN;
    }
    part.away = true;
    if (err_is_ok(err) && what->detached) {
        err = PROCESS_ERR_DENIED;
    }
    if (err_is_ok(err) && parent != NULL && parent->limits.processes != 0
        && part.limits.processes == 0) {
        part.limits.processes = (uint32_t)((quota_available(&parent->processes) + 1) / 2);
        err = part.limits.processes == 0 ? PROCESS_ERR_LIMIT : ERR_OK;
    }
    if (err_is_ok(err)) {
        err = table_add_as(t, pid, &part, part.limits.processes, &e);
    }
    if (err_is_ok(err)) {
        *ret_entry = e;
    }
    return err;
}

errval_t table_reserve(struct table *t, uint32_t parent, const char *name,
                       struct table_entry **ret_entry)
{
    const struct table_new what = {.parent = parent, .name = name, .above = &parent,
                                   .above_count = 1};
    struct table_entry *e = table_fill(t, table_new_pid(t), &what, /* processes= */ 0);

    if (e == NULL) {
        return PROCESS_ERR_LIMIT;
    }
    e->state = TABLE_STARTING;
    *ret_entry = e;
    return ERR_OK;
}

void table_renumber(struct table *t, struct table_entry *e)
{
    e->pid = table_new_pid(t);
}

errval_t table_begin(struct table_entry *e, const struct process_limits *limits, uint32_t group,
                     const uint32_t *above, uint32_t above_count)
{
    if (e->ending) {
        return PROCESS_ERR_NO_PID;
    }
    if (err_is_fail(quota_set_limit(&e->processes, limits->processes))) {
        return PROCESS_ERR_LIMIT;
    }
    e->limits = *limits;
    e->group = group;
    e->above_count = above_count < TABLE_ABOVE_MAX ? above_count : TABLE_ABOVE_MAX;
    for (uint32_t i = 0; i < e->above_count; i++) {
        e->above[i] = above[i];
    }
    e->state = TABLE_LIVE;
    return ERR_OK;
}

errval_t table_above(struct table *t, const struct table_entry *e,
                     uint32_t ret_above[TABLE_ABOVE_MAX], uint32_t *ret_count)
{
    uint32_t count = 0;

    for (; e != NULL; e = table_foreign(e) ? NULL : table_find(t, e->parent)) {
        if (count + 1 + e->above_count > TABLE_ABOVE_MAX) {
            return PROCESS_ERR_LIMIT;
        }
        ret_above[count++] = e->pid;
        for (uint32_t i = 0; i < e->above_count; i++) {
            ret_above[count++] = e->above[i];
        }
    }
    *ret_count = count;
    return ERR_OK;
}

bool table_memory_limited(struct table *t, uint32_t pid)
{
    const struct table_entry *e = table_find(t, pid);

    for (; e != NULL && !table_trusted(t, e->pid);
         e = table_foreign(e) ? NULL : table_find(t, e->parent)) {
        if (e->limits.memory != 0) {
            return true;
        }
    }
    return false;
}

/* --- families ------------------------------------------------------------------------------- */

static bool table_is_child(const struct table_entry *e, uint32_t parent)
{
    return e->parent == parent && !table_foreign(e);
}

struct table_entry *table_child(struct table *t, uint32_t parent, uint32_t pid,
                                enum table_state state)
{
    for (uint32_t i = 0; i < t->entries_end; i++) {
        struct table_entry *e = &t->entries[i];

        if (e->state == state && table_is_child(e, parent) && (pid == 0 || e->pid == pid)) {
            return e;
        }
    }
    return NULL;
}

/* It must end with its parent `pid`. */
static bool table_must_end(const struct table_entry *e, uint32_t pid)
{
    return e->state == TABLE_LIVE && table_is_child(e, pid) && !e->detached;
}

/* At most QUOTA_DEPTH_MAX deep. */
void table_end_below(struct table *t, struct table_entry *e,
                     void (*end)(void *arg, struct table_entry *e), void *arg)
{
    e->ending = true;
    for (uint32_t i = 0; i < t->entries_end; i++) {
        struct table_entry *below = &t->entries[i];

        if (table_must_end(below, e->pid) && !below->ending) {
            end(arg, below);
            table_end_below(t, below, end, arg);
        }
    }
}

static bool table_has_below(const struct table *t, uint32_t pid)
{
    for (uint32_t i = 0; i < t->entries_end; i++) {
        if (table_must_end(&t->entries[i], pid)) {
            return true;
        }
    }
    return false;
}

struct table_entry *table_settled(struct table *t)
{
    for (uint32_t i = 0; i < t->entries_end; i++) {
        struct table_entry *e = &t->entries[i];

        if (e->state == TABLE_LIVE && e->ending && !e->away && !table_has_below(t, e->pid)) {
            return e;
        }
    }
    return NULL;
}

static bool table_is_above(const struct table_entry *e, uint32_t pid)
{
    for (uint32_t i = 0; i < e->above_count; i++) {
        if (e->above[i] == pid) {
            return true;
        }
    }
    return e->parent == pid;
}

bool table_may(struct table *t, uint32_t caller, const struct table_entry *e)
{
    if (caller == e->pid || table_trusted(t, caller)) {
        return true;
    }
    for (; e != NULL; e = table_foreign(e) ? NULL : table_find(t, e->parent)) {
        if (table_is_above(e, caller)) {
            return true;
        }
    }
    return false;
}

errval_t table_may_kill(struct table *t, uint32_t caller, uint32_t pid)
{
    const struct table_entry *e = table_find(t, pid);

    if (e == NULL || e->state != TABLE_LIVE || e->guest) {
        return PROCESS_ERR_NO_PID;
    }
    return table_may(t, caller, e) ? ERR_OK : PROCESS_ERR_DENIED;
}

struct table_entry *table_member(struct table *t, uint32_t caller, uint32_t group, uint32_t after,
                                 bool *ret_found)
{
    struct table_entry *e = NULL;

    for (; (e = table_next(t, after)) != NULL; after = e->pid) {
        if (e->state != TABLE_LIVE || e->group != group) {
            continue;
        }
        if (ret_found != NULL) {
            *ret_found = true;
        }
        if (table_may(t, caller, e)) {
            return e;
        }
    }
    return NULL;
}

const char *table_check(struct table *t)
{
    for (uint32_t i = 0; i < t->entries_end; i++) {
        struct table_entry *e = &t->entries[i];
        const struct table_entry *p = table_find(t, e->parent);

        if (e->state == TABLE_UNUSED) {
            continue;
        }
        if (e->pid == TABLE_PID_INIT || table_find(t, e->pid) != e || e->place != i) {
            return "a pid is not unique";
        }
        if (table_foreign(e)) {
            p = NULL;
        } else if (e->parent != TABLE_PID_INIT && (p == NULL || p->state != TABLE_LIVE)) {
            return "a process has outlived its parent";
        }
        if (e->processes.own != 1
            || e->processes.parent != (p == NULL ? &t->processes : &p->processes)) {
            return "a process is on the wrong account";
        }
    }
    return table_check_waits(t);
}
