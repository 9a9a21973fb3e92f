/* The process service: the table of process.c behind process.if, and the domains behind its
 * entries.
 *
 * Init gives it a nameserver end and a memory end (grant `memory`) that are trusted, so that it can
 * have ends made for its children and set their quotas, and an end of its own (parent end) on which
 * init is the client. It calls init for modules and random numbers; init never waits for it.
 *
 * A child is made of one piece of RAM. When it has ended, however it ended, its capabilities are
 * deleted and the piece is abandoned to the memory service. */
#include "process_priv.h"

#include <string.h>

#include <aos/binding.h>
#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/paging.h>
#include <aos/proc.h>
#include <aos/services.h>
#include <aos/waitset.h>
#include <if/init.h>
#include <if/memory.h>
#include <if/nameserver.h>
#include <if/process_server.h>

#define SERVICE_FIRST_PID   16u          /* init's services are below */
#define SERVICE_MODULES_MAX 48u          /* programs kept mapped */
#define SERVICE_PIDS_PAGE   64u          /* as in process.if */
#define PROCESS_GRANTS_MAX  4u           /* as in process.if */
#define SERVICE_STATUS_KILLED 137u       /* what the kernel keeps for a domain that was killed */

/* What is behind an entry of the table, at the same place. */
struct domain {
    struct proc proc;                    /* services: dispatcher only */
    struct event_source death;           /* kept for the next domain at this place */
    bool death_ready;
    bool traced;
    uint32_t tracer;                     /* pid of who asked for it */
};

struct module {
    char name[TABLE_NAME_BYTES + 1];
    const void *file;
    size_t bytes;
    caddr_t frame;                       /* of the file */
};

static struct {
    struct table table;
    struct domain domains[TABLE_ENTRIES_MAX];
    struct process_wait_responder waiters[TABLE_WAITERS_MAX];
    uint32_t module_next;                /* where the next module goes */
    struct module modules[SERVICE_MODULES_MAX];
    struct memory_binding memory;        /* trusted */
    caddr_t init;                        /* its dispatcher, to look at; 0: not told yet */
    struct waitset ws;
    struct process_server server;
} service;

static struct process_exit service_exit(const struct table_exit *how)
{
    return (struct process_exit){
        .kind = how->kind, .status = how->status, .cause = how->cause, .pc = how->pc,
        .address = how->address,
    };
}

static void service_answer_wait(void *arg, uint32_t waiter, uint32_t pid,
                                const struct table_exit *how)
{
    struct process_exit found = {.kind = PROCESS_EXIT_KIND_EXITED};
    errval_t err = how == NULL ? PROCESS_ERR_NO_CHILD : ERR_OK;

    (void)arg;
    if (how != NULL) {
        found = service_exit(how);
    }
    process_wait_reply(&service.waiters[waiter], err, pid, &found);
}

static struct table_exit service_find_exit(const struct table_entry *e,
                                           const struct proc_info *info)
{
    uint8_t kind = info->cause != 0 ? PROCESS_EXIT_KIND_FAULTED
        : e->killed ? PROCESS_EXIT_KIND_KILLED : PROCESS_EXIT_KIND_EXITED;

    return (struct table_exit){
        .kind = kind, .status = (int32_t)info->status, .cause = info->cause, .pc = info->pc,
        .address = info->address,
    };
}

static void service_tell_parent(const struct table_entry *e, const struct table_exit *how)
{
    struct server_conn *conn = server_conn_next(&service.server.base, NULL);
    struct process_exit found = service_exit(how);

    for (; conn != NULL; conn = server_conn_next(&service.server.base, conn)) {
        if (server_conn_pid(conn) == e->parent) {
            process_event_child_ended(conn, e->pid, &found);
        }
    }
}

/* Gives the memory of a child back. */
static void domain_free(struct domain *d)
{
    proc_destroy(&d->proc);
    (void)memory_abandon(&service.memory, d->proc.ram);
}

