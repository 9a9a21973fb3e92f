/* UMP: the carrier between cores. A channel is two frames of shared memory, one per direction, each
 * written by one side only (libaos/chan/ump_ring.h describes the bytes), and two things that need
 * more than memory: capabilities, and waking a peer that sleeps. Bindings and connections over it
 * are used like all others.
 *
 * The frames are zero before either side opens, and stay mapped as long as the channel is open on
 * this side. If ump_frames_map has mapped them, whoever they belong to may take them away at any
 * time: the channel ends as if the peer had died, at the next look at it. A client may call before
 * the server has opened its side: the requests wait in the frame. */
#pragma once

#include <aos/binding.h>
#include <aos/server.h>

#define UMP_FRAME_BYTES_MIN 4096u
#define UMP_FRAME_BYTES_MAX 32768u
/* Looks at an empty ring before it is left alone: about as many instructions as going to sleep and
 * being rung take both sides. So who looks in vain has paid twice what sleeping at once would have
 * cost, never more. */
#define UMP_SPIN_DEFAULT    200u
#define UMP_SPIN_NONE       UINT32_MAX

/* How capabilities travel. Message number `index` (from 0, of all that this direction sent with a
 * capability) goes with capability number `index` of the same direction. */
struct ump_caps_ops {
    /* Sends. In thread context; an error: the capability is where it was and nothing was sent.
     * After success a moved one is gone from its slot. SYS_ERR_LMP_FULL: ump_rung_disabled is
     * called when there is room again. */
    errval_t (*send)(void *ctx, uint64_t index, struct msg_cap cap);
    /* Receives into a fresh slot, 0 if the capability did not survive its way. Disabled.
     * RPC_ERR_AGAIN: it has not come yet; when it comes, ump_rung_disabled is called. Any other
     * error ends the channel. */
    errval_t (*recv)(void *ctx, uint64_t index, caddr_t *ret_cap, uint32_t *ret_info);
};

/* How a sleeping peer is woken: it calls ump_rung_disabled some time later. Disabled; may be called
 * without need. */
struct ump_bell_ops {
    void (*ring)(void *ctx);
};

struct ump_config {
    void *out;                       /* the frame that this side writes */
    const void *in;                  /* the one that the peer writes; read-only is enough */
    uint32_t out_bytes, in_bytes;    /* UMP_FRAME_BYTES_MIN to _MAX */
    uint32_t spin;                   /* 0: UMP_SPIN_DEFAULT */
    const struct ump_caps_ops *caps; /* NULL: messages with capabilities are refused */
    const struct ump_bell_ops *bell; /* NULL: the peer never sleeps */
    /* The channel is closed on this side: nothing of `ctx` is used any more but by `freed`, when
     * nobody looks at the channel any more. In thread context; NULL: nobody wants to know. */
    void (*closed)(void *ctx);
    void (*freed)(void *ctx);
    void *ctx;
};

/* Maps two frames for a channel, their first bytes, of which `out` needs to be writable, and sets
 * `out`, `in` and their bytes in `ret_config`. The capabilities stay the caller's, who need not
 * keep them. In thread context. LIB_ERR_RANGE: sizes; LIB_ERR_NO_ADDRESS: there are too many. */
errval_t ump_frames_map(caddr_t out, uint32_t out_bytes, caddr_t in, uint32_t in_bytes,
                        struct ump_config *ret_config);
/* The same for both rings in one frame, of `bytes` bytes each. `first`: this side writes the first,
 * and so not the second. */
errval_t ump_rings_map(caddr_t frame, uint32_t bytes, bool first, struct ump_config *ret_config);
/* After the channel was closed: undoes either. */
void ump_frames_unmap(const struct ump_config *config);

/* As binding_open. LIB_ERR_RANGE: a frame is too small or too large. */
errval_t binding_open_ump(struct binding *b, const struct ump_config *config,
                          const struct client_interface *iface);
/* As server_add_end: serves what comes in `config->in` for the domain `pid`. */
errval_t server_add_ump(struct server *s, const struct ump_config *config, uint64_t pid,
                        uint32_t flags, struct server_conn **ret_conn);

struct chan *ump_conn_chan(struct server_conn *conn);

/* The doorbell of this channel was rung, perhaps for another, or a capability came: wakes who waits
 * if there is something. Disabled. */
void ump_rung_disabled(struct chan *c);
/* The broker says that the peer has died. Disabled. */
void ump_peer_died_disabled(struct chan *c);

/* Where this domain gets the Notify by which it is rung for rings to other cores (libaos/chan,
 * remote.c): `make` is asked once, when it is needed. Without one bells go by way of the monitors.
 */
void ump_set_notify(errval_t (*make)(caddr_t *ret_notify));
