/* Recording messages (aos/trace.h) over loopback, where one domain has both sides. With argument
 * `dump` the records of some calls are printed as `rpctrace -x` does, for check_ifcat.py. */
#include <stdio.h>
#include <string.h>

#include <aos/dispatch.h>
#include <aos/time.h>
#include <aos/trace.h>
#include <check.h>

#include "fake.h"
#include "sink.h"

static struct sink sink;
static struct kitchen_sink_binding b;
static struct trace_ring *const ring = (struct trace_ring *)(void *)fake_trace;
static uint64_t seen;

static void record(bool on)
{
    ring->on = on;
    disp_disable();
    chan_asked_disabled();
    disp_enable();
}

static void start(void)
{
    fake_start();
    sink_init(&sink);
    fake_waitset = &sink.ws;
    CHECK_EQ(binding_open_loop(&b.base, &sink.server.base, &kitchen_sink_client_interface),
             ERR_OK);
    seen = trace_last(ring);
}

static void end(void)
{
    record(false);
    kitchen_sink_close(&b);
    while (waitset_poll(&sink.ws)) {
    }
    sink_deinit(&sink);
    fake_check_clean();
}

static struct trace_record next(void)
{
    struct trace_record r = {0};
    CHECK(trace_read(ring, FAKE_TRACE_BYTES, ++seen, &r));
    return r;
}

static void check_record(uint8_t how, enum msg_kind kind, uint32_t ordinal)
{
    struct trace_record r = next();
    CHECK_EQ(r.how, how);
    CHECK_EQ(msg_kind(r.header), kind);
    CHECK_EQ(msg_ordinal(r.header), ordinal);
    CHECK_EQ(r.iface, KITCHEN_SINK_ID);
    CHECK_EQ(r.pid, FAKE_PID);
    CHECK_EQ(r.peer, (how & TRACE_SERVER) != 0 ? 0 : TRACE_NOBODY);
    CHECK_EQ(r.err, ERR_OK);
}

static void test_off(void)
{
    uint64_t out;
    start();
    CHECK_EQ(kitchen_sink_one(&b, 1, &out), ERR_OK);
    CHECK_EQ(trace_last(ring), seen);
    record(true);
    CHECK_EQ(kitchen_sink_one(&b, 1, &out), ERR_OK);
    CHECK_EQ(trace_last(ring), seen + 4);
    record(false);
    CHECK_EQ(kitchen_sink_one(&b, 1, &out), ERR_OK);
    CHECK_EQ(trace_last(ring), seen + 4);
    end();
}

static void test_call(void)
{
    uint64_t out;
    start();
    record(true);
    CHECK_EQ(kitchen_sink_one(&b, 0x1234, &out), ERR_OK);
    struct trace_record sent;
    CHECK(trace_read(ring, FAKE_TRACE_BYTES, seen + 1, &sent));
    CHECK_EQ(sent.words, 1);
    CHECK_EQ(sent.word[0], 0x1234);
    check_record(TRACE_SENT, MSG_CALL, KITCHEN_SINK_ONE_ORDINAL);
    check_record(TRACE_SERVER, MSG_CALL, KITCHEN_SINK_ONE_ORDINAL);
    check_record(TRACE_SERVER | TRACE_SENT, MSG_REPLY, KITCHEN_SINK_ONE_ORDINAL);
    struct trace_record answer;
    CHECK(trace_read(ring, FAKE_TRACE_BYTES, seen + 1, &answer));
    CHECK_EQ(answer.word[0], out);
    CHECK_EQ((answer.header ^ sent.header) & MSG_TXID_MASK, 0);
    check_record(0, MSG_REPLY, KITCHEN_SINK_ONE_ORDINAL);
    end();
}

/* Of a long message the beginning is kept, on both sides. */
static void test_cut(void)
{
    char path[KITCHEN_SINK_TEXT_PATH_OUT_MAX + 1], args[KITCHEN_SINK_TEXT_ARGS_OUT_MAX];
    uint8_t data[KITCHEN_SINK_TEXT_DATA_OUT_MAX];
    size_t path_len, args_len, data_len;
    char text[200];
    memset(text, 'x', sizeof(text));
    start();
    record(true);
    CHECK_EQ(kitchen_sink_text(&b, text, sizeof(text), "a\0b", 4, text, 5, path, &path_len, args,
                               &args_len, data, &data_len),
             ERR_OK);
    while (seen < trace_last(ring)) {
        struct trace_record r = next();
        if (msg_ordinal(r.header) == KITCHEN_SINK_TEXT_ORDINAL) {
            CHECK_EQ(r.words, TRACE_WORDS);
            CHECK(msg_words(r.header) > TRACE_WORDS);
            CHECK(memcmp(&r.word[1], text, 8 * (TRACE_WORDS - 1)) == 0);
        }
    }
    end();
}

