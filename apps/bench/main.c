/* Measures what the system's own operations cost, in executed instructions: bench. Meant for QEMU
 * under -icount shift=0 (./aos bench); elsewhere the figures are the host's time and mean
 * little. */
#include <stdio.h>
#include <string.h>

#include "bench_priv.h"

#define SCALE_ARGS 3

/* The parts, in the order in which they run. `bench PART` runs one, for a profile of it
 * (tests/harness/hotspots.py). */
static const struct {
    const char *name;
    void (*run)(void);
} parts[] = {
    {"kernel", bench_kernel},   {"memory", bench_memory}, {"rpc", bench_rpc},
    {"ump", bench_ump},         {"threads", bench_threads}, {"process", bench_process},
};

int main(int argc, char **argv)
{
    unsigned ran = 0;

    if (argc >= 2 && strcmp(argv[1], "serve") == 0) {
        bench_second_domain(argv[2]);
    }
    if (argc == SCALE_ARGS && strcmp(argv[1], "worker") == 0) {
        return bench_scale_worker(argv[2]);
    }
    if (argc == 2 && strcmp(argv[1], "plots") == 0) {
        bench_plots();
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "bounce") == 0) {
        return bench_bounce();
    }
    if ((argc == 2 || argc == SCALE_ARGS) && strcmp(argv[1], "scale") == 0) {
        bench_scale(argv[2]);
        return 0;
    }
    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (argc == 1 || (argc == 2 && strcmp(argv[1], parts[i].name) == 0)) {
            parts[i].run();
            ran++;
        }
    }
    if (ran == 0) {
        fprintf(stderr, "usage: bench [kernel | memory | rpc | ump | threads | process | plots | "
                        "scale]\n");
        return 2;
    }
    return 0;
}
