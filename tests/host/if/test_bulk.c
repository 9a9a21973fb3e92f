/* Lent buffers that do not fit a message. `a` and `other` are honest clients of one server; `raw`
 * is a connection whose client is this file, which says what it likes. */
#include <check.h>

#include <aos/arch_copy.h>
#include <aos/ram.h>

#include "../../../libaos/chan/chan_priv.h"
#include "carrier.h"
#include "fake.h"
#include "sink.h"

#define LARGE (1u << 20)
/* The largest buffers that travel in the message: 255 words without the rest of it. */
#define LOAD_INLINE  (252u * 8u) /* n, the length of note, 2 words of note */
#define STORE_INLINE (252u * 8u) /* the length of name, the lease, 1 word of name */

static struct sink sink;
static struct kitchen_sink_binding a, other;
static struct server_conn *raw;
static struct chan raw_client;
static struct lmp_msg sent;  /* the last request of an honest client that was taken from it */
static struct lmp_msg heard; /* the last answer to raw */
static uint32_t heard_count;
static uint8_t data[LARGE], room[LARGE + 8];

static void listen(struct chan *at, const struct lmp_msg *msg)
{
    CHECK(at == &raw_client);
    if (msg_kind(msg->header) == MSG_CALL) {
        sent = *msg;
        return;
    }
    heard = *msg;
    heard_count++;
    chan_discard_cap_disabled(msg->cap);
}

static void start(void)
{
    fake_start();
    sink_init(&sink);
    for (uint32_t i = 0; i < LARGE; i++) {
        data[i] = sink_byte(i + 7);
    }
    CHECK_EQ(carrier_open(&a.base, &sink.server.base, &kitchen_sink_client_interface), ERR_OK);
    CHECK_EQ(carrier_open(&other.base, &sink.server.base, &kitchen_sink_client_interface),
             ERR_OK);
    fake_listener = listen;
    chan_open(&raw_client, CHAN_SOURCE, 0, NULL);
    CHECK_EQ(conn_create(&sink.server.base, 9, 0, &raw), ERR_OK);
    raw->chan.peer = &raw_client;
    heard_count = 0;
}

static void end(void)
{
    arch_host_copy = NULL;
    raw->chan.peer = NULL;
    kitchen_sink_close(&a);
    kitchen_sink_close(&other);
    sink_deinit(&sink);
    fake_listener = NULL;
    chan_tidy();
    fake_check_clean();
}

static void load(struct kitchen_sink_binding *b, uint64_t off, uint32_t bytes)
{
    char note[KITCHEN_SINK_LOAD_NOTE_MAX + 1];
    size_t note_len = 0;
    uint32_t n = 0;
    memset(room, 0xee, sizeof(room));
    CHECK_EQ(kitchen_sink_load(b, off, room, bytes, &n, note, &note_len), ERR_OK);
    CHECK_EQ(n, bytes);
    CHECK_EQ(note_len, 4);
    for (uint32_t i = 0; i < bytes; i++) {
        CHECK_EQ(room[i], sink_byte(off + i));
    }
    CHECK_EQ(room[bytes], 0xee);
}

static void store(struct kitchen_sink_binding *b, const char *name, uint32_t bytes)
{
    uint64_t sum = 0, first = (uint8_t)name[0];
    for (uint32_t i = 0; i < bytes; i++) {
        first = first * 31 + data[i];
    }
    CHECK_EQ(kitchen_sink_store(b, name, strlen(name), data, bytes, &sum), ERR_OK);
    CHECK_EQ(sum, first);
}

static void there_and_back(void)
{
    start();
    static const uint32_t sizes[] = {0, 1, 8, 63, 1000, LOAD_INLINE - 1, LOAD_INLINE};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        load(&a, i, sizes[i]);
        store(&a, "x", sizes[i]);
    }
    CHECK(a.base.chan.region.base == NULL); /* nobody has paid for it so far */
    static const uint32_t large[] = {LOAD_INLINE + 1, 4096, 65537, 1000000};
    for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
        load(&a, i, large[i]);
        store(&a, "x", large[i]);
    }
    load(&a, 77, LARGE);
    CHECK(a.base.chan.region.base != NULL);
    store(&a, "x", STORE_INLINE);
    CHECK(other.base.chan.region.base == NULL);
    end();
}

