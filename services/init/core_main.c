/* Init of a further core: it tells who started the core that it is there, passes its kernel's log
 * on, and waits. */
#include "init_priv.h"

#include <aos/debug.h>
#include <aos/kernel.h>
#include <aos/paging.h>

#include "cores.h"
#include "share.h"

/* Owned by this file. */
static struct {
    struct core_channel *channel;
    caddr_t frame;                       /* of it */
    struct event_source log;
    uint64_t log_next;                   /* position in the kernel's log */
} core;

static void core_check(errval_t err, const char *what)
{
    if (err_is_fail(err)) {
        aos_panic("init: %s: %s", what, init_error_text(err));
    }
}

/* As much of the log as the channel has room for; the rest goes with what comes next. */
static void core_forward_log(void *arg)
{
    struct core_channel *c = core.channel;
    uint64_t put = atomic_load_explicit(&c->log_put, memory_order_relaxed);
    char text[256];
    size_t bytes;

    (void)arg;
    for (;;) {
        uint64_t taken = atomic_load_explicit(&c->log_taken, memory_order_acquire), start;
        uint64_t room = CORE_CHANNEL_LOG_BYTES - (put - taken);
        size_t most = room < sizeof(text) ? room : sizeof(text);

        bytes = 0;
        if (most == 0 || err_is_fail(kernel_log_read(core.log_next, text, most, &bytes,
                                                     &core.log_next, &start)) || bytes == 0) {
            return;
        }
        for (size_t i = 0; i < bytes; i++) {
            c->log[put++ % CORE_CHANNEL_LOG_BYTES] = text[i];
        }
        atomic_store_explicit(&c->log_put, put, memory_order_release);
        intermon_wake(kernel_bootinfo()->boot_core);
    }
}

static void core_map_channel(void)
{
    const struct kpi_bootinfo *info = kernel_bootinfo();
    errval_t err = LIB_ERR_NOT_FOUND;
    void *at;

    for (uint32_t i = 0; i < info->cap_count; i++) {
        if (info->caps[i].kind == KPI_BOOT_CHANNEL) {
            err = paging_map_frame(paging_self(), info->caps[i].cap, 0, KPI_CORE_CHANNEL_BYTES,
                                   AOS_VM_RW, &at);
            core.frame = info->caps[i].cap;
        }
    }
    core_check(err, "no channel to who started this core");
    core.channel = at;
}

void init_core_forward_log(void)
{
    core_forward_log(NULL);
}

void init_core_asked(void)
{
    if (atomic_load_explicit(&core.channel->wanted, memory_order_acquire) == CORE_CHANNEL_LEAVE) {
        init_core_leave(core.channel);
    }
}

/* In a thread of its own: the other side answers as soon as it looks. */
static int core_connect(void *arg)
{
    const bool first = false;

    (void)arg;
    core_check(intermon_connect(kernel_bootinfo()->boot_core, core.channel->way, first),
               "no way to the core that booted");
    return 0;
}

void init_core_main(void)
{
    const struct kpi_bootinfo *info = kernel_bootinfo();

    init.far = true;
    core_check(init_take_ram(), "no memory");
    waitset_init(&init.ws);
    core_map_channel();
    init_say("core %u is up", (unsigned)info->core);
    core_forward_log(NULL);
    core_check(event_source_init(&core.log, &init.ws, core_forward_log, NULL), "no event source");
    core_check(kernel_log_watch(core.log.trigger), "the log cannot be watched");
    core_check(init_serve_start(), "init.if cannot be served");
    core_check(share_adopt_channel(core.frame), "no record of the channel");
    core_check(intermon_listen(info->boot_core, core.channel->way, /* first= */ false),
               "nobody hears the core that booted");
    core_check(init_thread(core_connect, NULL), "no thread");
    atomic_store_explicit(&core.channel->state, CORE_CHANNEL_UP, memory_order_release);
    waitset_run(&init.ws);
}
