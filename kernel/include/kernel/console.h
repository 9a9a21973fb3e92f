// The kernel's output on the UART, and the UART drivers behind it.
//
// Plain mode: text with CR LF line ends. Frame mode: every byte belongs to a SLIP-delimited frame
// (RFC 1055: END 0xC0, ESC 0xDB, ESC_END 0xDC, ESC_ESC 0xDD): END, then escaped
// { u8 stream; u16 length, little endian; bytes }, END; length <= CONSOLE_FRAME_MAX.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONSOLE_FRAME_MAX    1024u
#define CONSOLE_STREAM_LOG   'l'
#define CONSOLE_STREAM_PANIC 'p'

// A UART driver: output only, polled. `regs` is the virtual address of the registers.
struct uart_ops {
    const char *name;
    void (*init)(uintptr_t regs); // keeps the line settings that the loader made
    void (*put)(uintptr_t regs, uint8_t byte); // gives up after a bounded wait
};

extern const struct uart_ops uart_pl011, uart_lpuart;

// Starts output; before that console_write drops everything.
void console_init(const struct uart_ops *uart, uintptr_t regs, bool frames);

// The same on a further core: the UART is another core's, and is left alone until a panic.
void console_init_silent(const struct uart_ops *uart, uintptr_t regs, bool frames);

// Writes text on a stream (the stream matters in frame mode only).
void console_write(uint8_t stream, const char *text, size_t length);

// From now on only panics are written: a user-space driver owns the UART.
void console_release(void);
bool console_released(void);

// A panic, or the end of the driver, takes the console back; the UART is set up anew.
void console_seize(void);
bool console_frames(void);
