/* What the parts of the process service share: main.c starts it; spawn.c, serve.c, adopt.c, group.c
 * and relate.c answer process.if; domain.c builds children and sees them end; modules.c has their
 * programs; peers.c talks to the process services of other cores. */
#pragma once

#include <aos/proc.h>
#include <aos/waitset.h>
#include <if/memory.h>
#include <if/process_server.h>

#include "kin.h"

#define DOMAIN_STATUS_KILLED 137u        /* what the kernel keeps for a domain that was killed */

/* What is behind an entry of the table, at the same place. */
struct domain {
    struct proc proc;                    /* services: dispatcher only */
    struct event_source death;           /* if `death_ready`; of a child as long as it lives */
    bool death_ready;
    bool traced;
    uint32_t tracer;                     /* pid of who asked for it */
};

/* A program file, mapped. */
struct module {
    char name[TABLE_NAME_BYTES + 1];
    const void *file;
    caddr_t frame;                       /* of the file */
    struct proc_image *image;
};

struct service {
    struct table table;
    struct domain domains[TABLE_ENTRIES_MAX];
    struct process_wait_responder waiters[TABLE_WAITERS_MAX];
    struct memory_binding memory;        /* trusted */
    bool closed;                         /* the core goes off: nothing is started */
    caddr_t init;                        /* its dispatcher, to look at; 0: not told yet */
    struct waitset ws;
    struct process_server server;
};

extern struct service svc;
extern struct kin domain_kin;

/* The program file `name`, mapped until the table of files is full of others asked for later;
 * modules do not change. NO_PROGRAM, NO_MEMORY. */
errval_t service_module(const char *name, const struct module **ret_module);

/* Builds and starts the domain of `e` in fresh RAM. Takes the capabilities named in `spec`,
 * whatever it returns. On failure nothing is left. */
errval_t domain_start(struct table_entry *e, const struct proc_spec *spec);
/* Deletes the capabilities named in `spec`, which no domain has got. */
void domain_drop(const struct proc_spec *spec);
/* An account of memory for a new process, memory on it, and its end. Errors: memory.if. */
errval_t account_open(uint32_t pid, uint32_t parent, uint64_t limit);
errval_t account_alloc(uint32_t pid, uint64_t bytes, uint64_t align, caddr_t *ret_ram);
void account_end(uint32_t pid);

/* The end of the domain of `e`, which runs, is noticed from now on. */
errval_t domain_watch(struct table_entry *e);
/* Gives the memory of a child up. */
void domain_give_ram(caddr_t ram);
struct process_exit service_exit(const struct table_exit *how);
/* How the domain of `e`, which has ended with `info`, is said to have ended. */
struct table_exit service_find_exit(const struct table_entry *e, const struct proc_info *info);
/* Answers a waiter (table_answer). */
void service_answer_wait(void *arg, uint32_t waiter, uint32_t pid, const struct table_exit *how);

/* Ends the domain of `e`; the rest happens when the kernel tells of its end. */
void domain_kill(struct table_entry *e);
/* Sees to all that is to be done if the domain of `e` has ended: first its descendants end, those
 * on other cores, too. Init watches its services; here their end is noticed when somebody asks.
 * `e` may be forgotten. */
void domain_check(struct table_entry *e);

/* A domain of another core that is to wait or trace here is in the table, as a guest, as long as it
 * has a connection. LIMIT. */
errval_t domain_invite(uint32_t pid);
void domain_guest_gone(uint32_t pid);

/* Nobody reads what others record for `pid` any more. */
void service_untrace(uint32_t pid);

/* Handlers (process.if). */
errval_t on_spawn(struct server_ctx *ctx, const char *args, size_t args_len, const char *env,
                  size_t env_len, uint8_t core, uint64_t quota, const char *grant_names,
                  size_t grant_names_len, const caddr_t *grants, size_t grants_count,
                  uint32_t *ret_pid);
errval_t on_launch(struct server_ctx *ctx, const struct lease *args, const struct lease *env,
                   uint8_t core, const struct process_limits *limits, process_start_t start,
                   uint32_t group, const char *grant_names, size_t grant_names_len,
                   const caddr_t *grants, size_t grants_count, uint32_t *ret_pid);
errval_t on_wait(struct server_ctx *ctx, uint32_t pid, uint32_t *ret_who,
                 struct process_exit *ret_exit);
errval_t on_kill(struct server_ctx *ctx, uint32_t pid);
errval_t on_ask(struct server_ctx *ctx, uint32_t pid);
errval_t on_kill_group(struct server_ctx *ctx, uint32_t group, uint32_t *ret_count);
errval_t on_stop_group(struct server_ctx *ctx, uint32_t group, uint32_t *ret_count);
errval_t on_resume_group(struct server_ctx *ctx, uint32_t group, uint32_t *ret_count);
errval_t on_group(struct server_ctx *ctx, uint32_t pid, uint32_t *ret_group,
                  struct process_limits *ret_limits);
errval_t on_status(struct server_ctx *ctx, uint32_t pid, bool *ret_ended,
                   struct process_exit *ret_exit);
errval_t on_pids(struct server_ctx *ctx, uint32_t after, uint32_t *ret_pids,
                 size_t *ret_pids_count);
errval_t on_name(struct server_ctx *ctx, uint32_t pid, char *ret_name, size_t *ret_name_len);
errval_t on_describe(struct server_ctx *ctx, uint32_t pid, struct process_info *ret_info);
errval_t on_self(struct server_ctx *ctx, uint32_t *ret_pid, uint32_t *ret_parent);
errval_t on_adopt(struct server_ctx *ctx, uint32_t pid, const char *name, size_t name_len,
                  caddr_t dispatcher);
errval_t on_starting(struct server_ctx *ctx, process_starting_t starting);
errval_t on_adopt_ring(struct server_ctx *ctx, uint32_t pid, caddr_t ring);
errval_t on_capabilities(struct server_ctx *ctx, uint32_t pid, uint32_t from,
                         struct monitor_object *ret_objects, size_t *ret_objects_count,
                         uint32_t *ret_next);
errval_t on_trace(struct server_ctx *ctx, uint32_t pid, process_tracing_t tracing,
                  caddr_t *ret_ring);
/* Kills a process of another core for a caller that is trusted here: a handler. */
errval_t relate_kill(struct server_ctx *ctx, uint32_t pid);
/* For the process services of other cores only. */
errval_t on_join(struct server_ctx *ctx, uint32_t pid, uint32_t parent, const char *name,
                 size_t name_len, const struct process_limits *limits, process_start_t start,
                 uint32_t group, struct process_limits *ret_own, uint32_t *ret_own_group,
                 uint32_t *ret_above, size_t *ret_above_count);
errval_t on_ended(struct server_ctx *ctx, uint32_t pid, process_outcome_t outcome,
                  const struct process_exit *how);
errval_t on_terminate(struct server_ctx *ctx, uint32_t pid, process_reason_t reason);
errval_t on_act(struct server_ctx *ctx, uint32_t caller, uint32_t group, process_act_t act,
                bool *ret_found, bool *ret_allowed, uint32_t *ret_count);
