/* Starting the further cores, in a thread of its own: nobody waits for one that does not come. */
#include "init_priv.h"

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/kernel.h>
#include <aos/paging.h>
#include <aos/ram.h>
#include <aos/slot.h>
#include <aos/time.h>

#include "cores.h"
#include "share.h"

/* All RAM is shared out evenly, but that half of it stays with the core that boots, which has most
 * of the services; and no core begins with more than it is likely to use. */
#define CORES_POOL_DIVISOR   2u
#define CORES_LEND_DIVISOR   2u
#define CORES_POOL_BYTES_MAX 0x10000000ull
#define CORES_BOOT_BYTES_MIN 0x1000000ull  /* stays with the core that boots in any case */
#define CORES_START_NS       10000000000ull /* a core that is not up by then has failed */
#define CORES_FORGET_NS      5000000000ull /* for what a core that was on had shared to go */
#define CORES_STOP_NS        30000000000ull /* one that has not left by then is not waited for */
#define CORES_DRAIN_NS       5000000ull   /* for its last words to be read */
#define CORES_LOOK_NS        1000000ull    /* between looks at a core that starts */

/* A further core; owned by the thread that starts them. */
struct init_core {
    uint32_t number;
    caddr_t kcb, pool, frame;
    struct core_channel *channel;
    bool starting, on;
    bool changing;                       /* by core_off or core_on: what follows is for that */
    void (*done)(void *arg, errval_t err);
    void *arg;
    errval_t err;
    struct work changed;
    struct sem closed;
    struct work up;                      /* it is heard, and hears */
    uint32_t line_bytes;                 /* of its log, not ended yet */
    char line[256];
};

static struct {
    uint32_t count;
    uint64_t pool_bytes;                 /* of each */
    struct init_core core[KPI_CORES_MAX];
    bool busy;                           /* cores are being started */
} cores;

static const struct kpi_boot_cap *cores_next_kcb(uint32_t *at)
{
    const struct kpi_bootinfo *info = kernel_bootinfo();

    while (*at < info->cap_count) {
        const struct kpi_boot_cap *c = &info->caps[(*at)++];

        if (c->kind == KPI_BOOT_KCB) {
            return c;
        }
    }
    return NULL;
}

static errval_t cores_cut(struct init_core *core, const struct kpi_boot_cap *ram, uint64_t base)
{
    errval_t err = slot_alloc(&core->pool);

    if (err_is_ok(err)) {
        err = cap_split(core->pool, ram->cap, base - ram->base);
    }
    return err;
}

uint64_t init_cut_pools(const struct kpi_boot_cap *ram)
{
    const struct kpi_boot_cap *kcb;
    uint64_t end = ram->base + ram->bytes, least = end - ram->bytes / CORES_POOL_DIVISOR;
    uint64_t own = ram->base + CORES_BOOT_BYTES_MIN;
    uint64_t pool = ram->bytes / CORES_POOL_DIVISOR / kernel_bootinfo()->core_count;
    uint32_t at = 0;

    pool = pool < KPI_CORE_POOL_MIN ? KPI_CORE_POOL_MIN : aos_round_down(pool, AOS_LARGE_BYTES);
    pool = pool < CORES_POOL_BYTES_MAX ? pool : CORES_POOL_BYTES_MAX;
    cores.pool_bytes = pool;
    while ((kcb = cores_next_kcb(&at)) != NULL) {
        struct init_core *core = &cores.core[cores.count];
        uint64_t base = aos_round_down(end - pool, AOS_LARGE_BYTES);
        errval_t err = base < least || base < own ? LIB_ERR_NO_MEMORY : cores_cut(core, ram, base);

        if (err_is_fail(err)) {
            init_say("%s has no memory: %s", kcb->name, init_error_text(err));
            break;
        }
        core->kcb = kcb->cap;
        end = base;
        cores.count++;
    }
    return end;
}

/* A core's own init, services and programs need half of it. */
uint64_t init_pools_lend(void)
{
    return cores.count * cores.pool_bytes / CORES_LEND_DIVISOR;
}

uint32_t init_cores_on(void)
{
    uint32_t on = 1u << kernel_bootinfo()->core;

    for (uint32_t i = 0; i < cores.count; i++) {
        on |= cores.core[i].on ? 1u << cores.core[i].number : 0;
    }
    return on;
}

bool init_cores_busy(void)
{
    return cores.busy;
}

