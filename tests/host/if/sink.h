/* The server of kitchen_sink that the tests call. */
#pragma once

#include <if/kitchen_sink_server.h>

/* Handlers of what lends buffers that are too large for a message (sink_bulk.c). */
errval_t sink_load(struct server_ctx *ctx, uint64_t off, struct lease *buf, uint32_t *ret_n,
                   char *ret_note, size_t *ret_note_len);
errval_t sink_store(struct server_ctx *ctx, const char *name, size_t name_len,
                    const struct lease *data, uint64_t *ret_sum);
errval_t sink_convert(struct server_ctx *ctx, const struct lease *lines, const void *tag,
                      size_t tag_len, const struct lease *table, struct lease *out,
                      struct lease *log, uint32_t *ret_out_n, uint64_t *ret_log_n,
                      uint32_t *ret_lines_n);
errval_t sink_later(struct server_ctx *ctx, struct lease *buf, uint32_t *ret_n);
/* What sink_load writes, and what sink_store returns for these bytes. */
uint8_t sink_byte(uint64_t off);
uint64_t sink_sum(const uint8_t *bytes, size_t count);

struct sink {
    struct waitset ws;
    struct kitchen_sink_server server;
    struct kitchen_sink_wait_responder waiting;
    uint64_t poked;
    char posted[201];
    uint32_t peers_gone;
    struct kitchen_sink_later_responder later;
    struct lease later_lease;  /* as the handler saw it */
    void (*when_deferred)(void);
    void (*in_store)(void);    /* runs between two reads of sink_store */
    uint32_t calls; /* handlers that ran */
    bool keep_caps; /* handlers take what they get */
    caddr_t kept[16];
    uint32_t kept_count;
};

void sink_init(struct sink *s);
void sink_deinit(struct sink *s);
