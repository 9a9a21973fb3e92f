/* Messages as stubs and runtime see them: the header word, the words beside it, and the pieces of
 * validation that generated code shares. The word image is described in docs/book (life of an
 * interface); everything here is independent of the carrier. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <abi/captypes.h>
#include <abi/errors.h>
#include <kpi/cspace.h>
#include <kpi/lmp.h>

#define MSG_REG_WORDS 8u /* more words go through the message area */
#define MSG_WORDS_MAX 255u
#define MSG_CAPS_MAX  15u

/* Header word: field positions. */
#define MSG_ORDINAL_MASK 0xfffull
#define MSG_KIND_SHIFT   12
#define MSG_FLEXIBLE     (1ull << 15)
#define MSG_SLOT_SHIFT   16 /* txid: slot, then generation */
#define MSG_SLOT_BITS    6
#define MSG_TXID_SLOTS   (1u << MSG_SLOT_BITS)
#define MSG_GEN_SHIFT    22
#define MSG_GEN_BITS     10
#define MSG_GEN_ONE      (1u << MSG_GEN_SHIFT)
#define MSG_TXID_MASK    0xffff0000ull
#define MSG_WORDS_SHIFT  32
#define MSG_CAPS_SHIFT   40
#define MSG_MORE         (1ull << 44) /* the other capabilities follow, one per message */
#define MSG_HASH_SHIFT   45
#define MSG_HASH_MASK    (0xffull << MSG_HASH_SHIFT)
#define MSG_SHAPE_MASK   (0x1fffull << MSG_WORDS_SHIFT) /* words, caps, more */
#define MSG_UMP_MASK     (~0ull << 53)                  /* zero on LMP and loopback */
#define MSG_EVENT_LOST   (1ull << MSG_GEN_SHIFT) /* events: older ones of this kind were dropped */

enum msg_kind {
    MSG_CALL = 0,
    MSG_REPLY,
    MSG_ERROR,
    MSG_ONEWAY,
    MSG_EVENT,
    MSG_STREAM,
    MSG_CONTROL,
    MSG_MALFORMED,
};

/* `words` and `caps` of a message as they stand in the header: `more` is set iff something follows.
 */
#define MSG_SHAPE(words, caps)                                                                     \
    ((uint64_t)(words) << MSG_WORDS_SHIFT | (uint64_t)(caps) << MSG_CAPS_SHIFT |                   \
     ((caps) > 1 ? MSG_MORE : 0))
#define MSG_HEADER(ordinal, kind, words, caps)                                                     \
    ((uint64_t)(ordinal) | (uint64_t)(kind) << MSG_KIND_SHIFT | MSG_SHAPE(words, caps))

/* Fields of a header word. */
static inline uint32_t msg_ordinal(uint64_t header)
{
    return (uint32_t)(header & MSG_ORDINAL_MASK);
}
static inline enum msg_kind msg_kind(uint64_t header)
{
    return (enum msg_kind)(header >> MSG_KIND_SHIFT & 7u);
}
static inline uint32_t msg_slot(uint64_t header)
{
    return (uint32_t)(header >> MSG_SLOT_SHIFT) & ((1u << MSG_SLOT_BITS) - 1u);
}
static inline uint32_t msg_words(uint64_t header)
{
    return (uint32_t)(header >> MSG_WORDS_SHIFT) & 0xffu;
}
static inline uint32_t msg_caps(uint64_t header)
{
    return (uint32_t)(header >> MSG_CAPS_SHIFT) & 0xfu;
}
/* Do the words of this message stand in the message area? */
static inline bool msg_in_area(uint64_t header)
{
    return msg_words(header) > MSG_REG_WORDS || msg_caps(header) > 1;
}

/* In the header of the answer that a stub expects: it judges the shape itself. Else only an answer
 * of this very shape reaches it. */
#define MSG_ANY_SHAPE (1ull << 63)

/* The payload registers of one call: x1 to x11 of kpi/lmp.h. */
struct lmp_regs {
    uint64_t header;
    uint64_t w[MSG_REG_WORDS];
    uint64_t cap; /* in: KPI_XFER_*; out: slot */
    union {
        uint64_t answer;   /* in: in what the expected answer's header differs from this one */
        uint64_t cap_info; /* out: type | rights << 8 */
    };
    uintptr_t keep; /* the caller's */
};

_Static_assert(offsetof(struct lmp_regs, cap_info) == 80, "assembly uses it");
_Static_assert(sizeof(struct lmp_regs) == 96, "assembly uses it");

/* A capability to send. */
struct msg_cap {
    caddr_t cap;
    uint8_t rights; /* CAP_RIGHT_*: the receiver gets at most these */
    uint8_t move;   /* MSG_CAP_*: give away, copy, or lend until the call returns */
};
#define MSG_CAP_COPY 0u
#define MSG_CAP_MOVE 1u
#define MSG_CAP_LEND 2u /* to binding_call and binding_begin only */
/* Beside one of these, in a server: a handler writes its result there, which counts on success. */
#define MSG_CAP_RESULT 0x80u

/* How the kernel is told of it: KPI_XFER_*; 0 for none. */
static inline uint64_t msg_xfer(struct msg_cap c)
{
    return c.cap == 0 ? 0
                      : KPI_XFER_ADDR(c.cap) | (uint64_t)c.rights << KPI_XFER_RIGHTS_SHIFT |
                            (c.move == MSG_CAP_MOVE ? KPI_XFER_MOVE : 0);
}

