/* Accessors against the model of a device: reads, writes, what they leave alone, and what a device
 * forbids. */
#include <check.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <dev/dev_model.h>
#include <dev/device.h>

#define BASE   0x4000u
#define WIDE   0x8000u
#define GARBAGE 0xffffffffu

static uint8_t memory[PROBE_SIZE];
static struct dev_model model;
static struct probe_regs probe;
static enum dev_violation last;
static struct dev_event last_event;

static void note_violation(struct dev_model *m, enum dev_violation what,
                           const struct dev_event *event)
{
    (void)m;
    last = what;
    last_event = *event;
}

static void start(void)
{
    dev_model_stop(&model);
    model = (struct dev_model){.on_violation = note_violation};
    dev_model_start(&model, BASE, memory, sizeof(memory));
    probe = probe_at(BASE);
}

static uint32_t held(uint32_t offset)
{
    return (uint32_t)dev_model_get(&model, &probe_device, offset);
}

static void put(uint32_t offset, uint32_t value)
{
    dev_model_put(&model, &probe_device, offset, value);
}

/* What a driver could only do without accessors. */
static void raw_write(uint32_t offset, uint32_t value)
{
    DEV_STORE(32, probe_device, BASE, offset, value);
}

static void test_plain(void)
{
    start();
    probe_plain_wr(&probe, 0x12345678);
    CHECK_EQ(held(PROBE_PLAIN_OFFSET), 0x12345678);
    CHECK_EQ(probe_plain_rd(&probe), 0x12345678);
    put(PROBE_STATUS_OFFSET, 0x1ff | 3u << PROBE_STATUS_MODE_SHIFT);
    CHECK_EQ(probe_status_count_rd(&probe), 0xff);
    CHECK(probe_status_busy_rd(&probe));
    CHECK_EQ(probe_status_mode_rd(&probe), DEVICE_MODE_FAST);
    CHECK_EQ(probe_status_count(0xabcd), 0xcd);
    CHECK_EQ(model.reads, 4);
    CHECK_EQ(model.writes, 1);
    CHECK_EQ(model.violations, 0);
}

static void test_full_write(void)
{
    start();
    put(PROBE_MIX_OFFSET, 0x50005800);     /* keep bits: two, and one of each row */
    probe_mix_wr(&probe, GARBAGE);
    /* rw bits taken, mbz zero, mb1 one, keep kept, w1s set. */
    CHECK_EQ(held(PROBE_MIX_OFFSET), 0x5f005d3f);
    CHECK_EQ(model.violations, 0);
    put(PROBE_MIX_OFFSET, 0x80000080);
    probe_mix_wr(&probe, 0);
    CHECK_EQ(held(PROBE_MIX_OFFSET) & (PROBE_MIX_GONE | PROBE_MIX_DONE), 0x80000080);
    CHECK_EQ(held(PROBE_MIX_OFFSET) & 0x400u, 0x400u);
    probe_few_wr(&probe, GARBAGE);
    CHECK_EQ(held(PROBE_FEW_OFFSET), 0xf);
    CHECK_EQ(model.violations, 0);
}

static void test_field_write(void)
{
    start();
    uint32_t before = 0x50005d3f | PROBE_MIX_DONE | PROBE_MIX_GONE | PROBE_MIX_READY;
    put(PROBE_MIX_OFFSET, before);
    probe_mix_mode_wr(&probe, DEVICE_MODE_SLOW);
    CHECK_EQ(probe_mix_mode_rd(&probe), DEVICE_MODE_SLOW);
    CHECK_EQ(held(PROBE_MIX_OFFSET), (before & ~PROBE_MIX_MODE) | 1);
    probe_mix_level_wr(&probe, 0xfa);      /* what does not fit the field is cut off */
    CHECK_EQ(probe_mix_level_rd(&probe), 0xa);
    probe_mix_on_wr(&probe, false);
    CHECK(!probe_mix_on_rd(&probe));
    CHECK(probe_mix_done_rd(&probe) && probe_mix_gone_rd(&probe) && probe_mix_ready_rd(&probe));
    CHECK_EQ(held(PROBE_MIX_OFFSET) & 0x70007800, before & 0x70007800);
    CHECK_EQ(probe_mix_speed_put(GARBAGE, DEVICE_SPEED_LOW), ~PROBE_MIX_SPEED);
    CHECK_EQ(model.violations, 0);
}

