#include <kernel/log.h>
#include <kernel/console.h>
#include <kernel/format.h>
#include <kernel/string.h>
#include <kernel/timer.h>

#define LINE_MAX     256 // bytes gathered before the console sees them
#define NS_PER_US    1000u
#define US_PER_S     1000000u

_Static_assert((LOG_RING_BYTES & (LOG_RING_BYTES - 1)) == 0, "positions are masked");

// The ring; byte at absolute position n lies at n % LOG_RING_BYTES. One writer, this core.
static struct {
    char bytes[LOG_RING_BYTES];
    uint64_t end;
    bool line_open; // the last byte written was not a line end
} ring;

// What has not gone to the console yet.
static struct {
    char text[LINE_MAX];
    size_t length;
} line;

static const char *const log_marks[] = {"", "", "warning: ", "error: "};

static char log_core[16]; // "core N: ", or nothing; set once at boot

void log_set_core(unsigned core)
{
    format_string(log_core, sizeof(log_core), "core %u: ", core);
}

const char *log_core_mark(void)
{
    return log_core;
}

static void log_flush_line(void)
{
    console_write(CONSOLE_STREAM_LOG, line.text, line.length);
    line.length = 0;
}

static void log_put(enum log_level level, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        ring.bytes[ring.end++ & (LOG_RING_BYTES - 1)] = text[i];
        if (level == LOG_DEBUG)
            continue;
        line.text[line.length++] = text[i];
        if (text[i] == '\n' || line.length == LINE_MAX)
            log_flush_line();
    }
}

static void log_start_line(enum log_level level)
{
    char stamp[40];
    uint64_t us = timer_now_ns() / NS_PER_US;
    size_t n = format_string(stamp, sizeof(stamp), "[%4llu.%06llu] %s%s",
                             (long long)(us / US_PER_S), (long long)(us % US_PER_S), log_core,
                             log_marks[level]);
    log_put(level, stamp, n < sizeof(stamp) ? n : sizeof(stamp) - 1);
}

void klog_text(enum log_level level, const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t n = 0;
        while (at + n < length && text[at + n] != '\n')
            n++;
        bool ends = at + n < length;
        if (!ring.line_open)
            log_start_line(level);
        log_put(level, text + at, n + ends);
        ring.line_open = !ends;
        at += n + ends;
    }
    log_grew();
}

struct log_sink {
    enum log_level level;
};

static void log_sink(void *arg, const char *text, size_t length)
{
    const struct log_sink *sink = arg;
    klog_text(sink->level, text, length);
}

void klog_v(enum log_level level, const char *fmt, va_list args)
{
    struct log_sink sink = {level};
    format_text(log_sink, &sink, fmt, args);
}

void klog(enum log_level level, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    klog_v(level, fmt, args);
    va_end(args);
}

void kprintf(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    klog_v(LOG_INFO, fmt, args);
    va_end(args);
}

uint64_t log_start(void)
{
    return ring.end > LOG_RING_BYTES ? ring.end - LOG_RING_BYTES : 0;
}

uint64_t log_end(void)
{
    return ring.end;
}

size_t log_read(uint64_t from, char *buf, size_t size, uint64_t *ret_next)
{
    if (from < log_start())
        from = log_start();
    if (from > ring.end)
        from = ring.end;
    size_t n = 0;
    for (; n < size && from < ring.end; from++)
        buf[n++] = ring.bytes[from & (LOG_RING_BYTES - 1)];
    *ret_next = from;
    return n;
}

__attribute__((weak)) void log_grew(void)
{
}
