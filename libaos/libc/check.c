/* The checked heap (aos/heap.h): every block of malloc.c holds
 *
 *   check_block | front zone | payload | rear zone
 *
 * with zones of CHECK_ZONE bytes, the rear one longer by what rounding leaves. Blocks in use are in
 * one list, freed ones in another, oldest first, until there are too many of them. All of it is
 * under one lock; a finding is reported without it. */
#include <stdint.h>
#include <string.h>

#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/heap.h>
#include <aos/paging.h>
#include <aos/thread.h>

#include "heap.h"
#include "malloc_priv.h"

#define CHECK_ZONE        32u
#define CHECK_FRAMES      10u
#define CHECK_HELD_BLOCKS 512u          /* freed blocks that stay out of use */
#define CHECK_HELD_BYTES  0x20000u
/* Room for as many freed blocks as there may be, with all that is around them, and some more: so
 * what a program uses of memory does not depend on how many of them there are just now. */
#define CHECK_FIRST_BYTES 0x80000u

/* What memory is filled with. No address made of them is one of a domain. */
#define CHECK_FRESH 0xa5u
#define CHECK_FREED 0xfdu
#define CHECK_FRONT 0xb1u
#define CHECK_REAR  0xb2u

#define CHECK_IN_USE 0x496e557365426c6bull /* ^ address of the payload */
#define CHECK_HELD   0x48656c64426c6f63ull

struct check_trace {
    uint32_t thread;
    uint32_t count;
    uint64_t pcs[CHECK_FRAMES];
};

struct check_block {
    struct check_block *next, *prev;
    void *raw;                           /* the block of malloc.c */
    uint64_t bytes;                      /* asked for */
    uint64_t rear_bytes;
    struct check_trace allocated, freed;
    uint64_t magic;
};

#define CHECK_HEAD_BYTES ((sizeof(struct check_block) + 15) / 16 * 16)

struct check_list {
    struct check_block *first, *last;
    uint64_t blocks, bytes;
};

static struct {
    struct mutex lock;
    struct check_list in_use, held;
} check;

/* What is wrong with a block. */
struct check_finding {
    const char *what;                    /* NULL: nothing */
    uint64_t address;                    /* where */
    struct check_block *block;           /* NULL: none known */
    struct check_block copy;             /* of it, to be reported without the lock */
};

static uint8_t *check_payload(const struct check_block *b)
{
    return (uint8_t *)(uintptr_t)b + CHECK_HEAD_BYTES + CHECK_ZONE;
}

static struct check_block *check_block_of(const void *p)
{
    return (struct check_block *)(void *)((uint8_t *)(uintptr_t)p - CHECK_ZONE - CHECK_HEAD_BYTES);
}

static void check_link(struct check_list *list, struct check_block *b)
{
    b->next = NULL;
    b->prev = list->last;
    if (b->prev != NULL) {
        b->prev->next = b;
    } else {
        list->first = b;
    }
    list->last = b;
    list->blocks++;
    list->bytes += b->bytes;
}

static void check_unlink(struct check_list *list, struct check_block *b)
{
    if (b->prev != NULL) {
        b->prev->next = b->next;
    } else {
        list->first = b->next;
    }
    if (b->next != NULL) {
        b->next->prev = b->prev;
    } else {
        list->last = b->prev;
    }
    list->blocks--;
    list->bytes -= b->bytes;
}

static void check_trace(struct check_trace *trace)
{
    uint64_t fp = (uint64_t)__builtin_frame_address(0);
    trace->thread = thread_id(thread_self());
    trace->count = (uint32_t)debug_backtrace(fp, trace->pcs, CHECK_FRAMES);
}

static void check_print_trace(const char *what, const struct check_trace *trace)
{
    debug_printf("  %s by thread %u\n", what, trace->thread);
    for (uint32_t i = 0; i < trace->count; i++) {
        uint64_t offset;
        uint64_t pc = trace->pcs[i] - 4; /* the call */
        const char *name = debug_symbol(pc, &offset);
        debug_printf("    from %016llx %s+0x%llx\n", (unsigned long long)pc, name,
                     (unsigned long long)offset);
    }
}

