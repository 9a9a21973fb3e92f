/* Commands about memory, capabilities, the log, time and power. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <aos/cap.h>
#include <aos/ram.h>
#include <aos/slot.h>
#include <aos/time.h>
#include <if/init.h>
#include <if/memory.h>

#include "shell_priv.h"

#define KIB      1024ull
#define NS_PER_S 1000000000ull
#define L1_SLOTS (KPI_L1_BYTES_MAX / KPI_SLOT_BYTES)

static int machine_usage(struct shell *sh, const char *text)
{
    uint64_t pid, used, quota;

    if (!shell_number(text, UINT32_MAX, &pid)) {
        return BUILTIN_MISUSED;
    }
    errval_t err = memory_usage(sh->memory, (uint32_t)pid, &used, &quota);
    if (err_is_fail(err)) {
        return shell_error("meminfo", err);
    }
    printf("process %u: %llu KiB", (unsigned)pid, (unsigned long long)(used / KIB));
    if (quota != 0) {
        printf(" of %llu KiB", (unsigned long long)(quota / KIB));
    }
    printf("\n");
    return 0;
}

int builtin_meminfo(struct shell *sh, int argc, char **argv)
{
    struct init_machine machine;
    uint64_t total, free_bytes, largest, dying, own_free, own_total, slots_used, slots;
    uint32_t pieces;

    if (argc > 1) {
        return machine_usage(sh, argv[1]);
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
    return 0;
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

int builtin_caps(struct shell *sh, int argc, char **argv)
{
    struct machine_caps caps = {.all = argc == 2 && strcmp(argv[1], "-a") == 0};
    uint32_t total = 0;

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
    for (uint32_t type = 0; type < CAPTYPE_COUNT; type++) {
        if (caps.count[type] != 0 && !caps.all) {
            printf("%-10s %6u\n", captype_name((enum captype)type), (unsigned)caps.count[type]);
        }
        total += caps.count[type];
    }
    printf("%u capabilities\n", (unsigned)total);
    return 0;
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
