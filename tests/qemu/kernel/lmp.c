/* Channels between dispatchers: words, capabilities, events, ends that go away. */
#include "ktest.h"

#define COOKIE_MAIN   0x1122334455667788ull
#define COOKIE_CHILD  0x99ull
#define HDR_QUIT      1u                 /* the child ends itself */
#define HDR_ECHO      2u                 /* the child answers with every word + 1 */
#define HDR_CAP       3u                 /* the child sends back the capability it got, moving it */
#define HDR_SILENT    4u                 /* the child dies without an answer */

struct child {
    struct kt_thread thread;
    caddr_t end;
};

static void child_main(void *arg)
{
    const struct child *c = arg;
    struct kt_msg m = { .cookie = 0 };

    kt_page()->recv_slot = kt_slots(1);
    if (err_is_fail(inv_endpoint_bind(c->end, COOKIE_CHILD))) {
        kt_exit(1);
    }
    for (;;) {
        kt_call(&m);
        if (m.cookie != COOKIE_CHILD) {
            kt_exit(2);
        }
        switch (m.header) {
        case HDR_ECHO:
            for (unsigned i = 0; i < KPI_LMP_WORDS; i++) {
                m.words[i]++;
            }
            m.cap = 0;
            break;
        case HDR_CAP:
            kt_page()->recv_slot = kt_slots(1);
            m.words[0] = m.cap_info;
            m.cap |= KPI_XFER_MOVE | 0xffull << KPI_XFER_RIGHTS_SHIFT;
            break;
        default:
            kt_exit(m.header);
        }
        m.cookie = c->end;
    }
}

static caddr_t child_start(struct child *c)
{
    caddr_t mine;

    kt_channel(KPI_CHANNEL_BYTES_MIN, &mine, &c->end);
    kt_thread_make(&c->thread);
    kt_thread_start(&c->thread, child_main, c);
    kt_need(inv_endpoint_bind(mine, COOKIE_MAIN), "bind");
    return mine;
}

static void test_echo(caddr_t end)
{
    struct kt_msg m = { .cookie = end, .header = HDR_ECHO };
    bool good = true;

    for (unsigned n = 0; n < 1000; n++) {
        m.cookie = end;
        m.header = HDR_ECHO;
        for (unsigned i = 0; i < KPI_LMP_WORDS; i++) {
            m.words[i] = n * 0x9e3779b97f4a7c15ull + i;
        }
        m.cap = 0;
        kt_call(&m);
        good &= m.cookie == COOKIE_MAIN && m.header == HDR_ECHO && m.cap == 0;
        for (unsigned i = 0; i < KPI_LMP_WORDS; i++) {
            good &= m.words[i] == n * 0x9e3779b97f4a7c15ull + i + 1;
        }
    }
    kt_ok(good, "LMP0001 a thousand calls with eight words");
}

static void test_cap(caddr_t end)
{
    caddr_t frame = kt_object(CAPTYPE_FRAME, KPI_PAGE_BYTES, 1);
    caddr_t slot = kt_slots(1);
    struct kt_msg m = { .cookie = end, .header = HDR_CAP };
    uint64_t type = 0, rights = 0, a, b;

    kt_page()->recv_slot = slot;
    m.cap = frame | (uint64_t)(CAP_RIGHT_R | CAP_RIGHT_D) << KPI_XFER_RIGHTS_SHIFT;
    kt_call(&m);
    kt_eq(m.words[0], CAPTYPE_FRAME | CAP_RIGHT_R << 8, "LMP0002 a copy has fewer rights, never d");
    kt_ok(m.cap == slot && m.cap_info == (CAPTYPE_FRAME | CAP_RIGHT_R << 8),
          "LMP0003 it came back by move");
    kt_eq(kt_page()->recv_slot, 0, "LMP0004 the receive slot is used up");
    (void)inv_cnode_identify(KT_TASK_NODE, slot, &type, &rights, &a, &b);
    kt_ok(type == CAPTYPE_FRAME && rights == CAP_RIGHT_R, "LMP0005 the slot holds it");

    m = (struct kt_msg){ .cookie = end, .header = HDR_CAP };
    m.cap = frame | KPI_XFER_MOVE | (uint64_t)CAP_RIGHTS_ALL << KPI_XFER_RIGHTS_SHIFT;
    kt_call(&m);
    kt_ok(m.cookie == 0 && m.header == KPI_EVENT_SLOT,
          "LMP0006 without a receive slot the message waits");
    (void)inv_cnode_identify(KT_TASK_NODE, frame, &type, &rights, &a, &b);
    kt_eq(type, CAPTYPE_NULL, "LMP0007 a moved capability is gone here");
    kt_page()->recv_slot = frame;
    m.cookie = 0;
    kt_call(&m);
    kt_ok(m.cookie == COOKIE_MAIN && m.cap == frame, "LMP0008 a slot lets it in");
    (void)inv_cnode_identify(KT_TASK_NODE, frame, &type, &rights, &a, &b);
    kt_eq(rights, CAP_RIGHTS_ALL, "LMP0009 a move keeps d");
}

