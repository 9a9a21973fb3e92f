/* The life of domains, seen from a parent: TAP on stdout. With an argument it is one of its own
 * children. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/binding.h>
#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/process.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <aos/waitset.h>
#include <if/init.h>
#include <if/init_server.h>
#include <if/process.h>

#include "taptest.h"

#define SELF       "lifetest"
#define DEPTH      3                     /* of a family: that many generations below its head */
#define WAITERS    5
#define TRACED     20
#define ARGS_BYTES 40000u
#define GIVE_UP_NS 20000000000ull        /* bounds a hang */

static errval_t spawn(const char *how, uint32_t *ret_pid)
{
    const char *argv[] = {SELF, how};

    return aos_spawn(2, argv, ret_pid);
}

/* --- a server that this program is ------------------------------------------------------------ */

#define SERVED "lifetest"

static struct {
    struct init_server server;           /* a part of init.if will do */
    struct waitset ws;
    struct init_number_responder late;   /* the call that is not answered */
    volatile uint32_t calls, gone;
} served;

/* 0 is answered late, or never. */
static errval_t served_number(struct server_ctx *ctx, uint64_t value, uint64_t *ret_echo)
{
    served.calls++;
    if (value == 0) {
        served.late = init_number_defer(ctx);
        return SERVER_DEFERRED;
    }
    *ret_echo = value;
    return ERR_OK;
}

static void served_gone(struct server_ctx *ctx)
{
    served.gone++;
}

static int serve(void *arg)
{
    waitset_run(&served.ws);
}

static errval_t serve_start(const char *name)
{
    static const struct init_server_ops ops = {.on_number = served_number};
    struct thread *thread;
    errval_t err;

    waitset_init(&served.ws);
    server_init(&served.server.base, &init_server_interface, &ops, served_gone, NULL, &served.ws);
    err = aos_register(&served.server.base, name, NULL, 0);
    return err_is_ok(err) ? thread_create(serve, NULL, NULL, &thread) : err;
}

/* Calls `number` of `name`; 0: the status is that of the call. */
static errval_t call(const char *name, uint64_t value)
{
    static struct init_binding b;
    uint64_t echo = 0;
    caddr_t end;
    errval_t err = aos_await(name, GIVE_UP_NS, &end);

    if (err_is_ok(err)) {
        err = init_bind(end, &b);
    }
    if (err_is_ok(err)) {
        binding_set_deadline(&b.base, GIVE_UP_NS);
        err = init_number(&b, value, &echo);
        init_close(&b);
    }
    return err;
}

/* --- the children --------------------------------------------------------------------------- */

/* Reaches init on the end it was given at its start, and by way of it the nameserver. */
static int child_parent_end(void)
{
    struct init_binding *init;
    struct process_binding *b;
    struct cap_info info;
    uint64_t echo = 0;
    uint32_t pid = 0, parent;

    if (domain_startup()->parent_iface != INIT_ID
        || err_is_fail(cap_identify(KPI_CAP_NAMESERVER, &info)) || info.type != CAPTYPE_NULL) {
        return 1;
    }
    if (err_is_fail(aos_init(&init)) || err_is_fail(init_number(init, 7, &echo)) || echo != 7) {
        return 2;
    }
    if (err_is_fail(aos_process(&b)) || err_is_fail(process_self(b, &pid, &parent))) {
        return 3;
    }
    return pid == domain_pid() ? 0 : 4;
}

/* Serves until it is called with 0, and ends in the middle of that call. */
static int child_serve(void)
{
    if (err_is_fail(serve_start(SERVED "/child"))) {
        return 1;
    }
    while (served.late.base.conn == NULL) {
        thread_yield();
    }
    return 3;
}

static int child_sleep(void)
{
    for (;;) {
        thread_sleep_ns(GIVE_UP_NS);
    }
    return 0;
}

/* Has `generations` below it; says so by nothing but its presence. `ends`: it does not stay. */
static int child_family(int generations, bool ends)
{
    char number[16];
    const char *argv[] = {SELF, "family", number};
    uint32_t pid;

    (void)snprintf(number, sizeof(number), "%d", generations - 1);
    if (generations > 0 && err_is_fail(aos_spawn(3, argv, &pid))) {
        return 1;
    }
    return ends ? 5 : child_sleep();
}

