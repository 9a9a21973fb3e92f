/* Streams: items, credits, ends of all kinds. The client and the server have a waitset each. */
#include "count_malloc.h"
#include "flow_test.h"

/* --- items and ends -------------------------------------------------------------------------- */

static void items_and_the_end(void)
{
    start();
    struct flow_count_stream s;
    uint32_t value = 0;
    CHECK_EQ(flow_count_open(&b, 10, 31, &s), ERR_OK);
    CHECK_EQ(flow.calls, 0);
    for (uint32_t i = 10; i < 31; i++) {
        CHECK_EQ(flow_count_next(&s, &value), ERR_OK);
        CHECK_EQ(value, i);
    }
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(flow_count_next(&s, &value), RPC_ERR_STREAM_END);
    }
    CHECK_EQ(value, 30);
    CHECK_EQ(taken(), 0);
    flow_count_close(&s);
    flow_count_close(&s); /* nothing more */
    CHECK_EQ(flow_count_next(&s, &value), RPC_ERR_NOT_BOUND);
    /* Without items. */
    CHECK_EQ(flow_count_open(&b, 10, 10, &s), ERR_OK);
    CHECK_EQ(flow_count_next(&s, &value), RPC_ERR_STREAM_END);
    flow_count_close(&s);
    /* Refused, and broken off: what came before can be read. */
    CHECK_EQ(flow_count_open(&b, 10, 9, &s), ERR_OK);
    CHECK_EQ(flow_count_next(&s, &value), FLOW_ERR_REFUSED);
    flow_count_close(&s);
    CHECK_EQ(flow_count_open(&b, 0, FLOW_BREAKS, &s), ERR_OK);
    for (uint32_t i = 0; i < FLOW_BREAK; i++) {
        CHECK_EQ(flow_count_next(&s, &value), ERR_OK);
    }
    CHECK_EQ(flow_count_next(&s, &value), FLOW_ERR_BROKEN);
    CHECK_EQ(flow_count_next(&s, &value), FLOW_ERR_BROKEN);
    flow_count_close(&s);
    /* Malformed: no handler runs. */
    struct flow_texts_stream t;
    uint32_t calls = flow.calls, number;
    char text[201];
    size_t length;
    CHECK_EQ(flow_texts_open(&b, 21, &t), ERR_OK);
    CHECK_EQ(flow_texts_next(&t, &number, text, &length), RPC_ERR_MALFORMED);
    CHECK_EQ(flow.calls, calls);
    flow_texts_close(&t);
    CHECK_EQ(taken(), 0);
    end();
}

/* Items of which some are in the message area, of two streams at once, read at different speeds. */
static void items_in_the_area(void)
{
    start();
    struct flow_texts_stream t[2];
    uint32_t number, at[2] = {0, 0};
    char text[201];
    size_t length;
    CHECK_EQ(flow_texts_open(&b, 20, &t[0]), ERR_OK);
    CHECK_EQ(flow_texts_open(&b, 20, &t[1]), ERR_OK);
    for (uint32_t i = 0; i < 40; i++) {
        uint32_t which = at[0] < 20 && (i % 3 != 0 || at[1] == 20) ? 0 : 1;
        CHECK_EQ(flow_texts_next(&t[which], &number, text, &length), ERR_OK);
        CHECK(number == at[which] && length == 10u * number && text[length] == 0);
        for (size_t k = 0; k < length; k++) {
            CHECK_EQ(text[k], (char)('a' + (int)number));
        }
        at[which]++;
    }
    for (uint32_t i = 0; i < 2; i++) {
        CHECK_EQ(flow_texts_next(&t[i], &number, text, &length), RPC_ERR_STREAM_END);
        flow_texts_close(&t[i]);
    }
    end();
}

/* The server has ended a stream whose items are not read: its place in the table and in the area is
 * not given to another. */
