/* Delete and revoke, in bounded steps.
 *
 * Slots inside an object that dies must be emptied before its memory is free. Instead of
 * recursion there is a list of dying objects: `object_bury` moves the last slot of such an
 * object into its own memory, so the slot it came from is empty at once and no cycle of CNodes
 * that contain each other can hold a dying object back. If all slots of the object hold
 * something that itself would have to be buried, two slots swap, and the caller goes on with
 * what came out. */
#include <kernel/cap_remote.h>
#include <kernel/cspace.h>
#include <kernel/dispatcher.h>
#include <kernel/irq_cap.h>
#include <kernel/notify.h>
#include <kernel/lmp.h>
#include <kernel/vnode.h>
#include <kernel/cap_tree.h>

/* Units of work (CAP_STEP_MAX), of about eight instructions. */
#define COST_VISIT   1u
#define COST_DROP    16u  /* one copy of several */
#define COST_END     64u  /* an object leaves the tree */
#define COST_MAPPING 112u /* and the one of a Mapping, found by its entry */
#define COST_BURY    160u
#define COST_ENDING  16u
#define ENTRIES_PER_VISIT 2u
#define SKIPS_PER_VISIT   2u
#define SKIPS_MAX         512u /* places looked at in one step */
/* Slots of a CNode that are looked at together: few, and when they are empty more. */
#define EMPTY_STEP        4u
#define EMPTY_STRIDE      16u
/* A grave is among so many first slots of its object: whoever looks for one looks no further. */
#define GRAVE_SLOTS 64u

#define PAGE_MASK (CAP_PAGE_BYTES - 1)

static struct cte *dying_first; /* owner: this file; linked by dying_next */

struct budget {
    uint32_t left;
};

static void budget_charge(struct budget *budget, uint32_t units)
{
    budget->left -= units < budget->left ? units : budget->left;
}

/* Slots of the object `cte` that hold capabilities: cte_slot(i) for i below the count. A VNode has
 * none; the Mappings in its entries take their part. */
static uint32_t object_slot_count(const struct cte *cte)
{
    switch (cte_type(cte)) {
    case CAPTYPE_L1CNODE:
    case CAPTYPE_L2CNODE:
        return cnode_slot_count(cte);
    case CAPTYPE_ENDPOINT:
        return channel_slot_count(cte_base(cte));
    case CAPTYPE_DISPATCHER:
        return 1;
    case CAPTYPE_VNODEL0:
    case CAPTYPE_VNODEL1:
    case CAPTYPE_VNODEL2:
    case CAPTYPE_VNODEL3:
        return KPI_TABLE_ENTRIES;
    default:
        return 0;
    }
}

static struct cte *object_slot(struct cte *cte, uint32_t index)
{
    if (cte->type == CAPTYPE_ENDPOINT)
        return channel_slot(cte_base(cte), cte_side(cte), index);
    if (cte->type == CAPTYPE_DISPATCHER)
        return &dispatcher_of(cte)->cspace;
    if (vnode_is(cte_type(cte)))
        return vnode_mapping_at(cte, index);
    return &cnode_slots(cte)[index];
}

static inline bool slots_are_empty(const struct cte *slots, uint32_t count)
{
    uint32_t types = 0;
#pragma GCC unroll 16
    for (uint32_t i = 0; i < count; i++)
        types |= slots[i].type;
    return types == CAPTYPE_NULL;
}

/* The first place from `index` on that is not plainly empty, or one before it: most places of a
 * dying object are empty. */
static uint32_t object_next_used(struct cte *cte, uint32_t index)
{
    if (vnode_is(cte_type(cte)))
        return vnode_next_mapping(cte, index);
    if (cte->type == CAPTYPE_L1CNODE || cte->type == CAPTYPE_L2CNODE) {
        const struct cte *slots = cnode_slots(cte);
        uint32_t end = cnode_slot_count(cte);
        if (end > index + SKIPS_MAX)
            end = index + SKIPS_MAX;
        while (index < end && slots[index].type == CAPTYPE_NULL) {
            index++;
            while (index % EMPTY_STEP == 0 && index + EMPTY_STEP <= end &&
                   slots_are_empty(&slots[index], EMPTY_STEP)) {
                index += EMPTY_STEP;
                while (index % EMPTY_STRIDE == 0 && index + EMPTY_STRIDE <= end &&
                       slots_are_empty(&slots[index], EMPTY_STRIDE))
                    index += EMPTY_STRIDE;
            }
        }
    } else if (cte->type == CAPTYPE_ENDPOINT) {
        uint32_t end = channel_slot_count(cte_base(cte));
        while (index < end &&
               channel_slot(cte_base(cte), cte_side(cte), index)->type == CAPTYPE_NULL)
            index++;
    }
    return index;
}

