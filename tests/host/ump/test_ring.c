/* The ring by itself: flow, laps, acknowledgements, the doorbell, rubbish; and two threads, with
 * data beside the ring that only its ordering makes safe (for the thread sanitizer). */
#include <check.h>

#include <pthread.h>
#include <sched.h>

#include "../../../libaos/chan/ump_ring.h"

#define FRAME_BYTES   4096u
#define HEADER(words) (MSG_HEADER(5, MSG_ONEWAY, words, 0) | 1ull << MSG_GEN_SHIFT)

struct pair {
    _Alignas(UMP_LINE_BYTES) uint8_t ab[FRAME_BYTES];
    _Alignas(UMP_LINE_BYTES) uint8_t ba[FRAME_BYTES];
    struct ump_ring a, b;
};
static struct pair pair;
static struct ump_message in;

static void pair_init(uint32_t ab_lines, uint32_t ba_lines)
{
    memset(&pair, 0, sizeof(pair));
    memset(&in, 0, sizeof(in));
    ump_ring_init(&pair.a, pair.ab, ab_lines, pair.ba, ba_lines);
    ump_ring_init(&pair.b, pair.ba, ba_lines, pair.ab, ab_lines);
}

static void lines_of_frames(void)
{
    CHECK_EQ(ump_frame_lines(0), 0);
    CHECK_EQ(ump_frame_lines(64), 0);
    CHECK_EQ(ump_frame_lines(4096), 63);
    CHECK_EQ(ump_frame_lines(32768), 511);
    CHECK_EQ(ump_frame_lines(1u << 20), UMP_LINES_MAX);
    CHECK_EQ(ump_message_lines(0), 1);
    CHECK_EQ(ump_message_lines(7), 1);
    CHECK_EQ(ump_message_lines(8), 2);
    CHECK_EQ(ump_message_lines(MSG_WORDS_MAX), UMP_MESSAGE_LINES);
}

/* Messages of every length, through rings of different lengths, many laps. */
static void every_length(void)
{
    for (uint32_t lines = UMP_MESSAGE_LINES * 4 / 3 + 1; lines <= 63; lines++) {
        pair_init(lines, 63);
        uint64_t words[MSG_WORDS_MAX], seed = lines;
        for (uint32_t n = 0; n <= MSG_WORDS_MAX; n++) {
            for (uint32_t i = 0; i < n; i++) {
                words[i] = check_random(&seed);
            }
            CHECK(ump_message_lines(n) <= ump_ring_longest(&pair.a));
            uint32_t sent = pair.a.sent;
            CHECK(ump_ring_send(&pair.a, HEADER(n), words, n));
            CHECK_EQ(pair.a.sent - sent, ump_message_lines(n));
            CHECK_EQ(ump_ring_recv(&pair.b, &in), UMP_MESSAGE);
            CHECK_EQ(in.header, HEADER(n));
            CHECK(memcmp(in.words, words, 8u * n) == 0);
            CHECK_EQ(ump_ring_recv(&pair.b, &in), UMP_NONE);
            (void)ump_ring_ack(&pair.b);
            CHECK_EQ(ump_ring_recv(&pair.a, &in), UMP_NONE);
        }
    }
}

/* A full ring takes nothing; an acknowledgement makes room, and needs none itself. */
static void full_rings(void)
{
    for (uint32_t lines = UMP_LINES_MIN; lines <= 63; lines++) {
        pair_init(lines, lines);
        for (uint32_t lap = 0; lap < 3 * UMP_COUNT_MASK / lines; lap++) {
            uint32_t sent = 0, got = 0;
            while (ump_ring_send(&pair.a, HEADER(0), NULL, 0)) {
                CHECK(ump_ring_send(&pair.b, HEADER(0), NULL, 0));
                sent++;
            }
            CHECK(sent >= lines - 1u - (lines / 4u - 1u) && sent <= lines - 1);
            CHECK_EQ(ump_ring_room(&pair.a), 0);
            /* Both full; each reads, and owes the other news that it can always send. */
            while (ump_ring_recv(&pair.b, &in) == UMP_MESSAGE) {
                (void)ump_ring_ack(&pair.b);
                got++;
            }
            CHECK_EQ(got, sent);
            while (ump_ring_recv(&pair.a, &in) == UMP_MESSAGE) {
                (void)ump_ring_ack(&pair.a);
                got++;
            }
            CHECK_EQ(got, 2 * sent);
            CHECK_EQ(ump_ring_recv(&pair.b, &in), UMP_NONE);
            CHECK(ump_ring_room(&pair.a) >= ump_ring_longest(&pair.a));
            CHECK(ump_ring_room(&pair.b) >= ump_ring_longest(&pair.b));
        }
    }
}

