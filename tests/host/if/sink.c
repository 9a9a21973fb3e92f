/* Handlers that give back what they got, changed in a way that the tests know. */
#include "sink.h"

#include <ctype.h>
#include <string.h>

#include "fake.h"

struct sink *sink_of(struct server_ctx *ctx)
{
    struct sink *s = ctx->state;
    s->calls++;
    return s;
}

static errval_t on_ints(struct server_ctx *ctx, uint8_t a, int8_t b, uint16_t c, int16_t d,
                        uint32_t e, int32_t f, uint64_t g, int64_t h, bool i, int64_t *ret_sum)
{
    (void)sink_of(ctx);
    *ret_sum = a + b + c + d + (int64_t)e + f + (int64_t)g + h + i;
    return ERR_OK;
}

static errval_t on_null(struct server_ctx *ctx)
{
    (void)sink_of(ctx);
    return ERR_OK;
}

static errval_t on_one(struct server_ctx *ctx, uint64_t value, uint64_t *ret_value_out)
{
    (void)sink_of(ctx);
    *ret_value_out = ~value;
    return ERR_OK;
}

static errval_t on_eight(struct server_ctx *ctx, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                         uint64_t e, uint64_t f, uint64_t g, uint64_t h, uint64_t *ret_s,
                         uint64_t *ret_t, uint64_t *ret_u, uint64_t *ret_v, uint64_t *ret_w,
                         uint64_t *ret_x, uint64_t *ret_y, uint64_t *ret_z)
{
    (void)sink_of(ctx);
    *ret_s = h;
    *ret_t = g;
    *ret_u = f;
    *ret_v = e;
    *ret_w = d;
    *ret_x = c;
    *ret_y = b;
    *ret_z = a;
    return ERR_OK;
}

/* a says what to do: 5 refuse, 6 break `ensures`, 7 break the result's range, else answer well. */
static errval_t on_ranges(struct server_ctx *ctx, uint32_t a, uint64_t b, int16_t c, uint64_t lo,
                          uint64_t hi, uint64_t *ret_mid)
{
    (void)sink_of(ctx);
    (void)b;
    (void)c;
    if (a == 5) {
        return err_push(LIB_ERR_QUOTA, KITCHEN_SINK_ERR_REFUSED);
    }
    *ret_mid = a == 6 ? hi : a == 7 ? 2000 : lo + (hi - lo) / 2;
    return ERR_OK;
}

static errval_t on_enums(struct server_ctx *ctx, kitchen_sink_op_t op, kitchen_sink_sparse_t sparse,
                         kitchen_sink_kind_t kind, kitchen_sink_mode_t mode,
                         kitchen_sink_hint_t hint, kitchen_sink_op_t *ret_op_out,
                         kitchen_sink_sparse_t *ret_sparse_out, kitchen_sink_kind_t *ret_kind_out,
                         kitchen_sink_mode_t *ret_mode_out, kitchen_sink_hint_t *ret_hint_out)
{
    (void)sink_of(ctx);
    *ret_op_out = op;
    *ret_sparse_out = sparse;
    *ret_kind_out = kind;
    *ret_mode_out = mode;
    *ret_hint_out = hint;
    return ERR_OK;
}

static errval_t on_optional(struct server_ctx *ctx, bool has_a, uint32_t a, bool has_op,
                            kitchen_sink_op_t op, bool has_size,
                            const struct kitchen_sink_size *size, bool has_text, const char *text,
                            size_t text_len, bool *ret_b_present, uint32_t *ret_b,
                            bool *ret_size_out_present, struct kitchen_sink_size *ret_size_out,
                            bool *ret_text_out_present, char *ret_text_out,
                            size_t *ret_text_out_len)
{
    (void)sink_of(ctx);
    (void)op;
    *ret_b_present = has_a && has_op;
    *ret_b = a + 1;
    *ret_size_out_present = has_size;
    *ret_size_out = *size;
    *ret_text_out_present = has_text;
    memcpy(ret_text_out, text, text_len);
    *ret_text_out_len = text_len;
    return ERR_OK;
}

