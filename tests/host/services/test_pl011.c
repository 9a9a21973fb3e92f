/* The UART of the serial service against the model of its registers. */
#include <check.h>

#include <dev/dev_model.h>
#include <pl011.h>

#define FIFO_BYTES 16u

static struct {
    struct dev_model regs;
    uint8_t memory[PL011_SIZE];
    struct pl011 uart;
    uint8_t sent[64];
    unsigned sent_count, room;
    uint32_t received[8];                  /* as DR has them */
    unsigned next, end;
} test;

static void model_read(struct dev_model *m, const struct dev_register *reg, uint32_t index)
{
    (void)index;
    if (reg->offset == PL011_FR_OFFSET) {
        dev_model_put(m, &pl011_device, reg->offset,
                      (test.room == 0 ? PL011_FR_TXFF : 0) | (test.next == test.end
                                                              ? PL011_FR_RXFE : 0));
    } else if (reg->offset == PL011_DR_OFFSET) {
        CHECK(test.next < test.end);
        dev_model_put(m, &pl011_device, reg->offset, test.received[test.next++]);
    }
}

static void model_write(struct dev_model *m, const struct dev_register *reg, uint32_t index,
                        uint64_t written)
{
    (void)index;
    if (reg->offset == PL011_DR_OFFSET) {
        CHECK(test.room-- > 0);
        test.sent[test.sent_count++] = (uint8_t)written;
    } else if (reg->offset == PL011_ICR_OFFSET) {
        uint64_t raised = dev_model_get(m, &pl011_device, PL011_RIS_OFFSET);
        dev_model_put(m, &pl011_device, PL011_RIS_OFFSET, raised & ~written);
    }
}

static void start(void)
{
    static uint8_t page;                   /* an address of nothing but the model */
    dev_model_stop(&test.regs);
    memset(&test, 0, sizeof(test));
    test.room = FIFO_BYTES;
    test.regs = (struct dev_model){.on_read = model_read, .on_write = model_write};
    dev_model_start(&test.regs, (uintptr_t)&page, test.memory, sizeof(test.memory));
    dev_model_put(&test.regs, &pl011_device, PL011_RIS_OFFSET, 0x7ff);
    pl011_init(&test.uart, &page);
}

static uint32_t held(uint32_t offset)
{
    return (uint32_t)dev_model_get(&test.regs, &pl011_device, offset);
}

static void test_interrupts(void)
{
    start();
    CHECK_EQ(held(PL011_RIS_OFFSET), 0);
    CHECK_EQ(held(PL011_IMSC_OFFSET), PL011_IMSC_RX | PL011_IMSC_RT);
    pl011_want_room(&test.uart, true);
    CHECK_EQ(held(PL011_IMSC_OFFSET), PL011_IMSC_RX | PL011_IMSC_RT | PL011_IMSC_TX);
    pl011_want_room(&test.uart, false);
    CHECK_EQ(held(PL011_IMSC_OFFSET), PL011_IMSC_RX | PL011_IMSC_RT);
    dev_model_put(&test.regs, &pl011_device, PL011_RIS_OFFSET, 0x7ff);
    pl011_ack(&test.uart);
    CHECK_EQ(held(PL011_RIS_OFFSET), 0x78f);
    CHECK_EQ(held(PL011_LCRH_OFFSET), 0);  /* line settings are not its business */
}

static void test_write(void)
{
    static const char text[] = "more than the FIFO takes";
    start();
    CHECK_EQ(pl011_write(&test.uart, (const uint8_t *)text, sizeof(text)), FIFO_BYTES);
    CHECK(memcmp(test.sent, text, FIFO_BYTES) == 0);
    CHECK_EQ(pl011_write(&test.uart, (const uint8_t *)text, sizeof(text)), 0);
    test.room = 1;
    CHECK_EQ(pl011_write(&test.uart, (const uint8_t *)text, 0), 0);
    CHECK_EQ(test.sent_count, FIFO_BYTES);
}

static void test_read(void)
{
    uint8_t byte = 0;
    start();
    CHECK(!pl011_read(&test.uart, &byte));
    test.received[0] = 'a';
    test.received[1] = 'b' | PL011_DR_FRAMING;
    test.received[2] = PL011_DR_BREAK | PL011_DR_FRAMING;
    test.received[3] = 'c' | PL011_DR_PARITY;
    test.received[4] = 0xff | PL011_DR_OVERRUN;
    test.received[5] = 'd' | PL011_DR_OVERRUN | PL011_DR_PARITY;
    test.end = 6;
    CHECK(pl011_read(&test.uart, &byte));
    CHECK_EQ(byte, 'a');
    CHECK(pl011_read(&test.uart, &byte));  /* bad ones are dropped; after an overrun it is good */
    CHECK_EQ(byte, 0xff);
    CHECK(!pl011_read(&test.uart, &byte));
    CHECK_EQ(byte, 0xff);
}

static const struct check_test tests[] = {
    {"UART0010 which interrupts are wanted and taken back", test_interrupts},
    {"UART0011 a write stops when the FIFO is full", test_write},
    {"UART0012 bytes with errors are dropped", test_read},
};

int main(void)
{
    return CHECK_MAIN(tests);
}
