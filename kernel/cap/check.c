/* The checker: proves the invariants of kernel/invariants.h by looking at everything. It trusts the
 * links enough to walk them; anything worse than a violated rule is an assertion. */
#include "check_priv.h"
#include <kernel/cap_remote.h>
#include <kernel/cspace.h>
#include <kernel/kasan.h>
#include <kernel/lmp.h>
#include <kernel/log.h>
#include <kernel/vnode.h>

static const char *const invariant_texts[] = {
#define INVARIANT_TEXT(number, name, text) [number] = text,
    INVARIANTS(INVARIANT_TEXT)
#undef INVARIANT_TEXT
};

void check_that(struct check *check, bool ok, enum invariant invariant, const struct cte *cte)
{
    if (ok)
        return;
    check->found++;
    check->which |= 1ull << invariant;
    if (check->found <= CAP_CHECK_LOG_MAX)
        klog(LOG_ERROR, "invariant %u violated (%s): %s at page 0x%x, %u pages\n",
             (unsigned)invariant, invariant_texts[invariant], captype_name(cte->type), cte->page,
             cte->pages);
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

void check_shape(struct check *check, const struct cte *node)
{
    const struct cte *left = node->left, *right = node->right;
    struct cap_key key = cap_key_of(node);
    uint32_t reach = node->page + node->pages;
    check_that(check, left == NULL || left->parent == node, INVARIANT_SHAPE, node);
    check_that(check, right == NULL || right->parent == node, INVARIANT_SHAPE, node);
    check_that(check, node->parent != NULL || node == tree_root(), INVARIANT_SHAPE, node);
    uint32_t object_reach = node->type == CAPTYPE_MAPPING ? 0 : reach;
    if (left != NULL) {
        struct cap_key other = cap_key_of(left);
        check_that(check, cap_key_before(&other, &key), INVARIANT_ORDER, node);
        check_that(check, left->level + 1 == node->level, INVARIANT_SHAPE, node);
        reach = larger(reach, left->reach);
        object_reach = larger(object_reach, left->object_reach);
    }
    if (right != NULL) {
        struct cap_key other = cap_key_of(right);
        check_that(check, cap_key_before(&key, &other), INVARIANT_ORDER, node);
        check_that(check, right->level == node->level || right->level + 1 == node->level,
                   INVARIANT_SHAPE, node);
        check_that(check, right->right == NULL || right->right->level < node->level,
                   INVARIANT_SHAPE, node);
        reach = larger(reach, right->reach);
        object_reach = larger(object_reach, right->object_reach);
    }
    check_that(check, node->level == 1 || (left != NULL && right != NULL), INVARIANT_SHAPE, node);
    check_that(check, reach == node->reach && object_reach == node->object_reach, INVARIANT_REACH,
               node);
}

/* A dying slot cannot be hurt by the end of another object. */
static bool grave_is_own(const struct cte *cte)
{
    uintptr_t start = (uintptr_t)phys_to_virt(cte_base(cte));
    return (uintptr_t)cte - start < cte_bytes(cte);
}

static bool home_in_channel(const struct cte *end, const struct cte *slot)
{
    uint64_t base = cte_base(end);
    for (unsigned side = 0; side < 2; side++) {
        for (unsigned i = 0; i < channel_slot_count(base); i++) {
            if (channel_slot(base, side, i) == slot)
                return true;
        }
    }
    return false;
}

/* Whether a slot is where slots are. */
static bool home_is_known(const struct cte *slot)
{
    if (!memory_is_linear(slot))
        return true;
    uint64_t pa = virt_to_phys(slot);
    uint32_t page = (uint32_t)(pa >> CAP_PAGE_SHIFT);
    const struct cte *holder = tree_last_from(page);
    if (holder != NULL && holder->type == CAPTYPE_MAPPING)
        holder = tree_at(CAPTYPE_VNODEL0, page, 1); /* of a table */
    if (holder == NULL || page < holder->page || page - holder->page >= holder->pages)
        return false;
    if (holder->type == CAPTYPE_L1CNODE || holder->type == CAPTYPE_L2CNODE)
        return (pa - cte_base(holder)) % KPI_SLOT_BYTES == 0;
    if (holder->type == CAPTYPE_ENDPOINT)
        return home_in_channel(holder, slot);
    if (holder->type == CAPTYPE_DISPATCHER) {
        const struct dispatcher *d = dispatcher_of(holder);
        return slot == &d->cspace || slot == &d->vspace;
    }
    return vnode_is(cte_type(holder)) && slot == holder && pa == cte_base(holder);
}

static void check_loan(struct check *check, const struct cte *copy)
{
    unsigned before = copy->level != 0 ? 0 : cte_loan(copy->prev) + 1;
    check_that(check, cte_loan(copy) <= before && cte_loan(copy) <= CAP_LOAN_MAX, INVARIANT_LOANS,
               copy);
    if (cte_loan(copy) == 0)
        return;
    check_that(check, (copy->rights & CAP_RIGHT_D) == 0, INVARIANT_LOANS, copy);
    const struct cte *mapping = copy->left;
    check_that(check,
               mapping == NULL || (mapping->type == CAPTYPE_MAPPING && mapping->next == copy &&
                                   mapping->page >= copy->page &&
                                   mapping->page + mapping->pages <= copy->page + copy->pages),
               INVARIANT_LOAN_MAPPING, copy);
}

void check_copy(struct check *check, const struct cte *copy, const struct cte *node)
{
    struct cap_key key = cap_key_of(node), other = cap_key_of(copy);
    check_that(check, !cap_key_before(&key, &other) && !cap_key_before(&other, &key),
               INVARIANT_COPIES, copy);
    check_that(check, slot_alone(copy) || copy->next == NULL || copy->next->prev == copy,
               INVARIANT_COPIES, copy);
    check_that(check, copy == node || copy->prev->next == copy, INVARIANT_COPIES, copy);
    check_that(check, (copy->level != 0) == (copy == node), INVARIANT_COPIES, copy);
    check_that(check, (copy->rights & ~captype_table[node->type].rights) == 0, INVARIANT_RIGHTS,
               copy);
    check_that(check, (copy->flags & CTE_DYING) == 0 || grave_is_own(copy), INVARIANT_GRAVE, copy);
    check_that(check, home_is_known(copy), INVARIANT_HOME, copy);
    check_loan(check, copy);
}

static void check_copies(struct check *check, const struct cte *node)
{
    const struct cte *copy = node;
    unsigned anchors = 0;
    do {
        check_copy(check, copy, node);
        anchors += (copy->flags & CTE_ANCHOR) != 0;
        check->dying += (copy->flags & CTE_DYING) != 0;
        check->copies_of[node->type] += copy != node;
        copy = slot_alone(copy) ? NULL : copy->next;
    } while (copy != NULL);
    check_that(check, anchors == ((node->flags & CTE_KNOWN) != 0), INVARIANT_ANCHOR, node);
    check->anchors += anchors;
}

void check_slot(struct check *check, struct cte *slot, const struct cte *holder)
{
    if (slot->type == CAPTYPE_NULL)
        return;
    bool known = slot->type < CAPTYPE_COUNT;
    check_that(check, known, INVARIANT_SLOT, holder);
    if (known) {
        struct cap_key key = cap_key_of(slot);
        check_that(check, tree_find(&key) == cte_node(slot), INVARIANT_SLOT, slot);
        check_that(check, slot->level != 0 || slot->prev->next == slot, INVARIANT_SLOT, slot);
    }
}

static void check_cnode(struct check *check, const struct cte *cnode)
{
    struct cte *slots = cnode_slots(cnode);
    for (uint32_t i = 0; i < cnode_slot_count(cnode); i++) {
        check_slot(check, &slots[i], cnode);
        check_that(check, (slots[i].flags & CTE_EMBEDDED) == 0, INVARIANT_SLOT, cnode);
    }
}

/* User space never has this memory, but the kernel that checks accesses counts it as its own. */
static KASAN_RAW bool memory_is_zero(const uint64_t *words, uint64_t bytes)
{
    uint64_t all = 0;
    for (uint64_t i = 0; i < bytes / sizeof(*words); i++)
        all |= words[i];
    return all == 0;
}

static void check_cleared(struct check *check, const struct cte *ram)
{
    uint32_t first = (uint32_t)(ram->aux >> 32), end = (uint32_t)ram->aux;
    if (first == end)
        return;
    bool inside = first >= ram->page && first < end && end <= ram->page + ram->pages;
    check_that(check, inside, INVARIANT_CLEARED, ram);
    if (inside)
        check_that(check, memory_is_zero(phys_to_virt((uint64_t)first << CAP_PAGE_SHIFT),
                                         (uint64_t)(end - first) << CAP_PAGE_SHIFT),
                   INVARIANT_CLEARED, ram);
}

void check_object(struct check *check, struct cte *node)
{
    struct cap_key key = cap_key_of(node);
    uint32_t end = node->page + node->pages;
    check_that(check, node->owner == core_self || (node->flags & CTE_KNOWN) != 0,
               INVARIANT_FOREIGN, node);
    bool single = node->type == CAPTYPE_MAPPING || node->type == CAPTYPE_ENDPOINT ||
                  (vnode_is(cte_type(node)) && node->type != CAPTYPE_VNODEL0);
    check_that(check, !single || slot_alone(node), INVARIANT_COPIES, node);
    if (node->type == CAPTYPE_MAPPING)
        check_that(check, tree_overlap(&key, node->page, end, true) == NULL, INVARIANT_NESTING,
                   node);
    else
        check_that(check, tree_overlap(&key, end, end, false) == NULL, INVARIANT_NESTING, node);
    if ((node->type == CAPTYPE_FRAME || node->type == CAPTYPE_DEVFRAME) &&
        (node->flags & CTE_PARTED) == 0)
        check_that(check, tree_overlap(&key, node->page, end, true) == NULL, INVARIANT_PARTED,
                   node);
    if (node->type == CAPTYPE_RAM) {
        check_cleared(check, node);
    } else if (vnode_is(cte_type(node))) {
        mem_check_table(check, node);
    } else if (node->type == CAPTYPE_MAPPING) {
        check_that(check, node->next == NULL || node->next->left == node, INVARIANT_LOAN_MAPPING,
                   node);
        mem_check_mapping(check, node);
    } else if (node->type == CAPTYPE_ENDPOINT) {
        ipc_check_end_object(check, node);
    } else if (node->type == CAPTYPE_DISPATCHER) {
        ipc_check_dispatcher(check, node);
    } else if (node->type == CAPTYPE_NOTIFY) {
        ipc_check_notify(check, node);
    }
}

static void check_node(struct check *check, struct cte *node)
{
    check->nodes++;
    check->objects_of[node->type]++;
    check_shape(check, node);
    check_copies(check, node);
    check_object(check, node);
    if (node->type == CAPTYPE_L1CNODE || node->type == CAPTYPE_L2CNODE)
        check_cnode(check, node);
}

/* What only the whole shows. */
static void check_sums(struct check *check)
{
    const struct cte *any = tree_root();
    uint64_t dying = 0;
    if (any == NULL)
        return;
    check_that(check, check->nodes == tree_count(), INVARIANT_ORDER, any);
    for (const struct cte *cte = cap_dying(); cte != NULL; dying++) {
        bool right = (cte->flags & CTE_DYING) != 0 && dying < check->dying;
        check_that(check, right, INVARIANT_DYING, cte);
        cte = right ? dying_next(cte) : NULL;
    }
    check_that(check, dying == check->dying, INVARIANT_DYING, any);
    check_that(check, check->anchors == cap_anchor_count(), INVARIANT_ANCHOR, any);
    for (unsigned type = 0; type < CAPTYPE_COUNT; type++) {
        check_that(check, check->objects_of[type] == tree_count_type((enum captype)type),
                   INVARIANT_COUNTS, any);
        check_that(check, check->copies_of[type] == slot_count_copies((enum captype)type),
                   INVARIANT_COUNTS, any);
    }
    mem_check_end(check);
    ipc_check_end(check);
}

void check_everything(struct check *check)
{
    struct cap_key key = {0};
    *check = (struct check){.all = true};
    mem_check_begin();
    for (;;) {
        struct cte *node = tree_after(&key);
        if (node == NULL)
            break;
        struct cap_key next = cap_key_of(node);
        if (!cap_key_before(&key, &next)) {
            check_that(check, false, INVARIANT_ORDER, node);
            break;
        }
        check_node(check, node);
        key = next;
    }
    check_sums(check);
}

uint64_t cap_check_all(uint64_t *ret_nodes)
{
    struct check check;
    check_everything(&check);
    *ret_nodes = check.nodes;
    return check.found;
}
