/* See keep.h. */
#include "keep.h"

#include <string.h>

#include <aos/cap.h>
#include <aos/vault.h>

#define KEEP_MAGIC 0x636f7270u           /* "proc": the vault has been used */

enum keep_state {
    KEEP_NONE, KEEP_STARTING, KEEP_LIVE, KEEP_ENDING, KEEP_ENDED, KEEP_TOLD,
};

/* Slots of an entry in the vault. */
enum keep_slot { KEEP_RAM, KEEP_L1, KEEP_DISPATCHER, KEEP_TRACE, KEEP_SLOTS };

struct keep_record {
    uint32_t state;                      /* enum keep_state */
    uint32_t pid, parent, group;
    bool detached, killed, away;
    uint32_t processes;                  /* its own limit */
    struct process_limits limits;
    struct table_exit exit;
    char name[TABLE_NAME_BYTES + 1];
    uint32_t above_count, above[TABLE_ABOVE_MAX];
};

struct keep {
    uint32_t magic;
    uint32_t next_pid;
    struct keep_record records[TABLE_ENTRIES_MAX];
};

static struct {
    struct vault vault;
    struct keep *keep;                   /* NULL: there is no vault */
} kept;

/* What the one before told, by place; only after a recovery. */
static bool keep_told_before[TABLE_ENTRIES_MAX];

errval_t keep_init(void)
{
    errval_t err = vault_open(&kept.vault);

    if (err_has(err, LIB_ERR_NOT_FOUND)) {
        return ERR_OK;
    }
    if (err_is_ok(err) && (kept.vault.bytes < sizeof(struct keep)
                           || kept.vault.slots < TABLE_ENTRIES_MAX * KEEP_SLOTS)) {
        err = LIB_ERR_RANGE;
    }
    if (err_is_ok(err)) {
        kept.keep = kept.vault.data;
    }
    return err;
}

static struct keep_record *keep_of(const struct table_entry *e)
{
    return kept.keep == NULL ? NULL : &kept.keep->records[e->place];
}

static errval_t keep_put(const struct table_entry *e, enum keep_slot slot, caddr_t *io_cap)
{
    return kept.keep == NULL || *io_cap == 0
        ? ERR_OK : vault_put(&kept.vault, e->place * KEEP_SLOTS + slot, io_cap);
}

errval_t keep_ram(const struct table_entry *e, caddr_t *io_ram)
{
    return keep_put(e, KEEP_RAM, io_ram);
}

errval_t keep_proc(const struct table_entry *e, struct proc *io_proc)
{
    errval_t err = keep_put(e, KEEP_L1, &io_proc->l1);

    return err_is_ok(err) ? keep_put(e, KEEP_DISPATCHER, &io_proc->dispatcher) : err;
}

errval_t keep_ring(const struct table_entry *e, struct proc *io_proc)
{
    return keep_put(e, KEEP_TRACE, &io_proc->trace);
}

/* The record without its state, which is one of those in which nothing of this counts. */
static void keep_fill(struct keep_record *r, const struct table_entry *e)
{
    r->pid = e->pid;
    r->parent = e->parent;
    r->group = e->group;
    r->detached = e->detached;
    r->killed = e->killed;
    r->away = e->away;
    r->above_count = e->above_count;
    memcpy(r->above, e->above, sizeof(r->above));
    r->processes = (uint32_t)e->processes.limit;
    r->limits = e->limits;
    r->exit = e->exit;
    memcpy(r->name, e->name, sizeof(r->name));
}

void keep_starting(const struct table_entry *e)
{
    struct keep_record *r = keep_of(e);

    if (r != NULL) {
        keep_told_before[e->place] = false;
        vault_set(&r->state, KEEP_NONE);
        keep_fill(r, e);
        vault_set(&kept.keep->next_pid, svc.table.next_pid);
        vault_set(&r->state, KEEP_STARTING);
    }
}

void keep_ending(const struct table_entry *e, const struct table_exit *how)
{
    struct keep_record *r = keep_of(e);

    if (r != NULL && !e->service) {
        r->exit = *how;
        vault_set(&r->state, KEEP_ENDING);
    }
}

static void keep_sync_one(struct keep_record *r, const struct table_entry *e)
{
    if (e->service) {
        return;                          /* init tells the next one */
    }
    if (e->state == TABLE_UNUSED) {
        if (r->state != KEEP_NONE && r->state != KEEP_TOLD) {
            vault_set(&r->state, r->state == KEEP_STARTING ? KEEP_NONE : KEEP_TOLD);
        }
        return;
    }
    if (e->state == TABLE_STARTING) {
        return;                          /* the record says so, until nothing of it is left */
    }
    if (r->pid != e->pid || r->state == KEEP_TOLD) {
        vault_set(&r->state, KEEP_NONE);
    }
    if (r->state == KEEP_NONE || r->state == KEEP_STARTING) {
        keep_fill(r, e);
    }
    r->parent = e->parent;
    r->killed = e->killed;
    if (e->state == TABLE_ENDED) {
        r->exit = e->exit;
    }
    vault_set(&r->state, e->state == TABLE_LIVE ? KEEP_LIVE : KEEP_ENDED);
}