static void the_place_is_kept_until_all_is_read(void)
{
    start();
    struct flow_texts_stream t, others[CHAN_STREAMS_MAX];
    uint32_t number;
    char text[201];
    size_t length;
    flow.manual = true;
    CHECK_EQ(flow_texts_open(&b, 0, &t), ERR_OK);
    serve();
    for (uint32_t i = 15; i < 18; i++) {
        flow.sources[0].next = i;
        memset(text, 'x', sizeof(text));
        CHECK_EQ(flow_texts_put(&flow.sources[0].texts, i, text, 10 * i), ERR_OK);
    }
    flow_texts_finish(&flow.sources[0].texts, ERR_OK);
    CHECK_EQ(taken(), 1);
    flow.manual = false;
    for (uint32_t i = 0; i < CHAN_STREAMS_MAX; i++) {
        CHECK_EQ(flow_texts_open(&b, 20, &others[i]),
                 i < CHAN_STREAMS_MAX - 1 ? ERR_OK : RPC_ERR_AGAIN);
    }
    serve();
    for (uint32_t i = 15; i < 18; i++) {
        CHECK_EQ(flow_texts_next(&t, &number, text, &length), ERR_OK);
        CHECK(number == i && length == 10u * i && text[0] == 'x' && text[length - 1] == 'x');
    }
    CHECK_EQ(taken(), CHAN_STREAMS_MAX - 1);
    CHECK_EQ(flow_texts_next(&t, &number, text, &length), RPC_ERR_STREAM_END);
    flow_texts_close(&t);
    for (uint32_t i = 0; i < CHAN_STREAMS_MAX; i++) {
        flow_texts_close(&others[i]);
    }
    serve();
    CHECK_EQ(taken(), 0);
    end();
}

static void capabilities(void)
{
    start();
    struct flow_frames_stream s;
    caddr_t frame;
    uint8_t number;
    CHECK_EQ(flow_frames_open(&b, 9, &s), ERR_OK);
    for (uint32_t i = 0; i < 9; i++) {
        CHECK_EQ(flow_frames_next(&s, &frame, &number), ERR_OK);
        CHECK_EQ(number, i);
        CHECK_EQ(cap_destroy(frame), ERR_OK);
    }
    CHECK_EQ(flow_frames_next(&s, &frame, &number), RPC_ERR_STREAM_END);
    flow_frames_close(&s);
    CHECK_EQ(fake_caps_in_use(), 0);
    /* Those that are not read are deleted. */
    for (uint32_t read = 0; read < 3; read++) {
        CHECK_EQ(flow_frames_open(&b, 9, &s), ERR_OK);
        for (uint32_t i = 0; i < read; i++) {
            CHECK_EQ(flow_frames_next(&s, &frame, &number), ERR_OK);
            CHECK_EQ(cap_destroy(frame), ERR_OK);
        }
        serve();
        CHECK(fake_caps_in_use() != 0);
        flow_frames_close(&s);
        serve();
        chan_tidy();
        CHECK_EQ(fake_caps_in_use(), 0);
    }
    /* A put that fails takes the capability, too. */
    flow.manual = true;
    CHECK_EQ(flow_frames_open(&b, 9, &s), ERR_OK);
    serve();
    struct flow_frames_sink *sink = &flow.sources[0].frames;
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(make_frame(&frame), ERR_OK);
        CHECK_EQ(flow_frames_put(sink, frame, 1), i < FLOW_FRAMES_WINDOW ? ERR_OK : RPC_ERR_AGAIN);
        CHECK(i < FLOW_FRAMES_WINDOW || fake_slot_is_empty(frame));
    }
    serve();
    flow_frames_close(&s);
    end();
}

/* --- credits --------------------------------------------------------------------------------- */

static void count_run(void *arg)
{
    (*(uint32_t *)arg)++;
}

