/* Binding to a service on another core, with a fault at each step: who asks or who is asked
 * refuses, does not answer, breaks the rules or ends. Lines on one core stand for other cores, as
 * in remotetest. In the end the monitor knows no more lines than before. TAP on stdout.
 *
 * The steps: 1 the end crosses; 2 BIND; 3 BELL; 4 UPGRADE; 5 its answer; 6 calls on the ring. */
#include <string.h>

#include <aos/binding.h>
#include <aos/cap.h>
#include <aos/ram.h>
#include <aos/raw.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <if/bench.h>
#include <if/bench_server.h>
#include <if/monitor.h>

#include "taptest.h"

#define SETTLE_NS 20000000000ull         /* bounds a failure */
#define SHORT_NS  30000000ull            /* deadline of calls that nobody answers */

static struct monitor_binding *monitor; /* of this core */
static uint32_t lines_before;

static bool settled(void)
{
    uint64_t until = time_deadline_ns(SETTLE_NS);
    uint32_t count = 0;

    do {
        TRY_OK(monitor_lines(monitor, &count));
        if (count == lines_before) {
            return true;
        }
        thread_sleep_ns(1000000);
    } while (time_now_ns() < until);
    printf("# %u lines, %u before\n", (unsigned)count, (unsigned)lines_before);
    return false;
}

/* --- a server that does what it is told ----------------------------------------------------- */

/* What it does with message number `at`, counted from 0: BIND is 0, BELL 1, UPGRADE 2, calls
 * follow. The last three accept the rings: then they never look at them, end, or have answered with
 * what is not asked for. */
enum deed { ANSWER, REFUSE, IGNORE, CLOSE, RING_SILENT, RING_CLOSE, RING_ODD };

static struct {
    struct waitset ws;
    struct raw_chan line;
    bool open;
    uint32_t seen, at;
    enum deed deed;
} odd;

static void odd_reply(const struct lmp_msg *msg, bool error)
{
    struct lmp_msg answer = {.header = raw_error_header(msg->header), .words = {RPC_ERR_AGAIN}};

    if (!error && msg_ordinal(msg->header) == 0 && msg->words[0] == CHAN_OP_BIND) {
        answer.header = (msg->header & ~(MSG_SHAPE_MASK | 7ull << MSG_KIND_SHIFT))
            | MSG_HEADER(0, MSG_REPLY, 2, 0);
        answer.words[0] = bench_client_interface.version;
        answer.words[1] = bench_client_interface.hash;
    } else if (!error) {
        answer.header = (msg->header & ~(MSG_SHAPE_MASK | 7ull << MSG_KIND_SHIFT))
            | MSG_HEADER(0, MSG_REPLY, 1, 0);
        answer.words[0] = msg->words[0];
    }
    (void)raw_send(&odd.line, &answer, (struct msg_cap){0});
}

/* The answer to UPGRADE; the monitor adds the frame. */
static void odd_accept(const struct lmp_msg *msg, uint32_t words)
{
    const struct lmp_msg answer = {
        .header = (msg->header & ~(MSG_SHAPE_MASK | 7ull << MSG_KIND_SHIFT))
            | MSG_HEADER(0, MSG_REPLY, words, 0),
    };

    (void)raw_send(&odd.line, &answer, (struct msg_cap){0});
}

static void odd_message(struct raw_chan *line, const struct lmp_msg *msg)
{
    enum deed deed = odd.seen == odd.at ? odd.deed : ANSWER;

    if (msg->cap != 0) {
        (void)cap_destroy(msg->cap);
    }
    if (msg->header == KPI_CONTROL_HEADER(KPI_CONTROL_PEER_GONE)) {
        odd.open = false;
        raw_close(line);
        return;
    }
    if (msg_kind(msg->header) != MSG_CALL) {
        return;
    }
    odd.seen++;
    if (deed >= RING_SILENT) {
        odd_accept(msg, deed == RING_ODD ? 7 : 0);
    }
    if (deed == CLOSE || deed == RING_CLOSE) {
        odd.open = false;
        raw_close(line);
    } else if (deed == ANSWER || deed == REFUSE) {
        /* It knows nothing of rings: that is refused in any case. */
        odd_reply(msg, deed == REFUSE
                           || (msg_ordinal(msg->header) == 0
                               && msg->words[0] == CHAN_OP_UPGRADE));
    }
}

