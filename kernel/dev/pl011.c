// Arm PrimeCell UART. Source: PL011 Technical Reference Manual (DDI 0183), chapter 3.
#include <kernel/console.h>
#include <arch/mmio.h>

#define PL011_DR   0x00
#define PL011_FR   0x18
#define PL011_LCRH 0x2c
#define PL011_CR   0x30
#define PL011_IMSC 0x38

#define FR_BUSY       (1u << 3)
#define FR_TXFF       (1u << 5)
#define LCRH_FEN      (1u << 4)
#define LCRH_WLEN8    (3u << 5)
#define CR_UARTEN     (1u << 0)
#define CR_TXE        (1u << 8)
#define CR_RXE        (1u << 9)
#define PL011_WAIT_MAX 1000000u // looks at the flag before a byte is dropped

// The loader's last bytes go out first: settings may only change while nothing is being sent.
static void pl011_init(uintptr_t regs)
{
    for (unsigned i = 0; i < PL011_WAIT_MAX && mmio_read32(regs + PL011_FR) & FR_BUSY; i++)
        mmio_relax();
    mmio_write32(regs + PL011_CR, 0);
    mmio_write32(regs + PL011_IMSC, 0);
    mmio_write32(regs + PL011_LCRH, LCRH_FEN | LCRH_WLEN8);
    mmio_write32(regs + PL011_CR, CR_UARTEN | CR_TXE | CR_RXE);
}

static void pl011_put(uintptr_t regs, uint8_t byte)
{
    for (unsigned i = 0; i < PL011_WAIT_MAX; i++) {
        if (!(mmio_read32(regs + PL011_FR) & FR_TXFF)) {
            mmio_write32(regs + PL011_DR, byte);
            return;
        }
        mmio_relax();
    }
}

const struct uart_ops uart_pl011 = {.name = "pl011", .init = pl011_init, .put = pl011_put};
