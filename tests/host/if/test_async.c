/* Calls that are begun, ended, cancelled and called back (docs/design, "Asynchronous calls"): each
 * rule has a test. The client has a waitset of its own, which runs only where a test runs it. */
#include <stdlib.h>

#include "count_malloc.h"
#include "flow_test.h"

static void pass_time(uint64_t ns)
{
    disp_disable();
    fake_pass_time(ns);
    disp_enable();
}

/* --- begin and end --------------------------------------------------------------------------- */

static void begun_calls_end_in_any_order(void)
{
    start();
    struct flow_park_call park[3];
    struct flow_twice_call twice;
    struct flow_say_call say;
    struct flow_fill_call fill;
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(flow_park_begin(&b, i, &park[i]), ERR_OK);
    }
    char text[401], bytes[64] = {0};
    CHECK_EQ(flow_twice_begin(&b, 21, &twice), ERR_OK);
    CHECK_EQ(flow_say_begin(&b, 50, &say), ERR_OK);
    CHECK_EQ(flow_fill_begin(&b, bytes, 60, &fill), ERR_OK);
    CHECK_EQ(flow.calls, 0); /* nothing has been waited for */
    CHECK(!binding_call_answered(&twice.base));
    serve();
    CHECK(binding_call_answered(&twice.base) && !binding_call_answered(&park[0].base));
    uint64_t value = 7;
    size_t length;
    uint32_t n;
    CHECK_EQ(flow_fill_end(&fill, BINDING_DEADLINE, &n), ERR_OK);
    CHECK(n == 60 && bytes[59] == 'f' && bytes[60] == 0);
    CHECK_EQ(flow_say_end(&say, BINDING_DEADLINE, text, &length), ERR_OK);
    CHECK(length == 400 && text[399] == 's');
    CHECK_EQ(flow_twice_end(&twice, BINDING_DEADLINE, &value), ERR_OK);
    CHECK_EQ(value, 42);
    for (uint32_t i = 3; i-- > 0;) {
        CHECK_EQ(flow_release(&b, i, 100 + i), ERR_OK);
        CHECK_EQ(flow_park_end(&park[i], BINDING_DEADLINE, &value), ERR_OK);
        CHECK_EQ(value, 100 + i);
    }
    /* A handle is good for one end. */
    CHECK_EQ(flow_park_end(&park[0], BINDING_DEADLINE, &value), LIB_ERR_BAD_STATE);
    /* Errors, and a result for which `ensures` is false. */
    CHECK_EQ(flow_twice_begin(&b, UINT64_MAX, &twice), ERR_OK);
    CHECK_EQ(flow_twice_end(&twice, BINDING_DEADLINE, &value), RPC_ERR_BAD_REPLY);
    CHECK_EQ(flow_park_begin(&b, 1, &park[1]), ERR_OK);
    CHECK_EQ(flow_park_begin(&b, 1, &park[2]), ERR_OK);
    CHECK_EQ(flow_park_end(&park[2], BINDING_DEADLINE, &value), FLOW_ERR_REFUSED);
    CHECK_EQ(value, 102 - 2);
    CHECK_EQ(flow_release(&b, 1, 5), ERR_OK);
    CHECK_EQ(flow_park_end(&park[1], BINDING_DEADLINE, &value), ERR_OK);
    end();
}

static void capabilities_both_ways(void)
{
    start();
    for (uint32_t count = 0; count <= 3; count++) {
        struct flow_give_call give;
        caddr_t caps[3] = {0}, back[3];
        size_t back_count = 9;
        for (uint32_t i = 0; i < count; i++) {
            caps[i] = fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL);
        }
        CHECK_EQ(flow_give_begin(&b, caps, count, &give), ERR_OK);
        CHECK_EQ(flow_give_end(&give, BINDING_DEADLINE, back, &back_count), ERR_OK);
        CHECK_EQ(back_count, count);
        for (uint32_t i = 0; i < count; i++) {
            CHECK_EQ(cap_destroy(back[i]), ERR_OK);
        }
    }
    end();
}

