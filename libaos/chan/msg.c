/* Checks that generated code shares. */
#include <aos/msg.h>

const void *msg_part(struct msg_reader *r, size_t bytes)
{
    size_t count = bytes / 8u + (bytes % 8u != 0); /* `bytes` may be any number */
    if (count > r->end - r->pos) {
        return NULL;
    }
    const uint64_t *part = r->words + r->pos;
    size_t used = bytes % 8u;
    if (used != 0 && part[count - 1] >> (8u * used) != 0) {
        return NULL;
    }
    r->pos += (uint32_t)count;
    return part;
}

bool msg_get_images(struct msg_reader *r, size_t count, bool (*get)(struct msg_reader *, void *),
                    void *out, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        if (!get(r, (char *)out + i * size)) {
            return false;
        }
    }
    return true;
}

bool msg_put_images(uint64_t *words, uint32_t *pos, size_t count,
                    bool (*put)(uint64_t *, uint32_t *, const void *), const void *from,
                    size_t size)
{
    for (size_t i = 0; i < count; i++) {
        if (!put(words, pos, (const char *)from + i * size)) {
            return false;
        }
    }
    return true;
}

/* Can these fields be there? An unknown one is newer than all that are known, and only a flexible
 * table or union has any. */
static bool msg_members_ok(uint64_t present, uint64_t known, uint32_t flags)
{
    uint64_t unknown = present & ~known;
    if (unknown != 0 && ((flags & MSG_MEMBERS_FLEXIBLE) == 0 || (unknown & -unknown) < known)) {
        return false;
    }
    return (flags & MSG_MEMBERS_UNION) == 0 || msg_pow2(present);
}

bool msg_members_enter(struct msg_reader *r, struct msg_members *m, uint64_t known,
                       uint32_t words_max, uint32_t flags)
{
    const uint64_t *first = msg_fixed(r, 1);
    if (first == NULL) {
        return false;
    }
    uint32_t count = (uint32_t)(*first >> MSG_MEMBERS_SHIFT);
    uint64_t present = *first & ((1ull << MSG_MEMBERS_SHIFT) - 1);
    uint32_t left = r->end - r->pos;
    m->present = present;
    m->unknown = present & ~known;
    m->outer = r->end;
    r->end = r->pos + (count < left ? count : left);
    return count <= left && count <= words_max && msg_members_ok(present, known, flags);
}

bool msg_members_leave(struct msg_reader *r, const struct msg_members *m)
{
    bool all = m->unknown != 0 || r->pos == r->end;
    r->pos = r->end;
    r->end = m->outer;
    return all;
}

/* Length of the UTF-8 sequence that starts at `s` (RFC 3629, section 4), 0 if there is none. */
static size_t msg_utf8_sequence(const uint8_t *s, size_t left)
{
    static const struct {
        uint8_t first, last, low, high; /* lead byte range; range of the byte after it */
        uint8_t length;
    } forms[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (s[0] < forms[i].first || s[0] > forms[i].last) {
            continue;
        }
        if (left < forms[i].length || s[1] < forms[i].low || s[1] > forms[i].high) {
            return 0;
        }
        for (size_t k = 2; k < forms[i].length; k++) {
            if ((s[k] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return forms[i].length;
    }
    return 0;
}

#define ASCII_ONES 0x0101010101010101ull
#define ASCII_TOPS 0x8080808080808080ull

/* Has a top bit where a byte is not ASCII, and some top bit if a byte is zero. */
static inline uint64_t msg_not_ascii(const uint8_t *s)
{
    uint64_t word = msg_load(s, 8);
    return word | (word - ASCII_ONES);
}

/* The same of two words, which are loaded together. */
static inline uint64_t msg_pair_not_ascii(const uint8_t *s)
{
    uint64_t low = msg_load(s, 8);
    uint64_t high = msg_load(s + 8, 8);
    return low | high | (low - ASCII_ONES) | (high - ASCII_ONES);
}

/* How many bytes from the start are known to be ASCII and not zero: the common case, in large
 * steps. */
static inline size_t msg_ascii_length(const uint8_t *s, size_t bytes)
{
    size_t i = 0;
    for (; bytes - i >= 128; i += 128) {
        uint64_t found = 0;
#pragma GCC unroll 8
        for (size_t k = 0; k < 128; k += 16) {
            found |= msg_pair_not_ascii(s + i + k);
        }
        if ((found & ASCII_TOPS) != 0) {
            break;
        }
    }
    while (bytes - i >= 8 && (msg_not_ascii(s + i) & ASCII_TOPS) == 0) {
        i += 8;
    }
    return i;
}

static bool msg_text_ok(const uint8_t *s, size_t bytes, bool nul_allowed)
{
    size_t i = msg_ascii_length(s, bytes);
    while (i < bytes) {
        if (s[i] < 0x80) {
            if (s[i] == 0 && !nul_allowed) {
                return false;
            }
            i++;
        } else {
            size_t length = msg_utf8_sequence(s + i, bytes - i);
            if (length == 0) {
                return false;
            }
            i += length;
        }
        if (bytes - i >= 8) {
            i += msg_ascii_length(s + i, bytes - i);
        }
    }
    return true;
}

bool msg_utf8_ok(const void *text, size_t bytes)
{
    return msg_text_ok(text, bytes, false);
}

bool msg_strings_ok(const void *text, size_t bytes)
{
    const uint8_t *s = text;
    return bytes == 0 || (s[bytes - 1] == 0 && msg_text_ok(s, bytes, true));
}
