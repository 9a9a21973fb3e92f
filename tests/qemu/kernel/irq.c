/* A device interrupt as events: the PL011 at the place where QEMU's virt has it (hw/arm/virt.c
 * memory map: 0x0900_0000, SPI 1). */
#include "ktest.h"

#define OTHER_CORE 1u                    /* that it is off does not matter */

#define UART_BASE  0x09000000ull
#define UART_IRQ   33u
#define UART_DR    0x00u                 /* registers: Arm DDI 0183, 3.2 */
#define UART_IMSC  0x38u
#define UART_ICR   0x44u
#define UART_TX    0x20u                 /* transmit interrupt */
#define COOKIE     3u

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

/* Another core gets the interrupt; what there is of it here moves nobody's any more. */
static void test_foreign(caddr_t irq, caddr_t raise)
{
    caddr_t anchor = kt_slots(1);
    uint64_t found = 1, nodes;

    kt_need(inv_kernel_cap_anchor(KPI_CAP_KERNEL, KPI_CAP_SELF_L1, irq, anchor), "anchor");
    kt_need(inv_irq_dest_connect(irq, raise), "connect");
    kt_need(inv_kernel_cap_set_owner(KPI_CAP_KERNEL, anchor, OTHER_CORE), "owner");
    kt_eq(inv_irq_dest_connect(irq, raise), SYS_ERR_REMOTE,
          "IRQ1001 it is connected where it belongs");
    kt_need(inv_cnode_delete(KT_TASK_NODE, irq), "delete");
    kt_need(inv_cnode_delete(KT_TASK_NODE, anchor), "delete");
    kt_need(inv_kernel_check(KPI_CAP_KERNEL, &found, &nodes), "check");
    kt_eq(found, 0, "IRQ1002 and the database is whole when it is forgotten");
}

static bool is_event(const struct kt_msg *m)
{
    return m->cookie == COOKIE && m->header == KPI_CONTROL_HEADER(KPI_CONTROL_EVENT);
}

void test_main(void)
{
    uint64_t off = 0;
    errval_t err;
    caddr_t irq = kt_slots(1), again = kt_slots(1), raise, end;
    struct kt_msg m = { .cookie = 0 };

    kt_plan(14);
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
    kt_channel(KPI_CHANNEL_BYTES_MIN, &raise, &end);
    test_foreign(again, raise);
}