static errval_t cores_prepare(struct init_core *core)
{
    uint64_t bytes;
    uint32_t state;
    void *at;
    errval_t err = kernel_core_state(core->kcb, &core->number, &state);

    if (err_is_ok(err) && core->channel != NULL) {
        memset(core->channel, 0, KPI_CORE_CHANNEL_BYTES); /* it was on before */
        return intermon_listen(core->number, core->channel->way, /* first= */ true);
    }
    if (err_is_ok(err)) {
        err = frame_alloc(KPI_CORE_CHANNEL_BYTES, &core->frame, &bytes);
    }
    if (err_is_ok(err)) {
        err = paging_map_frame(paging_self(), core->frame, 0, KPI_CORE_CHANNEL_BYTES, AOS_VM_RW,
                               &at);
    }
    if (err_is_fail(err)) {
        return err;
    }
    core->channel = at;
    return intermon_listen(core->number, core->channel->way, /* first= */ true);
}

/* `patience_ns`: how long this core may take to forget what the core had shared when it was on. */
static void cores_start(struct init_core *core, uint64_t patience_ns)
{
    uint64_t until = time_deadline_ns(patience_ns);
    errval_t err = cores_prepare(core);

    if (err_is_ok(err)) {
        while (err_no(err = kernel_core_start(core->kcb, core->pool, core->frame))
               == SYS_ERR_HAS_DESCENDANTS && time_now_ns() < until) {
            thread_sleep_ns(CORES_LOOK_NS);
        }
    }
    if (err_is_fail(err)) {
        init_say("core %u cannot be started: %s", (unsigned)core->number, init_error_text(err));
        return;
    }
    core->starting = true;
    core->on = true;
}

/* A line of a core's log without the time, which it gets anew. */
static void cores_tell(struct init_core *core)
{
    const char *text = memchr(core->line, ']', core->line_bytes);
    size_t skip = core->line[0] == '[' && text != NULL ? (size_t)(text - core->line) + 2 : 0;

    if (skip < core->line_bytes) {
        (void)kernel_print(core->line + skip, core->line_bytes - skip);
    }
    core->line_bytes = 0;
}

static void cores_forward_log(struct init_core *core)
{
    struct core_channel *c = core->channel;
    uint64_t taken = atomic_load_explicit(&c->log_taken, memory_order_relaxed);
    uint64_t put = atomic_load_explicit(&c->log_put, memory_order_acquire);

    if (put - taken > CORE_CHANNEL_LOG_BYTES) {
        taken = put;                     /* nonsense: nothing of it is told */
    }
    for (; taken != put; taken++) {
        char byte = c->log[taken % CORE_CHANNEL_LOG_BYTES];

        core->line[core->line_bytes++] = byte;
        if (byte == '\n' || core->line_bytes == sizeof(core->line)) {
            cores_tell(core);
        }
    }
    atomic_store_explicit(&c->log_taken, taken, memory_order_release);
}

void init_core_rung(uint32_t number)
{
    for (uint32_t i = 0; i < cores.count; i++) {
        struct init_core *core = &cores.core[i];

        if (core->number == number && core->channel != NULL && !core->starting) {
            cores_forward_log(core);
        }
    }
}

/* In init's main thread: its init gets the end by which it finds all others. */
static void cores_give_root(void *arg)
{
    const struct init_core *core = arg;
    caddr_t end;
    errval_t err = share_lend_channel(core->frame, (uint8_t)core->number);

    if (err_is_ok(err)) {
        err = init_make_root(domain_pid_on(core->number, kernel_bootinfo()->core_count, 0), &end);
    }
    if (err_is_ok(err)) {
        err = intermon_send_root(core->number, end);
    }
    if (err_is_fail(err)) {
        init_say("core %u gets no services: %s", (unsigned)core->number, init_error_text(err));
    }
}

static void cores_connect(struct init_core *core)
{
    errval_t err = intermon_connect(core->number, core->channel->way, /* first= */ true);

    if (err_is_fail(err)) {
        core->on = false;
        init_say("no way to core %u: %s", (unsigned)core->number, init_error_text(err));
        return;
    }
    core->up = (struct work){.fn = cores_give_root, .arg = core};
    waitset_post(&init.ws, &core->up);
}

/* Looks at a core that starts. */
static void cores_look(struct init_core *core, bool late)
{
    uint32_t state = atomic_load_explicit(&core->channel->state, memory_order_acquire);

    cores_forward_log(core);
    if (state == CORE_CHANNEL_UP) {
        core->starting = false;
        cores_connect(core);
    } else if (late) {
        core->starting = false;
        core->on = false;
        init_say("core %u does not answer", (unsigned)core->number);
    }
}

