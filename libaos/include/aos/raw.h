/* One end of a channel as it is: whole messages in, whole messages out, whoever speaks on it. For
 * monitors, which pass messages on, and for the lifeline beside a ring (libaos/chan/remote.c).
 * Everything else uses binding.h and server.h. */
#pragma once

#include <aos/chan.h>

#define RAW_QUEUE_MAX 16u /* messages that came and were not handled; more wait in the kernel */

struct raw_chan {
    struct chan chan; /* first: its address is the cookie */
    /* One message, in the waitset; its capability is the callee's. The end of the peer, which comes
     * once and last, is header KPI_CONTROL_HEADER(KPI_CONTROL_PEER_GONE). The callee may close the
     * channel. */
    void (*message)(struct raw_chan *r, const struct lmp_msg *msg);
    /* Set after raw_open, or NULL: a send that failed with SYS_ERR_LMP_FULL is worth another try:
     * half of the channel is free, or the peer has ended. In the waitset, whether the channel is
     * held or not; it may close the channel. */
    void (*writable)(struct raw_chan *r);
    /* Not NULL: called instead, disabled, as soon as a message has come. It must not close. Then
     * room is a message, too: KPI_CONTROL_HEADER(KPI_CONTROL_ROOM). */
    void (*arrived_disabled)(struct raw_chan *r, const struct lmp_msg *msg);
    void *arg;
    struct lmp_msg *queue; /* of RAW_QUEUE_MAX; NULL with arrived_disabled */
    uint32_t head, count;
    bool held; /* raw_hold */
    bool room; /* `writable` is due */
};

/* Binds `end` and hands what comes to `message`, in `ws`. Takes the end, whatever it returns. The
 * struct is the caller's memory until raw_close. */
errval_t raw_open(struct raw_chan *r, struct waitset *ws, caddr_t end,
                  void (*message)(struct raw_chan *r, const struct lmp_msg *msg), void *arg);
/* Sends without waiting. On success a moved capability and its slot are gone; SYS_ERR_LMP_*:
 * nothing was sent, the capability is where it was. */
errval_t raw_send(struct raw_chan *r, const struct lmp_msg *msg, struct msg_cap cap);
/* `hold`: no message is handed out until this is called without. Who sends meanwhile finds the
 * channel full, soon. */
void raw_hold(struct raw_chan *r, bool hold);
/* Nothing is handled any more; the peer sees the end. */
void raw_close(struct raw_chan *r);
/* This side made the channel: its memory comes back here after the close. */
void raw_own_ram(struct raw_chan *r);

/* The header of an answer that says that the call with header `request` failed; its first word is
 * the error. */
static inline uint64_t raw_error_header(uint64_t request)
{
    return (request & (MSG_ORDINAL_MASK | MSG_FLEXIBLE | MSG_TXID_MASK | MSG_HASH_MASK)) |
           MSG_HEADER(0, MSG_ERROR, 1, 0);
}
