/* The services, seen from a client: TAP on stdout. With an argument it is one of its own
 * children. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/binding.h>
#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/paging.h>
#include <aos/process.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <aos/waitset.h>
#include <if/init.h>
#include <if/init_server.h>
#include <if/memory.h>
#include <if/nameserver.h>
#include <if/process.h>
#include <if/serial.h>

#include "taptest.h"

#define SELF          "svctest"
#define DUMMY         "test/dummy"
#define WAIT_NS       20000000000ull     /* bounds a hang */
#define SETTLE_ROUNDS 400                /* of 5 ms: how long memory may take to come home */
#define SETTLE_NS     5000000ull

static errval_t spawn(const char *how, uint32_t *ret_pid)
{
    const char *argv[] = {SELF, how};

    return aos_spawn(2, argv, ret_pid);
}

/* --- the children --------------------------------------------------------------------------- */

static errval_t dummy_number(struct server_ctx *ctx, uint64_t value, uint64_t *ret_echo)
{
    if (value == 0) {
        exit(3);                         /* in the middle of a call */
    }
    *ret_echo = ctx->peer_pid;
    return ERR_OK;
}

static errval_t dummy_text(struct server_ctx *ctx, const char *text, size_t text_len,
                           uint32_t *ret_length)
{
    *ret_length = 0;
    return ERR_OK;
}

/* Serves a part of init.if under a name of its own; `number` tells the caller's pid. */
static int child_serve(void)
{
    static struct init_server_ops ops;
    static struct init_server server;
    static struct waitset ws;

    ops.on_number = dummy_number;
    ops.on_text = dummy_text;
    waitset_init(&ws);
    server_init(&server.base, &init_server_interface, &ops, NULL, NULL, &ws);
    if (err_is_fail(aos_register(&server.base, DUMMY, "kind=dummy", sizeof("kind=dummy")))) {
        return 1;
    }
    waitset_run(&ws);
}

/* Returns the number in the frame that the parent granted. */
static int child_open_gift(void)
{
    caddr_t frame;
    void *va;

    if (err_is_fail(domain_grant("gift", &frame))
        || err_is_fail(paging_map_frame(paging_self(), frame, 0, AOS_PAGE_BYTES, AOS_VM_READ,
                                        &va))) {
        return 1;
    }
    return (int)*(volatile uint32_t *)va;
}

static volatile uint64_t nowhere = 8;

static int child(const char *how)
{
    if (strcmp(how, "exit7") == 0) {
        return 7;
    }
    if (strcmp(how, "sleep") == 0) {
        thread_sleep_ns(AOS_FOREVER / 4);
    }
    if (strcmp(how, "spin") == 0) {
        for (volatile int i = 0;; i++) {
        }
    }
    if (strcmp(how, "fault") == 0) {
        *(volatile int *)(uintptr_t)nowhere = 1;
    }
    if (strcmp(how, "eat") == 0) {
        void *p = malloc(3 << 20);

        if (p != NULL) {
            memset(p, 1, 3 << 20);
        }
        return p == NULL;
    }
    if (strcmp(how, "grant") == 0) {
        return child_open_gift();
    }
    return strcmp(how, "serve") == 0 ? child_serve() : 99;
}

/* --- the tests ------------------------------------------------------------------------------ */

static bool init_echoes(void)
{
    struct init_binding *b;
    uint64_t echo;
    uint32_t length;

    TRY_OK(aos_init(&b));
    TRY_OK(init_number(b, 0x123456789abcdef0ull, &echo));
    TRY(echo == 0x123456789abcdef0ull);
    TRY_OK(init_text(b, "gr\xc3\xbc\xc3\x9f", 6, &length));
    TRY(length == 6);
    TRY(err_has(init_text(b, "\xff", 1, &length), RPC_ERR_MALFORMED));
    return true;
}

