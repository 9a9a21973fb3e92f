#include "model.h"
#include "check.h"
#include "env.h"

#include <kernel/cap_tree.h>
#include <kernel/lmp.h>
#include <kpi/dispatcher.h>
#include <kpi/vm.h>

struct model model;

enum { KB = 1024, RING_SLOTS = 8 };

void model_reset(struct cte *home)
{
    memset(&model, 0, sizeof model);
    for (int i = 0; i < BLOCKS; i++)
        model.block_owner[i] = NONE;
    for (int i = 0; i < TABLES; i++)
        model.table_owner[i] = NONE;
    for (int i = 0; i < MODEL_SLOTS; i++) {
        model.slots[i].object = NONE;
        model.slots[i].lender = NONE;
    }
    for (int i = 0; i < HOME_BLOCKS * BLOCK_SLOTS; i++)
        model.slots[i].real = &home[i];
    for (int i = 0; i < HOME_BLOCKS; i++)
        model.block_owner[i] = 0;
}

static int free_in(const int *owners, int count)
{
    for (int i = 0; i < count; i++) {
        if (owners[i] == NONE)
            return i;
    }
    return NONE;
}

bool model_room(unsigned objects, unsigned blocks, unsigned tables)
{
    unsigned free_blocks = 0, free_tables = 0;
    for (int i = 0; i < BLOCKS; i++)
        free_blocks += model.block_owner[i] == NONE;
    for (int i = 0; i < TABLES; i++)
        free_tables += model.table_owner[i] == NONE;
    return model.object_count + objects <= MODEL_OBJECTS && blocks <= free_blocks &&
           tables <= free_tables;
}

static void give_block(int o, unsigned slots)
{
    int block = free_in(model.block_owner, BLOCKS);
    CHECK(block != NONE);
    model.block_owner[block] = o;
    model.objects[o].block = block;
    model.objects[o].slots = slots;
}

static struct model_slot *slot_of(int o, unsigned i)
{
    return &model.slots[model.objects[o].block * BLOCK_SLOTS + (int)i];
}

int model_object(enum captype type, uint64_t base, uint64_t bytes)
{
    int o = 0;
    while (model.objects[o].type != CAPTYPE_NULL)
        o++;
    model.object_count++;
    model.objects[o] = (struct model_object){.type = type,
                                             .base = base,
                                             .bytes = bytes,
                                             .block = NONE,
                                             .table = NONE,
                                             .vnode = NONE,
                                             .child = NONE,
                                             .loan = NONE};
    return o;
}

/* A new object in memory, with its slots or table. */
static int object_in_memory(enum captype type, uint64_t base, uint64_t bytes)
{
    int o = model_object(type, base, bytes);
    if (type == CAPTYPE_L1CNODE || type == CAPTYPE_L2CNODE) {
        give_block(o, BLOCK_SLOTS);
        for (unsigned i = 0; i < BLOCK_SLOTS; i++)
            slot_of(o, i)->real = (struct cte *)phys_to_virt(base) + i;
    } else if (type == CAPTYPE_DISPATCHER) {
        give_block(o, 2);
        slot_of(o, SLOT_CSPACE)->real = &env_dispatcher(base)->cspace;
        slot_of(o, SLOT_VSPACE)->real = &env_dispatcher(base)->vspace;
    } else if (type >= CAPTYPE_VNODEL0 && type <= CAPTYPE_VNODEL3) {
        int table = free_in(model.table_owner, TABLES);
        CHECK(table != NONE);
        model.table_owner[table] = o;
        model.objects[o].table = table;
        model.objects[o].attached = type == CAPTYPE_VNODEL0;
        memset(model.entries[table], 0, sizeof model.entries[table]);
    }
    return o;
}

void model_put(int slot, int object, uint8_t rights)
{
    model.slots[slot].object = object;
    model.slots[slot].rights = rights;
    model.slots[slot].lender = NONE;
    model.objects[object].copies++;
}

