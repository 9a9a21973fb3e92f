/* malloc and its family over heap.c and paging. Small blocks come from chunks, which go back
 * when they are empty. The last one stays, and one is kept as a spare, so that a block that comes
 * and goes at the edge of a chunk does not map, clear and unmap it each time. Large ones are mapped
 * by themselves and unmapped by free. 16-byte aligned, any thread.
 *
 * All of it is mapped when malloc returns: who gets a block has the memory, too, and never faults
 * for want of it (paging_alloc_lazy is there for those who want addresses first).
 *
 * The lock is not held while memory is mapped: mapping may wait for the memory service. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <aos/debug.h>
#include <aos/heap.h>
#include <aos/paging.h>
#include <aos/thread.h>

#include "heap.h"
#include "malloc_priv.h"

#define MALLOC_CHUNK_BYTES 0x10000u
#define MALLOC_LARGE_BYTES 0x20000u      /* from here on: mapped by itself */
#define MALLOC_LARGE_MAGIC 0x4c61726765426c6bull

/* In front of a large block. */
struct malloc_large {
    uint64_t region;                     /* what paging_alloc returned */
    uint64_t bytes;                      /* of it */
    uint64_t magic;                      /* where a small block's header has its size */
    uint64_t unused;
};

static struct {
    struct mutex lock;
    struct heap heap;
    uint64_t chunk_count;
    struct heap_stats stats;             /* large_*, allocated, failed, blocks */
    void *spare;                         /* an empty chunk of MALLOC_CHUNK_BYTES, not in the heap */
} malloc_state;

