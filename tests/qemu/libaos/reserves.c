/* Slots and slabs grow without bound, give back, and never need what they are about to provide. */
#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/fault.h>
#include <aos/paging.h>
#include <aos/ram.h>
#include <aos/slot.h>
#include <aos/thread.h>
#include <mem_priv.h>
#include <ram_priv.h>

#include "libtest.h"

#define MANY_SLOTS  200000u              /* three times what the first L1 CNode can name */
#define PIECES      3000u
#define FAR_APART   (1ull << 39)         /* addresses so far apart share no table but the root */

/* Nodes that are kept for the next one who wants slots. */
#define SPARE_SLOTS (2 * KPI_L2_SLOTS)

struct use {
    uint64_t ram, slots_used, slots_total;
};

static struct use use_now(void)
{
    struct use use;
    uint64_t ram_free_bytes;
    ram_stats(&ram_free_bytes, &use.ram);
    slot_stats(&use.slots_used, &use.slots_total);
    use.slots_used -= use.ram / RAM_CHUNK_BYTES; /* the capability of each chunk in the pool */
    use.ram -= ram_free_bytes;
    return use;
}

/* All is back but for a few L2 CNodes. */
static void expect_equal(struct use a, struct use b)
{
    printf("# RAM %llu -> %llu, slots %llu of %llu -> %llu of %llu\n", (unsigned long long)a.ram,
           (unsigned long long)b.ram, (unsigned long long)a.slots_used,
           (unsigned long long)a.slots_total, (unsigned long long)b.slots_used,
           (unsigned long long)b.slots_total);
    EXPECT(a.ram - a.slots_total * KPI_SLOT_BYTES == b.ram - b.slots_total * KPI_SLOT_BYTES);
    EXPECT(a.slots_used == b.slots_used && b.slots_total <= a.slots_total + SPARE_SLOTS);
}

/* Each address is one nobody has, and works: now and then something is put there. */
static void take_slots(caddr_t *slots)
{
    for (uint32_t i = 0; i < MANY_SLOTS; i++) {
        struct cap_info info;
        EXPECT_OK(slot_alloc(&slots[i]));
        if (i % 500 == 0) {
            EXPECT_OK(cap_copy(slots[i], KPI_CAP_SELF_L1));
            EXPECT_OK(cap_identify(slots[i], &info));
            EXPECT(info.type == CAPTYPE_L1CNODE);
        }
    }
}

/* In an order of its own: `step` has no factor in common with the number of slots. */
static void give_slots(const caddr_t *slots, uint32_t step)
{
    uint32_t i = 0;
    do {
        if (i % 500 == 0) {
            EXPECT_OK(cap_delete(slots[i]));
        }
        slot_free(slots[i]);
        i = (i + step) % MANY_SLOTS;
    } while (i != 0);
}

static void test_many_slots(void)
{
    static const uint32_t steps[] = { 1, 1, 77777, MANY_SLOTS - 1 };
    caddr_t *slots = malloc(MANY_SLOTS * sizeof(*slots));
    struct use before = use_now();
    EXPECT(slots != NULL);
    for (size_t round = 0; round < sizeof(steps) / sizeof(steps[0]); round++) {
        take_slots(slots);
        EXPECT(use_now().slots_total >= MANY_SLOTS);
        uint8_t *seen = calloc(1, KPI_L1_BYTES_MAX / KPI_SLOT_BYTES * KPI_L2_SLOTS);
        EXPECT(seen != NULL);
        for (uint32_t i = 0; i < MANY_SLOTS; i++) {
            EXPECT(seen[slots[i]]++ == 0);
        }
        free(seen);
        give_slots(slots, steps[round]);
        if (round == 0) {
            before = use_now();          /* the larger L1 CNodes and slabs stay */
        } else {
            expect_equal(before, use_now());
        }
    }
    EXPECT(before.slots_total < 20 * KPI_L2_SLOTS);
    free(slots);
}

/* Each second piece comes back first: no two neighbours, so each is a range of its own. */
static void test_holes(void)
{
    static void *pieces[PIECES];
    struct use before = { 0 };
    for (int round = 0; round < 4; round++) {
        before = use_now();
        for (uint32_t i = 0; i < PIECES; i++) {
            EXPECT_OK(paging_alloc(AOS_PAGE_BYTES, AOS_VM_RW, &pieces[i]));
        }
        for (uint32_t i = 0; i < 2 * PIECES; i += 2) {
            EXPECT_OK(paging_unmap(paging_self(), pieces[i % PIECES + i / PIECES]));
        }
    }
    expect_equal(before, use_now());
}

