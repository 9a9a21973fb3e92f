/* Dispatchers: states, entering user mode, upcalls, faults, death. */
#include <kernel/dispatcher.h>
#include <arch/sysreg.h>
#include <kernel/console.h>
#include <kernel/ends.h>
#include <kernel/fpu.h>
#include <kernel/lmp.h>
#include <kernel/log.h>
#include <kernel/memory.h>
#include <kernel/mmu.h>
#include <kernel/panic.h>
#include <kernel/power.h>
#include <kernel/sched.h>
#include <kernel/string.h>
#include <kernel/timer.h>
#include <kernel/trap.h>
#include <kernel/vnode.h>

/* Ends that are told at once that their dispatcher has ended. */
#define ENDING_AT_ONCE 32u

struct dispatcher *dispatcher_init;      /* set once, by boot */

/* Dead ones with ends, linked by ending_next. Owned by this file. */
static struct dispatcher *dispatcher_ending_first;

struct dispatcher *dispatcher_of(const struct cte *object)
{
    return phys_to_virt(cte_base(object));
}

void dispatcher_object_init(struct dispatcher *d)
{
    struct kpi_dispatcher *page = dispatcher_page(d);

    d->state = DISP_NEW;
    page->core = core_self;
    page->timer_hz = timer_hz();
    page->clock_base = timer_base_ticks();
}

void dispatcher_notify(struct dispatcher *d)
{
    dispatcher_page(d)->pending = d->pending;
    if (d->pending != 0 && d->state == DISP_WAITING) {
        d->in_call = true;
        d->state = DISP_RUNNABLE;
        sched_ready(d);
    }
}

errval_t dispatcher_setup(struct dispatcher *d, struct cte *cspace, struct cte *vspace,
                          uint64_t page_va)
{
    if (d->state != DISP_NEW || cte_type(&d->cspace) != CAPTYPE_NULL) {
        return SYS_ERR_DISP_STATE;
    }
    if (page_va % KPI_PAGE_BYTES != 0 || page_va >= KPI_VA_LIMIT || page_va == 0) {
        return SYS_ERR_MAP_ALIGN;
    }
    cap_embed(cspace, &d->cspace);
    cap_embed(vspace, &d->vspace);
    d->l1 = phys_to_virt(cte_base(&d->cspace));
    d->l1_slots = cte_bytes(&d->cspace) / KPI_SLOT_BYTES;
    d->ttbr0 = vnode_ttbr0(&d->vspace);
    d->page_va = page_va;
    return ERR_OK;
}

errval_t dispatcher_replace(struct dispatcher *d, struct cte *cspace)
{
    errval_t err = cap_embed_other(cspace, &d->cspace);

    if (err_is_ok(err)) {
        d->l1 = phys_to_virt(cte_base(&d->cspace));
        d->l1_slots = cte_bytes(&d->cspace) / KPI_SLOT_BYTES;
    }
    return err;
}

errval_t dispatcher_start(struct dispatcher *d, uint64_t pc, uint64_t sp, uint64_t arg)
{
    if (d->state != DISP_NEW) {
        return SYS_ERR_DISP_STATE;
    }
    if (cte_type(&d->cspace) == CAPTYPE_NULL) {
        return SYS_ERR_DISP_INCOMPLETE;
    }
    memset(&d->frame, 0, sizeof(d->frame));
    d->frame.pc = pc;
    d->frame.sp = sp;
    d->frame.x[0] = arg;
    dispatcher_page(d)->disabled = 1;
    d->state = DISP_RUNNABLE;
    d->slice_left = 0;
    sched_ready(d);
    return ERR_OK;
}

errval_t dispatcher_stop(struct dispatcher *d)
{
    switch (d->state) {
    case DISP_WAITING:
        d->in_call = true;
        break;
    case DISP_RUNNABLE:
        sched_unready(d);
        break;
    default:
        return SYS_ERR_DISP_STATE;
    }
    d->state = DISP_STOPPED;
    return ERR_OK;
}

