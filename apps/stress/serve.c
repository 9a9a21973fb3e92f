/* The server that every program of a run has: it looks at what comes on each connection. That of
 * the first program has the meeting of all workers, too. */
#include "stress_priv.h"

#include <stdlib.h>
#include <string.h>

#include <aos/services.h>
#include <aos/thread.h>
#include <if/stress_server.h>

/* What is known of a connection. */
struct serve_conn {
    uint64_t last;                       /* number */
    uint64_t notes;
    bool broken;                         /* something was lost, came twice, or too early */
    struct keep keep;
};

static struct {
    struct waitset ws;
    struct stress_server server;
    uint8_t lent[STRESS_READ_DATA_MAX];
    /* of the meeting */
    struct mutex lock;
    uint32_t expected, come;             /* a number, a mask of workers */
    bool held, over;
    struct stress_done sum;
    struct { struct stress_meet_responder answer; bool waits; } guests[STRESS_WORKERS_MAX];
} serve;

static struct serve_conn *serve_conn_of(const struct server_ctx *ctx)
{
    struct serve_conn *c = server_conn_state(ctx->conn);

    if (c == NULL) {
        c = calloc(1, sizeof(*c));
        server_conn_set_state(ctx->conn, c);
    }
    return c;
}

/* Is this message the one that is due? */
static errval_t serve_due(const struct server_ctx *ctx, uint64_t number)
{
    struct serve_conn *c = serve_conn_of(ctx);

    if (c == NULL) {
        return STRESS_ERR_WRONG;
    }
    c->broken = c->broken || number != c->last + 1;
    c->last = number;
    return c->broken ? STRESS_ERR_WRONG : ERR_OK;
}

static errval_t on_touch(struct server_ctx *ctx)
{
    (void)ctx;
    return ERR_OK;
}

static errval_t on_number(struct server_ctx *ctx, uint64_t n)
{
    return serve_due(ctx, n);
}

static errval_t serve_check_bytes(const uint8_t *data, size_t bytes, uint64_t seed)
{
    for (size_t i = 0; i < bytes; i++) {
        if (data[i] != job_byte(seed, i)) {
            return STRESS_ERR_WRONG;
        }
    }
    return ERR_OK;
}

static errval_t on_bytes(struct server_ctx *ctx, uint64_t n, const void *data, size_t data_len,
                         void *ret_back, size_t *ret_back_len)
{
    errval_t err = serve_due(ctx, n);

    if (err_is_ok(err)) {
        err = serve_check_bytes(data, data_len, n);
    }
    if (err_is_ok(err)) {
        memcpy(ret_back, data, data_len);
        *ret_back_len = data_len;
    }
    return err;
}

static void on_note(struct server_ctx *ctx, uint64_t n)
{
    if (err_is_ok(serve_due(ctx, n))) {
        serve_conn_of(ctx)->notes++;
    }
}

static errval_t on_noted(struct server_ctx *ctx, uint64_t *ret_notes)
{
    const struct serve_conn *c = server_conn_state(ctx->conn);

    *ret_notes = c == NULL ? 0 : c->notes;
    return ERR_OK;
}

static errval_t on_read(struct server_ctx *ctx, const struct lease *data, uint64_t seed)
{
    errval_t err = lease_read(data, 0, serve.lent, lease_len(data));

    (void)ctx;
    return err_is_ok(err) ? serve_check_bytes(serve.lent, lease_len(data), seed)
                          : STRESS_ERR_WRONG;
}

static errval_t on_fill(struct server_ctx *ctx, struct lease *data, uint64_t seed,
                        uint32_t *ret_count)
{
    (void)ctx;
    for (uint32_t i = 0; i < lease_len(data); i++) {
        serve.lent[i] = job_byte(seed, i);
    }
    *ret_count = lease_len(data);
    return lease_write(data, 0, serve.lent, lease_len(data));
}

static errval_t on_keep(struct server_ctx *ctx, caddr_t frame, uint64_t mark, stress_use_t use,
                        uint32_t *ret_place)
{
    struct serve_conn *c = serve_conn_of(ctx);
    errval_t err = c == NULL ? STRESS_ERR_FULL : keep_add(&c->keep, frame, mark, use, ret_place);

    if (err_is_ok(err)) {
        server_take_cap(ctx, frame);
    }
    return err;
}

