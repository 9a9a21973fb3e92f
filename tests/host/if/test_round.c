/* Every method of kitchen_sink there and back. */
#include <check.h>

#include "carrier.h"
#include "fake.h"
#include "round.h"

struct sink sink;
struct kitchen_sink_binding b;

void round_start(void)
{
    fake_start();
    sink_init(&sink);
    CHECK_EQ(carrier_open(&b.base, &sink.server.base, &kitchen_sink_client_interface), ERR_OK);
}

void round_end(void)
{
    kitchen_sink_close(&b);
    sink_deinit(&sink);
    CHECK_EQ(sink.peers_gone, 1);
    fake_check_clean();
}

static void scalars(void)
{
    round_start();
    int64_t sum = 0;
    CHECK_EQ(
        kitchen_sink_ints(&b, 200, -5, 60000, -30000, 4000000000u, -7, 1ull << 40, -1, true, &sum),
        ERR_OK);
    CHECK_EQ(sum, 200 - 5 + 60000 - 30000 + 4000000000ll - 7 + (1ll << 40) - 1 + 1);
    CHECK_EQ(kitchen_sink_null(&b), ERR_OK);
    uint64_t v[8] = {0};
    CHECK_EQ(kitchen_sink_one(&b, 5, v), ERR_OK);
    CHECK_EQ(v[0], ~5ull);
    CHECK_EQ(kitchen_sink_eight(&b, 1, 2, 3, 4, 5, 6, 7, UINT64_MAX, v, v + 1, v + 2, v + 3, v + 4,
                                v + 5, v + 6, v + 7),
             ERR_OK);
    CHECK(v[0] == UINT64_MAX && v[1] == 7 && v[6] == 2 && v[7] == 1);
    kitchen_sink_op_t op;
    kitchen_sink_sparse_t sparse;
    kitchen_sink_kind_t kind;
    kitchen_sink_mode_t mode;
    kitchen_sink_hint_t hint;
    CHECK_EQ(kitchen_sink_enums(&b, KITCHEN_SINK_OP_DROP, KITCHEN_SINK_SPARSE_HIGH, -9,
                                KITCHEN_SINK_MODE_FAR | KITCHEN_SINK_MODE_READ, 0x80, &op, &sparse,
                                &kind, &mode, &hint),
             ERR_OK);
    CHECK(op == KITCHEN_SINK_OP_DROP && sparse == KITCHEN_SINK_SPARSE_HIGH && kind == -9);
    CHECK(mode == 0x80000001u && hint == 0x80);
    uint32_t newer;
    CHECK_EQ(kitchen_sink_newer(&b, &newer), ERR_OK);
    CHECK_EQ(newer, 3);
    round_end();
}

static void constraints(void)
{
    round_start();
    uint64_t mid = 77;
    CHECK_EQ(kitchen_sink_ranges(&b, 8, 64, 4, 10, 20, &mid), ERR_OK);
    CHECK_EQ(mid, 15);
    /* Refused by the server before any handler runs. */
    uint32_t calls = sink.calls;
    CHECK_EQ(kitchen_sink_ranges(&b, 4, 64, 4, 10, 20, &mid), RPC_ERR_MALFORMED);
    CHECK_EQ(kitchen_sink_ranges(&b, 11, 64, 4, 10, 20, &mid), RPC_ERR_MALFORMED);
    CHECK_EQ(kitchen_sink_ranges(&b, 8, 0, 4, 10, 20, &mid), RPC_ERR_MALFORMED);
    CHECK_EQ(kitchen_sink_ranges(&b, 8, 65, 4, 10, 20, &mid), RPC_ERR_MALFORMED);
    CHECK_EQ(kitchen_sink_ranges(&b, 8, 64, 0, 10, 20, &mid), RPC_ERR_MALFORMED);
    CHECK_EQ(kitchen_sink_ranges(&b, 8, 64, -1, 10, 20, &mid), RPC_ERR_MALFORMED);
    CHECK_EQ(kitchen_sink_ranges(&b, 8, 64, 4, 20, 20, &mid), RPC_ERR_MALFORMED);
    CHECK_EQ(kitchen_sink_ranges(&b, 8, 64, 4, UINT64_MAX, 20, &mid), RPC_ERR_MALFORMED);
    CHECK_EQ(sink.calls, calls);
    /* The interface's own error, with what caused it. */
    errval_t err = kitchen_sink_ranges(&b, 5, 64, 4, 10, 20, &mid);
    CHECK_EQ(err, err_push(LIB_ERR_QUOTA, KITCHEN_SINK_ERR_REFUSED));
    /* A server that breaks its promises. */
    CHECK_EQ(kitchen_sink_ranges(&b, 6, 64, 4, 10, 20, &mid), RPC_ERR_BAD_REPLY);
    CHECK_EQ(kitchen_sink_ranges(&b, 7, 64, 4, 10, 5000, &mid), RPC_ERR_BAD_REPLY);
    CHECK_EQ(mid, 15);
    CHECK_EQ(err_no(kitchen_sink_wrong_error(&b, 0)), RPC_ERR_BAD_REPLY);
    CHECK_EQ(kitchen_sink_wrong_error(&b, 1), err_push(LIB_ERR_QUOTA, RPC_ERR_BAD_REPLY));
    round_end();
}