static void a_window_exactly_filled(void)
{
    start();
    struct flow_count_stream s;
    uint32_t value, ready = 0;
    flow.manual = true;
    CHECK_EQ(flow_count_open(&b, 0, 100, &s), ERR_OK);
    serve();
    struct flow_count_sink *sink = &flow.sources[0].count;
    for (uint32_t i = 0; i < FLOW_COUNT_WINDOW; i++) {
        CHECK_EQ(server_sink_state(&sink->base), ERR_OK);
        CHECK_EQ(flow_count_put(sink, i), ERR_OK);
    }
    CHECK_EQ(server_sink_state(&sink->base), RPC_ERR_AGAIN);
    CHECK_EQ(flow_count_put(sink, 4), RPC_ERR_AGAIN);
    server_sink_on_ready(&sink->base, count_run, &ready);
    serve();
    CHECK_EQ(ready, 0);
    /* Half a window is read before the server is told. */
    CHECK_EQ(flow_count_next(&s, &value), ERR_OK);
    serve();
    CHECK(ready == 0 && flow_count_put(sink, 4) == RPC_ERR_AGAIN);
    CHECK_EQ(flow_count_next(&s, &value), ERR_OK);
    serve();
    CHECK_EQ(ready, 1);
    CHECK_EQ(flow_count_put(sink, 4), ERR_OK);
    CHECK_EQ(flow_count_put(sink, 5), ERR_OK);
    CHECK_EQ(flow_count_put(sink, 6), RPC_ERR_AGAIN);
    for (uint32_t i = 2; i < 6; i++) {
        CHECK_EQ(flow_count_next(&s, &value), ERR_OK);
        CHECK_EQ(value, i);
    }
    serve();
    CHECK_EQ(ready, 2);
    /* The end goes after a full window, too. */
    for (uint32_t i = 6; i < 6 + FLOW_COUNT_WINDOW; i++) {
        CHECK_EQ(flow_count_put(sink, i), ERR_OK);
    }
    flow_count_finish(sink, ERR_OK);
    for (uint32_t i = 6; i < 6 + FLOW_COUNT_WINDOW; i++) {
        CHECK_EQ(flow_count_next(&s, &value), ERR_OK);
        CHECK_EQ(value, i);
    }
    CHECK_EQ(flow_count_next(&s, &value), RPC_ERR_STREAM_END);
    flow_count_close(&s);
    end();
}

static void nothing_is_allocated(void)
{
    start();
    struct flow_texts_stream t;
    uint32_t number;
    char text[201];
    size_t length;
    uint32_t before = 0;
    for (uint32_t round = 0; round < 20; round++) {
        CHECK_EQ(flow_texts_open(&b, 20, &t), ERR_OK);
        before = round == 0 ? allocations : before; /* the area is there */
        for (uint32_t i = 0; i < 20; i++) {
            CHECK_EQ(flow_texts_next(&t, &number, text, &length), ERR_OK);
        }
        CHECK_EQ(flow_texts_next(&t, &number, text, &length), RPC_ERR_STREAM_END);
        flow_texts_close(&t);
    }
    CHECK(before != 0 && allocations == before);
    end();
}

static void streams_beside_calls(void)
{
    start();
    struct flow_count_stream s[CHAN_STREAMS_MAX + 1];
    uint32_t value, writable = 0;
    uint64_t doubled;
    for (uint32_t i = 0; i < CHAN_STREAMS_MAX; i++) {
        CHECK_EQ(flow_count_open(&b, i, 100, &s[i]), ERR_OK);
    }
    CHECK_EQ(flow_count_open(&b, 0, 100, &s[CHAN_STREAMS_MAX]), RPC_ERR_AGAIN);
    binding_on_writable(&b.base, count_run, &writable);
    /* All streams stand still for want of credit, and calls go on, on the fast path's slot. */
    serve();
    CHECK_EQ(b.base.pending[0].state, PENDING_FREE);
    CHECK_EQ(flow_twice(&b, 4, &doubled), ERR_OK);
    struct flow_park_call park[CHAN_CALLS_MAX - CHAN_STREAMS_MAX], more;
    for (uint32_t i = 0; i < CHAN_CALLS_MAX - CHAN_STREAMS_MAX; i++) {
        CHECK_EQ(flow_park_begin(&b, i, &park[i]), ERR_OK);
    }
    CHECK_EQ(flow_park_begin(&b, 9, &more), RPC_ERR_AGAIN);
    for (uint32_t i = 0; i < CHAN_STREAMS_MAX; i++) {
        for (uint32_t k = i; k < 100; k++) {
            CHECK_EQ(flow_count_next(&s[i], &value), ERR_OK);
            CHECK_EQ(value, k);
        }
        CHECK_EQ(flow_count_next(&s[i], &value), RPC_ERR_STREAM_END);
        flow_count_close(&s[i]);
    }
    run();
    CHECK_EQ(writable, 1);
    flow_count_close(&s[CHAN_STREAMS_MAX]); /* of one that was never open */
    end();
}

