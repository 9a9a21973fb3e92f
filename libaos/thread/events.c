/* Events of the dispatcher itself, and the helper thread that makes receive slots when nobody
 * else does. */
#include <aos/slot.h>

#include "queue_priv.h"
#include "thread_priv.h"

#define HELPER_STACK_BYTES 16384u

static struct thread helper;
static uint8_t helper_stack[HELPER_STACK_BYTES] __attribute__((aligned(16)));
static struct thread_queue helper_queue;

void disp_event_disabled(uint64_t events)
{
    if ((events & KPI_EVENT_TIMER) != 0) {
        timer_expire_disabled();
    }
    if ((events & KPI_EVENT_ASKED) != 0) {
        chan_asked_disabled();
    }
    if ((events & KPI_EVENT_SLOT) != 0 && disp_page()->recv_slot == 0 &&
        recv_slot_rotate_disabled() == 0) {
        (void)thread_wake_one_disabled(&helper_queue);
    }
}

/* Threads fill the reserve whenever they come out of a wait. This one is for the case that
 * capabilities come in while every thread stays blocked. */
static void helper_main(void)
{
    for (;;) {
        recv_slot_refill();
        disp_disable();
        thread_block_disabled(&helper_queue);
        disp_enable();
    }
}

void thread_start_helper(void)
{
    helper.level = THREAD_LEVEL_DEFAULT;
    helper.base_level = THREAD_LEVEL_DEFAULT;
    helper.mode = THREAD_PREEMPTED;
    helper.fp_state = THREAD_FP_ALL;
    helper.stack_top = (uint64_t)(helper_stack + sizeof(helper_stack));
    helper.regs.sp = helper.stack_top;
    helper.regs.pc = (uint64_t)helper_main;
    __builtin_memcpy(helper.name, "slots", sizeof("slots"));
    disp_disable();
    queue_push(&helper_queue, &helper);
    helper.state = THREAD_BLOCKED;
    disp_enable();
}
