/* Invocations of dispatchers (idl/abi/objects.if). */
#include <kernel/cspace.h>
#include <abi/kernel_invoke.h>
#include <kernel/dispatcher.h>
#include <kernel/ends.h>
#include <kernel/lmp.h>
#include <kernel/sched.h>
#include <kernel/timer.h>

static errval_t dispatcher_may_change(const struct cte *object)
{
    return (cte_rights(object) & CAP_RIGHT_W) != 0 ? ERR_OK : SYS_ERR_CAP_RIGHTS;
}

errval_t inv_dispatcher_setup(struct dispatcher *self, struct cte *object, struct cte *cspace,
                              struct cte *vspace, uint64_t page_va)
{
    errval_t err = dispatcher_may_change(object);

    return err_is_ok(err) ? dispatcher_setup(dispatcher_of(object), cspace, vspace, page_va) : err;
}

errval_t inv_dispatcher_replace(struct dispatcher *self, struct cte *object, struct cte *cspace)
{
    return dispatcher_of(object) == self ? dispatcher_replace(self, cspace) : SYS_ERR_DISP_STATE;
}

errval_t inv_dispatcher_start(struct dispatcher *self, struct cte *object, uint64_t pc,
                              uint64_t sp, uint64_t arg)
{
    errval_t err = dispatcher_may_change(object);

    return err_is_ok(err) ? dispatcher_start(dispatcher_of(object), pc, sp, arg) : err;
}

errval_t inv_dispatcher_stop(struct dispatcher *self, struct cte *object)
{
    errval_t err = dispatcher_may_change(object);

    return err_is_ok(err) ? dispatcher_stop(dispatcher_of(object)) : err;
}

errval_t inv_dispatcher_resume(struct dispatcher *self, struct cte *object)
{
    errval_t err = dispatcher_may_change(object);

    return err_is_ok(err) ? dispatcher_resume(dispatcher_of(object)) : err;
}

/* Releasing the spaces may end the capability that was invoked: nothing uses it after that. */
errval_t inv_dispatcher_kill(struct dispatcher *self, struct cte *object, uint64_t status)
{
    struct dispatcher *d = dispatcher_of(object);
    errval_t err = dispatcher_may_change(object);

    if (err_is_fail(err)) {
        return err;
    }
    dispatcher_end(d, status);
    dispatcher_release(d);
    return ERR_OK;
}

errval_t inv_dispatcher_info(struct dispatcher *self, struct cte *object, uint64_t *ret_state,
                             uint64_t *ret_status, uint64_t *ret_cause, uint64_t *ret_pc,
                             uint64_t *ret_far)
{
    const struct dispatcher *d = dispatcher_of(object);

    *ret_state = d->state;
    *ret_status = d->status;
    *ret_cause = d->cause;
    *ret_pc = d->cause_pc;
    *ret_far = d->cause_far;
    return ERR_OK;
}

errval_t inv_dispatcher_stats(struct dispatcher *self, struct cte *object, uint64_t *ret_cpu_ns,
                              uint64_t *ret_messages_sent, uint64_t *ret_messages_received,
                              uint64_t *ret_invocations, uint64_t *ret_faults,
                              uint64_t *ret_preemptions, uint64_t *ret_fp_traps)
{
    const struct dispatcher *d = dispatcher_of(object);
    uint64_t ticks = d->cpu_ticks;

    if (d == self) {
        ticks += timer_ticks();
    }
    *ret_cpu_ns = timer_ticks_to_ns(timer_base_ticks() + ticks);
    *ret_messages_sent = d->messages_sent;
    *ret_messages_received = d->messages_received;
    *ret_invocations = d->invocations;
    *ret_faults = d->faults;
    *ret_preemptions = d->preemptions;
    *ret_fp_traps = d->fp_traps;
    return ERR_OK;
}

errval_t inv_dispatcher_watch(struct dispatcher *self, struct cte *object, struct cte *end)
{
    ends_watch(endpoint_of(end), dispatcher_of(object));
    return ERR_OK;
}

errval_t inv_dispatcher_ask(struct dispatcher *self, struct cte *object)
{
    struct dispatcher *d = dispatcher_of(object);
    errval_t err = dispatcher_may_change(object);

    if (err_is_ok(err)) {
        d->pending |= DISP_PENDING_ASKED;
        dispatcher_notify(d);
    }
    return err;
}

errval_t inv_dispatcher_deadline(struct dispatcher *self, struct cte *object, uint64_t ns)
{
    if (dispatcher_of(object) != self) {
        return SYS_ERR_DISP_STATE;
    }
    /* A deadline that passed unread belongs to the one that is replaced. */
    self->pending &= ~DISP_PENDING_TIMER;
    if (ns == 0) {
        timerq_remove(self);
    } else {
        uint64_t ticks = timer_ns_to_ticks(ns);

        if (ticks <= timer_ticks()) {
            timerq_remove(self);
            self->pending |= DISP_PENDING_TIMER;
        } else {
            timerq_insert(self, ticks);
        }
    }
    dispatcher_notify(self);
    sched_deadline_changed();
    return ERR_OK;
}
