/* Senders that are faster than their receivers, on a line (services/monitor/line.h), on a plain
 * channel and on a ring: they are told that there is no room, and what was accepted arrives once
 * and in order. TAP on stdout. */
#include <aos/binding.h>
#include <aos/cap.h>
#include <aos/ram.h>
#include <aos/raw.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <aos/waitset.h>
#include <if/monitor.h>
#include <if/moves.h>
#include <if/moves_server.h>

#include "taptest.h"

#define MESSAGES    2000u
#define FULL_TIMES  20u                  /* in a row: then the receiver begins to look */
#define PAUSE_NS    1000000u             /* between tries */
#define WAIT_NS     20000000000ull       /* bounds a failure */
#define PAGE_BYTES  4096u

static struct monitor_binding *monitor; /* of this core */

static int run(void *ws)
{
    waitset_run(ws);
    return 0;
}

static bool run_start(struct waitset *ws)
{
    struct thread *thread;

    TRY_OK(thread_create(run, ws, &(struct thread_attr){.detached = true}, &thread));
    return true;
}

static bool reaches(const volatile uint64_t *what, uint64_t value)
{
    uint64_t until = time_deadline_ns(WAIT_NS);

    while (*what != value && time_now_ns() < until) {
        thread_sleep_ns(PAUSE_NS);
    }
    TRY(*what == value);
    return true;
}

/* --- a line whose ends are raw ---------------------------------------------------------------- */

/* One side: what came so far, in order; UINT64_MAX: not in order. */
struct side {
    struct raw_chan raw;
    struct waitset ws;
    volatile uint64_t got, gone;
};

static struct side home, proxy;

static void side_message(struct raw_chan *raw, const struct lmp_msg *msg)
{
    struct side *s = raw->arg;

    if (msg->header == KPI_CONTROL_HEADER(KPI_CONTROL_PEER_GONE)) {
        s->gone = 1;
    } else if (msg_kind(msg->header) == MSG_ONEWAY) {
        s->got = s->got == msg->words[0] ? s->got + 1 : UINT64_MAX;
    }
}

static errval_t side_open(struct side *s, caddr_t end)
{
    waitset_init(&s->ws);
    s->got = s->gone = 0;
    return raw_open(&s->raw, &s->ws, end, side_message, s);
}

static bool line_opens(void)
{
    caddr_t own, end;

    TRY_OK(chan_create(&own, &end));
    TRY_OK(side_open(&home, own));
    raw_own_ram(&home.raw);
    TRY_OK(monitor_proxy(monitor, end, &end));
    TRY_OK(side_open(&proxy, end));
    return true;
}

/* Sends them all; the other side looks only when there was no room for a while. */
static bool floods(struct side *from, struct side *to)
{
    uint32_t full = 0;
    bool looks = false;

    for (uint64_t sent = 0; sent < MESSAGES;) {
        const struct lmp_msg msg = {.header = MSG_HEADER(1, MSG_ONEWAY, 1, 0), .words = {sent}};
        errval_t err = raw_send(&from->raw, &msg, (struct msg_cap){0});

        if (err_is_ok(err)) {
            sent++;
            full = 0;
            continue;
        }
        TRY(err_no(err) == SYS_ERR_LMP_FULL);
        if (++full == FULL_TIMES && !looks) {
            TRY(to->got == 0);
            TRY(run_start(&to->ws));
            looks = true;
        }
        thread_sleep_ns(PAUSE_NS);
    }
    TRY(looks);
    return true;
}

static bool line_there(void)
{
    TRY(line_opens());
    TRY(floods(&proxy, &home));
    raw_close(&proxy.raw);               /* what is on its way arrives before the end */
    TRY(reaches(&home.gone, 1));
    TRY(home.got == MESSAGES);
    raw_close(&home.raw);
    return true;
}

static bool line_back(void)
{
    const struct lmp_msg first = {.header = MSG_HEADER(1, MSG_EVENT, 0, 0)};

    TRY(line_opens());
    TRY_OK(raw_send(&proxy.raw, &first, (struct msg_cap){0})); /* binds the end at home */
    TRY(floods(&home, &proxy));
    raw_close(&home.raw);
    TRY(reaches(&proxy.gone, 1));
    TRY(proxy.got == MESSAGES);
    raw_close(&proxy.raw);
    return true;
}

