/* Draws what was made of what, in DOT (the language of Graphviz). Pure: the objects come from the
 * caller, those of one core after another, each core's in the order of its database: what an object
 * was made of comes before it, and contains it.
 *
 * A node is an object, an edge goes to it from the closest object that contains it. Like objects
 * with like descendants that were made of the same are one node if `fold` asks for it ("37 x Frame
 * 4 KiB"), but those that several cores know. Of an object that several cores know each core has a
 * node; those of cores that do not own it are dashed, and so is the edge to them from the owner's.
 *
 * Takes memory for the nodes of one core at a time, and for what several cores know. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <if/monitor.h>

struct drawing_node;
struct drawing_shared;

struct drawing {
    FILE *out;
    bool fold;
    uint32_t types;
    bool cores;                          /* each is a cluster, else there is one and no cluster */
    bool full;                           /* out of memory: nothing is drawn any more */
    uint32_t core;                       /* whose objects come */
    struct drawing_node *top;            /* stands for the core */
    struct drawing_node *open;           /* what contains, or may contain, the next object */
    struct drawing_shared *shared;       /* what several cores know, or one had from another */
    uint32_t shared_count, shared_room;
};

struct drawing_how {
    bool fold;
    uint32_t types;                      /* mask of those that are drawn, 0: all */
};

void drawing_begin(struct drawing *d, FILE *out, const struct drawing_how *how, bool cores);
/* The objects of `core` follow. */
void drawing_core(struct drawing *d, uint32_t core);
void drawing_add(struct drawing *d, const struct monitor_object *o);
/* That were all of the core: prints them. */
void drawing_core_end(struct drawing *d);
/* Prints the edges between cores and the end, and frees everything. False: memory did not suffice,
 * and what was printed is not a graph. */
bool drawing_end(struct drawing *d);

/* The order of a database: ancestors first. For qsort of struct monitor_object. */
int drawing_order(const void *left, const void *right);
