/* Message areas and regions of lent buffers. Areas: one frame per direction, made by the client,
 * read-only to the receiver. A region: one frame for both. A peer may revoke either at any time, so
 * the copies recover from faults; nothing else touches them. */
#include "chan_priv.h"

#include <aos/arch_copy.h>
#include <aos/cap.h>
#include <aos/fault.h>
#include <aos/paging.h>
#include <aos/ram.h>

errval_t chan_area_create(struct chan_area *a, uint32_t slot_bytes, uint32_t slots, uint32_t flags)
{
    uint64_t bytes;
    caddr_t frame;
    errval_t err = frame_alloc((uint64_t)slot_bytes * slots, &frame, &bytes);
    if (err_is_fail(err)) {
        return err;
    }
    void *va;
    err = paging_map_frame(paging_self(), frame, 0, bytes, flags, &va);
    if (err_is_fail(err)) {
        (void)ram_free(frame);
        return err;
    }
    *a = (struct chan_area){va, slot_bytes, (uint32_t)bytes, frame, false};
    return ERR_OK;
}

/* The peer revoked the frame under a copy: the copy returns false. */
static enum fault_action chan_area_fault(const struct fault *f, void *arg)
{
    (void)arg;
    return arch_copy_fixup(&f->regs->pc) ? FAULT_RESUME : FAULT_NOT_MINE;
}

errval_t chan_area_attach(struct chan_area *a, caddr_t frame, uint32_t slot_bytes, uint32_t bytes,
                          uint32_t flags)
{
    void *va;
    errval_t err = paging_map_frame(paging_self(), frame, 0, bytes, flags, &va);
    if (err_is_fail(err)) {
        return err;
    }
    err = fault_set_region_handler(va, chan_area_fault, NULL);
    if (err_is_fail(err)) {
        (void)paging_unmap(paging_self(), va);
        return err;
    }
    *a = (struct chan_area){va, slot_bytes, bytes, 0, false};
    return ERR_OK;
}

void chan_area_free(struct chan_area *a)
{
    if (a->base != NULL && !a->shared) {
        (void)paging_unmap(paging_self(), a->base);
        if (a->frame != 0) {
            (void)ram_free(a->frame);
        }
    }
    *a = (struct chan_area){0};
}

uint8_t *chan_area_place(const struct chan_area *a, uint32_t slot, uint32_t count)
{
    if (a->base == NULL || count * 8u > a->slot_bytes ||
        (uint64_t)(slot + 1u) * a->slot_bytes > a->bytes) {
        return NULL;
    }
    return a->base + (size_t)slot * a->slot_bytes;
}

bool chan_area_read(const struct chan_area *a, uint32_t slot, uint64_t *words, uint32_t count)
{
    const uint8_t *from = chan_area_place(a, slot, count);
    return from != NULL && arch_copy_words(words, from, count);
}

bool chan_area_kept(const struct lmp_msg *msg, uint64_t *words)
{
    const uint32_t count = msg_words(msg->header);
    if (!msg_in_area(msg->header)) {
        __builtin_memcpy(words, msg->words, 8u * count);
        return true;
    }
    const void *from = (const void *)(uintptr_t)msg->words[MSG_REG_WORDS - 1];
    return from != NULL && arch_copy_words(words, from, count);
}

bool chan_area_write(const struct chan_area *a, uint32_t slot, const uint64_t *words,
                     uint32_t count)
{
    uint8_t *to = chan_area_place(a, slot, count);
    return to != NULL && arch_copy_words(to, words, count);
}

bool chan_area_get(const struct chan_area *a, uint32_t off, void *to, uint32_t bytes)
{
    return arch_copy_bytes(to, a->base + off, bytes);
}

bool chan_area_put(const struct chan_area *a, uint32_t off, const void *from, uint32_t bytes)
{
    return arch_copy_bytes(a->base + off, from, bytes);
}