static void what_is_refused(void)
{
    start();
    char note[17];
    size_t note_len;
    uint32_t n = 5;
    uint64_t sum = 6;
    CHECK_EQ(kitchen_sink_load(&a, 0, room, LARGE + 1, &n, note, &note_len), RPC_ERR_TOO_LARGE);
    CHECK_EQ(kitchen_sink_load(&a, 9, room, LARGE, &n, note, &note_len), KITCHEN_SINK_ERR_REFUSED);
    CHECK_EQ(kitchen_sink_store(&a, "x", 1, data, 1000001, &sum), RPC_ERR_MALFORMED);
    CHECK_EQ(n, 5);
    CHECK_EQ(sum, 6);
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        CHECK_EQ(a.base.pending[i].lent_bytes, 0);
    }
    end();
}

/* Leases of both directions and kinds in one call, each side of each limit. */
static void several_at_once(void)
{
    start();
    static char lines[100 * 1024], upper[100 * 1024];
    static const uint32_t sizes[] = {0, 3, 1500, 2000, 100 * 1024};
    for (size_t i = 0; i < sizeof(lines); i++) {
        lines[i] = i % 10 == 9 || i == sizeof(lines) - 1 ? 0 : (char)('a' + i % 26);
    }
    for (size_t in = 0; in < 5; in++) {
        for (size_t out = 0; out < 5; out++) {
            uint32_t out_n = 0, lines_n = 0, len = sizes[in];
            uint64_t log_n = 0;
            uint8_t log[500];
            char keep = len != 0 ? lines[len - 1] : 0;
            if (len != 0) {
                lines[len - 1] = 0;
            }
            errval_t err = kitchen_sink_convert(&a, lines, len, "tag", 3, data, 256, upper,
                                                sizes[out], log, sizeof(log), &out_n, &log_n,
                                                &lines_n);
            /* Cut off somewhere, they are no strings. */
            bool cut = sizes[out] < len && (sizes[out] != 0 && lines[sizes[out] - 1] != 0);
            CHECK_EQ(err, cut ? RPC_ERR_BAD_REPLY : ERR_OK);
            if (err == ERR_OK) {
                CHECK_EQ(lines_n, len);
                CHECK_EQ(out_n, len < sizes[out] ? len : sizes[out]);
                CHECK(out_n < 2 || upper[0] == 'A');
                CHECK_EQ(log_n, 3 + 256);
                CHECK(memcmp(log, "tag", 3) == 0 && memcmp(log + 3, data, 256) == 0);
            }
            if (len != 0) {
                lines[len - 1] = keep;
            }
        }
    }
    end();
}

/* The server can only judge them once they are copied: in its handler. */
static void strings_that_are_none(void)
{
    start();
    static char lines[4000], upper[10];
    uint32_t out_n, lines_n;
    uint64_t log_n;
    uint8_t log[500];
    memset(lines, 0xff, 4000);
    CHECK_EQ(kitchen_sink_convert(&a, lines, 4000, "", 0, data, 0, upper, 10, log, 9, &out_n,
                                  &log_n, &lines_n), RPC_ERR_MALFORMED);
    end();
}

/* --- ranges --------------------------------------------------------------------------------- */

static uint32_t stored;

static void store_done(void *arg, errval_t err, uint64_t sum)
{
    CHECK_EQ(err, ERR_OK);
    CHECK_EQ(sum, *(uint64_t *)arg);
    stored++;
}

static void calls_share_the_region(void)
{
    start();
    binding_set_waitset(&a.base, &sink.ws);
    uint64_t sum, small;
    CHECK_EQ(kitchen_sink_store(&a, "x", 1, data, 1000000, &sum), ERR_OK);
    CHECK_EQ(kitchen_sink_store(&a, "x", 1, data, 1000, &small), ERR_OK);
    CHECK_EQ(a.base.chan.region.bytes, 2u << 20);
    stored = 0;
    CHECK_EQ(kitchen_sink_store_cb(&a, "x", 1, data, 1000000, store_done, &sum), ERR_OK);
    CHECK_EQ(kitchen_sink_store_cb(&a, "x", 1, data, 1000000, store_done, &sum), ERR_OK);
    CHECK_EQ(kitchen_sink_store_cb(&a, "x", 1, data, 1000000, store_done, &sum), RPC_ERR_AGAIN);
    CHECK_EQ(kitchen_sink_store_cb(&a, "x", 1, data, 1000, store_done, &small), ERR_OK);
    while (waitset_poll(&sink.ws)) {
    }
    CHECK_EQ(stored, 3);
    CHECK_EQ(kitchen_sink_store_cb(&a, "x", 1, data, 1000000, store_done, &sum), ERR_OK);
    while (waitset_poll(&sink.ws)) {
    }
    CHECK_EQ(stored, 4);
    end();
}

