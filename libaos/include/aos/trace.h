/* Traced messages: while somebody with the right to asks for it, a domain records what its channels
 * send and receive in a ring that it shares with its spawner. Off, it costs nothing: traced
 * channels are slow ones (CHAN_SLOW_TRACE), and the fast paths look at that word anyway.
 *
 * The ring is memory of the domain, which may write anything into it; who reads it copies first
 * and judges then. Only `on` is the spawner's. A record is whole if its number, which is written
 * last, is the expected one before and after it was copied. */
#pragma once

#include <aos/types.h>

#define TRACE_MAGIC   0x4543415254534f41ull /* "AOSTRACE" */
#define TRACE_VERSION 1u
#define TRACE_WORDS   10u /* how many words of a message are kept */

#define TRACE_SENT   0x1u /* by this domain; else received */
#define TRACE_SERVER 0x2u /* this domain serves the channel; else it is the client */

#define TRACE_NOBODY UINT32_MAX /* the peer's pid is not known */

/* 128 bytes, all little-endian; `stubgen ifcat` reads it, too. */
struct trace_record {
    uint64_t number; /* 1 for the first; 0: being written */
    uint64_t time_ns; /* of the system clock; with -icount shift=0 also instructions */
    uint64_t header; /* aos/msg.h */
    uint64_t err;    /* what the caller of a stub is told, if no message said so */
    uint32_t peer;   /* pid, vouched for at bind; TRACE_NOBODY */
    uint16_t iface;  /* id of the interface */
    uint8_t how;     /* TRACE_* */
    uint8_t words;   /* kept in `word`; the header tells how many there were */
    uint32_t chan;   /* which channel of this domain */
    uint32_t pid;    /* this domain */
    uint64_t word[TRACE_WORDS];
};

struct trace_ring {
    uint64_t magic;
    uint32_t version, record_bytes;
    uint32_t records; /* places: record n is in place (n - 1) % records */
    uint32_t on;
    uint64_t last; /* number of the newest record; 0: none yet */
    uint64_t reserved[12];
    struct trace_record record[];
};

_Static_assert(sizeof(struct trace_record) == 128, "layout");
_Static_assert(sizeof(struct trace_ring) == 128, "layout");

/* Maps the ring of another domain to be read; who gave it may take it away at any time.
 * paging_unmap ends that, the frame stays the caller's. LIB_ERR_RANGE: it is no ring. */
errval_t trace_map(caddr_t frame, const struct trace_ring **ret_ring, size_t *ret_bytes);
/* Copies record `number` out of a ring. False: it was overwritten, or is not there yet, or there is
 * no memory any more. */
bool trace_read(const struct trace_ring *ring, size_t bytes, uint64_t number,
                struct trace_record *ret_record);
/* The number of the newest record; 0: none. */
uint64_t trace_last(const struct trace_ring *ring);
