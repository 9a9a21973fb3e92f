/* What an enabled dispatcher is told by upcalls: faults of its thread, messages, and that it was
 * preempted. */
#include "ktest.h"

#define COOKIE 0x77u

void upcall_entry(void);
uint64_t upcall_c(uint64_t why);
void upcall_probe_resume(void);
extern const char upcall_bad[];          /* an undefined instruction, then ret */

static struct kt_thread thread;
static caddr_t thread_end;
static uint8_t upcall_stack[8192] __attribute__((aligned(16)));
static volatile uint64_t faults, last_esr, last_far, last_why, preempted, messages, last_word;
static volatile uint64_t slots_asked;
static volatile uint64_t stage;

/* On the upcall stack, disabled. Returns the number of instructions to skip in the saved thread. */
uint64_t upcall_c(uint64_t why)
{
    struct kpi_dispatcher *page = kt_page();

    last_why = why;
    if ((why & KPI_UPCALL_PENDING) != 0) {
        struct kt_msg m = { .cookie = 0 };

        kt_poll(&m);
        if (m.cookie == COOKIE) {
            messages = messages + 1;
            last_word = m.words[0];
        }
        slots_asked = slots_asked + (m.cookie == 0 && m.header == KPI_EVENT_SLOT);
    }
    if ((why & KPI_UPCALL_FAULT) != 0) {
        faults = faults + 1;
        last_esr = page->fault_esr;
        last_far = page->fault_far;
        return 1;
    }
    preempted = preempted + 1;
    return 0;
}

static bool faulted(uint64_t before, uint64_t class)
{
    return faults == before + 1 && last_esr >> 26 == class &&
           (last_why & (KPI_UPCALL_FAULT | KPI_UPCALL_SAVED)) ==
               (KPI_UPCALL_FAULT | KPI_UPCALL_SAVED);
}

static void test_faults(void)
{
    uint64_t before = faults;

    (void)*(volatile uint8_t *)0x1234;
    kt_ok(faulted(before, 0x24) && last_far == 0x1234, "UPCALL0001 reading an unmapped address");
    before = faults;
    __asm__ volatile("str xzr, [%0]" ::"r"(upcall_bad) : "memory");
    kt_ok(faulted(before, 0x24) && last_far == (uint64_t)upcall_bad && (last_esr & 1u << 6) != 0,
          "UPCALL0002 writing read-only memory");
    before = faults;
    __asm__ volatile("ldr xzr, [%0]" ::"r"(0xffff000040000000ull) : "memory");
    kt_ok(faulted(before, 0x24), "UPCALL0003 reading kernel memory");
    before = faults;
    __asm__ volatile(".inst 0");
    kt_ok(faulted(before, 0x00), "UPCALL0004 an undefined instruction");
    before = faults;
    __asm__ volatile("brk #7");
    kt_ok(faulted(before, 0x3c), "UPCALL0005 a breakpoint");
    before = faults;
    __asm__ volatile("mrs x0, ttbr0_el1" ::: "x0");
    kt_ok(faults == before + 1, "UPCALL0006 a register of the kernel");
    before = faults;
    __asm__ volatile("svc #999\n nop");
    kt_ok(faulted(before, 0x15), "UPCALL0007 an unknown system call");
    before = faults;
    __asm__ volatile("svc %0\n nop" ::"i"(SYSCALL_RESUME));
    kt_ok(faulted(before, 0x15), "UPCALL0008 resume while enabled");
}

/* A message comes with a capability. Whoever is to make room for it goes on meanwhile. */
static void test_no_slot(void)
{
    uint64_t before = messages;

    stage = 4;
    while (slots_asked == 0) {
    }
    kt_eq(messages, before, "UPCALL0013 a message that needs a receive slot waits for it");
    kt_page()->recv_slot = kt_slots(1);
    while (messages == before) {
    }
    kt_eq(messages, before + 1, "UPCALL0014 that stops nobody, and it comes when there is one");
}

/* The thread: enabled from here on. */
static void body(void *arg)
{
    kt_page()->recv_slot = 0;
    kt_need(inv_endpoint_bind(thread_end, COOKIE), "bind");
    kt_page()->disabled = 0;
    test_faults();
    stage = 1;
    while (messages == 0) {
    }
    kt_eq(last_word, 4711, "UPCALL0009 a message interrupts a running thread");
    kt_page()->disabled = 1;
    stage = 2;
    while (stage == 2) {
        kt_yield();
    }
    uint64_t before = messages;

    upcall_probe_resume();
    kt_ok(messages == before + 1 && (last_why & KPI_UPCALL_SAVED) != 0,
          "UPCALL0010 resume tells of what is pending");
    before = preempted;
    while (preempted == before) { /* one slice: nobody else runs, still the thread is preempted */
    }
    kt_ok(true, "UPCALL0011 the end of a slice is an upcall");
    test_no_slot();
    stage = 5;
    for (;;) {
        kt_yield();
    }
}

void test_main(void)
{
    caddr_t end;
    struct kt_msg m;

    kt_plan(14);
    kt_channel(KPI_CHANNEL_BYTES_MIN, &end, &thread_end);
    kt_thread_make(&thread);
    thread.page->upcall_entry = (uint64_t)upcall_entry;
    thread.page->upcall_sp = (uint64_t)(upcall_stack + sizeof(upcall_stack));
    kt_thread_start(&thread, body, NULL);
    while (stage != 1) {
        kt_yield();
    }
    m = (struct kt_msg){ .cookie = end, .words = { 4711 } };
    kt_need(kt_send(&m), "send");
    while (stage != 2) {
        kt_yield();
    }
    m = (struct kt_msg){ .cookie = end, .words = { 1 } };
    kt_need(kt_send(&m), "send");
    stage = 3;
    while (stage < 4) {
        (void)inv_dispatcher_deadline(KPI_CAP_SELF_DISP, kt_now_ns() + 50000000);
        m = (struct kt_msg){ .cookie = 0 };
        kt_call(&m);
    }

    caddr_t frame = kt_object(CAPTYPE_FRAME, KPI_PAGE_BYTES, 1);

    m = (struct kt_msg){ .cookie = end,
                         .cap = frame | (uint64_t)CAP_RIGHT_R << KPI_XFER_RIGHTS_SHIFT };
    kt_need(kt_send(&m), "send");
    while (stage != 5) {
        kt_yield();
    }

    uint64_t cpu, sent, received, invocations, count = 0, preemptions, fp_traps;

    (void)inv_dispatcher_stats(thread.cap, &cpu, &sent, &received, &invocations, &count,
                               &preemptions, &fp_traps);
    kt_eq(count, 8, "UPCALL0012 faults are counted");
}
