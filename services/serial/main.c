/* The serial service: the console of serial.c and output.c between serial.if and the UART.
 *
 * Init grants it the UART's registers (`device/arm,pl011`) and interrupt (`irq/arm,pl011`), and
 * starts it with --frames in exec mode. It takes the console over from the kernel and from then on
 * prints the kernel's log, which it reads from init. Nothing it calls ever waits for it. */
#include "serial_priv.h"

#include <stdlib.h>
#include <string.h>

#include <aos/binding.h>
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/paging.h>
#include <aos/services.h>
#include <aos/time.h>
#include <aos/waitset.h>
#include <if/init.h>
#include <if/serial_server.h>

#include "pl011.h"

#define SERVICE_WRITES_MAX 32u           /* writes that wait for room */
#define SERVICE_FLUSHES_MAX 16u
#define SERVICE_HOLD_NS    20000000ull   /* how long an incomplete line is held back */
#define SERVICE_PID_LOG    UINT32_MAX    /* no domain: its text is never held back */
#define SERVICE_INIT_NS    10000000000ull /* init may still be busy starting others */

_Static_assert(CONSOLE_ECHO == SERIAL_MODE_ECHO && CONSOLE_CANONICAL == SERIAL_MODE_CANONICAL
                   && CONSOLE_SIGNALS == SERIAL_MODE_SIGNALS, "serial.if Mode");
_Static_assert(CONSOLE_OUT == SERIAL_STREAM_OUT && CONSOLE_DONE == SERIAL_STREAM_DONE,
               "serial.if Stream");

/* A write that found no room. */
struct late_write {
    struct serial_write_responder responder;
    uint32_t pid;
    serial_stream_t stream;
    size_t bytes;
    char data[CONSOLE_WRITE_BYTES];
};

/* A read under way, by token. */
struct late_read {
    bool used;
    enum console_read_kind kind;
    union {
        struct serial_get_char_responder get_char;
        struct serial_read_responder read;
        struct serial_read_line_responder read_line;
    } responder;
};

static struct {
    struct console console;
    struct pl011 uart;
    struct irq_source irq;
    struct waitset ws;
    struct serial_server server;
    uint32_t write_count;                /* late writes, oldest first */
    struct late_write writes[SERVICE_WRITES_MAX];
    struct late_read reads[CONSOLE_READS_MAX];
    uint32_t flush_count;
    struct serial_flush_responder flushes[SERVICE_FLUSHES_MAX];
    struct waitset_timer hold_timer;
    bool hold_armed;
    struct init_binding init;
    uint64_t log_next;
    bool log_waits;                      /* there is log that found no room */
    struct console_answer answer;
} service;

static void service_read_log(void);

/* Moves bytes from the ring to the UART. True: the ring is empty. */
static bool service_transmit(void)
{
    const uint8_t *data;
    size_t bytes;

    while ((bytes = console_out_peek(&service.console, &data)) > 0) {
        size_t n = pl011_write(&service.uart, data, bytes);

        console_out_taken(&service.console, n);
        if (n < bytes) {
            return false;
        }
    }
    return true;
}

static void service_answer_flushes(void)
{
    for (uint32_t i = 0; i < service.flush_count; i++) {
        serial_flush_reply(&service.flushes[i], ERR_OK);
    }
    service.flush_count = 0;
}

/* Late writes that find room now, in order. True: none is left. */
static bool service_late_writes(void)
{
    uint32_t done = 0;

    while (done < service.write_count) {
        struct late_write *w = &service.writes[done];

        if (!console_write(&service.console, w->pid, w->stream, w->data, w->bytes)) {
            break;
        }
        serial_write_reply(&w->responder, ERR_OK);
        done++;
    }
    service.write_count -= done;
    memmove(&service.writes[0], &service.writes[done],
            service.write_count * sizeof(service.writes[0]));
    return service.write_count == 0;
}

/* Output moves on as far as it goes; the UART's interrupt moves it further. */
static void service_output(void)
{
    bool empty = service_transmit();

    while (empty && !service_late_writes()) {
        empty = service_transmit();
    }
    empty = empty && service_transmit();
    if (empty) {
        service_answer_flushes();
    }
    pl011_want_room(&service.uart, !empty);
}

