/* top: what cores and processes did between two looks, redrawn in place. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/domain.h>
#include <aos/services.h>
#include <aos/time.h>
#include <if/init.h>
#include <if/memory.h>
#include <if/process.h>

#include "shell_priv.h"

#define KIB        1024ull
#define NS_PER_S   1000000000ull
#define PIDS_MAX   64u                   /* of one answer, as in process.if */
#define ROWS_MAX   512u                  /* processes of all cores that it looks at */
#define LINES_MAX  20u                   /* processes that fit a screen */
#define TIMES_MAX  1000000u
#define LINE_HOME  "\033[H"              /* ECMA-48 CUP, EL and ED */
#define LINE_END   "\033[K\n"
#define SCREEN_END "\033[J"

struct top_row {
    uint32_t pid, core;
    process_state_t state;
    uint64_t cpu_ns, messages, bytes;
    uint64_t past_cpu_ns, past_messages; /* since the look before; of a new one all */
    char name[PROCESS_NAME_NAME_MAX + 1];
};

struct top_core {
    bool on;
    struct init_machine facts;
    uint64_t past_ns, past_idle_ns, past_switches, past_interrupts;
    uint64_t total, free_bytes;
    uint32_t processes;
};

/* One look. */
struct top {
    uint32_t count;
    struct top_row rows[ROWS_MAX];
    struct top_core cores[DOMAIN_CORES_MAX];
};

static void top_row(struct process_binding *process, struct memory_binding *memory, uint32_t pid,
                    struct top *now)
{
    struct top_row *r = &now->rows[now->count];
    struct process_info info;
    uint64_t subtree, quota, available;
    size_t bytes = 0;

    if (now->count == ROWS_MAX || err_is_fail(process_describe(process, pid, &info))
        || err_is_fail(process_name(process, pid, r->name, &bytes))) {
        return;                          /* it has ended meanwhile */
    }
    r->name[bytes] = '\0';
    r->pid = pid;
    r->core = info.core;
    r->state = info.state;
    r->cpu_ns = info.cpu_ns;
    r->messages = info.messages;
    r->bytes = 0;
    if (pid != 0) {                      /* which is the caller, and init has no account */
        (void)memory_account(memory, pid, &r->bytes, &subtree, &quota, &available);
    }
    now->count++;
    now->cores[info.core].processes++;
}

static errval_t top_look_at(uint32_t core, struct top *now)
{
    struct top_core *c = &now->cores[core];
    struct init_binding *init;
    struct memory_binding *memory;
    struct process_binding *process;
    uint64_t largest, dying;
    uint32_t pids[PIDS_MAX], pieces, after = 0;
    size_t count = 0;
    errval_t err = aos_init_on(core, &init);

    err = err_is_ok(err) ? aos_memory_on(core, &memory) : err;
    err = err_is_ok(err) ? aos_process_on(core, &process) : err;
    err = err_is_ok(err) ? init_facts(init, &c->facts) : err;
    err = err_is_ok(err)
        ? memory_stats(memory, &c->total, &c->free_bytes, &largest, &pieces, &dying) : err;
    if (err_is_ok(err) && core == domain_startup()->boot_core) {
        top_row(process, memory, 0, now); /* pids are asked for above a pid, so init never comes */
    }
    do {
        err = err_is_ok(err) ? process_pids(process, after, pids, &count) : err;
        for (size_t i = 0; err_is_ok(err) && i < count; i++) {
            top_row(process, memory, pids[i], now);
            after = pids[i];
        }
    } while (err_is_ok(err) && count > 0);
    c->on = err_is_ok(err);
    return err;
}

static errval_t top_look(struct shell *sh, struct top *now)
{
    uint32_t on;
    errval_t err = init_cores(sh->init, &on);

    memset(now, 0, sizeof(*now));
    for (uint32_t core = 0; err_is_ok(err) && core < domain_core_count(); core++) {
        if ((on & 1u << core) != 0) {
            err = top_look_at(core, now);
        }
    }
    return err;
}

/* What is new in `now`; a process with the pid of another one has not done less than that. */
static void top_compare(const struct top *before, struct top *now)
{
    for (uint32_t i = 0, j = 0; i < now->count; i++) {
        struct top_row *r = &now->rows[i];

        r->past_cpu_ns = r->cpu_ns;
        r->past_messages = r->messages;
        for (j = 0; j < before->count && before->rows[j].pid != r->pid; j++) {
            continue;
        }
        if (j < before->count && before->rows[j].cpu_ns <= r->cpu_ns
            && before->rows[j].messages <= r->messages) {
            r->past_cpu_ns -= before->rows[j].cpu_ns;
            r->past_messages -= before->rows[j].messages;
        }
    }
    for (uint32_t i = 0; i < DOMAIN_CORES_MAX; i++) {
        const struct init_machine *was = &before->cores[i].facts;
        struct top_core *c = &now->cores[i];
        /* a core that was off meanwhile has begun anew */
        bool same = before->cores[i].on && was->uptime_ns <= c->facts.uptime_ns
            && was->idle_ns <= c->facts.idle_ns && was->switches <= c->facts.switches
            && was->interrupts <= c->facts.interrupts;

        c->past_ns = c->facts.uptime_ns - (same ? was->uptime_ns : 0);
        c->past_idle_ns = c->facts.idle_ns - (same ? was->idle_ns : 0);
        c->past_switches = c->facts.switches - (same ? was->switches : 0);
        c->past_interrupts = c->facts.interrupts - (same ? was->interrupts : 0);
    }
}

