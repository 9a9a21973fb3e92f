/* What comes for a channel while it is being closed: until the kernel has deleted the end, it
 * delivers. Nothing of that may run, stay, or be found in the waitset afterwards; ASan looks at the
 * memory that was the channel's. */
#include <stdlib.h>

#include <check.h>

#include "../../../libaos/chan/chan_priv.h"
#include "fake.h"
#include "sink.h"

#define EVENT_SLOTS 3u /* more events than one */

static struct sink sink;
static struct lmp_msg coming[8];
static uint32_t coming_count, handled;
static struct chan *closing;
static caddr_t closing_end;

/* The kernel in the middle of deleting the end. */
static void deliver(caddr_t cap)
{
    if (cap != closing_end) {
        return;
    }
    closing_end = 0;
    disp_disable();
    for (uint32_t i = 0; i < coming_count; i++) {
        chan_deliver_disabled((uint64_t)(uintptr_t)closing, &coming[i]);
    }
    disp_enable();
}

/* From now on `c` has an end of a kernel. */
static void will_close(struct chan *c)
{
    closing = c;
    closing_end = fake_cap(CAPTYPE_ENDPOINT, CAP_RIGHTS_ALL);
    c->end = closing_end;
    coming_count = 0;
    fake_destroying = deliver;
    fake_rotations = 0;
}

static void will_come(uint64_t header, bool with_cap)
{
    struct lmp_msg *m = &coming[coming_count++];
    *m = (struct lmp_msg){.header = header | chan_hash(closing)};
    if (with_cap) {
        m->cap = fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL);
        m->cap_info = CAPTYPE_RAM | CAP_RIGHTS_ALL << 8;
    }
}

/* All has come, and nothing is left of it. */
static void is_closed(void)
{
    CHECK_EQ(closing_end, 0);
    fake_destroying = NULL;
    while (waitset_poll(&sink.ws)) {
    }
    chan_tidy();
}

static struct kitchen_sink_binding *connect(void)
{
    struct kitchen_sink_binding *b = malloc(sizeof(*b));
    uint64_t out;
    CHECK(b != NULL);
    CHECK_EQ(binding_open_loop(&b->base, &sink.server.base, &kitchen_sink_client_interface),
             ERR_OK);
    CHECK_EQ(kitchen_sink_one(b, 5, &out), ERR_OK);
    return b;
}

static void start(void)
{
    fake_start();
    sink_init(&sink);
    handled = 0;
}

static void end(void)
{
    sink_deinit(&sink);
    chan_tidy();
    fake_check_clean();
}

static void requests_to_a_closed_connection(void)
{
    start();
    struct kitchen_sink_binding *b = connect();
    struct server_conn *conn = server_conn_next(&sink.server.base, NULL);
    uint32_t calls = sink.calls;
    will_close(&conn->chan);
    will_come(MSG_HEADER(1, MSG_CALL, 1, 0), false);
    will_come(MSG_HEADER(2, MSG_CALL, 1, 1), true);
    will_come(MSG_HEADER(2, MSG_CALL, 0, 3), true); /* the first of several */
    will_come(MSG_HEADER(3, MSG_ONEWAY, 0, 0), false);
    will_come(MSG_HEADER(CHAN_CONTROL_CANCEL, MSG_CONTROL, 0, 0), false);
    will_come(KPI_CONTROL_HEADER(KPI_CONTROL_PEER_GONE), false);
    server_conn_close(conn);
    is_closed();
    CHECK_EQ(fake_rotations, 2);
    CHECK_EQ(sink.calls, calls);
    kitchen_sink_close(b);
    free(b);
    end();
}

static void count_low(void *arg, uint64_t free_bytes)
{
    (void)arg;
    (void)free_bytes;
    handled++;
}

static void count_gone(void *arg)
{
    (void)arg;
    handled++;
}

static void wait_done(void *arg, errval_t err, const char *answer, size_t answer_len)
{
    (void)answer;
    (void)answer_len;
    CHECK_EQ(err, RPC_ERR_CANCELLED);
    (*(uint32_t *)arg)++;
}

static void answers_to_a_closed_binding(void)
{
    static const struct kitchen_sink_event_ops ops = {.on_low = count_low};
    start();
    struct kitchen_sink_binding *b = connect();
    uint32_t done = 0;
    kitchen_sink_set_events(b, &sink.ws, &ops, NULL);
    binding_on_peer_gone(&b->base, count_gone, NULL);
    CHECK_EQ(kitchen_sink_subscribe_low(b, true), ERR_OK);
    CHECK_EQ(kitchen_sink_wait_cb(b, 1, wait_done, &done), ERR_OK);
    const struct pending *p = NULL;
    for (uint32_t i = 0; i < CHAN_CALLS_MAX; i++) {
        p = b->base.pending[i].state == PENDING_WAITING ? &b->base.pending[i] : p;
    }
    CHECK(p != NULL);
    will_close(&b->base.chan);
    for (uint32_t i = 0; i < EVENT_SLOTS; i++) {
        will_come(MSG_HEADER(KITCHEN_SINK_LOW_ORDINAL, MSG_EVENT, 1, i & 1u), i == 1);
    }
    will_come(MSG_HEADER(0, MSG_REPLY, 1, 1) | p->tx, true);
    will_come(KPI_CONTROL_HEADER(KPI_CONTROL_PEER_GONE), false);
    kitchen_sink_close(b);
    memset(b, 0xa5, sizeof(*b));
    free(b);
    is_closed();
    CHECK_EQ(fake_rotations, 2);
    CHECK_EQ(handled, 0);
    CHECK_EQ(done, 1);
    end();
}

/* What was to be told when it came, and is not any more. */
static void a_gone_binding_that_is_closed(void)
{
    start();
    struct kitchen_sink_binding *b = connect();
    binding_set_waitset(&b->base, &sink.ws);
    binding_on_peer_gone(&b->base, count_gone, NULL);
    const struct lmp_msg gone = {.header = KPI_CONTROL_HEADER(KPI_CONTROL_PEER_GONE)};
    disp_disable();
    chan_deliver_disabled((uint64_t)(uintptr_t)b, &gone);
    disp_enable();
    kitchen_sink_close(b);
    memset(b, 0xa5, sizeof(*b));
    free(b);
    while (waitset_poll(&sink.ws)) {
    }
    CHECK_EQ(handled, 0);
    end();
}

static void heard(struct chan *c, const struct lmp_msg *msg)
{
    (void)msg;
    handled++;
    chan_ready_disabled(c);
}

static void an_event_of_a_closed_source(void)
{
    start();
    fake_listener = heard;
    struct event_source *e = malloc(sizeof(*e));
    CHECK(e != NULL);
    *e = (struct event_source){.handler = count_gone};
    chan_open(&e->chan, CHAN_SOURCE, 0, &sink.ws);
    will_close(&e->chan);
    will_come(KPI_CONTROL_HEADER(KPI_CONTROL_EVENT), false);
    chan_close(&e->chan);
    memset(e, 0xa5, sizeof(*e));
    free(e);
    is_closed();
    fake_listener = NULL;
    CHECK_EQ(handled, 0);
    end();
}

int main(void)
{
    const struct check_test tests[] = {
        {"STUB1001 requests to a connection that is being closed", requests_to_a_closed_connection},
        {"STUB1002 answers and events to a binding that is", answers_to_a_closed_binding},
        {"STUB1003 an event of a source that is", an_event_of_a_closed_source},
        {"STUB1004 the end of the peer of a binding that is closed", a_gone_binding_that_is_closed},
    };
    return CHECK_MAIN(tests);
}