static void service_held(void *arg)
{
    (void)arg;
    service.hold_armed = false;
    console_flush_all(&service.console);
    service_output();
}

/* After anything that may have produced output. */
static void service_after_write(void)
{
    service_output();
    if (!service.hold_armed && console_holds_text(&service.console)) {
        service.hold_armed = true;
        (void)waitset_timer_set(&service.ws, &service.hold_timer,
                                time_deadline_ns(SERVICE_HOLD_NS), service_held, NULL);
    }
}

static void read_reply(struct late_read *r, const struct console_answer *a)
{
    switch (r->kind) {
    case CONSOLE_READ:
        serial_read_reply(&r->responder.read, a->err, a->data, a->bytes);
        break;
    case CONSOLE_READ_LINE:
        serial_read_line_reply(&r->responder.read_line, a->err, a->data, a->bytes, a->ended);
        break;
    case CONSOLE_GET_CHAR:
        serial_get_char_reply(&r->responder.get_char, a->err, (uint8_t)a->data[0]);
        break;
    }
    r->used = false;
}

static void service_answer_reads(void)
{
    while (console_answer(&service.console, &service.answer)) {
        read_reply(&service.reads[service.answer.token], &service.answer);
    }
}

static void service_signal(uint32_t pid, enum console_signal signal)
{
    struct server_conn *conn = server_conn_next(&service.server.base, NULL);

    for (; conn != NULL; conn = server_conn_next(&service.server.base, conn)) {
        if (server_conn_pid(conn) != pid) {
            continue;
        }
        if (signal == CONSOLE_INTERRUPT) {
            serial_event_signal(conn, SERIAL_SIGNAL_KIND_INTERRUPT);
        } else {
            serial_event_suspend(conn);
        }
    }
}

static void service_interrupt(void *arg)
{
    uint8_t byte;
    uint32_t pid;

    (void)arg;
    pl011_ack(&service.uart);
    while (pl011_read(&service.uart, &byte)) {
        enum console_signal signal = console_input(&service.console, byte, &pid);

        if (signal != CONSOLE_NO_SIGNAL) {
            service_signal(pid, signal);
        }
    }
    service_answer_reads();
    service_output();
    if (service.log_waits) {
        service_read_log();
    }
    (void)irq_source_ack(&service.irq);
}

/* The first call of a connection makes its domain a client of the console. */
static errval_t service_client(struct server_ctx *ctx)
{
    errval_t err;

    if (server_conn_state(ctx->conn) != NULL) {
        return ERR_OK;
    }
    err = console_client_opened(&service.console, (uint32_t)ctx->peer_pid);
    if (err_is_ok(err)) {
        server_conn_set_state(ctx->conn, &service);
    }
    return err;
}

static errval_t on_write(struct server_ctx *ctx, serial_stream_t stream, const void *data,
                         size_t data_len)
{
    struct late_write *w = &service.writes[service.write_count];
    uint32_t pid = (uint32_t)ctx->peer_pid;

    (void)service_client(ctx);           /* without a client's record its text just is not held */
    if (service.write_count == 0
        && console_write(&service.console, pid, stream, data, data_len)) {
        service_after_write();
        return ERR_OK;
    }
    while (service.write_count == SERVICE_WRITES_MAX) {
        service_output();                /* ends: the UART sends on its own */
        w = &service.writes[service.write_count];
    }
    w->responder = serial_write_defer(ctx);
    w->pid = pid;
    w->stream = stream;
    w->bytes = data_len;
    memcpy(w->data, data, data_len);
    service.write_count++;
    service_after_write();
    return SERVER_DEFERRED;
}

static errval_t on_put_char(struct server_ctx *ctx, uint8_t c)
{
    (void)service_client(ctx);
    while (!console_write(&service.console, (uint32_t)ctx->peer_pid, CONSOLE_OUT,
                          (const char *)&c, 1)) {
        service_output();
    }
    service_after_write();
    return ERR_OK;
}

/* Starts a read. On success its record is `ret_read`. */
static errval_t service_read(struct server_ctx *ctx, enum console_read_kind kind, uint32_t max,
                             struct late_read **ret_read)
{
    uint32_t token = 0;
    errval_t err = service_client(ctx);