static errval_t on_text(struct server_ctx *ctx, const char *path, size_t path_len, const char *args,
                        size_t args_len, const void *data, size_t data_len, char *ret_path_out,
                        size_t *ret_path_out_len, char *ret_args_out, size_t *ret_args_out_len,
                        void *ret_data_out, size_t *ret_data_out_len)
{
    (void)sink_of(ctx);
    memcpy(ret_path_out, path, path_len);
    memcpy(ret_args_out, args, args_len);
    memcpy(ret_data_out, data, data_len);
    *ret_path_out_len = path_len;
    *ret_args_out_len = args_len;
    *ret_data_out_len = data_len;
    return ERR_OK;
}

static errval_t on_short(struct server_ctx *ctx, const char *name, size_t name_len, char *ret_upper,
                         size_t *ret_upper_len)
{
    (void)sink_of(ctx);
    for (size_t i = 0; i < name_len; i++) {
        ret_upper[i] = (char)toupper((unsigned char)name[i]);
    }
    *ret_upper_len = name_len;
    return ERR_OK;
}

static errval_t on_arrays(struct server_ctx *ctx, const uint32_t *fixed,
                          const kitchen_sink_op_t *some, size_t some_count, const bool *bools,
                          size_t bools_count, const struct kitchen_sink_size *sizes,
                          size_t sizes_count, const struct kitchen_sink_size *pair,
                          const struct kitchen_sink_string7 *names, uint32_t *ret_count,
                          uint32_t *ret_fixed_out, struct kitchen_sink_size *ret_sizes_out,
                          size_t *ret_sizes_out_count, struct kitchen_sink_string7 *ret_names_out,
                          size_t *ret_names_out_count)
{
    (void)sink_of(ctx);
    ret_names_out[0] = names[1];
    ret_names_out[1] = names[0];
    ret_names_out[2] = names[1];
    *ret_names_out_count = 3;
    *ret_count = 0;
    for (size_t i = 0; i < some_count; i++) {
        *ret_count += some[i];
    }
    for (size_t i = 0; i < bools_count; i++) {
        *ret_count += bools[i];
    }
    for (size_t i = 0; i < 4; i++) {
        ret_fixed_out[i] = fixed[3 - i];
    }
    for (size_t i = 0; i < sizes_count; i++) {
        ret_sizes_out[i] = sizes[sizes_count - 1 - i];
    }
    *ret_sizes_out_count = sizes_count;
    if (sizes_count == 0) {
        ret_sizes_out[0] = pair[0];
        ret_sizes_out[1] = pair[1];
        *ret_sizes_out_count = 2;
    }
    return ERR_OK;
}

static errval_t on_structs(struct server_ctx *ctx, const struct kitchen_sink_box *box,
                           const struct kitchen_sink_prop *props, size_t props_count,
                           struct kitchen_sink_box *ret_box_out,
                           struct kitchen_sink_prop *ret_props_out, size_t *ret_props_out_count)
{
    (void)sink_of(ctx);
    *ret_box_out = *box;
    memcpy(ret_props_out, props, props_count * sizeof(*props));
    *ret_props_out_count = props_count;
    return ERR_OK;
}

static void sink_keep(struct server_ctx *ctx, caddr_t cap)
{
    struct sink *s = ctx->state;
    if (s->keep_caps && cap != 0) {
        server_take_cap(ctx, cap);
        s->kept[s->kept_count++] = cap;
    }
}

static errval_t on_cap_in(struct server_ctx *ctx, caddr_t ram, uint64_t *ret_bytes)
{
    struct sink *s = sink_of(ctx);
    sink_keep(ctx, ram);
    *ret_bytes = 4096;
    return s->keep_caps ? ERR_OK : KITCHEN_SINK_ERR_REFUSED;
}

static errval_t on_cap_copy(struct server_ctx *ctx, caddr_t frame)
{
    (void)sink_of(ctx);
    sink_keep(ctx, frame);
    return ERR_OK;
}

static errval_t on_cap_out(struct server_ctx *ctx, bool want, caddr_t *ret_cap,
                           uint64_t *ret_number)
{
    (void)sink_of(ctx);
    *ret_cap = want ? fake_cap(CAPTYPE_FRAME, CAP_RIGHTS_ALL) : 0;
    *ret_number = 7;
    return ERR_OK;
}

