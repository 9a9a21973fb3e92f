/* Random operations on the capability system and on the model: same results, same state, and a TLB
 * that never has what the tables do not say.
 *
 * Usage: test_cap_random [OPERATIONS [SEED [FROM]]]. A disagreement may be older than the operation
 * that meets it, so a failed run names a rerun. That one prints every operation from FROM on and
 * compares after each, in a child: the settling that goes before does not disturb the run. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "check.h"
#include "env.h"
#include "model.h"

#include <kernel/check.h>
#include <kernel/cspace.h>
#include <kernel/vnode.h>
#include <kpi/dispatcher.h>

enum {
    OPERATIONS = 600000,
    DEEP = 20,             /* times as many under AOS_DEEP */
    COMPARE_EVERY = 400,   /* operations */
    CHUNK_BYTES = 6 << 20, /* small objects come from here; large frames from above LARGE_OFF */
    LARGE_OFF = 8 << 20,
    DEVICE_BASE = 0x9000000,
    DEVICE_BYTES = 1 << 20,
    ROOT_SLOT = 0,
    DEVICE_SLOT = 1,
};

static struct cte home[HOME_BLOCKS * BLOCK_SLOTS];
static uint64_t seed;
static uint64_t seed_given, most; /* most objects at a time */
/* Operations performed when all was last the same; when the run itself settled for it. */
static uint64_t compared, settled;
static uint64_t trace_from = UINT64_MAX;
static bool finished;
static struct model saved;
static uint64_t done[16][2]; /* by operation: succeeded, refused */

static uint64_t rnd(uint64_t n)
{
    return check_random(&seed) % n;
}

static bool one_in(uint64_t n)
{
    return rnd(n) == 0;
}

/* Random slot of a CNode or of home, or NONE; `queue`: of a channel. */
static int pick_slot(bool queue)
{
    for (int tries = 0; tries < 100; tries++) {
        int block = (int)rnd(BLOCKS), owner = model.block_owner[block];
        if (owner == NONE)
            continue;
        if (block < HOME_BLOCKS) {
            if (!queue)
                return block * BLOCK_SLOTS + (int)rnd(BLOCK_SLOTS);
            continue;
        }
        const struct model_object *o = &model.objects[owner];
        if (o->type == CAPTYPE_DISPATCHER || queue != (o->type == CAPTYPE_ENDPOINT))
            continue;
        return block * BLOCK_SLOTS + (int)rnd(o->slots);
    }
    return NONE;
}

/* Slots that may be in use: a superset, so that few draws miss. Only what pick_empty returned is
 * ever filled, queues and spaces apart. */
static int used[MODEL_SLOTS];
static bool is_used[MODEL_SLOTS];
static unsigned used_count;

static void used_add(int slot)
{
    if (is_used[slot])
        return;
    is_used[slot] = true;
    used[used_count++] = slot;
}

/* In use, in a CNode or at home. */
static bool is_cap(int slot)
{
    int block = slot / BLOCK_SLOTS, owner = model.block_owner[block];
    if (owner == NONE || model.slots[slot].object == NONE)
        return false;
    if (block < HOME_BLOCKS)
        return true;
    enum captype type = model.objects[owner].type;
    return type != CAPTYPE_DISPATCHER && type != CAPTYPE_ENDPOINT;
}

static int pick_empty(unsigned in_a_row)
{
    int slot = NONE;
    for (int tries = 0; tries < 20; tries++) {
        slot = pick_slot(false);
        if (slot == NONE || slot % BLOCK_SLOTS + (int)in_a_row > BLOCK_SLOTS) {
            slot = NONE;
            continue;
        }
        if (model.slots[slot].object == NONE || one_in(20))
            break;
    }
    /* What is put into a space that is being emptied goes with the rest. */
    if (slot >= HOME_BLOCKS * BLOCK_SLOTS && cap_work_pending())
        env_settle();
    for (unsigned i = 0; slot != NONE && i < in_a_row; i++)
        used_add(slot + (int)i);
    return slot;
}

