/* The process table of a core: who is whose child, who waits for whom, who belongs together, how
 * each ended. It starts and ends nothing itself; domain.c does, and tells the table. Runs on the
 * host too.
 *
 * Life of an entry: table_add -> LIVE -> table_ended -> ENDED -> forgotten, when its parent has
 * waited for it, or at once if the parent has ended before, is no process of the table, or ends
 * now.
 *
 * A process whose parent is on another core is in two tables (kin.h): in that of its own core as a
 * *foreign* entry, and in that of its parent's core as an *away* entry. Whatever its parent may ask
 * is answered there.
 *
 * Invariants (table_check tests them):
 *  1. Pids are unique and not 0.
 *  2. The parent of every entry that is not foreign is init (0) or LIVE: the children of a process
 *     end before it, and detached ones become init's.
 *  3. A waiter waits for a LIVE process, by its pid; or for any child, and has at least one LIVE
 *     and no ENDED child. It is LIVE itself, or init.
 *  4. Every entry takes one from its account of processes, which is below its parent's (that of
 *     init's children below that of the whole table): what a process starts counts for it.
 *
 * Errors are PROCESS_ERR_*. Nothing changes when a function fails. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aos/domain.h>
#include <aos/quota.h>
#include <if/process.h>

#define TABLE_ENTRIES_MAX  DOMAINS_MAX
#define TABLE_WAITS_MAX    16u           /* of one domain */
#define TABLE_WAITERS_MAX  ((TABLE_ENTRIES_MAX + 1u) * TABLE_WAITS_MAX) /* of all, and of init */
#define TABLE_NAME_BYTES   63u
#define TABLE_PID_INIT     0u
#define TABLE_ABOVE_MAX    32u           /* ancestors of a foreign entry */

/* STARTING: a foreign one that the table of its parent has not taken in yet; or that it is to
 * forget, as nothing came of it. */
enum table_state { TABLE_UNUSED, TABLE_STARTING, TABLE_LIVE, TABLE_ENDED };

struct table_exit {
    uint8_t kind;                        /* PROCESS_EXIT_KIND_* */
    int32_t status;
    uint64_t cause, pc, address;
};

struct table_entry {
    enum table_state state;
    uint32_t pid;
    uint32_t parent;
    uint32_t group;
    bool service;                        /* started by init itself */
    bool guest;                          /* runs on another core, and waits or traces here */
    bool away;                           /* runs on another core; its parent is here */
    bool ending;                         /* is to be ENDED as soon as nothing is below it */
    bool detached;                       /* does not end with its parent, but is init's then */
    bool killed;                         /* kill was asked for: its end is reported as killed */
    struct process_limits limits;        /* 0: none */
    struct quota processes;              /* its own and those below it */
    struct table_exit exit;
    char name[TABLE_NAME_BYTES + 1];
    uint32_t place;                      /* index in the table, for parallel arrays */
    /* Of a foreign one its parent and that one's ancestors; of others none. */
    uint32_t above_count, above[TABLE_ABOVE_MAX];
};

struct table_waiter {
    bool used;
    uint32_t pid;                        /* 0: any child */
};

/* Each domain has waiters of its own, at its place, so that nobody uses up those of others. */
struct table_waits {
    uint32_t count;
    struct table_waiter all[TABLE_WAITS_MAX];
};

struct table {
    uint32_t next_pid, pid_step;
    uint32_t entries_end;                /* the entries from here on have never been used */
    struct quota processes;              /* all */
    struct table_entry entries[TABLE_ENTRIES_MAX];
    struct table_waits waits[TABLE_ENTRIES_MAX + 1]; /* by place, init's last */
};

/* What a new process is to be. */
struct table_new {
    uint32_t parent;
    const char *name;                    /* is cut */
    struct process_limits limits;        /* 0: as the parent's */
    bool detached;
    bool lead;                           /* begins a group */
    uint32_t group;                      /* 0: the parent's */
    bool away;                           /* it runs on another core */
    uint32_t above_count;                /* not 0: it is foreign */
    const uint32_t *above;
};

/* What wait finds out at once. */
enum table_wait { TABLE_WAIT_DONE, TABLE_WAIT_LATER };

/* The first pid given out, and from each one to the next. */
void table_init(struct table *t, uint32_t first_pid, uint32_t pid_step);
/* A new process. LIMIT: it asks for more than its parent has, or the parent has as many processes
 * as it may (aos/quota.h); DENIED: the parent may not detach children; NO_GROUP; NO_PID:
 * the parent is no LIVE process. */
errval_t table_add(struct table *t, const struct table_new *what, struct table_entry **ret_entry);
/* A domain that exists already. LIMIT; DENIED if the pid is known or 0. */
errval_t table_adopt(struct table *t, uint32_t pid, const char *name,
                     struct table_entry **ret_entry);
/* A domain of another core that is to wait or trace here: from now on as long as it has a
 * connection. LIMIT. */
errval_t table_add_guest(struct table *t, uint32_t pid, struct table_entry **ret_entry);
/* Makes the unused entry at `place` a process that was in the table of another process service:
 * `what` as its entry was, with all limits, `processes` the one of its own account. Parents come
 * before their children. NULL: it has no parent any more. `what->above_count` as in an entry. */
