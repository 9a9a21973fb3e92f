/* Invocations of page tables and mappings (idl/abi/objects.if). */
#include <kernel/cap_tree.h>
#include <kernel/vnode.h>
#include <abi/kernel_invoke.h>

errval_t inv_vnode_map(struct dispatcher *self, struct cte *object, uint16_t index, struct cte *src,
                       uint64_t off, uint16_t pages, uint32_t flags, struct cte *mapping)
{
    if ((object->rights & CAP_RIGHT_W) == 0)
        return SYS_ERR_CAP_RIGHTS;
    return vnode_map(object, index, src, off, pages, flags, mapping);
}

errval_t inv_mapping_unmap(struct dispatcher *self, struct cte *object)
{
    if ((object->rights & CAP_RIGHT_W) == 0)
        return SYS_ERR_CAP_RIGHTS;
    /* A Mapping is without copies and never dying: nothing is left to be done later. */
    mapping_clear(object);
    slot_end(object);
    return ERR_OK;
}

errval_t inv_mapping_modify(struct dispatcher *self, struct cte *object, uint16_t first,
                            uint16_t pages, uint32_t flags)
{
    return mapping_modify(object, first, pages, flags);
}
