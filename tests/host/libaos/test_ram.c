/* The pool of RAM against a model of pages: nothing is handed out twice, what comes back merges,
 * and what is free as a whole goes back to its source. */
#include <check.h>

#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/ram.h>
#include <aos/slot.h>

#include "mem_priv.h"
#include "ram_priv.h"
#include "ranges_priv.h"

#define BOOT_PAGES   4096u               /* the chunk that never goes back */
#define SOURCE_PAGES 65536u              /* what the source has besides */
#define PAGES        (BOOT_PAGES + SOURCE_PAGES)
#define PIECES       3000u
#define STEPS        60000u
#define CAPS         (PIECES + 2000u)
#define BASE         0x40000000ull

struct slab mem_slabs[MEM_SLAB_COUNT];
static unsigned locked;
static uint64_t seed = 4711;
static bool used[PAGES];                 /* handed out by the pool */
static bool sourced[PAGES];              /* handed out by the source */
static struct {
    bool taken;
    uint64_t base, bytes;
} caps[CAPS];
static uint64_t source_out;

void aos_panic(const char *format, ...)
{
    fprintf(stderr, "panic: %s\n", format);
    abort();
}

/* mem_priv.h: reserves that are always full. */

errval_t mem_begin(uint64_t bytes, uint64_t align)
{
    CHECK(locked == 0);
    locked++;
    errval_t err = ram_need(bytes, align);
    locked -= err_is_fail(err) ? 1 : 0;
    return err;
}

void mem_lock(void)
{
    locked++;
}

void mem_end(void)
{
    if (--locked == 0 && ram_returns_pending()) {
        locked++;
        ram_return_chunks();
        locked--;
    }
}

void mem_unlock_for_source(void)
{
    CHECK(locked == 1);
    locked--;
}

void *mem_new(enum mem_slab kind)
{
    return slab_alloc(&mem_slabs[kind]);
}

void mem_free(enum mem_slab kind, void *object)
{
    slab_free(&mem_slabs[kind], object);
}

bool slot_is_kept(caddr_t slot)
{
    return true;
}

caddr_t slot_take(uint32_t count)
{
    static caddr_t next;
    do {
        next = next + 1 < CAPS ? next + 1 : 1;
    } while (caps[next].taken);
    caps[next].taken = true;
    return next;
}

errval_t slot_alloc(caddr_t *ret_slot)
{
    *ret_slot = slot_take(1);
    return ERR_OK;
}

void slot_free(caddr_t slot)
{
    CHECK(caps[slot].taken);
    caps[slot].taken = false;
}

errval_t cap_identify(caddr_t c, struct cap_info *ret_info)
{
    *ret_info = (struct cap_info){ .type = CAPTYPE_RAM, .a = caps[c].base, .b = caps[c].bytes };
    return ERR_OK;
}

errval_t cap_move(caddr_t dest, caddr_t src)
{
    return SYS_ERR_CAP_TYPE;
}

errval_t cap_revoke(caddr_t c)
{
    return ERR_OK;
}

errval_t cap_destroy(caddr_t c)
{
    slot_free(c);
    return ERR_OK;
}

errval_t cap_retype(caddr_t dest, caddr_t src, uint64_t off, enum captype type, uint64_t bytes,
                    uint32_t count)
{
    CHECK(caps[src].taken && off + bytes <= caps[src].bytes && bytes < caps[src].bytes);
    caps[dest].base = caps[src].base + off;
    caps[dest].bytes = bytes;
    return ERR_OK;
}

/* The source: runs of pages, first fit. */
static errval_t source_alloc(void *arg, uint64_t bytes, uint64_t align, caddr_t *ret_ram,
                             uint64_t *ret_bytes)
{
    uint64_t pages = bytes / AOS_PAGE_BYTES;
    uint64_t step = align / AOS_PAGE_BYTES;
    for (uint64_t at = aos_round_up(BOOT_PAGES, step); at + pages <= PAGES; at += step) {
        uint64_t i = 0;
        while (i < pages && !sourced[at + i]) {
            i++;
        }
        if (i == pages) {
            memset(&sourced[at], 1, pages);
            *ret_ram = slot_take(1);
            caps[*ret_ram].base = BASE + at * AOS_PAGE_BYTES;
            caps[*ret_ram].bytes = bytes;
            *ret_bytes = bytes;
            source_out += bytes;
            return ERR_OK;
        }
    }
    return LIB_ERR_NO_MEMORY;
}

static void source_free(void *arg, caddr_t ram, uint64_t bytes)
{
    CHECK(caps[ram].bytes == bytes);
    for (uint64_t i = 0; i < bytes / AOS_PAGE_BYTES; i++) {
        uint64_t page = (caps[ram].base - BASE) / AOS_PAGE_BYTES + i;
        CHECK(sourced[page] && !used[page]);
        sourced[page] = false;
    }
    source_out -= bytes;
    slot_free(ram);
}

static void mark(caddr_t c, bool value)
{
    for (uint64_t i = 0; i < caps[c].bytes / AOS_PAGE_BYTES; i++) {
        uint64_t page = (caps[c].base - BASE) / AOS_PAGE_BYTES + i;
        CHECK(page < PAGES && used[page] != value && (page < BOOT_PAGES || sourced[page]));
        used[page] = value;
    }
}

static caddr_t pieces[PIECES];
static uint32_t piece_count;
static uint64_t piece_bytes;

