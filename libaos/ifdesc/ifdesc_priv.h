/* The format of descriptions (stubgen/stubgen/emit/ifdesc.py), and what the files of this folder
 * share. */
#pragma once

#include <aos/ifdesc.h>

#define IFDESC_MAGIC   0x31444649u
#define IFDESC_GRAMMAR 1u
#define IFDESC_DEPTH   40u /* types within types */

/* Words of the head. */
enum {
    HEAD_MAGIC,
    HEAD_BYTES,
    HEAD_GRAMMAR,
    HEAD_WORDS,
    HEAD_HASH_LOW,
    HEAD_HASH_HIGH,
    HEAD_ID_VERSION,
    HEAD_NAME,
    HEAD_TEXT,
    HEAD_METHODS,
    HEAD_METHODS_AT,
    HEAD_REQUEST_AREA,
    HEAD_REPLY_AREA,
    HEAD_REGION,
    HEAD_REGION_WRITTEN,
    HEAD_WINDOW,
    HEAD_COUNT,
};

#define METHOD_WORDS 15u
#define FIELD_WORDS  2u
#define MEMBER_WORDS 4u
#define ITEM_WORDS   9u
#define VAR_WORDS    6u
#define CAPS_WORDS   3u

/* The first word of a type; what follows it. */
enum {
    TYPE_NONE,
    TYPE_INT,      /* bits, signed */
    TYPE_BOOL,     /* */
    TYPE_ENUM,     /* bits, signed, flags?, flexible?, name, values, where: name, low, high */
    TYPE_BUF,      /* BUF_*, bound */
    TYPE_ARRAY,    /* element, count, at most? */
    TYPE_STRUCT,   /* name, fields, where */
    TYPE_TABLE,    /* name, union?, flexible?, words at most, members, where */
    TYPE_CAP,      /* mode, rights, text */
    TYPE_END,      /* server?, text */
    TYPE_LEND,     /* out?, BUF_*, bound */
    TYPE_OPTIONAL, /* what it holds */
};

enum { BUF_STRING, BUF_BYTES, BUF_STRINGS };
enum { ROLE_VALUE, ROLE_PRESENCE, ROLE_COUNT, ROLE_ROOM, ROLE_LEASE, ROLE_BLOCK };
enum { VAR_STRING, VAR_BYTES, VAR_STRINGS, VAR_PACKED, VAR_IMAGES, VAR_MEMBERS };

/* A word of the description; 0 beyond its end. */
static inline uint32_t d_at(const struct ifdesc *d, uint32_t index)
{
    return index < d->count ? d->w[index] : 0;
}
static inline uint64_t d_at64(const struct ifdesc *d, uint32_t index)
{
    return d_at(d, index) | (uint64_t)d_at(d, index + 1) << 32;
}
static inline const char *d_text(const struct ifdesc *d, uint32_t offset)
{
    return offset < d->pool_bytes ? d->pool + offset : "";
}

struct image {
    uint32_t fixed_words, max_words, room_words;
    uint32_t items, items_at;
    uint32_t vars, vars_at;
    uint32_t caps, caps_at;
};
struct item {
    uint32_t role, bit, bits, path, type, bound, stride, element, constraint;
};
struct var {
    uint32_t kind, path, count, bound, stride, element;
};

struct image d_image(const struct ifdesc *d, uint32_t at);
struct item d_item(const struct ifdesc *d, const struct image *image, uint32_t index);
struct var d_var(const struct ifdesc *d, const struct image *image, uint32_t index);

/* Keeps the first thing that went wrong; false, for the caller to return. */
bool room_wrong(struct ifdesc_room *room, const char *what, const char *text);
/* `count` values without a type; NULL: no room. */
struct ifdesc_value *room_values(struct ifdesc_room *room, uint32_t count);
/* Makes `v` an absent value of `type`, with kids as far as their number is known. */
bool value_init(const struct ifdesc *d, struct ifdesc_room *room, struct ifdesc_value *v,
                uint32_t type);
/* The value at a path; NULL: it or one on the way is absent. */
struct ifdesc_value *value_at(const struct ifdesc *d, const struct ifdesc_value *root,
                              uint32_t path);
/* The name of field `index` of a struct, table or union, and how many there are. */
const char *type_field(const struct ifdesc *d, uint32_t type, uint32_t index);
uint32_t type_fields(const struct ifdesc *d, uint32_t type);

/* How many bits a scalar has, and whether they have a sign. */
uint32_t scalar_bits(const struct ifdesc *d, uint32_t type, bool *ret_signed);
/* NULL, or why `number` is not a value of the scalar type. */
const char *scalar_check(const struct ifdesc *d, uint32_t type, uint32_t constraint,
                         uint64_t number);
bool text_same(const char *a, const char *b, size_t b_len);