static struct model_object *object_in(int slot)
{
    return &model.objects[model.slots[slot].object];
}

static bool overlaps(const struct model_object *a, uint64_t base, uint64_t end)
{
    return a->base < end && a->base + a->bytes > base;
}

/* Whether `a` may have been derived from `b`. */
static bool descends(const struct model_object *a, const struct model_object *b)
{
    if (a == b || a->base < b->base || a->base + a->bytes > b->base + b->bytes)
        return false;
    return a->bytes < b->bytes || a->type > b->type;
}

/* Something in the range that is neither `self` nor an ancestor of it. */
static bool range_used(const struct model_object *self, uint64_t base, uint64_t end, bool mappings)
{
    for (int i = 0; i < MODEL_OBJECTS; i++) {
        const struct model_object *o = &model.objects[i];
        if (o->type == CAPTYPE_NULL || o == self || !overlaps(o, base, end))
            continue;
        if (o->type == CAPTYPE_MAPPING ? mappings : !descends(self, o))
            return true;
    }
    return false;
}

errval_t model_retype(int src, uint64_t off, unsigned type, uint64_t bytes, unsigned count,
                      int dest)
{
    static const uint64_t fixed[CAPTYPE_COUNT] = {[CAPTYPE_L2CNODE] = 16 * KB,
                                                  [CAPTYPE_VNODEL0] = 4 * KB,
                                                  [CAPTYPE_VNODEL1] = 4 * KB,
                                                  [CAPTYPE_VNODEL2] = 4 * KB,
                                                  [CAPTYPE_VNODEL3] = 4 * KB,
                                                  [CAPTYPE_DISPATCHER] = 8 * KB,
                                                  /* the only sizes this test uses */
                                                  [CAPTYPE_L1CNODE] = 16 * KB,
                                                  [CAPTYPE_ENDPOINT] = 4 * KB};
    const struct model_object *from = object_in(src);
    uint8_t rights = model.slots[src].rights;
    if ((rights & CAP_RIGHT_D) == 0)
        return SYS_ERR_CAP_RIGHTS;
    if ((captype_table[from->type].retype_mask & 1u << type) == 0)
        return SYS_ERR_RETYPE_ILLEGAL;
    if (off % 4096 != 0 || bytes == 0 || bytes % 4096 != 0 || off + bytes * count > from->bytes ||
        (fixed[type] != 0 && bytes != fixed[type]) ||
        (type == from->type && bytes == from->bytes) || (type == CAPTYPE_ENDPOINT && count != 1))
        return SYS_ERR_RETYPE_SIZE;
    unsigned slots = type == CAPTYPE_ENDPOINT ? 2 : count;
    for (unsigned i = 0; i < slots; i++) {
        if (model.slots[dest + (int)i].object != NONE)
            return SYS_ERR_SLOT_OCCUPIED;
    }
    uint64_t base = from->base + off;
    if (range_used(from, base, base + bytes * count, true))
        return SYS_ERR_RETYPE_OVERLAP;
    rights &= captype_table[type].rights;
    for (unsigned i = 0; i < slots; i++) {
        uint64_t at = type == CAPTYPE_ENDPOINT ? base : base + i * bytes;
        int o = object_in_memory(type, at, bytes);
        if (type == CAPTYPE_ENDPOINT) {
            model.objects[o].side = i;
            give_block(o, RING_SLOTS);
            for (unsigned k = 0; k < RING_SLOTS; k++)
                slot_of(o, k)->real = (struct cte *)phys_to_virt(at + 512) + i * RING_SLOTS + k;
        }
        model_put(dest + (int)i, o, rights);
    }
    return ERR_OK;
}

static bool copyable(enum captype type)
{
    return type != CAPTYPE_MAPPING && type != CAPTYPE_ENDPOINT && type != CAPTYPE_VNODEL0 &&
           type != CAPTYPE_VNODEL1 && type != CAPTYPE_VNODEL2 && type != CAPTYPE_VNODEL3;
}