/* Whether the end of the capability in `slot` is one step: nothing is lent, and it needs no burial
 * of an object with slots. */
static bool slot_is_simple(const struct cte *slot)
{
    if (slot_has_loans(slot) || slot_loan_mapping(slot) != NULL)
        return false;
    if (!slot_alone(slot))
        return true;
    return slot->type != CAPTYPE_L1CNODE && slot->type != CAPTYPE_L2CNODE &&
           slot->type != CAPTYPE_ENDPOINT && slot->type != CAPTYPE_DISPATCHER;
}

/* The place to visit next. */
static uint32_t dying_index(const struct cte *cte)
{
    return (uint32_t)(cte->aux >> CTE_DYING_INDEX_SHIFT);
}

static void dying_set_index(struct cte *cte, uint32_t index)
{
    cte->aux = (cte->aux & CTE_ADDRESS_MASK) | (uint64_t)index << CTE_DYING_INDEX_SHIFT;
}

static void dying_push(struct cte *grave)
{
    grave->flags |= CTE_DYING;
    grave->aux = dying_first == NULL ? 0 : virt_to_phys(dying_first);
    dying_first = grave;
}

static void mapping_end(struct cte *mapping, struct budget *budget)
{
    budget_charge(budget, COST_MAPPING + mapping->count / ENTRIES_PER_VISIT);
    mapping_clear(mapping);
    slot_end(mapping);
}

/* A VNode is buried in its own table, after the entries that its slot will cover are gone. */
#define VNODE_GRAVE_ENTRIES (KPI_SLOT_BYTES / 8)

static void vnode_bury(struct cte *slot, struct budget *budget)
{
    budget_charge(budget, COST_BURY);
    vnode_detach(slot);
    slot->flags |= CTE_DYING;
    for (uint32_t i = 0; i < VNODE_GRAVE_ENTRIES; i++) {
        struct cte *mapping = vnode_mapping_at(slot, i);
        if (mapping != NULL)
            mapping_end(mapping, budget);
    }
    struct cte *grave = phys_to_virt(cte_base(slot));
    slot_move(slot, grave);
    dying_push(grave);
    dying_set_index(grave, VNODE_GRAVE_ENTRIES);
}

static void slot_clear_step(struct cte *slot, struct budget *budget);
static void release_cspace(struct cte *cspace, struct budget *budget);

/* Buries an object with slots. The slot it was in holds nothing, or something else to be
 * deleted. */
static void object_bury(struct cte *slot, struct budget *budget)
{
    budget_charge(budget, COST_BURY);
    slot->flags = (uint8_t)((slot->flags & ~CTE_EMBEDDED) | CTE_DYING);
    if (!slot_alone(slot))
        slot->flags |= CTE_SHARED;
    struct cte *grave = NULL, *other = NULL;
    for (uint32_t i = 0; i < object_slot_count(slot) && i < GRAVE_SLOTS && grave == NULL; i++) {
        struct cte *candidate = object_slot(slot, i);
        budget_charge(budget, COST_VISIT);
        if (candidate->type == CAPTYPE_NULL || candidate == slot) {
            grave = candidate;
        } else if ((candidate->flags & CTE_DYING) != 0) {
            if (candidate->type == slot->type && candidate->page == slot->page) {
                slot_drop(slot); /* another copy is buried here already */
                return;
            }
        } else if (slot_is_simple(candidate)) {
            slot_clear_step(candidate, budget);
            grave = candidate;
        } else if (other == NULL) {
            other = candidate;
        }
    }
    if (grave == NULL) {
        kernel_assert(other != NULL);
        grave = other;
        slot_swap(slot, grave);
    } else if (grave != slot) {
        slot_move(slot, grave);
    }
    dying_push(grave);
}

/* The last capability of a dispatcher: its spaces go the same way. */
static void dispatcher_bury(struct cte *slot, struct budget *budget)
{
    struct dispatcher *d = dispatcher_of(slot);
    budget_charge(budget, COST_BURY);
    slot->flags |= CTE_DYING;
    dispatcher_object_destroy(d);
    d->vspace.flags &= (uint8_t)~CTE_EMBEDDED;
    if (d->vspace.type != CAPTYPE_NULL)
        slot_clear_step(&d->vspace, budget);
    slot_move(slot, &d->vspace);
    dying_push(&d->vspace);
}

