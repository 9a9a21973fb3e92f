/* Invocations of L1 and L2 CNodes (idl/abi/objects.if). */
#include <kernel/cspace.h>
#include <abi/kernel_invoke.h>
#include <kernel/notify.h>

/* A slot of the invoked node that is to be changed, and the `count` - 1 after it. */
static errval_t cnode_slot_find(struct cte *object, uint32_t index, uint32_t count,
                                struct cte **ret)
{
    uint32_t have = cnode_slot_count(object);
    if ((object->rights & CAP_RIGHT_W) == 0)
        return SYS_ERR_CAP_RIGHTS;
    if (index >= have || count > have - index)
        return SYS_ERR_SLOT_INVALID;
    *ret = &cnode_slots(object)[index];
    return ERR_OK;
}

errval_t inv_cnode_retype(struct dispatcher *self, struct cte *object, struct cte *src,
                          uint64_t off, uint8_t type, uint64_t bytes, uint32_t count,
                          uint32_t index)
{
    struct cte *dest;
    uint32_t slots = type == CAPTYPE_ENDPOINT ? 2 : count;
    errval_t err = cnode_slot_find(object, index, slots, &dest);
    if (err_is_fail(err))
        return err;
    return cap_retype(src, off, (enum captype)type, bytes, count, dest);
}

errval_t inv_cnode_copy(struct dispatcher *self, struct cte *object, struct cte *src,
                        uint32_t index)
{
    struct cte *dest;
    errval_t err = cnode_slot_find(object, index, 1, &dest);
    return err_is_fail(err) ? err : cap_copy(src, CAP_RIGHTS_ALL, dest);
}

errval_t inv_cnode_mint(struct dispatcher *self, struct cte *object, struct cte *src,
                        uint8_t rights, uint32_t index)
{
    struct cte *dest;
    errval_t err = cnode_slot_find(object, index, 1, &dest);
    return err_is_fail(err) ? err : cap_copy(src, rights, dest);
}

errval_t inv_cnode_lend(struct dispatcher *self, struct cte *object, struct cte *src,
                        uint8_t rights, uint32_t index)
{
    struct cte *dest;
    errval_t err = cnode_slot_find(object, index, 1, &dest);
    return err_is_fail(err) ? err : cap_lend(src, rights, dest);
}

errval_t inv_cnode_move(struct dispatcher *self, struct cte *object, struct cte *src,
                        uint32_t index)
{
    struct cte *dest;
    errval_t err = cnode_slot_find(object, index, 1, &dest);
    return err_is_fail(err) ? err : cap_move(src, dest);
}

errval_t inv_cnode_split(struct dispatcher *self, struct cte *object, struct cte *src, uint64_t off,
                         uint32_t index)
{
    struct cte *dest;
    errval_t err = cnode_slot_find(object, index, 1, &dest);
    return err_is_fail(err) ? err : cap_split(src, off, dest);
}

errval_t inv_cnode_delete(struct dispatcher *self, struct cte *object, uint32_t index)
{
    struct cte *slot;
    errval_t err = cnode_slot_find(object, index, 1, &slot);
    return err_is_fail(err) ? err : cap_delete(slot);
}

errval_t inv_cnode_revoke(struct dispatcher *self, struct cte *object, uint32_t index)
{
    struct cte *slot;
    errval_t err = cnode_slot_find(object, index, 1, &slot);
    return err_is_fail(err) ? err : cap_revoke(slot);
}

errval_t inv_cnode_revoke_part(struct dispatcher *self, struct cte *object, uint32_t index,
                               uint64_t off, uint64_t bytes)
{
    struct cte *slot;
    errval_t err = cnode_slot_find(object, index, 1, &slot);
    return err_is_fail(err) ? err : cap_revoke_part(slot, off, bytes);
}

/* Second field of a capability type in captypes.if. */
static uint64_t cnode_field_b(struct cte *slot)
{
    if ((slot->flags & CTE_DYING) != 0)
        return 0;
    switch (cte_type(slot)) {
    case CAPTYPE_RAM:
    case CAPTYPE_FRAME:
    case CAPTYPE_DEVFRAME:
    case CAPTYPE_L1CNODE:
    case CAPTYPE_L2CNODE:
        return cte_bytes(slot);
    case CAPTYPE_VNODEL0:
        return cte_node(slot)->aux >> CTE_ASID_SHIFT;
    case CAPTYPE_VNODEL1:
    case CAPTYPE_VNODEL2:
    case CAPTYPE_VNODEL3:
        return slot->aux & CTE_ADDRESS_MASK;
    case CAPTYPE_MAPPING:
        return slot->aux & ~(uint64_t)(CAP_PAGE_BYTES - 1);
    case CAPTYPE_ENDPOINT:
        return cte_side(slot);
    case CAPTYPE_NOTIFY:
        return notify_bit(slot);
    case CAPTYPE_NULL:
    case CAPTYPE_DISPATCHER:
    case CAPTYPE_IRQTABLE:
    case CAPTYPE_IRQDEST:
    case CAPTYPE_KERNEL:
    case CAPTYPE_KCB:
    case CAPTYPE_PERFMON:
    case CAPTYPE_COUNT:
        break;
    }
    return 0;
}

/* The base of memory, or what the name of anything else stands for. */
static uint64_t cnode_field_a(const struct cte *slot)
{
    if (cte_base(slot) < CAP_NAMED_BASE)
        return cte_base(slot);
    return slot->type == CAPTYPE_IRQDEST  ? cte_irq(slot)
           : slot->type == CAPTYPE_NOTIFY ? notify_core(slot)
                                          : 0;
}

errval_t inv_cnode_identify(struct dispatcher *self, struct cte *object, uint32_t index,
                            uint64_t *ret_type, uint64_t *ret_rights, uint64_t *ret_a,
                            uint64_t *ret_b)
{
    if (index >= cnode_slot_count(object))
        return SYS_ERR_SLOT_INVALID;
    struct cte *slot = &cnode_slots(object)[index];
    *ret_type = slot->type;
    *ret_rights = slot->rights;
    *ret_a = cnode_field_a(slot);
    *ret_b = cnode_field_b(slot);
    return ERR_OK;
}