errval_t model_copy(int src, uint8_t rights, int dest)
{
    if (model.slots[dest].object != NONE)
        return SYS_ERR_SLOT_OCCUPIED;
    if (!copyable(object_in(src)->type))
        return SYS_ERR_NOT_COPYABLE;
    model_put(dest, model.slots[src].object, model.slots[src].rights & rights);
    model.slots[dest].lender = model.slots[src].lender;
    return ERR_OK;
}

unsigned model_depth(int slot)
{
    unsigned depth = 0;
    for (; model.slots[slot].lender != NONE; slot = model.slots[slot].lender)
        depth++;
    return depth;
}

errval_t model_lend(int src, uint8_t rights, int dest)
{
    if (model.slots[dest].object != NONE)
        return SYS_ERR_SLOT_OCCUPIED;
    if (!copyable(object_in(src)->type) || model_depth(src) == CAP_LOAN_MAX)
        return SYS_ERR_NOT_COPYABLE;
    model_put(dest, model.slots[src].object,
              model.slots[src].rights & rights & (uint8_t)~CAP_RIGHT_D);
    model.slots[dest].lender = src;
    return ERR_OK;
}

errval_t model_move(int src, int dest)
{
    if (model.slots[dest].object != NONE)
        return SYS_ERR_SLOT_OCCUPIED;
    model.slots[dest].object = model.slots[src].object;
    model.slots[dest].rights = model.slots[src].rights;
    model.slots[dest].lender = model.slots[src].lender;
    model.slots[src].object = NONE;
    for (int i = 0; i < MODEL_SLOTS; i++) {
        if (model.slots[i].object != NONE && model.slots[i].lender == src)
            model.slots[i].lender = dest;
    }
    for (int i = 0; i < MODEL_OBJECTS; i++) {
        if (model.objects[i].type == CAPTYPE_MAPPING && model.objects[i].loan == src)
            model.objects[i].loan = dest;
    }
    return ERR_OK;
}

errval_t model_split(int src, uint64_t off, int dest)
{
    struct model_object *from = object_in(src);
    if (model.slots[dest].object != NONE)
        return SYS_ERR_SLOT_OCCUPIED;
    if (from->type != CAPTYPE_RAM && from->type != CAPTYPE_FRAME && from->type != CAPTYPE_DEVFRAME)
        return SYS_ERR_CAP_TYPE;
    if ((model.slots[src].rights & CAP_RIGHT_D) == 0)
        return SYS_ERR_CAP_RIGHTS;
    if (off % 4096 != 0 || off == 0 || off >= from->bytes)
        return SYS_ERR_RETYPE_SIZE;
    if (from->copies != 1 || range_used(from, from->base, from->base + from->bytes, true))
        return SYS_ERR_HAS_DESCENDANTS;
    int o = model_object(from->type, from->base + off, from->bytes - off);
    from->bytes = off;
    model_put(dest, o, model.slots[src].rights);
    return ERR_OK;
}

/* Deletion: at once, by recursion. */
static void drop(int slot);
static void empty(int o);

static void drop_object(int o)
{
    for (int i = 0; i < MODEL_SLOTS && model.objects[o].copies > 0; i++) {
        if (model.slots[i].object == o)
            drop(i);
    }
}

/* A dispatcher ends: its capability space is emptied, its vspace stays as long as its object. */
static void end_dispatcher(int o)
{
    int slot = model.objects[o].block * BLOCK_SLOTS + SLOT_CSPACE;
    int cspace = model.slots[slot].object;
    model.objects[o].ended = true;
    if (cspace == NONE)
        return;
    model.slots[slot].object = NONE;
    empty(cspace);
    if (--model.objects[cspace].copies == 0) {
        model.block_owner[model.objects[cspace].block] = NONE;
        model.objects[cspace].type = CAPTYPE_NULL;
        model.object_count--;
    }
}

