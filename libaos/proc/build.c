/* Makes a domain of one RAM capability, straight into its own CNodes: the spawner has L1 slots of
 * its own for them, in which they lie while it builds, so that it can name their slots. */
#include <string.h>

#include <abi/user.h>
#include <aos/cap.h>
#include <aos/icache.h>
#include <aos/paging.h>
#include <aos/slot.h>
#include <kpi/dispatcher.h>

#include "proc_priv.h"

/* A domain's rights on its own node and dispatcher: without `d` it cannot revoke the copies of
 * those who watch it. */
#define PROC_SELF_RIGHTS (CAP_RIGHT_R | CAP_RIGHT_W)

#define PROC_LEVEL_LAST 3u               /* tables whose entries are pages */
#define PROC_ENTRY_BITS 9u               /* of an address, for each level */
#define PROC_PAGE_BITS  12u

/* The spawner's L1 slots for the task CNode and the VNodes CNode of a child; 0: none yet. Builds
 * take turns (aos/proc.h). */
static uint32_t proc_mount;

static caddr_t proc_task(void)
{
    return KPI_CADDR_L1 | proc_mount;
}

static caddr_t proc_vnodes(void)
{
    return KPI_CADDR_L1 | (proc_mount + 1);
}

/* Slots of the child, as addresses of the spawner. */
static caddr_t proc_task_slot(uint32_t index)
{
    return KPI_CADDR(proc_mount, index);
}

static caddr_t proc_vnode_slot(uint32_t index)
{
    return KPI_CADDR(proc_mount + 1, index);
}

static caddr_t proc_table(uint32_t i)
{
    return i == 0 ? proc_task_slot(KPI_CAP_SELF_VROOT) : proc_vnode_slot(i);
}

/* An object of the domain that the spawner keeps, in a slot of its own. */
static errval_t proc_make_own(const struct proc_build *b, uint64_t off, enum captype type,
                              uint64_t bytes, caddr_t *ret_cap)
{
    caddr_t slot;
    errval_t err = slot_alloc(&slot);

    if (err_is_fail(err)) {
        return err;
    }
    err = proc_retype(b, slot, off, type, bytes, 1);
    if (err_is_fail(err)) {
        slot_free(slot);
        return err;
    }
    *ret_cap = slot;
    return ERR_OK;
}

/* Moves a capability out of the spawner's slot, which becomes free, into the task CNode. */
static errval_t proc_move(uint32_t index, caddr_t *io_cap)
{
    errval_t err = inv_cnode_move(proc_task(), *io_cap, index);

    if (err_is_ok(err)) {
        slot_free(*io_cap);
        *io_cap = 0;
    }
    return err;
}

static errval_t proc_make_cspace(struct proc_build *b)
{
    const struct proc_layout *at = &b->at;
    errval_t err = proc_mount != 0 ? ERR_OK : slot_alloc_l1(2, &proc_mount);

    if (err_is_ok(err)) {
        err = proc_retype(b, proc_task(), at->nodes, CAPTYPE_L2CNODE, KPI_L2_BYTES, 2);
    }
    if (err_is_ok(err)) {
        err = proc_make_own(b, at->l1, CAPTYPE_L1CNODE, KPI_L1_BYTES_MIN, &b->l1);
    }
    if (err_is_ok(err)) {
        err = proc_make_own(b, at->dispatcher, CAPTYPE_DISPATCHER, KPI_DISPATCHER_BYTES,
                            &b->dispatcher);
    }
    if (err_is_ok(err)) {
        err = inv_cnode_mint(proc_task(), b->l1, PROC_SELF_RIGHTS, KPI_CAP_SELF_L1);
    }
    if (err_is_ok(err)) {
        err = inv_cnode_mint(proc_task(), b->dispatcher, PROC_SELF_RIGHTS, KPI_CAP_SELF_DISP);
    }
    if (err_is_ok(err)) {
        err = proc_retype(b, proc_task_slot(KPI_CAP_EARLY_RAM), at->early, CAPTYPE_RAM,
                          b->spec->early_ram_bytes, 1);
    }
    return err;
}