/* Says what was found, and ends the domain. */
static void __attribute__((noreturn)) check_report(const struct check_finding *found)
{
    const struct check_block *b = &found->copy;
    if (found->block == NULL) {
        aos_panic("heap: %s: 0x%llx", found->what, (unsigned long long)found->address);
    }
    uint64_t start = (uint64_t)check_payload(found->block);
    debug_printf("%s: heap: %s at 0x%llx: byte %lld of a block of %llu bytes at 0x%llx\n",
                 domain_name(), found->what, (unsigned long long)found->address,
                 (long long)(found->address - start), (unsigned long long)b->bytes,
                 (unsigned long long)start);
    check_print_trace("allocated", &b->allocated);
    if (b->freed.count != 0) {
        check_print_trace("freed", &b->freed);
    }
    aos_panic("heap: %s", found->what);
}

/* Eight bytes of any block, wherever they lie. */
typedef uint64_t check_word_t __attribute__((may_alias, aligned(1)));

/* The first byte that is not `fill`: by many words, as far as they are all of it. */
static bool check_differs(const uint8_t *at, uint64_t bytes, uint8_t fill, uint64_t *ret_address)
{
    const uint64_t all = fill * (UINT64_MAX / UINT8_MAX);
    uint64_t i = 0;
    for (; bytes - i >= 4 * sizeof(all); i += 4 * sizeof(all)) {
        const check_word_t *w = (const void *)(at + i);
        if (((w[0] ^ all) | (w[1] ^ all) | (w[2] ^ all) | (w[3] ^ all)) != 0) {
            break;
        }
    }
    for (; i < bytes; i++) {
        if (at[i] != fill) {
            *ret_address = (uint64_t)(at + i);
            return true;
        }
    }
    return false;
}

/* The zones of a block, and of a freed one the payload. False, and `io_found`, if they changed. */
static bool check_intact(struct check_block *b, bool freed, struct check_finding *io_found)
{
    uint8_t *payload = check_payload(b);
    uint64_t address;
    if (check_differs(payload - CHECK_ZONE, CHECK_ZONE, CHECK_FRONT, &address)) {
        io_found->what = "write before the start of a block";
    } else if (check_differs(payload + b->bytes, b->rear_bytes, CHECK_REAR, &address)) {
        io_found->what = "write beyond the end of a block";
    } else if (freed && check_differs(payload, b->bytes, CHECK_FREED, &address)) {
        io_found->what = "write to a freed block";
    } else {
        return true;
    }
    io_found->address = address;
    io_found->block = b;
    io_found->copy = *b;
    return false;
}

void *block_alloc(size_t bytes, size_t align)
{
    size_t front = CHECK_HEAD_BYTES + CHECK_ZONE;
    size_t rounded = (bytes + HEAP_ALIGN - 1) / HEAP_ALIGN * HEAP_ALIGN;
    if (bytes > SIZE_MAX / 4 || align > SIZE_MAX / 4) {
        return NULL;
    }
    uint8_t *raw = malloc_raw(front + align + rounded + CHECK_ZONE, HEAP_ALIGN);
    if (raw == NULL) {
        return NULL;
    }
    uint8_t *payload = (uint8_t *)(((uint64_t)raw + front + align - 1) / align * align);
    struct check_block *b = check_block_of(payload);
    memset(b, 0, sizeof(*b));
    b->raw = raw;
    b->bytes = bytes;
    b->rear_bytes = rounded + CHECK_ZONE - bytes;
    b->magic = CHECK_IN_USE ^ (uint64_t)payload;
    check_trace(&b->allocated);
    memset(payload - CHECK_ZONE, CHECK_FRONT, CHECK_ZONE);
    memset(payload, CHECK_FRESH, bytes);
    memset(payload + bytes, CHECK_REAR, b->rear_bytes);
    mutex_lock(&check.lock);
    check_link(&check.in_use, b);
    mutex_unlock(&check.lock);
    return payload;
}

/* The block in `list` that `p` points into. */
static struct check_block *check_around(const struct check_list *list, uint64_t p)
{
    for (struct check_block *b = list->first; b != NULL; b = b->next) {
        if (p >= (uint64_t)b && p < (uint64_t)check_payload(b) + b->bytes + b->rear_bytes) {
            return b;
        }
    }
    return NULL;
}