static void empty(int o)
{
    for (unsigned i = 0; i < model.objects[o].slots; i++) {
        if (slot_of(o, i)->object != NONE)
            drop(model.objects[o].block * BLOCK_SLOTS + (int)i);
    }
}

static void kill_vnode(int o)
{
    for (int i = 0; i < MODEL_OBJECTS; i++) {
        const struct model_object *m = &model.objects[i];
        if (m->type == CAPTYPE_MAPPING && (m->vnode == o || m->child == o))
            drop_object(i);
    }
    model.table_owner[model.objects[o].table] = NONE;
}

static void kill_mapping(int o)
{
    const struct model_object *m = &model.objects[o];
    int table = model.objects[m->vnode].table;
    for (unsigned i = 0; i < m->entries; i++)
        model.entries[table][m->index + i] = 0;
    if (m->child != NONE)
        model.objects[m->child].attached = false;
}

static void kill_object(int o)
{
    struct model_object *object = &model.objects[o];
    if (object->type == CAPTYPE_DISPATCHER)
        end_dispatcher(o);
    if (object->block != NONE) {
        empty(o);
        model.block_owner[object->block] = NONE;
    }
    if (object->table != NONE)
        kill_vnode(o);
    if (object->type == CAPTYPE_MAPPING)
        kill_mapping(o);
    object->type = CAPTYPE_NULL;
    model.object_count--;
}

/* What was lent from `slot` or mapped with it. */
static void take_back(int slot)
{
    int o = model.slots[slot].object;
    for (int i = 0; i < MODEL_OBJECTS; i++) {
        if (model.objects[i].type == CAPTYPE_MAPPING && model.objects[i].loan == slot)
            drop_object(i);
    }
    for (int i = 0; i < MODEL_SLOTS && model.slots[slot].object == o; i++) {
        if (model.slots[i].object == o && model.slots[i].lender == slot)
            drop(i);
    }
}

static void drop(int slot)
{
    int o = model.slots[slot].object;
    take_back(slot);
    if (model.slots[slot].object != o)
        return; /* it went with a space that was lent */
    int owner = model.block_owner[slot / BLOCK_SLOTS];
    bool embedded =
        slot >= HOME_BLOCKS * BLOCK_SLOTS && model.objects[owner].type == CAPTYPE_DISPATCHER;
    if (embedded && !model.objects[owner].ended) {
        end_dispatcher(owner);
        /* Its own space may have held the dispatcher's last capability: then this slot went
         * too. */
        if (slot % BLOCK_SLOTS == SLOT_CSPACE || model.slots[slot].object != o)
            return;
    }
    model.slots[slot].object = NONE;
    if (--model.objects[o].copies == 0)
        kill_object(o);
}

void model_delete(int slot)
{
    drop(slot);
}

static bool comes_before(const struct model_object *a, const struct model_object *b)
{
    if (a->base != b->base)
        return a->base < b->base;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes;
    return a->type != b->type ? a->type < b->type : a->side < b->side;
}

/* In the order of the tree: it decides what is left when the revoked capability goes midway. */
static int first_descendant(int self)
{
    int first = NONE;
    for (int i = 0; i < MODEL_OBJECTS; i++) {
        const struct model_object *o = &model.objects[i];
        if (o->type == CAPTYPE_NULL || !descends(o, &model.objects[self]))
            continue;
        if (first == NONE || comes_before(o, &model.objects[first]))
            first = i;
    }
    return first;
}

bool model_revoke(int slot)
{
    int self = model.slots[slot].object;
    for (int i = 0; i < MODEL_SLOTS && model.objects[self].copies > 1; i++) {
        if (i != slot && model.slots[i].object == self)
            drop(i);
    }
    for (;;) {
        if (model.slots[slot].object != self || model.objects[self].type == CAPTYPE_NULL)
            return false;
        int victim = first_descendant(self);
        if (victim == NONE)
            break;
        drop_object(victim);
    }
    return model.slots[slot].object == self && model.objects[self].type != CAPTYPE_NULL;
}

