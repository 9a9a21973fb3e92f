/* The capabilities that init gets to share out: all free RAM, all devices, the boot modules. */
#include "init_priv.h"
#include <kernel/cap_remote.h>
#include <kernel/cap_tree.h>
#include <kernel/coverage.h>
#include <kernel/core_data.h>
#include <kernel/cpio.h>
#include <kernel/cspace.h>
#include <kernel/format.h>
#include <kernel/log.h>
#include <kernel/memory.h>
#include <kernel/panic.h>
#include <kernel/string.h>

/* Everything below the address limit that is not memory and not the interrupt controller. */
static void init_caps_devices(const struct platform *p, struct region_list *ret_devices)
{
    uint64_t limit = 1ull << p->phys_bits;
    bool fits = true;

    if (limit > CAP_NAMED_BASE) {
        limit = CAP_NAMED_BASE;
    }
    memset(ret_devices, 0, sizeof(*ret_devices));
    fits &= region_add(ret_devices, 0, limit);
    for (unsigned i = 0; i < p->memory.count; i++) {
        fits &= region_remove(ret_devices, p->memory.item[i].base, p->memory.item[i].size);
    }
    fits &= region_remove(ret_devices, p->gicd.base, p->gicd.size);
    fits &= region_remove(ret_devices, p->gicc.base, p->gicc.size);
    for (unsigned i = 0; i < p->gicr_count; i++) {
        fits &= region_remove(ret_devices, p->gicr[i].base, p->gicr[i].size);
    }
    if (!fits) {
        panic("init: the memory map has too many pieces");
    }
    region_trim(ret_devices, PAGE_SIZE);
}

/* Whether the entry is a module: a regular file that no later one replaces. */
static bool init_caps_module(const struct region *initrd, const struct cpio_entry *entry)
{
    struct cpio_entry last;

    return (entry->mode & CPIO_MODE_TYPE) == CPIO_MODE_REGULAR && entry->size > 0 &&
           cpio_find(phys_to_virt(initrd->base), initrd->size, entry->name, &last) &&
           last.data == entry->data;
}

unsigned init_caps_count(const struct init_build *b)
{
    const struct region *initrd = &b->platform->initrd;
    static struct region_list devices;
    struct cpio cpio;
    struct cpio_entry entry;
    unsigned count = 2;                  /* the image or the channel, coverage */

    count += REGION_LIST_MAX;            /* RAM, at most */
    if (b->platform->further != NULL) {
        return count;
    }
    init_caps_devices(b->platform, &devices);
    count += devices.count + b->platform->core_count;
    cpio_init(&cpio, phys_to_virt(initrd->base), initrd->size);
    while (cpio_next(&cpio, &entry) == CPIO_ENTRY) {
        count += init_caps_module(initrd, &entry);
    }
    return count;
}