static bool init_modules_are_there(void)
{
    struct init_binding *b;
    char names[1024];
    size_t bytes;
    caddr_t frame;
    uint64_t size;
    void *va;

    TRY_OK(aos_init(&b));
    TRY_OK(init_modules(b, "init", 4, names, &bytes));
    TRY(bytes > 0 && strcmp(names, "init") > 0);
    TRY_OK(init_module(b, SELF, strlen(SELF), &frame, &size));
    TRY_OK(paging_map_frame(paging_self(), frame, 0, AOS_PAGE_BYTES, AOS_VM_READ, &va));
    TRY(memcmp(va, "\x7f" "ELF", 4) == 0);
    TRY_OK(paging_unmap(paging_self(), va));
    TRY_OK(cap_destroy(frame));
    TRY(err_has(init_module(b, "nothing", 7, &frame, &size), INIT_ERR_NOT_FOUND));
    return true;
}

static bool memory_comes_and_goes(void)
{
    struct memory_binding *b;
    uint64_t actual, used, used_before, quota;
    struct cap_info info;
    caddr_t ram;

    TRY_OK(aos_memory(&b));
    TRY_OK(memory_alloc(b, 1, 1, &ram, &actual));
    TRY(actual == AOS_PAGE_BYTES);
    TRY_OK(memory_usage(b, 0, &used_before, &quota));
    TRY_OK(memory_free(b, ram));
    TRY_OK(memory_alloc(b, 100000, 1 << 21, &ram, &actual));
    TRY_OK(cap_identify(ram, &info));
    TRY(info.type == CAPTYPE_RAM && info.a % (1 << 21) == 0 && info.b == actual);
    TRY_OK(memory_usage(b, 0, &used, &quota));
    TRY(used == used_before - AOS_PAGE_BYTES + actual);
    TRY_OK(memory_free(b, ram));
    TRY(err_has(memory_alloc(b, 1ull << 37, 1, &ram, &actual), MEMORY_ERR_NO_MEMORY));
    TRY(err_has(memory_alloc(b, 1, 1ull << 62, &ram, &actual), MEMORY_ERR_BAD_ALIGN));
    TRY(err_has(memory_limit(b, 1, 1), MEMORY_ERR_DENIED));
    return true;
}

static bool names_are_kept(void)
{
    struct nameserver_binding *b;
    char names[1024], props[512];
    size_t bytes;
    caddr_t end;
    uint32_t pid;
    uint16_t iface;

    TRY_OK(aos_nameserver(&b));
    TRY_OK(nameserver_enumerate(b, "", 0, NULL, 0, "", 0, names, &bytes));
    TRY(bytes > 0 && strcmp(names, "init") == 0);
    TRY_OK(nameserver_describe(b, "serial", 6, &pid, &iface, props, &bytes));
    TRY(iface == SERIAL_ID && strcmp(props, "kind=pl011") == 0);
    TRY(err_has(nameserver_lookup(b, "nobody", 6, 0, &end), NAMESERVER_ERR_NOT_FOUND));
    TRY(err_has(nameserver_lookup(b, "serial", 6, MEMORY_ID, &end),
                NAMESERVER_ERR_WRONG_INTERFACE));
    TRY(err_has(nameserver_deregister(b, "serial", 6), NAMESERVER_ERR_DENIED));
    return true;
}

static bool children_exit(void)
{
    uint32_t pid, who;
    struct aos_exit how;

    TRY_OK(spawn("exit7", &pid));
    TRY_OK(aos_wait(pid, &who, &how));
    TRY(who == pid && how.exited && how.status == 7);
    TRY(err_has(aos_wait(pid, &who, &how), PROCESS_ERR_NO_CHILD));
    return true;
}