/* --- waiting --------------------------------------------------------------------------------- */

static void waiting_for_items(void)
{
    start();
    struct flow_count_stream s;
    uint32_t value, ready = 0;
    flow.manual = true;
    binding_set_deadline(&b.base, 1000);
    CHECK_EQ(flow_count_open(&b, 0, 100, &s), ERR_OK);
    serve();
    struct flow_count_sink *sink = &flow.sources[0].count;
    uint64_t before = time_now_ns();
    CHECK_EQ(flow_count_next(&s, &value), RPC_ERR_TIMEOUT);
    CHECK_EQ(time_now_ns(), before + 1000);
    CHECK_EQ(binding_stream_wait(&s.base, before + 5000), RPC_ERR_TIMEOUT);
    CHECK_EQ(time_now_ns(), before + 5000);
    CHECK(!binding_stream_ready(&s.base));
    /* The stream is as before. */
    CHECK_EQ(binding_stream_on_ready(&s.base, count_run, &ready), ERR_OK);
    run();
    CHECK_EQ(ready, 0);
    CHECK_EQ(flow_count_put(sink, 7), ERR_OK);
    CHECK_EQ(flow_count_put(sink, 8), ERR_OK);
    CHECK_EQ(ready, 0); /* in the waitset, and there once */
    run();
    CHECK_EQ(ready, 1);
    CHECK(binding_stream_ready(&s.base));
    CHECK_EQ(flow_count_next(&s, &value), ERR_OK);
    CHECK_EQ(value, 7);
    CHECK_EQ(binding_stream_on_ready(&s.base, count_run, &ready), ERR_OK);
    run();
    CHECK_EQ(ready, 2); /* at once */
    CHECK_EQ(flow_count_next(&s, &value), ERR_OK);
    CHECK_EQ(binding_stream_on_ready(&s.base, count_run, &ready), ERR_OK);
    flow_count_finish(sink, ERR_OK);
    run();
    CHECK_EQ(ready, 3); /* the end */
    CHECK_EQ(flow_count_next(&s, &value), RPC_ERR_STREAM_END);
    CHECK_EQ(binding_stream_on_ready(&s.base, count_run, &ready), ERR_OK);
    flow_count_close(&s);
    run();
    CHECK_EQ(ready, 3); /* not after the close */
    end();
}

/* --- one side breaks off --------------------------------------------------------------------- */

