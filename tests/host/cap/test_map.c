/* Page tables: mapping, changing, unmapping, and what the TLB must forget. */
#include "check.h"
#include "rules.h"

enum {
    KB = 1024,
    MB = 1024 * 1024,
    /* offsets in ROOT of the tables, and slots of home */
    TABLES = 15 * MB,
    L0 = 1,
    L1 = 2,
    L2 = 3,
    L3 = 4,
    ATTACH = 5, /* three Mappings */
    FRAME = 10,
    LARGE = 11,
    MAPPING = 20,
};
#define RW (KPI_VM_READ | KPI_VM_WRITE)
#define RX (KPI_VM_READ | KPI_VM_EXECUTE)

/* The bits of an entry, from DDI 0487, D8.3. */
enum {
    VALID = 1,
    TABLE_OR_PAGE = 2,
    ATTR_SHIFT = 2,
    AP_USER = 1 << 6,
    AP_READ_ONLY = 1 << 7,
    ACCESS = 1 << 10,
    NOT_GLOBAL = 1 << 11,
};
static const uint64_t pxn = 1ull << 53, uxn = 1ull << 54, address = 0xfffffffff000ull;

static uint64_t entry(const struct cte *table, unsigned index)
{
    return ((uint64_t *)phys_to_virt(cte_base(table)))[index];
}

static errval_t map(unsigned table, unsigned index, struct cte *src, uint64_t off, unsigned pages,
                    unsigned flags, unsigned mapping)
{
    return vnode_map(&home[table], index, src, off, pages, flags, &home[mapping]);
}

/* An address space with one table of each level, and frames of 64 KiB and 4 MiB. */
static void fresh_space(void)
{
    fresh();
    for (unsigned i = 0; i < 4; i++)
        make(CAPTYPE_VNODEL0 + i, TABLES + i * 4 * KB, &home[L0 + i]);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(map(L0 + i, 1, &home[L1 + i], 0, 1, 0, ATTACH + i), ERR_OK);
    CHECK_EQ(env_retype(ROOT, 0, CAPTYPE_FRAME, 64 * KB, 1, &home[FRAME]), ERR_OK);
    CHECK_EQ(env_retype(ROOT, 4 * MB, CAPTYPE_FRAME, 4 * MB, 1, &home[LARGE]), ERR_OK);
    check_database();
}

static uint64_t space_va(unsigned page)
{
    return (1ull << 39) + (1ull << 30) + (1ull << 21) + page * 4096ull;
}

static uint16_t space_asid(void)
{
    return (uint16_t)(vnode_ttbr0(&home[L0]) >> 48);
}

static void CAP0040_what_is_mapped_where(void)
{
    for (unsigned src = CAPTYPE_RAM; src < CAPTYPE_COUNT; src++) {
        if ((captype_table[CAPTYPE_RAM].retype_mask >> src & 1) == 0)
            continue;
        for (unsigned table = 0; table < 4; table++) {
            fresh_space();
            uint64_t bytes = src == CAPTYPE_FRAME ? 2 * MB : 0;
            if (bytes != 0)
                CHECK_EQ(env_retype(ROOT, 8 * MB, src, bytes, 1, &home[30]), ERR_OK);
            else
                make(src, 8 * MB, &home[30]);
            bool is_table = vnode_is(src);
            unsigned flags = is_table ? 0 : KPI_VM_READ;
            errval_t err = map(L0 + table, 7, &home[30], 0, 1, flags, MAPPING);
            unsigned want = CAPTYPE_VNODEL0 + table;
            bool legal = is_table               ? src == want + 1
                         : src == CAPTYPE_FRAME ? table >= 2
                                                : src == CAPTYPE_DISPATCHER && table == 3;
            CHECK_EQ(err, legal ? ERR_OK : SYS_ERR_MAP_LEVEL);
            CHECK_EQ(home[MAPPING].type, legal ? CAPTYPE_MAPPING : CAPTYPE_NULL);
            check_database();
        }
    }
}

