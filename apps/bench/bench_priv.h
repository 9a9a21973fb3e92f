/* Shared by the parts of bench: how something is measured and reported. */
#pragma once

#include <stdint.h>

#include <aos/types.h>

#define BENCH_WARMUP  64u
#define BENCH_SAMPLES 1001u
#define BENCH_LENT_BYTES 0x100000u

/* One measured operation; returns 0, or the error that makes the figure worthless. */
typedef errval_t (*bench_fn)(void *arg);

struct bench {
    bench_fn before;                     /* not measured; may be NULL */
    bench_fn fn;
    bench_fn after;                      /* as before */
    unsigned samples;                    /* 0: BENCH_SAMPLES, which is also the most */
    unsigned per;                        /* operations in one call of fn; 0: one */
};

/* Runs the operation BENCH_WARMUP + samples times and prints "name median minimum samples", in
 * executed instructions per operation. A failure is told on stderr and ends the program. */
void bench_run(const char *name, const struct bench *b, void *arg);
/* The same for an operation that says itself how many instructions it took. */
void bench_sample(const char *name, uint64_t (*fn)(void *arg), void *arg, unsigned samples);
/* The same without a warm-up. */
void bench_sample_cold(const char *name, uint64_t (*fn)(void *arg), void *arg, unsigned samples);
void bench_print(const char *name, uint64_t median, uint64_t minimum, unsigned samples);
/* Ends the program with a message when `err` is an error. */
void bench_check(const char *what, errval_t err);

void bench_kernel(void);                 /* invocations, page tables */
void bench_memory(void);                 /* faults that fill or copy a page */
void bench_rpc(void);                    /* messages to a second domain */
void bench_ump(void);                    /* messages between cores, each side by itself */
void bench_plots(void);                  /* only if asked for */
/* Each kind of work, or this one (NULL: all), on more and more cores; and one worker of it. */
void bench_scale(const char *work);
int bench_scale_worker(const char *work);
int bench_bounce(void);                  /* the far side of its bare line */
/* The other domain of bench_rpc, which serves one end of a new channel; its pid. */
uint32_t bench_rpc_start(caddr_t *ret_end);
/* A ring to a server in this program, which runs when it is rung. bench_ump_work(false): rings are
 * not answered from now on; (true): they are, and what has come is worked off. */
struct bench_binding *bench_ump_open(void);
void bench_ump_work(bool work);
void bench_threads(void);
void bench_process(void);                /* spawn and wait, boot */

/* tests/bench/hand_lmp.S */
uint64_t hand_lmp_call1(uint64_t end, uint64_t header, uint64_t word, uint64_t *ret_word);

/* Handlers of the interface bench. */
extern const struct bench_server_ops bench_ops;
/* The other domain of bench_rpc (NULL), or whoever looks `name` up. Does not return. */
void bench_second_domain(const char *name) __attribute__((noreturn));
