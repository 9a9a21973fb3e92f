/* The heap (heap.h).
 *
 * A block is a header of 16 bytes and its payload. Blocks of a chunk lie side by side; each
 * knows its size and the size of the one before, so neighbours merge in O(1). A chunk ends with
 * a header-only sentinel that is never free. Free blocks are in the list of their class; two
 * neighbours are never both free.
 *
 * Class of a size s (payload, >= 32): c = log2(s) - 5, subdivided into 8. Allocation rounds the
 * wanted size up to the next subclass border, so every block of that list fits. */
#include "heap.h"

struct heap_block {
    uint64_t size_flags;                 /* payload bytes, a multiple of 16, | BLOCK_* */
    uint64_t prev_bytes;                 /* payload of the block before; 0: first of its chunk */
    struct heap_block *next, *prev;      /* free blocks only: in the payload */
};

#define BLOCK_HEADER    16u
#define BLOCK_MIN       32u              /* payload; holds the links */
#define BLOCK_FREE      1ull
#define BLOCK_SENTINEL  2ull
#define BLOCK_MAGIC     0xa000000000000000ull /* upper byte of size_flags of every block */
#define BLOCK_MAGIC_MASK 0xff00000000000000ull
#define BLOCK_SIZE_MASK 0x00fffffffffffff0ull

#define HEAP_SHIFT_MIN  5u               /* log2(BLOCK_MIN) */
#define HEAP_SUB_SHIFT  3u               /* log2(HEAP_SUBCLASSES) */

static uint64_t block_bytes(const struct heap_block *b)
{
    return b->size_flags & BLOCK_SIZE_MASK;
}

static bool block_is_free(const struct heap_block *b)
{
    return (b->size_flags & BLOCK_FREE) != 0;
}

static bool block_is_sentinel(const struct heap_block *b)
{
    return (b->size_flags & BLOCK_SENTINEL) != 0;
}

static void *block_payload(struct heap_block *b)
{
    return (char *)b + BLOCK_HEADER;
}

static struct heap_block *block_of(const void *p)
{
    return (struct heap_block *)(void *)((char *)(uintptr_t)p - BLOCK_HEADER);
}

static struct heap_block *block_after(struct heap_block *b)
{
    return (struct heap_block *)(void *)((char *)b + BLOCK_HEADER + block_bytes(b));
}

static struct heap_block *block_before(struct heap_block *b)
{
    if (b->prev_bytes == 0) {
        return NULL;
    }
    return (struct heap_block *)(void *)((char *)b - b->prev_bytes - BLOCK_HEADER);
}

static void block_set(struct heap_block *b, uint64_t bytes, uint64_t flags)
{
    b->size_flags = BLOCK_MAGIC | bytes | flags;
    block_after(b)->prev_bytes = bytes;
}

static void heap_class(uint64_t bytes, uint32_t *ret_class, uint32_t *ret_sub)
{
    uint32_t log = 63u - (uint32_t)__builtin_clzll(bytes);
    uint32_t class = log - HEAP_SHIFT_MIN;
    *ret_class = class < HEAP_CLASSES ? class : HEAP_CLASSES - 1;
    *ret_sub = class < HEAP_CLASSES
                   ? (uint32_t)(bytes >> (log - HEAP_SUB_SHIFT)) & (HEAP_SUBCLASSES - 1)
                   : HEAP_SUBCLASSES - 1;
}

static void heap_link(struct heap *h, struct heap_block *b)
{
    uint32_t class;
    uint32_t sub;
    heap_class(block_bytes(b), &class, &sub);
    b->prev = NULL;
    b->next = h->free[class][sub];
    if (b->next != NULL) {
        b->next->prev = b;
    }
    h->free[class][sub] = b;
    h->sub_map[class] = (uint8_t)(h->sub_map[class] | 1u << sub);
    h->class_map |= 1ull << class;
}

static void heap_unlink(struct heap *h, struct heap_block *b)
{
    uint32_t class;
    uint32_t sub;
    heap_class(block_bytes(b), &class, &sub);
    if (b->next != NULL) {
        b->next->prev = b->prev;
    }
    if (b->prev != NULL) {
        b->prev->next = b->next;
        return;
    }
    h->free[class][sub] = b->next;
    if (b->next == NULL) {
        h->sub_map[class] = (uint8_t)(h->sub_map[class] & ~(1u << sub));
        if (h->sub_map[class] == 0) {
            h->class_map &= ~(1ull << class);
        }
    }
}

void heap_add(struct heap *h, void *chunk, size_t bytes)
{
    struct heap_block *b = chunk;
    uint64_t payload = (bytes & ~(size_t)(HEAP_ALIGN - 1)) - 2 * BLOCK_HEADER;
    b->prev_bytes = 0;
    b->size_flags = BLOCK_MAGIC | payload | BLOCK_FREE;
    struct heap_block *end = block_after(b);
    end->prev_bytes = payload;
    end->size_flags = BLOCK_MAGIC | BLOCK_SENTINEL;
    h->total_bytes += payload + 2 * BLOCK_HEADER;
    heap_link(h, b);
}

/* Payload bytes for a request; 0: it is too large. */
static uint64_t heap_round(size_t bytes)
{
    if (bytes > BLOCK_SIZE_MASK / 2) {
        return 0;
    }
    uint64_t rounded = (bytes + HEAP_ALIGN - 1) & ~(uint64_t)(HEAP_ALIGN - 1);
    return rounded < BLOCK_MIN ? BLOCK_MIN : rounded;
}

