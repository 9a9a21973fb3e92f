/* Between the files of ringtest. */
#pragma once

#include <if/rings.h>
#include <if/rings_server.h>

#include "link.h"

#define RING_BYTES UMP_FRAME_BYTES_MIN

/* A ring that this domain has made, as a client. */
struct ring {
    struct link link;
    struct ump_config config;
    caddr_t frames[2];               /* own, peer's */
    struct rings_binding b;
    bool opened;                     /* `b` */
};

/* The second domain: serves the grant `rings` until its end. */
int ring_serve(void);
/* Its pid, and a binding to it over LMP. */
errval_t ring_spawn(struct rings_binding *setup, uint32_t *ret_pid);
/* Two fresh frames, mapped as `r->config` says, and an open link; `ret_bell` is for the peer. */
errval_t ring_make(struct ring *r, struct waitset *ws, caddr_t *ret_bell);
/* A ring to the server behind `setup`; spins as in aos/ump.h. */
errval_t ring_open(struct ring *r, struct rings_binding *setup, uint32_t spin, uint32_t peer_spin);
void ring_close(struct ring *r);

/* Writes rubbish into the frame `out`: lines like those of `in`, some of them spoilt, and
 * everything else that stands in a frame. */
void ring_attack(uint8_t *out, const uint8_t *in, uint64_t seed, uint32_t rounds);
