/* Capabilities and page tables through invocations, with a real MMU behind them: what the host
 * tests of the capability system cannot see. */
#include "kobj.h"

#define VA_BASE  0x80000000ull /* the third GiB: nothing is there at start */
#define VA_GIB   1             /* one GiB is an entry of a level 1 table */
#define SMALL_VA VA_BASE       /* level 3 table in entry 0 of the level 2 table */
#define LARGE_VA (VA_BASE + KPI_LARGE_BYTES)
#define RW       (KPI_VM_READ | KPI_VM_WRITE)
#define RX       (KPI_VM_READ | KPI_VM_EXECUTE)
#define PAGE(n)  (SMALL_VA + (n) * (uint64_t)KPI_PAGE_BYTES)
#define ANSWER   42

static caddr_t l1, l2, l3, l2_mapping, ram;
static uint64_t ram_base, ram_bytes;

/* The kernel's copying of user buffers asks the MMU as user space would. */
static bool readable(uint64_t va)
{
    return err_is_ok(inv_kernel_print(KPI_CAP_KERNEL, (const void *)va, 4));
}

static bool writable(uint64_t va)
{
    uint64_t n, next, start;

    return err_is_ok(inv_kernel_log_read(KPI_CAP_KERNEL, 0, (void *)va, 4, &n, &next, &start));
}

static volatile uint64_t *at(uint64_t va)
{
    return (volatile uint64_t *)va;
}

static uint64_t count_caps(void)
{
    uint64_t up, idle, switches, interrupts, caps = 0;

    kt_need(inv_kernel_stats(KPI_CAP_KERNEL, &up, &idle, &switches, &interrupts, &caps), "stats");
    return caps;
}

static caddr_t map(caddr_t table, unsigned index, caddr_t src, uint64_t off, unsigned pages,
                   uint32_t flags)
{
    caddr_t mapping = kt_slots(1);

    kt_need(inv_vnode_map(table, (uint16_t)index, src, off, (uint16_t)pages, flags, mapping),
            "map");
    return mapping;
}

static errval_t delete (caddr_t cap)
{
    errval_t err;

    do {
        err = inv_cnode_delete(KT_TASK_NODE, cap);
    } while (err == SYS_ERR_AGAIN);
    return err;
}

static errval_t revoke(caddr_t cap)
{
    errval_t err;

    do {
        err = inv_cnode_revoke(KT_TASK_NODE, cap);
    } while (err == SYS_ERR_AGAIN);
    return err;
}

static errval_t retype(caddr_t src, uint64_t off, enum captype type, uint64_t bytes, caddr_t dest)
{
    errval_t err;

    do {
        err = inv_cnode_retype(KT_TASK_NODE, src, off, (uint8_t)type, bytes, 1, dest);
    } while (err == SYS_ERR_AGAIN);
    return err;
}

static void make_tables(void)
{
    const struct kpi_startup *s = (const struct kpi_startup *)KPI_STARTUP_VA;
    const struct kpi_table *t =
        (const struct kpi_table *)(KPI_STARTUP_VA + (uint64_t)s->tables_off);
    const struct kpi_bootinfo *b = (const struct kpi_bootinfo *)KPI_BOOTINFO_VA;

    for (uint32_t i = 0; i < s->table_count; i++) {
        if (t[i].level == 1 && t[i].va == 0) {
            l1 = KPI_CADDR(KPI_L1_VNODES, t[i].index);
        }
    }
    l2 = kt_object(CAPTYPE_VNODEL2, KPI_PAGE_BYTES, 1);
    l3 = kt_object(CAPTYPE_VNODEL3, KPI_PAGE_BYTES, 1);
    l2_mapping = map(l1, (unsigned)(VA_BASE >> 30), l2, 0, VA_GIB, 0);
    (void)map(l2, 0, l3, 0, 1, 0);
    for (uint32_t i = 0; i < b->cap_count; i++) {
        if (b->caps[i].kind == KPI_BOOT_RAM && b->caps[i].bytes > ram_bytes) {
            ram = b->caps[i].cap;
            ram_base = b->caps[i].base;
            ram_bytes = b->caps[i].bytes;
        }
    }
}