/* Nobody reads what others record for `pid` any more. */
static void service_untrace(uint32_t pid)
{
    struct table_entry *e = NULL;

    for (uint32_t after = 0; (e = table_next(&service.table, after)) != NULL; after = e->pid) {
        struct domain *d = &service.domains[e->place];

        if (d->traced && d->tracer == pid && e->state == TABLE_LIVE) {
            d->traced = false;
            (void)proc_trace(d->proc.dispatcher, d->proc.trace, false);
        }
    }
}

static void domain_ended(void *arg)
{
    struct table_entry *e = arg;
    struct domain *d = &service.domains[e->place];
    struct proc_info info = {.state = PROC_ENDED};
    struct table_exit how;

    /* It tells nothing if the dispatcher itself is gone, which is an end, too. */
    if (e->state != TABLE_LIVE || (err_is_ok(proc_query(d->proc.dispatcher, &info))
                                   && info.state != PROC_ENDED)) {
        return;
    }
    how = service_find_exit(e, &info);
    d->traced = false;
    service_untrace(e->pid);
    domain_free(d);
    if (e->quota != 0) {
        (void)memory_limit(&service.memory, e->pid, 0);
    }
    service_tell_parent(e, &how);
    table_ended(&service.table, e, &how, service_answer_wait, NULL);
}

/* Init watches its services; here their end is noticed when somebody asks. */
static void service_check_adopted(struct table_entry *e)
{
    struct domain *d = &service.domains[e->place];
    struct proc_info info;
    struct table_exit how;

    if (!e->service || e->state != TABLE_LIVE
        || err_is_fail(proc_query(d->proc.dispatcher, &info)) || info.state != PROC_ENDED) {
        return;
    }
    how = service_find_exit(e, &info);
    (void)cap_destroy(d->proc.dispatcher);
    if (d->proc.trace != 0) {
        (void)cap_destroy(d->proc.trace);
        d->proc.trace = 0;
    }
    d->traced = false;
    table_ended(&service.table, e, &how, service_answer_wait, NULL);
}

/* A place for one more module; when there is none, that of the one that was mapped first. */
static struct module *service_module_place(void)
{
    struct module *m = &service.modules[service.module_next];

    if (m->file != NULL) {
        (void)paging_unmap(paging_self(), (void *)(uintptr_t)m->file);
        (void)cap_destroy(m->frame);     /* whoever runs it has mappings that stay */
        *m = (struct module){.file = NULL};
    }
    return m;
}

/* The program file `name`, mapped until SERVICE_MODULES_MAX others were asked for; modules do not
 * change. */
static errval_t service_module(const char *name, const struct module **ret_module)
{
    struct module *m;
    struct init_binding *init;
    caddr_t frame;
    uint64_t bytes;
    void *va;
    errval_t err;

    for (uint32_t i = 0; i < SERVICE_MODULES_MAX; i++) {
        if (service.modules[i].file != NULL && strcmp(service.modules[i].name, name) == 0) {
            *ret_module = &service.modules[i];
            return ERR_OK;
        }
    }
    if (strlen(name) > TABLE_NAME_BYTES) {
        return PROCESS_ERR_NO_PROGRAM;
    }
    err = aos_init(&init);
    if (err_is_ok(err)) {
        err = init_module(init, name, strlen(name), &frame, &bytes);
    }
    if (err_is_fail(err)) {
        return err_push(err, PROCESS_ERR_NO_PROGRAM);
    }
    err = paging_map_frame(paging_self(), frame, 0, aos_round_up(bytes, AOS_PAGE_BYTES),
                           AOS_VM_READ, &va);
    if (err_is_fail(err)) {
        (void)cap_destroy(frame);
        return err_push(err, PROCESS_ERR_NO_MEMORY);
    }
    (void)proc_share(va, bytes);         /* no program: that is told when it is to be started */
    m = service_module_place();
    strcpy(m->name, name);
    m->frame = frame;
    m->file = va;
    m->bytes = bytes;
    service.module_next = (service.module_next + 1) % SERVICE_MODULES_MAX;
    *ret_module = m;
    return ERR_OK;
}