/* The block in use at `p`, or NULL and what `p` is. Locked. */
static struct check_block *check_lookup(void *p, struct check_finding *io_found)
{
    struct paging_region_info region;
    uint64_t at = (uint64_t)p;
    if (at % HEAP_ALIGN == 0 && paging_lookup((uint64_t)check_block_of(p), &region) &&
        !region.guard && (region.flags & AOS_VM_READ) != 0 &&
        check_block_of(p)->magic == (CHECK_IN_USE ^ at)) {
        return check_block_of(p);
    }
    struct check_block *held = check_around(&check.held, at);
    struct check_block *used = held == NULL ? check_around(&check.in_use, at) : NULL;
    io_found->address = at;
    io_found->block = held != NULL ? held : used;
    if (held != NULL && at == (uint64_t)check_payload(held)) {
        io_found->what = "double free";
    } else if (io_found->block != NULL) {
        io_found->what = "free of a pointer into a block";
    } else {
        io_found->what = "free of a pointer that is not malloc's";
    }
    if (io_found->block != NULL) {
        io_found->copy = *io_found->block;
    }
    return NULL;
}

/* Takes the oldest freed block out if there are too many. Locked. */
static struct check_block *check_release(struct check_finding *io_found)
{
    struct check_block *b = check.held.first;
    if (b == NULL || (check.held.blocks <= CHECK_HELD_BLOCKS &&
                      check.held.bytes <= CHECK_HELD_BYTES)) {
        return NULL;
    }
    if (!check_intact(b, true, io_found)) {
        return NULL;
    }
    check_unlink(&check.held, b);
    b->magic = 0;
    return b;
}

void block_free(void *p)
{
    struct check_finding found = { .what = NULL };
    struct check_block *gone = NULL;
    mutex_lock(&check.lock);
    struct check_block *b = check_lookup(p, &found);
    if (b != NULL && check_intact(b, false, &found)) {
        check_unlink(&check.in_use, b);
        b->magic = CHECK_HELD ^ (uint64_t)p;
        check_trace(&b->freed);
        memset(p, CHECK_FREED, b->bytes);
        check_link(&check.held, b);
        gone = check_release(&found);
    }
    mutex_unlock(&check.lock);
    while (gone != NULL) {
        malloc_raw_free(gone->raw);
        mutex_lock(&check.lock);
        gone = check_release(&found);
        mutex_unlock(&check.lock);
    }
    if (found.what != NULL) {
        check_report(&found);
    }
}

size_t block_usable(void *p)
{
    struct check_finding found = { .what = NULL };
    mutex_lock(&check.lock);
    struct check_block *b = check_lookup(p, &found);
    mutex_unlock(&check.lock);
    if (b == NULL) {
        check_report(&found);
    }
    return b->bytes;
}

/* It never stays: whoever still has the old address is to be found out. */
bool block_resize(void *p, size_t bytes)
{
    return false;
}

bool block_is_zero(void *p)
{
    return false;
}

bool heap_check(void)
{
    struct check_finding found = { .what = NULL };
    mutex_lock(&check.lock);
    struct check_block *b = check.in_use.first;
    while (b != NULL && check_intact(b, false, &found)) {
        b = b->next;
    }
    b = found.what != NULL ? NULL : check.held.first;
    while (b != NULL && check_intact(b, true, &found)) {
        b = b->next;
    }
    mutex_unlock(&check.lock);
    if (found.what != NULL) {
        check_report(&found);
    }
    return true;
}

uint64_t block_first_chunk(void)
{
    _Static_assert(CHECK_FIRST_BYTES > 5 * (CHECK_HELD_BYTES + CHECK_HELD_BLOCKS *
                                            (CHECK_HEAD_BYTES + 2 * CHECK_ZONE)) / 4, "room");
    return CHECK_FIRST_BYTES;
}

void block_held(uint64_t *ret_blocks, uint64_t *ret_bytes)
{
    mutex_lock(&check.lock);
    *ret_blocks = check.held.blocks;
    *ret_bytes = check.held.bytes;
    mutex_unlock(&check.lock);
}
