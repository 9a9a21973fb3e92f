/* Who writes into the frames of others. */
#include "ringtest.h"

#include <aos/thread.h>

#include "../../../libaos/chan/ump_ring.h"

#define LINES       (RING_BYTES / UMP_LINE_BYTES - 1u)
#define ROUND_LINES 200u
#define PAUSE_NS    20000u

static uint64_t attack_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dull;
}

/* One line: mostly one of the other side's as an answer or a request, of this lap or the other,
 * with a count of consumed lines that may be right. */
static void attack_line(struct ump_frame *out, const struct ump_frame *in, uint64_t *seed)
{
    uint64_t dice = attack_random(seed);
    struct ump_line *line = &out->line[dice % LINES];
    const struct ump_line *like = &in->line[(dice >> 8) % LINES];
    uint64_t header = atomic_load(&like->header) & ~MSG_UMP_MASK;
    header |= (dice >> 16 & 1) != 0 ? UMP_EPOCH : 0;
    header ^= (dice >> 17 & 1) != 0 ? MSG_HEADER(0, MSG_REPLY, 0, 0) : 0;
    if ((dice >> 18 & 7) == 0) {
        header |= (dice >> 21 & 3) << UMP_COUNT_SHIFT;
    }
    if ((dice >> 23 & 15) == 0) {
        header ^= 1ull << (dice >> 27 & 63);
    }
    if ((dice >> 33 & 127) == 0) {
        header = attack_random(seed);
    }
    for (uint32_t i = 0; i < UMP_LINE_WORDS; i++) {
        uint64_t word = atomic_load(&like->word[i]);
        atomic_store(&line->word[i], (dice >> 40 & 3) == 0 ? attack_random(seed) : word);
    }
    atomic_store(&line->header, header);
    if ((dice >> 42 & 63) == 0) {
        atomic_store(&out->armed, dice);
    }
    if ((dice >> 48 & 4095) == 0) {
        atomic_store(&out->closed, dice & 1);
    }
}

void ring_attack(uint8_t *out, const uint8_t *in, uint64_t seed, uint32_t rounds)
{
    seed |= 1;
    for (uint32_t i = 0; i < rounds; i++) {
        for (uint32_t k = 0; k < ROUND_LINES; k++) {
            attack_line((struct ump_frame *)(void *)out,
                        (const struct ump_frame *)(const void *)in, &seed);
        }
        thread_sleep_ns(PAUSE_NS);
    }
}
