/* The k-th allocation in a service fails, for each k there is: TAP on stdout. The services of its
 * image are linked with failing.c. Of each operation the services that take part are told, one
 * after the other, to fail at 1, 2, ...: the operation is refused with an error, or done for all
 * that; the next one works, nobody has ended, and after all of them every counter is as before. The
 * same once more with many in a row that fail, so that cleaning up gets nothing either. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/binding.h>
#include <aos/cap.h>
#include <aos/counters.h>
#include <aos/domain.h>
#include <aos/process.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/waitset.h>
#include <if/init.h>
#include <if/memory.h>
#include <if/nameserver.h>
#include <if/process.h>
#include <if/serial.h>

#include "ops.h"
#include "taptest.h"
#include "tellfail.h"

#define NAME        "failtest"
#define RAM_BYTES   0x30000ull
#define ARGS_BYTES  20000u               /* more than a message has */
#define WARM        4u                   /* times, before anything is counted */
#define ROUNDS      3u                   /* of which one must leave every counter as it was */
#define AWAIT_NS    1000000ull
#define SETTLE_NS   20000000000ull       /* bounds a failure */

/* --- the services --------------------------------------------------------------------------- */

enum { MEMORY, NAMESERVER, PROCESS, SERIAL, INIT, SERVICES };

static const char *const names[SERVICES] = {"memory", "nameserver", "process", "serial", "init"};
static struct tellfail control[SERVICES];
static caddr_t frame;                    /* goes with every word to them */
static bool many;                        /* fail in a row */

static errval_t end_of(unsigned service, caddr_t *ret_end)
{
    struct nameserver_binding *b;
    errval_t err;

    if (service != NAMESERVER) {
        return aos_lookup(names[service], ret_end);
    }
    err = aos_nameserver(&b);
    return err_is_ok(err) ? binding_clone(&b->base, BINDING_CLONE_OWN, 0, ret_end) : err;
}

/* --- operations ------------------------------------------------------------------------------ */

static errval_t op_ram(void)
{
    return ops_ram(RAM_BYTES, AOS_PAGE_BYTES);
}

static errval_t op_register(void)
{
    static const struct server_interface iface = {.name = NAME};
    static struct server server;
    static struct waitset ws;
    struct server_conn *conn;
    errval_t err, gone;

    waitset_init(&ws);
    server_init(&server, &iface, NULL, NULL, NULL, &ws);
    err = aos_register(&server, NAME, NULL, 0);
    gone = aos_deregister(NAME);
    while ((conn = server_conn_next(&server, NULL)) != NULL) {
        server_conn_close(conn);
    }
    return err_is_ok(err) ? gone : err;
}

static errval_t op_spawn(void)
{
    static const char *const argv[] = {"true"};
    struct aos_exit how;
    uint32_t pid, who;
    errval_t err = aos_spawn(1, argv, &pid), waited;

    if (err_is_fail(err)) {
        return err;
    }
    waited = aos_wait(pid, &who, &how);
    err = err_is_fail(waited) ? aos_wait(pid, &who, &how) : ERR_OK;
    if (err_is_fail(err) || !how.exited || how.status != 0) {
        printf("# a child that was started did not end by itself\n");
        return LIB_ERR_BAD_STATE;
    }
    return waited;
}

/* A connection of its own, with message areas or lent memory, and events. */
static errval_t op_connect_memory(void)
{
    struct memory_binding b;
    uint64_t own, subtree, quota, available;
    caddr_t end;
    errval_t err = end_of(MEMORY, &end);

    err = err_is_ok(err) ? memory_bind(end, &b) : err;
    if (err_is_ok(err)) {
        err = memory_account(&b, 0, &own, &subtree, &quota, &available);
        memory_close(&b);
    }
    return err;
}

static errval_t op_connect_nameserver(void)
{
    struct nameserver_binding b;
    char list[NAMESERVER_ENUMERATE_NAMES_MAX];
    size_t bytes;
    caddr_t end;
    errval_t err = end_of(NAMESERVER, &end);

    err = err_is_ok(err) ? nameserver_bind(end, &b) : err;
    if (err_is_ok(err)) {
        err = nameserver_enumerate(&b, "", 0, NULL, 0, "", 0, list, &bytes);
        nameserver_close(&b);
    }
    return err;
}

