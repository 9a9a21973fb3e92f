/* Words to values. What was read is encoded again and compared: so padding, order and every value
 * are judged by the same rules as what is sent. */
#include <string.h>

#include "ifdesc_priv.h"

struct decoder {
    const struct ifdesc *d;
    struct ifdesc_room *room;
    const uint64_t *words;
    uint32_t at, end;
    bool cut;
    uint32_t depth;
};

static bool decode_image(struct decoder *c, uint32_t at, struct ifdesc_value *root);
static bool decode_fixed(struct decoder *c, const struct image *image, struct ifdesc_value *root,
                         const uint64_t *words, uint32_t base);
static bool decode_caps(struct decoder *c, const struct image *image, struct ifdesc_value *root,
                        const uint64_t *words, uint32_t base);

static bool wrong(struct decoder *c, const char *text)
{
    return room_wrong(c->room, "", text);
}

/* A value is there, and so is all of it that is not optional. */
static void value_begin(const struct ifdesc *d, struct ifdesc_value *v)
{
    v->present = true;
    for (uint32_t i = 0; d_at(d, v->type) == TYPE_STRUCT && i < v->count; i++) {
        if (!v->kids[i].optional) {
            value_begin(d, &v->kids[i]);
        }
    }
}

/* The same for an optional one that was absent so far. Not if what holds it is absent. */
static void value_begin_at(const struct ifdesc *d, struct ifdesc_value *root, uint32_t path)
{
    struct ifdesc_value *v = root;
    for (uint32_t i = 0; i < d_at(d, path); i++) {
        uint32_t index = d_at(d, path + 1 + i);
        if (!v->present || index >= v->count || v->kids == NULL) {
            return;
        }
        v = &v->kids[index];
    }
    if (v->optional) {
        value_begin(d, v);
    }
}

static void value_cut(const struct ifdesc *d, struct ifdesc_value *v)
{
    v->cut = true;
    for (uint32_t i = 0; d_at(d, v->type) == TYPE_STRUCT && i < v->count; i++) {
        value_cut(d, &v->kids[i]);
    }
}

static uint64_t get_bits(const uint64_t *words, uint32_t bit, uint32_t bits)
{
    uint64_t raw = words[bit / 64] >> (bit % 64);
    return bits < 64 ? raw & ((1ull << bits) - 1) : raw;
}

static uint64_t get_scalar(const struct ifdesc *d, uint32_t type, const uint64_t *words,
                           uint32_t bit)
{
    bool has_sign;
    uint32_t bits = scalar_bits(d, type, &has_sign);
    uint64_t raw = get_bits(words, bit, bits);
    if (has_sign && bits < 64 && raw >> (bits - 1) != 0) {
        raw |= ~0ull << bits;
    }
    return raw;
}

/* The parts of an array of `count` elements. */
static bool array_begin(struct decoder *c, struct ifdesc_value *v, uint32_t count)
{
    v->kids = room_values(c->room, count);
    v->count = v->kids == NULL ? 0 : count;
    for (uint32_t i = 0; i < v->count; i++) {
        if (!value_init(c->d, c->room, &v->kids[i], d_at(c->d, v->type + 1))) {
            return false;
        }
        value_begin(c->d, &v->kids[i]);
    }
    return v->kids != NULL;
}

static bool get_packed(struct decoder *c, struct ifdesc_value *v, uint32_t count, uint32_t element,
                       uint32_t stride, const uint64_t *words, uint32_t base)
{
    struct image image = d_image(c->d, element);
    if (!array_begin(c, v, count)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++, base += 8 * stride) {
        if (element == 0) {
            v->kids[i].number = get_scalar(c->d, v->kids[i].type, words, base);
        } else if (!decode_fixed(c, &image, &v->kids[i], words, base) ||
                   !decode_caps(c, &image, &v->kids[i], words, base)) {
            return false;
        }
    }
    return true;
}

static bool decode_item(struct decoder *c, const struct item *item, struct ifdesc_value *v,
                        const uint64_t *words, uint32_t base)
{
    uint64_t raw = item->role == ROLE_BLOCK ? 0 : get_bits(words, base + item->bit, item->bits);
    switch (item->role) {
    case ROLE_VALUE:
        v->number = get_scalar(c->d, item->type, words, base + item->bit);
        return true;
    case ROLE_ROOM:
        v->number = raw;
        return true;
    case ROLE_LEASE:
        v->number = (uint32_t)raw;
        v->bulk = raw >> 63 != 0;
        return raw << 32 >> 32 == raw || v->bulk || wrong(c, "an offset without a region");
    case ROLE_BLOCK:
        return get_packed(c, v, item->bound, item->element, item->stride, words,
                          base + item->bit);
    default:
        return true;
    }
}

