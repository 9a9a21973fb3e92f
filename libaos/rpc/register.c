/* Names of this domain. They are registered again when the nameserver has ended and another is
 * there. That takes calls that wait, which the servers' own threads must not do, so one more thread
 * does it. */
#include <aos/services.h>

#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/thread.h>
#include <aos/time.h>
#include <aos/waitset.h>
#include <if/nameserver.h>

/* Pid of the nameserver's end on a service, as far as the service knows it: it speaks for
 * others. */
#define RPC_PID_NAMESERVER  0u
#define RPC_REGISTER_PAUSE_NS 100000000ull /* between tries to register again */

struct rpc_name {
    struct rpc_name *next;
    struct server *server;
    const char *name, *props;
    size_t props_bytes;
    bool due;                            /* this nameserver does not know it yet */
};

static struct {
    struct mutex lock;
    bool watched;                        /* the thread is there */
    struct rpc_name *names;
    struct waitset ws;
    struct waitset_timer timer;
} rpc_names;

static errval_t rpc_register_on(struct nameserver_binding *b, const struct rpc_name *n)
{
    caddr_t end;
    errval_t err = server_make_end(n->server, RPC_PID_NAMESERVER, SERVER_PEER_TRUSTED, &end);

    return err_is_fail(err) ? err
                            : nameserver_register(b, n->name, strlen(n->name), n->server->iface->id,
                                                  n->props, n->props_bytes, end);
}

/* A name is taken: by somebody who has ended, of which the news is still on its way from another
 * core? Who is looked up is asked, and does not answer then. */
static bool rpc_has_ended(struct nameserver_binding *b, const char *name)
{
    char props[NAMESERVER_DESCRIBE_PROPS_MAX];
    uint32_t pid;
    uint16_t iface;
    size_t bytes;
    caddr_t end;
    errval_t err = nameserver_describe(b, name, strlen(name), &pid, &iface, props, &bytes);

    if (err_is_ok(err)
        && (pid == domain_pid() || domain_core_of(pid) == domain_startup()->boot_core)) {
        return false;
    }
    err = err_is_ok(err) ? aos_lookup(name, &end) : err;
    if (err_is_ok(err)) {
        (void)cap_destroy(end);
    }
    return err_has(err, NAMESERVER_ERR_NOT_FOUND);
}

static errval_t rpc_register(const struct rpc_name *n)
{
    struct nameserver_binding *b;
    errval_t err = aos_nameserver(&b);

    err = err_is_ok(err) ? rpc_register_on(b, n) : err;
    if (err_has(err, NAMESERVER_ERR_TAKEN) && rpc_has_ended(b, n->name)) {
        err = rpc_register_on(b, n);
    }
    return err;
}

/* Registers what is due. What fails is tried again. */
static void rpc_register_due(void *arg)
{
    struct nameserver_binding *b;
    bool more = false;

    (void)arg;
    if (err_is_fail(aos_nameserver(&b))) {
        return;                          /* it was there, so this cannot be */
    }
    more = err_is_fail(binding_reopen(&b->base, time_deadline_ns(BINDING_REOPEN_NS)));
    mutex_lock(&rpc_names.lock);
    for (struct rpc_name *n = rpc_names.names; n != NULL; n = n->next) {
        if (n->due && !more) {
            n->due = err_is_fail(rpc_register(n));
        }
        more = more || n->due;
    }
    mutex_unlock(&rpc_names.lock);
    if (more) {
        (void)waitset_timer_set(&rpc_names.ws, &rpc_names.timer,
                                time_deadline_ns(RPC_REGISTER_PAUSE_NS), rpc_register_due, NULL);
    }
}

static void rpc_names_gone(void *arg)
{
    mutex_lock(&rpc_names.lock);
    for (struct rpc_name *n = rpc_names.names; n != NULL; n = n->next) {
        n->due = true;
    }
    mutex_unlock(&rpc_names.lock);
    rpc_register_due(arg);
}

static int rpc_registrar(void *arg)
{
    (void)arg;
    waitset_run(&rpc_names.ws);
    return 0;
}

/* From now on the end of the nameserver is noticed. */
static errval_t rpc_watch_names(struct nameserver_binding *b)
{
    struct thread *thread;
    errval_t err;

    if (rpc_names.watched) {
        return ERR_OK;
    }
    waitset_init(&rpc_names.ws);
    err = thread_create(rpc_registrar, NULL, &(struct thread_attr){.detached = true}, &thread);
    if (err_is_ok(err)) {
        rpc_names.watched = true;
        binding_set_waitset(&b->base, &rpc_names.ws);
        binding_on_peer_gone(&b->base, rpc_names_gone, NULL);
    }
    return err;
}

static struct rpc_name *rpc_name_new(struct server *server, const char *name, const char *props,
                                     size_t props_bytes)
{
    size_t name_bytes = strlen(name) + 1;
    struct rpc_name *n = malloc(sizeof(*n) + name_bytes + props_bytes);
    char *text;

    if (n == NULL) {
        return NULL;
    }
    text = (char *)(n + 1);
    memcpy(text, name, name_bytes);
    if (props_bytes != 0) {
        memcpy(text + name_bytes, props, props_bytes);
    }
    *n = (struct rpc_name){
        .server = server, .name = text, .props = text + name_bytes, .props_bytes = props_bytes,
    };
    return n;
}

errval_t aos_register(struct server *server, const char *name, const char *props,
                      size_t props_bytes)
{
    struct nameserver_binding *b;
    struct rpc_name *n = NULL;
    errval_t err = aos_nameserver(&b);

    if (err_is_ok(err)) {
        n = rpc_name_new(server, name, props, props_bytes);
        err = n == NULL ? LIB_ERR_NO_MEMORY : rpc_register(n);
    }
    if (err_is_fail(err)) {
        free(n);
        return err;
    }
    mutex_lock(&rpc_names.lock);
    n->next = rpc_names.names;
    rpc_names.names = n;
    err = rpc_watch_names(b);
    mutex_unlock(&rpc_names.lock);
    return err;
}

errval_t aos_deregister(const char *name)
{
    struct nameserver_binding *b;
    errval_t err = aos_nameserver(&b);

    mutex_lock(&rpc_names.lock);
    for (struct rpc_name **p = &rpc_names.names; *p != NULL; p = &(*p)->next) {
        struct rpc_name *n = *p;

        if (strcmp(n->name, name) == 0) {
            *p = n->next;
            free(n);
            break;
        }
    }
    mutex_unlock(&rpc_names.lock);
    return err_is_fail(err) ? err : nameserver_deregister(b, name, strlen(name));
}