static int pick_cap(uint32_t types)
{
    for (int tries = 0; tries < 200 && used_count > 0; tries++) {
        unsigned at = (unsigned)rnd(used_count);
        int slot = used[at];
        if (!is_cap(slot)) {
            is_used[slot] = false;
            used[at] = used[--used_count];
            continue;
        }
        if ((types >> model.objects[model.slots[slot].object].type & 1) != 0)
            return slot;
    }
    return NONE;
}

static struct cte *real(int slot)
{
    return model.slots[slot].real;
}

static const struct model_object *object_at(int slot)
{
    return &model.objects[model.slots[slot].object];
}

/* The real system may still be at work on something that the model has finished. */
#define CHECK_SAME(call, want)                                                                     \
    do {                                                                                           \
        errval_t same_want = (want), same_got = (call);                                            \
        if (same_got != same_want && cap_work_pending()) {                                         \
            env_settle();                                                                          \
            same_got = (call);                                                                     \
        }                                                                                          \
        CHECK_EQ(same_got, same_want);                                                             \
        count_result(same_want);                                                                   \
    } while (0)

static unsigned operation;
static const char *operation_name = "start";
static uint64_t performed;

/* The slots of an operation with what the model has in them, and numbers that say the rest. */
static void trace(int first, int second, uint64_t a, uint64_t b, uint64_t c)
{
    if (performed < trace_from)
        return;
    printf("# %llu: %s", (unsigned long long)performed, operation_name);
    const int slots[] = {first, second};
    for (unsigned i = 0; i < 2; i++) {
        if (slots[i] == NONE)
            continue;
        char text[DESCRIPTION_BYTES];
        model_describe(slots[i], text, sizeof text);
        printf(" %s", text);
    }
    printf(" (0x%llx, 0x%llx, 0x%llx)\n", (unsigned long long)a, (unsigned long long)b,
           (unsigned long long)c);
    fflush(stdout);
}

static void count_result(errval_t err)
{
    done[operation][err != ERR_OK]++;
    performed++;
}

static void op_retype(void)
{
    static const uint8_t types[] = {
        CAPTYPE_RAM,      CAPTYPE_RAM,      CAPTYPE_FRAME,   CAPTYPE_FRAME,
        CAPTYPE_L2CNODE,  CAPTYPE_L1CNODE,  CAPTYPE_VNODEL0, CAPTYPE_VNODEL1,
        CAPTYPE_VNODEL2,  CAPTYPE_VNODEL3,  CAPTYPE_VNODEL3, CAPTYPE_DISPATCHER,
        CAPTYPE_DEVFRAME, CAPTYPE_ENDPOINT, CAPTYPE_MAPPING};
    int src = !one_in(3)
                  ? ROOT_SLOT
                  : pick_cap(1u << CAPTYPE_RAM | 1u << CAPTYPE_FRAME | 1u << CAPTYPE_DEVFRAME);
    unsigned count = one_in(4) ? 1 + (unsigned)rnd(4) : 1;
    int dest = pick_empty(count + 1);
    if (src == NONE || dest == NONE || !model_room(count + 1, count + 1, count))
        return;
    const struct model_object *from = object_at(src);
    unsigned type = one_in(40) ? (unsigned)rnd(CAPTYPE_COUNT) : types[rnd(sizeof types)];
    if (from->type != CAPTYPE_RAM && !one_in(10))
        type = from->type;
    uint64_t bytes = 4096 * (1 + rnd(16));
    if (type == CAPTYPE_L1CNODE || type == CAPTYPE_L2CNODE)
        bytes = 16384;
    else if (type == CAPTYPE_DISPATCHER)
        bytes = KPI_DISPATCHER_BYTES;
    else if (type != CAPTYPE_RAM && type != CAPTYPE_FRAME && type != CAPTYPE_DEVFRAME)
        bytes = 4096;
    uint64_t span = from->bytes < CHUNK_BYTES ? from->bytes : CHUNK_BYTES;
    uint64_t off = rnd(span / 4096) * 4096;
    if (src == ROOT_SLOT && type == CAPTYPE_FRAME && one_in(60)) {
        off = LARGE_OFF + rnd(4) * KPI_LARGE_BYTES;
        bytes = KPI_LARGE_BYTES;
        count = 1;
    }
    if (one_in(50))
        bytes += one_in(2) && type != CAPTYPE_ENDPOINT ? 4096 : 512;
    trace(src, dest, off, type, bytes * count);
    errval_t want = model_retype(src, off, type, bytes, count, dest);
    CHECK_SAME(env_retype(real(src), off, (enum captype)type, bytes, count, real(dest)), want);
    for (unsigned i = 0; want == ERR_OK && i < count; i++) {
        struct model_object *o = &model.objects[model.slots[dest + (int)i].object];
        if (o->type == CAPTYPE_VNODEL0)
            o->asid = (uint16_t)(vnode_ttbr0(real(dest + (int)i)) >> CTE_ASID_SHIFT);
    }
}

