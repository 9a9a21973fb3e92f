/* What outlives a service (aos/vault.h): made once, and given to each of its incarnations. */
#include "init_priv.h"

#include <aos/cap.h>
#include <aos/ram.h>
#include <aos/slot.h>

static errval_t vault_make(struct init_service *service)
{
    const struct manifest_service *line = service->line;
    uint64_t bytes;
    errval_t err = frame_alloc(line->vault_bytes, &service->vault_frame, &bytes);

    for (uint32_t i = 0; err_is_ok(err) && i < line->vault_nodes; i++) {
        err = slot_alloc(&service->vault_nodes[i]);
        if (err_is_ok(err)) {
            err = ram_retype_new(service->vault_nodes[i], CAPTYPE_L2CNODE, KPI_L2_BYTES,
                                 KPI_L2_BYTES);
        }
    }
    return err;
}

errval_t init_vault_copy(struct init_service *service, uint32_t index, caddr_t *ret_copy)
{
    errval_t err = service->vault_frame == 0 ? vault_make(service) : ERR_OK;
    caddr_t copy;

    if (err_is_ok(err)) {
        err = slot_alloc(&copy);
    }
    if (err_is_fail(err)) {
        return err;
    }
    err = cap_copy(copy, index == 0 ? service->vault_frame : service->vault_nodes[index - 1]);
    if (err_is_fail(err)) {
        slot_free(copy);
        return err;
    }
    *ret_copy = copy;
    return ERR_OK;
}
