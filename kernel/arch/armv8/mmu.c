#include <kernel/core_data.h>
#include <kernel/mmu.h>
#include <kernel/panic.h>
#include <kernel/string.h>
#include <arch/maintain.h>
#include <arch/pte.h>
#include <arch/sysreg.h>

#define BLOCK_1G (1ul << 30)

extern pte_t boot_l0[PTE_COUNT], boot_l2[PTE_COUNT], boot_dev_l3[PTE_COUNT];
extern pte_t boot_window_l3[PTE_COUNT], boot_ident_l0[PTE_COUNT];
extern char _boot_heap_start[];

_Static_assert(DEV_SIZE == PTE_COUNT * PAGE_SIZE, "one table of device pages");
_Static_assert(WINDOW_SIZE == PTE_COUNT * PAGE_SIZE, "one table of window pages");
_Static_assert(KERNEL_BASE >> 30 == WINDOW_BASE >> 30 && KERNEL_BASE >> 30 == DEV_BASE >> 30,
               "region, devices and window share one level 2 table");

paddr_t kernel_phys_base; // owner: this file; constant after mmu_init

// Boot memory, device pages and window pages in use; owned by this file, only written at boot.
static char *mmu_heap_next;
static unsigned mmu_dev_used, mmu_window_used;

static pte_t *mmu_table_of(pte_t entry)
{
    return (pte_t *)((entry & PTE_ADDR_MASK) - kernel_phys_base + KERNEL_BASE);
}

static pte_t mmu_table_entry(const pte_t *table)
{
    kernel_assert((uintptr_t)table % PAGE_SIZE == 0);
    return virt_to_phys(table) | PTE_VALID | PTE_TABLE;
}

static void mmu_flush_tlb(void)
{
    dsb_ishst();
    __asm__ volatile("tlbi vmalle1" ::: "memory");
    dsb_nsh();
    isb();
}

void mmu_init(paddr_t region_base)
{
    kernel_phys_base = region_base;
    mmu_heap_next = _boot_heap_start;
    boot_l2[pte_index(DEV_BASE, 2)] = mmu_table_entry(boot_dev_l3);
    boot_l2[pte_index(WINDOW_BASE, 2)] = mmu_table_entry(boot_window_l3);
    // The root of the identity mapping becomes the empty table of mmu_empty_ttbr0.
    memset(boot_ident_l0, 0, PAGE_SIZE);
    sysreg_write(ttbr0_el1, mmu_empty_ttbr0());
    isb();
    mmu_flush_tlb();
}

uint64_t mmu_empty_ttbr0(void)
{
    return virt_to_phys(boot_ident_l0);
}

void *boot_alloc_page(void)
{
    if (mmu_heap_next + PAGE_SIZE > (char *)(KERNEL_BASE + CORE_DATA_OFFSET))
        return NULL;
    void *page = mmu_heap_next;
    mmu_heap_next += PAGE_SIZE;
    return memset(page, 0, PAGE_SIZE);
}

// Table below entry `*entry`, created if there is none.
static pte_t *mmu_next_table(pte_t *entry)
{
    if (!(*entry & PTE_VALID)) {
        pte_t *table = boot_alloc_page();
        if (table == NULL)
            return NULL;
        *entry = mmu_table_entry(table);
    }
    return mmu_table_of(*entry);
}

// Maps the largest unit that starts at pa and fits into size; returns its size, 0 on failure.
static uint64_t mmu_map_step(uint64_t va, paddr_t pa, uint64_t size)
{
    pte_t *l1 = mmu_next_table(&boot_l0[pte_index(va, 0)]);
    if (l1 == NULL)
        return 0;
    pte_t *entry = &l1[pte_index(va, 1)];
    if ((va | pa) % BLOCK_1G == 0 && size >= BLOCK_1G && !(*entry & PTE_VALID)) {
        *entry = pa | PTE_KERNEL_RAM;
        return BLOCK_1G;
    }
    pte_t *l2 = mmu_next_table(entry);
    if (l2 == NULL)
        return 0;
    entry = &l2[pte_index(va, 2)];
    if ((va | pa) % BLOCK_SIZE == 0 && size >= BLOCK_SIZE && !(*entry & PTE_VALID)) {
        *entry = pa | PTE_KERNEL_RAM;
        return BLOCK_SIZE;
    }
    pte_t *l3 = mmu_next_table(entry);
    if (l3 == NULL)
        return 0;
    l3[pte_index(va, 3)] = pa | PTE_KERNEL_RAM | PTE_PAGE;
    return PAGE_SIZE;
}

