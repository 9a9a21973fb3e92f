/* Address space identifiers: a bitmap, and one of its full words. */
#include <arch/maintain.h>
#include <kernel/asid.h>
#include <kernel/panic.h>

#define ASID_WORD_BITS 64u
#define ASID_WORDS     (ASID_MAX / ASID_WORD_BITS)

static uint64_t asid_used[ASID_WORDS];                  /* owner: this file; bit set = in use */
static uint64_t asid_full[ASID_WORDS / ASID_WORD_BITS]; /* owner: this file; of words in use */
/* Owner: this file. Identifiers in use; where to look first, so that reuse is late. */
static struct {
    uint32_t used;
    uint32_t next;
} asids = {.next = 1};

uint32_t asid_available(void)
{
    return arch_asid_count() - 1 - asids.used;
}

/* The first bit from `from` on that is not set, `end` if there is none. */
static uint32_t bits_find(const uint64_t *words, uint32_t from, uint32_t end)
{
    while (from < end) {
        uint64_t unset = ~words[from / ASID_WORD_BITS] >> from % ASID_WORD_BITS;
        if (unset != 0) {
            from += (uint32_t)__builtin_ctzll(unset);
            return from < end ? from : end;
        }
        from = (from / ASID_WORD_BITS + 1) * ASID_WORD_BITS;
    }
    return end;
}

/* The first that is free in [from, end), `end` if there is none. */
static uint32_t asid_find(uint32_t from, uint32_t end)
{
    uint32_t word_end = (from / ASID_WORD_BITS + 1) * ASID_WORD_BITS;
    uint32_t asid = bits_find(asid_used, from, word_end < end ? word_end : end);
    if (asid < word_end || word_end >= end)
        return asid;
    uint32_t word = bits_find(asid_full, word_end / ASID_WORD_BITS, end / ASID_WORD_BITS);
    return word * ASID_WORD_BITS >= end
               ? end
               : bits_find(asid_used, word * ASID_WORD_BITS, end);
}

uint16_t asid_alloc(void)
{
    uint32_t limit = arch_asid_count();
    kernel_assert(asid_available() > 0);
    uint32_t asid = asid_find(asids.next, limit);
    if (asid == limit)
        asid = asid_find(1, limit);
    kernel_assert(asid < limit);
    uint64_t *word = &asid_used[asid / ASID_WORD_BITS];
    *word |= 1ull << asid % ASID_WORD_BITS;
    if (*word == UINT64_MAX)
        asid_full[asid / ASID_WORD_BITS / ASID_WORD_BITS] |=
            1ull << asid / ASID_WORD_BITS % ASID_WORD_BITS;
    asids.used++;
    asids.next = asid + 1 < limit ? asid + 1 : 1;
    return (uint16_t)asid;
}

void asid_free(uint16_t asid)
{
    uint64_t bit = 1ull << asid % ASID_WORD_BITS;
    kernel_assert(asid != 0 && (asid_used[asid / ASID_WORD_BITS] & bit) != 0);
    asid_used[asid / ASID_WORD_BITS] &= ~bit;
    asid_full[asid / ASID_WORD_BITS / ASID_WORD_BITS] &=
        ~(1ull << asid / ASID_WORD_BITS % ASID_WORD_BITS);
    asids.used--;
}

bool asid_is_used(uint16_t asid)
{
    return (asid_used[asid / ASID_WORD_BITS] >> asid % ASID_WORD_BITS & 1) != 0;
}