static void CAP0041_entry_format(void)
{
    fresh_space();
    CHECK_EQ(map(L3, 0, &home[FRAME], 0, 1, RW, MAPPING), ERR_OK);
    CHECK_EQ(map(L3, 1, &home[FRAME], 4096, 1, RX, MAPPING + 1), ERR_OK);
    CHECK_EQ(map(L3, 2, &home[FRAME], 8192, 1, KPI_VM_READ | KPI_VM_UNCACHED, MAPPING + 2), ERR_OK);
    CHECK_EQ(map(L3, 3, &home[FRAME], 0, 1, 0, MAPPING + 3), ERR_OK);
    CHECK_EQ(map(L2, 2, &home[LARGE], 2 * MB, 1, RW, MAPPING + 4), ERR_OK);
    CHECK_EQ(cap_create(&home[40], CAPTYPE_DEVFRAME, 0x9000000, 4096, 15), ERR_OK);
    CHECK_EQ(map(L3, 4, &home[40], 0, 1, RW, MAPPING + 5), ERR_OK);
    const uint64_t common = VALID | TABLE_OR_PAGE | AP_USER | ACCESS | NOT_GLOBAL;
    const uint64_t care = common | AP_READ_ONLY | 7 << ATTR_SHIFT | pxn | uxn | address;
    CHECK_EQ(entry(&home[L3], 0) & care, common | 2 << ATTR_SHIFT | pxn | uxn | ARENA_BASE);
    CHECK_EQ(entry(&home[L3], 1) & care,
             common | 2 << ATTR_SHIFT | pxn | AP_READ_ONLY | (ARENA_BASE + 4096));
    CHECK_EQ(entry(&home[L3], 2) & care,
             common | 3 << ATTR_SHIFT | pxn | uxn | AP_READ_ONLY | (ARENA_BASE + 8192));
    CHECK_EQ(entry(&home[L3], 3) & VALID, 0);
    CHECK(entry(&home[L3], 3) != 0);
    CHECK_EQ(entry(&home[L2], 2) & care, (common & ~(uint64_t)TABLE_OR_PAGE) | 2 << ATTR_SHIFT |
                                             pxn | uxn | (ARENA_BASE + 6 * MB));
    CHECK_EQ(entry(&home[L3], 4) & care, common | 1 << ATTR_SHIFT | pxn | uxn | 0x9000000);
    CHECK_EQ(entry(&home[L2], 1) & (VALID | TABLE_OR_PAGE | address),
             VALID | TABLE_OR_PAGE | cte_base(&home[L3]));
    check_database();
}

