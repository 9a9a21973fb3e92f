/* The UMP ring; what is ordered with what, and why, stands in ump_ring.h. */
#include "ump_ring.h"

#include <aos/chan.h>

/* What a line that only acknowledges says beside the count. */
#define UMP_ACK_HEADER MSG_HEADER(CHAN_CONTROL_ACK, MSG_CONTROL, 0, 0)

void ump_ring_init(struct ump_ring *r, void *out, uint32_t out_lines, const void *in,
                   uint32_t in_lines)
{
    struct ump_frame *own = out;
    const struct ump_frame *peers = in;
    *r = (struct ump_ring){.out = own,
                           .in = peers,
                           .out_next = own->line,
                           .out_end = own->line + out_lines,
                           .in_next = peers->line,
                           .in_end = peers->line + in_lines,
                           .sent_max = out_lines - 1u,
                           .in_lines = in_lines,
                           .out_top = UMP_EPOCH,
                           .in_epoch = UMP_EPOCH};
}

bool ump_ring_send(struct ump_ring *r, uint64_t header, const uint64_t *words, uint32_t count)
{
    if (__builtin_expect(ump_message_lines(count) > ump_ring_room(r), 0)) {
        return false;
    }
    for (;;) {
        uint32_t some = count < UMP_LINE_WORDS ? count : UMP_LINE_WORDS;
        ump_ring_put(r, header, words, some);
        ump_ring_next_out(r);
        words += some;
        count -= some;
        if (count == 0) {
            return true;
        }
    }
}

bool ump_ring_ack(struct ump_ring *r)
{
    if (r->consumed - r->told < r->in_lines / 4u) {
        return false;
    }
    ump_ring_put(r, UMP_ACK_HEADER, NULL, 0);
    return true;
}

/* Copies the next line into `m`. */
static inline enum ump_got ump_ring_take(struct ump_ring *r, struct ump_message *m)
{
    const struct ump_line *line = r->in_next;
    /* Acquire of the payload (1) and of the lines that the peer has given back (2). */
    uint64_t header = atomic_load_explicit(&line->header, memory_order_acquire);
    if (((header ^ r->in_epoch) & UMP_EPOCH) != 0) {
        return UMP_NONE;
    }
    uint32_t news = ((uint32_t)(header >> UMP_COUNT_SHIFT) - r->acked) & UMP_COUNT_MASK;
    uint64_t plain = header & ~MSG_UMP_MASK;
    if (news > r->sent - r->acked || (m->have != 0 && plain != m->header)) {
        return UMP_BAD;
    }
    if (plain == UMP_ACK_HEADER) {
        r->acked += news;
        r->in_seen = header;
        return UMP_NONE;
    }
    arch_line_load(m->words + m->have, line);
    r->acked += news;
    ump_ring_next_in(r);
    m->header = plain;
    if (m->have + UMP_LINE_WORDS < msg_words(plain)) {
        m->have += UMP_LINE_WORDS;
        return UMP_SOME;
    }
    m->have = 0;
    return UMP_MESSAGE;
}

enum ump_got ump_ring_recv(struct ump_ring *r, struct ump_message *m, uint32_t limit)
{
    enum ump_got got;
    uint32_t taken = 0;
    do {
        got = ump_ring_take(r, m);
    } while (got == UMP_SOME && ++taken < limit);
    return got == UMP_NONE && taken != 0 ? UMP_SOME : got;
}

bool ump_ring_arm(struct ump_ring *r)
{
    atomic_store_explicit(&r->out->armed, ++r->armed, memory_order_seq_cst); /* (3) */
    arch_store_load();
    return !ump_ring_some(r);
}

void ump_ring_close(struct ump_ring *r)
{
    /* Release: the lines before it. Then the bell, as after a line (3). */
    atomic_store_explicit(&r->out->closed, 1, memory_order_seq_cst);
}

bool ump_ring_ended(const struct ump_ring *r)
{
    /* Acquire: lines that were sent before are seen by the look that follows. */
    return atomic_load_explicit(&r->in->closed, memory_order_seq_cst) != 0 && !ump_ring_some(r);
}
