/* Taking all there is of something: each function does until an error, which it returns, and tells
 * how much it got. Nothing is given back. */
#pragma once

#include <aos/types.h>

errval_t hog_memory(uint64_t *ret_count);        /* KiB */
errval_t hog_slots(uint64_t *ret_count);
errval_t hog_spawn(uint64_t *ret_count);
errval_t hog_names(uint64_t *ret_count);
errval_t hog_messages(uint64_t *ret_count);      /* calls that nobody has answered */
errval_t hog_threads(uint64_t *ret_count);
errval_t hog_endpoints(uint64_t *ret_count);

/* What a child or thread of a hog does. */
void hog_sleep(void) __attribute__((noreturn));
