/* File descriptors before and after there is a serial service (aos/io.h). */
#include <abi/user.h>
#include <aos/cap.h>
#include <aos/io.h>
#include <aos/thread.h>

/* One kernel.print takes at most this much (idl/abi/objects.if). */
#define IO_PRINT_BYTES 1024u

static struct {
    const struct io_ops *ops;
    struct mutex lock;                   /* of what follows */
    bool looked;
    bool kernel;                         /* this domain holds the Kernel capability */
    uint64_t early_count;                /* bytes ever put into `early` */
    char early[IO_EARLY_BYTES];
} io;

static void io_early_write(const char *text, size_t bytes)
{
    mutex_lock(&io.lock);
    if (!io.looked) {
        struct cap_info info;
        io.kernel = err_is_ok(cap_identify(KPI_CAP_KERNEL, &info)) &&
                    info.type == CAPTYPE_KERNEL;
        io.looked = true;
    }
    for (size_t done = 0; io.kernel && done < bytes; done += IO_PRINT_BYTES) {
        size_t part = bytes - done < IO_PRINT_BYTES ? bytes - done : IO_PRINT_BYTES;
        (void)inv_kernel_print(KPI_CAP_KERNEL, text + done, part);
    }
    for (size_t i = 0; !io.kernel && i < bytes; i++) {
        io.early[io.early_count++ % IO_EARLY_BYTES] = text[i];
    }
    mutex_unlock(&io.lock);
}

static errval_t io_write_all(const struct io_ops *ops, int fd, const char *text, size_t bytes)
{
    size_t done = 0;
    while (done < bytes) {
        size_t n = 0;
        errval_t err = ops->write(ops->arg, fd, text + done, bytes - done, &n);
        if (err_is_fail(err)) {
            return err;
        }
        done += n;
    }
    return ERR_OK;
}

void io_set_ops(const struct io_ops *ops)
{
    mutex_lock(&io.lock);
    uint64_t end = io.early_count;
    uint64_t start = end > IO_EARLY_BYTES ? end - IO_EARLY_BYTES : 0;
    io.ops = ops;
    io.early_count = 0;
    mutex_unlock(&io.lock);
    while (ops != NULL && start < end) {
        uint64_t at = start % IO_EARLY_BYTES;
        uint64_t part = IO_EARLY_BYTES - at < end - start ? IO_EARLY_BYTES - at : end - start;
        (void)io_write_all(ops, IO_STDERR, io.early + at, part);
        start += part;
    }
}

errval_t io_write(int fd, const void *data, size_t bytes)
{
    const struct io_ops *ops = io.ops;
    if (ops != NULL) {
        return io_write_all(ops, fd, data, bytes);
    }
    if (fd != IO_STDOUT && fd != IO_STDERR) {
        return LIB_ERR_BAD_STATE;
    }
    io_early_write(data, bytes);
    return ERR_OK;
}

errval_t io_read(int fd, void *buf, size_t bytes, size_t *ret_n)
{
    const struct io_ops *ops = io.ops;
    if (ops == NULL || ops->read == NULL) {
        return LIB_ERR_BAD_STATE;
    }
    return ops->read(ops->arg, fd, buf, bytes, ret_n);
}

void io_emergency(const char *text, size_t bytes)
{
    (void)io_write(IO_STDERR, text, bytes);
}