static void test_ones(void)
{
    start();
    put(PROBE_MIX_OFFSET, PROBE_MIX_DONE | PROBE_MIX_GONE | 0x05005c05);
    probe_mix_done_clear(&probe);
    CHECK_EQ(held(PROBE_MIX_OFFSET), PROBE_MIX_GONE | 0x05005c05);
    probe_mix_start_set(&probe);
    CHECK_EQ(held(PROBE_MIX_OFFSET), PROBE_MIX_GONE | PROBE_MIX_START | 0x05005c05);
    probe_mix_clear(&probe, GARBAGE);
    CHECK_EQ(held(PROBE_MIX_OFFSET), PROBE_MIX_START | 0x05005c05);
    put(PROBE_EVENTS_OFFSET, 0x80000ff0);
    CHECK_EQ(probe_events_rd(&probe), 0x80000ff0);
    probe_events_clear(&probe, 0x800000f0);
    CHECK_EQ(held(PROBE_EVENTS_OFFSET), 0x80000f00);
    probe_enable_set(&probe, 0x11);
    probe_enable_set(&probe, 0x10);
    CHECK_EQ(probe_enable_rd(&probe), 0x11);
    CHECK_EQ(model.violations, 0);
}

static void test_read_clears(void)
{
    start();
    put(PROBE_LOST_OFFSET, 0x80000007);
    uint32_t lost = probe_lost_rd(&probe);
    CHECK_EQ(probe_lost_bytes(lost), 7);
    CHECK(probe_lost_full(lost));
    CHECK_EQ(probe_lost_rd(&probe), 0x80000000);
}

static void test_shadow(void)
{
    start();
    probe_config_wr(&probe, GARBAGE);
    CHECK_EQ(held(PROBE_CONFIG_OFFSET), 0x1f);
    CHECK_EQ(probe_config_shadow(&probe), 0x1f);
    probe_config_b_wr(&probe, 2);
    CHECK_EQ(held(PROBE_CONFIG_OFFSET), 0x15);
    probe_config_a_wr(&probe, false);
    CHECK_EQ(held(PROBE_CONFIG_OFFSET), 0x14);
    CHECK_EQ(model.reads, 0);
    probe_tail_wr(&probe, 3, 99);
    put(PROBE_TAIL_OFFSET + 3 * PROBE_TAIL_STRIDE, 5);
    CHECK_EQ(probe_tail_shadow(&probe, 3), 99);
    CHECK_EQ(probe_tail_rd(&probe, 3), 5);
    CHECK_EQ(probe_tail_shadow(&probe, 2), 0);
    probe_kick_wr(&probe, probe_kick_how_put(probe_kick_which_put(0, 9), 3));
    CHECK_EQ(held(PROBE_KICK_OFFSET), 0x39);
    CHECK_EQ(model.violations, 0);
}

/* A FIFO, as a test of a driver would have it. */
static unsigned pops, pushes;

static void fifo_read(struct dev_model *m, const struct dev_register *reg, uint32_t index)
{
    (void)index;
    if (reg->offset == PROBE_FIFO_OFFSET) {
        dev_model_put(m, &probe_device, PROBE_FIFO_OFFSET, 'a' + pops++);
    }
}

static void fifo_write(struct dev_model *m, const struct dev_register *reg, uint32_t index,
                       uint64_t written)
{
    (void)m;
    (void)index;
    pushes += reg->offset == PROBE_FIFO_OFFSET && written == 'x';
}

static void test_functions(void)
{
    start();
    model.on_read = fifo_read;
    model.on_write = fifo_write;
    CHECK_EQ(probe_fifo_data(probe_fifo_rd(&probe)), 'a');
    CHECK_EQ(probe_fifo_data(probe_fifo_rd(&probe)), 'b');
    probe_fifo_data_wr(&probe, 'x');       /* the only bits to write: without a read */
    CHECK_EQ(pops, 2);
    CHECK_EQ(pushes, 1);
}

static void test_arrays(void)
{
    start();
    for (uint32_t i = 0; i < PROBE_RING_COUNT; i++) {
        probe_ring_length_wr(&probe, i, (uint16_t)(100 + i));
        probe_ring_owned_wr(&probe, i, i % 2);
    }
    CHECK_EQ(held(0x100), 100);
    CHECK_EQ(held(0x130), 0x80000067);
    CHECK_EQ(probe_ring_length_rd(&probe, 2), 102);
    CHECK_EQ(model.violations, 0);
    (void)probe_ring_rd(&probe, PROBE_RING_COUNT);
    CHECK_EQ(model.violations, 1);
    CHECK_EQ(last, DEV_NO_REGISTER);
}

