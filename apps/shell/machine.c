/* Commands about memory, capabilities, the log, time and power. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <aos/cap.h>
#include <aos/counters.h>
#include <aos/domain.h>
#include <aos/heap.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/slot.h>
#include <aos/time.h>
#include <if/init.h>
#include <if/memory.h>
#include <if/process.h>

#include "shell_priv.h"

#define KIB      1024ull
#define NS_PER_S 1000000000ull
#define PIDS_MAX 64u                     /* of one answer, as in process.if */
#define L1_SLOTS (KPI_L1_BYTES_MAX / KPI_SLOT_BYTES)

/* What one process has, with its name, by the memory service of its core; one that has vanished
 * prints nothing. */
static void machine_process(struct shell *sh, struct memory_binding *memory, uint32_t pid)
{
    uint64_t own = 0, subtree = 0, quota = 0, available;
    char name[PROCESS_NAME_NAME_MAX];
    size_t bytes;

    if (err_is_fail(process_name(shell_process_of(sh, pid), pid, name, &bytes))) {
        return;
    }
    /* without an account it has nothing */
    (void)memory_account(memory, pid, &own, &subtree, &quota, &available);
    printf("%5u %12llu %12llu ", (unsigned)pid, (unsigned long long)(own / KIB),
           (unsigned long long)(subtree / KIB));
    if (quota != 0) {
        printf("%12llu  ", (unsigned long long)(quota / KIB));
    } else {
        printf("%12s  ", "-");
    }
    printf("%.*s\n", (int)bytes, name);
}

static void machine_heading(void)
{
    printf("  PID      OWN KiB  SUBTREE KiB    LIMIT KiB  NAME\n");
}

static int machine_usage(struct shell *sh, const char *text)
{
    uint64_t pid, used, quota;

    if (!shell_number(text, UINT32_MAX, &pid)) {
        return BUILTIN_MISUSED;
    }

    struct memory_binding *memory;
    errval_t err = aos_memory_on(domain_core_of((uint32_t)pid), &memory);

    err = err_is_ok(err) ? memory_usage(memory, (uint32_t)pid, &used, &quota) : err;
    if (err_is_fail(err)) {
        return shell_error("meminfo", err);
    }
    machine_heading();
    machine_process(sh, memory, (uint32_t)pid);
    return 0;
}

static errval_t machine_processes_of(struct shell *sh, uint32_t core)
{
    struct process_binding *process;
    struct memory_binding *memory;
    uint32_t pids[PIDS_MAX], after = 0;
    size_t count = 0;
    errval_t err = aos_process_on(core, &process);

    err = err_is_ok(err) ? aos_memory_on(core, &memory) : err;
    do {
        err = err_is_ok(err) ? process_pids(process, after, pids, &count) : err;
        for (size_t i = 0; err_is_ok(err) && i < count; i++) {
            machine_process(sh, memory, pids[i]);
            after = pids[i];
        }
    } while (err_is_ok(err) && count > 0);
    return err;
}

static int machine_processes(struct shell *sh)
{
    uint32_t on;
    errval_t err = init_cores(sh->init, &on);

    machine_heading();
    for (uint32_t core = 0; err_is_ok(err) && core < domain_core_count(); core++) {
        err = (on >> core & 1) != 0 ? machine_processes_of(sh, core) : ERR_OK;
    }
    return err_is_ok(err) ? 0 : shell_error("meminfo", err);
}

/* What there is on each further core; the lines before are those of the shell's. */
static errval_t machine_others(struct shell *sh)
{
    uint64_t total, free_bytes, largest, dying;
    uint32_t on, pieces;
    errval_t err = init_cores(sh->init, &on);

    for (uint32_t core = 0; err_is_ok(err) && core < domain_core_count(); core++) {
        struct memory_binding *memory;

        if (core == domain_core() || (on >> core & 1) == 0) {
            continue;
        }
        err = aos_memory_on(core, &memory);
        err = err_is_ok(err)
            ? memory_stats(memory, &total, &free_bytes, &largest, &pieces, &dying) : err;
        if (err_is_ok(err)) {
            printf("core %-10u %10llu KiB, %llu KiB of it free, largest piece %llu KiB, "
                   "%u pieces\n", (unsigned)core, (unsigned long long)(total / KIB),
                   (unsigned long long)(free_bytes / KIB), (unsigned long long)(largest / KIB),
                   (unsigned)pieces);
        }
    }
    return err;
}

