/* A thread that owns every register, preempted a hundred thousand times at random instants,
 * resumed by the kernel (disabled) and by an upcall handler (enabled) in turn, while another
 * dispatcher uses the FP unit too. */
#include "ktest.h"

#define PREEMPTIONS 100000u
#define FP_EVERY    7u                   /* wakes of the other dispatcher between two uses of FP */
#define SPIN_BIT    0x1000u              /* regs.S: increments until this bit of x0 is set */
#define FPCR_BITS   0x00c00000u          /* rounding mode */
#define FPSR_BITS   0x0800009fu          /* QC and the cumulative exceptions */

struct regs_state {
    uint64_t x[31];
    uint64_t nzcv, tpidr, fpcr, fpsr;
    uint64_t kept_sp, pad[2];
    uint64_t q[64];
};

struct regs_area {
    struct regs_state in;
    struct regs_state out;
} __attribute__((aligned(16)));

_Static_assert(offsetof(struct regs_area, out) == 0x330, "regs.S");
_Static_assert(offsetof(struct regs_state, q) == 0x130, "regs.S");

void regs_spin(struct regs_area *area);
void fp_touch(uint64_t seed);

static struct regs_area area;
static volatile uint64_t rounds, wrong, wrong_which;

static uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *state = x;
    return x;
}

static void fill(uint64_t *state)
{
    for (unsigned i = 0; i < 31; i++) {
        area.in.x[i] = random_next(state);
    }
    area.in.x[0] &= ~(uint64_t)(2 * SPIN_BIT - 1);
    area.in.nzcv = random_next(state) & 0xf0000000u;
    area.in.tpidr = random_next(state);
    area.in.fpcr = random_next(state) & FPCR_BITS;
    area.in.fpsr = random_next(state) & FPSR_BITS;
    for (unsigned i = 0; i < 64; i++) {
        area.in.q[i] = random_next(state);
    }
}

static void note_wrong(unsigned which)
{
    if (wrong == 0) {
        wrong_which = which;
    }
    wrong = wrong + 1;
}

static void check(void)
{
    for (unsigned i = 0; i < 31; i++) {
        if (area.out.x[i] != area.in.x[i] + SPIN_BIT) {
            note_wrong(i);
        }
    }
    if (area.out.nzcv != area.in.nzcv) {
        note_wrong(100);
    }
    if (area.out.tpidr != area.in.tpidr) {
        note_wrong(101);
    }
    if (area.out.fpcr != area.in.fpcr || area.out.fpsr != area.in.fpsr) {
        note_wrong(102);
    }
    for (unsigned i = 0; i < 64; i++) {
        if (area.out.q[i] != area.in.q[i]) {
            note_wrong(200 + i);
        }
    }
}

static void spin(void *arg)
{
    uint64_t state = 0x9e3779b97f4a7c15ull;

    for (;;) {
        fill(&state);
        kt_page()->disabled = rounds & 1;
        regs_spin(&area);
        check();
        rounds = rounds + 1;
    }
}

void test_main(void)
{
    static struct kt_thread t;
    uint64_t state = 88172645463325252ull;
    uint64_t cpu, sent, received, invocations, faults = 1, preemptions = 0, fp_traps = 0;
    uint64_t wakes = 0;

    kt_plan(4);
    kt_thread_make(&t);
    kt_thread_start(&t, spin, NULL);
    while (preemptions < PREEMPTIONS && wrong == 0) {
        for (unsigned i = 0; i < 1000; i++) {
            struct kt_msg m = { .cookie = 0 };

            (void)inv_dispatcher_deadline(KPI_CAP_SELF_DISP,
                                          kt_now_ns() + 700 + random_next(&state) % 5000);
            kt_call(&m);
            wakes++;
            if (wakes % FP_EVERY == 0) {
                fp_touch(wakes);
            }
        }
        (void)inv_dispatcher_stats(t.cap, &cpu, &sent, &received, &invocations, &faults,
                                   &preemptions, &fp_traps);
    }
    kt_note("preemptions", preemptions);
    kt_note("upcalls", *(uint64_t *)(void *)&t.page->user[0]);
    kt_note("rounds", rounds);
    kt_note("fp traps", fp_traps);
    if (wrong != 0) {
        kt_note("first wrong register", wrong_which);
    }
    kt_eq(wrong, 0, "PREEMPT0001 every register of a preempted thread is kept");
    kt_ok(rounds > 100, "PREEMPT0002 the thread went on");
    kt_ok(*(uint64_t *)(void *)&t.page->user[0] > PREEMPTIONS / 4,
          "PREEMPT0003 enabled, it was resumed by its own handler");
    kt_ok(fp_traps > PREEMPTIONS / FP_EVERY / 2 && faults == 0,
          "PREEMPT0004 the FP unit changed hands");
}
