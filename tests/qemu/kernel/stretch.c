/* How long interrupts wait: the most instructions that the kernel `measured` executes without a
 * look at them, while the worst is done to it. Every figure is printed. */
#include "stretch.h"

#define MANY_NODES   40u                 /* of NODE_SLOTS capabilities each: more than 10 000 */
#define MANY_TABLES  64u
#define DEEP_L1      4096u               /* slots of the largest level 1 node */
#define SPACES       200u                /* dispatchers with the same capability space */
#define L1_NODE0     128u                /* slots of the own level 1 node that nobody uses */
#define COOKIE       9u
#define CLEAR_BYTES  (1ull << 30)
#define ROOTS_OFF    (256ull * MIB)      /* level 0 tables, in test_asids */

caddr_t slot0;
static uint64_t worst;

uint64_t stretch(void)
{
    uint64_t longest = 0;

    kt_need(inv_kernel_stretch(KPI_CAP_KERNEL, &longest), "stretch");
    return longest;
}

void judge(const char *what)
{
    uint64_t longest = stretch();

    worst = longest > worst ? longest : worst;
    kt_note("instructions at most:", longest);
    kt_ok(longest > 0 && longest <= STRETCH_MAX, what);
}

/* A node in the slot `at` of the node `parent`, filled by `fill`. */
static void make_node(caddr_t parent, uint32_t at, void (*fill)(caddr_t node))
{
    caddr_t temporary = slot0 + SLOTS - 1;

    ko_make(temporary, CAPTYPE_L2CNODE, KPI_L2_BYTES);
    fill(temporary);
    kt_need(inv_cnode_move(parent, temporary, at), "move a node");
}

void fill_copies(caddr_t node)
{
    for (uint32_t i = 0; i < NODE_SLOTS; i++) {
        kt_need(inv_cnode_copy(node, slot0 + 1, i), "copy");
    }
}

static void fill_loans(caddr_t node)
{
    for (uint32_t i = 0; i < NODE_SLOTS; i++) {
        kt_need(inv_cnode_lend(node, slot0 + 1, CAP_RIGHTS_ALL, i), "lend");
    }
}

static void fill_objects(caddr_t node, uint32_t at, enum captype type)
{
    for (uint32_t i = 0; i < NODE_SLOTS; i += KPI_RETYPE_MAX) {
        ko_make_in(node, at + i, type, ko_bytes(type), KPI_RETYPE_MAX);
    }
}

void fill_frames(caddr_t node)
{
    fill_objects(node, 0, CAPTYPE_FRAME);
}


static void fill_channels(caddr_t node)
{
    for (uint32_t i = 0; i < NODE_SLOTS; i += 2) {
        ko_make_in(node, i, CAPTYPE_ENDPOINT, KPI_CHANNEL_BYTES_MIN, 1);
    }
}

void many(caddr_t parent, void (*fill)(caddr_t node))
{
    ko_make(parent, CAPTYPE_L2CNODE, KPI_L2_BYTES);
    for (uint32_t i = 0; i < MANY_NODES; i++) {
        make_node(parent, i, fill);
    }
}

static void test_nodes(void)
{
    uint64_t before = ko_count();

    (void)ko_arena(128 * MIB);
    ko_make(slot0 + 1, CAPTYPE_FRAME, KPI_PAGE_BYTES);
    many(slot0, fill_copies);
    (void)stretch();
    kt_need(ko_delete(KT_TASK_NODE, slot0), "delete");
    kt_ok(ko_settle(before + 2), "STRETCH0001 nodes full of copies end");
    judge("STRETCH0002 within the bound");
    many(slot0, fill_frames);
    (void)stretch();
    kt_need(ko_delete(KT_TASK_NODE, slot0), "delete");
    kt_ok(ko_settle(before + 2), "STRETCH0003 nodes full of frames end");
    judge("STRETCH0004 within the bound");
    many(slot0, fill_loans);
    (void)stretch();
    kt_need(ko_delete(KT_TASK_NODE, slot0 + 1), "delete");
    kt_ok(ko_settle(before + 2 + MANY_NODES), "STRETCH0005 10 240 loans end with their source");
    judge("STRETCH0006 within the bound");
    ko_arena_end();
    kt_eq(ko_count(), before, "STRETCH0007 nothing is left");
    judge("STRETCH0008 within the bound");
}

