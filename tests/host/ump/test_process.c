/* Two processes over shared memory: a client here, the server of kitchen_sink or an enemy in a
 * child. */
#include <check.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../libaos/chan/ump_priv.h"
#include "../if/fake.h"
#include "../if/sink.h"
#include "remote.h"

static struct remote here;
static struct kitchen_sink_binding b;
static pid_t child;
static bool child_dies; /* the client kills it at the first wait */

static bool wait_here(void)
{
    if (child_dies) {
        CHECK_EQ(kill(child, SIGKILL), 0);
        child_dies = false;
    }
    return remote_wait(&here);
}

/* Starts a server in a child and opens a binding to it. */
static void start(uint32_t spin)
{
    int to[2], from[2];
    CHECK(pipe(to) == 0 && pipe(from) == 0);
    here = (struct remote){.frames = remote_frames(), .bell_in = from[0], .bell_out = to[1]};
    fflush(stdout);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        close(to[1]);
        close(from[0]);
        here.bell_in = to[0];
        here.bell_out = from[1];
        remote_serve(&here, spin);
        exit(0);
    }
    close(to[0]);
    close(from[1]);
    fake_start();
    fake_wait = wait_here;
    here.chan = &b.base.chan;
    const struct ump_config config = remote_config(&here, spin);
    CHECK_EQ(binding_open_ump(&b.base, &config, &kitchen_sink_client_interface), ERR_OK);
}

static void end(int status)
{
    int got;
    close(here.bell_out);
    CHECK_EQ(waitpid(child, &got, 0), child);
    CHECK_EQ(got, status);
    close(here.bell_in);
    CHECK_EQ(munmap(here.frames, REMOTE_BYTES), 0);
    fake_wait = NULL;
    fake_check_clean();
}

static void calls(uint32_t count)
{
    char path[256], args[200], data[300], path_out[256], args_out[200], data_out[300];
    size_t path_len, args_len, data_len;
    memset(path, 'p', sizeof(path));
    memset(args, 0, sizeof(args));
    memset(data, 7, sizeof(data));
    for (uint32_t i = 0; i < count; i++) {
        uint64_t value;
        CHECK_EQ(kitchen_sink_one(&b, i, &value), ERR_OK);
        CHECK_EQ(value, ~(uint64_t)i);
        if (i % 16 != 0) {
            continue;
        }
        /* Up to 96 words: many lines each way. */
        size_t n = i / 16 % 200;
        CHECK_EQ(kitchen_sink_text(&b, path, n, args, n, data, n + 100, path_out, &path_len,
                                   args_out, &args_len, data_out, &data_len),
                 ERR_OK);
        CHECK(path_len == n && args_len == n && data_len == n + 100);
        CHECK(memcmp(path, path_out, n) == 0 && memcmp(data, data_out, n + 100) == 0);
        CHECK_EQ(kitchen_sink_poke(&b, 1), ERR_OK);
        CHECK_EQ(kitchen_sink_null(&b), ERR_OK);
    }
}

static void both_awake(void)
{
    start(1000);
    calls(20000);
    kitchen_sink_close(&b);
    end(0);
}

static void both_asleep(void)
{
    start(UMP_SPIN_NONE);
    calls(5000);
    kitchen_sink_close(&b);
    end(0);
}

/* Oneways until the ring is full: `again`, never lost, never out of order. */
static void a_flood_of_oneways(void)
{
    char text[200];
    uint32_t full = 0;
    memset(text, 't', sizeof(text));
    start(0);
    for (uint32_t i = 0; i < 20000; i++) {
        errval_t err = i % 8 == 0 ? kitchen_sink_post(&b, text, 200) : kitchen_sink_poke(&b, 1);
        full += err == RPC_ERR_AGAIN;
        CHECK(err == ERR_OK || err == RPC_ERR_AGAIN);
    }
    CHECK_EQ(kitchen_sink_null(&b), ERR_OK);
    kitchen_sink_close(&b);
    end(0);
}