static void optionals(void)
{
    round_start();
    bool has_b = true, has_size = true, has_text = true;
    uint32_t r = 9;
    struct kitchen_sink_size size = {.rows = 3, .cols = 4}, size_out = {0};
    char text[13] = "unset";
    size_t text_len = 99;
    CHECK_EQ(kitchen_sink_optional(&b, false, 5, false, 1, false, NULL, false, NULL, 7, &has_b, &r,
                                   &has_size, &size_out, &has_text, text, &text_len),
             ERR_OK);
    CHECK(!has_b && !has_size && !has_text && text_len == 0 && text[0] == 0);
    CHECK_EQ(kitchen_sink_optional(&b, true, 5, true, KITCHEN_SINK_OP_PUT, true, &size, true,
                                   "h\xc3\xa9llo", 6, &has_b, &r, &has_size, &size_out, &has_text,
                                   text, &text_len),
             ERR_OK);
    CHECK(has_b && r == 6 && has_size && size_out.rows == 3 && size_out.cols == 4 && has_text);
    CHECK_STR(text, "h\xc3\xa9llo");
    CHECK_EQ(kitchen_sink_optional(&b, true, 5, true, 9, false, NULL, false, NULL, 0, &has_b, &r,
                                   &has_size, &size_out, &has_text, text, &text_len),
             RPC_ERR_MALFORMED);
    size.cols = 0;
    CHECK_EQ(kitchen_sink_optional(&b, false, 0, false, 0, true, &size, false, NULL, 0, &has_b, &r,
                                   &has_size, &size_out, &has_text, text, &text_len),
             RPC_ERR_MALFORMED);
    round_end();
}

static void texts(void)
{
    round_start();
    char path[256], args[200];
    uint8_t data[300], data_in[300];
    size_t path_len, args_len, data_len;
    for (size_t i = 0; i < 300; i++) {
        data_in[i] = (uint8_t)(i * 7);
    }
    char long_path[256];
    memset(long_path, 'p', sizeof(long_path));
    for (size_t length = 0; length <= 255; length += 5) {
        CHECK_EQ(kitchen_sink_text(&b, long_path, length, "a\0bc\0", 5, data_in, 300 - length, path,
                                   &path_len, args, &args_len, data, &data_len),
                 ERR_OK);
        CHECK(path_len == length && args_len == 5 && data_len == 300 - length);
        CHECK(memcmp(path, long_path, length) == 0 && path[length] == 0);
        CHECK(memcmp(args, "a\0bc\0", 5) == 0 && memcmp(data, data_in, data_len) == 0);
    }
    CHECK_EQ(kitchen_sink_text(&b, long_path, 256, "", 0, NULL, 0, path, &path_len, args, &args_len,
                               data, &data_len),
             RPC_ERR_TOO_LARGE);
    CHECK_EQ(kitchen_sink_text(&b, "a\xff", 2, "", 0, NULL, 0, path, &path_len, args, &args_len,
                               data, &data_len),
             RPC_ERR_MALFORMED);
    CHECK_EQ(kitchen_sink_text(&b, "a\0b", 3, "", 0, NULL, 0, path, &path_len, args, &args_len,
                               data, &data_len),
             RPC_ERR_MALFORMED);
    CHECK_EQ(kitchen_sink_text(&b, "a", 1, "no end", 6, NULL, 0, path, &path_len, args, &args_len,
                               data, &data_len),
             RPC_ERR_MALFORMED);
    char upper[17];
    size_t upper_len;
    CHECK_EQ(kitchen_sink_short(&b, "sixteen letters!", 16, upper, &upper_len), ERR_OK);
    CHECK_STR(upper, "SIXTEEN LETTERS!");
    CHECK_EQ(kitchen_sink_short(&b, "", 0, upper, &upper_len), ERR_OK);
    CHECK_EQ(upper_len, 0);
    round_end();
}

