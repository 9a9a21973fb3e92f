/* See <aos/kernel_caps.h>. */
#include <aos/kernel_caps.h>

#include <abi/user.h>

static caddr_t root_or_own(caddr_t root)
{
    return root != 0 ? root : KPI_CAP_SELF_L1;
}

errval_t kernel_caps_describe(caddr_t root, caddr_t cap, struct kernel_cap *ret)
{
    uint64_t type, rights, owner, state, page, pages;
    errval_t err = inv_kernel_cap_describe(KPI_CAP_KERNEL, root_or_own(root), cap, &type, &rights,
                                           &owner, &state, &page, &pages);

    if (err_is_ok(err)) {
        *ret = (struct kernel_cap){
            .type = (uint8_t)type, .rights = (uint8_t)rights, .owner = (uint8_t)owner,
            .state = (uint32_t)state, .page = (uint32_t)page, .pages = (uint32_t)pages,
        };
    }
    return err;
}

errval_t kernel_caps_anchor(caddr_t root, caddr_t cap, caddr_t dest)
{
    return inv_kernel_cap_anchor(KPI_CAP_KERNEL, root_or_own(root), cap, dest);
}

errval_t kernel_caps_foreign(uint8_t type, uint32_t page, uint32_t pages, uint8_t owner,
                            caddr_t dest)
{
    return inv_kernel_cap_foreign(KPI_CAP_KERNEL, type, page, pages, owner, dest);
}

errval_t kernel_caps_set_owner(caddr_t anchor, uint8_t owner)
{
    return inv_kernel_cap_set_owner(KPI_CAP_KERNEL, anchor, owner);
}

errval_t kernel_caps_sweep(uint8_t type, uint32_t page, uint32_t pages, bool keep_anchor,
                          caddr_t root, caddr_t keep)
{
    return inv_kernel_cap_sweep(KPI_CAP_KERNEL, type, page, pages, keep_anchor,
                                root_or_own(root), keep);
}

errval_t kernel_caps_part(caddr_t anchor, uint64_t off, uint64_t bytes, bool set)
{
    return inv_kernel_cap_part(KPI_CAP_KERNEL, anchor, off, bytes, set);
}

errval_t kernel_caps_retype(caddr_t root, caddr_t src, uint64_t off, uint8_t type, uint64_t bytes,
                           uint32_t count, caddr_t node, uint32_t index)
{
    return inv_kernel_cap_retype(KPI_CAP_KERNEL, root_or_own(root), src, off, type, bytes, count,
                                 node, index);
}

bool kernel_caps_ended(void)
{
    uint64_t ended, anchors;

    return err_is_ok(inv_kernel_cap_ended(KPI_CAP_KERNEL, &ended, &anchors)) && ended != 0;
}

errval_t kernel_caps_next(const struct kernel_object *after, struct kernel_object *ret)
{
    uint64_t type, owner, state, page, pages, place, copies;
    errval_t err = inv_kernel_cap_next(KPI_CAP_KERNEL, after->cap.type, after->cap.page,
                                       after->cap.pages, after->place, &type, &owner, &state,
                                       &page, &pages, &place, &copies);

    if (err_is_ok(err)) {
        *ret = (struct kernel_object){
            .cap = {.type = (uint8_t)type, .owner = (uint8_t)owner, .state = (uint32_t)state,
                    .page = (uint32_t)page, .pages = (uint32_t)pages},
            .place = place, .copies = (uint32_t)copies,
        };
    }
    return err;
}

errval_t kernel_caps_space(caddr_t dispatcher, uint32_t *at, struct kernel_object *ret)
{
    uint64_t cap, type, rights, owner, state, page, pages, place;
    errval_t err = inv_kernel_cap_space(KPI_CAP_KERNEL, dispatcher, *at, &cap, &type, &rights,
                                        &owner, &state, &page, &pages, &place);

    if (err_is_ok(err)) {
        *at = (uint32_t)cap;
        *ret = (struct kernel_object){
            .cap = {.type = (uint8_t)type, .rights = (uint8_t)rights, .owner = (uint8_t)owner,
                    .state = (uint32_t)state, .page = (uint32_t)page, .pages = (uint32_t)pages},
            .place = place, .copies = 1,
        };
    }
    return err;
}
