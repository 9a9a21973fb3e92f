/* Lock and reserves of the memory subsystem (mem_priv.h). */
#include <aos/debug.h>
#include <aos/paging.h>

#include "paging_priv.h"
#include "mem_priv.h"
#include "ram_priv.h"
#include "slot_priv.h"
#include "tree_priv.h"

/* Of each slab: the reserve, and the first objects. Every domain starts with them, so they are not
 * many. */
#define MEM_EARLY_OBJECTS (MEM_NODES_RESERVE + 16u)
#define MEM_EARLY_RANGES  96u            /* more of these: each piece of RAM and of addresses */
#define MEM_ROUNDED(type) ((sizeof(type) + 15) & ~(size_t)15)
#define MEM_EARLY_BYTES                                                                           \
    (MEM_EARLY_RANGES * MEM_ROUNDED(struct tree_node) +                                           \
     MEM_EARLY_OBJECTS *                                                                          \
     (MEM_ROUNDED(struct ram_chunk) + MEM_ROUNDED(struct ptable) +                                \
      MEM_ROUNDED(struct paging_part) + MEM_ROUNDED(struct paging_region) +                       \
      MEM_ROUNDED(struct paging_access) + MEM_ROUNDED(struct paging_store) +                      \
      MEM_ROUNDED(struct slot_node)))

struct slab mem_slabs[MEM_SLAB_COUNT];

static uint8_t mem_early[MEM_EARLY_BYTES] __attribute__((aligned(16)));

static struct {
    struct mutex lock;                   /* recursive */
    struct thread *refilling;            /* under lock */
    struct cond refilled;
} mem = { .lock = MUTEX_INIT_RECURSIVE };

static const size_t mem_sizes[MEM_SLAB_COUNT] = {
    [MEM_SLAB_RANGE] = sizeof(struct tree_node),
    [MEM_SLAB_CHUNK] = sizeof(struct ram_chunk),
    [MEM_SLAB_TABLE] = sizeof(struct ptable),
    [MEM_SLAB_PART] = sizeof(struct paging_part),
    [MEM_SLAB_REGION] = sizeof(struct paging_region),
    [MEM_SLAB_ACCESS] = sizeof(struct paging_access),
    [MEM_SLAB_STORE] = sizeof(struct paging_store),
    [MEM_SLAB_SLOTS] = sizeof(struct slot_node),
};

void mem_init(void)
{
    uint8_t *at = mem_early;
    for (int i = 0; i < MEM_SLAB_COUNT; i++) {
        slab_init(&mem_slabs[i], mem_sizes[i]);
        size_t count = i == MEM_SLAB_RANGE ? MEM_EARLY_RANGES : MEM_EARLY_OBJECTS;
        size_t bytes = count * mem_slabs[i].object_bytes;
        (void)slab_grow(&mem_slabs[i], at, bytes);
        at += bytes;
    }
    USER_CHECK(at == mem_early + MEM_EARLY_BYTES);
}

void *mem_new(enum mem_slab kind)
{
    void *object = slab_alloc(&mem_slabs[kind]);
    USER_CHECK(object != NULL);
    return object;
}

void mem_free(enum mem_slab kind, void *object)
{
    slab_free(&mem_slabs[kind], object);
}

uint64_t mem_owed(enum mem_slab kind)
{
    const struct slab *regions = &mem_slabs[MEM_SLAB_REGION];
    return kind != MEM_SLAB_RANGE ? 0
                                  : ram_pieces() + regions->total_count - regions->free_count;
}

static bool mem_nodes_ready(uint64_t reserve)
{
    uint64_t least = mem_slabs[MEM_SLAB_RANGE].free_count;
    bool owed = least >= reserve + mem_owed(MEM_SLAB_RANGE);
    /* Without branches: asked before each operation, the answer is nearly always yes. */
#pragma GCC unroll 8
    for (int i = 0; i < MEM_SLAB_COUNT; i++) {
        uint64_t free_count = mem_slabs[i].free_count;
        least = free_count < least ? free_count : least;
    }
    return owed && least >= reserve;
}

