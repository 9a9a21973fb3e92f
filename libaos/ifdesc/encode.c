/* Values to words: the rules are those of docs/ref/LANGUAGE.md, "The word image". */
#include <string.h>

#include "ifdesc_priv.h"

struct encoder {
    const struct ifdesc *d;
    struct ifdesc_room *room;
    struct ifdesc_message *msg;
    uint32_t depth;
};

static bool encode_image(struct encoder *e, uint32_t at, const struct ifdesc_value *root);
static bool encode_fixed(struct encoder *e, const struct image *image,
                         const struct ifdesc_value *root, uint32_t base);

static bool wrong(struct encoder *e, const char *text)
{
    return room_wrong(e->room, "", text);
}

/* Zeroed words at the end; false: there are too many. */
static bool grow(struct encoder *e, uint32_t words)
{
    if (words > MSG_WORDS_MAX - e->msg->count) {
        return wrong(e, "the message is too large");
    }
    memset(e->msg->words + e->msg->count, 0, 8u * words);
    e->msg->count += words;
    return true;
}

static void put_bits(struct encoder *e, uint32_t bit, uint32_t bits, uint64_t raw)
{
    if (bits < 64) {
        raw &= (1ull << bits) - 1;
    }
    e->msg->words[bit / 64] |= raw << (bit % 64);
}

static bool put_scalar(struct encoder *e, uint32_t type, uint32_t constraint, uint32_t bit,
                       uint64_t number)
{
    bool has_sign;
    const char *why = scalar_check(e->d, type, constraint, number);
    if (why != NULL) {
        return wrong(e, why);
    }
    put_bits(e, bit, scalar_bits(e->d, type, &has_sign), number);
    return true;
}

/* `count` elements, `stride` bytes apart from bit `base` on. */
static bool put_packed(struct encoder *e, const struct ifdesc_value *v, uint32_t element,
                       uint32_t stride, uint32_t base)
{
    struct image image = d_image(e->d, element);
    for (uint32_t i = 0; i < v->count; i++, base += 8 * stride) {
        const struct ifdesc_value *kid = &v->kids[i];
        if (element != 0 ? !encode_fixed(e, &image, kid, base)
                         : !put_scalar(e, kid->type, 0, base, kid->number)) {
            return false;
        }
    }
    return true;
}

static bool encode_lease(struct encoder *e, const struct item *item, const struct ifdesc_value *v,
                         uint32_t base)
{
    struct ifdesc_message *msg = e->msg;
    if (msg->lends.count == IFDESC_LENDS_MAX) {
        return wrong(e, "too many lent buffers");
    }
    bool out = d_at(e->d, item->type + 1) != 0;
    uint64_t length = out ? v->number : v->count;
    if (length > item->bound) {
        return wrong(e, "a lent buffer is too large");
    }
    uint32_t i = msg->lends.count++;
    msg->lend_info[i] = (struct lend_info){
        .bound = item->bound, .word = (uint8_t)((base + item->bit) / 64), .out = out};
    msg->lent[i] = (struct binding_lend){.in = v->bytes, .len = (uint32_t)length};
    msg->lends.info = msg->lend_info;
    return true;
}

static bool encode_item(struct encoder *e, const struct item *item, const struct ifdesc_value *v,
                        uint32_t base)
{
    switch (item->role) {
    case ROLE_VALUE:
        return put_scalar(e, item->type, item->constraint, base + item->bit, v->number);
    case ROLE_PRESENCE:
        put_bits(e, base + item->bit, 1, 1);
        return true;
    case ROLE_COUNT:
    case ROLE_ROOM: {
        uint64_t number = item->role == ROLE_ROOM ? v->number : v->count;
        if (number > item->bound) {
            return wrong(e, "longer than it may be");
        }
        put_bits(e, base + item->bit, item->bits, number);
        return true;
    }
    case ROLE_LEASE:
        return encode_lease(e, item, v, base);
    default:
        return v->count == item->bound
                   ? put_packed(e, v, item->element, item->stride, base + item->bit)
                   : wrong(e, "elements are missing");
    }
}

