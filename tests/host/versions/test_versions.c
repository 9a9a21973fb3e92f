/* Every version of interface evolving as a client of every version as a server. */
#include <check.h>

#include "../if/fake.h"
#include "side.h"

#define SIDES  3u
#define PUT    8u /* ordinals, for raw messages */
#define NUDGE  9u
#define EXTRA  11u
#define NOTE   12u
#define SWAP   13u

static const struct side *const sides[SIDES] = {&evolving_v1, &evolving_v2, &evolving_v3};
static struct side_state state;
static struct side_client client;
static struct waitset server_ws, client_ws;

static void run(void)
{
    for (bool busy = true; busy;) {
        busy = waitset_poll(&server_ws);
        busy = waitset_poll(&client_ws) || busy;
    }
}

static void start_as(const struct client_interface *iface, const struct side *c,
                     const struct side *s)
{
    fake_start();
    waitset_init(&server_ws);
    waitset_init(&client_ws);
    fake_waitset = &server_ws;
    state = (struct side_state){0};
    client.changed = client.extra = client.note = 0;
    s->serve(&state, &server_ws);
    CHECK_EQ(binding_open_loop(&client.binding, &state.server, iface), ERR_OK);
    CHECK_EQ(client.binding.version, s->version);
    CHECK_EQ(c->listen(&client, &client_ws), ERR_OK);
}

static void start(const struct side *c, const struct side *s)
{
    start_as(c->client, c, s);
}

static void end(void)
{
    binding_close(&client.binding);
    run();
    server_deinit(&state.server);
    fake_check_clean();
}

static bool older(const struct side *s, uint32_t since)
{
    return s->version < since;
}

static void pairs(void (*test)(const struct side *c, const struct side *s))
{
    for (uint32_t c = 0; c < SIDES; c++) {
        for (uint32_t s = 0; s < SIDES; s++) {
            start(sides[c], sides[s]);
            test(sides[c], sides[s]);
            end();
        }
    }
}

/* A newer method: on an older server it fails, and nothing was sent. */
static void check_since(const struct side *s, uint32_t since, errval_t err, uint32_t calls_before)
{
    if (older(s, since)) {
        CHECK_EQ(err, RPC_ERR_VERSION);
        CHECK_EQ(state.calls, calls_before);
    } else {
        CHECK_EQ(err, ERR_OK);
    }
}

static void old_methods(const struct side *c, const struct side *s)
{
    uint64_t sum = 0;
    CHECK_EQ(c->add(&client, 100, 50, &sum), ERR_OK);
    CHECK_EQ(sum, 150);
    CHECK_EQ(c->poke(&client, 5), ERR_OK);
    run();
    CHECK_EQ(state.pokes, 5);
    CHECK_EQ(c->fire(&client, 7), ERR_OK);
    run();
    CHECK_EQ(client.changed, 7);
    CHECK_EQ(state.calls, 3);
    (void)s;
}

static void old_methods_of_all_pairs(void)
{
    pairs(old_methods);
}

/* Newer servers take more. Their results are within what older clients expect. */
static void constraints(const struct side *c, const struct side *s)
{
    uint64_t sum = 0;
    CHECK_EQ(c->add(&client, 150, 0, &sum), s->version < 2 ? RPC_ERR_MALFORMED : ERR_OK);
    CHECK_EQ(c->add(&client, 0, 0, &sum), s->version < 3 ? RPC_ERR_MALFORMED : ERR_OK);
    CHECK_EQ(c->add(&client, 1, 80, &sum), s->version < 2 ? RPC_ERR_MALFORMED : ERR_OK);
    /* 600 is a result that version 1 allowed: newer clients do not. */
    errval_t err = c->add(&client, 600, 0, &sum);
    CHECK_EQ(err, s->version < 3 ? RPC_ERR_MALFORMED
                                 : c->version > 1 ? RPC_ERR_BAD_REPLY : ERR_OK);
}

static void constraints_of_all_pairs(void)
{
    pairs(constraints);
}

static void values(const struct side *c, const struct side *s)
{
    uint8_t kind = 0;
    uint16_t mode = 0;
    CHECK_EQ(c->kind_of(&client, &kind, &mode), ERR_OK);
    CHECK_EQ(state.kind, c->kind);
    CHECK_EQ(state.mode, c->mode);
    CHECK_EQ(kind, s->kind);
    CHECK_EQ(mode, s->mode);
}

static void values_of_all_pairs(void)
{
    pairs(values);
}

static void tables(const struct side *c, const struct side *s)
{
    uint32_t common = c->fields < s->fields ? c->fields : s->fields;
    uint32_t seen = 0, back = 0;
    CHECK_EQ(c->prefer(&client, &seen, &back), ERR_OK);
    CHECK_EQ(seen, common);
    CHECK_EQ(back, common);
}