static void the_client_closes(void)
{
    start();
    struct flow_count_stream s;
    uint32_t value, ready = 0;
    flow.manual = true;
    CHECK_EQ(flow_count_open(&b, 0, 100, &s), ERR_OK);
    serve();
    struct flow_count_sink *sink = &flow.sources[0].count;
    CHECK_EQ(flow_count_put(sink, 0), ERR_OK);
    CHECK_EQ(flow_count_put(sink, 1), ERR_OK);
    server_sink_on_ready(&sink->base, count_run, &ready);
    serve();
    CHECK_EQ(ready, 1);
    CHECK_EQ(flow_count_next(&s, &value), ERR_OK);
    flow_count_close(&s);
    serve();
    CHECK_EQ(ready, 2);
    CHECK_EQ(server_sink_state(&sink->base), RPC_ERR_CANCELLED);
    CHECK_EQ(flow_count_put(sink, 2), RPC_ERR_CANCELLED);
    CHECK(server_responder_cancelled(&sink->base));
    /* The place is taken until the server has ended the stream. */
    CHECK_EQ(taken(), 1);
    flow_count_finish(sink, ERR_OK);
    CHECK_EQ(taken(), 0);
    /* Before the handler runs: it does not. Over rings the server does not look ahead. */
    uint32_t calls = flow.calls;
    CHECK_EQ(flow_count_open(&b, 0, 100, &s), ERR_OK);
    flow_count_close(&s);
    serve();
    if (b.base.chan.carrier != NULL) {
        CHECK(flow.calls == calls + 1 && taken() == 1);
        CHECK_EQ(server_sink_state(&sink->base), RPC_ERR_CANCELLED);
        flow_count_finish(sink, ERR_OK);
        calls++;
    }
    CHECK(flow.calls == calls && taken() == 0);
    end();
}

static void the_server_goes(void)
{
    start();
    struct flow_count_stream s, unread;
    uint32_t value;
    CHECK_EQ(flow_count_open(&b, 0, 100, &s), ERR_OK);
    CHECK_EQ(flow_count_open(&b, 0, 100, &unread), ERR_OK);
    CHECK_EQ(flow_count_next(&s, &value), ERR_OK);
    serve();
    flow_server_deinit(&flow.server);
    serve();
    CHECK_EQ(flow.sources[0].last, RPC_ERR_PEER_GONE);
    CHECK(flow.sources[0].count.base.conn == NULL);
    const uint32_t sent = flow.sources[0].next;
    CHECK(sent == 4 || (sent > 4 && b.base.chan.carrier != NULL)); /* more, if credits came first */
    for (uint32_t i = 1; i <= sent; i++) {
        CHECK_EQ(flow_count_next(&s, &value), i < sent ? ERR_OK : RPC_ERR_PEER_GONE);
    }
    CHECK_EQ(flow_count_open(&b, 0, 100, &s), RPC_ERR_PEER_GONE);
    flow_count_close(&s);
    flow_count_close(&unread);
    CHECK_EQ(taken(), 0);
    clients = 0;
    end();
}

static void the_client_goes(void)
{
    start();
    struct flow_count_stream s;
    struct flow_frames_stream frames;
    uint32_t value;
    CHECK_EQ(flow_count_open(&b, 0, 100, &s), ERR_OK);
    CHECK_EQ(flow_frames_open(&b, 9, &frames), ERR_OK);
    CHECK_EQ(flow_count_next(&s, &value), ERR_OK);
    serve();
    CHECK(fake_caps_in_use() != 0);
    flow_close(&b);
    serve();
    for (uint32_t i = 0; i < 2; i++) {
        CHECK_EQ(flow.sources[i].last, RPC_ERR_PEER_GONE);
    }
    /* What was received goes with the close of the stream. */
    flow_count_close(&s);
    flow_frames_close(&frames);
    CHECK_EQ(fake_caps_in_use(), 0);
    end();
}

int main(void)
{
    const struct check_test tests[] = {
        {"STREAM0001 items and the end", items_and_the_end},
        {"STREAM0002 items in the area", items_in_the_area},
        {"STREAM0003 the place is kept until all is read", the_place_is_kept_until_all_is_read},
        {"STREAM0004 capabilities", capabilities},
        {"STREAM0005 a window exactly filled", a_window_exactly_filled},
        {"STREAM0006 nothing is allocated", nothing_is_allocated},
        {"STREAM0007 streams beside calls", streams_beside_calls},
        {"STREAM0008 waiting for items", waiting_for_items},
        {"STREAM0009 the client closes", the_client_closes},
        {"STREAM0010 the server goes", the_server_goes},
        {"STREAM0011 the client goes", the_client_goes},
    };
    return CHECK_MAIN(tests);
}
