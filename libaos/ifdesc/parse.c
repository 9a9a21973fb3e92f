/* Values from text. The text is one NUL-terminated argument; recursion is as deep as types are. */
#include <string.h>

#include "ifdesc_priv.h"

struct text {
    const struct ifdesc *d;
    struct ifdesc_room *room;
    const char *name; /* of the parameter, for messages */
    const char *p;
};

static bool parse_value(struct text *t, struct ifdesc_value *v, bool top);

static bool wrong(struct text *t, const char *text)
{
    return room_wrong(t->room, t->name, text);
}

static void skip(struct text *t)
{
    while (*t->p == ' ') {
        t->p++;
    }
}

static bool eat(struct text *t, char c)
{
    skip(t);
    if (*t->p != c) {
        return false;
    }
    t->p++;
    return true;
}

/* A bare word ends here. */
static bool is_end(char c)
{
    return c == '\0' || c == ',' || c == ']' || c == '}' || c == ' ';
}

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : 16;
}

/* A number up to `end`; false: it is none. */
static bool parse_number(const char *p, const char *end, uint64_t *ret_number)
{
    bool minus = p < end && *p == '-';
    p += minus;
    uint64_t number = 0, base = 10;
    if (end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
        base = 16;
        p += 2;
    }
    if (p == end) {
        return false;
    }
    for (; p < end; p++) {
        if (*p == '_') {
            continue;
        }
        uint64_t next = (uint64_t)digit(*p);
        if (next >= base || __builtin_mul_overflow(number, base, &number) ||
            __builtin_add_overflow(number, next, &number)) {
            return false;
        }
    }
    if (minus && number > 1ull << 63) {
        return false;
    }
    *ret_number = minus ? 0 - number : number;
    return true;
}

static bool named(struct text *t, uint32_t type, const char *p, const char *end,
                  uint64_t *ret_number)
{
    for (uint32_t i = 0; i < d_at(t->d, type + 6); i++) {
        uint32_t at = d_at(t->d, type + 7) + 3 * i;
        if (text_same(d_text(t->d, d_at(t->d, at)), p, (size_t)(end - p))) {
            *ret_number = d_at64(t->d, at + 1);
            return true;
        }
    }
    return parse_number(p, end, ret_number);
}

/* A name, or for flags names and numbers with `|` in between. */
static bool parse_enum(struct text *t, uint32_t type, const char *end, uint64_t *ret_number)
{
    bool flags = d_at(t->d, type + 3) != 0;
    uint64_t sum = 0, part;
    for (;;) {
        const char *stop = t->p;
        while (stop < end && !(flags && *stop == '|')) {
            stop++;
        }
        if (!named(t, type, t->p, stop, &part)) {
            return wrong(t, "no such name, and no number");
        }
        sum |= part;
        t->p = stop;
        if (stop == end) {
            *ret_number = sum;
            return true;
        }
        t->p++;
    }
}

static bool parse_scalar(struct text *t, struct ifdesc_value *v)
{
    const char *end = t->p;
    while (!is_end(*end)) {
        end++;
    }
    size_t length = (size_t)(end - t->p);
    switch (d_at(t->d, v->type)) {
    case TYPE_BOOL:
        if (text_same("true", t->p, length) || text_same("1", t->p, length)) {
            v->number = 1;
        } else if (!text_same("false", t->p, length) && !text_same("0", t->p, length)) {
            return wrong(t, "true or false");
        }
        break;
    case TYPE_ENUM:
        if (!parse_enum(t, v->type, end, &v->number)) {
            return false;
        }
        break;
    case TYPE_CAP:
    case TYPE_END:
        if (!parse_number(t->p, end, &v->number)) {
            return wrong(t, "a capability is given as the number of its slot");
        }
        break;
    default: {
        if (!parse_number(t->p, end, &v->number)) {
            return wrong(t, "no number");
        }
        bool minus = v->number != 0 && *t->p == '-';
        bool has_sign = d_at(t->d, v->type) == TYPE_INT && d_at(t->d, v->type + 2) != 0;
        if (has_sign ? minus != (v->number >> 63 != 0) : minus) {
            return wrong(t, minus ? "too small for its type" : "too large for its type");
        }
        break;
    }
    }
    t->p = end;
    return true;
}

