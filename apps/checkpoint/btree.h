/* A B-tree in memory that its user gives it. Everything it has, itself included, lies there, linked
 * by plain pointers: whoever brings the memory back to an earlier state brings the tree back. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btree;

/* An empty tree in `bytes` of zeroed, 16-byte aligned memory; it uses no more than it needs. */
struct btree *btree_make(void *memory, size_t bytes);
/* Sets the value of `key`. False: the memory is used up, and nothing has changed. */
bool btree_put(struct btree *t, uint64_t key, uint64_t value);
bool btree_get(const struct btree *t, uint64_t key, uint64_t *ret_value);
/* Keys in the tree, and bytes of the memory in use. */
size_t btree_count(const struct btree *t);
size_t btree_bytes(const struct btree *t);
/* Are keys in order, nodes full enough and leaves at one depth? */
bool btree_valid(const struct btree *t);
