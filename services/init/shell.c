/* The shell: a child of the process service's, started again after its end. */
#include "init_priv.h"

#include <stdio.h>

#include <aos/binding.h>
#include <aos/kernel.h>
#include <aos/quota.h>
#include <aos/time.h>

#define INIT_QUICK_END_NS   2000000000ull /* a shell that ends sooner did not come up */
#define INIT_QUICK_ENDS_MAX 3u
#define INIT_FAREWELL_NS    500000000ull /* between the last words and power off */

static void init_power_off(void *arg)
{
    (void)arg;
    (void)kernel_shutdown(/* reset= */ false);
}

void init_no_shell(void)
{
    bool first;

    disp_disable();
    first = !init.leaving;
    init.leaving = init.exec;
    disp_enable();
    if (first && init.exec) {
        (void)waitset_timer_set(&init.ws, &init.power_off, time_deadline_ns(INIT_FAREWELL_NS),
                                init_power_off, NULL);
    }
}

static void init_shell_ended(void *arg, errval_t err, uint32_t who, const struct process_exit *how)
{
    (void)arg;
    (void)who;
    if (err_no(err) == RPC_ERR_PEER_GONE) {
        return;                          /* the next process service is asked: init_find_shell */
    }
    init.shell_pid = 0;
    if (err_is_fail(err)) {
        init_say("lost sight of the shell: %s", init_error_text(err));
        return;                          /* it may live, and nobody could start another */
    }
    if (how->kind == PROCESS_EXIT_KIND_FAULTED) {
        init_say("the shell faulted at 0x%llx, address 0x%llx",
               (unsigned long long)how->pc, (unsigned long long)how->address);
    } else {
        init_say("the shell ended with status %d", how->status);
    }
    if (init.exec) {
        init_no_shell();
        return;
    }
    init.shell_quick_ends = time_now_ns() - init.shell_started_ns < INIT_QUICK_END_NS
        ? init.shell_quick_ends + 1 : 0;
    if (init.shell_quick_ends < INIT_QUICK_ENDS_MAX) {
        init_start_shell();
    } else {
        init_say("the shell does not stay: not started again");
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
    if (err_no(err) == RPC_ERR_PEER_GONE) {
        init.shell_wanted = init.shell_pid == 0;
    } else if (err_is_fail(err)) {
        init_say("cannot start the shell %s: %s", init.manifest.shell, init_error_text(err));
        init_no_shell();
    }
}

/* What the shell and all that it starts may use: the services keep the rest. What other cores lend
 * counts, too, though others may have it when it is wanted. */
static errval_t init_shell_quota(uint64_t *ret_quota)
{
    uint64_t total, free_bytes, largest, dying;
    uint32_t pieces;
    errval_t err = memory_stats(&init.memory, &total, &free_bytes, &largest, &pieces, &dying);

    if (err_is_ok(err)) {
        *ret_quota = aos_round_down(total - quota_of_services(total), AOS_PAGE_BYTES)
            + init_pools_lend();
    }
    return err;
}

void init_start_shell(void)
{
    char args[MANIFEST_NAME_BYTES + 16] = {0};
    uint64_t quota = 0;
    size_t bytes;
    errval_t err;

    if (init.manifest.shell == NULL) {
        init_say("the manifest names no shell");
        init_no_shell();
        return;
    }
    bytes = (size_t)snprintf(args, MANIFEST_NAME_BYTES + 1, "%s", init.manifest.shell) + 1;
    if (init.exec) {
        bytes += (size_t)snprintf(args + bytes, sizeof(args) - bytes, "--exec") + 1;
    }
    init.shell_wanted = false;
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

void init_find_shell(void)
{
    errval_t err;

    if (init.shell_pid != 0) {
        err = process_wait_cb(&init.process, init.shell_pid, init_shell_ended, NULL);
        if (err_is_fail(err)) {
            init_shell_ended(NULL, err, 0, NULL);
        }
    } else if (init.shell_wanted) {
        init_start_shell();
    }
}
