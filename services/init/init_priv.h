/* Init: starts the services of the manifest, serves init.if, and watches.
 *
 * main.c: what happens in which order; start.c: one service; supervise.c: after its end; known.c:
 * the process service is told of it; graves.c: the memory of those that ended; shell.c: the shell;
 * vault.c: what outlives a service; serve.c: init.if; cores.c: further cores; core_main.c,
 * core_up.c, far.c: init on one of those. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <aos/kernel.h>
#include <aos/proc.h>
#include <aos/thread.h>
#include <aos/waitset.h>
#include <if/init_server.h>
#include <if/init.h>
#include <if/memory.h>
#include <if/nameserver.h>
#include <if/process.h>

#include "intermon.h"
#include "manifest.h"

/* Of the boot memory, a quarter, but at least and at most so much, is kept for services, of which
 * some may have ended and not be buried yet. */
#define INIT_RAM_BYTES_MIN 0x1000000ull
#define INIT_RAM_BYTES_MAX 0x4000000ull
#define INIT_BOOT_NS     60000000000ull  /* by then all services must have registered */
#define INIT_STACK_BYTES 0x10000ull      /* of a thread */
#define INIT_GRANTS_MAX  32u             /* of one domain, kpi/cspace.h */

/* Has the process service been told of a domain? */
struct init_known {
    struct waitset_timer timer;          /* to the next try */
    uint64_t wait_ns;                    /* before that; 0: nothing has failed */
};

struct grave;

struct init_service {
    const struct manifest_service *line;
    uint32_t pid;
    bool alive;
    bool awaited;                        /* has neither registered nor been given up */
    struct proc proc;
    uint64_t bytes;                      /* of its memory, */
    struct grave *grave;                 /* which comes here: there is one as long as it runs */
    struct event_source death;
    caddr_t vault_frame;                 /* 0: not made yet, or it has no vault */
    caddr_t vault_nodes[MANIFEST_VAULT_NODES_MAX];
    caddr_t file;                        /* frame of its program */
    uint64_t file_bytes;
    caddr_t own_end;                     /* init's half of its parent end, until that is bound */
    /* What follows is of supervise.c. */
    bool supervised;                     /* a thread sees to it */
    bool ended;                          /* ... which has to start it again */
    bool registered;                     /* since it was started last */
    uint32_t failed;                     /* ends in a row before it had registered */
    uint32_t restarts;                   /* since `restarts_ns` */
    uint64_t restarts_ns;
    struct waitset_timer later;          /* there was no thread for it */
    struct init_known known;
};

struct init {
    struct waitset ws;
    bool far;                            /* of a further core */
    bool core_leaves;                    /* which goes off: no service is started again */
    struct init_binding boot;            /* on a further core: init of the one that booted */
    struct manifest manifest;
    bool exec;                           /* commands came with the image: power off after them */
    uint32_t service_count;
    uint32_t waiting;                    /* services that are awaited */
    struct init_service services[MANIFEST_SERVICES_MAX];
    /* Ends for the nameserver, of services that started before it; by service. */
    caddr_t early_ends[MANIFEST_SERVICES_MAX];
    /* Init's side of the three that it calls itself. */
    struct memory_binding memory;
    struct nameserver_binding *nameserver;
    struct process_binding process;
    struct init_server server;
    struct event_source log;
    uint64_t console_pid;                /* the service that drives the console, 0: the kernel */
    bool leaving;                        /* the power goes off soon */
    bool shell_wanted;                   /* started as soon as there is a process service */
    uint32_t shell_pid;
    uint64_t shell_started_ns;
    uint32_t shell_quick_ends;           /* in a row */
    struct waitset_timer power_off;
    struct init_known known;             /* init itself */
};

extern struct init init;

static inline bool init_is(const struct init_service *service, const char *name)
{
    return strcmp(service->line->name, name) == 0;
}

/* A thread that ends by itself. Its stack is there from the start: init does not end for want of
 * memory. Errors of thread_create. */
errval_t init_thread(thread_fn fn, void *arg);

/* Starts services[index]; init does not call it before init_connect_service. */
errval_t init_start_service(uint32_t index);
/* Binds the end that init has of a service it calls, for the first time. Waits for the service. */
errval_t init_connect_service(struct init_service *service);
/* An awaited service has registered or, with an error, never will; after the last of them the shell
 * starts. */
