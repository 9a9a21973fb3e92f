/* Changes inputs where a message could be wrong: bytes by themselves rarely make a record of which
 * anything comes. Some are left to what libFuzzer does by itself, which knows what words are
 * compared with. */
#include <string.h>

#include "fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                                 uint8_t *out, size_t out_size, unsigned int seed);

enum {
    CHANGES_MAX = 4, /* of one input */
    RAW_ONE_IN = 8,  /* are left to libFuzzer */
    WORD_BITS = 64,
    GROW_MAX = 12,
};

static uint64_t state; /* of the generator: xorshift, never 0 */

static uint32_t pick(uint32_t count)
{
    state ^= state << 13u;
    state ^= state >> 7u;
    state ^= state << 17u;
    return (uint32_t)((state >> 16u) % count);
}

/* --- one word ------------------------------------------------------------------------------- */

/* A field of a word as long as items of a message are: 8, 16, 32 or 64 bits. */
static void change_lane(uint64_t *word)
{
    uint32_t bits = 8u << pick(4), shift = bits * pick(WORD_BITS / bits);
    uint64_t mask = UINT64_MAX >> (WORD_BITS - bits), value = *word >> shift & mask;
    uint64_t with[] = {0,           1,           mask,      mask >> 1u,
                       value + 1,   value - 1,   ~value,    1ull << pick(bits),
                       value << 1u, value >> 1u, pick(400), mask - pick(9)};
    value = with[pick(sizeof(with) / sizeof(with[0]))];
    *word = (*word & ~(mask << shift)) | (value & mask) << shift;
}

static void change_word(uint64_t *word)
{
    switch (pick(4)) {
    case 0:
        *word ^= 1ull << pick(WORD_BITS);
        break;
    case 1:
        (void)LLVMFuzzerMutate((uint8_t *)word, sizeof(*word), sizeof(*word));
        break;
    default:
        change_lane(word);
    }
}

/* --- one side ------------------------------------------------------------------------------- */

static void change_length(struct fuzz_side *side)
{
    uint32_t at = pick(side->words_count + 1u), rest = side->words_count - at;
    if (pick(2) == 0 && side->words_count < MSG_WORDS_MAX) {
        memmove(side->words + at + 1, side->words + at, rest * sizeof(side->words[0]));
        side->words[at] = pick(2) == 0 || at == 0 ? 0 : side->words[at - 1];
        side->words_count++;
    } else if (pick(2) == 0) {
        side->words_count = at;
    } else if (rest != 0) {
        memmove(side->words + at, side->words + at + 1, (rest - 1) * sizeof(side->words[0]));
        side->words_count--;
    }
}

static void change_caps(struct fuzz_side *side)
{
    uint32_t at = pick(side->caps_count + 1u);
    if (at == side->caps_count) {
        side->caps_count = (at + (pick(2) == 0 ? 1u : MSG_CAPS_MAX)) % (MSG_CAPS_MAX + 1u);
        for (uint32_t i = at; i < side->caps_count; i++) {
            side->type[i] = i != 0 ? side->type[i - 1] : CAPTYPE_FRAME;
            side->rights[i] = CAP_RIGHTS_ALL;
        }
    } else if (pick(2) == 0) {
        side->type[at] = (uint8_t)pick(CAPTYPE_COUNT);
    } else {
        side->rights[at] = (uint8_t)pick(CAP_RIGHTS_ALL + 1u);
    }
}

static void change_side(struct fuzz_side *side)
{
    uint32_t kind = pick(10);
    if (kind == 0) {
        change_length(side);
    } else if (kind == 1) {
        change_caps(side);
    } else if (side->words_count != 0) {
        change_word(&side->words[pick(side->words_count)]);
    }
}

/* --- what libFuzzer calls ------------------------------------------------------------------- */

static struct fuzz_record record, other;

static void read_record(const uint8_t *data, size_t size, struct fuzz_record *ret_record)
{
    struct fuzz_input input = {data, data + size};
    fuzz_read(&input, ret_record);
}

static size_t put(uint8_t *out, size_t at, uint64_t value, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++) {
        out[at++] = (uint8_t)(value >> (8u * i));
    }
    return at;
}

static size_t put_side(uint8_t *out, size_t at, const struct fuzz_side *side)
{
    at = put(out, at, side->words_count, 1);
    for (uint32_t i = 0; i < side->words_count; i++) {
        at = put(out, at, side->words[i], 8);
    }
    at = put(out, at, side->caps_count, 1);
    for (uint32_t i = 0; i < side->caps_count; i++) {
        at = put(out, at, side->type[i], 1);
        at = put(out, at, side->rights[i], 1);
    }
    return at;
}

/* Writes `record`, as much of it as there is room for. */
static size_t write_record(uint8_t *out, size_t room)
{
    static uint8_t made[FUZZ_RECORD_MAX];
    size_t size = put(made, 0, record.ordinal, 2);
    size = put(made, size, record.flags, 1);
    size = put_side(made, size, &record.request);
    size = put_side(made, size, &record.reply);
    size = put(made, size, record.grow, 1);
    size = size < room ? size : room;
    memcpy(out, made, size);
    return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    state = seed * 0x9e3779b97f4a7c15ull | 1u;
    if (pick(RAW_ONE_IN) == 0) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    read_record(data, size, &record);
    for (uint32_t left = 1u + pick(CHANGES_MAX); left != 0; left--) {
        uint32_t kind = pick(16);
        if (kind == 0 && pick(4) == 0) {
            record.grow = pick(GROW_MAX + 1);
        } else if (kind == 0) {
            record.flags ^= 1u << pick(FUZZ_FLAGS);
        } else {
            bool has_reply = record.reply.words_count != 0 || record.reply.caps_count != 0;
            change_side(kind % 2 == 0 && has_reply ? &record.reply : &record.request);
        }
    }
    return write_record(data, max_size);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                                 uint8_t *out, size_t out_size, unsigned int seed)
{
    state = seed * 0x9e3779b97f4a7c15ull | 1u;
    read_record(a, a_size, &record);
    read_record(b, b_size, &other);
    record.flags = other.flags;
    if (pick(2) == 0) {
        record.reply = other.reply;
    } else {
        record.request = other.request;
    }
    return write_record(out, out_size);
}
