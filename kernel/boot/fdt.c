#include <kernel/fdt.h>
#include <kernel/string.h>

#define FDT_BEGIN_NODE 1u
#define FDT_END_NODE   2u
#define FDT_PROP       3u
#define FDT_NOP        4u
#define FDT_END        9u

#define FDT_CELL            4u
#define FDT_FIRST_VERSION   16u // oldest version whose structure block looks like this
#define FDT_SIZE_VERSION    17u // from here the header gives the structure block's size
#define FDT_DEFAULT_ADDRESS 2u  // #address-cells and #size-cells if absent
#define FDT_DEFAULT_SIZE    1u
#define FDT_MAX_CELLS       2u // wider numbers than 64 bits are not supported

// Offsets in the header.
enum fdt_header {
    HEADER_MAGIC = 0,
    HEADER_TOTAL_SIZE = 4,
    HEADER_STRUCT = 8,
    HEADER_STRINGS = 12,
    HEADER_RESERVE = 16,
    HEADER_VERSION = 20,
    HEADER_COMPATIBLE = 24,
    HEADER_STRINGS_SIZE = 32,
    HEADER_STRUCT_SIZE = 36,
};

// What a position of the structure block holds.
struct fdt_token {
    uint32_t kind;
    uint32_t body;   // offset of a node's name or a property's data
    uint32_t size;   // bytes of a property's data
    uint32_t name;   // offset of a property's name in the strings block
    uint32_t next;   // offset of the following token
};

static uint32_t fdt_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

uint64_t fdt_cells(const uint8_t *data, uint32_t cells)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < cells && i < FDT_MAX_CELLS; i++)
        value = value << 32 | fdt_be32(data + FDT_CELL * i);
    return value;
}

uint32_t fdt_total_size(const void *header)
{
    const uint8_t *h = header;
    uint32_t size = fdt_be32(h + HEADER_TOTAL_SIZE);
    if (fdt_be32(h + HEADER_MAGIC) != FDT_MAGIC || size < FDT_HEADER_SIZE || size > FDT_MAX_SIZE)
        return 0;
    return size;
}

static uint32_t fdt_align(uint32_t offset)
{
    return (offset + FDT_CELL - 1) & ~(FDT_CELL - 1);
}

// Decodes the token at `offset`; false if it does not lie in the structure block as a whole.
// Offsets stay below 2 * FDT_MAX_SIZE + FDT_MAX_SIZE, so sums of 32 bits do not wrap.
static bool fdt_token(const struct fdt *fdt, uint32_t offset, struct fdt_token *ret_token)
{
    const uint8_t *block = fdt->base + fdt->struct_offset;
    uint32_t end = fdt->struct_size;
    if (offset > end || end - offset < FDT_CELL)
        return false;
    struct fdt_token t = {.kind = fdt_be32(block + offset), .next = offset + FDT_CELL};
    if (t.kind == FDT_BEGIN_NODE) {
        t.body = t.next;
        uint32_t length = (uint32_t)strnlen((const char *)block + t.body, end - t.body);
        if (length == end - t.body)
            return false;
        t.next = fdt_align(t.body + length + 1);
    } else if (t.kind == FDT_PROP) {
        if (end - t.next < 2 * FDT_CELL)
            return false;
        t.size = fdt_be32(block + t.next);
        t.name = fdt_be32(block + t.next + FDT_CELL);
        t.body = t.next + 2 * FDT_CELL;
        if (t.size > end - t.body)
            return false;
        t.next = fdt_align(t.body + t.size);
    } else if (t.kind != FDT_END_NODE && t.kind != FDT_NOP && t.kind != FDT_END) {
        return false;
    }
    *ret_token = t;
    return true;
}

// A terminated string of the strings block; NULL if there is none at that offset.
static const char *fdt_string_at(const struct fdt *fdt, uint32_t offset)
{
    if (offset >= fdt->strings_size)
        return NULL;
    const char *s = (const char *)fdt->base + fdt->strings_offset + offset;
    uint32_t room = fdt->strings_size - offset;
    return strnlen(s, room) < room ? s : NULL;
}