/* Copies what the file has for the segments that are not shared. `content` is all zero. */
static void proc_fill(const struct proc_build *b, uint8_t *content)
{
    for (uint32_t i = 0; i < b->program->segment_count; i++) {
        const struct elf_segment *s = &b->program->segments[i];
        uint8_t *to = content + b->at.segment[i] + s->va % KPI_PAGE_BYTES;

        if (b->from[i] != PROC_FROM_CONTENT || s->file_bytes == 0) {
            continue;
        }
        memcpy(to, (const uint8_t *)b->spec->image->file + s->file_off, s->file_bytes);
        if ((s->flags & KPI_VM_EXECUTE) != 0) {
            arch_sync_code(to, s->file_bytes);
        }
    }
}

static errval_t proc_write_content(const struct proc_build *b)
{
    void *va;
    errval_t err = paging_map_frame(paging_self(), proc_task_slot(KPI_CAP_STARTUP), 0,
                                    b->at.fill_bytes, AOS_VM_RW, &va);

    if (err_is_fail(err)) {
        return err;
    }
    proc_fill(b, va);
    proc_startup_write(b, va);
    return paging_unmap(paging_self(), va);
}

static uint16_t proc_entry(uint64_t va, uint32_t level)
{
    uint32_t shift = PROC_PAGE_BITS + PROC_ENTRY_BITS * (PROC_LEVEL_LAST - level);

    return (uint16_t)(va >> shift & (KPI_TABLE_ENTRIES - 1));
}

static errval_t proc_make_tables(const struct proc_build *b)
{
    errval_t err = ERR_OK;

    for (uint32_t i = 0, count; err_is_ok(err) && i < b->table_count; i += count) {
        const uint32_t left = b->table_count - i;

        /* of the upper levels there is one each */
        count = i < PROC_LEVEL_LAST ? 1 : left < KPI_RETYPE_MAX ? left : KPI_RETYPE_MAX;
        err = proc_retype(b, proc_table(i), b->at.tables + i * KPI_PAGE_BYTES,
                          (enum captype)(CAPTYPE_VNODEL0 + b->tables[i].level), KPI_PAGE_BYTES,
                          count);
    }
    for (uint32_t i = 1; err_is_ok(err) && i < b->table_count; i++) {
        const struct kpi_table *t = &b->tables[i];

        err = inv_vnode_map(proc_table(t->level - 1u), proc_entry(t->va, t->level - 1u),
                            proc_table(i), 0, 1, 0, proc_vnode_slot(t->mapping));
    }
    return err;
}

/* Slots for the Mappings of pages. */
struct proc_mappings {
    uint32_t task, vnodes;               /* next free one */
};

static caddr_t proc_mapping_slot(struct proc_mappings *m)
{
    return m->task < KPI_CAP_GRANT0 ? proc_task_slot(m->task++) : proc_vnode_slot(m->vnodes++);
}

/* A range, which begins in table `*io_table` or later. */
static errval_t proc_map(const struct proc_build *b, uint32_t i, struct proc_mappings *m,
                         uint32_t *io_table)
{
    const struct kpi_range *r = &b->ranges[i];
    const caddr_t frames[] = {
        [PROC_FROM_FILE] = b->spec->image->frame,
        [PROC_FROM_CONTENT] = proc_task_slot(KPI_CAP_STARTUP),
        [PROC_FROM_DISPATCHER] = b->dispatcher,
    };
    errval_t err = ERR_OK;

    for (uint64_t done = 0, bytes; err_is_ok(err) && done < r->bytes; done += bytes) {
        const uint64_t va = r->va + done, left = r->bytes - done;

        while (va >= b->tables[*io_table].va + KPI_LARGE_BYTES) {
            (*io_table)++;
        }
        bytes = b->tables[*io_table].va + KPI_LARGE_BYTES - va;
        bytes = left < bytes ? left : bytes;
        err = inv_vnode_map(proc_table(*io_table), proc_entry(va, PROC_LEVEL_LAST),
                            frames[b->from[i]], b->from_off[i] + done,
                            (uint16_t)(bytes / KPI_PAGE_BYTES), r->flags, proc_mapping_slot(m));
    }
    return err;
}

