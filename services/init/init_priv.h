/* Init: starts the services of the manifest, serves init.if, and watches.
 *
 * main.c: what happens in which order; start.c: one service; serve.c: init.if. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <aos/proc.h>
#include <aos/waitset.h>
#include <if/init_server.h>
#include <if/memory.h>
#include <if/nameserver.h>
#include <if/process.h>

#include "manifest.h"

#define INIT_RAM_BYTES   0x1000000ull    /* of the boot memory, at most half, kept for services */
/* What is left to the services when programs have taken all they can get: of the memory service's
 * RAM one part in so many, but no more than so much. It must last for the connections, names and
 * entries of as many domains as the rest has room for (docs/design/0014). */
#define INIT_SERVICES_DIVISOR   4u
#define INIT_SERVICES_BYTES_MAX 0x7000000ull
#define INIT_BOOT_NS     60000000000ull  /* by then all services must have registered */
#define INIT_GRANTS_MAX  32u             /* of one domain, kpi/cspace.h */

struct init_service {
    const struct manifest_service *line;
    uint32_t pid;
    bool alive;
    bool awaited;                        /* has neither registered nor ended */
    struct proc proc;
    struct event_source death;
};

struct init {
    struct waitset ws;
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
    uint32_t shell_pid;
    uint64_t shell_started_ns;
    uint32_t shell_quick_ends;           /* in a row */
    struct waitset_timer power_off;
};

extern struct init init;

/* Starts services[index] and, if it is one init calls, connects to it. */
errval_t init_start_service(uint32_t index);
/* An awaited service has registered or, with an error, never will; after the last of them the shell
 * starts. */
void init_service_settled(struct init_service *service, errval_t err);
/* Keeps a part of the boot memory. */
errval_t init_take_ram(void);
/* Serves init.if. */
errval_t init_serve_start(void);
/* An error as text, for the log. */
const char *init_error_text(errval_t err);
