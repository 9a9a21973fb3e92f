/* Linked into a service in place of what its objects call to get memory, slots, frames and
 * addresses (--wrap of the linker): each of them can be made to fail, by the number of the call.
 * What a module calls of its own is not seen; it is seen a level below. failing.h tells how. */
#include "failing.h"

#include <stdbool.h>
#include <stddef.h>

#include <abi/captypes.h>
#include <aos/chan.h>
#include <aos/paging.h>
#include <aos/ram.h>
#include <aos/slot.h>

static struct {
    uint32_t first, last;                /* these fail; 0: none */
    uint32_t count;                      /* since they were told */
    bool failed;
} failing;

static bool failing_now(void)
{
    uint32_t number;

    if (__atomic_load_n(&failing.first, __ATOMIC_RELAXED) == 0) {
        return false;
    }
    number = __atomic_add_fetch(&failing.count, 1, __ATOMIC_RELAXED);
    if (number < failing.first || number > failing.last) {
        return false;
    }
    __atomic_store_n(&failing.failed, true, __ATOMIC_RELAXED);
    return true;
}

/* RETURN: what NAME returns when it fails. */
#define FAILING(type, failed, name, parameters, arguments)                                        \
    type __real_##name parameters;                                                                \
    type __wrap_##name parameters;                                                                \
    type __wrap_##name parameters                                                                 \
    {                                                                                             \
        return failing_now() ? (failed) : __real_##name arguments;                                \
    }

FAILING(void *, NULL, block_alloc, (size_t bytes, size_t align), (bytes, align))
FAILING(errval_t, LIB_ERR_NO_SLOTS, slot_alloc, (caddr_t *ret_slot), (ret_slot))
FAILING(errval_t, LIB_ERR_NO_SLOTS, slot_alloc_range, (uint32_t count, caddr_t *ret_first),
        (count, ret_first))
FAILING(errval_t, LIB_ERR_NO_MEMORY, ram_alloc, (uint64_t bytes, uint64_t align, caddr_t *ret_ram),
        (bytes, align, ret_ram))
FAILING(errval_t, LIB_ERR_NO_MEMORY, frame_alloc,
        (uint64_t bytes, caddr_t *ret_frame, uint64_t *ret_bytes), (bytes, ret_frame, ret_bytes))
FAILING(errval_t, LIB_ERR_NO_MEMORY, ram_retype_new,
        (caddr_t dest, enum captype type, uint64_t bytes, uint64_t align),
        (dest, type, bytes, align))
FAILING(errval_t, LIB_ERR_NO_MEMORY, paging_alloc, (uint64_t bytes, uint32_t flags, void **ret_va),
        (bytes, flags, ret_va))
FAILING(errval_t, LIB_ERR_NO_MEMORY, paging_alloc_guarded,
        (uint64_t bytes, uint64_t guard, const char *name, void **ret_va),
        (bytes, guard, name, ret_va))
FAILING(errval_t, LIB_ERR_NO_MEMORY, paging_alloc_lazy,
        (const struct paging_lazy *spec, void **ret_va), (spec, ret_va))
FAILING(errval_t, LIB_ERR_NO_MEMORY, paging_populate, (void *va, uint64_t bytes), (va, bytes))
FAILING(errval_t, LIB_ERR_NO_MEMORY, paging_map_frame,
        (struct paging_state *st, caddr_t frame, uint64_t off, uint64_t bytes, uint32_t flags,
         void **ret_va), (st, frame, off, bytes, flags, ret_va))
struct proc_build;
FAILING(errval_t, LIB_ERR_NO_MEMORY, proc_retype,
        (const struct proc_build *b, caddr_t dest, uint64_t off, enum captype type,
         uint64_t bytes, uint32_t count), (b, dest, off, type, bytes, count))
FAILING(errval_t, LIB_ERR_NO_SLOTS, slot_alloc_l1, (uint32_t count, uint32_t *ret_first),
        (count, ret_first))

struct chan_area;
errval_t __real_chan_area_attach(struct chan_area *a, caddr_t frame, uint32_t slot_bytes,
                                 uint32_t bytes, uint32_t flags);
errval_t __wrap_chan_area_attach(struct chan_area *a, caddr_t frame, uint32_t slot_bytes,
                                 uint32_t bytes, uint32_t flags);

errval_t __wrap_chan_area_attach(struct chan_area *a, caddr_t frame, uint32_t slot_bytes,
                                 uint32_t bytes, uint32_t flags)
{
    uint32_t word = slot_bytes / 8, number = word % FAILING_NUMBERS;

    if ((word & ~(FAILING_BURST | (FAILING_NUMBERS - 1))) != FAILING_MARK) {
        return __real_chan_area_attach(a, frame, slot_bytes, bytes, flags);
    }
    bool failed = failing.failed;
    failing.failed = false;
    failing.count = 0;
    failing.last = number + ((word & FAILING_BURST) != 0 ? FAILING_MANY - 1 : 0);
    __atomic_store_n(&failing.first, number, __ATOMIC_RELAXED);
    return number == 0 && failed ? LIB_ERR_NO_MEMORY : ERR_OK;
}