static void nothing_is_allocated(void)
{
    start();
    struct flow_park_call park[CHAN_CALLS_MAX - 1];
    uint64_t value;
    char text[401];
    size_t length;
    CHECK_EQ(flow_say(&b, 50, text, &length), ERR_OK); /* the area is there */
    uint32_t before = allocations;
    for (uint32_t round = 0; round < 50; round++) {
        for (uint32_t i = 0; i < CHAN_CALLS_MAX - 1; i++) {
            CHECK_EQ(flow_park_begin(&b, i, &park[i]), ERR_OK);
        }
        CHECK_EQ(flow_say(&b, 50, text, &length), ERR_OK);
        CHECK_EQ(
            flow_drop(&b, "a text that needs the message area, as it is too long for eight", 63),
            ERR_OK);
        for (uint32_t i = 0; i < CHAN_CALLS_MAX - 1; i++) {
            CHECK_EQ(flow_release(&b, i, i), ERR_OK);
            CHECK_EQ(flow_park_end(&park[i], BINDING_DEADLINE, &value), ERR_OK);
        }
    }
    CHECK(before != 0 && allocations == before);
    CHECK_EQ(flow.dropped, 50);
    end();
}

/* --- back-pressure --------------------------------------------------------------------------- */

static void count_run(void *arg)
{
    (*(uint32_t *)arg)++;
}

static void a_full_table_says_again(void)
{
    start();
    struct flow_park_call park[CHAN_CALLS_MAX], one_more;
    uint32_t writable = 0;
    uint64_t value;
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        CHECK_EQ(flow_park_begin(&b, i, &park[i]), ERR_OK);
    }
    serve();
    CHECK_EQ(flow_park_begin(&b, 9, &one_more), RPC_ERR_AGAIN);
    caddr_t cap = fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL);
    struct flow_give_call give;
    CHECK_EQ(flow_give_begin(&b, &cap, 1, &give), RPC_ERR_AGAIN);
    CHECK(fake_slot_is_empty(cap)); /* moved whatever comes back */
    binding_on_writable(&b.base, count_run, &writable);
    pass_time(CHAN_CALLS_MAX * 1000000ull);
    run();
    CHECK_EQ(writable, 0); /* there is no place, however long it takes */
    flow_park_reply(&flow.parked[2], ERR_OK, 5);
    run();
    CHECK_EQ(writable, 0); /* the answer has a place until it is read */
    CHECK_EQ(flow_park_end(&park[2], BINDING_DEADLINE, &value), ERR_OK);
    run();
    CHECK_EQ(writable, 1);
    CHECK_EQ(flow_park_begin(&b, 2, &park[2]), ERR_OK);
    serve();
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        flow_park_reply(&flow.parked[i], ERR_OK, i);
        CHECK_EQ(flow_park_end(&park[i], BINDING_DEADLINE, &value), ERR_OK);
        CHECK_EQ(value, i);
    }
    run();
    CHECK_EQ(writable, 1); /* once */
    /* With a place free, and room in the channel, at once. */
    binding_on_writable(&b.base, count_run, &writable);
    run();
    CHECK_EQ(writable, 2);
    /* The end of the peer is news, too. */
    binding_on_writable(&b.base, count_run, &writable);
    flow_server_deinit(&flow.server);
    run();
    CHECK_EQ(writable, 3);
    CHECK_EQ(flow_park_begin(&b, 9, &one_more), RPC_ERR_PEER_GONE);
    flow.peers_gone = 1;
    end();
}

/* --- deadlines ------------------------------------------------------------------------------- */