int builtin_meminfo(struct shell *sh, int argc, char **argv)
{
    struct init_machine machine;
    struct heap_stats heap;
    uint64_t total, free_bytes, largest, dying, own_free, own_total, slots_used, slots;
    uint32_t pieces;

    if (argc > 1) {
        return argc > 2 ? BUILTIN_MISUSED : machine_usage(sh, argv[1]);
    }
    errval_t err = init_facts(sh->init, &machine);
    if (err_is_ok(err)) {
        err = memory_stats(sh->memory, &total, &free_bytes, &largest, &pieces, &dying);
    }
    if (err_is_fail(err)) {
        return shell_error("meminfo", err);
    }
    ram_stats(&own_free, &own_total);
    slot_stats(&slots_used, &slots);
    printf("machine         %10llu KiB\n", (unsigned long long)(machine.memory_bytes / KIB));
    printf("kernel          %10llu KiB\n", (unsigned long long)(machine.kernel_bytes / KIB));
    printf("memory service  %10llu KiB\n", (unsigned long long)(total / KIB));
    printf("free            %10llu KiB, largest piece %llu KiB, %u pieces\n",
           (unsigned long long)(free_bytes / KIB), (unsigned long long)(largest / KIB),
           (unsigned)pieces);
    printf("being returned  %10llu KiB\n", (unsigned long long)(dying / KIB));
    printf("objects         %10llu known to the kernel\n", (unsigned long long)machine.caps);
    printf("this shell      %10llu KiB, %llu KiB of it free; %llu of %llu capability slots used\n",
           (unsigned long long)(own_total / KIB), (unsigned long long)(own_free / KIB),
           (unsigned long long)slots_used, (unsigned long long)slots);
    heap_stats(&heap);
    printf("its heap        %10llu KiB, %llu bytes of it in %llu blocks\n",
           (unsigned long long)((heap.total_bytes + heap.large_bytes) / KIB),
           (unsigned long long)(heap.used_bytes + heap.large_bytes),
           (unsigned long long)(heap.blocks + heap.large_blocks));
    err = machine_others(sh);
    return err_is_ok(err) ? machine_processes(sh) : shell_error("meminfo", err);
}

struct machine_caps {
    bool all;
    uint32_t count[CAPTYPE_COUNT];
};

static void machine_cap(struct machine_caps *caps, caddr_t c)
{
    struct cap_info info;

    if (err_is_fail(cap_identify(c, &info)) || info.type == CAPTYPE_NULL ||
        info.type >= CAPTYPE_COUNT) {
        return;
    }
    caps->count[info.type]++;
    if (caps->all) {
        printf("%#010x %-10s %c%c%c%c %#14llx %#12llx\n", (unsigned)c,
               captype_name((enum captype)info.type), info.rights & CAP_RIGHT_R ? 'r' : '-',
               info.rights & CAP_RIGHT_W ? 'w' : '-', info.rights & CAP_RIGHT_X ? 'x' : '-',
               info.rights & CAP_RIGHT_D ? 'd' : '-', (unsigned long long)info.a,
               (unsigned long long)info.b);
    }
}

