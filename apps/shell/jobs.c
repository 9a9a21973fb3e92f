/* Jobs: the programs that the shell has started and that are not in the foreground, and the way
 * into it and out of it. Each is a group (process.if) with the number of its first process. */
#include <stdio.h>
#include <string.h>

#include <if/process.h>
#include <if/serial.h>

#include "shell_priv.h"

static unsigned jobs_number(const struct shell *sh, const struct job *job)
{
    return (unsigned)(job - sh->jobs) + 1;
}

struct job *jobs_add(struct shell *sh, uint32_t pid, const char *name)
{
    for (size_t i = 0; i < JOBS_MAX; i++) {
        struct job *job = &sh->jobs[i];

        if (job->pid == 0) {
            *job = (struct job){.pid = pid, .recent = ++sh->recent};
            (void)snprintf(job->name, sizeof(job->name), "%s", name);
            return job;
        }
    }
    return NULL;
}

struct job *jobs_of(struct shell *sh, uint32_t pid)
{
    for (size_t i = 0; i < JOBS_MAX; i++) {
        if (sh->jobs[i].pid == pid) {
            return &sh->jobs[i];
        }
    }
    return NULL;
}

static void jobs_print(const struct shell *sh, const struct job *job)
{
    printf("[%u] %u %-8s %s\n", jobs_number(sh, job), (unsigned)job->pid,
           job->stopped ? "stopped" : "running", job->name);
}

bool jobs_named(struct shell *sh, const char *text, uint32_t *ret_pid)
{
    uint64_t number;

    if (text[0] != '%') {
        if (!shell_number(text, UINT32_MAX, &number) || number == 0) {
            return false;
        }
        *ret_pid = (uint32_t)number;
        return true;
    }
    if (!shell_number(text + 1, JOBS_MAX, &number) || number == 0
        || sh->jobs[number - 1].pid == 0) {
        return false;
    }
    *ret_pid = sh->jobs[number - 1].pid;
    return true;
}

/* The job that `argv` names, or the latest. Says on stderr that there is none. */
static struct job *jobs_pick(struct shell *sh, int argc, char **argv)
{
    struct job *job = NULL;
    uint32_t pid;

    if (argc > 1) {
        job = jobs_named(sh, argv[1], &pid) ? jobs_of(sh, pid) : NULL;
    }
    for (size_t i = 0; argc == 1 && i < JOBS_MAX; i++) {
        struct job *j = &sh->jobs[i];

        if (j->pid != 0 && (job == NULL || j->recent > job->recent)) {
            job = j;
        }
    }
    if (job == NULL) {
        fprintf(stderr, "%s: no such job; try jobs\n", argv[0]);
    }
    return job;
}

/* Makes `group` (0: none) what Ctrl-C and Ctrl-Z are for; if they came already, they act. */
static void jobs_set_foreground(struct shell *sh, uint32_t group)
{
    uint32_t count;

    mutex_lock(&sh->lock);
    bool interrupted = sh->interrupted, suspended = sh->suspended;
    sh->foreground = group;
    mutex_unlock(&sh->lock);
    if (group != 0 && interrupted) {
        (void)process_kill_group(sh->process, group, &count);
    } else if (group != 0 && suspended) {
        (void)process_stop_group(sh->process, group, &count);
    }
}

/* The foreground has become a job that is stopped. Without room for one it ends. */
static int jobs_stopped(struct shell *sh, uint32_t pid, const char *name)
{
    struct job *job = jobs_of(sh, pid);
    uint32_t count;

    if (job == NULL) {
        job = jobs_add(sh, pid, name);
    }
    if (job == NULL) {
        fprintf(stderr, "%s: there are too many jobs already\n", name);
        (void)process_kill_group(sh->process, pid, &count);
        return shell_wait(sh, pid, name);
    }
    job->stopped = true;
    job->recent = ++sh->recent;
    jobs_print(sh, job);
    return STATUS_STOPPED;
}

int jobs_foreground(struct shell *sh, uint32_t pid, const char *name, bool resume)
{
    uint32_t count;
    int status;

    if (!sh->unattended) {
        (void)serial_hand_over(sh->serial, pid); /* fails if it has ended already: no harm */
    }
    if (resume) {
        (void)process_resume_group(sh->process, pid, &count);
    }
    jobs_set_foreground(sh, pid);
    bool ended = shell_await(sh, pid, AWAIT_STOP) != AWAIT_STOP;
    status = ended ? shell_wait(sh, pid, name) : 0;
    jobs_set_foreground(sh, 0);
    if (!sh->unattended) {
        (void)serial_take_back(sh->serial); /* fails if the program gave it back: as wanted */
    }
    return ended ? status : jobs_stopped(sh, pid, name);
}

