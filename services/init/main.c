/* Boot, in order: read the manifest; start the services, the first two (memory, nameserver) in a
 * way that needs neither; serve init.if; when every service has registered its name, hand the
 * services' dispatchers to the process service and have it start the shell. From then on init only
 * serves and watches. It never waits for a service that may call it, but for callbacks. */
#include "init_priv.h"

#include <stdio.h>
#include <string.h>

#include <aos/binding.h>
#include <aos/cap.h>
#include <aos/debug.h>
#include <aos/domain.h>
#include <aos/kernel.h>
#include <aos/paging.h>
#include <aos/slot.h>
#include <aos/time.h>

#define INIT_QUICK_END_NS   2000000000ull /* a shell that ends sooner did not come up */
#define INIT_QUICK_ENDS_MAX 3u
#define INIT_FAREWELL_NS    500000000ull /* between the last words and power off */

struct init init;

static void init_start_shell(void);

errval_t aos_rpc_init(void)
{
    return ERR_OK;                       /* there is no service yet */
}

const char *init_error_text(errval_t err)
{
    static char text[256];

    (void)err_format(err, text, sizeof(text));
    return text;
}

static void init_check(errval_t err, const char *what)
{
    if (err_is_fail(err)) {
        aos_panic("init: %s: %s", what, init_error_text(err));
    }
}

static void init_power_off(void *arg)
{
    (void)arg;
    (void)kernel_shutdown(/* reset= */ false);
}

/* Nobody at a terminal could do anything about it: with commands to run, the machine powers off,
 * once the serial service has had time to print what was said. */
static void init_no_shell(void)
{
    fflush(stdout);
    if (init.exec) {
        (void)waitset_timer_set(&init.ws, &init.power_off, time_deadline_ns(INIT_FAREWELL_NS),
                                init_power_off, NULL);
    }
}

static void init_shell_ended(void *arg, errval_t err, uint32_t who, const struct process_exit *how)
{
    (void)arg;
    (void)who;
    if (err_is_fail(err)) {
        printf("init: lost sight of the shell: %s\n", init_error_text(err));
        fflush(stdout);
        return;                          /* it may live, and nobody could start another */
    }
    if (how->kind == PROCESS_EXIT_KIND_FAULTED) {
        printf("init: the shell faulted at 0x%llx, address 0x%llx\n",
               (unsigned long long)how->pc, (unsigned long long)how->address);
    } else {
        printf("init: the shell ended with status %d\n", how->status);
    }
    fflush(stdout);
    if (init.exec) {
        init_no_shell();
        return;
    }
    init.shell_quick_ends = time_now_ns() - init.shell_started_ns < INIT_QUICK_END_NS
        ? init.shell_quick_ends + 1 : 0;
    if (init.shell_quick_ends < INIT_QUICK_ENDS_MAX) {
        init_start_shell();
    } else {
        printf("init: the shell does not stay: not started again\n");
        fflush(stdout);
    }
}

static void init_shell_started(void *arg, errval_t err, uint32_t pid)
{
    (void)arg;
    if (err_is_ok(err)) {
        init.shell_pid = pid;
        binding_set_deadline(&init.process.base, AOS_FOREVER);
        err = process_wait_cb(&init.process, pid, init_shell_ended, NULL);
    }
    if (err_is_fail(err)) {
        printf("init: cannot start the shell %s: %s\n", init.manifest.shell, init_error_text(err));
        init_no_shell();
    }
}

/* What the shell and all that it starts may use: the services keep the rest. */
static errval_t init_shell_quota(uint64_t *ret_quota)
{
    uint64_t total, free_bytes, largest, dying, keep;
    uint32_t pieces;
    errval_t err = memory_stats(&init.memory, &total, &free_bytes, &largest, &pieces, &dying);

    if (err_is_ok(err)) {
        keep = total / INIT_SERVICES_DIVISOR;
        keep = keep < INIT_SERVICES_BYTES_MAX ? keep : INIT_SERVICES_BYTES_MAX;
        *ret_quota = aos_round_down(total - keep, AOS_PAGE_BYTES);
    }
    return err;
}

static void init_start_shell(void)
{
    char args[MANIFEST_NAME_BYTES + 16] = {0};
    uint64_t quota = 0;
    size_t bytes;
    errval_t err;

    if (init.manifest.shell == NULL) {
        printf("init: the manifest names no shell\n");
        init_no_shell();
        return;
    }
    bytes = (size_t)snprintf(args, MANIFEST_NAME_BYTES + 1, "%s", init.manifest.shell) + 1;
    if (init.exec) {
        bytes += (size_t)snprintf(args + bytes, sizeof(args) - bytes, "--exec") + 1;
    }
    init.shell_started_ns = time_now_ns();
    err = init_shell_quota(&quota);
    if (err_is_ok(err)) {
        err = process_spawn_cb(&init.process, args, bytes, NULL, 0, /* core= */ 0, quota, NULL, 0,
                               NULL, 0, init_shell_started, NULL);
    }
    if (err_is_fail(err)) {
        init_shell_started(NULL, err, 0);
    }
}

