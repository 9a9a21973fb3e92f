/* Handlers of flow.if, for tests on the host and in QEMU. */
#include "flow_handlers.h"

static struct flow *flow_of(struct server_ctx *ctx)
{
    struct flow *f = ctx->state;
    f->calls++;
    return f;
}

static errval_t on_park(struct server_ctx *ctx, uint32_t key, uint64_t *ret_value)
{
    struct flow *f = flow_of(ctx);
    (void)ret_value;
    if (f->parked[key].base.conn != NULL) {
        return FLOW_ERR_REFUSED;
    }
    if (f->in_park != NULL) {
        f->in_park();
    }
    f->parked[key] = flow_park_defer(ctx);
    return SERVER_DEFERRED;
}

static errval_t on_release(struct server_ctx *ctx, uint32_t key, uint64_t value)
{
    flow_park_reply(&flow_of(ctx)->parked[key], ERR_OK, value);
    return ERR_OK;
}

static errval_t on_asked(struct server_ctx *ctx, uint32_t key, bool *ret_cancelled)
{
    *ret_cancelled = server_responder_cancelled(&flow_of(ctx)->parked[key].base);
    return ERR_OK;
}

static errval_t on_twice(struct server_ctx *ctx, uint64_t value, uint64_t *ret_doubled)
{
    (void)flow_of(ctx);
    *ret_doubled = 2 * value;
    return ERR_OK;
}

static errval_t on_say(struct server_ctx *ctx, uint32_t count, char *ret_text, size_t *ret_text_len)
{
    (void)flow_of(ctx);
    *ret_text_len = 8u * count;
    __builtin_memset(ret_text, 's', *ret_text_len);
    return ERR_OK;
}

static errval_t on_fill(struct server_ctx *ctx, void *buf, size_t buf_len, uint32_t *ret_n)
{
    (void)flow_of(ctx);
    *ret_n = (uint32_t)buf_len;
    __builtin_memset(buf, 'f', buf_len);
    return ERR_OK;
}

static errval_t on_give(struct server_ctx *ctx, const caddr_t *many, size_t many_count,
                        caddr_t *ret_back, size_t *ret_back_count)
{
    for (size_t i = 0; i < many_count; i++) {
        server_take_cap(ctx, many[i]);
        ret_back[i] = many[i];
    }
    *ret_back_count = many_count + flow_of(ctx)->lie;
    return ERR_OK;
}

static errval_t on_hand(struct server_ctx *ctx, caddr_t gift, const char *text, size_t text_len,
                        caddr_t *ret_back, char *ret_text_out, size_t *ret_text_out_len)
{
    struct flow *f = flow_of(ctx);
    server_take_cap(ctx, gift);
    if (f->hand_later) {
        f->hand = flow_hand_defer(ctx);
        f->gift = gift;
        return SERVER_DEFERRED;
    }
    *ret_back = gift;
    __builtin_memcpy(ret_text_out, text, text_len);
    *ret_text_out_len = text_len + f->lie;
    return ERR_OK;
}

static void on_leave(struct server_ctx *ctx, caddr_t gift, const char *text, size_t text_len)
{
    (void)gift;
    (void)text;
    (void)text_len;
    flow_of(ctx)->dropped++;
}

static errval_t on_sift(struct server_ctx *ctx, caddr_t gift, const char *text, size_t text_len)
{
    struct flow *f = flow_of(ctx);
    struct flow_sift_sink sink = flow_sift_defer(ctx);
    char copy[64] = {0};
    server_take_cap(ctx, gift);
    __builtin_memcpy(copy, text, text_len);
    flow_sift_finish(&sink, flow_sift_put(&sink, gift, copy, text_len + f->lie));
    return SERVER_DEFERRED;
}

static void on_drop(struct server_ctx *ctx, const char *text, size_t text_len)
{
    (void)text;
    (void)text_len;
    flow_of(ctx)->dropped++;
}

static errval_t on_fire(struct server_ctx *ctx, uint32_t n)
{
    (void)flow_of(ctx);
    for (uint32_t i = 0; i < n; i++) {
        flow_event_tick(ctx->conn, i);
    }
    return ERR_OK;
}

/* --- streams --------------------------------------------------------------------------------- */

static const struct server_responder *flow_sink(const struct flow_source *s)
{
    return s->count.base.conn != NULL   ? &s->count.base
           : s->texts.base.conn != NULL ? &s->texts.base
                                        : &s->frames.base;
}

