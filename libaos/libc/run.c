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

/* `count` strings at `off` of the startup block, copied, since programs may write to them.
 * NULL-terminated. */
static char **run_strings(uint32_t count, uint32_t off)
{
    const char *at = (const char *)domain_startup() + off;
    char **list = calloc(count + 1u, sizeof(*list));
    for (uint32_t i = 0; list != NULL && i < count; i++) {
        list[i] = strdup(at);
        if (list[i] == NULL) {
            return NULL;
        }
        at += strlen(at) + 1;
    }
    return list;
}

static void run_flush(void)
{
    fflush(stdout);
    fflush(stderr);
}

void start_program(void)
{
    const struct kpi_startup *startup = domain_startup();
    stdio_init();
    char **argv = run_strings(startup->argc, startup->args_off);
    char **envp = run_strings(startup->envc, startup->env_off);
    if (argv == NULL || envp == NULL || atexit(run_flush) != 0) {
        aos_panic("no memory for the arguments");
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
