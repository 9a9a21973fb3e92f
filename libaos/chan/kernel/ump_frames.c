/* Frames of rings: mapped in a range of their own, in which the kernel leaves out what disabled
 * code cannot access any more (kpi/dispatcher.h), so that a peer that takes its frame away ends
 * the channel and not the domain. Invariant: bit i of `places` is set iff place i is somebody's. */
#include "ump_priv.h"

#include <aos/paging.h>

#define PLACE_BYTES (2u * (uint64_t)UMP_FRAME_BYTES_MAX)
#define PLACES      256u

_Static_assert(UMP_FRAME_BYTES_MAX % AOS_PAGE_BYTES == 0, "a place has room for two frames");

static struct {
    struct mutex lock;
    uint8_t *range; /* NULL: not reserved yet */
    uint64_t places[PLACES / 64u];
} frames;

/* The range, from the first use on. With the lock. */
static errval_t frames_range(void)
{
    void *range;
    if (frames.range != NULL) {
        return ERR_OK;
    }
    errval_t err = paging_reserve(paging_self(), PLACES * PLACE_BYTES, AOS_PAGE_BYTES, &range);
    if (err_is_ok(err)) {
        struct kpi_dispatcher *page = disp_page();
        frames.range = range;
        page->shared_first = (uint64_t)(uintptr_t)range;
        page->shared_bytes = PLACES * PLACE_BYTES;
    }
    return err;
}

static errval_t frames_place(uint8_t **ret_place)
{
    mutex_lock(&frames.lock);
    errval_t err = frames_range();
    for (uint32_t i = 0; err_is_ok(err); i++) {
        if (i == PLACES) {
            err = LIB_ERR_NO_ADDRESS;
        } else if ((frames.places[i / 64u] & 1ull << i % 64u) == 0) {
            frames.places[i / 64u] |= 1ull << i % 64u;
            *ret_place = frames.range + i * PLACE_BYTES;
            break;
        }
    }
    mutex_unlock(&frames.lock);
    return err;
}

static void frames_leave(const uint8_t *place)
{
    uint64_t i = (uint64_t)(place - frames.range) / PLACE_BYTES;
    (void)paging_discard((void *)(uintptr_t)place, PLACE_BYTES);
    mutex_lock(&frames.lock);
    frames.places[i / 64u] &= ~(1ull << i % 64u);
    mutex_unlock(&frames.lock);
}

static bool frames_bytes_ok(uint32_t bytes)
{
    return bytes >= UMP_FRAME_BYTES_MIN && bytes <= UMP_FRAME_BYTES_MAX &&
           bytes % AOS_PAGE_BYTES == 0;
}

struct frames_part {
    caddr_t frame;
    uint32_t off, bytes;
};

static errval_t frames_map(const struct frames_part *out, const struct frames_part *in,
                           struct ump_config *ret_config)
{
    uint8_t *place;
    if (!frames_bytes_ok(out->bytes) || !frames_bytes_ok(in->bytes)) {
        return LIB_ERR_RANGE;
    }
    errval_t err = frames_place(&place);
    if (err_is_fail(err)) {
        return err;
    }
    err = paging_map_reserved(paging_self(), place, out->frame, out->off, out->bytes, AOS_VM_RW);
    if (err_is_ok(err)) {
        err = paging_map_reserved(paging_self(), place + UMP_FRAME_BYTES_MAX, in->frame, in->off,
                                  in->bytes, AOS_VM_READ);
    }
    if (err_is_fail(err)) {
        frames_leave(place);
        return err;
    }
    ret_config->out = place;
    ret_config->in = place + UMP_FRAME_BYTES_MAX;
    ret_config->out_bytes = out->bytes;
    ret_config->in_bytes = in->bytes;
    return ERR_OK;
}

errval_t ump_frames_map(caddr_t out, uint32_t out_bytes, caddr_t in, uint32_t in_bytes,
                        struct ump_config *ret_config)
{
    const struct frames_part to = {out, 0, out_bytes}, from = {in, 0, in_bytes};
    return frames_map(&to, &from, ret_config);
}

errval_t ump_rings_map(caddr_t frame, uint32_t bytes, bool first, struct ump_config *ret_config)
{
    const struct frames_part one = {frame, 0, bytes}, two = {frame, bytes, bytes};
    return first ? frames_map(&one, &two, ret_config) : frames_map(&two, &one, ret_config);
}

void ump_frames_unmap(const struct ump_config *config)
{
    frames_leave(config->out);
}
