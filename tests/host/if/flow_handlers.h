/* A server of flow.if: of its calls some wait until they are told to end. */
#pragma once

#include <if/flow.h>
#include <if/flow_server.h>

/* A stream that is being served. */
struct flow_source {
    struct flow *flow;
    struct flow_count_sink count; /* one of the three is in use */
    struct flow_texts_sink texts;
    struct flow_frames_sink frames;
    uint32_t next, to;
    errval_t last; /* what the last put returned */
};

#define FLOW_SOURCES 8u
#define FLOW_BREAKS  1000000u /* a count to this breaks off... */
#define FLOW_BREAK   5u       /* ...after as many */

struct flow {
    struct waitset *ws;
    struct flow_server server;
    struct flow_park_responder parked[FLOW_PARKED_MAX];
    void (*in_park)(void); /* run by the handler of park, before it defers */
    uint32_t calls;        /* handlers that ran */
    struct flow_source sources[FLOW_SOURCES];
    bool manual;                              /* handlers of streams leave the items to the test */
    errval_t (*make_frame)(caddr_t *ret_cap); /* for `frames` */
    uint32_t peers_gone;
    uint32_t dropped;
    uint32_t lie;    /* so much more than there is do results claim to hold */
    bool hand_later; /* the handler of hand leaves the answer to the test */
    struct flow_hand_responder hand;
    caddr_t gift; /* of this hand */
};

/* Clears `f` and serves flow with the waitset `ws`. */
void flow_init(struct flow *f, struct waitset *ws);
/* Puts what can be put, and finishes the stream when there is no more, or nobody to read it. */
void flow_pump(void *source);
/* Answers what is parked, finishes all streams and closes all connections. */
void flow_deinit(struct flow *f);

/* What is given away is gone from its slot, and the slot free, also when a request is refused
 * before it is sent: all forms of calls, in flow_moved.c. `make` makes a capability, `gone` says
 * whether its slot is free. Returns NULL, or what is not so. Closes `b`; `other` is a second
 * binding. */
const char *flow_moved(struct flow_binding *b, struct flow_binding *other,
                       errval_t (*make)(caddr_t *ret_cap), bool (*gone)(caddr_t cap));
