/* A service that is started again on another core, and clients with bindings from before: they go
 * on, whatever way their messages go now. For three cores. TAP on stdout.
 *
 * `movetest serve NAME` is the service. `movetest core N [M]` waits, on core M, with open bindings
 * until core N has gone off and on again, and then uses them (tests/qemu/shell/test_cores.py);
 * `movetest await` waits until that one is ready. */
#include "movetest.h"

#include <stdlib.h>
#include <string.h>

#include <aos/binding.h>
#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/process.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <aos/waitset.h>
#include <if/init.h>
#include <if/memory.h>
#include <if/moves.h>
#include <if/process.h>

#include "taptest.h"

#define NAME        "movetest"
#define READY       "movetest/ready"
#define WAIT_NS     20000000000ull       /* bounds a failure */
#define PAGE_BYTES  4096u
#define LONG_BYTES  900u                 /* through the message area */
#define LENT_BYTES  20000u               /* more than a message has */

/* What a client uses of a service. */
enum use { REGISTERS, AREA, EVERYTHING, USES };

static struct moves_binding clients[USES];
static struct waitset ws;
static uint32_t server_pid;
static volatile uint32_t told;
static uint8_t data[LENT_BYTES];
static char text[LONG_BYTES];

static void on_told(void *arg, bool lost, const char *what, size_t what_len)
{
    (void)arg;
    told = told + (!lost && what_len == 5 && memcmp(what, "hello", 5) == 0);
}

static const struct moves_event_ops events = {.on_told = on_told};

static int run(void *arg)
{
    (void)arg;
    waitset_run(&ws);
    return 0;
}

static bool run_start(void)
{
    struct thread *thread;

    waitset_init(&ws);
    TRY_OK(thread_create(run, NULL, &(struct thread_attr){.detached = true}, &thread));
    return true;
}

static bool server_start(uint32_t core)
{
    static const char *const argv[] = {"movetest", "serve", NAME};
    const struct aos_launch how = {.on_core = core + 1};

    TRY_OK(aos_launch(3, argv, &how, &server_pid));
    return true;
}

static bool server_end(void)
{
    struct aos_exit e;
    uint32_t who;

    TRY_OK(aos_kill(server_pid));
    TRY_OK(aos_wait(server_pid, &who, &e));
    return true;
}

static errval_t find(void *arg, caddr_t *ret_end)
{
    (void)arg;
    return aos_lookup(NAME, ret_end);
}

/* It is on that core, and the way there is the right one. */
static bool is_on(struct moves_binding *b, uint32_t core)
{
    uint32_t where, pid;

    TRY_OK(moves_where(b, &where, &pid));
    TRY(where == core && pid == server_pid);
    TRY((b->base.chan.carrier != NULL) == (core != domain_core()));
    return true;
}

static bool echoes(struct moves_binding *b)
{
    char back[1000];
    size_t bytes;

    TRY_OK(moves_echo(b, text, LONG_BYTES, back, &bytes));
    TRY(bytes == LONG_BYTES && memcmp(text, back, bytes) == 0);
    return true;
}

static bool lends(struct moves_binding *b, uint32_t bytes)
{
    uint64_t sum, want = 0;

    for (uint32_t i = 0; i < bytes; i++) {
        data[i] = (uint8_t)(i * 7 + bytes);
        want += data[i];
    }
    TRY_OK(moves_sum(b, data, bytes, &sum));
    TRY(sum == want);
    return true;
}

static bool uses_all(struct moves_binding *b)
{
    uint64_t bytes, until = time_deadline_ns(WAIT_NS);
    uint32_t before = told;
    caddr_t frame;

    TRY(echoes(b) && lends(b, 100) && lends(b, LENT_BYTES));
    TRY_OK(frame_alloc(PAGE_BYTES, &frame, &bytes));
    TRY_OK(moves_size(b, frame, &bytes));
    TRY(bytes == PAGE_BYTES);
    TRY_OK(ram_free(frame));
    TRY_OK(moves_tell(b, "hello", 5));
    while (told == before && time_now_ns() < until) {
        thread_sleep_ns(1000000);
    }
    TRY(told == before + 1);
    return true;
}

/* All clients, each as it likes. `core`: where the service is. */
static bool served_on(uint32_t core)
{
    TRY(is_on(&clients[REGISTERS], core) && is_on(&clients[AREA], core)
        && is_on(&clients[EVERYTHING], core));
    TRY(echoes(&clients[AREA]));
    return uses_all(&clients[EVERYTHING]);
}

static bool opened(void)
{
    caddr_t end;

    TRY(run_start());
    for (uint32_t i = 0; i < LONG_BYTES; i++) {
        text[i] = (char)('a' + i % 26);
    }
    TRY(server_start(domain_core()));
    for (uint32_t i = 0; i < USES; i++) {
        TRY_OK(aos_await(NAME, WAIT_NS, &end));
        TRY_OK(moves_bind(end, &clients[i]));
        binding_set_finder(&clients[i].base, find, NULL);
    }
    moves_set_events(&clients[EVERYTHING], &ws, &events, NULL);
    TRY_OK(moves_subscribe_told(&clients[EVERYTHING], true));
    return served_on(domain_core());
}

