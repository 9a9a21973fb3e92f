/* Senders that find no room, and hear of it without a timer: bindings, raw ends, and threads that
 * wait. Both sides are here, and a server looks at its requests only when a test lets it. Prints
 * TAP and powers off. */
#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/raw.h>
#include <aos/thread.h>
#include <aos/time.h>

#include "flow_handlers.h"
#include "inittest.h"
#include "mem_priv.h"
#include "ram_priv.h"
#include "thread_priv.h"

#define SECOND_NS 1000000000ull
#define MESSAGES  200u                   /* several times what a channel and its queue hold */

errval_t aos_rpc_init(void)
{
    return ERR_OK;
}

static struct flow flow;
static struct waitset server_ws, client_ws;
static struct flow_binding b;

static volatile uint32_t done;           /* by threads of a test */

static int bind(void *arg)
{
    caddr_t end = *(const caddr_t *)arg;
    errval_t err = flow_bind(end, &b);
    done = done + 1;
    return err_is_ok(err) ? 0 : 1;
}

static void client_binds(void)
{
    struct thread *t;
    caddr_t end;
    int status = -1;
    EXPECT_ERR(ERR_OK, flow_server_new_end(&flow.server, 42, &end));
    EXPECT_ERR(ERR_OK, thread_create(bind, &end, NULL, &t));
    for (done = 0; done != 1;) {
        (void)waitset_poll(&server_ws);
        thread_yield();
    }
    EXPECT_ERR(ERR_OK, thread_join(t, &status));
    EXPECT(status == 0);
    binding_set_waitset(&b.base, &client_ws);
}

/* Sends until there is no room; how many were sent. */
static uint32_t fill(void)
{
    uint32_t sent = 0;
    errval_t err;
    while (err_is_ok(err = flow_drop(&b, "", 0))) {
        sent++;
        EXPECT(sent < MESSAGES);
    }
    EXPECT(err_no(err) == RPC_ERR_AGAIN);
    return sent;
}

static void serve_all(void)
{
    while (waitset_poll(&server_ws)) {
    }
}

static void on_writable(void *arg)
{
    (*(uint32_t *)arg)++;
}

static void run_client(void)
{
    while (waitset_poll(&client_ws)) {
    }
}

static void writable_without_a_timer(void)
{
    uint32_t writable = 0, sent;
    client_binds();
    sent = fill();
    const size_t timers = timer_count();
    binding_on_writable(&b.base, on_writable, &writable);
    EXPECT(timer_count() == timers);
    for (uint32_t i = 0; i < 3; i++) {
        EXPECT_ERR(RPC_ERR_AGAIN, flow_drop(&b, "", 0));
        run_client();
    }
    EXPECT(writable == 0 && flow.dropped == 0);
    while (writable == 0) {
        EXPECT(waitset_poll(&server_ws));
        run_client();
    }
    EXPECT(flow.dropped < sent && timer_count() == timers);
    printf("# %u sent, %u of them taken when there is room\n", (unsigned)sent,
           (unsigned)flow.dropped);
    EXPECT_ERR(ERR_OK, flow_drop(&b, "", 0));
    serve_all();
    run_client();
    EXPECT(flow.dropped == sent + 1 && writable == 1);
}

/* The room is there before anybody asks. */
static void writable_at_once(void)
{
    uint32_t writable = 0;
    (void)fill();
    serve_all();
    run_client();
    binding_on_writable(&b.base, on_writable, &writable);
    run_client();
    EXPECT(writable == 1);
    binding_on_writable(&b.base, on_writable, &writable);
    run_client();
    EXPECT(writable == 2);
}

/* All is sent, by who waits for each event; no more events than halves of the ring. */
static void many_messages(void)
{
    uint32_t writable = 0, sent = 0, before = flow.dropped, waits = 0;
    while (sent < 10 * MESSAGES) {
        if (err_is_ok(flow_drop(&b, "", 0))) {
            sent++;
            continue;
        }
        binding_on_writable(&b.base, on_writable, &writable);
        waits++;
        for (run_client(); writable < waits; run_client()) {
            EXPECT(waitset_poll(&server_ws));
        }
    }
    serve_all();
    EXPECT(flow.dropped == before + sent);
    EXPECT(waits <= sent / (KPI_LMP_RING(CHAN_RING_BYTES) / 2));
    printf("# %u messages, %u waits\n", (unsigned)sent, (unsigned)waits);
}