static bool encode_fixed(struct encoder *e, const struct image *image,
                         const struct ifdesc_value *root, uint32_t base)
{
    for (uint32_t i = 0; i < image->items; i++) {
        struct item item = d_item(e->d, image, i);
        const struct ifdesc_value *v = value_at(e->d, root, item.path);
        if (v != NULL && !encode_item(e, &item, v, base)) {
            return false;
        }
    }
    return true;
}

static bool encode_members(struct encoder *e, const struct ifdesc_value *v)
{
    uint32_t type = v->type, first = e->msg->count;
    uint64_t present = 0;
    if (!grow(e, 1)) {
        return false;
    }
    for (uint32_t i = 0; i < v->count; i++) {
        uint32_t at = d_at(e->d, type + 6) + i * MEMBER_WORDS;
        if (v->kids[i].present) {
            present |= 1ull << ((d_at(e->d, at + 2) - 1) & 63u);
            if (!encode_image(e, d_at(e->d, at + 3), v)) {
                return false;
            }
        }
    }
    const struct ifdesc_value *unknown = &v->kids[v->count];
    uint32_t more = e->msg->count;
    if (!grow(e, unknown->count)) {
        return false;
    }
    if (unknown->count != 0) {
        memcpy(e->msg->words + more, unknown->bytes, 8u * unknown->count);
    }
    uint32_t words = e->msg->count - first - 1;
    if (words >= d_at(e->d, type + 4)) {
        return wrong(e, "a table is too long");
    }
    e->msg->words[first] = present | unknown->number | (uint64_t)words << MSG_MEMBERS_SHIFT;
    return true;
}

static bool encode_bytes(struct encoder *e, const struct var *var, const struct ifdesc_value *v)
{
    uint32_t at = e->msg->count;
    if (v->count > var->bound) {
        return wrong(e, "longer than it may be");
    }
    if ((var->kind == VAR_STRING && !msg_utf8_ok(v->bytes, v->count)) ||
        (var->kind == VAR_STRINGS && !msg_strings_ok(v->bytes, v->count))) {
        return wrong(e, "not UTF-8");
    }
    if (!grow(e, (v->count + 7) / 8)) {
        return false;
    }
    if (v->count != 0) {
        memcpy(e->msg->words + at, v->bytes, v->count);
    }
    return true;
}

static bool encode_var(struct encoder *e, const struct var *var, const struct ifdesc_value *v)
{
    if (var->kind == VAR_MEMBERS) {
        return encode_members(e, v);
    }
    if (var->kind <= VAR_STRINGS) {
        return encode_bytes(e, var, v);
    }
    if (v->count > var->bound || (var->count == 0 && v->count != var->bound)) {
        return wrong(e, "the wrong number of elements");
    }
    if (var->kind == VAR_PACKED) {
        uint32_t at = e->msg->count;
        return grow(e, (v->count * var->stride + 7) / 8) &&
               put_packed(e, v, var->element, var->stride, 64 * at);
    }
    for (uint32_t i = 0; i < v->count; i++) {
        if (!encode_image(e, var->element, &v->kids[i])) {
            return false;
        }
    }
    return true;
}

/* The bytes of a lease are put in later, when it is known whether they fit. */
static bool lease_var(struct encoder *e, const struct image *image, const struct var *var)
{
    struct item item = var->count == 0 ? (struct item){0} : d_item(e->d, image, var->count - 1);
    if (item.role != ROLE_LEASE) {
        return false;
    }
    for (uint32_t i = 0; i < e->msg->lends.count; i++) {
        if (e->msg->lend_info[i].word == item.bit / 64) {
            e->msg->lent[i].at = e->msg->count;
        }
    }
    return true;
}

