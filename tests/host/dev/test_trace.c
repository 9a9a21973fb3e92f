/* Accesses by call, reported: here the registers are ordinary memory. */
#include <check.h>

#include <dev/dev_table.h>
#include <dev/device.h>

#define LINES 16

static uint64_t memory[PROBE_SIZE / 8];
static char lines[LINES][128];
static unsigned count;

static void sink(void *arg, const struct dev_event *event)
{
    CHECK(arg == memory);
    CHECK(count < LINES);
    (void)dev_format(event, lines[count++], sizeof(lines[0]));
}

static void test_lines(void)
{
    struct probe_regs probe = probe_at((uintptr_t)memory);
    dev_set_sink(sink, memory);
    memory[0] = 0xf8a8;
    probe_mix_mode_wr(&probe, DEVICE_MODE_FAST);
    CHECK_EQ(count, 2);
    CHECK_STR(lines[0], "probe.MIX -> 0xf8a8 mode=off speed=5 done lines=0 reserved=0xf800");
    CHECK_STR(lines[1], "probe.MIX = 0xfc2b mode=fast speed=5 lines=0 reserved=0xfc00");
    probe_ring_wr(&probe, 3, probe_ring_length_put(PROBE_RING_OWNED, 1234));
    CHECK_STR(lines[2], "probe.RING[3] = 0x800004d2 length=0x4d2 owned");
    CHECK_EQ(((uint32_t *)memory)[0x130 / 4], 0x800004d2);
    ((uint32_t *)memory)[2] = 0x109;
    CHECK_EQ(probe_status_rd(&probe), 0x109);
    CHECK_STR(lines[3], "probe.STATUS -> 0x109 count=9 busy mode=off");
    memory[0] = 0x60000 << 0;
    (void)probe_mix_lines_rd(&probe);
    CHECK_STR(lines[4], "probe.MIX -> 0x60000 mode=off speed=low lines=dsr|ri");
    CHECK_EQ(DEV_LOAD(32, probe_device, (uintptr_t)memory, 0x2c), 0);
    CHECK_STR(lines[5], "probe+0x2c -> 0x0");
    const struct probe_big_regs big = probe_big_at((uintptr_t)memory);
    probe_big_data_wr(&big, 0, 0x1234);
    CHECK_STR(lines[6], "probe_big.DATA[0] = 0x1234 value=0x1234");
    CHECK_EQ(((uint8_t *)memory)[0x10], 0x12);
    const struct probe_wide_regs wide = probe_wide_at((uintptr_t)memory);
    probe_wide_addr_wr(&wide, 0x5001);
    CHECK_STR(lines[7], "probe_wide.ADDR = 0x5001 valid page=5");
    const struct probe_byte_regs byte = probe_byte_at((uintptr_t)memory);
    probe_byte_ctrl_wr(&byte, 0x21);
    CHECK_STR(lines[8], "probe_byte.CTRL = 0x21 low=1 high=2");
    CHECK_EQ(count, 9);
    dev_set_sink(NULL, NULL);
    probe_byte_ctrl_wr(&byte, 0x21);
    CHECK_EQ(count, 9);
}

static void test_cut(void)
{
    static const char whole[] = "probe.PLAIN = 0x5 all=5";
    uint32_t index;
    struct dev_event event = {.device = &probe_device, .value = 5, .write = true, .offset = 4};
    event.reg = dev_find(&probe_device, 4, &index);
    for (size_t room = 0; room <= sizeof(whole); room++) {
        char text[sizeof(whole) + 1];
        memset(text, '#', sizeof(text));
        CHECK_EQ(dev_format(&event, text, room), sizeof(whole) - 1);
        size_t shown = room == 0 ? 0 : room < sizeof(whole) ? room - 1 : sizeof(whole) - 1;
        CHECK(memcmp(text, whole, shown) == 0);
        CHECK_EQ(text[shown], room == 0 ? '#' : '\0');
        CHECK_EQ(text[room], '#');
    }
}

static const struct check_test tests[] = {
    {"DEV0020 an access is a line with the names of its fields", test_lines},
    {"DEV0021 a line is cut off to fit", test_cut},
};

int main(void)
{
    return CHECK_MAIN(tests);
}