static void init_not_adopted(uint32_t pid, errval_t err)
{
    printf("init: the process service does not know %u: %s\n", (unsigned)pid, init_error_text(err));
    fflush(stdout);
}

static void init_ring_adopted(void *arg, errval_t err)
{
    if (err_is_fail(err)) {
        init_not_adopted((uint32_t)(uintptr_t)arg, err);
    }
}

/* The process service knows a domain now. A service has a ring of traced messages, too. */
static void init_adopted(void *arg, errval_t err)
{
    caddr_t ring = 0, copy;

    for (uint32_t i = 0; i < init.service_count; i++) {
        if (init.services[i].pid == (uint32_t)(uintptr_t)arg) {
            ring = init.services[i].proc.trace;
        }
    }
    if (err_is_ok(err) && ring != 0) {
        err = slot_alloc(&copy);
        if (err_is_ok(err)) {
            err = cap_copy(copy, ring);
        }
        if (err_is_ok(err)) {
            err = process_adopt_ring_cb(&init.process, (uint32_t)(uintptr_t)arg, copy,
                                        init_ring_adopted, arg);
        }
    }
    if (err_is_fail(err)) {
        init_not_adopted((uint32_t)(uintptr_t)arg, err);
    }
}

/* Tells the process service about a domain that it did not start, so that `ps` shows it. */
static void init_hand_over(uint32_t pid, const char *name, caddr_t dispatcher, uint8_t rights)
{
    caddr_t copy;
    errval_t err = slot_alloc(&copy);

    if (err_is_ok(err)) {
        err = cap_mint(copy, dispatcher, rights);
    }
    if (err_is_ok(err)) {
        err = process_adopt_cb(&init.process, pid, name, strlen(name), copy, init_adopted,
                               (void *)(uintptr_t)pid);
    }
    if (err_is_fail(err)) {
        init_adopted((void *)(uintptr_t)pid, err);
    }
}

void init_service_settled(struct init_service *service, errval_t err)
{
    if (!service->awaited) {
        return;
    }
    service->awaited = false;
    if (err_is_fail(err)) {
        printf("init: service %s did not register: %s\n", service->line->name,
               init_error_text(err));
        fflush(stdout);
    }
    if (--init.waiting == 0) {
        init_hand_over(domain_pid(), "init", KPI_CAP_SELF_DISP, CAP_RIGHT_R);
        init_start_shell();
    }
}

static void init_registered(void *arg, errval_t err, caddr_t end)
{
    if (err_is_ok(err)) {
        (void)cap_destroy(end);
    }
    init_service_settled(arg, err);
}

static void init_await_services(void)
{
    binding_set_waitset(&init.nameserver->base, &init.ws);
    binding_set_deadline(&init.nameserver->base, INIT_BOOT_NS);
    binding_set_waitset(&init.process.base, &init.ws);
    binding_set_deadline(&init.process.base, INIT_BOOT_NS);
    init.waiting = init.service_count;
    for (uint32_t i = 0; i < init.service_count; i++) {
        struct init_service *service = &init.services[i];
        const char *name = service->line->name;
        errval_t err;

        /* `kill` ends services, too */
        init_hand_over(service->pid, name, service->proc.dispatcher, CAP_RIGHTS_ALL);
        if (strcmp(name, "nameserver") == 0) {
            init.waiting--;              /* it answers, so it is there */
            continue;
        }
        service->awaited = true;
        err = nameserver_await_cb(init.nameserver, name, strlen(name), /* iface= */ 0,
                                  init_registered, service);
        if (err_is_fail(err)) {
            init_registered(service, err, 0);
        }
    }
}

static void init_read_manifest(void)
{
    const struct kpi_boot_cap *module = kernel_module("manifest");
    uint32_t line = 0;
    const char *why = "";
    void *text;

    if (module == NULL) {
        aos_panic("init: the boot image has no module `manifest`");
    }
    init_check(paging_map_frame(paging_self(), module->cap, 0,
                                aos_round_up(module->bytes, AOS_PAGE_BYTES), AOS_VM_READ, &text),
               "the manifest cannot be mapped");
    if (!manifest_parse(&init.manifest, text, module->bytes, &line, &why)) {
        aos_panic("init: manifest:%u: %s", line, why);
    }
    (void)paging_unmap(paging_self(), text);
}

int main(void)
{
    init_check(init_take_ram(), "no memory for services");
    waitset_init(&init.ws);
    init_read_manifest();
    init.exec = kernel_module("exec") != NULL;
    for (uint32_t i = 0; i < init.manifest.service_count; i++) {
        init.services[i].line = &init.manifest.services[i];
        init.services[i].pid = i + 1;
        init.service_count++;
        init_check(init_start_service(i), init.services[i].line->name);
    }
    init_check(init_serve_start(), "init.if cannot be served");
    init_await_services();
    waitset_run(&init.ws);
}