static void test_revoke(void)
{
    uint64_t before = ko_count();

    caddr_t arena = ko_arena(128 * MIB);

    many(slot0, fill_frames);
    kt_ok(ko_count() > before + 10000, "STRETCH0009 10 000 descendants");
    (void)stretch();
    kt_need(ko_revoke(KT_TASK_NODE, arena), "revoke");
    kt_eq(ko_count(), before + 1, "STRETCH0010 are revoked");
    judge("STRETCH0011 within the bound");
    ko_arena_end();
}

/* Where the deletion of a node looks for a place to bury it, all places hold the last capability of
 * something that has to be buried, too. */
static void test_level1(void)
{
    uint64_t before = ko_count();

    (void)ko_arena(128 * MIB);
    ko_make(slot0, CAPTYPE_L1CNODE, DEEP_L1 * KPI_SLOT_BYTES);
    for (uint32_t i = 0; i < DEEP_L1; i += NODE_SLOTS) {
        fill_objects(slot0, i, CAPTYPE_L2CNODE);
    }
    (void)stretch();
    kt_need(ko_delete(KT_TASK_NODE, slot0), "delete");
    kt_ok(ko_settle(before + 1), "STRETCH0012 a node of 4 096 nodes ends");
    judge("STRETCH0013 within the bound");
    ko_arena_end();
}

/* A list of copies is as long as its holders like. */
static void test_copies(void)
{
    uint64_t before = ko_count();
    caddr_t part = slot0 + 1, last = slot0 + 2;

    (void)ko_arena(128 * MIB);
    ko_make(part, CAPTYPE_RAM, 16 * MIB);
    kt_need(inv_cnode_copy(KT_TASK_NODE, part, last), "copy");
    many(slot0, fill_copies);
    (void)stretch();
    kt_need(ko_retype(KT_TASK_NODE, last, 0, CAPTYPE_FRAME, KPI_PAGE_BYTES, 1, slot0 + 3),
            "retype");
    judge("STRETCH0014 retype by one of 10 000 copies");
    kt_need(ko_revoke(KT_TASK_NODE, last), "revoke");
    kt_eq(ko_type(KT_TASK_NODE, part), CAPTYPE_NULL, "STRETCH0015 revoke of 10 000 copies");
    judge("STRETCH0016 within the bound");
    ko_arena_end();
    kt_eq(ko_count(), before, "STRETCH0017 nothing is left");
}

/* The level 1 table of the own address space that is there from the start. */
static caddr_t table_l1(void)
{
    const struct kpi_startup *s = (const struct kpi_startup *)KPI_STARTUP_VA;
    const struct kpi_table *t =
        (const struct kpi_table *)(KPI_STARTUP_VA + (uint64_t)s->tables_off);

    for (uint32_t i = 0; i < s->table_count; i++) {
        if (t[i].level == 1 && t[i].va == 0) {
            return KPI_CADDR(KPI_L1_VNODES, t[i].index);
        }
    }
    return 0;
}

static caddr_t mapping_node(unsigned n)
{
    caddr_t temporary = slot0 + SLOTS - 1;

    ko_make(temporary, CAPTYPE_L2CNODE, KPI_L2_BYTES);
    kt_need(inv_cnode_move(KPI_CAP_SELF_L1, temporary, L1_NODE0 + n), "move");
    return KPI_CADDR(L1_NODE0 + n, 0);
}

static void fill_table(caddr_t table, caddr_t frame, unsigned n)
{
    caddr_t mapping = 0;

    for (unsigned i = 0; i < KPI_TABLE_ENTRIES; i++) {
        if (i % NODE_SLOTS == 0) {
            mapping = mapping_node(2 * n + i / NODE_SLOTS % 2);
        }
        kt_need(inv_vnode_map(table, (uint16_t)i, frame, 0, 1, KPI_VM_READ,
                              mapping + i % NODE_SLOTS),
                "map");
    }
}