/* --- stubs ------------------------------------------------------------------------------------ */

static struct {
    struct waitset ws;
    struct moves_server server;
    struct sem stalled, go_on;
    volatile uint64_t got, gone;
} slow;

static errval_t on_stall(struct server_ctx *ctx)
{
    (void)ctx;
    sem_post(&slow.stalled);
    sem_wait(&slow.go_on);
    return ERR_OK;
}

static void on_note(struct server_ctx *ctx, uint64_t number)
{
    (void)ctx;
    slow.got = slow.got == number ? number + 1 : UINT64_MAX;
}

static void on_hand(struct server_ctx *ctx, caddr_t frame, uint64_t number)
{
    struct cap_info info;

    if (err_is_ok(cap_identify(frame, &info)) && info.type == CAPTYPE_FRAME) {
        on_note(ctx, number);
    }
}

static void on_gone(struct server_ctx *ctx)
{
    (void)ctx;
    slow.gone = slow.gone + 1;
}

static bool slow_start(void)
{
    static struct moves_server_ops ops;

    ops.on_stall = on_stall;             /* a part of moves.if will do */
    ops.on_note = on_note;
    ops.on_hand = on_hand;
    waitset_init(&slow.ws);
    sem_init(&slow.stalled, 0);
    sem_init(&slow.go_on, 0);
    server_init(&slow.server.base, &moves_server_interface, &ops, on_gone, NULL, &slow.ws);
    return run_start(&slow.ws);
}

/* The server is in the middle of a call until the client has found no room for a while. */
static bool stub_floods(bool far, caddr_t frame)
{
    static struct moves_binding b;
    struct moves_stall_call call;
    uint64_t gone = slow.gone;
    uint32_t full = 0;
    bool stalled = true;
    caddr_t end;

    slow.got = 0;
    TRY_OK(server_make_end(&slow.server.base, 1, 0, &end));
    if (far) {
        TRY_OK(monitor_proxy(monitor, end, &end));
    }
    TRY_OK(moves_bind(end, &b));
    TRY((b.base.chan.carrier != NULL) == far);
    TRY_OK(moves_stall_begin(&b, &call));
    sem_wait(&slow.stalled);
    for (uint64_t sent = 0; sent < MESSAGES;) {
        errval_t err = frame != 0 ? moves_hand(&b, frame, sent) : moves_note(&b, sent);

        if (err_is_ok(err)) {
            sent++;
            full = 0;
            continue;
        }
        TRY(err_no(err) == RPC_ERR_AGAIN);
        if (++full == FULL_TIMES && stalled) {
            TRY(slow.got == 0);
            sem_post(&slow.go_on);
            stalled = false;
        }
        thread_sleep_ns(PAUSE_NS);
    }
    TRY(!stalled);
    TRY_OK(moves_stall_end(&call, BINDING_DEADLINE));
    TRY(reaches(&slow.got, MESSAGES));
    TRY(slow.gone == gone);
    moves_close(&b);
    return reaches(&slow.gone, gone + 1);
}

static bool oneways_here(void)
{
    return stub_floods(/* far= */ false, 0);
}

static bool oneways_far(void)
{
    return stub_floods(/* far= */ true, 0);
}

static bool capabilities(void)
{
    uint64_t bytes;
    caddr_t frame;

    TRY_OK(frame_alloc(PAGE_BYTES, &frame, &bytes));
    TRY(stub_floods(/* far= */ false, frame) && stub_floods(/* far= */ true, frame));
    TRY_OK(ram_free(frame));
    return true;
}

static const struct taptest tests[] = {
    {"LINE0006 from the proxy of a line", line_there},
    {"LINE0007 from its home", line_back},
    {"LMP0040 oneways to a server that is busy", oneways_here},
    {"UMP0129 and over a ring", oneways_far},
    {"UMP0130 with a capability each", capabilities},
};

int main(void)
{
    if (err_is_fail(aos_monitor(&monitor)) || !slow_start()) {
        printf("Bail out! there is no monitor\n");
        return 1;
    }
    return taptest_run(tests, TAPTEST_COUNT(tests));
}