/* Are all reserves full, and the wanted RAM there besides? */
static inline __attribute__((always_inline)) bool mem_ready(uint64_t bytes, uint64_t align)
{
    if (!mem_nodes_ready(MEM_NODES_RESERVE)) {
        return false;
    }
    uint64_t free_bytes = ram_pool_free();
    return slot_free_count() >= MEM_SLOTS_RESERVE && free_bytes >= RAM_RESERVE_BYTES &&
           ram_pool_run() >= RAM_RESERVE_RUN &&
           (bytes == 0 || (free_bytes - RAM_RESERVE_BYTES >= bytes && ram_has(bytes, align)));
}

static errval_t mem_refill_slots(void)
{
    errval_t err = ERR_OK;
    if (slot_free_count() < MEM_SLOTS_RESERVE) {
        if (slot_l1_low()) {
            (void)slot_grow_l1();        /* without it there is room for a few nodes still */
        }
        err = slot_grow(false);
    }
    if (slot_kept_free_count() < MEM_SLOTS_RESERVE) {
        (void)slot_grow(true);           /* without it refills take others */
    }
    return err;
}

/* Tries to fill what is low. Holds the lock, which ram_refill drops; mem.refilling keeps others
 * out. Slots come first, out of the reserve of RAM: the answer with new RAM needs one to be
 * received, and so do all messages with capabilities that come before it (LIB1060). */
static __attribute__((noinline)) errval_t mem_refill(uint64_t bytes, uint64_t align)
{
    errval_t slots_before = mem_refill_slots();
    errval_t err = ram_need(bytes, align);
    if (err_is_fail(slots_before)) {
        errval_t grown = mem_refill_slots();
        err = err_is_fail(grown) ? grown : err;
    }
    for (int i = 0; i < MEM_SLAB_COUNT; i++) {
        void *page;
        if (mem_slabs[i].free_count >= MEM_NODES_RESERVE + mem_owed((enum mem_slab)i)) {
            continue;
        }
        errval_t mapped = paging_alloc(MEM_SLAB_BYTES, AOS_VM_RW, &page);
        if (err_is_ok(mapped)) {
            (void)slab_grow(&mem_slabs[i], page, MEM_SLAB_BYTES);
        }
        err = err_is_fail(mapped) ? mapped : err;
    }
    return err;
}

/* Is there enough to go on although a refill failed or is under way elsewhere? Half of each
 * reserve covers one operation. */
static bool mem_above_floor(uint64_t bytes, uint64_t align)
{
    return mem_nodes_ready(MEM_NODES_RESERVE / 2) && slot_free_count() >= MEM_SLOTS_RESERVE / 2 &&
           (bytes == 0 || (ram_pool_free() >= bytes + RAM_RESERVE_BYTES / 4 &&
                           ram_has(bytes, align)));
}

/* Something is missing. Apart, so that what is common needs little stack. */
static __attribute__((noinline)) errval_t mem_begin_slow(uint64_t bytes, uint64_t align)
{
    while (mem.refilling != thread_self() && !mem_ready(bytes, align)) {
        if (mem.refilling != NULL) {
            if (mem_above_floor(bytes, align)) {
                break;
            }
            /* Nobody nests operations outside a refill, so the lock is held once. */
            cond_wait(&mem.refilled, &mem.lock);
            continue;
        }
        mem.refilling = thread_self();
        errval_t err = mem_refill(bytes, align);
        mem.refilling = NULL;
        cond_broadcast(&mem.refilled);
        if (err_is_fail(err)) {
            if (mem_above_floor(bytes, align)) {
                break;
            }
            mutex_unlock(&mem.lock);
            return err;
        }
    }
    return ERR_OK;
}

errval_t mem_begin(uint64_t bytes, uint64_t align)
{
    arch_stack_touch(MEM_STACK_BYTES);
    mutex_lock(&mem.lock);
    return mem_ready(bytes, align) ? ERR_OK : mem_begin_slow(bytes, align);
}

void mem_lock(void)
{
    arch_stack_touch(MEM_STACK_BYTES);
    mutex_lock(&mem.lock);
}

bool mem_is_refilling(void)
{
    return mem.refilling == thread_self();
}

bool mem_locked(void)
{
    return mutex_held(&mem.lock);
}

void mem_end(void)
{
    if (mem.refilling == NULL && mem.lock.depth == 0 && ram_returns_pending()) {
        ram_return_chunks();
    }
    mutex_unlock(&mem.lock);
}

void mem_unlock_for_source(void)
{
    USER_CHECK(mem.lock.depth == 0);
    mutex_unlock(&mem.lock);
}