/* Every change of place, there and back, and to the same one. */
static bool moves_everywhere(void)
{
    static const uint32_t cores[] = {1, 2, 0, 0, 2, 2, 1, 1, 0};

    for (uint32_t i = 0; i < sizeof(cores) / sizeof(cores[0]); i++) {
        TRY(server_end());
        TRY(server_start(cores[i]));
        TRY(served_on(cores[i]));
    }
    return true;
}

/* Nobody is there when the clients call: the next one comes meanwhile. */
static int next_server(void *arg)
{
    struct aos_exit e;
    uint32_t who;

    return err_is_ok(aos_wait(server_pid, &who, &e)) && server_start((uint32_t)(uintptr_t)arg)
        ? 0 : 1;
}

static bool moves_meanwhile(void)
{
    for (uint32_t i = 1; i <= 6; i++) {
        struct moves_binding *b = &clients[i % USES];
        uint32_t core = i * 2 % 3;
        struct thread *thread;
        uint64_t calls = 0;
        int status = 1;

        TRY_OK(thread_create(next_server, (void *)(uintptr_t)core, NULL, &thread));
        TRY(err_no(moves_fall(b)) == RPC_ERR_PEER_GONE); /* it may have happened */
        TRY(echoes(&clients[(i + 1) % USES]));           /* this is repeated until it has */
        TRY_OK(thread_join(thread, &status));
        TRY(status == 0);
        TRY_OK(moves_count(b, &calls));
        TRY(calls == 1);                 /* not one of the calls above */
        TRY(served_on(core));
    }
    return true;
}

static bool closes(void)
{
    for (uint32_t i = 0; i < USES; i++) {
        moves_close(&clients[i]);
    }
    return server_end();
}

static const struct taptest tests[] = {
    {"MOVE0001 a service and its clients, each with its uses", opened},
    {"MOVE0002 it starts again on every core, and is reached", moves_everywhere},
    {"MOVE0003 it is gone while they call", moves_meanwhile},
    {"MOVE0004 all end", closes},
};

/* --- a core that goes off and on ------------------------------------------------------------- */

static bool core_is(uint32_t core, bool on)
{
    uint64_t until = time_deadline_ns(WAIT_NS);
    struct init_binding *init;
    uint32_t mask;

    TRY_OK(aos_init(&init));
    do {
        TRY_OK(init_cores(init, &mask));
        if (((mask & 1u << core) != 0) == on) {
            return true;
        }
        thread_sleep_ns(1000000);
    } while (time_now_ns() < until);
    TRY(false);
    return false;
}

static bool core_services(uint32_t core)
{
    struct process_binding *process;
    struct memory_binding *memory;
    struct init_binding *init;
    struct init_machine machine;
    uint32_t pids[64];
    uint64_t total, bytes, largest, dying;
    uint32_t pieces;
    size_t count;

    TRY_OK(aos_process_on(core, &process));
    TRY_OK(process_pids(process, 0, pids, &count));
    TRY(count != 0);
    TRY_OK(aos_memory_on(core, &memory));
    TRY_OK(memory_stats(memory, &total, &bytes, &largest, &pieces, &dying));
    TRY_OK(aos_init_on(core, &init));
    TRY_OK(init_facts(init, &machine));
    return true;
}

static bool core_goes_and_comes(uint32_t core)
{
    static struct server here;
    static const struct server_interface ready = {.id = 0x3ff, .version = 1};

    TRY(core_services(core));
    TRY(run_start());
    server_init(&here, &ready, NULL, NULL, NULL, &ws);
    TRY_OK(aos_register(&here, READY, NULL, 0));
    TRY(core_is(core, false));
    TRY(core_is(core, true));
    TRY(core_services(core));
    printf("core %u is used again\n", (unsigned)core);
    return true;
}

/* The same by a child on core `on`. */
static int core_seen_from(char *core, uint32_t on)
{
    const char *const argv[] = {"movetest", "core", core};
    const struct aos_launch how = {.on_core = on + 1};
    struct aos_exit e;
    uint32_t pid, who;

    return err_is_ok(aos_launch(3, argv, &how, &pid)) && err_is_ok(aos_wait(pid, &who, &e))
        && e.exited ? e.status : 1;
}

int main(int argc, char *argv[])
{
    caddr_t end;

    if (argc > 2 && strcmp(argv[1], "serve") == 0) {
        return move_serve(argv[2]);
    }
    if (argc > 3 && strcmp(argv[1], "core") == 0) {
        return core_seen_from(argv[2], (uint32_t)atoi(argv[3]));
    }
    if (argc > 2 && strcmp(argv[1], "core") == 0) {
        return core_goes_and_comes((uint32_t)atoi(argv[2])) ? 0 : 1;
    }
    if (argc > 1 && strcmp(argv[1], "await") == 0) {
        return err_is_ok(aos_await(READY, WAIT_NS, &end)) ? 0 : 1;
    }
    return taptest_run(tests, TAPTEST_COUNT(tests));
}
