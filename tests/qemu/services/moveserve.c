/* The server of movetest. */
#include "movetest.h"

#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/services.h>
#include <aos/waitset.h>
#include <if/moves_server.h>

#include "lentsum.h"

static struct moves_server server;
static struct waitset ws;
static uint64_t calls;

static errval_t serve_where(struct server_ctx *ctx, uint32_t *ret_core, uint32_t *ret_pid)
{
    (void)ctx;
    *ret_core = domain_core();
    *ret_pid = domain_pid();
    return ERR_OK;
}

static errval_t serve_count(struct server_ctx *ctx, uint64_t *ret_calls)
{
    (void)ctx;
    *ret_calls = ++calls;
    return ERR_OK;
}

static errval_t serve_echo(struct server_ctx *ctx, const char *text, size_t text_len,
                           char *ret_back, size_t *ret_back_len)
{
    (void)ctx;
    memcpy(ret_back, text, text_len);
    *ret_back_len = text_len;
    return ERR_OK;
}

static errval_t serve_sum(struct server_ctx *ctx, const struct lease *data, uint64_t *ret_sum)
{
    (void)ctx;
    return lent_sum(data, ret_sum);
}

static errval_t serve_size(struct server_ctx *ctx, caddr_t frame, uint64_t *ret_bytes)
{
    struct cap_info info;
    errval_t err = cap_identify(frame, &info);

    (void)ctx;
    *ret_bytes = info.b;
    return err;
}

static errval_t serve_fall(struct server_ctx *ctx)
{
    (void)ctx;
    exit(0);
}

static errval_t serve_tell(struct server_ctx *ctx, const char *text, size_t text_len)
{
    moves_event_told(ctx->conn, text, text_len);
    return ERR_OK;
}

static errval_t serve_stall(struct server_ctx *ctx)
{
    (void)ctx;
    return ERR_OK;
}

static void serve_note(struct server_ctx *ctx, uint64_t number)
{
    (void)ctx;
    (void)number;
}

static void serve_hand(struct server_ctx *ctx, caddr_t frame, uint64_t number)
{
    (void)frame;
    serve_note(ctx, number);
}

int move_serve(const char *name)
{
    static const struct moves_server_ops ops = {
        .on_where = serve_where, .on_count = serve_count, .on_echo = serve_echo,
        .on_sum = serve_sum, .on_size = serve_size, .on_fall = serve_fall,
        .on_tell = serve_tell, .on_stall = serve_stall, .on_note = serve_note,
        .on_hand = serve_hand,
    };

    waitset_init(&ws);
    moves_serve(&server, &ops, NULL, &ws);
    if (err_is_fail(aos_register(&server.base, name, NULL, 0))) {
        return 1;
    }
    waitset_run(&ws);
}
