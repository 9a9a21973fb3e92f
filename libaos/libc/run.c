/* From a ready libaos to main, and from its end to the end of the domain. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <aos/debug.h>
#include <aos/domain.h>

#include "start_priv.h"
#include "libc_priv.h"

extern int main(int argc, char **argv, char **envp);

typedef void (*run_function)(void);
/* Defined by domain.lds. */
extern const run_function aos_init_array[];
extern const run_function aos_init_array_end[];

/* Bytes of `count` strings at `off` of the startup block, and of a NULL-terminated list of them. */
static size_t run_strings_bytes(uint32_t count, uint32_t off)
{
    const char *start = (const char *)domain_startup() + off, *at = start;
    for (uint32_t i = 0; i < count; i++) {
        at += strlen(at) + 1;
    }
    return (count + 1u) * sizeof(char *) + (size_t)(at - start);
}

/* Makes that list in `to`, with copies, since programs may write to them. */
static char **run_strings(uint32_t count, uint32_t off, size_t bytes, char **to)
{
    char *at = (char *)(to + count + 1u);
    memcpy(at, (const char *)domain_startup() + off, bytes - (size_t)(at - (char *)to));
    for (uint32_t i = 0; i < count; i++) {
        to[i] = at;
        at += strlen(at) + 1;
    }
    to[count] = NULL;
    return to;
}

static void run_flush(void)
{
    fflush(stdout);
    fflush(stderr);
}

/* Does not return, so that arguments and environment can stay in its frame. */
void start_program(void)
{
    const struct kpi_startup *startup = domain_startup();
    size_t args = run_strings_bytes(startup->argc, startup->args_off);
    size_t env = run_strings_bytes(startup->envc, startup->env_off);
    stdio_init();
    char **argv =
        run_strings(startup->argc, startup->args_off, args, __builtin_alloca(args));
    char **envp = run_strings(startup->envc, startup->env_off, env, __builtin_alloca(env));
    if (atexit(run_flush) != 0) {
        aos_panic("no memory at the start");
    }
    environ = envp;
    for (const run_function *f = aos_init_array; f < aos_init_array_end; f++) {
        (*f)();
    }
    errval_t err = aos_rpc_init();
    if (err_is_fail(err)) {
        aos_panic("start: error 0x%llx", (unsigned long long)err);
    }
    exit(main((int)startup->argc, argv, envp));
}