static int serve(void *arg)
{
    (void)arg;
    waitset_run(&odd.ws);
    return 0;
}

static errval_t odd_open(enum deed deed, uint32_t at, caddr_t *ret_end)
{
    caddr_t own, end;
    errval_t err = chan_create(&own, &end);

    if (err_is_ok(err)) {
        odd.seen = 0;
        odd.at = at;
        odd.deed = deed;
        err = raw_open(&odd.line, &odd.ws, own, odd_message, NULL);
        odd.open = err_is_ok(err);
        raw_own_ram(&odd.line);
    }
    return err_is_ok(err) ? monitor_proxy(monitor, end, ret_end) : err;
}

static bool odd_gone(void)
{
    uint64_t until = time_deadline_ns(SETTLE_NS);

    while (*(volatile bool *)&odd.open && time_now_ns() < until) {
        thread_sleep_ns(1000000);
    }
    return !*(volatile bool *)&odd.open;
}

/* Binds, with a short deadline if nobody is to answer, and calls once. */
static errval_t odd_use(caddr_t end, errval_t *ret_call)
{
    static struct bench_binding b;
    struct client_interface hasty = bench_client_interface;
    uint64_t r = 0;
    errval_t err;

    hasty.deadline_ns = odd.deed == IGNORE || odd.deed >= RING_SILENT ? SHORT_NS : SETTLE_NS;
    err = binding_open(&b.base, end, &hasty);
    if (err_is_ok(err)) {
        *ret_call = bench_one(&b, 5, &r);
        if (err_is_ok(*ret_call) && r != 5) {
            *ret_call = RPC_ERR_BAD_REPLY;
        }
        bench_close(&b);
    }
    return err;
}

static bool server_at_each_step(void)
{
    static const struct {
        enum deed deed;
        uint32_t at;
        errval_t open, call;
    } rows[] = {
        {CLOSE, 0, RPC_ERR_PEER_GONE, 0},     {REFUSE, 0, RPC_ERR_AGAIN, 0},
        {IGNORE, 0, RPC_ERR_TIMEOUT, 0},      {CLOSE, 1, RPC_ERR_PEER_GONE, 0},
        {REFUSE, 1, ERR_OK, ERR_OK},          {IGNORE, 1, RPC_ERR_TIMEOUT, 0},
        {CLOSE, 2, RPC_ERR_PEER_GONE, 0},     {REFUSE, 2, ERR_OK, ERR_OK},
        {IGNORE, 2, RPC_ERR_TIMEOUT, 0},      {CLOSE, 3, ERR_OK, RPC_ERR_PEER_GONE},
        {REFUSE, 3, ERR_OK, RPC_ERR_AGAIN},   {IGNORE, 3, ERR_OK, RPC_ERR_TIMEOUT},
        {RING_SILENT, 2, ERR_OK, RPC_ERR_TIMEOUT}, {RING_CLOSE, 2, ERR_OK, RPC_ERR_PEER_GONE},
        {RING_ODD, 2, ERR_OK, RPC_ERR_TIMEOUT},
    };

    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        errval_t call = 0, err;
        caddr_t end;

        TRY_OK(odd_open(rows[i].deed, rows[i].at, &end));
        err = odd_use(end, &call);
        if (rows[i].deed == RING_CLOSE && err_no(err) == RPC_ERR_PEER_GONE) {
            call = err;                  /* the rings were gone before they were there */
            err = ERR_OK;
        }
        if (err_no(err) != rows[i].open || err_no(call) != rows[i].call) {
            printf("# row %u: open %#llx, call %#llx\n", (unsigned)i, (unsigned long long)err,
                   (unsigned long long)call);
            return false;
        }
        TRY(odd_gone());
    }
    return settled();
}

