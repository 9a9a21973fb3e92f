/* Both sides of a ring in one process, with somebody between them who lets a few lines pass at a
 * time: whatever of a message has come is looked at before the rest is there. */
#include <check.h>
#include <string.h>
#include <sys/mman.h>

#include "../../../libaos/chan/ump_priv.h"
#include "../if/fake.h"
#include "../if/sink.h"
#include "remote.h"

#define LINES    (REMOTE_FRAME_BYTES / UMP_LINE_BYTES - 1u)
#define RINGS    3u
#define RUNS_MAX 10u /* of each ring before it sleeps */
#define ASKED_MAX 3u

/* What one side has written, and what the other sees of it. */
struct way {
    struct ump_frame *from, *to;
    uint32_t next;
};

static struct way there, back;
static uint32_t step; /* lines that pass at a time */
static struct kitchen_sink_binding b;
static struct sink sink;
static struct server_conn *conn;

static void way_pass(struct way *w)
{
    atomic_store(&w->to->armed, atomic_load(&w->from->armed));
    for (uint32_t i = 0; i < step; i++) {
        const struct ump_line *from = &w->from->line[w->next];
        struct ump_line *to = &w->to->line[w->next];
        uint64_t header = atomic_load(&from->header);
        if (header == atomic_load(&to->header)) {
            return;
        }
        for (uint32_t k = 0; k < UMP_LINE_WORDS; k++) {
            atomic_store(&to->word[k], atomic_load(&from->word[k]));
        }
        atomic_store(&to->header, header);
        if ((header & ~MSG_UMP_MASK) == UMP_ACK_HEADER) {
            return; /* it is replaced by what comes next */
        }
        w->next = (w->next + 1) % LINES;
    }
}

static void both_pass(void)
{
    way_pass(&there);
    disp_disable();
    ump_rung_disabled(ump_conn_chan(conn));
    disp_enable();
    while (waitset_poll(&sink.ws)) {
    }
    way_pass(&back);
}

/* The client has sent something: before it looks for the answer, something passes. */
static void client_rings(void *ctx)
{
    (void)ctx;
    disp_enable();
    both_pass();
    disp_disable();
}

static void server_rings(void *ctx)
{
    (void)ctx;
}

static bool client_waits(void)
{
    both_pass();
    disp_disable();
    ump_rung_disabled(&b.base.chan);
    disp_enable();
    return true;
}

static void parts_open(uint8_t *frames[2])
{
    static const struct ump_bell_ops client = {client_rings}, server = {server_rings};
    struct ump_config config = {.in = frames[1],
                                .out = frames[1] + REMOTE_FRAME_BYTES,
                                .in_bytes = REMOTE_FRAME_BYTES,
                                .out_bytes = REMOTE_FRAME_BYTES,
                                .spin = UMP_SPIN_NONE,
                                .bell = &server};
    there = (struct way){.from = (void *)frames[0], .to = (void *)frames[1]};
    back = (struct way){.from = (void *)(frames[1] + REMOTE_FRAME_BYTES),
                        .to = (void *)(frames[0] + REMOTE_FRAME_BYTES)};
    sink_init(&sink);
    CHECK_EQ(server_add_ump(&sink.server.base, &config, 1, 0, &conn), ERR_OK);
    config.out = frames[0];
    config.in = frames[0] + REMOTE_FRAME_BYTES;
    config.bell = &client;
    CHECK_EQ(binding_open_ump(&b.base, &config, &kitchen_sink_client_interface), ERR_OK);
}

/* Calls of one line and of many, each way. */
static void parts_calls(void)
{
    static char path[256], args[200], data[300], path_out[256], args_out[200], data_out[300];
    size_t path_len, args_len, data_len;
    memset(path, 'p', sizeof(path));
    for (uint32_t i = 0; i < sizeof(data); i++) {
        data[i] = (char)i;
    }
    for (uint32_t i = 0; i < 200; i++) {
        uint64_t value, r[8];
        CHECK_EQ(kitchen_sink_one(&b, i, &value), ERR_OK);
        CHECK_EQ(value, ~(uint64_t)i);
        CHECK_EQ(kitchen_sink_eight(&b, i, 2, 3, 4, 5, 6, 7, 8, &r[0], &r[1], &r[2], &r[3], &r[4],
                                    &r[5], &r[6], &r[7]),
                 ERR_OK);
        CHECK(r[0] == 8 && r[7] == i);
        CHECK_EQ(kitchen_sink_text(&b, path, i, args, i, data, i + 100, path_out, &path_len,
                                   args_out, &args_len, data_out, &data_len),
                 ERR_OK);
        CHECK(path_len == i && args_len == i && data_len == i + 100);
        CHECK(memcmp(path, path_out, i) == 0 && memcmp(data, data_out, i + 100) == 0);
        CHECK_EQ(kitchen_sink_poke(&b, 1), ERR_OK);
    }
}

