/* See pl011.h. */
#include "pl011.h"

/* Offsets in bytes, 3.2; bits, 3.3. */
enum {
    PL011_DR = 0x00,
    PL011_FR = 0x18,
    PL011_IMSC = 0x38,
    PL011_ICR = 0x44,
    DR_ERRORS = 0xf00,                   /* overrun, break, parity, framing */
    DR_OVERRUN = 0x800,                  /* of these the byte itself is good after an overrun */
    FR_RXFE = 1 << 4,                    /* receive FIFO empty */
    FR_TXFF = 1 << 5,                    /* transmit FIFO full */
    INT_RX = 1 << 4,
    INT_TX = 1 << 5,
    INT_RT = 1 << 6,                     /* receive timeout: something below the FIFO's mark */
    INT_ALL = 0x7ff,
};

static uint32_t pl011_get(const struct pl011 *u, uint32_t reg)
{
    return u->regs[reg / sizeof(uint32_t)];
}

static void pl011_set(struct pl011 *u, uint32_t reg, uint32_t value)
{
    u->regs[reg / sizeof(uint32_t)] = value;
}

void pl011_init(struct pl011 *u, void *regs)
{
    u->regs = regs;
    pl011_set(u, PL011_ICR, INT_ALL);
    pl011_set(u, PL011_IMSC, INT_RX | INT_RT);
}

size_t pl011_write(struct pl011 *u, const uint8_t *data, size_t bytes)
{
    size_t n = 0;

    while (n < bytes && (pl011_get(u, PL011_FR) & FR_TXFF) == 0) {
        pl011_set(u, PL011_DR, data[n++]);
    }
    return n;
}

bool pl011_read(struct pl011 *u, uint8_t *ret_byte)
{
    while ((pl011_get(u, PL011_FR) & FR_RXFE) == 0) {
        uint32_t data = pl011_get(u, PL011_DR);

        if ((data & DR_ERRORS & ~(uint32_t)DR_OVERRUN) == 0) {
            *ret_byte = (uint8_t)data;
            return true;
        }
    }
    return false;
}

void pl011_want_room(struct pl011 *u, bool want)
{
    pl011_set(u, PL011_IMSC, INT_RX | INT_RT | (want ? INT_TX : 0));
}

void pl011_ack(struct pl011 *u)
{
    pl011_set(u, PL011_ICR, INT_RX | INT_RT | INT_TX);
}
