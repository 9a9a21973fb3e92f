/* core: switches further cores off and on, or lets a program do it; oncore: programs on them. */
#include <stdio.h>
#include <string.h>

#include <aos/binding.h>
#include <aos/domain.h>
#include <aos/services.h>
#include <aos/time.h>
#include <if/init.h>
#include <if/process.h>

#include "shell_priv.h"

#define PIDS_MAX       64u               /* of one answer, as in process.if */
#define CORES_CHANGE_NS 60000000000ull   /* for a core to end all it does */
#define CORES_ASK_NS   5000000000ull     /* for programs that are asked to leave */
#define CORES_LOOK_NS  10000000ull       /* between looks at them */

/* What is done with each program of a core. */
typedef void (*cores_each)(struct process_binding *b, uint32_t pid);

/* Does it run? One that has ended is listed until the core of its parent knows that. */
static bool cores_lives(struct process_binding *b, uint32_t pid)
{
    struct process_info info;

    return err_is_ok(process_describe(b, pid, &info)) && info.state != PROCESS_STATE_ENDED;
}

/* How many programs run there; none if it is off. `each` may be NULL. */
static errval_t cores_busy(struct shell *sh, uint32_t core, cores_each each, uint32_t *ret_count)
{
    uint32_t first = domain_first_program(core);
    uint32_t pids[PIDS_MAX], after = 0;
    struct process_binding *b;
    size_t count = 0;
    uint32_t on;
    errval_t err = init_cores(sh->init, &on);

    *ret_count = 0;
    if (err_is_ok(err) && (on & 1u << core) == 0) {
        return ERR_OK;
    }
    err = err_is_ok(err) ? aos_process_on(core, &b) : err;
    do {
        err = err_is_ok(err) ? process_pids(b, after, pids, &count) : err;
        for (size_t i = 0; err_is_ok(err) && i < count; i++) {
            after = pids[i];
            if (after >= first && cores_lives(b, after)) {
                ++*ret_count;
                if (each != NULL) {
                    each(b, after);
                }
            }
        }
    } while (err_is_ok(err) && count > 0);
    return err;
}

static void cores_ask_one(struct process_binding *b, uint32_t pid)
{
    (void)process_ask(b, pid);
}

static void cores_tell_one(struct process_binding *b, uint32_t pid)
{
    char name[PROCESS_NAME_NAME_MAX + 1];
    size_t bytes;

    if (err_is_ok(process_name(b, pid, name, &bytes))) {
        fprintf(stderr, "core: process %u stays: %.*s\n", (unsigned)pid, (int)bytes, name);
    }
}

/* Asks all programs there to leave, for as long as some do, and says which ones stay. */
static errval_t cores_ask(struct shell *sh, uint32_t core, uint32_t *ret_count)
{
    uint64_t until = time_deadline_ns(CORES_ASK_NS);
    errval_t err = cores_busy(sh, core, cores_ask_one, ret_count);

    while (err_is_ok(err) && *ret_count != 0 && time_now_ns() < until
           && shell_sleep_until(sh, time_deadline_ns(CORES_LOOK_NS))) {
        err = cores_busy(sh, core, cores_ask_one, ret_count);
    }
    return err_is_ok(err) && *ret_count != 0 ? cores_busy(sh, core, cores_tell_one, ret_count)
                                             : err;
}

static errval_t cores_change(struct shell *sh, uint32_t core, bool on)
{
    struct init_binding b;
    caddr_t end;
    /* A connection of its own, which waits longer. */
    errval_t err = binding_clone(&sh->init->base, BINDING_CLONE_OWN, 0, &end);

    err = err_is_ok(err) ? init_bind(end, &b) : err;
    if (err_is_fail(err)) {
        return err;
    }
    binding_set_deadline(&b.base, CORES_CHANGE_NS);
    err = on ? init_core_on(&b, core) : init_core_off(&b, core);
    init_close(&b);
    return err;
}

/* A program gets an end of init by which it may do what the shell may. */
static int cores_lend(struct shell *sh, int argc, char **argv)
{
    sh->lends_cores = true;
    int status = shell_run_program(sh, argc, argv, 0, RUN_FOREGROUND);
    sh->lends_cores = false;
    return status;
}

/* What becomes of the programs on a core that is to go off. */
enum cores_how { CORES_REFUSE, CORES_ASK, CORES_END, CORES_HOW_COUNT };

static enum cores_how cores_how(int argc, char **argv)
{
    static const char *const names[] = {"--refuse", "--ask", "--end"};
    enum cores_how how = CORES_REFUSE;

    while (argc > 3 && how != CORES_HOW_COUNT && strcmp(argv[3], names[how]) != 0) {
        how++;
    }
    return how;
}

/* Programs there are not asked anything if it could not go off, or is as it should be. */
static bool cores_can(struct shell *sh, uint32_t core, bool on)
{
    uint32_t mask;

    if (core == domain_startup()->boot_core) {
        fprintf(stderr, "core: core %u booted the machine and stays on\n", (unsigned)core);
        return false;
    }
    if (err_is_ok(init_cores(sh->init, &mask)) && ((mask >> core & 1) != 0) == on) {
        fprintf(stderr, "core: core %u is %s\n", (unsigned)core, on ? "on" : "off");
        return false;
    }
    return true;
}

int builtin_core(struct shell *sh, int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "lend") == 0) {
        return cores_lend(sh, argc - 2, argv + 2);
    }
    bool on = argc > 1 && strcmp(argv[1], "on") == 0;
    enum cores_how how = cores_how(argc, argv);
    uint64_t core;
    uint32_t busy = 0;
    errval_t err = ERR_OK;

    if (argc < 3 || argc > 4 || (!on && strcmp(argv[1], "off") != 0) || (argc == 4 && on)
        || how == CORES_HOW_COUNT || !shell_number(argv[2], domain_core_count() - 1, &core)) {
        return BUILTIN_MISUSED;
    }
    if (!cores_can(sh, (uint32_t)core, on)) {
        return STATUS_FAILED;
    }
    if (!on && how != CORES_END) {
        err = how == CORES_ASK ? cores_ask(sh, (uint32_t)core, &busy)
                               : cores_busy(sh, (uint32_t)core, NULL, &busy);
    }
    if (err_is_ok(err) && busy != 0) {
        fprintf(stderr, "core: %u programs run on core %u; --end ends them%s\n", (unsigned)busy,
                (unsigned)core, how == CORES_ASK ? "" : ", --ask asks them to leave");
        return STATUS_FAILED;
    }
    err = err_is_ok(err) ? cores_change(sh, (uint32_t)core, on) : err;
    return err_is_ok(err) ? 0 : shell_error("core", err);
}

int builtin_oncore(struct shell *sh, int argc, char **argv)
{
    uint64_t core;
    uint32_t mask;

    if (argc < 3 || !shell_number(argv[1], domain_core_count() - 1, &core)) {
        return BUILTIN_MISUSED;
    }
    if (err_is_ok(init_cores(sh->init, &mask)) && (mask >> core & 1) == 0) {
        fprintf(stderr, "oncore: core %u is off\n", (unsigned)core);
        return STATUS_NO_START;
    }
    sh->on_core = 1 + (uint32_t)core;
    int status = shell_run_program(sh, argc - 2, argv + 2, 0,
                                   sh->background ? RUN_BACKGROUND : RUN_FOREGROUND);
    sh->on_core = 0;
    return status;
}