static void deadlines_of_calls(void)
{
    start();
    struct flow_park_call park;
    uint64_t value, before = time_now_ns();
    /* By default the binding's, counted from the begin. */
    binding_set_deadline(&b.base, 1000);
    CHECK_EQ(flow_park_begin(&b, 0, &park), ERR_OK);
    pass_time(600);
    CHECK_EQ(flow_park_end(&park, BINDING_DEADLINE, &value), RPC_ERR_TIMEOUT);
    CHECK_EQ(time_now_ns(), before + 1000);
    /* One of its own, later or earlier. */
    CHECK_EQ(flow_park_begin(&b, 1, &park), ERR_OK);
    CHECK_EQ(flow_park_end(&park, before + 9000, &value), RPC_ERR_TIMEOUT);
    CHECK_EQ(time_now_ns(), before + 9000);
    CHECK_EQ(flow_park_begin(&b, 2, &park), ERR_OK);
    CHECK_EQ(flow_park_end(&park, before + 9100, &value), RPC_ERR_TIMEOUT);
    CHECK_EQ(time_now_ns(), before + 9100);
    /* The server knows that nobody waits; a call in time is as ever. */
    bool cancelled = false;
    CHECK_EQ(flow_asked(&b, 2, &cancelled), ERR_OK);
    CHECK(cancelled);
    CHECK_EQ(flow_park_begin(&b, 3, &park), ERR_OK);
    CHECK_EQ(flow_release(&b, 3, 30), ERR_OK);
    CHECK_EQ(flow_park_end(&park, time_now_ns() + 1, &value), ERR_OK);
    CHECK_EQ(value, 30);
    end();
}

/* --- cancellation ---------------------------------------------------------------------------- */

static void a_cancelled_call_keeps_its_place(void)
{
    start();
    struct flow_park_call park[CHAN_CALLS_MAX];
    uint64_t value;
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        CHECK_EQ(flow_park_begin(&b, i, &park[i]), ERR_OK);
    }
    serve();
    binding_call_cancel(&park[4].base);
    binding_call_cancel(&park[4].base); /* nothing more */
    CHECK_EQ(flow_park_end(&park[4], BINDING_DEADLINE, &value), LIB_ERR_BAD_STATE);
    CHECK(server_responder_cancelled(&flow.parked[4].base));
    CHECK(!server_responder_cancelled(&flow.parked[3].base));
    CHECK_EQ(flow_park_begin(&b, 9, &park[4]), RPC_ERR_AGAIN);
    flow_park_reply(&flow.parked[4], ERR_OK, 1);
    CHECK_EQ(flow_park_begin(&b, 4, &park[4]), ERR_OK);
    serve();
    /* The call that has the place now is not the one that was cancelled. */
    CHECK(!server_responder_cancelled(&flow.parked[4].base));
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        flow_park_reply(&flow.parked[i], ERR_OK, i);
        CHECK_EQ(flow_park_end(&park[i], BINDING_DEADLINE, &value), ERR_OK);
        CHECK_EQ(value, i);
    }
    end();
}

static void late_answers_find_nobody(void)
{
    start();
    struct flow_park_call park;
    uint64_t value = 9;
    CHECK_EQ(flow_park_begin(&b, 0, &park), ERR_OK);
    serve();
    uint64_t header =
        (flow.parked[0].base.header & ~MSG_SHAPE_MASK) | MSG_HEADER(0, MSG_REPLY, 1, 0);
    binding_call_cancel(&park.base);
    flow_park_reply(&flow.parked[0], ERR_OK, 1);
    /* The same slot, another generation: the answer to the old call, come again, is not taken. */
    CHECK_EQ(flow_park_begin(&b, 1, &park), ERR_OK);
    serve();
    CHECK_EQ(msg_slot(flow.parked[1].base.header), msg_slot(header));
    const struct lmp_msg late = {.header = header, .words = {1}};
    disp_disable();
    chan_deliver_disabled((uint64_t)(uintptr_t)&b.base.chan, &late);
    disp_enable();
    CHECK(!binding_call_answered(&park.base));
    flow_park_reply(&flow.parked[1], ERR_OK, 2);
    CHECK_EQ(flow_park_end(&park, BINDING_DEADLINE, &value), ERR_OK);
    CHECK_EQ(value, 2);
    end();
}

