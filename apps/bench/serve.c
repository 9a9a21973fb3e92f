/* The second domain of rpc.c, and the servers of scale.c. */
#include "bench_priv.h"

#include <aos/domain.h>
#include <aos/perf.h>
#include <aos/services.h>
#include <aos/waitset.h>
#include <if/bench_server.h>

static errval_t serve_zero(struct server_ctx *ctx)
{
    return ERR_OK;
}

static errval_t serve_one(struct server_ctx *ctx, uint64_t a, uint64_t *ret_r)
{
    *ret_r = a;
    return ERR_OK;
}

static errval_t serve_four(struct server_ctx *ctx, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                           uint64_t *ret_ra, uint64_t *ret_rb, uint64_t *ret_rc, uint64_t *ret_rd)
{
    *ret_ra = a;
    *ret_rb = b;
    *ret_rc = c;
    *ret_rd = d;
    return ERR_OK;
}

static errval_t serve_eight(struct server_ctx *ctx, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                            uint64_t e, uint64_t f, uint64_t g, uint64_t h, uint64_t *ret_ra,
                            uint64_t *ret_rb, uint64_t *ret_rc, uint64_t *ret_rd, uint64_t *ret_re,
                            uint64_t *ret_rf, uint64_t *ret_rg, uint64_t *ret_rh)
{
    *ret_ra = a;
    *ret_rb = b;
    *ret_rc = c;
    *ret_rd = d;
    *ret_re = e;
    *ret_rf = f;
    *ret_rg = g;
    *ret_rh = h;
    return ERR_OK;
}

static errval_t serve_cap(struct server_ctx *ctx, caddr_t frame)
{
    return ERR_OK;                       /* not taken: deleted */
}

static errval_t serve_text(struct server_ctx *ctx, const char *text, size_t text_len,
                           uint32_t *ret_length)
{
    *ret_length = (uint32_t)text_len;
    return ERR_OK;
}

static uint64_t noted;

static void serve_note(struct server_ctx *ctx, uint64_t from)
{
    noted = perf_cycles() - from;
}

static errval_t serve_noted(struct server_ctx *ctx, uint64_t *ret_cycles)
{
    *ret_cycles = noted;
    return ERR_OK;
}

static errval_t serve_borrow(struct server_ctx *ctx, caddr_t frame, uint64_t *ret_bytes)
{
    *ret_bytes = 0;
    return ERR_OK;
}

static uint8_t lent[BENCH_LENT_BYTES];

static errval_t serve_take(struct server_ctx *ctx, const struct lease *data, uint64_t *ret_sum)
{
    *ret_sum = lease_len(data);
    return lease_read(data, 0, lent, lease_len(data));
}

static errval_t serve_give(struct server_ctx *ctx, struct lease *data, uint64_t seed,
                           uint32_t *ret_n)
{
    *ret_n = lease_len(data);
    return lease_write(data, 0, lent, lease_len(data));
}

static void serve_post(struct server_ctx *ctx, const char *text, size_t text_len)
{
}

const struct bench_server_ops bench_ops = {
    .on_zero = serve_zero, .on_one = serve_one, .on_four = serve_four, .on_eight = serve_eight,
    .on_cap = serve_cap, .on_text = serve_text, .on_note = serve_note, .on_noted = serve_noted,
    .on_borrow = serve_borrow, .on_take = serve_take, .on_give = serve_give,
    .on_post = serve_post,
};

void bench_second_domain(const char *name)
{
    static struct bench_server server;
    static struct waitset ws;
    caddr_t end;

    waitset_init(&ws);
    bench_serve(&server, &bench_ops, NULL, &ws);
    if (name != NULL) {
        bench_check("its name", aos_register(&server.base, name, NULL, 0));
    } else {
        bench_check("the end to serve", domain_grant("bench", &end));
        bench_check("serving", bench_server_add(&server, end, 0));
    }
    waitset_run(&ws);
}
