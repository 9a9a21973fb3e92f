/* The heap's algorithm, without memory or locks of its own: two-level segregated lists of free
 * blocks with boundary tags. Allocation and free are O(1). Also built on the host. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAP_ALIGN      16u
#define HEAP_CLASSES    40u              /* powers of two from 32 bytes on */
#define HEAP_SUBCLASSES 8u
#define HEAP_OVERHEAD   64u              /* bytes of a chunk that cannot be allocated */

struct heap_block;

struct heap {
    uint64_t class_map;                  /* bit per class with a free block */
    uint8_t sub_map[HEAP_CLASSES];
    struct heap_block *free[HEAP_CLASSES][HEAP_SUBCLASSES];
    uint64_t used_bytes;                 /* in allocated blocks, headers included */
    uint64_t total_bytes;                /* in chunks */
};

/* Adds memory: 16-byte aligned, at least 256 bytes. */
void heap_add(struct heap *h, void *chunk, size_t bytes);
/* NULL: no free block is large enough. */
void *heap_alloc(struct heap *h, size_t bytes);
void *heap_alloc_aligned(struct heap *h, size_t bytes, size_t align);
/* Frees. If the whole chunk is free now, takes it out and returns its address, else NULL. */
void *heap_free(struct heap *h, void *p, bool keep_chunk);
size_t heap_usable(const void *p);
/* Grows or shrinks in place; false: not possible, nothing changed. */
bool heap_resize(struct heap *h, void *p, size_t bytes);
/* Is `p` an allocated block by its tags? For catching double frees and stray pointers. */
bool heap_valid(const void *p);
