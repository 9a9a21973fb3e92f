/* What servers of tests answer to show that they have read all that was lent to them. */
#pragma once

#include <aos/lend.h>

static inline errval_t lent_sum(const struct lease *data, uint64_t *ret_sum)
{
    uint8_t bytes[256];
    uint64_t sum = 0;

    for (uint32_t off = 0, n; off < lease_len(data); off += n) {
        errval_t err;

        n = lease_len(data) - off < sizeof(bytes) ? lease_len(data) - off : sizeof(bytes);
        err = lease_read(data, off, bytes, n);
        if (err_is_fail(err)) {
            return err;
        }
        for (uint32_t i = 0; i < n; i++) {
            sum += bytes[i];
        }
    }
    *ret_sum = sum;
    return ERR_OK;
}