/* An answer carries the acknowledgement; a line of its own is sent only by who has nothing to say,
 * is not acknowledged, and is replaced by what comes next. */
static void acknowledgements(void)
{
    pair_init(63, 63);
    for (uint32_t i = 0; i < 5000; i++) {
        uint64_t word = i;
        CHECK(ump_ring_send(&pair.a, HEADER(1), &word, 1));
        CHECK_EQ(ump_ring_recv(&pair.b, &in), UMP_MESSAGE);
        CHECK(!ump_ring_ack(&pair.b));
        CHECK(ump_ring_send(&pair.b, HEADER(1), in.words, 1));
        CHECK_EQ(ump_ring_recv(&pair.a, &in), UMP_MESSAGE);
        CHECK_EQ(in.words[0], i);
        CHECK_EQ(pair.a.sent - pair.a.acked, 0);
    }
    CHECK_EQ(pair.a.sent, 5000); /* one line each way and nothing else */
    CHECK_EQ(pair.b.sent, 5000);
    for (uint32_t i = 0; i < 5000; i++) {
        CHECK(ump_ring_send(&pair.a, HEADER(0), NULL, 0));
        CHECK_EQ(ump_ring_recv(&pair.b, &in), UMP_MESSAGE);
        (void)ump_ring_ack(&pair.b);
        CHECK_EQ(ump_ring_recv(&pair.a, &in), UMP_NONE);
        CHECK(!ump_ring_ack(&pair.a) && !ump_ring_some(&pair.a));
    }
    CHECK_EQ(pair.b.sent, 5000);
    uint64_t word = 77;
    CHECK(ump_ring_send(&pair.b, HEADER(1), &word, 1));
    CHECK_EQ(ump_ring_recv(&pair.a, &in), UMP_MESSAGE);
    CHECK_EQ(in.words[0], 77);
}

static void doorbell(void)
{
    pair_init(63, 63);
    CHECK(ump_ring_send(&pair.a, HEADER(0), NULL, 0) && !ump_ring_bell(&pair.a));
    CHECK(!ump_ring_arm(&pair.b)); /* there is something: no sleep, but still armed */
    CHECK_EQ(ump_ring_recv(&pair.b, &in), UMP_MESSAGE);
    CHECK(ump_ring_arm(&pair.b));
    CHECK(ump_ring_send(&pair.a, HEADER(0), NULL, 0) && ump_ring_bell(&pair.a));
    /* Rung once for all: the next line needs no ring until it is armed again. */
    CHECK(ump_ring_send(&pair.a, HEADER(0), NULL, 0) && !ump_ring_bell(&pair.a));
    CHECK_EQ(ump_ring_recv(&pair.b, &in), UMP_MESSAGE);
    CHECK_EQ(ump_ring_recv(&pair.b, &in), UMP_MESSAGE);
    CHECK(ump_ring_arm(&pair.b));
    /* An end is seen after all that was sent before it. */
    CHECK(ump_ring_send(&pair.a, HEADER(0), NULL, 0));
    ump_ring_close(&pair.a);
    CHECK(ump_ring_bell(&pair.a) && !ump_ring_ended(&pair.b));
    CHECK_EQ(ump_ring_recv(&pair.b, &in), UMP_MESSAGE);
    CHECK(ump_ring_ended(&pair.b) && !ump_ring_ended(&pair.a));
}

/* The header of line `at` of the frame that a writes. */
static void spoil(uint32_t at, uint64_t bits)
{
    struct ump_frame *f = (struct ump_frame *)(void *)pair.ab;
    atomic_fetch_xor(&f->line[at].header, bits);
}

