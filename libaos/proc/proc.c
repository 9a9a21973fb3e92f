/* See <aos/proc.h>. Steps in order; each leaves the build in a state that proc_abandon can take
 * back, since everything is a descendant of b->ram or a capability in a slot that b names. */
#include <aos/proc.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <abi/user.h>
#include <aos/cap.h>
#include <aos/icache.h>
#include <aos/slot.h>
#include <aos/trace.h>
#include <kpi/dispatcher.h>

#include "proc_priv.h"

/* A domain's rights on its own node and dispatcher: without `d` it cannot revoke the copies of
 * those who watch it. */
#define PROC_SELF_RIGHTS (CAP_RIGHT_R | CAP_RIGHT_W)

_Static_assert(sizeof(((struct proc_grant *)0)->name) == KPI_GRANT_NAME_BYTES, "one limit");

/* An object of the domain, in a fresh slot of the spawner. */
static errval_t proc_make(struct proc_build *b, enum captype type, uint64_t off, uint64_t bytes,
                          caddr_t *ret_cap)
{
    caddr_t slot;
    errval_t err = slot_alloc(&slot);

    if (err_is_fail(err)) {
        return err;
    }
    err = cap_retype(slot, b->ram, off, type, bytes, 1);
    if (err_is_fail(err)) {
        slot_free(slot);
        return err;
    }
    *ret_cap = slot;
    return ERR_OK;
}

/* Moves a capability out of the spawner's slot, which becomes free, into a CNode of the domain. */
static errval_t proc_move(caddr_t cnode, uint32_t index, caddr_t *io_cap)
{
    errval_t err = inv_cnode_move(cnode, *io_cap, index);

    if (err_is_ok(err)) {
        slot_free(*io_cap);
        *io_cap = 0;
    }
    return err;
}

static errval_t proc_make_cspace(struct proc_build *b)
{
    const struct proc_layout *at = &b->at;
    errval_t err = proc_make(b, CAPTYPE_L1CNODE, at->l1, KPI_L1_BYTES_MIN, &b->l1);

    if (err_is_ok(err)) {
        err = proc_make(b, CAPTYPE_L2CNODE, at->task, KPI_L2_BYTES, &b->task);
    }
    if (err_is_ok(err)) {
        err = proc_make(b, CAPTYPE_L2CNODE, at->vnodes, KPI_L2_BYTES, &b->vnodes);
    }
    if (err_is_ok(err)) {
        err = inv_cnode_copy(b->l1, b->task, KPI_L1_TASK);
    }
    if (err_is_ok(err)) {
        err = inv_cnode_copy(b->l1, b->vnodes, KPI_L1_VNODES);
    }
    if (err_is_ok(err)) {
        err = inv_cnode_mint(b->task, b->l1, PROC_SELF_RIGHTS, KPI_CAP_SELF_L1);
    }
    if (err_is_ok(err)) {
        err = inv_cnode_retype(b->task, b->ram, at->early, CAPTYPE_RAM,
                               b->spec->early_ram_bytes, 1, KPI_CAP_EARLY_RAM);
    }
    return err;
}

/* Copies a segment into the content frame, which is all zero, through a mapping of the spawner's
 * own. Only the pages that the file has something for are mapped. */
static errval_t proc_fill(const struct proc_build *b, uint32_t i)
{
    const struct elf_segment *s = &b->program.segments[i];
    uint64_t head = s->va % KPI_PAGE_BYTES;
    void *va;
    errval_t err = paging_map_frame(paging_self(), b->content, b->at.segment[i],
                                    aos_round_up(head + s->file_bytes, KPI_PAGE_BYTES), AOS_VM_RW,
                                    &va);

    if (err_is_fail(err)) {
        return err;
    }
    memcpy((uint8_t *)va + head, (const uint8_t *)b->spec->file + s->file_off, s->file_bytes);
    if ((s->flags & KPI_VM_EXECUTE) != 0) {
        arch_sync_code((uint8_t *)va + head, s->file_bytes);
    }
    return paging_unmap(paging_self(), va);
}

