/* Sets of free ranges over a tree. Nodes come from a slab that the caller keeps filled: each
 * call uses at most RANGES_NODES_PER_CALL new ones. Nothing changes on failure. */
#pragma once

#include <aos/slab.h>

#include "tree_priv.h"

#define RANGES_NODES_PER_CALL 2u

/* Takes the lowest fitting range. False: there is none, or no node is left. */
bool ranges_take(struct tree_node **root, struct slab *nodes, uint64_t bytes, uint64_t align,
                 uint64_t *ret_start);
/* Gives a range back, which joins its neighbours but does not grow beyond [low, high). False: no
 * node is left. */
bool ranges_give(struct tree_node **root, struct slab *nodes, uint64_t start, uint64_t bytes,
                 uint64_t low, uint64_t high);
