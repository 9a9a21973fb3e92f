/* Streams of which one side does not do as agreed: the other ends with an error, and nothing is
 * left. */
#include "flow_test.h"

/* --- hostile servers ------------------------------------------------------------------------- */

static struct server_conn *connection(void)
{
    return (struct server_conn *)(void *)server_conn_next(&flow.server.base, NULL);
}

/* A message from the server, which believes that it has sent what it will be given credit for. */
static void inject(uint64_t header, uint64_t word, caddr_t cap)
{
    struct server_conn *conn = connection();
    uint32_t slot = msg_slot(header);
    if (slot >= CHAN_STREAM_SLOT && slot < CHAN_CALLS_MAX && (conn->deferred >> slot & 1u) != 0) {
        conn->streams[slot - CHAN_STREAM_SLOT].in_flight++;
        conn->items++;
    }
    const struct lmp_msg msg = {
        .header = header, .words = {word}, .cap = cap, .cap_info = CAPTYPE_FRAME | 0xf00};
    (void)look();
    disp_disable();
    chan_deliver_disabled((uint64_t)(uintptr_t)&b.base.chan, &msg);
    disp_enable();
    chan_tidy();
}

/* The header of an item of the stream, as the server makes it. */
static uint64_t item_header(const struct binding_stream *s, uint32_t words, uint32_t caps)
{
    const struct pending *p = &b.base.pending[msg_slot(s->tx)];
    return (p->header & ~(MSG_SHAPE_MASK | 7ull << MSG_KIND_SHIFT)) |
           MSG_HEADER(0, MSG_STREAM, words, caps);
}

static struct flow_count_stream hostile;
static uint64_t honest; /* the header of an item */

static void open_hostile(void)
{
    CHECK_EQ(flow_count_open(&b, 0, 100, &hostile), ERR_OK);
    serve();
    honest = item_header(&hostile.base, 1, 0);
}

/* The stream has broken off: the server hears of it, and the place waits for its end. */
static void broken(void)
{
    uint32_t value = 77;
    CHECK_EQ(flow_count_next(&hostile, &value), RPC_ERR_BAD_REPLY);
    CHECK_EQ(flow_count_next(&hostile, &value), RPC_ERR_BAD_REPLY);
    CHECK_EQ(value, 77);
    serve();
    CHECK_EQ(server_sink_state(&flow.sources[0].count.base), RPC_ERR_CANCELLED);
    CHECK_EQ(taken(), 1);
    flow_count_finish(&flow.sources[0].count, ERR_OK);
    serve();
    CHECK_EQ(taken(), 0);
    flow_count_close(&hostile);
    CHECK_EQ(fake_caps_in_use(), 0);
}

static void items_not_as_agreed(void)
{
    start();
    flow.manual = true;
    /* Taken for what it is. */
    uint32_t value;
    open_hostile();
    inject(honest, 5, 0);
    CHECK_EQ(flow_count_next(&hostile, &value), ERR_OK);
    CHECK_EQ(value, 5);
    flow_count_finish(&flow.sources[0].count, ERR_OK);
    flow_count_close(&hostile);
    const struct {
        uint64_t change, word;
        bool cap;
    } bad[] = {
        {0, 1ull << 32, false},                          /* padding */
        {MSG_SHAPE(1, 0), 0, false},                     /* no words */
        {MSG_SHAPE(1, 0) ^ MSG_SHAPE(2, 0), 0, false},   /* too many */
        {MSG_SHAPE(1, 0) ^ MSG_SHAPE(200, 0), 0, false}, /* and not in an area */
        {MSG_SHAPE(0, 1), 1, true},                      /* a capability */
        {MSG_SHAPE(0, 1), 1, false},                     /* one that is not there */
        {0, 1, true},                                    /* one that is not told */
        {MSG_SHAPE(0, 2), 1, true},                      /* several */
        {MSG_MORE, 1, false},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        open_hostile();
        inject(honest ^ bad[i].change, bad[i].word,
               bad[i].cap ? fake_cap(CAPTYPE_FRAME, CAP_RIGHTS_ALL) : 0);
        broken();
    }
    end();
}

static void items_beyond_the_window(void)
{
    start();
    flow.manual = true;
    uint32_t value;
    open_hostile();
    for (uint32_t i = 0; i < FLOW_COUNT_WINDOW + 3; i++) {
        inject(honest, i, 0);
    }
    for (uint32_t i = 0; i < FLOW_COUNT_WINDOW; i++) {
        CHECK_EQ(flow_count_next(&hostile, &value), ERR_OK);
        CHECK_EQ(value, i);
    }
    broken();
    /* What was read, but not told to the server, counts, too. */
    open_hostile();
    for (uint32_t i = 0; i < FLOW_COUNT_WINDOW; i++) {
        inject(honest, i, 0);
    }
    CHECK_EQ(flow_count_next(&hostile, &value), ERR_OK);
    inject(honest, 9, 0);
    for (uint32_t i = 1; i < FLOW_COUNT_WINDOW; i++) {
        CHECK_EQ(flow_count_next(&hostile, &value), ERR_OK);
    }
    broken();
    end();
}

