/* Slabs (aos/slab.h). */
#include <aos/slab.h>

void slab_init(struct slab *s, size_t object_bytes)
{
    s->free = NULL;
    s->fresh = NULL;
    s->fresh_count = 0;
    s->object_bytes = (object_bytes + 15) & ~(size_t)15;
    s->free_count = 0;
    s->total_count = 0;
}

size_t slab_grow(struct slab *s, void *memory, size_t bytes)
{
    size_t count = bytes / s->object_bytes;
    for (; s->fresh_count > 0; s->fresh_count--) { /* what is left of the piece before */
        *(void **)(void *)s->fresh = s->free;
        s->free = s->fresh;
        s->fresh += s->object_bytes;
    }
    s->fresh = memory;
    s->fresh_count = count;
    s->free_count += count;
    s->total_count += count;
    return count;
}

void *slab_alloc(struct slab *s)
{
    void **object = s->free;
    if (object != NULL) {
        s->free = *object;
    } else if (s->fresh_count > 0) {
        object = (void **)(void *)s->fresh;
        s->fresh += s->object_bytes;
        s->fresh_count--;
    } else {
        return NULL;
    }
    s->free_count--;
    uint64_t *words = (uint64_t *)(void *)object;
    for (uint64_t *end = words + s->object_bytes / sizeof(uint64_t); words != end; words += 2) {
        words[0] = 0;                    /* objects are multiples of 16 bytes */
        words[1] = 0;
    }
    return object;
}

void slab_free(struct slab *s, void *object)
{
    *(void **)object = s->free;
    s->free = object;
    s->free_count++;
}
