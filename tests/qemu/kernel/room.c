/* Channels without room: what their senders hear, and when; ends that are held; and dispatchers
 * that wait while a message waits for a receive slot. */
#include "ktest.h"

#define A      0xau                      /* cookies */
#define B      0xbu
#define C      0xcu
#define RING   KPI_LMP_RING(KPI_CHANNEL_BYTES_MIN)
#define YIELDS 200u                      /* more than anybody needs to come to rest */
#define ROUNDS 1000u

_Static_assert(RING % 2 == 0, "half of it");

static struct kt_msg poll(void)
{
    struct kt_msg m = { .cookie = 0 };

    kt_poll(&m);
    return m;
}

static bool is_control(const struct kt_msg *m, uint64_t cookie, uint64_t ordinal)
{
    return m->cookie == cookie && m->header == KPI_CONTROL_HEADER(ordinal);
}

/* The next thing is the event `ordinal` of the end `cookie`. */
static bool comes(uint64_t cookie, uint64_t ordinal)
{
    struct kt_msg m = poll();

    return is_control(&m, cookie, ordinal);
}

static bool nothing_comes(void)
{
    struct kt_msg m = poll();

    return m.cookie == 0 && m.header == 0 && kt_page()->pending == 0;
}

static bool sound(void)
{
    uint64_t found = 0, nodes = 0;

    return err_is_ok(inv_kernel_check(KPI_CAP_KERNEL, &found, &nodes)) && found == 0;
}

/* Sends numbers until the channel is full, and once more; how many were sent. */
static uint64_t fill(caddr_t end)
{
    struct kt_msg m = { .cookie = end };

    while (err_is_ok(kt_send(&m))) {
        m.words[0]++;
    }
    return m.words[0];
}

/* Takes numbers from `from` on, `count` of them. */
static bool take(uint64_t cookie, uint64_t from, uint64_t count)
{
    bool good = true;

    for (uint64_t i = 0; i < count; i++) {
        struct kt_msg m = poll();

        good &= m.cookie == cookie && m.header == 0 && m.words[0] == from + i;
    }
    return good;
}

static void drop(caddr_t end)
{
    kt_need(inv_cnode_delete(KT_TASK_NODE, end), "delete end");
}

/* Both ends are bound here; deletes them, and takes what is left to be told. */
static void drop_both(caddr_t a, caddr_t b)
{
    drop(a);
    drop(b);
    while (poll().cookie != 0) {
    }
}

static void pair(caddr_t *ret_a, caddr_t *ret_b)
{
    kt_channel(KPI_CHANNEL_BYTES_MIN, ret_a, ret_b);
    kt_need(inv_endpoint_bind(*ret_a, A), "bind");
}

static void test_room(void)
{
    caddr_t a, b;
    bool good = true;
    struct kt_msg m = { .cookie = 0 };

    pair(&a, &b);
    kt_eq(fill(a), RING, "LMP0041 a channel that nobody reads is full");
    m.cookie = a;
    good = kt_send(&m) == SYS_ERR_LMP_FULL && nothing_comes();
    kt_ok(good && sound(), "LMP0042 and says so, and nothing yet of room");
    kt_need(inv_endpoint_bind(b, B), "bind");
    kt_ok(take(B, 0, RING / 2), "LMP0043 nor as long as less than half of it is taken");
    kt_ok(comes(A, KPI_CONTROL_ROOM), "LMP0044 half of it is free: its sender is told");
    kt_ok(take(B, RING / 2, RING / 2) && nothing_comes(), "LMP0045 once, though many sends failed");

    m = (struct kt_msg){ .cookie = a };
    for (unsigned i = 0; i < RING; i++) {
        m.words[0] = i;
        kt_need(kt_send(&m), "send");
    }
    kt_ok(take(B, 0, RING) && nothing_comes(), "LMP0046 who has not asked is not told");

    for (unsigned round = 0; round < 3; round++) {
        good &= fill(a) == RING && take(B, 0, RING / 2) && comes(A, KPI_CONTROL_ROOM);
        good &= fill(a) == RING / 2 && take(B, RING / 2, RING / 2) && take(B, 0, 0);
        good &= comes(A, KPI_CONTROL_ROOM) && take(B, 0, RING / 2) && nothing_comes();
    }
    kt_ok(good && sound(), "LMP0047 it is told again for each time that it was full");

    /* The other way at the same time. */
    good = fill(a) == RING && fill(b) == RING;
    for (unsigned i = 0, rooms = 0; i < 2 * RING + 2; i++) {
        struct kt_msg got = poll();

        rooms += is_control(&got, A, KPI_CONTROL_ROOM) || is_control(&got, B, KPI_CONTROL_ROOM);
        good &= got.cookie != 0 && (i < 2 * RING + 1 || rooms == 2);
    }
    kt_ok(good && nothing_comes(), "LMP0048 both directions at once");
    drop_both(a, b);
}

