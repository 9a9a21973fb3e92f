#include "matrix.h"
#include <kpi/core.h>

#define VA_L1    (1ull << 39)            /* what entry 1 of the level 0 table translates */
#define UART_IRQ 33u                     /* of QEMU's virt: SPI 1 */
#define COOKIE   11u
#define NOTIFY_BIT 1000u
#define PATTERN  0x5a5a5a5a5a5a5a5aull
#define RUN_NS   2000000u                /* time for a domain to show that it runs */
#define RUN_CODE_VA 0x10000u
#define RUN_DATA_VA 0x11000u
#define RUN_PAGE_VA 0x12000u

static uint64_t seen_va;                 /* what the object of this cell makes readable */
static struct matrix_runner runner;

static void fill(uint64_t va)
{
    for (uint64_t i = 0; i < KPI_PAGE_BYTES; i += sizeof(uint64_t)) {
        *(volatile uint64_t *)(va + i) = PATTERN;
    }
}

static bool seen(caddr_t cap)
{
    return matrix_readable(seen_va);
}

static void make_ram(void)
{
    ko_make(M_OBJECT, CAPTYPE_RAM, KPI_PAGE_BYTES);
    kt_need(ko_retype(KT_TASK_NODE, M_OBJECT, 0, CAPTYPE_FRAME, KPI_PAGE_BYTES, 1, M_FREE),
            "frame");
    seen_va = matrix_map(0, M_FREE, M_FREE + 1);
    fill(seen_va);
}

static void clear_ram(void)
{
    (void)ko_delete(KT_TASK_NODE, M_FREE);
    (void)ko_delete(KT_TASK_NODE, M_FREE + 1);
}

static void make_frame(void)
{
    ko_make(M_OBJECT, CAPTYPE_FRAME, KPI_PAGE_BYTES);
    seen_va = matrix_map(0, M_OBJECT, M_FREE + 1);
    fill(seen_va);
}

static void make_devframe(void)
{
    uint64_t off = 0;
    caddr_t devices = matrix_device(MATRIX_DEVICE, &off);

    kt_need(ko_retype(KT_TASK_NODE, devices, off, CAPTYPE_DEVFRAME, KPI_PAGE_BYTES, 1, M_OBJECT),
            "device");
    seen_va = matrix_map(0, M_OBJECT, M_FREE + 1);
}

static void clear_mapping(void)
{
    (void)ko_delete(KT_TASK_NODE, M_FREE + 1);
}

/* A node shows itself by a Mapping in it, which ends with it. */
static void make_node(enum captype type)
{
    ko_make(M_OBJECT, type, KPI_L2_BYTES);
    ko_make(M_FREE, CAPTYPE_FRAME, KPI_PAGE_BYTES);
    seen_va = matrix_map(0, M_FREE, M_FREE + 1);
    kt_need(inv_cnode_move(M_OBJECT, M_FREE + 1, 200), "move");
    kt_need(inv_cnode_copy(M_OBJECT, M_OBJECT, 100), "a node in itself");
    kt_need(ko_delete(M_OBJECT, 100), "delete");
}

static void make_l1cnode(void)
{
    make_node(CAPTYPE_L1CNODE);
}

static void make_l2cnode(void)
{
    make_node(CAPTYPE_L2CNODE);
}

/* Tables of our own space; `object` is the level of the one in question. */
static void make_tables(unsigned object)
{
    caddr_t table[4] = { KPI_CAP_SELF_VROOT, M_FREE, M_FREE + 1, M_FREE + 2 };

    table[object] = M_OBJECT;
    for (unsigned level = 1; level < 4; level++) {
        ko_make(table[level], (enum captype)(CAPTYPE_VNODEL0 + level), KPI_PAGE_BYTES);
        kt_need(inv_vnode_map(table[level - 1], level == 1 ? 1 : 0, table[level], 0, 1, 0,
                              M_FREE + 3 + level),
                "attach");
    }
    ko_make(M_FREE + 8, CAPTYPE_FRAME, KPI_PAGE_BYTES);
    kt_need(inv_vnode_map(table[3], 0, M_FREE + 8, 0, 1, KPI_VM_READ, M_FREE + 9), "map");
    seen_va = VA_L1;
}

static void make_vnodel1(void)
{
    make_tables(1);
}

