/* What version 2 brought. */
#pragma once

#include <aos/time.h>

#include "common.h"

#define SIDE_REFUSED 99u /* the key that put refuses */

static errval_t on_fire(struct server_ctx *ctx, uint64_t value)
{
    (void)state_of(ctx);
    evolving_event_changed(ctx->conn, value);
    evolving_event_extra(ctx->conn, value);
    evolving_event_note(ctx->conn, value);
    return ERR_OK;
}

static void on_nudge(struct server_ctx *ctx, uint64_t value)
{
    state_of(ctx)->nudges += value;
}

static void on_hint(struct server_ctx *ctx, uint64_t value, const char *text, size_t text_len)
{
    (void)text;
    state_of(ctx)->hints += value + text_len;
}

static void on_extra(void *arg, bool lost, uint64_t value)
{
    (void)lost;
    ((struct side_client *)arg)->extra += value;
}

static void on_note(void *arg, bool lost, uint64_t value)
{
    (void)lost;
    ((struct side_client *)arg)->note += value;
}

static errval_t put(struct side_client *c, uint32_t key, uint32_t *ret_old)
{
    return evolving_put(of(c), key, ret_old);
}

static errval_t put_begin(struct side_client *c, uint32_t key, uint32_t *ret_old)
{
    struct evolving_put_call call;
    errval_t err = evolving_put_begin(of(c), key, &call);
    return err_is_ok(err) ? evolving_put_end(&call, AOS_FOREVER, ret_old) : err;
}

static void put_done(void *arg, errval_t err, uint32_t old)
{
    *(uint32_t *)arg = err_is_ok(err) ? old : 0;
}

static errval_t put_cb(struct side_client *c, uint32_t key, uint32_t *ret_old)
{
    return evolving_put_cb(of(c), key, put_done, ret_old);
}

static errval_t nudge(struct side_client *c, uint64_t value)
{
    return evolving_nudge(of(c), value);
}

static errval_t hint(struct side_client *c, uint64_t value, const char *text)
{
    return evolving_hint(of(c), value, text, __builtin_strlen(text));
}

static errval_t subscribe_extra(struct side_client *c)
{
    return evolving_subscribe_extra(of(c), true);
}

static errval_t subscribe_note(struct side_client *c)
{
    return evolving_subscribe_note(of(c), true);
}

static const struct evolving_event_ops events = {
    .on_changed = on_changed, .on_extra = on_extra, .on_note = on_note};

#define SINCE2_OPS  .on_put = on_put, .on_nudge = on_nudge, .on_hint = on_hint
#define SINCE2_SIDE                                                                               \
    .put = {put, put_begin, put_cb}, .nudge = nudge, .hint = hint,                                \
    .subscribe_extra = subscribe_extra, .subscribe_note = subscribe_note
