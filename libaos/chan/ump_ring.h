/* The UMP ring: a channel between cores in two frames of shared memory. Pure: no kernel, no memory
 * of its own, nothing waits.
 *
 * Each side writes one frame and reads the other; nobody reads what it wrote itself. A frame is a
 * control line and then lines of 64 bytes: 7 payload words and, stored last, the header word
 * (aos/msg.h). Its low 53 bits are the message's header. Bits 53-62 say how many lines of the other
 * frame their writer has consumed, modulo 1024. Bit 63 is the epoch: 1 on the first lap through the
 * frame, 0 on the second, and so on, so that a line is new exactly if its epoch is the reader's. A
 * frame is all zero at first: nothing in it is new. A message of more than 7 words goes on in
 * further lines that repeat the header; nothing comes between them.
 *
 * Flow: at most all lines but one are outstanding (sent, and not known to be consumed), so the next
 * line is always free to be written. Who owes the peer the news of a quarter of the frame and has
 * nothing to say writes a line there that only acknowledges, and does not move on: whatever it
 * sends next, a message or another acknowledgement, replaces that line. So an acknowledgement never
 * needs room, and is never acknowledged: two quiet sides stay quiet, and two full ones that read on
 * never wait for each other.
 *
 * Ordering, in the terms of C11 and of the Arm architecture (DDI 0487, B2.3):
 *  1. A header is stored after its payload (release; STLR): who loads it (acquire; LDAR) sees the
 *     payload. One such store per line is all that a sender needs.
 *  2. A consumed count is stored after the loads of the lines it counts (the same release), and
 *     loaded before those lines are written again (the same acquire): a line is never overwritten
 *     while it is read.
 *  3. Sleep: the receiver stores `armed`, then looks for a line; the sender stores the line, then
 *     looks at `armed`. Each must see the other's store if its own came too late, so all four
 *     accesses are sequentially consistent. On Arm that is STLR before LDAR, which are kept in
 *     order; LDAPR, to which an acquire may be compiled, would not be. QEMU (7.2, with a thread
 *     per core, on x86) does let LDAR pass an STLR before it, as if it were LDAPR, and wake-ups
 *     were lost (UMP0123). So a DMB stands between them, which hardware does not need.
 *  4. Payload words are relaxed: a hostile writer may change them at any time, which must not be
 *     undefined. They are copied once, and what is copied is what is judged.
 *
 * The peer is not trusted: a count beyond what was sent, and a line that goes on with another
 * header, are UMP_BAD, after which the ring is of no use. Whatever else stands in the frame is a
 * message from the peer. */
#pragma once

#include <stdatomic.h>

#include <aos/arch_copy.h>
#include <aos/chan.h>
#include <aos/msg.h>

#define UMP_LINE_WORDS    7u
#define UMP_LINE_BYTES    64u
#define UMP_LINES_MIN     4u
#define UMP_LINES_MAX     512u
#define UMP_COUNT_SHIFT   53
#define UMP_COUNT_MASK    1023u
#define UMP_COUNT_BITS    ((uint64_t)UMP_COUNT_MASK << UMP_COUNT_SHIFT)
#define UMP_EPOCH         (1ull << 63)
#define UMP_MESSAGE_LINES ((MSG_WORDS_MAX + UMP_LINE_WORDS - 1u) / UMP_LINE_WORDS)

struct ump_line {
    _Atomic uint64_t word[UMP_LINE_WORDS];
    _Atomic uint64_t header;
};

struct ump_frame {
    /* How often the writer of this frame has armed its doorbell: a value that the other side has
     * not yet rung for asks for a ring. A count, and not a flag, since only one side may write it.
     */
    _Atomic uint64_t armed;
    _Atomic uint64_t closed; /* not 0: no line follows those that are there */
    uint64_t unused[6];
    struct ump_line line[];
};

_Static_assert(sizeof(struct ump_line) == UMP_LINE_BYTES, "a line is a cache line");
_Static_assert(sizeof(struct ump_frame) == UMP_LINE_BYTES, "lines begin on cache lines");

