/* Reading descriptions, and values without their text or image. */
#include <string.h>

#include "ifdesc_priv.h"

_Static_assert(sizeof(struct item) == 4 * ITEM_WORDS, "as in the description");
_Static_assert(sizeof(struct var) == 4 * VAR_WORDS, "as in the description");

static bool ifdesc_open(const uint32_t *w, size_t bytes, struct ifdesc *ret_d)
{
    if (bytes < 4u * HEAD_COUNT || w[HEAD_MAGIC] != IFDESC_MAGIC || w[HEAD_BYTES] > bytes ||
        w[HEAD_BYTES] % 8 != 0 || w[HEAD_WORDS] < HEAD_COUNT ||
        w[HEAD_WORDS] >= w[HEAD_BYTES] / 4) {
        return false;
    }
    const char *pool = (const char *)(w + w[HEAD_WORDS]);
    uint32_t pool_bytes = w[HEAD_BYTES] - 4u * w[HEAD_WORDS];
    if (pool[pool_bytes - 1] != '\0') {
        return false;
    }
    *ret_d = (struct ifdesc){w, w[HEAD_WORDS], pool, pool_bytes};
    return true;
}

bool ifdesc_find(const void *bundle, size_t bytes, uint32_t id, struct ifdesc *ret_d)
{
    const uint32_t *w = bundle;
    struct ifdesc d;
    while (ifdesc_open(w, bytes, &d)) {
        if (ifdesc_id(&d) == id && d.w[HEAD_GRAMMAR] == IFDESC_GRAMMAR) {
            *ret_d = d;
            return true;
        }
        bytes -= w[HEAD_BYTES];
        w += w[HEAD_BYTES] / 4;
    }
    return false;
}

const char *ifdesc_name(const struct ifdesc *d)
{
    return d_text(d, d->w[HEAD_NAME]);
}

const char *ifdesc_text(const struct ifdesc *d)
{
    return d_text(d, d->w[HEAD_TEXT]);
}

uint64_t ifdesc_hash(const struct ifdesc *d)
{
    return d_at64(d, HEAD_HASH_LOW);
}

uint16_t ifdesc_id(const struct ifdesc *d)
{
    return (uint16_t)d->w[HEAD_ID_VERSION];
}

uint16_t ifdesc_version(const struct ifdesc *d)
{
    return (uint16_t)(d->w[HEAD_ID_VERSION] >> 16);
}

void ifdesc_client_interface(const struct ifdesc *d, struct client_interface *ret_iface)
{
    *ret_iface = (struct client_interface){
        .name = ifdesc_name(d),
        .hash = ifdesc_hash(d),
        .id = ifdesc_id(d),
        .version = ifdesc_version(d),
        .request_area_words = (uint16_t)d->w[HEAD_REQUEST_AREA],
        .reply_area_words = (uint16_t)d->w[HEAD_REPLY_AREA],
        .region_bytes = d->w[HEAD_REGION],
        .region_written = d->w[HEAD_REGION_WRITTEN] != 0,
        .window = (uint8_t)d->w[HEAD_WINDOW],
    };
}

static void method_read(const struct ifdesc *d, uint32_t at, struct ifdesc_method *ret_m)
{
    static const uint8_t kinds[] = {MSG_CALL, MSG_ONEWAY, MSG_EVENT};
    uint32_t kind = d_at(d, at + 1) >> 16;
    *ret_m = (struct ifdesc_method){
        .name = d_text(d, d_at(d, at)),
        .ordinal = (uint16_t)d_at(d, at + 1),
        .kind = kind < sizeof(kinds) ? kinds[kind] : MSG_EVENT,
        .since = d_at(d, at + 2),
        .request_type = d_at(d, at + 3),
        .request_image = d_at(d, at + 4),
        .reply_type = d_at(d, at + 5),
        .reply_image = d_at(d, at + 6),
        .bulk_image = d_at(d, at + 7),
        .results = d_at(d, at + 8),
        .fails_count = d_at(d, at + 9),
        .fails = d_at(d, at + 10),
        .large = d_at(d, at + 11) != 0,
        .window = (uint8_t)d_at(d, at + 12),
        .item_type = d_at(d, at + 13),
        .item_image = d_at(d, at + 14),
    };
}

bool text_same(const char *a, const char *b, size_t b_len)
{
    return strncmp(a, b, b_len) == 0 && a[b_len] == '\0';
}

