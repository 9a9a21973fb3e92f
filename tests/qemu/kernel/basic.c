/* Invocations, scheduling states, death, the log: one dispatcher looks at the kernel and at
 * others. */
#include "ktest.h"

static volatile uint64_t counter;

static void count_forever(void *arg)
{
    for (;;) {
        counter = counter + 1;
    }
}

static void add_one(void *arg)
{
    *(volatile uint64_t *)arg += 1;
}

static void read_null(void *arg)
{
    *(volatile uint64_t *)arg = 1;
}

static uint64_t state_of(caddr_t dispatcher)
{
    uint64_t state = 99, status, cause, pc, far;

    (void)inv_dispatcher_info(dispatcher, &state, &status, &cause, &pc, &far);
    return state;
}

static void test_invoke(void)
{
    struct kt_msg m = { .cookie = 0 };
    uint64_t up, idle, switches, interrupts, caps = 0, words[8] = { 0 };
    register uint64_t x0 __asm__("x0") = KPI_CAP_SELF_DISP;
    register uint64_t x1 __asm__("x1") = 0;

    __asm__ volatile("svc %[n]" : "+r"(x0), "+r"(x1) : [n] "i"(SYSCALL_INVOKE)
                     : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "memory", "cc");
    kt_eq(x0, SYS_ERR_BAD_METHOD, "KERN0001 method 0 exists nowhere");
    kt_eq(inv_dispatcher_stop(0), SYS_ERR_CAP_NOT_FOUND, "KERN0002 address 0 is never valid");
    kt_eq(inv_dispatcher_stop(KPI_CAP_GRANT0), SYS_ERR_CAP_NOT_FOUND, "KERN0003 an empty slot");
    kt_eq(inv_dispatcher_start(KPI_CAP_SELF_DISP, 0, 0, 0), SYS_ERR_DISP_STATE,
          "KERN0004 a running dispatcher does not start");
    kt_poll(&m);
    kt_ok(m.cookie == 0 && m.header == 0, "KERN0005 nothing to receive");
    kt_ok(err_is_ok(inv_kernel_stats(KPI_CAP_KERNEL, &up, &idle, &switches, &interrupts, &caps)) &&
              caps > 20,
          "KERN0006 the kernel counts capabilities");
    (void)inv_kernel_random(KPI_CAP_KERNEL, &words[0], &words[1], &words[2], &words[3]);
    (void)inv_kernel_random(KPI_CAP_KERNEL, &words[4], &words[5], &words[6], &words[7]);
    kt_ok(words[0] != words[4] && words[0] != words[1], "KERN0007 random words differ");
}

static void test_user_pointers(void)
{
    static const uint8_t text[] = "KERN0008 text";
    uint64_t n = 0, next = 0, start = 0;
    uint8_t buf[64];

    kt_eq(inv_kernel_print(KPI_CAP_KERNEL, text, 0x1000), SYS_ERR_TOO_LARGE,
          "KERN0008 a buffer over its bound");
    kt_eq(inv_kernel_print(KPI_CAP_KERNEL, (const void *)0x10, 8), SYS_ERR_USER_POINTER,
          "KERN0009 an unmapped buffer");
    kt_eq(inv_kernel_print(KPI_CAP_KERNEL, (const void *)0xffff000040000000, 8),
          SYS_ERR_USER_POINTER, "KERN0010 a kernel address");
    kt_eq(inv_kernel_log_read(KPI_CAP_KERNEL, 0, (void *)(uintptr_t)text, 8, &n, &next, &start),
          SYS_ERR_USER_POINTER, "KERN0011 a read-only buffer is not written");
    kt_eq(inv_kernel_log_read(KPI_CAP_KERNEL, 0, buf, sizeof(buf), &n, &next, &start), ERR_OK,
          "KERN0012 the log is read");
    kt_ok(n == sizeof(buf) && next == start + n && buf[0] == '[', "KERN0013 from its start");
}

