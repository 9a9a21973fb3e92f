/* Further cores: what their kernels map, read from the page tables of each; and cores that stop and
 * start again. The same program is init on all of them. */
#include "kobj.h"
#include <stdatomic.h>
#include <kpi/core.h>

#define CORES_MAX     4u
#define RANGES_MAX    1024u
#define ROUNDS        50u
#define ANSWER_NS     10000000000ull     /* for another core to do as asked */
#define DOORBELL_VA   0xffffffffb0000000ull /* kernel/include/kernel/memory.h */
#define REGION_BYTES  0x200000ull        /* of a kernel */

enum { ASK_NOTHING, ASK_LIST, ASK_OFF };

struct range {
    uint64_t va, base, bytes, flags;
};

/* A channel: core 0 writes `ask`, the other one the rest. */
struct shared {
    _Atomic uint32_t ask;
    _Atomic uint32_t doing;
    uint32_t count;
    uint32_t reserved;
    struct range range[RANGES_MAX];
};

static struct core {
    caddr_t kcb, pool, frame;
    struct shared *shared;
} cores[CORES_MAX];
static uint32_t core_count;
static caddr_t spare;                    /* a slot */
static struct shared own;                /* of core 0: its list only */

/* Doorbells of this core and of all others, by the other core. */
static caddr_t rings[CORES_MAX];

static void make_rings(const struct kpi_bootinfo *b)
{
    for (uint32_t i = 0; i < b->core_count; i++) {
        caddr_t hears, raise, wait;

        if (i == b->core) {
            continue;
        }
        hears = kt_slots(1);
        rings[i] = kt_slots(1);
        kt_need(inv_kernel_notify(KPI_CAP_KERNEL, b->core, i, hears), "notify");
        kt_need(inv_kernel_notify(KPI_CAP_KERNEL, i, b->core, rings[i]), "notify");
        kt_channel(KPI_CHANNEL_BYTES_MIN, &raise, &wait);
        kt_need(inv_notify_connect(hears, raise), "connect");
    }
}

/* Each core, whether it is on or not. */
static void ring_all(void)
{
    for (uint32_t i = 0; i < CORES_MAX; i++) {
        if (rings[i] != 0) {
            kt_need(inv_notify_signal(rings[i]), "signal");
        }
    }
}

static void list(struct shared *s)
{
    struct range r = { .va = 0, .bytes = 0 };

    s->count = 0;
    do {
        kt_need(inv_kernel_mapping(KPI_CAP_KERNEL, r.va + r.bytes, &r.va, &r.base, &r.bytes,
                                   &r.flags), "mapping");
        s->range[s->count] = r;
        s->count += r.bytes != 0;
    } while (r.va + r.bytes != 0 && s->count < RANGES_MAX);
}

static _Noreturn void far_main(const struct kpi_bootinfo *b)
{
    struct shared *s = NULL;
    errval_t err = SYS_ERR_CAP_NOT_FOUND;

    for (uint32_t i = 0; i < b->cap_count; i++) {
        if (b->caps[i].kind == KPI_BOOT_CHANNEL) {
            s = kt_map(b->caps[i].cap, 0, KPI_CORE_CHANNEL_BYTES / KPI_PAGE_BYTES,
                       KPI_VM_READ | KPI_VM_WRITE, NULL, &err);
        }
    }
    kt_need(err, "map the channel");
    make_rings(b);
    for (;;) {
        ring_all();

        uint32_t ask = atomic_load(&s->ask);

        if (ask == ASK_LIST && atomic_load(&s->doing) != ask) {
            list(s);
        }
        atomic_store(&s->doing, ask);
        if (ask == ASK_OFF) {
            kt_need(inv_kernel_core_off(KPI_CAP_KERNEL), "off");
        }
        __asm__ volatile("yield");
    }
}

static bool ask(const struct core *c, uint32_t what)
{
    uint64_t until = kt_now_ns() + ANSWER_NS;

    atomic_store(&c->shared->ask, what);
    while (atomic_load(&c->shared->doing) != what) {
        ring_all();
        if (kt_now_ns() > until) {
            return false;
        }
        __asm__ volatile("yield");
    }
    return true;
}

