/* Commands about processes and names. */
#include <stdio.h>
#include <string.h>

#include <aos/domain.h>
#include <aos/services.h>
#include <if/init.h>
#include <if/nameserver.h>
#include <if/process.h>

#include "shell_priv.h"

#define PIDS_MAX  64u
#define NS_PER_MS 1000000ull

const char *shell_state(uint8_t state)
{
    switch (state) {
    case PROCESS_STATE_RUNNABLE:
        return "ready";
    case PROCESS_STATE_WAITING:
        return "waiting";
    case PROCESS_STATE_STOPPED:
        return "stopped";
    default:
        return "ended";
    }
}

/* One line; a process that has vanished meanwhile prints none. */
static void processes_line(struct shell *sh, uint32_t pid)
{
    char name[PROCESS_NAME_NAME_MAX + 1];
    struct process_info info;
    size_t bytes;

    if (err_is_fail(process_describe(shell_process_of(sh, pid), pid, &info)) ||
        err_is_fail(process_name(shell_process_of(sh, pid), pid, name, &bytes))) {
        return;
    }
    printf("%5u %6u %4u  %-8s %10llu.%03llu %10llu  %.*s\n", (unsigned)info.pid,
           (unsigned)info.parent, (unsigned)info.core, shell_state(info.state),
           (unsigned long long)(info.cpu_ns / NS_PER_MS),
           (unsigned long long)(info.cpu_ns % NS_PER_MS / 1000),
           (unsigned long long)info.messages, (int)bytes, name);
}

static int processes_of_core(struct shell *sh, uint32_t core)
{
    struct process_binding *b;
    uint32_t pids[PIDS_MAX];
    uint32_t after = 0;
    size_t count;
    errval_t err = aos_process_on(core, &b);

    do {
        err = err_is_ok(err) ? process_pids(b, after, pids, &count) : err;
        if (err_is_fail(err)) {
            return shell_error("ps", err);
        }
        for (size_t i = 0; i < count; i++) {
            processes_line(sh, pids[i]);
            after = pids[i];
        }
    } while (count > 0);
    return 0;
}

int builtin_ps(struct shell *sh, int argc, char **argv)
{
    uint32_t on = 0;
    errval_t err = init_cores(sh->init, &on);
    int status = err_is_ok(err) ? 0 : shell_error("ps", err);

    printf("  PID PARENT CORE  STATE         CPU ms   MESSAGES  NAME\n");
    processes_line(sh, 0);               /* pids are asked for above a pid, so init never comes */
    for (uint32_t core = 0; core < domain_core_count(); core++) {
        int failed = (on & 1u << core) != 0 ? processes_of_core(sh, core) : 0;
        status = failed != 0 ? failed : status;
    }
    return status;
}

int builtin_nslist(struct shell *sh, int argc, char **argv)
{
    char after[NAMESERVER_ENUMERATE_AFTER_MAX + 1] = "";
    char where[NAMESERVER_ENUMERATE_WHERE_MAX];
    char names[NAMESERVER_ENUMERATE_NAMES_MAX];
    const char *prefix = argc > 1 ? argv[1] : "";
    size_t where_bytes = 0;
    size_t bytes;

    for (int i = 2; i < argc; i++) {
        size_t n = strlen(argv[i]) + 1;
        if (n > sizeof(where) - where_bytes) {
            fprintf(stderr, "nslist: the properties are too long\n");
            return STATUS_USAGE;
        }
        memcpy(where + where_bytes, argv[i], n);
        where_bytes += n;
    }
    do {
        errval_t err = nameserver_enumerate(sh->names, prefix, strlen(prefix), where, where_bytes,
                                            after, strlen(after), names, &bytes);
        if (err_is_fail(err)) {
            return shell_error("nslist", err);
        }
        for (const char *name = names; name < names + bytes; name += strlen(name) + 1) {
            printf("%s\n", name);
            (void)snprintf(after, sizeof(after), "%s", name);
        }
    } while (bytes > 0);
    return 0;
}

int builtin_nslookup(struct shell *sh, int argc, char **argv)
{
    int status = 0;

    if (argc < 2) {
        return BUILTIN_MISUSED;
    }
    for (int i = 1; i < argc; i++) {
        char props[NAMESERVER_DESCRIBE_PROPS_MAX];
        size_t bytes;
        uint32_t pid;
        uint16_t iface;
        errval_t err = nameserver_describe(sh->names, argv[i], strlen(argv[i]), &pid, &iface, props,
                                           &bytes);
        if (err_is_fail(err)) {
            status = shell_error(argv[i], err);
            continue;
        }
        printf("%s: process %u, interface %#05x", argv[i], (unsigned)pid, iface);
        for (const char *p = props; p < props + bytes; p += strlen(p) + 1) {
            printf(", %s", p);
        }
        printf("\n");
    }
    return status;
}
