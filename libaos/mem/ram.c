/* RAM pool. Chunks are the capabilities it owns, by physical base; the free ranges never join
 * across chunks, because a retype has one source. All static functions run under the memory
 * lock. */
#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/ram.h>
#include <aos/slot.h>

#include "mem_priv.h"
#include "ram_priv.h"
#include "ranges_priv.h"

/* A request of at least this much gets a chunk of its own from the source if it can. */
#define RAM_DIRECT_BYTES 0x80000ull
#define RAM_BYTES_MAX    (1ull << 47)    /* of one request: more than any machine has */

static struct {
    struct tree_node *chunks;
    struct tree_node *free;
    struct ram_chunk *returns;
    uint64_t free_bytes;
    uint64_t total_bytes;
    uint64_t pieces;                     /* handed out */
    const struct ram_source *source;
} ram;

uint64_t ram_pool_free(void)
{
    return ram.free_bytes;
}

uint64_t ram_pool_run(void)
{
    return ram.free == NULL ? 0 : ram.free->largest;
}

uint64_t ram_pieces(void)
{
    return ram.pieces;
}

bool ram_has(uint64_t bytes, uint64_t align)
{
    uint64_t start;
    return tree_fit(ram.free, bytes, align, &start) != NULL;
}

bool ram_returns_pending(void)
{
    return ram.returns != NULL;
}

void ram_set_source(const struct ram_source *source)
{
    mem_lock();
    ram.source = source;
    mem_end();
}

static void ram_add_chunk(caddr_t cap, uint64_t base, uint64_t bytes, bool returnable)
{
    struct ram_chunk *chunk = mem_new(MEM_SLAB_CHUNK);
    struct tree_node *range = mem_new(MEM_SLAB_RANGE);
    chunk->node.key = base;
    chunk->node.bytes = bytes;
    chunk->cap = cap;
    chunk->returnable = returnable;
    range->key = base;
    range->bytes = bytes;
    tree_insert(&ram.chunks, &chunk->node);
    tree_insert(&ram.free, range);
    ram.free_bytes += bytes;
    ram.total_bytes += bytes;
}

errval_t ram_add(caddr_t cap, uint64_t base, uint64_t bytes)
{
    errval_t err = mem_begin(0, 0);
    if (err_is_fail(err)) {
        return err;
    }
    ram_add_chunk(cap, base, bytes, false);
    mem_end();
    return ERR_OK;
}

errval_t ram_init(void)
{
    struct cap_info info;
    errval_t err = cap_identify(KPI_CAP_EARLY_RAM, &info);
    if (err_is_fail(err)) {
        return err;
    }
    if (info.type == CAPTYPE_RAM) {
        ram_add_chunk(KPI_CAP_EARLY_RAM, info.a, info.b, false);
    }
    return ERR_OK;
}

static struct ram_chunk *ram_chunk_at(uint64_t base, uint64_t bytes)
{
    struct tree_node *n = tree_below(ram.chunks, base);
    if (n == NULL || base - n->key >= n->bytes || bytes > n->bytes - (base - n->key)) {
        return NULL;
    }
    return (struct ram_chunk *)(void *)n;
}

errval_t ram_take(uint64_t bytes, uint64_t align, caddr_t *ret_cap, uint64_t *ret_off,
                  uint64_t *ret_base)
{
    uint64_t base;
    if (!ranges_take(&ram.free, &mem_slabs[MEM_SLAB_RANGE], bytes, align, &base)) {
        return LIB_ERR_NO_MEMORY;
    }
    struct ram_chunk *chunk = ram_chunk_at(base, bytes);
    USER_CHECK(chunk != NULL);
    ram.free_bytes -= bytes;
    ram.pieces++;
    *ret_cap = chunk->cap;
    *ret_off = base - chunk->node.key;
    *ret_base = base;
    return ERR_OK;
}

/* A chunk that is free as a whole and not needed leaves the pool for the list of returns. */
static void ram_retire_chunk(struct ram_chunk *chunk)
{
    uint64_t bytes = chunk->node.bytes;
    struct tree_node *range = tree_find(ram.free, chunk->node.key);
    if (!chunk->returnable || range == NULL || range->bytes != bytes) {
        return;
    }
    if (bytes < RAM_DIRECT_BYTES && ram.free_bytes - bytes < RAM_CHUNK_BYTES + RAM_RESERVE_BYTES) {
        return;
    }
    if (ram.free_bytes - bytes < RAM_RESERVE_BYTES) {
        return;
    }
    tree_remove(&ram.free, range->key);
    if (ram_pool_run() < RAM_RESERVE_RUN) {
        tree_insert(&ram.free, range);   /* the rest is in small pieces */
        return;
    }
    mem_free(MEM_SLAB_RANGE, range);
    tree_remove(&ram.chunks, chunk->node.key);
    ram.free_bytes -= bytes;
    ram.total_bytes -= bytes;
    chunk->next = ram.returns;
    ram.returns = chunk;
}

