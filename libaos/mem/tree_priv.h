/* Intrusive balanced trees of ranges: a treap whose priorities are a hash of the key, so that
 * its shape depends on the keys alone and its depth is O(log n) expected. Every node knows the
 * largest range of its subtree. No allocation, no lock. Keys are unique. */
#pragma once

#include <aos/types.h>

struct tree_node {
    struct tree_node *left, *right, *parent;
    uint64_t key;
    /* of the range that starts at key; change through tree_resize only */
    uint64_t bytes;
    uint64_t largest;                    /* `bytes` in this subtree */
};

void tree_insert(struct tree_node **root, struct tree_node *node);
/* The same with what tree_below says of its key: without a search. */
void tree_insert_after(struct tree_node **root, struct tree_node *below, struct tree_node *node);
/* Returns the removed node, NULL if there is none. */
struct tree_node *tree_remove(struct tree_node **root, uint64_t key);
void tree_resize(struct tree_node **root, uint64_t key, uint64_t bytes);

struct tree_node *tree_find(struct tree_node *root, uint64_t key);
/* Greatest key <= `key`, least key >= `key`. */
struct tree_node *tree_below(struct tree_node *root, uint64_t key);
struct tree_node *tree_above(struct tree_node *root, uint64_t key);
/* tree_below in the tree that `near` is in: the nearer the answer, the faster. ret_end: the least
 * key > `key`, UINT64_MAX if there is none. */
struct tree_node *tree_below_near(struct tree_node *near, uint64_t key, uint64_t *ret_end);
/* The node with the lowest key that holds `bytes` aligned to `align`, and where. */
struct tree_node *tree_fit(struct tree_node *root, uint64_t bytes, uint64_t align,
                           uint64_t *ret_start);