/* The busiest first; of those that did nothing the oldest. */
static int top_order(const void *left, const void *right)
{
    const struct top_row *a = left, *b = right;

    if (a->past_cpu_ns != b->past_cpu_ns) {
        return a->past_cpu_ns > b->past_cpu_ns ? -1 : 1;
    }
    return a->pid < b->pid ? -1 : a->pid > b->pid;
}

static unsigned top_per_mille(uint64_t part, uint64_t whole)
{
    uint64_t share = whole == 0 ? 0 : part * 1000 / whole;

    return share < 1000 ? (unsigned)share : 1000;
}

static void top_show(struct top *now, bool in_place)
{
    const char *end = in_place ? LINE_END : "\n";
    uint32_t lines = in_place && now->count > LINES_MAX ? LINES_MAX : now->count;

    printf("%sCORE  BUSY %%   SWITCHES INTERRUPTS  MEMORY KiB    FREE KiB PROCESSES%s",
           in_place ? LINE_HOME : "", end);
    for (uint32_t i = 0; i < domain_core_count(); i++) {
        const struct top_core *c = &now->cores[i];
        unsigned busy = 1000 - top_per_mille(c->past_idle_ns, c->past_ns);

        if (!c->on) {
            printf("%4u     off%s", (unsigned)i, end);
            continue;
        }
        printf("%4u %5u.%u %10llu %10llu %11llu %11llu %9u%s", (unsigned)i, busy / 10, busy % 10,
               (unsigned long long)c->past_switches, (unsigned long long)c->past_interrupts,
               (unsigned long long)(c->total / KIB), (unsigned long long)(c->free_bytes / KIB),
               (unsigned)c->processes, end);
    }
    qsort(now->rows, now->count, sizeof(now->rows[0]), top_order);
    printf("  PID CORE  STATE     CPU %%   MESSAGES     OWN KiB  NAME%s", end);
    for (uint32_t i = 0; i < lines; i++) {
        const struct top_row *r = &now->rows[i];
        unsigned cpu = top_per_mille(r->past_cpu_ns, now->cores[r->core].past_ns);

        printf("%5u %4u  %-8s %4u.%u %10llu %11llu  %s%s", (unsigned)r->pid, (unsigned)r->core,
               shell_state(r->state), cpu / 10, cpu % 10, (unsigned long long)r->past_messages,
               (unsigned long long)(r->bytes / KIB), r->name, end);
    }
    printf("%s", in_place ? SCREEN_END : "");
    (void)fflush(stdout);
}

/* -n: that many looks, the first of which tells all since the start; -d: seconds between them. */
static bool top_options(int argc, char **argv, uint64_t *ret_times, uint64_t *ret_pause_s)
{
    for (int i = 1; i < argc; i += 2) {
        bool times = strcmp(argv[i], "-n") == 0;

        if (i + 1 == argc || (!times && strcmp(argv[i], "-d") != 0)
            || !shell_number(argv[i + 1], TIMES_MAX, times ? ret_times : ret_pause_s)
            || (times ? *ret_times : *ret_pause_s) == 0) {
            return false;
        }
    }
    return true;
}

int builtin_top(struct shell *sh, int argc, char **argv)
{
    uint64_t times = 0, pause_s = 1, done = 0;
    struct top *before, *now;
    errval_t err = ERR_OK;
    bool going = true;

    if (!top_options(argc, argv, &times, &pause_s)) {
        return BUILTIN_MISUSED;
    }
    before = calloc(1, sizeof(*before));
    now = calloc(1, sizeof(*now));
    while (before != NULL && now != NULL && err_is_ok(err) && going) {
        err = top_look(sh, now);
        if (err_is_ok(err)) {
            struct top *looked = now;

            top_compare(before, now);
            top_show(now, times == 0);
            now = before;
            before = looked;
        }
        going = ++done != times
            && shell_sleep_until(sh, time_deadline_ns(pause_s * NS_PER_S));
    }
    if (before == NULL || now == NULL) {
        err = LIB_ERR_NO_MEMORY;
    }
    free(before);
    free(now);
    if (err_is_fail(err)) {
        return shell_error("top", err);
    }
    return times != 0 && done == times ? 0 : STATUS_INTERRUPTED;
}
