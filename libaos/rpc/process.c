/* See <aos/process.h>. */
#include <aos/process.h>

#include <stdlib.h>
#include <string.h>

#include <aos/services.h>
#include <if/process.h>

#define RPC_ENV_BYTES 511u               /* as in process.if */

extern char **environ;

/* Appends a string with its end. False: no room. */
static bool rpc_append(char *list, size_t room, size_t *io_bytes, const char *string)
{
    size_t bytes = strlen(string) + 1;

    if (bytes > room - *io_bytes) {
        return false;
    }
    memcpy(list + *io_bytes, string, bytes);
    *io_bytes += bytes;
    return true;
}

errval_t aos_spawn(int argc, const char *const argv[], uint32_t *ret_pid)
{
    char args[AOS_SPAWN_ARGS_BYTES], env[RPC_ENV_BYTES];
    size_t args_bytes = 0, env_bytes = 0;
    struct process_binding *b;
    errval_t err = aos_process(&b);

    if (err_is_fail(err)) {
        return err;
    }
    for (int i = 0; i < argc; i++) {
        if (!rpc_append(args, sizeof(args), &args_bytes, argv[i])) {
            return LIB_ERR_ARGS_SIZE;
        }
    }
    for (char **e = environ; e != NULL && *e != NULL; e++) {
        if (!rpc_append(env, sizeof(env), &env_bytes, *e)) {
            return LIB_ERR_ARGS_SIZE;
        }
    }
    return process_spawn(b, args, args_bytes, env, env_bytes, /* core= */ 0, /* quota= */ 0, NULL,
                         0, NULL, 0, ret_pid);
}

errval_t aos_wait(uint32_t pid, uint32_t *ret_pid, struct aos_exit *ret_exit)
{
    struct process_binding *b;
    struct process_exit how;
    errval_t err = aos_process(&b);

    if (err_is_ok(err)) {
        err = process_wait(b, pid, ret_pid, &how);
    }
    if (err_is_ok(err)) {
        *ret_exit = (struct aos_exit){
            .exited = how.kind == PROCESS_EXIT_KIND_EXITED,
            .killed = how.kind == PROCESS_EXIT_KIND_KILLED,
            .faulted = how.kind == PROCESS_EXIT_KIND_FAULTED,
            .status = how.status, .cause = how.cause, .pc = how.pc, .address = how.address,
        };
    }
    return err;
}

errval_t aos_kill(uint32_t pid)
{
    struct process_binding *b;
    errval_t err = aos_process(&b);

    return err_is_fail(err) ? err : process_kill(b, pid);
}