static void CAP0042_map_errors(void)
{
    fresh_space();
    CHECK_EQ(map(L3, 0, &home[FRAME], 0, 4, RW, MAPPING), ERR_OK);
    CHECK_EQ(map(L3, 3, &home[FRAME], 0, 1, RW, 21), SYS_ERR_MAP_OCCUPIED);
    CHECK_EQ(map(L3, 510, &home[FRAME], 0, 3, RW, 21), SYS_ERR_MAP_RANGE);
    CHECK_EQ(map(L3, 10, &home[FRAME], 60 * KB, 2, RW, 21), SYS_ERR_MAP_RANGE);
    CHECK_EQ(map(L3, 10, &home[FRAME], UINT64_MAX - 4095, 2, RW, 21), SYS_ERR_MAP_RANGE);
    CHECK_EQ(map(L3, 10, &home[FRAME], 100, 1, RW, 21), SYS_ERR_MAP_ALIGN);
    CHECK_EQ(map(L2, 10, &home[LARGE], 4096, 1, RW, 21), SYS_ERR_MAP_ALIGN);
    CHECK_EQ(map(L2, 10, &home[FRAME], 0, 1, RW, 21), SYS_ERR_MAP_RANGE);
    CHECK_EQ(map(L2, 1, &home[LARGE], 0, 1, RW, 21), SYS_ERR_MAP_OCCUPIED);
    CHECK_EQ(map(L3, 10, &home[FRAME], 0, 1, KPI_VM_WRITE | KPI_VM_EXECUTE, 21),
             SYS_ERR_BAD_ARGUMENT);
    CHECK_EQ(map(L3, 10, &home[FRAME], 0, 1, 0x10, 21), SYS_ERR_BAD_ARGUMENT);
    CHECK_EQ(map(L3, 10, &home[FRAME], 0, 1, RW, MAPPING), SYS_ERR_SLOT_OCCUPIED);
    CHECK_EQ(cap_copy(&home[FRAME], CAP_RIGHT_R, &home[30]), ERR_OK);
    CHECK_EQ(map(L3, 10, &home[30], 0, 1, RW, 21), SYS_ERR_CAP_RIGHTS);
    CHECK_EQ(map(L3, 10, &home[30], 0, 1, RX, 21), SYS_ERR_CAP_RIGHTS);
    CHECK_EQ(map(L3, 10, &home[30], 0, 1, KPI_VM_READ, 21), ERR_OK);
    CHECK_EQ(cap_copy(&home[FRAME], CAP_RIGHT_W, &home[31]), ERR_OK);
    CHECK_EQ(map(L3, 11, &home[31], 0, 1, RW, 22), SYS_ERR_CAP_RIGHTS);
    CHECK_EQ(cap_create(&home[40], CAPTYPE_DEVFRAME, 0x9000000, 4096, 15), ERR_OK);
    CHECK_EQ(map(L3, 12, &home[40], 0, 1, RX, 22), SYS_ERR_CAP_RIGHTS);
    /* Tables: attached once, empty, top down. */
    CHECK_EQ(map(L2, 9, &home[L3], 0, 1, 0, 22), SYS_ERR_MAP_OCCUPIED);
    make(CAPTYPE_VNODEL2, 12 * MB, &home[32]);
    make(CAPTYPE_VNODEL3, 12 * MB + 4096, &home[33]);
    CHECK_EQ(map(32, 0, &home[33], 0, 1, 0, 22), SYS_ERR_MAP_DETACHED);
    CHECK_EQ(map(L1, 5, &home[32], 4096, 1, 0, 22), SYS_ERR_MAP_RANGE);
    CHECK_EQ(map(L1, 5, &home[32], 0, 2, 0, 22), SYS_ERR_MAP_RANGE);
    CHECK_EQ(map(L1, 5, &home[32], 0, 1, KPI_VM_READ, 22), SYS_ERR_BAD_ARGUMENT);
    CHECK_EQ(map(L1, 5, &home[32], 0, 1, 0, 22), ERR_OK);
    CHECK_EQ(map(32, 0, &home[33], 0, 1, 0, 23), ERR_OK);
    /* A detached table with entries is not attached again. */
    CHECK_EQ(env_delete(&home[22]), ERR_OK);
    CHECK_EQ(map(L1, 5, &home[32], 0, 1, 0, 22), SYS_ERR_MAP_OCCUPIED);
    CHECK_EQ(env_delete(&home[23]), ERR_OK);
    CHECK_EQ(map(L1, 6, &home[32], 0, 1, 0, 22), ERR_OK);
    check_database();
}

static void CAP0043_mapping_and_retype(void)
{
    fresh_space();
    CHECK_EQ(map(L3, 0, &home[FRAME], 16 * KB, 4, RW, MAPPING), ERR_OK);
    CHECK_EQ(cap_retype(&home[FRAME], 16 * KB, CAPTYPE_FRAME, 4096, 1, &home[30]),
             SYS_ERR_RETYPE_OVERLAP);
    CHECK_EQ(cap_retype(&home[FRAME], 28 * KB, CAPTYPE_FRAME, 8192, 1, &home[30]),
             SYS_ERR_RETYPE_OVERLAP);
    CHECK_EQ(cap_retype(&home[FRAME], 32 * KB, CAPTYPE_FRAME, 8192, 1, &home[30]), ERR_OK);
    /* A part that has become another frame is not mapped through its parent. */
    CHECK_EQ(map(L3, 10, &home[FRAME], 32 * KB, 1, RW, 21), SYS_ERR_HAS_DESCENDANTS);
    CHECK_EQ(map(L3, 10, &home[FRAME], 24 * KB, 4, RW, 21), SYS_ERR_HAS_DESCENDANTS);
    CHECK_EQ(map(L3, 10, &home[FRAME], 40 * KB, 4, RW, 21), ERR_OK);
    CHECK_EQ(map(L3, 20, &home[30], 0, 2, RW, 22), ERR_OK);
    /* The Mapping outlives the frame and keeps the range in use. */
    CHECK_EQ(env_delete(&home[FRAME]), ERR_OK);
    CHECK_EQ(home[MAPPING].type, CAPTYPE_MAPPING);
    CHECK_EQ(cap_retype(ROOT, 16 * KB, CAPTYPE_RAM, 4096, 1, &home[31]), SYS_ERR_RETYPE_OVERLAP);
    CHECK_EQ(env_delete(&home[MAPPING]), ERR_OK);
    CHECK_EQ(entry(&home[L3], 0), 0);
    CHECK_EQ(cap_retype(ROOT, 16 * KB, CAPTYPE_RAM, 4096, 1, &home[31]), ERR_OK);
    check_database();
}