bool mmu_map_ram(uint64_t va, paddr_t base, uint64_t size)
{
    if (va % PAGE_SIZE != 0 || base % PAGE_SIZE != 0 || size % PAGE_SIZE != 0)
        return false;
    while (size > 0) {
        uint64_t step = mmu_map_step(va, base, size);
        if (step == 0)
            return false;
        va += step;
        base += step;
        size -= step;
    }
    // Entries only went from invalid to valid: no stale translations, but the walker must see them.
    dsb_ishst();
    isb();
    return true;
}

bool mmu_map_linear(paddr_t base, uint64_t size)
{
    return base < LINEAR_SIZE && size <= LINEAR_SIZE - base &&
           mmu_map_ram(LINEAR_BASE + base, base, size);
}

// Pages that [pa, pa + size) touches; 0 if that is none or wraps.
static uint64_t mmu_pages_touched(paddr_t pa, size_t size)
{
    uint64_t span = pa % PAGE_SIZE + size;
    if (size == 0 || span < size || pa + size < pa)
        return 0;
    return (span + PAGE_SIZE - 1) / PAGE_SIZE;
}

void *dev_map(paddr_t pa, size_t size)
{
    uint64_t pages = mmu_pages_touched(pa, size);
    if (pages == 0 || pages > PTE_COUNT - mmu_dev_used)
        return NULL;
    kernel_assert(pa + size <= PTE_ADDR_MASK);
    uint64_t va = DEV_BASE + mmu_dev_used * PAGE_SIZE;
    for (uint64_t i = 0; i < pages; i++)
        boot_dev_l3[mmu_dev_used++] =
            ((pa & ~(PAGE_SIZE - 1)) + i * PAGE_SIZE) | PTE_KERNEL_DEV | PTE_PAGE;
    dsb_ishst();
    isb();
    return (void *)(va + pa % PAGE_SIZE);
}

void dev_unmap_last(paddr_t pa, size_t size)
{
    for (uint64_t n = mmu_pages_touched(pa, size); n > 0 && mmu_dev_used > 0; n--)
        boot_dev_l3[--mmu_dev_used] = 0;
    mmu_flush_tlb();
}

static void *mmu_window_open(paddr_t pa, size_t size, pte_t flags)
{
    uint64_t pages = mmu_pages_touched(pa, size);
    if (pages == 0 || pages > PTE_COUNT)
        return NULL;
    mmu_window_unmap();
    for (; mmu_window_used < pages; mmu_window_used++)
        boot_window_l3[mmu_window_used] =
            ((pa & ~(PAGE_SIZE - 1)) + mmu_window_used * PAGE_SIZE) | flags | PTE_PAGE;
    dsb_ishst();
    isb();
    return (void *)(WINDOW_BASE + pa % PAGE_SIZE);
}

const void *mmu_window_map(paddr_t pa, size_t size)
{
    return mmu_window_open(pa, size, PTE_KERNEL_RAM | PTE_AP_RO);
}

void *mmu_window_map_rw(paddr_t pa, size_t size)
{
    return mmu_window_open(pa, size, PTE_KERNEL_RAM);
}

void mmu_window_unmap(void)
{
    unsigned pages = mmu_window_used;
    while (mmu_window_used > 0)
        boot_window_l3[--mmu_window_used] = 0;
    dsb_ishst();
    for (unsigned i = 0; i < pages; i++) // page by page: those of user space stay
        arch_tlb_kernel_page(WINDOW_BASE + i * PAGE_SIZE);
    arch_tlb_done();
}
