/* Starting one service: its program, its grants, its ends. */
#include "init_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/binding.h>
#include <aos/cap.h>
#include <aos/kernel.h>
#include <aos/paging.h>
#include <aos/ram.h>
#include <aos/services.h>
#include <aos/slot.h>

#define START_ARGS_BYTES 512u

/* What is put together for one service. */
struct start {
    struct init_service *service;
    struct proc_spec spec;
    struct proc_grant grants[INIT_GRANTS_MAX];
    char args[START_ARGS_BYTES];
    caddr_t own_end;                     /* init's half of the parent end; 0: none */
    void *file;
    struct proc_image *image;
    uint64_t bytes;                      /* of the domain */
};

static bool start_is(const struct start *s, const char *name)
{
    return init_is(s->service, name);
}

/* Gives `cap`, in a slot of slot_alloc, to the service under this name. */
static errval_t start_grant(struct start *s, const char *name, caddr_t cap)
{
    struct proc_grant *g = &s->grants[s->spec.grant_count];

    if (s->spec.grant_count == INIT_GRANTS_MAX) {
        (void)cap_destroy(cap);
        return LIB_ERR_RANGE;
    }
    snprintf(g->name, sizeof(g->name), "%s", name);
    g->cap = cap;
    s->spec.grant_count++;
    return ERR_OK;
}

static errval_t start_grant_ram(struct start *s)
{
    const struct kpi_bootinfo *info = kernel_bootinfo();
    errval_t err = ERR_OK;
    uint32_t count = 0;

    for (uint32_t i = 0; err_is_ok(err) && i < info->cap_count; i++) {
        char name[16];
        caddr_t slot;

        if (info->caps[i].kind != KPI_BOOT_RAM) {
            continue;
        }
        err = slot_alloc(&slot);
        if (err_is_ok(err)) {
            err = cap_copy(slot, info->caps[i].cap); /* init keeps it for the next one */
        }
        if (err_is_ok(err)) {
            snprintf(name, sizeof(name), "ram%u", count++);
            err = start_grant(s, name, slot);
        }
    }
    return err;
}

static errval_t start_grant_device(struct start *s, const struct manifest_grant *g)
{
    bool irq = g->kind == MANIFEST_GRANT_IRQ;
    struct kernel_device device;
    char name[32];
    caddr_t slot;
    errval_t err = kernel_find_device(g->what, &device);

    if (err_is_ok(err)) {
        err = slot_alloc(&slot);
    }
    if (err_is_fail(err)) {
        return err;
    }
    err = irq ? kernel_irq(device.irq, slot)
              : kernel_device_frame(device.base, device.bytes, slot);
    if (err_is_fail(err)) {
        slot_free(slot);
        return err;
    }
    snprintf(name, sizeof(name), "%s/%s", irq ? "irq" : "device", g->what);
    return start_grant(s, name, slot);
}

static errval_t start_manifest_grants(struct start *s)
{
    const struct manifest_service *line = s->service->line;
    errval_t err = ERR_OK;

    for (uint32_t i = 0; err_is_ok(err) && i < line->grant_count; i++) {
        err = line->grants[i].kind == MANIFEST_GRANT_RAM ? start_grant_ram(s)
                                                         : start_grant_device(s, &line->grants[i]);
    }
    return err;
}

static errval_t start_vault(struct start *s)
{
    const struct manifest_service *line = s->service->line;
    errval_t err = ERR_OK;
    char name[16] = "vault";
    caddr_t copy;

    for (uint32_t i = 0; err_is_ok(err) && line->vault_bytes != 0 && i <= line->vault_nodes; i++) {
        if (i != 0) {
            (void)snprintf(name, sizeof(name), "vault%u", i - 1);
        }
        err = init_vault_copy(s->service, i, &copy);
        if (err_is_ok(err)) {
            err = start_grant(s, name, copy);
        }
    }
    return err;
}

