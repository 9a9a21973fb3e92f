/* The UMP ring; what is ordered with what, and why, stands in ump_ring.h. */
#include "ump_ring.h"

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
    const uint32_t lines = ump_message_lines(count);
    if (__builtin_expect(lines > ump_ring_room(r), 0)) {
        return false;
    }
    struct ump_line *line = r->out_next, *const end = r->out_end;
    header |= r->out_top;
    for (;;) {
        if (__builtin_expect(count >= UMP_LINE_WORDS, 1)) {
            arch_line_store(line, words); /* (4) */
            words += UMP_LINE_WORDS;
            count -= UMP_LINE_WORDS;
        } else {
            for (uint32_t i = 0; i < count; i++) {
                atomic_store_explicit(&line->word[i], words[i], memory_order_relaxed); /* (4) */
            }
            count = 0;
        }
        /* As in ump_ring_head_put. */
        atomic_store_explicit(&line->header, header, memory_order_seq_cst);
        if (__builtin_expect(++line == end, 0)) {
            line = r->out->line;
            header ^= UMP_EPOCH;
        }
        if (count == 0) {
            break;
        }
    }
    r->out_next = line;
    r->out_top = (r->out_top & ~UMP_EPOCH) | (header & UMP_EPOCH);
    r->sent += lines;
    r->told = r->consumed;
    return true;
}

enum ump_got ump_ring_take(struct ump_ring *r, uint64_t header, uint64_t *to, uint32_t count,
                           uint32_t *ret_had)
{
    const struct ump_line *line = r->in_next, *const end = r->in_end;
    uint64_t want = header | r->in_epoch, head, last = 0;
    uint32_t left = count, lines = 0;
    for (;;) {
        /* Acquire of the payload (1) and of the lines that the peer has given back (2). */
        head = atomic_load_explicit(&line->header, memory_order_acquire);
        if (__builtin_expect(((head ^ want) & ~UMP_COUNT_BITS) != 0, 0)) {
            break;
        }
        last = head;
        lines++;
        if (__builtin_expect(left >= UMP_LINE_WORDS, 1)) {
            arch_line_load(to, line); /* (4) */
            to += UMP_LINE_WORDS;
            left -= UMP_LINE_WORDS;
        } else {
            for (uint32_t i = 0; i < left; i++) {
                to[i] = atomic_load_explicit(&line->word[i], memory_order_relaxed); /* (4) */
            }
            left = 0;
        }
        if (__builtin_expect(++line == end, 0)) {
            line = r->in->line;
            want ^= UMP_EPOCH;
        }
        if (left == 0) {
            break;
        }
    }
    const bool all = left == 0 && lines != 0;
    if ((!all && ((head ^ want) & UMP_EPOCH) == 0) || (lines != 0 && !ump_ring_acks(r, last))) {
        return UMP_BAD;
    }
    r->in_next = line;
    r->in_epoch = want & UMP_EPOCH;
    ump_ring_consumed(r, lines);
    *ret_had = count - left;
    return all ? UMP_MESSAGE : lines == 0 ? UMP_NONE : UMP_SOME;
}

enum ump_got ump_ring_recv(struct ump_ring *r, struct ump_message *m)
{
    if (m->have == 0) {
        uint64_t head = ump_ring_head(r);
        if (((head ^ r->in_epoch) & UMP_EPOCH) != 0) {
            return UMP_NONE;
        }
        m->header = head & ~MSG_UMP_MASK;
        if (m->header == UMP_ACK_HEADER) {
            r->in_seen = head;
            return ump_ring_acks(r, head) ? UMP_NONE : UMP_BAD;
        }
    }
    uint32_t had = 0;
    const uint32_t count = msg_words(m->header) - m->have;
    enum ump_got got = ump_ring_take(r, m->header, m->words + m->have, count, &had);
    m->have = got == UMP_MESSAGE ? 0 : m->have + had;
    return got;
}

void ump_ring_close(struct ump_ring *r)
{
    /* Release: the lines before it. Then the bell, as after a line (3). */
    atomic_store_explicit(&r->out->closed, 1, memory_order_seq_cst);
}
