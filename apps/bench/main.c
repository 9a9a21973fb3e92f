/* Measures what the system's own operations cost, in executed instructions: bench. Meant for QEMU
 * under -icount shift=0 (./aos bench); elsewhere the figures are the host's time and mean
 * little. */
#include <stdio.h>
#include <string.h>

#include "bench_priv.h"

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "serve") == 0) {
        bench_second_domain();
    }
    if (argc != 1) {
        fprintf(stderr, "usage: bench\n");
        return 2;
    }
    bench_kernel();
    bench_memory();
    bench_rpc();
    bench_ump();
    bench_threads();
    bench_process();
    return 0;
}
