/* Starting a further core: its kernel region gets the pristine Image and the core data, in bounded
 * steps, then the firmware is asked to start it there.
 *
 * Caches. The new core begins with MMU and caches off: it reads memory, not anyone's cache, and
 * what it writes goes past them. So what this core's cache holds of the region must have been
 * written back before (or the new core reads old memory) and be gone (or this core's stale copies,
 * clean or dirty, would be found, or written back, over what the new one wrote, once both are
 * coherent): each line of the region, what was not copied to included, is cleaned and invalidated
 * to the point of coherency. No speculation brings a line back after that: the region is in no
 * linear map, and the window is closed before the core starts. What it brings back while the window
 * is still open is what memory has, and the new core, which writes nothing past the caches but its
 * first tables, drops those lines itself (start.S). */
#include <kernel/cores.h>
#include <arch/maintain.h>
#include <kernel/cap_remote.h>
#include <kernel/core_data.h>
#include <kernel/irq.h>
#include <kernel/kasan.h>
#include <kernel/mmu.h>
#include <kernel/panic.h>
#include <kernel/power.h>
#include <kernel/random.h>
#include <kernel/timer.h>

#define KCB_STEP_BYTES 16384u            /* of the region, per entry into the kernel */

_Static_assert(KERNEL_REGION_SIZE % KCB_STEP_BYTES == 0, "whole steps");
_Static_assert((int)POWER_CORE_ON == (int)KPI_CORE_ON && (int)POWER_CORE_OFF == (int)KPI_CORE_OFF &&
               (int)POWER_CORE_STARTING == (int)KPI_CORE_STARTING &&
               (int)POWER_CORE_UNKNOWN == (int)KPI_CORE_UNKNOWN, "kpi/core.h");

extern char _stack_guard[], _stack_bottom[]; /* the page between is not mapped */

/* Set by kcb_init, constant since. */
static const struct platform *kcb_platform;
/* The program file of init; set by kcb_init, constant since. */
static struct region kcb_program;
/* Bytes of a core's region that are ready; owner: this file. */
static uint32_t kcb_done[KPI_CORES_MAX];

void kcb_init(const struct platform *platform, struct region init)
{
    kcb_platform = platform;
    kcb_program = init;
}

unsigned kcb_core(uint64_t base)
{
    unsigned core = 0;

    while (kcb_platform->cores.kernel[core].base != base ||
           kcb_platform->cores.kernel[core].size == 0) {
        core++;
        kernel_assert(core < KPI_CORES_MAX); /* capabilities are made of this list */
    }
    return core;
}

uint32_t kcb_state(unsigned core)
{
    return (uint32_t)power_core_state(kcb_platform->core_mpidr[core]);
}

static errval_t kcb_check(unsigned core, const struct cte *pool, const struct cte *channel)
{
    uint32_t state = kcb_state(core);

    if (state == KPI_CORE_UNKNOWN) {
        return SYS_ERR_FIRMWARE;
    }
    if (state != KPI_CORE_OFF) {
        return SYS_ERR_CORE_STATE;
    }
    if (cap_is_foreign(channel)) {
        return SYS_ERR_REMOTE;
    }
    if (cte_bytes(pool) < KPI_CORE_POOL_MIN || cte_bytes(channel) < KPI_CORE_CHANNEL_BYTES) {
        return SYS_ERR_RETYPE_SIZE;
    }
    if ((channel->rights & (CAP_RIGHT_R | CAP_RIGHT_W)) != (CAP_RIGHT_R | CAP_RIGHT_W) ||
        cte_loan(channel) != 0) {
        return SYS_ERR_CAP_RIGHTS;
    }
    return cap_hand_over_check(pool);
}

/* The next piece of the region. */
static void kcb_step(unsigned core)
{
    uint32_t at = kcb_done[core];
    uint64_t image = kcb_platform->image_bytes;
    void *to = mmu_window_map_rw(kcb_platform->cores.kernel[core].base + at, KCB_STEP_BYTES);

    kernel_assert(to != NULL);
    if (at < image) {
        uint64_t left = image - at;

        kasan_copy(to, (const void *)(KERNEL_BASE + at),
                   left < KCB_STEP_BYTES ? left : KCB_STEP_BYTES);
    }
    arch_clean_memory(to, KCB_STEP_BYTES);
    mmu_window_unmap();
    kcb_done[core] = at + KCB_STEP_BYTES;
}

static void kcb_write_data(unsigned core, const struct cte *pool, const struct cte *channel)
{
    paddr_t at = kcb_platform->cores.kernel[core].base + CORE_DATA_OFFSET;
    struct core_data *data = mmu_window_map_rw(at, sizeof(*data));

    kernel_assert(data != NULL);
    data->magic = CORE_DATA_MAGIC;
    data->cores = kcb_platform->cores;
    data->cores.self = core;
    data->device_tree = kcb_platform->device_tree;
    data->init = kcb_program;
    data->pool = (struct region){ cte_base(pool), cte_bytes(pool) };
    data->channel = (struct region){ cte_base(channel), cte_bytes(channel) };
    data->clock_base = timer_base_ticks();
    random_words(data->seed);
    arch_clean_memory(data, PAGE_SIZE);
    mmu_window_unmap();
}

errval_t kcb_start(unsigned core, struct cte *pool, const struct cte *channel)
{
    paddr_t base = kcb_platform->cores.kernel[core].base;
    errval_t err = kcb_check(core, pool, channel);

    if (err_is_fail(err)) {
        return err;
    }
    if (kcb_done[core] < KERNEL_REGION_SIZE) {
        kcb_step(core);
        return SYS_ERR_AGAIN;
    }
    kcb_done[core] = 0;                  /* the next start copies anew, whatever becomes of this */
    kcb_write_data(core, pool, channel);
    /* From here on nobody but the core itself makes anything of its pool. */
    err = cap_hand_over(pool, (uint8_t)core);
    kernel_assert(err_is_ok(err));       /* kcb_check */
    if (!power_core_on(kcb_platform->core_mpidr[core], base, base + CORE_DATA_OFFSET)) {
        (void)cap_take_back(pool);
        return SYS_ERR_FIRMWARE;
    }
    return ERR_OK;
}

errval_t kcb_reclaim(unsigned core, struct cte *pool)
{
    if (kcb_state(core) != KPI_CORE_OFF) {
        return SYS_ERR_CORE_STATE;
    }
    if (cte_node(pool)->owner != core) {
        return SYS_ERR_REMOTE;
    }
    return cap_take_back(pool);
}

/* The firmware cleans the caches of a core that goes off (DEN 0022D, 5.5.2). That the kernel region
 * is clean by then all the same costs little: what starts there next writes past the caches, and a
 * line that came out of one later would undo it. */
errval_t kcb_core_off(void)
{
    if (kcb_platform->further == NULL) {
        return SYS_ERR_CORE_STATE;
    }
    timer_disarm();
    irq_leave();
    arch_clean_memory((const void *)KERNEL_BASE, (size_t)(_stack_guard - (char *)KERNEL_BASE));
    arch_clean_memory(_stack_bottom, (size_t)((char *)(KERNEL_BASE + KERNEL_REGION_SIZE) -
                                              _stack_bottom));
    power_core_off();
}
