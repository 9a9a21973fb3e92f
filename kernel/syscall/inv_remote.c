/* Invocations of the Kernel capability about objects that several cores know
 * (idl/abi/objects.if). */
#include <kernel/cap_look.h>
#include <kernel/cap_tree.h>
#include <kernel/cspace.h>
#include <kernel/dispatcher.h>
#include <abi/kernel_invoke.h>

errval_t inv_kernel_cap_describe(struct dispatcher *self, struct cte *object, struct cte *root,
                                 uint32_t cap, uint64_t *ret_type, uint64_t *ret_rights,
                                 uint64_t *ret_owner, uint64_t *ret_state, uint64_t *ret_page,
                                 uint64_t *ret_pages)
{
    struct cte *cte;
    struct cap_description d;
    errval_t err = cspace_cap(root, cap, &cte);
    if (err_is_fail(err))
        return err;
    cap_describe(cte, &d);
    *ret_type = d.type;
    *ret_rights = d.rights;
    *ret_owner = d.owner;
    *ret_state = d.state;
    *ret_page = d.page;
    *ret_pages = d.pages;
    return ERR_OK;
}

errval_t inv_kernel_cap_anchor(struct dispatcher *self, struct cte *object, struct cte *root,
                               uint32_t cap, struct cte *dest)
{
    struct cte *cte;
    errval_t err = cspace_cap(root, cap, &cte);
    return err_is_fail(err) ? err : cap_anchor(cte, dest);
}

errval_t inv_kernel_cap_foreign(struct dispatcher *self, struct cte *object, uint8_t type,
                                uint32_t page, uint32_t pages, uint8_t owner, struct cte *dest)
{
    return cap_foreign((enum captype)type, page, pages, owner, dest);
}

errval_t inv_kernel_cap_set_owner(struct dispatcher *self, struct cte *object, struct cte *anchor,
                                  uint8_t owner)
{
    return cap_set_owner(anchor, owner);
}

errval_t inv_kernel_cap_sweep(struct dispatcher *self, struct cte *object, uint8_t type,
                              uint32_t page, uint32_t pages, uint8_t keep_anchor, struct cte *root,
                              uint32_t keep)
{
    struct cte *kept = NULL;
    if (pages == 0 || pages > UINT32_MAX - page)
        return SYS_ERR_RETYPE_SIZE;
    if (err_is_fail(cspace_cap(root, keep, &kept)))
        kept = NULL; /* it went */
    return cap_sweep((enum captype)type, page, pages, keep_anchor != 0, kept);
}

errval_t inv_kernel_cap_part(struct dispatcher *self, struct cte *object, struct cte *anchor,
                             uint64_t off, uint64_t bytes, uint8_t set)
{
    return cap_part(anchor, off, bytes, set != 0);
}

errval_t inv_kernel_cap_retype(struct dispatcher *self, struct cte *object, struct cte *root,
                               uint32_t src, uint64_t off, uint8_t type, uint64_t bytes,
                               uint32_t count, uint32_t node, uint32_t index)
{
    struct cte *from, *cnode;
    errval_t err = cspace_cap(root, src, &from);
    if (err_is_fail(err))
        return err;
    err = cspace_cap(root, node, &cnode);
    if (err_is_fail(err))
        return err;
    if (cnode->type != CAPTYPE_L1CNODE && cnode->type != CAPTYPE_L2CNODE)
        return SYS_ERR_CAP_TYPE;
    if ((cnode->rights & CAP_RIGHT_W) == 0)
        return SYS_ERR_CAP_RIGHTS;
    if (type != CAPTYPE_FRAME && type != CAPTYPE_DEVFRAME)
        return SYS_ERR_RETYPE_ILLEGAL; /* nothing else is made of frames */
    if (index >= cnode_slot_count(cnode) || count > cnode_slot_count(cnode) - index)
        return SYS_ERR_SLOT_INVALID;
    return cap_retype_agreed(from, off, (enum captype)type, bytes, count,
                             &cnode_slots(cnode)[index]);
}

errval_t inv_kernel_cap_ended(struct dispatcher *self, struct cte *object, uint64_t *ret_ended,
                              uint64_t *ret_anchors)
{
    *ret_ended = cap_remote_ended();
    *ret_anchors = cap_anchor_count();
    return ERR_OK;
}

errval_t inv_kernel_cap_next(struct dispatcher *self, struct cte *object, uint8_t after,
                             uint32_t after_page, uint32_t after_pages, uint64_t after_place,
                             uint64_t *ret_type, uint64_t *ret_owner, uint64_t *ret_state,
                             uint64_t *ret_page, uint64_t *ret_pages, uint64_t *ret_place,
                             uint64_t *ret_copies)
{
    struct cap_key key = {0};
    struct cap_sight s = {0};
    if (after != CAPTYPE_NULL)
        key = cap_key_make((enum captype)after, after_page, after_pages, after_place);
    (void)cap_look(&key, &s);
    *ret_type = s.what.type;
    *ret_owner = s.what.owner;
    *ret_state = s.what.state;
    *ret_page = s.what.page;
    *ret_pages = s.what.pages;
    *ret_place = s.place;
    *ret_copies = s.copies;
    return ERR_OK;
}

errval_t inv_kernel_cap_space(struct dispatcher *self, struct cte *object,
                              struct cte *dispatcher, uint32_t from, uint64_t *ret_cap,
                              uint64_t *ret_type, uint64_t *ret_rights, uint64_t *ret_owner,
                              uint64_t *ret_state, uint64_t *ret_page, uint64_t *ret_pages,
                              uint64_t *ret_place)
{
    struct cap_sight s;
    caddr_t at;
    cap_look_space(&dispatcher_of(dispatcher)->cspace, from, &at, &s);
    *ret_cap = at;
    *ret_type = s.what.type;
    *ret_rights = s.what.rights;
    *ret_owner = s.what.owner;
    *ret_state = s.what.state;
    *ret_page = s.what.page;
    *ret_pages = s.what.pages;
    *ret_place = s.place;
    return ERR_OK;
}
