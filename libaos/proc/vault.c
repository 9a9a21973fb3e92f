/* See <aos/vault.h>. The nodes of the vault get the last places of the L1 node, where slots.c,
 * which looks for empty ones from the front, comes last. */
#include <aos/vault.h>

#include <stdio.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/paging.h>
#include <aos/slot.h>

#define VAULT_L1_END (KPI_L1_BYTES_MIN / KPI_SLOT_BYTES)
#define VAULT_NODES_MAX 16u

errval_t vault_open(struct vault *ret_vault)
{
    struct cap_info info;
    struct vault v = {0};
    caddr_t frame, node;
    uint32_t nodes = 0;
    char name[16];
    errval_t err = domain_grant("vault", &frame);

    if (err_is_ok(err)) {
        err = cap_identify(frame, &info);
    }
    if (err_is_ok(err)) {
        err = paging_map_frame(paging_self(), frame, 0, info.b, AOS_VM_RW, &v.data);
    }
    if (err_is_fail(err)) {
        return err;
    }
    v.bytes = info.b;
    for (; nodes < VAULT_NODES_MAX; nodes++) {
        (void)snprintf(name, sizeof(name), "vault%u", nodes);
        if (err_is_fail(domain_grant(name, &node))) {
            break;
        }
    }
    v.first = KPI_CADDR(VAULT_L1_END - nodes, 0);
    v.slots = nodes * KPI_L2_SLOTS;
    for (uint32_t i = 0; i < nodes; i++) {
        (void)snprintf(name, sizeof(name), "vault%u", i);
        err = domain_grant(name, &node);
        if (err_is_ok(err)) {
            err = cap_copy(KPI_CADDR_L1 | (VAULT_L1_END - nodes + i), node);
        }
        if (err_is_fail(err)) {
            return err;
        }
    }
    *ret_vault = v;
    return ERR_OK;
}

errval_t vault_put(const struct vault *v, uint32_t index, caddr_t *io_cap)
{
    errval_t err = index < v->slots ? cap_move(v->first + index, *io_cap) : LIB_ERR_RANGE;

    if (err_is_fail(err)) {
        (void)cap_destroy(*io_cap);
        *io_cap = 0;
        return err;
    }
    slot_free(*io_cap);
    *io_cap = v->first + index;
    return ERR_OK;
}

caddr_t vault_get(const struct vault *v, uint32_t index)
{
    struct cap_info info;

    return index < v->slots && err_is_ok(cap_identify(v->first + index, &info))
            && info.type != CAPTYPE_NULL
        ? v->first + index : 0;
}