    while (token < CONSOLE_READS_MAX && service.reads[token].used) {
        token++;
    }
    if (err_is_fail(err) || token == CONSOLE_READS_MAX) {
        return SERIAL_ERR_BUSY;
    }
    err = console_read(&service.console, (uint32_t)ctx->peer_pid, kind, max, token);
    service_output();                    /* it sent on what the reader had written */
    if (err_is_ok(err)) {
        service.reads[token].used = true;
        service.reads[token].kind = kind;
        *ret_read = &service.reads[token];
    }
    return err;
}

static errval_t on_get_char(struct server_ctx *ctx, uint8_t *ret_c)
{
    struct late_read *r;
    errval_t err = service_read(ctx, CONSOLE_GET_CHAR, 1, &r);

    (void)ret_c;
    if (err_is_fail(err)) {
        return err;
    }
    r->responder.get_char = serial_get_char_defer(ctx);
    service_answer_reads();
    return SERVER_DEFERRED;
}

static errval_t on_read(struct server_ctx *ctx, uint32_t max, void *ret_data,
                        size_t *ret_data_len)
{
    struct late_read *r;
    errval_t err = service_read(ctx, CONSOLE_READ, max, &r);

    (void)ret_data;
    (void)ret_data_len;
    if (err_is_fail(err)) {
        return err;
    }
    r->responder.read = serial_read_defer(ctx);
    service_answer_reads();
    return SERVER_DEFERRED;
}

static errval_t on_read_line(struct server_ctx *ctx, uint32_t max, void *ret_line,
                             size_t *ret_line_len, bool *ret_ended)
{
    struct late_read *r;
    errval_t err = service_read(ctx, CONSOLE_READ_LINE, max, &r);

    (void)ret_line;
    (void)ret_line_len;
    (void)ret_ended;
    if (err_is_fail(err)) {
        return err;
    }
    r->responder.read_line = serial_read_line_defer(ctx);
    service_answer_reads();
    return SERVER_DEFERRED;
}

static errval_t on_set_mode(struct server_ctx *ctx, serial_mode_t mode, serial_mode_t *ret_old)
{
    (void)service_client(ctx);
    *ret_old = console_set_mode(&service.console, (uint32_t)ctx->peer_pid, mode);
    service_answer_reads();
    return ERR_OK;
}

/* After a change of owner other reads may be served. */
static errval_t service_owner_changed(errval_t err)
{
    service_answer_reads();
    service_output();
    return err;
}

static errval_t on_acquire(struct server_ctx *ctx)
{
    (void)service_client(ctx);
    return service_owner_changed(console_acquire(&service.console, (uint32_t)ctx->peer_pid));
}

static errval_t on_release(struct server_ctx *ctx)
{
    return service_owner_changed(console_release(&service.console, (uint32_t)ctx->peer_pid));
}

static errval_t on_hand_over(struct server_ctx *ctx, uint32_t pid)
{
    return service_owner_changed(
        console_hand_over(&service.console, (uint32_t)ctx->peer_pid, pid));
}

static errval_t on_take_back(struct server_ctx *ctx)
{
    return service_owner_changed(console_take_back(&service.console, (uint32_t)ctx->peer_pid));
}

static errval_t on_flush(struct server_ctx *ctx)
{
    console_flush(&service.console, (uint32_t)ctx->peer_pid);
    while (service.flush_count == SERVICE_FLUSHES_MAX) {
        service_output();
    }
    service.flushes[service.flush_count++] = serial_flush_defer(ctx);
    service_output();
    return SERVER_DEFERRED;
}

/* Which reads the console still knows is its business; those of dead clients leave their records
 * here, and connections that wait for the answers. */
static void service_forget_reads(void)
{
    static const struct console_answer none = {.err = SERIAL_ERR_EOF};
    bool known[CONSOLE_READS_MAX] = {false};

    for (uint32_t i = 0; i < service.console.read_count; i++) {
        known[service.console.reads[i].token] = true;
    }
    for (uint32_t i = 0; i < CONSOLE_READS_MAX; i++) {
        if (service.reads[i].used && !known[i]) {
            read_reply(&service.reads[i], &none);
        }
    }
}

