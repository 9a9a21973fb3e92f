/* A device interrupt as events, on one core and then on another: the PL011 at the place where
 * QEMU's virt has it (hw/arm/virt.c memory map: 0x0900_0000, SPI 1). The same program is init on
 * both cores. */
#include "kobj.h"
#include <stdatomic.h>
#include <kpi/core.h>

#define UART_BASE  0x09000000ull
#define UART_IRQ   33u
#define UART_DR    0x00u                 /* registers: Arm DDI 0183, 3.2 */
#define UART_IMSC  0x38u
#define UART_ICR   0x44u
#define UART_TX    0x20u                 /* transmit interrupt */
#define COOKIE     3u
#define FAR        1u                    /* the other core */
#define FAR_NS     10000000000ull        /* for it to do as asked */

/* The channel. Core 0 writes what the interrupt is, and then that it is the other core's. */
static struct shared {
    uint32_t page, pages;
    _Atomic uint32_t begin;
    _Atomic uint32_t come;               /* by core 1: the interrupt came, and is served */
} *shared;

static caddr_t device_of(uint64_t base, uint64_t *ret_off)
{
    const struct kpi_bootinfo *b = (const struct kpi_bootinfo *)KPI_BOOTINFO_VA;

    for (uint32_t i = 0; i < b->cap_count; i++) {
        const struct kpi_boot_cap *c = &b->caps[i];

        if (c->kind == KPI_BOOT_DEVICE && base >= c->base && base - c->base < c->bytes) {
            *ret_off = base - c->base;
            return c->cap;
        }
    }
    return 0;
}

static void uart_write(volatile uint8_t *regs, unsigned reg, uint32_t value)
{
    *(volatile uint32_t *)(volatile void *)(regs + reg) = value;
}

static bool is_event(const struct kt_msg *m)
{
    return m->cookie == COOKIE && m->header == KPI_CONTROL_HEADER(KPI_CONTROL_EVENT);
}

static void far_irq(volatile uint8_t *regs)
{
    caddr_t irq = kt_slots(1), raise, end;
    struct kt_msg m = { .cookie = 0 };

    while (atomic_load(&shared->begin) == 0) {
        __asm__ volatile("yield");
    }
    kt_need(inv_kernel_cap_foreign(KPI_CAP_KERNEL, CAPTYPE_IRQDEST, shared->page, shared->pages, 0,
                                   irq), "interrupt");
    kt_need(inv_kernel_cap_set_owner(KPI_CAP_KERNEL, irq, FAR), "owner");
    kt_channel(KPI_CHANNEL_BYTES_MIN, &raise, &end);
    kt_need(inv_endpoint_bind(end, COOKIE), "bind");
    kt_need(inv_irq_dest_connect(irq, raise), "connect");
    uart_write(regs, UART_IMSC, UART_TX);
    uart_write(regs, UART_DR, '\n');
    kt_call(&m);
    uart_write(regs, UART_ICR, UART_TX);
    uart_write(regs, UART_IMSC, 0);
    kt_need(inv_cnode_delete(KT_TASK_NODE, irq), "delete");
    atomic_store(&shared->come, is_event(&m));
}

static _Noreturn void far_main(const struct kpi_bootinfo *b)
{
    struct kt_msg m = { .cookie = 0 };
    caddr_t uart = kt_slots(1);
    errval_t err = SYS_ERR_CAP_NOT_FOUND;

    for (uint32_t i = 0; i < b->cap_count; i++) {
        if (b->caps[i].kind == KPI_BOOT_CHANNEL) {
            shared = kt_map(b->caps[i].cap, 0, 1, KPI_VM_READ | KPI_VM_WRITE, NULL, &err);
        }
    }
    kt_need(err, "map the channel");
    kt_need(inv_kernel_cap_foreign(KPI_CAP_KERNEL, CAPTYPE_DEVFRAME, UART_BASE / KPI_PAGE_BYTES, 1,
                                   0, uart), "device");
    far_irq(kt_map(uart, 0, 1, KPI_VM_READ | KPI_VM_WRITE, NULL, &err));
    for (;;) {
        kt_call(&m);
    }
}