static bool encode_image(struct encoder *e, uint32_t at, const struct ifdesc_value *root)
{
    struct image image = d_image(e->d, at);
    uint32_t base = e->msg->count;
    if (e->depth == IFDESC_DEPTH || !grow(e, image.fixed_words)) {
        return wrong(e, "types are nested too deeply");
    }
    e->depth++;
    bool ok = encode_fixed(e, &image, root, 64 * base);
    for (uint32_t i = 0; ok && i < image.vars; i++) {
        struct var var = d_var(e->d, &image, i);
        const struct ifdesc_value *v = value_at(e->d, root, var.path);
        ok = v == NULL || lease_var(e, &image, &var) || v->bulk || encode_var(e, &var, v);
    }
    e->depth--;
    return ok;
}

/* --- capabilities --------------------------------------------------------------------------- */

static bool put_cap(struct encoder *e, const struct ifdesc_value *v)
{
    struct ifdesc_message *msg = e->msg;
    if (msg->caps_count == MSG_CAPS_MAX) {
        return wrong(e, "too many capabilities");
    }
    bool end = d_at(e->d, v->type) == TYPE_END;
    msg->caps[msg->caps_count] = v->number;
    msg->caps_modes[msg->caps_count++] = end ? IFDESC_CAP_END << 8
                                             : d_at(e->d, v->type + 2) |
                                                   d_at(e->d, v->type + 1) << 8;
    return true;
}

static bool encode_caps(struct encoder *e, uint32_t at, const struct ifdesc_value *root)
{
    struct image image = d_image(e->d, at);
    bool ok = true;
    for (uint32_t i = 0; ok && i < image.caps; i++) {
        uint32_t part = image.caps_at + i * CAPS_WORDS, element = d_at(e->d, part + 2);
        const struct ifdesc_value *v = value_at(e->d, root, d_at(e->d, part));
        if (v == NULL) {
            continue;
        }
        bool array = d_at(e->d, part + 1) != 0, table = d_at(e->d, v->type) == TYPE_TABLE;
        for (uint32_t k = 0; (array || table) && ok && k < v->count; k++) {
            uint32_t member = d_at(e->d, d_at(e->d, v->type + 6) + k * MEMBER_WORDS + 3);
            ok = table          ? !v->kids[k].present || encode_caps(e, member, v)
                 : element != 0 ? encode_caps(e, element, &v->kids[k])
                                : put_cap(e, &v->kids[k]);
        }
        ok = ok && (array || table || put_cap(e, v));
    }
    return ok;
}

bool ifdesc_encode_image(const struct ifdesc *d, uint32_t image, const struct ifdesc_value *values,
                         struct ifdesc_room *room, struct ifdesc_message *msg)
{
    struct encoder e = {d, room, msg, 0};
    msg->count = 0;
    msg->caps_count = 0;
    msg->lends = (struct lend_set){.room_words = (uint8_t)d_image(d, image).room_words};
    return encode_image(&e, image, values) && encode_caps(&e, image, values);
}

/* Where the reply counts the bytes of a lease that the server fills. */
static void lease_counts(const struct ifdesc *d, const struct ifdesc_method *m,
                         struct ifdesc_message *msg)
{
    struct image reply = d_image(d, m->reply_image);
    uint32_t field = m->results;
    uint32_t var_at = 0;
    for (uint32_t i = 0; i < msg->lends.count; i++) {
        if (!msg->lend_info[i].out) {
            continue;
        }
        for (; var_at < reply.vars; var_at++) {
            struct var var = d_var(d, &reply, var_at);
            if (d_at(d, var.path) != 1 || d_at(d, var.path + 1) != field || var.count == 0) {
                continue;
            }
            struct item item = d_item(d, &reply, var.count - 1);
            msg->lend_info[i].count_word = (uint8_t)(item.bit / 64);
            msg->lend_info[i].count_shift = (uint8_t)(item.bit % 64);
            msg->lend_info[i].count_bits = (uint8_t)item.bits;
        }
        var_at = 0;
        field++;
    }
}

bool ifdesc_encode(const struct ifdesc *d, const struct ifdesc_method *m,
                   const struct ifdesc_value *values, struct ifdesc_room *room,
                   struct ifdesc_message *ret_msg)
{
    if (!ifdesc_encode_image(d, m->request_image, values, room, ret_msg)) {
        return false;
    }
    lease_counts(d, m, ret_msg);
    return true;
}