static void one_capability(void)
{
    round_start();
    uint64_t bytes = 0;
    caddr_t ram = fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL);
    sink.keep_caps = true;
    CHECK_EQ(kitchen_sink_cap_in(&b, ram, &bytes), ERR_OK);
    CHECK(bytes == 4096 && sink.kept_count == 1);
    struct cap_info info;
    CHECK_EQ(cap_identify(sink.kept[0], &info), ERR_OK);
    CHECK(info.type == CAPTYPE_RAM && info.rights == (CAP_RIGHT_R | CAP_RIGHT_W));
    /* What a handler does not take is deleted, and what was moved is gone, whatever the call
     * returns. */
    sink.keep_caps = false;
    uint32_t before = fake_caps_in_use();
    CHECK_EQ(kitchen_sink_cap_in(&b, fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL), &bytes),
             KITCHEN_SINK_ERR_REFUSED);
    CHECK_EQ(kitchen_sink_cap_in(&b, fake_cap(CAPTYPE_FRAME, CAP_RIGHTS_ALL), &bytes),
             RPC_ERR_CAPABILITY);
    CHECK_EQ(kitchen_sink_cap_in(&b, fake_cap(CAPTYPE_RAM, CAP_RIGHT_R), &bytes),
             RPC_ERR_CAPABILITY);
    CHECK_EQ(fake_caps_in_use(), before);
    /* A copy stays with its owner and loses `d`. */
    caddr_t frame = fake_cap(CAPTYPE_FRAME, CAP_RIGHTS_ALL);
    sink.keep_caps = true;
    CHECK_EQ(kitchen_sink_cap_copy(&b, frame), ERR_OK);
    CHECK_EQ(sink.kept_count, 2);
    CHECK_EQ(cap_identify(sink.kept[1], &info), ERR_OK);
    CHECK_EQ(info.rights, CAP_RIGHT_R);
    CHECK_EQ(cap_identify(frame, &info), ERR_OK);
    CHECK_EQ(cap_destroy(frame), ERR_OK);
    caddr_t got = 0;
    uint64_t number;
    CHECK_EQ(kitchen_sink_cap_out(&b, true, &got, &number), ERR_OK);
    CHECK(got != 0 && number == 7);
    CHECK_EQ(cap_destroy(got), ERR_OK);
    CHECK_EQ(kitchen_sink_cap_out(&b, false, &got, &number), ERR_OK);
    CHECK_EQ(got, 0);
    round_end();
    round_start();
    CHECK_EQ(kitchen_sink_cap_get(&b, &got), ERR_OK);
    CHECK_EQ(cap_destroy(got), ERR_OK);
    round_end();
}

