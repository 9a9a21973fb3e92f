/* A child as a domain: it is made of one piece of RAM. When it has ended, however it ended, its
 * capabilities are deleted and the piece is abandoned to the memory service. */
#include "keep.h"
#include "peers.h"

#include <aos/cap.h>

struct process_exit service_exit(const struct table_exit *how)
{
    return (struct process_exit){
        .kind = how->kind, .status = how->status, .cause = how->cause, .pc = how->pc,
        .address = how->address,
    };
}

void service_answer_wait(void *arg, uint32_t waiter, uint32_t pid,
                                const struct table_exit *how)
{
    struct process_exit found = {.kind = PROCESS_EXIT_KIND_EXITED};
    errval_t err = how == NULL ? PROCESS_ERR_NO_CHILD : ERR_OK;

    (void)arg;
    if (how != NULL) {
        found = service_exit(how);
    }
    process_wait_reply(&svc.waiters[waiter], err, pid, &found);
}

struct table_exit service_find_exit(const struct table_entry *e,
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
    struct server_conn *conn = server_conn_next(&svc.server.base, NULL);
    struct process_exit found = service_exit(how);

    for (; conn != NULL; conn = server_conn_next(&svc.server.base, conn)) {
        if (server_conn_pid(conn) == e->parent) {
            process_event_child_ended(conn, e->pid, &found);
        }
    }
}

void domain_give_ram(caddr_t ram)
{
    (void)memory_abandon(&svc.memory, ram);
}

/* Lets go of all that a domain was: the memory of a child goes back. */
static void domain_free(struct domain *d, bool service)
{
    if (!service) {
        if (d->death_ready) {
            event_source_deinit(&d->death);
            d->death_ready = false;
        }
        proc_destroy(&d->proc);
        domain_give_ram(d->proc.ram);
        return;
    }
    if (d->proc.dispatcher != 0) {
        (void)cap_destroy(d->proc.dispatcher);
        d->proc.dispatcher = 0;
    }
    if (d->proc.trace != 0) {
        (void)cap_destroy(d->proc.trace);
        d->proc.trace = 0;
    }
}

/* kin_ops: nothing that must end before `e` is left. */
static void domain_release(void *arg, struct table_entry *e, struct table_exit *io_how)
{
    struct domain *d = &svc.domains[e->place];
    struct proc_info info = {.state = PROC_ENDED};

    (void)arg;
    if (!e->away) {
        /* It tells nothing if the dispatcher itself is gone, which is an end, too. */
        (void)proc_query(d->proc.dispatcher, &info);
        *io_how = service_find_exit(e, &info);
        keep_ending(e, io_how);
        d->traced = false;
        domain_free(d, e->service);
    }
    service_untrace(e->pid);
    if (!e->service) {
        account_end(e->pid);             /* of an away one if it has a part of its parent's */
    }
    if (!table_foreign(e)) {
        service_tell_parent(e, io_how);
    }
}

void domain_kill(struct table_entry *e)
{
    struct proc_info info;
    caddr_t dispatcher = svc.domains[e->place].proc.dispatcher;

    e->killed = e->killed || err_is_fail(proc_query(dispatcher, &info))
        || info.state != PROC_ENDED;
    keep_sync();
    (void)proc_kill(dispatcher, DOMAIN_STATUS_KILLED);
}

static void domain_stop(void *arg, struct table_entry *e)
{
    (void)arg;
    domain_kill(e);
}

static const struct kin_ops domain_kin_ops = {
    .stop = domain_stop, .release = domain_release, .note = peers_note,
    .answer = service_answer_wait,
};

struct kin domain_kin = {.table = &svc.table, .ops = &domain_kin_ops};

void domain_check(struct table_entry *e)
{
    struct proc_info info;

    if (e->state != TABLE_LIVE || e->guest || e->away
        || (err_is_ok(proc_query(svc.domains[e->place].proc.dispatcher, &info))
            && info.state != PROC_ENDED)) {
        return;
    }
    kin_end(&domain_kin, e);
    keep_sync();
}

errval_t domain_invite(uint32_t pid)
{
    struct table_entry *e;

    return pid == TABLE_PID_INIT || domain_core_of(pid) == domain_core()
            || table_find(&svc.table, pid) != NULL
        ? ERR_OK : table_add_guest(&svc.table, pid, &e);
}

void domain_guest_gone(uint32_t pid)
{
    const struct table_exit how = {.kind = PROCESS_EXIT_KIND_EXITED};
    struct table_entry *e = table_find(&svc.table, pid);

    if (e != NULL && e->guest) {
        service_untrace(pid);
        table_ended(&svc.table, e, &how, service_answer_wait, NULL);
    }
}

static void domain_ended(void *arg)
{
    domain_check(arg);
}

/* Which error of the interface stands for a failure of proc_plan or proc_build? */
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

void domain_drop(const struct proc_spec *spec)
{
    const caddr_t ends[] = {spec->nameserver, spec->parent};

    for (uint32_t i = 0; i < 2; i++) {
        if (ends[i] != 0) {
            (void)cap_destroy(ends[i]);
        }
    }
    for (uint32_t i = 0; i < spec->grant_count; i++) {
        (void)cap_destroy(spec->grants[i].cap);
    }
}

errval_t domain_watch(struct table_entry *e)
{
    struct domain *d = &svc.domains[e->place];
    errval_t err = ERR_OK;

    if (!d->death_ready) {
        err = event_source_init(&d->death, &svc.ws, domain_ended, e);
        d->death_ready = err_is_ok(err);
    }
    return err_is_ok(err) ? proc_watch(d->proc.dispatcher, d->death.trigger) : err;
}

errval_t domain_start(struct table_entry *e, const struct proc_spec *spec)
{
    struct domain *d = &svc.domains[e->place];
    struct proc_build *build;
    uint64_t bytes;
    caddr_t ram;
    errval_t err = proc_plan(spec, &build, &bytes);

    if (err_is_fail(err)) {
        domain_drop(spec);
        return service_error(err);
    }
    err = account_alloc(e->pid, bytes, PROC_RAM_ALIGN, &ram);
    if (err_is_fail(err)) {
        err = err_push(err, PROCESS_ERR_NO_MEMORY);
    } else {
        err = keep_ram(e, &ram);
        err = err_is_ok(err) ? ERR_OK : err_push(err, PROCESS_ERR_FAILED);
    }
    if (err_is_fail(err)) {
        proc_forget(build);
        domain_drop(spec);
        return err;
    }
    err = proc_build(build, ram, &d->proc);
    if (err_is_fail(err)) {
        (void)memory_free(&svc.memory, ram);
        return service_error(err);
    }
    err = keep_proc(e, &d->proc);
    if (err_is_ok(err)) {
        err = domain_watch(e);
    }
    if (err_is_ok(err)) {
        err = proc_start(&d->proc);
    }
    if (err_is_fail(err)) {
        domain_free(d, /* service= */ false);
        return err_push(err, PROCESS_ERR_FAILED);
    }
    return ERR_OK;
}