/* A part of a piece, or the rest of it. */
static void ram_give_part(uint64_t base, uint64_t bytes)
{
    struct ram_chunk *chunk = ram_chunk_at(base, bytes);
    USER_CHECK(chunk != NULL);
    bool given = ranges_give(&ram.free, &mem_slabs[MEM_SLAB_RANGE], base, bytes, chunk->node.key,
                             chunk->node.key + chunk->node.bytes);
    USER_CHECK(given);
    ram.free_bytes += bytes;
    ram_retire_chunk(chunk);
}

void ram_give(uint64_t base, uint64_t bytes)
{
    ram.pieces -= ram.pieces != 0 ? 1 : 0; /* halves of cap_split are more than were counted */
    ram_give_part(base, bytes);
}

static uint64_t ram_pow2_above(uint64_t bytes)
{
    return bytes <= 1 ? 1 : 1ull << (64 - __builtin_clzll(bytes - 1));
}

errval_t ram_refill(uint64_t bytes, uint64_t align)
{
    const struct ram_source *source = ram.source;
    if (source == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    /* What is asked for is cut from the new chunk if it is large; the reserve must come from
     * somewhere, too. */
    uint64_t want = bytes >= RAM_DIRECT_BYTES && ram.free_bytes >= RAM_RESERVE_BYTES
                        ? bytes : bytes + RAM_CHUNK_BYTES;
    want = bytes <= RAM_CHUNK_BYTES / 4 ? RAM_CHUNK_BYTES : want;
    if (want < bytes || want > RAM_BYTES_MAX) {
        return LIB_ERR_NO_MEMORY;
    }
    want = want == bytes ? aos_round_up(bytes, AOS_PAGE_BYTES) : ram_pow2_above(want);
    caddr_t cap;
    uint64_t actual;
    mem_unlock_for_source();
    errval_t err = source->alloc(source->arg, want, align > AOS_PAGE_BYTES ? align : AOS_PAGE_BYTES,
                                 &cap, &actual);
    struct cap_info info = { 0 };
    if (err_is_ok(err)) {
        err = cap_identify(cap, &info);
        if (err_is_ok(err) && (info.type != CAPTYPE_RAM || info.b < bytes)) {
            err = LIB_ERR_RANGE;
        }
        if (err_is_fail(err)) {
            (void)cap_destroy(cap);
        }
    }
    mem_lock();
    if (err_is_fail(err)) {
        return err_push(err, LIB_ERR_NO_MEMORY);
    }
    if (!slot_is_kept(cap)) {
        caddr_t home = slot_take(1);
        if (home != 0 && err_is_ok(cap_move(home, cap))) {
            slot_free(cap);
            cap = home;
        } else if (home != 0) {
            slot_free(home);
        }
    }
    ram_add_chunk(cap, info.a, info.b, true);
    return ERR_OK;
}

errval_t ram_need(uint64_t bytes, uint64_t align)
{
    bool there = ram.free_bytes >= RAM_RESERVE_BYTES + bytes &&
                 ram_pool_run() >= RAM_RESERVE_RUN && (bytes == 0 || ram_has(bytes, align));
    return there ? ERR_OK : ram_refill(bytes, align);
}

void ram_return_chunks(void)
{
    while (ram.returns != NULL) {
        struct ram_chunk *chunk = ram.returns;
        ram.returns = chunk->next;
        caddr_t cap = chunk->cap;
        uint64_t bytes = chunk->node.bytes;
        const struct ram_source *source = ram.source;
        mem_free(MEM_SLAB_CHUNK, chunk);
        mem_unlock_for_source();
        if (source != NULL) {
            source->free(source->arg, cap, bytes);
        } else {
            (void)cap_destroy(cap);
        }
        mem_lock();
    }
}

/* RAM that is made of RAM must be smaller: it is taken with a page more, which goes back at
 * once. */
static uint64_t ram_spare(enum captype type)
{
    return type == CAPTYPE_RAM ? AOS_PAGE_BYTES : 0;
}

errval_t ram_make(caddr_t dest, enum captype type, uint64_t bytes, uint64_t align,
                  uint64_t *ret_base)
{
    caddr_t cap;
    uint64_t off;
    uint64_t base;
    uint64_t spare = ram_spare(type);
    errval_t err = ram_take(bytes + spare, align, &cap, &off, &base);
    if (err_is_fail(err)) {
        return err;
    }
    err = cap_retype(dest, cap, off, type, bytes, 1);
    if (err_is_fail(err)) {
        ram_give(base, bytes + spare);
        return err;
    }
    if (spare != 0) {
        ram_give_part(base + bytes, spare);
    }
    *ret_base = base;
    return ERR_OK;
}

errval_t ram_retype_new(caddr_t dest, enum captype type, uint64_t bytes, uint64_t align)
{
    if (bytes == 0 || bytes % AOS_PAGE_BYTES != 0 || !aos_is_pow2(align) ||
        align < AOS_PAGE_BYTES) {
        return LIB_ERR_BAD_ALIGN;
    }
    if (bytes > RAM_BYTES_MAX) {
        return LIB_ERR_NO_MEMORY;
    }
    errval_t err = mem_begin(bytes + ram_spare(type), align);
    if (err_is_fail(err)) {
        return err;
    }
    uint64_t base;
    err = ram_make(dest, type, bytes, align, &base);
    mem_end();
    return err;
}

static errval_t ram_alloc_as(enum captype type, uint64_t bytes, uint64_t align, caddr_t *ret_cap)
{
    caddr_t slot;
    errval_t err = slot_alloc(&slot);
    if (err_is_fail(err)) {
        return err;
    }
    err = ram_retype_new(slot, type, bytes, align);
    if (err_is_fail(err)) {
        slot_free(slot);
        return err;
    }
    *ret_cap = slot;
    return ERR_OK;
}

errval_t ram_alloc(uint64_t bytes, uint64_t align, caddr_t *ret_ram)
{
    return ram_alloc_as(CAPTYPE_RAM, bytes, align, ret_ram);
}

errval_t frame_alloc(uint64_t bytes, caddr_t *ret_frame, uint64_t *ret_bytes)
{
    if (bytes > UINT64_MAX - AOS_PAGE_BYTES) {
        return LIB_ERR_NO_MEMORY;
    }
    uint64_t rounded = aos_round_up(bytes, AOS_PAGE_BYTES);
    uint64_t align = rounded >= AOS_LARGE_BYTES ? AOS_LARGE_BYTES : AOS_PAGE_BYTES;
    errval_t err = ram_alloc_as(CAPTYPE_FRAME, rounded, align, ret_frame);
    if (err_is_ok(err) && ret_bytes != NULL) {
        *ret_bytes = rounded;
    }
    return err;
}

errval_t ram_free_range(uint64_t base, uint64_t bytes)
{
    mem_lock();
    struct ram_chunk *chunk = ram_chunk_at(base, bytes);
    if (chunk != NULL) {
        ram_give(base, bytes);
    }
    mem_end();
    return chunk != NULL ? ERR_OK : LIB_ERR_BAD_ADDRESS;
}

errval_t ram_free_range_unused(uint64_t base, uint64_t bytes)
{
    caddr_t probe;
    errval_t err = slot_alloc(&probe);
    if (err_is_fail(err)) {
        return err;
    }
    mem_lock();
    struct ram_chunk *chunk = ram_chunk_at(base, bytes);
    /* The kernel makes nothing of memory of which something is left. */
    err = chunk == NULL ? LIB_ERR_BAD_ADDRESS
                        : cap_retype(probe, chunk->cap, base - chunk->node.key, CAPTYPE_RAM, bytes,
                                     1);
    mem_end();
    if (err_is_fail(err)) {
        slot_free(probe);
        return err;
    }
    (void)cap_destroy(probe);
    return ram_free_range(base, bytes);
}

errval_t ram_free(caddr_t c)
{
    struct cap_info info;
    errval_t err = cap_identify(c, &info);
    if (err_is_fail(err)) {
        return err;
    }
    mem_lock();
    bool ours = ram_chunk_at(info.a, info.b) != NULL;
    mem_end();
    if (!ours || (info.type != CAPTYPE_RAM && info.type != CAPTYPE_FRAME)) {
        return LIB_ERR_BAD_ADDRESS;
    }
    err = cap_revoke(c);
    if (err_is_ok(err)) {
        err = cap_destroy(c);
    }
    return err_is_ok(err) ? ram_free_range(info.a, info.b) : err;
}

void ram_stats(uint64_t *ret_free_bytes, uint64_t *ret_total_bytes)
{
    mem_lock();
    *ret_free_bytes = ram.free_bytes;
    *ret_total_bytes = ram.total_bytes;
    mem_end();
}