/* How much of the region is taken when all messages have arrived. */
static uint32_t taken(struct kitchen_sink_binding *b)
{
    uint32_t bytes = 0;
    (void)kitchen_sink_null(b);
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        bytes += b->base.pending[i].lent_bytes;
    }
    return bytes;
}

/* The server may still write: the range is not lent to anybody else until it has answered. */
static void a_late_answer_frees_the_range(void)
{
    start();
    uint32_t n = 3;
    CHECK_EQ(kitchen_sink_later(&a, room, 65536, &n), RPC_ERR_TIMEOUT);
    CHECK_EQ(taken(&a), 65536);
    CHECK_EQ(sink.later_lease.off, 0);
    load(&a, 5, 4096);
    uint32_t off = sink.later_lease.off;
    CHECK_EQ(lease_write(&sink.later_lease, 0, data, 65536), ERR_OK);
    struct kitchen_sink_later_responder first = sink.later;
    memset(room, 0xee, sizeof(room));
    CHECK_EQ(kitchen_sink_later(&a, room, 4096, &n), RPC_ERR_TIMEOUT);
    CHECK_EQ(taken(&a), 65536 + 4096);
    CHECK(sink.later_lease.off >= off + 65536);
    kitchen_sink_later_reply(&first, ERR_OK, 65536, data);
    CHECK_EQ(taken(&a), 4096);
    kitchen_sink_later_reply(&sink.later, ERR_OK, 4097, data); /* more than there is room for */
    CHECK_EQ(taken(&a), 0);
    CHECK_EQ(room[0], 0xee);
    CHECK_EQ(n, 3);
    end();
}

/* The range is theirs until they are ended; a cancelled one keeps it as a late one does. */
static void begun_calls(void)
{
    start();
    struct kitchen_sink_load_call loading;
    struct kitchen_sink_later_call call;
    char note[KITCHEN_SINK_LOAD_NOTE_MAX + 1];
    size_t note_len;
    uint32_t n = 0;
    memset(room, 0xee, sizeof(room));
    CHECK_EQ(kitchen_sink_load_begin(&a, 5, room, 70000, &loading), ERR_OK);
    CHECK_EQ(kitchen_sink_later_begin(&a, room + 100000, 4096, &call), ERR_OK);
    CHECK_EQ(taken(&a), 70016 + 4096);
    CHECK_EQ(kitchen_sink_load_end(&loading, BINDING_DEADLINE, &n, note, &note_len), ERR_OK);
    CHECK_EQ(n, 70000);
    CHECK_EQ(room[69999], sink_byte(5 + 69999));
    CHECK_EQ(room[70000], 0xee);
    CHECK_EQ(taken(&a), 4096);
    binding_call_cancel(&call.base);
    CHECK_EQ(taken(&a), 4096);
    load(&a, 1, LARGE);
    CHECK_EQ(lease_write(&sink.later_lease, 0, data, 4096), ERR_OK);
    kitchen_sink_later_reply(&sink.later, ERR_OK, 4096, data);
    CHECK_EQ(taken(&a), 0);
    end();
}

static struct work answer_work;

static void answer_later(void *arg)
{
    (void)arg;
    kitchen_sink_later_reply(&sink.later, ERR_OK, lease_len(&sink.later_lease) - 1, data);
}

static void answer_soon(void)
{
    answer_work = (struct work){.fn = answer_later};
    waitset_post(&sink.ws, &answer_work);
}

static void deferred_answers(void)
{
    start();
    static const uint32_t sizes[] = {1, 2000, LARGE / 16};
    for (size_t i = 0; i < 3; i++) {
        uint32_t n = 0;
        sink.when_deferred = answer_soon;
        memset(room, 0xee, sizeof(room));
        CHECK_EQ(kitchen_sink_later(&a, room, sizes[i], &n), ERR_OK);
        CHECK_EQ(n, sizes[i] - 1);
        CHECK(memcmp(room, data, n) == 0);
        CHECK_EQ(room[n], 0xee);
    }
    end();
}