static void several_capabilities(void)
{
    round_start();
    caddr_t many[4], back[5];
    for (size_t i = 0; i < 4; i++) {
        many[i] = fake_cap(CAPTYPE_FRAME, CAP_RIGHTS_ALL);
    }
    struct kitchen_sink_door door = {.cap = fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL), .number = 40};
    caddr_t other = fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL);
    size_t n = 0;
    uint32_t count = 0;
    CHECK_EQ(kitchen_sink_caps(&b, many, 4, &door, other, back, &n, &count), ERR_OK);
    CHECK(n == 5 && count == 41);
    for (size_t i = 0; i < 5; i++) {
        struct cap_info info;
        CHECK_EQ(cap_identify(back[i], &info), ERR_OK);
        CHECK_EQ(info.type, i == 4 ? CAPTYPE_RAM : CAPTYPE_FRAME);
        CHECK_EQ(cap_destroy(back[i]), ERR_OK);
    }
    CHECK_EQ(kitchen_sink_caps(&b, many, 0, &door, 0, back, &n, &count), ERR_OK);
    CHECK(n == 1 && count == 40);
    CHECK_EQ(cap_destroy(back[0]), ERR_OK);
    CHECK_EQ(cap_destroy(door.cap), ERR_OK);
    struct kitchen_sink_grant list[3];
    for (size_t i = 0; i < 3; i++) {
        list[i] = (struct kitchen_sink_grant){.name_len = i,
                                              .name = "ab",
                                              .cap = fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL),
                                              .extra = i == 1 ? fake_cap(CAPTYPE_FRAME, 1) : 0};
    }
    uint32_t total;
    CHECK_EQ(kitchen_sink_grants(&b, list, 3, &total), ERR_OK);
    CHECK_EQ(total, 300 + 10 + 3);
    CHECK_EQ(cap_destroy(list[1].extra), ERR_OK);
    CHECK_EQ(cap_destroy(other), ERR_OK);
    struct kitchen_sink_pair pairs[2];
    caddr_t copied = fake_cap(CAPTYPE_FRAME, CAP_RIGHTS_ALL);
    for (size_t i = 0; i < 2; i++) {
        pairs[i] =
            (struct kitchen_sink_pair){.n = 3, .some_count = i + 1, .some = {copied, copied}};
        pairs[i].both[0] = fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL);
        pairs[i].both[1] = fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL);
    }
    CHECK_EQ(kitchen_sink_pairs(&b, pairs, 2, &total), ERR_OK);
    CHECK_EQ(total, 2006 + 300);
    CHECK_EQ(cap_destroy(copied), ERR_OK);
    caddr_t mine = 0;
    CHECK_EQ(kitchen_sink_ends(&b, fake_cap(CAPTYPE_ENDPOINT, CAP_RIGHTS_ALL), &mine), ERR_OK);
    CHECK_EQ(cap_destroy(mine), ERR_OK);
    CHECK_EQ(kitchen_sink_ends(&b, fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL), &mine),
             RPC_ERR_CAPABILITY);
    /* What a handler that fails has written into a result is neither sent nor deleted. */
    sink.fail_late = true;
    mine = 0;
    CHECK(err_is_fail(
        kitchen_sink_ends(&b, fake_cap(CAPTYPE_ENDPOINT, CAP_RIGHTS_ALL), &mine)));
    CHECK_EQ(mine, 0);
    CHECK_EQ(sink.kept_count, 1);
    CHECK_EQ(cap_destroy(sink.kept[--sink.kept_count]), ERR_OK);
    round_end();
}

static void lent_buffers(void)
{
    round_start();
    uint8_t buf[1024];
    uint32_t n = 0;
    bool at_end = false;
    CHECK_EQ(kitchen_sink_read(&b, 3, buf, 1024, &n, &at_end), ERR_OK);
    CHECK(n == 1024 && !at_end && buf[0] == 3 && buf[1023] == (uint8_t)(1023 + 3));
    CHECK_EQ(kitchen_sink_read(&b, 0, buf, 0, &n, &at_end), ERR_OK);
    CHECK(n == 0 && at_end);
    CHECK_EQ(kitchen_sink_read(&b, 4000, buf, 10, &n, &at_end), KITCHEN_SINK_ERR_REFUSED);
    CHECK_EQ(kitchen_sink_read(&b, 5001, buf, 10, &n, &at_end), RPC_ERR_BAD_REPLY);
    char note[17];
    size_t note_len;
    CHECK_EQ(kitchen_sink_load(&b, 10, buf, 64, &n, note, &note_len), RPC_ERR_BAD_REPLY);
    CHECK_EQ(kitchen_sink_read(&b, 0, buf, 1025, &n, &at_end), RPC_ERR_TOO_LARGE);
    CHECK_EQ(kitchen_sink_write(&b, "hello", 5, &n), ERR_OK);
    CHECK_EQ(n, 5);
    n = 50;
    CHECK_EQ(kitchen_sink_write(&b, "\xff", 1, &n), RPC_ERR_BAD_REPLY);
    CHECK_EQ(n, 50);
    round_end();
}

struct done {
    uint32_t times;
    errval_t err;
    char text[64];
    uint64_t value;
};

