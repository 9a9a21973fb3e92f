/* What test_kin.c compares with: a tree of processes that knows no cores. */
#pragma once

#include "check.h"

#include "process_priv.h"

enum { PROCS = 4096, STATUS_KILLED_HERE = -1 };

enum fate { RUNS, ENDED };

/* A process that somebody started, in the order of their starts. */
struct proc {
    uint32_t pid, parent;
    struct proc *above;                  /* NULL: init's child */
    enum fate fate;
    bool killed, reaped;
    uint32_t condemned;                  /* by a call on this core: 1 << its number */
    int32_t status;
};

static struct proc procs[PROCS];
static uint32_t proc_count;

static struct proc *proc_find(uint32_t pid)
{
    for (uint32_t i = proc_count; i-- > 0; ) {
        if (procs[i].pid == pid) {
            return &procs[i];
        }
    }
    return NULL;
}

/* A core that was off begins with the same pids again: the last one with this parent. */
static struct proc *proc_of(uint32_t pid, uint32_t parent)
{
    for (uint32_t i = proc_count; i-- > 0; ) {
        if (procs[i].pid == pid && procs[i].parent == parent) {
            return &procs[i];
        }
    }
    return NULL;
}

/* Another one is about to have this pid, so nothing is heard of the one before any more. */
static void proc_replace(uint32_t pid, uint32_t parent)
{
    struct proc *p = proc_of(pid, parent);

    if (p != NULL && p->fate == ENDED) {
        p->pid = TABLE_PID_INIT;
    }
}

/* It ends if it runs. */
static void proc_end(uint32_t pid, bool killed, int32_t status)
{
    struct proc *p = proc_find(pid);

    CHECK(p != NULL);
    if (p->fate == RUNS) {
        p->fate = ENDED;
        p->killed = killed;
        p->status = status;
    }
}

/* It must end, since something above it has. */
static bool proc_is_doomed(const struct proc *p)
{
    while ((p = p->above) != NULL) {
        if (p->fate != RUNS) {
            return true;
        }
    }
    return false;
}

static uint64_t seed;
static uint32_t statuses_told;

static bool one_in(uint32_t n)
{
    return check_random(&seed) % n == 0;
}

/* What a parent hears is how its child ended, and it hears it once. */
static void check_status(uint32_t parent, uint32_t pid, const struct table_exit *how)
{
    const struct proc *p = proc_of(pid, parent);

    statuses_told++;
    if (p == NULL) {                     /* its service ended as it was to start: nobody knows */
        CHECK_EQ(how->kind, PROCESS_EXIT_KIND_KILLED);
        return;
    }
    CHECK(p->fate == ENDED && !p->reaped);
    CHECK_EQ(how->kind, p->killed ? PROCESS_EXIT_KIND_KILLED : PROCESS_EXIT_KIND_EXITED);
    CHECK(p->killed || how->status == p->status);
}

static void reap(uint32_t parent, uint32_t pid)
{
    struct proc *p = proc_of(pid, parent);

    if (p != NULL) {
        p->reaped = true;
    }
}

/* Calls of this core have not been made to the end. */
static void proc_pardon(uint32_t by)
{
    for (uint32_t i = 0; i < proc_count; i++) {
        procs[i].condemned = procs[i].condemned == by ? 0 : procs[i].condemned;
    }
}

static uint32_t entry_rank(const struct table_entry *e)
{
    return (e->away ? UINT32_MAX / 2 : 0) + e->pid;
}

static const struct table_entry *entry_next(const struct table *t, uint32_t after)
{
    const struct table_entry *next = NULL;

    for (uint32_t i = 0; i < t->entries_end; i++) {
        const struct table_entry *e = &t->entries[i];

        if ((e->state == TABLE_LIVE || e->state == TABLE_ENDED) && entry_rank(e) > after
            && (next == NULL || entry_rank(e) < entry_rank(next))) {
            next = e;
        }
    }
    return next;
}