/* The smallest class all of whose blocks hold `bytes`, or a larger one. */
static struct heap_block *heap_find(struct heap *h, uint64_t bytes)
{
    uint32_t log = 63u - (uint32_t)__builtin_clzll(bytes);
    uint64_t border = bytes + (1ull << (log - HEAP_SUB_SHIFT)) - 1;
    uint32_t class;
    uint32_t sub;
    heap_class(border, &class, &sub);
    uint32_t subs = h->sub_map[class] & (uint32_t)(~0u << sub);
    if (subs == 0) {
        uint64_t classes = class + 1 < 64 ? h->class_map & ~0ull << (class + 1) : 0;
        if (classes == 0) {
            return NULL;
        }
        class = (uint32_t)__builtin_ctzll(classes);
        subs = h->sub_map[class];
    }
    struct heap_block *b = h->free[class][__builtin_ctz(subs)];
    return block_bytes(b) >= bytes ? b : NULL; /* the last class holds everything above it */
}

/* Cuts the tail of an allocated block off, if it is worth a block. */
static void heap_trim(struct heap *h, struct heap_block *b, uint64_t bytes)
{
    uint64_t old = block_bytes(b);
    if (old - bytes < BLOCK_HEADER + BLOCK_MIN) {
        return;
    }
    block_set(b, bytes, 0);
    struct heap_block *rest = block_after(b);
    rest->size_flags = BLOCK_MAGIC | (old - bytes - BLOCK_HEADER) | BLOCK_FREE;
    struct heap_block *after = block_after(rest);
    h->used_bytes -= old - bytes;
    if (block_is_free(after)) {
        heap_unlink(h, after);
        block_set(rest, block_bytes(rest) + BLOCK_HEADER + block_bytes(after), BLOCK_FREE);
    } else {
        after->prev_bytes = block_bytes(rest);
    }
    heap_link(h, rest);
}

static void heap_take(struct heap *h, struct heap_block *b)
{
    heap_unlink(h, b);
    b->size_flags &= ~BLOCK_FREE;
    h->used_bytes += BLOCK_HEADER + block_bytes(b);
}

void *heap_alloc(struct heap *h, size_t bytes)
{
    uint64_t want = heap_round(bytes);
    struct heap_block *b = want == 0 ? NULL : heap_find(h, want);
    if (b == NULL) {
        return NULL;
    }
    heap_take(h, b);
    heap_trim(h, b, want);
    return block_payload(b);
}

void *heap_alloc_aligned(struct heap *h, size_t bytes, size_t align)
{
    uint64_t want = heap_round(bytes);
    if (align <= HEAP_ALIGN) {
        return heap_alloc(h, bytes);
    }
    if (want == 0 || align > BLOCK_SIZE_MASK / 4) {
        return NULL;
    }
    /* Room to cut a whole free block off in front. */
    struct heap_block *b = heap_find(h, want + align + BLOCK_HEADER + BLOCK_MIN);
    if (b == NULL) {
        return NULL;
    }
    heap_take(h, b);
    uint64_t payload = (uint64_t)block_payload(b);
    uint64_t at = (payload + align - 1) & ~((uint64_t)align - 1);
    if (at != payload) {
        if (at - payload < BLOCK_HEADER + BLOCK_MIN) {
            at += align;
        }
        uint64_t front = at - payload - BLOCK_HEADER;
        uint64_t rest = block_bytes(b) - front - BLOCK_HEADER;
        block_set(b, front, BLOCK_FREE);
        heap_link(h, b);
        b = block_after(b);
        block_set(b, rest, 0);
        h->used_bytes -= front + BLOCK_HEADER;
    }
    heap_trim(h, b, want);
    return block_payload(b);
}

void *heap_free(struct heap *h, void *p, bool keep_chunk)
{
    struct heap_block *b = block_of(p);
    uint64_t bytes = block_bytes(b);
    h->used_bytes -= BLOCK_HEADER + bytes;
    struct heap_block *after = block_after(b);
    if (block_is_free(after)) {
        heap_unlink(h, after);
        bytes += BLOCK_HEADER + block_bytes(after);
    }
    struct heap_block *before = block_before(b);
    if (before != NULL && block_is_free(before)) {
        heap_unlink(h, before);
        bytes += BLOCK_HEADER + block_bytes(before);
        b = before;
    }
    block_set(b, bytes, BLOCK_FREE);
    if (!keep_chunk && b->prev_bytes == 0 && block_is_sentinel(block_after(b))) {
        h->total_bytes -= bytes + 2 * BLOCK_HEADER;
        return b;
    }
    heap_link(h, b);
    return NULL;
}

size_t heap_usable(const void *p)
{
    return block_bytes(block_of(p));
}

bool heap_resize(struct heap *h, void *p, size_t bytes)
{
    struct heap_block *b = block_of(p);
    uint64_t want = heap_round(bytes);
    uint64_t have = block_bytes(b);
    if (want == 0) {
        return false;
    }
    if (want > have) {
        struct heap_block *after = block_after(b);
        if (!block_is_free(after) || have + BLOCK_HEADER + block_bytes(after) < want) {
            return false;
        }
        heap_unlink(h, after);
        h->used_bytes += BLOCK_HEADER + block_bytes(after);
        block_set(b, have + BLOCK_HEADER + block_bytes(after), 0);
    }
    heap_trim(h, b, want);
    return true;
}

bool heap_valid(const void *p)
{
    if (p == NULL || (uintptr_t)p % HEAP_ALIGN != 0) {
        return false;
    }
    struct heap_block *b = block_of(p);
    return (b->size_flags & ~BLOCK_SIZE_MASK) == BLOCK_MAGIC &&
           block_after(b)->prev_bytes == block_bytes(b);
}
