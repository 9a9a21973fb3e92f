/* malloc and its family over heap.c and paging. Small blocks come from chunks, which go back
 * when they are empty. The last one stays, and one is kept as a spare, so that a block that comes
 * and goes at the edge of a chunk does not map, clear and unmap it each time. Large ones are mapped
 * by themselves and unmapped by free. 16-byte aligned, any thread.
 *
 * The lock is not held while memory is mapped: mapping may wait for the memory service. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <aos/debug.h>
#include <aos/paging.h>
#include <aos/thread.h>

#include "heap.h"
#include "malloc_priv.h"

#define MALLOC_FIRST_BYTES 0x4000u       /* many programs never need more */
#define MALLOC_CHUNK_BYTES 0x10000u
#define MALLOC_LARGE_BYTES 0x20000u      /* from here on: mapped by itself */
#define MALLOC_LARGE_MAGIC 0x4c61726765426c6bull

/* In front of a large block; as long as a heap header. */
struct malloc_large {
    uint64_t magic;
    uint64_t region;                     /* what paging_alloc returned */
};

static struct {
    struct mutex lock;
    struct heap heap;
    uint64_t chunk_count;
    void *spare;                         /* an empty chunk of MALLOC_CHUNK_BYTES, not in the heap */
} malloc_state;

static struct malloc_large *malloc_large_of(void *p)
{
    struct malloc_large *l = (struct malloc_large *)p - 1;
    return l->magic == (MALLOC_LARGE_MAGIC ^ (uint64_t)p) ? l : NULL;
}

static void *malloc_large(size_t bytes, size_t align)
{
    uint64_t front = align < AOS_PAGE_BYTES ? align : AOS_PAGE_BYTES;
    front = front < sizeof(struct malloc_large) ? sizeof(struct malloc_large) : front;
    uint64_t slack = align > AOS_PAGE_BYTES ? align : 0;
    void *region;
    if (bytes > KPI_VA_LIMIT || align > KPI_VA_LIMIT ||
        err_is_fail(paging_alloc(bytes + front + slack, AOS_VM_RW, &region))) {
        return NULL;
    }
    uint64_t at = aos_round_up((uint64_t)region + front, align);
    struct malloc_large *l = (struct malloc_large *)at - 1;
    *l = (struct malloc_large){ MALLOC_LARGE_MAGIC ^ at, (uint64_t)region };
    return (void *)at;
}

/* Adds the spare to the heap if it is large enough. Locked. */
static bool malloc_use_spare(uint64_t need)
{
    if (malloc_state.spare == NULL || need > MALLOC_CHUNK_BYTES) {
        return false;
    }
    heap_add(&malloc_state.heap, malloc_state.spare, MALLOC_CHUNK_BYTES);
    malloc_state.spare = NULL;
    malloc_state.chunk_count++;
    return true;
}

/* Gives back an empty chunk that is not in the heap any more, unless it can be the spare. */
static void malloc_give_chunk(void *chunk)
{
    struct paging_region_info region;
    bool known = paging_lookup((uint64_t)chunk, &region);
    USER_CHECK(known);
    mutex_lock(&malloc_state.lock);
    bool keep = malloc_state.spare == NULL && region.bytes == MALLOC_CHUNK_BYTES;
    malloc_state.spare = keep ? chunk : malloc_state.spare;
    mutex_unlock(&malloc_state.lock);
    if (!keep) {
        errval_t err = paging_unmap(paging_self(), chunk);
        USER_CHECK(err_is_ok(err));
    }
}

static void *malloc_small(size_t bytes, size_t align)
{
    for (;;) {
        mutex_lock(&malloc_state.lock);
        void *p = heap_alloc_aligned(&malloc_state.heap, bytes, align);
        uint64_t least = malloc_state.chunk_count == 0 ? MALLOC_FIRST_BYTES : MALLOC_CHUNK_BYTES;
        uint64_t need = bytes + bytes / 4 + 2 * align + HEAP_OVERHEAD + 64;
        need = aos_round_up(need < least ? least : need, AOS_PAGE_BYTES);
        bool again = p == NULL && malloc_use_spare(need);
        mutex_unlock(&malloc_state.lock);
        if (p != NULL) {
            return p;
        }
        if (again) {
            continue;
        }
        void *chunk;
        if (err_is_fail(paging_alloc(need, AOS_VM_RW, &chunk))) {
            return NULL;
        }
        mutex_lock(&malloc_state.lock);
        heap_add(&malloc_state.heap, chunk, need);
        malloc_state.chunk_count++;
        mutex_unlock(&malloc_state.lock);
    }
}