static void test_other_words(void)
{
    static uint8_t bytes[PROBE_BIG_SIZE];
    struct dev_model other = {.on_violation = note_violation};
    start();
    dev_model_start(&other, WIDE, bytes, sizeof(bytes));
    const struct probe_big_regs big = probe_big_at(WIDE);
    probe_big_data_wr(&big, 1, 0x1234);
    CHECK_EQ(bytes[0x12], 0x12);
    CHECK_EQ(bytes[0x13], 0x34);
    CHECK_EQ(probe_big_data_rd(&big, 1), 0x1234);
    bytes[0] = 0x2a;
    bytes[1] = 0xb3;
    probe_big_ctrl_on_wr(&big, true);
    CHECK_EQ(bytes[0], 0xaa);
    CHECK_EQ(bytes[1], 0xb3);
    const struct probe_wide_regs wide = probe_wide_at(WIDE);
    probe_wide_addr_wr(&wide, UINT64_MAX);
    CHECK_EQ(dev_model_get(&other, &probe_wide_device, 0), 0xfffffffffffff001);
    probe_wide_addr_page_wr(&wide, 0x123456789a);
    CHECK_EQ(bytes[7], 0x01);
    CHECK_EQ(bytes[6], 0xa0);
    CHECK_EQ(probe_wide_addr_page_rd(&wide), 0x123456789a);
    const struct probe_byte_regs byte = probe_byte_at(WIDE);
    bytes[3] = 0;
    probe_byte_ctrl_high_wr(&byte, 0xf);
    CHECK_EQ(bytes[3], 0xf0);
    CHECK_EQ(other.violations + model.violations, 0);
    dev_model_stop(&other);
}

static void expect(enum dev_violation what, uint32_t offset, uint32_t value)
{
    uint32_t before = model.violations;
    raw_write(offset, value);
    CHECK_EQ(model.violations, before + 1);
    CHECK_EQ(last, what);
    CHECK_EQ(last_event.offset, offset);
    CHECK(dev_violation_name(what) != NULL);
}

static void test_forbidden(void)
{
    start();
    put(PROBE_STATUS_OFFSET, 3);
    put(PROBE_MIX_OFFSET, 0x7800);
    expect(DEV_WRITE_OF_RO, PROBE_STATUS_OFFSET, 1);
    expect(DEV_WRITE_OF_RO, PROBE_LOST_OFFSET, 0);
    expect(DEV_NOT_ZERO, PROBE_MIX_OFFSET, 0x7e00);
    expect(DEV_NOT_ONE, PROBE_MIX_OFFSET, 0x7800);
    expect(DEV_NOT_KEPT, PROBE_MIX_OFFSET, 0x6c00);
    expect(DEV_NO_SUCH_VALUE, PROBE_MIX_OFFSET, 0x7c02);
    expect(DEV_NO_REGISTER, 0x2c, 0);
    expect(DEV_NO_REGISTER, 0x01, 0);
    expect(DEV_NOT_ZERO, PROBE_FEW_OFFSET, 0x10);   /* bits of which nothing is said */
    CHECK_EQ(held(PROBE_STATUS_OFFSET), 3);
    CHECK_EQ(held(PROBE_MIX_OFFSET) & 0xfe00, 0x7c00);
    uint32_t before = model.violations;
    CHECK_EQ(DEV_LOAD(32, probe_device, BASE, PROBE_KICK_OFFSET), 0);
    CHECK_EQ(last, DEV_READ_OF_WO);
    CHECK_EQ(DEV_LOAD(16, probe_device, BASE, PROBE_PLAIN_OFFSET), 0);
    CHECK_EQ(last, DEV_WRONG_WIDTH);
    CHECK_EQ(model.violations, before + 2);
    raw_write(PROBE_MIX_OFFSET, 0x7c3f);   /* a flexible type takes any value */
    CHECK_EQ(model.violations, before + 2);
}

/* The accesses run in a child of their own, each of which must be ended by its violation. */
static void dies(uint32_t base, uint32_t offset)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        (void)fclose(stderr);
        (void)DEV_LOAD(32, probe_device, base, offset);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void test_deaths(void)
{
    start();
    dies(WIDE, 0);                         /* no model is there */
    dies(BASE, PROBE_SIZE - 2);            /* beyond the end of one */
    model.on_violation = NULL;
    dies(BASE, PROBE_KICK_OFFSET);
    dev_model_stop(&model);
    dies(BASE, PROBE_PLAIN_OFFSET);
}

static const struct check_test tests[] = {
    {"DEV0001 registers and fields are read and written", test_plain},
    {"DEV0002 a full write leaves reserved bits as they must be", test_full_write},
    {"DEV0003 a write of a field changes nothing else", test_field_write},
    {"DEV0004 ones clear or set, and only those named", test_ones},
    {"DEV0005 reading clears", test_read_clears},
    {"DEV0006 a shadow stands in for what cannot be read", test_shadow},
    {"DEV0007 a test's functions complete the model", test_functions},
    {"DEV0008 arrays", test_arrays},
    {"DEV0009 other widths and byte orders", test_other_words},
    {"DEV0010 what the device forbids is reported and has no effect", test_forbidden},
    {"DEV0011 a violation that nobody takes ends the program", test_deaths},
};

int main(void)
{
    return CHECK_MAIN(tests);
}