/* --- a client that goes away ---------------------------------------------------------------- */

static void a_client_that_ends(void)
{
    start();
    uint32_t n;
    CHECK_EQ(kitchen_sink_later(&a, room, 65536, &n), RPC_ERR_TIMEOUT);
    kitchen_sink_close(&a);
    CHECK_EQ(lease_write(&sink.later_lease, 0, data, 1), RPC_ERR_PEER_GONE);
    while (waitset_poll(&sink.ws)) {
    }
    CHECK_EQ(lease_write(&sink.later_lease, 0, data, 1), RPC_ERR_PEER_GONE);
    kitchen_sink_later_reply(&sink.later, ERR_OK, 4, data);
    load(&other, 1, 4096);
    end();
}

static uint32_t copies_left;

/* A fault stops the copy in its middle. */
static bool faulty_copy(void *to, const void *from, uint32_t bytes)
{
    if (copies_left-- == 0) {
        memcpy(to, from, bytes / 2);
        return false;
    }
    memcpy(to, from, bytes);
    return true;
}

static void a_region_that_is_revoked(void)
{
    start();
    uint64_t sum = 4;
    char note[17];
    size_t note_len;
    uint32_t n = 4;
    load(&a, 0, 4096);
    for (uint32_t at = 1; at < 5; at++) { /* the first copy is the client's own */
        arch_host_copy = faulty_copy;
        copies_left = at;
        CHECK_EQ(kitchen_sink_store(&a, "x", 1, data, 5000, &sum), RPC_ERR_PEER_GONE);
        copies_left = at - 1;
        CHECK_EQ(kitchen_sink_load(&a, 0, room, 5000, &n, note, &note_len), RPC_ERR_PEER_GONE);
        arch_host_copy = NULL;
        CHECK_EQ(taken(&a), 0);
        store(&other, "y", 5000);
    }
    CHECK_EQ(sum, 4);
    CHECK_EQ(n, 4);
    end();
}

/* --- hostile clients ------------------------------------------------------------------------ */

static uint32_t generation;

/* Sends a call to the server; returns its error, ERR_OK for a reply. */
static errval_t say(struct lmp_msg m, caddr_t cap, uint32_t info)
{
    m.header = (m.header & ~(MSG_TXID_MASK | MSG_HASH_MASK)) | chan_hash(&raw->chan) |
               (uint64_t)(++generation & 0x3ff) << MSG_GEN_SHIFT;
    m.cap = cap;
    m.cap_info = info;
    uint32_t before = heard_count;
    disp_disable();
    chan_deliver_disabled((uint64_t)(uintptr_t)raw, &m);
    disp_enable();
    while (waitset_poll(&sink.ws)) {
    }
    chan_tidy();
    CHECK_EQ(heard_count, before + 1);
    return msg_kind(heard.header) == MSG_REPLY ? ERR_OK : (errval_t)heard.words[0];
}

static errval_t say_region(uint64_t bytes, uint8_t rights, bool with_frame)
{
    uint32_t caps = with_frame ? 1 : 0;
    const struct lmp_msg m = {.header = MSG_HEADER(0, MSG_CALL, 2, caps),
                              .words = {CHAN_OP_REGION, bytes}};
    caddr_t frame = with_frame ? fake_cap(CAPTYPE_FRAME, rights) : 0;
    return say(m, frame, with_frame ? CAPTYPE_FRAME | (uint32_t)rights << 8 : 0);
}

/* The last recorded request, with the lease of `len` bytes replaced. */
static errval_t say_lease(uint32_t len, uint64_t lease)
{
    uint32_t found = 0;
    struct lmp_msg m = sent;
    for (uint32_t i = 0; i < msg_words(m.header); i++) {
        if ((m.words[i] & LEND_BULK) != 0 && (uint32_t)m.words[i] == len) {
            m.words[i] = lease;
            found++;
        }
    }
    CHECK_EQ(found, 1);
    return say(m, 0, 0);
}

#define LEASE(len, off) ((uint64_t)(len) | (uint64_t)(off) << 32 | LEND_BULK)
#define LENT 4444u