static errval_t flow_put(struct flow_source *s)
{
    char text[200];
    caddr_t cap;
    if (s->count.base.conn != NULL) {
        return flow_count_put(&s->count, s->next);
    }
    if (s->texts.base.conn != NULL) {
        __builtin_memset(text, 'a' + (int)s->next, sizeof(text));
        return flow_texts_put(&s->texts, s->next, text, 10 * s->next);
    }
    /* A capability is gone whatever put returns, so it is made when there is room. */
    errval_t err = server_sink_state(&s->frames.base);
    if (err_is_ok(err)) {
        err = s->flow->make_frame(&cap);
    }
    return err_is_ok(err) ? flow_frames_put(&s->frames, cap, (uint8_t)s->next) : err;
}

static void flow_finish(struct flow_source *s, errval_t err)
{
    if (s->count.base.conn != NULL) {
        flow_count_finish(&s->count, err);
    } else if (s->texts.base.conn != NULL) {
        flow_texts_finish(&s->texts, err);
    } else {
        flow_frames_finish(&s->frames, err);
    }
}

void flow_pump(void *source)
{
    struct flow_source *s = source;
    bool breaks = s->to == FLOW_BREAKS;
    s->last = ERR_OK;
    while (s->next < s->to && !(breaks && s->next == FLOW_BREAK)) {
        s->last = flow_put(s);
        if (s->last == RPC_ERR_AGAIN) {
            return;
        }
        if (err_is_fail(s->last)) {
            break;
        }
        s->next++;
    }
    flow_finish(s, breaks ? FLOW_ERR_BROKEN : ERR_OK);
}

/* A source that is free, with nothing put yet. */
static struct flow_source *flow_start(struct server_ctx *ctx, uint32_t next, uint32_t to)
{
    struct flow *f = flow_of(ctx);
    for (uint32_t i = 0; i < FLOW_SOURCES; i++) {
        struct flow_source *s = &f->sources[i];
        if (flow_sink(s)->conn == NULL) {
            *s = (struct flow_source){.flow = f, .next = next, .to = to};
            return s;
        }
    }
    return NULL;
}

static errval_t flow_started(struct flow_source *s)
{
    if (!s->flow->manual) {
        server_sink_on_ready(flow_sink(s), flow_pump, s);
    }
    return SERVER_DEFERRED;
}

static errval_t on_count(struct server_ctx *ctx, uint32_t from, uint32_t to)
{
    struct flow_source *s = flow_start(ctx, from, to);
    if (s == NULL || from > to) {
        return FLOW_ERR_REFUSED;
    }
    if (from == to) {
        return ERR_OK;
    }
    s->count = flow_count_defer(ctx);
    return flow_started(s);
}

static errval_t on_texts(struct server_ctx *ctx, uint32_t times)
{
    struct flow_source *s = flow_start(ctx, 0, times);
    s->texts = flow_texts_defer(ctx);
    return flow_started(s);
}

static errval_t on_frames(struct server_ctx *ctx, uint32_t times)
{
    struct flow_source *s = flow_start(ctx, 0, times);
    s->frames = flow_frames_defer(ctx);
    return flow_started(s);
}

static void on_peer_gone(struct server_ctx *ctx)
{
    ((struct flow *)ctx->state)->peers_gone++;
}

static const struct flow_server_ops ops = {
    .on_park = on_park,
    .on_release = on_release,
    .on_asked = on_asked,
    .on_twice = on_twice,
    .on_say = on_say,
    .on_fill = on_fill,
    .on_give = on_give,
    .on_drop = on_drop,
    .on_fire = on_fire,
    .on_count = on_count,
    .on_texts = on_texts,
    .on_frames = on_frames,
    .on_hand = on_hand,
    .on_leave = on_leave,
    .on_sift = on_sift,
    .on_peer_gone = on_peer_gone,
};

void flow_init(struct flow *f, struct waitset *ws)
{
    *f = (struct flow){.ws = ws};
    flow_serve(&f->server, &ops, f, ws);
}

void flow_deinit(struct flow *f)
{
    for (uint32_t i = 0; i < FLOW_PARKED_MAX; i++) {
        flow_park_reply(&f->parked[i], FLOW_ERR_REFUSED, 0);
    }
    flow_server_deinit(&f->server);
    for (uint32_t i = 0; i < FLOW_SOURCES; i++) {
        if (flow_sink(&f->sources[i])->conn != NULL) {
            flow_finish(&f->sources[i], ERR_OK);
        }
    }
}
