/* Rings between two domains of one core: ringtest. Started as `ringtest serve` it is the second
 * domain. TAP on stdout. */
#include "ringtest.h"

#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/process.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/slot.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <if/init.h>
#include <if/process.h>

#include "../services/taptest.h"

#define CALLS        2000u
#define SLEEPY_CALLS 200u
#define PUTS         3000u
#define IDLE_RINGS   100u
#define CHECKS_FACTOR 32u                /* a kernel that checks itself is so much slower */
#define SETTLE_NS    2500000000ull
#define IDLE_NS      900000000ull        /* less than libaos/chan's sweep for late calls */
#define ATTACKS      24u
#define ATTACK_ROUNDS 20u
#define SETTLE_CALLS 100u
#define SHORT_NS     2000000ull          /* how long a call over an attacked ring may take */
#define LENT_BYTES   300000u

static struct rings_binding setup;
static uint32_t server_pid;
static struct ring ring, others[IDLE_RINGS];
static uint8_t lent[LENT_BYTES];
static uint64_t seed = 20261122;
static bool kernel_checks;               /* argument `checks` */
static uint32_t attacked_calls, attacked_right, attacked_gone;

static bool calls_over(struct ring *r, uint32_t count)
{
    static char text[1000], back[1000];
    size_t len;
    uint64_t value;
    memset(text, 'x', sizeof(text));
    for (uint32_t i = 0; i < count; i++) {
        TRY_OK(rings_echo(&r->b, i, &value));
        TRY(value == ~(uint64_t)i);
        if (i % 16 == 0) { /* many lines each way */
            size_t n = i % sizeof(text);
            text[n / 2] = (char)('a' + i % 26);
            TRY_OK(rings_text(&r->b, text, n, back, &len));
            TRY(len == n && memcmp(text, back, n) == 0);
        }
    }
    return true;
}

static bool sides_that_poll(void)
{
    TRY_OK(ring_open(&ring, &setup, 0, 0));
    TRY(calls_over(&ring, CALLS));
    ring_close(&ring);
    return true;
}

/* Whoever has nothing to do sleeps at once, and is rung for each message. */
static bool sides_that_sleep(void)
{
    TRY_OK(ring_open(&ring, &setup, UMP_SPIN_NONE, UMP_SPIN_NONE));
    uint64_t before = ring.link.rings;
    TRY(calls_over(&ring, SLEEPY_CALLS));
    printf("# %u rings\n", (unsigned)(ring.link.rings - before));
    TRY(ring.link.rings - before >= SLEEPY_CALLS);
    ring_close(&ring);
    return true;
}

/* Oneways until the ring is full: `again`, never lost, never out of order. */
static bool a_full_ring(void)
{
    uint64_t count, wrong;
    uint32_t full = 0;
    TRY_OK(ring_open(&ring, &setup, 0, 0));
    for (uint32_t i = 0; i < PUTS;) {
        errval_t err = rings_put(&ring.b, i);
        if (err == RPC_ERR_AGAIN) {
            full++;
            thread_sleep_ns(1000);
        } else {
            TRY_OK(err);
            i++;
        }
    }
    TRY_OK(rings_got(&ring.b, &count, &wrong));
    TRY(count == PUTS && wrong == 0 && full != 0);
    ring_close(&ring);
    return true;
}

static bool capabilities(void)
{
    caddr_t frame, back;
    uint64_t bytes;
    struct cap_info info;
    TRY_OK(ring_open(&ring, &setup, 0, UMP_SPIN_NONE));
    for (uint32_t i = 0; i < 40; i++) {
        TRY_OK(frame_alloc(RING_BYTES, &frame, &bytes));
        TRY_OK(rings_pass(&ring.b, frame, &back));
        TRY_OK(cap_identify(back, &info));
        TRY(info.type == CAPTYPE_FRAME && info.b == RING_BYTES);
        TRY_OK(cap_destroy(back));
    }
    ring_close(&ring);
    return true;
}

