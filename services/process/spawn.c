/* Starting a child: what the caller asks for, and what a child needs besides. */
#include "service_priv.h"

#include <string.h>

#include <aos/binding.h>
#include <aos/services.h>
#include <if/init.h>
#include <if/nameserver.h>

#define PROCESS_GRANTS_MAX  4u           /* as in process.if */

/* What a child needs besides its program: a seed, a quota, an end of the nameserver, and one of
 * this service, so that it can be reached without the nameserver. */
static errval_t service_equip(struct table_entry *e, struct proc_spec *spec)
{
    struct init_binding *init;
    struct nameserver_binding *nameserver;
    errval_t err = aos_init(&init);

    if (err_is_ok(err)) {
        err = init_random(init, &spec->random[0], &spec->random[1], &spec->random[2],
                          &spec->random[3]);
    }
    if (err_is_ok(err) && e->quota != 0) {
        err = memory_limit(&svc.memory, e->pid, e->quota);
    }
    if (err_is_ok(err)) {
        err = aos_nameserver(&nameserver);
    }
    if (err_is_ok(err)) {
        err = binding_clone(&nameserver->base, e->pid, 0, &spec->nameserver);
    }
    if (err_is_ok(err)) {
        err = server_make_end(&svc.server.base, e->pid, 0, &spec->parent);
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

static errval_t service_spawn(struct server_ctx *ctx, struct proc_spec *spec, uint64_t quota,
                              uint32_t *ret_pid)
{
    const struct module *m;
    struct table_entry *e;
    errval_t err;

    if (spec->args_bytes == 0 || spec->args[0] == '\0') {
        return PROCESS_ERR_BAD_ARGS;
    }
    err = service_module(spec->args, &m);
    if (err_is_ok(err)) {
        err = table_add(&svc.table, (uint32_t)ctx->peer_pid, spec->args, quota, &e);
    }
    if (err_is_fail(err)) {
        return err;
    }
    spec->file = m->file;
    spec->file_bytes = m->bytes;
    spec->file_frame = m->frame;
    spec->pid = e->pid;
    spec->quota = quota;
    spec->early_ram_bytes = PROC_EARLY_RAM_BYTES;
    spec->parent_iface = PROCESS_ID;
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
        if (e->quota != 0) {
            (void)memory_limit(&svc.memory, e->pid, 0);
        }
        table_undo(&svc.table, e);
        return err;
    }
    *ret_pid = e->pid;
    return ERR_OK;
}

errval_t on_spawn(struct server_ctx *ctx, const char *args, size_t args_len,
                         const char *env, size_t env_len, uint8_t core, uint64_t quota,
                         const char *grant_names, size_t grant_names_len, const caddr_t *grants,
                         size_t grants_count, uint32_t *ret_pid)
{
    struct proc_grant given[PROCESS_GRANTS_MAX];
    struct proc_spec spec = {
        .args = args, .args_bytes = args_len, .env = env, .env_bytes = env_len, .grants = given,
    };

    if (core != 0) {
        return PROCESS_ERR_NO_CORE;
    }
    spec.grant_count = service_grants(grant_names, grant_names_len, grants, grants_count, given);
    return service_spawn(ctx, &spec, quota, ret_pid);
}