static void wait_done(void *arg, errval_t err, const char *answer, size_t answer_len)
{
    struct done *d = arg;
    d->times++;
    d->err = err;
    memcpy(d->text, answer != NULL ? answer : "", answer_len);
    d->text[answer_len] = 0;
}

static void one_done(void *arg, errval_t err, uint64_t value)
{
    struct done *d = arg;
    d->times++;
    d->err = err;
    d->value = value;
}

static void callbacks_and_deferred_answers(void)
{
    round_start();
    struct done d = {0}, d2 = {0};
    CHECK_EQ(kitchen_sink_wait_cb(&b, 1, wait_done, &d), LIB_ERR_BAD_STATE);
    binding_set_waitset(&b.base, &sink.ws);
    CHECK_EQ(kitchen_sink_wait_cb(&b, 1, wait_done, &d), ERR_OK);
    CHECK_EQ(kitchen_sink_one_cb(&b, 1, one_done, &d2), ERR_OK);
    while (waitset_poll(&sink.ws)) {
    }
    CHECK(d2.times == 1 && d2.err == ERR_OK && d2.value == ~1ull && d.times == 0);
    /* A call in flight does not stop another. */
    CHECK_EQ(kitchen_sink_null(&b), ERR_OK);
    kitchen_sink_wait_reply(&sink.waiting, ERR_OK, "forty-two", 9);
    while (waitset_poll(&sink.ws)) {
    }
    CHECK(d.times == 1 && d.err == ERR_OK);
    CHECK_STR(d.text, "forty-two");
    /* The responder is empty now. */
    kitchen_sink_wait_reply(&sink.waiting, ERR_OK, "again", 5);
    while (waitset_poll(&sink.ws)) {
    }
    CHECK_EQ(d.times, 1);
    /* An answer that is too long, an error that is not listed. */
    char text[32];
    size_t length;
    CHECK_EQ(kitchen_sink_wait_cb(&b, 2, wait_done, &d), ERR_OK);
    CHECK(waitset_poll(&sink.ws));
    kitchen_sink_wait_reply(&sink.waiting, ERR_OK, "a text of more than thirty-one bytes!", 37);
    while (waitset_poll(&sink.ws)) {
    }
    CHECK(d.times == 2 && d.err == RPC_ERR_TOO_LARGE);
    CHECK_EQ(kitchen_sink_wait(&b, 0, text, &length), KITCHEN_SINK_ERR_LATE);
    /* Closed by the client with a call in flight: the callback hears of it, the responder goes
     * nowhere. */
    CHECK_EQ(kitchen_sink_wait_cb(&b, 3, wait_done, &d), ERR_OK);
    CHECK(waitset_poll(&sink.ws));
    kitchen_sink_close(&b);
    CHECK(d.times == 3 && d.err == RPC_ERR_CANCELLED);
    kitchen_sink_wait_reply(&sink.waiting, ERR_OK, "x", 1);
    round_end();
}

static void timeouts_and_late_answers(void)
{
    round_start();
    char text[32] = "unset";
    size_t length = 9;
    CHECK_EQ(kitchen_sink_wait(&b, 1, text, &length), RPC_ERR_TIMEOUT);
    CHECK_STR(text, "unset");
    struct kitchen_sink_wait_responder first = sink.waiting;
    /* The late answer finds nobody, and does not answer the next call. */
    CHECK_EQ(kitchen_sink_wait(&b, 0, text, &length), KITCHEN_SINK_ERR_LATE);
    kitchen_sink_wait_reply(&first, ERR_OK, "late", 4);
    CHECK_EQ(kitchen_sink_null(&b), ERR_OK);
    struct done d = {0};
    binding_set_waitset(&b.base, &sink.ws);
    CHECK_EQ(kitchen_sink_wait_cb(&b, 1, wait_done, &d), ERR_OK);
    CHECK(waitset_poll(&sink.ws));
    disp_disable();
    fake_pass_time(6000000000ull);
    disp_enable();
    while (waitset_poll(&sink.ws)) {
    }
    CHECK(d.times == 1 && d.err == RPC_ERR_TIMEOUT);
    kitchen_sink_wait_reply(&sink.waiting, ERR_OK, "late", 4);
    while (waitset_poll(&sink.ws)) {
    }
    CHECK_EQ(d.times, 1);
    /* All slots lost: the next call has to wait for one, and times out. */
    struct kitchen_sink_wait_responder lost[CHAN_CALLS_MAX];
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        CHECK_EQ(kitchen_sink_wait(&b, 1, text, &length), RPC_ERR_TIMEOUT);
        lost[i] = sink.waiting;
    }
    CHECK_EQ(kitchen_sink_null(&b), RPC_ERR_TIMEOUT);
    CHECK_EQ(kitchen_sink_wait_cb(&b, 1, wait_done, &d), RPC_ERR_AGAIN);
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        kitchen_sink_wait_reply(&lost[i], ERR_OK, "late", 4);
    }
    CHECK_EQ(kitchen_sink_null(&b), ERR_OK);
    round_end();
}

