/* The server of coretest, and a domain that is ended while others use its memory. */
#include "coretest.h"
#include "tellfail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/paging.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/slot.h>
#include <aos/thread.h>
#include <aos/waitset.h>

#define NAME_BYTES_MAX 31u               /* as in shares.if */

static struct shares_server server;
static struct waitset ws;
static caddr_t volatile frame;
static caddr_t ram;
static uint64_t *volatile words;

const char *core_server_name(uint32_t core, char text[CORE_NAME_BYTES])
{
    snprintf(text, CORE_NAME_BYTES, core == 0 ? "coretest" : "coretest/%u", (unsigned)core);
    return text;
}

void core_serve_has(caddr_t cap)
{
    frame = cap;
}

static errval_t serve_drop(struct server_ctx *ctx)
{
    errval_t err = frame != 0 ? cap_destroy(frame) : ERR_OK;

    (void)ctx;
    if (err_is_ok(err)) {
        frame = 0;
    }
    return err_is_ok(err) ? ERR_OK : SHARES_ERR_REFUSED;
}

static errval_t serve_take(struct server_ctx *ctx, caddr_t taken)
{
    if (err_is_fail(serve_drop(ctx))) {
        return SHARES_ERR_REFUSED;
    }
    server_take_cap(ctx, taken);
    frame = taken;
    return ERR_OK;
}

static errval_t serve_accept(struct server_ctx *ctx, caddr_t taken)
{
    return serve_take(ctx, taken);
}

static errval_t serve_hold(struct server_ctx *ctx, caddr_t taken)
{
    return serve_take(ctx, taken);
}

static errval_t serve_hand(struct server_ctx *ctx, caddr_t *ret_cap)
{
    (void)ctx;
    if (frame == 0) {
        return SHARES_ERR_REFUSED;
    }
    *ret_cap = frame;
    frame = 0;
    return ERR_OK;
}

static errval_t serve_granted(struct server_ctx *ctx, const char *name, size_t name_len,
                              caddr_t *ret_cap)
{
    char text[NAME_BYTES_MAX + 1] = {0};

    (void)ctx;
    memcpy(text, name, name_len);
    return err_is_ok(domain_grant(text, ret_cap)) ? ERR_OK : SHARES_ERR_REFUSED;
}

static errval_t serve_signal(struct server_ctx *ctx)
{
    (void)ctx;
    chan_notify_signal(frame);
    return ERR_OK;
}

static void serve_interrupt(void *arg)
{
    (void)arg;
}

/* The end goes again, and the interrupt stays. */
static errval_t serve_connect(struct server_ctx *ctx)
{
    static struct irq_source source;
    errval_t err = irq_source_init(&source, &ws, frame, serve_interrupt, NULL);

    (void)ctx;
    if (err_is_ok(err)) {
        err = irq_source_ack(&source);
        irq_source_deinit(&source);
    }
    return err_is_ok(err) ? ERR_OK : SHARES_ERR_REFUSED;
}

static errval_t serve_revoke(struct server_ctx *ctx)
{
    (void)ctx;
    return err_is_ok(cap_revoke(frame)) ? ERR_OK : SHARES_ERR_REFUSED;
}

static errval_t serve_peek(struct server_ctx *ctx, caddr_t borrowed, uint64_t *ret_value)
{
    void *at;

    (void)ctx;
    if (err_is_fail(paging_map_frame(paging_self(), borrowed, 0, PAGE_BYTES, AOS_VM_READ, &at))) {
        return SHARES_ERR_REFUSED;
    }
    *ret_value = *(volatile uint64_t *)at;
    return err_is_ok(paging_unmap(paging_self(), at)) ? ERR_OK : SHARES_ERR_REFUSED;
}

static errval_t serve_agree(struct server_ctx *ctx, uint64_t *ret_records)
{
    static bool found;

    (void)ctx;
    found = found || monitor_find();
    return found && monitors_agree(ret_records) ? ERR_OK : SHARES_ERR_REFUSED;
}

static errval_t serve_make(struct server_ctx *ctx)
{
    uint64_t bytes;

    caddr_t made;

    if (err_is_fail(serve_drop(ctx)) || err_is_fail(frame_alloc(PAGE_BYTES, &made, &bytes))) {
        return SHARES_ERR_REFUSED;
    }
    frame = made;
    return ERR_OK;
}

