/* Channels to a client in Python, which is another process (stubgen/stubgen/client.py). All stand
 * in one file that both have mapped and of which the client gives away the parts. A channel is the
 * frame that the client writes, that of the server, the capabilities that the client sends, those
 * of the server where message number n of those with capabilities has record n % WIRE_RECORDS. The
 * first channel stands at the beginning of the file. An end of a channel travels as a capability
 * whose memory is the channel. Doorbells are bytes in pipes, one pair for all channels. A file that
 * has nothing but the two frames is a channel without capabilities. */
#pragma once

#include <aos/ump.h>

#include "remote.h"

#define WIRE_CAPS_BYTES    4096u
#define WIRE_RECORDS       (WIRE_CAPS_BYTES / sizeof(struct wire_record))
#define WIRE_CHANNEL_BYTES (REMOTE_BYTES + 2 * WIRE_CAPS_BYTES)

struct wire_record {
    uint64_t info;   /* type | rights << 8 */
    uint64_t tag;    /* which it is (struct fake_export) */
    uint64_t memory; /* 1 + its offset in the file, 0: it has none */
    uint64_t alive;  /* of a loan: 1 + the offset of a word that is not 0 while it lasts; else 0 */
};

/* Maps the file. */
void wire_open(const char *path);
/* Serves the channel at `offset`. */
errval_t wire_serve(struct server *s, uint64_t offset, uint64_t pid, uint32_t flags,
                    struct server_conn **ret_conn);
/* Waits for a ring, and tells all channels. False: the client is gone. */
bool wire_wait(void);
