/* Shares of the core, who goes first, deadlines of several dispatchers, and ends in every state. */
#include "ktest.h"

#define MS         1000000ull
#define SPIN_MS    400u
#define SLEEPERS   6u
#define NAPS       20u
#define COOKIE     4u

struct sleeper {
    struct kt_thread thread;
    uint64_t next;                       /* xorshift state */
    uint64_t naps;
    uint64_t early, worst;
};

static volatile uint64_t turns[3];
static caddr_t server_end;

static void spin(void *arg)
{
    volatile uint64_t *count = arg;

    for (;;) {
        *count = *count + 1;
    }
}

static uint64_t cpu_of(caddr_t d)
{
    uint64_t cpu = 0, sent, received, invocations, faults, preemptions, fp;

    (void)inv_dispatcher_stats(d, &cpu, &sent, &received, &invocations, &faults, &preemptions,
                               &fp);
    return cpu;
}

static void sleep_until(uint64_t ns)
{
    struct kt_msg m = { .cookie = 0 };

    (void)inv_dispatcher_deadline(KPI_CAP_SELF_DISP, ns);
    kt_call(&m);
}

static void test_shares(void)
{
    static struct kt_thread a, b;
    uint64_t start, worst = 0;

    kt_thread_make(&a);
    kt_thread_make(&b);
    kt_thread_start(&a, spin, (void *)(uintptr_t)&turns[0]);
    kt_thread_start(&b, spin, (void *)(uintptr_t)&turns[1]);
    start = kt_now_ns();
    for (uint64_t at = start + MS; at < start + SPIN_MS * MS; at += MS) {
        sleep_until(at);
        uint64_t late = kt_now_ns() - at;

        worst = late > worst ? late : worst;
    }
    uint64_t cpu_a = cpu_of(a.cap), cpu_b = cpu_of(b.cap);

    kt_note("cpu of one spinner", cpu_a);
    kt_note("cpu of the other", cpu_b);
    kt_note("worst lateness of a sleeper beside them", worst);
    kt_ok(cpu_a + cpu_b > SPIN_MS * MS * 9 / 10 && cpu_a < cpu_b + 25 * MS &&
              cpu_b < cpu_a + 25 * MS,
          "SCHED0001 equals get equal shares");
    kt_ok(worst < 50000, "SCHED0002 who slept goes before those who spin");
    kt_need(inv_dispatcher_kill(a.cap, 0), "kill");
    kt_need(inv_dispatcher_kill(b.cap, 0), "kill");
}

static void serve(void *arg)
{
    struct kt_msg m = { .cookie = 0 };

    (void)inv_endpoint_bind(server_end, COOKIE);
    for (;;) {
        kt_call(&m);
        m.cookie = server_end;
        m.cap = 0;
    }
}

/* A client and its server beside a spinner: the pair has one slice among them, and gets it. */
static void test_donation(void)
{
    static struct kt_thread spinner, server;
    uint64_t calls = 0, start, mine, theirs;
    caddr_t end;
    struct kt_msg m = { .cookie = 0 };

    kt_channel(KPI_CHANNEL_BYTES_MIN, &end, &server_end);
    kt_need(inv_endpoint_bind(end, COOKIE), "bind");
    kt_thread_make(&server);
    kt_thread_start(&server, serve, NULL);
    kt_yield();
    kt_thread_make(&spinner);
    mine = cpu_of(KPI_CAP_SELF_DISP);
    theirs = cpu_of(server.cap);
    kt_thread_start(&spinner, spin, (void *)(uintptr_t)&turns[2]);
    for (start = kt_now_ns(); kt_now_ns() < start + SPIN_MS * MS; calls++) {
        m.cookie = end;
        m.header = 1;
        m.cap = 0;
        kt_call(&m);
    }
    mine = cpu_of(KPI_CAP_SELF_DISP) - mine;
    theirs = cpu_of(server.cap) - theirs;
    kt_note("calls", calls);
    kt_note("cpu of client", mine);
    kt_note("cpu of server", theirs);
    kt_note("cpu of spinner", cpu_of(spinner.cap));
    kt_ok(mine + theirs > SPIN_MS * MS * 2 / 5 && mine + theirs < SPIN_MS * MS * 3 / 5,
          "SCHED0003 a call hands the slice on, and makes no more of it");
    kt_need(inv_dispatcher_kill(spinner.cap, 0), "kill");
    kt_need(inv_dispatcher_stop(server.cap), "stop");
    kt_eq(inv_dispatcher_stop(server.cap), SYS_ERR_DISP_STATE, "SCHED0004 stopped once");
    m = (struct kt_msg){ .cookie = end, .words = { 42 } };
    kt_need(kt_send(&m), "send");
    kt_poll(&m);
    kt_eq(m.cookie, 0, "SCHED0005 a stopped server does not answer");
    kt_need(inv_dispatcher_resume(server.cap), "resume");
    m = (struct kt_msg){ .cookie = 0 };
    kt_call(&m);
    kt_ok(m.cookie == COOKIE && m.words[0] == 42, "SCHED0006 resumed, it finds what came");
    kt_need(inv_dispatcher_stop(server.cap), "stop");
    kt_need(inv_dispatcher_resume(server.cap), "resume");
    m = (struct kt_msg){ .cookie = end, .words = { 43 } };
    kt_call(&m);
    kt_eq(m.words[0], 43, "SCHED0007 stopped and resumed in its wait");
    kt_need(inv_dispatcher_kill(server.cap, 0), "kill");
    m = (struct kt_msg){ .cookie = end };
    kt_eq(kt_send(&m), ERR_OK, "SCHED0008 the ends of the dead stay until deleted");
}