static void tables_of_all_pairs(void)
{
    pairs(tables);
}

static void unions(const struct side *c, const struct side *s)
{
    uint32_t seen = 9, back = 9;
    CHECK_EQ(c->aim(&client, &seen, &back), ERR_OK);
    CHECK_EQ(seen, c->version > 1 && s->version == 1 ? 0 : c->member);
    CHECK_EQ(back, s->version > 1 && c->version == 1 ? 0 : s->member);
}

static void unions_of_all_pairs(void)
{
    pairs(unions);
}

static void new_methods(const struct side *c, const struct side *s)
{
    if (c->nudge == NULL) {
        return;
    }
    for (uint32_t form = 0; form < SIDE_FORMS; form++) {
        uint32_t old = 77, calls = state.calls, tx = client.binding.chan.tx;
        errval_t err = c->put[form](&client, form, &old);
        run();
        check_since(s, 2, err, calls);
        CHECK_EQ(old, older(s, 2) ? 77 : form + s->version);
        CHECK_EQ(client.binding.chan.tx == tx, older(s, 2));
    }
    uint32_t calls = state.calls;
    errval_t err = c->nudge(&client, 3);
    run();
    check_since(s, 2, err, calls);
    CHECK_EQ(state.nudges, older(s, 2) ? 0 : 3);
    if (c->swap != NULL) {
        uint64_t before = 5;
        calls = state.calls;
        err = c->swap(&client, 6, &before);
        check_since(s, 3, err, calls);
        CHECK_EQ(before, older(s, 3) ? 5 : 0);
    }
    CHECK_EQ(c->poke(&client, 1), ERR_OK);
    run();
    CHECK_EQ(state.pokes, 1);
}

static void new_methods_of_all_pairs(void)
{
    pairs(new_methods);
}

/* What a call would have given away is gone, also if the server is too old for it. */
static void moved_capabilities(const struct side *c, const struct side *s)
{
    if (c->keep == NULL) {
        return;
    }
    const caddr_t cap = fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL);
    const caddr_t more[2] = {fake_cap(CAPTYPE_RAM, CAP_RIGHTS_ALL),
                             fake_cap(CAPTYPE_FRAME, CAP_RIGHTS_ALL)};
    errval_t err = c->keep(&client, cap, more, 2);
    check_since(s, 3, err, 0);
    run();
    CHECK(fake_slot_is_empty(cap) && fake_slot_is_empty(more[0]) && fake_slot_is_empty(more[1]));
}

static void moved_capabilities_of_all_pairs(void)
{
    pairs(moved_capabilities);
}

/* A flexible oneway goes to every server; one that does not know it skips it. */
static void flexible_oneways(const struct side *c, const struct side *s)
{
    if (c->hint == NULL) {
        return;
    }
    static const char text[] = "so long that it needs the message area: more than sixty-four bytes";
    for (uint32_t i = 0; i < 3 * CHAN_CALLS_MAX; i++) { /* its slot comes back */
        CHECK_EQ(c->hint(&client, 0, i % 2 != 0 ? text : ""), ERR_OK);
        run();
    }
    const uint64_t expected = 3 * CHAN_CALLS_MAX / 2 * (sizeof(text) - 1);
    CHECK_EQ(state.hints, older(s, 2) ? 0 : expected);
    CHECK_EQ(c->poke(&client, 1), ERR_OK);
    run();
    CHECK_EQ(state.pokes, 1);
}

static void flexible_oneways_of_all_pairs(void)
{
    pairs(flexible_oneways);
}

static void new_events(const struct side *c, const struct side *s)
{
    if (c->subscribe_extra == NULL) {
        return;
    }
    check_since(s, 2, c->subscribe_extra(&client), 0);
    check_since(s, 2, c->subscribe_note(&client), 0);
    CHECK_EQ(c->fire(&client, 9), ERR_OK);
    run();
    CHECK_EQ(client.changed, 9);
    CHECK_EQ(client.extra, older(s, 2) ? 0 : 9);
    CHECK_EQ(client.note, older(s, 2) ? 0 : 9);
}

static void new_events_of_all_pairs(void)
{
    pairs(new_events);
}

/* An old client that gets what its generated functions cannot ask for. */
static struct client_interface curious;

static void start_curious(void)
{
    curious = *evolving_v1.client;
    curious.methods = evolving_v3.client->methods;
    curious.method_count = evolving_v3.client->method_count;
    start_as(&curious, &evolving_v1, &evolving_v3);
}

static void unknown_flexible_event_is_skipped(void)
{
    start_curious();
    CHECK_EQ(binding_subscribe(&client.binding, NOTE, true), ERR_OK);
    for (uint32_t i = 0; i < 3 * CHAN_EVENTS_MAX; i++) { /* its credit comes back */
        CHECK_EQ(evolving_v1.fire(&client, 1), ERR_OK);
        run();
    }
    CHECK_EQ(client.changed, 3 * CHAN_EVENTS_MAX);
    CHECK(binding_is_open(&client.binding));
    end();
}

