/* See <aos/process.h>. */
#include <aos/process.h>

#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/services.h>
#include <if/process.h>

extern char **environ;

/* Strings back to back. */
struct rpc_list {
    char *text;
    size_t bytes;
};

/* Packs `count` strings, or those up to a NULL. LIB_ERR_NO_MEMORY, LIB_ERR_ARGS_SIZE. */
static errval_t rpc_pack(const char *const *strings, size_t count, struct rpc_list *ret_list)
{
    struct rpc_list list = {NULL, 0};

    for (size_t i = 0; i < count && strings[i] != NULL; i++) {
        list.bytes += strlen(strings[i]) + 1;
        if (list.bytes > AOS_SPAWN_ARGS_BYTES) {
            return LIB_ERR_ARGS_SIZE;
        }
    }
    list.text = malloc(list.bytes + 1);
    if (list.text == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    for (size_t i = 0, at = 0; at < list.bytes; i++) {
        strcpy(list.text + at, strings[i]);
        at += strlen(strings[i]) + 1;
    }
    *ret_list = list;
    return ERR_OK;
}

/* It was not sent. */
static void rpc_drop_grant(const struct aos_launch *how)
{
    if (how->grant_name != NULL) {
        (void)cap_destroy(how->grant);
    }
}

static errval_t rpc_launch(const struct rpc_list *args, const struct rpc_list *env,
                           const struct aos_launch *how, uint32_t *ret_pid)
{
    const struct process_limits limits = {
        .memory = how->memory, .processes = how->processes, .threads = how->limits.threads,
        .slots = how->limits.slots, .endpoints = how->limits.endpoints,
        .calls = how->limits.calls,
    };
    process_start_t start = (process_start_t)((how->detached ? PROCESS_START_DETACHED : 0)
                                              | (how->lead ? PROCESS_START_LEAD : 0));
    uint32_t core = how->on_core != 0 ? how->on_core - 1 : domain_core();
    const char *name = how->grant_name;
    struct process_binding *b;
    errval_t err = aos_process_on(core, &b);

    if (err_is_fail(err)) {
        rpc_drop_grant(how);
        return err;
    }
    return process_launch(b, args->text, args->bytes, env->text, env->bytes, (uint8_t)core,
                          &limits, start, how->group, name, name == NULL ? 0 : strlen(name) + 1,
                          name == NULL ? NULL : &how->grant, name != NULL, ret_pid);
}

errval_t aos_launch(int argc, const char *const argv[], const struct aos_launch *how,
                    uint32_t *ret_pid)
{
    const char *const *variables = (const char *const *)environ;
    struct rpc_list args, env = {NULL, 0};
    errval_t err = rpc_pack(argv, (size_t)argc, &args);

    if (err_is_fail(err)) {
        rpc_drop_grant(how);
        return err;
    }
    if (variables != NULL) {
        err = rpc_pack(variables, SIZE_MAX, &env);
    }
    if (err_is_ok(err)) {
        err = rpc_launch(&args, &env, how, ret_pid);
    } else {
        rpc_drop_grant(how);
    }
    free(args.text);
    free(env.text);
    return err;
}

errval_t aos_spawn(int argc, const char *const argv[], uint32_t *ret_pid)
{
    const struct aos_launch plain = {0};

    return aos_launch(argc, argv, &plain, ret_pid);
}

static errval_t rpc_wait(struct process_binding *b, uint32_t pid, uint32_t *ret_pid,
                         struct process_exit *ret_exit)
{
    errval_t err = process_wait(b, pid, ret_pid, ret_exit);

    while (err_no(err) == RPC_ERR_PEER_GONE) {
        /* The children live on, and the next process service knows them. */
        err = binding_reopen(&b->base, AOS_FOREVER);
        err = err_is_ok(err) ? process_wait(b, pid, ret_pid, ret_exit)
                             : err_push(err, LIB_ERR_BAD_STATE);
    }
    return err;
}

errval_t aos_wait(uint32_t pid, uint32_t *ret_pid, struct aos_exit *ret_exit)
{
    struct process_binding *b;
    struct process_exit how;
    errval_t err = aos_process(&b);

    if (err_is_ok(err)) {
        err = rpc_wait(b, pid, ret_pid, &how);
    }
    /* The service of this core answers for all children. */
    if (err_no(err) == PROCESS_ERR_NO_CHILD && pid != 0 && domain_core_of(pid) != domain_core()
        && err_is_ok(aos_process_of(pid, &b))) {
        err = rpc_wait(b, pid, ret_pid, &how);
    }
    if (err_is_ok(err)) {
        *ret_exit = (struct aos_exit){
            .exited = how.kind == PROCESS_EXIT_KIND_EXITED,
            .killed = how.kind == PROCESS_EXIT_KIND_KILLED,
            .faulted = how.kind == PROCESS_EXIT_KIND_FAULTED,
            .status = how.status, .cause = how.cause, .pc = how.pc, .address = how.address,
        };
    }
    return err;
}

errval_t aos_kill(uint32_t pid)
{
    struct process_binding *b;
    errval_t err = aos_process_of(pid, &b);

    return err_is_fail(err) ? err : process_kill(b, pid);
}