static void nap(void *arg)
{
    struct sleeper *s = arg;

    while (s->naps < NAPS) {
        s->next ^= s->next << 13;
        s->next ^= s->next >> 7;
        s->next ^= s->next << 17;
        uint64_t at = kt_now_ns() + 50000 + s->next % 3000000;

        struct kt_msg m = { .cookie = 0 };
        const caddr_t *self = (const caddr_t *)(const void *)&kt_page()->user[8];

        (void)inv_dispatcher_deadline(*self, at);
        kt_call(&m);
        uint64_t now = kt_now_ns();

        if (m.header != KPI_EVENT_TIMER || now < at) {
            s->early++;
        } else if (now - at > s->worst) {
            s->worst = now - at;
        }
        s->naps++;
    }
    kt_exit(0);
}

static void test_sleepers(void)
{
    static struct sleeper sleepers[SLEEPERS];
    uint64_t early = 0, worst = 0, idle = 0, up, switches, interrupts, caps;
    uint64_t idle_before = 0;
    bool all = true;

    (void)inv_kernel_stats(KPI_CAP_KERNEL, &up, &idle_before, &switches, &interrupts, &caps);
    for (unsigned i = 0; i < SLEEPERS; i++) {
        sleepers[i].next = 0x1234567 + i;
        kt_thread_make(&sleepers[i].thread);
        kt_thread_start(&sleepers[i].thread, nap, &sleepers[i]);
    }
    sleep_until(kt_now_ns() + 200 * MS);
    (void)inv_kernel_stats(KPI_CAP_KERNEL, &up, &idle, &switches, &interrupts, &caps);
    for (unsigned i = 0; i < SLEEPERS; i++) {
        all &= sleepers[i].naps == NAPS;
        early += sleepers[i].early;
        worst = sleepers[i].worst > worst ? sleepers[i].worst : worst;
    }
    kt_note("worst lateness of sleepers", worst);
    kt_note("idle ns", idle - idle_before);
    kt_ok(all && early == 0, "SCHED0009 every sleeper wakes, none too early");
    kt_ok(worst < 100000, "SCHED0010 nor late by more than the others need");
    kt_ok(idle - idle_before > 150 * MS, "SCHED0011 the core idles meanwhile");
}

static void serve_by_send(void *arg)
{
    struct kt_msg m = { .cookie = 0 };

    (void)inv_endpoint_bind(server_end, COOKIE);
    for (;;) {
        m.cookie = 0;
        kt_call(&m);
        m.cookie = server_end;
        m.cap = 0;
        (void)kt_send(&m);
    }
}

/* A server that answers and only then waits keeps the core in between. */
static void test_send(void)
{
    static struct kt_thread server;
    uint64_t cpu, sent, received, invocations, faults, preemptions = UINT64_MAX, fp;
    caddr_t end;
    bool answered = true;

    kt_channel(KPI_CHANNEL_BYTES_MIN, &end, &server_end);
    kt_need(inv_endpoint_bind(end, COOKIE), "bind");
    kt_thread_make(&server);
    kt_thread_start(&server, serve_by_send, NULL);
    sleep_until(kt_now_ns() + MS);
    for (unsigned i = 0; i < 1000; i++) {
        struct kt_msg m = { .cookie = end, .words = { i } };

        kt_call(&m);
        answered &= m.cookie == COOKIE && m.words[0] == i;
    }
    (void)inv_dispatcher_stats(server.cap, &cpu, &sent, &received, &invocations, &faults,
                               &preemptions, &fp);
    kt_note("preemptions of a server in 1000 calls", preemptions);
    kt_ok(answered && preemptions < 10, "SCHED1001 an answer does not take the core away");
    kt_need(inv_dispatcher_kill(server.cap, 0), "kill");
}

static void test_ends(void)
{
    static struct kt_thread fresh, stopped, sleeping, ready;
    uint64_t found = 1, nodes;

    kt_thread_make(&fresh);
    kt_thread_make(&stopped);
    kt_thread_make(&sleeping);
    kt_thread_make(&ready);
    kt_thread_start(&stopped, spin, (void *)(uintptr_t)&turns[0]);
    kt_thread_start(&ready, spin, (void *)(uintptr_t)&turns[0]);
    kt_thread_start(&sleeping, serve, NULL);
    sleep_until(kt_now_ns() + 50 * MS);
    kt_need(inv_dispatcher_stop(stopped.cap), "stop");
    kt_need(inv_dispatcher_kill(fresh.cap, 1), "kill a new one");
    kt_need(inv_dispatcher_kill(stopped.cap, 1), "kill a stopped one");
    kt_need(inv_dispatcher_kill(sleeping.cap, 1), "kill a waiting one");
    kt_need(inv_dispatcher_kill(ready.cap, 1), "kill a ready one");
    kt_eq(inv_dispatcher_kill(ready.cap, 2), ERR_OK, "SCHED0012 killed in every state");
    kt_eq(inv_dispatcher_resume(stopped.cap), SYS_ERR_DISP_STATE, "SCHED0013 death is final");
    kt_need(inv_cnode_delete(KT_TASK_NODE, ready.cap), "delete a dead dispatcher");
    sleep_until(kt_now_ns() + 50 * MS);
    (void)inv_kernel_check(KPI_CAP_KERNEL, &found, &nodes);
    kt_eq(found, 0, "SCHED0014 the database is sound");
}

void test_main(void)
{
    kt_plan(15);
    test_shares();
    test_donation();
    test_sleepers();
    test_send();
    test_ends();
}
