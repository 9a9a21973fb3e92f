/* The same work on 1, 2 and 4 cores: how many instructions, of all cores together, one piece of it
 * takes, waiting included. Workers, one on each core, meet at this program, work, and meet again;
 * it looks at the counter when the last has come, which QEMU's -icount makes one for all cores.
 * Prints lines "# plot scale_WORK CORES INSTRUCTIONS". */
#include "bench_priv.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/paging.h>
#include <aos/perf.h>
#include <aos/process.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/slot.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <if/bench.h>
#include <if/bench_server.h>
#include <if/memory.h>
#include <if/process.h>

/* Two lines, each of which one side writes and the other reads. */
struct bench_lines {
    _Alignas(64) _Atomic uint64_t there;
    _Alignas(64) _Atomic uint64_t back;
};

#define MEETING     "bench/meeting"
#define ONE_SERVER  "bench/one"
#define FAR_SERVER  "bench/far"
#define NAME_BYTES  24u
#define CORES       4u                   /* at most */
#define CALLS       2000u                /* of each worker */
#define WARM        100u
#define PIECE_BYTES 65536u
#define BOUNCES     2000u
#define LINES       "lines"
#define WAIT_NS     20000000000ull       /* bounds a failure */
#define LOOK_NS     100000u              /* between looks at a server that is about to begin */

/* --- a worker ------------------------------------------------------------------------------- */

static struct bench_binding server;      /* that this worker calls */
static struct memory_binding *memory;
static uint32_t own_server;              /* its pid; 0: others started it */

static void scale_bind(const char *name)
{
    caddr_t end;

    bench_check(name, aos_await(name, WAIT_NS, &end));
    bench_check(name, bench_bind(end, &server));
}

/* A server of its own on the same core. */
static void pair_begin(void)
{
    caddr_t end;

    own_server = bench_rpc_start(&end);
    bench_check("binding", bench_bind(end, &server));
}

/* One on the next core. */
static void across_begin(void)
{
    char name[NAME_BYTES];
    const char *argv[] = {"bench", "serve", name};
    const struct aos_launch how = {.on_core = 1 + domain_core() + 1};

    (void)snprintf(name, sizeof(name), "bench/%u", (unsigned)domain_pid());
    bench_check("a server on another core", aos_launch(3, argv, &how, &own_server));
    scale_bind(name);
}

static void one_begin(void)
{
    scale_bind(ONE_SERVER);
}

static errval_t call_once(void)
{
    return bench_zero(&server);
}

static void names_begin(void)
{
}

static errval_t names_once(void)
{
    caddr_t end;
    errval_t err = aos_lookup(ONE_SERVER, &end);

    return err_is_ok(err) ? cap_destroy(end) : err;
}

static void memory_begin(void)
{
    bench_check("memory", aos_memory_on(domain_core(), &memory));
}

static errval_t memory_once(void)
{
    uint64_t bytes;
    caddr_t ram;
    errval_t err = memory_alloc(memory, PIECE_BYTES, PIECE_BYTES, &ram, &bytes);

    return err_is_ok(err) ? memory_free(memory, ram) : err;
}

/* What is done on how many cores; `share` is how many of them a worker and its server take. */
static const struct work_kind {
    const char *name;
    void (*begin)(void);
    errval_t (*once)(void);
    uint32_t share, calls;
} works[] = {
    {"pair", pair_begin, call_once, 1, CALLS},
    {"across", across_begin, call_once, 2, CALLS},
    {"one", one_begin, call_once, 1, CALLS},
    {"names", names_begin, names_once, 1, CALLS / 20},
    {"memory", memory_begin, memory_once, 1, CALLS / 10},
};

#define WORKS (sizeof(works) / sizeof(works[0]))

int bench_scale_worker(const char *name)
{
    static struct bench_binding meeting_point;
    const struct work_kind *work = works;
    caddr_t end;

    while (strcmp(work->name, name) != 0) {
        work++;
        bench_check(name, work < works + WORKS ? ERR_OK : LIB_ERR_NOT_FOUND);
    }

    bench_check(MEETING, aos_await(MEETING, WAIT_NS, &end));
    bench_check(MEETING, bench_bind(end, &meeting_point));
    binding_set_deadline(&meeting_point.base, WAIT_NS);
    work->begin();
    for (uint32_t i = 0; i < WARM; i++) {
        bench_check(work->name, work->once());
    }
    bench_check("meeting before", bench_zero(&meeting_point));
    for (uint32_t i = 0; i < work->calls; i++) {
        bench_check(work->name, work->once());
    }
    bench_check("meeting after", bench_zero(&meeting_point));
    if (own_server != 0) {
        bench_check("ending the server", aos_kill(own_server));
    }
    return 0;
}

/* --- the meeting ---------------------------------------------------------------------------- */

static struct {
    struct bench_server server;
    struct waitset ws;
    uint32_t expected, come;
    uint32_t times;                      /* how often all have met */
    uint32_t met[2];                     /* the counter when they did */
    struct bench_zero_responder guests[CORES];
} meeting;

static errval_t meeting_zero(struct server_ctx *ctx)
{
    if (meeting.come == CORES || meeting.times == 2) {
        return RPC_ERR_AGAIN;
    }
    meeting.guests[meeting.come++] = bench_zero_defer(ctx);
    if (meeting.come == meeting.expected) {
        meeting.met[meeting.times++] = perf_instructions();
        while (meeting.come != 0) {
            bench_zero_reply(&meeting.guests[--meeting.come], ERR_OK);
        }
    }
    return SERVER_DEFERRED;
}

