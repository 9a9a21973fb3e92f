/* Frames of others that a worker's server has, by connection. Its owner touches what is mapped only
 * while it is sure to be there: the one who gave it waits for the answer before it takes it back,
 * and does not ask for a mapping if it may end. */
#include "stress_priv.h"

#include <aos/paging.h>

static errval_t keep_compare(const void *at, uint64_t bytes, uint64_t mark)
{
    for (uint64_t off = 0; off < bytes; off += AOS_PAGE_BYTES) {
        const volatile uint64_t *page = (const volatile uint64_t *)((const char *)at + off);

        if (*page != mark) {
            return STRESS_ERR_WRONG;
        }
    }
    return ERR_OK;
}

errval_t keep_add(struct keep *k, caddr_t frame, uint64_t mark, stress_use_t use,
                  uint32_t *ret_place)
{
    bool map = use == STRESS_USE_MAPPED;
    uint32_t place = 0;
    struct cap_info info;
    void *at = NULL;
    errval_t err;

    while (place < KEEP_FRAMES_MAX && k->places[place].used) {
        place++;
    }
    if (place == KEEP_FRAMES_MAX) {
        return STRESS_ERR_FULL;
    }
    if (err_is_fail(cap_identify(frame, &info)) || info.type != CAPTYPE_FRAME) {
        return map ? STRESS_ERR_WRONG : STRESS_ERR_NOTHING;
    }
    if (map) {
        if (err_is_fail(paging_map_frame(paging_self(), frame, 0, info.b, AOS_VM_RW, &at))) {
            return STRESS_ERR_WRONG;
        }
        err = keep_compare(at, info.b, mark);
        if (err_is_fail(err)) {
            (void)paging_unmap(paging_self(), at);
            return err;
        }
    }
    k->places[place].frame = frame;
    k->places[place].at = at;
    k->places[place].bytes = info.b;
    k->places[place].used = true;
    *ret_place = place;
    return ERR_OK;
}

errval_t keep_look(struct keep *k, uint32_t place, uint64_t mark)
{
    if (place >= KEEP_FRAMES_MAX || !k->places[place].used) {
        return STRESS_ERR_NOTHING;
    }
    return k->places[place].at == NULL
        ? ERR_OK : keep_compare(k->places[place].at, k->places[place].bytes, mark);
}

errval_t keep_leave(struct keep *k, uint32_t place, stress_was_t was)
{
    struct cap_info info = {0};
    errval_t err;

    if (place >= KEEP_FRAMES_MAX || !k->places[place].used) {
        return STRESS_ERR_NOTHING;
    }
    err = cap_identify(k->places[place].frame, &info);
    if (err_is_ok(err) && k->places[place].at != NULL) {
        err = paging_unmap(paging_self(), k->places[place].at);
    }
    if (err_is_ok(err)) {
        err = cap_destroy(k->places[place].frame);
    }
    k->places[place].used = false;
    return err_is_ok(err) && (info.type == CAPTYPE_NULL) == (was == STRESS_WAS_REVOKED)
        ? ERR_OK : STRESS_ERR_WRONG;
}

void keep_leave_all(struct keep *k)
{
    for (uint32_t i = 0; i < KEEP_FRAMES_MAX; i++) {
        (void)keep_leave(k, i, STRESS_WAS_THERE);
    }
}

caddr_t keep_any(const struct keep *k)
{
    for (uint32_t i = 0; i < KEEP_FRAMES_MAX; i++) {
        if (k->places[i].used) {
            return k->places[i].frame;
        }
    }
    return 0;
}