static void test_pages(void)
{
    caddr_t frame = kt_object(CAPTYPE_FRAME, 4 * KPI_PAGE_BYTES, 1);
    caddr_t other = kt_object(CAPTYPE_FRAME, KPI_PAGE_BYTES, 1);
    caddr_t a = map(l3, 0, frame, 0, 4, RW);
    caddr_t b = map(l3, 8, frame, 0, 4, RW);
    uint64_t sum = 0;

    for (unsigned i = 0; i < 4 * KPI_PAGE_BYTES; i += 8) {
        sum |= *at(PAGE(0) + i);
    }
    kt_eq(sum, 0, "KCAP0001 a new frame is clear");
    *at(PAGE(3) + 8) = ANSWER;
    kt_eq(*at(PAGE(11) + 8), ANSWER, "KCAP0002 one frame at two places");
    kt_eq(inv_mapping_modify(b, 1, 2, KPI_VM_READ), ERR_OK, "KCAP0003 access changes");
    kt_ok(writable(PAGE(8)) && !writable(PAGE(9)) && !writable(PAGE(10)) && writable(PAGE(11)) &&
              readable(PAGE(9)) && writable(PAGE(1)),
          "KCAP0004 for the pages named, at once");
    kt_eq(inv_mapping_modify(b, 0, 4, 0), ERR_OK, "KCAP0005 no access at all");
    kt_ok(!readable(PAGE(8)) && !readable(PAGE(11)) && readable(PAGE(3)),
          "KCAP0006 takes effect here only");
    kt_eq(inv_mapping_modify(b, 3, 1, RW), ERR_OK, "KCAP0007 access comes back");
    kt_eq(*at(PAGE(11) + 8), ANSWER, "KCAP0008 to the same page");
    kt_eq(inv_mapping_unmap(a), ERR_OK, "KCAP0009 unmap");
    kt_ok(!readable(PAGE(3)) && readable(PAGE(11)), "KCAP0010 forgets one place");
    (void)map(l3, 3, other, 0, 1, RW);
    kt_eq(*at(PAGE(3) + 8), 0, "KCAP0011 another frame there is seen at once");
    kt_eq(revoke(frame), ERR_OK, "KCAP0012 revoke");
    kt_ok(!readable(PAGE(11)) && readable(PAGE(3)), "KCAP0013 unmaps all of a frame");
    kt_eq(inv_mapping_modify(b, 0, 1, RW), SYS_ERR_CAP_NOT_FOUND, "KCAP0014 mappings are gone");
}

static void test_execute(void)
{
    caddr_t frame = kt_object(CAPTYPE_FRAME, KPI_PAGE_BYTES, 1), err_slot = kt_slots(1);
    caddr_t mapping = map(l3, 20, frame, 0, 1, RW);
    uint32_t (*code)(void) = (uint32_t(*)(void))(uintptr_t)PAGE(20);

    *(volatile uint32_t *)PAGE(20) = 0x52800000u | ANSWER << 5; /* mov w0, #ANSWER */
    *(volatile uint32_t *)(PAGE(20) + 4) = 0xd65f03c0u;         /* ret */
    __asm__ volatile("dc cvau, %0\n dsb ish\n ic ivau, %0\n dsb ish\n isb" ::"r"(PAGE(20))
                     : "memory");
    kt_eq(inv_mapping_modify(mapping, 0, 1, RW | KPI_VM_EXECUTE), SYS_ERR_BAD_ARGUMENT,
          "KCAP0015 never writable and executable");
    kt_eq(inv_mapping_modify(mapping, 0, 1, RX), ERR_OK, "KCAP0016 executable");
    kt_eq(code(), ANSWER, "KCAP0017 what was written runs");
    kt_ok(!writable(PAGE(20)), "KCAP0018 and is not writable");
    kt_eq(inv_cnode_mint(KT_TASK_NODE, frame, CAP_RIGHT_R, err_slot), ERR_OK, "KCAP0019 mint");
    kt_eq(inv_vnode_map(l3, 21, err_slot, 0, 1, RW, kt_slots(1)), SYS_ERR_CAP_RIGHTS,
          "KCAP0020 a read-only copy is not mapped writable");
}