static void far_start(void)
{
    uint64_t base, bytes;
    caddr_t pool = kt_slots(1), frame, ram = ko_boot_ram(&base, &bytes);

    shared = kt_pages(KPI_CORE_CHANNEL_BYTES / KPI_PAGE_BYTES, &frame);
    kt_need(ko_retype(KT_TASK_NODE, ram, bytes - bytes % KPI_LARGE_BYTES - 2 * KPI_CORE_POOL_MIN,
                      CAPTYPE_RAM, KPI_CORE_POOL_MIN, 1, pool), "pool");
    kt_need(ko_core_start(ko_kcb(FAR), pool, frame), "start");
}

static bool far_has_come(void)
{
    uint64_t until = kt_now_ns() + FAR_NS;

    while (atomic_load(&shared->come) == 0 && kt_now_ns() < until) {
        __asm__ volatile("yield");
    }
    return atomic_load(&shared->come) != 0;
}

/* Another core gets the interrupt; what there is of it here is of no use any more. Then it comes
 * back. */
static void test_far(caddr_t irq, caddr_t raise, volatile uint8_t *regs)
{
    uint64_t found = 1, nodes, type, rights, owner, state, page = 0, pages = 0;
    caddr_t anchor = kt_slots(1), copy = kt_slots(1);
    struct kt_msg m = { .cookie = 0 };

    far_start();
    kt_need(inv_cnode_copy(KT_TASK_NODE, irq, copy), "copy");
    kt_need(inv_kernel_cap_anchor(KPI_CAP_KERNEL, KPI_CAP_SELF_L1, irq, anchor), "anchor");
    kt_need(inv_kernel_cap_describe(KPI_CAP_KERNEL, KPI_CAP_SELF_L1, irq, &type, &rights, &owner,
                                    &state, &page, &pages), "describe");
    kt_need(inv_irq_dest_connect(irq, raise), "connect");
    kt_need(inv_kernel_cap_set_owner(KPI_CAP_KERNEL, anchor, FAR), "owner");
    shared->page = (uint32_t)page;
    shared->pages = (uint32_t)pages;
    atomic_store(&shared->begin, 1);
    kt_eq(inv_irq_dest_connect(irq, raise), SYS_ERR_REMOTE,
          "IRQ1001 an interrupt is connected on the core that has it");
    kt_need(inv_irq_dest_ack(irq), "ack");
    kt_ok(far_has_come(), "IRQ1002 to which it comes");
    kt_need(inv_kernel_cap_set_owner(KPI_CAP_KERNEL, anchor, 0), "owner");
    kt_need(inv_irq_dest_connect(copy, raise), "connect");
    uart_write(regs, UART_IMSC, UART_TX);
    uart_write(regs, UART_DR, '\n');
    kt_call(&m);
    kt_ok(is_event(&m), "IRQ1003 and again to this one when it is back");
    uart_write(regs, UART_IMSC, 0);
    kt_need(inv_kernel_cap_set_owner(KPI_CAP_KERNEL, anchor, FAR), "owner");
    kt_need(inv_cnode_delete(KT_TASK_NODE, copy), "delete");
    kt_need(inv_cnode_delete(KT_TASK_NODE, irq), "delete");
    kt_need(inv_cnode_delete(KT_TASK_NODE, anchor), "delete");
    kt_need(inv_kernel_check(KPI_CAP_KERNEL, &found, &nodes), "check");
    kt_eq(found, 0, "IRQ1004 the database is whole when it is forgotten");
}

