/* What slot.c and nodes.c share: the L2 CNodes that slots are allocated from. All under the memory
 * lock but slot_node_of. */
#pragma once

#include "bitmap_priv.h"

struct slot_node {
    struct bitmap used;
    uint32_t l1;                         /* its slot in the L1 CNode */
    uint32_t free_count;
    uint64_t base;                       /* of its RAM in the pool; 0: it came with the domain */
    bool kept;                           /* for what is allocated during refills; stays */
    struct slot_node *next, *prev;       /* nodes of the kind with free slots */
};

struct slot_space {
    struct slot_node *open[2];           /* nodes with free slots, by `kept` */
    uint64_t used_count;
    uint64_t free_count;
    uint64_t kept_free_count;            /* of these, in kept nodes */
    uint64_t total_count;
};
extern struct slot_space slots;

void slot_open_link(struct slot_node *node);
void slot_open_unlink(struct slot_node *node);

/* nodes.c */
/* The node in L1 slot `l1`; NULL: none of ours. Takes no lock: a node with a slot in use stays. */
struct slot_node *slot_node_at(uint32_t l1);
/* Gives the memory of an empty node back. It is in the list of open ones. */
void slot_shrink(struct slot_node *node);

/* Makes a receive slot of a slot that just was emptied, so that capabilities that come and go need
 * neither the lock nor the bitmap; false if there are enough of them, or the slot is not one of
 * slot_alloc. */
bool recv_slot_give_back(caddr_t slot);
/* The same for one of slot_alloc. */
bool recv_slot_put_back(caddr_t slot);