/* Who asks without end takes nothing of others but what one event costs per half of a ring. */
static void test_asking(void)
{
    caddr_t a, b;
    struct kt_msg m = { .cookie = 0 };
    bool good = true;
    uint64_t rooms = 0, taken = 0;

    pair(&a, &b);
    kt_need(inv_endpoint_bind(b, B), "bind");
    for (unsigned i = 0; i < ROUNDS; i++) {
        (void)fill(a);
        m.cookie = a;
        for (unsigned n = 0; n < 3; n++) {
            good &= kt_send(&m) == SYS_ERR_LMP_FULL;
        }
        for (unsigned n = 0, others = 0; n <= i % RING; n += m.cookie == B) {
            m = poll();
            others += m.cookie != B;
            rooms += is_control(&m, A, KPI_CONTROL_ROOM);
            good &= others <= 2;       /* one of the round before */
        }
        taken += i % RING + 1;
    }
    kt_ok(good, "LMP0049 who asks all the time does not keep the receiver from its messages");
    kt_ok(rooms >= 1 && rooms <= taken / (RING / 2),
          "LMP0050 and is told no oftener than half of the ring is taken");
    kt_note("events", rooms);
    drop_both(a, b);
}

static void test_moved(void)
{
    caddr_t a, b, c, d, to = kt_slots(1);
    struct kt_msg m = { .cookie = 0 };

    kt_channel(KPI_CHANNEL_BYTES_MIN, &a, &b);
    pair(&c, &d);
    kt_need(inv_endpoint_bind(b, B), "bind");
    (void)fill(a);
    kt_page()->recv_slot = to;
    m = (struct kt_msg){ .cookie = d,
                         .cap = a | KPI_XFER_MOVE |
                                (uint64_t)CAP_RIGHTS_ALL << KPI_XFER_RIGHTS_SHIFT };
    kt_need(kt_send(&m), "send");
    m = poll();
    while (m.cookie == B) {
        m = poll();
    }
    kt_ok(m.cookie == A && m.cap == to, "LMP0051 an end that has asked moves");
    while (poll().cookie == B) {
    }
    kt_need(inv_endpoint_bind(to, C), "bind");
    kt_ok(comes(C, KPI_CONTROL_ROOM) && nothing_comes(),
          "LMP0052 and who has it then is told");
    (void)fill(to);
    drop(b);
    kt_ok(comes(C, KPI_CONTROL_ROOM) && comes(C, KPI_CONTROL_PEER_GONE) && nothing_comes(),
          "LMP0053 if the other ends there is no more to wait for, either");
    drop(to);

    pair(&a, &b);
    (void)fill(a);
    drop(a);
    kt_need(inv_endpoint_bind(b, B), "bind");
    kt_ok(sound() && take(B, 0, RING) && comes(B, KPI_CONTROL_PEER_GONE) && nothing_comes(),
          "LMP0054 nobody is told who has ended");
    drop(b);
    drop_both(c, d);
}

static void test_hold(void)
{
    caddr_t a, b;
    struct kt_msg m = { .cookie = 0 };

    pair(&a, &b);
    kt_eq(inv_endpoint_hold(b), SYS_ERR_NOT_BOUND, "LMP0038 an end that nobody has bound");
    kt_need(inv_endpoint_bind(b, B), "bind");
    (void)fill(a);
    (void)fill(b);
    kt_eq(inv_endpoint_hold(a), ERR_OK, "LMP0039 an end is held");
    kt_ok(take(B, 0, RING / 2), "LMP0055 the other is not");
    kt_ok(comes(A, KPI_CONTROL_ROOM), "LMP0056 events come to it");
    kt_ok(take(B, RING / 2, RING / 2) && nothing_comes() && sound(),
          "LMP0057 and no messages");
    m.cookie = b;
    kt_eq(kt_send(&m), SYS_ERR_LMP_FULL, "LMP0058 of which it has as many as it has room for");
    kt_need(inv_endpoint_bind(a, C), "bind");
    kt_ok(take(C, 0, RING / 2) && comes(B, KPI_CONTROL_ROOM) && take(C, RING / 2, RING / 2) &&
              nothing_comes(),
          "LMP0059 when it is bound again they come");

    kt_need(inv_endpoint_hold(a), "hold");
    m = (struct kt_msg){ .cookie = b };
    kt_need(kt_send(&m), "send");
    drop(b);
    kt_ok(nothing_comes() && sound(), "LMP0060 nor the end of the peer before its messages");
    kt_need(inv_endpoint_bind(a, A), "bind");
    kt_ok(take(A, 0, 1) && comes(A, KPI_CONTROL_PEER_GONE) && nothing_comes(),
          "LMP0061 which comes after them");
    drop(a);
    pair(&a, &b);
    kt_need(inv_endpoint_hold(a), "hold");
    drop(b);
    kt_ok(comes(A, KPI_CONTROL_PEER_GONE) && nothing_comes(), "LMP0062 or alone");
    drop(a);
    pair(&a, &b);
    (void)fill(a);
    m = (struct kt_msg){ .cookie = b };
    kt_need(kt_send(&m), "send");
    kt_need(inv_endpoint_hold(a), "hold");
    drop(b);
    kt_ok(comes(A, KPI_CONTROL_ROOM) && nothing_comes() && sound(),
          "LMP0076 who waits for room and takes no messages hears that none will come");
    drop(a);
}

