/* See regions.h. */
#include "regions.h"

#include <string.h>

static uint8_t regions_height(const struct memory_region *r)
{
    return r == NULL ? 0 : r->height;
}

/* Pages of `r` from the first address on that is aligned to `class`. */
static uint32_t regions_own_room(const struct memory_region *r, uint32_t class)
{
    uint64_t pad = (0 - r->base) & (regions_align(class) - 1);

    return r->state == MEMORY_FREE && pad < r->bytes ? (uint32_t)((r->bytes - pad) / MEMORY_PAGE)
                                                     : 0;
}

/* Computes height and room from the children. True: something changed. */
static bool regions_pull(struct memory_region *r)
{
    uint8_t left = regions_height(r->left), right = regions_height(r->right);
    uint8_t height = (uint8_t)((left > right ? left : right) + 1);
    bool changed = height != r->height;

    r->height = height;
    for (uint32_t class = 0; class < MEMORY_CLASSES; class++) {
        uint32_t room = regions_own_room(r, class);

        if (r->left != NULL && r->left->room[class] > room) {
            room = r->left->room[class];
        }
        if (r->right != NULL && r->right->room[class] > room) {
            room = r->right->room[class];
        }
        changed |= room != r->room[class];
        r->room[class] = room;
    }
    return changed;
}

/* Where the pointer to `r` stands. */
static struct memory_region **regions_link(struct memory_region **root, struct memory_region *r)
{
    if (r->up == NULL) {
        return root;
    }
    return r->up->left == r ? &r->up->left : &r->up->right;
}

/* Puts `by`, which may be NULL, in the place of `r`. */
static void regions_replace(struct memory_region **root, struct memory_region *r,
                            struct memory_region *by)
{
    *regions_link(root, r) = by;
    if (by != NULL) {
        by->up = r->up;
    }
}

/* Turns the child of `r` on the side that is too high into its parent; returns that. */
static struct memory_region *regions_rotate(struct memory_region **root, struct memory_region *r,
                                            bool left_up)
{
    struct memory_region *child = left_up ? r->left : r->right;
    struct memory_region *moved = left_up ? child->right : child->left;

    regions_replace(root, r, child);
    if (left_up) {
        r->left = moved;
        child->right = r;
    } else {
        r->right = moved;
        child->left = r;
    }
    if (moved != NULL) {
        moved->up = r;
    }
    r->up = child;
    (void)regions_pull(r);
    (void)regions_pull(child);
    return child;
}

/* Returns what is in the place of `r` then. */
static struct memory_region *regions_balance(struct memory_region **root, struct memory_region *r)
{
    int lean = regions_height(r->left) - regions_height(r->right);

    if (lean > 1) {
        if (regions_height(r->left->left) < regions_height(r->left->right)) {
            (void)regions_rotate(root, r->left, /* left_up= */ false);
        }
        return regions_rotate(root, r, /* left_up= */ true);
    }
    if (lean < -1) {
        if (regions_height(r->right->right) < regions_height(r->right->left)) {
            (void)regions_rotate(root, r->right, /* left_up= */ true);
        }
        return regions_rotate(root, r, /* left_up= */ false);
    }
    return r;
}

/* From `r`, a child of which changed, up to where nothing does any more. */
static void regions_repair(struct memory_region **root, struct memory_region *r)
{
    bool changed = true;

    while (r != NULL && changed) {
        struct memory_region *top;

        changed = regions_pull(r);
        top = regions_balance(root, r);
        changed |= top != r;
        r = top->up;
    }
}

void regions_insert(struct memory_region **root, struct memory_region *r)
{
    struct memory_region **link = root, *up = NULL;

    while (*link != NULL) {
        up = *link;
        link = r->base < up->base ? &up->left : &up->right;
    }
    r->left = NULL;
    r->right = NULL;
    r->up = up;
    *link = r;
    (void)regions_pull(r);
    regions_repair(root, up);
}

void regions_remove(struct memory_region **root, struct memory_region *r)
{
    struct memory_region *from = r->up;

    if (r->left == NULL || r->right == NULL) {
        regions_replace(root, r, r->left != NULL ? r->left : r->right);
    } else {
        struct memory_region *next = r->right;

        while (next->left != NULL) {
            next = next->left;
        }
        from = next->up == r ? next : next->up;
        regions_replace(root, next, next->right);
        next->left = r->left;
        next->left->up = next;
        next->right = r->right;
        if (next->right != NULL) {
            next->right->up = next;
        }
        regions_replace(root, r, next);
        /* What stands above knows it by what `r` was. */
        next->height = r->height;
        memcpy(next->room, r->room, sizeof(next->room));
    }
    regions_repair(root, from);
}

void regions_refresh(struct memory_region *r)
{
    while (r != NULL && regions_pull(r)) {
        r = r->up;
    }
}

struct memory_region *regions_at(struct memory_region *root, uint64_t address)
{
    while (root != NULL && (address < root->base || address - root->base >= root->bytes)) {
        root = address < root->base ? root->left : root->right;
    }
    return root;
}

struct memory_region *regions_lowest(struct memory_region *root, uint64_t pages, uint32_t class)
{
    if (root == NULL || root->room[class] < pages) {
        return NULL;
    }
    for (;;) {
        if (root->left != NULL && root->left->room[class] >= pages) {
            root = root->left;
        } else if (regions_own_room(root, class) >= pages) {
            return root;
        } else {
            root = root->right;
        }
    }
}

struct memory_region *regions_highest(struct memory_region *root, uint64_t pages, uint32_t class)
{
    if (root == NULL || root->room[class] < pages) {
        return NULL;
    }
    for (;;) {
        if (root->right != NULL && root->right->room[class] >= pages) {
            root = root->right;
        } else if (regions_own_room(root, class) >= pages) {
            return root;
        } else {
            root = root->left;
        }
    }
}

/* One node; its children are checked on their own. */
static const char *regions_check_node(const struct memory_region *r)
{
    struct memory_region copy = *r;
    int lean = regions_height(r->left) - regions_height(r->right);

    if (lean > 1 || lean < -1) {
        return "the tree of regions is out of balance";
    }
    if ((r->left != NULL && (r->left->up != r || r->left->base + r->left->bytes > r->base))
        || (r->right != NULL && (r->right->up != r || r->right->base < r->base + r->bytes))) {
        return "the tree of regions is damaged";
    }
    return regions_pull(&copy) ? "a region does not know what room its subtree has" : NULL;
}

const char *regions_check(const struct memory_region *root)
{
    const struct memory_region *r = root;

    while (r != NULL && r->left != NULL) {
        r = r->left;
    }
    while (r != NULL) { /* in ascending order */
        const char *wrong = regions_check_node(r);

        if (wrong != NULL) {
            return wrong;
        }
        if (r->right != NULL) {
            for (r = r->right; r->left != NULL;) {
                r = r->left;
            }
        } else {
            while (r->up != NULL && r->up->right == r) {
                r = r->up;
            }
            r = r->up;
        }
    }
    return NULL;
}