static errval_t on_cap_get(struct server_ctx *ctx, caddr_t *ret_cap)
{
    struct sink *s = sink_of(ctx);
    if (s->kept_count == 0) {
        s->kept[s->kept_count++] = fake_cap(CAPTYPE_FRAME, CAP_RIGHTS_ALL);
    }
    *ret_cap = s->kept[0];
    return ERR_OK;
}

static errval_t on_caps(struct server_ctx *ctx, const caddr_t *many, size_t many_count,
                        const struct kitchen_sink_door *door, caddr_t other, caddr_t *ret_back,
                        size_t *ret_back_count, uint32_t *ret_count)
{
    (void)sink_of(ctx);
    sink_keep(ctx, other);
    size_t n = 0;
    for (size_t i = 0; i < many_count; i++) {
        server_take_cap(ctx, many[i]);
        ret_back[n++] = many[i];
    }
    server_take_cap(ctx, door->cap);
    ret_back[n++] = door->cap;
    *ret_back_count = n;
    *ret_count = door->number + (other != 0);
    return ERR_OK;
}

static errval_t on_grants(struct server_ctx *ctx, const struct kitchen_sink_grant *list,
                          size_t list_count, uint32_t *ret_total)
{
    (void)sink_of(ctx);
    *ret_total = 0;
    for (size_t i = 0; i < list_count; i++) {
        *ret_total += (uint32_t)list[i].name_len * 100 + (list[i].extra != 0 ? 10u : 0u) +
                      (list[i].cap != 0 ? 1u : 0u);
    }
    return ERR_OK;
}

static errval_t on_pairs(struct server_ctx *ctx, const struct kitchen_sink_pair *list,
                         size_t list_count, uint32_t *ret_total)
{
    (void)sink_of(ctx);
    *ret_total = 0;
    for (size_t i = 0; i < list_count; i++) {
        *ret_total += list[i].n + 100u * (uint32_t)list[i].some_count;
        *ret_total += list[i].both[0] != 0 && list[i].both[1] != 0 ? 1000 : 0;
    }
    return ERR_OK;
}

static errval_t on_ends(struct server_ctx *ctx, caddr_t peer, caddr_t *ret_mine)
{
    struct sink *s = sink_of(ctx);
    server_take_cap(ctx, peer);
    *ret_mine = peer;
    if (s->fail_late) {
        s->kept[s->kept_count++] = peer;
        return SYS_ERR_BUSY;
    }
    return ERR_OK;
}

static errval_t on_read(struct server_ctx *ctx, uint64_t off, void *buf, size_t buf_len,
                        uint32_t *ret_n, bool *ret_end)
{
    (void)sink_of(ctx);
    if (off > 5000) {
        *ret_n = (uint32_t)buf_len + 1; /* more than there is room for */
        return ERR_OK;
    }
    for (size_t i = 0; i < buf_len; i++) {
        ((uint8_t *)buf)[i] = (uint8_t)(off + i);
    }
    *ret_n = (uint32_t)buf_len;
    *ret_end = off == 0;
    return off == 4000 ? KITCHEN_SINK_ERR_REFUSED : ERR_OK;
}

static errval_t on_write(struct server_ctx *ctx, const void *data, size_t data_len, uint32_t *ret_n)
{
    (void)sink_of(ctx);
    const uint8_t *bytes = data;
    *ret_n = (uint32_t)data_len + (data_len != 0 && bytes[0] == 0xff);
    return ERR_OK;
}

static errval_t on_wait(struct server_ctx *ctx, uint64_t key, char *ret_answer,
                        size_t *ret_answer_len)
{
    struct sink *s = sink_of(ctx);
    (void)ret_answer;
    (void)ret_answer_len;
    if (key == 0) {
        return KITCHEN_SINK_ERR_LATE;
    }
    s->waiting = kitchen_sink_wait_defer(ctx);
    return SERVER_DEFERRED;
}

static errval_t on_newer(struct server_ctx *ctx, uint32_t *ret_value)
{
    (void)sink_of(ctx);
    *ret_value = 3;
    return ERR_OK;
}

static errval_t on_wrong_error(struct server_ctx *ctx, uint32_t which)
{
    (void)sink_of(ctx);
    return which == 0 ? KITCHEN_SINK_ERR_LATE : LIB_ERR_QUOTA;
}

