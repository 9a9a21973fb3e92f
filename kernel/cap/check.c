/* The checker of the capability database: proves the invariants of README.md, numbered as there,
 * by looking at everything. It trusts the links enough to walk them; anything worse than a
 * violated rule is an assertion. */
#include <kernel/cap_tree.h>
#include <kernel/cspace.h>
#include <kernel/log.h>
#include <kernel/vnode.h>

struct check {
    uint64_t found;
    uint64_t nodes;
};

static void check_that(struct check *check, bool ok, unsigned invariant, const struct cte *cte)
{
    if (ok)
        return;
    check->found++;
    if (check->found <= CAP_CHECK_LOG_MAX)
        klog(LOG_ERROR, "capability invariant %u violated: %s at page 0x%x, %u pages\n", invariant,
             captype_name(cte->type), cte->page, cte->pages);
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Invariants 1 to 3: the shape of the tree. */
static void check_shape(struct check *check, const struct cte *node)
{
    const struct cte *left = node->left, *right = node->right;
    struct cap_key key = cap_key_of(node);
    uint32_t reach = node->page + node->pages;
    check_that(check, left == NULL || left->parent == node, 2, node);
    check_that(check, right == NULL || right->parent == node, 2, node);
    check_that(check, node->parent != NULL || node == tree_root(), 2, node);
    uint32_t object_reach = node->type == CAPTYPE_MAPPING ? 0 : reach;
    if (left != NULL) {
        struct cap_key other = cap_key_of(left);
        check_that(check, cap_key_before(&other, &key), 1, node);
        check_that(check, left->level + 1 == node->level, 2, node);
        reach = larger(reach, left->reach);
        object_reach = larger(object_reach, left->object_reach);
    }
    if (right != NULL) {
        struct cap_key other = cap_key_of(right);
        check_that(check, cap_key_before(&key, &other), 1, node);
        check_that(check, right->level == node->level || right->level + 1 == node->level, 2, node);
        check_that(check, right->right == NULL || right->right->level < node->level, 2, node);
        reach = larger(reach, right->reach);
        object_reach = larger(object_reach, right->object_reach);
    }
    check_that(check, node->level == 1 || (left != NULL && right != NULL), 2, node);
    check_that(check, reach == node->reach && object_reach == node->object_reach, 3, node);
}

/* Invariant 9: a dying slot cannot be hurt by the end of another object. */
static bool grave_is_own(const struct cte *cte)
{
    uintptr_t start = (uintptr_t)phys_to_virt(cte_base(cte));
    return (uintptr_t)cte - start < cte_bytes(cte);
}

/* Invariants 12 and 13: a loan stands behind what it is of, and knows its Mapping. */
static void check_loan(struct check *check, const struct cte *copy)
{
    unsigned before = copy->level != 0 ? 0 : cte_loan(copy->prev) + 1;
    check_that(check, cte_loan(copy) <= before && cte_loan(copy) <= CAP_LOAN_MAX, 12, copy);
    if (cte_loan(copy) == 0)
        return;
    check_that(check, (copy->rights & CAP_RIGHT_D) == 0, 12, copy);
    const struct cte *mapping = copy->left;
    check_that(check,
               mapping == NULL || (mapping->type == CAPTYPE_MAPPING && mapping->next == copy &&
                                   mapping->page >= copy->page &&
                                   mapping->page + mapping->pages <= copy->page + copy->pages),
               13, copy);
}

/* Invariants 4, 6, 9, and 12 and 13: copies. */
static void check_copies(struct check *check, const struct cte *node)
{
    struct cap_key key = cap_key_of(node);
    const struct cte *copy = node;
    if (node->type == CAPTYPE_MAPPING)
        check_that(check, node->next == NULL || node->next->left == node, 13, node);
    do {
        struct cap_key other = cap_key_of(copy);
        check_that(check, !cap_key_before(&key, &other) && !cap_key_before(&other, &key), 4, copy);
        check_that(check, slot_alone(copy) || copy->next == NULL || copy->next->prev == copy, 4,
                   copy);
        check_that(check, (copy->level != 0) == (copy == node), 4, copy);
        check_that(check, copy->owner == node->owner, 4, copy);
        check_that(check, (copy->rights & ~captype_table[node->type].rights) == 0, 6, copy);
        check_that(check, (copy->flags & CTE_DYING) == 0 || grave_is_own(copy), 9, copy);
        check_loan(check, copy);
        copy = slot_alone(copy) ? NULL : copy->next;
    } while (copy != NULL);
    bool single = node->type == CAPTYPE_MAPPING || node->type == CAPTYPE_ENDPOINT ||
                  (vnode_is(cte_type(node)) && node->type != CAPTYPE_VNODEL0);
    check_that(check, !single || slot_alone(node), 4, node);
}

/* Invariants 5 and 11: what comes after an object and starts in it ends in it; no object starts in
 * a Mapping, or in a frame of which that is not marked. */
static void check_nesting(struct check *check, const struct cte *node)
{
    struct cap_key key = cap_key_of(node);
    uint32_t end = node->page + node->pages;
    if (node->type == CAPTYPE_MAPPING)
        check_that(check, tree_overlap(&key, node->page, end, true) == NULL, 5, node);
    else
        check_that(check, tree_overlap(&key, end, end, false) == NULL, 5, node);
    if ((node->type == CAPTYPE_FRAME || node->type == CAPTYPE_DEVFRAME) &&
        (node->flags & CTE_PARTED) == 0)
        check_that(check, tree_overlap(&key, node->page, end, true) == NULL, 11, node);
}

/* Invariant 10: every slot of a CNode is empty or in a list whose node is in the tree. */
static void check_slots(struct check *check, const struct cte *cnode)
{
    struct cte *slots = cnode_slots(cnode);
    for (uint32_t i = 0; i < cnode_slot_count(cnode); i++) {
        struct cte *slot = &slots[i];
        if (slot->type == CAPTYPE_NULL)
            continue;
        bool known = slot->type < CAPTYPE_COUNT;
        check_that(check, known, 10, cnode);
        if (!known)
            continue;
        struct cap_key key = cap_key_of(slot);
        check_that(check, tree_find(&key) == cte_node(slot), 10, slot);
        check_that(check, (slot->flags & CTE_EMBEDDED) == 0, 10, slot);
    }
}

static void check_node(struct check *check, struct cte *node)
{
    check->nodes++;
    check_shape(check, node);
    check_copies(check, node);
    check_nesting(check, node);
    if (node->type == CAPTYPE_L1CNODE || node->type == CAPTYPE_L2CNODE) {
        check_slots(check, node);
    } else if (vnode_is(cte_type(node))) {
        uint64_t found = vnode_check(node);
        for (uint64_t i = 0; i < found; i++)
            check_that(check, false, 7, node);
    } else if (node->type == CAPTYPE_MAPPING) {
        check_that(check, mapping_check(node), 8, node);
    }
}

uint64_t cap_check_all(uint64_t *ret_nodes)
{
    struct check check = {0};
    struct cap_key key = {0};
    for (;;) {
        struct cte *node = tree_after(&key);
        if (node == NULL)
            break;
        struct cap_key next = cap_key_of(node);
        if (!cap_key_before(&key, &next)) {
            check_that(&check, false, 1, node);
            break;
        }
        check_node(&check, node);
        key = next;
    }
    if (tree_root() != NULL)
        check_that(&check, check.nodes == tree_count(), 1, tree_root());
    *ret_nodes = check.nodes;
    return check.found;
}
