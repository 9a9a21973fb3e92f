/* Notifications and doorbells: two cores ring each other through the frame that init shares with
 * the init of a core it has started. The same program is init on both. */
#include "kobj.h"
#include <stdatomic.h>
#include <kpi/core.h>

#define COOKIE       5u
#define BIT_FREE     2u                  /* of core 0: nobody else's business */
#define BIT_NEAR     1u                  /* of core 0: the monitors' for core 1 */
#define BIT_FAR      0u                  /* of core 1: the monitors' for core 0 */
#define BIT_NOBODY   3u                  /* of core 0, where nobody has it at first */
#define BIT_SILENT   7u                  /* of core 0, where nobody ever has one that high */
#define ROUNDS       1000u
#define START_NS     10000000000ull      /* for the other core to come */
#define QUIET_NS     5000000u            /* in which a signal would have come */
#define FLOOD_NS     100000000u          /* ten slices */
/* Per cent of its work that a flooded core still does: 93, and 60 in the slowest kernel with
 * checks; 12 if the flood were not held back. */
#define SHARE_LEAST  50u
#define SHARE_LOOKS  85u                 /* 73 if looking for bits cost who rings nothing */

#define MORE_EVENTS  2u                  /* 4.5 times */

enum { ASK_NOTHING, ASK_ECHO, ASK_RING_NOBODY, ASK_SPIN, ASK_FLOOD, ASK_CHECK };

/* The channel. Core 0 writes `ask` and `number`, core 1 the rest. */
struct shared {
    _Atomic uint32_t ask;
    _Atomic uint32_t doing;
    _Atomic uint64_t number;             /* of the round, before the signal */
    _Atomic uint64_t answer;             /* the number that the signal brought */
    _Atomic uint64_t rings;
    _Atomic uint64_t problems;
};

static struct shared *shared;
static caddr_t near_bell, far_bell;      /* Notify of this core, and of the other one */
static caddr_t raise_end, wait_end;
static volatile uint64_t events;         /* seen by the accomplice */

static bool is_event(const struct kt_msg *m)
{
    return m->cookie == COOKIE && m->header == KPI_CONTROL_HEADER(KPI_CONTROL_EVENT);
}

/* Waits for the next event; false: nothing came in `ns`. */
static bool comes(uint64_t ns)
{
    struct kt_msg m = { .cookie = 0 };

    kt_need(inv_dispatcher_deadline(KPI_CAP_SELF_DISP, kt_now_ns() + ns), "deadline");
    kt_call(&m);
    kt_need(inv_dispatcher_deadline(KPI_CAP_SELF_DISP, 0), "no deadline");
    return is_event(&m);
}

static caddr_t notify(uint32_t core, uint32_t bit)
{
    caddr_t slot = kt_slots(1);

    kt_need(inv_kernel_notify(KPI_CAP_KERNEL, core, bit, slot), "notify");
    return slot;
}

static void make_bell(uint32_t core, uint32_t bit)
{
    near_bell = notify(core, bit);
    kt_channel(KPI_CHANNEL_BYTES_MIN, &raise_end, &wait_end);
    kt_need(inv_endpoint_bind(wait_end, COOKIE), "bind");
    kt_need(inv_notify_connect(near_bell, raise_end), "connect");
}

/* Core 1. */

static void far_echo(void)
{
    while (atomic_load(&shared->ask) == ASK_ECHO) {
        struct kt_msg m = { .cookie = 0 };

        kt_call(&m);
        atomic_store_explicit(&shared->answer,
                              atomic_load_explicit(&shared->number, memory_order_relaxed),
                              memory_order_relaxed);
        kt_need(inv_notify_signal(far_bell), "signal");
    }
}

static void far_flood(uint32_t what, caddr_t bell)
{
    while (atomic_load(&shared->ask) == what) {
        kt_need(inv_notify_signal(bell), "signal");
        atomic_fetch_add_explicit(&shared->rings, 1, memory_order_relaxed);
        __asm__ volatile("yield");       /* where cores take turns, each ring has one */
    }
}

