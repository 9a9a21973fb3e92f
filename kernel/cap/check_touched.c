/* Built with -Dkernel_check=invocation, and into the kernel `checked`: what an entry into the
 * kernel has touched is checked before it returns. */
#include "check_priv.h"
#include <kernel/kasan.h>
#include <kernel/vnode.h>

/* More than an entry touches, as its work is bounded; beyond that all is checked. */
#define TOUCHED_MAX 1024u

static struct {
    const struct cte *slots[TOUCHED_MAX];
    unsigned count;
    unsigned entries; /* since all was checked */
} touched;            /* owner: this file */

void check_touch(const struct cte *slot)
{
    if (slot != NULL && touched.count < TOUCHED_MAX)
        touched.slots[touched.count++] = slot;
}

/* Up to the root: what a node says of its subtree. */
static void check_path(struct check *check, const struct cte *node)
{
    if (node->left != NULL)
        check_shape(check, node->left);
    if (node->right != NULL)
        check_shape(check, node->right);
    for (; node != NULL; node = node->parent)
        check_shape(check, node);
}

/* The slot may lie in an object that ended in the same entry: it is empty, then, and nobody has
 * used its memory for anything else yet. */
static KASAN_RAW __attribute__((noipa)) unsigned check_type(const struct cte *slot)
{
    return slot->type;
}

static void check_around(struct check *check, struct cte *slot)
{
    unsigned type = check_type(slot);
    if (type == CAPTYPE_NULL || type >= CAPTYPE_COUNT)
        return;
    struct cap_key key = cap_key_of(slot);
    struct cte *node = tree_find(&key);
    check_that(check, node != NULL && node == cte_node(slot), INVARIANT_SLOT, slot);
    if (node == NULL)
        return;
    check_copy(check, slot, node);
    if (!slot_alone(slot) && slot->next != NULL)
        check_copy(check, slot->next, node);
    check_path(check, node);
    check_object(check, node);
}

static void check_all_or_panic(void)
{
    struct check check;
    check_everything(&check);
    if (check.found != 0)
        panic("the capability database is damaged");
    touched.entries = 0;
}

void check_touched(void)
{
    if (touched.count == 0)
        return;
    if (touched.count == TOUCHED_MAX || ++touched.entries >= CHECK_ALL_EVERY) {
        check_all_or_panic();
    } else {
        struct check check = {0};
        for (unsigned i = 0; i < touched.count; i++)
            check_around(&check, (struct cte *)(uintptr_t)touched.slots[i]);
        if (check.found != 0)
            panic("the capability database is damaged");
    }
    touched.count = 0;
}
