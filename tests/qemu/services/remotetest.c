/* Lines (services/monitor/line.h) on one core: client ends whose messages go through the
 * monitor look like those of another core. TAP on stdout. */
#include <stdlib.h>
#include <string.h>

#include <aos/binding.h>
#include <aos/cap.h>
#include <aos/counters.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <aos/waitset.h>
#include <if/bench.h>
#include <if/bench_server.h>
#include <if/init.h>
#include <if/memory.h>
#include <if/monitor.h>
#include <if/nameserver.h>

#include "lentsum.h"
#include "taptest.h"

#define CALLS      200u
#define PROXIES    20u
#define SETTLE_NS  20000000000ull        /* bounds a failure */
#define PAGE_BYTES 4096u
#define LENT_BYTES 20000u               /* more than a message has */
#define NOTES_AHEAD 8u

static struct monitor_binding *monitor; /* of this core */

/* A fresh end of `b`'s service, as it would look on another core. */
static errval_t remote_end(struct binding *b, caddr_t *ret_end)
{
    caddr_t end;
    errval_t err = binding_clone(b, BINDING_CLONE_OWN, 0, &end);

    return err_is_ok(err) ? monitor_proxy(monitor, end, ret_end) : err;
}

static bool calls(void)
{
    static struct init_binding b;
    struct init_binding *init;
    struct init_machine machine;
    char names[1024];
    uint32_t length;
    uint64_t echo;
    size_t len;
    caddr_t end;

    TRY_OK(aos_init(&init));
    TRY_OK(remote_end(&init->base, &end));
    TRY_OK(init_bind(end, &b));
    TRY(b.base.remote && b.base.chan.carrier != NULL); /* it left the line for a ring */
    for (uint64_t i = 0; i < CALLS; i++) {
        TRY_OK(init_number(&b, i, &echo));
        TRY(echo == i);
    }
    TRY_OK(init_facts(&b, &machine));
    TRY(machine.cores != 0);
    /* Through the message area, and an error. */
    TRY_OK(init_text(&b, "a text that is longer than eight words of a message, which it is now",
                     68, &length));
    TRY(length == 68);
    TRY_OK(init_modules(&b, "", 0, names, &len));
    TRY(len != 0);
    TRY(err_no(init_module(&b, "no such module", 14, &end, &echo)) == INIT_ERR_NOT_FOUND);
    init_close(&b);
    return true;
}

static bool capabilities(void)
{
    static struct memory_binding b;
    static struct init_binding ib;
    struct memory_binding *memory;
    struct init_binding *init;
    struct cap_info info;
    uint64_t bytes;
    caddr_t end, cap;

    TRY_OK(aos_init(&init));
    TRY_OK(aos_memory(&memory));
    TRY_OK(remote_end(&memory->base, &end));
    TRY_OK(memory_bind(end, &b));
    for (uint32_t i = 0; i < CALLS; i++) {
        TRY_OK(memory_alloc(&b, PAGE_BYTES, PAGE_BYTES, &cap, &bytes));
        TRY_OK(cap_identify(cap, &info));
        TRY(info.type == CAPTYPE_RAM && info.b == PAGE_BYTES && (info.rights & CAP_RIGHT_D) != 0);
        TRY_OK(memory_free(&b, cap));
    }
    memory_close(&b);
    TRY_OK(remote_end(&init->base, &end));
    TRY_OK(init_bind(end, &ib));
    TRY_OK(init_module(&ib, "hello", 5, &cap, &bytes));
    TRY_OK(cap_identify(cap, &info));
    TRY(info.type == CAPTYPE_FRAME && (info.rights & CAP_RIGHT_W) == 0);
    TRY_OK(cap_destroy(cap));
    init_close(&ib);
    return true;
}

/* Ends by way of a remote nameserver: those of its own core come through the line as proxies, and
 * go home unused as what they were. */
static bool ends(void)
{
    static struct nameserver_binding b;
    static struct memory_binding m;
    static struct monitor_binding mon;
    struct nameserver_binding *names;
    struct init_binding *init;
    uint64_t bytes;
    caddr_t end, cap;

    TRY_OK(aos_nameserver(&names));
    TRY_OK(aos_init(&init));
    TRY_OK(remote_end(&names->base, &end));
    TRY_OK(nameserver_bind(end, &b));
    TRY_OK(nameserver_lookup(&b, "memory", 6, MEMORY_ID, &end));
    TRY_OK(memory_bind(end, &m));
    TRY(m.base.remote);
    TRY_OK(memory_alloc(&m, PAGE_BYTES, PAGE_BYTES, &cap, &bytes));
    TRY_OK(memory_free(&m, cap));
    memory_close(&m);
    nameserver_close(&b);

    /* A proxy that is sent through a line to where it came from. */
    TRY_OK(init_monitor(init, &end));
    TRY_OK(monitor_proxy(monitor, end, &end));
    TRY_OK(monitor_bind(end, &mon));
    TRY_OK(nameserver_lookup(names, "memory", 6, MEMORY_ID, &end));
    TRY_OK(monitor_proxy(&mon, end, &end));
    TRY_OK(memory_bind(end, &m));
    TRY_OK(memory_alloc(&m, PAGE_BYTES, PAGE_BYTES, &cap, &bytes));
    TRY_OK(memory_free(&m, cap));
    memory_close(&m);
    monitor_close(&mon);
    return true;
}

