// NXP Low Power UART with 32-bit registers, as in the i.MX8X. Source: i.MX 8DualXPlus/8QuadXPlus
// Reference Manual, chapter "LPUART" (register offsets 0x10 on: BAUD, STAT, CTRL, DATA).
// The loader's baud rate stays: the kernel knows nothing about the clock.
#include <kernel/console.h>
#include <arch/mmio.h>

#define LPUART_STAT 0x14
#define LPUART_CTRL 0x18
#define LPUART_DATA 0x1c

#define STAT_TDRE (1u << 23)
#define CTRL_RE   (1u << 18)
#define CTRL_TE   (1u << 19)
#define CTRL_ILIE (1u << 20)
#define CTRL_RIE  (1u << 21)
#define CTRL_TCIE (1u << 22)
#define CTRL_TIE  (1u << 23)
#define LPUART_WAIT_MAX 1000000u // looks at the flag before a byte is dropped

static void lpuart_init(uintptr_t regs)
{
    uint32_t ctrl = mmio_read32(regs + LPUART_CTRL);
    ctrl &= ~(CTRL_ILIE | CTRL_RIE | CTRL_TCIE | CTRL_TIE);
    mmio_write32(regs + LPUART_CTRL, ctrl | CTRL_TE | CTRL_RE);
}

static void lpuart_put(uintptr_t regs, uint8_t byte)
{
    for (unsigned i = 0; i < LPUART_WAIT_MAX; i++) {
        if (mmio_read32(regs + LPUART_STAT) & STAT_TDRE) {
            mmio_write32(regs + LPUART_DATA, byte);
            return;
        }
        mmio_relax();
    }
}

const struct uart_ops uart_lpuart = {.name = "lpuart", .init = lpuart_init, .put = lpuart_put};
