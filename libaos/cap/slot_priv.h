/* One L2 CNode that slots are allocated from (slot.c). */
#pragma once

#include "bitmap_priv.h"

struct slot_node {
    struct bitmap used;
    uint32_t l1;                         /* its slot in the L1 CNode */
    uint32_t free_count;
    struct slot_node *next;
};

/* Makes a receive slot of a slot that just was emptied, so that capabilities that come and go need
 * neither the lock nor the bitmap; false if there are enough of them, or the slot is not one of
 * slot_alloc. */
bool recv_slot_give_back(caddr_t slot);
