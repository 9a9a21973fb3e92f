#include <kernel/format.h>
#include <kernel/string.h>
#include <stdbool.h>
#include <stdint.h>

#define FORMAT_DIGITS 24 // of a 64-bit number in base 8 or more

// One conversion specification.
struct format_spec {
    bool left, zero, prefix, plus;
    int width, precision; // precision -1: none
    char length;          // 0, 'h', 'H' (hh), 'l' (64 bits)
    char kind;
};

static void format_pad(format_sink_t sink, void *arg, char c, int n)
{
    while (n-- > 0)
        sink(arg, &c, 1);
}

static void format_field(format_sink_t sink, void *arg, const struct format_spec *spec,
                         const char *text, int length)
{
    int pad = spec->width - length;
    if (!spec->left)
        format_pad(sink, arg, ' ', pad);
    sink(arg, text, (size_t)length);
    if (spec->left)
        format_pad(sink, arg, ' ', pad);
}

static void format_number(format_sink_t sink, void *arg, const struct format_spec *spec,
                          uint64_t value, const char *sign, unsigned base)
{
    const char *set = spec->kind == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    char digits[FORMAT_DIGITS];
    int at = FORMAT_DIGITS;
    for (; value != 0; value /= base)
        digits[--at] = set[value % base];
    int count = FORMAT_DIGITS - at;
    int signs = (int)strlen(sign);
    int zeros = spec->precision >= 0 ? spec->precision - count : count == 0;
    if (spec->zero && !spec->left && spec->precision < 0 && spec->width - signs - count > zeros)
        zeros = spec->width - signs - count;
    zeros = zeros > 0 ? zeros : 0;
    int pad = spec->width - signs - zeros - count;
    if (!spec->left)
        format_pad(sink, arg, ' ', pad);
    sink(arg, sign, (size_t)signs);
    format_pad(sink, arg, '0', zeros);
    sink(arg, digits + at, (size_t)count);
    if (spec->left)
        format_pad(sink, arg, ' ', pad);
}

static int format_parse_number(const char **fmt, va_list *args)
{
    int n = 0;
    if (**fmt == '*') {
        ++*fmt;
        return va_arg(*args, int);
    }
    while (**fmt >= '0' && **fmt <= '9')
        n = n * 10 + (*(*fmt)++ - '0');
    return n;
}

static bool format_is_length(char c)
{
    return c == 'h' || c == 'l' || c == 'z' || c == 'j' || c == 't';
}

static struct format_spec format_parse(const char **fmt, va_list *args)
{
    struct format_spec spec = {.precision = -1};
    for (;; ++*fmt) {
        if (**fmt == '-')
            spec.left = true;
        else if (**fmt == '0')
            spec.zero = true;
        else if (**fmt == '#')
            spec.prefix = true;
        else if (**fmt == '+')
            spec.plus = true;
        else
            break;
    }
    spec.width = format_parse_number(fmt, args);
    if (spec.width < 0) {
        spec.left = true;
        spec.width = -spec.width;
    }
    if (**fmt == '.') {
        ++*fmt;
        spec.precision = format_parse_number(fmt, args);
    }
    for (; format_is_length(**fmt); ++*fmt)
        spec.length = **fmt == 'h' ? (spec.length == 'h' ? 'H' : 'h') : 'l';
    spec.kind = **fmt;
    if (**fmt != '\0')
        ++*fmt;
    return spec;
}

static uint64_t format_unsigned(const struct format_spec *spec, va_list *args)
{
    if (spec->length == 'l')
        return va_arg(*args, uint64_t);
    unsigned value = va_arg(*args, unsigned);
    return spec->length == 'H' ? (unsigned char)value
           : spec->length == 'h' ? (unsigned short)value
                                 : value;
}

static int64_t format_signed(const struct format_spec *spec, va_list *args)
{
    if (spec->length == 'l')
        return va_arg(*args, int64_t);
    int value = va_arg(*args, int);
    return spec->length == 'H' ? (signed char)value : spec->length == 'h' ? (short)value : value;
}

static void format_convert(format_sink_t sink, void *arg, struct format_spec *spec, va_list *args)
{
    switch (spec->kind) {
    case 'd':
    case 'i': {
        int64_t value = format_signed(spec, args);
        uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
        format_number(sink, arg, spec, magnitude, value < 0 ? "-" : spec->plus ? "+" : "", 10);
        break;
    }
    case 'u':
        format_number(sink, arg, spec, format_unsigned(spec, args), "", 10);
        break;
    case 'x':
    case 'X':
        format_number(sink, arg, spec, format_unsigned(spec, args), spec->prefix ? "0x" : "", 16);
        break;
    case 'p':
        format_number(sink, arg, spec, (uintptr_t)va_arg(*args, void *), "0x", 16);
        break;
    case 'c': {
        char c = (char)va_arg(*args, int);
        format_field(sink, arg, spec, &c, 1);
        break;
    }
    case 's': {
        const char *s = va_arg(*args, const char *);
        s = s != NULL ? s : "(null)";
        size_t max = spec->precision >= 0 ? (size_t)spec->precision : INT32_MAX;
        format_field(sink, arg, spec, s, (int)strnlen(s, max));
        break;
    }
    case '%':
        sink(arg, "%", 1);
        break;
    default: // not a conversion of ours: show it, its argument is not consumed
        sink(arg, "%?", 2);
        break;
    }
}

void format_text(format_sink_t sink, void *arg, const char *fmt, va_list args)
{
    va_list ap;
    va_copy(ap, args);
    while (*fmt != '\0') {
        size_t plain = 0;
        while (fmt[plain] != '\0' && fmt[plain] != '%')
            plain++;
        if (plain > 0)
            sink(arg, fmt, plain);
        fmt += plain;
        if (*fmt == '\0')
            break;
        fmt++;
        struct format_spec spec = format_parse(&fmt, &ap);
        format_convert(sink, arg, &spec, &ap);
    }
    va_end(ap);
}

struct format_buffer {
    char *buf;
    size_t size, length; // length counts what did not fit too
};

static void format_to_buffer(void *arg, const char *text, size_t length)
{
    struct format_buffer *b = arg;
    for (size_t i = 0; i < length; i++, b->length++) {
        if (b->length + 1 < b->size)
            b->buf[b->length] = text[i];
    }
}

size_t format_string_v(char *buf, size_t size, const char *fmt, va_list args)
{
    struct format_buffer b = {.buf = buf, .size = size};
    format_text(format_to_buffer, &b, fmt, args);
    if (size > 0)
        buf[b.length < size ? b.length : size - 1] = '\0';
    return b.length;
}

size_t format_string(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    size_t length = format_string_v(buf, size, fmt, args);
    va_end(args);
    return length;
}
