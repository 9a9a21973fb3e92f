/* Every rule of the capability system: legal and illegal. */
#include "check.h"
#include "rules.h"

struct cte home[HOME_SLOTS];

static const uint64_t object_bytes[CAPTYPE_COUNT] = {
    [CAPTYPE_RAM] = 4096,      [CAPTYPE_FRAME] = 4096,      [CAPTYPE_DEVFRAME] = 4096,
    [CAPTYPE_L1CNODE] = 16384, [CAPTYPE_L2CNODE] = 16384,   [CAPTYPE_VNODEL0] = 4096,
    [CAPTYPE_VNODEL1] = 4096,  [CAPTYPE_VNODEL2] = 4096,    [CAPTYPE_VNODEL3] = 4096,
    [CAPTYPE_MAPPING] = 4096,  [CAPTYPE_DISPATCHER] = 8192, [CAPTYPE_ENDPOINT] = 4096};

void fresh(void)
{
    env_reset();
    env_end_in_use = NULL;
    CHECK_EQ(cap_create(ROOT, CAPTYPE_RAM, ARENA_BASE, ARENA_BYTES, CAP_RIGHTS_ALL), ERR_OK);
}

struct cte *make(enum captype type, uint64_t off, struct cte *dest)
{
    CHECK_EQ(env_retype(ROOT, off, type, object_bytes[type], 1, dest), ERR_OK);
    return dest;
}

void check_database(void)
{
    uint64_t nodes;
    CHECK_EQ(cap_check_all(&nodes), 0);
    CHECK_EQ(nodes, cap_node_count());
}

static void CAP0001_what_is_made_from_what(void)
{
    for (unsigned from = CAPTYPE_RAM; from <= CAPTYPE_DEVFRAME; from++) {
        for (unsigned to = 0; to < CAPTYPE_COUNT; to++) {
            env_reset();
            CHECK_EQ(cap_create(ROOT, from, ARENA_BASE, 65536, CAP_RIGHTS_ALL), ERR_OK);
            bool legal = (captype_table[from].retype_mask >> to & 1) != 0;
            errval_t err = env_retype(ROOT, 0, to, object_bytes[to], 1, &home[1]);
            CHECK_EQ(err, legal ? ERR_OK : SYS_ERR_RETYPE_ILLEGAL);
            CHECK_EQ(home[1].type, legal ? to : CAPTYPE_NULL);
            check_database();
        }
    }
    fresh();
    CHECK_EQ(cap_retype(ROOT, 0, CAPTYPE_COUNT, 4096, 1, &home[1]), SYS_ERR_RETYPE_ILLEGAL);
    CHECK_EQ(cap_retype(ROOT, 0, (enum captype)200, 4096, 1, &home[1]), SYS_ERR_RETYPE_ILLEGAL);
    for (unsigned from = CAPTYPE_L1CNODE; from < CAPTYPE_COUNT; from++)
        CHECK_EQ(captype_table[from].retype_mask, 0);
}