static void test_tables(void)
{
    uint64_t before = ko_count();
    caddr_t l2 = slot0, frame = slot0 + 1, tables = slot0 + 2, attached = slot0 + 3;
    caddr_t large = slot0 + 6;

    (void)ko_arena(128 * MIB);
    ko_make(l2, CAPTYPE_VNODEL2, KPI_PAGE_BYTES);
    ko_make(frame, CAPTYPE_FRAME, KPI_PAGE_BYTES);
    ko_make(large, CAPTYPE_FRAME, KPI_LARGE_BYTES);
    ko_make(tables, CAPTYPE_L2CNODE, KPI_L2_BYTES);
    kt_need(inv_vnode_map(table_l1(), 3, l2, 0, 1, 0, attached), "attach");
    for (unsigned i = 0; i < MANY_TABLES; i++) {
        caddr_t table = slot0 + 4, mapping = slot0 + 5;

        ko_make(table, CAPTYPE_VNODEL3, KPI_PAGE_BYTES);
        kt_need(inv_vnode_map(l2, (uint16_t)i, table, 0, 1, 0, mapping), "attach");
        kt_need(inv_cnode_move(tables, mapping, 3 * i), "move");
        /* Half of the tables have a Mapping for each entry, half have one for all. */
        if (i % 2 == 0) {
            fill_table(table, frame, i / 2);
        } else {
            kt_need(inv_vnode_map(table, 0, large, 0, KPI_TABLE_ENTRIES, KPI_VM_READ, mapping),
                    "map");
            kt_need(inv_cnode_move(tables, mapping, 3 * i + 1), "move");
        }
        kt_need(inv_cnode_move(tables, table, 3 * i + 2), "move");
    }
    (void)stretch();
    kt_need(ko_delete(KT_TASK_NODE, l2), "delete the level 2 table");
    judge("STRETCH0018 a table of tables");
    kt_need(ko_delete(KT_TASK_NODE, tables), "delete the tables");
    judge("STRETCH0019 tables with 16 384 Mappings");
    ko_arena_end();
    kt_ok(ko_settle(before), "STRETCH0020 nothing is left");
    judge("STRETCH0021 within the bound");
}

static void test_clear(void)
{
    (void)ko_arena(CLEAR_BYTES + 4 * KPI_LARGE_BYTES);
    (void)stretch();
    ko_make(slot0, CAPTYPE_FRAME, CLEAR_BYTES);
    judge("STRETCH0022 1 GiB is cleared");
    ko_arena_end();
}

/* As many entries as one invocation changes. */
static void test_map(void)
{
    caddr_t l2 = slot0, l3 = slot0 + 1, frame = slot0 + 2, mapping = slot0 + 3;

    (void)ko_arena(8 * MIB);
    ko_make(l2, CAPTYPE_VNODEL2, KPI_PAGE_BYTES);
    ko_make(l3, CAPTYPE_VNODEL3, KPI_PAGE_BYTES);
    ko_make(frame, CAPTYPE_FRAME, KPI_LARGE_BYTES);
    kt_need(inv_vnode_map(table_l1(), 3, l2, 0, 1, 0, slot0 + 4), "attach");
    kt_need(inv_vnode_map(l2, 0, l3, 0, 1, 0, slot0 + 5), "attach");
    (void)stretch();
    kt_need(inv_vnode_map(l3, 0, frame, 0, KPI_TABLE_ENTRIES, KPI_VM_READ, mapping), "map");
    judge("STRETCH0050 512 pages are mapped");
    kt_need(inv_mapping_modify(mapping, 0, KPI_TABLE_ENTRIES, KPI_VM_READ | KPI_VM_UNCACHED),
            "modify");
    judge("STRETCH0051 their access and memory type change");
    kt_need(inv_mapping_unmap(mapping), "unmap");
    judge("STRETCH0052 they are unmapped");
    ko_arena_end();
}

