/* Sets of free ranges (ranges_priv.h). */
#include "ranges_priv.h"

/* Cuts [start, start + bytes) out of node n, which holds it. */
static bool ranges_cut(struct tree_node **root, struct slab *nodes, struct tree_node *n,
                       uint64_t start, uint64_t bytes)
{
    uint64_t before = start - n->key;
    uint64_t after = n->bytes - before - bytes;
    struct tree_node *rest = NULL;
    if (after != 0 && before != 0) {
        rest = slab_alloc(nodes);
        if (rest == NULL) {
            return false;
        }
    }
    if (before != 0) {
        tree_resize(root, n->key, before);
    } else {
        tree_remove(root, n->key);
        if (after != 0) {
            rest = n;
        } else {
            slab_free(nodes, n);
        }
    }
    if (rest != NULL) {
        rest->key = start + bytes;
        rest->bytes = after;
        tree_insert(root, rest);
    }
    return true;
}

bool ranges_take(struct tree_node **root, struct slab *nodes, uint64_t bytes, uint64_t align,
                 uint64_t *ret_start)
{
    uint64_t start;
    struct tree_node *n = tree_fit(*root, bytes, align, &start);
    if (n == NULL || !ranges_cut(root, nodes, n, start, bytes)) {
        return false;
    }
    *ret_start = start;
    return true;
}

bool ranges_give(struct tree_node **root, struct slab *nodes, uint64_t start, uint64_t bytes,
                 uint64_t low, uint64_t high)
{
    struct tree_node *before = tree_below(*root, start);
    struct tree_node *after = tree_above(*root, start);
    if (before != NULL && (before->key < low || before->key + before->bytes != start)) {
        before = NULL;
    }
    if (after != NULL && (after->key >= high || start + bytes != after->key)) {
        after = NULL;
    }
    if (before == NULL && after == NULL) {
        struct tree_node *n = slab_alloc(nodes);
        if (n == NULL) {
            return false;
        }
        n->key = start;
        n->bytes = bytes;
        tree_insert(root, n);
        return true;
    }
    if (after != NULL) {
        tree_remove(root, after->key);
        bytes += after->bytes;
    }
    if (before != NULL) {
        tree_resize(root, before->key, before->bytes + bytes);
        if (after != NULL) {
            slab_free(nodes, after);
        }
    } else {
        after->key = start;
        after->bytes = bytes;
        tree_insert(root, after);
    }
    return true;
}