/* All arguments but the first are the digits of their place. */
static int child_args(int argc, char **argv)
{
    size_t bytes = 0;

    for (int i = 0; i < argc; i++) {
        bytes += strlen(argv[i]) + 1;
        if (i > 1 && atoi(argv[i]) != i) {
            return 1;
        }
    }
    return bytes >= ARGS_BYTES && argv[argc] == NULL ? 0 : 2;
}

static int child(int argc, char **argv)
{
    if (strcmp(argv[1], "parent-end") == 0) {
        return child_parent_end();
    }
    if (strcmp(argv[1], "args") == 0) {
        return child_args(argc, argv);
    }
    if (strcmp(argv[1], "family") == 0) {
        return child_family(atoi(argv[2]), false);
    }
    if (strcmp(argv[1], "last") == 0) {
        return child_family(DEPTH, true);
    }
    if (strcmp(argv[1], "call") == 0) {
        return err_is_ok(call(SERVED, strtoul(argv[2], NULL, 10))) ? 0 : 1;
    }
    if (strcmp(argv[1], "serve") == 0) {
        return child_serve();
    }
    if (strcmp(argv[1], "sleep") == 0) {
        return child_sleep();
    }
    return 99;
}

/* --- the tests ------------------------------------------------------------------------------ */

static bool the_parent_end_needs_no_name(void)
{
    struct aos_exit how;
    uint32_t pid, who;

    TRY_OK(spawn("parent-end", &pid));
    TRY_OK(aos_wait(pid, &who, &how));
    TRY(how.exited && how.status == 0);
    return true;
}

static bool long_arguments_arrive(void)
{
    static char text[ARGS_BYTES];        /* of one more argument: too much */
    static char numbers[ARGS_BYTES / 6][8];
    static const char *argv[ARGS_BYTES / 6 + 3];
    const struct aos_launch plain = {0};
    struct aos_exit how;
    uint32_t pid, who;
    size_t bytes = 0;
    int argc = 2;

    argv[0] = SELF;
    argv[1] = "args";
    for (; bytes < ARGS_BYTES; argc++) {
        char *number = numbers[argc - 2];

        bytes += (size_t)snprintf(number, sizeof(numbers[0]), "%06d", argc) + 1;
        argv[argc] = number;
    }
    TRY_OK(aos_launch(argc, argv, &plain, &pid));
    TRY_OK(aos_wait(pid, &who, &how));
    TRY(how.exited && how.status == 0);
    memset(text, 'x', sizeof(text) - 1);
    argv[argc] = text;
    TRY(err_has(aos_launch(argc + 1, argv, &plain, &pid), LIB_ERR_ARGS_SIZE));
    return true;
}

struct waiter {
    uint32_t pid;
    errval_t err;
    struct aos_exit how;
};

static int wait_for(void *arg)
{
    struct waiter *w = arg;
    uint32_t who = 0;

    w->err = aos_wait(w->pid, &who, &w->how);
    return who == w->pid;
}

static bool all_waiters_are_told(void)
{
    struct waiter waiters[WAITERS];
    struct thread *threads[WAITERS];
    struct process_binding *b;
    struct process_exit how;
    uint32_t pid;
    bool ended = true;

    TRY_OK(aos_process(&b));
    TRY_OK(spawn("sleep", &pid));
    for (int i = 0; i < WAITERS; i++) {
        waiters[i] = (struct waiter){.pid = pid};
        TRY_OK(thread_create(wait_for, &waiters[i], NULL, &threads[i]));
    }
    thread_yield();                      /* all have asked when they wait for the answer */
    TRY_OK(process_status(b, pid, &ended, &how));
    TRY(!ended);
    TRY_OK(aos_kill(pid));
    for (int i = 0; i < WAITERS; i++) {
        int right = 0;

        TRY_OK(thread_join(threads[i], &right));
        TRY_OK(waiters[i].err);
        TRY(right && waiters[i].how.killed);
    }
    TRY(err_has(process_status(b, pid, &ended, &how), PROCESS_ERR_NO_PID));
    return true;
}

