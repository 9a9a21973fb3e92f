/* Round trips to a second domain through generated stubs and the event loop of libaos, on both
 * sides. */
#include "bench_priv.h"

#include <string.h>

#include <aos/cap.h>
#include <aos/chan.h>
#include <aos/domain.h>
#include <aos/perf.h>
#include <aos/process.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <if/bench.h>
#include <if/process.h>

#define TEXT_BYTES 1024u

static struct bench_binding binding;
static caddr_t frame;
static struct {
    uint64_t end, header;
} by_hand;
static char text[TEXT_BYTES];

static errval_t rpc_zero(void *arg)
{
    return bench_zero(&binding);
}

static errval_t rpc_one(void *arg)
{
    uint64_t r;

    return bench_one(&binding, 1, &r);
}

/* The same without a stub. */
static errval_t rpc_one_by_hand(void *arg)
{
    uint64_t r;
    uint64_t came = hand_lmp_call1(by_hand.end, by_hand.header, 1, &r);

    return came == (uintptr_t)&binding.base ? ERR_OK : RPC_ERR_BAD_REPLY;
}

static errval_t rpc_four(void *arg)
{
    uint64_t a, b, c, d;

    return bench_four(&binding, 1, 2, 3, 4, &a, &b, &c, &d);
}

static errval_t rpc_eight(void *arg)
{
    uint64_t a, b, c, d, e, f, g, h;

    return bench_eight(&binding, 1, 2, 3, 4, 5, 6, 7, 8, &a, &b, &c, &d, &e, &f, &g, &h);
}

static errval_t rpc_cap(void *arg)
{
    return bench_cap(&binding, frame);
}

static errval_t rpc_borrow(void *arg)
{
    uint64_t bytes;

    return bench_borrow(&binding, frame, &bytes);
}

static errval_t rpc_text(void *arg)
{
    uint32_t length;

    return bench_text(&binding, text, sizeof(text), &length);
}

static uint8_t lent[BENCH_LENT_BYTES];

/* `arg`: how many bytes are lent. */
static errval_t rpc_take(void *arg)
{
    uint64_t sum;

    return bench_take(&binding, lent, (size_t)(uintptr_t)arg, &sum);
}

static errval_t rpc_give(void *arg)
{
    uint32_t n;

    return bench_give(&binding, lent, (size_t)(uintptr_t)arg, 0, &n);
}

/* One way: from before the send here to the handler there, which preempts. */
static uint64_t rpc_note(void *arg)
{
    uint64_t cycles = 0;

    bench_check("notify", bench_note(&binding, perf_cycles()));
    bench_check("notify", bench_noted(&binding, &cycles));
    return cycles;
}

uint32_t bench_rpc_start(caddr_t *ret_end)
{
    static const char args[] = "bench\0serve", names[] = "bench";
    struct process_binding *process;
    caddr_t theirs;
    uint32_t pid;

    bench_check("channel", chan_create(ret_end, &theirs));
    bench_check("process service", aos_process(&process));
    bench_check("starting the second domain",
                process_spawn(process, args, sizeof(args), NULL, 0, (uint8_t)domain_core(), 0,
                              names, sizeof(names), &theirs, 1, &pid));
    return pid;
}

void bench_rpc(void)
{
    caddr_t end;
    uint64_t bytes;
    uint32_t pid = bench_rpc_start(&end);

    bench_check("binding", bench_bind(end, &binding));
    bench_check("frame", frame_alloc(AOS_PAGE_BYTES, &frame, &bytes));
    memset(text, 'a', sizeof(text));
    bench_run("rpc_0", &(struct bench){.fn = rpc_zero}, NULL);
    bench_run("rpc_1", &(struct bench){.fn = rpc_one}, NULL);
    by_hand.end = binding.base.chan.end;
    by_hand.header = MSG_HEADER(BENCH_ONE_ORDINAL, MSG_CALL, 1, 0) | chan_hash(&binding.base.chan);
    bench_run("rpc_1_hand", &(struct bench){.fn = rpc_one_by_hand}, NULL);
    bench_run("rpc_4", &(struct bench){.fn = rpc_four}, NULL);
    bench_run("rpc_8", &(struct bench){.fn = rpc_eight}, NULL);
    bench_run("rpc_cap", &(struct bench){.fn = rpc_cap}, NULL);
    bench_run("rpc_borrow", &(struct bench){.fn = rpc_borrow}, NULL);
    bench_run("rpc_string_1k", &(struct bench){.fn = rpc_text}, NULL);
    bench_run("lend_in_4k", &(struct bench){.fn = rpc_take}, (void *)4096);
    bench_run("lend_out_4k", &(struct bench){.fn = rpc_give}, (void *)4096);
    const struct bench take = {.fn = rpc_take, .samples = 15, .per = BENCH_LENT_BYTES / 1024};
    const struct bench give = {.fn = rpc_give, .samples = 15, .per = BENCH_LENT_BYTES / 1024};
    bench_run("lend_in_1m_per_kib", &take, (void *)BENCH_LENT_BYTES);
    bench_run("lend_out_1m_per_kib", &give, (void *)BENCH_LENT_BYTES);
    bench_sample("notify", rpc_note, NULL, BENCH_SAMPLES);
    bench_close(&binding);
    bench_check("ending the second domain", aos_kill(pid));
}
