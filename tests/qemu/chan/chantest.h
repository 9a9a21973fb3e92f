/* A server of bench.if, with a way to make it slow, silent or gone. */
#pragma once

#include <aos/thread.h>
#include <if/bench_server.h>

/* What `borrow` tried to keep. */
struct chantest_hoard {
    caddr_t frame, slots, ends[2]; /* three slots */
    volatile uint64_t *va;
    uint64_t seen; /* the first word of the frame */
    uint8_t rights;
};

struct chantest_server {
    struct waitset ws;
    struct bench_server server;
    struct thread *thread;
    bool silent; /* `zero` is deferred for ever */
    struct bench_zero_responder silenced;
    uint32_t calls;
    uint32_t peers_gone;
    struct work close;
    bool hoards;
    struct chantest_hoard hoard;
    void (*between)(void); /* runs between two copies of lent memory */
};

/* What `give` writes. */
static inline uint8_t chantest_byte(uint64_t at)
{
    return (uint8_t)(at * 7 + (at >> 8) + (at >> 16));
}

extern struct chantest_server chantest_server;
void chantest_serve(void);