/* A dispatcher that waits, and says how often it was woken and by what. */
static struct {
    struct kt_thread thread;
    caddr_t end, other;
    volatile uint64_t wakes, rooms, messages, slots, holds;
    volatile bool go;
    volatile caddr_t slot;               /* it is to receive into this one */
} waiter;

static void waiter_main(void *arg)
{
    struct kt_msg m;

    (void)arg;
    kt_page()->recv_slot = 0;
    kt_need(inv_endpoint_bind(waiter.end, A), "bind");
    kt_need(inv_endpoint_bind(waiter.other, B), "bind");
    while (!waiter.go) {
        kt_yield();
    }
    (void)fill(waiter.end);
    for (;;) {
        m = (struct kt_msg){ .cookie = 0 };
        kt_call(&m);
        waiter.wakes = waiter.wakes + 1;
        if (is_control(&m, A, KPI_CONTROL_ROOM)) {
            waiter.rooms = waiter.rooms + 1;
        } else if (m.cookie == 0 && m.header == KPI_EVENT_SLOT) {
            waiter.slots = waiter.slots + 1;
        } else if (m.cookie != 0) {
            waiter.messages = waiter.messages + 1;
        }
        if (waiter.slot != 0) {
            kt_page()->recv_slot = waiter.slot;
            waiter.slot = 0;
        }
        if (m.cookie == B && m.words[0] == 77) {
            waiter.holds += inv_endpoint_hold(waiter.end) == ERR_OK;
        }
    }
}

static void settle(void)
{
    for (unsigned i = 0; i < YIELDS; i++) {
        kt_yield();
    }
}

static uint64_t waiter_invocations(void)
{
    uint64_t cpu, sent, received, invocations = 0, faults, preemptions, fp;

    (void)inv_dispatcher_stats(waiter.thread.cap, &cpu, &sent, &received, &invocations, &faults,
                               &preemptions, &fp);
    return invocations;
}

static uint64_t waiter_state(void)
{
    uint64_t state = 0, status, cause, pc, far;

    (void)inv_dispatcher_info(waiter.thread.cap, &state, &status, &cause, &pc, &far);
    return state;
}

static void test_waiter(caddr_t b)
{
    waiter.go = true;
    settle();
    kt_ok(waiter.wakes == 0 && waiter_state() == KPI_DISP_WAITING,
          "LMP0063 who has found it full waits");
    kt_need(inv_endpoint_bind(b, B), "bind");
    kt_ok(take(B, 0, RING / 2 - 1), "LMP0064 messages are taken");
    settle();
    kt_eq(waiter.wakes, 0, "LMP0065 and a few do not wake it");
    kt_ok(take(B, RING / 2 - 1, RING / 2 + 1), "LMP0066 as many as half of the ring do");
    settle();
    kt_ok(waiter.wakes == 1 && waiter.rooms == 1, "LMP0067 once");
    kt_ok(nothing_comes(), "LMP0068 the receiver hears nothing of it");
}