static bool keep(struct text *t, char c)
{
    if (t->room->bytes_used == t->room->bytes_max) {
        return wrong(t, "too long");
    }
    t->room->bytes[t->room->bytes_used++] = (uint8_t)c;
    return true;
}

/* After the first quote, up to the last. */
static bool parse_quoted(struct text *t)
{
    while (*t->p != '"') {
        char c = *t->p++;
        if (c == '\0') {
            return wrong(t, "a quote is missing");
        }
        if (c == '\\') {
            c = *t->p++;
            if (c == 'x' && digit(t->p[0]) < 16 && digit(t->p[1]) < 16) {
                c = (char)(digit(t->p[0]) << 4 | digit(t->p[1]));
                t->p += 2;
            } else if (c == 'n') {
                c = '\n';
            } else if (c != '"' && c != '\\') {
                return wrong(t, "an escape is one of \\\\ \\\" \\n \\x00");
            }
        }
        if (!keep(t, c)) {
            return false;
        }
    }
    t->p++;
    return true;
}

/* One string; `top`: it is all that is left, and needs no quotes. */
static bool parse_string(struct text *t, bool top)
{
    if (*t->p == '"') {
        t->p++;
        return parse_quoted(t);
    }
    while (top ? *t->p != '\0' : !is_end(*t->p)) {
        if (!keep(t, *t->p++)) {
            return false;
        }
    }
    return true;
}

static bool parse_hex(struct text *t)
{
    while (!is_end(*t->p)) {
        if (digit(t->p[0]) > 15 || digit(t->p[1]) > 15) {
            return wrong(t, "bytes are pairs of hexadecimal digits, or a text in quotes");
        }
        if (!keep(t, (char)(digit(t->p[0]) << 4 | digit(t->p[1])))) {
            return false;
        }
        t->p += 2;
    }
    return true;
}

static bool parse_strings(struct text *t)
{
    if (!eat(t, '[')) {
        return wrong(t, "a list of strings is written [\"a\", \"b\"]");
    }
    if (eat(t, ']')) {
        return true;
    }
    do {
        skip(t);
        if (!parse_string(t, false) || !keep(t, '\0')) {
            return false;
        }
    } while (eat(t, ','));
    return eat(t, ']') || wrong(t, "a ] is missing");
}

static bool parse_buffer(struct text *t, struct ifdesc_value *v, uint32_t kind, bool top)
{
    uint32_t from = t->room->bytes_used;
    v->bytes = t->room->bytes + from;
    bool ok = kind == BUF_STRINGS ? parse_strings(t)
              : kind == BUF_STRING || *t->p == '"' ? parse_string(t, top)
                                                   : parse_hex(t);
    v->count = t->room->bytes_used - from;
    return ok;
}

static bool parse_array(struct text *t, struct ifdesc_value *v)
{
    uint32_t most = d_at(t->d, v->type + 2), element = d_at(t->d, v->type + 1);
    if (!eat(t, '[')) {
        return wrong(t, "an array is written [1, 2]");
    }
    uint32_t commas = 0, depth = 0;
    bool quoted = false;
    /* As many places as there can be: commas outside of brackets and quotes. */
    for (const char *p = t->p; *p != '\0' && (quoted || depth != 0 || *p != ']'); p++) {
        if (quoted && *p == '\\' && p[1] != '\0') {
            p++;
        } else if (*p == '"') {
            quoted = !quoted;
        } else if (!quoted) {
            depth += *p == '[' || *p == '{';
            depth -= depth != 0 && (*p == ']' || *p == '}');
            commas += depth == 0 && *p == ',';
        }
    }
    v->kids = room_values(t->room, commas + 1);
    if (v->kids == NULL) {
        return false;
    }
    v->count = 0;
    if (eat(t, ']')) {
        return most == 0 || d_at(t->d, v->type + 3) != 0 || wrong(t, "elements are missing");
    }
    do {
        skip(t);
        if (v->count > commas || v->count == most) {
            return wrong(t, "too many elements");
        }
        if (!value_init(t->d, t->room, &v->kids[v->count], element) ||
            !parse_value(t, &v->kids[v->count], false)) {
            return false;
        }
        v->count++;
    } while (eat(t, ','));
    if (v->count != most && d_at(t->d, v->type + 3) == 0) {
        return wrong(t, "elements are missing");
    }
    return eat(t, ']') || wrong(t, "a ] is missing");
}

