/* Capabilities that are lent for one call: when it has returned, nobody else has them. */
#include <check.h>

#include "../../../libaos/chan/chan_priv.h"
#include "carrier.h"
#include "fake.h"
#include "sink.h"

static struct sink sink;
static struct kitchen_sink_binding b;
static caddr_t frame, ram, other;

static void start(void)
{
    fake_start();
    sink_init(&sink);
    frame = fake_cap(CAPTYPE_FRAME, CAP_RIGHTS_ALL);
    ram = fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL);
    other = fake_cap(CAPTYPE_DISPATCHER, CAP_RIGHTS_ALL);
    CHECK_EQ(carrier_open(&b.base, &sink.server.base, &kitchen_sink_client_interface), ERR_OK);
    uint32_t n;
    CHECK_EQ(kitchen_sink_inspect(&b, frame, NULL, 0, 0, 0, &n), ERR_OK);
    sink.keep_caps = true;
    binding_set_waitset(&b.base, &sink.ws);
}

/* The client has what it had, and the server nothing but empty slots. */
static void nothing_is_left(uint32_t kept)
{
    CHECK_EQ(sink.kept_count, kept);
    for (uint32_t i = 0; i < sink.kept_count; i++) {
        CHECK(fake_cap_is_gone(sink.kept[i]));
    }
    CHECK(!fake_cap_is_gone(frame) && !fake_cap_is_gone(ram) && !fake_cap_is_gone(other));
    uint32_t areas = (b.base.chan.out.frame != 0) + (uint32_t)(b.base.chan.in.frame != 0);
    CHECK_EQ(fake_caps_in_use(), 3 + kept + areas + 2 * b.base.loan_slots.count);
}

static void end(void)
{
    kitchen_sink_close(&b);
    sink_deinit(&sink);
    CHECK_EQ(cap_destroy(frame), ERR_OK);
    CHECK_EQ(cap_destroy(ram), ERR_OK);
    CHECK_EQ(cap_destroy(other), ERR_OK);
    chan_tidy();
    fake_check_clean();
}

static void a_borrower_that_keeps_copies(void)
{
    start();
    uint32_t n = 0;
    CHECK_EQ(kitchen_sink_inspect(&b, frame, NULL, 0, 0, 0, &n), ERR_OK);
    CHECK_EQ(n, 1);
    nothing_is_left(2);
    const caddr_t more[] = {other, frame, ram};
    CHECK_EQ(kitchen_sink_inspect(&b, frame, more, 3, ram, 0, &n), ERR_OK);
    CHECK_EQ(n, 5);
    nothing_is_left(2 + 10);
    end();
}

static void errors_give_it_back_too(void)
{
    start();
    uint32_t n = 9;
    caddr_t gift = fake_cap(CAPTYPE_FRAME, CAP_RIGHTS_ALL);
    CHECK_EQ(kitchen_sink_inspect(&b, frame, NULL, 0, ram, gift, &n), KITCHEN_SINK_ERR_REFUSED);
    nothing_is_left(4);
    CHECK_EQ(kitchen_sink_inspect(&b, ram, NULL, 0, 0, 0, &n), RPC_ERR_CAPABILITY);
    nothing_is_left(4);
    /* One that is not there: nothing is sent. */
    uint32_t calls = sink.calls;
    const caddr_t more[] = {ram, 500};
    CHECK_EQ(kitchen_sink_inspect(&b, frame, more, 2, 0, 0, &n), SYS_ERR_CAP_NOT_FOUND);
    CHECK_EQ(sink.calls, calls);
    CHECK_EQ(n, 9);
    nothing_is_left(4);
    end();
}

static void answer_hold(void *arg)
{
    (void)arg;
    CHECK(!fake_cap_is_gone(sink.kept[0])); /* the server has it until it answers */
    CHECK(!fake_cap_is_gone(sink.kept[1]));
    kitchen_sink_hold_reply(&sink.holding, ERR_OK, 7);
}

static struct work answer_work;

static void answer_soon(void)
{
    answer_work = (struct work){.fn = answer_hold};
    waitset_post(&sink.ws, &answer_work);
}

static void until_a_deferred_answer(void)
{
    start();
    uint64_t value = 0;
    sink.when_deferred = answer_soon;
    CHECK_EQ(kitchen_sink_hold(&b, frame, &value), ERR_OK);
    CHECK_EQ(value, 7);
    nothing_is_left(2);
    end();
}

static void a_timeout_takes_it_back(void)
{
    start();
    uint64_t value = 3;
    CHECK_EQ(kitchen_sink_hold(&b, frame, &value), RPC_ERR_TIMEOUT);
    nothing_is_left(2);
    kitchen_sink_hold_reply(&sink.holding, ERR_OK, 7);
    CHECK_EQ(value, 3);
    nothing_is_left(2);
    end();
}