static errval_t proc_make_content(struct proc_build *b)
{
    errval_t err = proc_make(b, CAPTYPE_FRAME, b->at.content, b->at.content_bytes, &b->content);

    for (uint32_t i = 0; err_is_ok(err) && i < b->program.segment_count; i++) {
        if (!b->at.shared[i] && b->program.segments[i].file_bytes != 0) {
            err = proc_fill(b, i);
        }
    }
    return err;
}

static errval_t proc_map_content(struct proc_build *b)
{
    errval_t err = ERR_OK;

    for (uint32_t i = 0; err_is_ok(err) && i < b->program.segment_count; i++) {
        const struct elf_segment *s = &b->program.segments[i];

        err = paging_map_frame_fixed(&b->space, elf_segment_page(s),
                                     b->at.shared[i] ? b->spec->file_frame : b->content,
                                     b->at.segment[i], elf_segment_pages(s) * KPI_PAGE_BYTES,
                                     s->flags);
    }
    if (err_is_ok(err)) {
        err = paging_map_frame_fixed(&b->space, KPI_STACK_TOP - KPI_STACK_START_BYTES, b->content,
                                     b->at.stack, KPI_STACK_START_BYTES, AOS_VM_RW);
    }
    if (err_is_ok(err)) {
        err = paging_promise(&b->space, KPI_STACK_TOP - KPI_STACK_BYTES,
                             KPI_STACK_BYTES - KPI_STACK_START_BYTES, AOS_VM_RW);
    }
    return err;
}

static errval_t proc_make_vspace(struct proc_build *b)
{
    errval_t err = proc_make(b, CAPTYPE_VNODEL0, b->at.tables, KPI_PAGE_BYTES, &b->root);

    if (err_is_ok(err)) {
        err = paging_init_foreign(&b->space, b->root);
    }
    if (err_is_fail(err)) {
        return err;
    }
    b->space_live = true;
    paging_set_foreign_ram(&b->space, b->ram, b->at.tables + KPI_PAGE_BYTES,
                           b->at.tables_bytes - KPI_PAGE_BYTES);
    err = proc_make(b, CAPTYPE_DISPATCHER, b->at.dispatcher, KPI_DISPATCHER_BYTES,
                    &b->dispatcher);
    if (err_is_ok(err)) {
        err = proc_make(b, CAPTYPE_FRAME, b->at.startup, b->at.startup_bytes, &b->startup);
    }
    if (err_is_ok(err)) {
        err = proc_make(b, CAPTYPE_FRAME, b->at.trace, KPI_TRACE_BYTES, &b->trace);
    }
    if (err_is_ok(err)) {
        err = proc_map_content(b);
    }
    if (err_is_ok(err)) {
        err = paging_map_frame_fixed(&b->space, KPI_DISPATCHER_VA, b->dispatcher, 0,
                                     KPI_PAGE_BYTES, AOS_VM_RW);
    }
    if (err_is_ok(err)) {
        err = paging_map_frame_fixed(&b->space, KPI_STARTUP_VA, b->startup, 0,
                                     b->at.startup_bytes, AOS_VM_READ);
    }
    if (err_is_ok(err)) {
        err = paging_map_frame_fixed(&b->space, KPI_TRACE_VA, b->trace, 0, KPI_TRACE_BYTES,
                                     AOS_VM_RW);
    }
    return err;
}

/* Hands page tables and mappings to the domain, which also tells what the startup block must
 * say. */
static errval_t proc_hand_over(struct proc_build *b)
{
    void *va;
    errval_t err;

    b->export = (struct paging_export){
        .vnodes = b->vnodes, .task = b->task, .tables = b->tables, .ranges = b->ranges,
        .first_mapping = KPI_CAP_TASK_MAPPING0, .last_mapping = KPI_CAP_GRANT0 - 1,
        .ranges_max = PROC_RANGES_MAX,
    };
    err = paging_export_foreign(&b->space, &b->export);
    if (err_is_fail(err)) {
        return err;
    }
    b->space_live = false;
    err = paging_map_frame(paging_self(), b->startup, 0, b->at.startup_bytes, AOS_VM_RW, &va);
    if (err_is_fail(err)) {
        return err;
    }
    proc_startup_write(b, va);
    return paging_unmap(paging_self(), va);
}