static void CAP0002_sizes(void)
{
    static const struct {
        enum captype type;
        uint64_t bytes;
        bool ok;
    } cases[] = {
        {CAPTYPE_RAM, 0, false},
        {CAPTYPE_RAM, 100, false},
        {CAPTYPE_RAM, 12288, true},
        {CAPTYPE_RAM, ARENA_BYTES, false},
        {CAPTYPE_FRAME, ARENA_BYTES, true},
        {CAPTYPE_FRAME, ARENA_BYTES + 4096, false},
        {CAPTYPE_FRAME, 1ull << 60, false},
        {CAPTYPE_L1CNODE, 8192, false},
        {CAPTYPE_L1CNODE, 32768, true},
        {CAPTYPE_L1CNODE, 49152, false},
        {CAPTYPE_L1CNODE, 262144, true},
        {CAPTYPE_L1CNODE, 524288, false},
        {CAPTYPE_L2CNODE, 32768, false},
        {CAPTYPE_VNODEL0, 8192, false},
        {CAPTYPE_VNODEL3, 2048, false},
        {CAPTYPE_DISPATCHER, 4096, false},
        {CAPTYPE_DISPATCHER, 8192, true},
        {CAPTYPE_ENDPOINT, 2048, false},
        {CAPTYPE_ENDPOINT, 65536, true},
        {CAPTYPE_ENDPOINT, 131072, false},
        {CAPTYPE_ENDPOINT, 12288, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fresh();
        errval_t err = env_retype(ROOT, 0, cases[i].type, cases[i].bytes, 1, &home[1]);
        CHECK_EQ(err, cases[i].ok ? ERR_OK : SYS_ERR_RETYPE_SIZE);
    }
    fresh();
    CHECK_EQ(cap_retype(ROOT, 100, CAPTYPE_RAM, 4096, 1, &home[1]), SYS_ERR_RETYPE_SIZE);
    CHECK_EQ(cap_retype(ROOT, ARENA_BYTES, CAPTYPE_RAM, 4096, 1, &home[1]), SYS_ERR_RETYPE_SIZE);
    CHECK_EQ(cap_retype(ROOT, UINT64_MAX - 4095, CAPTYPE_RAM, 8192, 1, &home[1]),
             SYS_ERR_RETYPE_SIZE);
    CHECK_EQ(cap_retype(ROOT, 0, CAPTYPE_RAM, ARENA_BYTES / 4, 5, &home[1]), SYS_ERR_RETYPE_SIZE);
    CHECK_EQ(cap_retype(ROOT, 0, CAPTYPE_ENDPOINT, 4096, 2, &home[1]), SYS_ERR_RETYPE_SIZE);
    CHECK_EQ(cap_retype(ROOT, 0, CAPTYPE_RAM, 4096, 0, &home[1]), SYS_ERR_RETYPE_SIZE);
}

static void CAP0003_overlap(void)
{
    fresh();
    CHECK_EQ(cap_retype(ROOT, 65536, CAPTYPE_RAM, 65536, 1, &home[1]), ERR_OK);
    static const struct {
        uint64_t off, bytes;
        bool ok;
    } cases[] = {{0, 65536, true},      {0, 69632, false},     {131072, 4096, true},
                 {126976, 8192, false}, {65536, 65536, false}, {0, 1 << 20, false},
                 {126976, 4096, false}, {61440, 4096, true},   {65536, 4096, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        errval_t err = env_retype(ROOT, cases[i].off, CAPTYPE_RAM, cases[i].bytes, 1, &home[2]);
        CHECK_EQ(err, cases[i].ok ? ERR_OK : SYS_ERR_RETYPE_OVERLAP);
        check_database();
        if (cases[i].ok)
            CHECK_EQ(env_delete(&home[2]), ERR_OK);
    }
    /* Copies of the source do not matter, neither do ancestors. */
    CHECK_EQ(cap_copy(&home[1], CAP_RIGHTS_ALL, &home[3]), ERR_OK);
    CHECK_EQ(cap_retype(&home[3], 0, CAPTYPE_RAM, 4096, 1, &home[4]), ERR_OK);
    CHECK_EQ(cap_retype(&home[1], 0, CAPTYPE_RAM, 8192, 1, &home[5]), SYS_ERR_RETYPE_OVERLAP);
    CHECK_EQ(cap_retype(&home[1], 4096, CAPTYPE_RAM, 8192, 1, &home[5]), ERR_OK);
    /* After delete of the middle the grandchildren still count. */
    CHECK_EQ(env_delete(&home[1]), ERR_OK);
    CHECK_EQ(env_delete(&home[3]), ERR_OK);
    CHECK_EQ(cap_retype(ROOT, 65536, CAPTYPE_RAM, 4096, 1, &home[1]), SYS_ERR_RETYPE_OVERLAP);
    CHECK_EQ(cap_retype(ROOT, 65536 + 12288, CAPTYPE_RAM, 4096, 1, &home[1]), ERR_OK);
    check_database();
}

static void CAP0004_retype_needs_empty_slots_and_rights(void)
{
    fresh();
    make(CAPTYPE_FRAME, 0, &home[2]);
    CHECK_EQ(cap_retype(ROOT, 8192, CAPTYPE_RAM, 4096, 3, &home[1]), SYS_ERR_SLOT_OCCUPIED);
    CHECK_EQ(home[1].type, CAPTYPE_NULL);
    CHECK_EQ(cap_retype(ROOT, 8192, CAPTYPE_ENDPOINT, 4096, 1, &home[1]), SYS_ERR_SLOT_OCCUPIED);
    CHECK_EQ(cap_copy(ROOT, CAP_RIGHT_R | CAP_RIGHT_W, &home[1]), ERR_OK);
    CHECK_EQ(cap_retype(&home[1], 8192, CAPTYPE_RAM, 4096, 1, &home[3]), SYS_ERR_CAP_RIGHTS);
    CHECK_EQ(cap_revoke(&home[1]), SYS_ERR_CAP_RIGHTS);
    CHECK_EQ(cap_split(&home[1], 4096, &home[3]), SYS_ERR_CAP_RIGHTS);
    /* Children have no right that the source lacks. */
    CHECK_EQ(cap_copy(ROOT, CAP_RIGHT_R | CAP_RIGHT_D, &home[3]), ERR_OK);
    CHECK_EQ(env_retype(&home[3], 8192, CAPTYPE_FRAME, 4096, 1, &home[4]), ERR_OK);
    CHECK_EQ(home[4].rights, CAP_RIGHT_R | CAP_RIGHT_D);
    CHECK_EQ(home[2].rights, CAP_RIGHTS_ALL);
    check_database();
}

static bool all_zero(uint64_t base, uint64_t bytes)
{
    const uint8_t *p = phys_to_virt(base);
    for (uint64_t i = 0; i < bytes; i++) {
        if (p[i] != 0)
            return false;
    }
    return true;
}

static void CAP0005_memory_is_cleared_in_steps(void)
{
    fresh();
    uint64_t bytes = 4 * CAP_CLEAR_MAX + 4096;
    unsigned again = 0;
    while (cap_retype(ROOT, 4096, CAPTYPE_FRAME, bytes, 1, &home[1]) == SYS_ERR_AGAIN)
        again++;
    CHECK_EQ(again, 4);
    CHECK_EQ(home[1].type, CAPTYPE_FRAME);
    CHECK(all_zero(ARENA_BASE + 4096, bytes));
    CHECK(!all_zero(ARENA_BASE, 4096) && !all_zero(ARENA_BASE + 4096 + bytes, 4096));
    /* A frame made from a frame keeps its content; a new one from the same RAM is clear again. */
    memset(phys_to_virt(ARENA_BASE + 4096), 0x77, bytes);
    CHECK_EQ(cap_retype(&home[1], 4096, CAPTYPE_FRAME, 4096, 1, &home[2]), ERR_OK);
    CHECK_EQ(*(uint8_t *)phys_to_virt(ARENA_BASE + 8192), 0x77);
    CHECK_EQ(env_delete(&home[1]), ERR_OK);
    CHECK_EQ(env_delete(&home[2]), ERR_OK);
    CHECK_EQ(env_retype(ROOT, 0, CAPTYPE_FRAME, bytes, 1, &home[1]), ERR_OK);
    CHECK(all_zero(ARENA_BASE, bytes));
    /* Progress is forgotten when another object may have written to the part. */
    CHECK_EQ(env_delete(&home[1]), ERR_OK);
    CHECK_EQ(cap_retype(ROOT, 0, CAPTYPE_FRAME, bytes, 1, &home[1]), SYS_ERR_AGAIN);
    CHECK_EQ(cap_retype(ROOT, 0, CAPTYPE_RAM, 4096, 1, &home[2]), ERR_OK);
    CHECK_EQ(env_retype(&home[2], 0, CAPTYPE_FRAME, 4096, 1, &home[3]), ERR_OK);
    memset(phys_to_virt(ARENA_BASE), 0x55, 4096);
    CHECK_EQ(env_revoke(ROOT), ERR_OK);
    CHECK_EQ(env_retype(ROOT, 0, CAPTYPE_FRAME, bytes, 1, &home[1]), ERR_OK);
    CHECK(all_zero(ARENA_BASE, bytes));
}

static void CAP0006_copy_and_mint(void)
{
    fresh();
    for (unsigned type = CAPTYPE_RAM; type < CAPTYPE_COUNT; type++) {
        if ((captype_table[CAPTYPE_RAM].retype_mask >> type & 1) == 0)
            continue;
        env_revoke(ROOT);
        make(type, 0, &home[1]);
        bool single =
            (type >= CAPTYPE_VNODEL0 && type <= CAPTYPE_VNODEL3) || type == CAPTYPE_ENDPOINT;
        CHECK_EQ(cap_copy(&home[1], CAP_RIGHT_R, &home[3]), single ? SYS_ERR_NOT_COPYABLE : ERR_OK);
        if (!single) {
            CHECK_EQ(home[3].rights, CAP_RIGHT_R);
            CHECK_EQ(cap_copy(&home[3], CAP_RIGHTS_ALL, &home[4]), ERR_OK);
            CHECK_EQ(home[4].rights, CAP_RIGHT_R);
        }
        check_database();
    }
    CHECK_EQ(cap_copy(&home[9], CAP_RIGHTS_ALL, &home[10]), SYS_ERR_CAP_NOT_FOUND);
    CHECK_EQ(cap_copy(ROOT, CAP_RIGHTS_ALL, ROOT), SYS_ERR_SLOT_OCCUPIED);
}

static void CAP0007_move(void)
{
    fresh();
    make(CAPTYPE_FRAME, 0, &home[1]);
    CHECK_EQ(cap_copy(&home[1], CAP_RIGHT_R, &home[2]), ERR_OK);
    CHECK_EQ(cap_move(&home[1], &home[3]), ERR_OK);
    CHECK_EQ(home[1].type, CAPTYPE_NULL);
    CHECK_EQ(home[3].rights, CAP_RIGHTS_ALL);
    check_database();
    CHECK_EQ(env_revoke(&home[3]), ERR_OK);
    CHECK_EQ(home[2].type, CAPTYPE_NULL);
    make(CAPTYPE_ENDPOINT, 8192, &home[4]);
    env_end_in_use = &home[4];
    CHECK_EQ(cap_move(&home[4], &home[6]), SYS_ERR_END_IN_USE);
    CHECK_EQ(cap_move(&home[5], &home[6]), ERR_OK);
    CHECK_EQ(cap_move(&home[5], &home[7]), SYS_ERR_CAP_NOT_FOUND);
    check_database();
}

static void CAP0008_transfer_drops_derive(void)
{
    fresh();
    make(CAPTYPE_FRAME, 0, &home[1]);
    CHECK_EQ(cap_transfer_check(&home[1], &home[2], false), ERR_OK);
    cap_transfer(&home[1], &home[2], CAP_RIGHTS_ALL, false);
    CHECK_EQ(home[2].rights, CAP_RIGHT_R | CAP_RIGHT_W | CAP_RIGHT_X);
    cap_transfer(&home[1], &home[3], CAP_RIGHT_R | CAP_RIGHT_D, true);
    CHECK_EQ(home[3].rights, CAP_RIGHT_R | CAP_RIGHT_D);
    CHECK_EQ(home[1].type, CAPTYPE_NULL);
    make(CAPTYPE_VNODEL1, 8192, &home[1]);
    CHECK_EQ(cap_transfer_check(&home[1], &home[4], false), SYS_ERR_NOT_COPYABLE);
    CHECK_EQ(cap_transfer_check(&home[1], &home[4], true), ERR_OK);
    CHECK_EQ(cap_transfer_check(&home[1], &home[2], true), SYS_ERR_SLOT_OCCUPIED);
    check_database();
}

static void CAP0009_split(void)
{
    fresh();
    CHECK_EQ(cap_split(ROOT, 8192, &home[1]), ERR_OK);
    CHECK_EQ(cte_bytes(ROOT), 8192);
    CHECK_EQ(cte_base(&home[1]), ARENA_BASE + 8192);
    CHECK_EQ(cte_bytes(&home[1]), ARENA_BYTES - 8192);
    check_database();
    CHECK_EQ(cap_split(ROOT, 0, &home[2]), SYS_ERR_RETYPE_SIZE);
    CHECK_EQ(cap_split(ROOT, 8192, &home[2]), SYS_ERR_RETYPE_SIZE);
    CHECK_EQ(cap_split(ROOT, 100, &home[2]), SYS_ERR_RETYPE_SIZE);
    CHECK_EQ(cap_copy(ROOT, CAP_RIGHTS_ALL, &home[3]), ERR_OK);
    CHECK_EQ(cap_split(ROOT, 4096, &home[2]), SYS_ERR_HAS_DESCENDANTS);
    CHECK_EQ(env_delete(&home[3]), ERR_OK);
    CHECK_EQ(env_retype(ROOT, 4096, CAPTYPE_FRAME, 4096, 1, &home[3]), ERR_OK);
    CHECK_EQ(cap_split(ROOT, 4096, &home[2]), SYS_ERR_HAS_DESCENDANTS);
    CHECK_EQ(env_delete(&home[3]), ERR_OK);
    CHECK_EQ(cap_split(ROOT, 4096, &home[2]), ERR_OK);
    check_database();
}

static void CAP0010_create_refuses_overlap(void)
{
    fresh();
    CHECK_EQ(cap_create(&home[1], CAPTYPE_RAM, ARENA_BASE, 4096, 15), SYS_ERR_RETYPE_OVERLAP);
    CHECK_EQ(cap_create(&home[1], CAPTYPE_DEVFRAME, 0x8000000, 0x800, 15), SYS_ERR_RETYPE_SIZE);
    CHECK_EQ(cap_create(&home[1], CAPTYPE_DEVFRAME, 0x8000000, 0, 15), SYS_ERR_RETYPE_SIZE);
    CHECK_EQ(cap_create(&home[1], CAPTYPE_DEVFRAME, 0x8000000, CAP_NAMED_BASE, 15),
             SYS_ERR_RETYPE_SIZE);
    CHECK_EQ(cap_create(&home[1], CAPTYPE_DEVFRAME, 0x8000000, 0x1000000, 15), ERR_OK);
    CHECK_EQ(home[1].rights, CAP_RIGHT_R | CAP_RIGHT_W | CAP_RIGHT_D);
    CHECK_EQ(cap_create(&home[1], CAPTYPE_KERNEL, CAP_KERNEL_BASE, 4096, 15),
             SYS_ERR_SLOT_OCCUPIED);
    CHECK_EQ(cap_create(&home[2], CAPTYPE_IRQTABLE, CAP_IRQ_BASE(0), CAP_IRQ_BYTES, 15), ERR_OK);
    CHECK_EQ(cap_create(&home[3], CAPTYPE_IRQDEST, CAP_IRQ_BASE(33), 4096, 15), ERR_OK);
    CHECK_EQ(cap_create(&home[4], CAPTYPE_IRQDEST, CAP_IRQ_BASE(33), 4096, 15),
             SYS_ERR_RETYPE_OVERLAP);
    CHECK_EQ(cte_irq(&home[3]), 33);
    check_database();
    unsigned destroyed = env_irqs_destroyed;
    CHECK_EQ(cap_copy(&home[3], 15, &home[4]), ERR_OK);
    CHECK_EQ(env_delete(&home[3]), ERR_OK);
    CHECK_EQ(env_irqs_destroyed, destroyed);
    CHECK_EQ(env_delete(&home[4]), ERR_OK);
    CHECK_EQ(env_irqs_destroyed, destroyed + 1);
}

int main(void)
{
    RUN(CAP0001_what_is_made_from_what);
    RUN(CAP0002_sizes);
    RUN(CAP0003_overlap);
    RUN(CAP0004_retype_needs_empty_slots_and_rights);
    RUN(CAP0005_memory_is_cleared_in_steps);
    RUN(CAP0006_copy_and_mint);
    RUN(CAP0007_move);
    RUN(CAP0008_transfer_drops_derive);
    RUN(CAP0009_split);
    RUN(CAP0010_create_refuses_overlap);
    test_delete();
    test_map();
    test_lend();
    test_remote();
    test_look();
    return 0;
}