static void oneways(void)
{
    round_start();
    CHECK_EQ(kitchen_sink_poke(&b, 4), ERR_OK);
    CHECK_EQ(kitchen_sink_poke(&b, 10), ERR_OK); /* malformed: dropped */
    char text[200];
    memset(text, 't', sizeof(text));
    for (size_t i = 0; i < 20; i++) {
        CHECK_EQ(kitchen_sink_post(&b, text, 200), ERR_OK);
        CHECK_EQ(kitchen_sink_null(&b), ERR_OK);
    }
    CHECK_EQ(sink.poked, 4);
    CHECK_EQ(strlen(sink.posted), 200);
    round_end();
}

struct heard {
    uint32_t low, moved, lost;
    uint64_t last_low;
    uint16_t last_rows;
};

static void on_low(void *arg, uint64_t free_bytes)
{
    struct heard *h = arg;
    h->low++;
    h->last_low = free_bytes;
}

static void on_moved(void *arg, bool lost, const struct kitchen_sink_size *size, const char *name,
                     size_t name_len)
{
    struct heard *h = arg;
    h->moved++;
    h->lost += lost;
    h->last_rows = size->rows;
    CHECK(name_len == 49 && memcmp(name, "a name", 6) == 0);
}

static void events(void)
{
    static const struct kitchen_sink_event_ops event_ops = {.on_low = on_low, .on_moved = on_moved};
    round_start();
    struct heard h = {0};
    CHECK_EQ(kitchen_sink_subscribe_low(&b, true), LIB_ERR_BAD_STATE);
    kitchen_sink_set_events(&b, &sink.ws, &event_ops, &h);
    CHECK_EQ(kitchen_sink_fire(&b, 2), ERR_OK);
    while (waitset_poll(&sink.ws)) {
    }
    CHECK(h.low == 0 && h.moved == 0);
    CHECK_EQ(kitchen_sink_subscribe_low(&b, true), ERR_OK);
    CHECK_EQ(kitchen_sink_subscribe_moved(&b, true), ERR_OK);
    CHECK_EQ(kitchen_sink_fire(&b, 1), ERR_OK);
    while (waitset_poll(&sink.ws)) {
    }
    CHECK(h.low == 1 && h.moved == 1 && h.lost == 0);
    /* More than the client has credit for: `low` coalesces to the last, `moved` keeps three and
     * says so. */
    CHECK_EQ(kitchen_sink_fire(&b, 40), ERR_OK);
    while (waitset_poll(&sink.ws)) {
    }
    CHECK(h.low < 10 && h.last_low == 39 && h.moved < 10 && h.lost >= 1 && h.last_rows == 39);
    CHECK_EQ(kitchen_sink_subscribe_low(&b, false), ERR_OK);
    h = (struct heard){0};
    CHECK_EQ(kitchen_sink_fire(&b, 1), ERR_OK);
    while (waitset_poll(&sink.ws)) {
    }
    CHECK(h.low == 0 && h.moved == 1);
    round_end();
}

