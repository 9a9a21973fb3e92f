/* Starting a child: what the caller asks for, and what a child needs besides. */
#include <stdlib.h>
#include <string.h>

#include "keep.h"
#include "peers.h"

#include <aos/binding.h>
#include <aos/domain.h>
#include <aos/services.h>
#include <aos/time.h>
#include <if/init.h>

#define PROCESS_GRANTS_MAX  4u           /* as in process.if */
#define SPAWN_JOIN_NS       5000000000ull /* for the service of the parent's core to answer */
#define SPAWN_PAUSE_NS      5000000ull   /* between tries */

/* A child that is to be started. */
struct spawn {
    struct peers_call call;              /* first; if its parent is on another core */
    struct proc_spec spec;
    struct proc_grant given[PROCESS_GRANTS_MAX];
    struct table_new what;
    char *lists;                         /* arguments and environment */
    struct table_entry *e;
    bool launch;                         /* else spawn was called */
    union {
        struct process_spawn_responder spawn;
        struct process_launch_responder launch;
    } answer;
    /* Of a call: what the other service says. */
    uint32_t pid;
    errval_t err;
    struct process_limits limits;
    uint32_t group;
    uint32_t above[TABLE_ABOVE_MAX];
    size_t above_count;
};

static void spawn_free(struct spawn *s)
{
    free(s->lists);
    free(s);
}

/* What a child needs besides its program: an account of memory, a seed, and an end of init, which
 * never ends, and gives it one of the nameserver if it asks. */