static void test_errors(caddr_t end)
{
    struct kt_msg m = { .cookie = KPI_CAP_SELF_L1 };

    kt_eq(kt_send(&m), SYS_ERR_CAP_TYPE, "LMP0010 sending on what is no end");
    m.cookie = 0x100000000ull + end;
    kt_eq(kt_send(&m), SYS_ERR_CAP_NOT_FOUND, "LMP0011 upper bits of an address");
    m.cookie = end;
    m.cap = KPI_CAP_GRANT0;
    kt_eq(kt_send(&m), SYS_ERR_CAP_NOT_FOUND, "LMP0012 sending an empty slot");
    m.cap = end | KPI_XFER_MOVE;
    kt_eq(kt_send(&m), SYS_ERR_END_IN_USE, "LMP0013 an end does not travel over itself");
    m.cap = KPI_CAP_SELF_VROOT;
    kt_eq(kt_send(&m), SYS_ERR_NOT_COPYABLE, "LMP0014 sending a copy of a page table");
    m.cap = 1ull << 63;
    kt_eq(kt_send(&m), SYS_ERR_BAD_ARGUMENT, "LMP0015 unknown transfer bits");
    m.header = HDR_ECHO;
    kt_call(&m);
    kt_ok(m.cookie == 0 && m.header == KPI_EVENT_ERROR && m.words[0] == SYS_ERR_BAD_ARGUMENT,
          "LMP0016 a call that cannot send does not wait");
}

static void test_queue(void)
{
    caddr_t a, b;
    struct kt_msg m = { .cookie = 0 };
    unsigned sent = 0;
    bool in_order = true;

    kt_channel(KPI_CHANNEL_BYTES_MIN, &a, &b);
    for (;;) {
        m = (struct kt_msg){ .cookie = a, .words = { sent } };
        if (err_is_fail(kt_send(&m))) {
            break;
        }
        sent++;
    }
    kt_eq(sent, KPI_LMP_RING(KPI_CHANNEL_BYTES_MIN), "LMP0017 an unbound end buffers");
    m = (struct kt_msg){ .cookie = a };
    kt_eq(kt_send(&m), SYS_ERR_LMP_FULL, "LMP0018 and is full then");
    kt_need(inv_cnode_delete(KT_TASK_NODE, a), "delete end");
    kt_need(inv_endpoint_bind(b, 7), "bind");
    kt_ok(kt_page()->pending != 0, "LMP0019 the page says that something is there");
    for (unsigned i = 0; i < sent; i++) {
        kt_poll(&m);
        in_order &= m.cookie == 7 && m.words[0] == i;
    }
    kt_ok(in_order, "LMP0020 messages come in order, those of a dead peer too");
    kt_poll(&m);
    kt_ok(m.cookie == 7 && m.header == KPI_CONTROL_HEADER(KPI_CONTROL_PEER_GONE),
          "LMP0021 peer-gone is the last");
    kt_poll(&m);
    kt_ok(m.cookie == 0 && m.header == 0 && kt_page()->pending == 0, "LMP0022 and comes once");
    m = (struct kt_msg){ .cookie = b };
    kt_eq(kt_send(&m), SYS_ERR_LMP_PEER_GONE, "LMP0023 nobody there");
    kt_need(inv_cnode_delete(KT_TASK_NODE, b), "delete end");
}

static void test_move(void)
{
    caddr_t a, b;
    caddr_t to = kt_slots(1);
    struct kt_msg m = { .cookie = 0 };

    kt_channel(KPI_CHANNEL_BYTES_MIN, &a, &b);
    kt_eq(inv_cnode_copy(KT_TASK_NODE, a, to), SYS_ERR_NOT_COPYABLE, "LMP0024 ends do not copy");
    kt_eq(inv_cnode_move(KT_TASK_NODE, a, to), ERR_OK, "LMP0025 ends move");
    kt_need(inv_endpoint_bind(b, 8), "bind");
    kt_eq(inv_cnode_move(KT_TASK_NODE, b, a), SYS_ERR_END_IN_USE, "LMP0026 a bound end stays");
    m.cookie = to;
    kt_need(kt_send(&m), "send");
    kt_poll(&m);
    kt_eq(m.cookie, 8, "LMP0027 a moved end sends");
    kt_need(inv_cnode_delete(KT_TASK_NODE, b), "delete end");
    kt_need(inv_cnode_delete(KT_TASK_NODE, to), "delete end");
}

