/* Starting a child: what the caller asks for, and what a child needs besides. */
#include "keep.h"

#include <stdlib.h>
#include <string.h>

#include <aos/binding.h>
#include <aos/services.h>
#include <if/init.h>

#define PROCESS_GRANTS_MAX  4u           /* as in process.if */

/* What a child needs besides its program: an account of memory, a seed, and an end of init, which
 * never ends, and gives it one of the nameserver if it asks. */
static errval_t service_equip(struct table_entry *e, struct proc_spec *spec)
{
    struct init_binding *init;
    const struct table_entry *parent = table_find(&svc.table, e->parent);
    uint32_t above = parent != NULL && parent->guest ? TABLE_PID_INIT : e->parent;
    errval_t err = account_open(e->pid, above, e->limits.memory);

    if (err_is_fail(err)) {
        return err_push(err, PROCESS_ERR_NO_MEMORY);
    }
    err = aos_init(&init);
    if (err_is_ok(err)) {
        err = init_random(init, &spec->random[0], &spec->random[1], &spec->random[2],
                          &spec->random[3]);
    }
    if (err_is_ok(err)) {
        err = binding_clone(&init->base, e->pid, 0, &spec->parent);
    }
    return err_is_ok(err) ? ERR_OK : err_push(err, PROCESS_ERR_FAILED);
}

/* Pairs the granted capabilities with their names; a name may be missing. */
static uint32_t service_grants(const char *names, size_t names_len, const caddr_t *caps,
                               size_t count, struct proc_grant grants[PROCESS_GRANTS_MAX])
{
    const char *end = names + names_len;

    for (size_t i = 0; i < count; i++) {
        grants[i] = (struct proc_grant){.cap = caps[i]};
        if (names < end) {
            strncpy(grants[i].name, names, sizeof(grants[i].name) - 1);
            names += strlen(names) + 1;
        }
    }
    return (uint32_t)count;
}

/* A parent on another core is not in the table of this one before its first child. */
static errval_t service_invite(uint32_t pid)
{
    struct table_entry *e;

    return pid == TABLE_PID_INIT || domain_core_of(pid) == domain_core()
            || table_find(&svc.table, pid) != NULL
        ? ERR_OK : table_add_guest(&svc.table, pid, &e);
}

/* Starts what `spec` and `what` say, but for the name, which is the first of the arguments. */
static errval_t service_spawn(struct server_ctx *ctx, struct proc_spec *spec,
                              struct table_new *what, uint32_t *ret_pid)
{
    const struct module *m;
    struct table_entry *e;
    errval_t err;

    if (svc.closed) {
        return PROCESS_ERR_NO_CORE;
    }
    if (spec->args_bytes == 0 || spec->args[0] == '\0') {
        return PROCESS_ERR_BAD_ARGS;
    }
    what->parent = (uint32_t)ctx->peer_pid;
    err = service_invite(what->parent);
    if (err_is_fail(err)) {
        return err;
    }
    what->name = spec->args;
    err = service_module(spec->args, &m);
    if (err_is_ok(err)) {
        err = table_add(&svc.table, what, &e);
    }
    if (err_is_fail(err)) {
        return err == PROCESS_ERR_NO_PID ? PROCESS_ERR_FAILED : err; /* the caller has ended */
    }
    keep_starting(e);
    spec->image = m->image;
    spec->pid = e->pid;
    spec->quota = e->limits.memory;
    spec->limits = (struct kpi_limits){
        .threads = e->limits.threads, .slots = e->limits.slots,
        .endpoints = e->limits.endpoints, .calls = e->limits.calls,
    };
    spec->early_ram_bytes = PROC_EARLY_RAM_BYTES;
    spec->parent_iface = INIT_ID;
    for (uint32_t i = 0; i < spec->grant_count; i++) {
        server_take_cap(ctx, spec->grants[i].cap);
    }
    err = service_equip(e, spec);
    if (err_is_ok(err)) {
        err = domain_start(e, spec);
    } else {
        domain_drop(spec);
    }
    if (err_is_fail(err)) {
        account_end(e->pid);             /* if it has one */
        table_undo(&svc.table, e);
        keep_sync();
        return err;
    }
    keep_sync();
    *ret_pid = e->pid;
    return ERR_OK;
}

errval_t on_spawn(struct server_ctx *ctx, const char *args, size_t args_len, const char *env,
                  size_t env_len, uint8_t core, uint64_t quota, const char *grant_names,
                  size_t grant_names_len, const caddr_t *grants, size_t grants_count,
                  uint32_t *ret_pid)
{
    struct proc_grant given[PROCESS_GRANTS_MAX];
    struct table_new what = {.limits = {.memory = quota}};
    struct proc_spec spec = {
        .args = args, .args_bytes = args_len, .env = env, .env_bytes = env_len, .grants = given,
    };

    if (core != domain_core()) {
        return PROCESS_ERR_NO_CORE;
    }
    spec.grant_count = service_grants(grant_names, grant_names_len, grants, grants_count, given);
    return service_spawn(ctx, &spec, &what, ret_pid);
}

/* Arguments and environment, copied out of lent memory: by malloc. BAD_ARGS: they are no lists, or
 * too long together; NO_MEMORY. */
static errval_t service_lists(const struct lease *args, const struct lease *env, char **ret_lists)
{
    uint64_t bytes = (uint64_t)lease_len(args) + lease_len(env);
    char *lists;

    if (bytes > PROC_ARGS_BYTES_MAX) {
        return PROCESS_ERR_BAD_ARGS;
    }
    lists = malloc(bytes + 1);
    if (lists == NULL) {
        return PROCESS_ERR_NO_MEMORY;
    }
    if (err_is_fail(lease_read_strings(args, lists))
        || err_is_fail(lease_read_strings(env, lists + lease_len(args)))) {
        free(lists);
        return PROCESS_ERR_BAD_ARGS;
    }
    *ret_lists = lists;
    return ERR_OK;
}

errval_t on_launch(struct server_ctx *ctx, const struct lease *args, const struct lease *env,
                   uint8_t core, const struct process_limits *limits, process_start_t start,
                   uint32_t group, const char *grant_names, size_t grant_names_len,
                   const caddr_t *grants, size_t grants_count, uint32_t *ret_pid)
{
    struct proc_grant given[PROCESS_GRANTS_MAX];
    struct table_new what = {
        .limits = *limits, .detached = (start & PROCESS_START_DETACHED) != 0,
        .lead = (start & PROCESS_START_LEAD) != 0, .group = group,
    };
    struct proc_spec spec = {.grants = given};
    char *lists;
    errval_t err;

    if (core != domain_core()) {
        return PROCESS_ERR_NO_CORE;
    }
    err = service_lists(args, env, &lists);
    if (err_is_fail(err)) {
        return err;
    }
    spec.args = lists;
    spec.args_bytes = lease_len(args);
    spec.env = lists + spec.args_bytes;
    spec.env_bytes = lease_len(env);
    spec.grant_count = service_grants(grant_names, grant_names_len, grants, grants_count, given);
    err = service_spawn(ctx, &spec, &what, ret_pid);
    free(lists);
    return err;
}