static errval_t serve_map(struct server_ctx *ctx)
{
    void *at;

    (void)ctx;
    if (words != NULL
        || err_is_fail(paging_map_frame(paging_self(), frame, 0, PAGE_BYTES, AOS_VM_RW, &at))) {
        return SHARES_ERR_REFUSED;
    }
    words = at;
    return ERR_OK;
}

static errval_t serve_unmap(struct server_ctx *ctx)
{
    errval_t err = paging_unmap(paging_self(), words);

    (void)ctx;
    words = NULL;
    return err_is_ok(err) ? ERR_OK : SHARES_ERR_REFUSED;
}

static errval_t serve_read(struct server_ctx *ctx, uint32_t at, uint64_t *ret_value)
{
    (void)ctx;
    *ret_value = ((volatile uint64_t *)words)[at];
    return ERR_OK;
}

static errval_t serve_write(struct server_ctx *ctx, uint32_t at, uint64_t value)
{
    (void)ctx;
    ((volatile uint64_t *)words)[at] = value;
    return ERR_OK;
}

static errval_t serve_look(struct server_ctx *ctx, uint8_t *ret_type)
{
    struct cap_info info = {0};

    (void)ctx;
    if (frame != 0 && err_is_fail(cap_identify(frame, &info))) {
        return RPC_ERR_CAPABILITY;
    }
    *ret_type = info.type;
    return ERR_OK;
}

static errval_t serve_part(struct server_ctx *ctx, shares_result_t *ret_result)
{
    caddr_t slot;
    errval_t err = slot_alloc(&slot);

    (void)ctx;
    if (err_is_ok(err)) {
        err = cap_retype(slot, frame, 0, CAPTYPE_FRAME, PAGE_BYTES, 1);
        if (err_is_ok(err)) {
            (void)cap_destroy(slot);
        } else {
            slot_free(slot);
        }
    }
    *ret_result = err_is_ok(err)                        ? SHARES_RESULT_OK
                  : err_has(err, SYS_ERR_REMOTE)         ? SHARES_RESULT_REMOTE
                  : err_has(err, SYS_ERR_RETYPE_OVERLAP) ? SHARES_RESULT_OVERLAP
                  : err_has(err, SYS_ERR_CAP_RIGHTS)     ? SHARES_RESULT_RIGHTS
                                                         : SHARES_RESULT_OTHER;
    return ERR_OK;
}

/* Makes a frame of `from`, uses it, and ends it. */
static errval_t use_ram(caddr_t from)
{
    caddr_t slot;
    void *at;
    errval_t err = slot_alloc(&slot);

    if (err_is_fail(err)) {
        return err;
    }
    err = cap_retype(slot, from, 0, CAPTYPE_FRAME, PAGE_BYTES, 1);
    if (err_is_fail(err)) {
        slot_free(slot);
        return err;
    }
    err = paging_map_frame(paging_self(), slot, 0, PAGE_BYTES, AOS_VM_RW, &at);
    if (err_is_ok(err)) {
        *(volatile uint64_t *)at = 1;
        err = paging_unmap(paging_self(), at);
    }
    (void)cap_destroy(slot);
    return err;
}

static errval_t serve_through(struct server_ctx *ctx, caddr_t given, caddr_t *ret_back)
{
    if (err_is_fail(use_ram(given))) {
        return SHARES_ERR_REFUSED;
    }
    server_take_cap(ctx, given);
    *ret_back = given;
    return ERR_OK;
}

static errval_t serve_frame(struct server_ctx *ctx, caddr_t given, caddr_t *ret_back)
{
    return serve_through(ctx, given, ret_back);
}

static errval_t serve_keep(struct server_ctx *ctx, caddr_t given)
{
    if (ram != 0 || err_is_fail(use_ram(given))) {
        return SHARES_ERR_REFUSED;
    }
    server_take_cap(ctx, given);
    ram = given;
    return ERR_OK;
}

static errval_t serve_back(struct server_ctx *ctx, caddr_t *ret_back)
{
    (void)ctx;
    if (ram == 0) {
        return SHARES_ERR_REFUSED;
    }
    *ret_back = ram;
    ram = 0;
    return ERR_OK;
}

static errval_t serve_pass(struct server_ctx *ctx, uint32_t core)
{
    static struct shares_binding b;
    char name[CORE_NAME_BYTES];
    caddr_t end;
    errval_t err = aos_lookup(core_server_name(core, name), &end);

    (void)ctx;
    if (err_is_ok(err)) {
        err = shares_bind(end, &b);
    }
    if (err_is_ok(err)) {
        err = shares_accept(&b, frame);
        shares_close(&b);
    }
    return err_is_ok(err) ? ERR_OK : SHARES_ERR_REFUSED;
}

