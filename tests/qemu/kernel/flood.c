/* Doorbells rung as fast as they can be, by one core and by all others at once: what that takes
 * from the core that is rung is bounded however many ring, and who rings little is heard all the
 * same. The same program is init on all cores. */
#include "kobj.h"
#include <stdatomic.h>
#include <kpi/core.h>

#define CORES        4u
#define COOKIE       5u                  /* and the core that rings */
#define BIT_SILENT   7u                  /* of core 0, where nobody ever has one that high */
#define START_NS     10000000000ull      /* for another core to come */
#define FLOOD_NS     100000000u          /* ten slices */
#define PAUSE_NS     5000000u            /* between the rings of who rings little */
#define SHARE_LEAST  50u                 /* per cent of its work that a core still does: 92 */
#define COST_MOST    20u                 /* tenths of what one flood costs, for three: 17 */

/* The channel. Core 0 writes `floods`, and each other core its own places. */
struct shared {
    /* Cores 1 to this one ring; if that leaves one, it rings little. The others ring nobody. */
    _Alignas(64) _Atomic uint32_t floods;
    _Alignas(64) _Atomic uint32_t up[CORES];
    _Atomic uint64_t rings[CORES];
};

static struct shared *shared;
static caddr_t wait_ends[CORES];
static volatile uint64_t events[CORES];  /* seen by the accomplice, by the core that rang */

/* Other cores. */

static bool is_due(uint32_t core, uint64_t *next_ns)
{
    uint32_t floods = atomic_load(&shared->floods);
    uint64_t now = kt_now_ns();

    if (floods == CORES - 2 && core == CORES - 1) {
        if (now < *next_ns) {
            return false;
        }
        *next_ns = now + PAUSE_NS;
        return true;
    }
    return core <= floods;
}

static _Noreturn void far_main(const struct kpi_bootinfo *b)
{
    caddr_t bell = kt_slots(1), silent = kt_slots(1);
    errval_t err = SYS_ERR_CAP_NOT_FOUND;
    uint64_t next_ns = 0;

    for (uint32_t i = 0; i < b->cap_count; i++) {
        if (b->caps[i].kind == KPI_BOOT_CHANNEL) {
            shared = kt_map(b->caps[i].cap, 0, 1, KPI_VM_READ | KPI_VM_WRITE, NULL, &err);
        }
    }
    kt_need(err, "map the channel");
    kt_need(inv_kernel_notify(KPI_CAP_KERNEL, b->boot_core, b->core, bell), "notify");
    kt_need(inv_kernel_notify(KPI_CAP_KERNEL, b->boot_core, BIT_SILENT, silent), "notify");
    atomic_store(&shared->up[b->core], 1);
    for (;;) {
        bool due = is_due(b->core, &next_ns);

        kt_need(inv_notify_signal(due ? bell : silent), "signal");
        if (due) {
            atomic_fetch_add_explicit(&shared->rings[b->core], 1, memory_order_relaxed);
        }
        __asm__ volatile("yield");       /* where cores take turns, each ring has one */
    }
}

/* Core 0. */

static void start_all(void)
{
    uint64_t base, bytes, until = kt_now_ns() + START_NS;
    caddr_t frame, ram = ko_boot_ram(&base, &bytes);

    shared = kt_pages(KPI_CORE_CHANNEL_BYTES / KPI_PAGE_BYTES, &frame);
    for (uint32_t i = 1; i < CORES; i++) {
        caddr_t pool = kt_slots(1), near = kt_slots(1), raise;
        uint64_t off = bytes - bytes % KPI_LARGE_BYTES - (i + 1) * KPI_CORE_POOL_MIN;

        kt_need(inv_kernel_notify(KPI_CAP_KERNEL, 0, i, near), "notify");
        kt_channel(KPI_CHANNEL_BYTES_MIN, &raise, &wait_ends[i]);
        kt_need(inv_notify_connect(near, raise), "connect");
        kt_need(ko_retype(KT_TASK_NODE, ram, off, CAPTYPE_RAM, KPI_CORE_POOL_MIN, 1, pool), "pool");
        kt_need(ko_core_start(ko_kcb(i), pool, frame), "start");
        while (atomic_load(&shared->up[i]) == 0 && kt_now_ns() < until) {
            __asm__ volatile("yield");
        }
    }
    kt_ok(kt_now_ns() < until, "BELL0031 three more cores are there");
}

static void accomplice(void *arg)
{
    for (uint32_t i = 1; i < CORES; i++) {
        kt_need(inv_endpoint_bind(wait_ends[i], COOKIE + i), "bind");
    }
    for (;;) {
        struct kt_msg m = { .cookie = 0 };

        kt_call(&m);
        if (m.cookie > COOKIE && m.cookie < COOKIE + CORES) {
            events[m.cookie - COOKIE]++;
        }
    }
}

/* Work done in FLOOD_NS while as many cores ring. */
static uint64_t work_beside(uint32_t floods)
{
    uint64_t until = kt_now_ns() + FLOOD_NS, done = 0;

    atomic_store(&shared->floods, floods);
    while (kt_now_ns() < until) {
        done++;
        __asm__ volatile("yield");
    }
    atomic_store(&shared->floods, 0);
    return done;
}

void test_main(void)
{
    const struct kpi_bootinfo *b = (const struct kpi_bootinfo *)KPI_BOOTINFO_VA;
    static struct kt_thread t;
    uint64_t alone, one, three, heard, rung;

    if (b->core != b->boot_core) {
        far_main(b);
    }
    kt_plan(4);
    start_all();
    kt_thread_make(&t);
    kt_thread_start(&t, accomplice, NULL);
    kt_yield();
    alone = work_beside(0);
    one = work_beside(1);
    three = work_beside(CORES - 1);
    kt_note("work done beside three cores that work:", alone);
    kt_note("one of which rings:", one);
    kt_note("all of which ring:", three);
    kt_ok(one < alone && one * 100 >= alone * SHARE_LEAST,
          "BELL0032 most of it is done beside a flood");
    kt_ok(three < alone && (alone - three) * 10 <= (alone - one) * COST_MOST,
          "BELL0033 three floods cost at most what two do");
    heard = events[CORES - 1];
    rung = atomic_load(&shared->rings[CORES - 1]);
    (void)work_beside(CORES - 2);
    heard = events[CORES - 1] - heard;
    rung = atomic_load(&shared->rings[CORES - 1]) - rung;
    kt_note("rings of a core that rings little:", rung);
    kt_note("of which were heard:", heard);
    kt_ok(rung > 2 && heard + 2 >= rung, "BELL0034 who rings little is heard beside two floods");
}