/* A step towards the end of the loans of `slot`, the last of each chain first. False: there are
 * none. A dying one is of no use to anybody and ends by itself: it is only put out of the way. */
static bool loans_step(struct cte *slot, struct budget *budget)
{
    struct cte *loan = slot;
    while (slot_has_loans(loan))
        loan = loan->next; /* at most CAP_LOAN_MAX times */
    if (loan == slot)
        return false;
    if ((loan->flags & CTE_DYING) != 0) {
        budget_charge(budget, COST_DROP);
        slot_unlend(loan, slot);
    } else {
        slot_clear_step(loan, budget);
    }
    return true;
}

/* One step towards an empty slot. `slot` holds a capability that is not dying. Does not recurse
 * beyond a simple one and a loan without loans: object_bury and dispatcher_bury call it for a
 * simple one only. */
static void slot_clear_step(struct cte *slot, struct budget *budget)
{
    struct cte *mapping = slot_loan_mapping(slot);
    if (mapping != NULL) {
        mapping_end(mapping, budget);
        return;
    }
    if (loans_step(slot, budget))
        return;
    if ((slot->flags & CTE_EMBEDDED) != 0) {
        struct dispatcher *d = (struct dispatcher *)((uintptr_t)slot & ~(uintptr_t)PAGE_MASK);
        budget_charge(budget, COST_BURY);
        dispatcher_space_gone(d);
        release_cspace(&d->cspace, budget);
        if (slot == &d->cspace)
            return;
        slot->flags &= (uint8_t)~CTE_EMBEDDED;
    }
    if (!slot_alone(slot)) {
        budget_charge(budget, COST_DROP);
        slot_drop(slot);
        return;
    }
    switch (cte_type(slot)) {
    case CAPTYPE_ENDPOINT:
        endpoint_object_destroy(cte_base(slot), cte_side(slot));
        object_bury(slot, budget);
        return;
    case CAPTYPE_L1CNODE:
    case CAPTYPE_L2CNODE:
        object_bury(slot, budget);
        return;
    case CAPTYPE_DISPATCHER:
        dispatcher_bury(slot, budget);
        return;
    case CAPTYPE_VNODEL0:
    case CAPTYPE_VNODEL1:
    case CAPTYPE_VNODEL2:
    case CAPTYPE_VNODEL3:
        vnode_bury(slot, budget);
        return;
    case CAPTYPE_MAPPING:
        mapping_end(slot, budget);
        return;
    case CAPTYPE_IRQDEST:
        if (slot->owner == core_self)
            irq_object_destroy(cte_irq(slot));
        break;
    case CAPTYPE_NOTIFY:
        notify_object_destroy(slot);
        break;
    case CAPTYPE_NULL:
    case CAPTYPE_RAM:
    case CAPTYPE_FRAME:
    case CAPTYPE_DEVFRAME:
    case CAPTYPE_IRQTABLE:
    case CAPTYPE_KERNEL:
    case CAPTYPE_KCB:
    case CAPTYPE_PERFMON:
    case CAPTYPE_COUNT:
        break;
    }
    budget_charge(budget, COST_END);
    slot_end(slot);
}

/* All slots of the first dying object are empty. */
static void dying_finish(struct cte *cte)
{
    dying_first = dying_next(cte);
    cte->aux = 0;
    if (!slot_alone(cte)) {
        slot_drop(cte);
    } else if ((cte->flags & CTE_SHARED) != 0) {
        cte->flags &= (uint8_t)~CTE_SHARED;
        dying_push(cte);
    } else {
        slot_end(cte);
    }
}

/* Works on the dying objects until the budget is spent or none is left. What others know of
 * dispatchers that have ended goes first: after that the memory of a dispatcher may go. */
static void dying_work(struct budget *budget)
{
    while (budget->left > 0) {
        if (dispatcher_ending_step()) {
            budget_charge(budget, COST_ENDING);
            continue;
        }
        struct cte *cte = dying_first;
        if (cte == NULL)
            break;
        if (vnode_is(cte_type(cte)) && cte->count == 0) {
            budget_charge(budget, COST_END);
            dying_finish(cte); /* whatever its remaining entries look like, none is in use */
            continue;
        }
        uint32_t from = dying_index(cte), used = object_next_used(cte, from);
        budget_charge(budget, COST_VISIT + (used - from) / SKIPS_PER_VISIT);
        dying_set_index(cte, used);
        if (used >= object_slot_count(cte)) {
            if (cte->type == CAPTYPE_DISPATCHER && dispatcher_has_core(dispatcher_of(cte))) {
                budget->left = 0; /* it has ended itself: this entry still works on its frame */
                break;
            }
            budget_charge(budget, COST_END);
            dying_finish(cte);
            continue;
        }
        struct cte *slot = object_slot(cte, used);
        if (slot == NULL || slot->type == CAPTYPE_NULL || (slot->flags & CTE_DYING) != 0)
            dying_set_index(cte, used + 1);
        else if ((slot->flags & CTE_EMBEDDED) != 0)
            object_bury(slot, budget); /* the dispatcher knows already */
        else
            slot_clear_step(slot, budget);
    }
}

