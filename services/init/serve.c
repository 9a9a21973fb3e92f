/* init.if. */
#include "init_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/binding.h>
#include <aos/kernel.h>
#include <aos/paging.h>
#include <aos/slot.h>
#include <aos/cap.h>
#include <aos/services.h>
#include <aos/time.h>
#include <dev/pl031.h>

#include "monitor.h"

#define SERVE_PAGE_BYTES 1023u           /* of modules, as in init.if */
#define SERVE_LOG_BYTES  1024u           /* of one log_read, as in init.if */
#define SERVE_TEXT_BYTES 1023u           /* of bootargs, as in init.if */

#define SERVE_CAPTYPES_MAX 32u           /* of caps, as in init.if */
#define SERVE_FAREWELL_NS  5000000000ull /* for the console to print the last lines of the log */
#define SERVE_LOOK_NS      10000000ull   /* between looks whether it has */
#define SERVE_PID_NAMESERVER 0u          /* its end speaks for others */

#define SERVE_CLOCK_COMPATIBLE "arm,pl031"

static uint64_t serve_printed;           /* of the log, by the service that drives the console */
static struct pl031_regs serve_clock;    /* at 0 until it is asked for */

static errval_t on_number(struct server_ctx *ctx, uint64_t value, uint64_t *ret_echo)
{
    init_say("number %llu from %llu", (unsigned long long)value,
           (unsigned long long)ctx->peer_pid);
    *ret_echo = value;
    return ERR_OK;
}

static errval_t on_text(struct server_ctx *ctx, const char *text, size_t text_len,
                        uint32_t *ret_length)
{
    init_say("from %llu: %.*s", (unsigned long long)ctx->peer_pid, (int)text_len, text);
    *ret_length = (uint32_t)text_len;
    return ERR_OK;
}

static errval_t on_module(struct server_ctx *ctx, const char *name, size_t name_len,
                          caddr_t *ret_frame, uint64_t *ret_bytes)
{
    char text[KPI_BOOTINFO_NAME_BYTES] = {0};
    const struct kpi_boot_cap *module;

    if (name_len >= sizeof(text)) {
        return INIT_ERR_NOT_FOUND;
    }
    if (init.far) {
        return init_far_module(ctx, name, name_len);
    }
    memcpy(text, name, name_len);
    module = kernel_module(text);
    if (module == NULL) {
        return INIT_ERR_NOT_FOUND;
    }
    *ret_frame = module->cap;
    *ret_bytes = module->bytes;
    return ERR_OK;
}

/* The module whose name follows `after` in byte order, NULL: none. */
static const struct kpi_boot_cap *serve_next_module(const char *after)
{
    const struct kpi_bootinfo *info = kernel_bootinfo();
    const struct kpi_boot_cap *next = NULL;

    for (uint32_t i = 0; i < info->cap_count; i++) {
        const struct kpi_boot_cap *c = &info->caps[i];

        if (c->kind == KPI_BOOT_MODULE && strcmp(c->name, after) > 0
            && (next == NULL || strcmp(c->name, next->name) < 0)) {
            next = c;
        }
    }
    return next;
}

static errval_t on_modules(struct server_ctx *ctx, const char *after, size_t after_len,
                           char *ret_names, size_t *ret_names_len)
{
    char last[KPI_BOOTINFO_NAME_BYTES] = {0};
    const struct kpi_boot_cap *c;
    size_t used = 0;

    if (init.far) {
        return init_far_modules(ctx, after, after_len);
    }
    memcpy(last, after, after_len < sizeof(last) ? after_len : sizeof(last) - 1);
    while ((c = serve_next_module(last)) != NULL
           && strlen(c->name) + 1 <= SERVE_PAGE_BYTES - used) {
        memcpy(ret_names + used, c->name, strlen(c->name) + 1);
        used += strlen(c->name) + 1;
        memcpy(last, c->name, sizeof(last));
    }
    *ret_names_len = used;
    return ERR_OK;
}

static errval_t on_log_read(struct server_ctx *ctx, uint64_t from, void *ret_text,
                            size_t *ret_text_len, uint64_t *ret_start, uint64_t *ret_next)
{
    *ret_text_len = 0;
    *ret_start = from;
    *ret_next = from;
    (void)kernel_log_read(from, ret_text, SERVE_LOG_BYTES, ret_text_len, ret_next, ret_start);
    if (ctx->peer_pid == init.console_pid && *ret_text_len == 0) {
        serve_printed = from;            /* it asks for more when it has printed what it had */
    }
    return ERR_OK;
}