// Whether the string at `offset` of the strings block is `name`. Looks no further than the first
// difference: most of a walk is spent here.
static bool fdt_string_is(const struct fdt *fdt, uint32_t offset, const char *name)
{
    if (offset >= fdt->strings_size)
        return false;
    const char *s = (const char *)fdt->base + fdt->strings_offset + offset;
    for (uint32_t room = fdt->strings_size - offset; room > 0 && *s == *name; room--) {
        if (*s == '\0')
            return true;
        s++;
        name++;
    }
    return false;
}

// One root node, nodes nested properly and not too deep, properties before child nodes.
static bool fdt_check_structure(const struct fdt *fdt)
{
    int depth = 0, roots = 0;
    bool children = false; // the open node already had one
    uint32_t offset = 0;
    struct fdt_token t;
    while (fdt_token(fdt, offset, &t)) {
        offset = t.next;
        switch (t.kind) {
        case FDT_BEGIN_NODE:
            if (depth == FDT_MAX_DEPTH || (depth == 0 && roots++ > 0))
                return false;
            depth++;
            children = false;
            break;
        case FDT_END_NODE:
            if (depth-- == 0)
                return false;
            children = true;
            break;
        case FDT_PROP:
            if (depth == 0 || children || fdt_string_at(fdt, t.name) == NULL)
                return false;
            break;
        case FDT_END:
            return depth == 0 && roots == 1;
        }
    }
    return false;
}

static bool fdt_block_fits(const struct fdt *fdt, uint32_t offset, uint32_t size)
{
    return offset >= FDT_HEADER_SIZE && offset <= fdt->size && size <= fdt->size - offset;
}

bool fdt_open(const void *blob, size_t limit, struct fdt *ret_fdt)
{
    if (limit < FDT_HEADER_SIZE)
        return false;
    const uint8_t *h = blob;
    struct fdt fdt = {.base = blob, .size = fdt_total_size(blob)};
    uint32_t version = fdt_be32(h + HEADER_VERSION);
    uint32_t compatible = fdt_be32(h + HEADER_COMPATIBLE);
    if (fdt.size == 0 || fdt.size > limit)
        return false;
    if (version < FDT_FIRST_VERSION || compatible > FDT_SIZE_VERSION)
        return false;
    fdt.struct_offset = fdt_be32(h + HEADER_STRUCT);
    fdt.strings_offset = fdt_be32(h + HEADER_STRINGS);
    fdt.strings_size = fdt_be32(h + HEADER_STRINGS_SIZE);
    fdt.reserve_offset = fdt_be32(h + HEADER_RESERVE);
    if (fdt.struct_offset > fdt.size)
        return false;
    fdt.struct_size = version >= FDT_SIZE_VERSION ? fdt_be32(h + HEADER_STRUCT_SIZE)
                                                  : fdt.size - fdt.struct_offset;
    if (!fdt_block_fits(&fdt, fdt.struct_offset, fdt.struct_size) ||
        !fdt_block_fits(&fdt, fdt.strings_offset, fdt.strings_size) ||
        !fdt_block_fits(&fdt, fdt.reserve_offset, 0) || !fdt_check_structure(&fdt))
        return false;
    *ret_fdt = fdt;
    return true;
}

uint32_t fdt_used_size(const struct fdt *fdt)
{
    uint32_t used = fdt->struct_offset + fdt->struct_size;
    uint32_t strings = fdt->strings_offset + fdt->strings_size;
    uint32_t reserve = fdt->reserve_offset;
    struct fdt_range range;
    for (unsigned i = 0; fdt_reserved(fdt, i, &range); i++)
        reserve += 16;
    reserve = reserve + 16 <= fdt->size ? reserve + 16 : fdt->size; // the closing entry
    used = strings > used ? strings : used;
    return reserve > used ? reserve : used;
}

void fdt_shrink(void *blob, uint32_t used_size)
{
    uint8_t *field = (uint8_t *)blob + HEADER_TOTAL_SIZE;
    for (unsigned i = 0; i < FDT_CELL; i++)
        field[i] = (uint8_t)(used_size >> (24 - 8 * i));
}

bool fdt_reserved(const struct fdt *fdt, unsigned index, struct fdt_range *ret_range)
{
    uint64_t offset = fdt->reserve_offset + 16ull * index;
    if (offset + 16 > fdt->size)
        return false;
    const uint8_t *entry = fdt->base + offset;
    struct fdt_range range = {.base = fdt_cells(entry, 2), .size = fdt_cells(entry + 8, 2)};
    if (range.base == 0 && range.size == 0)
        return false;
    if (range.base + range.size < range.base)
        range.size = UINT64_MAX - range.base; // keep the reservation, never the wrap
    *ret_range = range;
    return true;
}

