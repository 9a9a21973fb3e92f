// UART drivers and the console's two modes, against models of the registers.
#include <check.h>

#include <arch/mmio.h>
#include <kernel/console.h>

#define SENT_MAX  4096
#define BASE      0x1000u
#define LP_STAT   0x14u
#define LP_CTRL   0x18u
#define LP_DATA   0x1cu
#define LP_BAUD   0x10u
#define LP_TDRE   (1u << 23)
#define LP_TE     (1u << 19)
#define LP_IRQS   (0xfu << 20)
#define PL_DR     0x00u
#define PL_FR     0x18u
#define PL_LCRH   0x2cu
#define PL_CR     0x30u
#define PL_TXFF   (1u << 5)

// Both devices: what was sent, and a FIFO that is full for `delay` looks after each byte.
static struct {
    bool lpuart;
    uint8_t sent[SENT_MAX];
    unsigned count, delay, busy, unready_writes, other_writes, looks;
    uint32_t ctrl, lcrh;
    bool enabled;
} model;

uint32_t mmio_read32(uintptr_t addr)
{
    uint32_t offset = (uint32_t)(addr - BASE);
    if (model.lpuart && offset == LP_CTRL)
        return model.ctrl;
    CHECK_EQ(offset, model.lpuart ? LP_STAT : PL_FR);
    model.looks++;
    bool full = model.busy > 0;
    model.busy -= full && model.busy != UINT32_MAX;
    if (model.lpuart)
        return full ? 0 : LP_TDRE;
    return full ? PL_TXFF : 0;
}

void mmio_write32(uintptr_t addr, uint32_t value)
{
    uint32_t offset = (uint32_t)(addr - BASE);
    if (offset == (model.lpuart ? LP_DATA : PL_DR)) {
        model.unready_writes += model.busy > 0 || !model.enabled;
        model.sent[model.count++ % SENT_MAX] = (uint8_t)value;
        model.busy = model.delay;
    } else if (model.lpuart && offset == LP_CTRL) {
        model.ctrl = value;
        model.enabled = value & LP_TE;
    } else if (!model.lpuart && offset == PL_CR) {
        model.enabled = (value & 0x101) == 0x101;
    } else if (!model.lpuart && offset == PL_LCRH) {
        model.lcrh = value;
    } else {
        model.other_writes++;
    }
}

void mmio_relax(void)
{
}

static void start(bool lpuart, bool frames)
{
    memset(&model, 0, sizeof(model));
    model.lpuart = lpuart;
    model.ctrl = LP_IRQS | 1u << 18; // as a loader may leave it
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
    CHECK_EQ(model.ctrl & LP_IRQS, 0);
    CHECK(model.enabled);
    CHECK_EQ(model.other_writes, 0); // baud rate and line settings stay the loader's
    model.delay = 7;
    console_write('l', "ab\n", 3);
    check_sent("ab\r\n", 4);
}

static void test_pl011(void)
{
    start(false, false);
    CHECK(model.enabled);
    CHECK_EQ(model.lcrh, 0x70); // 8 bits, FIFO
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
    model.enabled = false; // a driver that died with the device off
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