static void serve_log_grown(void *arg)
{
    struct server_conn *conn = server_conn_next(&init.server.base, NULL);

    (void)arg;
    for (; conn != NULL; conn = server_conn_next(&init.server.base, conn)) {
        init_event_log_grown(conn);
    }
}

/* Where the log ends now. */
static uint64_t serve_log_end(void)
{
    static char text[4 * SERVE_LOG_BYTES];
    uint64_t next = 0, start;
    size_t bytes;

    do {
        bytes = 0;
        if (err_is_fail(kernel_log_read(next, text, sizeof(text), &bytes, &next, &start))) {
            break;
        }
    } while (bytes > 0);
    return next;
}

static bool serve_is_service(uint64_t pid)
{
    return pid >= 1 && pid <= init.service_count;
}

static errval_t on_console_taken(struct server_ctx *ctx, uint64_t *ret_next)
{
    if (!serve_is_service(ctx->peer_pid)) {
        return INIT_ERR_DENIED;
    }
    *ret_next = serve_log_end();
    init.console_pid = ctx->peer_pid;
    return err_is_ok(kernel_console_release()) ? ERR_OK : INIT_ERR_DENIED;
}

/* A power off that was asked for while cores start waits for those: the firmware may have no end of
 * a core that is on its way; and what they said is told. */
static struct {
    bool wanted, reset;
    uint64_t until_ns;
    struct work settled;
    struct waitset_timer timer;
} serve_power;

static void serve_power_now(void *arg)
{
    (void)arg;
    (void)kernel_shutdown(serve_power.reset);
}

/* Powers off when the log is on the console. */
static void serve_say_farewell(void *arg)
{
    (void)arg;
    if (init.console_pid == 0 || serve_printed >= serve_log_end()
        || time_now_ns() >= serve_power.until_ns
        || err_is_fail(waitset_timer_set(&init.ws, &serve_power.timer,
                                         time_deadline_ns(SERVE_LOOK_NS), serve_say_farewell,
                                         NULL))) {
        serve_power_now(NULL);
    }
}

static void serve_settled(void *arg)
{
    (void)arg;
    if (serve_power.wanted) {
        serve_power.until_ns = time_deadline_ns(SERVE_FAREWELL_NS);
        serve_say_farewell(NULL);
    }
}

void init_cores_settled(void)
{
    serve_power.settled.fn = serve_settled;
    waitset_post(&init.ws, &serve_power.settled);
}

static errval_t on_shutdown(struct server_ctx *ctx, init_power_t how)
{
    if (init.far) {
        return init_far_shutdown(ctx, how);
    }
    init_say("%s, asked by %llu", how == INIT_POWER_OFF ? "power off" : "reset",
           (unsigned long long)ctx->peer_pid);
    serve_power.reset = how == INIT_POWER_RESET;
    if (kernel_bootinfo()->core_count > 1) {
        serve_power.wanted = true;
        (void)init_shutdown_defer(ctx);  /* who asked waits for the end */
        if (!init_cores_busy()) {        /* what they have said may be on its way still */
            serve_settled(NULL);
        }
        return SERVER_DEFERRED;
    }
    serve_power_now(NULL);
    return RPC_ERR_CANCELLED;
}

static errval_t on_facts(struct server_ctx *ctx, struct init_machine *ret_machine)
{
    const struct kpi_bootinfo *info = kernel_bootinfo();
    struct kernel_stats stats = {0};

    (void)ctx;
    (void)kernel_get_stats(&stats);
    *ret_machine = (struct init_machine){
        .cores = info->core_count, .timer_hz = disp_page()->timer_hz,
        .memory_bytes = info->memory_bytes, .kernel_bytes = info->kernel_bytes,
        .uptime_ns = stats.uptime_ns, .idle_ns = stats.idle_ns, .switches = stats.switches,
        .interrupts = stats.interrupts, .caps = stats.caps,
    };
    return ERR_OK;
}

_Static_assert(CAPTYPE_COUNT <= SERVE_CAPTYPES_MAX, "init.if has room for all types");

