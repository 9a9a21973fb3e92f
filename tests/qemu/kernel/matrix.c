#include "matrix.h"

#define NEAR_PLACE   5u
#define LOAN_PLACE   6u
#define ARENA_BYTES  (2u << 20)
#define NAME_BYTES   96u
#define IDLE_NS      2000000u

void upcall_entry(void);
uint64_t upcall_c(uint64_t why);

caddr_t matrix_slots;
static volatile uint64_t faults;
static uint8_t upcall_stack[4096] __attribute__((aligned(16)));
static caddr_t arena;
static uint64_t near_va;

/* On the upcall stack: the number of instructions to skip. */
uint64_t upcall_c(uint64_t why)
{
    if ((why & KPI_UPCALL_FAULT) == 0) {
        return 0;
    }
    faults = faults + 1;
    return 1;
}

bool matrix_readable(uint64_t va)
{
    uint64_t before = faults;
    struct kpi_dispatcher *page = kt_page();

    page->upcall_entry = (uint64_t)upcall_entry;
    page->upcall_sp = (uint64_t)(upcall_stack + sizeof(upcall_stack));
    *(volatile uint32_t *)&page->disabled = 0;
    __asm__ volatile("ldr wzr, [%0]" ::"r"(va) : "memory");
    *(volatile uint32_t *)&page->disabled = 1;
    return faults == before;
}

uint64_t matrix_map(unsigned place, caddr_t cap, caddr_t mapping)
{
    void *va;

    kt_need(kt_map_place(place, cap, mapping, &va), "map");
    return (uint64_t)va;
}

static uint32_t index_of(caddr_t cap)
{
    return cap % KPI_L2_SLOTS;
}

static caddr_t node_of(caddr_t cap)
{
    return KPI_CADDR_L1 | cap / KPI_L2_SLOTS;
}

caddr_t matrix_device(uint64_t base, uint64_t *ret_off)
{
    const struct kpi_bootinfo *b = (const struct kpi_bootinfo *)KPI_BOOTINFO_VA;

    for (uint32_t i = 0; i < b->cap_count; i++) {
        const struct kpi_boot_cap *c = &b->caps[i];

        if (c->kind == KPI_BOOT_DEVICE && base >= c->base && base - c->base < c->bytes) {
            *ret_off = base - c->base;
            return c->cap;
        }
    }
    kt_need(SYS_ERR_CAP_NOT_FOUND, "no such device");
    return 0;
}

/* What the object of a type is made from, and where in it. */
static caddr_t ancestor_of(enum captype type, uint64_t *ret_off, uint64_t *ret_bytes)
{
    *ret_off = 0;
    *ret_bytes = ko_bytes(type);
    switch (matrix_rows[type].from) {
    case FROM_RAM:
        *ret_off = matrix_rows[type].page * KPI_PAGE_BYTES;
        return arena;
    case FROM_DEVICE:
        return matrix_device(MATRIX_DEVICE, ret_off);
    case FROM_IRQTABLE:
        return KPI_CAP_IRQTABLE;
    default:
        return type == CAPTYPE_KERNEL ? KPI_CAP_KERNEL
               : type == CAPTYPE_KCB  ? ko_kcb(1)
                                      : KPI_CAP_IRQTABLE;
    }
}

static bool holds(caddr_t slot)
{
    return ko_type(node_of(slot), index_of(slot)) != CAPTYPE_NULL;
}

static bool delete_one(caddr_t slot)
{
    return ko_delete(KT_TASK_NODE, slot) == ERR_OK && !holds(slot);
}

/* The ways. Each returns whether all was as it has to be. */

static bool way_delete_copy(enum captype type, const struct matrix_row *row)
{
    errval_t err = inv_cnode_copy(KT_TASK_NODE, M_OBJECT, M_COPY);

    if (!row->copies) {
        return err == SYS_ERR_NOT_COPYABLE && row->works(M_OBJECT);
    }
    return err == ERR_OK && delete_one(M_OBJECT) && row->works(M_COPY);
}

static bool way_delete_last(enum captype type, const struct matrix_row *row)
{
    return delete_one(M_OBJECT) && row->works(M_OBJECT) == row->survives;
}

