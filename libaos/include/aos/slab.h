/* Objects of one size from pages. A slab never returns pages. Not locked: the owner locks. */
#pragma once

#include <aos/types.h>

struct slab {
    void *free;                          /* chain through the first word of each free object */
    char *fresh;                         /* objects that have not been in use yet */
    size_t fresh_count;
    size_t object_bytes;                 /* a multiple of 16 */
    uint64_t free_count;
    uint64_t total_count;
};

/* An empty slab; `object_bytes` is rounded up to 16. */
void slab_init(struct slab *s, size_t object_bytes);
/* Adds memory: 16-byte aligned, it belongs to the slab from now on. Returns how many objects it
 * made. */
size_t slab_grow(struct slab *s, void *memory, size_t bytes);
/* A zeroed object, or NULL. */
void *slab_alloc(struct slab *s);
/* `object` is of this slab; its first word is overwritten. */
void slab_free(struct slab *s, void *object);