static errval_t serve_fail(struct server_ctx *ctx, shares_failing_t what, uint32_t number,
                           bool *ret_failed)
{
    uint32_t burst = what == SHARES_FAILING_MANY ? FAILING_BURST : 0;
    static struct tellfail init;
    static caddr_t told;
    char name[AOS_SERVICE_NAME_BYTES];
    uint64_t bytes;
    caddr_t end;
    errval_t err = ERR_OK;

    (void)ctx;
    if (told == 0) {
        err = frame_alloc(PAGE_BYTES, &told, &bytes);
        if (err_is_ok(err)) {
            err = aos_lookup(aos_own_name("init", name), &end);
        }
        if (err_is_ok(err)) {
            err = tellfail_open(&init, end, told);
        }
    }
    if (err_is_ok(err)) {
        *ret_failed = false;
        err = what == SHARES_FAILING_NONE ? tellfail_stop(&init, ret_failed)
                                          : tellfail_set(&init, burst, number);
    }
    return err_is_ok(err) ? ERR_OK : SHARES_ERR_REFUSED;
}

static errval_t serve_offer(struct server_ctx *ctx, caddr_t *ret_frame)
{
    (void)ctx;
    *ret_frame = frame;
    return ERR_OK;
}

static void serve_leave(struct server_ctx *ctx)
{
    (void)ctx;
    exit(0);
}

int core_serve(void)
{
    static const struct shares_server_ops ops = {
        .on_take = serve_take, .on_map = serve_map, .on_unmap = serve_unmap,
        .on_read = serve_read, .on_write = serve_write, .on_drop = serve_drop,
        .on_look = serve_look, .on_part = serve_part, .on_through = serve_through,
        .on_keep = serve_keep, .on_back = serve_back, .on_pass = serve_pass,
        .on_frame = serve_frame, .on_make = serve_make, .on_offer = serve_offer,
        .on_leave = serve_leave,
        .on_accept = serve_accept, .on_hold = serve_hold, .on_hand = serve_hand,
        .on_granted = serve_granted, .on_signal = serve_signal, .on_connect = serve_connect,
        .on_revoke = serve_revoke, .on_peek = serve_peek, .on_agree = serve_agree,
        .on_fail = serve_fail,
    };
    char name[CORE_NAME_BYTES];

    waitset_init(&ws);
    shares_serve(&server, &ops, NULL, &ws);
    if (err_is_fail(aos_register(&server.base, core_server_name(domain_core(), name), NULL, 0))) {
        return 1;
    }
    waitset_run(&ws);
}

/* What is to be given away. */
static errval_t give_get(const char *kind, caddr_t *ret_cap)
{
    static struct shares_binding service;
    char name[CORE_NAME_BYTES];
    uint64_t bytes;
    caddr_t end;
    errval_t err;

    if (strcmp(kind, "frame") == 0) {
        return frame_alloc(PAGE_BYTES, ret_cap, &bytes);
    }
    if (strcmp(kind, "held") == 0) {
        err = aos_await(core_server_name(0, name), WAIT_NS, &end);
        if (err_is_ok(err)) {
            err = shares_bind(end, &service);
        }
        return err_is_ok(err) ? shares_hand(&service, ret_cap) : err;
    }
    return monitor_find() ? monitor_notify(&monitor, ret_cap) : LIB_ERR_NOT_FOUND;
}

int core_give(uint32_t core, const char *kind)
{
    static struct shares_binding b;
    char name[CORE_NAME_BYTES];
    caddr_t end, own;

    if (err_is_fail(aos_await(core_server_name(core, name), WAIT_NS, &end))
        || err_is_fail(shares_bind(end, &b)) || err_is_fail(give_get(kind, &own))) {
        return 1;
    }
    if (strcmp(kind, "frame") != 0) {
        if (err_is_fail(shares_hold(&b, own))) {
            return 1;
        }
    } else if (err_is_fail(shares_take(&b, own)) || err_is_fail(shares_map(&b))
               || err_is_fail(shares_write(&b, 0, 1))) {
        return 1;
    }
    for (;;) {
        thread_sleep_ns(WAIT_NS);
    }
}