static bool decode_fixed(struct decoder *c, const struct image *image, struct ifdesc_value *root,
                         const uint64_t *words, uint32_t base)
{
    for (uint32_t i = 0; i < image->items; i++) {
        struct item item = d_item(c->d, image, i);
        if (item.role == ROLE_PRESENCE) {
            if (get_bits(words, base + item.bit, 1) != 0) {
                value_begin_at(c->d, root, item.path);
            }
            continue;
        }
        struct ifdesc_value *v = value_at(c->d, root, item.path);
        if (v != NULL && !decode_item(c, &item, v, words, base)) {
            return false;
        }
    }
    return true;
}

/* The next `count` words. NULL: they are missing. */
static const uint64_t *take(struct decoder *c, uint32_t count)
{
    if (count > c->end - c->at) {
        if (!c->cut) {
            (void)wrong(c, "words are missing");
        }
        return NULL;
    }
    c->at += count;
    return c->words + c->at - count;
}

/* What is left of a message that was cut. */
static bool rest(struct decoder *c, struct ifdesc_value *v)
{
    if (c->cut) {
        value_cut(c->d, v);
        c->at = c->end;
    }
    return c->cut;
}

static bool decode_members(struct decoder *c, struct ifdesc_value *v)
{
    const uint64_t *first = take(c, 1);
    if (first == NULL) {
        return rest(c, v);
    }
    uint32_t words = (uint32_t)(*first >> MSG_MEMBERS_SHIFT), end = c->end;
    uint64_t present = *first & ((1ull << MSG_MEMBERS_SHIFT) - 1), known = 0;
    if (words >= d_at(c->d, v->type + 4) || (words > end - c->at && !c->cut)) {
        return wrong(c, "a table is too long");
    }
    bool whole = words <= end - c->at;
    c->end = whole ? c->at + words : end;
    for (uint32_t i = 0; i < v->count; i++) {
        uint32_t at = d_at(c->d, v->type + 6) + i * MEMBER_WORDS;
        uint64_t bit = 1ull << ((d_at(c->d, at + 2) - 1) & 63u);
        known |= bit;
        if ((present & bit) == 0) {
            continue;
        }
        value_begin(c->d, &v->kids[i]);
        if (!decode_image(c, d_at(c->d, at + 3), v)) {
            return false;
        }
    }
    struct ifdesc_value *unknown = &v->kids[v->count];
    unknown->number = present & ~known;
    if (unknown->number != 0) {
        bool flexible = d_at(c->d, v->type + 3) != 0;
        if (!flexible || (unknown->number & (0 - unknown->number)) < known) {
            return wrong(c, "an unknown field");
        }
        unknown->bytes = (const uint8_t *)(c->words + c->at);
        unknown->count = c->end - c->at;
        c->at = c->end;
    }
    bool one = ((present - 1) & present) == 0 && present != 0;
    if ((c->at != c->end && whole) || (d_at(c->d, v->type + 2) != 0 && !one)) {
        return wrong(c, "not the fields of such a table");
    }
    c->end = end;
    return true;
}

static bool decode_bytes(struct decoder *c, struct ifdesc_value *v, uint32_t count)
{
    uint32_t words = (count + 7) / 8;
    if (words > c->end - c->at && c->cut) {
        v->cut = true;
        v->bytes = (const uint8_t *)(c->words + c->at);
        v->count = 8 * (c->end - c->at);
        c->at = c->end;
        return true;
    }
    v->bytes = (const uint8_t *)take(c, words);
    v->count = v->bytes == NULL ? 0 : count;
    return v->bytes != NULL;
}

static bool decode_var(struct decoder *c, const struct var *var, struct ifdesc_value *v,
                       uint64_t count)
{
    if (var->kind == VAR_MEMBERS) {
        return decode_members(c, v);
    }
    if (count > var->bound) {
        return wrong(c, "longer than it may be");
    }
    if (var->kind <= VAR_STRINGS) {
        return decode_bytes(c, v, (uint32_t)count);
    }
    if (var->kind == VAR_PACKED) {
        const uint64_t *at = take(c, ((uint32_t)count * var->stride + 7) / 8);
        return at == NULL ? rest(c, v)
                          : get_packed(c, v, (uint32_t)count, var->element, var->stride, at, 0);
    }
    if (!array_begin(c, v, (uint32_t)count)) {
        return false;
    }
    for (uint32_t i = 0; i < v->count; i++) {
        if (!decode_image(c, var->element, &v->kids[i])) {
            return false;
        }
    }
    return true;
}

/* How many elements an array of capabilities has: as many as its type says, or as its count. */
static bool count_caps(struct decoder *c, const struct image *image, uint32_t path,
                       const struct ifdesc_value *v, const uint64_t *words, uint32_t base,
                       uint32_t *ret_count)
{
    uint64_t count = d_at(c->d, v->type + 2);
    for (uint32_t k = 0; k < image->items; k++) {
        struct item item = d_item(c->d, image, k);
        if (item.role == ROLE_COUNT && item.path == path) {
            uint64_t told = get_bits(words, base + item.bit, item.bits);
            if (told > count) {
                return wrong(c, "too many capabilities");
            }
            count = told;
        }
    }
    *ret_count = (uint32_t)count;
    return true;
}

