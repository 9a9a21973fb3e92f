/* The services of a further core: memory and process, as on the core that booted. What that takes
 * comes through the monitors (services/monitor): one end of the other init, and by it all else. In
 * a thread of its own, which may wait. */
#include "init_priv.h"

#include <aos/binding.h>
#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/kernel.h>
#include <aos/paging.h>
#include <aos/services.h>
#include <aos/slot.h>
#include <aos/time.h>

#define CORE_PAUSE_NS 100000000ull       /* between tries to register again */

static errval_t core_find_names(void *arg, caddr_t *ret_end)
{
    (void)arg;
    return init_names(&init.boot, ret_end);
}

static errval_t core_find_services(caddr_t boot)
{
    caddr_t end;
    errval_t err = init_bind(boot, &init.boot);

    if (err_is_ok(err)) {
        binding_set_waitset(&init.boot.base, &init.ws);
        err = init_names(&init.boot, &end);
    }
    if (err_is_ok(err)) {
        err = cap_move(KPI_CAP_NAMESERVER, end);
        slot_free(end);
    }
    if (err_is_ok(err)) {
        err = aos_nameserver(&init.nameserver);
    }
    if (err_is_ok(err)) {
        binding_set_finder(&init.nameserver->base, core_find_names, NULL);
        binding_set_waitset(&init.nameserver->base, &init.ws);
    }
    return err;
}

errval_t init_find_module(const char *name, caddr_t *ret_frame, uint64_t *ret_bytes)
{
    const struct kpi_boot_cap *module;

    if (init.far) {
        return init_module(&init.boot, name, strlen(name), ret_frame, ret_bytes);
    }
    module = kernel_module(name);
    if (module == NULL) {
        return LIB_ERR_NOT_FOUND;
    }
    *ret_frame = module->cap;
    *ret_bytes = module->bytes;
    return ERR_OK;
}

/* Each core has these; of the others there is one. */
static bool core_has(const struct manifest_service *line)
{
    return strcmp(line->name, "memory") == 0 || strcmp(line->name, "process") == 0;
}

static errval_t core_start_service(const struct manifest_service *line)
{
    uint32_t index = init.service_count++;
    struct init_service *service = &init.services[index];
    errval_t err;

    service->line = line;
    service->pid = domain_pid_on(domain_core(), kernel_bootinfo()->core_count, 1 + index);
    err = init_start_service(index);
    if (err_is_ok(err)) {
        err = init_connect_service(service);
    }
    if (err_is_fail(err)) {
        init_say("service %s: %s", line->name, init_error_text(err));
    }
    return err;
}

/* Programs find a service of their core by its name. What starts them comes second, so that what
 * they need has one. */
static errval_t core_await(const char *name)
{
    char text[AOS_SERVICE_NAME_BYTES];
    caddr_t end;
    errval_t err = aos_await(aos_name_on(name, domain_core(), text), AOS_FOREVER, &end);

    return err_is_ok(err) ? cap_destroy(end) : err;
}

static errval_t core_start_services(void)
{
    const struct manifest_service *last = NULL;
    errval_t err = init_read_manifest();

    for (uint32_t i = 0; err_is_ok(err) && i < init.manifest.service_count; i++) {
        if (core_has(&init.manifest.services[i])) {
            err = last != NULL ? core_await(last->name) : ERR_OK;
            last = &init.manifest.services[i];
            err = err_is_ok(err) ? core_start_service(last) : err;
        }
    }
    if (err_is_ok(err)) {
        init_await_services();
    }
    return err;
}

/* The nameserver has ended: the next one is to know this init, too. */
static int core_introduce(void *arg)
{
    errval_t err;

    (void)arg;
    do {
        err = binding_reopen(&init.nameserver->base, time_deadline_ns(BINDING_REOPEN_NS));
        err = err_is_ok(err) ? init_register() : err;
        if (err_is_fail(err)) {
            thread_sleep_ns(CORE_PAUSE_NS);
        }
    } while (err_is_fail(err));
    return 0;
}

static void core_names_gone(void *arg)
{
    static struct waitset_timer again;

    if (err_is_fail(init_thread(core_introduce, NULL))) {
        (void)waitset_timer_set(&init.ws, &again, time_deadline_ns(CORE_PAUSE_NS),
                                core_names_gone, arg);
    }
}

static int core_up(void *arg)
{
    errval_t err = core_find_services((caddr_t)(uintptr_t)arg);

    if (err_is_ok(err)) {
        binding_on_peer_gone(&init.nameserver->base, core_names_gone, NULL);
        err = core_start_services();
    }
    if (err_is_ok(err)) {
        err = init_register();
    }
    if (err_is_fail(err)) {
        init_say("core %u has no services: %s", (unsigned)domain_core(), init_error_text(err));
    }
    return 0;
}

/* An end of the init of the core that booted. */
static void core_root(uint32_t peer, caddr_t end)
{
    if (!init.far || peer != kernel_bootinfo()->boot_core || init.boot.base.iface != NULL
        || err_is_fail(init_thread(core_up, (void *)(uintptr_t)end))) {
        (void)cap_destroy(end);
    }
}

static void core_rung(uint32_t peer)
{
    if (init.far) {
        init_core_asked();
    } else {
        init_core_rung(peer);
    }
}

const struct intermon_host init_ways = {core_root, core_rung};