/* How many processes there are below `pid`, and it itself. */
static uint32_t family(struct process_binding *b, uint32_t pid)
{
    uint32_t members[8] = {pid}, pids[64], count = 1;
    struct process_info info;
    size_t n;

    if (err_is_fail(process_describe(b, pid, &info))
        || err_is_fail(process_pids(b, pid, pids, &n))) {
        return 0;
    }
    for (size_t i = 0; i < n && count < 8; i++) { /* children come after their parents */
        for (uint32_t j = 0; j < count; j++) {
            if (err_is_ok(process_describe(b, pids[i], &info)) && info.parent == members[j]) {
                members[count++] = pids[i];
                break;
            }
        }
    }
    return count;
}

static bool grows_up(struct process_binding *b, uint32_t pid, uint32_t members)
{
    uint64_t deadline = time_deadline_ns(GIVE_UP_NS);

    while (family(b, pid) != members && time_now_ns() < deadline) {
        thread_yield();
    }
    return family(b, pid) == members;
}

static uint32_t processes(struct process_binding *b)
{
    uint32_t pids[64], after = 0, count = 0;
    size_t n;

    while (err_is_ok(process_pids(b, after, pids, &n)) && n != 0) {
        count += (uint32_t)n;
        after = pids[n - 1];
    }
    return count;
}

static bool children_end_with_their_parent(void)
{
    const char *argv[] = {SELF, "family", "3"};
    struct process_binding *b;
    struct aos_exit how;
    uint32_t pid, who, before;

    TRY_OK(aos_process(&b));
    before = processes(b);
    TRY_OK(aos_spawn(3, argv, &pid));
    TRY(grows_up(b, pid, DEPTH + 1));
    TRY_OK(aos_kill(pid));
    TRY_OK(aos_wait(pid, &who, &how));
    TRY(how.killed);
    TRY(processes(b) == before);
    TRY_OK(spawn("last", &pid));         /* by itself, at any moment of their lives */
    TRY_OK(aos_wait(pid, &who, &how));
    TRY(how.exited && how.status == 5);
    TRY(processes(b) == before);
    return true;
}

static bool groups_stop_and_end(void)
{
    const char *argv[] = {SELF, "family", "1"}, *more[] = {SELF, "sleep"};
    struct aos_launch how = {.lead = true};
    struct process_binding *b;
    struct process_info info;
    struct process_limits limits;
    struct aos_exit end;
    uint32_t own, group, lead, other, who, count;

    TRY_OK(aos_process(&b));
    TRY_OK(process_group(b, domain_pid(), &own, &limits));
    TRY_OK(aos_launch(3, argv, &how, &lead));
    how = (struct aos_launch){.group = lead};
    TRY_OK(aos_launch(2, more, &how, &other));
    TRY_OK(process_group(b, other, &group, &limits));
    TRY(group == lead && group != own);
    TRY(grows_up(b, lead, 2));
    TRY_OK(process_stop_group(b, lead, &count));
    TRY(count == 3);
    TRY_OK(process_describe(b, other, &info));
    TRY(info.state == PROCESS_STATE_STOPPED);
    TRY_OK(process_stop_group(b, lead, &count));
    TRY(count == 0);
    TRY_OK(process_resume_group(b, lead, &count));
    TRY(count == 3);
    TRY_OK(process_describe(b, other, &info));
    TRY(info.state != PROCESS_STATE_STOPPED);
    TRY_OK(process_stop_group(b, lead, &count));
    TRY_OK(process_kill_group(b, lead, &count));
    TRY(count == 3);
    TRY_OK(aos_wait(lead, &who, &end));
    TRY(end.killed);
    TRY_OK(aos_wait(other, &who, &end));
    TRY(end.killed);
    TRY(err_has(process_kill_group(b, lead, &count), PROCESS_ERR_NO_GROUP));
    TRY(err_has(process_kill_group(b, 1, &count), PROCESS_ERR_DENIED)); /* the memory service */
    how = (struct aos_launch){.group = 1};
    TRY(err_has(aos_launch(2, more, &how, &other), PROCESS_ERR_NO_GROUP));
    how = (struct aos_launch){.detached = true};
    TRY(err_has(aos_launch(2, more, &how, &other), PROCESS_ERR_DENIED));
    return true;
}

