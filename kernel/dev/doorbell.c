/* Doorbells between cores: kernel/doorbell.h. */
#include <kernel/doorbell.h>
#include <stdatomic.h>
#include <kernel/irq.h>
#include <kernel/mmu.h>
#include <kernel/notify.h>
#include <kernel/panic.h>
#include <kernel/sched.h>
#include <kernel/timer.h>

#define WORD_BITS 64u

_Static_assert(KPI_NOTIFY_BITS == PAGE_SIZE * 8, "a page has a bit for each");

typedef _Atomic uint64_t doorbell_word;

uint32_t doorbell_muted; /* owned by this file */

/* Owned by this file; set by doorbell_init, but for what is noted per slice. */
static struct {
    unsigned self, count;                /* this core's number; how many there are */
    doorbell_word *in[KPI_CORES_MAX];    /* pages of bits that this core takes, by sender */
    doorbell_word *out[KPI_CORES_MAX];   /* and sets, by receiver; NULL: itself, or no such core */
    uint32_t used[KPI_CORES_MAX];        /* since `began`, by sender */
    uint32_t senders;                    /* that have used any */
    uint64_t began;                      /* tick */
} doorbell;

static doorbell_word *doorbell_map(const struct platform *p, unsigned from, unsigned to)
{
    unsigned place = from == p->cores.self ? to : KPI_CORES_MAX + from;
    uint64_t va = DOORBELL_BASE + place * PAGE_SIZE;
    paddr_t pa = p->cores.doorbells.base + (from * p->core_count + to) * PAGE_SIZE;

    if (!mmu_map_ram(va, pa, PAGE_SIZE)) {
        panic("no boot memory left for the doorbells");
    }
    return (doorbell_word *)va;
}

void doorbell_init(const struct platform *p)
{
    if (p->cores.doorbells.size == 0) {
        return;
    }
    doorbell.self = p->cores.self;
    doorbell.count = p->core_count;
    for (unsigned i = 0; i < p->core_count; i++) {
        if (i == doorbell.self) {
            continue;
        }
        doorbell.out[i] = doorbell_map(p, doorbell.self, i);
        doorbell.in[i] = doorbell_map(p, i, doorbell.self);
        for (unsigned w = 0; w < KPI_NOTIFY_BITS / WORD_BITS; w++) {
            atomic_store_explicit(&doorbell.in[i][w], 0, memory_order_relaxed);
        }
        irq_enable_doorbell(i);
    }
}

void doorbell_ring(unsigned core, uint32_t bit)
{
    uint64_t mask = 1ull << bit % WORD_BITS;

    if (core >= doorbell.count || doorbell.out[core] == NULL) {
        return;
    }
    if ((atomic_fetch_or_explicit(&doorbell.out[core][bit / WORD_BITS], mask,
                                  memory_order_release) & mask) == 0) {
        irq_send(core, doorbell.self);
    }
}

void doorbell_clear(uint32_t bit)
{
    uint64_t mask = 1ull << bit % WORD_BITS;

    for (unsigned i = 0; i < doorbell.count; i++) {
        if (doorbell.in[i] != NULL) {
            (void)atomic_fetch_and_explicit(&doorbell.in[i][bit / WORD_BITS], ~mask,
                                            memory_order_relaxed);
        }
    }
}

/* Takes at most DOORBELL_STEP bits of a page, and raises them; returns how many. Bits above
 * all that are somebody's stay, so that they ring once. */
static unsigned doorbell_take(doorbell_word *page)
{
    uint32_t limit = notify_limit();
    unsigned taken = 0;

    for (uint32_t w = 0; w * WORD_BITS < limit; w++) {
        uint64_t mask = limit - w * WORD_BITS >= WORD_BITS ? UINT64_MAX
                                                           : (1ull << limit % WORD_BITS) - 1;

        if ((atomic_load_explicit(&page[w], memory_order_relaxed) & mask) == 0) {
            continue;
        }

        uint64_t bits = mask & atomic_fetch_and_explicit(&page[w], ~mask, memory_order_acquire);

        for (; bits != 0; bits &= bits - 1) {
            if (taken == DOORBELL_STEP) {
                (void)atomic_fetch_or_explicit(&page[w], bits, memory_order_relaxed);
                return taken;
            }
            notify_raise(w * WORD_BITS + (unsigned)__builtin_ctzll(bits));
            taken++;
        }
    }
    return taken;
}

/* What each sender may use: two may use all that one may, and more share what two may. */
static uint32_t doorbell_share(void)
{
    return doorbell.senders <= 2 ? DOORBELL_SLICE_MAX : 2 * DOORBELL_SLICE_MAX / doorbell.senders;
}

void doorbell_rung(unsigned sender)
{
    if (sender >= doorbell.count || doorbell.in[sender] == NULL) {
        return;                          /* nobody sends that */
    }
    if (doorbell.senders == 0) {
        doorbell.began = timer_ticks();
    }
    doorbell.senders += doorbell.used[sender] == 0;

    unsigned taken = doorbell_take(doorbell.in[sender]);

    doorbell.used[sender] += 1 + taken + notify_limit() / DOORBELL_LOOK_UNIT;
    if (taken == DOORBELL_STEP) {
        irq_send(doorbell.self, sender); /* there may be more */
    }
    if (doorbell.used[sender] >= doorbell_share()) {
        doorbell_muted |= 1u << sender;
        irq_mute_doorbell(sender, true);
        doorbell_hear_at(timer_ticks());
    }
}

void doorbell_hear(void)
{
    for (unsigned i = 0; i < doorbell.count && doorbell.senders != 0; i++) {
        doorbell.used[i] = 0;
        if ((doorbell_muted & 1u << i) != 0) {
            irq_mute_doorbell(i, false);
        }
    }
    doorbell.senders = 0;
    doorbell_muted = 0;
}

void doorbell_hear_at(uint64_t now_ticks)
{
    if (now_ticks - doorbell.began >= sched_slice_ticks()) {
        doorbell_hear();
    }
}
