/* Errors: a stack of up to four codes in one word, the newest lowest.
 *
 * A code is 16 bits, id << 6 | number: the id of the interface or error set that declares it, and
 * its number there (1 to 63). 0 is success. Who passes on an error of a layer below pushes its own
 * on top; a full stack keeps the root, so the first cause is never lost. Names: <abi/errors.h>. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t errval_t;

#define ERR_OK         ((errval_t)0)     /* the only value that is no error */
#define ERR_CODE_BITS  16
#define ERR_CODE_MASK  ((UINT64_C(1) << ERR_CODE_BITS) - 1)
#define ERR_DEPTH      4
#define ERR_NUMBER_BITS 6
#define ERR_NUMBER_MASK ((UINT64_C(1) << ERR_NUMBER_BITS) - 1)

static inline bool err_is_ok(errval_t err)
{
    return err == ERR_OK;
}

static inline bool err_is_fail(errval_t err)
{
    return err != ERR_OK;
}

/* The newest code: what the function that returned `err` says itself. */
static inline errval_t err_no(errval_t err)
{
    return err & ERR_CODE_MASK;
}

/* What lies below the newest code. */
static inline errval_t err_pop(errval_t err)
{
    return err >> ERR_CODE_BITS;
}

/* `code` on top of `err`. On a full stack the second oldest makes room. Pushing success changes
 * nothing. */
static inline errval_t err_push(errval_t err, errval_t code)
{
    const errval_t root = ERR_CODE_MASK << (ERR_CODE_BITS * (ERR_DEPTH - 1));
    if (code == ERR_OK) {
        return err;
    }
    if ((err & root) != 0) {
        return (err & root) | ((err << ERR_CODE_BITS) & ~root) | err_no(code);
    }
    return err << ERR_CODE_BITS | err_no(code);
}

/* Is `code` anywhere in the stack? */
static inline bool err_has(errval_t err, errval_t code)
{
    for (; err != ERR_OK; err = err_pop(err)) {
        if (err_no(err) == err_no(code)) {
            return true;
        }
    }
    return false;
}