static errval_t on_look(struct server_ctx *ctx, uint32_t place, uint64_t mark)
{
    struct serve_conn *c = server_conn_state(ctx->conn);

    return c == NULL ? STRESS_ERR_NOTHING : keep_look(&c->keep, place, mark);
}

static errval_t on_leave(struct server_ctx *ctx, uint32_t place, stress_was_t was)
{
    struct serve_conn *c = server_conn_state(ctx->conn);

    return c == NULL ? STRESS_ERR_NOTHING : keep_leave(&c->keep, place, was);
}

static errval_t on_fetch(struct server_ctx *ctx, caddr_t *ret_frame)
{
    struct server_conn *conn = NULL;
    caddr_t frame = 0;

    (void)ctx;
    while (frame == 0 && (conn = server_conn_next(&serve.server.base, conn)) != NULL) {
        const struct serve_conn *c = server_conn_state(conn);

        frame = c == NULL ? 0 : keep_any(&c->keep);
    }
    *ret_frame = frame;
    return frame == 0 ? STRESS_ERR_NOTHING : ERR_OK;
}

static void on_peer_gone(struct server_ctx *ctx)
{
    struct serve_conn *c = server_conn_state(ctx->conn);

    if (c != NULL) {
        keep_leave_all(&c->keep);
    }
    free(c);
}

/* --- the meeting ---------------------------------------------------------------------------- */

/* The lock is held. */
static void meeting_answer(uint32_t index)
{
    if (serve.guests[index].waits) {
        stress_meet_reply(&serve.guests[index].answer, ERR_OK);
        serve.guests[index].waits = false;
    }
}

/* Lets all go if nobody needs them any more. The lock is held. */
static void meeting_look(void)
{
    bool all = serve.come == (1u << serve.expected) - 1 && !serve.held;

    for (uint32_t i = 0; i < STRESS_WORKERS_MAX && (all || serve.over); i++) {
        meeting_answer(i);
    }
}

static errval_t on_meet(struct server_ctx *ctx, uint32_t index, const struct stress_done *done)
{
    mutex_lock(&serve.lock);
    meeting_answer(index);
    job_add(&serve.sum, done);
    serve.come |= 1u << index;
    serve.guests[index].answer = stress_meet_defer(ctx);
    serve.guests[index].waits = true;
    meeting_look();
    mutex_unlock(&serve.lock);
    return SERVER_DEFERRED;
}

void meeting_expect(uint32_t count, bool held)
{
    mutex_lock(&serve.lock);
    serve.expected = count;
    serve.come = 0;
    serve.held = held;
    serve.over = false;
    memset(&serve.sum, 0, sizeof(serve.sum));
    mutex_unlock(&serve.lock);
}

void meeting_release(void)
{
    mutex_lock(&serve.lock);
    serve.held = false;
    meeting_look();
    mutex_unlock(&serve.lock);
}

void meeting_forget(uint32_t index)
{
    mutex_lock(&serve.lock);
    serve.come &= ~(1u << index);
    meeting_answer(index);
    mutex_unlock(&serve.lock);
}

uint32_t meeting_end(struct stress_done *ret_sum)
{
    uint32_t come;

    mutex_lock(&serve.lock);
    serve.over = true;
    meeting_look();
    *ret_sum = serve.sum;
    come = (uint32_t)__builtin_popcount(serve.come);
    mutex_unlock(&serve.lock);
    return come;
}

/* --- both ----------------------------------------------------------------------------------- */

static const struct stress_server_ops ops = {
    .on_touch = on_touch, .on_number = on_number, .on_bytes = on_bytes, .on_note = on_note,
    .on_noted = on_noted, .on_read = on_read, .on_fill = on_fill, .on_keep = on_keep,
    .on_look = on_look, .on_leave = on_leave, .on_fetch = on_fetch, .on_meet = on_meet,
    .on_peer_gone = on_peer_gone,
};

static int serve_run(void *arg)
{
    (void)arg;
    waitset_run(&serve.ws);
}

errval_t serve_start(const char *name)
{
    struct thread *thread;
    errval_t err;

    waitset_init(&serve.ws);
    stress_serve(&serve.server, &ops, NULL, &serve.ws);
    err = thread_create(serve_run, NULL, &(struct thread_attr){.detached = true}, &thread);
    return err_is_ok(err) ? aos_register(&serve.server.base, name, NULL, 0) : err;
}
