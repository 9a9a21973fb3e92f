/* What `./aos bench --plots` draws: instructions of a call by its size, over UMP and LMP, with one
 * call at a time and with several under way, and of a oneway. Prints lines "# plot SERIES X Y",
 * where Y is in instructions of both sides, kernel included. */
#include "bench_priv.h"

#include <stdio.h>
#include <string.h>

#include <aos/chan.h>
#include <aos/perf.h>
#include <aos/process.h>
#include <if/bench.h>

#define ROUNDS     20u                   /* of which the cheapest counts */
#define TEXT_BYTES 1024u
#define CALLS_MOST CHAN_CALLS_MAX
#define POSTS      (CHAN_CALLS_MAX - 1u) /* a place is left for the call */

static const uint32_t sizes[] = {8, 16, 32, 64, 128, 256, 512, TEXT_BYTES};
static char text[TEXT_BYTES];

static void plot(const char *carrier, const char *what, uint32_t x, uint64_t y)
{
    printf("# plot %s_%s %u %llu\n", carrier, what, x, (unsigned long long)y);
}

static errval_t plot_words_call(struct bench_binding *b, uint32_t words)
{
    uint64_t r[8];
    switch (words) {
    case 0:
        return bench_zero(b);
    case 1:
        return bench_one(b, 1, r);
    case 4:
        return bench_four(b, 1, 2, 3, 4, r, r + 1, r + 2, r + 3);
    default:
        return bench_eight(b, 1, 2, 3, 4, 5, 6, 7, 8, r, r + 1, r + 2, r + 3, r + 4, r + 5, r + 6,
                           r + 7);
    }
}

static void plot_words(const char *carrier, struct bench_binding *b)
{
    static const uint32_t counts[] = {0, 1, 4, 8};
    for (uint32_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        uint64_t least = UINT64_MAX;
        for (uint32_t k = 0; k < ROUNDS; k++) {
            uint64_t from = perf_cycles();
            bench_check("call", plot_words_call(b, counts[i]));
            uint64_t took = perf_cycles() - from;
            least = took < least ? took : least;
        }
        plot(carrier, "words", counts[i], least);
    }
}

/* One call that waits for its answer. */
static uint64_t plot_call(struct bench_binding *b, uint32_t bytes)
{
    uint32_t length;
    uint64_t from = perf_cycles();
    bench_check("call", bench_text(b, text, bytes, &length));
    return perf_cycles() - from;
}

/* `window` calls with `bytes` of text each are begun, then worked off, then ended. */
static uint64_t plot_window(struct bench_binding *b, uint32_t bytes, uint32_t window,
                            void (*work)(bool wait))
{
    struct bench_text_call calls[CALLS_MOST];
    uint32_t length;
    uint64_t from = perf_cycles();
    if (work != NULL) {
        work(false);
    }
    for (uint32_t i = 0; i < window; i++) {
        bench_check("begin", bench_text_begin(b, text, bytes, &calls[i]));
    }
    if (work != NULL) {
        work(true);
    }
    for (uint32_t i = 0; i < window; i++) {
        bench_check("end", bench_text_end(&calls[i], AOS_FOREVER, &length));
    }
    return (perf_cycles() - from) / window;
}

/* Oneways with `bytes` of text each, and then a call, by which all of them are handled. */
static uint64_t plot_posts(struct bench_binding *b, uint32_t bytes, void (*work)(bool wait))
{
    uint64_t from = perf_cycles();
    if (work != NULL) {
        work(false);
    }
    for (uint32_t i = 0; i < POSTS; i++) {
        bench_check("post", bench_post(b, text, bytes));
    }
    if (work != NULL) {
        work(true);
    }
    bench_check("call", bench_zero(b));
    return (perf_cycles() - from) / POSTS;
}

static void plot_oneways(const char *carrier, struct bench_binding *b, void (*work)(bool wait))
{
    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint64_t least = UINT64_MAX;
        for (uint32_t k = 0; k < ROUNDS; k++) {
            uint64_t took = plot_posts(b, sizes[i], work);
            least = took < least ? took : least;
        }
        plot(carrier, "oneway", sizes[i], least);
    }
}

static void plot_sizes(const char *carrier, struct bench_binding *b, void (*work)(bool wait))
{
    static const struct {
        const char *name;
        uint32_t calls;
    } windows[] = {{"window1", 1}, {"window2", 2}, {"window4", 4}, {"window8", CALLS_MOST}};
    for (uint32_t w = 0; w < sizeof(windows) / sizeof(windows[0]); w++) {
        for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            uint64_t least = UINT64_MAX;
            for (uint32_t k = 0; k < ROUNDS; k++) {
                uint64_t took = windows[w].calls == 1
                                    ? plot_call(b, sizes[i])
                                    : plot_window(b, sizes[i], windows[w].calls, work);
                least = took < least ? took : least;
            }
            plot(carrier, windows[w].name, sizes[i], least);
        }
    }
}

void bench_plots(void)
{
    static struct bench_binding lmp;
    struct bench_binding *ump = bench_ump_open();
    caddr_t end;
    uint32_t pid = bench_rpc_start(&end);

    memset(text, 'a', sizeof(text));
    bench_check("binding", bench_bind(end, &lmp));
    plot_words("ump", ump);
    plot_words("lmp", &lmp);
    plot_sizes("ump", ump, bench_ump_work);
    plot_sizes("lmp", &lmp, NULL);
    plot_oneways("ump", ump, bench_ump_work);
    plot_oneways("lmp", &lmp, NULL);
    bench_close(ump);
    bench_close(&lmp);
    bench_check("ending the second domain", aos_kill(pid));
}