static errval_t proc_make_vspace(struct proc_build *b)
{
    struct proc_mappings m = {KPI_CAP_TASK_MAPPING0, b->table_slots_used};
    uint32_t table = PROC_LEVEL_LAST;    /* the first of the last level */
    errval_t err = proc_make_tables(b);

    if (err_is_ok(err)) {
        err = proc_retype(b, proc_task_slot(KPI_CAP_STARTUP), b->at.content, CAPTYPE_FRAME,
                          b->at.content_bytes, 1);
    }
    for (uint32_t i = 0; err_is_ok(err) && i < b->range_count; i++) {
        if (b->ranges[i].kind == KPI_RANGE_MAPPED) {
            err = proc_map(b, i, &m, &table);
        }
    }
    b->table_slots_used = m.vnodes;
    return err;
}

/* What the spawner gives away, and then the nodes themselves. */
static errval_t proc_give(struct proc_build *b, struct proc_spec *given, struct proc_grant *grants)
{
    errval_t err = inv_dispatcher_setup(b->dispatcher, b->l1, proc_table(0), KPI_DISPATCHER_VA);

    if (err_is_ok(err) && given->nameserver != 0) {
        err = proc_move(KPI_CAP_NAMESERVER, &given->nameserver);
    }
    if (err_is_ok(err) && given->parent != 0) {
        err = proc_move(KPI_CAP_PARENT, &given->parent);
    }
    for (uint32_t i = 0; err_is_ok(err) && i < given->grant_count; i++) {
        if (grants[i].cap != 0) {
            err = proc_move(KPI_CAP_GRANT0 + i, &grants[i].cap);
        }
    }
    if (err_is_ok(err)) {
        err = inv_cnode_move(b->l1, proc_task(), KPI_L1_TASK);
    }
    return err_is_ok(err) ? inv_cnode_move(b->l1, proc_vnodes(), KPI_L1_VNODES) : err;
}

void proc_drop(caddr_t *io_cap)
{
    if (*io_cap != 0) {
        (void)cap_destroy(*io_cap);
        *io_cap = 0;
    }
}

static void proc_give_up(struct proc_build *b)
{
    if (proc_mount != 0) {
        (void)cap_delete(proc_task());
        (void)cap_delete(proc_vnodes());
    }
    proc_drop(&b->l1);
    proc_drop(&b->dispatcher);
    (void)cap_revoke(b->ram);
}

static errval_t proc_build_steps(struct proc_build *b, struct proc_spec *given,
                                 struct proc_grant *grants)
{
    errval_t err = proc_make_cspace(b);

    if (err_is_fail(err)) {
        return err_push(err, LIB_ERR_SPAWN_CSPACE);
    }
    err = proc_make_vspace(b);
    if (err_is_ok(err)) {
        err = proc_write_content(b);
    }
    if (err_is_fail(err)) {
        return err_push(err, LIB_ERR_SPAWN_VSPACE);
    }
    err = proc_give(b, given, grants);
    return err_is_ok(err) ? ERR_OK : err_push(err, LIB_ERR_SPAWN_START);
}

errval_t proc_build_all(struct proc_build *b, struct proc_spec *io_given,
                        struct proc_grant *io_grants)
{
    errval_t err = proc_build_steps(b, io_given, io_grants);

    if (err_is_fail(err)) {
        proc_give_up(b);
    }
    return err;
}