static void broken_rules(void)
{
    /* Acknowledged more than was sent. */
    pair_init(63, 63);
    CHECK(ump_ring_send(&pair.a, HEADER(0), NULL, 0));
    spoil(0, 1ull << UMP_COUNT_SHIFT);
    CHECK_EQ(ump_ring_recv(&pair.b, &in), UMP_BAD);
    /* Taken back what was acknowledged. */
    pair_init(63, 63);
    CHECK(ump_ring_send(&pair.b, HEADER(0), NULL, 0));
    CHECK_EQ(ump_ring_recv(&pair.a, &in), UMP_MESSAGE);
    CHECK(ump_ring_send(&pair.a, HEADER(0), NULL, 0) && ump_ring_send(&pair.a, HEADER(0), NULL, 0));
    spoil(1, 1ull << UMP_COUNT_SHIFT);
    CHECK_EQ(ump_ring_recv(&pair.b, &in), UMP_MESSAGE);
    CHECK_EQ(ump_ring_recv(&pair.b, &in), UMP_BAD);
    /* Another message between the lines of one. */
    for (uint32_t bit = 0; bit < UMP_COUNT_SHIFT; bit++) {
        uint64_t words[20] = {0};
        pair_init(63, 63);
        CHECK(ump_ring_send(&pair.a, HEADER(20), words, 20));
        spoil(1, 1ull << bit);
        CHECK_EQ(ump_ring_recv(&pair.b, &in), UMP_BAD);
    }
    /* A message that does not end is waited for, and one that ends otherwise is found out. */
    pair_init(63, 63);
    uint64_t words[MSG_WORDS_MAX] = {0};
    CHECK(ump_ring_send(&pair.a, HEADER(MSG_WORDS_MAX), words, MSG_WORDS_MAX));
    spoil(5, UMP_EPOCH);
    CHECK_EQ(ump_ring_recv(&pair.b, &in), UMP_SOME);
    CHECK_EQ(in.have, 35);
    CHECK_EQ(ump_ring_recv(&pair.b, &in), UMP_NONE);
    spoil(5, UMP_EPOCH);
    spoil(20, 1);
    CHECK_EQ(ump_ring_recv(&pair.b, &in), UMP_BAD);
    spoil(20, 1);
    CHECK_EQ(ump_ring_recv(&pair.b, &in), UMP_MESSAGE);
}

/* Rubbish everywhere, at any time: no access outside the ring (sanitizers), and a message is a
 * header with as many words as it says. */
static void rubbish(void)
{
    uint64_t seed = 4711;
    uint32_t messages = 0, bad = 0;
    for (uint32_t round = 0; round < 20000; round++) {
        pair_init(UMP_LINES_MIN + (uint32_t)(check_random(&seed) % 60), 63);
        struct ump_frame *f = (struct ump_frame *)(void *)pair.ab;
        for (uint32_t step = 0; step < 30; step++) {
            struct ump_line *line = &f->line[check_random(&seed) % pair.b.in_lines];
            uint64_t h = check_random(&seed);
            h = h % 3 == 0 ? h : (h & MSG_UMP_MASK & UMP_EPOCH) | HEADER(check_random(&seed) % 30);
            atomic_store(&line->header, h);
            atomic_store(&f->armed, h);
            enum ump_got got = ump_ring_recv(&pair.b, &in);
            messages += got == UMP_MESSAGE;
            if (got == UMP_BAD) {
                bad++;
                break;
            }
            (void)ump_ring_ack(&pair.b);
            (void)ump_ring_bell(&pair.b);
            (void)ump_ring_arm(&pair.b);
        }
    }
    CHECK(messages > 1000 && bad > 1000);
}

/* --- two threads ---------------------------------------------------------------------------- */

#define LINES 13u
static uint32_t thread_messages = 1000000;
/* Beside each line: written before it is sent, read after it came, not atomic. */
static uint64_t beside[2][LINES];

static void pause_a_little(void)
{
    (void)sched_yield();
}

