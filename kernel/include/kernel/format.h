// Formatted text without memory, also built on the host.
// Conversions: %d %i %u %x %X %p %s %c %%, lengths hh h l ll z j t, flags '-', '0', '#', '+', width
// and precision, also '*'. Integers and strings only.
#pragma once
#include <stdarg.h>
#include <stddef.h>

// Receives the text in pieces; not terminated.
typedef void (*format_sink_t)(void *arg, const char *text, size_t length);

// Calls `sink` for each piece, in order.
void format_text(format_sink_t sink, void *arg, const char *fmt, va_list args);

// As snprintf: writes at most size - 1 characters and a terminator; returns the full length.
size_t format_string(char *buf, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
size_t format_string_v(char *buf, size_t size, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));
