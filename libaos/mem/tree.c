/* Treaps of ranges (tree_priv.h). What changes below a node is made known to those above it only as
 * far as their `largest` changes: nearly always not far. */
#include "tree_priv.h"

static uint64_t tree_priority(const struct tree_node *n)
{
    uint64_t x = n->key ^ (n->key >> 31);
    x *= 0x9e3779b97f4a7c15ull;
    x ^= x >> 29;
    return x * 0xbf58476d1ce4e5b9ull;
}

/* Returns whether it changed. */
static bool tree_update(struct tree_node *n)
{
    uint64_t before = n->largest;
    uint64_t largest = n->bytes;
    if (n->left != NULL && n->left->largest > largest) {
        largest = n->left->largest;
    }
    if (n->right != NULL && n->right->largest > largest) {
        largest = n->right->largest;
    }
    n->largest = largest;
    return largest != before;
}

/* From `n`, whose subtree was changed, up. */
static void tree_update_from(struct tree_node *n)
{
    while (n != NULL && tree_update(n)) {
        n = n->parent;
    }
}

static void tree_hang(struct tree_node **link, struct tree_node *parent, struct tree_node *child)
{
    *link = child;
    if (child != NULL) {
        child->parent = parent;
    }
}

/* The link to a node. */
static struct tree_node **tree_link(struct tree_node **root, struct tree_node *n)
{
    if (n->parent == NULL) {
        return root;
    }
    return n->parent->left == n ? &n->parent->left : &n->parent->right;
}

/* Exchanges `n` with its parent, which keeps the order. */
static void tree_raise(struct tree_node **root, struct tree_node *n)
{
    struct tree_node *parent = n->parent;
    struct tree_node **link = tree_link(root, parent);
    struct tree_node *above = parent->parent;
    if (parent->left == n) {
        tree_hang(&parent->left, parent, n->right);
        n->right = parent;
    } else {
        tree_hang(&parent->right, parent, n->left);
        n->left = parent;
    }
    parent->parent = n;
    n->parent = above;
    *link = n;
    (void)tree_update(parent);
}

void tree_insert_after(struct tree_node **root, struct tree_node *below, struct tree_node *node)
{
    const uint64_t priority = tree_priority(node);
    struct tree_node *parent = below;
    struct tree_node **link = below == NULL ? root : &below->right;
    while (*link != NULL) {              /* the leftmost place of what is above `below` */
        parent = *link;
        link = &parent->left;
    }
    node->left = NULL;
    node->right = NULL;
    node->parent = parent;
    *link = node;
    while (node->parent != NULL && tree_priority(node->parent) < priority) {
        tree_raise(root, node);
    }
    (void)tree_update(node);
    for (struct tree_node *n = node->parent; n != NULL && n->largest < node->bytes; n = n->parent) {
        n->largest = node->bytes;
    }
}

void tree_insert(struct tree_node **root, struct tree_node *node)
{
    tree_insert_after(root, tree_below(*root, node->key), node);
}

struct tree_node *tree_remove(struct tree_node **root, uint64_t key)
{
    struct tree_node *n = tree_find(*root, key);
    if (n == NULL) {
        return NULL;
    }
    /* Its subtrees grow together; all keys of `low` are below all of `high`. */
    struct tree_node *low = n->left;
    struct tree_node *high = n->right;
    struct tree_node *parent = n->parent;
    struct tree_node **link = tree_link(root, n);
    while (low != NULL && high != NULL) {
        if (tree_priority(low) >= tree_priority(high)) {
            tree_hang(link, parent, low);
            parent = low;
            link = &low->right;
            low = low->right;
        } else {
            tree_hang(link, parent, high);
            parent = high;
            link = &high->left;
            high = high->left;
        }
    }
    tree_hang(link, parent, low != NULL ? low : high);
    for (; parent != n->parent; parent = parent->parent) {
        (void)tree_update(parent);
    }
    tree_update_from(parent);
    n->left = NULL;
    n->right = NULL;
    n->parent = NULL;
    return n;
}

