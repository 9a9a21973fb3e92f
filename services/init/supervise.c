/* Starting a service again after its end. Each has a thread of its own for that, which may wait for
 * any service: init's main thread, which answers init.if, never does. */
#include "init_priv.h"

#include <stdio.h>

#include <aos/binding.h>
#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/services.h>
#include <aos/time.h>

/* A service that ends more often than so many times in so long does not stay. */
#define INIT_RESTARTS_MAX     64u
#define INIT_RESTARTS_NS      10000000000ull
/* The same for one that ends again and again before it has registered its name. */
#define INIT_FAILED_MAX       5u
/* How long it is then left alone: doubled with each failure. */
#define INIT_BACKOFF_NS       10000000ull
#define INIT_BACKOFF_MAX_NS   1000000000ull
#define INIT_INTRODUCE_NS     5000000000ull /* for a new service to answer init */

static void supervise_registered(void *arg, errval_t err, caddr_t end)
{
    struct init_service *service = arg;

    if (err_is_ok(err)) {
        service->registered = true;
        service->failed = 0;
        (void)cap_destroy(end);
    }
    init_service_settled(service, err);
}

void init_await_service(struct init_service *service)
{
    char text[AOS_SERVICE_NAME_BYTES];
    const char *name = aos_own_name(service->line->name, text);
    errval_t err;

    if (init_is(service, "nameserver")) {
        service->registered = true;      /* it answers, so it is there */
        service->failed = 0;
        return;
    }
    err = nameserver_await_cb(init.nameserver, name, strlen(name), /* iface= */ 0,
                              supervise_registered, service);
    if (err_is_fail(err)) {
        supervise_registered(service, err, 0);
    }
}

/* May it be started once more? Says so if not. */
static bool supervise_allowed(struct init_service *service)
{
    uint64_t now = time_now_ns();

    if (now - service->restarts_ns >= INIT_RESTARTS_NS) {
        service->restarts_ns = now;
        service->restarts = 0;
    }
    service->failed = service->registered ? 0 : service->failed + 1;
    if (++service->restarts <= INIT_RESTARTS_MAX && service->failed < INIT_FAILED_MAX) {
        return true;
    }
    init_say("service %s does not stay: not started again", service->line->name);
    return false;
}

static void supervise_pause(const struct init_service *service)
{
    uint64_t ns = INIT_BACKOFF_NS;

    for (uint32_t i = 1; i < service->failed && ns < INIT_BACKOFF_MAX_NS; i++) {
        ns *= 2;
    }
    if (service->failed != 0) {
        thread_sleep_ns(ns < INIT_BACKOFF_MAX_NS ? ns : INIT_BACKOFF_MAX_NS);
    }
}

/* Makes the new one known to init's own bindings and to the others. */
static errval_t supervise_introduce(struct init_service *service)
{
    struct binding *b = init_is(service, "memory") ? &init.memory.base
        : init_is(service, "nameserver") ? &init.nameserver->base
        : init_is(service, "process") ? &init.process.base : NULL;
    errval_t err = b == NULL ? ERR_OK
                             : binding_reopen(b, time_deadline_ns(INIT_INTRODUCE_NS));

    if (err_is_ok(err) && init_is(service, "nameserver")) {
        err = init_register();
    }
    if (err_is_fail(err)) {
        return err;
    }
    init_await_service(service);
    if (!init_is(service, "process")) {
        init_hand_over(service);
        return ERR_OK;
    }
    for (uint32_t i = 0; i < init.service_count; i++) {
        if (init.services[i].alive) {
            init_hand_over(&init.services[i]);
        }
    }
    init_hand_over_self();
    init_find_shell();
    return ERR_OK;
}

static void supervise_start(struct init_service *service)
{
    const char *name = service->line->name;
    errval_t err;

    supervise_pause(service);
    service->registered = false;
    err = init_start_service((uint32_t)(service - init.services));
    if (err_is_fail(err)) {
        init_say("service %s cannot be started again: %s", name, init_error_text(err));
        service->ended = true;           /* nobody will tell of its end */
        return;
    }
    init_say("service %s was started again", name);
    err = supervise_introduce(service);
    if (err_is_fail(err) && service->alive) {
        init_say("service %s does not answer: %s", name, init_error_text(err));
        (void)proc_kill(service->proc.dispatcher, AOS_STATUS_PANIC);
    }
}

static int supervise_run(void *arg)
{
    struct init_service *service = arg;
    bool again = true;

    while (again) {
        service->ended = false;
        if (!supervise_allowed(service)) {
            init_service_settled(service, RPC_ERR_PEER_GONE);
            init_no_shell();
            return 0;                    /* for good: it stays supervised */
        }
        supervise_start(service);
        disp_disable();
        again = service->ended;
        service->supervised = again;
        disp_enable();
    }
    return 0;
}

static void supervise_later(void *arg)
{
    init_supervise(arg);
}

void init_supervise(struct init_service *service)
{
    bool mine;

    disp_disable();
    service->ended = true;
    mine = !service->supervised;
    service->supervised = true;
    disp_enable();
    if (!mine) {
        return;
    }
    if (err_is_fail(init_thread(supervise_run, service))) {
        init_say("no thread to start %s again, yet", service->line->name);
        service->supervised = false;
        (void)waitset_timer_set(&init.ws, &service->later, time_deadline_ns(INIT_BACKOFF_NS),
                                supervise_later, service);
    }
}
