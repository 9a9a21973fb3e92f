/* The regions of RAM by address: a balanced tree (AVL) in which every node knows how many pages the
 * largest free region of its subtree has room for, at each alignment. Finding a region by address,
 * by size and alignment, entering and removing take O(log n) steps. No allocation.
 *
 * Invariants (regions_check tests them): ascending bases without overlap, heights of siblings
 * differ by at most 1, `up` is the inverse of the children, `room` is what its subtree has. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_PAGE    4096ull
/* Alignments that are looked for exactly (regions_align): a page, 64 KiB, 2 MiB. More of them would
 * make every change dearer. */
#define MEMORY_CLASSES 3u

struct memory_account;

enum memory_state { MEMORY_FREE, MEMORY_USED, MEMORY_DYING };

struct memory_region {
    uint64_t base, bytes;
    struct memory_region *left, *right, *up;
    /* pages of the largest free range in this subtree that starts aligned, by class */
    uint32_t room[MEMORY_CLASSES];
    uint8_t height;
    uint8_t state;                       /* enum memory_state */
    uint8_t root;
    uint32_t kept;                       /* place of its record + 1 (keep.h); 0: none */
    bool patient;                        /* dying: others may live in it, nothing is taken away */
    struct memory_region *above, *below; /* neighbours of the same root, NULL at its ends */
    struct memory_region *next, *prev;   /* of the owner's list, or of the dying ones */
    struct memory_account *owner;        /* who may give it back; NULL: free or dying */
    struct memory_account *charged;      /* whose account it is on; NULL: free */
    uint64_t seen_ns;                    /* dying: first seen so, 0 not yet; kept by main.c */
};

/* What a class is aligned to. */
static inline uint64_t regions_align(uint32_t class)
{
    static const uint64_t aligns[MEMORY_CLASSES] = {MEMORY_PAGE, 0x10000, 0x200000};

    return aligns[class];
}

void regions_insert(struct memory_region **root, struct memory_region *r);
void regions_remove(struct memory_region **root, struct memory_region *r);
/* After a change of `base` (within the order), `bytes` or `state` of a region of the tree. */
void regions_refresh(struct memory_region *r);

/* The region that contains the address; NULL: none. */
struct memory_region *regions_at(struct memory_region *root, uint64_t address);
/* The free region with the lowest, with the highest address that has room for `pages` at an
 * alignment of `class`; NULL: none. */
struct memory_region *regions_lowest(struct memory_region *root, uint64_t pages, uint32_t class);
struct memory_region *regions_highest(struct memory_region *root, uint64_t pages, uint32_t class);

/* The first violated invariant as text, or NULL. */
const char *regions_check(const struct memory_region *root);