static errval_t service_equip(struct table_entry *e, struct proc_spec *spec)
{
    struct init_binding *init;
    errval_t err = account_open(e->pid, table_foreign(e) ? TABLE_PID_INIT : e->parent,
                                e->limits.memory);

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
static void service_grants(struct spawn *s, const char *names, size_t names_len,
                           const caddr_t *caps, size_t count)
{
    const char *end = names + names_len;

    for (size_t i = 0; i < count; i++) {
        s->given[i] = (struct proc_grant){.cap = caps[i]};
        if (names < end) {
            strncpy(s->given[i].name, names, sizeof(s->given[i].name) - 1);
            names += strlen(names) + 1;
        }
    }
    s->spec.grants = s->given;
    s->spec.grant_count = (uint32_t)count;
}

/* Builds and starts the domain of the entry, which is LIVE. On failure nothing is left but the
 * entry. */
static errval_t spawn_start(struct spawn *s)
{
    struct table_entry *e = s->e;
    struct proc_spec *spec = &s->spec;
    const struct module *m;
    errval_t err = svc.closed ? PROCESS_ERR_NO_CORE : service_module(spec->args, &m);

    if (err_is_ok(err)) {
        spec->image = m->image;
        spec->pid = e->pid;
        spec->quota = e->limits.memory;
        spec->limits = (struct kpi_limits){
            .threads = e->limits.threads, .slots = e->limits.slots,
            .endpoints = e->limits.endpoints, .calls = e->limits.calls,
        };
        spec->early_ram_bytes = PROC_EARLY_RAM_BYTES;
        spec->parent_iface = INIT_ID;
        err = service_equip(e, spec);
    }
    if (err_is_ok(err)) {
        err = domain_start(e, spec);
    } else {
        domain_drop(spec);
    }
    if (err_is_fail(err)) {
        account_end(e->pid);             /* if it has one */
    }
    return err;
}

/* --- with a parent on another core ---------------------------------------------------------- */

/* Did the other service say this? Else it may have been asked or not. */
static bool spawn_is_answer(errval_t err)
{
    switch (err_no(err)) {
    case ERR_OK:
    case PROCESS_ERR_NO_PID:
    case PROCESS_ERR_DENIED:
    case PROCESS_ERR_LIMIT:
    case PROCESS_ERR_NO_GROUP:
    case PROCESS_ERR_NO_MEMORY:
    case PROCESS_ERR_PID_TAKEN:
        return true;
    default:
        return false;
    }
}

/* In the thread of the peers. Until there is an answer: it may have arrived and the answer not. */
static void spawn_join(struct peers_call *c)
{
    struct spawn *s = (struct spawn *)c;
    uint32_t core = domain_core_of(s->what.parent);
    uint64_t until = time_deadline_ns(SPAWN_JOIN_NS);
    process_start_t start = (process_start_t)((s->what.detached ? PROCESS_START_DETACHED : 0)
                                              | (s->what.lead ? PROCESS_START_LEAD : 0));
    struct process_binding *b;

    for (;;) {
        s->err = peers_find(core, &b);
        if (err_is_ok(s->err)) {
            s->err = process_join(b, s->pid, s->what.parent, s->e->name, strlen(s->e->name),
                                  &s->what.limits, start, s->what.group, &s->limits, &s->group,
                                  s->above, &s->above_count);
        }
        if (spawn_is_answer(s->err) || time_now_ns() >= until) {
            return;
        }
        peers_forget(core);
        thread_sleep_ns(SPAWN_PAUSE_NS);
    }
}

static void spawn_reply(struct spawn *s, errval_t err)
{
    if (s->launch) {
        process_launch_reply(&s->answer.launch, err, s->pid);
    } else {
        process_spawn_reply(&s->answer.spawn, err, s->pid);
    }
    spawn_free(s);
}

static void spawn_joined(struct peers_call *c)
{
    struct spawn *s = (struct spawn *)c;
    errval_t err = s->err;
    bool drop = true;

    if (err_no(err) == PROCESS_ERR_PID_TAKEN) {
        table_renumber(&svc.table, s->e);
        s->pid = s->e->pid;
        keep_starting(s->e);
        peers_ask(&s->call);
        return;
    }
    if (err_is_ok(err)) {
        err = table_begin(s->e, &s->limits, s->group, s->above, (uint32_t)s->above_count);
    }
    if (err_is_ok(err)) {
        err = spawn_start(s);
        drop = false;
    }
    if (drop) {
        domain_drop(&s->spec);
    }
    if (err_is_fail(err)) {
        kin_never(&domain_kin, s->e);
        err = !spawn_is_answer(s->err) || err_no(err) == PROCESS_ERR_NO_PID
            ? PROCESS_ERR_FAILED : err;  /* no answer, or the caller has ended */
    }
    keep_sync();
    spawn_reply(s, err);
}

static errval_t spawn_ask_parent(struct server_ctx *ctx, struct spawn *s)
{
    errval_t err = table_reserve(&svc.table, s->what.parent, s->what.name, &s->e);

    if (err_is_fail(err)) {
        return err;
    }
    s->pid = s->e->pid;
    s->call = (struct peers_call){.run = spawn_join, .done = spawn_joined};
    if (s->launch) {
        s->answer.launch = process_launch_defer(ctx);
    } else {
        s->answer.spawn = process_spawn_defer(ctx);
    }
    keep_starting(s->e);
    peers_ask(&s->call);
    return SERVER_DEFERRED;
}

/* --- with a parent here --------------------------------------------------------------------- */

static errval_t spawn_child(struct spawn *s)
{
    errval_t err = table_add(&svc.table, &s->what, &s->e);

    if (err_is_fail(err)) {
        domain_drop(&s->spec);
        return err == PROCESS_ERR_NO_PID ? PROCESS_ERR_FAILED : err; /* the caller has ended */
    }
    keep_starting(s->e);
    err = spawn_start(s);
    if (err_is_fail(err)) {
        table_undo(&svc.table, s->e);
    }
    keep_sync();
    return err;
}

/* Starts what `s` says, but for the name, which is the first of the arguments. `s` is freed. */
static errval_t spawn_run(struct server_ctx *ctx, struct spawn *s, uint32_t *ret_pid)
{
    const struct module *m;
    errval_t err = svc.closed ? PROCESS_ERR_NO_CORE
        : s->spec.args_bytes == 0 || s->spec.args[0] == '\0' ? PROCESS_ERR_BAD_ARGS
        : service_module(s->spec.args, &m);

    if (err_is_ok(err)) {
        s->what.parent = (uint32_t)ctx->peer_pid;
        s->what.name = s->spec.args;
        for (uint32_t i = 0; i < s->spec.grant_count; i++) {
            server_take_cap(ctx, s->given[i].cap);
        }
        if (s->what.parent != TABLE_PID_INIT
            && domain_core_of(s->what.parent) != domain_core()) {
            err = spawn_ask_parent(ctx, s);
            if (err == SERVER_DEFERRED) {
                return err;
            }
            domain_drop(&s->spec);
        } else {
            err = spawn_child(s);
        }
    }
    if (err_is_ok(err)) {
        *ret_pid = s->e->pid;
    }
    spawn_free(s);
    return err;
}

/* One with room for lists of so many bytes. BAD_ARGS: they are too long together; NO_MEMORY. */
static errval_t spawn_make(size_t args_bytes, size_t env_bytes, struct spawn **ret_spawn)
{
    struct spawn *s;

    if (args_bytes > PROC_ARGS_BYTES_MAX || env_bytes > PROC_ARGS_BYTES_MAX - args_bytes) {
        return PROCESS_ERR_BAD_ARGS;
    }
    s = calloc(1, sizeof(*s));
    if (s != NULL) {
        s->lists = malloc(args_bytes + env_bytes + 1);
    }
    if (s == NULL || s->lists == NULL) {
        free(s);
        return PROCESS_ERR_NO_MEMORY;
    }
    s->spec.args = s->lists;
    s->spec.args_bytes = args_bytes;
    s->spec.env = s->lists + args_bytes;
    s->spec.env_bytes = env_bytes;
    *ret_spawn = s;
    return ERR_OK;
}

errval_t on_spawn(struct server_ctx *ctx, const char *args, size_t args_len, const char *env,
                  size_t env_len, uint8_t core, uint64_t quota, const char *grant_names,
                  size_t grant_names_len, const caddr_t *grants, size_t grants_count,
                  uint32_t *ret_pid)
{
    struct spawn *s;
    errval_t err = core != domain_core() ? PROCESS_ERR_NO_CORE : spawn_make(args_len, env_len, &s);

    if (err_is_fail(err)) {
        return err;
    }
    memcpy(s->lists, args, args_len);
    memcpy(s->lists + args_len, env, env_len);
    s->what.limits.memory = quota;
    service_grants(s, grant_names, grant_names_len, grants, grants_count);
    return spawn_run(ctx, s, ret_pid);
}

errval_t on_launch(struct server_ctx *ctx, const struct lease *args, const struct lease *env,
                   uint8_t core, const struct process_limits *limits, process_start_t start,
                   uint32_t group, const char *grant_names, size_t grant_names_len,
                   const caddr_t *grants, size_t grants_count, uint32_t *ret_pid)
{
    struct spawn *s;
    errval_t err = core != domain_core() ? PROCESS_ERR_NO_CORE
                                         : spawn_make(lease_len(args), lease_len(env), &s);

    if (err_is_fail(err)) {
        return err;
    }
    if (err_is_fail(lease_read_strings(args, s->lists))
        || err_is_fail(lease_read_strings(env, s->lists + lease_len(args)))) {
        spawn_free(s);
        return PROCESS_ERR_BAD_ARGS;
    }
    s->launch = true;
    s->what.limits = *limits;
    s->what.detached = (start & PROCESS_START_DETACHED) != 0;
    s->what.lead = (start & PROCESS_START_LEAD) != 0;
    s->what.group = group;
    service_grants(s, grant_names, grant_names_len, grants, grants_count);
    return spawn_run(ctx, s, ret_pid);
}
