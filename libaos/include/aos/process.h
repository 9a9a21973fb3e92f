/* Starting programs and waiting for them, for programs with an argument vector at hand. Everything
 * else: <if/process.h> on the binding of aos/services.h. */
#pragma once

#include <aos/types.h>
#include <kpi/startup.h>

/* arguments with their ends, or variables; as in process.if no more than this together */
#define AOS_SPAWN_ARGS_BYTES 65536u

/* How a process ended. */
struct aos_exit {
    bool exited;                         /* by itself, with `status` */
    bool killed;
    bool faulted;                        /* at `pc` by an access to `address`; `cause` is the ESR */
    int status;
    uint64_t cause, pc, address;
};

/* What may be said of a child; all zero: it has what its parent has, and ends with it. More in
 * process.if (launch). */
struct aos_launch {
    uint64_t memory;                     /* bytes it may use, with its children */
    uint32_t processes;                  /* it and its descendants, on all cores */
    struct kpi_limits limits;
    uint32_t on_core;                    /* 1 + the core to run on; 0: this one */
    uint32_t group;                      /* to belong to */
    bool lead;                           /* begins a group instead */
    bool detached;                       /* outlives its parent; for trusted ones */
    /* It finds this capability under the name (domain_grant). In a slot of slot_alloc; it is the
     * child's, or gone, whatever happens. NULL: none. */
    const char *grant_name;
    caddr_t grant;
};

/* Starts argv[0] with this environment. LIB_ERR_ARGS_SIZE, LIB_ERR_NO_MEMORY, or PROCESS_ERR_*. */
errval_t aos_launch(int argc, const char *const argv[], const struct aos_launch *how,
                    uint32_t *ret_pid);
errval_t aos_spawn(int argc, const char *const argv[], uint32_t *ret_pid);
/* Waits for the end of `pid`, or of any child (0), on whatever core. No deadline. */
errval_t aos_wait(uint32_t pid, uint32_t *ret_pid, struct aos_exit *ret_exit);
errval_t aos_kill(uint32_t pid);