/* --- threads -------------------------------------------------------------------------------- */

static int caller(void *arg)
{
    uint64_t value = (uint64_t)(uintptr_t)arg, doubled = 0;
    errval_t err = flow_twice(&b, value, &doubled);
    done = done + 1;
    return err_is_ok(err) && doubled == 2 * value ? 0 : 1;
}

/* Each has the timer of its deadline, and no other. */
static void threads_wait(void)
{
    struct thread *t[4];
    (void)fill();
    const size_t timers = timer_count();
    done = 0;
    for (uint32_t i = 0; i < 4; i++) {
        EXPECT_ERR(ERR_OK, thread_create(caller, (void *)(uintptr_t)(i + 1), NULL, &t[i]));
    }
    for (uint32_t i = 0; i < 20; i++) {
        thread_yield();
    }
    EXPECT(done == 0 && timer_count() == timers + 4);
    const uint64_t until = time_deadline_ns(SECOND_NS);
    while (done != 4) {
        (void)waitset_poll(&server_ws);
        thread_yield();
        EXPECT(time_now_ns() < until);
    }
    for (uint32_t i = 0; i < 4; i++) {
        int status = -1;
        EXPECT_ERR(ERR_OK, thread_join(t[i], &status));
        EXPECT(status == 0);
    }
}

static void the_deadline_comes_first(void)
{
    uint64_t doubled;
    struct flow_twice_call call;
    const uint64_t deadline = b.base.deadline_ns;
    (void)fill();
    EXPECT_ERR(RPC_ERR_AGAIN, flow_twice_begin(&b, 1, &call));
    binding_set_deadline(&b.base, 2000000);
    EXPECT_ERR(RPC_ERR_TIMEOUT, flow_twice(&b, 1, &doubled));
    binding_set_deadline(&b.base, deadline);
    serve_all();
    run_client();
}

/* A cancel that found no room is sent when there is some. */
static void a_cancel_waits(void)
{
    struct flow_park_call park;
    bool cancelled = false;
    EXPECT_ERR(ERR_OK, flow_park_begin(&b, 3, &park));
    serve_all();
    (void)fill();
    const size_t timers = timer_count();
    binding_call_cancel(&park.base);
    EXPECT(timer_count() == timers);
    struct flow_asked_call asked;
    serve_all();
    EXPECT_ERR(ERR_OK, flow_asked_begin(&b, 3, &asked));
    serve_all();
    EXPECT_ERR(ERR_OK, flow_asked_end(&asked, BINDING_DEADLINE, &cancelled));
    EXPECT(cancelled);
    flow_park_reply(&flow.parked[3], ERR_OK, 1);
}

static int end_server(void *arg)
{
    (void)arg;
    while (done != 1) {
        thread_yield();
    }
    flow_server_deinit(&flow.server);
    return 0;
}

/* Who waits hears of it. */
static void the_peer_ends(void)
{
    struct thread *t;
    uint32_t writable = 0;
    uint64_t doubled;
    (void)fill();
    binding_on_writable(&b.base, on_writable, &writable);
    done = 1;
    EXPECT_ERR(ERR_OK, thread_create(end_server, NULL, NULL, &t));
    EXPECT_ERR(RPC_ERR_PEER_GONE, flow_twice(&b, 1, &doubled));
    EXPECT_ERR(ERR_OK, thread_join(t, NULL));
    run_client();
    EXPECT(writable == 1);
    flow_close(&b);
}

/* --- raw ends ------------------------------------------------------------------------------- */

struct side {
    struct raw_chan raw; /* first */
    uint64_t got, gone, rooms;
};

static struct side left, right;
static struct waitset raw_ws;

static void side_message(struct raw_chan *raw, const struct lmp_msg *msg)
{
    struct side *s = (struct side *)(void *)raw;
    if (msg->header == KPI_CONTROL_HEADER(KPI_CONTROL_PEER_GONE)) {
        s->gone++;
    } else {
        EXPECT(msg->words[0] == s->got);
        s->got++;
    }
}