void tree_resize(struct tree_node **root, uint64_t key, uint64_t bytes)
{
    struct tree_node *n = tree_find(*root, key);
    if (n != NULL) {
        n->bytes = bytes;
        tree_update_from(n);
    }
}

struct tree_node *tree_find(struct tree_node *root, uint64_t key)
{
    while (root != NULL && root->key != key) {
        root = key < root->key ? root->left : root->right;
    }
    return root;
}

struct tree_node *tree_below(struct tree_node *root, uint64_t key)
{
    struct tree_node *best = NULL;
    while (root != NULL) {
        if (root->key <= key) {
            best = root;
            root = root->right;
        } else {
            root = root->left;
        }
    }
    return best;
}

struct tree_node *tree_below_near(struct tree_node *near, uint64_t key, uint64_t *ret_end)
{
    struct tree_node *n = near;
    struct tree_node *best;
    uint64_t end = UINT64_MAX;
    if (near->key > key) {
        /* Up to a subtree before which there is something that will do. */
        while (n->parent != NULL && (n->parent->left == n || n->parent->key > key)) {
            n = n->parent;
        }
        best = n->parent;
    } else {
        /* Up to a subtree behind which the keys are too large. What is behind `best` and not too
         * large is to the right of it. */
        for (best = near; n->parent != NULL; n = n->parent) {
            if (n->parent->left == n) {
                if (n->parent->key > key) {
                    end = n->parent->key;
                    break;
                }
                best = n->parent;
            }
        }
        n = best->right;
    }
    while (n != NULL) {
        if (n->key <= key) {
            best = n;
            n = n->right;
        } else {
            end = n->key;
            n = n->left;
        }
    }
    *ret_end = end;
    return best;
}

struct tree_node *tree_above(struct tree_node *root, uint64_t key)
{
    struct tree_node *best = NULL;
    while (root != NULL) {
        if (root->key >= key) {
            best = root;
            root = root->left;
        } else {
            root = root->right;
        }
    }
    return best;
}

static bool tree_holds(const struct tree_node *n, uint64_t bytes, uint64_t align,
                       uint64_t *ret_start)
{
    uint64_t start = aos_round_up(n->key, align);
    if (start < n->key || start - n->key > n->bytes || n->bytes - (start - n->key) < bytes) {
        return false;
    }
    *ret_start = start;
    return true;
}

/* The lowest node of at least `bytes`: one way down, thanks to `largest`. */
static struct tree_node *tree_first_of(struct tree_node *n, uint64_t bytes)
{
    if (n == NULL || n->largest < bytes) {
        return NULL;
    }
    for (;;) {
        if (n->left != NULL && n->left->largest >= bytes) {
            n = n->left;
        } else if (n->bytes >= bytes) {
            return n;
        } else {
            n = n->right;
        }
    }
}

/* Visits the nodes that are large enough until one is aligned well enough, too. */
static struct tree_node *tree_fit_walk(struct tree_node *n, uint64_t bytes, uint64_t align,
                                       uint64_t *ret_start)
{
    if (n == NULL || n->largest < bytes) {
        return NULL;
    }
    struct tree_node *found = tree_fit_walk(n->left, bytes, align, ret_start);
    if (found != NULL) {
        return found;
    }
    if (n->bytes >= bytes && tree_holds(n, bytes, align, ret_start)) {
        return n;
    }
    return tree_fit_walk(n->right, bytes, align, ret_start);
}

struct tree_node *tree_fit(struct tree_node *root, uint64_t bytes, uint64_t align,
                           uint64_t *ret_start)
{
    /* A node with this much room fits wherever it lies; only when there is none, look closely. */
    struct tree_node *n = NULL;
    if (bytes + (align - 1) >= bytes) {
        n = tree_first_of(root, bytes + (align - 1));
    }
    if (n != NULL && tree_holds(n, bytes, align, ret_start)) {
        return n;
    }
    return tree_fit_walk(root, bytes, align, ret_start);
}
