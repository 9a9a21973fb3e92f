/* Lines: channels that reach across cores. A client end that crosses from core B to core A stays
 * with the monitor of B, its home; the monitor of A makes a channel, keeps one end and hands the
 * other, the proxy, on in its place. What is sent on the proxy is sent on the end at home, and
 * back: whole messages, in order, with their capabilities. So whoever has an end need not know
 * where its peer is, and either side sees the end of the other as on one core.
 *
 * A client that opens a binding on a proxy asks for rings (CHAN_OP_UPGRADE, libaos/chan/remote.c):
 * its monitor adds a frame to the question and to the answer. From then on the line is the lifeline
 * of the ring; here nothing changes.
 *
 * Invariants:
 *  1. A line has a number, unique on its home core, from when its end leaves (line_export) until
 *     both monitors have said, once each, that their side has ended; or until the proxy comes home
 *     unused, which ends both sides at once.
 *  2. The end at home is bound when the first message comes for it: before, it can go home's way.
 *  3. Messages of a line are sent on in the order in which they came; what finds no room waits. No
 *     more than LINE_WINDOW of one direction are between the channels at a time: then the monitor
 *     does not listen on its channel, and who sends finds that full. So what a slow receiver takes
 *     of the monitors' memory is bounded, and nobody is ended for being fast.
 *  4. What was sent before its sender ended arrives; the end comes after it. The directions do not
 *     wait for each other: a monitor that does not listen on its channel hears of room there.
 *  5. That a line has ended, and how much was taken, is always said: what that takes is there
 *     before the line is. Whatever else finds no memory ends the line.
 *  6. A capability of a message has one owner at any time: the message on its way, the table of
 *     lines, or the receiver. If it cannot cross, a call fails with RPC_ERR_CAPABILITY.
 *
 * All functions are for init's main thread. The file knows no transport: struct line_host. */
#pragma once

#include <aos/raw.h>

#define LINE_PEERS_MAX   8u              /* cores; a core's own number is a peer, for tests */
#ifndef LINES_MAX
#define LINES_MAX        1024u           /* numbers of one home core */
#endif
#define LINE_WINDOW      32u             /* messages of a direction under way (intermon.if) */
/* Those that the other monitor has told of when it took the last ones: half, so that the rest is on
 * its way meanwhile. */
#define LINE_TELL        (LINE_WINDOW / 2u)
/* Answers of the monitor itself that wait for room. A client has no more calls than that; one that
 * has ends its line. */
#define LINE_ANSWERS_MAX CHAN_CALLS_MAX

/* What a message's capability is on its way (idl/if/intermon.if, CapKind). */
enum line_cap {
    LINE_CAP_NONE = 0,
    LINE_CAP_NEW_END,
    LINE_CAP_OWN_END,
    LINE_CAP_OTHER,
    LINE_CAP_LOST,
};

/* What monitors tell each other about lines. */
struct line_wire {
    uint32_t line;
    bool to_proxy;                       /* the receiver has the proxy's side */
    bool ended;                          /* nothing else is in it */
    uint32_t taken;                      /* not 0: messages that were taken; nothing else */
    uint32_t serial;                     /* of the sender's line, for line_refused; stays here */
    uint64_t header;
    uint64_t words[MSG_REG_WORDS];
    uint8_t cap;                         /* enum line_cap */
    uint32_t cap_line;                   /* of NEW_END and OWN_END */
};

struct line_host {
    /* Sends to the monitor of core `peer`, in order and without loss; what it cannot send now it
     * keeps. `cap` is 0 but for LINE_CAP_OTHER, and then taken; that it cannot cross is told by
     * line_refused. An error: nothing was sent, and it is where it was. Not of `ended` and `taken`,
     * when there was room for the line. */
    errval_t (*send)(uint32_t peer, const struct line_wire *w, caddr_t cap);
    /* Takes a frame of frame_alloc of which others have copies: takes it from them and frees it. */
    void (*free_frame)(caddr_t frame);
    /* There are to be so many lines: makes what send and free_frame take of memory. Or one of those
     * is to get rings: is there memory for that? */
    errval_t (*room)(uint32_t lines);
    /* The line `number` of `peer` has no proxy: tells its home that it has ended. */
    void (*refuse)(uint32_t peer, uint32_t number);
};

void line_init(const struct line_host *host, struct waitset *ws);
/* From the monitor of `peer`. `cap`: of LINE_CAP_OTHER. */
void line_receive(uint32_t peer, const struct line_wire *w, caddr_t cap);
/* The capability of `w`, which is still to be sent, cannot cross: makes of it what is to be sent
 * instead. */
void line_refused(uint32_t peer, struct line_wire *w);
/* A client end on its way to `peer`: fills `w->cap` and `w->cap_line`. On success the end is
 * taken; LIB_ERR_NO_MEMORY, LIB_ERR_RANGE: it is where it was. */
errval_t line_export(uint32_t peer, caddr_t end, struct line_wire *w);
/* The message that this was for cannot be sent: the line that begins, or the one of which the proxy
 * comes home, ends. */
void line_unexport(uint32_t peer, const struct line_wire *w);
/* The end, or its proxy, that such a message brought. */
errval_t line_import(uint32_t peer, const struct line_wire *w, caddr_t *ret_end);
/* The core `peer` has stopped: all its lines end. */
void line_peer_gone(uint32_t peer);
/* Lines that there are, for tests. */
uint32_t line_count(void);