static errval_t op_connect_process(void)
{
    static char args[ARGS_BYTES];
    const struct process_limits none = {0};
    struct process_binding b;
    uint32_t pid;
    caddr_t end;
    errval_t err = end_of(PROCESS, &end);

    memset(args, 'x', sizeof(args) - 1);
    err = err_is_ok(err) ? process_bind(end, &b) : err;
    if (err_is_ok(err)) {
        err = process_launch(&b, args, sizeof(args), NULL, 0, 0, &none, 0, 0, NULL, 0, NULL, 0,
                             &pid);
        err = err_is_fail(err) && err_no(err) == PROCESS_ERR_NO_PROGRAM ? ERR_OK : err;
        process_close(&b);
    }
    return err;
}

static errval_t op_connect_serial(void)
{
    struct serial_binding b;
    caddr_t end;
    errval_t err = end_of(SERIAL, &end);

    err = err_is_ok(err) ? serial_bind(end, &b) : err;
    if (err_is_ok(err)) {
        err = serial_write(&b, SERIAL_STREAM_OUT, "", 0);
        err = err_is_ok(err) ? serial_flush(&b) : err;
        serial_close(&b);
    }
    return err;
}

static errval_t op_connect_init(void)
{
    struct init_binding b;
    char list[INIT_MODULES_NAMES_MAX];
    uint64_t bytes;
    size_t list_bytes;
    caddr_t end, module;
    errval_t err = end_of(INIT, &end);

    err = err_is_ok(err) ? init_bind(end, &b) : err;
    if (err_is_fail(err)) {
        return err;
    }
    err = init_modules(&b, "", 0, list, &list_bytes);
    if (err_is_ok(err)) {
        err = init_module(&b, "true", 4, &module, &bytes);
    }
    if (err_is_ok(err)) {
        err = cap_destroy(module);
    }
    init_close(&b);
    return err;
}

/* The answer that this waits for never comes. */
static errval_t op_await(void)
{
    caddr_t end;
    errval_t err = aos_await(NAME "/never", AWAIT_NS, &end);

    return err_has(err, RPC_ERR_TIMEOUT) || err_has(err, NAMESERVER_ERR_NOT_FOUND) ? ERR_OK : err;
}

static errval_t op_names(void)
{
    struct init_binding *b;
    caddr_t end;
    errval_t err = aos_init(&b);

    err = err_is_ok(err) ? init_names(b, &end) : err;
    return err_is_ok(err) ? cap_destroy(end) : err;
}

/* Of this program the messages are recorded. */
static errval_t op_trace(void)
{
    struct process_binding *b;
    caddr_t ring;
    errval_t err = aos_process(&b);

    err = err_is_ok(err) ? process_trace(b, domain_pid(), PROCESS_TRACING_ON, &ring) : err;
    err = err_is_ok(err) ? cap_destroy(ring) : err;
    if (err_is_ok(err)) {
        err = process_trace(b, domain_pid(), PROCESS_TRACING_OFF, &ring);
    }
    return err_is_ok(err) ? cap_destroy(ring) : err;
}

/* A file that the process service has not seen before, and keeps: it is no program. */
static errval_t op_first_use(void)
{
    static const char *const files[] = {"interfaces", "manifest"};
    const char *argv[] = {files[many]};
    uint32_t pid;
    errval_t err = aos_spawn(1, argv, &pid);

    return err_is_ok(err) ? LIB_ERR_BAD_STATE : err_no(err) == PROCESS_ERR_BAD_ELF ? ERR_OK : err;
}

/* --- the test -------------------------------------------------------------------------------- */

#define BIT(service) (1u << (service))
#define ONCE         BIT(31)             /* what it needs is kept: no other before or after it */

static const struct row {
    const char *name;
    errval_t (*op)(void);
    unsigned services;                   /* that take part, BIT each, and ONCE */
} rows[] = {
    {"allocation", op_ram, BIT(MEMORY)},
    {"lookup", ops_lookup, BIT(NAMESERVER) | BIT(SERIAL)},
    {"name", op_register, BIT(NAMESERVER)},
    {"waiting for a name", op_await, BIT(NAMESERVER)},
    {"end of the nameserver", op_names, BIT(INIT) | BIT(NAMESERVER)},
    {"tracing", op_trace, BIT(PROCESS)},
    {"first use of a file", op_first_use, BIT(PROCESS) | ONCE},
    {"connection to memory", op_connect_memory, BIT(MEMORY) | BIT(NAMESERVER)},
    {"connection to nameserver", op_connect_nameserver, BIT(NAMESERVER)},
    {"connection to process", op_connect_process, BIT(PROCESS)},
    {"connection to serial", op_connect_serial, BIT(SERIAL)},
    {"connection to init", op_connect_init, BIT(INIT)},
    {"spawn", op_spawn, BIT(PROCESS) | BIT(MEMORY) | BIT(NAMESERVER) | BIT(INIT)},
};

