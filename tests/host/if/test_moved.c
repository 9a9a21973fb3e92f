/* A capability that is given away is gone, whatever the call returns, and so is one that an answer
 * was to give away; each test ends with no capability left anywhere. */
#include <check.h>

#include "flow_handlers.h"
#include "fake.h"

static struct flow flow;
static struct flow_binding b, other;
static struct waitset server_ws, client_ws;

static errval_t make(caddr_t *ret_cap)
{
    *ret_cap = fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL);
    return ERR_OK;
}

static void start(void)
{
    fake_start();
    waitset_init(&server_ws);
    waitset_init(&client_ws);
    flow_init(&flow, &server_ws);
    fake_waitset = &server_ws;
    CHECK_EQ(binding_open_loop(&b.base, &flow.server.base, &flow_client_interface), ERR_OK);
    CHECK_EQ(binding_open_loop(&other.base, &flow.server.base, &flow_client_interface), ERR_OK);
    binding_set_waitset(&b.base, &client_ws);
}

static void serve(void)
{
    while (waitset_poll(&server_ws)) {
    }
}

static void end(void)
{
    flow_close(&b);
    flow_close(&other);
    serve();
    flow_deinit(&flow);
    chan_tidy();
    fake_waitset = NULL;
    fake_check_clean();
}

static void requests_refused_before_they_are_sent(void)
{
    start();
    const char *wrong = flow_moved(&b, &other, make, fake_slot_is_empty);
    CHECK_STR(wrong != NULL ? wrong : "all gone", "all gone");
    CHECK_EQ(flow.dropped, 0);
    end();
}

/* The gift comes back once, by each way. */
static void what_is_sent_arrives(void)
{
    start();
    caddr_t cap, back;
    char text[21];
    size_t length;
    struct flow_sift_stream s;
    CHECK_EQ(make(&cap), ERR_OK);
    CHECK_EQ(flow_hand(&b, cap, "word", 4, &back, text, &length), ERR_OK);
    CHECK_STR(text, "word");
    CHECK_EQ(flow_sift_open(&b, back, "item", 4, &s), ERR_OK);
    CHECK_EQ(flow_sift_next(&s, &back, text, &length), ERR_OK);
    CHECK_STR(text, "item");
    CHECK_EQ(flow_sift_next(&s, &cap, text, &length), RPC_ERR_STREAM_END);
    flow_sift_close(&s);
    CHECK_EQ(flow_leave(&b, back, "", 0), ERR_OK);
    serve();
    CHECK_EQ(flow.dropped, 1);
    end();
}

static void results_that_are_too_long(void)
{
    start();
    caddr_t cap, caps[3], back[3];
    char text[21];
    size_t length, count;
    struct flow_sift_stream s;
    flow.lie = 21;
    CHECK_EQ(make(&cap), ERR_OK);
    CHECK_EQ(flow_hand(&b, cap, "", 0, back, text, &length), RPC_ERR_TOO_LARGE);
    CHECK_EQ(fake_caps_in_use(), 0);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(make(&caps[i]), ERR_OK);
    }
    CHECK_EQ(flow_give(&b, caps, 3, back, &count), RPC_ERR_TOO_LARGE);
    CHECK_EQ(make(&cap), ERR_OK);
    CHECK_EQ(flow_sift_open(&b, cap, "", 0, &s), ERR_OK);
    CHECK_EQ(flow_sift_next(&s, back, text, &length), RPC_ERR_TOO_LARGE);
    flow_sift_close(&s);
    end();
}

static void a_late_answer_that_is_too_long(void)
{
    start();
    caddr_t cap, back;
    char text[21];
    size_t length;
    struct flow_hand_call call;
    flow.hand_later = true;
    CHECK_EQ(make(&cap), ERR_OK);
    CHECK_EQ(flow_hand_begin(&b, cap, "", 0, &call), ERR_OK);
    serve();
    flow_hand_reply(&flow.hand, ERR_OK, flow.gift, "abcdefghijklmnopqrstu", 21);
    CHECK(fake_slot_is_empty(flow.gift));
    CHECK_EQ(flow_hand_end(&call, BINDING_DEADLINE, &back, text, &length), RPC_ERR_TOO_LARGE);
    end();
}

int main(void)
{
    const struct check_test tests[] = {
        {"MOVED0001 requests refused before they are sent", requests_refused_before_they_are_sent},
        {"MOVED0002 what is sent arrives", what_is_sent_arrives},
        {"MOVED0003 results that are too long", results_that_are_too_long},
        {"MOVED0004 a late answer that is too long", a_late_answer_that_is_too_long},
    };
    return CHECK_MAIN(tests);
}
