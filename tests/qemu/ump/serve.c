/* The second domain of ringtest: a server over LMP and over the rings that are attached to it. */
#include "ringtest.h"

#include <stdlib.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/paging.h>

#include "../services/lentsum.h"

struct served {
    struct link link;
    struct ump_config config;
};

static struct rings_server server;
static struct waitset ws;
static uint32_t attached, open_rings;
static uint64_t puts, puts_wrong;

static errval_t serve_attach(struct server_ctx *ctx, caddr_t out, caddr_t in, caddr_t bell,
                             uint32_t spin, uint32_t *ret_number)
{
    struct server_conn *conn;
    struct served *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    s->config.spin = spin;
    errval_t err = ump_frames_map(out, RING_BYTES, in, RING_BYTES, &s->config);
    if (err_is_fail(err)) {
        free(s);
        return RINGS_ERR_REJECTED;
    }
    server_take_cap(ctx, bell);
    err = link_open(&s->link, bell, &ws, &s->config);
    if (err_is_ok(err)) {
        err = server_add_ump(&server.base, &s->config, 0, 0, &conn);
        if (err_is_fail(err)) {
            link_close(&s->link);
        }
    }
    if (err_is_fail(err)) {
        ump_frames_unmap(&s->config);
        free(s);
        return RINGS_ERR_REJECTED;
    }
    server_conn_set_state(conn, s);
    link_connect(&s->link, ump_conn_chan(conn));
    open_rings++;
    *ret_number = attached++;
    return ERR_OK;
}

static void serve_gone(struct server_ctx *ctx)
{
    struct served *s = server_conn_state(ctx->conn);
    if (s != NULL) {
        open_rings--;
        link_close(&s->link);
        ump_frames_unmap(&s->config);
        free(s);
    }
}

static errval_t serve_open(struct server_ctx *ctx, uint32_t *ret_count)
{
    *ret_count = open_rings;
    return ERR_OK;
}

static errval_t serve_echo(struct server_ctx *ctx, uint64_t a, uint64_t *ret_r)
{
    *ret_r = ~a;
    return ERR_OK;
}

static errval_t serve_text(struct server_ctx *ctx, const char *text, size_t text_len,
                           char *ret_back, size_t *ret_back_len)
{
    __builtin_memcpy(ret_back, text, text_len);
    *ret_back_len = text_len;
    return ERR_OK;
}

static void serve_put(struct server_ctx *ctx, uint64_t n)
{
    puts_wrong += n != puts;
    puts++;
}

static errval_t serve_got(struct server_ctx *ctx, uint64_t *ret_count, uint64_t *ret_wrong)
{
    *ret_count = puts;
    *ret_wrong = puts_wrong;
    puts = 0;
    puts_wrong = 0;
    return ERR_OK;
}

static errval_t serve_pass(struct server_ctx *ctx, caddr_t frame, caddr_t *ret_back)
{
    server_take_cap(ctx, frame);
    *ret_back = frame;
    return ERR_OK;
}

static errval_t serve_fill(struct server_ctx *ctx, struct lease *data, uint64_t seed,
                           uint32_t *ret_n)
{
    uint8_t bytes[256];
    for (uint32_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(seed + i);
    }
    *ret_n = lease_len(data);
    for (uint32_t off = 0; off < lease_len(data); off += sizeof(bytes)) {
        uint32_t left = lease_len(data) - off;
        errval_t err = lease_write(data, off, bytes, left < sizeof(bytes) ? left : sizeof(bytes));
        if (err_is_fail(err)) {
            return err;
        }
    }
    return ERR_OK;
}

static errval_t serve_sum(struct server_ctx *ctx, const struct lease *data, uint64_t *ret_sum)
{
    (void)ctx;
    return lent_sum(data, ret_sum);
}

static errval_t serve_attack(struct server_ctx *ctx, caddr_t out, caddr_t in, uint64_t seed,
                             uint32_t rounds)
{
    void *to, *from;
    errval_t err = paging_map_frame(paging_self(), out, 0, RING_BYTES, AOS_VM_RW, &to);
    if (err_is_fail(err)) {
        return err;
    }
    err = paging_map_frame(paging_self(), in, 0, RING_BYTES, AOS_VM_READ, &from);
    if (err_is_ok(err)) {
        ring_attack(to, from, seed, rounds);
        (void)paging_unmap(paging_self(), from);
    }
    (void)paging_unmap(paging_self(), to);
    return err;
}

static errval_t serve_count(struct server_ctx *ctx, uint64_t a, uint64_t *ret_r)
{
    for (uint32_t i = 0; i < 8; i++) {
        ret_r[i] = a + i;
    }
    return ERR_OK;
}

static const struct rings_server_ops ops = {
    .on_attach = serve_attach, .on_open = serve_open, .on_echo = serve_echo,
    .on_count = serve_count,
    .on_text = serve_text, .on_put = serve_put, .on_got = serve_got, .on_pass = serve_pass,
    .on_fill = serve_fill, .on_sum = serve_sum, .on_attack = serve_attack,
    .on_peer_gone = serve_gone,
};

int ring_serve(void)
{
    caddr_t end;
    waitset_init(&ws);
    rings_serve(&server, &ops, NULL, &ws);
    if (err_is_fail(domain_grant("rings", &end)) ||
        err_is_fail(rings_server_add(&server, end, 0))) {
        return 1;
    }
    waitset_run(&ws);
}