static void CAP0044_revoke_unmaps(void)
{
    fresh_space();
    CHECK_EQ(map(L3, 0, &home[FRAME], 0, 4, RW, MAPPING), ERR_OK);
    CHECK_EQ(map(L3, 100, &home[FRAME], 0, 16, RW, 21), ERR_OK);
    CHECK_EQ(map(L2, 2, &home[LARGE], 0, 2, RW, 22), ERR_OK);
    for (unsigned i = 0; i < 4; i++)
        env_tlb_fill(space_asid(), cte_base(&home[L0]), space_va(i));
    CHECK_EQ(env_revoke(&home[FRAME]), ERR_OK);
    CHECK_EQ(home[MAPPING].type, CAPTYPE_NULL);
    CHECK_EQ(home[21].type, CAPTYPE_NULL);
    CHECK_EQ(home[22].type, CAPTYPE_MAPPING);
    for (unsigned i = 0; i < TLB_ENTRIES; i++)
        CHECK(!tlb[i].used);
    CHECK_EQ(env_revoke(ROOT), ERR_OK);
    CHECK_EQ(cap_node_count(), 1);
}

static void CAP0045_modify(void)
{
    fresh_space();
    CHECK_EQ(map(L3, 0, &home[FRAME], 0, 8, RW, MAPPING), ERR_OK);
    struct cte *m = &home[MAPPING];
    for (unsigned i = 0; i < 8; i++)
        env_tlb_fill(space_asid(), cte_base(&home[L0]), space_va(i));
    CHECK_EQ(mapping_modify(m, 2, 3, KPI_VM_READ), ERR_OK);
    for (unsigned i = 0; i < 8; i++) {
        bool changed = i >= 2 && i < 5;
        CHECK_EQ((entry(&home[L3], i) & AP_READ_ONLY) != 0, changed);
        bool cached = false;
        for (unsigned t = 0; t < TLB_ENTRIES; t++)
            cached |= tlb[t].used && tlb[t].va == space_va(i);
        CHECK_EQ(cached, !changed);
    }
    CHECK_EQ(mapping_modify(m, 0, 8, 0), ERR_OK);
    CHECK_EQ(env_walk(cte_base(&home[L0]), space_va(0)), 0);
    CHECK_EQ(map(L3, 0, &home[FRAME], 0, 1, RW, 21), SYS_ERR_MAP_OCCUPIED);
    check_database();
    CHECK_EQ(mapping_modify(m, 7, 1, RX), ERR_OK);
    CHECK_EQ(entry(&home[L3], 7) & (address | VALID), (ARENA_BASE + 7 * 4096) | VALID);
    CHECK_EQ(mapping_modify(m, 0, 8, RW | KPI_VM_UNCACHED), ERR_OK);
    CHECK_EQ(mapping_modify(m, 8, 1, RW), SYS_ERR_MAP_RANGE);
    CHECK_EQ(mapping_modify(m, 7, 2, RW), SYS_ERR_MAP_RANGE);
    CHECK_EQ(mapping_modify(m, 0, 0, RW), SYS_ERR_MAP_RANGE);
    CHECK_EQ(mapping_modify(m, 0, 8, KPI_VM_WRITE | KPI_VM_EXECUTE), SYS_ERR_BAD_ARGUMENT);
    CHECK_EQ(mapping_modify(&home[ATTACH], 0, 1, KPI_VM_READ), SYS_ERR_MAP_LEVEL);
    CHECK_EQ(mapping_modify(&home[ATTACH + 2], 0, 1, KPI_VM_READ), SYS_ERR_MAP_LEVEL);
    /* Rights are those of the capability at the time of the map. */
    CHECK_EQ(cap_copy(&home[FRAME], CAP_RIGHT_R, &home[30]), ERR_OK);
    CHECK_EQ(map(L3, 20, &home[30], 0, 1, KPI_VM_READ, 21), ERR_OK);
    CHECK_EQ(mapping_modify(&home[21], 0, 1, RW), SYS_ERR_CAP_RIGHTS);
    CHECK_EQ(mapping_modify(&home[21], 0, 1, RX), SYS_ERR_CAP_RIGHTS);
    cap_transfer(&home[21], &home[22], CAP_RIGHT_R, true);
    CHECK_EQ(mapping_modify(&home[22], 0, 1, 0), SYS_ERR_CAP_RIGHTS);
    check_database();
}

