/* UMP with both sides awake, each side by itself. A client and a server stand in this program; the
 * server runs when the client rings. What the server has answered is kept, and played to a second
 * client that makes the same calls: it finds each answer at its first look and has nobody to wake.
 * Of many requests that wait, all but the first cost the server what each costs one that polls. */
#include "bench_priv.h"

#include <string.h>

#include <aos/dispatch.h>
#include <aos/domain.h>
#include <aos/perf.h>
#include <aos/ump.h>
#include <if/bench.h>
#include <if/bench_server.h>

#define WAITING    7u
#define LINE_BYTES 64u /* the first of a frame is for control, one of the others is an answer */
#define LINES      256u
#define PLAYED     201u
#define TEXT_BYTES 1024u

static _Alignas(AOS_PAGE_BYTES) uint8_t frames[4][LINES][LINE_BYTES];
static _Alignas(AOS_PAGE_BYTES) uint8_t before[LINES][LINE_BYTES];
static struct {
    uint32_t at;
    uint8_t line[LINE_BYTES];
} answers[2 * PLAYED];
static uint32_t answers_count, answers_played;
static struct bench_binding binding, second;
static struct bench_server server;
static struct server_conn *conn;
static struct waitset ws;
static bool hold; /* rings are not answered */

static void ump_server_step(void)
{
    disp_disable();
    ump_rung_disabled(ump_conn_chan(conn));
    disp_enable();
    (void)waitset_poll(&ws);
}

/* Until it sleeps. */
static void ump_server_drain(void)
{
    while (waitset_poll(&ws)) {
    }
}

static void ump_ring(void *ctx)
{
    if (ctx != NULL && !hold) {
        disp_enable();
        ump_server_step();
        ump_server_drain();
        disp_disable();
    }
}

static errval_t ump_one(struct bench_binding *b, uint32_t words)
{
    uint64_t r;
    return words == 0 ? bench_zero(b) : bench_one(b, 1, &r);
}

/* The calls whose answers are kept. */
static void ump_record(uint32_t words)
{
    for (uint32_t i = 0; i < PLAYED; i++) {
        uint32_t line = 1;
        memcpy(before, frames[1], sizeof(before));
        bench_check("UMP call", ump_one(&binding, words));
        while (memcmp(before[line], frames[1][line], LINE_BYTES) == 0) {
            line++;
            bench_check("UMP answer", line < LINES ? ERR_OK : RPC_ERR_BAD_REPLY);
        }
        answers[answers_count].at = line;
        memcpy(answers[answers_count++].line, frames[1][line], LINE_BYTES);
    }
}

static uint64_t ump_client(void *arg)
{
    const uint32_t words = *(const uint32_t *)arg;
    memcpy(frames[3][answers[answers_played].at], answers[answers_played].line, LINE_BYTES);
    answers_played++;
    uint64_t from = perf_cycles();
    errval_t err = ump_one(&second, words);
    uint64_t to = perf_cycles();
    bench_check("UMP call", err);
    return to - from;
}

/* What the server said first, without its control line: nobody is to be rung. */
static void ump_play(const uint8_t (*setup)[LINE_BYTES])
{
    const struct ump_config config = {.out = frames[2],
                                      .in = frames[3],
                                      .out_bytes = sizeof(frames[2]),
                                      .in_bytes = sizeof(frames[3])};
    static const uint32_t words[2] = {0, 1};
    memcpy(frames[3][1], setup[1], (LINES - 1) * LINE_BYTES);
    bench_check("UMP client", binding_open_ump(&second.base, &config, &bench_client_interface));
    bench_sample_cold("ump_client_0", ump_client, (void *)(uintptr_t)&words[0], PLAYED);
    bench_sample_cold("ump_client_1", ump_client, (void *)(uintptr_t)&words[1], PLAYED);
    bench_close(&second);
}

/* The server works off `count` requests. */
static uint64_t ump_work_off(uint32_t count)
{
    struct bench_one_call calls[WAITING + 1];
    uint64_t r;
    hold = true;
    for (uint32_t i = 0; i < count; i++) {
        bench_check("UMP begin", bench_one_begin(&binding, i, &calls[i]));
    }
    uint64_t from = perf_cycles();
    ump_server_step();
    uint64_t to = perf_cycles();
    ump_server_drain();
    hold = false;
    for (uint32_t i = 0; i < count; i++) {
        bench_check("UMP end", bench_one_end(&calls[i], AOS_FOREVER, &r));
    }
    return to - from;
}

static uint64_t ump_server(void *arg)
{
    uint64_t one = ump_work_off(1);
    return (ump_work_off(1 + WAITING) - one) / WAITING;
}

static uint64_t ump_woken(void *arg)
{
    return ump_work_off(1);
}

static errval_t ump_eight(void *arg)
{
    uint64_t r[8];
    return bench_eight(&binding, 1, 2, 3, 4, 5, 6, 7, 8, r, r + 1, r + 2, r + 3, r + 4, r + 5,
                       r + 6, r + 7);
}

static errval_t ump_text(void *arg)
{
    uint32_t length;
    return bench_text(&binding, arg, TEXT_BYTES, &length);
}

void bench_ump_work(bool work)
{
    hold = !work;
    if (work) {
        ump_server_step();
        ump_server_drain();
    }
}

struct bench_binding *bench_ump_open(void)
{
    static const struct ump_bell_ops bell = {ump_ring};
    struct ump_config config = {.out = frames[1],
                                .in = frames[0],
                                .out_bytes = sizeof(frames[1]),
                                .in_bytes = sizeof(frames[0]),
                                .spin = UMP_SPIN_NONE,
                                .bell = &bell};
    waitset_init(&ws);
    bench_serve(&server, &bench_ops, NULL, &ws);
    bench_check("UMP server", server_add_ump(&server.base, &config, 0, 0, &conn));
    ump_server_drain(); /* finds nothing and sleeps */
    config.out = frames[0];
    config.in = frames[1];
    config.ctx = &server;
    bench_check("UMP client", binding_open_ump(&binding.base, &config, &bench_client_interface));
    return &binding;
}

void bench_ump(void)
{
    static uint8_t setup[LINES][LINE_BYTES];
    static char text[TEXT_BYTES];
    (void)bench_ump_open();
    memcpy(setup, frames[1], sizeof(setup));
    ump_record(0);
    ump_record(1);
    ump_play(setup);
    bench_sample("ump_server_1", ump_server, NULL, BENCH_SAMPLES);
    bench_sample("ump_server_woken", ump_woken, NULL, BENCH_SAMPLES);
    bench_run("ump_8", &(struct bench){.fn = ump_eight}, NULL);
    memset(text, 'a', sizeof(text));
    bench_run("ump_string_1k", &(struct bench){.fn = ump_text}, text);
    bench_close(&binding);
}