static void capabilities_of_late_answers_are_deleted(void)
{
    start();
    struct flow_give_call give;
    for (uint32_t when = 0; when < 3; when++) {
        caddr_t caps[3];
        for (uint32_t i = 0; i < 3; i++) {
            caps[i] = fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL);
        }
        CHECK_EQ(flow_give_begin(&b, caps, when + 1, &give), ERR_OK);
        for (uint32_t i = when + 1; i < 3; i++) {
            CHECK_EQ(cap_destroy(caps[i]), ERR_OK);
        }
        if (when != 1) {
            serve(); /* cancelled when the answer is there already */
        }
        binding_call_cancel(&give.base);
        serve();
        chan_tidy();
        CHECK_EQ(fake_caps_in_use(), 2); /* the areas */
    }
    /* All places are free again. */
    struct flow_park_call park[CHAN_CALLS_MAX];
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        CHECK_EQ(flow_park_begin(&b, i, &park[i]), ERR_OK);
    }
    serve();
    end();
}

/* An answer of which only the first of three capabilities has come: the call ends, and its place is
 * free, as there will be no other answer. */
static void half_an_answer(void)
{
    start();
    struct flow_park_call park;
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(flow_park_begin(&b, 0, &park), ERR_OK);
        serve();
        uint64_t txid = flow.parked[0].base.header & ~MSG_SHAPE_MASK;
        const struct lmp_msg msg = {.header = txid | MSG_HEADER(0, MSG_REPLY, 1, 3),
                                    .cap = fake_cap(CAPTYPE_RAM, 1)};
        disp_disable();
        chan_deliver_disabled((uint64_t)(uintptr_t)&b.base.chan, &msg);
        disp_enable();
        CHECK(!binding_call_answered(&park.base));
        binding_call_cancel(&park.base);
        CHECK_EQ(fake_caps_in_use(), 0);
        CHECK_EQ(b.base.pending[0].state, PENDING_FREE);
        flow_park_reply(&flow.parked[0], ERR_OK, 1); /* dropped */
    }
    end();
}

/* --- callbacks ------------------------------------------------------------------------------- */

struct heard {
    uint32_t times;
    errval_t err;
    uint64_t value;
};

static void on_parked(void *arg, errval_t err, uint64_t value)
{
    struct heard *h = arg;
    h->times++;
    h->err = err;
    h->value = value;
}

static void callbacks_are_cancelled(void)
{
    start();
    struct heard h[2] = {{0}, {0}};
    CHECK_EQ(flow_park_cb(&b, 0, on_parked, &h[0]), ERR_OK);
    CHECK_EQ(flow_park_cb(&b, 1, on_parked, &h[1]), ERR_OK);
    CHECK_EQ(flow_park_cb(&b, 2, on_parked, &h[0]), ERR_OK);
    serve();
    CHECK_EQ(binding_cancel_cb(&b.base, &h[0]), 2);
    CHECK_EQ(h[0].times, 0);
    run();
    CHECK(h[0].times == 2 && h[0].err == RPC_ERR_CANCELLED && h[1].times == 0);
    CHECK(server_responder_cancelled(&flow.parked[0].base));
    CHECK(!server_responder_cancelled(&flow.parked[1].base));
    flow_park_reply(&flow.parked[0], ERR_OK, 5);
    flow_park_reply(&flow.parked[1], ERR_OK, 6);
    run();
    CHECK(h[0].times == 2 && h[1].times == 1 && h[1].value == 6);
    end();
}

static struct heard inner;

static void calls_again(void *arg, errval_t err, uint64_t value)
{
    uint64_t doubled;
    CHECK_EQ(flow_twice(&b, value, &doubled), ERR_OK);
    on_parked(arg, err, doubled);
    if (inner.times < 3) {
        CHECK_EQ(flow_park_cb(&b, 0, calls_again, &inner), ERR_OK);
    }
}

static void callbacks_call(void)
{
    start();
    inner = (struct heard){0};
    CHECK_EQ(flow_park_cb(&b, 0, calls_again, &inner), ERR_OK);
    for (uint32_t i = 0; i < 3; i++) {
        serve();
        flow_park_reply(&flow.parked[0], ERR_OK, 4);
        run();
        CHECK(inner.times == i + 1 && inner.value == 8);
    }
    end();
}

static void on_tick(void *arg, bool lost, uint32_t n)
{
    (void)lost;
    (void)n;
    (*(uint32_t *)arg)++;
}

