/* Channels, dispatchers and interrupts, for kernel/cap/check.c. */
#include <kernel/check.h>
#include <kernel/irq_cap.h>
#include <kernel/lmp.h>
#include <kernel/memory.h>
#include <kernel/notify.h>
#include <kernel/vnode.h>

static bool end_is_dispatcher(const struct dispatcher *d)
{
    return memory_is_linear(d) &&
           cap_find(CAPTYPE_DISPATCHER, virt_to_phys(d), KPI_DISPATCHER_BYTES, 0) != NULL;
}

static bool end_links_good(const struct endpoint *end)
{
    const struct dispatcher *d = end->receiver;
    const struct endpoint_list *list =
        end->list == ENDPOINT_LIST_NO_SLOT ? &d->no_slot : &d->deliverable;
    bool bound = end->bound_prev != NULL ? end->bound_prev->bound_next == end : d->bound == end;

    bound = bound && (end->bound_next == NULL || end->bound_next->bound_prev == end);
    if (end->list == ENDPOINT_LIST_NONE) {
        return bound;
    }
    return bound &&
           (end->queue_prev != NULL ? end->queue_prev->queue_next == end : list->first == end) &&
           (end->queue_next != NULL ? end->queue_next->queue_prev == end : list->last == end);
}

static void end_check_bound(struct check *check, const struct endpoint *end, const struct cte *cte)
{
    bool quiet = end->count == 0 && end->flags == 0;

    if (end->receiver == NULL) {
        check_that(check, end->fast == NULL && end->list == ENDPOINT_LIST_NONE &&
                              (end->flags & ENDPOINT_HELD) == 0,
                   INVARIANT_BOUND, cte);
        return;
    }
    bool known = end_is_dispatcher(end->receiver);

    check_that(check, known, INVARIANT_BOUND, cte);
    check_that(check, end->fast == (quiet ? end->receiver : NULL), INVARIANT_BOUND, cte);
    check_that(check, (end->list != ENDPOINT_LIST_NONE) == endpoint_due(end) && end->cookie != 0,
               INVARIANT_BOUND, cte);
    check_that(check, !known || end_links_good(end), INVARIANT_BOUND, cte);
}

static void end_check_ring(struct check *check, const struct endpoint *end, const struct cte *cte)
{
    check_that(check, (end->flags & ENDPOINT_WANTED) == 0 || end->count > end->ring_size / 2u,
               INVARIANT_RING, cte);
    for (unsigned i = 0; i < end->ring_size; i++) {
        struct cte *slot = channel_slot(cte_base(cte), cte_side(cte), i);
        unsigned age = (i - end->head) & (end->ring_size - 1u);

        check_slot(check, slot, cte);
        check_that(check, age < end->count || slot->type == CAPTYPE_NULL ||
                              (slot->flags & CTE_DYING) != 0,
                   INVARIANT_RING, cte);
    }
}

void ipc_check_end_object(struct check *check, struct cte *cte)
{
    struct endpoint *end = endpoint_at(cte_base(cte), cte_side(cte));
    uint32_t ring = KPI_LMP_RING((uint32_t)cte_bytes(cte));
    bool dying = (cte->flags & CTE_DYING) != 0; /* it is in the list of work instead */

    check_that(check, dying || endpoint_of(cte) == end, INVARIANT_CHANNEL, cte);
    check_that(check, end->exists == !dying && end->ring_size == ring && end->head < ring &&
                          end->count <= ring,
               INVARIANT_CHANNEL, cte);
    if (dying || end->ring_size != ring) {
        return;
    }
    end_check_bound(check, end, cte);
    end_check_ring(check, end, cte);
    if (end->watched != NULL) {
        bool known = end_is_dispatcher(end->watched);

        check_that(check, known, INVARIANT_WATCH, cte);
        check_that(check, !known || (end->watch_prev != NULL
                                         ? end->watch_prev->watch_next == end
                                         : end->watched->watchers == end),
                   INVARIANT_WATCH, cte);
        check_that(check, end->watch_next == NULL || end->watch_next->watch_prev == end,
                   INVARIANT_WATCH, cte);
    }
    if (end->notify != 0) {
        const struct cte *notify = cap_find(
            CAPTYPE_NOTIFY, notify_base(core_self, end->notify - 1u), CAP_PAGE_BYTES, 0);

        check_that(check, notify != NULL && notify->aux == (uint64_t)(uintptr_t)end,
                   INVARIANT_NOTIFY, cte);
    }
    if (end->irq != 0) {
        const struct cte *irq =
            cap_find(CAPTYPE_IRQDEST, CAP_IRQ_BASE(end->irq), CAP_PAGE_BYTES, 0);

        check->irqs++;
        check_that(check, irq_cap_connected(end->irq) == end && irq != NULL, INVARIANT_IRQ, cte);
    }
}

void ipc_check_notify(struct check *check, struct cte *cte)
{
    const struct endpoint *end = (const struct endpoint *)(uintptr_t)cte->aux;

    check_that(check, end == NULL || (memory_is_linear(end) && end->exists &&
                                      end->notify == notify_bit(cte) + 1 &&
                                      cte->owner == core_self),
               INVARIANT_NOTIFY, cte);
}

void ipc_check_dispatcher(struct check *check, struct cte *cte)
{
    struct dispatcher *d = dispatcher_of(cte);

    check_slot(check, &d->cspace, cte);
    check_slot(check, &d->vspace, cte);
    if (d->state == DISP_DEAD) {
        check_that(check, d->l1 == NULL && d->l1_slots == 0, INVARIANT_SPACES, cte);
        return;
    }
    if (d->cspace.type == CAPTYPE_NULL) {
        check_that(check, d->vspace.type == CAPTYPE_NULL && d->l1 == NULL && d->state == DISP_NEW,
                   INVARIANT_SPACES, cte);
        return;
    }
    check_that(check, d->cspace.type == CAPTYPE_L1CNODE && d->vspace.type == CAPTYPE_VNODEL0 &&
                          (d->cspace.flags & d->vspace.flags & CTE_EMBEDDED) != 0 &&
                          ((d->cspace.flags | d->vspace.flags) & CTE_DYING) == 0,
               INVARIANT_SPACES, cte);
    check_that(check, d->l1 == cnode_slots(&d->cspace) &&
                          d->l1_slots == cnode_slot_count(&d->cspace) &&
                          d->ttbr0 == vnode_ttbr0(&d->vspace),
               INVARIANT_SPACES, cte);
    bool message = d->deliverable.first != NULL, no_slot = d->no_slot.first != NULL;

    check_that(check, ((d->pending & DISP_PENDING_MESSAGE) != 0) == message &&
                          ((d->pending & DISP_PENDING_SLOT) != 0) == no_slot,
               INVARIANT_BOUND, cte);
    const struct endpoint *last = d->deliverable.last;

    check_that(check, d->deliverable.first == NULL || (last->receiver == d && !last->queue_next),
               INVARIANT_BOUND, cte);
}

void ipc_check_end(struct check *check)
{
    uint64_t connected = 0;

    for (uint32_t irq = 1; irq < IRQ_CAP_MAX; irq++) {
        const struct endpoint *end = irq_cap_connected(irq);

        connected += end != NULL;
        check_that(check, end == NULL || (end->exists && end->irq == irq), INVARIANT_IRQ,
                   tree_root());
    }
    check_that(check, connected == check->irqs, INVARIANT_IRQ, tree_root());
}
