/* Boot, in order: read the manifest; start the services, the first two (memory, nameserver) in a
 * way that needs neither; when every service has registered its name, hand the services'
 * dispatchers to the process service and have it start the shell. From then on init only serves
 * and watches. Further cores are started meanwhile; on those init is core_main.c. This thread
 * never waits for a service that may call it, but for callbacks. */
#include "init_priv.h"

#include <stdarg.h>
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

#define INIT_LINE_BYTES 1024u           /* of one kernel_print */

struct init init;

errval_t aos_rpc_init(void)
{
    return ERR_OK;                       /* there is no service yet */
}

/* Without stdio: several threads have something to say, and each line must be whole. */
void init_say(const char *format, ...)
{
    char text[INIT_LINE_BYTES] = "init: ";
    const size_t head = strlen(text);
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text + head, sizeof(text) - head - 1, format, args);
    va_end(args);
    n = n < 0 ? 0 : n < (int)(sizeof(text) - head - 1) ? n : (int)(sizeof(text) - head - 2);
    text[head + (size_t)n] = '\n';
    (void)kernel_print(text, head + (size_t)n + 1);
}

const char *init_error_text(errval_t err)
{
    static _Thread_local char text[256];

    (void)err_format(err, text, sizeof(text));
    return text;
}

errval_t init_thread(thread_fn fn, void *arg)
{
    const struct thread_attr attr = {
        .stack_bytes = INIT_STACK_BYTES, .detached = true, .resident = true,
    };
    struct thread *thread;

    return thread_create(fn, arg, &attr, &thread);
}

static void init_check(errval_t err, const char *what)
{
    if (err_is_fail(err)) {
        aos_panic("init: %s: %s", what, init_error_text(err));
    }
}

void init_service_settled(struct init_service *service, errval_t err)
{
    if (!service->awaited) {
        return;
    }
    service->awaited = false;
    if (err_is_fail(err)) {
        init_say("service %s did not register: %s", service->line->name,
               init_error_text(err));
    }
    if (--init.waiting != 0) {
        return;
    }
    init_hand_over_self();
    if (init.far) {
        init_say("core %u: its services are up", (unsigned)domain_core());
    } else {
        init_start_shell();
        init_start_cores();
    }
}

void init_await_services(void)
{
    binding_set_waitset(&init.nameserver->base, &init.ws);
    binding_set_deadline(&init.nameserver->base, INIT_BOOT_NS);
    binding_set_waitset(&init.process.base, &init.ws);
    binding_set_deadline(&init.process.base, INIT_BOOT_NS);
    binding_set_waitset(&init.memory.base, &init.ws);
    for (uint32_t i = 0; i < init.service_count; i++) {
        init.services[i].awaited = !init_is(&init.services[i], "nameserver");
        init.waiting += init.services[i].awaited;
    }
    for (uint32_t i = 0; i < init.service_count; i++) {
        init_hand_over(&init.services[i]);
        init_await_service(&init.services[i]);
    }
}

errval_t init_read_manifest(void)
{
    uint32_t line = 0;
    const char *why = "";
    uint64_t bytes;
    caddr_t frame;
    void *text;
    errval_t err = init_find_module("manifest", &frame, &bytes);

    if (err_is_ok(err)) {
        err = paging_map_frame(paging_self(), frame, 0, aos_round_up(bytes, AOS_PAGE_BYTES),
                               AOS_VM_READ, &text);
    }
    if (err_is_fail(err)) {
        return err;
    }
    if (!manifest_parse(&init.manifest, text, bytes, &line, &why)) {
        aos_panic("init: manifest:%u: %s", line, why);
    }
    return paging_unmap(paging_self(), text);
}

int main(void)
{
    if (kernel_bootinfo()->core != kernel_bootinfo()->boot_core) {
        init_core_main();
    }
    init_check(init_take_ram(), "no memory for services");
    waitset_init(&init.ws);
    init_check(init_read_manifest(), "no module `manifest`");
    init.exec = kernel_module("exec") != NULL;
    init_check(init_serve_start(), "init.if cannot be served");
    for (uint32_t i = 0; i < init.manifest.service_count; i++) {
        init.services[i].line = &init.manifest.services[i];
        init.services[i].pid = i + 1;
        init.service_count++;
        init_check(init_start_service(i), init.services[i].line->name);
        init_check(init_connect_service(&init.services[i]), init.services[i].line->name);
    }
    init_check(init_register(), "init.if has no name");
    init_await_services();
    waitset_run(&init.ws);
}
