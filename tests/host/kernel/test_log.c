// The dmesg ring, and what reaches the console.
#include <check.h>

#include <kernel/console.h>
#include <kernel/log.h>
#include <kernel/timer.h>

static uint64_t clock_ns;
static char console[LOG_RING_BYTES * 2];
static size_t console_size;
static unsigned growths;

uint64_t timer_now_ns(void)
{
    return clock_ns;
}

void console_write(uint8_t stream, const char *text, size_t length)
{
    CHECK_EQ(stream, 'l');
    memcpy(console + console_size, text, length);
    console_size += length;
}

void log_grew(void)
{
    growths++;
}

// Everything since `from` as a string.
static const char *since(uint64_t from)
{
    static char text[LOG_RING_BYTES + 1];
    uint64_t next;
    size_t n = log_read(from, text, sizeof(text) - 1, &next);
    CHECK_EQ(next, log_end());
    text[n] = '\0';
    return text;
}

static void test_lines(void)
{
    uint64_t from = log_end();
    clock_ns = 12345678901;
    growths = 0;
    kprintf("one %d\ntwo", 1);
    kprintf(" goes on\n");
    klog(LOG_WARNING, "careful\n");
    CHECK_STR(since(from), "[  12.345678] one 1\n[  12.345678] two goes on\n"
                              "[  12.345678] warning: careful\n");
    console[console_size] = '\0';
    CHECK_STR(console, since(from));
    CHECK(growths > 0);
}

static void test_debug(void)
{
    uint64_t from = log_end();
    size_t before = console_size;
    klog(LOG_DEBUG, "quiet\n");
    CHECK_STR(since(from), "[  12.345678] quiet\n");
    CHECK_EQ(console_size, before);
}

static void test_wrap(void)
{
    uint64_t next;
    char byte;
    console_size = 0;
    for (unsigned i = 0; i < 3000; i++)
        kprintf("line %05u\n", i);
    CHECK_EQ(log_end() - log_start(), LOG_RING_BYTES);
    const char *text = since(0);
    CHECK_EQ(strlen(text), LOG_RING_BYTES);
    CHECK_STR(text + LOG_RING_BYTES - 24, "[  12.345678] line 02999\n" + 1);
    // Positions before the start move up, positions after the end yield nothing.
    CHECK_EQ(log_read(0, &byte, 1, &next), 1);
    CHECK_EQ(next, log_start() + 1);
    CHECK_EQ(log_read(UINT64_MAX, &byte, 1, &next), 0);
    CHECK_EQ(next, log_end());
}

static const struct check_test tests[] = {
    {"LOG0001 lines carry time and level", test_lines},
    {"LOG0002 debug lines stay in the ring", test_debug},
    {"LOG0003 the ring keeps the newest bytes", test_wrap},
};

int main(void)
{
    return CHECK_MAIN(tests);
}
