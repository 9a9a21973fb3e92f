/* What the memory service is asked for on behalf of children. If it ends meanwhile the next one is
 * asked again: it knows what the one before had granted, and has back what nobody got. */
#include "service_priv.h"

#include <aos/binding.h>

static bool account_again(errval_t err)
{
    return err_no(err) == RPC_ERR_PEER_GONE;
}

errval_t account_open(uint32_t pid, uint32_t parent, uint64_t limit)
{
    errval_t err = memory_open_account(&svc.memory, pid, parent, limit);

    if (account_again(err)) {
        err = memory_open_account(&svc.memory, pid, parent, limit);
        err = err_has(err, MEMORY_ERR_DENIED) ? ERR_OK : err; /* it has one already */
    }
    return err;
}

errval_t account_alloc(uint32_t pid, uint64_t bytes, uint64_t align, caddr_t *ret_ram)
{
    uint64_t actual;
    errval_t err = memory_alloc_for(&svc.memory, pid, bytes, align, ret_ram, &actual);

    return account_again(err)
        ? memory_alloc_for(&svc.memory, pid, bytes, align, ret_ram, &actual) : err;
}

void account_end(uint32_t pid)
{
    if (account_again(memory_end_account(&svc.memory, pid))) {
        (void)memory_end_account(&svc.memory, pid);
    }
}
