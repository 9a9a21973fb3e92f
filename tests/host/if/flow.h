/* A server of flow.if: of its calls some wait until they are told to end. */
#pragma once

#include <if/flow_server.h>

struct flow {
    struct waitset *ws;
    struct flow_server server;
    struct flow_park_responder parked[FLOW_PARKED_MAX];
    void (*in_park)(void); /* run by the handler of park, before it defers */
    uint32_t calls;        /* handlers that ran */
    uint32_t peers_gone;
    uint32_t dropped;
};

/* Clears `f` and serves flow with the waitset `ws`. */
void flow_init(struct flow *f, struct waitset *ws);
/* Answers what is parked and closes all connections. */
void flow_deinit(struct flow *f);
