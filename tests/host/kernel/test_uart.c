// UART drivers and the console's two modes, against models of the registers.
#include <check.h>

#include <dev/dev_model.h>
#include <dev/lpuart.h>
#include <dev/pl011.h>
#include <kernel/console.h>

#define SENT_MAX  4096
#define BASE      0x1000u
#define LP_ENABLE (LPUART_CTRL_TE | LPUART_CTRL_RE)
#define LP_IRQS   (LPUART_CTRL_TIE | LPUART_CTRL_TCIE | LPUART_CTRL_RIE | LPUART_CTRL_ILIE)
#define PL_ENABLE (PL011_CR_UARTEN | PL011_CR_TXE)

// Both devices: what was sent, and a FIFO that is full for `delay` looks after each byte.
static struct {
    struct dev_model regs;
    uint8_t memory[PL011_SIZE];
    bool lpuart;
    uint8_t sent[SENT_MAX];
    unsigned count, delay, busy, unready_writes, other_writes, looks;
} model;

static uint32_t held(uint32_t offset)
{
    return (uint32_t)dev_model_get(&model.regs, model.lpuart ? &lpuart_device : &pl011_device,
                                   offset);
}

static bool enabled(void)
{
    return model.lpuart ? held(LPUART_CTRL_OFFSET) & LPUART_CTRL_TE
                        : (held(PL011_CR_OFFSET) & PL_ENABLE) == PL_ENABLE;
}

static void model_read(struct dev_model *m, const struct dev_register *reg, uint32_t index)
{
    (void)index;
    if (reg->offset != (model.lpuart ? LPUART_STAT_OFFSET : PL011_FR_OFFSET))
        return;
    model.looks++;
    bool full = model.busy > 0;
    model.busy -= full && model.busy != UINT32_MAX;
    if (model.lpuart)
        dev_model_put(m, &lpuart_device, reg->offset, full ? 0 : LPUART_STAT_TDRE);
    else
        dev_model_put(m, &pl011_device, reg->offset, full ? PL011_FR_TXFF : 0);
}

static void model_write(struct dev_model *m, const struct dev_register *reg, uint32_t index,
                        uint64_t written)
{
    (void)m;
    (void)index;
    if (reg->offset == (model.lpuart ? LPUART_DATA_OFFSET : PL011_DR_OFFSET)) {
        model.unready_writes += model.busy > 0 || !enabled();
        model.sent[model.count++ % SENT_MAX] = (uint8_t)written;
        model.busy = model.delay;
    } else if (model.lpuart ? reg->offset != LPUART_CTRL_OFFSET
                            : reg->offset != PL011_CR_OFFSET && reg->offset != PL011_LCRH_OFFSET
                                  && reg->offset != PL011_IMSC_OFFSET) {
        model.other_writes++;
    }
}

static void start(bool lpuart, bool frames)
{
    dev_model_stop(&model.regs);
    memset(&model, 0, sizeof(model));
    model.lpuart = lpuart;
    model.regs = (struct dev_model){.on_read = model_read, .on_write = model_write};
    dev_model_start(&model.regs, BASE, model.memory, sizeof(model.memory));
    if (lpuart) // as a loader may leave it
        dev_model_put(&model.regs, &lpuart_device, LPUART_CTRL_OFFSET, LP_IRQS | LPUART_CTRL_RE);
    else
        dev_model_put(&model.regs, &pl011_device, PL011_IMSC_OFFSET, PL011_IMSC_RX);
    console_init(lpuart ? &uart_lpuart : &uart_pl011, BASE, frames);
}

static void check_sent(const void *expected, size_t size)
{
    CHECK_EQ(model.count, size);
    CHECK(memcmp(model.sent, expected, size) == 0);
    CHECK_EQ(model.unready_writes, 0);
}

static void test_lpuart(void)
{
    start(true, false);
    CHECK_EQ(held(LPUART_CTRL_OFFSET), LP_ENABLE);
    CHECK_EQ(model.other_writes, 0); // baud rate and line settings stay the loader's
    model.delay = 7;
    console_write('l', "ab\n", 3);
    check_sent("ab\r\n", 4);
}

static void test_pl011(void)
{
    start(false, false);
    CHECK(enabled());
    CHECK_EQ(held(PL011_LCRH_OFFSET), 0x70); // 8 bits, FIFO
    CHECK_EQ(held(PL011_IMSC_OFFSET), 0);
    CHECK_EQ(model.other_writes, 0);
    model.delay = 3;
    console_write('l', "ab\n", 3);
    check_sent("ab\r\n", 4);
}

static void test_dead(void)
{
    for (unsigned lpuart = 0; lpuart < 2; lpuart++) {
        start(lpuart, false);
        model.busy = UINT32_MAX;
        console_write('l', "ab", 2);
        check_sent("", 0);
        CHECK(model.looks > 2);
    }
}

static void test_frames(void)
{
    static const char text[] = {'a', '\n', (char)0xc0, (char)0xdb, 'z'};
    static const uint8_t expected[] = {0xc0, 'p', 5,    0,    'a',  '\n',
                                       0xdb, 0xdc, 0xdb, 0xdd, 'z', 0xc0};
    start(false, true);
    console_write('p', text, sizeof(text));
    check_sent(expected, sizeof(expected));
}

static void test_long_frames(void)
{
    static char text[CONSOLE_FRAME_MAX + 0xc0];
    memset(text, 'x', sizeof(text));
    start(false, true);
    console_write('l', text, sizeof(text));
    // END, stream, two bytes of length (0xc0 is escaped), text, END; twice.
    CHECK_EQ(model.count, (5 + CONSOLE_FRAME_MAX) + (6 + 0xc0));
    const uint8_t *second = model.sent + 5 + CONSOLE_FRAME_MAX;
    CHECK(memcmp(model.sent, "\xc0l\x00\x04x", 5) == 0);
    CHECK(memcmp(second, "\xc0l\xdb\xdc\x00x", 6) == 0);
}

static void test_release(void)
{
    start(true, false);
    CHECK(!console_released());
    console_release();
    CHECK(console_released());
    console_write('l', "lost", 4);
    check_sent("", 0);
    // A driver that died with the device off.
    dev_model_put(&model.regs, &lpuart_device, LPUART_CTRL_OFFSET, 0);
    console_seize();
    console_write('p', "panic", 5);
    check_sent("panic", 5);
}

static const struct check_test tests[] = {
    {"UART0001 LPUART", test_lpuart},
    {"UART0002 PL011", test_pl011},
    {"UART0003 a device that never gets ready", test_dead},
    {"UART0004 a frame is escaped", test_frames},
    {"UART0005 long text is cut into frames", test_long_frames},
    {"UART0006 release and panic", test_release},
};

int main(void)
{
    return CHECK_MAIN(tests);
}
