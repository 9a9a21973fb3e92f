/* Capabilities by address (aos/cap.h). */
#include <abi/user.h>
#include <aos/cap.h>
#include <aos/slot.h>

#include "slot_priv.h"

caddr_t cap_cnode_of(caddr_t c)
{
    return (c & KPI_CADDR_L1) != 0 ? KPI_CAP_SELF_L1 : KPI_CADDR_L1 | c >> 8;
}

uint32_t cap_index_of(caddr_t c)
{
    return (c & KPI_CADDR_L1) != 0 ? c & ~KPI_CADDR_L1 : c & (KPI_L2_SLOTS - 1);
}

errval_t cap_copy(caddr_t dest, caddr_t src)
{
    return inv_cnode_copy(cap_cnode_of(dest), src, cap_index_of(dest));
}

errval_t cap_mint(caddr_t dest, caddr_t src, uint8_t rights)
{
    return inv_cnode_mint(cap_cnode_of(dest), src, rights, cap_index_of(dest));
}

errval_t cap_lend(caddr_t dest, caddr_t src, uint8_t rights)
{
    return inv_cnode_lend(cap_cnode_of(dest), src, rights, cap_index_of(dest));
}

errval_t cap_move(caddr_t dest, caddr_t src)
{
    return inv_cnode_move(cap_cnode_of(dest), src, cap_index_of(dest));
}

errval_t cap_delete(caddr_t c)
{
    errval_t err;
    do {
        err = inv_cnode_delete(cap_cnode_of(c), cap_index_of(c));
    } while (err_no(err) == SYS_ERR_AGAIN);
    return err;
}

static const struct cap_remote_ops *cap_remote;

void cap_set_remote(const struct cap_remote_ops *ops)
{
    cap_remote = ops;
}

static bool cap_is_remote(errval_t err)
{
    return err_no(err) == SYS_ERR_REMOTE && cap_remote != NULL;
}

errval_t cap_revoke(caddr_t c)
{
    errval_t err;
    do {
        err = inv_cnode_revoke(cap_cnode_of(c), cap_index_of(c));
    } while (err_no(err) == SYS_ERR_AGAIN);
    return cap_is_remote(err) ? cap_remote->revoke(c) : err;
}

errval_t cap_revoke_part(caddr_t c, uint64_t off, uint64_t bytes)
{
    errval_t err;
    do {
        err = inv_cnode_revoke_part(cap_cnode_of(c), cap_index_of(c), off, bytes);
    } while (err_no(err) == SYS_ERR_AGAIN);
    return cap_is_remote(err) ? cap_remote->revoke_part(c, off, bytes) : err;
}

errval_t cap_destroy_received(caddr_t c)
{
    errval_t err = inv_cnode_delete(cap_cnode_of(c), cap_index_of(c));
    return err_is_ok(err) && recv_slot_put_back(c) ? ERR_OK : cap_destroy(c);
}

errval_t cap_destroy(caddr_t c)
{
    errval_t err = cap_delete(c);
    if (err_is_ok(err) && recv_slot_give_back(c)) {
        return ERR_OK;
    }
    if (err_is_fail(err) && err_no(err) != SYS_ERR_CAP_NOT_FOUND) {
        return err;
    }
    slot_free(c);
    return ERR_OK;
}

errval_t cap_retype(caddr_t dest, caddr_t src, uint64_t off, enum captype type, uint64_t bytes,
                    uint32_t count)
{
    errval_t err;
    do {
        err = inv_cnode_retype(cap_cnode_of(dest), src, off, (uint8_t)type, bytes, count,
                               cap_index_of(dest));
    } while (err_no(err) == SYS_ERR_AGAIN);
    return cap_is_remote(err) ? cap_remote->retype(dest, src, off, type, bytes, count) : err;
}

errval_t cap_split(caddr_t dest, caddr_t src, uint64_t off)
{
    return inv_cnode_split(cap_cnode_of(dest), src, off, cap_index_of(dest));
}

errval_t cap_identify(caddr_t c, struct cap_info *ret_info)
{
    uint64_t type;
    uint64_t rights;
    uint64_t a;
    uint64_t b;
    errval_t err = inv_cnode_identify(cap_cnode_of(c), cap_index_of(c), &type, &rights, &a, &b);
    if (err_is_ok(err)) {
        *ret_info = (struct cap_info){
            .type = (uint8_t)type, .rights = (uint8_t)rights, .a = a, .b = b,
        };
    }
    return err;
}
