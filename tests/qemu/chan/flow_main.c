/* Calls without waiting, and streams, through the kernel: the server of flow.if is a thread, its
 * clients are others. Prints TAP and powers off. */
#include <string.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/slot.h>
#include <aos/time.h>

#include "flow_handlers.h"
#include "inittest.h"

#define SECOND_NS 1000000000ull

errval_t aos_rpc_init(void)
{
    return ERR_OK;
}

static struct flow flow;
static struct waitset server_ws, client_ws;
static struct flow_binding b;

static errval_t make_frame(caddr_t *ret_cap)
{
    uint64_t bytes;
    return frame_alloc(AOS_PAGE_BYTES, ret_cap, &bytes);
}

static int serve(void *arg)
{
    (void)arg;
    waitset_run(&server_ws);
}

static void bind(struct flow_binding *binding)
{
    caddr_t end;
    EXPECT_ERR(ERR_OK, flow_server_new_end(&flow.server, 42, &end));
    EXPECT_ERR(ERR_OK, flow_bind(end, binding));
    binding_set_waitset(&binding->base, &client_ws);
}

static void begun_calls(void)
{
    bind(&b);
    struct flow_park_call park[CHAN_CALLS_MAX - 2], more;
    struct flow_say_call say;
    uint64_t value = 0, doubled;
    char text[401];
    size_t length;
    for (uint32_t round = 0; round < 50; round++) {
        for (uint32_t i = 0; i < CHAN_CALLS_MAX - 2; i++) {
            EXPECT_ERR(ERR_OK, flow_park_begin(&b, i, &park[i]));
        }
        EXPECT_ERR(ERR_OK, flow_say_begin(&b, 50, &say));
        EXPECT_ERR(ERR_OK, flow_twice(&b, round, &doubled));
        EXPECT(doubled == 2 * round);
        EXPECT_ERR(ERR_OK, flow_say_end(&say, BINDING_DEADLINE, text, &length));
        EXPECT(length == 400 && text[399] == 's');
        for (uint32_t i = CHAN_CALLS_MAX - 2; i-- > 0;) {
            EXPECT(!binding_call_answered(&park[i].base));
            EXPECT_ERR(ERR_OK, flow_release(&b, i, i));
            EXPECT_ERR(ERR_OK, flow_park_end(&park[i], BINDING_DEADLINE, &value));
            EXPECT(value == i);
        }
    }
    /* The table is full: again, and told when it is not. */
    struct flow_park_call all[CHAN_CALLS_MAX];
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        EXPECT_ERR(ERR_OK, flow_park_begin(&b, i, &all[i]));
    }
    EXPECT_ERR(RPC_ERR_AGAIN, flow_park_begin(&b, 9, &more));
    static struct flow_binding other;
    bind(&other);
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        EXPECT_ERR(ERR_OK, flow_release(&other, i, i + 100));
        EXPECT_ERR(ERR_OK, flow_park_end(&all[i], BINDING_DEADLINE, &value));
        EXPECT(value == i + 100);
    }
    flow_close(&other);
}

/* A cancelled call is known to the server, its place taken until the answer, which finds nobody. */
static void cancelled_calls(void)
{
    struct flow_park_call park;
    uint64_t value;
    bool cancelled = false;
    for (uint32_t round = 0; round < 20; round++) {
        EXPECT_ERR(ERR_OK, flow_park_begin(&b, 0, &park));
        EXPECT_ERR(ERR_OK, flow_asked(&b, 0, &cancelled));
        EXPECT(!cancelled);
        binding_call_cancel(&park.base);
        EXPECT_ERR(ERR_OK, flow_asked(&b, 0, &cancelled));
        EXPECT(cancelled);
        EXPECT_ERR(ERR_OK, flow_park_begin(&b, 1, &park));
        EXPECT_ERR(ERR_OK, flow_release(&b, 0, 1));
        EXPECT(!binding_call_answered(&park.base));
        EXPECT_ERR(ERR_OK, flow_release(&b, 1, 2));
        EXPECT_ERR(ERR_OK, flow_park_end(&park, BINDING_DEADLINE, &value));
        EXPECT(value == 2);
    }
    /* A deadline of its own tells the server, too. */
    EXPECT_ERR(ERR_OK, flow_park_begin(&b, 0, &park));
    EXPECT_ERR(RPC_ERR_TIMEOUT, flow_park_end(&park, time_deadline_ns(1000000), &value));
    EXPECT_ERR(ERR_OK, flow_asked(&b, 0, &cancelled));
    EXPECT(cancelled);
    EXPECT_ERR(ERR_OK, flow_release(&b, 0, 1));
}

