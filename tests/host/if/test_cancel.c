/* Calls that are cancelled before, while and after their handler runs. */
#include "flow_test.h"

static void cancelled_before_it_runs(void)
{
    start();
    struct flow_park_call park;
    CHECK_EQ(flow_park_begin(&b, 0, &park), ERR_OK);
    binding_call_cancel(&park.base);
    serve();
    CHECK_EQ(flow.calls, 0);
    CHECK(flow.parked[0].base.conn == NULL);
    /* The server has answered all the same: the place is free. */
    struct flow_park_call all[CHAN_CALLS_MAX];
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        CHECK_EQ(flow_park_begin(&b, i, &all[i]), ERR_OK);
    }
    serve();
    end();
}

static struct flow_park_call being_handled;

static void cancel_it(void)
{
    binding_call_cancel(&being_handled.base);
}

static void cancelled_while_it_runs(void)
{
    start();
    flow.in_park = cancel_it;
    CHECK_EQ(flow_park_begin(&b, 0, &being_handled), ERR_OK);
    serve();
    CHECK(flow.parked[0].base.conn != NULL);
    CHECK(server_responder_cancelled(&flow.parked[0].base));
    flow.in_park = NULL;
    struct flow_park_call other;
    CHECK_EQ(flow_park_begin(&b, 1, &other), ERR_OK);
    serve();
    CHECK(!server_responder_cancelled(&flow.parked[1].base));
    end();
}

/* Another thread of the server, which looks at the connection while the handler runs still. */
static void cancel_it_and_serve(void)
{
    flow.in_park = NULL;
    binding_call_cancel(&being_handled.base);
    serve();
    struct flow_twice_call twice;
    uint64_t doubled;
    CHECK_EQ(flow_twice_begin(&b, 4, &twice), ERR_OK);
    serve();
    CHECK_EQ(flow_twice_end(&twice, BINDING_DEADLINE, &doubled), ERR_OK);
    CHECK_EQ(doubled, 8);
}

static void cancelled_while_others_serve(void)
{
    start();
    flow.in_park = cancel_it_and_serve;
    CHECK_EQ(flow_park_begin(&b, 0, &being_handled), ERR_OK);
    serve();
    CHECK(server_responder_cancelled(&flow.parked[0].base));
    end();
}

/* A cancel that is later than the answer is not kept for a call that gets the same txid one
 * day. */
static void cancelled_too_late(void)
{
    start();
    const uint32_t next = b.base.chan.tx;
    const struct lmp_msg cancel = {.header = MSG_HEADER(CHAN_CONTROL_CANCEL, MSG_CONTROL, 0, 0) |
                                             chan_hash(&b.base.chan) | next};
    CHECK_EQ(chan_send(&b.base.chan, &cancel, (struct msg_cap){0}), ERR_OK);
    serve();
    struct flow_park_call park;
    CHECK_EQ(flow_park_begin(&b, 0, &park), ERR_OK);
    CHECK_EQ(park.base.tx, next);
    serve();
    CHECK(!server_responder_cancelled(&flow.parked[0].base));
    end();
}

int main(void)
{
    const struct check_test tests[] = {
        {"ASYNC0010 cancelled before it runs", cancelled_before_it_runs},
        {"ASYNC0011 cancelled while it runs", cancelled_while_it_runs},
        {"ASYNC0017 cancelled while others serve", cancelled_while_others_serve},
        {"ASYNC0018 cancelled too late", cancelled_too_late},
    };
    return CHECK_MAIN(tests);
}