/* Takes nodes away until a slab has only what a refill under way leaves to others. */
static void drain(enum mem_slab kind, void **chain)
{
    struct slab *s = &mem_slabs[kind];
    mem_lock();
    while (s->free_count > MEM_NODES_RESERVE / 2 + mem_owed(kind)) {
        void **object = slab_alloc(s);
        *object = *chain;
        *chain = object;
    }
    mem_end();
}

static void refill(enum mem_slab kind, void **chain)
{
    mem_lock();
    while (*chain != NULL) {
        void *next = *(void **)*chain;
        slab_free(&mem_slabs[kind], *chain);
        *chain = next;
    }
    mem_end();
}

static struct {
    unsigned filled;
    void *chains[MEM_SLAB_COUNT];
    bool drain;
} growth;

/* Maps the page that was missed, with the reserves at their floor. */
static enum fault_action growth_fault(const struct fault *f, void *arg)
{
    caddr_t frame;
    uint64_t page = aos_round_down(f->address, AOS_PAGE_BYTES);
    if (growth.drain) {
        for (int kind = 0; kind < MEM_SLAB_COUNT; kind++) {
            drain((enum mem_slab)kind, &growth.chains[kind]);
        }
    }
    EXPECT_OK(frame_alloc(AOS_PAGE_BYTES, &frame, NULL));
    EXPECT_OK(paging_map_reserved(paging_self(), (void *)page, frame, 0, AOS_PAGE_BYTES,
                                  AOS_VM_RW));
    growth.filled++;
    return FAULT_RESUME;
}

/* Every slab at its floor, whenever a page is missed whose tables are missing, too. */
static void touch_far_apart(unsigned count, bool drained)
{
    void *base;
    growth.drain = drained;
    growth.filled = 0;
    EXPECT_OK(paging_reserve(paging_self(), count * FAR_APART, AOS_PAGE_BYTES, &base));
    EXPECT_OK(fault_set_region_handler(base, growth_fault, NULL));
    for (unsigned i = 0; i < count; i++) {
        volatile char *p = (char *)base + i * FAR_APART;
        *p = (char)i;
        EXPECT(*p == (char)i);
    }
    EXPECT(growth.filled == count);
    for (int kind = 0; kind < MEM_SLAB_COUNT; kind++) {
        refill((enum mem_slab)kind, &growth.chains[kind]);
    }
}

static void test_growth_in_fault(void)
{
    uint64_t tables = mem_slabs[MEM_SLAB_TABLE].total_count;
    touch_far_apart(40, true);
    EXPECT(mem_slabs[MEM_SLAB_TABLE].total_count > tables);
}

static errval_t source_refuse(void *arg, uint64_t bytes, uint64_t align, caddr_t *ret_ram,
                              uint64_t *ret_bytes)
{
    return LIB_ERR_NO_MEMORY;
}

static void source_no_free(void *arg, caddr_t ram, uint64_t bytes)
{
    libtest_boot_source.free(arg, ram, bytes);
}

/* The same when nobody has more memory: the pool's reserve is what slabs grow from. */
static void test_growth_refused(void)
{
    static const struct ram_source refusing = { .alloc = source_refuse, .free = source_no_free };
    ram_set_source(&refusing);
    touch_far_apart(8, true);
    ram_set_source(&libtest_boot_source);
    touch_far_apart(2, false);
}

static struct {
    struct mutex lock;
    struct cond changed;
    bool asked, released;
} blocked;

/* A source that answers when it is told to, as a memory service does that is busy. */
static errval_t source_blocks(void *arg, uint64_t bytes, uint64_t align, caddr_t *ret_ram,
                              uint64_t *ret_bytes)
{
    mutex_lock(&blocked.lock);
    blocked.asked = true;
    cond_broadcast(&blocked.changed);
    while (!blocked.released) {
        cond_wait(&blocked.changed, &blocked.lock);
    }
    mutex_unlock(&blocked.lock);
    return libtest_boot_source.alloc(arg, bytes, align, ret_ram, ret_bytes);
}

