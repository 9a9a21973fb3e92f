/* The server side: one thread that runs a waitset for ever. */
#include "chantest.h"

#include <aos/cap.h>
#include <aos/chan.h>
#include <aos/debug.h>
#include <aos/paging.h>
#include <aos/slot.h>

struct chantest_server chantest_server;

static errval_t on_zero(struct server_ctx *ctx)
{
    struct chantest_server *s = ctx->state;
    s->calls++;
    if (s->silent) {
        s->silenced = bench_zero_defer(ctx);
        return SERVER_DEFERRED;
    }
    return ERR_OK;
}

static errval_t on_one(struct server_ctx *ctx, uint64_t a, uint64_t *ret_r)
{
    (void)ctx;
    *ret_r = ~a;
    return ERR_OK;
}

static errval_t on_four(struct server_ctx *ctx, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                        uint64_t *ret_ra, uint64_t *ret_rb, uint64_t *ret_rc, uint64_t *ret_rd)
{
    (void)ctx;
    *ret_ra = d;
    *ret_rb = c;
    *ret_rc = b;
    *ret_rd = a;
    return ERR_OK;
}

static errval_t on_eight(struct server_ctx *ctx, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                         uint64_t e, uint64_t f, uint64_t g, uint64_t h, uint64_t *ret_ra,
                         uint64_t *ret_rb, uint64_t *ret_rc, uint64_t *ret_rd, uint64_t *ret_re,
                         uint64_t *ret_rf, uint64_t *ret_rg, uint64_t *ret_rh)
{
    (void)ctx;
    *ret_ra = h;
    *ret_rb = g;
    *ret_rc = f;
    *ret_rd = e;
    *ret_re = d;
    *ret_rf = c;
    *ret_rg = b;
    *ret_rh = a;
    return ERR_OK;
}

static errval_t on_cap(struct server_ctx *ctx, caddr_t frame)
{
    (void)ctx;
    (void)frame;
    return ERR_OK;
}

static errval_t on_text(struct server_ctx *ctx, const char *text, size_t text_len,
                        uint32_t *ret_length)
{
    (void)ctx;
    *ret_length = (uint32_t)text_len + (text_len != 0 ? (uint8_t)text[text_len - 1] : 0);
    return ERR_OK;
}

/* The benchmark's own: nothing to test here. */
static void on_post(struct server_ctx *ctx, const char *text, size_t text_len)
{
}

static void on_note(struct server_ctx *ctx, uint64_t from)
{
    (void)ctx;
    (void)from;
}

static errval_t on_noted(struct server_ctx *ctx, uint64_t *ret_cycles)
{
    (void)ctx;
    *ret_cycles = 0;
    return ERR_OK;
}

/* Keeps all that it can of what it is lent: a copy, a loan, a message that nobody reads, and a
 * mapping. */
static errval_t on_borrow(struct server_ctx *ctx, caddr_t frame, uint64_t *ret_bytes)
{
    struct chantest_server *s = ctx->state;
    struct chantest_hoard *h = &s->hoard;
    struct cap_info info;
    errval_t err = cap_identify(frame, &info);
    *ret_bytes = info.b;
    if (err_is_fail(err) || !s->hoards) {
        return err;
    }
    h->frame = frame;
    h->rights = info.rights;
    server_take_cap(ctx, frame);
    void *va = NULL;
    if (err_is_ok(err)) {
        err = slot_alloc_range(3, &h->slots);
    }
    if (err_is_ok(err)) {
        err = cap_copy(h->slots, frame);
    }
    if (err_is_ok(err)) {
        err = cap_lend(h->slots + 1, h->slots, CAP_RIGHT_R);
    }
    if (err_is_ok(err)) {
        err = cap_mint(h->slots + 2, h->slots + 1, CAP_RIGHT_R);
    }
    if (err_is_ok(err)) {
        err = chan_create(&h->ends[0], &h->ends[1]);
    }
    if (err_is_ok(err)) {
        const struct lmp_msg msg = {.header = 1};
        struct chan c = {.end = h->ends[0]};
        err = chan_send(&c, &msg, (struct msg_cap){h->slots, CAP_RIGHT_R, MSG_CAP_COPY});
    }
    if (err_is_ok(err)) {
        err = paging_map_frame(paging_self(), frame, 0, info.b, AOS_VM_RW, &va);
    }
    if (err_is_ok(err)) {
        h->va = va;
        h->seen = *h->va;
        *h->va = ~h->seen;
    }
    return err;
}

/* Both copy in pieces; a client may revoke its region between two of them. */
#define PIECE 5000u

static errval_t on_take(struct server_ctx *ctx, const struct lease *data, uint64_t *ret_sum)
{
    static uint8_t piece[PIECE];
    struct chantest_server *s = ctx->state;
    uint64_t sum = 0;
    for (uint32_t at = 0, n; at < lease_len(data); at += n) {
        n = lease_len(data) - at < PIECE ? lease_len(data) - at : PIECE;
        errval_t err = lease_read(data, at, piece, n);
        if (err_is_fail(err)) {
            return err;
        }
        for (uint32_t i = 0; i < n; i++) {
            sum = sum * 31 + piece[i];
        }
        if (s->between != NULL) {
            s->between();
        }
    }
    *ret_sum = sum;
    return ERR_OK;
}

static errval_t on_give(struct server_ctx *ctx, struct lease *data, uint64_t seed,
                        uint32_t *ret_n)
{
    static uint8_t piece[PIECE];
    struct chantest_server *s = ctx->state;
    for (uint32_t at = 0, n; at < lease_len(data); at += n) {
        n = lease_len(data) - at < PIECE ? lease_len(data) - at : PIECE;
        for (uint32_t i = 0; i < n; i++) {
            piece[i] = chantest_byte(seed + at + i);
        }
        errval_t err = lease_write(data, at, piece, n);
        if (err_is_fail(err)) {
            return err;
        }
        if (s->between != NULL) {
            s->between();
        }
    }
    *ret_n = lease_len(data);
    return ERR_OK;
}

static void on_peer_gone(struct server_ctx *ctx)
{
    struct chantest_server *s = ctx->state;
    s->peers_gone++;
}

static const struct bench_server_ops ops = {
    .on_zero = on_zero,
    .on_one = on_one,
    .on_four = on_four,
    .on_eight = on_eight,
    .on_cap = on_cap,
    .on_text = on_text,
    .on_note = on_note,
    .on_post = on_post,
    .on_noted = on_noted,
    .on_borrow = on_borrow,
    .on_take = on_take,
    .on_give = on_give,
    .on_peer_gone = on_peer_gone,
};

static int chantest_thread(void *arg)
{
    (void)arg;
    waitset_run(&chantest_server.ws);
}

void chantest_serve(void)
{
    struct chantest_server *s = &chantest_server;
    waitset_init(&s->ws);
    bench_serve(&s->server, &ops, s, &s->ws);
    USER_CHECK(thread_create(chantest_thread, NULL, NULL, &s->thread) == ERR_OK);
}
