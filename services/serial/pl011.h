/* The PL011 UART, driven by interrupts. Line settings stay as the firmware or the kernel left them.
 * Registers: idl/dev/pl011.dev. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dev/pl011.h>

struct pl011 {
    struct pl011_regs regs;
};

/* `regs`: the mapped registers, one page. Enables receive interrupts, masks the rest. */
void pl011_init(struct pl011 *u, void *regs);
/* Hands over as many of `bytes` as the transmit FIFO takes; returns how many. */
size_t pl011_write(struct pl011 *u, const uint8_t *data, size_t bytes);
/* A received byte; false: there is none. Bytes with framing, parity or break errors are dropped. */
bool pl011_read(struct pl011 *u, uint8_t *ret_byte);
/* Asks for an interrupt when the transmit FIFO drains, or not. */
void pl011_want_room(struct pl011 *u, bool want);
/* Takes back the interrupts that have been handled. */
void pl011_ack(struct pl011 *u);