/* Items that belong to no stream leave no trace but their capability, which is deleted. */
static void items_of_no_stream(void)
{
    start();
    flow.manual = true;
    uint32_t value;
    open_hostile();
    const uint64_t wrong[] = {
        honest ^ MSG_GEN_ONE,               /* another generation */
        honest ^ 1ull << MSG_SLOT_SHIFT,    /* another slot */
        honest | 0x3full << MSG_SLOT_SHIFT, /* one that there is not */
        honest ^ 1ull,                      /* another method */
        honest ^ 1ull << MSG_HASH_SHIFT,    /* another interface */
        honest ^ 1ull << 53,
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        inject(wrong[i], 1, 0);
        inject(wrong[i] | MSG_SHAPE(0, 1), 1, fake_cap(CAPTYPE_FRAME, CAP_RIGHTS_ALL));
        CHECK(!binding_stream_ready(&hostile.base) && fake_caps_in_use() == 0);
    }
    /* After the end, before and after what came was read. */
    CHECK_EQ(flow_count_put(&flow.sources[0].count, 3), ERR_OK);
    flow_count_finish(&flow.sources[0].count, ERR_OK);
    inject(honest, 4, 0);
    CHECK_EQ(flow_count_next(&hostile, &value), ERR_OK);
    CHECK_EQ(value, 3);
    inject(honest, 5, 0);
    CHECK_EQ(flow_count_next(&hostile, &value), RPC_ERR_STREAM_END);
    inject(honest, 6, 0);
    CHECK_EQ(flow_count_next(&hostile, &value), RPC_ERR_STREAM_END);
    flow_count_close(&hostile);
    /* Late: the stream is closed, its end not there yet. And a second end. */
    open_hostile();
    flow_count_close(&hostile);
    inject(honest, 7, 0);
    inject(honest | MSG_SHAPE(0, 1), 1, fake_cap(CAPTYPE_FRAME, CAP_RIGHTS_ALL));
    CHECK(fake_caps_in_use() == 0 && taken() == 1);
    flow_count_finish(&flow.sources[0].count, ERR_OK);
    CHECK_EQ(taken(), 0);
    inject(honest, 7, 0);
    inject((honest & ~(MSG_SHAPE_MASK | 7ull << MSG_KIND_SHIFT)) | MSG_HEADER(0, MSG_REPLY, 0, 0),
           0, 0);
    CHECK_EQ(taken(), 0);
    /* An item for a call without a stream. */
    struct flow_park_call park;
    uint64_t result;
    CHECK_EQ(flow_park_begin(&b, 0, &park), ERR_OK);
    serve();
    inject((b.base.pending[0].header & ~MSG_SHAPE_MASK) | MSG_HEADER(0, MSG_STREAM, 1, 0), 1, 0);
    CHECK(!binding_call_answered(&park.base));
    flow_park_reply(&flow.parked[0], ERR_OK, 6);
    CHECK_EQ(flow_park_end(&park, BINDING_DEADLINE, &result), ERR_OK);
    end();
}

static void ends_not_as_agreed(void)
{
    start();
    flow.manual = true;
    uint32_t value;
    const struct {
        uint64_t shape, word;
        uint64_t kind;
        errval_t expected;
    } bad[] = {
        {MSG_SHAPE(1, 0), 1, MSG_REPLY, RPC_ERR_BAD_REPLY},
        {MSG_SHAPE(0, 1), 1, MSG_REPLY, RPC_ERR_BAD_REPLY},
        {MSG_SHAPE(1, 0), 0, MSG_ERROR, RPC_ERR_BAD_REPLY},
        {MSG_SHAPE(1, 0), LIB_ERR_QUOTA, MSG_ERROR, 0},
        {0, 0, MSG_MALFORMED, RPC_ERR_MALFORMED},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        open_hostile();
        uint64_t header = honest & ~(MSG_SHAPE_MASK | 7ull << MSG_KIND_SHIFT);
        inject(header | bad[i].shape | bad[i].kind << MSG_KIND_SHIFT, bad[i].word,
               msg_caps(bad[i].shape) != 0 ? fake_cap(CAPTYPE_FRAME, CAP_RIGHTS_ALL) : 0);
        errval_t expected =
            bad[i].expected != 0 ? bad[i].expected : err_push(LIB_ERR_QUOTA, RPC_ERR_BAD_REPLY);
        CHECK_EQ(flow_count_next(&hostile, &value), expected);
        CHECK_EQ(fake_caps_in_use(), 0);
        CHECK_EQ(taken(), 0);
        flow_count_close(&hostile);
        flow_count_finish(&flow.sources[0].count, ERR_OK); /* drops into the void */
    }
    end();
}

