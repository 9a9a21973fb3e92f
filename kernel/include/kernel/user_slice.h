/* A buffer that an invocation names: a range of user addresses, not yet known to be mapped. It
 * lies below KPI_VA_LIMIT, so no kernel memory can be reached through it. */
#pragma once

#include <stdint.h>
#include <abi/errors.h>

struct user_slice {
    uint64_t va;
    uint64_t bytes;
};

/* SYS_ERR_TOO_LARGE if bytes > max, SYS_ERR_USER_POINTER if it leaves the user address space. */
errval_t user_slice_make(uint64_t va, uint64_t bytes, uint64_t max, struct user_slice *ret);
