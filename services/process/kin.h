/* Families across cores: what the process services of several cores tell each other, so that a
 * child on another core is one like any other. Pure logic over the table; the carrier (peers.c)
 * and the domains (domain.c) are the caller's. Runs on the host too.
 *
 * A process C of core B with a parent P of core A begins as a STARTING entry of B, which asks A to
 * let it join (table_add_away); then it is LIVE in both. Notes go between the two, each repeated
 * until it is answered, and harmless when repeated:
 *
 *   ENDED  B to A   C has ended; answered, B forgets it
 *   NEVER  B to A   nothing came of C; answered, B forgets it
 *   END    A to B   C is to end, since P has, or since it was killed
 *   LOOK   A to B   another service may be there now: does it know C still?
 *
 * Invariants:
 *  1. P is ENDED in A's table only when no C is LIVE there.
 *  2. C is ENDED, or forgotten, in A's table only when it does not run any more: B has said so,
 *     does not know it, or is off.
 *  3. Whatever waits for C as its parent, or for any child, waits in A's table: one status is given
 *     away once. */
#pragma once

#include "process_priv.h"

enum kin_note { KIN_NONE, KIN_ENDED, KIN_NEVER, KIN_END, KIN_LOOK };
/* What became of a note. UNKNOWN: no such process there; LOST: no answer came, the core is on. */
enum kin_answer { KIN_DONE, KIN_UNKNOWN, KIN_LOST, KIN_OFF };

struct kin_ops {
    /* The domain of a LIVE entry of this core executes nothing any more. */
    void (*stop)(void *arg, struct table_entry *e);
    /* What `e` had is given back. How it has ended is found out if it is of this core, and is in
     * `io_how` if it is away. */
    void (*release)(void *arg, struct table_entry *e, struct table_exit *io_how);
    /* Sends a note about `e` to the core that it is for (kin_core), instead of one not sent yet. */
    void (*note)(void *arg, struct table_entry *e, enum kin_note note);
    table_answer answer;
};

struct kin {
    struct table *table;
    const struct kin_ops *ops;
    void *arg;                           /* of ops */
};

/* Where notes about `e` go. */
uint32_t kin_core(const struct table_entry *e);
/* The domain of `e`, of this core, has ended: what is below it is to end; then it is over. */
void kin_end(struct kin *k, struct table_entry *e);
/* Nothing came of a foreign entry, which has not run. */
void kin_never(struct kin *k, struct table_entry *e);

/* Notes of others. False: it knows of no such process, or it is none of `core`'s. */
bool kin_on_ended(struct kin *k, uint32_t core, uint32_t pid, bool started,
                  const struct table_exit *how);
bool kin_on_end(struct kin *k, uint32_t core, uint32_t pid);
/* A note about `pid` to `core` was answered. */
void kin_answered(struct kin *k, uint32_t core, uint32_t pid, enum kin_note note,
                  enum kin_answer answer);
/* The service of `core` has ended: another may be there that knows less. */
void kin_look(struct kin *k, uint32_t core);
/* After a recovery: what may not have been told is told again. */
void kin_resume(struct kin *k);