static void test_large(void)
{
    caddr_t frame = kt_slots(1);
    uint64_t off = (KPI_LARGE_BYTES - ram_base % KPI_LARGE_BYTES) % KPI_LARGE_BYTES;
    caddr_t mapping;

    kt_eq(retype(ram, off, CAPTYPE_FRAME, KPI_LARGE_BYTES, frame), ERR_OK,
          "KCAP0021 2 MiB are cleared in several calls");
    mapping = map(l2, 1, frame, 0, 1, RW);
    *at(LARGE_VA) = 1;
    *at(LARGE_VA + KPI_LARGE_BYTES - 8) = ANSWER;
    (void)map(l3, 30, frame, KPI_LARGE_BYTES - KPI_PAGE_BYTES, 1, KPI_VM_READ);
    kt_eq(*at(PAGE(31) - 8), ANSWER, "KCAP0022 a block and a page of the same memory");
    kt_eq(inv_mapping_unmap(mapping), ERR_OK, "KCAP0023 unmap");
    kt_ok(!readable(LARGE_VA) && !readable(LARGE_VA + KPI_LARGE_BYTES - 8) && readable(PAGE(30)),
          "KCAP0024 the block is gone");
    kt_eq(retype(ram, off, CAPTYPE_RAM, KPI_PAGE_BYTES, kt_slots(1)), SYS_ERR_RETYPE_OVERLAP,
          "KCAP0025 its memory is in use");
}

static void test_tables(void)
{
    caddr_t frame = kt_object(CAPTYPE_FRAME, KPI_PAGE_BYTES, 1);
    caddr_t table = kt_object(CAPTYPE_VNODEL3, KPI_PAGE_BYTES, 1);
    caddr_t attached = map(l2, 3, table, 0, 1, 0);
    uint64_t va = VA_BASE + 3ull * KPI_LARGE_BYTES;
    caddr_t mapping = map(table, 0, frame, 0, 1, RW);

    *at(va) = ANSWER;
    kt_eq(inv_mapping_unmap(attached), ERR_OK, "KCAP0026 a table is detached");
    kt_ok(!readable(va), "KCAP0027 with all its translations");
    kt_eq(inv_vnode_map(l2, 3, table, 0, 1, 0, attached), SYS_ERR_MAP_OCCUPIED,
          "KCAP0028 only an empty table is attached");
    kt_eq(inv_mapping_unmap(mapping), ERR_OK, "KCAP0029 unmap in a detached table");
    kt_eq(inv_vnode_map(l2, 3, table, 0, 1, 0, attached), ERR_OK, "KCAP0030 attached again");
    kt_eq(inv_vnode_map(table, 1, frame, 0, 1, RW, mapping), ERR_OK, "KCAP0031 map");
    kt_eq(*at(va + KPI_PAGE_BYTES), ANSWER, "KCAP0032 the frame has kept its content");
    kt_eq(delete (table), ERR_OK, "KCAP0033 a table is deleted");
    kt_ok(!readable(va + KPI_PAGE_BYTES), "KCAP0034 with its translations");
    kt_eq(inv_mapping_unmap(mapping), SYS_ERR_CAP_NOT_FOUND, "KCAP0035 and its mappings");
}

