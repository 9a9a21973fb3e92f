/* One side of a UMP channel whose other side is another process. The two frames stand in memory
 * that both have mapped, the client's first; doorbells are bytes in pipes, and the end of a pipe is
 * what a monitor would say: the peer has died. No capabilities. */
#pragma once

#include <aos/ump.h>

#define REMOTE_FRAME_BYTES 8192u
#define REMOTE_BYTES       (2 * REMOTE_FRAME_BYTES)

struct remote {
    uint8_t *frames;
    int bell_in, bell_out;
    bool server;
    struct chan *chan; /* set when it is open */
};

/* Fresh frames, shared with children. */
uint8_t *remote_frames(void);
struct ump_config remote_config(struct remote *r, uint32_t spin);
/* Waits for a ring. False: the peer is gone. */
bool remote_wait(struct remote *r);
/* Serves kitchen_sink to the client until it is gone; then everything must be clean. */
void remote_serve(struct remote *r, uint32_t spin);
