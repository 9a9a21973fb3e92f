/* test_ifcall BUNDLE: calls of kitchen_sink by its description, from text to text, over
 * loopback. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <check.h>

#include "fake.h"
#include "ifcall_priv.h"
#include "sink.h"

#define VALUES_MAX 512u
#define TEXT_MAX   65536u

static uint64_t bundle[1u << 13];
static size_t bundle_bytes;
static struct sink sink;
static struct ifdesc d;
static struct ifdesc_method m;
static struct ifdesc_room room;
static struct ifdesc_value values[VALUES_MAX];
static uint8_t bytes[8192];
static struct ifcall call;
static char text[TEXT_MAX];
static size_t text_len;

static void put(void *arg, const char *from, size_t count)
{
    (void)arg;
    CHECK(text_len + count < sizeof(text));
    memcpy(text + text_len, from, count);
    text_len += count;
    text[text_len] = '\0';
}

static const struct ifdesc_out out = {put, NULL};

static void drop_caps(void)
{
    for (uint32_t i = 0; i < call.caps_count; i++) {
        CHECK_EQ(call.caps_info[i] & 0xff, CAPTYPE_FRAME);
        (void)cap_destroy(call.caps[i]);
    }
}

static void on_item(struct ifcall *c, const struct ifdesc_value *item)
{
    ifdesc_print(c->d, item, " ", &out);
    put(NULL, ";", 1);
    drop_caps();
    c->caps_count = 0;
}

static errval_t open_loop(void *peer, struct binding *b, const struct client_interface *iface)
{
    return binding_open_loop(b, peer, iface);
}

/* Calls kitchen_sink.NAME; the results are in `text`. */
static errval_t run(const char *name, int argc, const char *const argv[])
{
    struct ifdesc_value *params;
    char *args[4];
    for (int i = 0; i < argc; i++) {
        args[i] = (char *)(uintptr_t)argv[i];
    }
    fake_start();
    sink_init(&sink);
    fake_waitset = &sink.ws;
    text_len = 0;
    text[0] = '\0';
    room = (struct ifdesc_room){
        .values = values, .values_max = VALUES_MAX, .bytes = bytes, .bytes_max = sizeof(bytes)};
    memset(&call, 0, sizeof(call));
    call.d = &d;
    call.m = &m;
    call.room = &room;
    call.on_item = on_item;
    CHECK(ifdesc_find(bundle, bundle_bytes, KITCHEN_SINK_ID, &d));
    CHECK(ifdesc_method(&d, name, strlen(name), &m));
    CHECK(ifdesc_parse(&d, &m, argc, args, &room, &params));
    CHECK(ifdesc_encode(&d, &m, params, &room, &call.msg));
    errval_t err = ifcall_call(&call, open_loop, &sink.server.base);
    if (call.results != NULL) {
        ifdesc_print(&d, call.results, " ", &out);
    }
    drop_caps();
    ifcall_free(&call);
    while (waitset_poll(&sink.ws)) {
    }
    sink_deinit(&sink);
    fake_check_clean();
    return err;
}

#define CALL(name, ...)                                                                            \
    run(name, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)),                       \
        (const char *const[]){__VA_ARGS__})

static void plain_calls(void)
{
    CHECK_EQ(CALL("one", "value=5"), ERR_OK);
    CHECK_STR(text, "value_out=18446744073709551610");
    CHECK_EQ(CALL("short", "name=abc"), ERR_OK);
    CHECK_STR(text, "upper=\"ABC\"");
    CHECK_EQ(run("newer", 0, NULL), ERR_OK);
    CHECK_STR(text, "value=3");
}

static void errors(void)
{
    CHECK_EQ(err_no(CALL("wrong_error", "which=1")), RPC_ERR_BAD_REPLY);
    CHECK_EQ(err_no(CALL("list", "prefix=a", "count=9")), KITCHEN_SINK_ERR_REFUSED);
    CHECK_STR(text, "");
    CHECK_EQ(err_no(CALL("load", "off=9", "buf=10")), KITCHEN_SINK_ERR_REFUSED);
}