/* Empties a slot; false if the budget went first. A dying one is emptied by the work on the
 * list. */
static bool slot_clear(struct cte *slot, struct budget *budget)
{
    while (slot->type != CAPTYPE_NULL) {
        if (budget->left == 0)
            return false;
        if ((slot->flags & CTE_DYING) != 0)
            dying_work(budget);
        else
            slot_clear_step(slot, budget);
    }
    return true;
}

static void release_cspace(struct cte *cspace, struct budget *budget)
{
    if ((cspace->flags & CTE_EMBEDDED) != 0)
        object_bury(cspace, budget);
}

static errval_t cap_delete_steps(struct cte *cte)
{
    struct budget budget = {CAP_STEP_MAX};
    if (!slot_clear(cte, &budget))
        return SYS_ERR_AGAIN;
    dying_work(&budget);
    return ERR_OK;
}

errval_t cap_delete(struct cte *cte)
{
    if (cte->type == CAPTYPE_NULL)
        return SYS_ERR_CAP_NOT_FOUND;
    if (!slot_alone(cte) && (cte->flags & (CTE_DYING | CTE_EMBEDDED)) == 0 &&
        dying_first == NULL && slot_is_simple(cte)) {
        slot_drop(cte); /* one copy less: what the rest would come to, but quickly */
        return ERR_OK;
    }
    return cap_delete_steps(cte);
}

errval_t cap_embed_other(struct cte *src, struct cte *dest)
{
    kernel_assert((src->flags & CTE_DYING) == 0);
    if ((dest->flags & (CTE_EMBEDDED | CTE_DYING)) != CTE_EMBEDDED)
        return SYS_ERR_DISP_STATE;
    if (slot_alone(dest) || !slot_is_simple(dest))
        return SYS_ERR_BUSY;
    slot_drop(dest);
    cap_embed(src, dest);
    return ERR_OK;
}

/* One step of a revoke. ERR_OK: there is nothing left to do; SYS_ERR_AGAIN: there is;
 * SYS_ERR_REMOTE: what is next concerns other cores. */
static errval_t revoke_step(struct cte *cte, struct budget *budget)
{
    struct cte *victim = cte->level != 0 ? cte->next : cte->prev;
    if (victim == NULL) {
        victim = tree_next(cte);
        if (victim == NULL || victim->page >= cte->page + cte->pages)
            return ERR_OK;
        if (victim->page == cte->page && victim->pages == cte->pages &&
            victim->type == CAPTYPE_ENDPOINT && cte->type == CAPTYPE_ENDPOINT)
            return ERR_OK; /* the other end of the channel */
    }
    if ((victim->flags & CTE_KNOWN) != 0)
        return SYS_ERR_REMOTE;
    if ((victim->flags & CTE_DYING) != 0)
        dying_work(budget);
    else
        slot_clear_step(victim, budget);
    return SYS_ERR_AGAIN;
}

errval_t cap_revoke(struct cte *cte)
{
    if (cte->type == CAPTYPE_NULL)
        return SYS_ERR_CAP_NOT_FOUND;
    struct budget budget = {CAP_STEP_MAX};
    if ((cte->flags & CTE_DYING) != 0)
        return slot_clear(cte, &budget) ? ERR_OK : SYS_ERR_AGAIN;
    if ((cte->rights & CAP_RIGHT_D) == 0)
        return SYS_ERR_CAP_RIGHTS;
    if ((cte_node(cte)->flags & CTE_KNOWN) != 0)
        return SYS_ERR_REMOTE;
    /* The capability itself may go with what is revoked, when it lies in a CNode made from it. */
    while (cte->type != CAPTYPE_NULL && (cte->flags & CTE_DYING) == 0) {
        if (budget.left == 0)
            return SYS_ERR_AGAIN;
        errval_t err = revoke_step(cte, &budget);
        if (err != SYS_ERR_AGAIN)
            return err;
    }
    return ERR_OK;
}

