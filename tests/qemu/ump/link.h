/* What a ring needs beside its frames, made of an LMP channel between the two domains: an empty
 * message rings, one with a capability brings the next one, and its end is that of the peer. So it
 * works between domains of one core; between cores monitors do this. */
#pragma once

#include <aos/raw.h>
#include <aos/ump.h>

#define LINK_CAPS 16u

struct link {
    struct raw_chan raw;
    struct chan *chan;               /* of the ring; NULL: not open */
    uint64_t rings;                  /* sent */
    caddr_t caps[LINK_CAPS];         /* come, and not asked for yet; only while disabled */
    uint32_t caps_info[LINK_CAPS];
    uint64_t caps_got, caps_given;
};

/* Takes `end`, whatever it returns. Sets bell, caps and ctx of `config`. */
errval_t link_open(struct link *l, caddr_t end, struct waitset *ws, struct ump_config *config);
/* From now on what comes is for this channel. */
void link_connect(struct link *l, struct chan *chan);
void link_close(struct link *l);