bool ifdesc_method(const struct ifdesc *d, const char *name, size_t name_len,
                   struct ifdesc_method *ret_m)
{
    for (uint32_t i = 0; i < d->w[HEAD_METHODS]; i++) {
        struct ifdesc_method m;
        method_read(d, d->w[HEAD_METHODS_AT] + i * METHOD_WORDS, &m);
        if (text_same(m.name, name, name_len)) {
            *ret_m = m;
            return true;
        }
    }
    return false;
}

bool ifdesc_method_at(const struct ifdesc *d, uint32_t ordinal, struct ifdesc_method *ret_m)
{
    for (uint32_t i = 0; i < d->w[HEAD_METHODS]; i++) {
        struct ifdesc_method m;
        method_read(d, d->w[HEAD_METHODS_AT] + i * METHOD_WORDS, &m);
        if (m.ordinal == ordinal) {
            *ret_m = m;
            return true;
        }
    }
    return false;
}

uint16_t ifdesc_fails(const struct ifdesc *d, const struct ifdesc_method *m, uint32_t index)
{
    return (uint16_t)d_at(d, m->fails + index);
}

const char *ifdesc_signature(const struct ifdesc *d, const struct ifdesc_method *m,
                             size_t *ret_len)
{
    size_t name_len = strlen(m->name);
    for (const char *line = ifdesc_text(d); *line != '\0';) {
        size_t len = strcspn(line, "\n");
        for (size_t i = 1; i + name_len + 2 < len && line[i] != '('; i++) {
            if (line[i - 1] == ' ' && strncmp(line + i, m->name, name_len) == 0 &&
                line[i + name_len] == ' ' && line[i + name_len + 1] == '@') {
                size_t indent = strspn(line, " ");
                *ret_len = len - indent;
                return line + indent;
            }
        }
        line += len + (line[len] == '\n');
    }
    return NULL;
}

struct image d_image(const struct ifdesc *d, uint32_t at)
{
    return (struct image){
        d_at(d, at),     d_at(d, at + 1), d_at(d, at + 2), d_at(d, at + 3), d_at(d, at + 4),
        d_at(d, at + 5), d_at(d, at + 6), d_at(d, at + 7), d_at(d, at + 8),
    };
}

struct item d_item(const struct ifdesc *d, const struct image *image, uint32_t index)
{
    uint32_t at = image->items_at + index * ITEM_WORDS;
    return (struct item){
        d_at(d, at),     d_at(d, at + 1), d_at(d, at + 2), d_at(d, at + 3), d_at(d, at + 4),
        d_at(d, at + 5), d_at(d, at + 6), d_at(d, at + 7), d_at(d, at + 8),
    };
}

struct var d_var(const struct ifdesc *d, const struct image *image, uint32_t index)
{
    uint32_t at = image->vars_at + index * VAR_WORDS;
    return (struct var){d_at(d, at),     d_at(d, at + 1), d_at(d, at + 2),
                        d_at(d, at + 3), d_at(d, at + 4), d_at(d, at + 5)};
}

/* --- values --------------------------------------------------------------------------------- */

bool room_wrong(struct ifdesc_room *room, const char *what, const char *text)
{
    size_t used = 0;
    const char *parts[] = {what, what[0] != '\0' ? ": " : "", text};
    if (room->wrong[0] != '\0') {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        for (const char *p = parts[i]; *p != '\0' && used < sizeof(room->wrong) - 1; p++) {
            room->wrong[used++] = *p;
        }
    }
    room->wrong[used] = '\0';
    return false;
}

struct ifdesc_value *room_values(struct ifdesc_room *room, uint32_t count)
{
    if (count > room->values_max - room->values_used) {
        (void)room_wrong(room, "", "too many values");
        return NULL;
    }
    struct ifdesc_value *v = room->values + room->values_used;
    memset(v, 0, count * sizeof(*v));
    room->values_used += count;
    return v;
}

uint32_t type_fields(const struct ifdesc *d, uint32_t type)
{
    return d_at(d, type) == TYPE_STRUCT ? d_at(d, type + 2)
           : d_at(d, type) == TYPE_TABLE ? d_at(d, type + 5)
                                         : 0;
}

static uint32_t field_at(const struct ifdesc *d, uint32_t type, uint32_t index)
{
    return d_at(d, type) == TYPE_STRUCT ? d_at(d, type + 3) + index * FIELD_WORDS
                                        : d_at(d, type + 6) + index * MEMBER_WORDS;
}

