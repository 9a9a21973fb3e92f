// Sorted lists of disjoint address ranges, pure C, for the memory map.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define REGION_LIST_MAX 64

struct region {
    uint64_t base, size; // bytes; base + size does not wrap
};

struct region_list {
    unsigned count;
    struct region item[REGION_LIST_MAX]; // by ascending base, none empty, no two touch
};

// Adds a range; overlapping and touching ones merge. False, and the list unchanged, if it is full.
bool region_add(struct region_list *list, uint64_t base, uint64_t size);

// Takes a range out, splitting what it cuts. False, and the list unchanged, if it is full.
bool region_remove(struct region_list *list, uint64_t base, uint64_t size);

// Whether all of the range lies in one item.
bool region_contains(const struct region_list *list, uint64_t base, uint64_t size);

// Takes `size` bytes (a multiple of `align`, a power of two) from the end of the highest item that
// has room below `limit`; false if none has.
bool region_take(struct region_list *list, uint64_t size, uint64_t align, uint64_t limit,
                 uint64_t *ret_base);

// Shrinks every item to whole units of `align`, a power of two.
void region_trim(struct region_list *list, uint64_t align);

// Bytes in all items.
uint64_t region_total(const struct region_list *list);