/* The shell's own capabilities, beside those of all domains and the objects behind them. */
static int machine_census(const struct machine_caps *own)
{
    struct counters all;
    uint64_t objects = 0, caps = 0, count = 0;
    errval_t err = counters_read(&all);

    if (err_is_fail(err)) {
        return shell_error("caps", err);
    }
    printf("%-10s %10s %10s %10s\n", "TYPE", "SHELL", "SYSTEM", "OBJECTS");
    for (uint32_t type = 0; type < CAPTYPE_COUNT; type++) {
        if (all.value[COUNTER_CAPS + type] != 0) {
            printf("%-10s %10u %10llu %10llu\n", captype_name((enum captype)type),
                   (unsigned)own->count[type],
                   (unsigned long long)all.value[COUNTER_CAPS + type],
                   (unsigned long long)all.value[COUNTER_OBJECTS + type]);
        }
        count += own->count[type];
        caps += all.value[COUNTER_CAPS + type];
        objects += all.value[COUNTER_OBJECTS + type];
    }
    printf("%-10s %10llu %10llu %10llu\n", "all", (unsigned long long)count,
           (unsigned long long)caps, (unsigned long long)objects);
    printf("%llu processes, %llu names\n", (unsigned long long)all.value[COUNTER_PROCESSES],
           (unsigned long long)all.value[COUNTER_NAMES]);
    return 0;
}

int builtin_caps(struct shell *sh, int argc, char **argv)
{
    struct machine_caps caps = {.all = argc == 2 && strcmp(argv[1], "-a") == 0};

    if (argc > 1 && strcmp(argv[1], "--graph") == 0) {
        return shell_graph(sh, argc - 2, argv + 2);
    }
    if (argc > 2 || (argc == 2 && !caps.all)) {
        return BUILTIN_MISUSED;
    }
    for (uint32_t l1 = 0; l1 < L1_SLOTS; l1++) {
        struct cap_info info;
        if (err_is_fail(cap_identify(KPI_CADDR_L1 | l1, &info)) || info.type != CAPTYPE_L2CNODE) {
            continue;
        }
        for (uint32_t l2 = 0; l2 < KPI_L2_SLOTS; l2++) {
            machine_cap(&caps, KPI_CADDR(l1, l2));
        }
        machine_cap(&caps, KPI_CADDR_L1 | l1);
    }
    return caps.all ? 0 : machine_census(&caps);
}

int builtin_dmesg(struct shell *sh, int argc, char **argv)
{
    char text[INIT_LOG_READ_TEXT_MAX];
    uint64_t at = 0, start, next;
    size_t bytes;

    do {
        errval_t err = init_log_read(sh->init, at, text, &bytes, &start, &next);
        if (err_is_fail(err)) {
            return shell_error("dmesg", err);
        }
        (void)fwrite(text, 1, bytes, stdout);
        at = next;
    } while (bytes > 0);
    return 0;
}

int builtin_date(struct shell *sh, int argc, char **argv)
{
    char text[64];
    uint64_t seconds;
    errval_t err = init_clock(sh->init, &seconds);

    if (err_is_fail(err)) {
        return shell_error("date", err);
    }
    time_t now = (time_t)seconds;
    struct tm *utc = gmtime(&now);
    if (utc == NULL || strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", utc) == 0) {
        fprintf(stderr, "date: the clock shows no valid time\n");
        return STATUS_FAILED;
    }
    printf("%s\n", text);
    return 0;
}

int builtin_uptime(struct shell *sh, int argc, char **argv)
{
    struct init_machine machine;
    uint64_t seconds = time_now_ns() / NS_PER_S;
    errval_t err = init_facts(sh->init, &machine);

    if (err_is_fail(err)) {
        return shell_error("uptime", err);
    }
    uint64_t busy = machine.uptime_ns - machine.idle_ns;
    printf("up %llu:%02llu:%02llu, busy %llu %%, %llu switches, %llu interrupts\n",
           (unsigned long long)(seconds / 3600), (unsigned long long)(seconds / 60 % 60),
           (unsigned long long)(seconds % 60),
           (unsigned long long)(machine.uptime_ns == 0 ? 0 : busy * 100 / machine.uptime_ns),
           (unsigned long long)machine.switches, (unsigned long long)machine.interrupts);
    return 0;
}

int builtin_power(struct shell *sh, int argc, char **argv)
{
    bool reset = strcmp(argv[0], "reboot") == 0;

    if (argc != 1) {
        return BUILTIN_MISUSED;
    }
    (void)fflush(stdout);
    return shell_error(argv[0], init_shutdown(sh->init, reset ? INIT_POWER_RESET : INIT_POWER_OFF));
}