static void a_server_that_dies(void)
{
    char text[32];
    size_t length;
    start(0);
    child_dies = true;
    CHECK_EQ(kitchen_sink_wait(&b, 1, text, &length), RPC_ERR_PEER_GONE);
    CHECK_EQ(kitchen_sink_null(&b), RPC_ERR_PEER_GONE);
    kitchen_sink_close(&b);
    end(SIGKILL);
}

/* Bells and the news of a death may come late, and early. */
static void a_bell_without_a_ring(void)
{
    static struct kitchen_sink_binding fresh;
    start(0);
    calls(1);
    kitchen_sink_close(&b);
    disp_disable();
    ump_rung_disabled(&b.base.chan);
    ump_peer_died_disabled(&b.base.chan);
    ump_rung_disabled(&fresh.base.chan);
    ump_peer_died_disabled(&fresh.base.chan);
    disp_enable();
    end(0);
}

/* Without a close, as if it had died: the server's process ends clean. */
static void a_client_that_dies(void)
{
    start(0);
    calls(10);
    fake_wait = NULL;
    b.base.chan.ump->dead = true;
    kitchen_sink_close(&b);
    end(0);
}

/* --- enemies -------------------------------------------------------------------------------- */

#define LINES (REMOTE_FRAME_BYTES / UMP_LINE_BYTES - 1u)

/* Writes rubbish into the frame `to` for ever: lines of `from`, some of them spoilt. */
static void scribble(uint8_t *to, const uint8_t *from, bool answers)
{
    struct ump_frame *out = (struct ump_frame *)(void *)to;
    const struct ump_frame *in = (const struct ump_frame *)(const void *)from;
    uint64_t seed = 99;
    for (;;) {
        uint64_t dice = check_random(&seed);
        struct ump_line *line = &out->line[dice % LINES];
        const struct ump_line *like = &in->line[(dice >> 8) % LINES];
        uint64_t header = atomic_load(&like->header) & ~(MSG_UMP_MASK & ~UMP_EPOCH);
        header ^= (dice >> 16 & 1) != 0 ? UMP_EPOCH : 0;
        if (msg_words(header) > UMP_LINE_WORDS && (dice >> 50 & 63) != 0) {
            continue; /* most of these end the channel at once */
        }
        if (answers && (dice >> 17 & 3) != 0) {
            header |= MSG_HEADER(0, MSG_REPLY, 0, 0);
        }
        if ((dice >> 20 & 15) == 0) {
            header ^= 1ull << (dice >> 24) % 64;
        }
        for (uint32_t i = 0; i < UMP_LINE_WORDS; i++) {
            uint64_t word = atomic_load(&like->word[i]);
            atomic_store(&line->word[i], (dice >> 32 & 3) == 0 ? check_random(&seed) : word);
        }
        atomic_store(&line->header, header);
        if ((dice >> 40 & 255) == 0) {
            atomic_store(&out->armed, dice);
            atomic_store(&out->closed, (dice >> 48 & 255) == 0);
        }
    }
}

static void enemy(uint8_t *to, const uint8_t *from, bool answers)
{
    fflush(stdout);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        scribble(to, from, answers);
    }
    /* Until it has begun. */
    while (atomic_load(&((struct ump_frame *)(void *)to)->armed) == 0) {
        (void)sched_yield();
    }
}

static void enemy_end(void)
{
    int status;
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, SIGKILL);
}

static void silent(void *ctx)
{
    (void)ctx;
}

static const struct ump_bell_ops silent_ops = {silent};