/* Is a received capability of one of the types in `types` (bit per captype) and has it all of
 * `rights`? */
static inline bool msg_cap_ok(uint32_t info, uint32_t types, uint32_t rights)
{
    return (types >> (info & 31u) & 1u) != 0 && (rights & ~(info >> 8)) == 0;
}

/* Variable parts. All take the words that are left, and fail rather than go beyond them. */
struct msg_reader {
    const uint64_t *words;
    uint32_t pos; /* next word */
    uint32_t end;
};

/* The next variable part of `bytes` bytes; its padding must be zero. NULL: it does not fit or is
 * not padded. */
const void *msg_part(struct msg_reader *r, size_t bytes);
/* The same without the padding check, for a message that was checked before. */
static inline const void *msg_part_again(struct msg_reader *r, size_t bytes)
{
    const void *part = r->words + r->pos;
    r->pos += (uint32_t)((bytes + 7u) / 8u);
    return part;
}

/* The next `count` words, the fixed part of an image. NULL: they are not there. */
static inline const uint64_t *msg_fixed(struct msg_reader *r, uint32_t count)
{
    if (count > r->end - r->pos) {
        return NULL;
    }
    r->pos += count;
    return r->words + r->pos - count;
}

/* `count` images, each read by `get` into the next `size` bytes of `out`. */
bool msg_get_images(struct msg_reader *r, size_t count, bool (*get)(struct msg_reader *, void *),
                    void *out, size_t size);

/* Tables and unions: a first word, `present:48 | words:16`, then the fields that are there. */
#define MSG_MEMBERS_SHIFT    48
#define MSG_MEMBERS_FLEXIBLE 1u /* fields above the known ones are skipped */
#define MSG_MEMBERS_UNION    2u /* exactly one field */
struct msg_members {
    uint64_t present;
    uint64_t unknown; /* present, but not known */
    uint32_t outer;   /* where the words around it end */
};
/* Reads the first word; from here to msg_members_leave the reader ends with the last word of the
 * table. False: not one that has the fields `known` and at most `words_max` words. */
bool msg_members_enter(struct msg_reader *r, struct msg_members *m, uint64_t known,
                       uint32_t words_max, uint32_t flags);
/* Skips the fields that are not known. False: words are left over. */
bool msg_members_leave(struct msg_reader *r, const struct msg_members *m);

/* Valid UTF-8 (shortest form, no surrogates, at most U+10FFFF) without U+0000. */
bool msg_utf8_ok(const void *text, size_t bytes);
/* A NUL-separated list: every string valid as above and ended by NUL. */
bool msg_strings_ok(const void *text, size_t bytes);

/* Writing: the buffer is large enough for the method's largest message. Returns where to copy to;
 * padding is zeroed. */
static inline void *msg_put(uint64_t *words, uint32_t *pos, size_t bytes)
{
    uint64_t *part = words + *pos;
    uint32_t count = (uint32_t)((bytes + 7u) / 8u);
    if (count != 0) {
        part[count - 1] = 0;
    }
    *pos += count;
    return part;
}

/* The same with the bytes copied in. */
static inline void msg_put_bytes(uint64_t *words, uint32_t *pos, const void *from, size_t bytes)
{
    void *part = msg_put(words, pos, bytes);
    if (bytes != 0) {
        __builtin_memcpy(part, from, bytes);
    }
}

/* `count` images, each written by `put` from the next `size` bytes of `from`; false if one is too
 * long. */
bool msg_put_images(uint64_t *words, uint32_t *pos, size_t count,
                    bool (*put)(uint64_t *, uint32_t *, const void *), const void *from,
                    size_t size);

/* The first word of a table or union, at `first`; its fields end before `pos`. */
static inline void msg_members_end(uint64_t *words, uint32_t pos, uint32_t first, uint64_t present)
{
    words[first] = present | (uint64_t)(pos - first - 1) << MSG_MEMBERS_SHIFT;
}

/* The next of the received capabilities. False: there is none, or it is of the wrong kind. */
static inline bool msg_cap_next(const caddr_t *caps, const uint32_t *info, uint32_t count,
                                uint32_t *at, uint32_t types, uint32_t rights, caddr_t *ret_cap)
{
    if (*at == count) {
        return false;
    }
    *ret_cap = caps[*at];
    return msg_cap_ok(info[(*at)++], types, rights);
}

/* Places in packed parts, not aligned; little-endian like every machine AOS runs on. */
static inline uint64_t msg_load(const void *at, size_t bytes)
{
    uint64_t value = 0;
    __builtin_memcpy(&value, at, bytes);
    return value;
}
static inline void msg_store(void *at, uint64_t value, size_t bytes)
{
    __builtin_memcpy(at, &value, bytes);
}

/* Arithmetic of conditions: an overflow makes the condition false. */
static inline bool msg_add(uint64_t a, uint64_t b, uint64_t *ret_sum)
{
    return !__builtin_add_overflow(a, b, ret_sum);
}
static inline bool msg_sub(uint64_t a, uint64_t b, uint64_t *ret_difference)
{
    return !__builtin_sub_overflow(a, b, ret_difference);
}
static inline bool msg_mul(uint64_t a, uint64_t b, uint64_t *ret_product)
{
    return !__builtin_mul_overflow(a, b, ret_product);
}
static inline bool msg_pow2(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}
