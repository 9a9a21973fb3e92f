/* The last step of boot: builds init from the initrd's module of that name and starts it
 * (kpi/cspace.h, kpi/startup.h, kpi/bootinfo.h say what it finds). */
#include "init_priv.h"
#include <kernel/boot.h>
#include <kernel/core_data.h>
#include <kernel/cores.h>
#include <kernel/cpio.h>
#include <kernel/cspace.h>
#include <kernel/dispatcher.h>
#include <kernel/doorbell.h>
#include <kernel/icache.h>
#include <kernel/log.h>
#include <kernel/kasan.h>
#include <kernel/memory.h>
#include <kernel/panic.h>
#include <kernel/random.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/timer.h>
#include <kpi/lmp.h>

#define INIT_NAME "init"
#define INIT_STACK_FLAGS (KPI_VM_READ | KPI_VM_WRITE)
#define INIT_STACK_BYTES 0x10000u        /* mapped at the start: init has no one to grow by yet */

/* Kept after boot: capabilities of the kernel's own that other capabilities descend from. */
static struct init_build init_build;

void init_check(errval_t err, const char *what)
{
    if (err_is_fail(err)) {
        panic("init: %s: %s: %s", what, err_name(err), err_message(err));
    }
}

void init_object(struct init_build *b, enum captype type, uint64_t bytes, uint32_t count,
                 struct cte *dest)
{
    errval_t err;

    do {
        err = cap_retype(&b->ram, b->ram_used, type, bytes, count, dest);
    } while (err == SYS_ERR_AGAIN);
    init_check(err, captype_name(type));
    b->ram_used += bytes * count;
}

static void init_find(struct init_build *b)
{
    const struct region *initrd = &b->platform->initrd;
    const struct core_data *further = b->platform->further;
    struct cpio_entry entry;

    if (further != NULL) {
        b->file = phys_to_virt(further->init.base);
        b->file_bytes = further->init.size;
    } else if (initrd->size == 0) {
        panic("no init module: the loader gave no initrd");
    } else if (!cpio_find(phys_to_virt(initrd->base), initrd->size, INIT_NAME, &entry)) {
        panic("no init module in the initrd");
    } else {
        b->file = entry.data;
        b->file_bytes = entry.size;
    }
    init_check(elf_check(b->file, b->file_bytes, &b->program), "the program file");
}

