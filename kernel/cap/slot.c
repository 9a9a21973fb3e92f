/* Slots: how a capability gets into one, moves and leaves, with its ring and its place in the
 * tree. */
#include <kernel/cap_tree.h>

struct cte *cte_node_search(struct cte *cte)
{
    struct cte *node = cte;
    while (node->level == 0) {
        node = node->next;
        kernel_assert(node != cte);
    }
    return node;
}

void slot_init(struct cte *slot, enum captype type, uint32_t page, uint32_t pages, uint8_t rights,
               uint8_t owner)
{
    *slot = (struct cte){
        .type = (uint8_t)type, .rights = rights, .owner = owner, .page = page, .pages = pages};
    slot->next = slot->prev = slot;
}

/* State of the object that only its node keeps. */
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
    src->next->prev = dest;
    src->next = dest;
}

void slot_move(struct cte *src, struct cte *dest)
{
    *dest = *src;
    if (slot_alone(src)) {
        dest->next = dest->prev = dest;
    } else {
        src->next->prev = dest;
        src->prev->next = dest;
    }
    if (src->level != 0)
        tree_replace(src, dest);
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
    if (slot->level != 0) {
        struct cte *heir = slot->next;
        tree_replace(slot, heir);
        if (slot_has_node_state(slot)) {
            heir->aux = slot->aux;
            heir->count = slot->count;
            heir->flags = (uint8_t)((heir->flags & ~CTE_ATTACHED) | (slot->flags & CTE_ATTACHED));
        }
    }
    slot->next->prev = slot->prev;
    slot->prev->next = slot->next;
    *slot = (struct cte){0};
}

void slot_end(struct cte *slot)
{
    kernel_assert(slot_alone(slot) && slot->level != 0);
    tree_remove(slot);
    *slot = (struct cte){0};
}
