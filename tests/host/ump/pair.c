/* Both sides of UMP channels in one process: what the monitors and the doorbells of a machine do,
 * done at once. */
#include <check.h>

#include "../../../libaos/chan/ump_priv.h"
#include "../if/carrier.h"
#include "../if/fake.h"

#define PAIRS    256u
#define CAPS_MAX 64u

/* Capabilities on their way in one direction. */
struct caps {
    uint64_t sent, received;
    uint64_t asked; /* 1 + the index that was asked for once */
    caddr_t cap[CAPS_MAX];
    uint32_t info[CAPS_MAX];
};

struct side {
    struct side *peer;
    struct chan *chan;
    const struct server *server; /* whose connection the channel is; NULL: a client's */
    struct caps caps; /* to this side */
    struct work rung;
};

struct pair {
    _Alignas(64) uint8_t frame[2][UMP_FRAME_BYTES_MIN];
    struct side client, server;
};

static struct pair *pairs[PAIRS];
static uint32_t pairs_count;

/* A doorbell of a connection that was closed rings nowhere. */
static bool side_is_there(const struct side *s)
{
    const struct server_conn *conn = NULL;
    if (s->chan == NULL || s->server == NULL) {
        return s->chan != NULL;
    }
    do {
        conn = server_conn_next(s->server, conn);
    } while (conn != NULL && (const struct chan *)(const void *)conn != s->chan);
    return conn != NULL;
}

static void side_bell(void *ctx)
{
    struct side *s = ctx;
    CHECK(disp_is_disabled());
    if (side_is_there(s->peer)) {
        ump_rung_disabled(s->peer->chan);
    }
}

static void side_rung(void *arg)
{
    struct side *s = arg;
    disp_disable();
    ump_rung_disabled(s->chan);
    disp_enable();
}

static errval_t side_cap_send(void *ctx, uint64_t index, struct msg_cap cap)
{
    struct caps *caps = &((struct side *)ctx)->peer->caps;
    CHECK(!disp_is_disabled());
    CHECK_EQ(index, caps->sent);
    CHECK(caps->sent - caps->received < CAPS_MAX);
    uint64_t at = caps->sent % CAPS_MAX;
    errval_t err = chan_loop_cap(cap, &caps->cap[at], &caps->info[at]);
    if (err_is_ok(err)) {
        caps->sent++;
    }
    return err;
}

/* Late every time: the first to ask hears that it has not come yet. */
static errval_t side_cap_recv(void *ctx, uint64_t index, caddr_t *ret_cap, uint32_t *ret_info)
{
    struct side *s = ctx;
    struct caps *caps = &s->caps;
    CHECK(disp_is_disabled());
    CHECK_EQ(index, caps->received);
    if (caps->asked != index + 1) {
        caps->asked = index + 1;
        waitset_post_disabled(fake_waitset, &s->rung);
        return RPC_ERR_AGAIN;
    }
    CHECK(index < caps->sent);
    *ret_cap = caps->cap[index % CAPS_MAX];
    *ret_info = caps->info[index % CAPS_MAX];
    caps->received++;
    return ERR_OK;
}

/* What is still on its way to who closes goes with the way. */
static void side_closed(void *ctx)
{
    struct caps *caps = &((struct side *)ctx)->caps;
    for (; caps->received != caps->sent; caps->received++) {
        CHECK_EQ(cap_destroy(caps->cap[caps->received % CAPS_MAX]), ERR_OK);
    }
}

static const struct ump_caps_ops caps_ops = {side_cap_send, side_cap_recv};
static const struct ump_bell_ops bell_ops = {side_bell};

errval_t carrier_open(struct binding *b, struct server *server,
                      const struct client_interface *iface)
{
    struct pair *p = aligned_alloc(64, sizeof(*p));
    CHECK(p != NULL && pairs_count < PAIRS);
    pairs[pairs_count++] = p;
    memset(p, 0, sizeof(*p));
    p->client.peer = &p->server;
    p->server.peer = &p->client;
    p->client.chan = &b->chan;
    p->client.rung = (struct work){side_rung, &p->client, NULL, false};
    p->server.rung = (struct work){side_rung, &p->server, NULL, false};
    struct ump_config config = {.out = p->frame[0],
                                .in = p->frame[1],
                                .out_bytes = UMP_FRAME_BYTES_MIN,
                                .in_bytes = UMP_FRAME_BYTES_MIN,
                                .spin = 3,
                                .caps = &caps_ops,
                                .bell = &bell_ops,
                                .closed = side_closed,
                                .ctx = &p->server};
    struct server_conn *conn;
    config.out = p->frame[1];
    config.in = p->frame[0];
    errval_t err = server_add_ump(server, &config, 0, 0, &conn);
    if (err_is_fail(err)) {
        return err;
    }
    p->server.chan = &conn->chan;
    p->server.server = server;
    config.out = p->frame[0];
    config.in = p->frame[1];
    config.ctx = &p->client;
    return binding_open_ump(b, &config, iface);
}