static void CAP0046_detaching_forgets_translations(void)
{
    for (unsigned which = 0; which < 3; which++) {
        fresh_space();
        CHECK_EQ(map(L3, 0, &home[FRAME], 0, 8, RW, MAPPING), ERR_OK);
        for (unsigned i = 0; i < 8; i++)
            env_tlb_fill(space_asid(), cte_base(&home[L0]), space_va(i));
        CHECK_EQ(env_delete(&home[ATTACH + which]), ERR_OK);
        for (unsigned t = 0; t < TLB_ENTRIES; t++)
            CHECK(!tlb[t].used);
        CHECK_EQ(home[MAPPING].type, CAPTYPE_MAPPING);
        check_database();
        /* Work on the detached tables is harmless. */
        CHECK_EQ(mapping_modify(&home[MAPPING], 0, 8, KPI_VM_READ), ERR_OK);
        CHECK_EQ(env_delete(&home[MAPPING]), ERR_OK);
        check_database();
    }
}

static void CAP0047_tables_take_their_mappings(void)
{
    for (unsigned which = 0; which < 4; which++) {
        fresh_space();
        for (unsigned i = 0; i < 64; i++)
            CHECK_EQ(map(L3, i * 8, &home[FRAME], (i % 16) * 4096, 1, RW, 100 + i), ERR_OK);
        CHECK_EQ(map(L2, 2, &home[LARGE], 0, 2, RW, 200), ERR_OK);
        env_tlb_fill(space_asid(), cte_base(&home[L0]), space_va(8));
        CHECK_EQ(cap_delete(&home[L0 + which]), ERR_OK);
        check_database();
        env_settle();
        check_database();
        for (unsigned t = 0; t < TLB_ENTRIES; t++)
            CHECK(!tlb[t].used);
        CHECK_EQ(home[100].type, which == 3 ? CAPTYPE_NULL : CAPTYPE_MAPPING);
        CHECK_EQ(home[200].type, which == 2 ? CAPTYPE_NULL : CAPTYPE_MAPPING);
        if (which > 0)
            CHECK_EQ(home[ATTACH + which - 1].type, CAPTYPE_NULL);
        if (which < 3)
            CHECK_EQ(home[ATTACH + which].type, CAPTYPE_NULL);
    }
}

static void CAP0048_asids_run_out_and_return(void)
{
    fresh();
    unsigned made = 0;
    while (cap_retype(ROOT, made * 4096, CAPTYPE_VNODEL0, 4096, 1, &home[1 + made]) == ERR_OK)
        made++;
    CHECK_EQ(made, 63); /* 64 in the test's hardware, and 0 is the kernel's */
    for (unsigned i = 0; i < made; i++) {
        uint16_t asid = (uint16_t)(vnode_ttbr0(&home[1 + i]) >> 48);
        CHECK(asid != 0);
        for (unsigned k = 0; k < i; k++)
            CHECK(asid != (uint16_t)(vnode_ttbr0(&home[1 + k]) >> 48));
    }
    CHECK_EQ(cap_retype(ROOT, MB, CAPTYPE_VNODEL0, 4096, 1, &home[200]), SYS_ERR_NO_ASID);
    CHECK_EQ(env_delete(&home[5]), ERR_OK);
    CHECK_EQ(cap_retype(ROOT, MB, CAPTYPE_VNODEL0, 4096, 2, &home[200]), SYS_ERR_NO_ASID);
    CHECK_EQ(cap_retype(ROOT, MB, CAPTYPE_VNODEL0, 4096, 1, &home[200]), ERR_OK);
    check_database();
}

static void CAP0049_dispatcher_page(void)
{
    fresh_space();
    make(CAPTYPE_DISPATCHER, 8 * MB, &home[30]);
    CHECK_EQ(map(L3, 0, &home[30], 4096, 1, RW, MAPPING), SYS_ERR_MAP_RANGE);
    CHECK_EQ(map(L3, 0, &home[30], 0, 2, RW, MAPPING), SYS_ERR_MAP_RANGE);
    CHECK_EQ(map(L3, 0, &home[30], 0, 1, RX, MAPPING), SYS_ERR_CAP_RIGHTS);
    CHECK_EQ(map(L3, 0, &home[30], 0, 1, RW, MAPPING), ERR_OK);
    CHECK_EQ(entry(&home[L3], 0) & address, ARENA_BASE + 8 * MB + 4096);
    check_database();
    CHECK_EQ(env_revoke(&home[30]), ERR_OK);
    CHECK_EQ(entry(&home[L3], 0), 0);
    check_database();
}

