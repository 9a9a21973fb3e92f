/* Telling the process service of the domains that it did not start, so that `ps` shows them and
 * `kill` ends them, and of their rings of traced messages. What fails is tried again, unless that
 * service has ended: the next one is told of all. */
#include "init_priv.h"

#include <aos/binding.h>
#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/slot.h>
#include <aos/time.h>

#define KNOWN_NS     10000000ull         /* to the second try, doubled with each */
#define KNOWN_NS_MAX 1000000000ull

static void known_adopt(void *arg);
static void known_give_ring(void *arg);

/* The service; NULL: init itself. */
static struct init_service *known_service(uint32_t pid)
{
    for (uint32_t i = 0; i < init.service_count; i++) {
        if (init.services[i].pid == pid) {
            return &init.services[i];
        }
    }
    return NULL;
}

static struct init_known *known_of(uint32_t pid)
{
    struct init_service *service = known_service(pid);

    return service == NULL ? &init.known : &service->known;
}

static void known_failed(uint32_t pid, errval_t err, void (*again)(void *pid))
{
    struct init_known *known = known_of(pid);

    if (known->wait_ns == 0) {
        init_say("the process service does not know %u yet: %s", (unsigned)pid,
                 init_error_text(err));
    }
    if (err_no(err) != RPC_ERR_PEER_GONE) {
        known->wait_ns = known->wait_ns == 0 ? KNOWN_NS
            : known->wait_ns < KNOWN_NS_MAX / 2 ? known->wait_ns * 2 : KNOWN_NS_MAX;
        (void)waitset_timer_set(&init.ws, &known->timer, time_deadline_ns(known->wait_ns), again,
                                (void *)(uintptr_t)pid);
    }
}

static void known_ring_given(void *arg, errval_t err)
{
    uint32_t pid = (uint32_t)(uintptr_t)arg;

    if (err_is_fail(err) && err_no(err) != PROCESS_ERR_NO_PID) {
        known_failed(pid, err, known_give_ring);
    }
}

static void known_give_ring(void *arg)
{
    struct init_service *service = known_service((uint32_t)(uintptr_t)arg);
    caddr_t copy;
    errval_t err;

    if (service == NULL || !service->alive) {
        return;
    }
    err = proc_make_ring(&service->proc);
    if (err_is_ok(err)) {
        err = slot_alloc(&copy);
    }
    if (err_is_ok(err)) {
        err = cap_copy(copy, service->proc.trace);
        if (err_is_fail(err)) {
            slot_free(copy);
        }
    }
    if (err_is_ok(err)) {
        err = process_adopt_ring_cb(&init.process, service->pid, copy, known_ring_given, arg);
    }
    if (err_is_fail(err)) {
        known_failed(service->pid, err, known_give_ring);
    }
}

static void known_adopted(void *arg, errval_t err)
{
    /* Denied: it was told twice. */
    if (err_is_ok(err) || err_no(err) == PROCESS_ERR_DENIED) {
        known_give_ring(arg);
    } else {
        known_failed((uint32_t)(uintptr_t)arg, err, known_adopt);
    }
}

static void known_adopt(void *arg)
{
    const struct init_service *service = known_service((uint32_t)(uintptr_t)arg);
    uint32_t pid = (uint32_t)(uintptr_t)arg;
    const char *name = service == NULL ? "init" : service->line->name;
    caddr_t copy;
    errval_t err;

    if (service != NULL && !service->alive) {
        return;                          /* the next one is told of when it runs */
    }
    err = slot_alloc(&copy);
    if (err_is_ok(err)) {
        /* `kill` ends services, too */
        err = service == NULL ? cap_mint(copy, KPI_CAP_SELF_DISP, CAP_RIGHT_R)
                              : cap_mint(copy, service->proc.dispatcher, CAP_RIGHTS_ALL);
        if (err_is_fail(err)) {
            slot_free(copy);
        }
    }
    if (err_is_ok(err)) {
        err = process_adopt_cb(&init.process, pid, name, strlen(name), copy, known_adopted, arg);
    }
    if (err_is_fail(err)) {
        known_failed(pid, err, known_adopt);
    }
}

void init_hand_over(struct init_service *service)
{
    service->known.wait_ns = 0;
    known_adopt((void *)(uintptr_t)service->pid);
}

void init_hand_over_self(void)
{
    init.known.wait_ns = 0;
    known_adopt((void *)(uintptr_t)domain_pid());
}