/* Makes a capability in the next slot of the free L1 slots' CNodes and lists it. */
static struct kpi_boot_cap *init_caps_add(struct init_build *b, enum kpi_boot_kind kind,
                                          enum captype type, struct region range, uint8_t rights)
{
    unsigned n = b->bootinfo->cap_count;
    unsigned l1 = KPI_L1_FIRST_FREE + n / KPI_L2_SLOTS;
    uint64_t bytes = (range.size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    struct kpi_boot_cap *cap = &b->bootinfo->caps[n];

    init_check(cap_create(&cnode_slots(&b->l1[l1])[n % KPI_L2_SLOTS], type, range.base, bytes,
                          rights),
               "creating a boot capability");
    cap->kind = kind;
    cap->cap = KPI_CADDR(l1, n % KPI_L2_SLOTS);
    cap->base = range.base;
    cap->bytes = range.size;
    b->bootinfo->cap_count = n + 1;
    return cap;
}

static void init_caps_modules(struct init_build *b)
{
    const struct region *initrd = &b->platform->initrd;
    struct cpio cpio;
    struct cpio_entry entry;

    cpio_init(&cpio, phys_to_virt(initrd->base), initrd->size);
    while (cpio_next(&cpio, &entry) == CPIO_ENTRY) {
        if (!init_caps_module(initrd, &entry)) {
            continue;
        }

        struct region range = { virt_to_phys(entry.data), entry.size };

        if (range.base % PAGE_SIZE != 0) {
            uint64_t bytes = (entry.size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);

            if (!region_take(&b->free_ram, bytes, PAGE_SIZE, LINEAR_SIZE, &range.base)) {
                panic("init: no memory for the module %s", entry.name);
            }
            memset(phys_to_virt(range.base), 0, bytes);
            memcpy(phys_to_virt(range.base), entry.data, entry.size);
        }

        struct kpi_boot_cap *cap =
            init_caps_add(b, KPI_BOOT_MODULE, CAPTYPE_FRAME, range, CAP_RIGHT_R | CAP_RIGHT_X);
        size_t length = strnlen(entry.name, sizeof(cap->name) - 1);

        memcpy(cap->name, entry.name, length);
    }
}

static void init_caps_coverage(struct init_build *b)
{
    struct region range;

    if (coverage_memory(&range.base, &range.size)) {
        (void)init_caps_add(b, KPI_BOOT_COVERAGE, CAPTYPE_FRAME, range,
                            CAP_RIGHT_R | CAP_RIGHT_W);
    }
}

static void init_caps_cores(struct init_build *b)
{
    const struct platform *p = b->platform;

    for (unsigned i = 0; i < p->core_count; i++) {
        if (i == p->cores.self || p->cores.kernel[i].size == 0) {
            continue;
        }

        struct kpi_boot_cap *cap =
            init_caps_add(b, KPI_BOOT_KCB, CAPTYPE_KCB, p->cores.kernel[i], CAP_RIGHTS_ALL);

        format_string(cap->name, sizeof(cap->name), "core %u", i);
    }
}

/* The machine, which belongs to the core that booted. */
static void init_caps_machine(struct init_build *b)
{
    const struct platform *p = b->platform;
    struct region image = { p->kernel.base, p->image_bytes };
    static struct region_list devices;

    init_caps_modules(b);
    (void)init_caps_add(b, KPI_BOOT_IMAGE, CAPTYPE_FRAME, image, CAP_RIGHT_R);
    init_caps_devices(p, &devices);
    for (unsigned i = 0; i < devices.count; i++) {
        (void)init_caps_add(b, KPI_BOOT_DEVICE, CAPTYPE_DEVFRAME, devices.item[i],
                            CAP_RIGHTS_ALL);
    }
    init_caps_cores(b);
}

/* The frame that a further core shares with who started it, whose core owns it. */
static void init_caps_channel(struct init_build *b)
{
    const struct platform *p = b->platform;
    struct kpi_boot_cap *cap = init_caps_add(b, KPI_BOOT_CHANNEL, CAPTYPE_FRAME,
                                             p->further->channel, CAP_RIGHT_R | CAP_RIGHT_W);
    struct cte *l2 = &b->l1[cap->cap / KPI_L2_SLOTS];
    struct cte *slot = &cnode_slots(l2)[cap->cap % KPI_L2_SLOTS];

    slot_set_anchor(slot);
    (void)cap_set_owner(slot, (uint8_t)p->cores.boot);
}

void init_caps_make(struct init_build *b)
{
    const struct platform *p = b->platform;
    uint64_t memory = region_total(&p->memory);

    if (p->further == NULL) {
        init_caps_machine(b);
    } else {
        init_caps_channel(b);
        memory = p->further->pool.size;
    }
    init_caps_coverage(b);
    region_trim(&b->free_ram, PAGE_SIZE);
    for (unsigned i = 0; i < b->free_ram.count; i++) {
        (void)init_caps_add(b, KPI_BOOT_RAM, CAPTYPE_RAM, b->free_ram.item[i], CAP_RIGHTS_ALL);
    }
    b->bootinfo->memory_bytes = memory;
    b->bootinfo->kernel_bytes =
        b->bootinfo->memory_bytes - region_total(&b->free_ram) - p->initrd.size;
}