/* `raw` binds, and has recorded a request of `load` that lends LENT bytes. */
static void introduce(void)
{
    struct lmp_msg bind = {
        .header = MSG_HEADER(0, MSG_CALL, 3, 0),
        .words = {CHAN_OP_BIND, KITCHEN_SINK_ID | (uint64_t)KITCHEN_SINK_VERSION << 32,
                  KITCHEN_SINK_HASH}};
    CHECK_EQ(say(bind, 0, 0), ERR_OK);
    load(&other, 0, LENT);
    struct chan *peer = other.base.chan.peer;
    other.base.chan.peer = &raw_client;
    char note[KITCHEN_SINK_LOAD_NOTE_MAX + 1];
    size_t note_len;
    uint32_t n;
    CHECK_EQ(kitchen_sink_load(&other, 3, room, LENT, &n, note, &note_len), RPC_ERR_TIMEOUT);
    other.base.chan.peer = peer;
}

static void leases_that_are_lies(void)
{
    start();
    introduce();
    const uint8_t rw = CAP_RIGHT_R | CAP_RIGHT_W;
    uint32_t calls = sink.calls;
    CHECK_EQ(say_lease(LENT, LEASE(LENT, 0)), RPC_ERR_MALFORMED); /* no region was ever made */
    CHECK_EQ(say_region(8192, rw, false), RPC_ERR_CAPABILITY);
    CHECK_EQ(say_region(8192, CAP_RIGHT_R, true), RPC_ERR_CAPABILITY);
    CHECK_EQ(say_region(8191, rw, true), RPC_ERR_MALFORMED);
    CHECK_EQ(say_region(0, rw, true), RPC_ERR_MALFORMED);
    CHECK(raw->chan.region.base == NULL);
    raw->chan.region = (struct chan_area){.base = room, .bytes = 8192, .shared = true};
    CHECK_EQ(say_region(8192, rw, true), RPC_ERR_MALFORMED); /* a second one */
    static const uint64_t bad[] = {
        LEASE(4096, 4160),        LEASE(4096, 0x7fffffc0), /* one line beyond the end; far */
        LEASE(8193, 0),                           /* longer than the region */
        LEASE(LARGE, 0),          LEASE(LARGE + 1, 0), /* longer than its bound */
        LEASE(0xffffffff, 64),    LEASE(4096, 32),     /* not on a line */
        LEASE(LOAD_INLINE, 0),                    /* fits the message */
        LEASE(1, 0),              LEASE(0, 0),         LEASE(0, 64),
        LOAD_INLINE + 1,                          /* does not fit, and no region */
        100 | 64ull << 32,                        /* an offset without a region */
        (uint64_t)LARGE + 1,
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_EQ(say_lease(LENT, bad[i]), RPC_ERR_MALFORMED);
    }
    CHECK_EQ(sink.calls, calls);
    CHECK_EQ(say_lease(LENT, LEASE(4096, 4096)), ERR_OK); /* just fits */
    CHECK_EQ(room[4096], sink_byte(3));
    CHECK_EQ(say_lease(LENT, 8), ERR_OK);
    CHECK_EQ(sink.calls, calls + 2);
    raw->chan.region = (struct chan_area){0};
    end();
}

/* Two leases on the same bytes: who lies gets what it deserves, and nobody else does. */
static void leases_that_overlap(void)
{
    start();
    introduce();
    raw->chan.region = (struct chan_area){.base = room, .bytes = 16384, .shared = true};
    static char text[8192], upper[8192];
    uint32_t out_n, lines_n;
    uint64_t log_n;
    uint8_t log[500];
    memset(text, 'q', sizeof(text));
    for (uint32_t i = 63; i < sizeof(text); i += 64) {
        text[i] = 0;
    }
    memcpy(room, text, sizeof(text));
    CHECK_EQ(kitchen_sink_convert(&a, text, 5056, "", 0, data, 4, upper, 6000, log, 4, &out_n,
                                  &log_n, &lines_n), ERR_OK);
    struct chan *peer = a.base.chan.peer;
    a.base.chan.peer = &raw_client;
    CHECK_EQ(kitchen_sink_convert(&a, text, 5056, "", 0, data, 4, upper, 6000, log, 4, &out_n,
                                  &log_n, &lines_n), RPC_ERR_TIMEOUT);
    a.base.chan.peer = peer;
    uint32_t calls = sink.calls;
    CHECK_EQ(say_lease(6000, LEASE(6000, 64)), ERR_OK);
    CHECK_EQ(sink.calls, calls + 1);
    CHECK_EQ(room[0], 'q');
    CHECK_EQ(room[64], 'Q');
    CHECK_EQ(say_lease(5056, 64), RPC_ERR_MALFORMED); /* some in the region and some not */
    load(&a, 4, 4096);
    raw->chan.region = (struct chan_area){0};
    end();
}