static void capabilities(void)
{
    CHECK_EQ(CALL("cap_out", "want=true"), ERR_OK);
    CHECK_STR(text, "cap=cap0 number=7");
    CHECK_EQ(call.caps_count, 1);
    CHECK_EQ(CALL("cap_out", "want=false"), ERR_OK);
    CHECK_STR(text, "number=7");
}

static void streams(void)
{
    char expected[512], names[64];
    memset(names, 'n', sizeof(names));
    (void)snprintf(expected, sizeof(expected),
                   "name=\"a\" kind=odd;name=\"a%.20s\" size={rows=1, cols=2} kind=odd;"
                   "name=\"a%.40s\" kind=odd some=cap0;",
                   names, names);
    CHECK_EQ(CALL("list", "prefix=a", "count=3"), ERR_OK);
    CHECK_STR(text, expected);
    CHECK_EQ(CALL("list", "prefix=a", "count=0"), ERR_OK);
    CHECK_STR(text, "");
}

static void oneways(void)
{
    CHECK_EQ(CALL("poke", "value=4"), ERR_OK);
    CHECK_EQ(sink.poked, 4);
    CHECK_EQ(CALL("post", "text=a longer text than what fits the registers of one message, so it "
                         "goes by way of the area"),
             ERR_OK);
    CHECK(strncmp(sink.posted, "a longer text", 13) == 0);
}

/* What `load` printed: the bytes of its buffer. */
static void check_loaded(uint32_t count)
{
    char head[64];
    int n = snprintf(head, sizeof(head), "n=%u note=\"load\" buf=", count);
    CHECK(strncmp(text, head, (size_t)n) == 0);
    CHECK_EQ(text_len, (size_t)n + 2 * count);
    for (uint32_t i = 0; i < count; i++) {
        char digits[3];
        (void)snprintf(digits, sizeof(digits), "%02x", sink_byte(i));
        CHECK(memcmp(text + n + 2 * i, digits, 2) == 0);
    }
}

static void lent_buffers(void)
{
    char sum[64];
    (void)snprintf(sum, sizeof(sum), "sum=%llu",
                   (unsigned long long)('n' * 31ull + 'h') * 31 + 'i');
    CHECK_EQ(CALL("store", "name=n", "data=\"hi\""), ERR_OK);
    CHECK_STR(text, sum);
    CHECK_EQ(CALL("load", "off=0", "buf=100"), ERR_OK);
    check_loaded(100);
    CHECK_EQ(CALL("load", "off=0", "buf=20000"), ERR_OK);
    check_loaded(20000);
}

static void lent_in_the_region(void)
{
    static char data[8000] = "data=";
    memset(data + 5, 'a', 4000); /* 2000 bytes of 0xaa and more do not fit a message */
    data[4005] = '\0';
    CHECK_EQ(CALL("store", "name=", data), ERR_OK);
    uint64_t expected = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        expected = expected * 31 + 0xaa;
    }
    char sum[64];
    (void)snprintf(sum, sizeof(sum), "sum=%llu", (unsigned long long)expected);
    CHECK_STR(text, sum);
    memset(data + 4005, 'a', 200);
    data[4205] = '\0';
    CHECK_EQ(CALL("store", "name=", data), ERR_OK);
}

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    bundle_bytes = file != NULL ? fread(bundle, 1, sizeof(bundle), file) : 0;
    if (bundle_bytes == 0) {
        fprintf(stderr, "usage: test_ifcall BUNDLE\n");
        return 1;
    }
    (void)fclose(file);
    static const struct check_test tests[] = {
        {"IFCALL0010 values go there and back", plain_calls},
        {"IFCALL0011 errors of the method and of the framework", errors},
        {"IFCALL0012 capabilities come back", capabilities},
        {"IFCALL0013 items of a stream, in the area too", streams},
        {"IFCALL0014 oneways", oneways},
        {"IFCALL0015 lent buffers, in the message and in the region", lent_buffers},
        {"IFCALL0016 what is lent in may not fit the message", lent_in_the_region},
    };
    return CHECK_MAIN(tests);
}