static void on_peer_gone(struct server_ctx *ctx)
{
    if (server_conn_state(ctx->conn) == NULL) {
        return;
    }
    console_client_closed(&service.console, (uint32_t)ctx->peer_pid);
    service_forget_reads();
    service_answer_reads();
    service_output();
}

static const struct serial_server_ops ops = {
    .on_write = on_write, .on_put_char = on_put_char, .on_get_char = on_get_char,
    .on_read = on_read, .on_read_line = on_read_line, .on_set_mode = on_set_mode,
    .on_acquire = on_acquire, .on_release = on_release, .on_hand_over = on_hand_over,
    .on_take_back = on_take_back, .on_flush = on_flush, .on_peer_gone = on_peer_gone,
};

/* Prints what the kernel's log has got since. */
static void service_read_log(void)
{
    char text[CONSOLE_WRITE_BYTES];
    uint64_t start, next;
    size_t bytes = 0;

    service.log_waits = false;
    while (err_is_ok(init_log_read(&service.init, service.log_next, text, &bytes, &start, &next))
           && bytes > 0) {
        if (!console_write(&service.console, SERVICE_PID_LOG, CONSOLE_LOG, text, bytes)) {
            service.log_waits = true;
            break;
        }
        service.log_next = next;
        service_output();
    }
}

static void on_log_grown(void *arg)
{
    (void)arg;
    service_read_log();
}

static const struct init_event_ops init_events = {.on_log_grown = on_log_grown};

/* From here on the UART is this service's. */
static errval_t service_take_console(void *regs, caddr_t irq)
{
    caddr_t end;
    errval_t err = aos_await("init", SERVICE_INIT_NS, &end);

    if (err_is_ok(err)) {
        err = init_bind(end, &service.init);
    }
    if (err_is_ok(err)) {
        init_set_events(&service.init, &service.ws, &init_events, NULL);
        err = init_subscribe_log_grown(&service.init, true);
    }
    if (err_is_ok(err)) {
        err = init_console_taken(&service.init, &service.log_next);
    }
    if (err_is_ok(err)) {
        pl011_init(&service.uart, regs);
        err = irq_source_init(&service.irq, &service.ws, irq, service_interrupt, NULL);
    }
    return err;
}

static errval_t service_start(void)
{
    caddr_t device, irq;
    void *regs;
    errval_t err = domain_grant("device/arm,pl011", &device);

    if (err_is_ok(err)) {
        err = domain_grant("irq/arm,pl011", &irq);
    }
    if (err_is_ok(err)) {
        err = paging_map_frame(paging_self(), device, 0, AOS_PAGE_BYTES, AOS_VM_RW, &regs);
    }
    if (err_is_ok(err)) {
        err = service_take_console(regs, irq);
    }
    if (err_is_ok(err)) {
        err = aos_register(&service.server.base, "serial", "kind=pl011", sizeof("kind=pl011"));
    }
    return err;
}

errval_t aos_rpc_init(void)
{
    aos_use_monitor();
    aos_use_memory();                    /* no stdio: it is the stdio of others */
    return ERR_OK;
}

/* --frames: exec mode. --controller PID: the shell that the console before this one had. */
static void service_arguments(int argc, char **argv)
{
    bool frames = false;
    uint32_t controller = 0;

    for (int i = 1; i < argc; i++) {
        frames = frames || strcmp(argv[i], "--frames") == 0;
        if (strcmp(argv[i], "--controller") == 0 && i + 1 < argc) {
            controller = (uint32_t)strtoul(argv[++i], NULL, 10);
        }
    }
    console_init(&service.console, frames);
    service.console.controller = controller;
}

int main(int argc, char **argv)
{
    errval_t err;

    service_arguments(argc, argv);
    waitset_init(&service.ws);
    serial_serve(&service.server, &ops, &service, &service.ws);
    err = service_start();
    if (err_is_fail(err)) {
        aos_panic("serial: cannot start: 0x%llx", (unsigned long long)err);
    }
    service_read_log();
    waitset_run(&service.ws);
}