void fdt_walk_init(struct fdt_walk *walk, const struct fdt *fdt)
{
    walk->fdt = fdt;
    walk->next = 0;
    walk->depth = -1;
    walk->inside = false;
}

static bool fdt_list_has(const struct fdt_prop *list, const char *string)
{
    for (uint32_t at = 0; at < list->size;) {
        const char *s = (const char *)list->data + at;
        uint32_t length = (uint32_t)strnlen(s, list->size - at);
        if (length == list->size - at)
            return false; // not terminated
        if (strcmp(s, string) == 0)
            return true;
        at += length + 1;
    }
    return false;
}

// Takes in one property of the node that is being entered.
static void fdt_enter_prop(const struct fdt *fdt, const struct fdt_token *t,
                           struct fdt_level *level)
{
    struct fdt_prop p = {fdt->base + fdt->struct_offset + t->body, t->size};
    uint32_t cell = p.size >= FDT_CELL ? fdt_be32(p.data) : 0;
    if (fdt_string_is(fdt, t->name, "compatible"))
        level->compatible = p;
    else if (fdt_string_is(fdt, t->name, "ranges"))
        level->ranges = p;
    else if (fdt_string_is(fdt, t->name, "status"))
        level->enabled &= fdt_list_has(&p, "okay") || fdt_list_has(&p, "ok");
    else if (p.size < FDT_CELL)
        return;
    else if (fdt_string_is(fdt, t->name, "#address-cells"))
        level->address_cells = cell;
    else if (fdt_string_is(fdt, t->name, "#size-cells"))
        level->size_cells = cell;
    else if (fdt_string_is(fdt, t->name, "interrupt-parent"))
        level->interrupt_parent = cell;
}

static void fdt_enter(struct fdt_walk *walk, const struct fdt_token *node)
{
    struct fdt_level *level = &walk->level[++walk->depth];
    const struct fdt_level *parent = walk->depth > 0 ? level - 1 : NULL;
    *level = (struct fdt_level){
        .node = node->body,
        .address_cells = FDT_DEFAULT_ADDRESS,
        .size_cells = FDT_DEFAULT_SIZE,
        .interrupt_parent = parent != NULL ? parent->interrupt_parent : 0,
        .enabled = parent == NULL || parent->enabled,
    };
    struct fdt_token t = *node;
    while (fdt_token(walk->fdt, t.next, &t) && (t.kind == FDT_PROP || t.kind == FDT_NOP)) {
        if (t.kind == FDT_PROP)
            fdt_enter_prop(walk->fdt, &t, level);
        walk->next = t.next;
    }
}

bool fdt_walk_next(struct fdt_walk *walk)
{
    struct fdt_token t;
    while (fdt_token(walk->fdt, walk->next, &t) && t.kind != FDT_END) {
        walk->next = t.next;
        if (t.kind == FDT_BEGIN_NODE) {
            if (walk->depth + 1 >= FDT_MAX_DEPTH)
                return false;
            fdt_enter(walk, &t);
            return true;
        }
        if (t.kind == FDT_END_NODE && walk->depth-- < 0)
            return false;
    }
    return false;
}

const char *fdt_name(const struct fdt_walk *walk)
{
    const struct fdt *fdt = walk->fdt;
    return (const char *)fdt->base + fdt->struct_offset + walk->level[walk->depth].node;
}

bool fdt_enabled(const struct fdt_walk *walk)
{
    return walk->level[walk->depth].enabled;
}

bool fdt_prop(const struct fdt_walk *walk, const char *name, struct fdt_prop *ret_prop)
{
    const struct fdt *fdt = walk->fdt;
    struct fdt_token t;
    if (!fdt_token(fdt, walk->level[walk->depth].node - FDT_CELL, &t))
        return false;
    while (fdt_token(fdt, t.next, &t) && (t.kind == FDT_PROP || t.kind == FDT_NOP)) {
        if (t.kind == FDT_PROP && fdt_string_is(fdt, t.name, name)) {
            ret_prop->data = fdt->base + fdt->struct_offset + t.body;
            ret_prop->size = t.size;
            return true;
        }
    }
    return false;
}