static void op_copy(void)
{
    int src = pick_cap(UINT32_MAX), dest = pick_empty(1);
    if (src == NONE || dest == NONE)
        return;
    uint8_t rights = one_in(2) ? CAP_RIGHTS_ALL : (uint8_t)rnd(16);
    trace(src, dest, rights, 0, 0);
    CHECK_SAME(cap_copy(real(src), rights, real(dest)), model_copy(src, rights, dest));
}

static void op_lend(void)
{
    int src = pick_cap(UINT32_MAX), dest = pick_empty(1);
    if (src == NONE || dest == NONE)
        return;
    uint8_t rights = one_in(2) ? CAP_RIGHTS_ALL : (uint8_t)rnd(16);
    trace(src, dest, rights, 0, 0);
    CHECK_SAME(cap_lend(real(src), rights, real(dest)), model_lend(src, rights, dest));
}

static void op_move(void)
{
    int src = pick_cap(UINT32_MAX), dest = pick_empty(1);
    if (src == NONE || dest == NONE || src == ROOT_SLOT || src == DEVICE_SLOT)
        return;
    trace(src, dest, 0, 0, 0);
    CHECK_SAME(cap_move(real(src), real(dest)), model_move(src, dest));
}

/* Into the queue of a channel, or out of it. */
static void op_transfer(void)
{
    bool out = one_in(2), move = one_in(2);
    int queue = pick_slot(true);
    int other = out ? pick_empty(1) : pick_cap(UINT32_MAX);
    if (queue == NONE || other == NONE || other == ROOT_SLOT || other == DEVICE_SLOT)
        return;
    int src = out ? queue : other, dest = out ? other : queue;
    if (model.slots[src].object == NONE)
        return;
    uint8_t rights = (uint8_t)rnd(16);
    trace(src, dest, rights, move, 0);
    errval_t want =
        move ? model_move(src, dest) : model_copy(src, (uint8_t)(rights & ~CAP_RIGHT_D), dest);
    CHECK_SAME(cap_transfer_check(real(src), real(dest), move), want);
    if (want != ERR_OK)
        return;
    cap_transfer(real(src), real(dest), rights, move);
    if (move)
        model.slots[dest].rights &= rights;
}

static void op_split(void)
{
    int src = pick_cap(1u << CAPTYPE_RAM | 1u << CAPTYPE_FRAME | 1u << CAPTYPE_DEVFRAME);
    int dest = pick_empty(1);
    if (src == NONE || dest == NONE || src == ROOT_SLOT || src == DEVICE_SLOT ||
        !model_room(1, 0, 0))
        return;
    uint64_t off = rnd(object_at(src)->bytes / 4096 + 1) * 4096 + (one_in(20) ? 64 : 0);
    trace(src, dest, off, 0, 0);
    CHECK_SAME(cap_split(real(src), off, real(dest)), model_split(src, off, dest));
}

