/* Slots: how a capability gets into one, moves and leaves, with its copies and its place in the
 * tree. */
#include <kernel/cap_tree.h>

struct cte *cte_node_search(struct cte *cte)
{
    while (cte->level == 0)
        cte = cte->prev;
    return cte;
}

#define NODE_FLAGS (CTE_ATTACHED | CTE_PARTED)

/* State of the object that only its node keeps, beside those flags. */
static bool slot_has_node_state(const struct cte *slot)
{
    return slot->type == CAPTYPE_RAM ||
           (slot->type >= CAPTYPE_VNODEL0 && slot->type <= CAPTYPE_VNODEL3);
}

void slot_copy(struct cte *src, struct cte *dest)
{
    slot_init(dest, cte_type(src), src->page, src->pages, src->rights, src->owner);
    dest->detail = src->detail;
    dest->prev = src;
    dest->next = src->next;
    if (src->next != NULL)
        src->next->prev = dest;
    src->next = dest;
}

void slot_move(struct cte *src, struct cte *dest)
{
    *dest = *src;
    if (src->next != NULL)
        src->next->prev = dest;
    if (src->level != 0)
        tree_replace(src, dest);
    else
        src->prev->next = dest;
    *src = (struct cte){0};
}

void slot_swap(struct cte *a, struct cte *b)
{
    struct cte temp;
    slot_move(a, &temp);
    slot_move(b, a);
    slot_move(&temp, b);
}

void slot_drop(struct cte *slot)
{
    kernel_assert(!slot_alone(slot));
    struct cte *next = slot->next;
    if (slot->level != 0) {
        tree_replace(slot, next);
        if (slot_has_node_state(slot)) {
            next->aux = slot->aux;
            next->count = slot->count;
        }
        next->flags = (uint8_t)((next->flags & ~NODE_FLAGS) | (slot->flags & NODE_FLAGS));
    } else {
        slot->prev->next = next;
        if (next != NULL)
            next->prev = slot->prev;
    }
    *slot = (struct cte){0};
}

void slot_end(struct cte *slot)
{
    kernel_assert(slot_alone(slot) && slot->level != 0);
    tree_remove(slot);
    *slot = (struct cte){0};
}
