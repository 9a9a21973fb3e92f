/* What the tests of flow.if share: a client and a server, with a waitset each. */
#pragma once

#include <aos/time.h>
#include <check.h>

#include "carrier.h"
#include "../../../libaos/chan/chan_priv.h"
#include "fake.h"
#include "flow_handlers.h"

static struct flow flow;
static struct flow_binding b;
static struct waitset server_ws, client_ws;
static uint32_t clients; /* of which the server sees the end before it ends itself */

/* Takes what has arrived for the client, which over rings is there when somebody looks. */
static inline bool look(void)
{
    bool some = false;
    disp_disable();
    while (b.base.chan.state == CHAN_OPEN && chan_poll_disabled(&b.base.chan)) {
        some = true;
    }
    disp_enable();
    return some;
}

static inline void serve(void)
{
    while (waitset_poll(&server_ws) || look()) {
    }
}

static inline void run(void)
{
    while (waitset_poll(&client_ws)) {
    }
}

static inline errval_t make_frame(caddr_t *ret_cap)
{
    *ret_cap = fake_cap(CAPTYPE_FRAME, CAP_RIGHTS_ALL);
    return ERR_OK;
}

static inline void start(void)
{
    fake_start();
    clients = 1;
    waitset_init(&server_ws);
    waitset_init(&client_ws);
    flow_init(&flow, &server_ws);
    flow.make_frame = make_frame;
    fake_waitset = &server_ws;
    CHECK_EQ(carrier_open(&b.base, &flow.server.base, &flow_client_interface), ERR_OK);
    binding_set_waitset(&b.base, &client_ws);
}

static inline void end(void)
{
    flow_close(&b);
    serve();
    CHECK_EQ(flow.peers_gone, clients);
    flow_deinit(&flow);
    chan_tidy();
    fake_waitset = NULL;
    fake_check_clean();
}

static inline uint32_t taken(void)
{
    uint32_t count = 0;
    (void)look();
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        count += b.base.pending[i].state != PENDING_FREE;
    }
    return count;
}