static void test_retype(void)
{
    static const enum captype types[] = { CAPTYPE_RAM, CAPTYPE_FRAME, CAPTYPE_L2CNODE,
                                          CAPTYPE_VNODEL0, CAPTYPE_VNODEL3, CAPTYPE_DISPATCHER };

    (void)ko_arena(64 * MIB);
    ko_make(slot0, CAPTYPE_L2CNODE, KPI_L2_BYTES);
    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        (void)stretch();
        ko_make_in(slot0, 0, types[i], ko_bytes(types[i]), KPI_RETYPE_MAX);
        kt_note(captype_name(types[i]), 0);
        judge("STRETCH0023 16 objects at once");
        for (uint32_t j = 0; j < KPI_RETYPE_MAX; j++) {
            kt_need(ko_delete(slot0, j), "delete");
        }
    }
    ko_arena_end();
}

static volatile uint64_t bound;

static void bind_all(void *arg)
{
    for (unsigned n = 0; n < MANY_NODES; n++) {
        for (uint32_t i = 0; i < NODE_SLOTS; i += 2) {
            if (err_is_ok(inv_endpoint_bind(KPI_CADDR(L1_NODE0 + n, i), COOKIE))) {
                bound = bound + 1;
            }
        }
    }
    for (;;) {
        kt_yield();
    }
}

/* A dispatcher that receives on 5 120 ends, and whose end 5 120 others wait for. */
static void test_kill(void)
{
    static struct kt_thread t;
    uint64_t before, state = 0, status = 0, cause, pc, far;

    kt_thread_make(&t);
    before = ko_count();
    (void)ko_arena(128 * MIB);
    for (unsigned n = 0; n < MANY_NODES; n++) {
        make_node(KPI_CAP_SELF_L1, L1_NODE0 + n, fill_channels);
        kt_need(inv_cnode_copy(t.l1, KPI_CADDR_L1 | (L1_NODE0 + n), L1_NODE0 + n), "copy");
        for (uint32_t i = 1; i < NODE_SLOTS; i += 2) {
            kt_need(inv_dispatcher_watch(t.cap, KPI_CADDR(L1_NODE0 + n, i)), "watch");
        }
    }
    kt_thread_start(&t, bind_all, NULL);
    while (bound < MANY_NODES * NODE_SLOTS / 2) {
        kt_yield();
    }
    (void)stretch();
    kt_need(inv_dispatcher_kill(t.cap, 7), "kill");
    kt_need(inv_dispatcher_info(t.cap, &state, &status, &cause, &pc, &far), "info");
    kt_ok(state == KPI_DISP_DEAD && status == 7, "STRETCH0024 a busy dispatcher is killed");
    judge("STRETCH0025 within the bound");
    kt_need(ko_delete(KT_TASK_NODE, t.cap), "delete");
    ko_idle(20000000);
    judge("STRETCH0026 its last capability goes");
    ko_arena_end();
    kt_ok(ko_settle(before - 1), "STRETCH0027 all but its level 1 node is gone");
    judge("STRETCH0028 within the bound");
}

/* Dispatchers with the same spaces: all of them end when those are revoked. */
static void test_spaces(void)
{
    uint64_t before = ko_count();
    caddr_t l1 = slot0, root = slot0 + 1, many_d = slot0 + 2, d = slot0 + 3;

    (void)ko_arena(64 * MIB);
    ko_make(l1, CAPTYPE_L1CNODE, KPI_L1_BYTES_MIN);
    ko_make(root, CAPTYPE_VNODEL0, KPI_PAGE_BYTES);
    ko_make(many_d, CAPTYPE_L2CNODE, KPI_L2_BYTES);
    for (uint32_t i = 0; i < SPACES; i++) {
        ko_make(d, CAPTYPE_DISPATCHER, KPI_DISPATCHER_BYTES);
        kt_need(inv_dispatcher_setup(d, l1, root, KPI_PAGE_BYTES), "setup");
        kt_need(inv_cnode_move(many_d, d, i), "move");
    }
    (void)stretch();
    kt_need(ko_revoke(KT_TASK_NODE, l1), "revoke");
    judge("STRETCH0029 a capability space of 200 dispatchers is revoked");
    kt_need(ko_delete(KT_TASK_NODE, many_d), "delete");
    kt_ok(ko_settle(before + 3), "STRETCH0030 their capabilities go");
    judge("STRETCH0031 within the bound");
    ko_arena_end();
}

