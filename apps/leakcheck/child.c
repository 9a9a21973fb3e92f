/* The children. Each has a thread for every service, which calls it again and again, waits for a
 * child of its own, a name and input, lends memory, has subscribed to events and registered a name.
 * The role says how it ends: by itself, by a fault, or not at all. */
#include "leakcheck_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/io.h>
#include <aos/process.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/waitset.h>
#include <if/init.h>
#include <if/memory.h>
#include <if/nameserver.h>
#include <if/process.h>
#include <if/serial.h>

#define CHILD_CALLS     1u               /* of each thread before the end may come */
#define CHILD_PAUSE_NS  100000u          /* between two calls from then on */
#define CHILD_LEND      20000u           /* bytes, more than a message has */
#define CHILD_RAM_BYTES 0x10000u
#define CHILD_FOREVER   1000000000000ull /* ns */
#define CHILD_WAIT_NS   20000000000ull

/* One call to a service, or a few. False: it failed, which the end of nobody here explains. */
typedef bool (*child_fn)(void);

struct caller {
    child_fn fn;
    uint32_t calls;
};

static struct {
    struct mutex lock;
    struct cond changed;
    uint32_t busy;                       /* callers that have made CHILD_CALLS */
    bool failed;
} child;

static bool child_memory(void)
{
    struct memory_binding *b;
    uint64_t bytes;
    caddr_t ram;

    return err_is_ok(aos_memory(&b))
        && err_is_ok(memory_alloc(b, CHILD_RAM_BYTES, CHILD_RAM_BYTES, &ram, &bytes))
        && err_is_ok(memory_free(b, ram));
}

static bool child_names(void)
{
    caddr_t end;

    return err_is_ok(aos_lookup("serial", &end)) && err_is_ok(cap_destroy(end));
}

static bool child_init(void)
{
    struct init_binding *b;
    uint64_t bytes;
    caddr_t frame;

    return err_is_ok(aos_init(&b)) && err_is_ok(init_module(b, "true", 4, &frame, &bytes))
        && err_is_ok(cap_destroy(frame));
}

static bool child_serial(void)
{
    struct serial_binding *b;

    return err_is_ok(aos_serial(&b)) && err_is_ok(serial_flush(b));
}

/* Lends arguments for a program that there is not. */
static bool child_process(void)
{
    static char args[CHILD_LEND];
    const struct process_limits none = {0};
    struct process_binding *b;
    uint32_t pid;

    memset(args, 'x', sizeof(args) - 1);
    return err_is_ok(aos_process(&b))
        && err_has(process_launch(b, args, sizeof(args), NULL, 0, (uint8_t)domain_core(), &none, 0,
                                  0, NULL, 0, NULL, 0, &pid), PROCESS_ERR_NO_PROGRAM);
}

/* A child in the making, or just made, may be there when this one ends. */
static bool child_spawn(void)
{
    const char *argv[] = {"leakcheck", "--child", "sleep"};
    struct aos_exit how;
    uint32_t pid, who;

    return err_is_ok(aos_spawn(3, argv, &pid)) && err_is_ok(aos_kill(pid))
        && err_is_ok(aos_wait(pid, &who, &how)) && how.killed;
}

static int child_work(void *arg)
{
    struct caller *caller = arg;

    while (caller->fn()) {
        if (++caller->calls == CHILD_CALLS) {
            mutex_lock(&child.lock);
            child.busy++;
            cond_broadcast(&child.changed);
            mutex_unlock(&child.lock);
        }
        if (caller->calls >= CHILD_CALLS) {
            thread_sleep_ns(CHILD_PAUSE_NS); /* others want to run, too */
        }
    }
    mutex_lock(&child.lock);
    child.failed = true;
    cond_broadcast(&child.changed);
    mutex_unlock(&child.lock);
    return 0;
}

/* Is answered at the end of the nameserver at the earliest. */
static int child_await(void *arg)
{
    caddr_t end;

    (void)aos_await("leakcheck/never", CHILD_FOREVER, &end);
    return 0;
}

/* Waits for one that never ends by itself. */
static int child_wait(void *arg)
{
    uint32_t pid = *(uint32_t *)arg, who;
    struct aos_exit how;

    (void)aos_wait(pid, &who, &how);
    return 0;
}

/* At a terminal this waits, too. */
static int child_read(void *arg)
{
    struct serial_binding *b;
    uint8_t data[SERIAL_READ_DATA_MAX];
    size_t bytes;

    if (err_is_ok(aos_serial(&b))) {
        (void)serial_read(b, sizeof(data), data, &bytes);
    }
    return 0;
}

static int child_sleep(void)
{
    for (;;) {
        thread_sleep_ns(CHILD_FOREVER);
    }
    return 0;
}

static void on_ended(void *arg, bool lost, uint32_t pid, const struct process_exit *how)
{
}

static void on_low(void *arg, uint64_t free_bytes)
{
}

static void on_gone(void *arg, bool lost, const char *name, size_t name_len)
{
}