static void side_writable(struct raw_chan *raw)
{
    ((struct side *)(void *)raw)->rooms++;
}

static uint64_t side_fill(struct side *s, uint64_t sent)
{
    errval_t err;
    do {
        const struct lmp_msg msg = {.header = MSG_HEADER(1, MSG_ONEWAY, 1, 0), .words = {sent}};
        err = raw_send(&s->raw, &msg, (struct msg_cap){0});
        sent += err_is_ok(err);
    } while (err_is_ok(err));
    EXPECT(err_no(err) == SYS_ERR_LMP_FULL);
    return sent;
}

static void run_raw(void)
{
    while (waitset_poll(&raw_ws)) {
    }
}

static void raw_pair(void)
{
    caddr_t one, two;
    left = right = (struct side){0};
    EXPECT_ERR(ERR_OK, chan_create(&one, &two));
    EXPECT_ERR(ERR_OK, raw_open(&left.raw, &raw_ws, one, side_message, NULL));
    EXPECT_ERR(ERR_OK, raw_open(&right.raw, &raw_ws, two, side_message, NULL));
    left.raw.writable = right.raw.writable = side_writable;
    raw_own_ram(&left.raw);
}

/* Neither side listens, both find the other full; then one listens. */
static void held_ends(void)
{
    waitset_init(&raw_ws);
    raw_pair();
    raw_hold(&left.raw, true);
    raw_hold(&right.raw, true);
    const size_t timers = timer_count();
    uint64_t there = side_fill(&left, 0), back = side_fill(&right, 0);
    run_raw();
    EXPECT(left.rooms == 0 && right.rooms == 0 && right.got == 0);
    raw_hold(&right.raw, false);
    run_raw();
    EXPECT(right.got == there && left.rooms == 1 && left.got == 0 && right.rooms == 0);
    uint64_t more = side_fill(&left, there);
    run_raw();
    EXPECT(more > there && right.got == more && left.rooms >= 2 && left.got == 0);
    raw_hold(&left.raw, false);
    run_raw();
    EXPECT(left.got == back && right.rooms == 1 && timer_count() == timers);
    raw_close(&right.raw);
    run_raw();
    EXPECT(left.gone == 1);
    raw_close(&left.raw);
}

/* A held end that waits for room hears that none comes: its peer has ended. */
static void a_held_end_is_left(void)
{
    raw_pair();
    raw_hold(&left.raw, true);
    raw_hold(&right.raw, true);
    (void)side_fill(&left, 0);
    (void)side_fill(&right, 0);
    raw_close(&right.raw);
    run_raw();
    EXPECT(left.rooms == 1 && left.gone == 0);
    const struct lmp_msg msg = {.header = MSG_HEADER(1, MSG_ONEWAY, 1, 0)};
    EXPECT_ERR(SYS_ERR_LMP_PEER_GONE, raw_send(&left.raw, &msg, (struct msg_cap){0}));
    raw_hold(&left.raw, false);
    run_raw();
    EXPECT(left.gone == 1);
    raw_close(&left.raw);
}

/* --- a message that waits for a receive slot -------------------------------------------------- */

#define SOURCE_NS 20000000ull            /* how long the source of memory thinks about it */
#define IDLE_NS   100000000ull
#define PIECES_MAX 200u

/* Nothing that this domain receives into is left, and nothing to make it of. */
static struct {
    caddr_t slots[4096];
    uint64_t bases[PIECES_MAX], bytes[PIECES_MAX];
    uint32_t slot_count, pieces;
} drained;

static volatile uint32_t asked, gifts;

static errval_t source_slow(void *arg, uint64_t bytes, uint64_t align, caddr_t *ret_ram,
                            uint64_t *ret_bytes)
{
    asked = asked + 1;
    thread_sleep_ns(SOURCE_NS);
    return LIB_ERR_NO_MEMORY;
}

static void source_no_free(void *arg, caddr_t ram, uint64_t bytes)
{
    EXPECT(!"nothing came from here");
}

