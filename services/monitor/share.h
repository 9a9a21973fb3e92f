/* Capabilities that go to other cores with messages. */
#pragma once

#include <aos/kernel.h>

/* Describes `cap`, which goes to another core, and gives it up: it is deleted and its slot free.
 * RPC_ERR_CAPABILITY: it cannot cross, and is where it was. */
errval_t share_give(caddr_t cap, struct kernel_cap *ret_object);
/* A capability to what another core has described, in a fresh slot. */
errval_t share_take(const struct kernel_cap *object, caddr_t *ret_cap);