static void *malloc_any(size_t bytes, size_t align)
{
    void *p = bytes < MALLOC_LARGE_BYTES && align < AOS_PAGE_BYTES ? malloc_small(bytes, align)
                                                                   : malloc_large(bytes, align);
    if (p == NULL) {
        errno = ENOMEM;
    }
    return p;
}

void *malloc(size_t bytes)
{
    return malloc_any(bytes, HEAP_ALIGN);
}

void free(void *p)
{
    if (p == NULL) {
        return;
    }
    struct malloc_large *l = malloc_large_of(p);
    void *gone = NULL;
    if (l != NULL) {
        l->magic = 0;
        errval_t err = paging_unmap(paging_self(), (void *)l->region);
        USER_CHECK(err_is_ok(err));
    } else {
        mutex_lock(&malloc_state.lock);
        if (!heap_valid(p)) {
            aos_panic("free(%p): not an allocated block", p);
        }
        gone = heap_free(&malloc_state.heap, p, malloc_state.chunk_count == 1);
        malloc_state.chunk_count -= gone != NULL ? 1 : 0;
        mutex_unlock(&malloc_state.lock);
    }
    if (gone != NULL) {
        malloc_give_chunk(gone);
    }
}

size_t malloc_usable_size(void *p)
{
    if (p == NULL) {
        return 0;
    }
    struct malloc_large *l = malloc_large_of(p);
    if (l == NULL) {
        return heap_usable(p);
    }
    struct paging_region_info region;
    bool known = paging_lookup(l->region, &region);
    USER_CHECK(known);
    return region.va + region.bytes - (uint64_t)p;
}

void *calloc(size_t count, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    void *p = malloc_any(total, HEAP_ALIGN);
    if (p != NULL && malloc_large_of(p) == NULL) {
        memset(p, 0, total);             /* fresh pages are zero */
    }
    return p;
}

void *realloc(void *p, size_t bytes)
{
    if (p == NULL) {
        return malloc_any(bytes, HEAP_ALIGN);
    }
    if (malloc_large_of(p) == NULL && bytes < MALLOC_LARGE_BYTES) {
        mutex_lock(&malloc_state.lock);
        bool done = heap_resize(&malloc_state.heap, p, bytes);
        mutex_unlock(&malloc_state.lock);
        if (done) {
            return p;
        }
    }
    size_t old = malloc_usable_size(p);
    if (malloc_large_of(p) != NULL && bytes <= old && bytes >= old / 2) {
        return p;
    }
    void *fresh = malloc_any(bytes, HEAP_ALIGN);
    if (fresh != NULL) {
        memcpy(fresh, p, old < bytes ? old : bytes);
        free(p);
    }
    return fresh;
}

void *aligned_alloc(size_t align, size_t bytes)
{
    if (!aos_is_pow2(align)) {
        errno = EINVAL;
        return NULL;
    }
    return malloc_any(bytes, align < HEAP_ALIGN ? HEAP_ALIGN : align);
}

void *memalign(size_t align, size_t bytes)
{
    return aligned_alloc(align, bytes);
}

int posix_memalign(void **ret_p, size_t align, size_t bytes)
{
    if (!aos_is_pow2(align) || align < sizeof(void *)) {
        return EINVAL;
    }
    void *p = malloc_any(bytes, align < HEAP_ALIGN ? HEAP_ALIGN : align);
    if (p == NULL) {
        return ENOMEM;
    }
    *ret_p = p;
    return 0;
}

void malloc_stats_bytes(uint64_t *ret_used, uint64_t *ret_total)
{
    mutex_lock(&malloc_state.lock);
    *ret_used = malloc_state.heap.used_bytes;
    *ret_total = malloc_state.heap.total_bytes;
    mutex_unlock(&malloc_state.lock);
}