/* The server reads what an enemy writes: lines of an honest client, and others. */
static void a_hostile_client(void)
{
    static struct sink sink;
    uint8_t *frames = remote_frames(), *honest = remote_frames();
    /* What honest clients say. */
    start(0);
    calls(3 * LINES);
    memcpy(honest, here.frames, REMOTE_BYTES);
    kitchen_sink_close(&b);
    end(0);
    fake_start();
    sink_init(&sink);
    enemy(frames, honest, false);
    for (uint32_t round = 0; round < 300 || sink.calls < 100; round++) {
        struct remote r = {.frames = frames, .server = true};
        struct ump_config config = remote_config(&r, UMP_SPIN_NONE);
        config.bell = &silent_ops;
        struct server_conn *conn;
        CHECK_EQ(server_add_ump(&sink.server.base, &config, 1, 0, &conn), ERR_OK);
        /* Half of them are bound, as if the enemy had begun well. */
        if (round % 2 == 0) {
            conn->chan.slow &= ~CHAN_SLOW_UNBOUND;
            chan_hash_set(&conn->chan, KITCHEN_SINK_HASH);
        }
        r.chan = &conn->chan;
        while (sink.peers_gone == round && conn->chan.ump->ring.consumed < 500) {
            disp_disable();
            ump_rung_disabled(r.chan);
            disp_enable();
            (void)waitset_poll(&sink.ws);
        }
        if (sink.peers_gone == round) {
            server_conn_close(conn);
            sink.peers_gone++;
        }
    }
    enemy_end();
    printf("# %u handlers ran\n", sink.calls);
    sink_deinit(&sink);
    fake_check_clean();
    CHECK(munmap(frames, REMOTE_BYTES) == 0 && munmap(honest, REMOTE_BYTES) == 0);
}

/* The client calls, and an enemy answers with its own requests, spoilt. Every call ends. */
static void a_hostile_server(void)
{
    uint32_t answered = 0, gone = 0, late = 0, other = 0;
    fake_start();
    fake_tick_ns = 50000000;
    for (uint32_t round = 0; round < 50; round++) {
        uint8_t *frames = remote_frames();
        struct remote r = {.frames = frames};
        struct ump_config config = remote_config(&r, 10);
        config.bell = &silent_ops;
        /* What every honest server answers to the first call. */
        const uint64_t words[] = {KITCHEN_SINK_VERSION, KITCHEN_SINK_HASH};
        struct ump_ring server;
        ump_ring_init(&server, frames + REMOTE_FRAME_BYTES, LINES, frames, LINES);
        CHECK(ump_ring_send(&server, MSG_HEADER(0, MSG_REPLY, 2, 0) | MSG_GEN_ONE, words, 2));
        CHECK_EQ(binding_open_ump(&b.base, &config, &kitchen_sink_client_interface), ERR_OK);
        enemy(frames + REMOTE_FRAME_BYTES, frames, true);
        for (uint32_t i = 0; i < 200; i++) {
            uint64_t value = 0;
            char upper[17];
            size_t length;
            errval_t err = i % 2 == 0 ? kitchen_sink_one(&b, i, &value)
                                      : kitchen_sink_short(&b, "abc", 3, upper, &length);
            answered += err == ERR_OK;
            gone += err == RPC_ERR_PEER_GONE;
            late += err == RPC_ERR_TIMEOUT;
            other += err != ERR_OK && err != RPC_ERR_PEER_GONE && err != RPC_ERR_TIMEOUT;
        }
        enemy_end();
        kitchen_sink_close(&b);
        CHECK_EQ(munmap(frames, REMOTE_BYTES), 0);
    }
    fake_tick_ns = 0;
    CHECK(gone + late > 100);
    printf("# %u answered, %u gone, %u late, %u otherwise\n", answered, gone, late, other);
    fake_check_clean();
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct check_test tests[] = {
        {"UMP0020 both sides awake", both_awake},
        {"UMP0021 both sides sleep whenever they can", both_asleep},
        {"UMP0022 a flood of oneways", a_flood_of_oneways},
        {"UMP0023 a server that dies in a call", a_server_that_dies},
        {"UMP0024 a client that dies", a_client_that_dies},
        {"UMP0025 a client that writes rubbish all the time", a_hostile_client},
        {"UMP0026 a server that writes rubbish all the time", a_hostile_server},
        {"UMP0027 a bell and a death after the close", a_bell_without_a_ring},
    };
    return CHECK_MAIN(tests);
}