static _Noreturn void far_main(const struct kpi_bootinfo *b)
{
    errval_t err = SYS_ERR_CAP_NOT_FOUND;
    caddr_t nobody, silent;

    for (uint32_t i = 0; i < b->cap_count; i++) {
        if (b->caps[i].kind == KPI_BOOT_CHANNEL) {
            shared = kt_map(b->caps[i].cap, 0, 1, KPI_VM_READ | KPI_VM_WRITE, NULL, &err);
        }
    }
    kt_need(err, "map the channel");
    make_bell(b->core, BIT_FAR);
    far_bell = notify(b->boot_core, BIT_NEAR);
    nobody = notify(b->boot_core, BIT_NOBODY);
    silent = notify(b->boot_core, BIT_SILENT);
    for (;;) {
        uint32_t ask = atomic_load(&shared->ask);
        uint64_t found = 1, nodes;

        atomic_store(&shared->doing, ask);
        if (ask == ASK_ECHO) {
            far_echo();
        } else if (ask == ASK_RING_NOBODY) {
            kt_need(inv_notify_signal(nobody), "signal");
        } else if (ask == ASK_SPIN || ask == ASK_FLOOD) {
            far_flood(ask, ask == ASK_FLOOD ? far_bell : silent);
        } else if (ask == ASK_CHECK) {
            kt_need(inv_kernel_check(KPI_CAP_KERNEL, &found, &nodes), "check");
            atomic_store(&shared->problems, found);
        }
        __asm__ volatile("yield");
    }
}

/* Core 0. */

/* Core 1 does this from now on; false: it does not answer. */
static bool ask(uint32_t what)
{
    uint64_t until = kt_now_ns() + START_NS;

    atomic_store(&shared->ask, what);
    while (atomic_load(&shared->doing) != what) {
        if (kt_now_ns() > until) {
            return false;
        }
        __asm__ volatile("yield");
    }
    return true;
}

static void test_start(void)
{
    caddr_t pool = kt_slots(1), other = kt_slots(1), kcb = ko_kcb(1), frame;
    uint64_t base, bytes, core = 0, state = 0;

    shared = kt_pages(KPI_CORE_CHANNEL_BYTES / KPI_PAGE_BYTES, &frame);
    caddr_t ram = ko_boot_ram(&base, &bytes);
    uint64_t off = bytes - bytes % KPI_LARGE_BYTES - 4 * KPI_CORE_POOL_MIN;

    kt_need(ko_retype(KT_TASK_NODE, ram, off, CAPTYPE_RAM, KPI_CORE_POOL_MIN / 2, 1, pool),
            "pool");
    kt_eq(inv_kcb_start(kcb, pool, frame), SYS_ERR_RETYPE_SIZE, "CORE0101 the pool is too small");
    kt_need(ko_delete(KT_TASK_NODE, pool), "delete");
    kt_need(ko_retype(KT_TASK_NODE, ram, off, CAPTYPE_RAM, KPI_CORE_POOL_MIN, 1, pool), "pool");
    kt_eq(ko_core_start(kcb, pool, frame), ERR_OK, "CORE0102 the core starts");
    kt_ok(ask(ASK_CHECK), "CORE0103 its init is there");
    kt_need(inv_kcb_state(kcb, &core, &state), "state");
    kt_ok(core == 1 && state == KPI_CORE_ON, "CORE0104 the firmware says so, too");
    kt_need(ko_retype(KT_TASK_NODE, ram, off + KPI_CORE_POOL_MIN, CAPTYPE_RAM, KPI_CORE_POOL_MIN, 1,
                      other), "pool");
    kt_eq(inv_kcb_start(kcb, other, frame), SYS_ERR_CORE_STATE, "CORE0105 it starts once");
    kt_need(ko_delete(KT_TASK_NODE, other), "delete");
    kt_eq(ko_retype(KT_TASK_NODE, pool, 0, CAPTYPE_FRAME, KPI_PAGE_BYTES, 1, other),
          SYS_ERR_CAP_RIGHTS, "CORE0106 its memory is not ours any more");
}

