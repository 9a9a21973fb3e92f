/* See <aos/proc.h>: programs, and domains that are built. */
#include <aos/proc.h>

#include <stdlib.h>
#include <string.h>

#include <abi/user.h>
#include <aos/cap.h>
#include <aos/icache.h>
#include <aos/paging.h>
#include <aos/slot.h>
#include <aos/trace.h>
#include <kpi/dispatcher.h>

#include "proc_priv.h"

_Static_assert(sizeof(((struct proc_grant *)0)->name) == KPI_GRANT_NAME_BYTES, "one limit");

errval_t proc_share(const void *file, size_t bytes, caddr_t frame, struct proc_image **ret_image)
{
    struct proc_image *image = malloc(sizeof(*image));

    if (image == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    image->file = file;
    image->frame = frame;
    image->err = elf_check(file, bytes, &image->program);
    for (uint32_t i = 0; err_is_ok(image->err) && i < image->program.segment_count; i++) {
        const struct elf_segment *s = &image->program.segments[i];

        if ((s->flags & KPI_VM_EXECUTE) != 0) {
            arch_sync_code((const uint8_t *)file + s->file_off, s->file_bytes);
        }
    }
    *ret_image = image;
    return ERR_OK;
}

void proc_unshare(struct proc_image *image)
{
    free(image);
}

errval_t proc_plan(const struct proc_spec *spec, struct proc_build **ret_build,
                   uint64_t *ret_bytes)
{
    struct proc_build *b = malloc(sizeof(*b));
    errval_t err;

    if (b == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    memset(b, 0, offsetof(struct proc_build, ranges));
    b->spec = spec;
    err = proc_lay_out(b);
    if (err_is_fail(err)) {
        free(b);
        return err;
    }
    *ret_build = b;
    *ret_bytes = b->at.bytes;
    return ERR_OK;
}

void proc_forget(struct proc_build *build)
{
    free(build);
}

/* In another file than those that call it, so that a test can make it fail. */
errval_t proc_retype(const struct proc_build *b, caddr_t dest, uint64_t off, enum captype type,
                     uint64_t bytes, uint32_t count)
{
    return cap_retype(dest, b->ram, off, type, bytes, count);
}

errval_t proc_build(struct proc_build *b, caddr_t ram, struct proc *ret_proc)
{
    struct proc_spec given = *b->spec;
    struct proc_grant grants[KPI_CAP_GRANTS];
    errval_t err;

    if (given.grant_count != 0) {
        memcpy(grants, given.grants, given.grant_count * sizeof(grants[0]));
    }
    b->ram = ram;
    err = proc_build_all(b, &given, grants);
    if (err_is_ok(err)) {
        *ret_proc = (struct proc){
            .l1 = b->l1, .ram = ram, .dispatcher = b->dispatcher, .entry = b->program->entry,
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

errval_t proc_start(const struct proc *p)
{
    errval_t err = inv_dispatcher_start(p->dispatcher, p->entry, KPI_STACK_TOP, KPI_STARTUP_VA);

    return err_is_ok(err) ? ERR_OK : err_push(err, LIB_ERR_SPAWN_START);
}

errval_t proc_make_ring(struct proc *p)
{
    caddr_t ring;
    errval_t err = p->trace != 0 ? ERR_OK : slot_alloc(&ring);

    if (p->trace != 0 || err_is_fail(err)) {
        return err;
    }
    err = cap_retype(ring, p->ram, PROC_RING_OFF, CAPTYPE_FRAME, KPI_TRACE_BYTES, 1);
    if (err_is_ok(err)) {
        err = inv_cnode_mint(p->l1, ring, CAP_RIGHT_R | CAP_RIGHT_W, KPI_L1_TRACE);
    }
    if (err_is_fail(err)) {
        (void)cap_destroy(ring);
        return err;
    }
    p->trace = ring;
    return ERR_OK;
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