/* What the spawner gives away, and the last capabilities of the domain's own. */
static errval_t proc_give(struct proc_build *b, struct proc_spec *given, struct proc_grant *grants)
{
    errval_t err = inv_cnode_mint(b->task, b->dispatcher, PROC_SELF_RIGHTS, KPI_CAP_SELF_DISP);

    if (err_is_ok(err)) {
        err = proc_move(b->task, KPI_CAP_SELF_VROOT, &b->root);
    }
    if (err_is_ok(err)) {
        err = proc_move(b->task, KPI_CAP_STARTUP, &b->startup);
    }
    if (err_is_ok(err) && given->nameserver != 0) {
        err = proc_move(b->task, KPI_CAP_NAMESERVER, &given->nameserver);
    }
    if (err_is_ok(err) && given->parent != 0) {
        err = proc_move(b->task, KPI_CAP_PARENT, &given->parent);
    }
    for (uint32_t i = 0; err_is_ok(err) && i < given->grant_count; i++) {
        if (grants[i].cap != 0) {
            err = proc_move(b->task, KPI_CAP_GRANT0 + i, &grants[i].cap);
        }
    }
    return err;
}

static void proc_drop(caddr_t *io_cap)
{
    if (*io_cap != 0) {
        (void)cap_destroy(*io_cap);
        *io_cap = 0;
    }
}

/* Capabilities that only the build needed; on failure also everything made so far. */
static void proc_clean_up(struct proc_build *b, bool failed)
{
    if (b->space_live) {
        paging_deinit_foreign(&b->space);
    }
    proc_drop(&b->content);
    proc_drop(&b->startup);
    proc_drop(&b->root);
    proc_drop(&b->vnodes);
    proc_drop(&b->task);
    if (failed) {
        proc_drop(&b->l1);
        proc_drop(&b->dispatcher);
        proc_drop(&b->trace);
        (void)cap_revoke(b->ram);
    }
}

static errval_t proc_build_steps(struct proc_build *b, struct proc_spec *given,
                                 struct proc_grant *grants)
{
    errval_t err = proc_plan(b);

    if (err_is_fail(err)) {
        return err;
    }
    err = proc_make_cspace(b);
    if (err_is_fail(err)) {
        return err_push(err, LIB_ERR_SPAWN_CSPACE);
    }
    err = proc_make_content(b);
    if (err_is_ok(err)) {
        err = proc_make_vspace(b);
    }
    if (err_is_ok(err)) {
        err = proc_hand_over(b);
    }
    if (err_is_fail(err)) {
        return err_push(err, LIB_ERR_SPAWN_VSPACE);
    }
    err = inv_dispatcher_setup(b->dispatcher, b->l1, b->root, KPI_DISPATCHER_VA);
    if (err_is_ok(err)) {
        err = proc_give(b, given, grants);
    }
    return err_is_ok(err) ? ERR_OK : err_push(err, LIB_ERR_SPAWN_START);
}

static struct proc_build *proc_new(const struct proc_spec *spec)
{
    struct proc_build *b = malloc(sizeof(*b));

    if (b != NULL) {
        memset(b, 0, offsetof(struct proc_build, tables));
        b->spec = spec;
    }
    return b;
}

errval_t proc_build(const struct proc_spec *spec, caddr_t ram, struct proc *ret_proc)
{
    struct proc_build *b = proc_new(spec);
    struct proc_spec given = *spec;
    struct proc_grant grants[KPI_CAP_GRANTS];
    errval_t err = b == NULL ? LIB_ERR_NO_MEMORY : ERR_OK;

    given.grant_count = spec->grant_count < KPI_CAP_GRANTS ? spec->grant_count : KPI_CAP_GRANTS;
    if (given.grant_count != 0) {
        memcpy(grants, spec->grants, given.grant_count * sizeof(grants[0]));
    }
    if (err_is_ok(err)) {
        b->ram = ram;
        err = proc_build_steps(b, &given, grants);
        proc_clean_up(b, err_is_fail(err));
    }
    if (err_is_ok(err)) {
        *ret_proc = (struct proc){
            .l1 = b->l1, .ram = ram, .dispatcher = b->dispatcher, .trace = b->trace,
            .entry = b->program.entry,
        };
    }
    proc_drop(&given.nameserver);        /* what was not given away */
    proc_drop(&given.parent);
    for (uint32_t i = 0; i < given.grant_count; i++) {
        proc_drop(&grants[i].cap);
    }
    free(b);
    return err;
}

