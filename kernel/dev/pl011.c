// Arm PrimeCell UART. Registers: idl/dev/pl011.dev.
#include <kernel/console.h>
#include <arch/sysreg.h>
#include <dev/pl011.h>

#define PL011_WAIT_MAX 1000000u // looks at the flag before a byte is dropped

// The loader's last bytes go out first: settings may only change while nothing is being sent.
static void pl011_init(uintptr_t regs)
{
    const struct pl011_regs uart = pl011_at(regs);
    for (unsigned i = 0; i < PL011_WAIT_MAX && pl011_fr_busy_rd(&uart); i++)
        cpu_relax();
    pl011_cr_wr(&uart, 0);
    pl011_imsc_wr(&uart, 0);
    pl011_lcrh_wr(&uart, pl011_lcrh_wlen_put(PL011_LCRH_FEN, PL011_LENGTH_EIGHT));
    pl011_cr_wr(&uart, PL011_CR_UARTEN | PL011_CR_TXE | PL011_CR_RXE);
}

static void pl011_put(uintptr_t regs, uint8_t byte)
{
    const struct pl011_regs uart = pl011_at(regs);
    for (unsigned i = 0; i < PL011_WAIT_MAX; i++) {
        if (!pl011_fr_txff_rd(&uart)) {
            pl011_dr_data_wr(&uart, byte);
            return;
        }
        cpu_relax();
    }
}

const struct uart_ops uart_pl011 = {.name = "pl011", .init = pl011_init, .put = pl011_put};