/* The nameserver gets the other halves of the ends of those that started before it. */
static errval_t start_early_ends(struct start *s)
{
    errval_t err = ERR_OK;

    for (uint32_t i = 0; err_is_ok(err) && i < init.service_count; i++) {
        char name[16];

        if (init.early_ends[i] != 0) {
            snprintf(name, sizeof(name), "client/%u", init.services[i].pid);
            err = start_grant(s, name, init.early_ends[i]);
            init.early_ends[i] = 0;
        }
    }
    return err;
}

/* Ends: of init, for what only init can help with (the monitor, for one); one of which init is the
 * client (for services that init calls); and what the process service needs to act for others. */
static errval_t start_ends(struct start *s)
{
    uint32_t pid = s->service->pid;
    caddr_t end;
    errval_t err = server_make_end(&init.server.base, pid,
                                   start_is(s, "process") ? SERVER_PEER_TRUSTED : 0, &end);

    if (err_is_ok(err)) {
        err = start_grant(s, "init", end);
    }
    if (err_is_ok(err) && (start_is(s, "memory") || start_is(s, "nameserver")
                           || start_is(s, "process"))) {
        err = chan_create(&s->own_end, &s->spec.parent);
    }
    if (err_is_ok(err) && start_is(s, "process")) {
        err = binding_clone(&init.memory.base, pid, BINDING_CLONE_TRUSTED, &end);
        if (err_is_ok(err)) {
            err = start_grant(s, "memory", end);
        }
    }
    return err;
}

/* An end of the nameserver, of which others come by clone. */
static errval_t start_names(struct start *s)
{
    if (start_is(s, "nameserver")) {
        return start_early_ends(s);
    }
    if (init.nameserver == NULL) {
        return chan_create(&init.early_ends[s->service - init.services], &s->spec.nameserver);
    }
    return binding_clone(&init.nameserver->base, s->service->pid,
                         start_is(s, "process") ? BINDING_CLONE_TRUSTED : 0,
                         &s->spec.nameserver);
}

static bool start_add_arg(struct start *s, const char *arg)
{
    size_t bytes = strlen(arg) + 1;

    if (bytes > sizeof(s->args) - s->spec.args_bytes) {
        return false;
    }
    memcpy(s->args + s->spec.args_bytes, arg, bytes);
    s->spec.args_bytes += bytes;
    return true;
}

/* The driver of the console is told when the launcher expects frames, and whose word counts. */
static errval_t start_args(struct start *s)
{
    const struct manifest_service *line = s->service->line;
    bool ok = start_add_arg(s, line->name);

    for (uint32_t i = 0; ok && i < line->arg_count; i++) {
        ok = start_add_arg(s, line->args[i]);
    }
    if (ok && start_is(s, "serial")
        && strstr(kernel_bootinfo()->bootargs, "console=frames") != NULL) {
        ok = start_add_arg(s, "--frames");
    }
    if (ok && start_is(s, "serial") && init.shell_pid != 0) {
        char shell[16];                  /* not the first console: the shell was ready before */

        (void)snprintf(shell, sizeof(shell), "%u", (unsigned)init.shell_pid);
        ok = start_add_arg(s, "--controller") && start_add_arg(s, shell);
    }
    if (ok && start_is(s, "nameserver") && s->service->restarts != 0) {
        ok = start_add_arg(s, "--again");
    }
    s->spec.args = s->args;
    return ok ? ERR_OK : LIB_ERR_ARGS_SIZE;
}

static errval_t start_map_file(struct start *s)
{
    struct init_service *service = s->service;
    errval_t err = service->file != 0 ? ERR_OK
                                      : init_find_module(service->line->name, &service->file,
                                                         &service->file_bytes);

    if (err_is_fail(err)) {
        return err;
    }
    err = paging_map_frame(paging_self(), service->file, 0,
                           aos_round_up(service->file_bytes, AOS_PAGE_BYTES), AOS_VM_READ,
                           &s->file);
    if (err_is_ok(err)) {
        err = proc_share(s->file, service->file_bytes, service->file, &s->image);
    }
    s->spec.image = s->image;
    return err;
}