static void op_delete(void)
{
    int slot = one_in(8) ? pick_slot(true) : pick_cap(UINT32_MAX);
    if (slot == NONE || slot == ROOT_SLOT || slot == DEVICE_SLOT ||
        model.slots[slot].object == NONE)
        return;
    trace(slot, NONE, 0, 0, 0);
    struct cte *victim = real(slot);
    model_delete(slot);
    errval_t err;
    do {
        err = cap_delete(victim);
        check_touched();
    } while (err == SYS_ERR_AGAIN);
    CHECK_EQ(err, ERR_OK);
    count_result(err);
}

/* A copy of what all else is made from: its revoke would take the original away. */
static bool is_first(int slot)
{
    return model.slots[slot].object == model.slots[ROOT_SLOT].object ||
           model.slots[slot].object == model.slots[DEVICE_SLOT].object;
}

static void op_revoke(void)
{
    int slot = one_in(400) ? ROOT_SLOT : pick_cap(UINT32_MAX);
    if (slot == NONE || (slot != ROOT_SLOT && (is_first(slot) || !one_in(6))))
        return;
    trace(slot, NONE, 0, 0, 0);
    if ((model.slots[slot].rights & CAP_RIGHT_D) == 0) {
        CHECK_SAME(cap_revoke(real(slot)), SYS_ERR_CAP_RIGHTS);
        return;
    }
    saved = model;
    if (!model_revoke(slot)) {
        model = saved;
        return;
    }
    CHECK_EQ(env_revoke(real(slot)), ERR_OK);
    count_result(ERR_OK);
}

static void op_map(void)
{
    const uint32_t tables = 15u << CAPTYPE_VNODEL0;
    int vnode = pick_cap(tables), mapping = pick_empty(1);
    for (int tries = 0; tries < 12 && vnode != NONE && !object_at(vnode)->attached; tries++)
        vnode = pick_cap(tables);
    if (vnode == NONE || mapping == NONE || !model_room(1, 0, 0))
        return;
    uint32_t types =
        tables | 1u << CAPTYPE_FRAME | 1u << CAPTYPE_DEVFRAME | 1u << CAPTYPE_DISPATCHER;
    enum captype level = object_at(vnode)->type;
    if (level == CAPTYPE_VNODEL3 && !one_in(10))
        types &= ~tables;
    else if (level < CAPTYPE_VNODEL2 && !one_in(10))
        types = 2u << level;
    int src = pick_cap(types);
    if (src == NONE)
        return;
    bool memory = object_at(src)->type == CAPTYPE_FRAME || object_at(src)->type == CAPTYPE_DEVFRAME;
    unsigned index = (unsigned)rnd(one_in(2) ? 512 : 16), pages = 1;
    uint64_t off = 0;
    if (memory) {
        uint64_t have = object_at(src)->bytes / 4096;
        pages = 1 + (unsigned)rnd(level == CAPTYPE_VNODEL2 ? 2 : 24);
        off = one_in(3) ? rnd(have + 1) * 4096 : 0;
    }
    unsigned flags = memory || object_at(src)->type == CAPTYPE_DISPATCHER ? (unsigned)rnd(4) : 0;
    if (one_in(4))
        flags = (unsigned)rnd(18);
    trace(vnode, src, index, pages, flags);
    trace(mapping, NONE, off, 0, 0);
    errval_t want = model_map(vnode, index, src, off, pages, flags, mapping);
    /* Below a table that is being emptied, the real one is attached until its turn comes. */
    if (want == SYS_ERR_MAP_DETACHED)
        env_settle();
    CHECK_SAME(vnode_map(real(vnode), index, real(src), off, pages, flags, real(mapping)), want);
}