static errval_t part_check(const struct cte *cte, uint64_t off, uint64_t bytes)
{
    if (cte->type == CAPTYPE_NULL)
        return SYS_ERR_CAP_NOT_FOUND;
    if (cte->type != CAPTYPE_RAM && cte->type != CAPTYPE_FRAME && cte->type != CAPTYPE_DEVFRAME)
        return SYS_ERR_CAP_TYPE;
    if ((cte->rights & CAP_RIGHT_D) == 0)
        return SYS_ERR_CAP_RIGHTS;
    if ((cte->flags & CTE_DYING) != 0)
        return SYS_ERR_BUSY;
    uint64_t have = cte_bytes(cte);
    bool inside = off <= have && bytes != 0 && bytes < have && bytes <= have - off;
    return inside && off % CAP_PAGE_BYTES == 0 && bytes % CAP_PAGE_BYTES == 0
               ? ERR_OK
               : SYS_ERR_RETYPE_SIZE;
}

errval_t cap_revoke_part(struct cte *cte, uint64_t off, uint64_t bytes)
{
    errval_t err = part_check(cte, off, bytes);
    if (err_is_fail(err))
        return err;
    if (cte->type != CAPTYPE_RAM && (cte_node(cte)->flags & CTE_KNOWN) != 0)
        return SYS_ERR_REMOTE; /* it may be mapped elsewhere */
    struct budget budget = {CAP_STEP_MAX};
    uint32_t first = cte->page + (uint32_t)(off >> CAP_PAGE_SHIFT);
    uint32_t pages = (uint32_t)(bytes >> CAP_PAGE_SHIFT);
    /* Before all objects of this size, after all larger ones: `cte` is one of those. */
    struct cap_key key = cap_key_make(CAPTYPE_NULL, first, pages, 0);
    while (cte->type != CAPTYPE_NULL && (cte->flags & CTE_DYING) == 0) {
        struct cte *victim = tree_after(&key);
        if (victim == NULL || victim->page >= first + pages)
            break;
        if ((victim->flags & CTE_KNOWN) != 0)
            return SYS_ERR_REMOTE;
        if (budget.left == 0)
            return SYS_ERR_AGAIN;
        if ((victim->flags & CTE_DYING) != 0)
            dying_work(&budget);
        else
            slot_clear_step(victim, &budget);
    }
    return ERR_OK;
}

/* One capability to the object that is not `keep`; the anchor last, if it goes at all. */
static struct cte *sweep_copy(struct cte *node, bool keep_anchor, const struct cte *keep)
{
    struct cte *copy = node, *anchor = NULL;
    while (copy != NULL && (copy == keep || (copy->flags & CTE_ANCHOR) != 0)) {
        if (copy != keep)
            anchor = copy;
        copy = copy->next; /* at most twice */
    }
    return copy != NULL || keep_anchor ? copy : anchor;
}

errval_t cap_sweep(enum captype type, uint32_t page, uint32_t pages, bool keep_anchor,
                   const struct cte *keep)
{
    struct budget budget = {CAP_STEP_MAX};
    struct cap_key key = cap_key_make(type, page, pages, 0);
    for (;;) {
        struct cte *node = tree_find(&key), *victim = NULL;
        if (node != NULL)
            victim = sweep_copy(node, keep_anchor, keep);
        if (victim == NULL)
            victim = tree_after(&key);
        if (victim == NULL || victim->page >= page + pages)
            return ERR_OK;
        if (budget.left == 0)
            return SYS_ERR_AGAIN;
        if ((victim->flags & CTE_KNOWN) != 0)
            victim = sweep_copy(victim, false, NULL); /* of something made of it */
        if ((victim->flags & CTE_DYING) != 0)
            dying_work(&budget);
        else
            slot_clear_step(victim, &budget);
    }
}

void cap_release_cspace(struct cte *cspace)
{
    struct budget budget = {CAP_STEP_MAX};
    release_cspace(cspace, &budget);
}

void cap_release_spaces(struct dispatcher *d)
{
    struct budget budget = {CAP_STEP_MAX};
    release_cspace(&d->cspace, &budget);
    if (slot_clear(&d->vspace, &budget))
        dying_work(&budget);
}

bool cap_work(void)
{
    struct budget budget = {CAP_STEP_MAX};
    dying_work(&budget);
    return cap_work_pending();
}

bool cap_work_pending(void)
{
    return dying_first != NULL || dispatcher_ending();
}

const struct cte *cap_dying(void)
{
    return dying_first;
}
