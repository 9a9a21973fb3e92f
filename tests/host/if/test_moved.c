/* A capability that is given away is gone, whatever the call returns, and so is one that an answer
 * was to give away; each test ends with no capability left anywhere. */
#include "flow_test.h"

static struct flow_binding other;

static errval_t make(caddr_t *ret_cap)
{
    *ret_cap = fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL);
    return ERR_OK;
}

static void start_two(void)
{
    start();
    CHECK_EQ(carrier_open(&other.base, &flow.server.base, &flow_client_interface), ERR_OK);
    clients = 2;
}

static void end_two(void)
{
    flow_close(&other);
    end();
}

static void requests_refused_before_they_are_sent(void)
{
    start_two();
    const char *wrong = flow_moved(&b, &other, make, fake_slot_is_empty);
    CHECK_STR(wrong != NULL ? wrong : "all gone", "all gone");
    CHECK_EQ(flow.dropped, 0);
    end_two();
}

/* The gift comes back once, by each way. */
static void what_is_sent_arrives(void)
{
    start_two();
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
    end_two();
}

static void results_that_are_too_long(void)
{
    start_two();
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
    end_two();
}

static void a_late_answer_that_is_too_long(void)
{
    start_two();
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
    end_two();
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