struct table_entry *table_restore(struct table *t, uint32_t place, uint32_t pid,
                                  const struct table_new *what, uint32_t processes);
/* Takes back table_add. */
void table_undo(struct table *t, struct table_entry *e);

/* A process of another core with a parent here, an away entry; the same once more if it has been
 * told twice. Who has a limit of its own or from above gets a definite part of what its parent has
 * left: half, if it asks for none. As table_add; PID_TAKEN: an ENDED entry has this pid. */
errval_t table_add_away(struct table *t, uint32_t pid, const struct table_new *what,
                        struct table_entry **ret_entry);
/* A STARTING entry for a process here with a parent on another core. LIMIT. */
errval_t table_reserve(struct table *t, uint32_t parent, const char *name,
                       struct table_entry **ret_entry);
/* Another pid for a STARTING entry. */
void table_renumber(struct table *t, struct table_entry *e);
/* A STARTING entry is LIVE, with all that the other table says. LIMIT: there is no room for as many
 * processes as it may have; NO_PID: it is `ending`. */
errval_t table_begin(struct table_entry *e, const struct process_limits *limits, uint32_t group,
                     const uint32_t *above, uint32_t above_count);
/* The ancestors of `e`, itself first, for a child on another core. LIMIT: there are too many. */
errval_t table_above(struct table *t, const struct table_entry *e,
                     uint32_t ret_above[TABLE_ABOVE_MAX], uint32_t *ret_count);
/* Has a limit been set on the memory of `pid`, or above it? That of init's children is what their
 * core has, and does not count. */
bool table_memory_limited(struct table *t, uint32_t pid);

/* Live or ended; NULL: unknown. */
struct table_entry *table_find(struct table *t, uint32_t pid);
/* The entry with the smallest pid above `after`; NULL: none. */
struct table_entry *table_next(struct table *t, uint32_t after);
/* `e` is `ending`, and all that is below it: `end` is called once for each of those. Children that
 * are detached, and what is below them, stay. */
void table_end_below(struct table *t, struct table_entry *e,
                     void (*end)(void *arg, struct table_entry *e), void *arg);
/* One that is `ending`, runs on this core if anywhere, and has nothing below it that must end
 * before; NULL: none. */
struct table_entry *table_settled(struct table *t);

/* NO_PID, DENIED: only init and the programs it started may kill services, and nobody else's
 * process but its own descendants may be killed by a program started by others. */
errval_t table_may_kill(struct table *t, uint32_t caller, uint32_t pid);
/* The LIVE member of `group` with the smallest pid above `after` that `caller` may kill; NULL:
 * none. `ret_found` (NULL: not asked) becomes true if there is any LIVE member above it. */
struct table_entry *table_member(struct table *t, uint32_t caller, uint32_t group, uint32_t after,
                                 bool *ret_found);

/* DONE: `ret_pid` and `ret_exit` are set, and the child is forgotten if the caller is its parent.
 * LATER: the caller is waiter `ret_waiter` until table_ended answers it or table_cancel. NO_CHILD,
 * LIMIT. */
errval_t table_wait(struct table *t, uint32_t caller, uint32_t pid, enum table_wait *ret_what,
                    uint32_t *ret_pid, struct table_exit *ret_exit, uint32_t *ret_waiter);
void table_cancel(struct table *t, uint32_t waiter);
/* The first waiter of `caller`; its others follow. TABLE_WAITERS_MAX: unknown caller. */
uint32_t table_first_waiter(struct table *t, uint32_t caller);

/* Answers a waiter: the exit of `pid`, or NULL: there is nothing left to wait for. */
typedef void (*table_answer)(void *arg, uint32_t waiter, uint32_t pid,
                             const struct table_exit *how);
/* The process ended, and nothing is below it that must end before. Whoever waits for it gets the
 * exit; of those that wait for any child one, if its parent waits in no other way. Its detached
 * children become init's, its own waits are answered with NULL. A foreign one stays until
 * table_told. */
void table_ended(struct table *t, struct table_entry *e, const struct table_exit *how,
                 table_answer answer, void *arg);
/* Nothing came of an away entry: it is forgotten, and who waited for it is answered with NULL. */
void table_never(struct table *t, struct table_entry *e, table_answer answer, void *arg);
/* The table of its parent knows that the foreign `e` has ended, or that nothing came of it. */
void table_told(struct table_entry *e);

/* The first violated invariant as text, or NULL. */
const char *table_check(struct table *t);

/* Between process.c and wait.c. An ENDED entry, or one that never began, has no children. */
void table_forget(struct table_entry *e);
/* A detached process becomes init's. */
void table_give_to_init(struct table *t, struct table_entry *e);
static inline bool table_foreign(const struct table_entry *e)
{
    return e->above_count != 0;
}

/* A child of `parent` in `state` that `pid` (0: any) names; no foreign one. */
struct table_entry *table_child(struct table *t, uint32_t parent, uint32_t pid,
                                enum table_state state);
/* Init, and what it started: services and the shell. */
bool table_trusted(struct table *t, uint32_t pid);
/* As table_may_kill, for LIVE and ENDED ones. */
bool table_may(struct table *t, uint32_t caller, const struct table_entry *e);
const char *table_check_waits(struct table *t);