/* Which error of the interface stands for a failure of proc_measure or proc_build? */
static errval_t service_error(errval_t err)
{
    if (err_has(err, LIB_ERR_ARGS_SIZE)) {
        return err_push(err, PROCESS_ERR_BAD_ARGS);
    }
    if (err_has(err, LIB_ERR_NO_MEMORY)) {
        return err_push(err, PROCESS_ERR_NO_MEMORY);
    }
    if (err_has(err, LIB_ERR_SPAWN_CSPACE) || err_has(err, LIB_ERR_SPAWN_VSPACE)
        || err_has(err, LIB_ERR_SPAWN_START)) {
        return err_push(err, PROCESS_ERR_FAILED);
    }
    return err_push(err, PROCESS_ERR_BAD_ELF);
}

/* Builds and starts the domain of `e` in fresh RAM. On failure nothing is left. */
static errval_t domain_start(struct table_entry *e, const struct proc_spec *spec)
{
    struct domain *d = &service.domains[e->place];
    uint64_t bytes, actual;
    caddr_t ram;
    errval_t err = proc_measure(spec, &bytes);

    if (err_is_fail(err)) {
        return service_error(err);
    }
    err = memory_alloc(&service.memory, bytes, PROC_RAM_ALIGN, &ram, &actual);
    if (err_is_fail(err)) {
        return err_push(err, PROCESS_ERR_NO_MEMORY);
    }
    err = proc_build(spec, ram, &d->proc);
    if (err_is_fail(err)) {
        (void)memory_free(&service.memory, ram);
        return service_error(err);
    }
    if (!d->death_ready) {
        err = event_source_init(&d->death, &service.ws, domain_ended, e);
        d->death_ready = err_is_ok(err);
    }
    if (err_is_ok(err)) {
        err = proc_watch(d->proc.dispatcher, d->death.trigger);
    }
    if (err_is_ok(err)) {
        err = proc_start(&d->proc);
    }
    if (err_is_fail(err)) {
        domain_free(d);
        return err_push(err, PROCESS_ERR_FAILED);
    }
    return ERR_OK;
}

/* What a child needs besides its program: a seed, a quota, an end of the nameserver. */
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
        err = memory_limit(&service.memory, e->pid, e->quota);
    }
    if (err_is_ok(err)) {
        err = aos_nameserver(&nameserver);
    }
    if (err_is_ok(err)) {
        err = binding_clone(&nameserver->base, e->pid, 0, &spec->nameserver);
    }
    return err_is_ok(err) ? ERR_OK : err_push(err, PROCESS_ERR_FAILED);
}

/* Pairs the granted capabilities with their names; a name may be missing. */
static uint32_t service_grants(struct server_ctx *ctx, const char *names, size_t names_len,
                               const caddr_t *caps, size_t count,
                               struct proc_grant grants[PROCESS_GRANTS_MAX])
{
    const char *end = names + names_len;

    for (size_t i = 0; i < count; i++) {
        grants[i] = (struct proc_grant){.cap = caps[i]};
        server_take_cap(ctx, caps[i]);
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
        err = table_add(&service.table, (uint32_t)ctx->peer_pid, spec->args, quota, &e);
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
    err = service_equip(e, spec);
    if (err_is_ok(err)) {
        err = domain_start(e, spec);
    }
    if (err_is_fail(err)) {
        table_undo(&service.table, e);
        return err;
    }
    *ret_pid = e->pid;
    return ERR_OK;
}

static errval_t on_spawn(struct server_ctx *ctx, const char *args, size_t args_len,
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
    spec.grant_count = service_grants(ctx, grant_names, grant_names_len, grants, grants_count,
                                      given);
    return service_spawn(ctx, &spec, quota, ret_pid);
}

static errval_t on_wait(struct server_ctx *ctx, uint32_t pid, uint32_t *ret_who,
                        struct process_exit *ret_exit)
{
    enum table_wait what;
    struct table_exit how;
    uint32_t waiter;
    errval_t err = table_wait(&service.table, (uint32_t)ctx->peer_pid, pid, &what, ret_who, &how,
                              &waiter);

