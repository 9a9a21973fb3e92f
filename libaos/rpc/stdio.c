/* Standard streams on the serial service. */
#include <aos/services.h>
#include <if/serial.h>

#include "rpc_priv.h"

#define STDIO_PIECE_BYTES 1024u          /* of one write or read, as in serial.if */

/* Once more if the service ended meanwhile: rather twice than never. */
static errval_t rpc_write(struct serial_binding *b, serial_stream_t stream, const void *data,
                          size_t bytes)
{
    errval_t err = serial_write(b, stream, data, bytes);

    return err_no(err) == RPC_ERR_PEER_GONE ? serial_write(b, stream, data, bytes) : err;
}

static errval_t rpc_io_write(void *arg, int fd, const void *data, size_t bytes, size_t *ret_n)
{
    struct serial_binding *b;
    size_t piece = bytes < STDIO_PIECE_BYTES ? bytes : STDIO_PIECE_BYTES;
    errval_t err = aos_serial(&b);

    (void)arg;
    if (fd != IO_STDOUT && fd != IO_STDERR) {
        return LIB_ERR_RANGE;
    }
    if (err_is_ok(err)) {
        err = rpc_write(b, fd == IO_STDOUT ? SERIAL_STREAM_OUT : SERIAL_STREAM_ERR, data, piece);
    }
    if (err_is_ok(err)) {
        *ret_n = piece;
    }
    return err;
}

static errval_t rpc_io_read(void *arg, int fd, void *buf, size_t bytes, size_t *ret_n)
{
    struct serial_binding *b;
    uint8_t data[STDIO_PIECE_BYTES];
    size_t n = 0;
    uint32_t max = (uint32_t)(bytes < STDIO_PIECE_BYTES ? bytes : STDIO_PIECE_BYTES);
    errval_t err = aos_serial(&b);

    (void)arg;
    if (fd != IO_STDIN) {
        return LIB_ERR_RANGE;
    }
    if (bytes == 0) {
        *ret_n = 0;
        return ERR_OK;
    }
    if (err_is_ok(err)) {
        err = serial_read(b, max, data, &n);
    }
    if (err_no(err) == RPC_ERR_PEER_GONE) {
        err = serial_read(b, max, data, &n); /* of the next console; typed text went with it */
    }
    if (err_has(err, SERIAL_ERR_EOF)) {
        *ret_n = 0;
        return ERR_OK;
    }
    if (err_is_ok(err)) {
        __builtin_memcpy(buf, data, n);
        *ret_n = n;
    }
    return err;
}

const struct io_ops rpc_io_ops = {.write = rpc_io_write, .read = rpc_io_read};
