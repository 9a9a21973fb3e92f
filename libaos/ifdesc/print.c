/* Values to text. */
#include <string.h>

#include "ifdesc_priv.h"

#define DIGITS_MAX 24u

static const char hex[] = "0123456789abcdef";

static void put(const struct ifdesc_out *out, const char *text)
{
    out->put(out->arg, text, strlen(text));
}

static void put_number(const struct ifdesc_out *out, uint64_t number, bool has_sign)
{
    char digits[DIGITS_MAX];
    size_t at = sizeof(digits);
    bool minus = has_sign && number >> 63 != 0;
    number = minus ? 0 - number : number;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    if (minus) {
        digits[--at] = '-';
    }
    out->put(out->arg, digits + at, sizeof(digits) - at);
}

static void put_hex(const struct ifdesc_out *out, uint64_t number)
{
    char digits[DIGITS_MAX];
    size_t at = sizeof(digits);
    do {
        digits[--at] = hex[number & 15];
        number >>= 4;
    } while (number != 0);
    digits[--at] = 'x';
    digits[--at] = '0';
    out->put(out->arg, digits + at, sizeof(digits) - at);
}

static const char *name_of(const struct ifdesc *d, uint32_t type, uint64_t number)
{
    for (uint32_t i = 0; i < d_at(d, type + 6); i++) {
        uint32_t at = d_at(d, type + 7) + 3 * i;
        if (d_at64(d, at + 1) == number) {
            return d_text(d, d_at(d, at));
        }
    }
    return NULL;
}

static void put_flags(const struct ifdesc *d, uint32_t type, uint64_t number,
                      const struct ifdesc_out *out)
{
    const char *between = "";
    for (uint32_t i = 0; i < d_at(d, type + 6); i++) {
        uint32_t at = d_at(d, type + 7) + 3 * i;
        uint64_t bit = d_at64(d, at + 1);
        if ((number & bit) != 0) {
            put(out, between);
            put(out, d_text(d, d_at(d, at)));
            between = "|";
            number &= ~bit;
        }
    }
    if (number != 0) {
        put(out, between);
        put_hex(out, number);
    } else if (between[0] == '\0') {
        put(out, "0");
    }
}

static void put_enum(const struct ifdesc *d, uint32_t type, uint64_t number,
                     const struct ifdesc_out *out)
{
    const char *name = name_of(d, type, number);
    if (d_at(d, type + 3) != 0) {
        put_flags(d, type, number, out);
    } else if (name != NULL) {
        put(out, name);
    } else {
        put_number(out, number, d_at(d, type + 2) != 0);
    }
}

static void put_quoted(const struct ifdesc_out *out, const uint8_t *bytes, size_t count)
{
    /* A text that was cut may end within a character, and nobody has checked it. */
    const bool ascii = !msg_utf8_ok(bytes, count);
    put(out, "\"");
    for (size_t i = 0; i < count; i++) {
        char c = (char)bytes[i];
        char escape[4] = {'\\', 'x', hex[bytes[i] >> 4], hex[bytes[i] & 15]};
        if (c == '"' || c == '\\') {
            escape[1] = c;
            out->put(out->arg, escape, 2);
        } else if (c == '\n') {
            put(out, "\\n");
        } else if (bytes[i] < ' ' || bytes[i] == 0x7f || (ascii && bytes[i] > 0x7f)) {
            out->put(out->arg, escape, 4);
        } else {
            out->put(out->arg, &c, 1);
        }
    }
    put(out, "\"");
}

static void put_buffer(const struct ifdesc_value *v, uint32_t kind, const struct ifdesc_out *out)
{
    if (kind == BUF_STRING || (kind == BUF_BYTES && v->count == 0)) {
        put_quoted(out, v->bytes, v->count);
    } else if (kind == BUF_BYTES) {
        for (uint32_t i = 0; i < v->count; i++) {
            const char pair[2] = {hex[v->bytes[i] >> 4], hex[v->bytes[i] & 15]};
            out->put(out->arg, pair, 2);
        }
    } else {
        uint32_t from = 0;
        put(out, "[");
        for (uint32_t i = 0; i < v->count; i++) {
            if (v->bytes[i] == 0 || i + 1 == v->count) {
                put(out, from == 0 ? "" : ", ");
                put_quoted(out, v->bytes + from, i - from + (v->bytes[i] != 0));
                from = i + 1;
            }
        }
        put(out, "]");
    }
}

static void put_value(const struct ifdesc *d, const struct ifdesc_value *v,
                      const struct ifdesc_out *out);

static void put_array(const struct ifdesc *d, const struct ifdesc_value *v,
                      const struct ifdesc_out *out)
{
    put(out, "[");
    for (uint32_t i = 0; i < v->count; i++) {
        put(out, i == 0 ? "" : ", ");
        put_value(d, &v->kids[i], out);
    }
    put(out, "]");
}

static void put_lend(const struct ifdesc *d, const struct ifdesc_value *v,
                     const struct ifdesc_out *out)
{
    if (d_at(d, v->type + 1) == 0 && !v->bulk) {
        put_buffer(v, d_at(d, v->type + 2), out);
        return;
    }
    put_number(out, v->number, false);
    put(out, v->bulk ? " bytes" : "");
}

static void put_value(const struct ifdesc *d, const struct ifdesc_value *v,
                      const struct ifdesc_out *out)
{
    switch (v->present ? d_at(d, v->type) : TYPE_NONE) {
    case TYPE_NONE:
        put(out, "none");
        return;
    case TYPE_BOOL:
        put(out, v->number != 0 ? "true" : "false");
        break;
    case TYPE_ENUM:
        put_enum(d, v->type, v->number, out);
        break;
    case TYPE_BUF:
        put_buffer(v, d_at(d, v->type + 1), out);
        break;
    case TYPE_ARRAY:
        put_array(d, v, out);
        break;
    case TYPE_STRUCT:
    case TYPE_TABLE:
        put(out, "{");
        ifdesc_print(d, v, ", ", out);
        put(out, "}");
        break;
    case TYPE_CAP:
    case TYPE_END:
        put(out, "cap");
        put_number(out, v->number, false);
        break;
    case TYPE_LEND:
        put_lend(d, v, out);
        break;
    default:
        put_number(out, v->number, d_at(d, v->type + 2) != 0);
        break;
    }
    put(out, v->cut ? "..." : "");
}

void ifdesc_print_fields(const struct ifdesc *d, const struct ifdesc_value *values, uint32_t from,
                         uint32_t to, const char *between, const struct ifdesc_out *out)
{
    bool some = false;
    for (uint32_t i = from; i < to && i < values->count; i++) {
        if (values->kids[i].present) {
            put(out, some ? between : "");
            put(out, type_field(d, values->type, i));
            put(out, "=");
            put_value(d, &values->kids[i], out);
            some = true;
        }
    }
    if (d_at(d, values->type) == TYPE_TABLE && values->kids[values->count].number != 0) {
        put(out, some ? between : "");
        put(out, "?"); /* what a newer peer has on top */
    }
}

void ifdesc_print(const struct ifdesc *d, const struct ifdesc_value *values, const char *between,
                  const struct ifdesc_out *out)
{
    ifdesc_print_fields(d, values, 0, values->count, between, out);
}