/* The server ends before anybody has asked for anything. */
static bool server_gone_before(void)
{
    errval_t call;
    caddr_t own, end;

    TRY_OK(chan_create(&own, &end));
    TRY_OK(monitor_proxy(monitor, end, &end));
    TRY_OK(cap_destroy(own));
    TRY(err_no(odd_use(end, &call)) == RPC_ERR_PEER_GONE);
    return settled();
}

/* --- clients that end, or do what no stub does ---------------------------------------------- */

static struct {
    struct bench_server server;
    uint32_t gone;
} good;

static errval_t on_one(struct server_ctx *ctx, uint64_t a, uint64_t *ret_r)
{
    (void)ctx;
    *ret_r = a + 1;
    return ERR_OK;
}

static void on_gone(struct server_ctx *ctx)
{
    (void)ctx;
    good.gone++;
}

/* One end of a line, the other of which is the good server's. */
static struct raw_chan client;
static struct lmp_msg client_got[4];
static volatile uint32_t client_count;

static void client_message(struct raw_chan *line, const struct lmp_msg *msg)
{
    (void)line;
    if (client_count < 4) {
        client_got[client_count] = *msg;
    }
    client_count++;
}

static bool client_opens(void)
{
    caddr_t end;

    TRY_OK(server_make_end(&good.server.base, 1, 0, &end));
    TRY_OK(monitor_proxy(monitor, end, &end));
    client_count = 0;
    TRY_OK(raw_open(&client, &odd.ws, end, client_message, NULL));
    return true;
}

static bool client_says(uint64_t op, uint64_t a, uint64_t b, uint32_t words, uint32_t txid,
                        caddr_t cap)
{
    const uint64_t agreed = op == CHAN_OP_BIND ? 0 : bench_client_interface.hash & 0xff;
    const struct lmp_msg msg = {
        .header = MSG_HEADER(0, MSG_CALL, words, cap != 0 ? 1u : 0u)
            | (uint64_t)txid << MSG_GEN_SHIFT | agreed << MSG_HASH_SHIFT,
        .words = {op, a, b},
    };

    TRY_OK(raw_send(&client, &msg, (struct msg_cap){cap, CAP_RIGHTS_ALL, MSG_CAP_COPY}));
    return true;
}

static bool client_binds(void)
{
    return client_says(CHAN_OP_BIND, BENCH_ID | 1ull << 32, bench_client_interface.hash, 3, 1, 0);
}

static bool client_waits(uint32_t count)
{
    uint64_t until = time_deadline_ns(SETTLE_NS);

    while (client_count < count && time_now_ns() < until) {
        thread_sleep_ns(1000000);
    }
    return client_count >= count;
}

static bool good_gone(uint32_t gone)
{
    uint64_t until = time_deadline_ns(SETTLE_NS);

    while (*(volatile uint32_t *)&good.gone != gone && time_now_ns() < until) {
        thread_sleep_ns(1000000);
    }
    return *(volatile uint32_t *)&good.gone == gone;
}

/* Everybody else is served as before. */
static bool others_are_served(void)
{
    static struct bench_binding b;
    uint64_t r;
    caddr_t end;

    TRY_OK(server_make_end(&good.server.base, 1, 0, &end));
    TRY_OK(monitor_proxy(monitor, end, &end));
    TRY_OK(bench_bind(end, &b));
    TRY(b.base.chan.carrier != NULL);
    TRY_OK(bench_one(&b, 7, &r));
    TRY(r == 8);
    bench_close(&b);
    return true;
}

/* The client ends after so many steps, waiting for the last answer or not. */
static bool client_at_each_step(void)
{
    for (uint32_t steps = 0; steps < 6; steps++) {
        uint32_t gone = good.gone;

        TRY(client_opens());
        TRY(client_waits(1));            /* it is told that its peer is far away */
        TRY(msg_ordinal(client_got[0].header) == CHAN_CONTROL_REMOTE);
        if (steps >= 1) {
            TRY(client_binds());
        }
        if (steps >= 2) {
            TRY(client_waits(2));
        }
        if (steps >= 3) {
            TRY(client_says(CHAN_OP_UPGRADE, 0, 0, 2, 2, 0));
        }
        if (steps >= 4) {
            TRY(client_waits(3));
            TRY(msg_kind(client_got[2].header) == MSG_REPLY && client_got[2].cap != 0);
        }
        if (steps == 5) {
            TRY_OK(cap_destroy(client_got[2].cap));
        }
        raw_close(&client);
        /* Without a word from it the server's end was never used, and simply vanishes. */
        TRY(good_gone(gone + 1));
    }
    return settled();
}