static bool limits_are_told(void)
{
    const char *argv[] = {SELF, "sleep"};
    struct aos_launch how = {.limits = {.threads = 7, .calls = 8}};
    struct process_binding *b;
    struct process_limits limits;
    struct aos_exit end;
    uint32_t pid, who, group;

    TRY_OK(aos_process(&b));
    TRY_OK(aos_launch(2, argv, &how, &pid));
    TRY_OK(process_group(b, pid, &group, &limits));
    TRY(limits.threads == 7 && limits.calls == 8);
    TRY_OK(aos_kill(pid));
    TRY_OK(aos_wait(pid, &who, &end));
    return true;
}

static bool waits_until(volatile uint32_t *what, uint32_t value)
{
    uint64_t deadline = time_deadline_ns(GIVE_UP_NS);

    while (*what != value && time_now_ns() < deadline) {
        thread_yield();
    }
    return *what == value;
}

static bool a_server_goes_on_without_its_client(void)
{
    const char *argv[] = {SELF, "call", "0"}, *after[] = {SELF, "call", "5"};
    struct aos_exit how;
    uint32_t pid, who;

    TRY_OK(serve_start(SERVED));
    TRY_OK(aos_spawn(3, argv, &pid));
    TRY(waits_until(&served.calls, 1));
    TRY(server_responder_alive(&served.late.base));
    TRY_OK(aos_kill(pid));
    TRY_OK(aos_wait(pid, &who, &how));
    TRY(waits_until(&served.gone, 1));
    TRY(!server_responder_alive(&served.late.base));
    init_number_reply(&served.late, ERR_OK, 1); /* goes nowhere */
    TRY_OK(aos_spawn(3, after, &pid));
    TRY_OK(aos_wait(pid, &who, &how));
    TRY(how.exited && how.status == 0);
    return true;
}

/* In much less time than the call has: the child ends at once, and GIVE_UP_NS bounds nothing here
 * but a hang. */
static bool a_client_goes_on_without_its_server(void)
{
    struct aos_exit how;
    uint32_t pid, who;
    uint64_t from = time_now_ns();

    TRY_OK(spawn("serve", &pid));
    TRY(err_has(call(SERVED "/child", 0), RPC_ERR_PEER_GONE));
    TRY(time_now_ns() - from < GIVE_UP_NS / 2);
    TRY_OK(aos_wait(pid, &who, &how));
    TRY(how.exited && how.status == 3);
    return true;
}

/* It is asked to record its messages before it has run, or while it prepares what that takes. */
static bool who_is_asked_at_the_start_lives(void)
{
    struct process_binding *b;
    uint32_t pid, who, traced = 0;

    TRY_OK(aos_process(&b));
    for (int i = 0; i < TRACED; i++) {
        struct aos_exit how;
        caddr_t ring;

        TRY_OK(spawn("parent-end", &pid));
        if (err_is_ok(process_trace(b, pid, PROCESS_TRACING_ON, &ring))) {
            traced++;
            TRY_OK(cap_destroy(ring));
        }
        TRY_OK(aos_wait(pid, &who, &how));
        TRY(how.exited && how.status == 0);
    }
    TRY(traced != 0);
    return true;
}

int main(int argc, char **argv)
{
    static const struct taptest tests[] = {
        {"LIFE0001 init is reached without the nameserver",
         the_parent_end_needs_no_name},
        {"LIFE0002 arguments of any length up to 64 KiB arrive", long_arguments_arrive},
        {"LIFE0003 any number of waiters gets the status", all_waiters_are_told},
        {"LIFE0004 children end with their parent, before it", children_end_with_their_parent},
        {"LIFE0005 groups are stopped, resumed, ended", groups_stop_and_end},
        {"LIFE0006 limits are told", limits_are_told},
        {"LIFE0007 a server goes on without its client", a_server_goes_on_without_its_client},
        {"LIFE0008 a client goes on without its server", a_client_goes_on_without_its_server},
        {"LIFE0009 who is asked for its messages at its start lives",
         who_is_asked_at_the_start_lives},
    };

    if (argc > 1 && strcmp(argv[1], "--exec") != 0) {
        return child(argc, argv);
    }
    return taptest_run(tests, TAPTEST_COUNT(tests));
}