static bool start(struct core *c)
{
    atomic_store(&c->shared->ask, ASK_NOTHING);
    atomic_store(&c->shared->doing, ASK_NOTHING);
    return err_is_ok(ko_core_start(c->kcb, c->pool, c->frame)) && ask(c, ASK_LIST);
}

static bool stop(struct core *c)
{
    uint64_t until = kt_now_ns() + ANSWER_NS, core, state = KPI_CORE_ON;
    bool refused = inv_kcb_reclaim(c->kcb, c->pool) == SYS_ERR_CORE_STATE;

    if (!refused || !ask(c, ASK_OFF)) {
        return false;
    }
    while (state != KPI_CORE_OFF && kt_now_ns() < until) {
        kt_need(inv_kcb_state(c->kcb, &core, &state), "state");
        __asm__ volatile("yield");
    }
    return state == KPI_CORE_OFF && err_is_ok(inv_kcb_reclaim(c->kcb, c->pool));
}

static void make_cores(void)
{
    uint64_t base, bytes;
    caddr_t ram = ko_boot_ram(&base, &bytes);
    uint64_t off = bytes - bytes % KPI_LARGE_BYTES;

    cores[0].shared = &own;
    for (uint32_t i = 1; i < core_count; i++) {
        struct core *c = &cores[i];

        off -= 2 * KPI_CORE_POOL_MIN;
        c->kcb = ko_kcb(i);
        c->pool = kt_slots(1);
        c->shared = kt_pages(KPI_CORE_CHANNEL_BYTES / KPI_PAGE_BYTES, &c->frame);
        kt_need(ko_retype(KT_TASK_NODE, ram, off, CAPTYPE_RAM, KPI_CORE_POOL_MIN, 1, c->pool),
                "pool");
    }
}

/* The proof. */

static bool is_linear(const struct range *r)
{
    return r->va - KPI_LINEAR_BASE < KPI_LINEAR_BYTES;
}

/* Memory of the kernel's own: not the RAM that it works on, not devices. */
static bool is_private(const struct range *r)
{
    return !is_linear(r) && (r->flags & KPI_MAPPING_DEVICE) == 0;
}

static uint64_t common_bytes(const struct range *a, const struct range *b)
{
    uint64_t from = a->base > b->base ? a->base : b->base;
    uint64_t a_end = a->base + a->bytes, b_end = b->base + b->bytes;
    uint64_t end = a_end < b_end ? a_end : b_end;

    return end > from ? end - from : 0;
}

/* What the kernels of two cores share; *ret_other: of it what are no doorbells. */
static uint64_t shared_bytes(const struct shared *a, const struct shared *b, uint64_t *ret_other)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < a->count; i++) {
        for (uint32_t j = 0; j < b->count && is_private(&a->range[i]); j++) {
            uint64_t common =
                is_private(&b->range[j]) ? common_bytes(&a->range[i], &b->range[j]) : 0;

            bytes += common;
            if (a->range[i].va < DOORBELL_VA || b->range[j].va < DOORBELL_VA) {
                *ret_other += common;
            }
        }
    }
    return bytes;
}

/* How much of `a`'s linear map is some kernel's own. */
static uint64_t linear_bytes(const struct shared *a, const struct shared *b)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < a->count; i++) {
        for (uint32_t j = 0; j < b->count && is_linear(&a->range[i]); j++) {
            bytes += is_private(&b->range[j]) ? common_bytes(&a->range[i], &b->range[j]) : 0;
        }
    }
    return bytes;
}

/* How much of the linear map is kernel region, as its capability names it. */
static uint64_t region_bytes(const struct shared *a, caddr_t kcb)
{
    uint64_t type, rights, base = 0, size, bytes = 0;

    kt_need(inv_cnode_identify(KPI_CADDR_L1 | kcb / KPI_L2_SLOTS, kcb % KPI_L2_SLOTS, &type,
                               &rights, &base, &size), "identify");
    const struct range region = { .base = base, .bytes = REGION_BYTES };

    for (uint32_t i = 0; i < a->count; i++) {
        bytes += is_linear(&a->range[i]) ? common_bytes(&a->range[i], &region) : 0;
    }
    return bytes;
}

