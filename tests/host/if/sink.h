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

/* Handlers of what is lent for one call (sink_borrow.c). */
errval_t sink_inspect(struct server_ctx *ctx, caddr_t thing, const caddr_t *more,
                      size_t more_count, caddr_t other, caddr_t gift, uint32_t *ret_count);
errval_t sink_hold(struct server_ctx *ctx, caddr_t thing, uint64_t *ret_value);

struct sink {
    struct waitset ws;
    struct kitchen_sink_server server;
    struct kitchen_sink_wait_responder waiting;
    uint64_t poked;
    char posted[201];
    uint32_t peers_gone;
    struct kitchen_sink_later_responder later;
    struct lease later_lease;  /* as the handler saw it */
    struct kitchen_sink_hold_responder holding;
    void (*when_deferred)(void);
    void (*in_store)(void);    /* runs between two reads of sink_store */
    uint32_t calls; /* handlers that ran */
    bool keep_caps; /* handlers take what they get */
    bool fail_late; /* on_ends fails with its result set to what it keeps */
    caddr_t kept[16];
    uint32_t kept_count;
    enum kitchen_sink_note_tag note; /* the last one */
};

void sink_init(struct sink *s);
void sink_deinit(struct sink *s);
/* The server of a handler that begins. */
struct sink *sink_of(struct server_ctx *ctx);

/* Handlers in sink_types.c. */
errval_t sink_on_tables(struct server_ctx *ctx, const struct kitchen_sink_stat *stat,
                        bool has_exact, const struct kitchen_sink_exact *exact,
                        const struct kitchen_sink_stat *list, size_t list_count,
                        struct kitchen_sink_stat *ret_stat_out,
                        struct kitchen_sink_stat *ret_list_out, size_t *ret_list_out_count,
                        bool *ret_exact_out_present, struct kitchen_sink_exact *ret_exact_out);
errval_t sink_on_unions(struct server_ctx *ctx, const struct kitchen_sink_shape *shape,
                        const struct kitchen_sink_note *note,
                        const struct kitchen_sink_shape *shapes, size_t shapes_count,
                        const struct kitchen_sink_scene *scene,
                        struct kitchen_sink_shape *ret_shape_out,
                        struct kitchen_sink_note *ret_note_out,
                        struct kitchen_sink_scene *ret_scene_out);
errval_t sink_on_gifts(struct server_ctx *ctx, const struct kitchen_sink_gift *gift,
                       const struct kitchen_sink_way *ways, size_t ways_count,
                       struct kitchen_sink_way *ret_back, uint32_t *ret_total);
errval_t sink_on_below(struct server_ctx *ctx, kitchen_sink_trend_t trend,
                       kitchen_sink_depth_t depth, int16_t degrees, int64_t far,
                       const kitchen_sink_trend_t *trends, size_t trends_count,
                       kitchen_sink_depth_t *ret_depth_out, int16_t *ret_degrees_out,
                       int64_t *ret_far_out, kitchen_sink_trend_t *ret_trend_out);