static struct malloc_large *malloc_large_of(void *p)
{
    uint64_t magic = ((const uint64_t *)p)[-2];
    struct malloc_large *l = (struct malloc_large *)p - 1;
    return magic == (MALLOC_LARGE_MAGIC ^ (uint64_t)p) ? l : NULL;
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
    *l = (struct malloc_large){
        .region = (uint64_t)region, .magic = MALLOC_LARGE_MAGIC ^ at,
        .bytes = aos_round_up(bytes + front + slack, AOS_PAGE_BYTES),
    };
    mutex_lock(&malloc_state.lock);
    malloc_state.stats.large_blocks++;
    malloc_state.stats.large_bytes += l->bytes;
    malloc_state.stats.allocated++;
    mutex_unlock(&malloc_state.lock);
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

/* A block of what the heap has. Locked. */
static void *malloc_take(size_t bytes, size_t align)
{
    void *p = heap_alloc_aligned(&malloc_state.heap, bytes, align);
    malloc_state.stats.blocks += p != NULL ? 1 : 0;
    malloc_state.stats.allocated += p != NULL ? 1 : 0;
    return p;
}

/* Adds the chunk if it takes one to get a block: an empty chunk that nobody needs would stay. */
static void *malloc_take_from(void *chunk, uint64_t chunk_bytes, size_t bytes, size_t align)
{
    mutex_lock(&malloc_state.lock);
    void *p = malloc_take(bytes, align); /* others may have let go of enough meanwhile */
    bool needed = p == NULL;
    if (needed) {
        heap_add(&malloc_state.heap, chunk, chunk_bytes);
        malloc_state.chunk_count++;
        p = malloc_take(bytes, align);
    }
    mutex_unlock(&malloc_state.lock);
    USER_CHECK(p != NULL);
    if (!needed) {
        malloc_give_chunk(chunk);
    }
    return p;
}

/* A chunk with room for at least `least` bytes; of a first one that is to be larger, that must do.
 * NULL: no memory. */
static void *malloc_new_chunk(uint64_t usual, uint64_t least, uint64_t *ret_bytes)
{
    void *chunk;
    uint64_t bytes = least < usual ? usual : least;
    errval_t err = paging_alloc(bytes, AOS_VM_RW, &chunk);
    if (err_is_fail(err) && bytes > MALLOC_CHUNK_BYTES && least < bytes) {
        bytes = least;
        err = paging_alloc(bytes, AOS_VM_RW, &chunk);
    }
    *ret_bytes = bytes;
    return err_is_ok(err) ? chunk : NULL;
}

static void *malloc_small(size_t bytes, size_t align)
{
    mutex_lock(&malloc_state.lock);
    void *p = malloc_take(bytes, align);
    uint64_t least = aos_round_up(bytes + bytes / 4 + 2 * align + HEAP_OVERHEAD + 64,
                                  AOS_PAGE_BYTES);
    bool first = malloc_state.chunk_count == 0;
    if (p == NULL && malloc_use_spare(least)) {
        p = malloc_take(bytes, align);
    }
    mutex_unlock(&malloc_state.lock);
    if (p != NULL) {
        return p;
    }
    uint64_t chunk_bytes;
    void *chunk = malloc_new_chunk(first ? block_first_chunk() : MALLOC_CHUNK_BYTES, least,
                                   &chunk_bytes);
    return chunk == NULL ? NULL : malloc_take_from(chunk, chunk_bytes, bytes, align);
}

void *malloc_raw(size_t bytes, size_t align)
{
    return bytes < MALLOC_LARGE_BYTES && align < AOS_PAGE_BYTES ? malloc_small(bytes, align)
                                                                : malloc_large(bytes, align);
}

static void malloc_free_large(struct malloc_large *l)
{
    l->magic = 0;
    mutex_lock(&malloc_state.lock);
    malloc_state.stats.large_blocks--;
    malloc_state.stats.large_bytes -= l->bytes;
    mutex_unlock(&malloc_state.lock);
    errval_t err = paging_unmap(paging_self(), (void *)l->region);
    USER_CHECK(err_is_ok(err));
}

void malloc_raw_free(void *p)
{
    struct malloc_large *l = (uintptr_t)p % HEAP_ALIGN == 0 ? malloc_large_of(p) : NULL;
    if (l != NULL) {
        malloc_free_large(l);
        return;
    }
    mutex_lock(&malloc_state.lock);
    if (!heap_valid(p)) {
        aos_panic("free(%p): not an allocated block", p);
    }
    void *gone = heap_free(&malloc_state.heap, p, malloc_state.chunk_count == 1);
    malloc_state.chunk_count -= gone != NULL ? 1 : 0;
    malloc_state.stats.blocks--;
    mutex_unlock(&malloc_state.lock);
    if (gone != NULL) {
        malloc_give_chunk(gone);
    }
}

size_t malloc_raw_usable(void *p)
{
    struct malloc_large *l = malloc_large_of(p);
    return l == NULL ? heap_usable(p) : l->region + l->bytes - (uint64_t)p;
}

bool malloc_raw_is_zero(void *p)
{
    return malloc_large_of(p) != NULL;   /* fresh pages */
}

bool malloc_raw_resize(void *p, size_t bytes)
{
    if (malloc_large_of(p) != NULL) {
        size_t old = malloc_raw_usable(p);
        return bytes <= old && bytes >= old / 2;
    }
    if (bytes >= MALLOC_LARGE_BYTES) {
        return false;
    }
    mutex_lock(&malloc_state.lock);
    if (!heap_valid(p)) {
        aos_panic("realloc(%p): not an allocated block", p);
    }
    bool done = heap_resize(&malloc_state.heap, p, bytes);
    mutex_unlock(&malloc_state.lock);
    return done;
}

static void *malloc_any(size_t bytes, size_t align)
{
    void *p = block_alloc(bytes, align);
    if (p == NULL) {
        mutex_lock(&malloc_state.lock);
        malloc_state.stats.failed++;
        mutex_unlock(&malloc_state.lock);
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
    if (p != NULL) {
        block_free(p);
    }
}

size_t malloc_usable_size(void *p)
{
    return p == NULL ? 0 : block_usable(p);
}

void *calloc(size_t count, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    void *p = malloc_any(total, HEAP_ALIGN);
    if (p != NULL && !block_is_zero(p)) {
        memset(p, 0, total);
    }
    return p;
}

void *realloc(void *p, size_t bytes)
{
    if (p == NULL) {
        return malloc_any(bytes, HEAP_ALIGN);
    }
    if (block_resize(p, bytes)) {
        return p;
    }
    size_t old = malloc_usable_size(p);
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

void heap_stats(struct heap_stats *ret_stats)
{
    mutex_lock(&malloc_state.lock);
    *ret_stats = malloc_state.stats;
    ret_stats->used_bytes = malloc_state.heap.used_bytes;
    ret_stats->total_bytes = malloc_state.heap.total_bytes;
    ret_stats->spare_bytes = malloc_state.spare != NULL ? MALLOC_CHUNK_BYTES : 0;
    ret_stats->chunks = malloc_state.chunk_count;
    mutex_unlock(&malloc_state.lock);
    block_held(&ret_stats->held_blocks, &ret_stats->held_bytes);
}
