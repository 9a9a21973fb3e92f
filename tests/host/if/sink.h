/* The server of kitchen_sink that the tests call. */
#pragma once

#include <if/kitchen_sink_server.h>

struct sink {
    struct waitset ws;
    struct kitchen_sink_server server;
    struct kitchen_sink_wait_responder waiting;
    uint64_t poked;
    char posted[201];
    uint32_t peers_gone;
    uint32_t calls; /* handlers that ran */
    bool keep_caps; /* handlers take what they get */
    caddr_t kept[16];
    uint32_t kept_count;
};

void sink_init(struct sink *s);
void sink_deinit(struct sink *s);