/* --- hostile clients ------------------------------------------------------------------------- */

static void tell_server(uint64_t header, uint64_t word)
{
    const struct lmp_msg msg = {.header = header, .words = {word}};
    disp_disable();
    chan_deliver_disabled((uint64_t)(uintptr_t)connection(), &msg);
    disp_enable();
}

static void credits_not_as_agreed(void)
{
    start();
    flow.manual = true;
    open_hostile();
    struct flow_count_sink *sink = &flow.sources[0].count;
    for (uint32_t i = 0; i < FLOW_COUNT_WINDOW; i++) {
        CHECK_EQ(flow_count_put(sink, i), ERR_OK);
    }
    uint64_t credit = MSG_HEADER(CHAN_CONTROL_CREDIT, MSG_CONTROL, 1, 0) |
                      (honest & (MSG_TXID_MASK | MSG_HASH_MASK));
    const uint64_t ignored[] = {
        credit ^ MSG_GEN_ONE,
        credit ^ 1ull << MSG_SLOT_SHIFT,
        credit & ~(0x3full << MSG_SLOT_SHIFT),
        credit | 0x3full << MSG_SLOT_SHIFT,
        (credit ^ MSG_GEN_ONE) ^ (CHAN_CONTROL_CREDIT ^ CHAN_CONTROL_CANCEL),
    };
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        tell_server(ignored[i], 1);
        serve();
        CHECK_EQ(server_sink_state(&sink->base), RPC_ERR_AGAIN);
    }
    tell_server(credit, FLOW_COUNT_WINDOW);
    CHECK_EQ(server_sink_state(&sink->base), ERR_OK);
    /* More than it was sent: the connection ends. */
    tell_server(credit, 1);
    serve();
    CHECK_EQ(server_sink_state(&sink->base), RPC_ERR_PEER_GONE);
    CHECK(!binding_is_open(&b.base) && flow.peers_gone == 1);
    flow_count_close(&hostile);
    end();
}

static void bad_credits_end_the_connection(void)
{
    const struct {
        uint32_t words;
        uint64_t word;
    } bad[] = {{1, 0}, {1, 3}, {1, UINT64_MAX}, {1, 1ull << 32 | 1}, {0, 1}, {2, 1}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        start();
        flow.manual = true;
        open_hostile();
        CHECK_EQ(flow_count_put(&flow.sources[0].count, 1), ERR_OK);
        CHECK_EQ(flow_count_put(&flow.sources[0].count, 2), ERR_OK);
        tell_server(MSG_HEADER(CHAN_CONTROL_CREDIT, MSG_CONTROL, bad[i].words, 0) |
                        (honest & (MSG_TXID_MASK | MSG_HASH_MASK)),
                    bad[i].word);
        serve();
        CHECK_EQ(flow.peers_gone, 1);
        flow_count_close(&hostile);
        end();
    }
}

/* A stream on a slot of other calls would have no place in the message area. */
static void a_stream_on_a_wrong_slot(void)
{
    start();
    struct flow_count_stream s;
    CHECK_EQ(flow_count_open(&b, 0, 100, &s), ERR_OK);
    struct server_conn *conn = connection();
    uint64_t right = conn->queue[conn->queue_head].msg.header;
    CHECK_EQ(conn->queue_count, 1);
    for (uint32_t slot = 0; slot < CHAN_STREAM_SLOT; slot++) {
        conn->queue[conn->queue_head].msg.header =
            (right & ~(0x3full << MSG_SLOT_SHIFT)) | (uint64_t)slot << MSG_SLOT_SHIFT;
        serve();
        CHECK_EQ(flow.calls, 0);
        flow_count_close(&s);
        tell_server(right, 100ull << 32);
    }
    serve();
    CHECK_EQ(flow.calls, 1);
    end();
}

/* With an argument: the last test is about the innards of loopback. */
int main(int argc, char **argv)
{
    (void)argv;
    const struct check_test tests[] = {
        {"STREAM0012 items not as agreed", items_not_as_agreed},
        {"STREAM0013 items beyond the window", items_beyond_the_window},
        {"STREAM0014 items of no stream", items_of_no_stream},
        {"STREAM0015 ends not as agreed", ends_not_as_agreed},
        {"STREAM0016 credits not as agreed", credits_not_as_agreed},
        {"STREAM0017 bad credits end the connection", bad_credits_end_the_connection},
        {"STREAM0018 a stream on a wrong slot", a_stream_on_a_wrong_slot},
    };
    return check_main(tests, sizeof(tests) / sizeof(tests[0]) - (argc > 1));
}
