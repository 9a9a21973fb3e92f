/* Calls in one trap (libaos/chan/arch/armv8/binding_call.S) take no disabled section: wherever one
 * is interrupted, it begins anew or goes on with what has come. */
#include <aos/binding.h>
#include <aos/dispatch.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <if/init.h>

#include "taptest.h"

#define SLEEP_MIN_NS 1000u               /* from here to there in steps: what is hit varies */
#define SLEEP_MAX_NS 60000u
#define SLEEP_STEP   333u
#define LIMIT_NS     20000000000ull      /* bounds a run in which nothing is hit */
#define HITS         8u                  /* calls that were interrupted, at least */
#define CALLS_MIN    2000u

extern const char binding_call_begin[], binding_call_pushed[], binding_call_sent[],
    binding_call_good[], binding_call_good_shape[], binding_call_parked_at[];

static struct init_binding *init;
static volatile bool over;
static volatile uint32_t wrong;
static uint32_t other_calls;

static void call(uint64_t value)
{
    uint64_t echo = 0;
    errval_t err = init_number(init, value, &echo);
    if (err_is_fail(err) || echo != value) {
        wrong++;
    }
}

/* Comes in between, and every other time calls, too. */
static int disturb(void *arg)
{
    for (uint64_t ns = SLEEP_MIN_NS; !over;
         ns = ns < SLEEP_MAX_NS ? ns + SLEEP_STEP : SLEEP_MIN_NS) {
        thread_sleep_ns(ns);
        if (ns / SLEEP_STEP % 2 == 0) {
            call(UINT64_MAX - ns);
            other_calls++;
        }
    }
    return 0;
}

static bool interrupted_anywhere(void)
{
    struct thread *thread;
    const uint64_t until = time_deadline_ns(LIMIT_NS);
    uint64_t calls = 0;

    TRY_OK(aos_init(&init));
    TRY_OK(thread_create(disturb, NULL, NULL, &thread));
    while ((calls < CALLS_MIN || chan_interrupted.parked < HITS) && time_now_ns() < until) {
        call(++calls);
    }
    over = true;
    TRY_OK(thread_join(thread, NULL));
    printf("# %u calls and %u of the other thread, %u begun anew, %u went on\n", (unsigned)calls,
           other_calls, chan_interrupted.restarted, chan_interrupted.parked);
    TRY(wrong == 0 && other_calls != 0);
    /* An emulator hardly interrupts the few instructions before a system call: begins_anew. */
    TRY(chan_interrupted.parked >= HITS);
    return true;
}

static uint64_t place(const char *name)
{
    return (uint64_t)(uintptr_t)name;
}

/* Every place before the message is sent. */
static bool begins_anew(void)
{
    const uint64_t header = MSG_HEADER(7, MSG_CALL, 1, 0) | MSG_FLEXIBLE;

    TRY(place(binding_call_begin) < place(binding_call_pushed));
    for (uint64_t pc = place(binding_call_begin); pc < place(binding_call_sent); pc += 4) {
        uint64_t stack[2] = {0xb1b1, 0xa2a2};
        bool pushed = pc >= place(binding_call_pushed);
        struct kpi_regs regs = {.pc = pc, .sp = (uint64_t)(uintptr_t)&stack[pushed ? 0 : 2]};
        regs.x[0] = pushed ? 0x99 : stack[0];
        regs.x[1] = header | 5 * MSG_GEN_ONE | MSG_HASH_MASK;
        regs.x[2] = 22;
        regs.x[10] = 10;
        regs.x[11] = 11;
        chan_interrupted_disabled(&regs);
        TRY(regs.pc == place(binding_call_begin) && regs.sp == (uint64_t)(uintptr_t)&stack[2]);
        TRY(regs.x[0] == 0xb1b1 && regs.x[1] == header && regs.x[2] == 22);
        TRY(regs.x[10] == 10 && regs.x[11] == 11);
    }
    return true;
}

/* Where there is nothing to be done. */
static bool others_are_left_alone(void)
{
    const uint64_t places[] = {place(binding_call_begin) - 4, place(binding_call_good),
                               place(binding_call_good_shape), place(binding_call_parked_at), 0};

    for (unsigned i = 0; i < TAPTEST_COUNT(places); i++) {
        struct kpi_regs regs = {.pc = places[i], .sp = 16};
        regs.x[0] = 1;
        regs.x[1] = UINT64_MAX;
        chan_interrupted_disabled(&regs);
        TRY(regs.pc == places[i] && regs.sp == 16 && regs.x[0] == 1 && regs.x[1] == UINT64_MAX);
    }
    return true;
}

int main(void)
{
    static const struct taptest tests[] = {
        {"CALL0001 calls are right when they are interrupted", interrupted_anywhere},
        {"CALL0002 before it sends, a call begins anew", begins_anew},
        {"CALL0003 other places are left alone", others_are_left_alone},
    };

    return taptest_run(tests, TAPTEST_COUNT(tests));
}
