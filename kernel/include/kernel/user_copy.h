/* Reading and writing user memory from an invocation. The pages are looked up through the running
 * address space as user mode would, and reached through the linear map: a bad pointer is an error,
 * never a fault of the kernel, and device memory cannot be named. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kernel/user_slice.h>

/* Copies the first `bytes` bytes of `from`. SYS_ERR_USER_POINTER: part of it is not readable for
 * user mode; `to` may be partly written. */
errval_t user_copy_in(void *to, struct user_slice from, size_t bytes);
/* Whether user mode may write all of the slice. */
bool user_writable(struct user_slice slice);
/* Copies to the start of `to`; SYS_ERR_USER_POINTER as above. */
errval_t user_copy_out(struct user_slice to, const void *from, size_t bytes);