    if (err_is_fail(err)) {
        return err;
    }
    if (what == TABLE_WAIT_LATER) {
        service.waiters[waiter] = process_wait_defer(ctx);
        return SERVER_DEFERRED;
    }
    *ret_exit = service_exit(&how);
    return ERR_OK;
}

static errval_t on_kill(struct server_ctx *ctx, uint32_t pid)
{
    errval_t err = table_may_kill(&service.table, (uint32_t)ctx->peer_pid, pid);
    struct table_entry *e = table_find(&service.table, pid);

    if (err_is_fail(err)) {
        return err;
    }
    e->killed = true;
    err = proc_kill(service.domains[e->place].proc.dispatcher, SERVICE_STATUS_KILLED);
    return err_is_ok(err) ? ERR_OK : err_push(err, PROCESS_ERR_DENIED);
}

static errval_t on_status(struct server_ctx *ctx, uint32_t pid, bool *ret_ended,
                          struct process_exit *ret_exit)
{
    struct table_entry *e = table_find(&service.table, pid);
    struct table_exit none = {.kind = PROCESS_EXIT_KIND_EXITED};

    (void)ctx;
    if (e == NULL) {
        return PROCESS_ERR_NO_PID;
    }
    *ret_ended = e->state == TABLE_ENDED;
    *ret_exit = service_exit(*ret_ended ? &e->exit : &none);
    return ERR_OK;
}

static errval_t on_pids(struct server_ctx *ctx, uint32_t after, uint32_t *ret_pids,
                        size_t *ret_pids_count)
{
    struct table_entry *e;
    size_t count = 0;

    (void)ctx;
    while (count < SERVICE_PIDS_PAGE && (e = table_next(&service.table, after)) != NULL) {
        after = e->pid;
        service_check_adopted(e);
        if (e->state != TABLE_UNUSED) {
            ret_pids[count++] = e->pid;
        }
    }
    *ret_pids_count = count;
    return ERR_OK;
}

static errval_t on_name(struct server_ctx *ctx, uint32_t pid, char *ret_name,
                        size_t *ret_name_len)
{
    const struct table_entry *e = table_find(&service.table, pid);
    const char *name = pid == TABLE_PID_INIT ? "init" : e != NULL ? e->name : NULL;

    (void)ctx;
    if (name == NULL) {
        return PROCESS_ERR_NO_PID;
    }
    *ret_name_len = strlen(name);
    memcpy(ret_name, name, *ret_name_len);
    return ERR_OK;
}

static process_state_t service_state(enum proc_state state)
{
    static const process_state_t states[] = {
        [PROC_RUNNABLE] = PROCESS_STATE_RUNNABLE, [PROC_WAITING] = PROCESS_STATE_WAITING,
        [PROC_STOPPED] = PROCESS_STATE_STOPPED, [PROC_ENDED] = PROCESS_STATE_ENDED,
    };

    return states[state];
}

static errval_t on_describe(struct server_ctx *ctx, uint32_t pid, struct process_info *ret_info)
{
    const struct table_entry init = {.state = TABLE_LIVE};
    const struct table_entry *e =
        pid == TABLE_PID_INIT ? &init : table_find(&service.table, pid);
    struct proc_info info = {.state = PROC_ENDED};

    (void)ctx;
    if (e == NULL) {
        return PROCESS_ERR_NO_PID;
    }
    if (e->state == TABLE_LIVE) {
        (void)proc_query(pid == TABLE_PID_INIT ? service.init
                                               : service.domains[e->place].proc.dispatcher, &info);
    }
    *ret_info = (struct process_info){
        .pid = e->pid, .parent = e->parent, .core = 0, .state = service_state(info.state),
        .cpu_ns = info.cpu_ns, .messages = info.messages, .preemptions = info.preemptions,
        .quota = e->quota,
    };
    return ERR_OK;
}

static errval_t on_self(struct server_ctx *ctx, uint32_t *ret_pid, uint32_t *ret_parent)
{
    const struct table_entry *e = table_find(&service.table, (uint32_t)ctx->peer_pid);

    *ret_pid = (uint32_t)ctx->peer_pid;
    *ret_parent = e == NULL ? TABLE_PID_INIT : e->parent;
    return ERR_OK;
}

static errval_t on_adopt(struct server_ctx *ctx, uint32_t pid, const char *name, size_t name_len,
                         caddr_t dispatcher)
{
    char text[TABLE_NAME_BYTES + 1] = {0};
    struct table_entry *e;
    errval_t err;

    if (ctx->peer_pid != TABLE_PID_INIT) {
        return PROCESS_ERR_DENIED;
    }
    if (pid == TABLE_PID_INIT && service.init == 0) {
        server_take_cap(ctx, dispatcher);
        service.init = dispatcher;
        return ERR_OK;
    }
    memcpy(text, name, name_len);
    err = table_adopt(&service.table, pid, text, &e);
    if (err_is_ok(err)) {
        server_take_cap(ctx, dispatcher);
        service.domains[e->place].proc.dispatcher = dispatcher;
    }
    return err;
}

static errval_t on_adopt_ring(struct server_ctx *ctx, uint32_t pid, caddr_t ring)
{
    struct table_entry *e = table_find(&service.table, pid);

    if (ctx->peer_pid != TABLE_PID_INIT) {
        return PROCESS_ERR_DENIED;
    }
    if (e == NULL || !e->service || service.domains[e->place].proc.trace != 0) {
        return PROCESS_ERR_NO_PID;
    }
    server_take_cap(ctx, ring);
    service.domains[e->place].proc.trace = ring;
    return ERR_OK;
}

static errval_t on_trace(struct server_ctx *ctx, uint32_t pid,
                         process_tracing_t tracing, caddr_t *ret_ring)
{
    const bool on = tracing == PROCESS_TRACING_ON;
    errval_t err = table_may_kill(&service.table, (uint32_t)ctx->peer_pid, pid);
    struct table_entry *e = table_find(&service.table, pid);
    struct domain *d = e != NULL ? &service.domains[e->place] : NULL;

    if (err_is_fail(err)) {
        return err;
    }
    err = d->proc.trace == 0 ? LIB_ERR_NOT_FOUND
                             : proc_trace(d->proc.dispatcher, d->proc.trace, on);
    if (err_is_fail(err)) {
        return err_push(err, PROCESS_ERR_FAILED);
    }
    d->traced = on;
    d->tracer = (uint32_t)ctx->peer_pid;
    *ret_ring = d->proc.trace;
    return ERR_OK;
}

static const struct process_server_ops ops = {
    .on_spawn = on_spawn, .on_wait = on_wait, .on_kill = on_kill, .on_status = on_status,
    .on_pids = on_pids, .on_name = on_name, .on_describe = on_describe, .on_self = on_self,
    .on_adopt = on_adopt, .on_adopt_ring = on_adopt_ring, .on_trace = on_trace,
};

int main(void)
{
    struct server_conn *conn;
    caddr_t memory_end;
    errval_t err;

    table_init(&service.table, SERVICE_FIRST_PID);
    waitset_init(&service.ws);
    process_serve(&service.server, &ops, &service, &service.ws);
    err = server_add_end(&service.server.base, KPI_CAP_PARENT, TABLE_PID_INIT,
                         SERVER_PEER_TRUSTED, &conn);
    if (err_is_ok(err)) {
        err = domain_grant("memory", &memory_end);
    }
    if (err_is_ok(err)) {
        err = memory_bind(memory_end, &service.memory);
    }
    if (err_is_ok(err)) {
        err = aos_register(&service.server.base, "process", NULL, 0);
    }
    if (err_is_fail(err)) {
        aos_panic("process: cannot start: 0x%llx", (unsigned long long)err);
    }
    waitset_run(&service.ws);
}