static errval_t on_caps(struct server_ctx *ctx, uint64_t *ret_objects, size_t *ret_objects_count,
                        uint64_t *ret_caps, size_t *ret_caps_count)
{
    (void)ctx;
    for (uint32_t type = 0; type < CAPTYPE_COUNT; type++) {
        ret_objects[type] = ret_caps[type] = 0;
        (void)kernel_count(type, &ret_objects[type], &ret_caps[type]);
    }
    *ret_objects_count = *ret_caps_count = CAPTYPE_COUNT;
    return ERR_OK;
}

static errval_t on_boot(struct server_ctx *ctx, char *ret_bootargs, size_t *ret_bootargs_len,
                        char *ret_build_id, size_t *ret_build_id_len)
{
    const struct kpi_bootinfo *info = kernel_bootinfo();

    (void)ctx;
    *ret_bootargs_len = strnlen(info->bootargs, SERVE_TEXT_BYTES);
    memcpy(ret_bootargs, info->bootargs, *ret_bootargs_len);
    *ret_build_id_len = strnlen(info->build_id, sizeof(info->build_id) - 1);
    memcpy(ret_build_id, info->build_id, *ret_build_id_len);
    return ERR_OK;
}

static errval_t serve_map_clock(void)
{
    struct kernel_device device;
    caddr_t slot;
    void *regs;
    errval_t err = kernel_find_device(SERVE_CLOCK_COMPATIBLE, &device);

    if (err_is_ok(err)) {
        err = slot_alloc(&slot);
    }
    if (err_is_fail(err)) {
        return err;
    }
    err = kernel_device_frame(device.base, device.bytes, slot);
    if (err_is_ok(err)) {
        err = paging_map_frame(paging_self(), slot, 0, AOS_PAGE_BYTES, AOS_VM_RW, &regs);
    }
    if (err_is_fail(err)) {
        (void)cap_destroy(slot);
        return err;
    }
    serve_clock = pl031_at((uintptr_t)regs);
    return ERR_OK;
}

static errval_t on_clock(struct server_ctx *ctx, uint64_t *ret_seconds)
{
    if (init.far) {
        return init_far_clock(ctx);
    }
    if (serve_clock.base == 0 && err_is_fail(serve_map_clock())) {
        return INIT_ERR_NO_CLOCK;
    }
    *ret_seconds = pl031_dr_rd(&serve_clock);
    return ERR_OK;
}

static errval_t on_random(struct server_ctx *ctx, uint64_t *ret_a, uint64_t *ret_b,
                          uint64_t *ret_c, uint64_t *ret_d)
{
    uint64_t words[4] = {0};

    (void)ctx;
    (void)kernel_random(words);
    *ret_a = words[0];
    *ret_b = words[1];
    *ret_c = words[2];
    *ret_d = words[3];
    return ERR_OK;
}

/* A client's wish for an end of a service that init itself is a client of. */
struct serve_wish {
    union {
        struct init_names_responder names;
        struct init_memory_responder memory;
    } answer;
    bool is_names;
};

static void serve_wish_answer(void *arg, errval_t err, caddr_t end)
{
    struct serve_wish *w = arg;

    err = err_is_ok(err) ? ERR_OK : err_push(err, INIT_ERR_NOT_READY);
    if (w->is_names) {
        init_names_reply(&w->answer.names, err, end);
    } else {
        init_memory_reply(&w->answer.memory, err, end);
    }
    free(w);
}

/* Asks without waiting: the service may be the one that is being started. */
static errval_t serve_wish(struct binding *b, struct server_ctx *ctx, bool is_names, bool trusted)
{
    struct serve_wish *w = binding_is_open(b) ? malloc(sizeof(*w)) : NULL;
    errval_t err;

    if (w == NULL) {
        return INIT_ERR_NOT_READY;
    }
    w->is_names = is_names;
    if (is_names) {
        w->answer.names = init_names_defer(ctx);
    } else {
        w->answer.memory = init_memory_defer(ctx);
    }
    err = binding_clone_cb(b, ctx->peer_pid, trusted ? BINDING_CLONE_TRUSTED : 0,
                           serve_wish_answer, w);
    if (err_is_fail(err)) {
        serve_wish_answer(w, err, 0);
    }
    return SERVER_DEFERRED;
}

static bool serve_is_process(const struct server_ctx *ctx)
{
    for (uint32_t i = 0; i < init.service_count; i++) {
        if (init.services[i].pid == ctx->peer_pid) {
            return init_is(&init.services[i], "process");
        }
    }
    return false;
}