/* What was to be given away and is not. */
static void start_drop(struct start *s)
{
    const caddr_t ends[] = {s->spec.parent, s->spec.nameserver};

    for (uint32_t i = 0; i < s->spec.grant_count; i++) {
        (void)cap_destroy(s->grants[i].cap);
    }
    for (uint32_t i = 0; i < 2; i++) {
        if (ends[i] != 0) {
            (void)cap_destroy(ends[i]);
        }
    }
}

static errval_t start_memory(struct start *s, struct proc_build **ret_build, caddr_t *ret_ram)
{
    struct proc_build *build;
    errval_t err = proc_plan(&s->spec, &build, &s->bytes);

    if (err_is_fail(err)) {
        return err;
    }
    init_visit_graves(false);
    err = ram_alloc(s->bytes, PROC_RAM_ALIGN, ret_ram);
    if (err_is_fail(err)) {
        init_visit_graves(true);
        err = ram_alloc(s->bytes, PROC_RAM_ALIGN, ret_ram);
    }
    if (err_is_fail(err)) {
        proc_forget(build);
        return err;
    }
    *ret_build = build;
    return ERR_OK;
}

/* What is to be given away is gone when this returns. */
static errval_t start_build(struct start *s)
{
    struct proc_build *build;
    caddr_t ram;
    errval_t err = start_memory(s, &build, &ram);

    if (err_is_fail(err)) {
        start_drop(s);                   /* a device can be granted once only (FAIL1001) */
        return err;
    }
    err = proc_build(build, ram, &s->service->proc);
    if (err_is_fail(err)) {
        (void)ram_free(ram);
    }
    return err;
}

static void start_tell_end(const char *name, const struct proc_info *info)
{
    if (info->cause != 0) {
        init_say("service %s faulted: ESR 0x%llx at 0x%llx, address 0x%llx", name,
               (unsigned long long)info->cause, (unsigned long long)info->pc,
               (unsigned long long)info->address);
    } else {
        init_say("service %s ended with status %llu", name,
               (unsigned long long)info->status);
    }
}

static void start_died(void *arg)
{
    struct init_service *service = arg;
    struct proc_info info = {0};

    if (err_is_fail(proc_query(service->proc.dispatcher, &info)) || info.state != PROC_ENDED) {
        return;
    }
    service->alive = false;
    if (service->pid == init.console_pid) {
        init.console_pid = 0;
        (void)kernel_console_seize();    /* what is told now must get out */
    }
    start_tell_end(service->line->name, &info);
    event_source_deinit(&service->death);
    proc_destroy(&service->proc);        /* now its clients see its channels end */
    init_bury(service->grave, service->proc.ram, service->bytes);
    service->grave = NULL;
    if (service->own_end != 0) {
        (void)cap_destroy(service->own_end);
        service->own_end = 0;
    }
    if (!init.core_leaves) {
        init_supervise(service);
    }
}

/* Watched before it runs, so that no end is missed. */
static errval_t start_run(struct start *s)
{
    struct init_service *service = s->service;
    errval_t err = event_source_init(&service->death, &init.ws, start_died, service);

    if (err_is_ok(err)) {
        err = proc_watch(service->proc.dispatcher, service->death.trigger);
    }
    if (err_is_fail(err)) {
        return err;
    }
    service->bytes = s->bytes;
    service->own_end = s->own_end;
    service->alive = true;
    err = proc_start(&service->proc);
    if (err_is_fail(err)) {
        service->alive = false;
    }
    return err;
}

/* The finder of init's own bindings. */
static errval_t start_find(void *arg, caddr_t *ret_end)
{
    struct init_service *service = arg;
    caddr_t end;

    disp_disable();
    end = service->own_end;
    service->own_end = 0;
    disp_enable();
    if (end == 0) {
        return LIB_ERR_NOT_FOUND;
    }
    *ret_end = end;
    return ERR_OK;
}