static int cores_run(void *arg)
{
    uint64_t deadline = time_deadline_ns(CORES_START_NS);
    uint32_t waiting, up = 0;

    (void)arg;
    for (uint32_t i = 0; i < cores.count; i++) {
        cores_start(&cores.core[i], 0);  /* it comes up while the next one is prepared */
    }
    do {
        bool late = time_now_ns() >= deadline;

        waiting = 0;
        thread_sleep_ns(CORES_LOOK_NS);
        for (uint32_t i = 0; i < cores.count; i++) {
            if (cores.core[i].starting) {
                cores_look(&cores.core[i], late);
                waiting += cores.core[i].starting;
                up += !cores.core[i].starting && !late;
            }
        }
    } while (waiting != 0);
    init_say("%u of %u further cores are up", (unsigned)up, (unsigned)cores.count);
    cores.busy = false;
    init_cores_settled();
    return 0;
}

void init_start_cores(void)
{
    errval_t err;

    if (cores.count == 0) {
        return;
    }
    cores.busy = true;
    err = init_thread(cores_run, NULL);
    if (err_is_fail(err)) {
        cores.busy = false;
        init_say("no thread to start cores: %s", init_error_text(err));
    }
}

/* --- off and on ------------------------------------------------------------------------------ */

/* In init's main thread. */
static void cores_close(void *arg)
{
    struct init_core *core = arg;

    cores_forward_log(core);
    intermon_forget(core->number);
    sem_post(&core->closed);
}

static errval_t cores_await_off(struct init_core *core)
{
    uint64_t until = time_deadline_ns(CORES_STOP_NS);
    uint32_t number, state = KPI_CORE_ON;
    errval_t err;

    while (err_is_ok(err = kernel_core_state(core->kcb, &number, &state))
           && state != KPI_CORE_OFF && time_now_ns() < until) {
        thread_sleep_ns(CORES_LOOK_NS);
    }
    return err_is_ok(err) ? kernel_core_reclaim(core->kcb, core->pool) : err;
}

static errval_t cores_stop(struct init_core *core)
{
    uint64_t until = time_deadline_ns(CORES_STOP_NS);
    struct core_channel *c = core->channel;
    uint32_t state = atomic_load_explicit(&c->state, memory_order_acquire);

    if (state != CORE_CHANNEL_LEFT) {    /* after it was no longer waited for */
        state = CORE_CHANNEL_UP;
        atomic_store_explicit(&c->state, state, memory_order_relaxed);
        atomic_store_explicit(&c->wanted, CORE_CHANNEL_LEAVE, memory_order_release);
        intermon_wake(core->number);
    }
    while (state == CORE_CHANNEL_UP && time_now_ns() < until) {
        thread_sleep_ns(CORES_LOOK_NS);
        state = atomic_load_explicit(&c->state, memory_order_acquire);
    }
    if (state != CORE_CHANNEL_LEFT) {
        return INIT_ERR_BUSY;
    }
    thread_sleep_ns(CORES_DRAIN_NS);
    core->changed.fn = cores_close;
    waitset_post(&init.ws, &core->changed);
    sem_wait(&core->closed);
    core->on = false;
    return cores_await_off(core);
}

static errval_t cores_start_again(struct init_core *core)
{
    uint64_t until = time_deadline_ns(CORES_START_NS);

    while (!intermon_is_forgotten(core->number)) {
        if (time_now_ns() >= until) {
            return INIT_ERR_BUSY;
        }
        thread_sleep_ns(CORES_LOOK_NS);
    }
    cores_start(core, CORES_FORGET_NS);
    while (core->starting) {
        thread_sleep_ns(CORES_LOOK_NS);
        cores_look(core, time_now_ns() >= until);
    }
    return core->on ? ERR_OK : INIT_ERR_NO_CORE;
}

/* In init's main thread. */
static void cores_changed(void *arg)
{
    struct init_core *core = arg;

    core->changing = false;
    core->done(core->arg, core->err);
}

static int cores_change(void *arg)
{
    struct init_core *core = arg;

    while (cores.busy) {
        thread_sleep_ns(CORES_LOOK_NS);  /* the boot is not over */
    }
    core->err = core->on ? cores_stop(core) : cores_start_again(core);
    core->changed.fn = cores_changed;
    waitset_post(&init.ws, &core->changed);
    return 0;
}

errval_t init_core_change(uint32_t number, bool on, void (*done)(void *arg, errval_t err),
                          void *arg)
{
    struct init_core *core = NULL;

    for (uint32_t i = 0; i < cores.count; i++) {
        core = cores.core[i].number == number ? &cores.core[i] : core;
    }
    if (core == NULL || core->on == on) {
        return INIT_ERR_NO_CORE;
    }
    if (core->changing) {
        return INIT_ERR_BUSY;
    }
    core->changing = true;
    core->done = done;
    core->arg = arg;
    core->changed.arg = core;
    sem_init(&core->closed, 0);
    if (err_is_fail(init_thread(cores_change, core))) {
        core->changing = false;
        return INIT_ERR_BUSY;
    }
    return ERR_OK;
}