static void on_poke(struct server_ctx *ctx, uint64_t value)
{
    sink_of(ctx)->poked += value;
}

static void on_post(struct server_ctx *ctx, const char *text, size_t text_len)
{
    struct sink *s = sink_of(ctx);
    memcpy(s->posted, text, text_len);
    s->posted[text_len] = 0;
}

static errval_t on_fire(struct server_ctx *ctx, uint32_t count)
{
    (void)sink_of(ctx);
    for (uint32_t i = 0; i < count; i++) {
        kitchen_sink_event_low(ctx->conn, i);
        const struct kitchen_sink_size size = {.rows = (uint16_t)i, .cols = 1};
        kitchen_sink_event_moved(ctx->conn, &size,
                                 "a name that needs the message area, it is so long", 49);
    }
    return ERR_OK;
}

/* `count` items, as many as the window holds; then the end. */
static errval_t on_list(struct server_ctx *ctx, const char *prefix, size_t prefix_len,
                        uint32_t count)
{
    (void)sink_of(ctx);
    if (count > KITCHEN_SINK_LIST_WINDOW) {
        return KITCHEN_SINK_ERR_REFUSED;
    }
    struct kitchen_sink_list_sink sink = kitchen_sink_list_defer(ctx);
    const struct kitchen_sink_size size = {.rows = 1, .cols = 2};
    char name[60];
    memcpy(name, prefix, prefix_len);
    memset(name + prefix_len, 'n', sizeof(name) - prefix_len);
    errval_t err = ERR_OK;
    for (uint32_t i = 0; i < count && err_is_ok(err); i++) {
        caddr_t some = i == 2 ? fake_cap(CAPTYPE_FRAME, CAP_RIGHTS_ALL) : 0;
        err = kitchen_sink_list_put(&sink, name, prefix_len + 20u * i, i == 1, &size,
                                    KITCHEN_SINK_KIND_ODD, some);
        if (some != 0) {
            (void)cap_destroy(some);
        }
    }
    kitchen_sink_list_finish(&sink, err);
    return SERVER_DEFERRED;
}

static void on_peer_gone(struct server_ctx *ctx)
{
    struct sink *s = ctx->state;
    s->peers_gone++;
}

static const struct kitchen_sink_server_ops ops = {
    .on_ints = on_ints,
    .on_null = on_null,
    .on_one = on_one,
    .on_eight = on_eight,
    .on_ranges = on_ranges,
    .on_enums = on_enums,
    .on_optional = on_optional,
    .on_text = on_text,
    .on_short = on_short,
    .on_arrays = on_arrays,
    .on_structs = on_structs,
    .on_cap_in = on_cap_in,
    .on_cap_copy = on_cap_copy,
    .on_cap_out = on_cap_out,
    .on_cap_get = on_cap_get,
    .on_caps = on_caps,
    .on_grants = on_grants,
    .on_pairs = on_pairs,
    .on_ends = on_ends,
    .on_read = on_read,
    .on_write = on_write,
    .on_wait = on_wait,
    .on_newer = on_newer,
    .on_wrong_error = on_wrong_error,
    .on_poke = on_poke,
    .on_post = on_post,
    .on_fire = on_fire,
    .on_list = on_list,
    .on_load = sink_load,
    .on_store = sink_store,
    .on_convert = sink_convert,
    .on_later = sink_later,
    .on_inspect = sink_inspect,
    .on_hold = sink_hold,
    .on_tables = sink_on_tables,
    .on_unions = sink_on_unions,
    .on_gifts = sink_on_gifts,
    .on_below = sink_on_below,
    .on_peer_gone = on_peer_gone,
};

void sink_init(struct sink *s)
{
    *s = (struct sink){0};
    waitset_init(&s->ws);
    fake_waitset = &s->ws;
    kitchen_sink_serve(&s->server, &ops, s, &s->ws);
}

void sink_deinit(struct sink *s)
{
    while (waitset_poll(&s->ws)) {
    }
    kitchen_sink_server_deinit(&s->server);
    while (s->kept_count != 0) {
        (void)cap_destroy(s->kept[--s->kept_count]);
    }
    fake_waitset = NULL;
}