/* All address space identifiers but a few are taken, so that a free one is hard to find. */
static void test_asids(void)
{
    uint64_t before = ko_count();
    caddr_t node = slot0 + SLOTS - 2;
    uint64_t all;
    uint32_t n = 0;
    errval_t err = ERR_OK;

    caddr_t arena = ko_arena(512 * MIB);

    ko_make(slot0, CAPTYPE_L2CNODE, KPI_L2_BYTES);
    (void)stretch();
    while (n < NODE_SLOTS && err_is_ok(err)) {
        ko_make(node, CAPTYPE_L2CNODE, KPI_L2_BYTES);
        for (uint32_t i = 0; i < NODE_SLOTS && err_is_ok(err); i += KPI_RETYPE_MAX) {
            uint64_t page = n * NODE_SLOTS + i;

            err = ko_retype(node, arena, ROOTS_OFF + page * KPI_PAGE_BYTES, CAPTYPE_VNODEL0,
                            KPI_PAGE_BYTES, KPI_RETYPE_MAX, i);
        }
        kt_need(inv_cnode_move(slot0, node, n), "move");
        n++;
    }
    kt_eq(err, SYS_ERR_NO_ASID, "STRETCH0032 identifiers are finite");
    all = ko_count();
    kt_need(ko_delete(slot0, 0), "delete");
    kt_ok(ko_settle(all - NODE_SLOTS - 1), "STRETCH0033 256 of them are free again");
    ko_make(node, CAPTYPE_L2CNODE, KPI_L2_BYTES);
    kt_need(ko_retype(node, arena, ROOTS_OFF, CAPTYPE_VNODEL0, KPI_PAGE_BYTES, KPI_RETYPE_MAX, 0),
            "retype");
    judge("STRETCH0034 and found within the bound");
    ko_arena_end();
    kt_eq(ko_count(), before, "STRETCH0035 nothing is left");
    judge("STRETCH0036 within the bound");
}

static void fall(void *arg)
{
    (void)*(volatile uint64_t *)arg;
}

/* What is not a deletion: figures only, as the console that is written to makes them. */
static void test_log(void)
{
    static struct kt_thread t;
    uint64_t n, next, start, found, nodes;
    void *buffer = kt_pages(1, NULL);

    (void)stretch();
    kt_need(inv_kernel_log_read(KPI_CAP_KERNEL, 0, buffer, KPI_PAGE_BYTES, &n, &next, &start),
            "read");
    kt_note("4 KiB of the log are read, instructions:", stretch());
    kt_thread_make(&t);
    kt_thread_start(&t, fall, (void *)8);
    (void)stretch();
    ko_idle(1000000);
    kt_note("the registers of a domain that ends are logged, instructions:", stretch());
    kt_need(inv_kernel_check(KPI_CAP_KERNEL, &found, &nodes), "check");
    kt_note("all invariants are checked, instructions:", stretch());
}

void test_main(void)
{
    const struct kpi_bootinfo *b = (const struct kpi_bootinfo *)KPI_BOOTINFO_VA;
    struct kt_msg m = { .cookie = 0 };

    while (b->core != b->boot_core) {    /* the one that was started */
        kt_call(&m);
    }
    kt_plan(57);
    slot0 = kt_slots(SLOTS);
    kt_pages(1, NULL);
    test_nodes();
    test_revoke();
    test_level1();
    test_copies();
    test_tables();
    test_clear();
    test_map();
    test_retype();
    test_kill();
    test_spaces();
    test_asids();
    test_mapping();
    test_sweep();
    test_look();
    test_log();
    kt_note("the longest of all, instructions:", worst);
    test_core();
}
