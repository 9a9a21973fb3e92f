/* Invocations of interrupt capabilities (idl/abi/objects.if). */
#include <kernel/cspace.h>
#include <abi/kernel_invoke.h>
#include <kernel/cap_remote.h>
#include <kernel/irq_cap.h>
#include <kernel/lmp.h>

errval_t inv_irq_table_get(struct dispatcher *self, struct cte *object, uint32_t irq,
                           struct cte *dest)
{
    errval_t err;

    if (!irq_cap_available(irq)) {
        return SYS_ERR_IRQ_INVALID;
    }
    err = cap_create(dest, CAPTYPE_IRQDEST, CAP_IRQ_BASE(irq), CAP_PAGE_BYTES, CAP_RIGHTS_ALL);
    return err == SYS_ERR_RETYPE_OVERLAP ? SYS_ERR_IRQ_TAKEN : err;
}

errval_t inv_irq_dest_connect(struct dispatcher *self, struct cte *object, struct cte *end)
{
    return cap_is_foreign(object) ? SYS_ERR_REMOTE
                                  : irq_cap_connect(cte_irq(object), endpoint_of(end));
}

errval_t inv_irq_dest_ack(struct dispatcher *self, struct cte *object)
{
    irq_cap_ack(cte_irq(object));
    return ERR_OK;
}
