/* The process services of other cores: a thread calls them, one at a time, so that this one never
 * waits for another. What it is to do comes from the main thread, which also hears how it went. On
 * a machine of one core there is no such thread. */
#pragma once

#include "kin.h"
#include "service_priv.h"

/* Something to be asked of other cores; the caller's memory until `done` has been called, in the
 * main thread. */
struct peers_call {
    struct peers_call *next;
    void (*run)(struct peers_call *c);   /* in the thread */
    void (*done)(struct peers_call *c);
};

/* Starts the thread. */
errval_t peers_init(void);
/* Has this core had anything to do with others? False: no process here has parents or children
 * there, nor had. */
bool peers_met(void);
/* The same is true from now on. */
void peers_meet(void);
/* Queues a call. */
void peers_ask(struct peers_call *c);
/* kin_ops: keeps a note about `e` until it is answered. */
void peers_note(void *arg, struct table_entry *e, enum kin_note note);

/* Does a call come from one of them? */
bool peers_is_one(const struct server_ctx *ctx);

/* For `run`: the process service of `core`, of which the thread has a connection. What fails with
 * anything but PROCESS_ERR_* may not have arrived: peers_forget before it is tried again. */
errval_t peers_find(uint32_t core, struct process_binding **ret_binding);
void peers_forget(uint32_t core);
/* Mask of the cores that are on, this one included. */
errval_t peers_on(uint32_t *ret_on);