/* --- a server of this domain ---------------------------------------------------------------- */

static struct {
    struct waitset ws;
    struct bench_server server;
    uint32_t gone;
    struct bench_noted_responder late;
    bool deferred;
    uint64_t notes;
} own;

static errval_t on_zero(struct server_ctx *ctx)
{
    (void)ctx;
    return ERR_OK;
}

static errval_t on_one(struct server_ctx *ctx, uint64_t a, uint64_t *ret_r)
{
    (void)ctx;
    *ret_r = a + 1;
    return ERR_OK;
}

static errval_t on_eight(struct server_ctx *ctx, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                         uint64_t e, uint64_t f, uint64_t g, uint64_t h, uint64_t *ret_ra,
                         uint64_t *ret_rb, uint64_t *ret_rc, uint64_t *ret_rd, uint64_t *ret_re,
                         uint64_t *ret_rf, uint64_t *ret_rg, uint64_t *ret_rh)
{
    (void)ctx;
    *ret_ra = a, *ret_rb = b, *ret_rc = c, *ret_rd = d;
    *ret_re = e, *ret_rf = f, *ret_rg = g, *ret_rh = h;
    return ERR_OK;
}

static errval_t on_cap(struct server_ctx *ctx, caddr_t frame)
{
    struct cap_info info;

    (void)ctx;
    return err_is_ok(cap_identify(frame, &info)) && info.type == CAPTYPE_FRAME
        ? ERR_OK : RPC_ERR_CAPABILITY;
}

static errval_t on_text(struct server_ctx *ctx, const char *text, size_t text_len,
                        uint32_t *ret_length)
{
    (void)ctx;
    (void)text;
    *ret_length = (uint32_t)text_len;
    return ERR_OK;
}

static void on_note(struct server_ctx *ctx, uint64_t from)
{
    (void)ctx;
    own.notes = own.notes + 1 == from ? from : UINT64_MAX / 2; /* in order, each once */
}

/* Answered when the connections are closed. */
static errval_t on_noted(struct server_ctx *ctx, uint64_t *ret_cycles)
{
    (void)ret_cycles;
    own.late = bench_noted_defer(ctx);
    own.deferred = true;
    return SERVER_DEFERRED;
}

static errval_t on_take(struct server_ctx *ctx, const struct lease *data, uint64_t *ret_sum)
{
    (void)ctx;
    return lent_sum(data, ret_sum);
}

static errval_t on_give(struct server_ctx *ctx, struct lease *data, uint64_t seed,
                        uint32_t *ret_n)
{
    uint8_t byte = (uint8_t)seed;

    (void)ctx;
    *ret_n = data->len;
    return data->len == 0 ? ERR_OK : lease_write(data, data->len - 1, &byte, 1);
}

static void on_gone(struct server_ctx *ctx)
{
    (void)ctx;
    own.gone++;
}

/* Of bench.if what is called here. */
static struct bench_server_ops ops = {
    .on_zero = on_zero, .on_one = on_one, .on_eight = on_eight, .on_cap = on_cap,
    .on_text = on_text, .on_note = on_note, .on_noted = on_noted, .on_take = on_take,
    .on_give = on_give, .on_peer_gone = on_gone,
};

static int serve(void *arg)
{
    (void)arg;
    waitset_run(&own.ws);
    return 0;
}

static bool own_start(void)
{
    struct thread *thread;

    waitset_init(&own.ws);
    server_init(&own.server.base, &bench_server_interface, &ops, on_gone, &own, &own.ws);
    return err_is_ok(thread_create(serve, NULL, &(struct thread_attr){.detached = true}, &thread));
}

/* A binding to the server of this domain, by way of the monitor. */
static errval_t own_bind(struct bench_binding *b)
{
    caddr_t end;
    errval_t err = server_make_end(&own.server.base, 1, 0, &end);

    if (err_is_ok(err)) {
        err = monitor_proxy(monitor, end, &end);
    }
    return err_is_ok(err) ? bench_bind(end, b) : err;
}

static bool wait_for(volatile uint32_t *what, uint32_t value)
{
    uint64_t until = time_deadline_ns(SETTLE_NS);

    while (*what != value && time_now_ns() < until) {
        thread_sleep_ns(1000000);
    }
    return *what == value;
}

