#include <string.h>
#include <arch/maintain.h>
#include <kernel/check.h>
#include <kernel/lmp.h>
#include <kernel/irq_cap.h>
#include <kernel/vnode.h>
#include "env.h"

_Alignas(2 << 20) uint8_t arena[ARENA_BYTES];
struct tlb_entry tlb[TLB_ENTRIES];
unsigned tlb_invalidations;
static bool tlb_pending; /* invalidated, but not yet complete */
unsigned env_space_gone;

void arch_table_written(void)
{
}

void arch_tlb_page(uint16_t asid, uint64_t va)
{
    tlb_invalidations++;
    tlb_pending = true;
    for (unsigned i = 0; i < TLB_ENTRIES; i++) {
        uint64_t bytes = (tlb[i].leaf & 2) != 0 ? KPI_PAGE_BYTES : KPI_LARGE_BYTES;
        if (tlb[i].asid == asid && tlb[i].va / bytes == va / bytes)
            tlb[i].used = false;
    }
}

void arch_tlb_asid(uint16_t asid)
{
    tlb_invalidations++;
    tlb_pending = true;
    for (unsigned i = 0; i < TLB_ENTRIES; i++) {
        if (tlb[i].asid == asid)
            tlb[i].used = false;
    }
}

void arch_tlb_done(void)
{
    tlb_pending = false;
}

void arch_clear_memory(void *memory, size_t bytes)
{
    memset(memory, 0, bytes);
}

uint64_t env_walk(uint64_t root_pa, uint64_t va)
{
    uint64_t table = root_pa;
    for (unsigned level = 0; level <= VNODE_LEVEL_PAGE; level++) {
        unsigned shift = 39 - 9 * level;
        uint64_t pte = ((uint64_t *)phys_to_virt(table))[va >> shift & 511];
        if ((pte & 1) == 0)
            return 0;
        if (level == VNODE_LEVEL_PAGE || (pte & 2) == 0)
            return pte;
        table = pte & 0xfffffffff000ull;
    }
    return 0;
}

void env_tlb_fill(uint16_t asid, uint64_t root_pa, uint64_t va)
{
    static unsigned next;
    uint64_t leaf = env_walk(root_pa, va);
    if (leaf == 0)
        return;
    next = (next + 1) % TLB_ENTRIES;
    tlb[next] = (struct tlb_entry){.used = true, .asid = asid, .va = va, .leaf = leaf};
}

struct dispatcher *dispatcher_of(const struct cte *object)
{
    return phys_to_virt(cte_base(object));
}

struct dispatcher *env_dispatcher(uint64_t base)
{
    return phys_to_virt(base);
}

void dispatcher_object_init(struct dispatcher *d)
{
    d->state = DISP_NEW;
}

void dispatcher_object_destroy(struct dispatcher *d)
{
    d->state = DISP_DEAD;
}

void dispatcher_space_gone(struct dispatcher *d)
{
    env_space_gone++;
    d->state = DISP_DEAD;
}

/* Ends of channels know no dispatcher that has ended. */
bool dispatcher_ending_step(void)
{
    return false;
}

bool dispatcher_ending(void)
{
    return false;
}

/* No dispatcher enters this kernel. */
bool dispatcher_has_core(const struct dispatcher *d)
{
    return false;
}

bool env_work(void)
{
    check_touched();
    bool more = cap_work();
    check_touched();
    return more;
}

void env_settle(void)
{
    unsigned rounds = 0;
    while (env_work())
        kernel_assert(++rounds < 100000);
    kernel_assert(!cap_work_pending());
    kernel_assert(!tlb_pending);
}

errval_t env_delete(struct cte *cte)
{
    errval_t err;
    do {
        err = cap_delete(cte);
        check_touched();
    } while (err == SYS_ERR_AGAIN);
    env_settle();
    return err;
}

errval_t env_revoke(struct cte *cte)
{
    errval_t err;
    do {
        err = cap_revoke(cte);
        check_touched();
    } while (err == SYS_ERR_AGAIN);
    env_settle();
    return err;
}

errval_t env_retype(struct cte *src, uint64_t off, enum captype type, uint64_t bytes,
                    uint32_t count, struct cte *dest)
{
    errval_t err;
    unsigned rounds = 0;
    do {
        err = cap_retype(src, off, type, bytes, count, dest);
        check_touched();
        kernel_assert(++rounds < 100000);
    } while (err == SYS_ERR_AGAIN);
    return err;
}

void env_reset(void)
{
    memset(tlb, 0, sizeof tlb);
    for (;;) {
        struct cap_key key = {0};
        struct cte *node = tree_after(&key);
        if (node == NULL)
            break;
        if ((node->flags & CTE_DYING) != 0)
            env_settle();
        else
            (void)env_delete(node);
    }
    kernel_assert(cap_node_count() == 0);
    memset(arena, 0xa5, sizeof arena);
}