/* One side. The short way of a call (arch/armv8/ump_call.S) knows the places up to `told`. */
struct ump_ring {
    struct ump_line *out_next, *out_end;
    const struct ump_line *in_next, *in_end;
    struct ump_frame *out;
    const struct ump_frame *in;
    uint64_t out_top;         /* the upper bits of the next own header: epoch, lines consumed */
    uint64_t in_epoch;        /* of the peer's next line, in its header position */
    uint64_t in_seen;         /* the acknowledgement read last, as it stood in its line */
    uint64_t rung;            /* the last `armed` of the peer that was rung for */
    uint32_t sent, acked;     /* own lines; those of them that the peer has consumed */
    uint32_t sent_max;        /* how many may be outstanding */
    uint32_t consumed;        /* lines of the peer */
    uint32_t told;            /* those of them that it knows of */
    uint32_t in_lines;
    uint64_t armed;           /* as in the own frame */
};

_Static_assert(offsetof(struct ump_ring, out_next) == 0 && offsetof(struct ump_ring, in) == 40 &&
                   offsetof(struct ump_ring, rung) == 72 && offsetof(struct ump_ring, sent) == 80 &&
                   offsetof(struct ump_ring, sent_max) == 88 &&
                   offsetof(struct ump_ring, told) == 96,
               "assembly uses it");

/* A message on its way in. All zero at first. */
struct ump_message {
    uint64_t header;
    uint32_t have; /* words so far; 0: the next line begins a message */
    uint64_t words[MSG_WORDS_MAX];
};

enum ump_got {
    UMP_NONE = 0, /* no line */
    UMP_MESSAGE,  /* a message is complete */
    UMP_SOME,     /* lines, but not all of a message */
    UMP_BAD,
};

/* Lines of a frame of `bytes` bytes. */
static inline uint32_t ump_frame_lines(uint64_t bytes)
{
    uint64_t lines = bytes / UMP_LINE_BYTES;
    return lines > UMP_LINES_MAX ? UMP_LINES_MAX : lines == 0 ? 0 : (uint32_t)lines - 1u;
}

/* Lines of a message of `words` words. */
static inline uint32_t ump_message_lines(uint32_t words)
{
    return words <= UMP_LINE_WORDS ? 1 : (words + UMP_LINE_WORDS - 1u) / UMP_LINE_WORDS;
}

/* Both frames are aligned to lines, mapped, and were zero before either side began; each has from
 * UMP_LINES_MIN to UMP_LINES_MAX lines. Only the own one is ever written. */
void ump_ring_init(struct ump_ring *r, void *out, uint32_t out_lines, const void *in,
                   uint32_t in_lines);

/* How many lines of messages may be sent now. */
static inline uint32_t ump_ring_room(const struct ump_ring *r)
{
    return r->sent_max - (r->sent - r->acked);
}

/* The longest message, in lines, for which room comes if the peer reads on. */
static inline uint32_t ump_ring_longest(const struct ump_ring *r)
{
    return r->sent_max + 1u - (r->sent_max + 1u) / 4u;
}

/* Ends a line whose payload has been written, and does not move on. */
static inline void ump_ring_head_put(struct ump_ring *r, uint64_t header)
{
    /* Release of the payload (1) and of what was read (2), and first half of (3): one STLR. */
    atomic_store_explicit(&r->out_next->header, header | r->out_top, memory_order_seq_cst);
    r->told = r->consumed;
}

static inline void ump_ring_next_out(struct ump_ring *r)
{
    r->sent++;
    if (__builtin_expect(++r->out_next == r->out_end, 0)) {
        r->out_next = r->out->line;
        r->out_top ^= UMP_EPOCH;
    }
}

/* `lines` lines were taken in. */
static inline void ump_ring_consumed(struct ump_ring *r, uint32_t lines)
{
    r->consumed += lines;
    r->out_top = (r->out_top & ~UMP_COUNT_BITS) |
                 (uint64_t)(r->consumed & UMP_COUNT_MASK) << UMP_COUNT_SHIFT;
}

/* Takes the acknowledgement in a header as it stands. False: of what was not sent. */
static inline bool ump_ring_acks(struct ump_ring *r, uint64_t head)
{
    uint32_t news = ((uint32_t)(head >> UMP_COUNT_SHIFT) - r->acked) & UMP_COUNT_MASK;
    if (__builtin_expect(news > r->sent - r->acked, 0)) {
        return false;
    }
    r->acked += news;
    return true;
}