/* Memory for init's objects, and what of it becomes CNodes. */
static void init_nodes(struct init_build *b)
{
    uint64_t bytes = INIT_OBJECTS_BYTES;
    uint64_t base;
    unsigned caps = init_caps_count(b);
    unsigned nodes = (caps + KPI_L2_SLOTS - 1) / KPI_L2_SLOTS;

    b->bootinfo_bytes = (sizeof(struct kpi_bootinfo) + caps * sizeof(struct kpi_boot_cap) +
                         PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    bytes += b->bootinfo_bytes + nodes * KPI_L2_BYTES;
    for (unsigned i = 0; i < b->program.segment_count; i++) {
        bytes += elf_segment_pages(&b->program.segments[i]) * KPI_PAGE_BYTES;
    }
    if (KPI_L1_FIRST_FREE + nodes > KPI_L1_BYTES_MIN / KPI_SLOT_BYTES) {
        panic("init: too many boot capabilities");
    }
    if (!region_take(&b->free_ram, bytes, PAGE_SIZE, LINEAR_SIZE, &base)) {
        panic("init: no memory for its objects");
    }
    init_check(cap_create(&b->ram, CAPTYPE_RAM, base, bytes, CAP_RIGHTS_ALL), "memory");

    /* The L1 node lies in no node until it can hold itself. */
    static struct cte l1;

    init_object(b, CAPTYPE_L1CNODE, KPI_L1_BYTES_MIN, 1, &l1);
    b->l1 = cnode_slots(&l1);
    init_object(b, CAPTYPE_L2CNODE, KPI_L2_BYTES, KPI_L1_FIRST_FREE + nodes, b->l1);
    b->task = cnode_slots(&b->l1[KPI_L1_TASK]);
    b->vnodes = cnode_slots(&b->l1[KPI_L1_VNODES]);
    init_check(cap_move(&l1, &b->task[KPI_CAP_SELF_L1]), "the L1 node");
}

static void init_load(struct init_build *b)
{
    for (unsigned i = 0; i < b->program.segment_count; i++) {
        const struct elf_segment *s = &b->program.segments[i];
        uint64_t page = elf_segment_page(s);
        uint64_t bytes = elf_segment_pages(s) * KPI_PAGE_BYTES;

        init_object(b, CAPTYPE_FRAME, bytes, 1, &b->frames[i]);

        uint8_t *memory = phys_to_virt(cte_base(&b->frames[i]));

        memcpy(memory + (s->va - page), b->file + s->file_off, s->file_bytes);
        if ((s->flags & KPI_VM_EXECUTE) != 0) {
            icache_sync(memory, bytes);
        }
        init_space_map(b, page, &b->frames[i], bytes, s->flags);
    }
    init_object(b, CAPTYPE_FRAME, INIT_STACK_BYTES, 1, &b->stack);
    init_space_map(b, KPI_STACK_TOP - INIT_STACK_BYTES, &b->stack, INIT_STACK_BYTES,
                   INIT_STACK_FLAGS);
    b->ranges[b->range_count++] = (struct kpi_range){
        .va = KPI_STACK_TOP - KPI_STACK_BYTES, .bytes = KPI_STACK_BYTES - INIT_STACK_BYTES,
        .flags = INIT_STACK_FLAGS, .kind = KPI_RANGE_LAZY,
    };
}

static void init_bootinfo(struct init_build *b)
{
    const struct platform *p = b->platform;
    struct cte *frame = &b->task[KPI_CAP_BOOTINFO];

    init_object(b, CAPTYPE_FRAME, b->bootinfo_bytes, 1, frame);
    b->bootinfo = phys_to_virt(cte_base(frame));
    b->bootinfo->magic = KPI_BOOTINFO_MAGIC;
    b->bootinfo->core_count = p->core_count;
    b->bootinfo->core = p->cores.self;
    b->bootinfo->boot_core = p->cores.boot;
    b->bootinfo->device_tree_bytes = p->further == NULL ? p->device_tree.size : 0;
    memcpy(b->bootinfo->bootargs, p->bootargs, strnlen(p->bootargs, PLATFORM_BOOTARGS_MAX - 1));
    memcpy(b->bootinfo->build_id, kernel_build_id(),
           strnlen(kernel_build_id(), sizeof(b->bootinfo->build_id) - 1));
    init_space_map(b, KPI_BOOTINFO_VA, frame, b->bootinfo_bytes, KPI_VM_READ);
}

/* The capabilities at fixed slots of the task CNode that are not made elsewhere. */
static void init_task(struct init_build *b)
{
    const struct platform *p = b->platform;
    uint64_t tree = (p->device_tree.size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
    uint64_t early;

    if (!region_take(&b->free_ram, INIT_EARLY_RAM_BYTES, KPI_LARGE_BYTES, LINEAR_SIZE, &early)) {
        panic("init: no memory to start with");
    }
    init_check(cap_create(&b->task[KPI_CAP_EARLY_RAM], CAPTYPE_RAM, early, INIT_EARLY_RAM_BYTES,
                          CAP_RIGHTS_ALL),
               "early memory");
    init_check(cap_create(&b->task[KPI_CAP_KERNEL], CAPTYPE_KERNEL, CAP_KERNEL_BASE,
                          CAP_PAGE_BYTES, CAP_RIGHTS_ALL),
               "Kernel");
    if (p->further != NULL) {
        return;
    }
    init_check(cap_create(&b->task[KPI_CAP_IRQTABLE], CAPTYPE_IRQTABLE, CAP_IRQ_BASE(0),
                          CAP_IRQ_BYTES, CAP_RIGHTS_ALL),
               "IRQTable");
    init_check(cap_create(&b->task[KPI_CAP_DEVICE_TREE], CAPTYPE_FRAME, p->device_tree.base, tree,
                          CAP_RIGHT_R),
               "device tree");
}

/* Appends `bytes` to the startup block; returns where. */
static uint32_t init_startup_put(struct kpi_startup *s, const void *data, size_t bytes)
{
    uint32_t off = (s->bytes + 7u) & ~7u;

    if (off + bytes > INIT_STARTUP_BYTES) {
        panic("init: the startup block is too small");
    }
    memcpy((char *)s + off, data, bytes);
    s->bytes = off + (uint32_t)bytes;
    return off;
}

static void init_startup(struct init_build *b)
{
    struct cte *frame = &b->task[KPI_CAP_STARTUP];

    init_object(b, CAPTYPE_FRAME, INIT_STARTUP_BYTES, 1, frame);
    init_space_map(b, KPI_STARTUP_VA, frame, INIT_STARTUP_BYTES, KPI_VM_READ);

    struct kpi_startup *s = phys_to_virt(cte_base(frame));

    s->magic = KPI_STARTUP_MAGIC;
    s->bytes = sizeof(*s);
    s->early_ram_bytes = INIT_EARLY_RAM_BYTES;
    s->tls_va = b->program.tls_va;
    s->tls_file_bytes = b->program.tls_file_bytes;
    s->tls_bytes = b->program.tls_bytes;
    s->tls_align = b->program.tls_align;
    s->symbols_va = b->program.symbols_va;
    s->symbols_bytes = b->program.symbols_bytes;
    random_words(s->random);
    s->core = (uint8_t)b->platform->cores.self;
    s->boot_core = (uint8_t)b->platform->cores.boot;
    s->core_count = (uint8_t)b->platform->core_count;
    s->argc = 1;
    s->args_off = init_startup_put(s, INIT_NAME, sizeof(INIT_NAME));
    s->table_count = b->table_count;
    s->tables_off = init_startup_put(s, b->tables, b->table_count * sizeof(b->tables[0]));
    s->range_count = b->range_count;
    s->ranges_off = init_startup_put(s, b->ranges, b->range_count * sizeof(b->ranges[0]));
    s->table_slots_used = b->vnodes_used;
}

static void init_dispatcher(struct init_build *b)
{
    struct cte *cap = &b->task[KPI_CAP_SELF_DISP];

    init_object(b, CAPTYPE_DISPATCHER, KPI_DISPATCHER_BYTES, 1, cap);
    init_space_map(b, KPI_DISPATCHER_VA, cap, KPI_PAGE_BYTES, KPI_VM_READ | KPI_VM_WRITE);
}

_Noreturn void kernel_start(const struct platform *p)
{
    struct init_build *b = &init_build;

    b->platform = p;
    b->free_ram = p->free_ram;
    core_self = (uint8_t)p->cores.self;
    random_init(p->seed, p->seed_bytes, timer_ticks());
    sched_init();
    doorbell_init(p);
    init_find(b);
    kcb_init(p, (struct region){ virt_to_phys(b->file), b->file_bytes });
    init_nodes(b);
    init_space_root(b);
    init_load(b);
    init_bootinfo(b);
    init_dispatcher(b);
    init_startup(b); /* after every other mapping: it lists them */
    init_task(b);
    init_caps_make(b);

    struct dispatcher *d = dispatcher_of(&b->task[KPI_CAP_SELF_DISP]);

    init_check(dispatcher_setup(d, &b->task[KPI_CAP_SELF_L1], &b->task[KPI_CAP_SELF_VROOT],
                                KPI_DISPATCHER_VA),
               "dispatcher set-up");
    dispatcher_init = d;
    init_check(dispatcher_start(d, b->program.entry, KPI_STACK_TOP, KPI_STARTUP_VA),
               "dispatcher start");
    kprintf("init starts, %u capabilities, %u KiB of objects\n", b->bootinfo->cap_count,
            (unsigned)(b->ram_used >> 10));
    kasan_start(p);
    sched_start();
}