static void on_parked(void *arg, errval_t err, uint64_t value)
{
    (void)err;
    (void)value;
    (*(uint32_t *)arg)++;
}

static void on_tick(void *arg, bool lost, uint32_t n)
{
    (void)lost;
    (void)n;
    (*(uint32_t *)arg)++;
}

static void on_ready(void *arg)
{
    (*(uint32_t *)arg)++;
}

/* A callback, events and an item are due, and calls that wait run none of what is to be run. */
static void a_sync_call_runs_nothing_else(void)
{
    static const struct flow_event_ops event_ops = {.on_tick = on_tick};
    uint32_t parked = 0, ticks = 0, ready = 0;
    uint64_t doubled;
    struct flow_count_stream s;
    flow_set_events(&b, &client_ws, &event_ops, &ticks);
    EXPECT_ERR(ERR_OK, flow_subscribe_tick(&b, true));
    EXPECT_ERR(ERR_OK, flow_park_cb(&b, 3, on_parked, &parked));
    EXPECT_ERR(ERR_OK, flow_count_open(&b, 0, 9, &s));
    EXPECT_ERR(ERR_OK, binding_stream_on_ready(&s.base, on_ready, &ready));
    EXPECT_ERR(ERR_OK, flow_fire(&b, 2));
    EXPECT_ERR(ERR_OK, flow_release(&b, 3, 1));
    for (uint32_t i = 0; i < 100; i++) {
        EXPECT_ERR(ERR_OK, flow_twice(&b, i, &doubled));
    }
    EXPECT(binding_stream_ready(&s.base));
    EXPECT(parked == 0 && ticks == 0 && ready == 0);
    while (parked == 0 || ticks < 2 || ready == 0) {
        EXPECT_ERR(ERR_OK, waitset_dispatch(&client_ws, time_deadline_ns(SECOND_NS)));
    }
    EXPECT(parked == 1 && ticks == 2 && ready == 1);
    EXPECT_ERR(ERR_OK, flow_subscribe_tick(&b, false));
    flow_count_close(&s);
}

static void streams(void)
{
    static struct flow_texts_stream t;
    struct flow_count_stream s;
    uint32_t value;
    char text[201];
    size_t length;
    EXPECT_ERR(ERR_OK, flow_count_open(&b, 0, 1000, &s));
    for (uint32_t i = 0; i < 1000; i++) {
        EXPECT_ERR(ERR_OK, flow_count_next(&s, &value));
        EXPECT(value == i);
    }
    EXPECT_ERR(RPC_ERR_STREAM_END, flow_count_next(&s, &value));
    flow_count_close(&s);
    EXPECT_ERR(ERR_OK, flow_count_open(&b, 0, FLOW_BREAKS, &s));
    for (uint32_t i = 0; i < FLOW_BREAK; i++) {
        EXPECT_ERR(ERR_OK, flow_count_next(&s, &value));
    }
    EXPECT_ERR(FLOW_ERR_BROKEN, flow_count_next(&s, &value));
    flow_count_close(&s);
    for (uint32_t round = 0; round < 10; round++) {
        EXPECT_ERR(ERR_OK, flow_texts_open(&b, 20, &t));
        for (uint32_t i = 0; i < 20; i++) {
            EXPECT_ERR(ERR_OK, flow_texts_next(&t, &value, text, &length));
            EXPECT(value == i && length == 10 * i);
            EXPECT(length == 0 || (text[0] == (char)('a' + i) && text[length - 1] == text[0]));
        }
        EXPECT_ERR(RPC_ERR_STREAM_END, flow_texts_next(&t, &value, text, &length));
        flow_texts_close(&t);
    }
}

