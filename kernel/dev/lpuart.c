// NXP Low Power UART. Registers: idl/dev/lpuart.dev.
// The loader's baud rate stays: the kernel knows nothing about the clock.
#include <kernel/console.h>
#include <arch/sysreg.h>
#include <dev/lpuart.h>

#define LPUART_WAIT_MAX   1000000u // looks at the flag before a byte is dropped
#define LPUART_INTERRUPTS \
    (LPUART_CTRL_ILIE | LPUART_CTRL_RIE | LPUART_CTRL_TCIE | LPUART_CTRL_TIE)

static void lpuart_init(uintptr_t regs)
{
    const struct lpuart_regs uart = lpuart_at(regs);
    uint32_t ctrl = lpuart_ctrl_rd(&uart) & ~LPUART_INTERRUPTS;
    lpuart_ctrl_wr(&uart, ctrl | LPUART_CTRL_TE | LPUART_CTRL_RE);
}

static void lpuart_put(uintptr_t regs, uint8_t byte)
{
    const struct lpuart_regs uart = lpuart_at(regs);
    for (unsigned i = 0; i < LPUART_WAIT_MAX; i++) {
        if (lpuart_stat_tdre_rd(&uart)) {
            lpuart_data_wr(&uart, byte);
            return;
        }
        cpu_relax();
    }
}

const struct uart_ops uart_lpuart = {.name = "lpuart", .init = lpuart_init, .put = lpuart_put};
