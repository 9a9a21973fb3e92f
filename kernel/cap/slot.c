/* Slots: how a capability gets into one, moves and leaves, with its copies and its place in the
 * tree. */
#include <kernel/cap_remote.h>
#include <kernel/check.h>
#include <kernel/kasan.h>

/* Copies looked at before the tree is asked. */
#define NODE_SEARCH_MAX 16u

struct cte *cte_node_search(struct cte *cte)
{
    struct cte *copy = cte;
    for (unsigned i = 0; i < NODE_SEARCH_MAX; i++) {
        if (copy->level != 0)
            return copy;
        copy = copy->prev;
    }
    struct cap_key key = cap_key_of(cte);
    struct cte *node = tree_find(&key);
    kernel_assert(node != NULL);
    return node;
}

/* Capabilities besides the nodes, by type. Owner: this file. */
static uint64_t copy_counts[CAPTYPE_COUNT];

uint64_t slot_count_copies(enum captype type)
{
    return copy_counts[type];
}

/* Anchors (kernel/cap_remote.h), and whether something ended while there were any. Owner: this
 * file. */
static uint64_t anchor_count;
static bool anchors_look;

uint64_t cap_anchor_count(void)
{
    return anchor_count;
}

bool cap_remote_ended(void)
{
    bool ended = anchors_look;
    anchors_look = false;
    return ended;
}

void slot_note_ended(void)
{
    anchors_look |= anchor_count != 0;
}

void slot_set_anchor(struct cte *slot)
{
    struct cte *node = cte_node(slot);
    kernel_assert((node->flags & CTE_KNOWN) == 0);
    check_touch(slot);
    check_touch(node);
    slot->flags |= CTE_ANCHOR;
    node->flags |= CTE_KNOWN;
    anchor_count++;
}

void slot_clear_anchor(struct cte *slot)
{
    slot->flags &= (uint8_t)~CTE_ANCHOR;
    cte_node(slot)->flags &= (uint8_t)~CTE_KNOWN;
    anchor_count--;
}

#define NODE_FLAGS (CTE_ATTACHED | CTE_PARTED | CTE_KNOWN)

/* State of the object that only its node keeps, beside those flags. */
static bool slot_has_node_state(const struct cte *slot)
{
    return slot->type == CAPTYPE_RAM || slot->type == CAPTYPE_NOTIFY ||
           (slot->type >= CAPTYPE_VNODEL0 && slot->type <= CAPTYPE_VNODEL3);
}

/* `heir`, a copy that is no loan, is the node instead of `node`. */
static void slot_hand_node_on(struct cte *node, struct cte *heir)
{
    tree_replace(node, heir);
    heir->owner = node->owner;
    if (slot_has_node_state(node)) {
        heir->aux = node->aux;
        heir->count = node->count;
    }
    heir->flags = (uint8_t)((heir->flags & ~NODE_FLAGS) | (node->flags & NODE_FLAGS));
}

static void slot_put_after(struct cte *src, struct cte *dest)
{
    check_touch(dest);
    dest->prev = src;
    dest->next = src->next;
    if (src->next != NULL)
        src->next->prev = dest;
    src->next = dest;
}

static void slot_put_before(struct cte *src, struct cte *dest)
{
    check_touch(dest);
    if (src->level != 0) {
        slot_hand_node_on(src, dest);
        src->flags &= (uint8_t)~NODE_FLAGS;
        src->left = NULL;
    } else {
        dest->prev = src->prev;
        dest->prev->next = dest;
    }
    dest->next = src;
    src->prev = dest;
}

void slot_copy(struct cte *src, struct cte *dest)
{
    bool lent = slot_has_loans(src);
    slot_init(dest, cte_type(src), src->page, src->pages, src->rights, src->owner);
    dest->detail = src->detail;
    copy_counts[src->type]++;
    if (lent)
        slot_put_before(src, dest); /* the loans stay behind the one that they are of */
    else
        slot_put_after(src, dest);
}

void slot_lend(struct cte *src, struct cte *dest)
{
    slot_init(dest, cte_type(src), src->page, src->pages, src->rights & (uint8_t)~CAP_RIGHT_D,
              src->owner);
    dest->detail = (uint8_t)(cte_loan(src) + 1);
    copy_counts[src->type]++;
    slot_put_after(src, dest);
}

void slot_unlend(struct cte *loan, struct cte *slot)
{
    kernel_assert(loan->level == 0 && !slot_has_loans(loan) && slot_loan_mapping(loan) == NULL);
    loan->prev->next = loan->next;
    if (loan->next != NULL)
        loan->next->prev = loan->prev;
    loan->detail = slot->detail;
    slot_put_before(slot, loan);
}

void slot_link_mapping(struct cte *loan, struct cte *mapping)
{
    kernel_assert(cte_loan(loan) != 0 && loan->level == 0 && loan->left == NULL);
    check_touch(loan);
    loan->left = mapping;
    mapping->next = loan;
}

void slot_move(struct cte *src, struct cte *dest)
{
    *dest = *src;
    if (src->type == CAPTYPE_MAPPING) {
        if (src->next != NULL)
            src->next->left = dest;
    } else if (src->next != NULL) {
        src->next->prev = dest;
    }
    if (slot_loan_mapping(src) != NULL)
        src->left->next = dest;
    if (src->level != 0)
        tree_replace(src, dest);
    else
        src->prev->next = dest;
    check_touch(dest);
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
    kernel_assert(!slot_alone(slot) && !slot_has_loans(slot) && slot_loan_mapping(slot) == NULL);
    struct cte *next = slot->next;
    if ((slot->flags & CTE_ANCHOR) != 0)
        slot_clear_anchor(slot);
    slot_note_ended();
    copy_counts[slot->type]--;
    check_touch(slot->level != 0 ? next : slot->prev);
    if (slot->level != 0) {
        slot_hand_node_on(slot, next);
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
    if ((slot->flags & CTE_ANCHOR) != 0)
        slot_clear_anchor(slot);
    slot_note_ended();
    if (slot->next != NULL)
        slot->next->left = NULL; /* a Mapping and the loan it was made with */
    tree_remove(slot);
    struct cte gone = *slot;
    *slot = (struct cte){0};
    kasan_object_gone(&gone); /* `slot` may lie in it */
}