void keep_sync(void)
{
    for (uint32_t i = 0; kept.keep != NULL && i < svc.table.entries_end; i++) {
        keep_sync_one(&kept.keep->records[i], &svc.table.entries[i]);
    }
}

bool keep_told(uint32_t caller, uint32_t pid, struct table_exit *ret_exit)
{
    for (uint32_t i = 0; kept.keep != NULL && i < TABLE_ENTRIES_MAX; i++) {
        const struct keep_record *r = &kept.keep->records[i];

        if (keep_told_before[i] && r->state == KEEP_TOLD && r->pid == pid
            && r->parent == caller) {
            keep_told_before[i] = false;
            *ret_exit = r->exit;
            return true;
        }
    }
    return false;
}

/* --- recovery ------------------------------------------------------------------------------- */

static struct proc keep_find_proc(uint32_t place)
{
    uint32_t first = place * KEEP_SLOTS;

    return (struct proc){
        .l1 = vault_get(&kept.vault, first + KEEP_L1),
        .ram = vault_get(&kept.vault, first + KEEP_RAM),
        .dispatcher = vault_get(&kept.vault, first + KEEP_DISPATCHER),
        .trace = vault_get(&kept.vault, first + KEEP_TRACE),
    };
}

/* Nobody will use what is at this place: it goes back, and the account ends. */
static void keep_clear(uint32_t place, const struct keep_record *r)
{
    struct proc proc = keep_find_proc(place);

    if (proc.dispatcher != 0) {
        (void)proc_kill(proc.dispatcher, DOMAIN_STATUS_KILLED);
    }
    if (proc.ram != 0) {
        if (proc.l1 != 0) {
            proc_destroy(&proc);
        }
        (void)cap_revoke(proc.ram);      /* half a domain */
        domain_give_ram(proc.ram);
    }
    account_end(r->pid);
}

/* An entry as the record has it. False: there is no such domain. */
static bool keep_restore(uint32_t place, struct keep_record *r)
{
    struct domain *d = &svc.domains[place];
    struct table_exit how = r->exit;
    struct table_entry *e;
    uint32_t state = r->state;

    d->proc = r->away ? (struct proc){0} : keep_find_proc(place);
    if (state == KEEP_LIVE && !r->away && (d->proc.dispatcher == 0 || d->proc.l1 == 0)) {
        how = (struct table_exit){.kind = PROCESS_EXIT_KIND_KILLED};
        state = KEEP_ENDING;             /* it cannot be: an end is noted before */
    }
    if (state == KEEP_ENDING) {
        keep_clear(place, r);
    }
    e = table_restore(&svc.table, place, r->pid, &(struct table_new){
        .parent = r->parent, .name = r->name, .limits = r->limits, .detached = r->detached,
        .group = r->group, .away = r->away, .above_count = r->above_count, .above = r->above},
        r->processes);
    if (e == NULL) {
        return false;
    }
    e->killed = r->killed;
    if (state != KEEP_LIVE) {
        table_ended(&svc.table, e, &how, service_answer_wait, NULL);
    } else if (!e->away) {
        domain_watch(e);                 /* tells at once if it has ended meanwhile */
    }
    return true;
}

/* Of the records not restored yet the one with the smallest pid: parents come before children, and
 * away ones, which have none here, last. */
static struct keep_record *keep_next(uint32_t after, bool away)
{
    struct keep_record *next = NULL;

    for (uint32_t i = 0; i < TABLE_ENTRIES_MAX; i++) {
        struct keep_record *r = &kept.keep->records[i];

        if (r->state >= KEEP_LIVE && r->state <= KEEP_ENDED && r->pid > after
            && r->away == away
            && (next == NULL || r->pid < next->pid)) {
            next = r;
        }
    }
    return next;
}

static void keep_restore_all(bool away)
{
    struct keep_record *r;
    uint32_t after = 0;

    while ((r = keep_next(after, away)) != NULL) {
        uint32_t place = (uint32_t)(r - kept.keep->records);

        after = r->pid;
        if (!keep_restore(place, r)) {
            keep_clear(place, r);
            vault_set(&r->state, KEEP_NONE);
        }
    }
}

void keep_recover(void)
{
    if (kept.keep == NULL) {
        return;
    }
    if (kept.keep->magic != KEEP_MAGIC) {
        vault_set(&kept.keep->magic, KEEP_MAGIC);
        return;
    }
    svc.table.next_pid = kept.keep->next_pid > svc.table.next_pid ? kept.keep->next_pid
                                                                  : svc.table.next_pid;
    for (uint32_t i = 0; i < TABLE_ENTRIES_MAX; i++) {
        struct keep_record *r = &kept.keep->records[i];

        keep_told_before[i] = r->state == KEEP_TOLD;
        if (r->state == KEEP_STARTING) {
            keep_clear(i, r);
            vault_set(&r->state, KEEP_NONE);
        }
    }
    keep_restore_all(/* away= */ false);
    keep_restore_all(/* away= */ true);
    keep_sync();
    kin_resume(&domain_kin);
}
