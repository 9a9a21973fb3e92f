/* Starting programs and waiting for them, for programs with an argument vector at hand. Everything
 * else: <if/process.h> on the binding of aos/services.h. */
#pragma once

#include <aos/types.h>

#define AOS_SPAWN_ARGS_BYTES 1023u       /* all arguments with their ends, as in process.if */

/* How a process ended. */
struct aos_exit {
    bool exited;                         /* by itself, with `status` */
    bool killed;
    bool faulted;                        /* at `pc` by an access to `address`; `cause` is the ESR */
    int status;
    uint64_t cause, pc, address;
};

/* Starts argv[0] with this environment. LIB_ERR_ARGS_SIZE, or PROCESS_ERR_*. */
errval_t aos_spawn(int argc, const char *const argv[], uint32_t *ret_pid);
/* Waits for the child `pid`, 0: any. No deadline. */
errval_t aos_wait(uint32_t pid, uint32_t *ret_pid, struct aos_exit *ret_exit);
errval_t aos_kill(uint32_t pid);