/* Every allocation that `service` makes for the operation fails once. */
static bool fail_each(const struct row *row, unsigned service, uint32_t burst)
{
    unsigned number = 0, refused = 0;
    bool failed = true;

    while (failed) {
        errval_t err;

        TRY(++number < FAILING_NUMBERS);
        TRY_OK(tellfail_set(&control[service], burst, number));
        err = row->op();
        TRY_OK(tellfail_stop(&control[service], &failed));
        TRY(!err_has(err, PROCESS_ERR_BAD_ARGS)); /* it is not the caller's fault (FAIL1002) */
        refused += err_is_fail(err);
        if (err_is_fail(err) && !failed) {
            printf("# %s, %s: refused without a reason\n", row->name, names[service]);
            TRY_OK(err);
        }
        err = row->op();
        if (err_is_fail(err)) {
            printf("# %s, %s: not even after number %u\n", row->name, names[service], number);
            TRY_OK(err);
        }
    }
    printf("# %s, %s: %u allocations, %u times refused\n", row->name, names[service], number - 1,
           refused);
    return true;
}

static bool all_as_before(const struct counters *before, const char *what)
{
    struct counters after;
    char name[COUNTER_NAME_BYTES];
    bool same = true;

    TRY(counters_settle(SETTLE_NS, &after));
    for (uint32_t i = 0; (i = counters_differ(before, &after, i)) != COUNTERS; i++) {
        counter_name(i, name);
        printf("# %s: %s: %llu before, %llu after\n", what, name,
               (unsigned long long)before->value[i], (unsigned long long)after.value[i]);
        same = false;
    }
    return same;
}

/* What a busy host makes late, an end that has not gone yet, can be in the first reading: then the
 * counters differ once. What leaks does so each time. */
static bool fail_and_compare(const struct row *row, unsigned service, uint32_t burst)
{
    bool same = (row->services & ONCE) != 0;

    for (unsigned i = 0; i == 0 || (!same && i < ROUNDS); i++) {
        struct counters before;

        TRY(counters_settle(SETTLE_NS, &before));
        TRY(fail_each(row, service, burst));
        same = same || all_as_before(&before, row->name);
    }
    return same;
}

static bool run_row(const struct row *row, uint32_t burst)
{
    for (unsigned service = 0; service < SERVICES; service++) {
        if ((row->services & BIT(service)) == 0) {
            continue;
        }
        for (unsigned i = 0; (row->services & ONCE) == 0 && i < WARM; i++) {
            TRY_OK(row->op());
        }
        TRY(fail_and_compare(row, service, burst));
    }
    return true;
}

static bool run_rows(uint32_t burst)
{
    bool ok = true;

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok = run_row(&rows[i], burst) && ok;
    }
    return ok;
}

static bool one_fails(void)
{
    caddr_t end;

    TRY_OK(frame_alloc(AOS_PAGE_BYTES, &frame, NULL));
    for (unsigned i = 0; i < SERVICES; i++) {
        TRY_OK(end_of(i, &end));
        TRY_OK(tellfail_open(&control[i], end, frame));
    }
    return run_rows(0);
}

static bool many_fail(void)
{
    many = true;
    return run_rows(FAILING_BURST);
}

/* The same by hand, for what only the shell may do: SERVICE NUMBER; 0: says whether one failed. */
static int tell_one(const char *service, uint32_t number)
{
    bool failed = false, told = true;
    caddr_t end;

    for (unsigned i = 0; i < SERVICES; i++) {
        if (strcmp(names[i], service) != 0) {
            continue;
        }
        if (err_is_fail(frame_alloc(AOS_PAGE_BYTES, &frame, NULL))
            || err_is_fail(end_of(i, &end))
            || err_is_fail(tellfail_open(&control[i], end, frame))) {
            return 1;
        }
        if (number == 0) {
            told = err_is_ok(tellfail_stop(&control[i], &failed));
            puts(failed ? "failed" : "all well");
        } else {
            told = err_is_ok(tellfail_set(&control[i], 0, number));
        }
        return !told;
    }
    return 1;
}

int main(int argc, char **argv)
{
    static const struct taptest tests[] = {
        {"FAIL0001 any one allocation of a service fails", one_fails},
        {"FAIL0002 many in a row fail", many_fail},
    };

    if (argc == 3) {
        return tell_one(argv[1], (uint32_t)strtoul(argv[2], NULL, 0));
    }
    return taptest_run(tests, TAPTEST_COUNT(tests));
}
