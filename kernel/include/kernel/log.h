// The kernel log: a ring of text that user space reads as `dmesg`, and the console behind it.
//
// Every line carries the time since boot. Until console_release the log also goes to the UART: as
// plain text, or, when the boot arguments say console=frames, as frames (kernel/include/kernel/
// console.h). A panic always reaches the UART.
#pragma once
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_RING_BYTES 65536u // a power of two

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

// Appends text to the log; lines end with '\n'. kprintf is klog at LOG_INFO. LOG_DEBUG goes to the
// ring only.
void klog(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void klog_v(enum log_level level, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));
void kprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

// Every line from now on says which core's it is.
void log_set_core(unsigned core);
// What it says: "core N: ", or nothing on the core that booted.
const char *log_core_mark(void);

// Appends text that is not a format, such as a user's.
void klog_text(enum log_level level, const char *text, size_t length);

// Absolute positions of the oldest byte still kept and of the next one to be written.
uint64_t log_start(void);
uint64_t log_end(void);

// Copies from absolute position `from` (moved up to log_start if older) at most `size` bytes;
// returns how many, and in `ret_next` the position after them.
size_t log_read(uint64_t from, char *buf, size_t size, uint64_t *ret_next);

// Called after the log grew. The default does nothing; who implements log_watch replaces it.
void log_grew(void);
