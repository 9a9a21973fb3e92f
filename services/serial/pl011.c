/* See pl011.h. */
#include "pl011.h"

enum {
    /* After an overrun the byte itself is good. */
    BAD_BYTE = PL011_DR_FRAMING | PL011_DR_PARITY | PL011_DR_BREAK,
    WANTED = PL011_IMSC_RX | PL011_IMSC_RT,
};

void pl011_init(struct pl011 *u, void *regs)
{
    u->regs = pl011_at((uintptr_t)regs);
    pl011_icr_wr(&u->regs, UINT32_MAX);
    pl011_imsc_wr(&u->regs, WANTED);
}

size_t pl011_write(struct pl011 *u, const uint8_t *data, size_t bytes)
{
    size_t n = 0;

    while (n < bytes && !pl011_fr_txff_rd(&u->regs)) {
        pl011_dr_data_wr(&u->regs, data[n++]);
    }
    return n;
}

bool pl011_read(struct pl011 *u, uint8_t *ret_byte)
{
    while (!pl011_fr_rxfe_rd(&u->regs)) {
        uint32_t value = pl011_dr_rd(&u->regs);

        if ((value & BAD_BYTE) == 0) {
            *ret_byte = pl011_dr_data(value);
            return true;
        }
    }
    return false;
}

void pl011_want_room(struct pl011 *u, bool want)
{
    pl011_imsc_wr(&u->regs, WANTED | (want ? PL011_IMSC_TX : 0));
}

void pl011_ack(struct pl011 *u)
{
    pl011_icr_wr(&u->regs, PL011_ICR_RX | PL011_ICR_RT | PL011_ICR_TX);
}