/* Read, or deleted by the close: all that came is given back. */
static void streams_of_capabilities(void)
{
    static struct flow_frames_stream s;
    uint64_t used = 0;
    for (uint32_t round = 0; round < 30; round++) {
        caddr_t frame;
        uint8_t n;
        if (round == 10) {
            used = inittest_slots();
        }
        EXPECT_ERR(ERR_OK, flow_frames_open(&b, 9, &s));
        for (uint32_t i = 0; i < round % 10; i++) {
            EXPECT_ERR(ERR_OK, flow_frames_next(&s, &frame, &n));
            EXPECT(n == i);
            struct cap_info info;
            EXPECT_ERR(ERR_OK, cap_identify(frame, &info));
            EXPECT(info.type == CAPTYPE_FRAME);
            EXPECT_ERR(ERR_OK, ram_free(frame));
        }
        flow_frames_close(&s);
        /* The server ends a closed stream after this call at the latest. */
        uint64_t doubled;
        for (uint32_t i = 0; i < 3; i++) {
            EXPECT_ERR(ERR_OK, flow_twice(&b, 1, &doubled));
        }
    }
    uint64_t after = inittest_slots();
    if (after != used) {
        printf("# %llu slots, then %llu\n", (unsigned long long)used, (unsigned long long)after);
    }
    EXPECT(after == used);
}

static int reader(void *arg)
{
    uint32_t from = (uint32_t)(uintptr_t)arg * 1000, value;
    struct flow_count_stream s;
    for (uint32_t round = 0; round < 20; round++) {
        while (flow_count_open(&b, from, from + 50, &s) == RPC_ERR_AGAIN) {
            thread_yield();
        }
        for (uint32_t i = from; i < from + 50; i++) {
            uint64_t doubled;
            if (flow_count_next(&s, &value) != ERR_OK || value != i) {
                return 1;
            }
            if (i % 7 == 0 && (flow_twice(&b, i, &doubled) != ERR_OK || doubled != 2 * i)) {
                return 2;
            }
        }
        if (flow_count_next(&s, &value) != RPC_ERR_STREAM_END) {
            return 3;
        }
        flow_count_close(&s);
    }
    return 0;
}

static void many_readers(void)
{
    struct thread *t[6]; /* more than streams that can be open */
    for (uint64_t i = 0; i < 6; i++) {
        EXPECT_ERR(ERR_OK, thread_create(reader, (void *)(uintptr_t)i, NULL, &t[i]));
    }
    for (uint64_t i = 0; i < 6; i++) {
        int status = -1;
        EXPECT_ERR(ERR_OK, thread_join(t[i], &status));
        EXPECT(status == 0);
    }
}

/* The client closes a stream, or goes with one open: the server ends it, and nothing stays. */
static void the_client_breaks_off(void)
{
    struct flow_count_stream s;
    uint32_t value;
    uint64_t doubled;
    for (uint32_t round = 0; round < 40; round++) {
        EXPECT_ERR(ERR_OK, flow_count_open(&b, 0, 100000, &s));
        for (uint32_t i = 0; i < round % 7; i++) {
            EXPECT_ERR(ERR_OK, flow_count_next(&s, &value));
        }
        flow_count_close(&s);
        EXPECT_ERR(ERR_OK, flow_twice(&b, 1, &doubled));
    }
    for (uint32_t round = 0; round < 10; round++) {
        static struct flow_binding other;
        uint32_t gone = flow.peers_gone;
        bind(&other);
        EXPECT_ERR(ERR_OK, flow_count_open(&other, 0, 100000, &s));
        EXPECT_ERR(ERR_OK, flow_count_next(&s, &value));
        if (round % 2 == 0) {
            flow_count_close(&s);
            flow_close(&other);
        } else {
            flow_close(&other);
            flow_count_close(&s);
        }
        while (flow.peers_gone == gone) {
            thread_yield();
        }
    }
    uint64_t deadline = time_deadline_ns(SECOND_NS);
    for (uint32_t i = 0; i < FLOW_SOURCES;) {
        EXPECT(time_now_ns() < deadline);
        if (flow.sources[i].count.base.conn == NULL) {
            i++;
        } else {
            thread_yield();
        }
    }
}

static int end_server(void *arg)
{
    (void)arg;
    flow_server_deinit(&flow.server);
    return 0;
}

static volatile bool handler_runs, handler_goes_on;

static void in_park(void)
{
    flow.in_park = NULL;
    handler_runs = true;
    while (!handler_goes_on) {
        thread_yield();
    }
}