static int thread_asks(void *arg)
{
    void *large;
    EXPECT_OK(paging_alloc(16ull << 20, AOS_VM_RW, &large));
    EXPECT_OK(paging_unmap(paging_self(), large));
    return 0;
}

/* While one thread waits for the source another fills pages from what is there. */
static void test_source_blocks(void)
{
    static const struct ram_source blocking = { .alloc = source_blocks, .free = source_no_free };
    struct thread *asks;
    ram_set_source(&blocking);
    EXPECT_OK(thread_create(thread_asks, NULL, NULL, &asks));
    mutex_lock(&blocked.lock);
    while (!blocked.asked) {
        cond_wait(&blocked.changed, &blocked.lock);
    }
    EXPECT(!blocked.released);
    mutex_unlock(&blocked.lock);
    touch_far_apart(4, false);
    mutex_lock(&blocked.lock);
    blocked.released = true;
    cond_broadcast(&blocked.changed);
    mutex_unlock(&blocked.lock);
    EXPECT_OK(thread_join(asks, NULL));
    ram_set_source(&libtest_boot_source);
}

/* What everything that a refill allocates takes of each reserve. */
struct reserve_use {
    uint64_t free[MEM_SLAB_COUNT], total[MEM_SLAB_COUNT];
};

static struct reserve_use reserve_now(void)
{
    struct reserve_use use;
    for (int kind = 0; kind < MEM_SLAB_COUNT; kind++) {
        use.free[kind] = mem_slabs[kind].free_count;
        use.total[kind] = mem_slabs[kind].total_count;
    }
    return use;
}

static void reserve_expect(const char *what, struct reserve_use before)
{
    struct reserve_use after = reserve_now();
    for (int kind = 0; kind < MEM_SLAB_COUNT; kind++) {
        uint64_t taken = before.free[kind] + after.total[kind] - before.total[kind];
        uint64_t used = taken > after.free[kind] ? taken - after.free[kind] : 0;
        printf("# %s takes %llu of slab %d: %llu + %llu -> %llu\n", what,
               (unsigned long long)used, kind, (unsigned long long)before.free[kind],
               (unsigned long long)(after.total[kind] - before.total[kind]),
               (unsigned long long)after.free[kind]);
        EXPECT(used <= MEM_NODES_RESERVE / 2);
    }
}

/* From here on the next addresses are in a part of the space that has no tables. */
static void leave_tables_behind(void)
{
    void *large;
    void *page;
    EXPECT_OK(paging_reserve(paging_self(), FAR_APART, AOS_PAGE_BYTES, &large));
    do {                                 /* holes below it */
        EXPECT_OK(paging_reserve(paging_self(), AOS_PAGE_BYTES, AOS_PAGE_BYTES, &page));
    } while (page < large);
}

/* The RAM that is free, but for half of the reserve, in pieces. */
static uint32_t drain_ram(uint64_t *ret_bases, uint32_t max)
{
    uint32_t count = 0;
    uint64_t off;
    caddr_t cap;
    mem_lock();
    while (ram_pool_free() > RAM_RESERVE_BYTES / 2 && count < max) {
        uint64_t half = aos_round_up(ram_pool_free() / 4, AOS_PAGE_BYTES);
        uint64_t bytes = half < 16 * AOS_PAGE_BYTES ? AOS_PAGE_BYTES : half;
        if (err_is_fail(ram_take(bytes, AOS_PAGE_BYTES, &cap, &off, &ret_bases[2 * count]))) {
            break;
        }
        ret_bases[2 * count + 1] = bytes;
        count++;
    }
    mem_end();
    return count;
}

enum { SLOTS_MAX = 4096 };

static struct {
    caddr_t slots[SLOTS_MAX];
    uint32_t count;
} drained;

static void drain_slots(void)
{
    mem_lock();
    while (slot_free_count() > MEM_SLOTS_RESERVE / 2 && drained.count < SLOTS_MAX) {
        drained.slots[drained.count++] = slot_take(1);
    }
    mem_end();
}

static void give_slots_back(void)
{
    while (drained.count > 0) {
        slot_free(drained.slots[--drained.count]);
    }
}

static uint64_t slots_when_asked = UINT64_MAX; /* at least */

static errval_t source_counts(void *arg, uint64_t bytes, uint64_t align, caddr_t *ret_ram,
                              uint64_t *ret_bytes)
{
    slots_when_asked = slots_when_asked < slot_free_count() ? slots_when_asked : slot_free_count();
    return LIB_ERR_NO_MEMORY;
}