static bool way_revoke(enum captype type, const struct matrix_row *row)
{
    bool from_boot = row->from == FROM_BOOT; /* the first capability is not in M_OBJECT */
    uint64_t off, bytes;
    caddr_t first = from_boot ? ancestor_of(type, &off, &bytes) : M_OBJECT;

    if (row->copies) {
        kt_need(inv_cnode_copy(KT_TASK_NODE, first, M_COPY), "copy");
    }
    if (type == CAPTYPE_MAPPING) {       /* nothing is made from it, nothing is a copy */
        return ko_revoke(KT_TASK_NODE, M_OBJECT) == SYS_ERR_CAP_RIGHTS && row->works(M_OBJECT);
    }
    return ko_revoke(node_of(first), index_of(first)) == ERR_OK && !holds(M_COPY) && holds(first) &&
           (!from_boot || !holds(M_OBJECT)) && row->works(first) == !row->has_derived;
}

static bool way_revoke_ancestor(enum captype type, const struct matrix_row *row)
{
    uint64_t off, bytes;
    caddr_t from = ancestor_of(type, &off, &bytes);

    if (row->from == FROM_KERNEL) {
        return ko_revoke(KT_TASK_NODE, KPI_CAP_KERNEL) == ERR_OK && row->works(M_OBJECT);
    }
    if (row->copies) {
        kt_need(inv_cnode_copy(KT_TASK_NODE, M_OBJECT, M_COPY), "copy");
    }
    return ko_revoke(node_of(from), index_of(from)) == ERR_OK && !holds(M_OBJECT) &&
           !holds(M_COPY) && !row->works(M_OBJECT);
}

static bool way_revoke_part(enum captype type, const struct matrix_row *row)
{
    uint64_t off, bytes;
    caddr_t from = ancestor_of(type, &off, &bytes);
    errval_t err = ko_revoke_part(node_of(from), index_of(from), off, bytes);

    if (row->from != FROM_RAM && row->from != FROM_DEVICE) {
        return err == SYS_ERR_CAP_TYPE && row->works(M_OBJECT);
    }
    return err == ERR_OK && !holds(M_OBJECT) && !row->works(M_OBJECT) && holds(M_NEIGHBOUR) &&
           matrix_readable(near_va);
}

/* The memory of an object is free when it has gone, not before, and clear. */
static bool retype_after(caddr_t from, uint64_t off, uint64_t bytes)
{
    bool clear = true;

    if (ko_retype(KT_TASK_NODE, from, off, CAPTYPE_FRAME, bytes, 1, M_COPY) != ERR_OK) {
        return false;
    }
    for (uint64_t page = 0; page < bytes; page += KPI_PAGE_BYTES) {
        errval_t err;
        const uint64_t *words = kt_map(M_COPY, page, 1, KPI_VM_READ, NULL, &err);

        kt_need(err, "map");
        for (unsigned i = 0; i < KPI_PAGE_BYTES / sizeof(*words); i++) {
            clear &= words[i] == 0;
        }
    }
    return clear;
}

static bool way_retype_after(enum captype type, const struct matrix_row *row)
{
    uint64_t off, bytes;
    caddr_t from = ancestor_of(type, &off, &bytes);
    enum captype again = row->from == FROM_DEVICE ? CAPTYPE_DEVFRAME : CAPTYPE_FRAME;

    if (row->from == FROM_BOOT) {        /* it is made once */
        return delete_one(M_OBJECT) && inv_cnode_copy(KT_TASK_NODE, from, M_OBJECT) == ERR_OK;
    }
    if (row->from == FROM_IRQTABLE || row->from == FROM_KERNEL) {
        return row->works(M_OBJECT) && delete_one(M_OBJECT) && !row->works(M_OBJECT);
    }
    if (ko_retype(KT_TASK_NODE, from, off, again, bytes, 1, M_COPY) != SYS_ERR_RETYPE_OVERLAP ||
        !delete_one(M_OBJECT)) {
        return false;
    }
    if (row->clear != NULL) {
        if (ko_retype(KT_TASK_NODE, from, off, again, bytes, 1, M_COPY) !=
            SYS_ERR_RETYPE_OVERLAP) {
            return false;
        }
        row->clear();
    }
    if (row->from == FROM_DEVICE) {
        return ko_retype(KT_TASK_NODE, from, off, again, bytes, 1, M_COPY) == ERR_OK;
    }
    return retype_after(from, off, bytes);
}

