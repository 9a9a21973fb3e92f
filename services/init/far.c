/* Init of a further core: what it does not have itself it asks the one of the core that booted. */
#include "init_priv.h"

#include <stdlib.h>
#include <string.h>

#include <aos/binding.h>
#include <aos/cap.h>

/* A call that is answered when the other init has answered. */
struct far_call {
    union {
        struct init_module_responder module;
        struct init_modules_responder modules;
        struct init_clock_responder clock;
        struct init_cores_responder cores;
    } answer;
};

static void far_module_done(void *arg, errval_t err, caddr_t frame, uint64_t bytes)
{
    struct far_call *c = arg;

    init_module_reply(&c->answer.module, err, frame, bytes);
    if (err_is_ok(err)) {
        (void)cap_destroy(frame);        /* the answer has a copy */
    }
    free(c);
}

errval_t init_far_module(struct server_ctx *ctx, const char *name, size_t name_len)
{
    struct far_call *c = malloc(sizeof(*c));
    errval_t err;

    if (c == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    c->answer.module = init_module_defer(ctx);
    err = init_module_cb(&init.boot, name, name_len, far_module_done, c);
    if (err_is_fail(err)) {
        init_module_reply(&c->answer.module, err, 0, 0);
        free(c);
    }
    return SERVER_DEFERRED;
}

static void far_modules_done(void *arg, errval_t err, const char *names, size_t names_len)
{
    struct far_call *c = arg;

    init_modules_reply(&c->answer.modules, err, names, names_len);
    free(c);
}

errval_t init_far_modules(struct server_ctx *ctx, const char *after, size_t after_len)
{
    struct far_call *c = malloc(sizeof(*c));
    errval_t err;

    if (c == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    c->answer.modules = init_modules_defer(ctx);
    err = init_modules_cb(&init.boot, after, after_len, far_modules_done, c);
    if (err_is_fail(err)) {
        far_modules_done(c, err, NULL, 0);
    }
    return SERVER_DEFERRED;
}

static void far_clock_done(void *arg, errval_t err, uint64_t seconds)
{
    struct far_call *c = arg;

    init_clock_reply(&c->answer.clock, err, seconds);
    free(c);
}

errval_t init_far_clock(struct server_ctx *ctx)
{
    struct far_call *c = malloc(sizeof(*c));
    errval_t err;

    if (c == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    c->answer.clock = init_clock_defer(ctx);
    err = init_clock_cb(&init.boot, far_clock_done, c);
    if (err_is_fail(err)) {
        far_clock_done(c, err, 0);
    }
    return SERVER_DEFERRED;
}

static void far_cores_done(void *arg, errval_t err, uint32_t on)
{
    struct far_call *c = arg;

    init_cores_reply(&c->answer.cores, err, on);
    free(c);
}

errval_t init_far_cores(struct server_ctx *ctx)
{
    struct far_call *c = malloc(sizeof(*c));
    errval_t err;

    if (c == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    c->answer.cores = init_cores_defer(ctx);
    err = init_cores_cb(&init.boot, far_cores_done, c);
    if (err_is_fail(err)) {
        far_cores_done(c, err, 0);
    }
    return SERVER_DEFERRED;
}

static void far_shutdown_done(void *arg, errval_t err)
{
    (void)arg;
    (void)err;                           /* the machine is off, or nobody can help */
}

errval_t init_far_shutdown(struct server_ctx *ctx, init_power_t how)
{
    errval_t err = init_shutdown_cb(&init.boot, how, far_shutdown_done, NULL);

    if (err_is_fail(err)) {
        return err;
    }
    (void)init_shutdown_defer(ctx);      /* who asked waits for the end */
    return SERVER_DEFERRED;
}