static bool missing(struct text *t, const struct ifdesc_value *v)
{
    for (uint32_t i = 0; i < v->count; i++) {
        if (!v->kids[i].present && !v->kids[i].optional) {
            return room_wrong(t->room, type_field(t->d, v->type, i), "is missing");
        }
    }
    return true;
}

/* The field of `v` that `t` names, up to behind the `=`. NULL: none. */
static struct ifdesc_value *parse_name(struct text *t, const struct ifdesc_value *v)
{
    size_t length = strcspn(t->p, "= ,}");
    for (uint32_t i = 0; i < v->count; i++) {
        if (text_same(type_field(t->d, v->type, i), t->p, length)) {
            t->p += length;
            if (!eat(t, '=')) {
                (void)wrong(t, "a = is missing");
                return NULL;
            }
            if (v->kids[i].present) {
                (void)room_wrong(t->room, type_field(t->d, v->type, i), "is there twice");
                return NULL;
            }
            return &v->kids[i];
        }
    }
    (void)wrong(t, "there is no such name");
    return NULL;
}

static bool parse_struct(struct text *t, struct ifdesc_value *v)
{
    bool table = d_at(t->d, v->type) == TYPE_TABLE;
    uint32_t found = 0;
    if (!eat(t, '{')) {
        return wrong(t, "written {a=1, b=2}");
    }
    if (!eat(t, '}')) {
        do {
            skip(t);
            struct ifdesc_value *field = parse_name(t, v);
            if (field == NULL || !parse_value(t, field, false)) {
                return false;
            }
            found++;
        } while (eat(t, ','));
        if (!eat(t, '}')) {
            return wrong(t, "a } is missing");
        }
    }
    if (table && d_at(t->d, v->type + 2) != 0 && found != 1) {
        return wrong(t, "a union has one of its fields");
    }
    return table || missing(t, v);
}

static bool parse_value(struct text *t, struct ifdesc_value *v, bool top)
{
    skip(t);
    if (v->optional && strncmp(t->p, "none", 4) == 0 && is_end(t->p[4])) {
        t->p += 4;
        return true;
    }
    v->present = true;
    switch (d_at(t->d, v->type)) {
    case TYPE_BUF:
        return parse_buffer(t, v, d_at(t->d, v->type + 1), top);
    case TYPE_LEND:
        return d_at(t->d, v->type + 1) != 0
                   ? parse_scalar(t, v)
                   : parse_buffer(t, v, d_at(t->d, v->type + 2), top);
    case TYPE_ARRAY:
        return parse_array(t, v);
    case TYPE_STRUCT:
    case TYPE_TABLE:
        return parse_struct(t, v);
    default:
        return parse_scalar(t, v);
    }
}

bool ifdesc_parse(const struct ifdesc *d, const struct ifdesc_method *m, int argc,
                  char *const argv[], struct ifdesc_room *room, struct ifdesc_value **ret_values)
{
    struct ifdesc_value *root = room_values(room, 1);
    if (root == NULL || !value_init(d, room, root, m->request_type)) {
        return false;
    }
    root->present = true;
    for (int i = 0; i < argc; i++) {
        struct text t = {d, room, argv[i], argv[i]};
        struct ifdesc_value *v = parse_name(&t, root);
        if (v == NULL) {
            return false;
        }
        t.name = type_field(d, root->type, (uint32_t)(v - root->kids));
        if (!parse_value(&t, v, true)) {
            return false;
        }
        skip(&t);
        if (*t.p != '\0') {
            return wrong(&t, "something is left over behind the value");
        }
    }
    struct text t = {d, room, "", ""};
    if (!missing(&t, root)) {
        return false;
    }
    *ret_values = root;
    return true;
}
