/* The process table: who is whose child, who waits for whom, how each ended. It starts and ends
 * nothing itself; main.c does, and tells the table. Runs on the host too.
 *
 * Life of an entry: table_add -> LIVE -> table_ended -> ENDED -> forgotten, when its parent has
 * waited for it, or at once if the parent has ended before, is no process of the table, or ends
 * now.
 *
 * Invariants (table_check tests them):
 *  1. Pids are unique and not 0.
 *  2. An ENDED entry has a LIVE parent in the table, or one marked `keeps` (init).
 *  3. A waiter waits for a LIVE child of its pid, or for any child and has at least one LIVE and no
 * ENDED child.
 *
 * Errors are PROCESS_ERR_*. Nothing changes when a function fails. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <if/process.h>

#define TABLE_ENTRIES_MAX  256u
#define TABLE_CHILDREN_MAX 64u           /* of one parent, so that no program uses up the table */
#define TABLE_WAITERS_MAX  256u
#define TABLE_WAITS_MAX    16u           /* of one domain */
#define TABLE_NAME_BYTES   63u
#define TABLE_PID_INIT     0u

enum table_state { TABLE_UNUSED, TABLE_LIVE, TABLE_ENDED };

struct table_exit {
    uint8_t kind;                        /* PROCESS_EXIT_KIND_* */
    int32_t status;
    uint64_t cause, pc, address;
};

struct table_entry {
    enum table_state state;
    uint32_t pid;
    uint32_t parent;
    bool service;                        /* started by init itself */
    bool killed;                         /* kill was asked for: its end is reported as killed */
    uint64_t quota;
    struct table_exit exit;
    char name[TABLE_NAME_BYTES + 1];
    uint32_t place;                      /* index in the table, for main.c's parallel array */
};

struct table_waiter {
    bool used;
    uint32_t caller;
    uint32_t pid;                        /* 0: any child */
};

struct table {
    uint32_t next_pid;
    /* the entries and waiters from these on have never been used */
    uint32_t entries_end, waiters_end;
    struct table_entry entries[TABLE_ENTRIES_MAX];
    struct table_waiter waiters[TABLE_WAITERS_MAX];
};

/* What wait finds out at once. */
enum table_wait { TABLE_WAIT_DONE, TABLE_WAIT_LATER };

/* The first pid given out. */
void table_init(struct table *t, uint32_t first_pid);
/* A new process. `name` is cut. LIMIT. */
errval_t table_add(struct table *t, uint32_t parent, const char *name, uint64_t quota,
                   struct table_entry **ret_entry);
/* A domain that exists already. LIMIT; DENIED if the pid is known or 0. */
errval_t table_adopt(struct table *t, uint32_t pid, const char *name,
                     struct table_entry **ret_entry);
/* Takes back table_add. */
void table_undo(struct table *t, struct table_entry *e);

/* Live or ended; NULL: unknown. */
struct table_entry *table_find(struct table *t, uint32_t pid);
/* The entry with the smallest pid above `after`; NULL: none. */
struct table_entry *table_next(struct table *t, uint32_t after);

/* NO_PID, DENIED: only init and the programs it started may kill services, and nobody else's
 * process but its own descendants may be killed by a program started by others. */
errval_t table_may_kill(struct table *t, uint32_t caller, uint32_t pid);

/* DONE: `ret_pid` and `ret_exit` are set and the child is forgotten. LATER: the caller is waiter
 * `ret_waiter` until table_ended answers it or table_cancel. NO_CHILD, LIMIT. */
errval_t table_wait(struct table *t, uint32_t caller, uint32_t pid, enum table_wait *ret_what,
                    uint32_t *ret_pid, struct table_exit *ret_exit, uint32_t *ret_waiter);
void table_cancel(struct table *t, uint32_t waiter);

/* Answers a waiter: the exit of its child `pid`, or NULL: another waiter got it, there is no child
 * left. */
typedef void (*table_answer)(void *arg, uint32_t waiter, uint32_t pid,
                             const struct table_exit *how);
/* The process ended. Its children lose their parent, its own waits end unanswered. If a waiter gets
 * the exit, the process is forgotten. */
void table_ended(struct table *t, struct table_entry *e, const struct table_exit *how,
                 table_answer answer, void *arg);

/* The first violated invariant as text, or NULL. */
const char *table_check(struct table *t);
