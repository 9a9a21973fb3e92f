/* UMP with both sides awake, each side by itself. Client and server stand in this program: the
 * server runs when the client rings, so the client finds its answer at the first look; and of many
 * requests that wait, all but the first cost the server what each costs one that polls. */
#include "bench_priv.h"

#include <aos/dispatch.h>
#include <aos/domain.h>
#include <aos/perf.h>
#include <aos/ump.h>
#include <if/bench.h>
#include <if/bench_server.h>

#define WAITING 7u

static _Alignas(AOS_PAGE_BYTES) uint8_t frames[2][UMP_FRAME_BYTES_MIN];
static struct bench_binding binding;
static struct bench_server server;
static struct server_conn *conn;
static struct waitset ws;
static bool hold;       /* rings are not answered */
static uint64_t inside; /* how long the server ran in rings */

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
        uint64_t from = perf_cycles();
        disp_enable();
        ump_server_step();
        ump_server_drain();
        disp_disable();
        inside += perf_cycles() - from;
    }
}

static uint64_t ump_client(void *arg)
{
    uint64_t r;
    inside = 0;
    uint64_t from = perf_cycles();
    errval_t err = arg != NULL ? bench_one(&binding, 1, &r) : bench_zero(&binding);
    uint64_t to = perf_cycles();
    bench_check("UMP call", err);
    return to - from - inside;
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

void bench_ump(void)
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
    bench_sample("ump_client_0", ump_client, NULL, BENCH_SAMPLES);
    bench_sample("ump_client_1", ump_client, &binding, BENCH_SAMPLES);
    bench_sample("ump_server_1", ump_server, NULL, BENCH_SAMPLES);
    bench_sample("ump_server_woken", ump_woken, NULL, BENCH_SAMPLES);
    bench_close(&binding);
}
