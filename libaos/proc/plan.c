/* What a domain will consist of: the part of spawning without side effects, and the startup
 * block. */
#include <string.h>

#include <aos/domain.h>
#include <kpi/dispatcher.h>

#include "proc_priv.h"

#define PROC_LEVEL_PAGE 3u               /* tables with entries of one page */

_Static_assert(KPI_STACK_TOP <= 0x40000000ull && ELF_VA_END <= 0x40000000ull,
               "one L2 table covers what a domain starts with");
_Static_assert(KPI_TRACE_BYTES % KPI_L2_BYTES == 0, "CNodes behind the ring are aligned");

/* A list of strings: every one ended, none missing. */
static bool proc_list_ok(const char *list, size_t bytes)
{
    return bytes == 0 || list[bytes - 1] == '\0';
}

static uint32_t proc_list_count(const char *list, size_t bytes)
{
    uint32_t count = 0;

    for (size_t i = 0; i < bytes; i++) {
        count += list[i] == '\0';
    }
    return count;
}

static uint64_t proc_take(uint64_t *io_off, uint64_t bytes)
{
    uint64_t off = *io_off;

    *io_off += aos_round_up(bytes, KPI_PAGE_BYTES);
    return off;
}

static errval_t proc_check(const struct proc_spec *s)
{
    if (s->args_bytes == 0 || s->args[0] == '\0' || !proc_list_ok(s->args, s->args_bytes)
        || !proc_list_ok(s->env, s->env_bytes) || s->args_bytes > PROC_ARGS_BYTES_MAX
        || s->env_bytes > PROC_ARGS_BYTES_MAX - s->args_bytes) {
        return LIB_ERR_ARGS_SIZE;
    }
    if (s->grant_count > KPI_CAP_GRANTS || s->early_ram_bytes % KPI_PAGE_BYTES != 0
        || s->early_ram_bytes == 0) {
        return LIB_ERR_RANGE;
    }
    return s->image->err;
}

static bool proc_add_table(struct proc_build *b, uint64_t va, uint8_t level)
{
    if (b->table_count == KPI_TABLES_MAX) {
        return false;
    }
    b->tables[b->table_count] = (struct kpi_table){
        .va = va, .level = level, .index = (uint16_t)b->table_count,
    };
    b->table_count++;
    return true;
}

/* The range, with the tables that it needs besides those of the ranges before: they come in
 * ascending order. */
static errval_t proc_add_range(struct proc_build *b, const struct kpi_range *range,
                               enum proc_from from, uint64_t off)
{
    const struct kpi_table *last = &b->tables[b->table_count - 1];
    uint64_t va = aos_round_down(range->va, KPI_LARGE_BYTES), end = range->va + range->bytes;

    if (last->level == PROC_LEVEL_PAGE && va <= last->va) {
        va = last->va + KPI_LARGE_BYTES;
    }
    for (; va < end; va += KPI_LARGE_BYTES) {
        if (!proc_add_table(b, va, PROC_LEVEL_PAGE)) {
            return LIB_ERR_QUOTA;
        }
    }
    b->ranges[b->range_count] = *range;
    b->from[b->range_count] = from;
    b->from_off[b->range_count] = off;
    b->range_count++;
    return ERR_OK;
}

/* Segments: what the program cannot write to is shared. */
static errval_t proc_add_segments(struct proc_build *b)
{
    struct proc_layout *at = &b->at;
    errval_t err = ERR_OK;

    for (uint32_t i = 0; err_is_ok(err) && i < b->program->segment_count; i++) {
        const struct elf_segment *seg = &b->program->segments[i];
        const struct kpi_range range = {
            .va = elf_segment_page(seg), .bytes = elf_segment_pages(seg) * KPI_PAGE_BYTES,
            .flags = seg->flags, .kind = KPI_RANGE_MAPPED,
        };

        if ((seg->flags & KPI_VM_WRITE) == 0 && seg->file_bytes == seg->mem_bytes) {
            err = proc_add_range(b, &range, PROC_FROM_FILE,
                                 aos_round_down(seg->file_off, KPI_PAGE_BYTES));
            continue;
        }
        at->segment[i] = proc_take(&at->content_bytes, range.bytes);
        if (seg->file_bytes != 0) {
            at->fill_bytes = at->segment[i]
                + aos_round_up(seg->va % KPI_PAGE_BYTES + seg->file_bytes, KPI_PAGE_BYTES);
        }
        err = proc_add_range(b, &range, PROC_FROM_CONTENT, at->segment[i]);
    }
    return err;
}