static void make_vnodel2(void)
{
    make_tables(2);
}

static void make_vnodel3(void)
{
    make_tables(3);
}

uint64_t matrix_tables(caddr_t cap, caddr_t first, caddr_t *ret_table)
{
    caddr_t above = KPI_CAP_SELF_VROOT;

    for (unsigned level = 1; level < 4; level++) {
        caddr_t table = first + 2 * (level - 1);

        ko_make(table, (enum captype)(CAPTYPE_VNODEL0 + level), KPI_PAGE_BYTES);
        kt_need(inv_vnode_map(above, level == 1 ? 1 : 0, table, 0, 1, 0, table + 1), "attach");
        above = table;
    }
    kt_need(inv_vnode_map(above, 0, cap, 0, 1, KPI_VM_READ, first + 6), "map");
    *ret_table = above;
    return VA_L1;
}

/* Nobody runs in this space: what one sees is that a table is part of it. */
static void make_vnodel0(void)
{
    ko_make(M_OBJECT, CAPTYPE_VNODEL0, KPI_PAGE_BYTES);
    ko_make(M_FREE, CAPTYPE_VNODEL1, KPI_PAGE_BYTES);
    ko_make(M_FREE + 1, CAPTYPE_VNODEL2, KPI_PAGE_BYTES);
    kt_need(inv_vnode_map(M_OBJECT, 0, M_FREE, 0, 1, 0, M_FREE + 2), "attach");
}

static bool works_vnodel0(caddr_t cap)
{
    errval_t err = inv_vnode_map(M_FREE, 0, M_FREE + 1, 0, 1, 0, M_FREE + 3);

    if (err_is_ok(err)) {
        kt_need(inv_mapping_unmap(M_FREE + 3), "detach");
    }
    return err_is_ok(err) && ko_type(KT_TASK_NODE, M_FREE + 2) == CAPTYPE_MAPPING;
}

static void make_mapping(void)
{
    ko_make(M_FREE, CAPTYPE_FRAME, KPI_PAGE_BYTES);
    seen_va = matrix_map(0, M_FREE, M_OBJECT);
    fill(seen_va);
}

void matrix_run(struct matrix_runner *r, caddr_t first)
{
    static const uint32_t code[] = {
        0xf9400001u,                     /* ldr x1, [x0] */
        0x91000421u,                     /* add x1, x1, #1 */
        0xf9000001u,                     /* str x1, [x0] */
        0x17fffffdu,                     /* b   .-12 */
    };
    caddr_t more = first + RUNNER_PARTS;

    for (unsigned i = 0; i < RUNNER_PARTS; i++) {
        r->part[i] = first + i;
    }
    for (unsigned level = 0; level < 4; level++) {
        ko_make(r->part[RUNNER_ROOT + level], (enum captype)(CAPTYPE_VNODEL0 + level),
                KPI_PAGE_BYTES);
        if (level > 0) {
            kt_need(inv_vnode_map(r->part[level - 1], 0, r->part[level], 0, 1, 0,
                                  level == 1 ? r->part[RUNNER_ATTACHED] : more + level),
                    "attach");
        }
    }
    ko_make(r->part[RUNNER_CODE], CAPTYPE_FRAME, KPI_PAGE_BYTES);
    ko_make(r->part[RUNNER_DATA], CAPTYPE_FRAME, KPI_PAGE_BYTES);
    ko_make(r->part[RUNNER_SPACE], CAPTYPE_L1CNODE, KPI_L1_BYTES_MIN);
    ko_make(r->part[RUNNER_DISPATCHER], CAPTYPE_DISPATCHER, KPI_DISPATCHER_BYTES);

    volatile uint32_t *text = (volatile uint32_t *)matrix_map(1, r->part[RUNNER_CODE], more);

    for (unsigned i = 0; i < sizeof(code) / sizeof(code[0]); i++) {
        text[i] = code[i];
    }
    __asm__ volatile("dc cvau, %0\n dsb ish\n ic ivau, %0\n dsb ish\n isb" ::"r"(text) : "memory");
    kt_need(inv_mapping_unmap(more), "unmap the code");
    r->count = (volatile uint64_t *)matrix_map(1, r->part[RUNNER_DATA], more);
    kt_need(inv_vnode_map(r->part[RUNNER_L3], RUN_CODE_VA / KPI_PAGE_BYTES, r->part[RUNNER_CODE], 0,
                          1, KPI_VM_READ | KPI_VM_EXECUTE, more + 1),
            "map code");
    kt_need(inv_vnode_map(r->part[RUNNER_L3], RUN_DATA_VA / KPI_PAGE_BYTES, r->part[RUNNER_DATA], 0,
                          1, KPI_VM_READ | KPI_VM_WRITE, r->part[RUNNER_DATA_MAPPING]),
            "map data");
    kt_need(inv_dispatcher_setup(r->part[RUNNER_DISPATCHER], r->part[RUNNER_SPACE],
                                 r->part[RUNNER_ROOT], RUN_PAGE_VA),
            "setup");
    kt_need(inv_dispatcher_start(r->part[RUNNER_DISPATCHER], RUN_CODE_VA, 0, RUN_DATA_VA), "start");
}

