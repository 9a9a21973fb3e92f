#include <kernel/console.h>

#define SLIP_END     0xC0
#define SLIP_ESC     0xDB
#define SLIP_ESC_END 0xDC
#define SLIP_ESC_ESC 0xDD

// Set up once by console_init; `owned` is whether the kernel still writes.
static struct {
    const struct uart_ops *uart;
    uintptr_t regs;
    bool frames, owned;
} console;

void console_init_silent(const struct uart_ops *uart, uintptr_t regs, bool frames)
{
    console.uart = uart;
    console.regs = regs;
    console.frames = frames;
}

void console_init(const struct uart_ops *uart, uintptr_t regs, bool frames)
{
    console_init_silent(uart, regs, frames);
    console.owned = true;
    uart->init(regs);
}

static void console_put(uint8_t byte)
{
    console.uart->put(console.regs, byte);
}

static void console_put_escaped(uint8_t byte)
{
    if (byte == SLIP_END || byte == SLIP_ESC) {
        console_put(SLIP_ESC);
        byte = byte == SLIP_END ? SLIP_ESC_END : SLIP_ESC_ESC;
    }
    console_put(byte);
}

static void console_write_frame(uint8_t stream, const char *text, size_t length)
{
    console_put(SLIP_END);
    console_put_escaped(stream);
    console_put_escaped((uint8_t)(length & 0xff));
    console_put_escaped((uint8_t)(length >> 8));
    for (size_t i = 0; i < length; i++)
        console_put_escaped((uint8_t)text[i]);
    console_put(SLIP_END);
}

void console_write(uint8_t stream, const char *text, size_t length)
{
    if (console.uart == NULL || !console.owned)
        return;
    while (console.frames && length > 0) {
        size_t n = length < CONSOLE_FRAME_MAX ? length : CONSOLE_FRAME_MAX;
        console_write_frame(stream, text, n);
        text += n;
        length -= n;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n')
            console_put('\r');
        console_put((uint8_t)text[i]);
    }
}

void console_release(void)
{
    console.owned = false;
}

bool console_released(void)
{
    return console.uart != NULL && !console.owned;
}

void console_seize(void)
{
    if (console_released())
        console.uart->init(console.regs); // whatever the driver has made of it
    console.owned = true;
}

bool console_frames(void)
{
    return console.frames;
}
