/* What a domain will consist of: the part of spawning without side effects, and the startup
 * block. */
#include <string.h>

#include "proc_priv.h"

/* The root, one L1 and one L2 table: all addresses a domain starts with are in the first GiB. */
#define PROC_UPPER_TABLES 3u

_Static_assert(KPI_STACK_TOP <= 0x40000000ull && ELF_VA_END <= 0x40000000ull,
               "one L2 table covers what a domain starts with");

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

/* L3 tables for [va, va + bytes) beyond those up to address `*io_end`; ranges come in ascending
 * order. */
static uint64_t proc_tables_for(uint64_t va, uint64_t bytes, uint64_t *io_end)
{
    uint64_t first = aos_round_down(va, KPI_LARGE_BYTES);
    uint64_t end = aos_round_up(va + bytes, KPI_LARGE_BYTES);

    first = first < *io_end ? *io_end : first;
    *io_end = end;
    return end > first ? (end - first) / KPI_LARGE_BYTES : 0;
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
    return ERR_OK;
}

errval_t proc_plan(struct proc_build *b)
{
    const struct proc_spec *s = b->spec;
    struct proc_layout *at = &b->at;
    uint64_t tables = PROC_UPPER_TABLES, covered = 0, off = 0;
    errval_t err = proc_check(s);

    if (err_is_ok(err)) {
        err = elf_check(s->file, s->file_bytes, &b->program);
    }
    if (err_is_fail(err)) {
        return err;
    }
    for (uint32_t i = 0; i < b->program.segment_count; i++) {
        const struct elf_segment *seg = &b->program.segments[i];

        at->shared[i] = s->file_frame != 0 && (seg->flags & KPI_VM_WRITE) == 0
            && seg->file_bytes == seg->mem_bytes;
        at->segment[i] = at->shared[i]
            ? seg->file_off & ~(uint64_t)(KPI_PAGE_BYTES - 1)
            : proc_take(&at->content_bytes, elf_segment_pages(seg) * KPI_PAGE_BYTES);
        tables += proc_tables_for(seg->va, seg->mem_bytes, &covered);
    }
    at->stack = proc_take(&at->content_bytes, KPI_STACK_START_BYTES);
    at->startup_bytes = aos_round_up(proc_startup_bytes(b), KPI_PAGE_BYTES);
    tables += proc_tables_for(KPI_DISPATCHER_VA, KPI_PAGE_BYTES, &covered);
    tables += proc_tables_for(KPI_STARTUP_VA, at->startup_bytes, &covered);
    tables += proc_tables_for(KPI_TRACE_VA, KPI_TRACE_BYTES, &covered);
    tables += proc_tables_for(KPI_STACK_TOP - KPI_STACK_BYTES, KPI_STACK_BYTES, &covered);
    if (tables > KPI_TABLES_MAX || at->startup_bytes > KPI_STARTUP_BYTES_MAX) {
        return LIB_ERR_QUOTA;
    }
    at->l1 = proc_take(&off, KPI_L1_BYTES_MIN);
    at->task = proc_take(&off, KPI_L2_BYTES);
    at->vnodes = proc_take(&off, KPI_L2_BYTES);
    at->dispatcher = proc_take(&off, KPI_DISPATCHER_BYTES);
    at->content = proc_take(&off, at->content_bytes);
    at->startup = proc_take(&off, at->startup_bytes);
    at->trace = proc_take(&off, KPI_TRACE_BYTES);
    at->tables_bytes = tables * KPI_PAGE_BYTES;
    at->tables = proc_take(&off, at->tables_bytes);
    at->early = proc_take(&off, s->early_ram_bytes);
    at->bytes = off;
    return ERR_OK;
}

uint64_t proc_startup_bytes(const struct proc_build *b)
{
    const struct proc_spec *s = b->spec;

    return sizeof(struct kpi_startup) + sizeof(b->tables) + sizeof(b->ranges)
        + s->grant_count * sizeof(struct kpi_grant)
        + aos_round_up(s->args_bytes, sizeof(uint64_t))
        + aos_round_up(s->env_bytes, sizeof(uint64_t));
}

/* Appends to the block, which has room: proc_startup_bytes counted it. */
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

    *block = (struct kpi_startup){
        .magic = KPI_STARTUP_MAGIC, .bytes = sizeof(*block), .pid = s->pid,
        .early_ram_bytes = s->early_ram_bytes, .quota_bytes = s->quota,
        .tls_va = b->program.tls_va, .tls_file_bytes = b->program.tls_file_bytes,
        .tls_bytes = b->program.tls_bytes, .tls_align = b->program.tls_align,
        .symbols_va = b->program.symbols_va, .symbols_bytes = b->program.symbols_bytes,
        .argc = proc_list_count(s->args, s->args_bytes),
        .envc = proc_list_count(s->env, s->env_bytes),
        .table_count = b->export.table_count, .range_count = b->export.range_count,
        .grant_count = s->grant_count, .table_slots_used = b->export.table_slots_used,
        .trace_bytes = KPI_TRACE_BYTES,
        .parent_iface = s->parent != 0 ? s->parent_iface : 0, .limits = s->limits,
    };
    memcpy(block->random, s->random, sizeof(block->random));
    block->tables_off = proc_startup_put(block, b->tables,
                                         b->export.table_count * sizeof(b->tables[0]));
    block->ranges_off = proc_startup_put(block, b->ranges,
                                         b->export.range_count * sizeof(b->ranges[0]));
    block->grants_off = block->bytes;
    for (uint32_t i = 0; i < s->grant_count; i++) {
        struct kpi_grant grant = {{0}};

        strncpy(grant.name, s->grants[i].name, sizeof(grant.name) - 1);
        (void)proc_startup_put(block, &grant, sizeof(grant));
    }
    block->args_off = proc_startup_put(block, s->args, s->args_bytes);
    block->env_off = proc_startup_put(block, s->env, s->env_bytes);
}
