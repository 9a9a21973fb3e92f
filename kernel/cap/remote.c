/* Objects that several cores know: the part of one core's kernel. */
#include <kernel/cap_remote.h>
#include <kernel/check.h>
#include <kernel/irq_cap.h>
#include <kernel/notify.h>
#include <kpi/remote.h>

_Static_assert(CAP_NAMED_BASE >> CAP_PAGE_SHIFT == KPI_CAP_NAMES &&
                   CAP_NOTIFY_BASE >> CAP_PAGE_SHIFT == KPI_CAP_NOTIFIES,
               "kpi");

bool cap_is_foreign(const struct cte *cte)
{
    return cte_node((struct cte *)(uintptr_t)cte)->owner != core_self;
}

/* Types of objects that other cores may know. */
static bool type_crosses(enum captype type)
{
    return type == CAPTYPE_RAM || type == CAPTYPE_FRAME || type == CAPTYPE_DEVFRAME ||
           type == CAPTYPE_IRQDEST || type == CAPTYPE_NOTIFY;
}

/* Whether there is a capability beside `cte` and the anchor: one of the first three is. */
static bool object_is_shared(const struct cte *cte, const struct cte *node)
{
    const struct cte *copy = node;
    if (node->type == CAPTYPE_MAPPING)
        return false;
    for (unsigned i = 0; i < 3 && copy != NULL; i++, copy = copy->next) {
        if (copy != cte && (copy->flags & CTE_ANCHOR) == 0)
            return true;
    }
    return false;
}

void cap_describe(struct cte *cte, struct cap_description *ret)
{
    struct cte *node = cte_node(cte);
    struct cap_key key = cap_key_of(node);
    uint8_t state = 0;
    if ((cte->flags & CTE_ANCHOR) != 0)
        state |= KPI_CAP_ANCHOR;
    if ((node->flags & CTE_KNOWN) != 0)
        state |= KPI_CAP_KNOWN;
    if (object_is_shared(cte, node))
        state |= KPI_CAP_SHARED;
    if (tree_overlap(&key, node->page, node->page + node->pages, false) != NULL)
        state |= KPI_CAP_USED;
    if ((node->flags & CTE_PARTED) != 0)
        state |= KPI_CAP_PARTED;
    if (cte_loan(cte) != 0)
        state |= KPI_CAP_LOAN;
    *ret = (struct cap_description){.type = cte->type,
                                    .rights = cte->rights,
                                    .owner = node->owner,
                                    .state = state,
                                    .page = cte->page,
                                    .pages = cte->pages};
}

errval_t cap_anchor(struct cte *src, struct cte *dest)
{
    struct cte *node = cte_node(src);
    if (dest->type != CAPTYPE_NULL)
        return SYS_ERR_SLOT_OCCUPIED;
    if (!type_crosses(cte_type(src)) && src->type != CAPTYPE_IRQTABLE)
        return SYS_ERR_NOT_COPYABLE;
    if ((node->flags & CTE_KNOWN) != 0)
        return SYS_ERR_BUSY;
    slot_copy(node, dest); /* the node is never a loan */
    dest->rights = captype_table[dest->type].rights;
    slot_set_anchor(dest);
    return ERR_OK;
}

/* Whether an object of a type that crosses can have this range: memory ends below all names, and
 * each name is one page. What `page` and `pages` say has come from another core. */
static bool range_is_of(enum captype type, uint32_t page, uint32_t pages)
{
    const uint32_t names = (uint32_t)(CAP_NAMED_BASE >> CAP_PAGE_SHIFT);
    if (type == CAPTYPE_IRQDEST)
        return pages == 1 && page >= names && irq_cap_available(page - names);
    if (type == CAPTYPE_NOTIFY)
        return pages == 1 && notify_page_ok(page);
    return pages != 0 && page < names && pages <= names - page;
}