static void test_rules(void)
{
    caddr_t copy = kt_slots(1), other, other_wait, empty = kt_slots(1);

    kt_eq(inv_kernel_notify(KPI_CAP_KERNEL, 0, KPI_NOTIFY_BITS, empty), SYS_ERR_BAD_ARGUMENT,
          "BELL0001 no such bit");
    kt_ok(inv_kernel_notify(KPI_CAP_KERNEL, KPI_CORES_MAX, 0, empty) == SYS_ERR_BAD_ARGUMENT &&
              inv_kernel_notify(KPI_CAP_KERNEL, 1, KPI_NOTIFY_MONITORS, empty) ==
                  SYS_ERR_BAD_ARGUMENT,
          "BELL0002 no such core, and no bit of another core but the monitors'");
    near_bell = notify(0, BIT_FREE);
    kt_eq(inv_kernel_notify(KPI_CAP_KERNEL, 0, BIT_FREE, empty), SYS_ERR_NOTIFY_TAKEN,
          "BELL0003 each exists once");
    kt_channel(KPI_CHANNEL_BYTES_MIN, &raise_end, &wait_end);
    kt_channel(KPI_CHANNEL_BYTES_MIN, &other, &other_wait);
    kt_need(inv_cnode_mint(KT_TASK_NODE, near_bell, CAP_RIGHT_W, copy), "mint");
    kt_eq(inv_notify_connect(copy, raise_end), SYS_ERR_CAP_RIGHTS, "BELL0004 who may only ring");
    kt_eq(inv_notify_signal(near_bell), ERR_OK, "BELL0005 rung without an end: nothing comes");
    kt_need(inv_endpoint_bind(wait_end, COOKIE), "bind");
    kt_need(inv_notify_connect(near_bell, raise_end), "connect");
    kt_eq(inv_notify_connect(near_bell, other), SYS_ERR_NOTIFY_TAKEN, "BELL0006 it has one end");
    kt_need(inv_notify_signal(copy), "signal");
    kt_need(inv_notify_signal(near_bell), "signal");
    kt_ok(comes(QUIET_NS) && !comes(QUIET_NS), "BELL0007 two signals are one event");
    kt_need(ko_delete(KT_TASK_NODE, near_bell), "delete");
    kt_need(inv_notify_signal(copy), "signal");
    kt_ok(comes(QUIET_NS), "BELL0008 a copy is as good");
    kt_need(ko_delete(KT_TASK_NODE, copy), "delete");
    near_bell = notify(0, BIT_FREE);
    kt_need(inv_notify_connect(near_bell, other), "connect");
    kt_need(ko_delete(KT_TASK_NODE, other), "delete the end");
    kt_eq(inv_notify_connect(near_bell, raise_end), ERR_OK, "BELL0009 the next end after its end");
    kt_need(inv_notify_signal(near_bell), "signal");
    kt_ok(comes(QUIET_NS), "BELL0010 which hears it");
    kt_need(ko_delete(KT_TASK_NODE, near_bell), "delete");
    kt_need(ko_delete(KT_TASK_NODE, raise_end), "delete");
    kt_need(ko_delete(KT_TASK_NODE, wait_end), "delete");
}

static void test_rounds(void)
{
    bool right = true;

    make_bell(0, BIT_NEAR);
    far_bell = notify(1, BIT_FAR);
    kt_eq(inv_notify_connect(far_bell, raise_end), SYS_ERR_REMOTE,
          "BELL0011 that of another core is connected there");
    kt_ok(ask(ASK_ECHO), "BELL0012 core 1 waits");
    for (uint64_t i = 1; i <= ROUNDS && right; i++) {
        atomic_store_explicit(&shared->number, i, memory_order_relaxed);
        kt_need(inv_notify_signal(far_bell), "signal");
        right = comes(START_NS) &&
                atomic_load_explicit(&shared->answer, memory_order_relaxed) == i;
    }
    kt_ok(right, "BELL0013 each signal wakes the other core, which sees what was written before");
    atomic_store(&shared->ask, ASK_RING_NOBODY);
    kt_need(inv_notify_signal(far_bell), "signal"); /* it looks at what is asked then */
    kt_ok(comes(START_NS) && ask(ASK_RING_NOBODY) && ask(ASK_NOTHING) && !comes(QUIET_NS),
          "BELL0014 a bit that nobody has wakes nobody");
}

