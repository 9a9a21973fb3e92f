/* Servers: of a worker, which looks at the numbers of what comes on each connection; and of the
 * meeting. */
#include "stress_priv.h"

#include <stdlib.h>
#include <string.h>

#include <aos/services.h>
#include <aos/thread.h>
#include <if/bench_server.h>

/* What a worker's server knows of a connection. */
struct serve_conn {
    uint64_t next;                       /* number */
    uint64_t notes;
    bool broken;                         /* something was lost, came twice, or too early */
};

static struct {
    struct waitset ws;
    struct bench_server server;
    /* of the meeting */
    struct mutex lock;
    uint32_t expected, come, waiting;
    bool over;
    struct stress_done sum;
    struct bench_eight_responder guests[STRESS_WORKERS_MAX];
} serve;

/* The message's number: 0 if it is not the one that is due. */
static uint64_t serve_number(struct server_ctx *ctx, uint64_t number)
{
    struct serve_conn *c = server_conn_state(ctx->conn);

    if (c == NULL) {
        c = calloc(1, sizeof(*c));
        if (c == NULL) {
            return 0;
        }
        c->next = 1;
        server_conn_set_state(ctx->conn, c);
    }
    c->broken = c->broken || number != c->next;
    c->next = number + 1;
    return c->broken ? 0 : number;
}

static errval_t serve_zero(struct server_ctx *ctx)
{
    return ERR_OK;
}

static errval_t serve_one(struct server_ctx *ctx, uint64_t a, uint64_t *ret_r)
{
    *ret_r = serve_number(ctx, a);
    return ERR_OK;
}

static errval_t serve_four(struct server_ctx *ctx, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                           uint64_t *ret_ra, uint64_t *ret_rb, uint64_t *ret_rc, uint64_t *ret_rd)
{
    *ret_ra = serve_number(ctx, a);
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
    *ret_ra = serve_number(ctx, a);
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

/* Of equal bytes; tells how many. */
static errval_t serve_text(struct server_ctx *ctx, const char *text, size_t text_len,
                           uint32_t *ret_length)
{
    size_t same = 0;

    while (same < text_len && text[same] == text[0]) {
        same++;
    }
    *ret_length = (uint32_t)same;
    return ERR_OK;
}

static void serve_note(struct server_ctx *ctx, uint64_t from)
{
    if (serve_number(ctx, from) != 0) {
        ((struct serve_conn *)server_conn_state(ctx->conn))->notes++;
    }
}

static errval_t serve_noted(struct server_ctx *ctx, uint64_t *ret_notes)
{
    const struct serve_conn *c = server_conn_state(ctx->conn);

    *ret_notes = c == NULL ? 0 : c->notes;
    return ERR_OK;
}

static errval_t serve_borrow(struct server_ctx *ctx, caddr_t frame, uint64_t *ret_bytes)
{
    *ret_bytes = 0;
    return ERR_OK;
}

static errval_t serve_take(struct server_ctx *ctx, const struct lease *data, uint64_t *ret_sum)
{
    *ret_sum = lease_len(data);
    return ERR_OK;
}

static errval_t serve_give(struct server_ctx *ctx, struct lease *data, uint64_t seed,
                           uint32_t *ret_n)
{
    *ret_n = lease_len(data);
    return ERR_OK;
}

static void serve_peer_gone(struct server_ctx *ctx)
{
    free(server_conn_state(ctx->conn));
}

static const struct bench_server_ops worker_ops = {
    .on_zero = serve_zero, .on_one = serve_one, .on_four = serve_four, .on_eight = serve_eight,
    .on_cap = serve_cap, .on_text = serve_text, .on_note = serve_note, .on_noted = serve_noted,
    .on_borrow = serve_borrow, .on_take = serve_take, .on_give = serve_give,
    .on_peer_gone = serve_peer_gone,
};

static int serve_run(void *arg)
{
    waitset_run(&serve.ws);
}

static errval_t serve_begin(const char *name, const struct bench_server_ops *ops)
{
    struct thread *thread;
    errval_t err;

    waitset_init(&serve.ws);
    bench_serve(&serve.server, ops, NULL, &serve.ws);
    err = thread_create(serve_run, NULL, &(struct thread_attr){.detached = true}, &thread);
    return err_is_ok(err) ? aos_register(&serve.server.base, name, NULL, 0) : err;
}

errval_t stress_serve(const char *name)
{
    return serve_begin(name, &worker_ops);
}

/* --- the meeting ---------------------------------------------------------------------------- */

/* The lock is held. */
static void meeting_answer(void)
{
    for (uint32_t i = 0; i < serve.waiting; i++) {
        bench_eight_reply(&serve.guests[i], ERR_OK, 0, 0, 0, 0, 0, 0, 0, 0);
    }
    serve.waiting = 0;
}

/* A worker is done. */
static errval_t meeting_eight(struct server_ctx *ctx, uint64_t a, uint64_t b, uint64_t c,
                              uint64_t d, uint64_t e, uint64_t f, uint64_t g, uint64_t h,
                              uint64_t *ret_ra, uint64_t *ret_rb, uint64_t *ret_rc,
                              uint64_t *ret_rd, uint64_t *ret_re, uint64_t *ret_rf,
                              uint64_t *ret_rg, uint64_t *ret_rh)
{
    mutex_lock(&serve.lock);
    serve.sum.calls += a;
    serve.sum.notes += b;
    serve.sum.programs += c;
    serve.sum.pieces += d;
    serve.sum.ends += e;
    serve.sum.failed += f;
    serve.come++;
    if (serve.waiting < STRESS_WORKERS_MAX) {
        serve.guests[serve.waiting++] = bench_eight_defer(ctx);
    }
    if (serve.come >= serve.expected || serve.over) {
        meeting_answer();
    }
    mutex_unlock(&serve.lock);
    return SERVER_DEFERRED;
}

errval_t stress_meeting_begin(const char *name)
{
    static struct bench_server_ops ops;

    ops = worker_ops;
    ops.on_eight = meeting_eight;
    return serve_begin(name, &ops);
}

void stress_meeting_expect(uint32_t count)
{
    mutex_lock(&serve.lock);
    serve.expected = count;
    serve.come = serve.waiting = 0;
    serve.over = false;
    memset(&serve.sum, 0, sizeof(serve.sum));
    mutex_unlock(&serve.lock);
}

uint32_t stress_meeting_end(struct stress_done *ret_sum)
{
    uint32_t come;

    mutex_lock(&serve.lock);
    serve.over = true;
    meeting_answer();
    *ret_sum = serve.sum;
    come = serve.come;
    mutex_unlock(&serve.lock);
    return come;
}
