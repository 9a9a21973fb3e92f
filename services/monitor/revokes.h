/* Revokes that take other cores: those for which the protocol (caps.h) has no room, or whose object
 * another core is just revoking, wait for their turn. For init's main thread. */
#pragma once

#include <aos/waitset.h>

#include "caps.h"

/* One of them; the caller's, with all but `next` filled in, until `done`. */
struct revoke {
    struct revoke *next;                 /* of those that wait */
    caddr_t root, cap;                   /* as of caps_revoke */
    uint64_t off, bytes;                 /* of caps_revoke_part; no bytes: all of it */
    caps_done_fn done;                   /* called once, maybe at once */
    void *arg;
};

void revokes_init(struct waitset *ws);
void revokes_begin(struct revoke *r);