errval_t proc_measure(const struct proc_spec *spec, uint64_t *ret_bytes)
{
    struct proc_build *b = proc_new(spec);
    errval_t err;

    if (b == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    err = proc_plan(b);
    if (err_is_ok(err)) {
        *ret_bytes = b->at.bytes;
    }
    free(b);
    return err;
}

errval_t proc_share(const void *file, size_t bytes)
{
    struct elf_program program;
    errval_t err = elf_check(file, bytes, &program);

    for (uint32_t i = 0; err_is_ok(err) && i < program.segment_count; i++) {
        const struct elf_segment *s = &program.segments[i];

        if ((s->flags & KPI_VM_EXECUTE) != 0) {
            arch_sync_code((const uint8_t *)file + s->file_off, s->file_bytes);
        }
    }
    return err;
}

errval_t proc_start(const struct proc *p)
{
    errval_t err = inv_dispatcher_start(p->dispatcher, p->entry, KPI_STACK_TOP, KPI_STARTUP_VA);

    return err_is_ok(err) ? ERR_OK : err_push(err, LIB_ERR_SPAWN_START);
}

void proc_destroy(struct proc *p)
{
    /* It may have a larger node in place of p->l1, whose end it would live to see. */
    (void)inv_dispatcher_kill(p->dispatcher, 0);
    (void)cap_revoke(p->l1);             /* its own copy, which lies inside itself */
    proc_drop(&p->l1);
    proc_drop(&p->dispatcher);
    proc_drop(&p->trace);
}

errval_t proc_query(caddr_t dispatcher, struct proc_info *ret_info)
{
    static const enum proc_state states[] = {
        [KPI_DISP_NEW] = PROC_STOPPED, [KPI_DISP_RUNNABLE] = PROC_RUNNABLE,
        [KPI_DISP_WAITING] = PROC_WAITING, [KPI_DISP_STOPPED] = PROC_STOPPED,
        [KPI_DISP_DEAD] = PROC_ENDED,
    };
    struct proc_info info = {0};
    uint64_t state, sent, received, invocations, faults, fp_traps;
    errval_t err = inv_dispatcher_info(dispatcher, &state, &info.status, &info.cause, &info.pc,
                                       &info.address);

    if (err_is_ok(err)) {
        err = inv_dispatcher_stats(dispatcher, &info.cpu_ns, &sent, &received, &invocations,
                                   &faults, &info.preemptions, &fp_traps);
    }
    if (err_is_fail(err)) {
        return err;
    }
    info.state = states[state];
    info.messages = sent + received;
    *ret_info = info;
    return ERR_OK;
}

errval_t proc_kill(caddr_t dispatcher, uint64_t status)
{
    return inv_dispatcher_kill(dispatcher, status);
}

errval_t proc_stop(caddr_t dispatcher)
{
    return inv_dispatcher_stop(dispatcher);
}

errval_t proc_resume(caddr_t dispatcher)
{
    return inv_dispatcher_resume(dispatcher);
}

errval_t proc_trace(caddr_t dispatcher, caddr_t trace, bool on)
{
    void *va;
    errval_t err = paging_map_frame(paging_self(), trace, 0, KPI_TRACE_BYTES, AOS_VM_RW, &va);

    if (err_is_fail(err)) {
        return err;
    }
    __atomic_store_n(&((struct trace_ring *)va)->on, on, __ATOMIC_RELEASE);
    (void)paging_unmap(paging_self(), va);
    return inv_dispatcher_ask(dispatcher);
}

errval_t proc_watch(caddr_t dispatcher, caddr_t end)
{
    return inv_dispatcher_watch(dispatcher, end);
}