errval_t dispatcher_resume(struct dispatcher *d)
{
    if (d->state != DISP_STOPPED) {
        return SYS_ERR_DISP_STATE;
    }
    if (d->in_call && (d->pending == 0 || !dispatcher_has_news(d))) {
        d->in_call = false;
        d->state = DISP_WAITING;
        return ERR_OK;
    }
    d->state = DISP_RUNNABLE;
    sched_ready(d);
    return ERR_OK;
}

static void dispatcher_init_ended(void)
{
    if (console_frames()) {
        console_seize();
    }
    kprintf("init has ended\n");
    if (console_frames()) {
        power_off();
    }
}

bool dispatcher_ending_step(void)
{
    while (dispatcher_ending_first != NULL) {
        struct dispatcher *d = dispatcher_ending_first;

        if (ends_raise_watcher(d) || lmp_unbind_one(d)) {
            return true;
        }
        dispatcher_ending_first = d->ending_next;
        d->ending_next = NULL;
    }
    return false;
}

bool dispatcher_ending(void)
{
    return dispatcher_ending_first != NULL;
}

bool dispatcher_has_core(const struct dispatcher *d)
{
    return d == current;
}

void dispatcher_end(struct dispatcher *d, uint64_t status)
{
    if (d->state == DISP_DEAD) {
        return;
    }
    sched_unready(d);
    timerq_remove(d);
    fpu_forget(d);
    d->state = DISP_DEAD;
    d->status = status;
    d->pending = 0;
    d->in_call = false;
    d->l1 = NULL;
    d->l1_slots = 0;
    if (d == current) {
        dispatcher_unload();
    }
    d->ttbr0 = mmu_empty_ttbr0();
    d->ending_next = dispatcher_ending_first;
    dispatcher_ending_first = d;
    for (unsigned i = 0; i < ENDING_AT_ONCE && dispatcher_ending_step(); i++) {
    }
    if (d == dispatcher_init) {
        dispatcher_init_ended();
    }
}

void dispatcher_release(struct dispatcher *d)
{
    /* The rest of a dying object is done in the background. */
    cap_release_spaces(d);
}

void dispatcher_object_destroy(struct dispatcher *d)
{
    dispatcher_end(d, 0);
}

void dispatcher_space_gone(struct dispatcher *d)
{
    dispatcher_end(d, 0);
}

/* Puts the translation of no dispatcher in place. */
void dispatcher_unload(void)
{
    sysreg_write(ttbr0_el1, mmu_empty_ttbr0());
    sysreg_write(tpidrro_el0, 0);
    isb();
}

/* The frame of a thread that was interrupted while enabled becomes the saved thread of an
 * upcall. */
static void dispatcher_upcall(struct dispatcher *d, struct kpi_dispatcher *page)
{
    uint64_t why = KPI_UPCALL_SAVED;

    if (d->fault) {
        why |= KPI_UPCALL_FAULT;
        d->fault = false;
    }
    if (d->pending != 0) {
        why |= KPI_UPCALL_PENDING;
    }
    context_copy(&page->save, &d->frame);
    page->disabled = 1;
    /* The rest stays: the domain's own registers tell it nothing new. */
    d->frame.x[0] = why;
    d->frame.sp = page->upcall_sp;
    d->frame.pc = page->upcall_entry;
    d->frame.pstate = 0;
}

void dispatcher_load(struct dispatcher *d)
{
    sysreg_write(ttbr0_el1, d->ttbr0);
    sysreg_write(tpidrro_el0, d->page_va);
    sysreg_write(cpacr_el1, d->cpacr);
}

void dispatcher_enter(struct dispatcher *d)
{
    struct kpi_dispatcher *page = dispatcher_page(d);

    kernel_assert(d->state == DISP_RUNNABLE && d == current);
    if (d->in_call) {
        d->in_call = false;
        d->frame.pstate = 0;
        lmp_poll(d);
        if (d->pending != 0 && dispatcher_interrupted(d)) {
            dispatcher_upcall(d, page);
        }
    } else if (d->delivered) {
        d->delivered = false;
        if (d->pending != 0 && dispatcher_interrupted(d)) {
            dispatcher_upcall(d, page);
        }
    } else if (page->disabled == 0) {
        dispatcher_upcall(d, page);
    }
    dispatcher_load(d);
}