/* The server has two threads. One is in a handler, the other looks at the connection, and the call
 * is known to be cancelled all the same. */
static void cancelled_while_others_serve(void)
{
    struct thread *second;
    struct flow_park_call park;
    uint64_t doubled;
    bool cancelled = false;
    EXPECT_ERR(ERR_OK, thread_create(serve, NULL, NULL, &second));
    for (uint32_t round = 0; round < 20; round++) {
        handler_runs = handler_goes_on = false;
        flow.in_park = in_park;
        EXPECT_ERR(ERR_OK, flow_park_begin(&b, 0, &park));
        while (!handler_runs) {
            thread_yield();
        }
        binding_call_cancel(&park.base);
        EXPECT_ERR(ERR_OK, flow_twice(&b, round, &doubled));
        EXPECT(doubled == 2 * round);
        handler_goes_on = true;
        while (flow.parked[0].base.conn == NULL) {
            thread_yield();
        }
        EXPECT_ERR(ERR_OK, flow_asked(&b, 0, &cancelled));
        EXPECT(cancelled);
        EXPECT_ERR(ERR_OK, flow_release(&b, 0, 1));
    }
}

static bool is_gone(caddr_t cap)
{
    struct cap_info info;
    return err_is_fail(cap_identify(cap, &info)) || info.type == CAPTYPE_NULL;
}

/* As on the host (MOVED0001), with capabilities of the kernel: none stays, nor does a slot. */
static void refused_requests(void)
{
    static struct flow_binding one, other;
    uint64_t used = 0;
    for (uint32_t round = 0; round < 9; round++) {
        if (round == 2) {
            used = inittest_slots();
        }
        uint32_t gone = flow.peers_gone;
        bind(&one);
        bind(&other);
        const char *wrong = flow_moved(&one, &other, make_frame, is_gone);
        if (wrong != NULL) {
            printf("# %s\n", wrong);
        }
        EXPECT(wrong == NULL);
        flow_close(&other);
        while (flow.peers_gone < gone + 2) {
            thread_yield();
        }
    }
    /* A slot that stays with a kind of request is at least one each round. Records of the RAM that
     * the frames were made of grow by a page, of two slots, every few rounds. */
    EXPECT(inittest_slots() < used + 7);
}

static void the_server_goes(void)
{
    struct flow_count_stream s;
    struct thread *t;
    uint32_t value, got = 0;
    errval_t err;
    EXPECT_ERR(ERR_OK, flow_count_open(&b, 0, 1000000000, &s));
    EXPECT_ERR(ERR_OK, flow_count_next(&s, &value));
    EXPECT_ERR(ERR_OK, thread_create(end_server, NULL, NULL, &t));
    while ((err = flow_count_next(&s, &value)) == ERR_OK) {
        got++;
        EXPECT(value == got);
    }
    EXPECT(err == RPC_ERR_PEER_GONE);
    EXPECT_ERR(RPC_ERR_PEER_GONE, flow_count_next(&s, &value));
    EXPECT_ERR(ERR_OK, thread_join(t, NULL));
    flow_count_close(&s);
    flow_close(&b);
}

int main(void)
{
    static const struct inittest tests[] = {
        {"FLOW0001 begun calls", begun_calls},
        {"FLOW0002 cancelled calls", cancelled_calls},
        {"FLOW0003 a sync call runs nothing else", a_sync_call_runs_nothing_else},
        {"FLOW0004 streams", streams},
        {"FLOW0005 streams of capabilities", streams_of_capabilities},
        {"FLOW0006 many readers", many_readers},
        {"FLOW0007 the client breaks off", the_client_breaks_off},
        {"FLOW0009 refused requests", refused_requests},
        {"FLOW0010 cancelled while others serve", cancelled_while_others_serve},
        {"FLOW0008 the server goes", the_server_goes},
    };
    struct thread *server;
    inittest_start("FLOWTEST", INITTEST_COUNT(tests));
    waitset_init(&server_ws);
    waitset_init(&client_ws);
    flow_init(&flow, &server_ws);
    flow.make_frame = make_frame;
    EXPECT_ERR(ERR_OK, thread_create(serve, NULL, NULL, &server));
    inittest_run(tests, INITTEST_COUNT(tests));
}
