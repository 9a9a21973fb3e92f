/* Events of the dispatcher itself, and the helper thread that makes receive slots when nobody
 * else does, and maps the ring of traced messages when it is wanted for the first time. */
#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/paging.h>
#include <aos/slot.h>
#include <aos/time.h>

#include "queue_priv.h"
#include "thread_priv.h"

#define HELPER_STACK_BYTES 16384u
/* Until the helper tries again to make slots: the kernel asks for them once, and nothing tells when
 * there is memory for them. */
#define HELPER_RETRY_NS 10000000ull

static struct thread helper;
static uint8_t helper_stack[HELPER_STACK_BYTES] __attribute__((aligned(16)));
static struct thread_queue helper_queue;
static void *ring;                       /* NULL: not mapped yet */
static bool ring_wanted;                 /* the helper is to map it */
static bool slots_wanted;                /* a message waits for one */

void *domain_trace(size_t *ret_bytes)
{
    *ret_bytes = KPI_TRACE_BYTES;
    return ring;
}

static void helper_set_level_disabled(uint32_t level)
{
    helper.base_level = level;
    sched_set_level(&helper, level);
}

/* Mapping takes a thread. It goes before all others, which then record all that they do. */
static void ring_want_disabled(void)
{
    helper_set_level_disabled(THREAD_LEVELS - 1);
    (void)thread_wake_one_disabled(&helper_queue);
}

/* May come before the helper is there, which then finds that it is wanted. */
static void ring_asked_disabled(void)
{
    if (ring != NULL) {
        chan_asked_disabled();
    } else if (!ring_wanted) {
        ring_wanted = true;
        if (helper.stack_top != 0) {
            ring_want_disabled();
        }
    }
}

static void ring_map(void)
{
    struct cap_info info;
    void *va = NULL;
    errval_t err = cap_identify(KPI_CADDR_L1 | KPI_L1_TRACE, &info);
    if (err_is_ok(err) && info.type == CAPTYPE_FRAME && info.b == KPI_TRACE_BYTES) {
        err = paging_map_frame(paging_self(), KPI_CADDR_L1 | KPI_L1_TRACE, 0, KPI_TRACE_BYTES,
                               AOS_VM_RW, &va);
    }
    disp_disable();
    ring_wanted = false;
    ring = va;
    chan_asked_disabled();
    helper_set_level_disabled(THREAD_LEVEL_DEFAULT);
    disp_enable();
}

void disp_event_disabled(uint64_t events)
{
    if ((events & KPI_EVENT_TIMER) != 0) {
        timer_expire_disabled();
    }
    if ((events & KPI_EVENT_ASKED) != 0) {
        ring_asked_disabled();
    }
    if ((events & KPI_EVENT_SLOT) != 0 && disp_page()->recv_slot == 0 &&
        recv_slot_rotate_disabled() == 0) {
        slots_wanted = true;
        (void)thread_wake_one_disabled(&helper_queue);
    }
}

/* Threads fill the reserve whenever they come out of a wait. This one is for the case that
 * capabilities come in while every thread stays blocked. */
static void helper_main(void)
{
    for (;;) {
        if (ring_wanted) {
            ring_map();
        }
        recv_slot_refill();
        disp_disable();
        if (!ring_wanted) {
            slots_wanted = slots_wanted && disp_page()->recv_slot == 0;
            (void)thread_block_until_disabled(
                &helper_queue, slots_wanted ? time_deadline_ns(HELPER_RETRY_NS) : AOS_FOREVER);
        }
        disp_enable();
    }
}

void thread_start_helper(void)
{
    helper.level = THREAD_LEVEL_DEFAULT;
    helper.base_level = THREAD_LEVEL_DEFAULT;
    helper.mode = THREAD_PREEMPTED;
    helper.fp_state = THREAD_FP_ALL;
    helper.regs.sp = (uint64_t)(helper_stack + sizeof(helper_stack));
    helper.regs.pc = (uint64_t)helper_main;
    __builtin_memcpy(helper.name, "slots", sizeof("slots"));
    disp_disable();
    helper.stack_top = helper.regs.sp;   /* it is there */
    queue_push(&helper_queue, &helper);
    helper.state = THREAD_BLOCKED;
    if (ring_wanted) {
        ring_want_disabled();
    }
    disp_enable();
}