static errval_t proc_add_rest(struct proc_build *b)
{
    const uint64_t stack = proc_take(&b->at.content_bytes, KPI_STACK_START_BYTES);
    const struct {
        struct kpi_range range;
        enum proc_from from;
        uint64_t off;
    } rest[] = {
        {{KPI_DISPATCHER_VA, KPI_PAGE_BYTES, KPI_VM_READ | KPI_VM_WRITE, KPI_RANGE_MAPPED},
         PROC_FROM_DISPATCHER, 0},
        {{KPI_STARTUP_VA, b->at.startup_bytes, KPI_VM_READ, KPI_RANGE_MAPPED},
         PROC_FROM_CONTENT, 0},
        {{KPI_STACK_TOP - KPI_STACK_BYTES, KPI_STACK_BYTES - KPI_STACK_START_BYTES,
          KPI_VM_READ | KPI_VM_WRITE, KPI_RANGE_LAZY}, PROC_FROM_NOTHING, 0},
        {{KPI_STACK_TOP - KPI_STACK_START_BYTES, KPI_STACK_START_BYTES,
          KPI_VM_READ | KPI_VM_WRITE, KPI_RANGE_MAPPED}, PROC_FROM_CONTENT, stack},
    };
    errval_t err = ERR_OK;

    for (uint32_t i = 0; err_is_ok(err) && i < sizeof(rest) / sizeof(rest[0]); i++) {
        err = proc_add_range(b, &rest[i].range, rest[i].from, rest[i].off);
    }
    return err;
}

/* Where the Mappings of the tables are, once it is known how many there are: behind the tables. A
 * range has at most one Mapping for each table of the last level, and one more. */
static errval_t proc_place_mappings(struct proc_build *b)
{
    uint32_t in_task = KPI_CAP_GRANT0 - KPI_CAP_TASK_MAPPING0;
    uint32_t most = b->range_count + b->table_count;
    uint32_t over = most > in_task ? most - in_task : 0;

    if (2 * b->table_count + over > KPI_L2_SLOTS) {
        return LIB_ERR_QUOTA;
    }
    for (uint32_t i = 0; i < b->table_count; i++) {
        b->tables[i].mapping = i == 0 ? UINT16_MAX : (uint16_t)(b->table_count + i - 1);
    }
    b->table_slots_used = 2 * b->table_count - 1;
    return ERR_OK;
}

static uint64_t proc_startup_most(const struct proc_build *b)
{
    const struct proc_spec *s = b->spec;

    return sizeof(struct kpi_startup)
        /* besides those of the segments one table that all else is in */
        + (b->table_count + 1) * sizeof(b->tables[0]) + sizeof(b->ranges)
        + s->grant_count * sizeof(struct kpi_grant)
        + aos_round_up(s->args_bytes, sizeof(uint64_t))
        + aos_round_up(s->env_bytes, sizeof(uint64_t));
}

/* The startup block goes before the segments, whose number of tables decides how long it is: what
 * has to be filled lies together. */
static errval_t proc_place_startup(struct proc_build *b)
{
    struct proc_layout *at = &b->at;

    at->startup_bytes = aos_round_up(proc_startup_most(b), KPI_PAGE_BYTES);
    for (uint32_t i = 0; i < b->program->segment_count; i++) {
        at->segment[i] += at->startup_bytes;
    }
    for (uint32_t i = 0; i < b->range_count; i++) {
        b->from_off[i] += b->from[i] == PROC_FROM_CONTENT ? at->startup_bytes : 0;
    }
    at->content_bytes += at->startup_bytes;
    at->fill_bytes += at->startup_bytes;
    return at->startup_bytes <= KPI_STARTUP_BYTES_MAX ? ERR_OK : LIB_ERR_QUOTA;
}