errval_t init_connect_service(struct init_service *service)
{
    struct binding *b = NULL;
    errval_t err = ERR_OK;
    caddr_t end;

    if (err_is_fail(start_find(service, &end))) {
        return ERR_OK;                   /* init does not call it */
    }
    if (init_is(service, "memory")) {
        err = memory_bind(end, &init.memory);
        b = &init.memory.base;
    } else if (init_is(service, "process")) {
        err = process_bind(end, &init.process);
        b = &init.process.base;
    } else {
        err = cap_move(KPI_CAP_NAMESERVER, end);
        slot_free(end);
        if (err_is_ok(err)) {
            err = aos_nameserver(&init.nameserver);
            b = &init.nameserver->base;
        }
    }
    if (err_is_ok(err)) {
        binding_set_finder(b, start_find, service);
    }
    return err;
}

static errval_t start_assemble(struct start *s)
{
    errval_t err = start_map_file(s);

    if (err_is_ok(err)) {
        err = start_args(s);
    }
    if (err_is_ok(err)) {
        err = kernel_random(s->spec.random);
    }
    if (err_is_ok(err)) {
        err = start_manifest_grants(s);
    }
    if (err_is_ok(err)) {
        err = start_vault(s);
    }
    if (err_is_ok(err)) {
        err = start_ends(s);
    }
    if (err_is_ok(err)) {
        err = start_names(s);
    }
    if (err_is_ok(err) && s->spec.quota != 0) {
        err = memory_limit(&init.memory, s->spec.pid, s->spec.quota);
    }
    return err;
}

static errval_t start_all(struct start *s)
{
    errval_t err = start_assemble(s);

    if (err_is_ok(err)) {
        err = start_build(s);
    } else {
        start_drop(s);
    }
    proc_unshare(s->image);
    if (s->file != NULL) {
        (void)paging_unmap(paging_self(), s->file);
    }
    if (err_is_ok(err)) {
        err = start_run(s);
        if (err_is_fail(err)) {
            event_source_deinit(&s->service->death);
            proc_destroy(&s->service->proc);
            init_bury(s->service->grave, s->service->proc.ram, s->bytes);
            s->service->grave = NULL;
        }
    }
    if (err_is_fail(err) && s->own_end != 0) {
        (void)cap_destroy(s->own_end);
        s->service->own_end = 0;
    }
    return err;
}

errval_t init_start_service(uint32_t index)
{
    struct init_service *service = &init.services[index];
    struct start *s = calloc(1, sizeof(*s));
    errval_t err;

    if (service->grave == NULL) {
        service->grave = init_dig();
    }
    if (s == NULL || service->grave == NULL) {
        free(s);
        return LIB_ERR_NO_MEMORY;
    }
    s->service = service;
    s->spec.pid = s->service->pid;
    s->spec.quota = s->service->line->quota;
    s->spec.early_ram_bytes = PROC_EARLY_RAM_BYTES;
    s->spec.grants = s->grants;
    err = start_all(s);
    free(s);
    return err;
}

errval_t init_take_ram(void)
{
    const struct kpi_bootinfo *info = kernel_bootinfo();
    const struct kpi_boot_cap *largest = NULL;
    uint64_t keep, base, end;
    caddr_t slot;
    errval_t err;

    for (uint32_t i = 0; i < info->cap_count; i++) {
        if (info->caps[i].kind == KPI_BOOT_RAM
            && (largest == NULL || info->caps[i].bytes > largest->bytes)) {
            largest = &info->caps[i];
        }
    }
    if (largest == NULL) {
        return LIB_ERR_NO_MEMORY;
    }
    end = init_cut_pools(largest);
    keep = largest->bytes / 4 < INIT_RAM_BYTES_MIN ? INIT_RAM_BYTES_MIN : largest->bytes / 4;
    keep = keep < INIT_RAM_BYTES_MAX ? keep : INIT_RAM_BYTES_MAX;
    keep = keep < largest->bytes / 2 ? keep : largest->bytes / 2;
    base = aos_round_down(end - keep, AOS_LARGE_BYTES);
    err = slot_alloc(&slot);
    if (err_is_ok(err)) {
        err = cap_split(slot, largest->cap, base - largest->base);
    }
    return err_is_ok(err) ? ram_add(slot, base, end - base) : err;
}