static uint32_t grown_reads;

/* The client changes its message and its data while the server is reading. */
static bool greedy_copy(void *to, const void *from, uint32_t bytes)
{
    memcpy(to, from, bytes);
    if (a.base.chan.region.base != NULL) {
        memset(a.base.chan.region.base, 0xff, 1024);
    }
    for (uint32_t i = 0; a.base.chan.out.base != NULL && i < 255; i++) {
        uint64_t *word = (uint64_t *)(void *)a.base.chan.out.base + i;
        *word |= 0xffffffffull;
    }
    CHECK(bytes <= 1013 || to == a.base.chan.region.base);
    grown_reads++;
    return true;
}

static void a_length_that_grows(void)
{
    start();
    uint64_t sum = 0;
    store(&a, "x", 5000);
    arch_host_copy = greedy_copy;
    grown_reads = 0;
    CHECK_EQ(kitchen_sink_store(&a, "x", 1, data, 5000, &sum), ERR_OK);
    CHECK_EQ(grown_reads, 1 + 5); /* 5000 bytes in pieces, and not one more */
    arch_host_copy = NULL;
    end();
}

/* --- hostile servers ------------------------------------------------------------------------ */

static uint64_t told;

static void spoil(struct chan *at, const struct lmp_msg *msg)
{
    if (msg_kind(msg->header) != MSG_CALL || at != &raw_client) {
        return;
    }
    struct lmp_msg m = {.header = (msg->header & ~(7ull << MSG_KIND_SHIFT | MSG_SHAPE_MASK)) |
                                  MSG_HEADER(0, MSG_REPLY, 1, 0)};
    m.words[0] = told;
    chan_deliver_disabled((uint64_t)(uintptr_t)&a, &m);
}

static void a_count_that_is_a_lie(void)
{
    start();
    fake_listener = spoil;
    load(&a, 1, 4096);
    struct chan *peer = a.base.chan.peer;
    a.base.chan.peer = &raw_client;
    char note[17];
    size_t note_len = 99;
    static const uint64_t lies[] = {5001, 0xffffffff, 1ull << 33 | 5001};
    for (size_t i = 0; i < 3; i++) {
        uint32_t n = 9;
        told = lies[i];
        memset(room, 0xee, sizeof(room));
        CHECK_EQ(kitchen_sink_load(&a, 0, room, 5000, &n, note, &note_len), RPC_ERR_BAD_REPLY);
        CHECK_EQ(n, 9);
        CHECK_EQ(room[0], 0xee);
        CHECK_EQ(room[5000], 0xee);
        CHECK_EQ(taken(&a), 0);
    }
    uint32_t n = 9;
    told = 5000; /* good, and an empty note */
    CHECK_EQ(kitchen_sink_load(&a, 0, room, 5000, &n, note, &note_len), ERR_OK);
    CHECK_EQ(n, 5000);
    CHECK_EQ(note_len, 0);
    a.base.chan.peer = peer;
    fake_listener = listen;
    end();
}

/* With an argument: only what check_images.py may see, whose codec knows no regions. */
int main(int argc, char **argv)
{
    (void)argv;
    static const struct check_test tests[] = {
        {"BULK0001 every size there and back", there_and_back},
        {"BULK0002 what is refused", what_is_refused},
        {"BULK0003 several buffers in one call", several_at_once},
        {"BULK0004 calls share the region", calls_share_the_region},
        {"BULK0005 a late answer frees the range", a_late_answer_frees_the_range},
        {"BULK0006 deferred answers", deferred_answers},
        {"BULK0014 calls that are begun", begun_calls},
        {"BULK0007 a client that ends", a_client_that_ends},
        {"BULK0008 a region that is revoked in the middle of a copy", a_region_that_is_revoked},
        {"BULK0009 leases that are lies", leases_that_are_lies},
        {"BULK0010 leases that overlap", leases_that_overlap},
        {"BULK0011 a length that grows under the reader", a_length_that_grows},
        {"BULK0012 a count that is a lie", a_count_that_is_a_lie},
        {"BULK0013 strings that are none", strings_that_are_none},
    };
    const unsigned honest = 7;
    return argc > 1 ? check_main(tests, honest) : CHECK_MAIN(tests);
}