/* What the source answers, and what comes before its answer, is received into slots. */
static void test_slots_before_ram(void)
{
    static const struct ram_source counting = { .alloc = source_counts, .free = source_no_free };
    drain_slots();
    EXPECT(slot_free_count() < MEM_SLOTS_RESERVE);
    ram_set_source(&counting);
    EXPECT(err_is_fail(mem_begin(1ull << 30, AOS_PAGE_BYTES)));
    EXPECT(slots_when_asked >= MEM_SLOTS_RESERVE && slots_when_asked != UINT64_MAX);
    ram_set_source(&libtest_boot_source);
    give_slots_back();
}

/* Everything is at its floor at once: slots, RAM, each slab; and the addresses that come next have
 * no tables. One refill takes less of each reserve than there is. */
static void test_reserve_suffices(void)
{
    enum { PIECES_MAX = 200 };
    static uint64_t bases[2 * PIECES_MAX];
    caddr_t slot;
    leave_tables_behind();
    uint32_t pieces = drain_ram(bases, PIECES_MAX);
    drain_slots();
    /* Ranges last: those that regions will become are not drained. */
    for (int kind = MEM_SLAB_COUNT - 1; kind >= MEM_SLAB_RANGE; kind--) {
        drain((enum mem_slab)kind, &growth.chains[kind]);
    }
    struct reserve_use before = reserve_now();
    uint64_t kept = slot_kept_free_count();
    EXPECT_OK(slot_alloc(&slot));        /* begins with a refill of everything */
    reserve_expect("a refill", before);
    EXPECT(slot_free_count() >= MEM_SLOTS_RESERVE - 1);
    uint64_t kept_after = slot_kept_free_count();
    printf("# a refill takes %lld slots\n", (long long)(kept - kept_after));
    EXPECT(kept_after >= kept || kept - kept_after <= MEM_SLOTS_RESERVE / 2);
    for (int kind = 0; kind < MEM_SLAB_COUNT; kind++) {
        EXPECT(mem_slabs[kind].free_count >= MEM_NODES_RESERVE + mem_owed((enum mem_slab)kind));
        refill((enum mem_slab)kind, &growth.chains[kind]);
    }
    slot_free(slot);
    give_slots_back();
    mem_lock();
    while (pieces > 0) {
        pieces--;
        ram_give(bases[2 * pieces], bases[2 * pieces + 1]);
    }
    mem_end();
}

/* The operation that takes most: a mapping where no table is, of memory cut out of the middle. */
static void test_operation_fits(void)
{
    void *page;
    caddr_t ram[2];
    for (int i = 0; i < 3; i++) {
        EXPECT_OK(slot_alloc(&ram[0]));  /* reserves are full */
        slot_free(ram[0]);
        leave_tables_behind();
        struct reserve_use before = reserve_now();
        EXPECT_OK(paging_alloc(AOS_PAGE_BYTES, AOS_VM_RW, &page));
        reserve_expect("a mapping without tables", before);
        EXPECT_OK(ram_alloc(AOS_PAGE_BYTES, AOS_PAGE_BYTES, &ram[0]));
        before = reserve_now();
        EXPECT_OK(ram_alloc(AOS_PAGE_BYTES, 16 * AOS_PAGE_BYTES, &ram[1]));
        reserve_expect("aligned RAM", before);
        EXPECT_OK(ram_free(ram[0]));
        EXPECT_OK(ram_free(ram[1]));
        EXPECT_OK(paging_unmap(paging_self(), page));
    }
}

const struct libtest libtest_reserves[] = {
    { "LIB0070 200000 slots", test_many_slots },
    { "LIB0071 holes: each piece that comes back is a range of its own", test_holes },
    { "LIB0072 slabs grow inside a fault handler", test_growth_in_fault },
    { "LIB0073 slabs grow inside a fault handler, no more memory", test_growth_refused },
    { "LIB0074 pages are filled while the source of memory waits", test_source_blocks },
    { "LIB0077 one refill of everything fits into the reserves", test_reserve_suffices },
    { "LIB0078 one operation takes less than half of them", test_operation_fits },
    { "LIB1060 slots are there before the source of memory is asked", test_slots_before_ram },
    { NULL, NULL },
};
