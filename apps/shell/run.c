/* Running commands: built in, in the foreground, in the background. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/binding.h>
#include <aos/domain.h>
#include <aos/process.h>
#include <aos/services.h>
#include <if/init.h>
#include <if/process.h>

#include "shell_priv.h"
#include "words.h"

/* Starts a group of its own. */
static errval_t run_spawn(const struct shell *sh, int argc, char **argv, uint64_t quota,
                          bool detached, uint32_t *ret_pid)
{
    struct aos_launch how = {
        .memory = quota, .lead = true, .detached = detached, .on_core = sh->on_core,
    };

    if (sh->lends_cores) {               /* init takes an end of the shell's for the shell */
        errval_t err = binding_clone(&sh->init->base, BINDING_CLONE_OWN, 0, &how.grant);

        if (err_is_fail(err)) {
            return err;
        }
        how.grant_name = "cores";
    }
    return aos_launch(argc, (const char *const *)argv, &how, ret_pid);
}

struct process_binding *shell_process_of(struct shell *sh, uint32_t pid)
{
    struct process_binding *b;

    return err_is_ok(aos_process_of(pid, &b)) ? b : sh->process;
}

static int run_status(const struct aos_exit *how, const char *name, uint32_t pid)
{
    if (how->exited) {
        return how->status & 0xff;
    }
    if (how->killed) {
        fprintf(stderr, "%s: killed (process %u)\n", name, (unsigned)pid);
        return STATUS_KILLED;
    }
    fprintf(stderr, "%s: fault at pc %#llx, address %#llx, cause %#llx (process %u)\n", name,
            (unsigned long long)how->pc, (unsigned long long)how->address,
            (unsigned long long)how->cause, (unsigned)pid);
    return STATUS_FAULTED;
}

int shell_wait(struct shell *sh, uint32_t pid, const char *name)
{
    struct aos_exit how;
    uint32_t who;
    errval_t err = aos_wait(pid, &who, &how);

    struct job *job = jobs_of(sh, pid);
    if (job != NULL) {
        job->pid = 0;
    }
    if (err_is_fail(err)) {
        return shell_error(name, err);
    }
    return run_status(&how, name, pid);
}

enum await shell_await(struct shell *sh, uint32_t pid, enum await until)
{
    enum await what = AWAIT_NOTHING;
    struct process_info info;

    while (!sh->unattended && what == AWAIT_NOTHING) {
        mutex_lock(&sh->lock);
        uint32_t seen = sh->news;
        mutex_unlock(&sh->lock);
        if (err_is_fail(process_describe(shell_process_of(sh, pid), pid, &info)) ||
            info.parent != domain_pid() || info.state == PROCESS_STATE_ENDED) {
            return AWAIT_END;
        }
        if (until == AWAIT_STOP && info.state == PROCESS_STATE_STOPPED) {
            return AWAIT_STOP;
        }
        mutex_lock(&sh->lock);
        while (sh->news == seen && !(until == AWAIT_INTERRUPT && sh->interrupted)) {
            cond_wait(&sh->changed, &sh->lock);
        }
        if (until == AWAIT_INTERRUPT && sh->interrupted) {
            what = AWAIT_INTERRUPT;
        }
        mutex_unlock(&sh->lock);
    }
    return what == AWAIT_NOTHING ? AWAIT_END : what;
}

bool shell_sleep_until(struct shell *sh, uint64_t deadline_ns)
{
    mutex_lock(&sh->lock);
    while (!sh->interrupted && cond_wait_until(&sh->changed, &sh->lock, deadline_ns)) {
        continue;
    }
    bool whole = !sh->interrupted;
    mutex_unlock(&sh->lock);
    return whole;
}

int shell_run_program(struct shell *sh, int argc, char **argv, uint64_t quota, enum run_how how)
{
    uint32_t pid;

    if (how == RUN_BACKGROUND && jobs_of(sh, 0) == NULL) {
        fprintf(stderr, "%s: too many programs run in the background; try wait\n", argv[0]);
        return STATUS_NO_START;
    }
    (void)fflush(stdout);
    errval_t err = run_spawn(sh, argc, argv, quota, how == RUN_DETACHED, &pid);
    if (err_no(err) == PROCESS_ERR_NO_PROGRAM) {
        fprintf(stderr, "%s: there is no such command or program; try help\n", argv[0]);
        return STATUS_NO_SUCH;
    }
    if (err_is_fail(err)) {
        (void)shell_error(argv[0], err);
        return STATUS_NO_START;
    }
    if (how == RUN_DETACHED) {
        printf("%u\n", (unsigned)pid);
        return 0;
    }
    if (how == RUN_BACKGROUND) {
        const struct job *job = jobs_add(sh, pid, argv[0]);
        printf("[%u] %u\n", (unsigned)(job - sh->jobs) + 1, (unsigned)pid);
        return 0;
    }
    return jobs_foreground(sh, pid, argv[0], false);
}

static const struct builtin *run_find_builtin(const struct shell *sh, const char *name)
{
    for (const struct builtin *b = sh->builtins; b->name != NULL; b++) {
        if (strcmp(b->name, name) == 0) {
            return b;
        }
    }
    return NULL;
}

int shell_run_words(struct shell *sh, struct words *words)
{
    const struct builtin *b = run_find_builtin(sh, words->argv[0]);

    if (b == NULL) {
        return shell_run_program(sh, words->argc, words->argv, 0,
                                 words->background ? RUN_BACKGROUND : RUN_FOREGROUND);
    }
    sh->background = words->background;
    if (words->background && !b->starts) {
        fprintf(stderr, "%s: only programs run in the background\n", b->name);
        return STATUS_USAGE;
    }
    int status = b->run(sh, words->argc, words->argv);
    if (status == BUILTIN_MISUSED) {
        fprintf(stderr, "usage: %s %s\n", b->name, b->usage);
        return STATUS_USAGE;
    }
    return status;
}

int shell_run_line(struct shell *sh, char *line)
{
    struct words words;
    const char *wrong = words_split(line, &words);

    if (wrong != NULL) {
        fprintf(stderr, "shell: %s\n", wrong);
        sh->status = STATUS_USAGE;
    } else if (words.argc > 0) {
        sh->status = shell_run_words(sh, &words);
    }
    (void)fflush(stdout);
    (void)fflush(stderr);
    return sh->status;
}