static bool children_are_killed(void)
{
    static const char *const kinds[] = {"sleep", "spin"};
    uint32_t pid, who;
    struct aos_exit how;

    for (size_t i = 0; i < 2; i++) {
        TRY_OK(spawn(kinds[i], &pid));
        TRY_OK(aos_kill(pid));
        TRY_OK(aos_wait(0, &who, &how));
        TRY(who == pid && how.killed && !how.exited);
    }
    TRY(err_has(aos_kill(pid), PROCESS_ERR_NO_PID));
    return true;
}

static bool children_fault(void)
{
    uint32_t pid, who;
    struct aos_exit how;

    TRY_OK(spawn("fault", &pid));
    TRY_OK(aos_wait(pid, &who, &how));
    TRY(how.faulted || how.status == AOS_STATUS_FAULT);
    return true;
}

static bool spawn_refuses(void)
{
    struct process_binding *b;
    uint32_t pid;

    TRY_OK(aos_process(&b));
    TRY(err_has(process_spawn(b, "nothing", 8, NULL, 0, 0, 0, NULL, 0, NULL, 0, &pid),
                PROCESS_ERR_NO_PROGRAM));
    TRY(err_has(process_spawn(b, "manifest", 9, NULL, 0, 0, 0, NULL, 0, NULL, 0, &pid),
                PROCESS_ERR_BAD_ELF));
    TRY(err_has(process_spawn(b, NULL, 0, NULL, 0, 0, 0, NULL, 0, NULL, 0, &pid),
                PROCESS_ERR_BAD_ARGS));
    TRY(err_has(process_spawn(b, SELF, sizeof(SELF), NULL, 0, 1, 0, NULL, 0, NULL, 0, &pid),
                PROCESS_ERR_NO_CORE));
    return true;
}

static bool quotas_hold(void)
{
    static const char args[] = SELF "\0eat";
    struct process_binding *b;
    struct aos_exit how;
    uint32_t pid, who;

    TRY_OK(aos_process(&b));
    /* the domain itself is more than that */
    TRY(err_has(process_spawn(b, args, sizeof(args), NULL, 0, 0, 1 << 20, NULL, 0, NULL, 0, &pid),
                PROCESS_ERR_NO_MEMORY));
    for (uint64_t mib = 2; mib <= 16; mib *= 8) {
        TRY_OK(process_spawn(b, args, sizeof(args), NULL, 0, 0, mib << 20, NULL, 0, NULL, 0, &pid));
        TRY_OK(aos_wait(pid, &who, &how));
        TRY(how.exited && how.status == (mib == 2 ? 1 : 0));
    }
    return true;
}

static bool capabilities_are_granted(void)
{
    static const char args[] = SELF "\0grant", names[] = "gift";
    struct process_binding *b;
    struct aos_exit how;
    uint32_t pid, who;
    uint64_t bytes;
    caddr_t frame;
    void *va;

    TRY_OK(frame_alloc(AOS_PAGE_BYTES, &frame, &bytes));
    TRY_OK(paging_map_frame(paging_self(), frame, 0, bytes, AOS_VM_RW, &va));
    *(volatile uint32_t *)va = 12;
    TRY_OK(paging_unmap(paging_self(), va));
    TRY_OK(aos_process(&b));
    TRY_OK(process_spawn(b, args, sizeof(args), NULL, 0, 0, 0, names, sizeof(names), &frame, 1,
                         &pid));
    TRY_OK(aos_wait(pid, &who, &how));
    TRY(how.exited && how.status == 12);
    return true;
}

static bool processes_are_listed(void)
{
    struct process_binding *b;
    struct process_info info;
    uint32_t pids[64], self, parent;
    size_t count, bytes;
    char name[64];

    TRY_OK(aos_process(&b));
    TRY_OK(process_self(b, &self, &parent));
    TRY(self == domain_pid());
    TRY_OK(process_pids(b, 0, pids, &count));
    TRY(count >= 5 && pids[0] == 1);
    TRY_OK(process_name(b, self, name, &bytes));
    TRY(strcmp(name, SELF) == 0);
    TRY_OK(process_describe(b, self, &info));
    TRY(info.pid == self && info.parent == parent && info.cpu_ns > 0);
    TRY_OK(process_describe(b, 0, &info)); /* init, which no list of pids above one can hold */
    TRY(info.pid == 0 && info.state != PROCESS_STATE_ENDED && info.cpu_ns > 0);
    TRY(err_has(process_kill(b, 0), PROCESS_ERR_NO_PID));
    TRY(err_has(process_name(b, 0x7fffffff, name, &bytes), PROCESS_ERR_NO_PID));
    return true;
}