static void test_dispatchers(void)
{
    static struct kt_thread t, u, v;
    volatile uint64_t ran = 0;
    uint64_t state = 0, status = 0, cause = 0, pc = 0, far = 0;
    uint64_t before;

    kt_thread_make(&t);
    kt_eq(state_of(t.cap), KPI_DISP_NEW, "KERN0014 a new dispatcher");
    kt_thread_start(&t, add_one, (void *)(uintptr_t)&ran);
    while (ran == 0) {
        kt_yield();
    }
    while (state_of(t.cap) != KPI_DISP_DEAD) {
        kt_yield();
    }
    kt_eq(ran, 1, "KERN0015 a second dispatcher runs and ends");

    kt_thread_make(&u);
    kt_thread_start(&u, count_forever, NULL);
    while (counter == 0) { /* preemption: nobody yields */
    }
    kt_eq(inv_dispatcher_stop(u.cap), ERR_OK, "KERN0016 stop");
    before = counter;
    kt_yield();
    kt_eq(counter, before, "KERN0017 a stopped dispatcher does not run");
    kt_eq(inv_dispatcher_resume(u.cap), ERR_OK, "KERN0018 resume");
    while (counter == before) {
    }
    kt_eq(inv_dispatcher_kill(u.cap, 77), ERR_OK, "KERN0019 kill");
    before = counter;
    kt_yield();
    kt_eq(counter, before, "KERN0020 a dead dispatcher does not run");
    (void)inv_dispatcher_info(u.cap, &state, &status, &cause, &pc, &far);
    kt_ok(state == KPI_DISP_DEAD && status == 77 && cause == 0, "KERN0021 how it ended");

    kt_thread_make(&v);
    kt_thread_start(&v, read_null, (void *)0x18);
    while (state_of(v.cap) != KPI_DISP_DEAD) {
        kt_yield();
    }
    (void)inv_dispatcher_info(v.cap, &state, &status, &cause, &pc, &far);
    kt_ok(cause >> 26 == 0x24 && far == 0x18, "KERN0022 a fault while disabled ends it");
}

static void test_timer(void)
{
    const struct kpi_dispatcher *page = kt_page();
    uint64_t worst = 0;

    for (unsigned i = 1; i <= 20; i++) {
        struct kt_msg m = { .cookie = 0 };
        uint64_t at = kt_now_ns() + i * 37777;

        kt_need(inv_dispatcher_deadline(KPI_CAP_SELF_DISP, at), "deadline");
        kt_call(&m);
        uint64_t now = kt_now_ns();

        if (m.cookie != 0 || m.header != KPI_EVENT_TIMER || now < at) {
            kt_note("header", m.header);
            kt_note("early", at - now);
            worst = UINT64_MAX;
            break;
        }
        if (now - at > worst) {
            worst = now - at;
        }
    }
    kt_note("worst lateness in ns, timer Hz follows", worst);
    kt_note("timer", page->timer_hz);
    kt_ok(worst != UINT64_MAX, "KERN0023 deadlines are never early");
    kt_need(inv_dispatcher_deadline(KPI_CAP_SELF_DISP, 1), "deadline in the past");
    struct kt_msg m = { .cookie = 0 };

    kt_poll(&m);
    kt_eq(m.header, KPI_EVENT_TIMER, "KERN0024 a deadline in the past is due at once");
}

static void test_ask(void)
{
    struct kt_msg m = { .cookie = 0 };

    kt_need(inv_dispatcher_ask(KPI_CAP_SELF_DISP), "ask");
    kt_need(inv_dispatcher_ask(KPI_CAP_SELF_DISP), "ask again");
    kt_ok(kt_page()->pending != 0, "KERN0025 asking is pending");
    kt_poll(&m);
    kt_ok(m.cookie == 0 && m.header == KPI_EVENT_ASKED && kt_page()->pending == 0,
          "KERN0026 asked twice, told once");
    kt_need(inv_dispatcher_ask(KPI_CAP_SELF_DISP), "ask");
    kt_need(inv_dispatcher_deadline(KPI_CAP_SELF_DISP, 1), "deadline in the past");
    kt_poll(&m);
    kt_eq(m.header, KPI_EVENT_ASKED | KPI_EVENT_TIMER, "KERN0027 told together with the timer");
}

void test_main(void)
{
    kt_plan(27);
    test_invoke();
    test_user_pointers();
    test_dispatchers();
    test_timer();
    test_ask();
}