static void unknown_strict_event_ends_the_binding(void)
{
    start_curious();
    CHECK_EQ(binding_subscribe(&client.binding, EXTRA, true), ERR_OK);
    CHECK_EQ(evolving_v1.fire(&client, 1), ERR_OK);
    run();
    CHECK(!binding_is_open(&client.binding));
    uint64_t sum = 0;
    CHECK_EQ(evolving_v1.add(&client, 1, 1, &sum), RPC_ERR_PEER_GONE);
    end();
}

static errval_t raw(uint32_t ordinal, enum msg_kind kind, uint64_t flags)
{
    uint64_t words[MSG_REG_WORDS] = {1};
    struct binding_call call = {.header = MSG_HEADER(ordinal, kind, 1, 0) | flags, .words = words,
                                .words_max = MSG_REG_WORDS};
    return kind == MSG_CALL ? binding_call(&client.binding, &call)
                            : binding_oneway(&client.binding, &call);
}

static void unknown_call_is_answered(void)
{
    start(&evolving_v3, &evolving_v1);
    CHECK_EQ(raw(PUT, MSG_CALL, 0), RPC_ERR_UNKNOWN_METHOD);
    CHECK_EQ(raw(SWAP, MSG_CALL, 0), RPC_ERR_UNKNOWN_METHOD);
    CHECK(binding_is_open(&client.binding) && state.peers_gone == 0);
    end();
}

static void unknown_strict_oneway_ends_the_connection(void)
{
    start(&evolving_v3, &evolving_v1);
    CHECK_EQ(raw(NUDGE, MSG_ONEWAY, MSG_FLEXIBLE), ERR_OK);
    run();
    CHECK(binding_is_open(&client.binding) && state.peers_gone == 0);
    CHECK_EQ(raw(NUDGE, MSG_ONEWAY, 0), ERR_OK);
    run();
    CHECK_EQ(state.peers_gone, 1);
    CHECK_EQ(raw(PUT, MSG_CALL, 0), RPC_ERR_PEER_GONE);
    end();
}

/* What is agreed at bind. */
static errval_t bind_as(const struct client_interface *iface, const struct side *s)
{
    start(&evolving_v1, s);
    static struct binding other;
    errval_t err = binding_open_loop(&other, &state.server, iface);
    if (err_is_ok(err)) {
        binding_close(&other);
    }
    run();
    end();
    return err;
}

static void bind_compares_id_version_and_hash(void)
{
    for (uint32_t s = 0; s < SIDES; s++) {
        struct client_interface iface = *sides[s]->client;
        CHECK_EQ(bind_as(&iface, sides[s]), ERR_OK);
        iface.hash ^= UINT64_C(1) << 63;
        CHECK_EQ(bind_as(&iface, sides[s]), RPC_ERR_VERSION);
        iface.version = 4; /* another version has another hash */
        CHECK_EQ(bind_as(&iface, sides[s]), ERR_OK);
        iface.version = 0;
        CHECK_EQ(bind_as(&iface, sides[s]), RPC_ERR_VERSION);
        iface = *sides[s]->client;
        iface.id++;
        CHECK_EQ(bind_as(&iface, sides[s]), RPC_ERR_VERSION);
    }
}

int main(void)
{
    const struct check_test tests[] = {
        {"VERS0001 what all versions have works between all", old_methods_of_all_pairs},
        {"VERS0002 looser requests, tighter results", constraints_of_all_pairs},
        {"VERS0003 new values of flexible enums and flags", values_of_all_pairs},
        {"VERS0004 new fields of tables", tables_of_all_pairs},
        {"VERS0005 new members of flexible unions", unions_of_all_pairs},
        {"VERS0006 a newer method fails at once, and sends nothing", new_methods_of_all_pairs},
        {"VERS0007 a flexible oneway is skipped", flexible_oneways_of_all_pairs},
        {"VERS0008 new events", new_events_of_all_pairs},
        {"VERS0009 an unknown flexible event is skipped", unknown_flexible_event_is_skipped},
        {"VERS0010 an unknown strict event ends the binding",
         unknown_strict_event_ends_the_binding},
        {"VERS0011 an unknown call is answered", unknown_call_is_answered},
        {"VERS0012 an unknown strict oneway ends the connection",
         unknown_strict_oneway_ends_the_connection},
        {"VERS0013 bind compares id, version and hash", bind_compares_id_version_and_hash},
        {"VERS0014 capabilities for a newer method are gone", moved_capabilities_of_all_pairs},
    };
    return CHECK_MAIN(tests);
}
