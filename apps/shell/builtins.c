/* Commands of the shell itself: the table, and those that need no service. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/domain.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <if/init.h>

#include "shell_priv.h"
#include "words.h"

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull
#define SLEEP_MAX_S 1000000.0

extern char **environ;

static int builtin_echo(struct shell *sh, int argc, char **argv)
{
    bool newline = argc < 2 || strcmp(argv[1], "-n") != 0;

    for (int i = newline ? 1 : 2; i < argc; i++) {
        printf("%s%s", argv[i], i + 1 < argc ? " " : "");
    }
    printf("%s", newline ? "\n" : "");
    return 0;
}

static int builtin_help(struct shell *sh, int argc, char **argv)
{
    char after[INIT_MODULES_AFTER_MAX + 1] = "";
    char names[INIT_MODULES_NAMES_MAX];
    size_t bytes = 0;

    printf("commands:\n");
    for (const struct builtin *b = sh->builtins; b->name != NULL; b++) {
        printf("  %-9s %-22s %s\n", b->name, b->usage, b->help);
    }
    printf("programs and other files of the boot image (COMMAND & runs one in the background):\n ");
    do {
        errval_t err = init_modules(sh->init, after, strlen(after), names, &bytes);
        if (err_is_fail(err)) {
            return shell_error("help", err);
        }
        for (const char *name = names; name < names + bytes; name += strlen(name) + 1) {
            printf(" %s", name);
            (void)snprintf(after, sizeof(after), "%s", name);
        }
    } while (bytes > 0);
    printf("\nkeys: arrows, Home, End, Ctrl-A E K U W, "
           "Up and Down for older lines, Ctrl-C, Ctrl-D, Ctrl-Z\n");
    return 0;
}

static int builtin_env(struct shell *sh, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (equals == argv[i]) {
            return BUILTIN_MISUSED;
        }
        if (equals == NULL) {
            (void)unsetenv(argv[i]);
            continue;
        }
        *equals = '\0';
        if (setenv(argv[i], equals + 1, 1) != 0) {
            fprintf(stderr, "env: no memory for another variable\n");
            return STATUS_FAILED;
        }
    }
    for (char **e = environ; argc == 1 && *e != NULL; e++) {
        printf("%s\n", *e);
    }
    return 0;
}

static int builtin_time(struct shell *sh, int argc, char **argv)
{
    struct words words = {.argc = argc - 1};

    if (argc < 2) {
        return BUILTIN_MISUSED;
    }
    memcpy(words.argv, argv + 1, (size_t)argc * sizeof(argv[0]));
    uint64_t from = time_now_ns();
    int status = shell_run_words(sh, &words);
    uint64_t ns = time_now_ns() - from;
    (void)fflush(stdout);
    fprintf(stderr, "%llu.%06llu s\n", (unsigned long long)(ns / NS_PER_S),
            (unsigned long long)(ns % NS_PER_S / 1000));
    return status;
}

static int builtin_sleep(struct shell *sh, int argc, char **argv)
{
    char *end = NULL;
    double seconds = argc == 2 ? strtod(argv[1], &end) : -1;

    if (argc != 2 || *end != '\0' || end == argv[1] || !(seconds >= 0 && seconds <= SLEEP_MAX_S)) {
        return BUILTIN_MISUSED;
    }
    return shell_sleep_until(sh, time_deadline_ns((uint64_t)(seconds * (double)NS_PER_S)))
        ? 0 : STATUS_INTERRUPTED;
}

/* A number of bytes with an optional K, M or G. */
static bool builtin_bytes(const char *text, uint64_t *ret_bytes)
{
    static const char units[] = "KMG";
    char digits[24];
    size_t n = strlen(text);
    unsigned shift = 0;
    const char *unit = n > 0 ? strchr(units, toupper((unsigned char)text[n - 1])) : NULL;

    if (unit != NULL && *unit != '\0') {
        shift = 10u * (unsigned)(unit - units + 1);
        n--;
    }
    if (n >= sizeof(digits)) {
        return false;
    }
    memcpy(digits, text, n);
    digits[n] = '\0';
    if (!shell_number(digits, UINT64_MAX >> shift, ret_bytes)) {
        return false;
    }
    *ret_bytes <<= shift;
    return true;
}

static int builtin_run(struct shell *sh, int argc, char **argv)
{
    enum run_how how = sh->background ? RUN_BACKGROUND : RUN_FOREGROUND;
    uint64_t quota = 0;
    int first = 1;

    while (first < argc && argv[first][0] == '-') {
        if (strcmp(argv[first], "-d") == 0) {
            how = RUN_DETACHED;
        } else if (strcmp(argv[first], "-q") != 0 || ++first == argc ||
                   !builtin_bytes(argv[first], &quota)) {
            return BUILTIN_MISUSED;
        }
        first++;
    }
    if (first >= argc) {
        return BUILTIN_MISUSED;
    }
    return shell_run_program(sh, argc - first, argv + first, quota, how);
}

const struct builtin builtins[] = {
    {"bg", "[%JOB]", "let a stopped job go on in the background", builtin_bg, false},
    {"caps", "[-a|--graph [PID|--machine] [--all] [TYPE...]]",
     "capabilities by type; the shell's one by one; those of a process or all, drawn in DOT",
     builtin_caps, false},
    {"core", "on|off CORE [--end|--ask|--refuse] | lend COMMAND...",
     "switch a core on or off; its programs end, are asked to, or keep it; let a program do so",
     builtin_core, false},
    {"date", "", "date and time in UTC", builtin_date, false},
    {"dmesg", "", "the kernel's log", builtin_dmesg, false},
    {"echo", "[-n] TEXT...", "print text", builtin_echo, false},
    {"env", "[NAME[=VALUE]]...", "print the environment; set or remove variables",
     builtin_env, false},
    {"fg", "[%JOB]", "put a job into the foreground", builtin_fg, false},
    {"help", "", "this list", builtin_help, false},
    {"jobs", "", "programs in the background, and stopped ones", builtin_jobs, false},
    {"kill", "PID|%JOB...", "end processes, jobs with all theirs", builtin_kill, false},
    {"meminfo", "[PID]", "memory of the machine, or of a process", builtin_meminfo, false},
    {"nslist", "[PREFIX [KEY=VALUE]...]", "registered names", builtin_nslist, false},
    {"nslookup", "NAME...", "who stands behind a name", builtin_nslookup, false},
    {"oncore", "CORE PROGRAM...", "run a program on another core", builtin_oncore, true},
    {"ps", "", "processes", builtin_ps, false},
    {"reboot", "", "start the machine anew", builtin_power, false},
    {"rpctrace", "[-x] PID [COMMAND...]", "messages of a process while COMMAND runs, or live",
     builtin_rpctrace, false},
    {"run", "[-d] [-q BYTES] PROGRAM...",
     "run a program, with at most BYTES (K, M, G); -d: it outlives the shell", builtin_run, true},
    {"shutdown", "", "power off", builtin_power, false},
    {"sleep", "SECONDS", "wait; fractions are allowed", builtin_sleep, false},
    {"time", "COMMAND...", "run a command and tell how long it took", builtin_time, false},
    {"top", "[-n TIMES] [-d SECONDS]", "what cores and processes do, until Ctrl-C",
     builtin_top, false},
    {"uptime", "", "time since the kernel started", builtin_uptime, false},
    {"wait", "[PID|%JOB...]", "wait for programs in the background", builtin_wait, false},
    {NULL, NULL, NULL, NULL, false},
};