static void sums(const struct shared *s, uint64_t *ret_linear, uint64_t *ret_own,
                 uint64_t *ret_both)
{
    *ret_linear = *ret_own = *ret_both = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct range *r = &s->range[i];
        bool write = (r->flags & KPI_MAPPING_WRITE) != 0;

        *ret_linear += is_linear(r) ? r->bytes : 0;
        *ret_own += is_private(r) && write ? r->bytes : 0;
        *ret_both += write && (r->flags & KPI_MAPPING_EXECUTE) != 0 ? r->bytes : 0;
    }
}

static void test_proof(void)
{
    uint64_t linear0 = 0, in_linear = 0, in_region = 0, both = 0, other = 0;
    bool same = true, pairs = true;

    for (uint32_t a = 0; a < core_count; a++) {
        uint64_t linear, mine, wx;

        sums(cores[a].shared, &linear, &mine, &wx);
        kt_note("core", a);
        kt_note("  bytes of the linear map:", linear);
        kt_note("  writable bytes beside it:", mine);
        linear0 = a == 0 ? linear : linear0;
        same &= linear == linear0 && mine > 0;
        both += wx;
        for (uint32_t b = 0; b < core_count; b++) {
            in_linear += linear_bytes(cores[a].shared, cores[b].shared);
            in_region += b != 0 ? region_bytes(cores[a].shared, cores[b].kcb) : 0;
            pairs &= a == b || shared_bytes(cores[a].shared, cores[b].shared, &other) ==
                                   2 * KPI_PAGE_BYTES;
        }
    }
    kt_ok(same, "CORE0111 all linear maps are alike");
    kt_eq(in_linear, 0, "CORE0112 none of them covers a page that is some kernel's own");
    kt_eq(in_region, 0, "CORE0113 none of them covers a kernel region");
    kt_ok(pairs, "CORE0114 two kernels share two pages");
    kt_eq(other, 0, "CORE0115 which are their doorbells");
    kt_eq(both, 0, "CORE0116 nothing is writable and executable");
}

static void test_rounds(void)
{
    uint64_t before = ko_count(), found = 1, nodes, begun;
    bool well = true;

    kt_eq(inv_kernel_core_off(KPI_CAP_KERNEL), SYS_ERR_CORE_STATE,
          "CORE0117 the core that booted does not go");
    well = stop(&cores[1]) && well;
    kt_eq(ko_retype(KT_TASK_NODE, cores[1].pool, 0, CAPTYPE_FRAME, KPI_PAGE_BYTES, 1, spare),
          ERR_OK, "CORE0118 the memory of a core that is off is free again");
    kt_need(ko_delete(KT_TASK_NODE, spare), "delete");
    well = start(&cores[1]) && well;
    begun = kt_now_ns();
    for (uint32_t i = 0; i < ROUNDS && well; i++) {
        struct core *c = &cores[1 + i % (core_count - 1)];
        uint32_t ranges = c->shared->count;

        well = stop(c) && start(c) && c->shared->count == ranges;
    }
    kt_note("ns for each stop and start:", (kt_now_ns() - begun) / ROUNDS);
    kt_ok(well, "CORE0119 cores stop and start again, fifty times, while all ring all");
    kt_eq(ko_count(), before, "CORE0120 and nothing is lost");
    kt_need(inv_kernel_check(KPI_CAP_KERNEL, &found, &nodes), "check");
    kt_eq(found, 0, "CORE0121 and the database is whole");
}

void test_main(void)
{
    const struct kpi_bootinfo *b = (const struct kpi_bootinfo *)KPI_BOOTINFO_VA;
    bool up = true;
    uint64_t begun;

    if (b->core != b->boot_core) {
        far_main(b);
    }
    core_count = b->core_count;
    spare = kt_slots(1);
    kt_plan(12);
    make_cores();
    make_rings(b);
    begun = kt_now_ns();
    for (uint32_t i = 1; i < core_count; i++) {
        up = start(&cores[i]) && up;
    }
    kt_note("ns until all cores were up:", kt_now_ns() - begun);
    kt_ok(up && core_count == CORES_MAX, "CORE0110 all cores are up");
    list(&own);
    test_proof();
    test_rounds();
}