static bool a_service_dies(void)
{
    struct init_binding dummy;
    struct nameserver_binding *b;
    uint64_t echo;
    uint32_t pid, who, tries;
    struct aos_exit how;
    caddr_t end;
    errval_t err = ERR_OK;

    TRY_OK(aos_nameserver(&b));
    TRY_OK(spawn("serve", &pid));
    TRY_OK(aos_await(DUMMY, WAIT_NS, &end));
    TRY_OK(init_bind(end, &dummy));
    TRY_OK(init_number(&dummy, 1, &echo));
    TRY(echo == domain_pid());
    TRY(err_has(init_number(&dummy, 0, &echo), RPC_ERR_PEER_GONE));
    TRY_OK(aos_wait(pid, &who, &how));
    TRY(how.exited && how.status == 3);
    for (tries = 0; tries < SETTLE_ROUNDS && err_is_ok(err); tries++) {
        err = nameserver_lookup(b, DUMMY, strlen(DUMMY), 0, &end);
        if (err_is_ok(err)) {
            TRY_OK(cap_destroy(end));
        }
    }
    TRY(err_has(err, NAMESERVER_ERR_NOT_FOUND));
    init_close(&dummy);
    return true;
}

static errval_t register_as(struct nameserver_binding *b, struct server *s, const char *name)
{
    caddr_t end;
    errval_t err = server_make_end(s, 0, SERVER_PEER_TRUSTED, &end);

    return err_is_fail(err) ? err : nameserver_register(b, name, strlen(name), s->iface->id, NULL,
                                                        0, end);
}

struct awaited {
    bool done;
    errval_t err;
    caddr_t end;
};

static void await_done(void *arg, errval_t err, caddr_t end)
{
    *(struct awaited *)arg = (struct awaited){true, err, end};
}

/* Who waits is asked for at a service that does not answer; that gives up its name, another takes
 * it, and only then does the first end. */
static bool who_waits_gets_the_next(void)
{
    static const char name[] = "test/next";
    static struct init_server silent, next;
    static struct waitset ws, silent_ws;
    static struct init_server_ops ops;
    struct nameserver_binding *b;
    struct awaited awaited = {0};
    uint64_t deadline = time_deadline_ns(WAIT_NS);

    waitset_init(&ws);
    waitset_init(&silent_ws);            /* which nobody runs */
    server_init(&silent.base, &init_server_interface, &ops, NULL, NULL, &silent_ws);
    server_init(&next.base, &init_server_interface, &ops, NULL, NULL, &ws);
    TRY_OK(aos_nameserver(&b));
    binding_set_waitset(&b->base, &ws);
    TRY_OK(register_as(b, &silent.base, name));
    TRY_OK(nameserver_await_cb(b, name, strlen(name), 0, await_done, &awaited));
    TRY_OK(nameserver_deregister(b, name, strlen(name)));
    TRY_OK(register_as(b, &next.base, name));
    server_deinit(&silent.base);
    while (!awaited.done) {
        TRY_OK(waitset_dispatch(&ws, deadline));
    }
    TRY_OK(awaited.err);
    TRY_OK(cap_destroy(awaited.end));
    TRY_OK(nameserver_deregister(b, name, strlen(name)));
    server_deinit(&next.base);
    return true;
}

#define AWAITERS (2 * SERVER_ENDS_MAX)
static const char later_name[] = "test/later";