static void on_signal(void *arg, bool lost, serial_signal_kind_t which)
{
}

static bool child_subscribe(struct waitset *ws)
{
    static const struct process_event_ops process_ops = {.on_child_ended = on_ended};
    static const struct memory_event_ops memory_ops = {.on_low = on_low};
    static const struct nameserver_event_ops name_ops = {.on_gone = on_gone};
    static const struct serial_event_ops serial_ops = {.on_signal = on_signal};
    struct process_binding *process;
    struct memory_binding *memory;
    struct nameserver_binding *names;
    struct serial_binding *serial;

    if (err_is_fail(aos_process(&process)) || err_is_fail(aos_memory(&memory))
        || err_is_fail(aos_nameserver(&names)) || err_is_fail(aos_serial(&serial))) {
        return false;
    }
    process_set_events(process, ws, &process_ops, NULL);
    memory_set_events(memory, ws, &memory_ops, NULL);
    nameserver_set_events(names, ws, &name_ops, NULL);
    serial_set_events(serial, ws, &serial_ops, NULL);
    return err_is_ok(process_subscribe_child_ended(process, true))
        && err_is_ok(memory_subscribe_low(memory, true))
        && err_is_ok(nameserver_subscribe_gone(names, true))
        && err_is_ok(serial_subscribe_signal(serial, true));
}

static int child_serve(void *arg)
{
    waitset_run(arg);
}

void leakcheck_name(uint32_t pid, char ret_name[LEAKCHECK_NAME_BYTES])
{
    (void)snprintf(ret_name, LEAKCHECK_NAME_BYTES, "leakcheck/%u", (unsigned)pid);
}

/* A name with nothing behind it but its connections. */
static bool child_register(struct waitset *ws)
{
    static const struct server_interface iface = {.name = "leakcheck"};
    static struct server server;
    char name[LEAKCHECK_NAME_BYTES];

    server_init(&server, &iface, NULL, NULL, NULL, ws);
    leakcheck_name(domain_pid(), name);
    return err_is_ok(aos_register(&server, name, NULL, 0));
}

/* Starts one of its own kind and returns when it is busy. */
static bool child_has_child(const char *role, uint32_t *ret_pid)
{
    const char *argv[] = {"leakcheck", "--child", role};
    char name[LEAKCHECK_NAME_BYTES];
    caddr_t end;

    if (err_is_fail(aos_spawn(3, argv, ret_pid))) {
        return false;
    }
    if (strcmp(role, "sleep") == 0) {
        return true;
    }
    leakcheck_name(*ret_pid, name);
    return err_is_ok(aos_await(name, CHILD_WAIT_NS, &end)) && err_is_ok(cap_destroy(end));
}

static bool child_thread(int (*fn)(void *arg), void *arg)
{
    struct thread *thread;

    return err_is_ok(thread_create(fn, arg, NULL, &thread));
}

/* Gets busy. */
static bool child_start(const char *grandchild)
{
    static const child_fn all[] = {child_memory, child_names, child_init, child_serial,
                                   child_process, child_spawn};
    enum { WORKS = sizeof(all) / sizeof(all[0]) };
    static struct caller works[WORKS];
    static struct waitset ws;
    static uint32_t pid;

    waitset_init(&ws);
    if (!child_subscribe(&ws) || !child_thread(child_serve, &ws)
        || !child_has_child(grandchild, &pid) || !child_thread(child_wait, &pid)
        || !child_thread(child_await, NULL) || !child_thread(child_read, NULL)) {
        return false;
    }
    for (uint32_t i = 0; i < WORKS; i++) {
        works[i].fn = all[i];
        if (!child_thread(child_work, &works[i])) {
            return false;
        }
    }
    mutex_lock(&child.lock);
    while (child.busy < WORKS && !child.failed) {
        cond_wait(&child.changed, &child.lock);
    }
    mutex_unlock(&child.lock);
    if (child.failed) {
        fprintf(stderr, "leakcheck: a call fails\n");
        return false;
    }
    return child_register(&ws);
}

static errval_t silent_write(void *arg, int fd, const void *data, size_t bytes, size_t *ret_n)
{
    *ret_n = bytes;
    return ERR_OK;
}

/* The report of a fault of hundreds is of no use. */
static void child_fault(void)
{
    static const struct io_ops silent = {.write = silent_write};
    static volatile uint64_t nowhere = 8;

    io_set_ops(&silent);
    *(volatile int *)(uintptr_t)nowhere = 1;
}

int child_run(const char *role)
{
    static const char family[] = "family ";
    bool head = strncmp(role, family, sizeof(family) - 1) == 0;
    const char *end = head ? role + sizeof(family) - 1 : role;

    if (strcmp(role, "sleep") == 0) {
        return child_sleep();
    }
    if (!child_start(head ? "stay" : "sleep")) {
        return 1;
    }
    if (strcmp(end, "fault") == 0) {
        child_fault();
    }
    return strcmp(end, "exit") == 0 ? 0 : child_sleep();
}