static void drain(void)
{
    uint64_t off;
    caddr_t slot;
    mem_lock();
    while (ram_pool_free() != 0 && drained.pieces < PIECES_MAX) {
        uint64_t half = aos_round_up(ram_pool_free() / 4, AOS_PAGE_BYTES);
        uint64_t bytes = half < 16 * AOS_PAGE_BYTES ? AOS_PAGE_BYTES : half;
        if (err_is_fail(ram_take(bytes, AOS_PAGE_BYTES, &slot, &off,
                                 &drained.bases[drained.pieces]))) {
            break;
        }
        drained.bytes[drained.pieces++] = bytes;
    }
    disp_disable();
    while ((slot = disp_page()->recv_slot) != 0) {
        drained.slots[drained.slot_count++] = slot;
        (void)recv_slot_rotate_disabled();
    }
    disp_enable();
    while ((slot = slot_take(1)) != 0) {
        EXPECT(drained.slot_count < sizeof(drained.slots) / sizeof(drained.slots[0]));
        drained.slots[drained.slot_count++] = slot;
    }
    mem_end();
}

static void give_memory_back(void)
{
    mem_lock();
    while (drained.pieces != 0) {
        drained.pieces--;
        ram_give(drained.bases[drained.pieces], drained.bytes[drained.pieces]);
    }
    mem_end();
}

static void on_gift(struct raw_chan *raw, const struct lmp_msg *msg)
{
    (void)raw;
    gifts = gifts + (msg->cap != 0);
    EXPECT_ERR(ERR_OK, cap_destroy(msg->cap));
}

static uint64_t own_cpu_ns(void)
{
    uint64_t cpu = 0, sent, received, invocations, faults, preemptions, fp;
    EXPECT_ERR(ERR_OK, inv_dispatcher_stats(KPI_CAP_SELF_DISP, &cpu, &sent, &received,
                                            &invocations, &faults, &preemptions, &fp));
    return cpu;
}

/* All threads wait, the one that makes receive slots waits for memory. When there is some, the
 * message comes, though the kernel has asked for a slot once. */
static void nobody_is_busy(void)
{
    static const struct ram_source slow = {.alloc = source_slow, .free = source_no_free};
    const struct lmp_msg msg = {.header = MSG_HEADER(1, MSG_ONEWAY, 0, 1)};
    const struct msg_cap gift = {KPI_CAP_SELF_L1, CAP_RIGHT_R, MSG_CAP_COPY};
    raw_pair();
    left.raw.message = on_gift;
    drain();
    ram_set_source(&slow);
    EXPECT_ERR(ERR_OK, raw_send(&right.raw, &msg, gift));
    const uint64_t cpu = own_cpu_ns(), start = time_now_ns();
    thread_sleep_ns(IDLE_NS);
    const uint64_t busy = own_cpu_ns() - cpu, wall = time_now_ns() - start;
    printf("# busy for %u of %u us, memory was asked for %u times\n", (unsigned)(busy / 1000),
           (unsigned)(wall / 1000), (unsigned)asked);
    EXPECT(asked != 0 && gifts == 0 && busy < wall / 2);
    give_memory_back();
    EXPECT_ERR(ERR_OK, waitset_dispatch(&raw_ws, time_deadline_ns(10 * SECOND_NS)));
    EXPECT(gifts == 1);
    while (drained.slot_count != 0) {
        slot_free(drained.slots[--drained.slot_count]);
    }
    raw_close(&left.raw);
    raw_close(&right.raw);
}

int main(void)
{
    static const struct inittest tests[] = {
        {"ROOM0001 on_writable without a timer", writable_without_a_timer},
        {"ROOM0002 at once if there is room", writable_at_once},
        {"ROOM0003 many messages, few events", many_messages},
        {"ROOM0004 threads that wait for room", threads_wait},
        {"ROOM0005 until their deadline", the_deadline_comes_first},
        {"ROOM0006 a cancel waits for room", a_cancel_waits},
        {"ROOM0007 the peer ends", the_peer_ends},
        {"ROOM0008 held ends", held_ends},
        {"ROOM0009 a held end is left", a_held_end_is_left},
        {"ROOM0010 nobody is busy while a receive slot is waited for", nobody_is_busy},
    };
    inittest_start("ROOMTEST", INITTEST_COUNT(tests));
    waitset_init(&server_ws);
    waitset_init(&client_ws);
    flow_init(&flow, &server_ws);
    inittest_run(tests, INITTEST_COUNT(tests));
}