/* A bit that was rung while nobody had it does not ring for who gets it next. */
static void test_stale(void)
{
    near_bell = notify(0, BIT_NOBODY);
    kt_need(inv_notify_connect(near_bell, raise_end), "connect");
    kt_ok(!comes(QUIET_NS), "BELL0015 old signals are forgotten");
    kt_ok(ask(ASK_RING_NOBODY) && comes(START_NS), "BELL0016 new ones come");
    kt_ok(ask(ASK_NOTHING), "BELL0017 and core 1 is still there");
    kt_need(ko_delete(KT_TASK_NODE, near_bell), "delete");
}

/* Work done in FLOOD_NS. */
static uint64_t count_work(void)
{
    uint64_t until = kt_now_ns() + FLOOD_NS, done = 0;

    while (kt_now_ns() < until) {
        done++;
        __asm__ volatile("yield");
    }
    return done;
}

static void accomplice(void *arg)
{
    kt_need(inv_endpoint_bind(wait_end, COOKIE), "bind");
    for (;;) {
        struct kt_msg m = { .cookie = 0 };

        kt_call(&m);
        events = events + is_event(&m);
    }
}

/* A domain of core 1 rings as fast as it can, and somebody on core 0 is woken each time. */
static uint64_t work_beside_flood(uint64_t alone)
{
    uint64_t flooded, rings;

    events = 0;

    atomic_store(&shared->rings, 0);
    kt_ok(ask(ASK_FLOOD), "BELL0019 core 1 floods");
    flooded = count_work();
    rings = atomic_load(&shared->rings);
    kt_ok(ask(ASK_NOTHING), "BELL0020 and stops");
    kt_note("work done beside a core that works:", alone);
    kt_note("work done beside a core that rings:", flooded);
    kt_note("rings:", rings);
    kt_note("events:", events);
    return rings > events && events > 0 ? flooded : 0;
}

static void test_flood(void)
{
    static struct kt_thread t;
    uint64_t alone, flooded;

    near_bell = notify(0, BIT_NEAR);
    kt_channel(KPI_CHANNEL_BYTES_MIN, &raise_end, &wait_end);
    kt_need(inv_notify_connect(near_bell, raise_end), "connect");
    kt_thread_make(&t);
    kt_thread_start(&t, accomplice, NULL);
    kt_yield();
    kt_ok(ask(ASK_SPIN), "BELL0018 core 1 works");
    alone = count_work();
    flooded = work_beside_flood(alone);
    kt_ok(flooded * 100 >= alone * SHARE_LEAST, "BELL0021 most of the work is done all the same");

    caddr_t highest = notify(0, KPI_NOTIFY_BITS - 1);
    uint64_t heard = events, fewer;

    kt_ok(work_beside_flood(alone) * 100 >= flooded * SHARE_LOOKS,
          "BELL1001 as much if there is much to look at for each ring");
    fewer = events;
    kt_need(ko_delete(KT_TASK_NODE, highest), "delete");
    (void)work_beside_flood(alone);
    kt_ok(heard > MORE_EVENTS * fewer && events > MORE_EVENTS * fewer,
          "BELL1002 and that is over with who had the highest bit");
}

void test_main(void)
{
    const struct kpi_bootinfo *b = (const struct kpi_bootinfo *)KPI_BOOTINFO_VA;
    uint64_t found = 1, nodes;

    if (b->core != b->boot_core) {
        far_main(b);
    }
    kt_plan(6 + 21 + 7);
    test_start();
    test_rules();
    test_rounds();
    kt_need(ko_delete(KT_TASK_NODE, near_bell), "delete");
    test_stale();
    kt_need(ko_delete(KT_TASK_NODE, raise_end), "delete");
    test_flood();
    kt_need(inv_kernel_check(KPI_CAP_KERNEL, &found, &nodes), "check");
    kt_ok(found == 0 && ask(ASK_CHECK) && ask(ASK_NOTHING) && atomic_load(&shared->problems) == 0,
          "BELL0022 both databases are whole");
}
