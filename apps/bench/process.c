/* Whole programs: spawn and wait, and how long the system took to start. */
#include "bench_priv.h"

#include <stdlib.h>

#include <aos/perf.h>
#include <aos/process.h>

#define SPAWN_SAMPLES 21u

static errval_t process_spawn_wait(void *arg)
{
    static const char *const argv[] = {"true", NULL};
    struct aos_exit how;
    uint32_t pid, who;
    errval_t err = aos_spawn(1, argv, &pid);

    return err_is_fail(err) ? err : aos_wait(pid, &who, &how);
}

void bench_process(void)
{
    const char *ready = getenv("READY_NS");

    bench_run("spawn_wait", &(struct bench){.fn = process_spawn_wait, .samples = SPAWN_SAMPLES},
              NULL);
    if (ready != NULL) {
        uint64_t ns = perf_reset_ns() + strtoull(ready, NULL, 10);
        bench_print("boot", ns, ns, 1);
    }
}
