/* This domain: what it was started with and how it ends. */
#pragma once

#include <aos/types.h>
#include <kpi/startup.h>

/* Statuses a domain ends with by itself; exit() gives 0..255. */
#define AOS_STATUS_ABORT 134             /* abort() */
#define AOS_STATUS_PANIC 135             /* aos_panic, stack smashing, a failed start */
#define AOS_STATUS_FAULT 139             /* a fault nobody handled */

/* Domains that the process service knows at one time. Tables of services have room for what each of
 * them may have, so that none takes the place of another. */
#define DOMAINS_MAX 256u

/* Read-only, there as long as the domain. */
const struct kpi_startup *domain_startup(void);
uint32_t domain_pid(void);
/* The core that it runs on, and whether that is the one that booted, which has the services of
 * which there is only one. */
uint32_t domain_core(void);
bool domain_on_boot_core(void);
uint32_t domain_core_count(void);
#define DOMAIN_CORES_MAX 8u
/* The core of the domain `pid`. */
uint32_t domain_core_of(uint32_t pid);
/* Pids below are of the core that booted. From there on the pid modulo the number of cores tells
 * the core. */
#define DOMAIN_PIDS_FIRST 16u
/* Pid number `index`, from 0, of core `core` of `count`, at or above DOMAIN_PIDS_FIRST. */
static inline uint32_t domain_pid_on(uint32_t core, uint32_t count, uint32_t index)
{
    return DOMAIN_PIDS_FIRST + (core + count - DOMAIN_PIDS_FIRST % count) % count + index * count;
}
/* Pids that init of a further core and its services have: the first ones there. */
#define DOMAIN_PIDS_OF_INIT 4u
/* Is this one of init's services, or a further init, of whatever core? */
bool domain_is_service(uint32_t pid);
/* The first pid of a program on `core`: those of its init and services are below. */
uint32_t domain_first_program(uint32_t core);
/* argv[0]; the file name of the program. */
const char *domain_name(void);
/* Its ring of traced messages (aos/trace.h), and its bytes. NULL: it has not been asked to record
 * any yet, and has none. */
void *domain_trace(size_t *ret_bytes);
/* The capability that the spawner granted under `name`. LIB_ERR_NOT_FOUND. */
errval_t domain_grant(const char *name, caddr_t *ret_cap);
/* Ends the domain at once: nothing is flushed, no handler runs. */
void domain_exit(int status) __attribute__((noreturn));

/* Called when libaos is ready and before main. libaos/rpc has one that finds the services; a
 * program that defines its own (init, tests of libaos) goes without. A failure ends the domain. */
errval_t aos_rpc_init(void);