/* The same for all words of a line, whatever the message has of them. */
static inline void ump_ring_put_line(struct ump_ring *r, uint64_t header,
                                     const uint64_t words[UMP_LINE_WORDS])
{
    arch_line_store(r->out_next, words); /* (4) */
    ump_ring_head_put(r, header);
    ump_ring_next_out(r);
}

/* The next header as it stands: acquire of the payload (1) and of the lines that the peer has given
 * back (2). */
static inline uint64_t ump_ring_head(const struct ump_ring *r)
{
    return atomic_load_explicit(&r->in_next->header, memory_order_acquire);
}

/* Is a header as it stands news? */
static inline bool ump_ring_new(const struct ump_ring *r, uint64_t head)
{
    return ((head ^ r->in_epoch) & UMP_EPOCH) == 0 && head != r->in_seen;
}

/* The short way for a message of one line, whose `head` is news and no acknowledgement, while no
 * other message has begun: all words of the line. False: the count is wrong, nothing was taken. */
static inline bool ump_ring_take_line(struct ump_ring *r, uint64_t head,
                                      uint64_t words[UMP_LINE_WORDS])
{
    if (__builtin_expect(!ump_ring_acks(r, head), 0)) {
        return false;
    }
    arch_line_load(words, r->in_next); /* (4) */
    ump_ring_consumed(r, 1);
    if (__builtin_expect(++r->in_next == r->in_end, 0)) {
        r->in_next = r->in->line;
        r->in_epoch ^= UMP_EPOCH;
    }
    return true;
}

/* Takes what has come of the message `header` (plain), of which `count` words are still to come, to
 * `to`, and says how many words that was. Its first line is news, or begins a part further on.
 * UMP_BAD: nothing was taken. */
enum ump_got ump_ring_take(struct ump_ring *r, uint64_t header, uint64_t *to, uint32_t count,
                           uint32_t *ret_had);

/* Sends a message whole. `header` has bits 53-63 zero. False: there is no room, nothing is sent.
 * Whoever sent must look whether to ring (ump_ring_bell). */
bool ump_ring_send(struct ump_ring *r, uint64_t header, const uint64_t *words, uint32_t count);

/* What a line that only acknowledges says beside the count. */
#define UMP_ACK_HEADER MSG_HEADER(CHAN_CONTROL_ACK, MSG_CONTROL, 0, 0)

/* Tells the peer what was consumed if it may wait for that. True: a line was written. */
static inline bool ump_ring_ack(struct ump_ring *r)
{
    if (__builtin_expect(r->consumed - r->told < r->in_lines / 4u, 1)) {
        return false;
    }
    ump_ring_head_put(r, UMP_ACK_HEADER);
    return true;
}

/* Is a line there? */
static inline bool ump_ring_some(const struct ump_ring *r)
{
    /* Sequentially consistent for the sake of ump_ring_arm (3). */
    uint64_t header = atomic_load_explicit(&r->in_next->header, memory_order_seq_cst);
    return ((header ^ r->in_epoch) & UMP_EPOCH) == 0 && header != r->in_seen;
}

/* Takes lines until a message is complete in `m`. */
enum ump_got ump_ring_recv(struct ump_ring *r, struct ump_message *m);

/* After a send: does the peer sleep, and is this the first that it must be woken for? */
static inline bool ump_ring_bell(struct ump_ring *r)
{
    arch_store_load(); /* (3) */
    uint64_t armed = atomic_load_explicit(&r->in->armed, memory_order_seq_cst);
    if (__builtin_expect(armed == r->rung, 1)) {
        return false;
    }
    r->rung = armed;
    return true;
}

/* Asks to be rung for the next line. True: sleep; false: there is a line already, and perhaps a
 * ring, too. */
static inline bool ump_ring_arm(struct ump_ring *r)
{
    atomic_store_explicit(&r->out->armed, ++r->armed, memory_order_seq_cst); /* (3) */
    arch_store_load();
    return !ump_ring_some(r);
}

/* Nothing is sent after this; the peer hears of it when it has read all lines. */
void ump_ring_close(struct ump_ring *r);
/* Has the peer closed, and was everything of it read? */
static inline bool ump_ring_ended(const struct ump_ring *r)
{
    /* Acquire: lines that were sent before are seen by the look that follows. */
    return atomic_load_explicit(&r->in->closed, memory_order_seq_cst) != 0 && !ump_ring_some(r);
}
