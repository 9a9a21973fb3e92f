/* Where file descriptors lead. Until somebody sets operations, output goes to the kernel log in
 * a domain that holds the Kernel capability; elsewhere the last IO_EARLY_BYTES are kept and
 * passed on when operations are set. */
#pragma once

#include <aos/types.h>

#define IO_EARLY_BYTES 4096u

#define IO_STDIN  0
#define IO_STDOUT 1
#define IO_STDERR 2

struct io_ops {
    /* At least one byte or an error; may take fewer than `bytes`. Thread context. */
    errval_t (*write)(void *arg, int fd, const void *data, size_t bytes, size_t *ret_n);
    /* 0 bytes: end of file. */
    errval_t (*read)(void *arg, int fd, void *buf, size_t bytes, size_t *ret_n);
    void *arg;
};

/* `ops` must live on. Passes on what was kept. */
void io_set_ops(const struct io_ops *ops);
/* Writes all; reads what is there, at least one byte or 0 at the end of the file. Errors are those
 * of the operations; LIB_ERR_BAD_STATE where there are none. */
errval_t io_write(int fd, const void *data, size_t bytes);
errval_t io_read(int fd, void *buf, size_t bytes, size_t *ret_n);
/* For reports of faults and panics: stderr without any buffer of the C library. */
void io_emergency(const char *text, size_t bytes);