/* The waiter has no receive slot, and there are messages for it that need one. */
static void test_no_slot(caddr_t b, caddr_t other)
{
    caddr_t frame = kt_object(CAPTYPE_FRAME, KPI_PAGE_BYTES, 1);
    struct kt_msg m = { .cookie = b, .header = 1,
                        .cap = frame | (uint64_t)CAP_RIGHT_R << KPI_XFER_RIGHTS_SHIFT };
    uint64_t wakes = waiter.wakes, invocations = waiter_invocations();

    kt_need(kt_send(&m), "send");
    settle();
    kt_ok(waiter.wakes == wakes + 1 && waiter.slots == 1 && waiter_state() == KPI_DISP_WAITING &&
              waiter_invocations() == invocations && sound(),
          "UPCALL0015 who has no receive slot is told once, and sleeps");
    kt_need(kt_send(&m), "send");
    settle();
    kt_eq(waiter.wakes, wakes + 1, "UPCALL0016 a message behind one that waits does not wake it");

    m = (struct kt_msg){ .cookie = other, .header = 1 };
    kt_need(kt_send(&m), "send");
    settle();
    kt_ok(waiter.wakes == wakes + 2 && waiter.messages == 1,
          "UPCALL0017 one on another end does");
    kt_need(inv_dispatcher_deadline(KPI_CAP_SELF_DISP, kt_now_ns() + 1000000), "deadline");
    kt_call(&m);                         /* nobody answers */
    settle();
    kt_eq(waiter.messages, 2, "UPCALL0018 by call, too");
    kt_need(inv_dispatcher_stop(waiter.thread.cap), "stop");
    kt_need(inv_dispatcher_resume(waiter.thread.cap), "resume");
    settle();
    kt_eq(waiter.wakes, wakes + 3, "UPCALL0019 and being stopped does not");

    m = (struct kt_msg){ .cookie = other, .header = 1,
                         .cap = frame | (uint64_t)CAP_RIGHT_R << KPI_XFER_RIGHTS_SHIFT };
    kt_need(kt_send(&m), "send");
    settle();
    kt_ok(waiter.wakes == wakes + 4 && waiter.slots == 2,
          "UPCALL0020 another end that needs a slot is told of");
    kt_need(inv_dispatcher_ask(waiter.thread.cap), "ask");
    settle();
    kt_ok(waiter.wakes == wakes + 5 && waiter_state() == KPI_DISP_WAITING,
          "UPCALL0021 it hears of other events");
    waiter.slot = kt_slots(1);
    kt_need(inv_dispatcher_ask(waiter.thread.cap), "ask");
    settle();
    kt_ok(waiter.messages == 3 && waiter_state() == KPI_DISP_WAITING,
          "UPCALL0022 with a slot one message comes");
    for (unsigned i = 0; i < 2; i++) {
        waiter.slot = kt_slots(1);
        kt_need(inv_dispatcher_ask(waiter.thread.cap), "ask");
        settle();
    }
    kt_ok(waiter.messages == 5 && sound(), "UPCALL0023 and with more the others");
}

/* An end of which a message waits for a slot has an event, and it comes. */
static void test_event_before_slot(void)
{
    caddr_t a, b;
    caddr_t frame = kt_object(CAPTYPE_FRAME, KPI_PAGE_BYTES, 1);
    struct kt_msg m = { .cookie = 0 };

    kt_page()->recv_slot = 0;
    pair(&a, &b);
    (void)fill(a);
    m = (struct kt_msg){ .cookie = b,
                         .cap = frame | (uint64_t)CAP_RIGHT_R << KPI_XFER_RIGHTS_SHIFT };
    kt_need(kt_send(&m), "send");
    m = poll();
    kt_ok(m.cookie == 0 && m.header == KPI_EVENT_SLOT, "LMP0069 a message waits for a slot");
    kt_need(inv_endpoint_bind(b, B), "bind");
    kt_ok(take(B, 0, RING / 2) && comes(A, KPI_CONTROL_ROOM),
          "LMP0070 that there is room does not wait for it");
    kt_ok(take(B, RING / 2, RING / 2) && sound(), "LMP0071 nor do others");
    kt_need(inv_endpoint_hold(a), "hold");
    kt_ok(nothing_comes(), "LMP0072 on an end that is held nothing waits for a slot");
    drop(b);
    drop(a);
    (void)poll();
}

/* The waiter holds its end while it waits for messages of others. */
static void test_held_waiter(caddr_t b, caddr_t other)
{
    struct kt_msg m = { .cookie = other, .words = { 77 } };

    kt_need(kt_send(&m), "send");
    settle();
    uint64_t wakes = waiter.wakes;

    m = (struct kt_msg){ .cookie = b };
    kt_need(kt_send(&m), "send");
    settle();
    kt_ok(waiter.holds == 1 && waiter.wakes == wakes && waiter_state() == KPI_DISP_WAITING,
          "LMP0073 a message to an end that is held does not wake who waits");
    kt_eq(inv_endpoint_hold(waiter.end), SYS_ERR_END_IN_USE, "LMP0074 nobody else holds it");
    kt_need(inv_dispatcher_kill(waiter.thread.cap, 0), "kill");
    kt_need(inv_endpoint_bind(waiter.end, C), "bind");
    m = poll();
    kt_ok(m.cookie == C && sound(), "LMP0075 nor is it held when that one has ended");
}

void test_main(void)
{
    caddr_t b, other;

    kt_plan(47);
    test_room();
    test_asking();
    test_moved();
    test_hold();
    test_event_before_slot();
    kt_channel(KPI_CHANNEL_BYTES_MIN, &waiter.end, &b);
    kt_channel(KPI_CHANNEL_BYTES_MIN, &waiter.other, &other);
    kt_thread_make(&waiter.thread);
    kt_thread_start(&waiter.thread, waiter_main, NULL);
    test_waiter(b);
    test_no_slot(b, other);
    test_held_waiter(b, other);
}