static errval_t on_names(struct server_ctx *ctx, caddr_t *ret_nameserver)
{
    bool trusted = serve_is_process(ctx) || server_conn_trusted(ctx->conn);

    if (init.nameserver == NULL) {
        return INIT_ERR_NOT_READY;
    }
    return serve_wish(&init.nameserver->base, ctx, true, trusted);
}

static errval_t on_memory(struct server_ctx *ctx, caddr_t *ret_memory)
{
    (void)ret_memory;
    return serve_is_process(ctx) ? serve_wish(&init.memory.base, ctx, false, true)
                                 : INIT_ERR_DENIED;
}

static errval_t on_monitor(struct server_ctx *ctx, caddr_t *ret_monitor)
{
    bool trusted = serve_is_service(ctx->peer_pid) || ctx->peer_pid == init.shell_pid;
    errval_t err = monitor_end_for(ctx->peer_pid, trusted, ret_monitor);

    return err_is_ok(err) ? ERR_OK : err_push(err, INIT_ERR_NOT_READY);
}

static errval_t on_cores(struct server_ctx *ctx, uint32_t *ret_on)
{
    if (init.far) {
        return init_far_cores(ctx);
    }
    *ret_on = init_cores_on();
    return ERR_OK;
}

/* Somebody waits for a core to go off or to come. */
struct serve_change {
    bool on;
    union {
        struct init_core_on_responder on;
        struct init_core_off_responder off;
    } answer;
};

static void serve_changed(void *arg, errval_t err)
{
    struct serve_change *c = arg;

    if (c->on) {
        init_core_on_reply(&c->answer.on, err);
    } else {
        init_core_off_reply(&c->answer.off, err);
    }
    free(c);
}

static errval_t serve_change_core(struct server_ctx *ctx, uint32_t core, bool on)
{
    struct serve_change *c;
    errval_t err;

    if (init.far || ctx->peer_pid != init.shell_pid) {
        return INIT_ERR_DENIED;
    }
    c = malloc(sizeof(*c));
    if (c == NULL) {
        return INIT_ERR_BUSY;
    }
    c->on = on;
    err = init_core_change(core, on, serve_changed, c);
    if (err_is_fail(err)) {
        free(c);
        return err;
    }
    if (on) {
        c->answer.on = init_core_on_defer(ctx);
    } else {
        c->answer.off = init_core_off_defer(ctx);
    }
    return SERVER_DEFERRED;
}

static errval_t on_core_on(struct server_ctx *ctx, uint32_t core)
{
    return serve_change_core(ctx, core, true);
}

static errval_t on_core_off(struct server_ctx *ctx, uint32_t core)
{
    return serve_change_core(ctx, core, false);
}

static const struct init_server_ops ops = {
    .on_number = on_number, .on_text = on_text, .on_module = on_module,
    .on_modules = on_modules, .on_log_read = on_log_read, .on_console_taken = on_console_taken,
    .on_shutdown = on_shutdown, .on_facts = on_facts, .on_boot = on_boot, .on_clock = on_clock,
    .on_random = on_random, .on_caps = on_caps, .on_names = on_names, .on_memory = on_memory,
    .on_monitor = on_monitor, .on_cores = on_cores, .on_core_on = on_core_on,
    .on_core_off = on_core_off,
};

errval_t init_serve_start(void)
{
    errval_t err;

    init_serve(&init.server, &ops, &init, &init.ws);
    err = monitor_start(&init_ways, &init.ws);
    if (err_is_fail(err) || init.far) {
        return err;                      /* the log of a further core goes to the first */
    }
    err = event_source_init(&init.log, &init.ws, serve_log_grown, NULL);
    return err_is_ok(err) ? kernel_log_watch(init.log.trigger) : err;
}

errval_t init_make_root(uint64_t pid, caddr_t *ret_end)
{
    return server_make_end(&init.server.base, pid, SERVER_PEER_TRUSTED, ret_end);
}

errval_t init_register(void)
{
    char text[AOS_SERVICE_NAME_BYTES];
    const char *name = aos_own_name("init", text);
    caddr_t end;
    errval_t err = server_make_end(&init.server.base, SERVE_PID_NAMESERVER, SERVER_PEER_TRUSTED,
                                   &end);

    return err_is_fail(err) ? err
                            : nameserver_register(init.nameserver, name, strlen(name), INIT_ID,
                                                  NULL, 0, end);
}