static void test_error(void)
{
    uint64_t mid;
    bool malformed = false;
    start();
    record(true);
    CHECK_EQ(err_no(kitchen_sink_ranges(&b, 4, 1, 1, 0, 1, &mid)), RPC_ERR_MALFORMED);
    while (seen < trace_last(ring)) {
        struct trace_record r = next();
        malformed = malformed || (msg_kind(r.header) == MSG_ERROR && r.how == 0 &&
                                  err_no(r.word[0]) == RPC_ERR_MALFORMED);
    }
    CHECK(malformed);
    end();
}

/* The newest records are there, the older ones are known to be gone. */
static void test_wrap(void)
{
    struct trace_record r;
    uint64_t out;
    const uint64_t places = (FAKE_TRACE_BYTES - sizeof(*ring)) / sizeof(r);
    start();
    record(true);
    for (uint64_t i = 0; i < places; i++) {
        CHECK_EQ(kitchen_sink_one(&b, i, &out), ERR_OK);
    }
    uint64_t last = trace_last(ring);
    CHECK_EQ(last, seen + 4 * places);
    CHECK(trace_read(ring, FAKE_TRACE_BYTES, last, &r));
    CHECK(trace_read(ring, FAKE_TRACE_BYTES, last - places + 1, &r));
    CHECK(!trace_read(ring, FAKE_TRACE_BYTES, last - places, &r));
    CHECK(!trace_read(ring, FAKE_TRACE_BYTES, last + 1, &r));
    end();
}

/* A channel that is made while messages are recorded. */
static void test_new_channel(void)
{
    struct kitchen_sink_binding other;
    uint64_t out;
    start();
    record(true);
    CHECK_EQ(binding_open_loop(&other.base, &sink.server.base, &kitchen_sink_client_interface),
             ERR_OK);
    seen = trace_last(ring);
    CHECK_EQ(kitchen_sink_one(&other, 1, &out), ERR_OK);
    CHECK_EQ(trace_last(ring), seen + 4);
    kitchen_sink_close(&other);
    CHECK_EQ(kitchen_sink_one(&b, 1, &out), ERR_OK);
    CHECK_EQ(trace_last(ring), seen + 8);
    end();
}

static void dump(void)
{
    while (seen < trace_last(ring)) {
        struct trace_record r = next();
        const uint8_t *bytes = (const uint8_t *)&r;
        printf("trace: ");
        for (size_t i = 0; i < sizeof(r); i++) {
            printf("%02x", bytes[i]);
        }
        printf("\n");
    }
}

/* One message of each kind. */
static void dump_all(void)
{
    char upper[17];
    size_t upper_len;
    uint64_t out;
    int64_t sum;
    start();
    fake_tick_ns = 100;
    record(true);
    CHECK_EQ(kitchen_sink_one(&b, 0x1234, &out), ERR_OK);
    CHECK_EQ(kitchen_sink_ints(&b, 1, -2, 3, -4, 5, -6, 7, -8, true, &sum), ERR_OK);
    dump();
    CHECK_EQ(kitchen_sink_short(&b, "a \"b\"", 5, upper, &upper_len), ERR_OK);
    CHECK_EQ(err_no(kitchen_sink_ranges(&b, 4, 1, 1, 0, 1, &out)), RPC_ERR_MALFORMED);
    dump();
    CHECK_EQ(kitchen_sink_poke(&b, 7), ERR_OK);
    while (waitset_poll(&sink.ws)) {
    }
    char text[100];
    memset(text, 'x', sizeof(text));
    CHECK_EQ(kitchen_sink_post(&b, text, sizeof(text)), ERR_OK);
    while (waitset_poll(&sink.ws)) {
    }
    dump();
    end();
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "dump") == 0) {
        dump_all();
        return 0;
    }
    static const struct check_test tests[] = {
        {"RPCT0001 nothing is recorded while nobody asks", test_off},
        {"RPCT0002 a call and its reply on both sides", test_call},
        {"RPCT0003 of a long message the beginning is kept", test_cut},
        {"RPCT0004 an error", test_error},
        {"RPCT0005 the oldest records make room", test_wrap},
        {"RPCT0006 a new channel is recorded, too", test_new_channel},
    };
    return CHECK_MAIN(tests);
}