bool matrix_runs(const struct matrix_runner *r)
{
    uint64_t before;

    if (!matrix_readable((uint64_t)r->count)) {
        ko_idle(RUN_NS);
        return false;
    }
    before = *r->count;
    ko_idle(RUN_NS);
    return *r->count > before + 1; /* it may have been stopped between reading and writing */
}

static void make_dispatcher(void)
{
    matrix_run(&runner, M_FREE);
    kt_need(inv_cnode_move(KT_TASK_NODE, runner.part[RUNNER_DISPATCHER], M_OBJECT), "move");
}

static bool works_dispatcher(caddr_t cap)
{
    return matrix_runs(&runner);
}

static void make_endpoint(void)
{
    struct kt_msg m = { .cookie = 0 };

    kt_poll(&m);                         /* of an end that has gone since */
    ko_make(M_OBJECT, CAPTYPE_ENDPOINT, KPI_CHANNEL_BYTES_MIN);
    kt_need(inv_cnode_move(KT_TASK_NODE, M_OBJECT + 1, M_FREE), "the other end");
    kt_need(inv_endpoint_bind(M_FREE, COOKIE), "bind");
}

/* Sends what is received at once; or is told that the peer has gone. */
static bool works_endpoint(caddr_t cap)
{
    struct kt_msg m = { .cookie = M_FREE };
    errval_t err = kt_send(&m);

    if (err != SYS_ERR_LMP_PEER_GONE) {
        return err != SYS_ERR_CAP_NOT_FOUND; /* both ends have gone */
    }
    kt_poll(&m);
    return m.cookie != COOKIE || m.header != KPI_CONTROL_HEADER(KPI_CONTROL_PEER_GONE);
}

static bool irq_is_taken(void)
{
    errval_t err = inv_irq_table_get(KPI_CAP_IRQTABLE, UART_IRQ, M_FREE);

    if (err_is_ok(err)) {
        kt_need(ko_delete(KT_TASK_NODE, M_FREE), "delete the interrupt");
    }
    return err == SYS_ERR_IRQ_TAKEN;
}

/* What shows the table are the interrupts that were taken from it. */
static void make_irqtable(void)
{
    kt_need(inv_cnode_copy(KT_TASK_NODE, KPI_CAP_IRQTABLE, M_OBJECT), "copy");
    kt_need(inv_irq_table_get(M_OBJECT, UART_IRQ, M_FREE + 1), "interrupt");
}

static bool works_irqtable(caddr_t cap)
{
    return irq_is_taken() && ko_type(KT_TASK_NODE, M_FREE + 1) == CAPTYPE_IRQDEST;
}

static void make_irqdest(void)
{
    kt_need(inv_irq_table_get(KPI_CAP_IRQTABLE, UART_IRQ, M_OBJECT), "interrupt");
    ko_make(M_FREE + 1, CAPTYPE_ENDPOINT, KPI_CHANNEL_BYTES_MIN);
    kt_need(inv_irq_dest_connect(M_OBJECT, M_FREE + 1), "connect");
}

static bool works_irqdest(caddr_t cap)
{
    return irq_is_taken();
}

static void make_kernel(void)
{
    kt_need(inv_cnode_copy(KT_TASK_NODE, KPI_CAP_KERNEL, M_OBJECT), "copy");
}

