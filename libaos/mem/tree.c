/* Treaps of ranges (tree_priv.h). Split and merge keep the order by key and the heap order by
 * priority; every function that changes a child recomputes `largest` on the way up. */
#include "tree_priv.h"

static uint64_t tree_priority(const struct tree_node *n)
{
    uint64_t x = n->key ^ (n->key >> 31);
    x *= 0x9e3779b97f4a7c15ull;
    x ^= x >> 29;
    return x * 0xbf58476d1ce4e5b9ull;
}

static void tree_update(struct tree_node *n)
{
    uint64_t largest = n->bytes;
    if (n->left != NULL && n->left->largest > largest) {
        largest = n->left->largest;
    }
    if (n->right != NULL && n->right->largest > largest) {
        largest = n->right->largest;
    }
    n->largest = largest;
}

/* Keys below `key` go to ret_low, the others to ret_high. */
static void tree_split(struct tree_node *n, uint64_t key, struct tree_node **ret_low,
                       struct tree_node **ret_high)
{
    if (n == NULL) {
        *ret_low = NULL;
        *ret_high = NULL;
    } else if (n->key < key) {
        struct tree_node *high;
        tree_split(n->right, key, &n->right, &high);
        tree_update(n);
        *ret_low = n;
        *ret_high = high;
    } else {
        struct tree_node *low;
        tree_split(n->left, key, &low, &n->left);
        tree_update(n);
        *ret_low = low;
        *ret_high = n;
    }
}

/* All keys of `low` are below all keys of `high`. */
static struct tree_node *tree_merge(struct tree_node *low, struct tree_node *high)
{
    if (low == NULL || high == NULL) {
        return low != NULL ? low : high;
    }
    if (tree_priority(low) >= tree_priority(high)) {
        low->right = tree_merge(low->right, high);
        tree_update(low);
        return low;
    }
    high->left = tree_merge(low, high->left);
    tree_update(high);
    return high;
}

void tree_insert(struct tree_node **root, struct tree_node *node)
{
    const uint64_t priority = tree_priority(node);
    struct tree_node *n = *root;
    /* Down to the first node that must be below the new one: mostly a leaf's place. */
    while (n != NULL && tree_priority(n) >= priority) {
        n->largest = n->largest < node->bytes ? node->bytes : n->largest;
        root = node->key < n->key ? &n->left : &n->right;
        n = *root;
    }
    tree_split(n, node->key, &node->left, &node->right);
    tree_update(node);
    *root = node;
}

struct tree_node *tree_remove(struct tree_node **root, uint64_t key)
{
    struct tree_node *n = *root;
    if (n == NULL) {
        return NULL;
    }
    if (n->key == key) {
        *root = tree_merge(n->left, n->right);
        n->left = NULL;
        n->right = NULL;
        return n;
    }
    struct tree_node *removed = tree_remove(key < n->key ? &n->left : &n->right, key);
    tree_update(n);
    return removed;
}

void tree_resize(struct tree_node **root, uint64_t key, uint64_t bytes)
{
    struct tree_node *n = *root;
    if (n == NULL) {
        return;
    }
    if (n->key == key) {
        n->bytes = bytes;
    } else {
        tree_resize(key < n->key ? &n->left : &n->right, key, bytes);
    }
    tree_update(n);
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