static bool lent_memory(void)
{
    uint64_t sum, expected = 0;
    uint32_t filled;
    TRY_OK(ring_open(&ring, &setup, 0, 0));
    for (uint32_t i = 0; i < LENT_BYTES; i++) {
        lent[i] = (uint8_t)(i * 7u);
        expected += lent[i];
    }
    TRY_OK(rings_sum(&ring.b, lent, LENT_BYTES, &sum));
    TRY(sum == expected);
    TRY_OK(rings_sum(&ring.b, lent, 100, &sum)); /* in the message */
    TRY_OK(rings_fill(&ring.b, lent, LENT_BYTES, 9, &filled));
    TRY(filled == LENT_BYTES);
    for (uint32_t i = 0; i < LENT_BYTES; i++) {
        TRY(lent[i] == (uint8_t)(9 + i % 256u));
    }
    ring_close(&ring);
    return true;
}

/* What the machine does while this domain sleeps, after a while in which nothing was called: who
 * polls has stopped, and nobody looks for calls that are late. */
static bool idle(uint64_t *ret_busy_ns, uint64_t *ret_switches)
{
    struct init_binding *init;
    struct init_machine before, after;
    TRY_OK(aos_init(&init));
    thread_sleep_ns(SETTLE_NS);
    TRY_OK(init_facts(init, &before));
    thread_sleep_ns(IDLE_NS);
    TRY_OK(init_facts(init, &after));
    *ret_busy_ns = after.uptime_ns - before.uptime_ns - (after.idle_ns - before.idle_ns);
    *ret_switches = after.switches - before.switches;
    return true;
}

/* Not an instruction of anybody, nor a timer, is for rings on which nothing is sent. */
static bool idle_rings_cost_nothing(void)
{
    uint64_t busy, switches, busy_open, switches_open, value;
    TRY(idle(&busy, &switches));
    for (uint32_t i = 0; i < IDLE_RINGS; i++) {
        TRY_OK(ring_open(&others[i], &setup, 0, 0));
    }
    for (uint32_t i = 0; i < IDLE_RINGS; i++) {
        TRY_OK(rings_echo(&others[i].b, i, &value));
    }
    TRY(idle(&busy_open, &switches_open));
    printf("# in %u idle ms: %u ns busy, %u switches; with %u rings open: %u ns, %u switches\n",
           (unsigned)(IDLE_NS / 1000000u), (unsigned)busy, (unsigned)switches, IDLE_RINGS,
           (unsigned)busy_open, (unsigned)switches_open);
    TRY(switches_open <= switches);
    /* not one instruction per ring; what is more is the kernel's, that knows of more */
    TRY(busy_open < busy + IDLE_RINGS * (kernel_checks ? CHECKS_FACTOR : 1));
    for (uint32_t i = 0; i < IDLE_RINGS; i++) {
        TRY_OK(rings_echo(&others[i].b, i, &value)); /* they wake */
        TRY(value == ~(uint64_t)i);
        ring_close(&others[i]);
    }
    return true;
}

/* The owner takes the frames away from both sides while the server polls: each loses the channel
 * and goes on. UMP1004: who waits for an answer is told at once. */
static bool frames_that_vanish(void)
{
    uint64_t value;
    for (uint32_t which = 0; which < 2; which++) {
        uint32_t open = 1;
        TRY_OK(ring_open(&ring, &setup, 0, UMP_SPIN_NONE - 1));
        binding_set_deadline(&ring.b.base, AOS_FOREVER);
        TRY_OK(rings_echo(&ring.b, 1, &value));
        TRY_OK(cap_revoke(ring.frames[which]));
        TRY(err_no(rings_echo(&ring.b, 2, &value)) == RPC_ERR_PEER_GONE);
        ring_close(&ring);
        TRY_OK(rings_echo(&setup, 3, &value));
        TRY(value == ~(uint64_t)3);
        for (uint32_t i = 0; i < 100 && open != 0; i++) {
            TRY_OK(rings_open(&setup, &open));
        }
        TRY(open == 0);
    }
    return true;
}

static bool a_server_that_dies(void)
{
    static struct rings_binding other;
    struct process_binding *process;
    uint64_t value;
    uint32_t pid;
    TRY_OK(aos_process(&process));
    TRY_OK(ring_spawn(&other, &pid));
    TRY_OK(ring_open(&ring, &other, 0, 0));
    TRY_OK(rings_echo(&ring.b, 1, &value));
    TRY_OK(process_kill(process, pid));
    TRY(err_no(rings_echo(&ring.b, 2, &value)) == RPC_ERR_PEER_GONE);
    ring_close(&ring);
    rings_close(&other);
    return true;
}