static void op_modify(void)
{
    int mapping = pick_cap(1u << CAPTYPE_MAPPING);
    if (mapping == NONE)
        return;
    unsigned entries = object_at(mapping)->entries;
    unsigned first = (unsigned)rnd(entries), pages = 1 + (unsigned)rnd(entries);
    unsigned flags = (unsigned)rnd(one_in(2) ? 4 : 17);
    trace(mapping, NONE, first, pages, flags);
    CHECK_SAME(mapping_modify(real(mapping), first, pages, flags),
               model_modify(mapping, first, pages, flags));
}

static void op_setup(void)
{
    int d = pick_cap(1u << CAPTYPE_DISPATCHER), cspace = pick_cap(1u << CAPTYPE_L1CNODE);
    int vspace = pick_cap(1u << CAPTYPE_VNODEL0);
    if (d == NONE || cspace == NONE || vspace == NONE)
        return;
    int block = object_at(d)->block;
    if (object_at(d)->ended || model.slots[block * BLOCK_SLOTS].object != NONE)
        return;
    trace(d, NONE, 0, 0, 0);
    trace(cspace, vspace, 0, 0, 0);
    struct dispatcher *real_d = dispatcher_of(real(d));
    CHECK_EQ(real_d->cspace.type, CAPTYPE_NULL);
    cap_embed(real(cspace), &real_d->cspace);
    cap_embed(real(vspace), &real_d->vspace);
    model_embed(d, cspace, vspace);
    count_result(ERR_OK);
}

static void op_end(void)
{
    int d = pick_cap(1u << CAPTYPE_DISPATCHER);
    if (d == NONE || object_at(d)->ended)
        return;
    trace(d, NONE, 0, 0, 0);
    struct dispatcher *real_d = dispatcher_of(real(d));
    model_end(d);
    real_d->state = DISP_DEAD;
    cap_release_cspace(&real_d->cspace);
    if (real_d->vspace.type != CAPTYPE_NULL)
        CHECK_EQ(cap_delete(&real_d->vspace), ERR_OK);
    count_result(ERR_OK);
}

/* Lets the hardware cache a translation. */
static void touch(void)
{
    int slot = pick_cap(1u << CAPTYPE_MAPPING);
    if (slot == NONE || object_at(slot)->child != NONE)
        return;
    const struct model_object *m = object_at(slot), *v = &model.objects[m->vnode];
    unsigned shift = v->type == CAPTYPE_VNODEL2 ? 21 : 12;
    uint64_t va = v->va + ((uint64_t)(m->index + rnd(m->entries)) << shift);
    for (int t = 0; t < TABLES; t++) {
        if (model.table_owner[t] == NONE)
            continue;
        const struct model_object *root = &model.objects[model.table_owner[t]];
        if (root->type == CAPTYPE_VNODEL0 && root->asid == v->asid)
            env_tlb_fill(root->asid, root->base, va);
    }
    done[operation][0]++;
}

static void check_tlb(void)
{
    uint64_t root[64] = {0};
    for (int t = 0; t < TABLES; t++) {
        if (model.table_owner[t] == NONE)
            continue;
        const struct model_object *o = &model.objects[model.table_owner[t]];
        if (o->type == CAPTYPE_VNODEL0)
            root[o->asid] = o->base;
    }
    for (unsigned i = 0; i < TLB_ENTRIES; i++) {
        if (!tlb[i].used)
            continue;
        if (root[tlb[i].asid] == 0)
            CHECK(cap_work_pending());
        else
            CHECK_EQ(env_walk(root[tlb[i].asid], tlb[i].va), tlb[i].leaf);
    }
}

static const struct {
    void (*run)(void);
    const char *name;
    unsigned weight;
} operations[] = {
    {op_retype, "retype", 40},    {op_copy, "copy", 5},   {op_move, "move", 5},
    {op_lend, "lend", 8},
    {op_transfer, "transfer", 8}, {op_split, "split", 3}, {op_delete, "delete", 6},
    {op_revoke, "revoke", 1},     {op_map, "map", 24},    {op_modify, "modify", 10},
    {op_setup, "setup", 6},       {op_end, "end", 1},     {touch, "touch", 12},
};
#define OPERATION_KINDS (sizeof operations / sizeof operations[0])