/* All ways of a message, lent memory among them. */
static bool all_ways(void)
{
    static struct bench_binding b;
    static uint8_t data[LENT_BYTES];
    uint64_t r[8], sum = 0, want = 0;
    uint32_t length, n;
    struct cap_info info;
    caddr_t frame;

    TRY_OK(own_bind(&b));
    TRY_OK(bench_eight(&b, 1, 2, 3, 4, 5, 6, 7, 8, &r[0], &r[1], &r[2], &r[3], &r[4], &r[5], &r[6],
                       &r[7]));
    TRY(r[0] == 1 && r[7] == 8);
    TRY_OK(bench_text(&b, "words that do not fit into the registers of a message, as they are too "
                      "many", 75, &length));
    TRY(length == 75);
    TRY_OK(frame_alloc(PAGE_BYTES, &frame, &sum));
    TRY_OK(bench_cap(&b, frame));
    TRY_OK(cap_identify(frame, &info));
    TRY(info.type == CAPTYPE_FRAME);
    TRY_OK(ram_free(frame));
    for (uint32_t i = 0; i < LENT_BYTES; i++) {
        data[i] = (uint8_t)(i * 7);
        want += data[i];
    }
    TRY_OK(bench_take(&b, data, LENT_BYTES, &sum));
    TRY(sum == want);
    TRY_OK(bench_give(&b, data, LENT_BYTES, 99, &n));
    TRY(n == LENT_BYTES && data[LENT_BYTES - 1] == 99);
    for (uint64_t i = 1; i <= CALLS; i++) {
        errval_t err;

        do {
            err = bench_note(&b, i);
        } while (err_no(err) == RPC_ERR_AGAIN);
        TRY_OK(err);
        if (i % NOTES_AHEAD == 0) {
            TRY_OK(bench_zero(&b));      /* nothing else keeps who notes from being far ahead */
        }
    }
    TRY(own.notes == CALLS);
    bench_close(&b);
    return wait_for(&own.gone, 1);
}

static void close_all(void *arg)
{
    struct server_conn *conn;

    (void)arg;
    while ((conn = server_conn_next(&own.server.base, NULL)) != NULL) {
        server_conn_close(conn);
    }
    own.deferred = false;
    bench_noted_reply(&own.late, ERR_OK, 0);
}

static int call_noted(void *arg)
{
    uint64_t cycles;

    return err_no(bench_noted(arg, &cycles)) == RPC_ERR_PEER_GONE ? 0 : 1;
}

/* Either side ends: the other sees it, and the monitor forgets the line. */
static bool ends_of_peers(void)
{
    static struct bench_binding b[PROXIES];
    static struct work closing = {.fn = close_all};
    struct thread *caller;
    uint64_t r, until = time_deadline_ns(SETTLE_NS);
    uint32_t gone = own.gone;
    caddr_t end;
    int status = 1;

    for (uint32_t i = 0; i < PROXIES; i++) {
        TRY_OK(own_bind(&b[i]));
        TRY_OK(bench_one(&b[i], i, &r));
        TRY(r == i + 1);
    }
    for (uint32_t i = 0; i < PROXIES / 2; i++) {
        bench_close(&b[i]);
    }
    TRY(wait_for(&own.gone, gone + PROXIES / 2));
    TRY_OK(thread_create(call_noted, &b[PROXIES - 1], NULL, &caller));
    while (!own.deferred && time_now_ns() < until) {
        thread_sleep_ns(1000000);
    }
    TRY(own.deferred);
    waitset_post(&own.ws, &closing);
    TRY_OK(thread_join(caller, &status));
    TRY(status == 0);
    for (uint32_t i = PROXIES / 2; i < PROXIES; i++) {
        TRY(err_no(bench_one(&b[i], i, &r)) == RPC_ERR_PEER_GONE);
        bench_close(&b[i]);
    }
    TRY_OK(server_make_end(&own.server.base, 1, 0, &end));
    TRY_OK(monitor_proxy(monitor, end, &end));
    TRY_OK(cap_destroy(end));            /* never used */
    return wait_for(&own.gone, gone + PROXIES / 2 + 1);
}

static const struct taptest tests[] = {
    {"LINE0001 calls, long ones, errors", calls},
    {"LINE0002 capabilities", capabilities},
    {"LINE0003 ends, and ends that go home", ends},
    {"LINE0004 all ways of a message", all_ways},
    {"LINE0005 either side ends", ends_of_peers},
};

int main(void)
{
    if (err_is_fail(aos_monitor(&monitor)) || !own_start()) {
        printf("Bail out! there is no monitor\n");
        return 1;
    }
    return taptest_run(tests, TAPTEST_COUNT(tests));
}