static void CAP0050_a_child_frame_among_many_mappings(void)
{
    fresh_space();
    for (unsigned i = 0; i < 64; i++)
        CHECK_EQ(map(L3, i, &home[FRAME], (i % 4) * 4096, 1, RW, 100 + i), ERR_OK);
    CHECK_EQ(cap_retype(&home[FRAME], 8 * 4096, CAPTYPE_FRAME, 4096, 1, &home[30]), ERR_OK);
    for (unsigned i = 0; i < 64; i++) {
        for (unsigned first = 0; first <= 8; first++)
            CHECK_EQ(map(L3, 300, &home[FRAME], first * 4096, 16 - first, RW, 99),
                     SYS_ERR_HAS_DESCENDANTS);
        CHECK_EQ(map(L3, 100 + i, &home[FRAME], (9 + i % 4) * 4096, 1, RW, 200 + i), ERR_OK);
    }
    CHECK_EQ(map(L3, 300, &home[FRAME], 0, 8, RW, 99), ERR_OK);
    CHECK_EQ(map(L3, 310, &home[FRAME], 9 * 4096, 7, RW, 98), ERR_OK);
    check_database();
}

/* What is left of an address space is attached until the work comes to it. */
static void CAP1003_map_below_a_dying_table(void)
{
    enum { COUNT = 256, LAST = COUNT - 1, TABLE = 30, BELOW = 100, ATTACHED = 400 };
    fresh_space();
    CHECK_EQ(env_retype(ROOT, 8 * MB, CAPTYPE_VNODEL1, 4 * KB, COUNT, &home[BELOW]), ERR_OK);
    for (unsigned i = 0; i < COUNT; i++)
        CHECK_EQ(map(L0, 2 + i, &home[BELOW + i], 0, 1, 0, ATTACHED + i), ERR_OK);
    make(CAPTYPE_VNODEL2, 2 * MB, &home[TABLE]);
    CHECK_EQ(cap_delete(&home[L0]), ERR_OK);
    CHECK(cap_work_pending());
    CHECK_EQ(home[ATTACHED].type, CAPTYPE_NULL);
    CHECK_EQ(map(BELOW, 0, &home[TABLE], 0, 1, 0, MAPPING), SYS_ERR_MAP_DETACHED);
    CHECK_EQ(home[ATTACHED + LAST].type, CAPTYPE_MAPPING);
    CHECK_EQ(map(BELOW + LAST, 0, &home[TABLE], 0, 1, 0, MAPPING), ERR_OK);
    check_database();
    env_settle();
    check_database();
    /* The new Mapping is like one made before the delete: in a table of no address space. */
    CHECK_EQ(home[ATTACHED + LAST].type, CAPTYPE_NULL);
    CHECK_EQ(home[MAPPING].type, CAPTYPE_MAPPING);
    CHECK_EQ(map(BELOW + LAST, 1, &home[TABLE], 0, 1, 0, MAPPING + 1), SYS_ERR_MAP_DETACHED);
    CHECK_EQ(env_delete(&home[MAPPING]), ERR_OK);
    make(CAPTYPE_VNODEL0, 3 * MB, &home[L0]);
    CHECK_EQ(map(L0, 0, &home[BELOW + LAST], 0, 1, 0, ATTACH), ERR_OK);
    CHECK_EQ(map(BELOW + LAST, 0, &home[TABLE], 0, 1, 0, MAPPING), ERR_OK);
    check_database();
}

void test_map(void)
{
    RUN(CAP0040_what_is_mapped_where);
    RUN(CAP0041_entry_format);
    RUN(CAP0042_map_errors);
    RUN(CAP0043_mapping_and_retype);
    RUN(CAP0044_revoke_unmaps);
    RUN(CAP0045_modify);
    RUN(CAP0046_detaching_forgets_translations);
    RUN(CAP0047_tables_take_their_mappings);
    RUN(CAP0048_asids_run_out_and_return);
    RUN(CAP0049_dispatcher_page);
    RUN(CAP0050_a_child_frame_among_many_mappings);
    RUN(CAP1003_map_below_a_dying_table);
}
