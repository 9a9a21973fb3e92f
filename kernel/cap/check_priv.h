/* Pieces of the checker that look at one thing: check.c for everything, check_touched.c for what
 * was touched. */
#pragma once

#include <kernel/check.h>

/* A node and its children. */
void check_shape(struct check *check, const struct cte *node);
/* A capability, its neighbours in the list, and its place in memory. */
void check_copy(struct check *check, const struct cte *copy, const struct cte *node);
/* What the object of a node is, but for the slots of a CNode. */
void check_object(struct check *check, struct cte *node);