uint32_t fdt_u32(const struct fdt_walk *walk, const char *name, uint32_t otherwise)
{
    struct fdt_prop p;
    return fdt_prop(walk, name, &p) && p.size >= FDT_CELL ? fdt_be32(p.data) : otherwise;
}

const char *fdt_string(const struct fdt_walk *walk, const char *name)
{
    struct fdt_prop p;
    if (!fdt_prop(walk, name, &p) || strnlen((const char *)p.data, p.size) == p.size)
        return NULL;
    return (const char *)p.data;
}

bool fdt_is_compatible(const struct fdt_walk *walk, const char *string)
{
    return fdt_list_has(&walk->level[walk->depth].compatible, string);
}

bool fdt_has_string(const struct fdt_walk *walk, const char *name, const char *string)
{
    struct fdt_prop p;
    return fdt_prop(walk, name, &p) && fdt_list_has(&p, string);
}

// One step towards the root: `range` in the address space that `bus` gives its children becomes one
// in that of the bus's parent.
static bool fdt_translate(const struct fdt_level *bus, uint32_t parent_cells,
                          struct fdt_range *range)
{
    if (bus->ranges.data == NULL)
        return false; // not memory mapped
    if (bus->ranges.size == 0)
        return true; // identity
    if (bus->address_cells > FDT_MAX_CELLS || bus->size_cells > FDT_MAX_CELLS)
        return false;
    uint32_t entry = FDT_CELL * (bus->address_cells + parent_cells + bus->size_cells);
    for (uint32_t at = 0; entry > 0 && at + entry <= bus->ranges.size; at += entry) {
        const uint8_t *p = bus->ranges.data + at;
        uint64_t child = fdt_cells(p, bus->address_cells);
        p += FDT_CELL * bus->address_cells;
        uint64_t parent = fdt_cells(p, parent_cells);
        uint64_t size = fdt_cells(p + FDT_CELL * parent_cells, bus->size_cells);
        if (range->base < child || range->base - child > size ||
            range->size > size - (range->base - child))
            continue;
        uint64_t base = parent + (range->base - child);
        if (base < parent || base + range->size < base)
            return false;
        range->base = base;
        return true;
    }
    return false;
}

bool fdt_reg(const struct fdt_walk *walk, unsigned index, struct fdt_range *ret_range)
{
    struct fdt_prop p;
    if (walk->depth < 1 || !fdt_prop(walk, "reg", &p))
        return false;
    const struct fdt_level *bus = &walk->level[walk->depth - 1];
    uint32_t ac = bus->address_cells, sc = bus->size_cells;
    if (ac == 0 || ac > FDT_MAX_CELLS || sc > FDT_MAX_CELLS)
        return false;
    uint32_t entry = FDT_CELL * (ac + sc);
    if (index >= p.size / entry)
        return false;
    const uint8_t *data = p.data + entry * index;
    struct fdt_range range = {fdt_cells(data, ac), fdt_cells(data + FDT_CELL * ac, sc)};
    if (range.base + range.size < range.base)
        return false;
    // A bus without sizes (CPUs) has numbers, not addresses.
    for (int d = walk->depth - 1; sc > 0 && d > 0; d--) {
        if (walk->level[d - 1].address_cells > FDT_MAX_CELLS ||
            !fdt_translate(&walk->level[d], walk->level[d - 1].address_cells, &range))
            return false;
    }
    *ret_range = range;
    return true;
}

bool fdt_interrupt(const struct fdt_walk *walk, unsigned index, uint32_t ret_cells[3])
{
    struct fdt_prop p;
    const uint32_t entry = 3 * FDT_CELL;
    if (!fdt_prop(walk, "interrupts", &p) || index >= p.size / entry)
        return false;
    for (unsigned i = 0; i < 3; i++)
        ret_cells[i] = fdt_be32(p.data + entry * index + FDT_CELL * i);
    return true;
}

bool fdt_path_is(const struct fdt_walk *walk, const char *path, size_t path_length)
{
    const struct fdt *fdt = walk->fdt;
    size_t at = 0;
    for (int d = 1; d <= walk->depth; d++) {
        const char *name = (const char *)fdt->base + fdt->struct_offset + walk->level[d].node;
        size_t length = strlen(name);
        if (at >= path_length || path[at++] != '/')
            return false;
        if (path_length - at < length || strncmp(path + at, name, length) != 0)
            return false;
        at += length;
    }
    return walk->depth > 0 && at == path_length;
}