static void begun_ended_and_cancelled(void)
{
    start();
    struct kitchen_sink_hold_call call;
    uint64_t value = 0;
    CHECK_EQ(kitchen_sink_hold_begin(&b, frame, &call), ERR_OK);
    while (waitset_poll(&sink.ws)) {
    }
    CHECK(!fake_cap_is_gone(sink.kept[1]));
    kitchen_sink_hold_reply(&sink.holding, ERR_OK, 8);
    CHECK_EQ(kitchen_sink_hold_end(&call, BINDING_DEADLINE, &value), ERR_OK);
    CHECK_EQ(value, 8);
    nothing_is_left(2);
    CHECK_EQ(kitchen_sink_hold_begin(&b, frame, &call), ERR_OK);
    while (waitset_poll(&sink.ws)) {
    }
    CHECK(!fake_cap_is_gone(sink.kept[3]));
    binding_call_cancel(&call.base);
    nothing_is_left(4);
    kitchen_sink_hold_reply(&sink.holding, ERR_OK, 8);
    /* Never ended, and perhaps never taken up by the server. */
    CHECK_EQ(kitchen_sink_hold_begin(&b, frame, &call), ERR_OK);
    kitchen_sink_close(&b);
    while (waitset_poll(&sink.ws)) {
    }
    nothing_is_left(sink.kept_count);
    end();
}

static uint32_t held;

static void hold_done(void *arg, errval_t err, uint64_t value)
{
    CHECK_EQ(err, *(const errval_t *)arg);
    CHECK_EQ(value, err == ERR_OK ? 7 : 0);
    held++;
}

static void in_callback_form(void)
{
    start();
    static const errval_t good = ERR_OK, late = RPC_ERR_TIMEOUT, closed = RPC_ERR_CANCELLED;
    held = 0;
    sink.when_deferred = answer_soon;
    CHECK_EQ(kitchen_sink_hold_cb(&b, frame, hold_done, (void *)(uintptr_t)&good), ERR_OK);
    while (waitset_poll(&sink.ws)) {
    }
    CHECK_EQ(held, 1);
    nothing_is_left(2);
    sink.when_deferred = NULL;
    CHECK_EQ(kitchen_sink_hold_cb(&b, frame, hold_done, (void *)(uintptr_t)&late), ERR_OK);
    while (waitset_poll(&sink.ws)) {
    }
    disp_disable();
    fake_pass_time(b.base.deadline_ns);
    disp_enable();
    while (waitset_poll(&sink.ws)) {
    }
    CHECK_EQ(held, 2);
    nothing_is_left(4);
    kitchen_sink_hold_reply(&sink.holding, ERR_OK, 1);
    CHECK_EQ(kitchen_sink_hold_cb(&b, frame, hold_done, (void *)(uintptr_t)&closed), ERR_OK);
    while (waitset_poll(&sink.ws)) {
    }
    kitchen_sink_close(&b);
    CHECK_EQ(held, 3);
    nothing_is_left(6);
    kitchen_sink_hold_reply(&sink.holding, ERR_OK, 1);
    end();
}

static void a_server_that_ends(void)
{
    start();
    struct kitchen_sink_hold_call call;
    uint64_t value;
    CHECK_EQ(kitchen_sink_hold_begin(&b, frame, &call), ERR_OK);
    while (waitset_poll(&sink.ws)) {
    }
    server_deinit(&sink.server.base);
    CHECK_EQ(kitchen_sink_hold_end(&call, BINDING_DEADLINE, &value), RPC_ERR_PEER_GONE);
    nothing_is_left(2);
    CHECK_EQ(kitchen_sink_hold(&b, frame, &value), RPC_ERR_PEER_GONE);
    CHECK_EQ(kitchen_sink_hold_begin(&b, frame, &call), RPC_ERR_PEER_GONE);
    nothing_is_left(2);
    kitchen_sink_hold_reply(&sink.holding, ERR_OK, 1);
    end();
}

/* All places taken, or all slots: nothing is lent, and nothing lost. */
static void no_room(void)
{
    start();
    struct kitchen_sink_hold_call calls[CHAN_CALLS_MAX + 1];
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        CHECK_EQ(kitchen_sink_hold_begin(&b, frame, &calls[i]), ERR_OK);
    }
    uint32_t before = fake_caps_in_use();
    CHECK_EQ(kitchen_sink_hold_begin(&b, frame, &calls[CHAN_CALLS_MAX]), RPC_ERR_AGAIN);
    CHECK_EQ(fake_caps_in_use(), before + 2 * b.base.loan_slots.count);
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        binding_call_cancel(&calls[i].base);
    }
    server_deinit(&sink.server.base);
    nothing_is_left(0);
    end();
}

/* With an argument: without the one that knows how loopback queues. */
int main(int argc, char **argv)
{
    (void)argv;
    static const struct check_test tests[] = {
        {"BORROW0001 a borrower that keeps copies", a_borrower_that_keeps_copies},
        {"BORROW0002 errors give it back, too", errors_give_it_back_too},
        {"BORROW0003 until a deferred answer", until_a_deferred_answer},
        {"BORROW0004 a timeout takes it back", a_timeout_takes_it_back},
        {"BORROW0005 begun, ended and cancelled", begun_ended_and_cancelled},
        {"BORROW0006 in callback form", in_callback_form},
        {"BORROW0007 a server that ends", a_server_that_ends},
        {"BORROW0008 no room", no_room},
    };
    return argc > 1 ? check_main(tests, 7) : CHECK_MAIN(tests);
}
