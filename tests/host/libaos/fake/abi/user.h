/* Invocations that the tests catch. */
#pragma once

#include <abi/errors.h>
#include <kpi/cspace.h>

extern uint64_t fake_deadline;

static inline errval_t inv_dispatcher_deadline(caddr_t object, uint64_t ns)
{
    (void)object;
    fake_deadline = ns;
    return ERR_OK;
}