/* Everything that may run in the waitset is due, and a call that waits runs none of it. */
static void a_sync_call_runs_nothing_else(void)
{
    static const struct flow_event_ops event_ops = {.on_tick = on_tick};
    start();
    uint32_t ticks = 0, writable = 0;
    struct heard h = {0};
    uint64_t doubled;
    flow_set_events(&b, &client_ws, &event_ops, &ticks);
    CHECK_EQ(flow_subscribe_tick(&b, true), ERR_OK);
    CHECK_EQ(flow_park_cb(&b, 0, on_parked, &h), ERR_OK);
    CHECK_EQ(flow_fire(&b, 2), ERR_OK);
    CHECK_EQ(flow_release(&b, 0, 1), ERR_OK);
    binding_on_writable(&b.base, count_run, &writable);
    pass_time(10000000);
    CHECK_EQ(flow_twice(&b, 1, &doubled), ERR_OK);
    binding_set_deadline(&b.base, 1000);
    CHECK_EQ(flow_park(&b, 5, &doubled), RPC_ERR_TIMEOUT);
    CHECK(ticks == 0 && writable == 0 && h.times == 0);
    run();
    CHECK(ticks == 2 && writable == 1 && h.times == 1);
    end();
}

/* --- ends ------------------------------------------------------------------------------------ */

static void the_peer_ends(void)
{
    start();
    struct flow_park_call park[3];
    struct heard h = {0};
    uint64_t value;
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(flow_park_begin(&b, i, &park[i]), ERR_OK);
    }
    CHECK_EQ(flow_park_cb(&b, 4, on_parked, &h), ERR_OK);
    serve();
    binding_call_cancel(&park[2].base);
    flow_server_deinit(&flow.server);
    CHECK(binding_call_answered(&park[0].base));
    CHECK_EQ(flow_park_end(&park[0], BINDING_DEADLINE, &value), RPC_ERR_PEER_GONE);
    run();
    CHECK(h.times == 1 && h.err == RPC_ERR_PEER_GONE);
    binding_call_cancel(&park[1].base);
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        CHECK_EQ(b.base.pending[i].state, PENDING_FREE);
    }
    flow.peers_gone = 1;
    end();
}

static void the_binding_is_closed(void)
{
    start();
    struct flow_park_call park;
    struct heard h = {0};
    uint64_t value;
    CHECK_EQ(flow_park_begin(&b, 0, &park), ERR_OK);
    CHECK_EQ(flow_park_cb(&b, 1, on_parked, &h), ERR_OK);
    serve();
    flow_close(&b);
    CHECK(h.times == 1 && h.err == RPC_ERR_CANCELLED);
    CHECK_EQ(flow_park_end(&park, BINDING_DEADLINE, &value), RPC_ERR_NOT_BOUND);
    end();
}

int main(void)
{
    const struct check_test tests[] = {
        {"ASYNC0001 begun calls end in any order", begun_calls_end_in_any_order},
        {"ASYNC0002 capabilities both ways", capabilities_both_ways},
        {"ASYNC0003 nothing is allocated", nothing_is_allocated},
        {"ASYNC0004 a full table says again, and when it is not", a_full_table_says_again},
        {"ASYNC0005 deadlines of calls", deadlines_of_calls},
        {"ASYNC0006 a cancelled call keeps its place", a_cancelled_call_keeps_its_place},
        {"ASYNC0007 late answers find nobody", late_answers_find_nobody},
        {"ASYNC0008 capabilities of late answers are deleted",
         capabilities_of_late_answers_are_deleted},
        {"ASYNC0009 half an answer", half_an_answer},
        {"ASYNC0012 callbacks are cancelled", callbacks_are_cancelled},
        {"ASYNC0013 callbacks call", callbacks_call},
        {"ASYNC0014 a sync call runs nothing else", a_sync_call_runs_nothing_else},
        {"ASYNC0015 the peer ends", the_peer_ends},
        {"ASYNC0016 the binding is closed", the_binding_is_closed},
    };
    return CHECK_MAIN(tests);
}