/* A node full of capabilities, and one that contains itself. */
static void test_nodes(void)
{
    caddr_t part = kt_slots(1), node = kt_slots(1), l1_slot = 200;
    uint64_t off = 2ull * KPI_LARGE_BYTES, before, type = 0, rights, a, b;
    const uint32_t l1_node = KPI_CAP_SELF_L1;
    errval_t err;

    kt_need(retype(ram, off, CAPTYPE_RAM, KPI_LARGE_BYTES, part), "RAM");
    before = count_caps();
    kt_need(retype(part, 0, CAPTYPE_L2CNODE, KPI_L2_BYTES, node), "node");
    kt_eq(inv_cnode_retype(node, part, 0, CAPTYPE_FRAME, KPI_PAGE_BYTES, KPI_RETYPE_MAX + 1, 0),
          SYS_ERR_BAD_ARGUMENT, "KCAP0051 one call makes no more than KPI_RETYPE_MAX objects");
    err = ERR_OK;
    for (uint32_t i = 0; i < KPI_L2_SLOTS && err_is_ok(err); i += KPI_RETYPE_MAX) {
        do {
            err = inv_cnode_retype(node, part, KPI_LARGE_BYTES / 2 + i * (uint64_t)KPI_PAGE_BYTES,
                                   CAPTYPE_FRAME, KPI_PAGE_BYTES, KPI_RETYPE_MAX, i);
        } while (err == SYS_ERR_AGAIN);
    }
    kt_eq(err, ERR_OK, "KCAP0036 a whole node is filled");
    kt_eq(inv_cnode_identify(node, 255, &type, &rights, &a, &b), ERR_OK, "KCAP0037 identify");
    kt_ok(type == CAPTYPE_FRAME && rights == CAP_RIGHTS_ALL && b == KPI_PAGE_BYTES,
          "KCAP0038 says what is there");
    kt_eq(inv_cnode_identify(node, 256, &type, &rights, &a, &b), SYS_ERR_SLOT_INVALID,
          "KCAP0039 not beyond the end");
    kt_eq(inv_cnode_move(l1_node, node, l1_slot), ERR_OK, "KCAP0040 into the level 1 node");
    kt_eq(inv_cnode_delete(KPI_CADDR_L1 | l1_slot, 7), ERR_OK, "KCAP0041 reached there");
    kt_eq(inv_cnode_move(KPI_CADDR_L1 | l1_slot, KPI_CADDR_L1 | l1_slot, 7), ERR_OK,
          "KCAP0042 a node into itself");
    kt_eq(count_caps(), before + 256, "KCAP0043 out of reach, not gone");
    kt_eq(revoke(part), ERR_OK, "KCAP0044 revoke of the memory");
    kt_eq(count_caps(), before, "KCAP0045 ends it all");
    kt_need(retype(part, 0, CAPTYPE_FRAME, KPI_LARGE_BYTES, node), "all of the memory again");
}

static void do_nothing(void *arg)
{
    *(volatile uint64_t *)arg = 1;
}

static void test_domain_end(void)
{
    static struct kt_thread t;
    uint64_t state = 0, status, cause, pc, far, before;
    volatile uint64_t ran = 0;

    before = count_caps();
    kt_thread_make(&t);
    kt_thread_start(&t, do_nothing, (void *)(uintptr_t)&ran);
    while (state != KPI_DISP_DEAD) {
        kt_yield();
        kt_need(inv_dispatcher_info(t.cap, &state, &status, &cause, &pc, &far), "info");
    }
    kt_eq(ran, 1, "KCAP0046 a dispatcher ran and ended");
    kt_eq(delete (t.cap), ERR_OK, "KCAP0047 its last capability");
    kt_ok(count_caps() > before, "KCAP0048 stack and page are the maker's");
}

/* A capability space gives way to a larger one with the same nodes. */
static void test_replace(void)
{
    struct kt_thread other;
    uint64_t type = 0, rights, a, b;
    caddr_t space[2];

    for (unsigned k = 0; k < 2; k++) {
        space[k] = kt_object(CAPTYPE_L1CNODE, 2 * KPI_L1_BYTES_MIN, 1);
        for (uint32_t i = 0; i < KPI_L1_BYTES_MIN / KPI_SLOT_BYTES; i++) {
            (void)inv_cnode_copy(space[k], KPI_CADDR_L1 | i, i);
        }
    }
    kt_eq(inv_dispatcher_replace(KPI_CAP_SELF_DISP, space[0]), ERR_OK, "KCAP0060 a larger space");
    kt_eq(inv_cnode_copy(space[0], KT_TASK_NODE, 300), ERR_OK, "KCAP0061 a node beyond the first");
    kt_need(inv_cnode_identify(KPI_CADDR_L1 | 300, KPI_CAP_SELF_DISP, &type, &rights, &a, &b),
            "identify");
    kt_eq(type, CAPTYPE_DISPATCHER, "KCAP0062 and what is in it");
    kt_need(inv_cnode_delete(KT_TASK_NODE, space[0]), "the other capability to the node");
    kt_eq(inv_dispatcher_replace(KPI_CAP_SELF_DISP, space[1]), SYS_ERR_BUSY,
          "KCAP0063 the last capability stays");
    kt_thread_make(&other);
    kt_eq(inv_dispatcher_replace(other.cap, space[1]), SYS_ERR_DISP_STATE,
          "KCAP0064 only of its own dispatcher");
}