void model_embed(int dispatcher, int cspace, int vspace)
{
    int block = object_in(dispatcher)->block;
    model_put(block * BLOCK_SLOTS + SLOT_CSPACE, model.slots[cspace].object,
              model.slots[cspace].rights);
    model.slots[block * BLOCK_SLOTS + SLOT_CSPACE].lender = model.slots[cspace].lender;
    model_put(block * BLOCK_SLOTS + SLOT_VSPACE, model.slots[vspace].object,
              model.slots[vspace].rights);
}

void model_end(int dispatcher)
{
    int o = model.slots[dispatcher].object;
    int vspace = model.objects[o].block * BLOCK_SLOTS + SLOT_VSPACE;
    model.objects[o].copies++; /* its own space may have the last one */
    end_dispatcher(o);
    if (model.slots[vspace].object != NONE)
        drop(vspace);
    if (--model.objects[o].copies == 0)
        kill_object(o);
}

/* Mapping. The entry format is written out here once more. */
static uint64_t leaf_entry(uint64_t pa, bool block, unsigned flags, bool device)
{
    uint64_t entry = pa | 1ull << 10 | 1ull << 11 | 3ull << 8 | 1ull << 6 | 1ull << 53;
    entry |= (device ? 1ull : (flags & KPI_VM_UNCACHED) != 0 ? 3ull : 2ull) << 2;
    if (!block)
        entry |= 2;
    if ((flags & 7) != 0)
        entry |= 1;
    if ((flags & KPI_VM_WRITE) == 0)
        entry |= 1ull << 7;
    if ((flags & KPI_VM_EXECUTE) == 0)
        entry |= 1ull << 54;
    return entry;
}

static errval_t check_flags(unsigned flags, uint8_t most)
{
    if (flags > 15 || (flags & 6) == 6)
        return SYS_ERR_BAD_ARGUMENT;
    unsigned need = flags & 7;
    if (need != 0)
        need |= KPI_VM_READ;
    return (need & most) == need ? ERR_OK : SYS_ERR_CAP_RIGHTS;
}

static errval_t check_memory(const struct model_object *from, unsigned table_type, uint64_t off,
                             unsigned pages)
{
    uint64_t unit = table_type == CAPTYPE_VNODEL2 ? KPI_LARGE_BYTES : KPI_PAGE_BYTES;
    if (off + pages * unit > from->bytes)
        return SYS_ERR_MAP_RANGE;
    return (from->base + off) % unit == 0 ? ERR_OK : SYS_ERR_MAP_ALIGN;
}

static bool table_empty(int table)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        if (model.entries[table][i] != 0)
            return false;
    }
    return true;
}

/* Checks what is mapped; `m` gets what the Mapping will say. */
static errval_t check_source(const struct model_object *to, int src, uint64_t off, unsigned pages,
                             unsigned flags, struct model_object *m)
{
    const struct model_object *from = object_in(src);
    uint8_t rights = model.slots[src].rights;
    m->most = rights & 7;
    m->bytes = pages * (uint64_t)4096;
    if (from->type == CAPTYPE_FRAME || from->type == CAPTYPE_DEVFRAME) {
        errval_t err = check_memory(from, to->type, off, pages);
        if (err == ERR_OK)
            err = check_flags(flags, m->most);
        if (err != ERR_OK)
            return err;
        m->bytes *= to->type == CAPTYPE_VNODEL2 ? ENTRIES : 1;
        m->base = from->base + off;
        m->device = from->type == CAPTYPE_DEVFRAME;
        return range_used(from, m->base, m->base + m->bytes, false) ? SYS_ERR_HAS_DESCENDANTS
                                                                    : ERR_OK;
    }
    if (off != 0 || pages != 1)
        return SYS_ERR_MAP_RANGE;
    if (from->type == CAPTYPE_DISPATCHER) {
        m->base = from->base + 4096;
        m->most &= 3;
        return check_flags(flags, m->most);
    }
    if (flags != 0)
        return SYS_ERR_BAD_ARGUMENT;
    if ((rights & CAP_RIGHT_W) == 0)
        return SYS_ERR_CAP_RIGHTS;
    if (from->attached || !table_empty(from->table))
        return SYS_ERR_MAP_OCCUPIED;
    m->base = from->base;
    m->most = 0;
    m->child = model.slots[src].object;
    return ERR_OK;
}

