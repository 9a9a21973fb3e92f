/* Handlers with leases: they copy in pieces that are no multiple of anything. */
#include <ctype.h>
#include <string.h>

#include "sink.h"

#define PIECE 1013u

uint8_t sink_byte(uint64_t off)
{
    return (uint8_t)(off * 31 + (off >> 8) + (off >> 16));
}

uint64_t sink_sum(const uint8_t *bytes, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum = sum * 31 + bytes[i];
    }
    return sum;
}

static uint32_t sink_piece(const struct lease *l, uint32_t off)
{
    uint32_t left = lease_len(l) - off;
    return left < PIECE ? left : PIECE;
}

errval_t sink_load(struct server_ctx *ctx, uint64_t off, struct lease *buf, uint32_t *ret_n,
                   char *ret_note, size_t *ret_note_len)
{
    struct sink *s = ctx->state;
    s->calls++;
    uint8_t piece[PIECE];
    for (uint32_t at = 0, n; (n = sink_piece(buf, at)) != 0; at += n) {
        for (uint32_t i = 0; i < n; i++) {
            piece[i] = sink_byte(off + at + i);
        }
        errval_t err = lease_write(buf, at, piece, n);
        if (err_is_fail(err)) {
            return err;
        }
    }
    *ret_n = off == 10 ? 100000 : lease_len(buf); /* more than there is room for */
    *ret_note_len = 4;
    memcpy(ret_note, "load", 4);
    return off == 9 ? KITCHEN_SINK_ERR_REFUSED : ERR_OK;
}

errval_t sink_store(struct server_ctx *ctx, const char *name, size_t name_len,
                    const struct lease *data, uint64_t *ret_sum)
{
    struct sink *s = ctx->state;
    s->calls++;
    uint8_t piece[PIECE];
    uint64_t sum = name_len != 0 ? (uint8_t)name[0] : 0;
    for (uint32_t at = 0, n; (n = sink_piece(data, at)) != 0; at += n) {
        errval_t err = lease_read(data, at, piece, n);
        if (err_is_fail(err)) {
            return err;
        }
        for (uint32_t i = 0; i < n; i++) {
            sum = sum * 31 + piece[i];
        }
        if (s->in_store != NULL) {
            s->in_store();
        }
    }
    *ret_sum = sum;
    return lease_read(data, lease_len(data), piece, 1) == LIB_ERR_RANGE ? ERR_OK : LIB_ERR_QUOTA;
}

errval_t sink_convert(struct server_ctx *ctx, const struct lease *lines, const void *tag,
                      size_t tag_len, const struct lease *table, struct lease *out,
                      struct lease *log, uint32_t *ret_out_n, uint64_t *ret_log_n,
                      uint32_t *ret_lines_n)
{
    struct sink *s = ctx->state;
    static char text[100 * 1024];
    uint8_t bytes[256];
    s->calls++;
    errval_t err = lease_read_strings(lines, text);
    if (err_is_ok(err)) {
        err = lease_read(table, 0, bytes, lease_len(table));
    }
    if (err_is_fail(err)) {
        return err;
    }
    uint32_t n = lease_len(lines);
    for (uint32_t i = 0; i < n; i++) {
        text[i] = (char)toupper(text[i]);
    }
    *ret_lines_n = n;
    *ret_out_n = n < lease_len(out) ? n : lease_len(out);
    err = lease_write(out, 0, text, *ret_out_n);
    *ret_log_n = tag_len + lease_len(table);
    if (err_is_ok(err)) {
        err = lease_write(log, 0, tag, (uint32_t)tag_len);
    }
    return err_is_ok(err) ? lease_write(log, (uint32_t)tag_len, bytes, lease_len(table)) : err;
}

errval_t sink_later(struct server_ctx *ctx, struct lease *buf, uint32_t *ret_n)
{
    struct sink *s = ctx->state;
    (void)ret_n;
    s->calls++;
    s->later = kitchen_sink_later_defer(ctx);
    s->later_lease = *buf;
    if (s->when_deferred != NULL) {
        s->when_deferred();
    }
    return SERVER_DEFERRED;
}