/* As long as the attack lasts, or the ring. Every call over it ends, however; honest ones are as
 * ever. */
static bool under_attack(struct ring *honest, struct rings_attack_call *attack)
{
    char back[1000];
    size_t len;
    uint64_t value;
    errval_t err = ERR_OK;
    for (uint64_t i = 0; !binding_call_answered(&attack->base); i++) {
        if (err_no(err) != RPC_ERR_PEER_GONE) {
            err = i % 2 == 0 ? rings_echo(&ring.b, i, &value)
                             : rings_text(&ring.b, "not for you", 11, back, &len);
            attacked_calls++;
            attacked_right += err_is_ok(err);
        }
        TRY_OK(rings_echo(&honest->b, i, &value));
        TRY(value == ~i);
    }
    attacked_gone += err_no(err) == RPC_ERR_PEER_GONE;
    return true;
}

/* A third domain writes rubbish into the frames of a ring, one or the other, all the time. Neither
 * side of it loses anything else. */
static bool rubbish_at_any_time(void)
{
    static struct rings_binding enemy;
    static struct ring honest;
    struct rings_attack_call attack;
    struct slots {
        uint64_t before, after, total;
    } slots;
    uint32_t pid, open = 0;
    printf("# seed %llu (again: ringtest seed %llu)\n", (unsigned long long)seed,
           (unsigned long long)seed);
    TRY_OK(ring_spawn(&enemy, &pid));
    binding_set_deadline(&enemy.base, AOS_FOREVER);
    TRY_OK(ring_open(&honest, &setup, 0, 0));
    for (uint32_t i = 0; i < ATTACKS; i++) {
        TRY_OK(ring_open(&ring, &setup, 0, 0));
        binding_set_deadline(&ring.b.base, SHORT_NS);
        TRY_OK(rings_attack_begin(&enemy, ring.frames[1 - i % 2], ring.frames[i % 2], seed + i,
                                  ATTACK_ROUNDS, &attack));
        TRY(under_attack(&honest, &attack));
        TRY_OK(rings_attack_end(&attack, AOS_FOREVER));
        ring_close(&ring);
        slot_stats(i == 0 ? &slots.before : &slots.after, &slots.total);
    }
    for (uint32_t i = 0; i < SETTLE_CALLS && open != 1; i++) {
        TRY_OK(rings_open(&setup, &open));
    }
    printf("# of %u calls under attack %u were answered; %u of %u rings ended\n", attacked_calls,
           attacked_right, attacked_gone, ATTACKS);
    TRY(open == 1 && slots.after <= slots.before + 1);
    TRY(attacked_calls > ATTACKS && attacked_gone != 0);
    ring_close(&honest);
    rings_close(&enemy);
    TRY_OK(aos_kill(pid));
    return true;
}

static const struct taptest tests[] = {
    {"UMP0101 both sides poll: values, messages of many lines", sides_that_poll},
    {"UMP0102 both sides sleep and are rung", sides_that_sleep},
    {"UMP0103 a full ring: nothing is lost, nothing out of order", a_full_ring},
    {"UMP0104 capabilities come with their messages", capabilities},
    {"UMP0105 lent memory in both directions", lent_memory},
    {"UMP0106 a hundred idle rings cost nothing", idle_rings_cost_nothing},
    {"UMP0107 frames that are taken away end the channel and nothing else", frames_that_vanish},
    {"UMP0108 a server that dies", a_server_that_dies},
    {"UMP0109 rubbish in a frame, at any time", rubbish_at_any_time},
};

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "serve") == 0) {
        return ring_serve();
    }
    kernel_checks = argc == 2 && strcmp(argv[1], "checks") == 0;
    if (argc == 3 && strcmp(argv[1], "seed") == 0) {
        seed = strtoull(argv[2], NULL, 0);
    }
    errval_t err = ring_spawn(&setup, &server_pid);
    if (err_is_fail(err)) {
        fprintf(stderr, "ringtest: there is no second domain\n");
        return 1;
    }
    int status = taptest_run(tests, TAPTEST_COUNT(tests));
    (void)aos_kill(server_pid);
    return status;
}
