/* Invocations of the Kernel capability (idl/abi/objects.if). */
#include <kernel/cspace.h>
#include <abi/kernel_invoke.h>
#include <kernel/console.h>
#include <kernel/ends.h>
#include <kernel/lmp.h>
#include <kernel/log.h>
#include <kernel/power.h>
#include <kernel/random.h>
#include <kernel/sched.h>
#include <kernel/stretch.h>
#include <kernel/timer.h>
#include <kernel/user_copy.h>

#define PRINT_MAX     1024u              /* the bound in objects.if */
#define LOG_CHUNK     512u               /* bytes copied at a time */
#define SHUTDOWN_OFF  0u

errval_t inv_kernel_print(struct dispatcher *self, struct cte *object, struct user_slice text)
{
    char line[PRINT_MAX];
    errval_t err = user_copy_in(line, text, text.bytes);

    if (err_is_fail(err)) {
        return err;
    }
    klog_text(LOG_INFO, line, text.bytes);
    if (text.bytes == 0 || line[text.bytes - 1] != '\n') {
        klog_text(LOG_INFO, "\n", 1);
    }
    ends_log_poll();
    return ERR_OK;
}

errval_t inv_kernel_log_read(struct dispatcher *self, struct cte *object, uint64_t from,
                             struct user_slice buf, uint64_t *ret_n, uint64_t *ret_next,
                             uint64_t *ret_start)
{
    char chunk[LOG_CHUNK];
    uint64_t total = 0;
    uint64_t next = from;

    if (!user_writable(buf)) {
        return SYS_ERR_USER_POINTER;
    }
    while (buf.bytes > 0) {
        size_t want = buf.bytes < sizeof(chunk) ? buf.bytes : sizeof(chunk);
        size_t n = log_read(next, chunk, want, &next);

        if (n == 0) {
            break;
        }
        (void)user_copy_out(buf, chunk, n); /* checked above */
        buf.va += n;
        buf.bytes -= n;
        total += n;
    }
    *ret_n = total;
    *ret_next = next;
    *ret_start = log_start();
    return ERR_OK;
}

errval_t inv_kernel_log_watch(struct dispatcher *self, struct cte *object, struct cte *end)
{
    ends_log_watch(endpoint_of(end));
    return ERR_OK;
}

errval_t inv_kernel_console_release(struct dispatcher *self, struct cte *object)
{
    console_release();
    return ERR_OK;
}

errval_t inv_kernel_console_seize(struct dispatcher *self, struct cte *object)
{
    console_seize();
    return ERR_OK;
}

errval_t inv_kernel_shutdown(struct dispatcher *self, struct cte *object, uint32_t how)
{
    if (how == SHUTDOWN_OFF) {
        power_off();
    }
    power_reset();
}

errval_t inv_kernel_check(struct dispatcher *self, struct cte *object, uint64_t *ret_found,
                          uint64_t *ret_nodes)
{
    *ret_found = cap_check_all(ret_nodes);
    return ERR_OK;
}

errval_t inv_kernel_stats(struct dispatcher *self, struct cte *object, uint64_t *ret_uptime_ns,
                          uint64_t *ret_idle_ns, uint64_t *ret_switches, uint64_t *ret_interrupts,
                          uint64_t *ret_caps)
{
    *ret_uptime_ns = timer_now_ns();
    *ret_idle_ns = timer_ticks_to_ns(timer_base_ticks() + sched_stats.idle_ticks);
    *ret_switches = sched_stats.switches;
    *ret_interrupts = sched_stats.interrupts;
    *ret_caps = cap_node_count();
    return ERR_OK;
}

errval_t inv_kernel_count(struct dispatcher *self, struct cte *object, uint32_t type,
                          uint64_t *ret_objects, uint64_t *ret_caps)
{
    if (type >= CAPTYPE_COUNT) {
        return SYS_ERR_BAD_ARGUMENT;
    }
    cap_count((enum captype)type, ret_objects, ret_caps);
    return ERR_OK;
}

errval_t inv_kernel_random(struct dispatcher *self, struct cte *object, uint64_t *ret_a,
                           uint64_t *ret_b, uint64_t *ret_c, uint64_t *ret_d)
{
    uint64_t words[4];

    random_words(words);
    *ret_a = words[0];
    *ret_b = words[1];
    *ret_c = words[2];
    *ret_d = words[3];
    return ERR_OK;
}

errval_t inv_kernel_stretch(struct dispatcher *self, struct cte *object, uint64_t *ret_longest)
{
    *ret_longest = stretch_take();
    return ERR_OK;
}