static int await_later(void *arg)
{
    caddr_t end;

    (void)arg;
    return err_is_fail(aos_await(later_name, WAIT_NS, &end)) || err_is_fail(cap_destroy(end));
}

/* More threads wait for a name than a domain may have connections to the nameserver. */
static bool many_threads_await(void)
{
    static struct init_server server;
    static struct init_server_ops ops;
    static struct waitset ws;
    struct thread *threads[AWAITERS];
    struct nameserver_binding *b;
    int failed = 0, status;

    waitset_init(&ws);
    server_init(&server.base, &init_server_interface, &ops, NULL, NULL, &ws);
    TRY_OK(aos_nameserver(&b));
    for (uint32_t i = 0; i < AWAITERS; i++) {
        TRY_OK(thread_create(await_later, NULL, NULL, &threads[i]));
    }
    for (uint32_t i = 0; i < AWAITERS; i++) {
        thread_yield();                  /* those that can have asked */
    }
    TRY_OK(register_as(b, &server.base, later_name));
    for (uint32_t i = 0; i < AWAITERS; i++) {
        while (thread_join_until(threads[i], time_deadline_ns(SETTLE_NS), &status) != ERR_OK) {
            while (waitset_poll(&ws)) {
            }
        }
        failed += status;
    }
    TRY(failed == 0);
    TRY_OK(nameserver_deregister(b, later_name, strlen(later_name)));
    server_deinit(&server.base);
    return true;
}

static bool all_memory_comes_home(void)
{
    struct memory_binding *b;
    uint64_t total, before, after = 0, largest, dying;
    uint32_t pieces, pid, who;
    struct aos_exit how;

    TRY_OK(aos_memory(&b));
    TRY_OK(spawn("eat", &pid));          /* services may grow the first time */
    TRY_OK(aos_wait(pid, &who, &how));
    TRY(how.exited && how.status == 0);
    do {
        TRY_OK(memory_stats(b, &total, &before, &largest, &pieces, &dying));
    } while (dying != 0);
    for (int i = 0; i < 5; i++) {
        TRY_OK(spawn(i % 2 == 0 ? "eat" : "fault", &pid));
        TRY_OK(aos_wait(pid, &who, &how));
    }
    for (int i = 0; i < SETTLE_ROUNDS && after != before; i++) {
        TRY_OK(memory_stats(b, &total, &after, &largest, &pieces, &dying));
        thread_sleep_ns(SETTLE_NS);
    }
    if (after != before) {
        printf("# free before %llu, after %llu, dying %llu\n", (unsigned long long)before,
               (unsigned long long)after, (unsigned long long)dying);
    }
    TRY(after == before);
    return true;
}

int main(int argc, char **argv)
{
    static const struct taptest tests[] = {
        {"SVC0001 init echoes numbers and text", init_echoes},
        {"SVC0002 init hands out modules", init_modules_are_there},
        {"SVC0003 memory comes and goes", memory_comes_and_goes},
        {"SVC0004 names are kept", names_are_kept},
        {"SVC0005 children exit", children_exit},
        {"SVC0006 children are killed", children_are_killed},
        {"SVC0007 children fault", children_fault},
        {"SVC0008 spawn refuses", spawn_refuses},
        {"SVC0009 processes are listed", processes_are_listed},
        {"SVC0012 quotas hold", quotas_hold},
        {"SVC0013 capabilities are granted", capabilities_are_granted},
        {"SVC0010 a service dies", a_service_dies},
        {"SVC1001 who waits gets the next of that name", who_waits_gets_the_next},
        {"SVC1002 many threads wait for a name", many_threads_await},
        {"SVC0011 all memory comes home", all_memory_comes_home},
    };

    if (argc > 1 && strcmp(argv[1], "--exec") != 0) {
        return child(argv[1]);
    }
    return taptest_run(tests, TAPTEST_COUNT(tests));
}