/* With BELL in between, as the stubs do it: the client ends before each answer and after it. One
 * that stays and says nothing more is in nobody's way. */
static bool client_with_a_bell(void)
{
    caddr_t notify;

    TRY_OK(monitor_notify(monitor, &notify));
    for (uint32_t steps = 0; steps < 5; steps++) {
        uint32_t gone = good.gone;

        TRY(client_opens());
        TRY(client_binds());
        TRY(client_waits(2));
        TRY(client_says(CHAN_OP_BELL, 0, 0, 1, 2, notify));
        if (steps >= 1) {
            TRY(client_waits(3));
            TRY(msg_kind(client_got[2].header) == MSG_REPLY && client_got[2].cap != 0);
            TRY_OK(cap_destroy(client_got[2].cap));
        }
        if (steps >= 2) {
            TRY(client_says(CHAN_OP_UPGRADE, 0, 0, 2, 3, 0));
        }
        if (steps >= 3) {
            TRY(client_waits(4));
            TRY(msg_kind(client_got[3].header) == MSG_REPLY && client_got[3].cap != 0);
            TRY_OK(cap_destroy(client_got[3].cap));
        }
        if (steps == 4) {
            TRY(others_are_served());
        }
        raw_close(&client);
        TRY(good_gone(gone + (steps == 4 ? 2 : 1)));
    }
    TRY_OK(cap_destroy(notify));
    return settled();
}

/* Rules are broken: only the client suffers. */
static bool client_breaks_rules(void)
{
    uint32_t gone = good.gone;
    uint64_t bytes;
    caddr_t frame;

    TRY_OK(frame_alloc(16384, &frame, &bytes));
    TRY(client_opens());
    TRY(client_binds());
    TRY(client_says(CHAN_OP_UPGRADE, 16384, 0, 2, 2, frame)); /* a frame of its own */
    TRY(client_waits(3));
    raw_close(&client);
    TRY(good_gone(gone + 1));
    TRY(client_opens());
    TRY(client_binds());
    TRY(client_says(CHAN_OP_UPGRADE, 0, 0, 2, 2, 0));
    TRY(client_waits(3));
    TRY(client_says(CHAN_OP_UPGRADE, 0, 0, 2, 3, 0)); /* again */
    TRY(client_says(CHAN_OP_BIND, 0, 0, 1, 4, frame)); /* and nonsense on the lifeline */
    TRY(client_waits(4));
    TRY(msg_kind(client_got[3].header) == MSG_ERROR);
    raw_close(&client);
    TRY(good_gone(gone + 2));
    TRY_OK(ram_free(frame));
    return settled();
}

static bool others_go_on(void)
{
    return others_are_served() && settled();
}

static const struct taptest tests[] = {
    {"BIND0001 the server refuses, is silent or ends at each step", server_at_each_step},
    {"BIND0002 the server ends before the first", server_gone_before},
    {"BIND0003 the client ends at each step", client_at_each_step},
    {"BIND0004 the client breaks the rules", client_breaks_rules},
    {"BIND0007 so it does with a bell, or is silent", client_with_a_bell},
    {"BIND0005 others go on", others_go_on},
};

int main(void)
{
    static struct bench_server_ops ops;
    struct thread *thread;

    ops.on_one = on_one;                 /* a part of bench.if will do */
    waitset_init(&odd.ws);
    server_init(&good.server.base, &bench_server_interface, &ops, on_gone, NULL, &odd.ws);
    if (err_is_fail(thread_create(serve, NULL, &(struct thread_attr){.detached = true}, &thread))
        || err_is_fail(aos_monitor(&monitor))
        || err_is_fail(monitor_lines(monitor, &lines_before))) {
        printf("Bail out! there is no monitor\n");
        return 1;
    }
    return taptest_run(tests, TAPTEST_COUNT(tests));
}
