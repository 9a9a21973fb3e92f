/* Counting instructions: the cycle counter of QEMU under -icount shift=0 counts one per
 * instruction. */
#include "bench_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include <aos/perf.h>

#define NUMBER_BYTES 22u                 /* of the longest number, with a space and the end */

static uint64_t samples_taken[BENCH_SAMPLES];

static int measure_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* What reading the counter twice costs by itself. */
static uint64_t measure_overhead(void)
{
    uint64_t least = UINT64_MAX;

    for (unsigned i = 0; i < BENCH_WARMUP; i++) {
        uint64_t from = perf_cycles();
        uint64_t to = perf_cycles();
        least = to - from < least ? to - from : least;
    }
    return least;
}

void bench_check(const char *what, errval_t err)
{
    char text[128];

    if (err_is_fail(err)) {
        (void)err_format(err, text, sizeof(text));
        fprintf(stderr, "bench: %s: %s\n", what, text);
        exit(1);
    }
}

/* A space and a number. printf would use floating-point registers, and so change what is
 * measured. */
static void measure_put(uint64_t number)
{
    char text[NUMBER_BYTES];
    char *at = &text[sizeof(text) - 1];

    *at = '\0';
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    *--at = ' ';
    (void)fputs(at, stdout);
}

void bench_print(const char *name, uint64_t median, uint64_t minimum, unsigned samples)
{
    (void)fputs(name, stdout);
    measure_put(median);
    measure_put(minimum);
    measure_put(samples);
    (void)putchar('\n');
}

/* One measurement of `b`, and what surrounds it. */
static uint64_t measure_once(const char *name, const struct bench *b, void *arg, uint64_t overhead)
{
    bench_check(name, b->before != NULL ? b->before(arg) : ERR_OK);
    uint64_t from = perf_cycles();
    errval_t err = b->fn(arg);
    uint64_t to = perf_cycles();
    bench_check(name, err);
    bench_check(name, b->after != NULL ? b->after(arg) : ERR_OK);
    return (to - from - overhead) / (b->per == 0 ? 1 : b->per);
}

static void measure_report(const char *name, unsigned samples)
{
    qsort(samples_taken, samples, sizeof(samples_taken[0]), measure_compare);
    bench_print(name, samples_taken[samples / 2], samples_taken[0], samples);
}

void bench_run(const char *name, const struct bench *b, void *arg)
{
    uint64_t overhead = measure_overhead();
    unsigned samples = b->samples == 0 ? BENCH_SAMPLES : b->samples;

    for (unsigned i = 0; i < BENCH_WARMUP; i++) {
        (void)measure_once(name, b, arg, overhead);
    }
    for (unsigned i = 0; i < samples; i++) {
        samples_taken[i] = measure_once(name, b, arg, overhead);
    }
    measure_report(name, samples);
}

void bench_sample_cold(const char *name, uint64_t (*fn)(void *arg), void *arg, unsigned samples)
{
    for (unsigned i = 0; i < samples; i++) {
        samples_taken[i] = fn(arg);
    }
    measure_report(name, samples);
}

void bench_sample(const char *name, uint64_t (*fn)(void *arg), void *arg, unsigned samples)
{
    for (unsigned i = 0; i < BENCH_WARMUP; i++) {
        (void)fn(arg);
    }
    bench_sample_cold(name, fn, arg, samples);
}