errval_t cap_foreign(enum captype type, uint32_t page, uint32_t pages, uint8_t owner,
                     struct cte *dest)
{
    struct cap_key key = cap_key_make(type, page, pages, 0);
    if (dest->type != CAPTYPE_NULL)
        return SYS_ERR_SLOT_OCCUPIED;
    if (type >= CAPTYPE_COUNT || !type_crosses(type))
        return SYS_ERR_NOT_COPYABLE;
    if (!range_is_of(type, page, pages))
        return SYS_ERR_RETYPE_SIZE;
    if (tree_find(&key) != NULL)
        return SYS_ERR_RETYPE_OVERLAP;
    slot_init(dest, type, page, pages, (uint8_t)(captype_table[type].rights & ~CAP_RIGHT_D), owner);
    tree_insert(dest);
    slot_set_anchor(dest);
    return ERR_OK;
}

errval_t cap_set_owner(struct cte *anchor, uint8_t owner)
{
    if ((anchor->flags & CTE_ANCHOR) == 0)
        return SYS_ERR_CAP_TYPE;
    struct cte *node = cte_node(anchor);
    if (anchor->type == CAPTYPE_NOTIFY && owner != node->owner)
        return SYS_ERR_CAP_TYPE; /* the core that hears it is in its name */
    check_touch(anchor);
    check_touch(node);
    if (anchor->type == CAPTYPE_IRQDEST && node->owner == core_self && owner != core_self)
        irq_object_destroy(cte_irq(anchor));
    node->owner = owner;
    if (node->type == CAPTYPE_RAM)
        node->aux = 0; /* what is known to be zero: others write to it, or did */
    if (owner == core_self)
        anchor->rights = captype_table[anchor->type].rights;
    else
        anchor->rights &= (uint8_t)~CAP_RIGHT_D;
    return ERR_OK;
}

errval_t cap_hand_over_check(const struct cte *slot)
{
    struct cap_key key = cap_key_of(slot);
    if (slot->type != CAPTYPE_RAM)
        return SYS_ERR_CAP_TYPE;
    if (cap_is_foreign(slot) || (slot->flags & CTE_ANCHOR) != 0)
        return SYS_ERR_REMOTE;
    if (!slot_alone(slot) ||
        tree_overlap(&key, slot->page, slot->page + slot->pages, false) != NULL)
        return SYS_ERR_HAS_DESCENDANTS;
    return ERR_OK;
}

errval_t cap_hand_over(struct cte *slot, uint8_t owner)
{
    errval_t err = cap_hand_over_check(slot);
    if (err_is_fail(err))
        return err;
    slot_set_anchor(slot);
    return cap_set_owner(slot, owner);
}

errval_t cap_take_back(struct cte *slot)
{
    errval_t err = cap_set_owner(slot, core_self);
    if (err_is_ok(err))
        slot_clear_anchor(slot);
    return err;
}

errval_t cap_part(struct cte *anchor, uint64_t off, uint64_t bytes, bool set)
{
    if ((anchor->flags & CTE_ANCHOR) == 0 ||
        (anchor->type != CAPTYPE_FRAME && anchor->type != CAPTYPE_DEVFRAME))
        return SYS_ERR_CAP_TYPE;
    uint64_t have = cte_bytes(anchor);
    if (off % CAP_PAGE_BYTES != 0 || bytes % CAP_PAGE_BYTES != 0 || off > have ||
        bytes > have - off)
        return SYS_ERR_RETYPE_SIZE;
    struct cte *node = cte_node(anchor);
    struct cap_key key = cap_key_of(node);
    uint32_t first = node->page + (uint32_t)(off >> CAP_PAGE_SHIFT);
    uint32_t end = first + (uint32_t)(bytes >> CAP_PAGE_SHIFT);
    if (set && bytes != 0 && tree_overlap(&key, first, end, false) != NULL)
        return SYS_ERR_RETYPE_OVERLAP;
    check_touch(node);
    if (set)
        node->flags |= CTE_PARTED;
    else
        node->flags &= (uint8_t)~CTE_PARTED;
    return ERR_OK;
}