/* Makes the arrays that have nothing but capabilities, and so no place among the words but their
 * count; such an array may be a field of the elements of another one. */
static bool decode_caps(struct decoder *c, const struct image *image, struct ifdesc_value *root,
                        const uint64_t *words, uint32_t base)
{
    for (uint32_t i = 0; i < image->caps; i++) {
        uint32_t part = image->caps_at + i * CAPS_WORDS, path = d_at(c->d, part);
        uint32_t count = 0;
        struct ifdesc_value *v = value_at(c->d, root, path);
        if (v == NULL || d_at(c->d, part + 1) == 0 || v->kids != NULL) {
            continue;
        }
        if (!count_caps(c, image, path, v, words, base, &count) || !array_begin(c, v, count)) {
            return false;
        }
        struct image element = d_image(c->d, d_at(c->d, part + 2));
        if (d_at(c->d, part + 2) == 0 || element.items != 0) {
            continue;
        }
        if (c->depth == IFDESC_DEPTH) {
            return wrong(c, "types are nested too deeply");
        }
        c->depth++;
        for (uint32_t k = 0; k < count; k++) {
            if (!decode_caps(c, &element, &v->kids[k], words, base)) {
                return false;
            }
        }
        c->depth--;
    }
    return true;
}

static bool decode_image(struct decoder *c, uint32_t at, struct ifdesc_value *root)
{
    struct image image = d_image(c->d, at);
    if (c->depth == IFDESC_DEPTH) {
        return wrong(c, "types are nested too deeply");
    }
    const uint64_t *fixed = take(c, image.fixed_words);
    if (fixed == NULL) {
        return rest(c, root);
    }
    c->depth++;
    bool ok = decode_fixed(c, &image, root, fixed, 0);
    for (uint32_t i = 0; ok && i < image.vars; i++) {
        struct var var = d_var(c->d, &image, i);
        struct ifdesc_value *v = value_at(c->d, root, var.path);
        if (v == NULL || v->bulk) {
            continue;
        }
        uint64_t count = var.bound;
        if (var.count != 0) {
            struct item item = d_item(c->d, &image, var.count - 1);
            count = get_bits(fixed, item.bit, item.bits);
        }
        ok = decode_var(c, &var, v, count);
    }
    c->depth--;
    return ok && decode_caps(c, &image, root, fixed, 0);
}

/* Counts the capabilities in the order in which they travel; `set`: each gets its number. */
static uint32_t number_caps(const struct ifdesc *d, const struct ifdesc_value *v, uint32_t next,
                            bool set)
{
    uint32_t kind = d_at(d, v->type);
    if (!v->present) {
        return next;
    }
    if (kind == TYPE_CAP || kind == TYPE_END) {
        if (set) {
            ((struct ifdesc_value *)(uintptr_t)v)->number = next;
        }
        next++;
    } else if (kind == TYPE_STRUCT || kind == TYPE_TABLE || kind == TYPE_ARRAY) {
        for (uint32_t i = 0; i < v->count; i++) {
            next = number_caps(d, &v->kids[i], next, set);
        }
    }
    return next;
}

uint32_t ifdesc_caps(const struct ifdesc *d, const struct ifdesc_value *values)
{
    return number_caps(d, values, 0, false);
}

/* Is this the encoding of the values? */
static bool same_again(struct decoder *c, uint32_t image, const struct ifdesc_value *root)
{
    struct ifdesc_message *again = &c->room->again;
    if (!ifdesc_encode_image(c->d, image, root, c->room, again)) {
        return false;
    }
    if (again->lends.count != 0) {
        return true; /* where lent bytes stand is between the two sides */
    }
    return (again->count == c->end && memcmp(again->words, c->words, 8u * c->end) == 0) ||
           wrong(c, "padding or an absent value is not zero");
}

bool ifdesc_decode(const struct ifdesc *d, uint32_t type, uint32_t image, const uint64_t *words,
                   uint32_t count, bool cut, struct ifdesc_room *room,
                   struct ifdesc_value **ret_values)
{
    struct decoder c = {d, room, words, 0, count, cut, 0};
    struct ifdesc_value *root = room_values(room, 1);
    if (root == NULL || !value_init(d, room, root, type)) {
        return false;
    }
    value_begin(d, root);
    if (!decode_image(&c, image, root)) {
        return false;
    }
    (void)number_caps(d, root, 0, true);
    if (!cut && (c.at != c.end ? !wrong(&c, "words are left over")
                               : !same_again(&c, image, root))) {
        return false;
    }
    *ret_values = root;
    return true;
}