static uint32_t scale_start(const char *what, const char *arg, uint32_t core)
{
    const char *argv[] = {"bench", what, arg};
    const struct aos_launch how = {.on_core = 1 + core};
    uint32_t pid;

    bench_check(arg, aos_launch(3, argv, &how, &pid));
    return pid;
}

static void scale_run(const struct work_kind *w, uint32_t cores)
{
    const uint64_t until = time_deadline_ns(WAIT_NS);
    uint32_t pids[CORES], who;
    struct aos_exit how;

    meeting.expected = cores / w->share;
    meeting.times = 0;
    for (uint32_t i = 0; i < meeting.expected; i++) {
        pids[i] = scale_start("worker", w->name, i * w->share);
    }
    while (meeting.times < 2) {
        bench_check(w->name, waitset_dispatch(&meeting.ws, until));
    }
    for (uint32_t i = 0; i < meeting.expected; i++) {
        bench_check("a worker's end", aos_wait(pids[i], &who, &how));
    }
    printf("# plot scale_%s %u %u\n", w->name, (unsigned)cores,
           (unsigned)((meeting.met[1] - meeting.met[0]) / (meeting.expected * w->calls)));
}

/* --- a bare line ---------------------------------------------------------------------------- */

static struct bench_lines *bounce_map(caddr_t frame)
{
    void *va;

    bench_check("lines", paging_map_frame(paging_self(), frame, 0, AOS_PAGE_BYTES, AOS_VM_RW, &va));
    return va;
}

/* The other side: its frame is a grant. */
int bench_bounce(void)
{
    caddr_t frame;

    bench_check("lines", domain_grant(LINES, &frame));

    struct bench_lines *lines = bounce_map(frame);

    atomic_store_explicit(&lines->back, BOUNCES + 1, memory_order_release); /* it begins */
    for (uint32_t i = 1; i <= BOUNCES; i++) {
        while (atomic_load_explicit(&lines->there, memory_order_acquire) != i) {
            arch_relax();
        }
        atomic_store_explicit(&lines->back, i, memory_order_release);
    }
    return 0;
}

static struct bench_lines *bounce_start(uint32_t core)
{
    static const char args[] = "bench\0bounce", names[] = LINES;
    struct process_binding *process;
    caddr_t frame, theirs;
    uint64_t bytes;
    uint32_t pid;

    bench_check("lines", frame_alloc(AOS_PAGE_BYTES, &frame, &bytes));
    bench_check("lines", slot_alloc(&theirs));
    bench_check("lines", cap_copy(theirs, frame));
    bench_check("process service", aos_process_on(core, &process));
    bench_check("the other side",
                process_spawn(process, args, sizeof(args), NULL, 0, (uint8_t)core, 0, names,
                              sizeof(names), &theirs, 1, &pid));
    return bounce_map(frame);
}

/* A call beside a bare line that goes there and back, between the same two cores. */
static void scale_bounce(void)
{
    uint32_t from, call, pid = scale_start("serve", FAR_SERVER, 1);

    scale_bind(FAR_SERVER);
    for (uint32_t i = 0; i < WARM; i++) {
        bench_check("call", call_once());
    }
    from = perf_instructions();
    for (uint32_t i = 0; i < BOUNCES; i++) {
        bench_check("call", call_once());
    }
    call = (perf_instructions() - from) / BOUNCES;
    bench_close(&server);
    bench_check("ending the server", aos_kill(pid));

    struct bench_lines *lines = bounce_start(1);

    /* Who looked without a pause would be in the way of others on this core. */
    while (atomic_load_explicit(&lines->back, memory_order_acquire) == 0) {
        thread_sleep_ns(LOOK_NS);
    }
    for (uint32_t i = 1; i <= BOUNCES; i++) {
        from = i == WARM ? perf_instructions() : from;
        atomic_store_explicit(&lines->there, i, memory_order_release);
        while (atomic_load_explicit(&lines->back, memory_order_acquire) != i) {
            arch_relax();
        }
    }
    printf("# plot scale_call 2 %u\n# plot scale_line 2 %u\n", (unsigned)call,
           (unsigned)((perf_instructions() - from) / (BOUNCES - WARM)));
}

void bench_scale(const char *work)
{
    static struct bench_server_ops ops;
    uint32_t pid;

    ops = bench_ops;
    ops.on_zero = meeting_zero;
    waitset_init(&meeting.ws);
    bench_serve(&meeting.server, &ops, NULL, &meeting.ws);
    bench_check(MEETING, aos_register(&meeting.server.base, MEETING, NULL, 0));
    pid = scale_start("serve", ONE_SERVER, 0);
    for (uint32_t i = 0; i < WORKS; i++) {
        if (work != NULL && strcmp(work, works[i].name) != 0) {
            continue;
        }
        for (uint32_t cores = works[i].share; cores <= CORES && cores <= domain_core_count();
             cores *= 2) {
            scale_run(&works[i], cores);
        }
    }
    if (work == NULL || strcmp(work, "bounce") == 0) {
        scale_bounce();
    }
    bench_check("ending the server", aos_kill(pid));
}