static void start(void)
{
    env_reset();
    model_reset(home);
    CHECK_EQ(cap_create(&home[ROOT_SLOT], CAPTYPE_RAM, ARENA_BASE, ARENA_BYTES, 15), ERR_OK);
    CHECK_EQ(cap_create(&home[DEVICE_SLOT], CAPTYPE_DEVFRAME, DEVICE_BASE, DEVICE_BYTES, 15),
             ERR_OK);
    used_add(ROOT_SLOT);
    used_add(DEVICE_SLOT);
    model_put(ROOT_SLOT, model_object(CAPTYPE_RAM, ARENA_BASE, ARENA_BYTES), 15);
    model_put(DEVICE_SLOT, model_object(CAPTYPE_DEVFRAME, DEVICE_BASE, DEVICE_BYTES), 11);
}

static void report(void)
{
    if (finished)
        return;
    finished = true;
    fprintf(stderr, "seed %llu: at operation %llu (%s); all was the same after %llu\n",
            (unsigned long long)seed_given, (unsigned long long)performed, operation_name,
            (unsigned long long)compared);
    if (trace_from == UINT64_MAX)
        fprintf(stderr, "to see each operation from there: test_cap_random %llu %llu %llu\n",
                (unsigned long long)performed + 1, (unsigned long long)seed_given,
                (unsigned long long)compared);
}

static void report_signal(int number)
{
    (void)number; /* SIGABRT ends the program anyway */
    report();
}

/* Of ASan and UBSan, where the program is built with them. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

/* In a child, so that the operations go on as without this. */
static void compare_aside(void)
{
    fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        finished = true; /* the parent reports */
        env_settle();
        model_compare();
        _exit(0);
    }
    int status = 0;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    compared = performed;
}

static void compare_sometimes(void)
{
    if (performed > trace_from && performed != compared)
        compare_aside();
    if (performed - settled >= COMPARE_EVERY) {
        env_settle();
        model_compare();
        settled = compared = performed;
    }
}

static void run(uint64_t count)
{
    unsigned weights = 0;
    for (size_t i = 0; i < OPERATION_KINDS; i++)
        weights += operations[i].weight;
    while (performed < count) {
        unsigned draw = (unsigned)rnd(weights);
        for (operation = 0; draw >= operations[operation].weight; operation++)
            draw -= operations[operation].weight;
        operation_name = operations[operation].name;
        operations[operation].run();
        check_tlb();
        check_touched();
        most = model.object_count > most ? model.object_count : most;
        if (one_in(2))
            (void)env_work();
        compare_sometimes();
    }
    env_settle();
    model_compare();
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 0) : OPERATIONS;
    if (getenv("AOS_DEEP") != NULL)
        count *= DEEP;
    seed_given = argc > 2 ? strtoull(argv[2], NULL, 0) : 20211;
    trace_from = argc > 3 ? strtoull(argv[3], NULL, 0) : UINT64_MAX;
    seed = seed_given;
    CHECK(seed != 0); /* the generator would stay there */
    atexit(report);
    signal(SIGABRT, report_signal);
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(report);
    start();
    run(count);
    finished = true;
    for (size_t i = 0; i < OPERATION_KINDS; i++)
        printf("# %-9s %8llu done %8llu refused\n", operations[i].name,
               (unsigned long long)done[i][0], (unsigned long long)done[i][1]);
    for (size_t i = 0; i + 1 < OPERATION_KINDS; i++)
        CHECK(done[i][0] > 0 || count < OPERATIONS);
    printf("# at most %llu objects\n", (unsigned long long)most);
    printf("ok CAP0100_%llu_random_operations\n", (unsigned long long)count);
    return 0;
}