/* A capability that only tells: minted without `w`. */
static void test_rights(void)
{
    static struct kt_thread t;
    caddr_t told = kt_slots(1), d = kt_object(CAPTYPE_DISPATCHER, KPI_DISPATCHER_BYTES, 1);
    caddr_t table = kt_slots(1), kernel = kt_slots(1), space = kt_slots(1);
    uint64_t state = 0, status, cause, pc, far;

    kt_thread_make(&t);
    kt_need(inv_cnode_mint(KT_TASK_NODE, t.cap, CAP_RIGHT_R, told), "mint");
    kt_need(inv_cnode_mint(KT_TASK_NODE, KPI_CAP_IRQTABLE, CAP_RIGHT_R, table), "mint");
    kt_need(inv_cnode_mint(KT_TASK_NODE, KPI_CAP_KERNEL, CAP_RIGHT_R, kernel), "mint");
    kt_need(inv_cnode_mint(KT_TASK_NODE, t.l1, CAP_RIGHT_R, space), "mint");
    kt_ok(inv_dispatcher_start(told, 0, 0, 0) == SYS_ERR_CAP_RIGHTS &&
              inv_dispatcher_stop(told) == SYS_ERR_CAP_RIGHTS &&
              inv_dispatcher_resume(told) == SYS_ERR_CAP_RIGHTS &&
              inv_dispatcher_ask(told) == SYS_ERR_CAP_RIGHTS &&
              inv_dispatcher_kill(told, 0) == SYS_ERR_CAP_RIGHTS,
          "KCAP0067 without w a dispatcher is not started, stopped, asked or killed");
    kt_ok(inv_dispatcher_info(told, &state, &status, &cause, &pc, &far) == ERR_OK &&
              state == KPI_DISP_NEW,
          "KCAP0068 but tells its state");
    kt_eq(inv_dispatcher_setup(d, space, KPI_CAP_SELF_VROOT, KPI_PAGE_BYTES), SYS_ERR_CAP_RIGHTS,
          "KCAP0069 nobody runs in a space that he may only look at");
    kt_eq(inv_irq_table_get(table, 33, kt_slots(1)), SYS_ERR_CAP_RIGHTS,
          "KCAP0065 nor takes interrupts");
    kt_eq(inv_kernel_shutdown(kernel, 0), SYS_ERR_CAP_RIGHTS, "KCAP0066 nor switches off");
}

static void delete_itself(void *arg)
{
    (void)inv_cnode_delete(KT_TASK_NODE, *(const caddr_t *)arg);
}

/* The entry that deletes the dispatcher goes on working on it. */
static void test_itself(void)
{
    static struct kt_thread t;
    uint64_t before;

    kt_thread_make(&t);
    before = ko_count();
    kt_thread_start(&t, delete_itself, &t.cap);
    kt_ok(ko_settle(before - 1) && ko_type(KT_TASK_NODE, t.cap) == CAPTYPE_NULL,
          "KCAP1001 a dispatcher deletes its own last capability");
}

void test_main(void)
{
    uint64_t found = 1, nodes = 0;

    kt_plan(62);
    make_tables();
    test_pages();
    test_execute();
    test_large();
    test_tables();
    test_nodes();
    test_domain_end();
    test_replace();
    test_rights();
    test_itself();
    kt_eq(inv_kernel_check(KPI_CAP_KERNEL, &found, &nodes), ERR_OK, "KCAP0049 check");
    kt_eq(found, 0, "KCAP0050 no invariant is violated");
    kt_note("objects", nodes);
}
