/* Every type and direction of kitchen_sink.if through the kernel. The server is that of
 * tests/host/if, a thread here; the tests of types are those of tests/host/if, too. Prints TAP and
 * powers off. */
#include <check.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/ram.h>
#include <aos/slot.h>
#include <aos/thread.h>
#include <aos/time.h>

#include "fake.h"
#include "inittest.h"
#include "round.h"

#define SECOND_NS  1000000000ull
#define BULK_BYTES (1u << 20)

struct sink sink;
struct kitchen_sink_binding b;
static struct waitset client_ws;

/* --- what tests/host/if asks of its surroundings ---------------------------------------------- */

struct waitset *fake_waitset; /* a thread runs it all the time */

caddr_t fake_cap(enum captype type, uint8_t rights)
{
    caddr_t cap, minted;
    uint64_t bytes;
    errval_t err = type == CAPTYPE_RAM ? ram_alloc(AOS_PAGE_BYTES, AOS_PAGE_BYTES, &cap)
                                       : frame_alloc(AOS_PAGE_BYTES, &cap, &bytes);
    CHECK_EQ(err, ERR_OK);
    if (rights == CAP_RIGHTS_ALL) {
        return cap;
    }
    CHECK_EQ(slot_alloc(&minted), ERR_OK);
    CHECK_EQ(cap_mint(minted, cap, rights), ERR_OK);
    CHECK_EQ(cap_destroy(cap), ERR_OK);
    return minted;
}

uint32_t fake_caps_in_use(void)
{
    uint64_t used, total;
    chan_tidy();
    recv_slot_refill();
    slot_stats(&used, &total);
    return (uint32_t)used;
}

errval_t aos_rpc_init(void)
{
    return ERR_OK;
}

static int serve(void *arg)
{
    (void)arg;
    waitset_run(&sink.ws);
}

void round_start(void)
{
    caddr_t end;
    CHECK_EQ(kitchen_sink_server_new_end(&sink.server, 42, &end), ERR_OK);
    CHECK_EQ(kitchen_sink_bind(end, &b), ERR_OK);
    binding_set_waitset(&b.base, &client_ws);
}

void round_end(void)
{
    kitchen_sink_close(&b);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void scalars_and_conditions(void)
{
    round_start();
    int64_t sum = 0;
    uint64_t mid = 77;
    CHECK_EQ(kitchen_sink_ints(&b, 1, -2, 3, -4, 5, -6, 7, -8, true, &sum), ERR_OK);
    CHECK_EQ(sum, -3);
    CHECK_EQ(kitchen_sink_ranges(&b, 11, 4, 1, 1, 3, &mid), RPC_ERR_MALFORMED);
    CHECK_EQ(kitchen_sink_ranges(&b, 5, 3, 1, 1, 3, &mid), RPC_ERR_MALFORMED);
    CHECK_EQ(kitchen_sink_ranges(&b, 5, 4, 1, 3, 3, &mid), RPC_ERR_MALFORMED);
    CHECK_EQ(mid, 77);
    CHECK_EQ(err_no(kitchen_sink_wrong_error(&b, 0)), RPC_ERR_BAD_REPLY);
    uint32_t value = 0;
    CHECK_EQ(kitchen_sink_newer(&b, &value), ERR_OK);
    round_end();
}

static void capabilities_and_ends(void)
{
    round_start();
    caddr_t many[4], back[5], mine, own, peer;
    size_t n = 0;
    uint32_t count = 0;
    for (size_t i = 0; i < 4; i++) {
        many[i] = fake_cap(CAPTYPE_FRAME, CAP_RIGHTS_ALL);
    }
    struct kitchen_sink_door door = {.cap = fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL), .number = 40};
    CHECK_EQ(kitchen_sink_caps(&b, many, 4, &door, door.cap, back, &n, &count), ERR_OK);
    CHECK(n == 5 && count == 41);
    for (size_t i = 0; i < n; i++) {
        struct cap_info info;
        CHECK_EQ(cap_identify(back[i], &info), ERR_OK);
        CHECK_EQ(info.type, i == 4 ? CAPTYPE_RAM : CAPTYPE_FRAME);
        CHECK_EQ(cap_destroy(back[i]), ERR_OK);
    }
    CHECK_EQ(cap_destroy(door.cap), ERR_OK);
    CHECK_EQ(chan_create(&own, &peer), ERR_OK);
    CHECK_EQ(kitchen_sink_ends(&b, own, &mine), ERR_OK);
    CHECK_EQ(cap_destroy(mine), ERR_OK);
    CHECK_EQ(cap_destroy(peer), ERR_OK);
    round_end();
}

static void loans(void)
{
    round_start();
    caddr_t frame = fake_cap(CAPTYPE_FRAME, CAP_RIGHTS_ALL);
    caddr_t more[3] = {frame, frame, frame};
    uint32_t n = 0;
    sink.keep_caps = true;
    CHECK_EQ(kitchen_sink_inspect(&b, frame, more, 3, 0, 0, &n), ERR_OK);
    sink.keep_caps = false;
    CHECK(n == 4 && sink.kept_count == 8);
    while (sink.kept_count != 0) { /* what it kept is gone: the kernel took it back */
        struct cap_info info;
        CHECK(err_is_fail(cap_identify(sink.kept[--sink.kept_count], &info)) ||
              info.type == CAPTYPE_NULL);
        slot_free(sink.kept[sink.kept_count]);
    }
    CHECK_EQ(cap_destroy(frame), ERR_OK);
    round_end();
}

