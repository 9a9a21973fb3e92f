/* One L2 CNode that slots are allocated from (slot.c). */
#pragma once

#include "bitmap_priv.h"

struct slot_node {
    struct bitmap used;
    uint32_t l1;                         /* its slot in the L1 CNode */
    uint32_t free_count;
    struct slot_node *next;
};