static void lines_that_come_one_by_one(void)
{
    for (step = 1; step <= 5; step++) {
        uint8_t *frames[2] = {remote_frames(), remote_frames()};
        fake_start();
        fake_wait = client_waits;
        parts_open(frames);
        parts_calls();
        fake_wait = NULL;
        kitchen_sink_close(&b);
        sink_deinit(&sink);
        fake_check_clean();
        CHECK(munmap(frames[0], REMOTE_BYTES) == 0 && munmap(frames[1], REMOTE_BYTES) == 0);
    }
}

/* Rings whose other side is a test; none of `config` but caps matters. */
static struct server_conn *conns[RINGS];
static uint8_t *frames[RINGS];

static void rings_open(const struct ump_caps_ops *caps)
{
    fake_start();
    sink_init(&sink);
    for (uint32_t i = 0; i < RINGS; i++) {
        frames[i] = remote_frames();
        struct remote r = {.frames = frames[i], .server = true};
        struct ump_config config = remote_config(&r, 0);
        config.bell = NULL;
        config.caps = caps;
        CHECK_EQ(server_add_ump(&sink.server.base, &config, 1, 0, &conns[i]), ERR_OK);
    }
}

static void rings_close(void)
{
    sink_deinit(&sink);
    fake_check_clean();
    for (uint32_t i = 0; i < RINGS; i++) {
        CHECK_EQ(munmap(frames[i], REMOTE_BYTES), 0);
    }
}

static uint32_t rings_run(void)
{
    uint32_t runs = 0;
    while (waitset_poll(&sink.ws)) {
        runs++;
    }
    return runs;
}

static void rings_ring(void)
{
    disp_disable();
    for (uint32_t i = 0; i < RINGS; i++) {
        ump_rung_disabled(ump_conn_chan(conns[i]));
    }
    disp_enable();
}

/* What the peer of this ring writes next. */
static struct ump_line *ring_line(uint32_t i)
{
    return (struct ump_line *)(uintptr_t)ump_conn_chan(conns[i])->ump->ring.in_next;
}

/* Rings that share a waitset are looked at in turns, at much more cost than one alone: as little as
 * one in all may be looked at before they sleep. */
static void quiet_rings_side_by_side(void)
{
    rings_open(NULL);
    uint32_t runs = rings_run();
    CHECK(runs >= 2 * RINGS && runs <= RUNS_MAX * RINGS);
    rings_close();
}

/* Rings have one bell: only those in which there is something are looked at. The others must be
 * rung again for the next line. */
static void one_bell_for_many(void)
{
    rings_open(NULL);
    (void)rings_run();
    uint64_t armed = ump_conn_chan(conns[1])->ump->ring.armed;
    rings_ring();
    CHECK_EQ(rings_run(), 0);
    CHECK_EQ(ump_conn_chan(conns[1])->ump->ring.armed, armed + 1);
    atomic_store(&ring_line(1)->header, UMP_ACK_HEADER | UMP_EPOCH);
    rings_ring();
    uint32_t runs = rings_run();
    CHECK(runs != 0 && runs <= RUNS_MAX);
    rings_close();
}

static uint32_t asked;

static errval_t cap_send(void *ctx, uint64_t index, struct msg_cap cap)
{
    (void)ctx, (void)index, (void)cap;
    return RPC_ERR_CAPABILITY;
}

static errval_t cap_is_late(void *ctx, uint64_t index, caddr_t *ret_cap, uint32_t *ret_info)
{
    (void)ctx, (void)index, (void)ret_cap, (void)ret_info;
    asked++;
    return RPC_ERR_AGAIN;
}

/* A capability comes another way, and its coming is told: polling for it is in vain. */
static void nobody_polls_for_a_capability(void)
{
    static const struct ump_caps_ops caps = {cap_send, cap_is_late};
    struct chan *c;
    rings_open(&caps);
    (void)rings_run();
    c = ump_conn_chan(conns[1]);
    atomic_store(&ring_line(1)->header,
                 MSG_HEADER(0, MSG_CALL, 1, 1) | (uint64_t)chan_hash(c) | UMP_EPOCH);
    rings_ring();
    (void)rings_run();
    CHECK(c->ump->parked && asked <= ASKED_MAX);
    disp_disable();
    CHECK(!c->carrier->wait_disabled(c));
    disp_enable();
    CHECK(asked <= ASKED_MAX + 1);
    rings_close();
}

int main(void)
{
    const struct check_test tests[] = {
        {"UMP0028 lines that come one by one", lines_that_come_one_by_one},
        {"UMP0029 quiet rings side by side sleep soon", quiet_rings_side_by_side},
        {"UMP0067 a bell wakes the rings that it is for", one_bell_for_many},
        {"UMP0068 nobody polls for a capability", nobody_polls_for_a_capability},
    };
    return CHECK_MAIN(tests);
}