/* A loan ends with what it is of, and with it what was mapped by way of it. */
static bool way_lend(enum captype type, const struct matrix_row *row)
{
    errval_t err = inv_cnode_lend(KT_TASK_NODE, M_OBJECT, CAP_RIGHTS_ALL, M_COPY);
    bool mapped = captype_table[type].map_mask >> CAPTYPE_VNODEL3 & 1 && type != CAPTYPE_DISPATCHER;
    uint64_t va = 0;

    if (!row->copies) {
        return err == SYS_ERR_NOT_COPYABLE && row->works(M_OBJECT);
    }
    if (err != ERR_OK) {
        return false;
    }
    if (mapped) {
        va = matrix_map(LOAN_PLACE, M_COPY, matrix_slots + M_SLOTS - 1);
        if (!matrix_readable(va)) {
            return false;
        }
    }
    return row->works(M_COPY) && delete_one(M_OBJECT) && !holds(M_COPY) &&
           row->works(M_OBJECT) == row->survives && (!mapped || !matrix_readable(va));
}

static const struct {
    const char *name;
    bool (*run)(enum captype type, const struct matrix_row *row);
} ways[] = {
    { "delete one of two copies", way_delete_copy },
    { "delete the last copy", way_delete_last },
    { "revoke", way_revoke },
    { "revoke by an ancestor", way_revoke_ancestor },
    { "revoke_part of an ancestor", way_revoke_part },
    { "retype of what is free", way_retype_after },
    { "lend, and delete the source", way_lend },
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static size_t append(char *line, size_t at, const char *text)
{
    while (*text != '\0' && at < NAME_BYTES - 1) {
        line[at++] = *text++;
    }
    return at;
}

/* KMAT, two digits for the type, one for the way. */
static void tell(bool ok, enum captype type, unsigned way)
{
    char line[NAME_BYTES] = "KMAT0000 ";
    size_t n = 9;

    line[5] = (char)('0' + type / 10);
    line[6] = (char)('0' + type % 10);
    line[7] = (char)('1' + way);
    n = append(line, n, captype_name(type));
    n = append(line, n, ": ");
    n = append(line, n, ways[way].name);
    line[n] = '\0';
    kt_ok(ok, line);
}

/* Nobody has a capability of this type, and nobody makes one. */
static bool is_nowhere(enum captype type)
{
    uint64_t objects = 1, caps = 1;

    kt_need(inv_kernel_count(KPI_CAP_KERNEL, type, &objects, &caps), "count");
    return caps == 0 && ko_retype(KT_TASK_NODE, KPI_CAP_EARLY_RAM, 0, type, KPI_PAGE_BYTES, 1,
                                  M_OBJECT) == SYS_ERR_RETYPE_ILLEGAL;
}

static void clean(void)
{
    for (unsigned i = 0; i < M_SLOTS; i++) {
        if (holds(matrix_slots + i)) {
            kt_need(ko_delete(KT_TASK_NODE, matrix_slots + i), "clean");
        }
    }
    ko_arena_end();
}

static void run_cell(enum captype type, unsigned way)
{
    const struct matrix_row *row = &matrix_rows[type];
    uint64_t before = ko_count(), found = 1, nodes;
    bool ok;

    if (row->from == FROM_NOWHERE || row->from == 0) {
        tell(row->from == FROM_NOWHERE && is_nowhere(type), type, way);
        return;
    }
    arena = ko_arena(ARENA_BYTES);
    ko_make(M_NEIGHBOUR, CAPTYPE_FRAME, KPI_PAGE_BYTES);
    near_va = matrix_map(NEAR_PLACE, M_NEIGHBOUR, M_NEAR_MAPPING);
    row->make();
    ok = row->works(M_OBJECT);
    ok = ok && ways[way].run(type, row);
    kt_need(inv_kernel_check(KPI_CAP_KERNEL, &found, &nodes), "check");
    clean();
    tell(ok && found == 0 && ko_settle(before), type, way);
}

void test_main(void)
{
    matrix_slots = kt_slots(M_SLOTS);
    kt_plan((CAPTYPE_COUNT - 1) * WAYS + MATRIX_RUNNING);
    kt_pages(1, NULL);                   /* so that all tables exist */
    for (unsigned type = 1; type < CAPTYPE_COUNT; type++) {
        for (unsigned way = 0; way < WAYS; way++) {
            run_cell((enum captype)type, way);
        }
    }
    matrix_running();
}