static void proc_place_objects(struct proc_build *b)
{
    struct proc_layout *at = &b->at;
    uint64_t off = PROC_RING_OFF + KPI_TRACE_BYTES;

    at->l1 = proc_take(&off, KPI_L1_BYTES_MIN);
    at->nodes = proc_take(&off, 2 * KPI_L2_BYTES);
    at->dispatcher = proc_take(&off, KPI_DISPATCHER_BYTES);
    at->content = proc_take(&off, at->content_bytes);
    at->tables = proc_take(&off, b->table_count * KPI_PAGE_BYTES);
    at->early = proc_take(&off, b->spec->early_ram_bytes);
    at->bytes = off;
}

errval_t proc_lay_out(struct proc_build *b)
{
    errval_t err = proc_check(b->spec);

    if (err_is_fail(err)) {
        return err;
    }
    b->program = &b->spec->image->program;
    for (uint8_t level = 0; level < PROC_LEVEL_PAGE; level++) {
        (void)proc_add_table(b, 0, level);
    }
    err = proc_add_segments(b);
    if (err_is_ok(err)) {
        err = proc_place_startup(b);
    }
    if (err_is_ok(err)) {
        err = proc_add_rest(b);
    }
    if (err_is_ok(err)) {
        err = proc_place_mappings(b);
    }
    if (err_is_ok(err)) {
        proc_place_objects(b);
    }
    return err;
}

/* Appends to the block, which has room: proc_startup_most counted it. */
static uint32_t proc_startup_put(struct kpi_startup *block, const void *data, size_t bytes)
{
    uint32_t off = block->bytes;

    if (bytes != 0) {
        memcpy((char *)block + off, data, bytes);
    }
    block->bytes += (uint32_t)aos_round_up(bytes, sizeof(uint64_t));
    return off;
}

void proc_startup_write(const struct proc_build *b, struct kpi_startup *block)
{
    const struct proc_spec *s = b->spec;
    const struct elf_program *p = b->program;

    *block = (struct kpi_startup){
        .magic = KPI_STARTUP_MAGIC, .bytes = sizeof(*block), .pid = s->pid,
        .early_ram_bytes = s->early_ram_bytes, .quota_bytes = s->quota,
        .tls_va = p->tls_va, .tls_file_bytes = p->tls_file_bytes,
        .tls_bytes = p->tls_bytes, .tls_align = p->tls_align,
        .symbols_va = p->symbols_va, .symbols_bytes = p->symbols_bytes,
        .argc = proc_list_count(s->args, s->args_bytes),
        .envc = proc_list_count(s->env, s->env_bytes),
        .table_count = b->table_count, .range_count = b->range_count,
        .grant_count = s->grant_count, .table_slots_used = b->table_slots_used,
        .parent_iface = s->parent != 0 ? s->parent_iface : 0, .limits = s->limits,
        .core = domain_startup()->core, .boot_core = domain_startup()->boot_core,
        .core_count = domain_startup()->core_count,
    };
    memcpy(block->random, s->random, sizeof(block->random));
    block->tables_off = proc_startup_put(block, b->tables, b->table_count * sizeof(b->tables[0]));
    block->ranges_off = proc_startup_put(block, b->ranges, b->range_count * sizeof(b->ranges[0]));
    block->grants_off = block->bytes;
    for (uint32_t i = 0; i < s->grant_count; i++) {
        struct kpi_grant grant = {{0}};

        strncpy(grant.name, s->grants[i].name, sizeof(grant.name) - 1);
        (void)proc_startup_put(block, &grant, sizeof(grant));
    }
    block->args_off = proc_startup_put(block, s->args, s->args_bytes);
    block->env_off = proc_startup_put(block, s->env, s->env_bytes);
}