static void test_death(struct child *c, caddr_t end)
{
    caddr_t a, b;
    struct kt_msg m = { .cookie = end, .header = HDR_SILENT };
    uint64_t cpu = 0, sent = 0, received = 0, invocations = 0, faults, preemptions, fp;

    kt_channel(KPI_CHANNEL_BYTES_MIN, &a, &b);
    kt_need(inv_endpoint_bind(b, 9), "bind");
    kt_need(inv_dispatcher_watch(c->thread.cap, a), "watch");
    kt_call(&m);
    kt_ok(m.cookie == 9 && m.header == KPI_CONTROL_HEADER(KPI_CONTROL_EVENT),
          "LMP0028 a watcher learns of a death");
    (void)inv_dispatcher_stats(c->thread.cap, &cpu, &sent, &received, &invocations, &faults,
                               &preemptions, &fp);
    kt_ok(received == 1009 && sent == 1008 && invocations == 2 && cpu > 0,
          "LMP0029 its messages were counted");
    kt_note("sent", sent);
    kt_note("received", received);
    kt_note("cpu ns", cpu);
    kt_need(inv_cnode_delete(KT_TASK_NODE, c->end), "delete its end");
    m = (struct kt_msg){ .cookie = 0 };
    kt_call(&m);
    kt_ok(m.cookie == COOKIE_MAIN && m.header == KPI_CONTROL_HEADER(KPI_CONTROL_PEER_GONE),
          "LMP0030 deleting an end wakes its peer");
    kt_need(inv_dispatcher_watch(c->thread.cap, a), "watch");
    kt_poll(&m);
    kt_eq(m.cookie, 9, "LMP0031 watching the dead tells at once");
}

/* Sends to a receiver that waits: the first message ends its wait, the others are queued. */
static void test_send(const struct child *c, caddr_t end)
{
    caddr_t frame = kt_object(CAPTYPE_FRAME, KPI_PAGE_BYTES, 1);
    struct kt_msg m = { .cookie = end, .header = HDR_ECHO };
    bool in_order = true;
    uint64_t type = 0, rights, a, b;

    for (unsigned i = 0; i < 3; i++) {
        m.words[0] = i;
        m.words[7] = 100 + i;
        kt_need(kt_send(&m), "send");
    }
    for (unsigned i = 0; i < 3; i++) {
        m = (struct kt_msg){ .cookie = 0 };
        kt_call(&m);
        in_order &= m.cookie == COOKIE_MAIN && m.words[0] == i + 1 && m.words[7] == 101 + i;
    }
    kt_ok(in_order, "LMP0032 one message in the registers of who waits, others behind it");

    m = (struct kt_msg){ .cookie = end, .header = HDR_ECHO, .words = { 5 } };
    kt_need(kt_send(&m), "send");
    kt_eq(inv_dispatcher_stop(c->thread.cap), ERR_OK, "LMP0033 who has a message there stops");
    kt_need(kt_send(&m), "send");
    kt_yield();
    kt_poll(&m);
    kt_ok(m.cookie == 0 && m.header == 0, "LMP0034 and does not answer");
    kt_need(inv_dispatcher_resume(c->thread.cap), "resume");
    for (unsigned i = 0; i < 2; i++) {
        m = (struct kt_msg){ .cookie = 0 };
        kt_call(&m);
        in_order &= m.cookie == COOKIE_MAIN && m.words[0] == 6;
    }
    kt_ok(in_order, "LMP0035 until it goes on, with both");

    kt_page()->recv_slot = kt_slots(1);
    m = (struct kt_msg){ .cookie = end, .header = HDR_CAP };
    m.cap = frame | KPI_XFER_MOVE | (uint64_t)CAP_RIGHTS_ALL << KPI_XFER_RIGHTS_SHIFT;
    kt_need(kt_send(&m), "send");
    (void)inv_cnode_identify(KT_TASK_NODE, frame, &type, &rights, &a, &b);
    kt_eq(type, CAPTYPE_NULL, "LMP0036 a capability goes with such a message");
    m = (struct kt_msg){ .cookie = 0 };
    kt_call(&m);
    kt_ok(m.cookie == COOKIE_MAIN && m.words[0] == (CAPTYPE_FRAME | CAP_RIGHTS_ALL << 8) &&
              m.cap != 0,
          "LMP0037 and was there");
}

void test_main(void)
{
    static struct child c;
    caddr_t end;

    kt_plan(37);
    end = child_start(&c);
    test_echo(end);
    test_cap(end);
    test_errors(end);
    test_send(&c, end);
    test_queue();
    test_move();
    test_death(&c, end);
}