void init_service_settled(struct init_service *service, errval_t err);
/* Notices when a service registers its name. */
void init_await_service(struct init_service *service);
/* Tells the process service about a service, or about init itself. */
void init_hand_over(struct init_service *service);
void init_hand_over_self(void);

/* A service has ended and its capabilities are gone: starts it again, in a thread of its own,
 * unless it has ended too often. */
void init_supervise(struct init_service *service);

/* A copy of a capability of its vault, which is made now if it is not there yet: 0 is the frame,
 * the nodes follow. */
errval_t init_vault_copy(struct init_service *service, uint32_t index, caddr_t *ret_copy);

/* A place for the memory of a domain; NULL: there is no room for it. */
struct grave *init_dig(void);
/* Puts the memory of a domain there that has ended, of which others may still have parts. */
void init_bury(struct grave *g, caddr_t ram, uint64_t bytes);
/* Gives back what nobody uses any more; `all`: the rest, too. May wait for other cores: not in
 * init's main thread, once there are other cores. */
void init_visit_graves(bool all);

void init_start_shell(void);
/* There is a process service again: init waits for the shell's end once more, or starts it. */
void init_find_shell(void);
/* Nobody at a terminal could do anything about what has happened: with commands to run, the machine
 * powers off, once the serial service has had time to print what was said. */
void init_no_shell(void);

/* Cuts the memory that further cores start with from the end of this RAM of the boot; returns where
 * the rest of it ends. */
uint64_t init_cut_pools(const struct kpi_boot_cap *ram);
/* What programs here may hope to borrow of it. */
uint64_t init_pools_lend(void);
/* Starts all further cores; returns at once. */
void init_start_cores(void);
/* Are there cores of which it is not known yet whether they come? */
bool init_cores_busy(void);
/* A further core has rung: what its kernel's log says goes into the log here. */
void init_core_rung(uint32_t number);
/* Mask of the cores that run or are being started. */
uint32_t init_cores_on(void);
/* Switches a further core off, or on again: `done(arg, err)` is called in the main thread, unless
 * this fails. NO_CORE; NOT_READY: it is about to change; BUSY (by `done`): it has to stay. */
errval_t init_core_change(uint32_t number, bool on, void (*done)(void *arg, errval_t err),
                          void *arg);
/* Called when there are none any more, by some thread. */
void init_cores_settled(void);
/* Init on a further core: core_main.c, core_up.c. */
void init_core_main(void) __attribute__((noreturn));
/* On a further core: who started it has rung. */
void init_core_asked(void);
/* What the log has to say goes to the core that booted. */
void init_core_forward_log(void);
/* This core goes off, or says in the channel that it stays (core_leave.c). */
struct core_channel;
void init_core_leave(struct core_channel *channel);
extern const struct intermon_host init_ways;
/* A program file of the boot image, for the thread that starts services. The frame stays. */
errval_t init_find_module(const char *name, caddr_t *ret_frame, uint64_t *ret_bytes);
/* What it passes on to the init of the core that booted (far.c): handlers of init.if. */
errval_t init_far_module(struct server_ctx *ctx, const char *name, size_t name_len);
errval_t init_far_modules(struct server_ctx *ctx, const char *after, size_t after_len);
errval_t init_far_clock(struct server_ctx *ctx);
errval_t init_far_cores(struct server_ctx *ctx);
errval_t init_far_shutdown(struct server_ctx *ctx, init_power_t how);

/* Reads and parses the module `manifest`; says what is wrong with it. */
errval_t init_read_manifest(void);
/* Waits for the names of all services that were started. */
void init_await_services(void);

/* Keeps a part of the boot memory. */
errval_t init_take_ram(void);
/* Serves init.if from now on. */
errval_t init_serve_start(void);
/* An end for the init of a further core, which has ends made for others. */
errval_t init_make_root(uint64_t pid, caddr_t *ret_end);
/* Tells the nameserver of it, by the name that init of this core has. */
errval_t init_register(void);
/* A line for the log. */
void init_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* An error as text, for the log. Each thread's text is its own until it asks again. */
const char *init_error_text(errval_t err);
