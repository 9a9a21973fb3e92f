/* server [INTERFACE] FILE: serves kitchen_sink, flow or talk over the channels in FILE (wire.h);
 * rings come in as bytes on standard input and go out on standard output. Ends when the first
 * channel is closed or the client is gone; then everything must be clean. */
#include <check.h>
#include <signal.h>
#include <string.h>

#include "../if/fake.h"
#include "../if/flow_handlers.h"
#include "../if/sink.h"
#include "../if/talk_handlers.h"
#include "wire.h"

static struct waitset ws; /* of flow and talk */
static struct sink sink;
static struct flow flow;
static struct talk_state talk;

/* Borrowers keep what they get, as far as they can. */
static struct server *sink_start(void)
{
    sink_init(&sink);
    sink.keep_caps = true;
    return &sink.server.base;
}

static void sink_stop(void)
{
    uint8_t unused = 0;
    kitchen_sink_wait_reply(&sink.waiting, ERR_OK, "", 0); /* nobody hears it */
    kitchen_sink_later_reply(&sink.later, ERR_OK, 0, &unused);
    kitchen_sink_hold_reply(&sink.holding, ERR_OK, 0);
    sink_deinit(&sink);
}

static errval_t make_frame(caddr_t *ret_cap)
{
    *ret_cap = fake_cap(CAPTYPE_FRAME, CAP_RIGHTS_ALL);
    return ERR_OK;
}

static struct server *flow_start(void)
{
    flow_init(&flow, &ws);
    flow.make_frame = make_frame;
    return &flow.server.base;
}

static void flow_stop(void)
{
    flow_deinit(&flow);
}

static struct server *talk_start(void)
{
    talk_init(&talk, &ws);
    return &talk.lobby.base;
}

static void talk_stop(void)
{
    talk_server_deinit(&talk.lobby);
    while (server_conn_next(&talk.seats.base, NULL) != NULL) {
        CHECK(waitset_poll(&ws) || wire_wait() || waitset_poll(&ws));
    }
    talk_seat_server_deinit(&talk.seats);
}

static const struct {
    const char *name;
    struct waitset *ws;
    struct server *(*start)(void);
    void (*stop)(void);
} services[] = {
    {"kitchen_sink", &sink.ws, sink_start, sink_stop},
    {"flow", &ws, flow_start, flow_stop},
    {"talk", &ws, talk_start, talk_stop},
};

int main(int argc, char **argv)
{
    CHECK(argc == 2 || argc == 3);
    uint32_t which = 0;
    while (argc == 3 && strcmp(services[which].name, argv[1]) != 0) {
        which++;
        CHECK(which < sizeof(services) / sizeof(services[0]));
    }
    signal(SIGPIPE, SIG_IGN);
    fake_start();
    wire_open(argv[argc - 1]);
    waitset_init(&ws);
    fake_waitset = services[which].ws;
    struct server *server = services[which].start();
    struct server_conn *conn;
    CHECK_EQ(wire_serve(server, 0, FAKE_PID, 0, &conn), ERR_OK);
    for (;;) {
        while (waitset_poll(services[which].ws)) {
        }
        if (server_conn_next(server, NULL) == NULL) {
            break;
        }
        (void)wire_wait();
    }
    services[which].stop();
    chan_tidy();
    fake_waitset = NULL;
    fake_check_clean();
    return 0;
}