static void streams(void)
{
    round_start();
    struct kitchen_sink_list_stream s;
    struct kitchen_sink_size size = {0};
    kitchen_sink_kind_t kind;
    char name[61];
    size_t length;
    bool has_size;
    caddr_t some;
    /* The last one does not fit the registers. */
    CHECK_EQ(kitchen_sink_list_open(&b, "a name of 20 letters", 20, 3, &s), ERR_OK);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(kitchen_sink_list_next(&s, name, &length, &has_size, &size, &kind, &some), ERR_OK);
        CHECK(length == 20 + 20 * i && name[19] == 's' && kind == KITCHEN_SINK_KIND_ODD);
        CHECK(i == 0 || name[length - 1] == 'n');
        CHECK(has_size == (i == 1) && (some != 0) == (i == 2));
    }
    CHECK_EQ(cap_destroy(some), ERR_OK);
    CHECK_EQ(kitchen_sink_list_next(&s, name, &length, &has_size, &size, &kind, &some),
             RPC_ERR_STREAM_END);
    kitchen_sink_list_close(&s);
    CHECK_EQ(kitchen_sink_list_open(&b, "ab", 2, 4, &s), ERR_OK);
    CHECK_EQ(kitchen_sink_list_next(&s, name, &length, &has_size, &size, &kind, &some),
             KITCHEN_SINK_ERR_REFUSED);
    kitchen_sink_list_close(&s);
    round_end();
}

static void a_server_that_goes_away(void)
{
    round_start();
    struct done d = {0};
    binding_set_waitset(&b.base, &sink.ws);
    CHECK_EQ(kitchen_sink_wait_cb(&b, 1, wait_done, &d), ERR_OK);
    CHECK(waitset_poll(&sink.ws));
    kitchen_sink_server_deinit(&sink.server);
    while (waitset_poll(&sink.ws)) {
    }
    CHECK(d.times == 1 && d.err == RPC_ERR_PEER_GONE);
    CHECK_EQ(kitchen_sink_null(&b), RPC_ERR_PEER_GONE);
    CHECK_EQ(kitchen_sink_poke(&b, 1), RPC_ERR_PEER_GONE);
    CHECK(!binding_is_open(&b.base));
    kitchen_sink_wait_reply(&sink.waiting, ERR_OK, "x", 1);
    kitchen_sink_close(&b);
    CHECK_EQ(kitchen_sink_null(&b), RPC_ERR_NOT_BOUND);
    sink_deinit(&sink);
    CHECK_EQ(sink.peers_gone, 0);
    fake_check_clean();
}

static void versions(void)
{
    fake_start();
    sink_init(&sink);
    struct client_interface other = kitchen_sink_client_interface;
    other.id = 0x301;
    CHECK_EQ(carrier_open(&b.base, &sink.server.base, &other), RPC_ERR_VERSION);
    other = kitchen_sink_client_interface;
    other.hash ^= 1;
    CHECK_EQ(carrier_open(&b.base, &sink.server.base, &other), RPC_ERR_VERSION);
    /* An older client of a newer server is fine. */
    other.version = 2;
    CHECK_EQ(carrier_open(&b.base, &sink.server.base, &other), ERR_OK);
    CHECK_EQ(kitchen_sink_null(&b), ERR_OK);
    /* A method that the server is too old for fails here. */
    b.base.version = 2;
    uint32_t value, calls = sink.calls;
    CHECK_EQ(kitchen_sink_newer(&b, &value), RPC_ERR_VERSION);
    CHECK_EQ(sink.calls, calls);
    kitchen_sink_close(&b);
    sink_deinit(&sink);
    fake_check_clean();
}

int main(void)
{
    const struct check_test tests[] = {
        {"STUB0001 scalars", scalars},
        {"STUB0002 constraints and errors", constraints},
        {"STUB0003 optionals", optionals},
        {"STUB0004 texts", texts},
        {"STUB0005 arrays", arrays},
        {"STUB0006 structs", structs},
        {"STUB0016 tables", tables},
        {"STUB0017 unions", unions},
        {"STUB0018 tables and unions with capabilities", gifts},
        {"STUB0040 values below zero", below_zero},
        {"STUB0007 one capability", one_capability},
        {"STUB0008 several capabilities", several_capabilities},
        {"STUB0009 lent buffers", lent_buffers},
        {"STUB0010 callbacks and deferred answers", callbacks_and_deferred_answers},
        {"STUB0011 timeouts and late answers", timeouts_and_late_answers},
        {"STUB0012 oneways", oneways},
        {"STUB0013 events", events},
        {"STUB0014 a server that goes away", a_server_that_goes_away},
        {"STUB0015 versions", versions},
        {"STUB0019 streams", streams},
    };
    return CHECK_MAIN(tests);
}