void test_main(void)
{
    const struct kpi_bootinfo *b = (const struct kpi_bootinfo *)KPI_BOOTINFO_VA;
    uint64_t off = 0;
    errval_t err;
    caddr_t irq = kt_slots(1), again = kt_slots(1), raise, end;
    struct kt_msg m = { .cookie = 0 };

    if (b->core != b->boot_core) {
        far_main(b);
    }
    kt_plan(16);
    volatile uint8_t *regs = kt_map(device_of(UART_BASE, &off), off, 1,
                                    KPI_VM_READ | KPI_VM_WRITE, NULL, &err);

    kt_need(err, "map the UART");
    kt_channel(KPI_CHANNEL_BYTES_MIN, &raise, &end);
    kt_need(inv_endpoint_bind(end, COOKIE), "bind");
    kt_eq(inv_irq_table_get(KPI_CAP_IRQTABLE, 5000, irq), SYS_ERR_IRQ_INVALID,
          "IRQ0001 no such interrupt");
    kt_eq(inv_irq_table_get(KPI_CAP_IRQTABLE, 27, irq), SYS_ERR_IRQ_INVALID,
          "IRQ0002 the kernel's timer is not given away");
    kt_eq(inv_irq_table_get(KPI_CAP_IRQTABLE, UART_IRQ, irq), ERR_OK, "IRQ0003 an IRQDest");
    kt_eq(inv_irq_table_get(KPI_CAP_IRQTABLE, UART_IRQ, again), SYS_ERR_IRQ_TAKEN,
          "IRQ0004 each exists once");
    kt_eq(inv_irq_dest_connect(irq, raise), ERR_OK, "IRQ0005 connected");
    uart_write(regs, UART_IMSC, UART_TX);
    uart_write(regs, UART_DR, '\n');
    kt_call(&m);
    kt_ok(is_event(&m), "IRQ0006 the interrupt arrives as an event");
    kt_poll(&m);
    kt_ok(m.cookie == 0 && m.header == 0, "IRQ0007 it stays masked until acknowledged");
    kt_need(inv_irq_dest_ack(irq), "ack");
    m = (struct kt_msg){ .cookie = 0 };
    kt_call(&m);
    kt_ok(is_event(&m), "IRQ0008 acknowledged but not served, it comes again");
    uart_write(regs, UART_ICR, UART_TX);
    uart_write(regs, UART_IMSC, 0);
    kt_need(inv_irq_dest_ack(irq), "ack");
    kt_need(inv_dispatcher_deadline(KPI_CAP_SELF_DISP, kt_now_ns() + 2000000), "deadline");
    m = (struct kt_msg){ .cookie = 0 };
    kt_call(&m);
    kt_ok(m.cookie == 0 && m.header == KPI_EVENT_TIMER, "IRQ0009 served, it is silent");
    kt_need(inv_cnode_delete(KT_TASK_NODE, irq), "delete");
    kt_eq(inv_irq_table_get(KPI_CAP_IRQTABLE, UART_IRQ, again), ERR_OK,
          "IRQ0010 free again when its last capability is gone");
    kt_need(inv_irq_dest_connect(again, raise), "connect");
    kt_need(inv_cnode_delete(KT_TASK_NODE, raise), "delete the end");
    uart_write(regs, UART_IMSC, UART_TX);
    uart_write(regs, UART_DR, '\n');
    m = (struct kt_msg){ .cookie = 0 };
    kt_call(&m);
    kt_ok(m.cookie == COOKIE && m.header == KPI_CONTROL_HEADER(KPI_CONTROL_PEER_GONE),
          "IRQ0011 an interrupt without an end reaches nobody");
    kt_poll(&m);
    kt_ok(m.cookie == 0 && m.header == 0, "IRQ0012 and nothing else comes");
    uart_write(regs, UART_IMSC, 0);
    uart_write(regs, UART_ICR, UART_TX);
    kt_channel(KPI_CHANNEL_BYTES_MIN, &raise, &end);
    kt_need(inv_endpoint_bind(end, COOKIE), "bind");
    test_far(again, raise, regs);
}