errval_t model_map(int vnode, unsigned index, int src, uint64_t off, unsigned pages, unsigned flags,
                   int mapping)
{
    int v = model.slots[vnode].object;
    const struct model_object *to = &model.objects[v];
    if (model.slots[mapping].object != NONE)
        return SYS_ERR_SLOT_OCCUPIED;
    if ((captype_table[object_in(src)->type].map_mask & 1u << to->type) == 0)
        return SYS_ERR_MAP_LEVEL;
    if (!to->attached)
        return SYS_ERR_MAP_DETACHED;
    if (index + pages > ENTRIES)
        return SYS_ERR_MAP_RANGE;
    for (int i = 0; i < MODEL_OBJECTS; i++) {
        if (model.objects[i].type == CAPTYPE_MAPPING && model.objects[i].loan == src)
            return SYS_ERR_BORROWED;
    }
    uint64_t *entries = model.entries[to->table];
    for (unsigned i = 0; i < pages; i++) {
        if (entries[index + i] != 0)
            return SYS_ERR_MAP_OCCUPIED;
    }
    struct model_object plan = {.child = NONE};
    errval_t err = check_source(to, src, off, pages, flags, &plan);
    if (err != ERR_OK)
        return err;
    int o = model_object(CAPTYPE_MAPPING, plan.base, plan.bytes);
    struct model_object *m = &model.objects[o];
    m->vnode = v;
    m->index = index;
    m->entries = pages;
    m->child = plan.child;
    m->most = plan.most;
    m->device = plan.device;
    m->loan = model.slots[src].lender != NONE ? src : NONE;
    uint64_t unit = plan.bytes / pages;
    for (unsigned i = 0; i < pages; i++)
        entries[index + i] = m->child != NONE
                                 ? plan.base | 3
                                 : leaf_entry(plan.base + i * unit, unit > 4096, flags, m->device);
    if (m->child != NONE) {
        unsigned shift = 39 - 9 * ((unsigned)to->type - CAPTYPE_VNODEL0);
        model.objects[m->child].attached = true;
        model.objects[m->child].va = to->va + ((uint64_t)index << shift);
        model.objects[m->child].asid = to->asid;
    }
    model_put(mapping, o, CAP_RIGHT_R | CAP_RIGHT_W);
    return ERR_OK;
}

errval_t model_modify(int mapping, unsigned first, unsigned pages, unsigned flags)
{
    const struct model_object *m = object_in(mapping);
    if ((model.slots[mapping].rights & CAP_RIGHT_W) == 0)
        return SYS_ERR_CAP_RIGHTS;
    if (first + pages > m->entries)
        return SYS_ERR_MAP_RANGE;
    if (m->child != NONE)
        return SYS_ERR_MAP_LEVEL;
    errval_t err = check_flags(flags, m->most);
    if (err != ERR_OK)
        return err;
    uint64_t unit = m->bytes / m->entries;
    uint64_t *entries = model.entries[model.objects[m->vnode].table];
    for (unsigned i = first; i < first + pages; i++)
        entries[m->index + i] = leaf_entry(m->base + i * unit, unit > 4096, flags, m->device);
    return ERR_OK;
}
