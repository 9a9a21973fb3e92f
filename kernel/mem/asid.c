/* Address space identifiers: a bitmap. */
#include <arch/maintain.h>
#include <kernel/asid.h>
#include <kernel/panic.h>

#define ASID_WORD_BITS 64u

static uint64_t asid_used[ASID_MAX / ASID_WORD_BITS]; /* owner: this file; bit set = in use */
static uint32_t asid_used_count;                      /* owner: this file */
static uint32_t asid_next = 1; /* owner: this file; where to look first, so that reuse is late */

uint32_t asid_available(void)
{
    return arch_asid_count() - 1 - asid_used_count;
}

uint16_t asid_alloc(void)
{
    uint32_t limit = arch_asid_count();
    kernel_assert(asid_available() > 0);
    for (;;) {
        uint32_t asid = asid_next;
        asid_next = asid + 1 < limit ? asid + 1 : 1;
        uint64_t bit = 1ull << asid % ASID_WORD_BITS;
        if ((asid_used[asid / ASID_WORD_BITS] & bit) == 0) {
            asid_used[asid / ASID_WORD_BITS] |= bit;
            asid_used_count++;
            return (uint16_t)asid;
        }
    }
}

void asid_free(uint16_t asid)
{
    uint64_t bit = 1ull << asid % ASID_WORD_BITS;
    kernel_assert(asid != 0 && (asid_used[asid / ASID_WORD_BITS] & bit) != 0);
    asid_used[asid / ASID_WORD_BITS] &= ~bit;
    asid_used_count--;
}