static uint8_t bulk[BULK_BYTES];

static void lent_buffers(void)
{
    round_start();
    char note[17];
    size_t note_len = 0;
    uint32_t n = 0;
    uint64_t sum = 0;
    for (uint32_t bytes = 0; bytes <= BULK_BYTES; bytes = bytes == 0 ? 64 : 4 * bytes) {
        CHECK_EQ(kitchen_sink_load(&b, 3, bulk, bytes, &n, note, &note_len), ERR_OK);
        CHECK(n == bytes && note_len == 4);
        for (uint32_t i = 0; i < bytes; i += 61) {
            CHECK_EQ(bulk[i], sink_byte(3 + i));
        }
    }
    CHECK_EQ(kitchen_sink_store(&b, "", 0, bulk, 1000000, &sum), ERR_OK);
    CHECK_EQ(sum, sink_sum(bulk, 1000000));
    CHECK_EQ(kitchen_sink_store(&b, "", 0, bulk, 1000001, &sum), RPC_ERR_MALFORMED);
    round_end();
}

static void a_stream(void)
{
    round_start();
    static struct kitchen_sink_list_stream s;
    struct kitchen_sink_size size;
    kitchen_sink_kind_t kind;
    char name[61];
    size_t length;
    bool has_size;
    caddr_t some = 0;
    CHECK_EQ(kitchen_sink_list_open(&b, "a name of 20 letters", 20, 3, &s), ERR_OK);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(kitchen_sink_list_next(&s, name, &length, &has_size, &size, &kind, &some), ERR_OK);
        CHECK(length == 20 + 20 * i && has_size == (i == 1) && (some != 0) == (i == 2));
    }
    CHECK_EQ(cap_destroy(some), ERR_OK);
    CHECK_EQ(kitchen_sink_list_next(&s, name, &length, &has_size, &size, &kind, &some),
             RPC_ERR_STREAM_END);
    kitchen_sink_list_close(&s);
    round_end();
}

static uint32_t lows, moves, losses;

static void on_low(void *arg, uint64_t free_bytes)
{
    (void)arg;
    lows = (uint32_t)free_bytes + 1;
}

static void on_moved(void *arg, bool lost, const struct kitchen_sink_size *size, const char *name,
                     size_t name_len)
{
    (void)arg;
    CHECK(name_len == 49 && name[0] == 'a');
    moves = size->rows + 1u;
    losses += lost;
}

static void events_and_oneways(void)
{
    static const struct kitchen_sink_event_ops event_ops = {.on_low = on_low,
                                                            .on_moved = on_moved};
    round_start();
    kitchen_sink_set_events(&b, &client_ws, &event_ops, NULL);
    CHECK_EQ(kitchen_sink_subscribe_low(&b, true), ERR_OK);
    CHECK_EQ(kitchen_sink_subscribe_moved(&b, true), ERR_OK);
    CHECK_EQ(kitchen_sink_fire(&b, 20), ERR_OK);
    while (lows != 20 || moves != 20) {
        CHECK_EQ(waitset_dispatch(&client_ws, time_deadline_ns(SECOND_NS)), ERR_OK);
    }
    CHECK_EQ(losses, 1);
    char text[200];
    memset(text, 'p', sizeof(text));
    CHECK_EQ(kitchen_sink_poke(&b, 9), ERR_OK);
    CHECK_EQ(kitchen_sink_post(&b, text, sizeof(text)), ERR_OK);
    CHECK_EQ(kitchen_sink_null(&b), ERR_OK);
    CHECK_EQ(sink.poked, 9);
    CHECK_EQ(strlen(sink.posted), 200);
    round_end();
}

int main(void)
{
    static const struct inittest tests[] = {
        {"SINK0001 scalars and conditions", scalars_and_conditions},
        {"SINK0002 arrays", arrays},
        {"SINK0003 structs", structs},
        {"SINK0004 tables", tables},
        {"SINK0005 unions", unions},
        {"SINK0006 tables and unions with capabilities", gifts},
        {"SINK0007 values below zero", below_zero},
        {"SINK0008 capabilities and ends", capabilities_and_ends},
        {"SINK0009 loans", loans},
        {"SINK0010 lent buffers", lent_buffers},
        {"SINK0011 a stream", a_stream},
        {"SINK0012 events and oneways", events_and_oneways},
    };
    struct thread *server;
    inittest_start("SINKTEST", INITTEST_COUNT(tests));
    waitset_init(&client_ws);
    sink_init(&sink);
    EXPECT_ERR(ERR_OK, thread_create(serve, NULL, NULL, &server));
    inittest_run(tests, INITTEST_COUNT(tests));
}
