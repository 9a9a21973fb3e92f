/* See kin.h. */
#include "kin.h"

static bool kin_is_away(const struct table_entry *e, uint32_t core)
{
    return e->state == TABLE_LIVE && e->away && domain_core_of(e->pid) == core;
}

static bool kin_is_foreign(const struct table_entry *e, uint32_t core)
{
    return e->state != TABLE_UNUSED && table_foreign(e) && domain_core_of(e->parent) == core;
}

uint32_t kin_core(const struct table_entry *e)
{
    return domain_core_of(e->away ? e->pid : e->parent);
}

static void kin_over(struct kin *k, struct table_entry *e, struct table_exit how)
{
    k->ops->release(k->arg, e, &how);
    table_ended(k->table, e, &how, k->ops->answer, k->arg);
    if (e->state == TABLE_ENDED && table_foreign(e)) {
        k->ops->note(k->arg, e, KIN_ENDED);
    }
}

static void kin_settle(struct kin *k)
{
    const struct table_exit unknown = {.kind = PROCESS_EXIT_KIND_KILLED};
    struct table_entry *e;

    while ((e = table_settled(k->table)) != NULL) {
        kin_over(k, e, unknown);
    }
}

static void kin_end_below(void *arg, struct table_entry *e)
{
    const struct kin *k = arg;

    if (e->away) {
        k->ops->note(k->arg, e, KIN_END);
    } else {
        k->ops->stop(k->arg, e);
    }
}

void kin_end(struct kin *k, struct table_entry *e)
{
    table_end_below(k->table, e, kin_end_below, k);
    kin_settle(k);
}

void kin_never(struct kin *k, struct table_entry *e)
{
    e->state = TABLE_STARTING;
    e->ending = true;
    k->ops->note(k->arg, e, KIN_NEVER);
}

/* An away one runs no more. */
static void kin_away_over(struct kin *k, struct table_entry *e, const struct table_exit *how)
{
    kin_over(k, e, *how);
    kin_settle(k);
}

bool kin_on_ended(struct kin *k, uint32_t core, uint32_t pid, bool started,
                  const struct table_exit *how)
{
    struct table_entry *e = table_find(k->table, pid);
    struct table_exit never = *how;

    if (e == NULL || !kin_is_away(e, core)) {
        return false;
    }
    if (started) {
        kin_away_over(k, e, how);
        return true;
    }
    k->ops->release(k->arg, e, &never);
    table_never(k->table, e, k->ops->answer, k->arg);
    kin_settle(k);
    return true;
}

bool kin_on_end(struct kin *k, uint32_t core, uint32_t pid)
{
    struct table_entry *e = table_find(k->table, pid);

    if (e == NULL || !kin_is_foreign(e, core)) {
        return false;
    }
    if (e->state == TABLE_LIVE) {
        k->ops->stop(k->arg, e);
        kin_end(k, e);
    } else {
        e->ending = true;                /* STARTING: it does not run */
    }
    return true;
}

static void kin_lost(struct kin *k, struct table_entry *e)
{
    const struct table_exit how = {.kind = PROCESS_EXIT_KIND_KILLED};

    kin_away_over(k, e, &how);
}

/* A core is off: what ran there does not, and whoever had children here has ended. */
static void kin_core_off(struct kin *k, uint32_t core)
{
    for (uint32_t i = 0; i < k->table->entries_end; i++) {
        struct table_entry *e = &k->table->entries[i];

        if (kin_is_away(e, core)) {
            kin_lost(k, e);
        } else if (kin_is_foreign(e, core) && e->state == TABLE_ENDED) {
            table_told(e);
        } else if (kin_is_foreign(e, core) && e->state == TABLE_LIVE && !e->ending) {
            k->ops->stop(k->arg, e);
            kin_end(k, e);
        }
    }
}

void kin_answered(struct kin *k, uint32_t core, uint32_t pid, enum kin_note note,
                  enum kin_answer answer)
{
    struct table_entry *e = table_find(k->table, pid);
    bool tells = note == KIN_ENDED || note == KIN_NEVER;
    bool open = e != NULL && (tells ? kin_is_foreign(e, core) : kin_is_away(e, core));

    if (open && answer == KIN_LOST) {
        k->ops->note(k->arg, e, note == KIN_LOOK && e->ending ? KIN_END : note);
    } else if (open && tells) {
        table_told(e);
    } else if (open && answer == KIN_UNKNOWN) {
        kin_lost(k, e);
    }
    if (answer == KIN_OFF) {
        kin_core_off(k, core);
    }
}

void kin_look(struct kin *k, uint32_t core)
{
    for (uint32_t i = 0; i < k->table->entries_end; i++) {
        struct table_entry *e = &k->table->entries[i];

        if (kin_is_away(e, core)) {
            k->ops->note(k->arg, e, e->ending ? KIN_END : KIN_LOOK);
        }
    }
}

void kin_resume(struct kin *k)
{
    for (uint32_t i = 0; i < k->table->entries_end; i++) {
        struct table_entry *e = &k->table->entries[i];

        if (e->state == TABLE_LIVE && e->away) {
            k->ops->note(k->arg, e, KIN_LOOK);
        } else if (e->state == TABLE_ENDED && table_foreign(e)) {
            k->ops->note(k->arg, e, KIN_ENDED);
        }
    }
}