/* Sends `thread_messages` messages of up to 3 lines, and reads as many. */
static void *side(void *arg)
{
    struct ump_ring *r = arg;
    const uint32_t out = r == &pair.a ? 0 : 1;
    struct ump_message *m = calloc(1, sizeof(*m));
    uint64_t words[20];
    uint64_t tag = 0; /* of the message that comes in */
    CHECK(m != NULL);
    for (uint32_t sent = 0, got = 0; sent < thread_messages || got < thread_messages;) {
        bool moved = false;
        uint32_t n = sent * 7u % 20u, at = (uint32_t)(r->out_next - r->out->line);
        if (sent < thread_messages && ump_message_lines(n) <= ump_ring_room(r)) {
            for (uint32_t i = 0; i < n; i++) {
                words[i] = (uint64_t)sent << 32 | i;
            }
            beside[out][at] = sent;
            CHECK(ump_ring_send(r, HEADER(n), words, n));
            sent++;
            moved = true;
        }
        at = (uint32_t)(r->in_next - r->in->line);
        bool begins = m->have == 0;
        enum ump_got what = ump_ring_recv(r, m);
        CHECK(what != UMP_BAD);
        if (begins && what != UMP_NONE) {
            tag = beside[1 - out][at]; /* the next line that is sent gives its line back */
        }
        if (what == UMP_MESSAGE) {
            n = got * 7u % 20u;
            CHECK_EQ(m->header, HEADER(n));
            CHECK_EQ(tag, got);
            for (uint32_t i = 0; i < n; i++) {
                CHECK_EQ(m->words[i], (uint64_t)got << 32 | i);
            }
            got++;
            moved = true;
        }
        (void)ump_ring_ack(r);
        if (!moved) {
            pause_a_little();
        }
    }
    free(m);
    return NULL;
}

static void two_threads(void)
{
    pthread_t t;
    pair_init(LINES, LINES);
    CHECK_EQ(pthread_create(&t, NULL, side, &pair.b), 0);
    (void)side(&pair.a);
    CHECK_EQ(pthread_join(t, NULL), 0);
    CHECK(pair.a.sent >= thread_messages && pair.a.consumed == pair.b.sent);
}

/* Two sides that sleep whenever there is nothing: a lost wake-up ends in a hang. */
static pthread_mutex_t bell_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t bell_cond = PTHREAD_COND_INITIALIZER;
static uint32_t bells[2];

static void ring(uint32_t who)
{
    pthread_mutex_lock(&bell_lock);
    bells[who]++;
    pthread_cond_broadcast(&bell_cond);
    pthread_mutex_unlock(&bell_lock);
}

static void *sleeper(void *arg)
{
    struct ump_ring *r = arg;
    const uint32_t own = r == &pair.a ? 0 : 1;
    struct ump_message *m = calloc(1, sizeof(*m));
    uint32_t seen = 0;
    CHECK(m != NULL);
    for (uint32_t i = 0; i < thread_messages / 20; i++) {
        uint64_t word = i;
        if (own == 0) {
            CHECK(ump_ring_send(r, HEADER(1), &word, 1));
            if (ump_ring_bell(r)) {
                ring(1);
            }
        }
        while (ump_ring_recv(r, m) != UMP_MESSAGE) {
            if (!ump_ring_arm(r)) {
                continue;
            }
            pthread_mutex_lock(&bell_lock);
            while (bells[own] == seen) {
                pthread_cond_wait(&bell_cond, &bell_lock);
            }
            seen = bells[own];
            pthread_mutex_unlock(&bell_lock);
        }
        CHECK_EQ(m->words[0], i);
        if (own == 1) {
            CHECK(ump_ring_send(r, HEADER(1), m->words, 1));
            if (ump_ring_bell(r)) {
                ring(0);
            }
        }
    }
    free(m);
    return NULL;
}

static void two_sleepers(void)
{
    pthread_t t;
    pair_init(LINES, LINES);
    CHECK_EQ(pthread_create(&t, NULL, sleeper, &pair.b), 0);
    (void)sleeper(&pair.a);
    CHECK_EQ(pthread_join(t, NULL), 0);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        thread_messages = (uint32_t)strtoul(argv[1], NULL, 0);
    }
    const struct check_test tests[] = {
        {"UMP0001 frames and lines", lines_of_frames},
        {"UMP0002 messages of every length", every_length},
        {"UMP0003 full rings and the laps of counts and epochs", full_rings},
        {"UMP0004 one line each way; acknowledgements are not acknowledged", acknowledgements},
        {"UMP0005 the doorbell is rung once", doorbell},
        {"UMP0006 a peer that breaks the rules", broken_rules},
        {"UMP0007 rubbish in the frame", rubbish},
        {"UMP0008 two threads, every message in order", two_threads},
        {"UMP0009 two threads that sleep lose no wake-up", two_sleepers},
    };
    return CHECK_MAIN(tests);
}