static void take(void)
{
    uint64_t pages = 1 + check_random(&seed) % (check_random(&seed) % 20 == 0 ? 300 : 12);
    uint64_t align = AOS_PAGE_BYTES << check_random(&seed) % (check_random(&seed) % 4 == 0 ? 8 : 1);
    caddr_t c;
    if (err_is_fail(ram_alloc(pages * AOS_PAGE_BYTES, align, &c))) {
        return;
    }
    CHECK(caps[c].base % align == 0 && caps[c].bytes == pages * AOS_PAGE_BYTES);
    mark(c, true);
    piece_bytes += caps[c].bytes;
    pieces[piece_count++] = c;
}

static void give(uint32_t i)
{
    caddr_t c = pieces[i];
    mark(c, false);
    piece_bytes -= caps[c].bytes;
    CHECK(err_is_ok(ram_free(c)));
    pieces[i] = pieces[--piece_count];
}

static void check_sums(void)
{
    uint64_t free_bytes;
    uint64_t total;
    ram_stats(&free_bytes, &total);
    CHECK_EQ(total, BOOT_PAGES * AOS_PAGE_BYTES + source_out);
    CHECK_EQ(free_bytes, total - piece_bytes);
    CHECK_EQ(ram_pieces(), piece_count);
}

/* Grows and shrinks at random, in the end to nothing: one range is left of the memory that does not
 * go back, and no more of the rest than the pool keeps in hand. */
static void LIB1050_random_pieces_merge(void)
{
    uint32_t most = 0;
    for (int round = 0; round < 3; round++) {
        for (uint32_t step = 0; step < STEPS; step++) {
            bool grow = check_random(&seed) % 100 < (step / 10000 % 2 == 0 ? 60 : 40);
            if (grow && piece_count < PIECES) {
                take();
            } else if (piece_count > 0) {
                give((uint32_t)(check_random(&seed) % piece_count));
            }
            most = piece_count > most ? piece_count : most;
            if (step % 500 == 0) {
                check_sums();
            }
        }
        while (piece_count > 0) {
            give((uint32_t)(check_random(&seed) % piece_count));
        }
        check_sums();
        CHECK_EQ(ram_pool_run(), BOOT_PAGES * AOS_PAGE_BYTES);
        const struct slab *s = &mem_slabs[MEM_SLAB_RANGE];
        const struct slab *chunks = &mem_slabs[MEM_SLAB_CHUNK];
        CHECK_EQ(s->total_count - s->free_count, chunks->total_count - chunks->free_count);
        CHECK(source_out <= RAM_CHUNK_BYTES + RAM_RESERVE_BYTES);
    }
    CHECK(most > PIECES / 2);
}

/* Every second page first: as many ranges as there are pages left, and one in the end. */
static void LIB1051_holes_close(void)
{
    for (uint32_t i = 0; i < PIECES; i++) {
        CHECK(err_is_ok(ram_alloc(AOS_PAGE_BYTES, AOS_PAGE_BYTES, &pieces[i])));
        mark(pieces[i], true);
        piece_bytes += AOS_PAGE_BYTES;
        piece_count++;
    }
    caddr_t kept[PIECES / 2];
    for (uint32_t i = 0; i < PIECES / 2; i++) {
        kept[i] = pieces[2 * i];
        pieces[i] = pieces[2 * i + 1];
    }
    piece_count = PIECES / 2;
    while (piece_count > 0) {
        give(piece_count - 1);
    }
    const struct slab *s = &mem_slabs[MEM_SLAB_RANGE];
    CHECK(s->total_count - s->free_count >= PIECES / 2);
    memcpy(pieces, kept, sizeof(kept));
    piece_count = PIECES / 2;
    while (piece_count > 0) {
        give(0);
    }
    CHECK_EQ(ram_pool_run(), BOOT_PAGES * AOS_PAGE_BYTES);
    check_sums();
}

static void LIB1052_wrong_requests(void)
{
    caddr_t c;
    CHECK_EQ(ram_alloc(0, AOS_PAGE_BYTES, &c), LIB_ERR_BAD_ALIGN);
    CHECK_EQ(ram_alloc(100, AOS_PAGE_BYTES, &c), LIB_ERR_BAD_ALIGN);
    CHECK_EQ(ram_alloc(AOS_PAGE_BYTES, 3 * AOS_PAGE_BYTES, &c), LIB_ERR_BAD_ALIGN);
    CHECK_EQ(ram_alloc(1ull << 60, AOS_PAGE_BYTES, &c), LIB_ERR_NO_MEMORY);
    CHECK_EQ(ram_free_range(1ull << 40, AOS_PAGE_BYTES), LIB_ERR_BAD_ADDRESS);
    CHECK_EQ(ram_free_range(BASE, UINT64_MAX), LIB_ERR_BAD_ADDRESS);
    check_sums();
}

int main(void)
{
    static uint64_t ranges[200000];
    static uint64_t chunks[50000];
    static const struct ram_source source = { .alloc = source_alloc, .free = source_free };
    slab_init(&mem_slabs[MEM_SLAB_RANGE], sizeof(struct tree_node));
    (void)slab_grow(&mem_slabs[MEM_SLAB_RANGE], ranges, sizeof(ranges));
    slab_init(&mem_slabs[MEM_SLAB_CHUNK], sizeof(struct ram_chunk));
    (void)slab_grow(&mem_slabs[MEM_SLAB_CHUNK], chunks, sizeof(chunks));
    caps[KPI_CAP_EARLY_RAM].taken = true;
    caps[KPI_CAP_EARLY_RAM].base = BASE;
    caps[KPI_CAP_EARLY_RAM].bytes = BOOT_PAGES * AOS_PAGE_BYTES;
    CHECK(err_is_ok(ram_init()));
    ram_set_source(&source);
    RUN(LIB1050_random_pieces_merge);
    RUN(LIB1051_holes_close);
    RUN(LIB1052_wrong_requests);
    return 0;
}