const char *type_field(const struct ifdesc *d, uint32_t type, uint32_t index)
{
    return d_text(d, d_at(d, field_at(d, type, index)));
}

static bool value_init_deep(const struct ifdesc *d, struct ifdesc_room *room,
                            struct ifdesc_value *v, uint32_t type, uint32_t depth)
{
    bool optional = d_at(d, type) == TYPE_OPTIONAL;
    type = optional ? d_at(d, type + 1) : type;
    *v = (struct ifdesc_value){.type = type, .optional = optional};
    uint32_t kind = d_at(d, type);
    if (kind != TYPE_STRUCT && kind != TYPE_TABLE) {
        return true;
    }
    if (depth == IFDESC_DEPTH) {
        return room_wrong(room, "", "types are nested too deeply");
    }
    v->count = type_fields(d, type);
    /* Behind the fields of a table: what is not known. */
    v->kids = room_values(room, v->count + (kind == TYPE_TABLE));
    for (uint32_t i = 0; v->kids != NULL && i < v->count; i++) {
        if (!value_init_deep(d, room, &v->kids[i], d_at(d, field_at(d, type, i) + 1), depth + 1)) {
            return false;
        }
    }
    return v->kids != NULL;
}

bool value_init(const struct ifdesc *d, struct ifdesc_room *room, struct ifdesc_value *v,
                uint32_t type)
{
    return value_init_deep(d, room, v, type, 0);
}

struct ifdesc_value *value_at(const struct ifdesc *d, const struct ifdesc_value *root,
                              uint32_t path)
{
    const struct ifdesc_value *v = root;
    for (uint32_t i = 0; i < d_at(d, path) && v->present; i++) {
        uint32_t index = d_at(d, path + 1 + i);
        if (index >= v->count || v->kids == NULL) {
            return NULL;
        }
        v = &v->kids[index];
    }
    return v->present ? (struct ifdesc_value *)(uintptr_t)v : NULL;
}

/* --- scalars -------------------------------------------------------------------------------- */

uint32_t scalar_bits(const struct ifdesc *d, uint32_t type, bool *ret_signed)
{
    switch (d_at(d, type)) {
    case TYPE_INT:
    case TYPE_ENUM:
        *ret_signed = d_at(d, type + 2) != 0;
        return d_at(d, type + 1);
    default:
        *ret_signed = false;
        return 8;
    }
}

static bool fits(uint64_t number, uint32_t bits, bool has_sign)
{
    if (bits >= 64) {
        return true;
    }
    return has_sign ? number + (1ull << (bits - 1)) < 1ull << bits : number < 1ull << bits;
}

static const char *enum_check(const struct ifdesc *d, uint32_t type, uint64_t number)
{
    uint64_t known = 0;
    for (uint32_t i = 0; i < d_at(d, type + 6); i++) {
        uint64_t value = d_at64(d, d_at(d, type + 7) + 3 * i + 1);
        if (d_at(d, type + 3) == 0 && value == number) {
            return NULL;
        }
        known |= value;
    }
    if (d_at(d, type + 4) != 0 || (d_at(d, type + 3) != 0 && (number & ~known) == 0)) {
        return NULL;
    }
    return "not a value of the type";
}

const char *scalar_check(const struct ifdesc *d, uint32_t type, uint32_t constraint,
                         uint64_t number)
{
    bool has_sign;
    uint32_t bits = scalar_bits(d, type, &has_sign);
    if (d_at(d, type) == TYPE_BOOL) {
        return number > 1 ? "no bool" : NULL;
    }
    if (!fits(number, bits, has_sign)) {
        return "too large for its type";
    }
    if (d_at(d, type) == TYPE_ENUM) {
        return enum_check(d, type, number);
    }
    if (constraint != 0) {
        uint64_t sign = has_sign ? 1ull << 63 : 0; /* so that order is unsigned */
        uint64_t low = d_at64(d, constraint), high = d_at64(d, constraint + 2);
        if ((number ^ sign) < (low ^ sign) || (number ^ sign) > (high ^ sign)) {
            return "out of range";
        }
        if (d_at(d, constraint + 4) != 0 && !msg_pow2(number)) {
            return "not a power of two";
        }
    }
    return NULL;
}
