/* See <aos/kernel.h>. */
#include <aos/kernel.h>

#include <string.h>

#include <abi/captypes.h>
#include <abi/user.h>
#include <aos/cap.h>
#include <aos/paging.h>
#include <kernel/fdt.h>

#define KERNEL_LOG_READ_MAX 4096u        /* of one kernel.log_read */
#define KERNEL_OFF          0u           /* kernel.shutdown: how */
#define KERNEL_RESET        1u

enum {
    /* first cell of an interrupt (Devicetree binding arm,gic) */
    GIC_SPI = 0, GIC_PPI = 1,
    GIC_SPI_BASE = 32, GIC_PPI_BASE = 16,
};

const struct kpi_bootinfo *kernel_bootinfo(void)
{
    return (const struct kpi_bootinfo *)KPI_BOOTINFO_VA;
}

const struct kpi_boot_cap *kernel_module(const char *name)
{
    const struct kpi_bootinfo *info = kernel_bootinfo();

    for (uint32_t i = 0; i < info->cap_count; i++) {
        if (info->caps[i].kind == KPI_BOOT_MODULE
            && strncmp(info->caps[i].name, name, KPI_BOOTINFO_NAME_BYTES) == 0) {
            return &info->caps[i];
        }
    }
    return NULL;
}

errval_t kernel_print(const char *text, size_t bytes)
{
    return inv_kernel_print(KPI_CAP_KERNEL, text, bytes);
}

errval_t kernel_log_read(uint64_t from, char *buf, size_t room, size_t *ret_bytes,
                         uint64_t *ret_next, uint64_t *ret_start)
{
    uint64_t n;

    room = room < KERNEL_LOG_READ_MAX ? room : KERNEL_LOG_READ_MAX;
    if (room != 0) {
        /* the kernel writes only to what is mapped; two pages at most */
        *(volatile char *)buf = 0;
        *(volatile char *)(buf + room - 1) = 0;
    }
    errval_t err = inv_kernel_log_read(KPI_CAP_KERNEL, from, buf, room, &n, ret_next, ret_start);

    if (err_is_ok(err)) {
        *ret_bytes = n;
    }
    return err;
}

errval_t kernel_log_watch(caddr_t end)
{
    return inv_kernel_log_watch(KPI_CAP_KERNEL, end);
}

errval_t kernel_console_release(void)
{
    return inv_kernel_console_release(KPI_CAP_KERNEL);
}

errval_t kernel_console_seize(void)
{
    return inv_kernel_console_seize(KPI_CAP_KERNEL);
}

errval_t kernel_shutdown(bool reset)
{
    return inv_kernel_shutdown(KPI_CAP_KERNEL, reset ? KERNEL_RESET : KERNEL_OFF);
}

errval_t kernel_random(uint64_t ret_words[4])
{
    return inv_kernel_random(KPI_CAP_KERNEL, &ret_words[0], &ret_words[1], &ret_words[2],
                             &ret_words[3]);
}

errval_t kernel_get_stats(struct kernel_stats *ret_stats)
{
    return inv_kernel_stats(KPI_CAP_KERNEL, &ret_stats->uptime_ns, &ret_stats->idle_ns,
                            &ret_stats->switches, &ret_stats->interrupts, &ret_stats->caps);
}

errval_t kernel_count(uint32_t type, uint64_t *ret_objects, uint64_t *ret_caps)
{
    return inv_kernel_count(KPI_CAP_KERNEL, type, ret_objects, ret_caps);
}

errval_t kernel_check(uint64_t *ret_found, uint64_t *ret_nodes)
{
    return inv_kernel_check(KPI_CAP_KERNEL, ret_found, ret_nodes);
}

errval_t kernel_notify(uint32_t core, uint32_t bit, caddr_t dest)
{
    return inv_kernel_notify(KPI_CAP_KERNEL, core, bit, dest);
}

errval_t kernel_core_start(caddr_t kcb, caddr_t pool, caddr_t channel)
{
    errval_t err;

    do {
        err = inv_kcb_start(kcb, pool, channel);
    } while (err == SYS_ERR_AGAIN);
    return err;
}

errval_t kernel_core_state(caddr_t kcb, uint32_t *ret_core, uint32_t *ret_state)
{
    uint64_t core, state;
    errval_t err = inv_kcb_state(kcb, &core, &state);

    if (err_is_ok(err)) {
        *ret_core = (uint32_t)core;
        *ret_state = (uint32_t)state;
    }
    return err;
}

errval_t kernel_core_reclaim(caddr_t kcb, caddr_t pool)
{
    return inv_kcb_reclaim(kcb, pool);
}

errval_t kernel_core_off(void)
{
    return inv_kernel_core_off(KPI_CAP_KERNEL);
}

errval_t kernel_irq(uint32_t irq, caddr_t dest)
{
    return inv_irq_table_get(KPI_CAP_IRQTABLE, irq, dest);
}

static uint32_t device_irq(const struct fdt_walk *walk)
{
    uint32_t cells[3];

    if (!fdt_interrupt(walk, 0, cells) || cells[0] > GIC_PPI) {
        return 0;
    }
    return cells[1] + (cells[0] == GIC_SPI ? GIC_SPI_BASE : GIC_PPI_BASE);
}

static errval_t device_search(const void *tree, uint64_t bytes, const char *compatible,
                              struct kernel_device *ret_device)
{
    struct fdt fdt;
    struct fdt_walk walk;
    struct fdt_range range = {0};

    if (!fdt_open(tree, bytes, &fdt)) {
        return LIB_ERR_NOT_FOUND;
    }
    fdt_walk_init(&walk, &fdt);
    while (fdt_walk_next(&walk)) {
        if (fdt_enabled(&walk) && fdt_has_string(&walk, "compatible", compatible)) {
            (void)fdt_reg(&walk, 0, &range);
            *ret_device = (struct kernel_device){
                .base = range.base, .bytes = range.size, .irq = device_irq(&walk),
            };
            return ERR_OK;
        }
    }
    return LIB_ERR_NOT_FOUND;
}

errval_t kernel_find_device(const char *compatible, struct kernel_device *ret_device)
{
    uint64_t bytes = kernel_bootinfo()->device_tree_bytes;
    void *tree;
    errval_t err = paging_map_frame(paging_self(), KPI_CAP_DEVICE_TREE, 0,
                                    aos_round_up(bytes, AOS_PAGE_BYTES), AOS_VM_READ, &tree);

    if (err_is_fail(err)) {
        return err;
    }
    err = device_search(tree, bytes, compatible, ret_device);
    (void)paging_unmap(paging_self(), tree);
    return err;
}

errval_t kernel_device_frame(uint64_t base, uint64_t bytes, caddr_t dest)
{
    const struct kpi_bootinfo *info = kernel_bootinfo();
    uint64_t first = aos_round_down(base, AOS_PAGE_BYTES);
    uint64_t end = aos_round_up(base + bytes, AOS_PAGE_BYTES);

    for (uint32_t i = 0; i < info->cap_count; i++) {
        const struct kpi_boot_cap *c = &info->caps[i];

        if (c->kind == KPI_BOOT_DEVICE && first >= c->base && end <= c->base + c->bytes
            && end > first) {
            return cap_retype(dest, c->cap, first - c->base, CAPTYPE_DEVFRAME, end - first, 1);
        }
    }
    return LIB_ERR_NOT_FOUND;
}