static bool works_named(caddr_t cap)
{
    uint64_t up, idle, switches, interrupts, caps;

    return err_is_ok(inv_kernel_stats(cap, &up, &idle, &switches, &interrupts, &caps));
}

static void make_kcb(void)
{
    kt_need(inv_cnode_copy(KT_TASK_NODE, ko_kcb(1), M_OBJECT), "copy");
}

static bool works_kcb(caddr_t cap)
{
    uint64_t core, state = KPI_CORE_ON;

    return err_is_ok(inv_kcb_state(cap, &core, &state)) && core == 1 && state == KPI_CORE_OFF;
}

static bool notify_is_taken(void)
{
    errval_t err = inv_kernel_notify(KPI_CAP_KERNEL, 0, NOTIFY_BIT, M_FREE);

    if (err_is_ok(err)) {
        kt_need(ko_delete(KT_TASK_NODE, M_FREE), "delete the notification");
    }
    return err == SYS_ERR_NOTIFY_TAKEN;
}

static void make_notify(void)
{
    kt_need(inv_kernel_notify(KPI_CAP_KERNEL, 0, NOTIFY_BIT, M_OBJECT), "notification");
    ko_make(M_FREE + 1, CAPTYPE_ENDPOINT, KPI_CHANNEL_BYTES_MIN);
    kt_need(inv_notify_connect(M_OBJECT, M_FREE + 1), "connect");
}

/* As long as somebody has it, nobody gets another, and it can be signalled. */
static bool works_notify(caddr_t cap)
{
    errval_t err = inv_notify_signal(cap);

    return notify_is_taken() && (err_is_ok(err) || err == SYS_ERR_CAP_NOT_FOUND);
}

static void clear_first(void)
{
    kt_need(ko_delete(KT_TASK_NODE, M_FREE), "delete the frame, or the peer");
}

/* A type of captypes.if without a row here fails. */
const struct matrix_row matrix_rows[CAPTYPE_COUNT] = {
    [CAPTYPE_RAM] = { FROM_RAM, make_ram, seen, clear_ram, 1, true, true, true },
    [CAPTYPE_FRAME] = { FROM_RAM, make_frame, seen, clear_mapping, 1, true, true, true },
    [CAPTYPE_DEVFRAME] = { FROM_DEVICE, make_devframe, seen, clear_mapping, 0, true, true, true },
    [CAPTYPE_L1CNODE] = { FROM_RAM, make_l1cnode, seen, NULL, 1, true, false, false },
    [CAPTYPE_L2CNODE] = { FROM_RAM, make_l2cnode, seen, NULL, 1, true, false, false },
    [CAPTYPE_VNODEL0] = { FROM_RAM, make_vnodel0, works_vnodel0, NULL, 1, false, false, false },
    [CAPTYPE_VNODEL1] = { FROM_RAM, make_vnodel1, seen, NULL, 1, false, false, true },
    [CAPTYPE_VNODEL2] = { FROM_RAM, make_vnodel2, seen, NULL, 2, false, false, true },
    [CAPTYPE_VNODEL3] = { FROM_RAM, make_vnodel3, seen, NULL, 3, false, false, true },
    [CAPTYPE_MAPPING] = { FROM_RAM, make_mapping, seen, clear_first, 1, false, false, false },
    [CAPTYPE_DISPATCHER] = { FROM_RAM, make_dispatcher, works_dispatcher, NULL, 11, true, false,
                             false },
    [CAPTYPE_ENDPOINT] = { FROM_RAM, make_endpoint, works_endpoint, clear_first, 1, false,
                           false, false },
    [CAPTYPE_IRQTABLE] = { FROM_BOOT, make_irqtable, works_irqtable, NULL, 0, true, true, true },
    [CAPTYPE_IRQDEST] = { FROM_IRQTABLE, make_irqdest, works_irqdest, NULL, 0, true, false,
                          false },
    [CAPTYPE_KERNEL] = { FROM_BOOT, make_kernel, works_named, NULL, 0, true, false, false },
    [CAPTYPE_KCB] = { FROM_BOOT, make_kcb, works_kcb, NULL, 0, true, false, false },
    [CAPTYPE_NOTIFY] = { FROM_KERNEL, make_notify, works_notify, NULL, 0, true, false, false },
    [CAPTYPE_PERFMON] = { .from = FROM_NOWHERE },
};
