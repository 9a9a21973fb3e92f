// What the kernel half of the address space maps, read from the tables that the core walks.
#include <kernel/mmu.h>
#include <kernel/panic.h>
#include <arch/pte.h>
#include <arch/sysreg.h>

#define LEVEL_LAST 3u

static uint64_t walk_bytes(unsigned level)
{
    return 1ul << (39 - 9 * level);
}

static bool walk_is_table(pte_t entry, unsigned level)
{
    return level != LEVEL_LAST && (entry & (PTE_VALID | PTE_TABLE)) == (PTE_VALID | PTE_TABLE);
}

// All tables of the kernel half are boot memory of the kernel region.
static const pte_t *walk_table(paddr_t at)
{
    kernel_assert(at - kernel_phys_base < KERNEL_REGION_SIZE);
    return (const pte_t *)(at - kernel_phys_base + KERNEL_BASE);
}

static uint32_t walk_flags(pte_t entry)
{
    bool normal = (entry >> PTE_ATTR_SHIFT & 7) == MAIR_NORMAL;
    return (entry & PTE_AP_RO ? 0 : MMU_RANGE_WRITE) | (entry & PTE_PXN ? 0 : MMU_RANGE_EXECUTE) |
           (normal ? 0 : MMU_RANGE_DEVICE);
}

void mmu_range_next(uint64_t from, struct mmu_range *ret_range)
{
    const pte_t *table = walk_table(sysreg_read(ttbr1_el1) & PTE_ADDR_MASK);
    uint64_t va = from < LINEAR_BASE ? LINEAR_BASE : from;
    unsigned level = 0, i = pte_index(va, level);
    while (walk_is_table(table[i], level)) {
        table = walk_table(table[i] & PTE_ADDR_MASK);
        i = pte_index(va, ++level);
    }
    uint64_t bytes = walk_bytes(level), at = va & ~(bytes - 1);
    for (; i < PTE_COUNT && !(table[i] & PTE_VALID); i++)
        at += bytes;
    *ret_range = (struct mmu_range){.va = at};
    if (i == PTE_COUNT || walk_is_table(table[i], level))
        return; // one table per call: each has 512 entries, and there can be many
    pte_t first = table[i];
    ret_range->pa = first & PTE_ADDR_MASK & ~(bytes - 1);
    ret_range->flags = walk_flags(first);
    do
        ret_range->bytes += bytes;
    while (++i < PTE_COUNT && table[i] == first + ret_range->bytes);
}