int builtin_jobs(struct shell *sh, int argc, char **argv)
{
    for (size_t i = 0; i < JOBS_MAX; i++) {
        if (sh->jobs[i].pid != 0) {
            jobs_print(sh, &sh->jobs[i]);
        }
    }
    return 0;
}

int builtin_fg(struct shell *sh, int argc, char **argv)
{
    struct job *job = jobs_pick(sh, argc, argv);
    char name[sizeof(job->name)];

    if (argc > 2) {
        return BUILTIN_MISUSED;
    }
    if (job == NULL) {
        return STATUS_FAILED;
    }
    (void)snprintf(name, sizeof(name), "%s", job->name);
    printf("%s\n", name);
    (void)fflush(stdout);
    job->stopped = false;
    return jobs_foreground(sh, job->pid, name, true);
}

int builtin_bg(struct shell *sh, int argc, char **argv)
{
    struct job *job = jobs_pick(sh, argc, argv);
    uint32_t count;

    if (argc > 2) {
        return BUILTIN_MISUSED;
    }
    if (job == NULL) {
        return STATUS_FAILED;
    }
    errval_t err = process_resume_group(sh->process, job->pid, &count);
    if (err_is_fail(err)) {
        return shell_error("bg", err);
    }
    job->stopped = false;
    jobs_print(sh, job);
    return 0;
}

static errval_t jobs_kill(struct shell *sh, const char *text)
{
    uint32_t pid, count;

    if (!jobs_named(sh, text, &pid)) {
        return PROCESS_ERR_NO_PID;
    }
    return text[0] == '%' ? process_kill_group(sh->process, pid, &count)
                          : process_kill(sh->process, pid);
}

int builtin_kill(struct shell *sh, int argc, char **argv)
{
    int status = 0;

    for (int i = 1; i < argc; i++) {
        uint64_t number;
        if (!shell_number(argv[i] + (argv[i][0] == '%'), UINT32_MAX, &number)) {
            return BUILTIN_MISUSED;
        }
        errval_t err = jobs_kill(sh, argv[i]);
        if (err_is_fail(err)) {
            status = shell_error(argv[i], err);
        }
    }
    return argc < 2 ? BUILTIN_MISUSED : status;
}

static int jobs_wait(struct shell *sh, uint32_t pid, const char *name)
{
    return shell_await(sh, pid, AWAIT_INTERRUPT) == AWAIT_END ? shell_wait(sh, pid, name)
                                                               : STATUS_INTERRUPTED;
}

int builtin_wait(struct shell *sh, int argc, char **argv)
{
    int status = 0;

    for (int i = 1; i < argc && status != STATUS_INTERRUPTED; i++) {
        uint32_t pid;
        if (!jobs_named(sh, argv[i], &pid)) {
            return BUILTIN_MISUSED;
        }
        status = jobs_wait(sh, pid, argv[i]);
    }
    for (size_t i = 0; argc == 1 && i < JOBS_MAX && status != STATUS_INTERRUPTED; i++) {
        if (sh->jobs[i].pid != 0) {
            char name[sizeof(sh->jobs[i].name)];
            (void)snprintf(name, sizeof(name), "%s", sh->jobs[i].name);
            status = jobs_wait(sh, sh->jobs[i].pid, name);
        }
    }
    return status;
}

void shell_reap(struct shell *sh)
{
    for (size_t i = 0; i < JOBS_MAX; i++) {
        struct job *job = &sh->jobs[i];
        struct process_exit how;
        uint32_t pid = job->pid;
        bool ended = false;

        if (pid == 0 || err_is_fail(process_status(sh->process, pid, &ended, &how)) || !ended) {
            continue;
        }
        char name[sizeof(job->name)];
        (void)snprintf(name, sizeof(name), "%s", job->name);
        int status = shell_wait(sh, pid, name);
        printf("[%u] %u %s ended with status %d\n", (unsigned)i + 1, (unsigned)pid, name, status);
    }
}
