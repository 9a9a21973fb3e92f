/* Sessions, and ends that travel, through the kernel: talk.if with its server as a thread. Prints
 * TAP and powers off. */
#include <string.h>

#include <aos/cap.h>
#include <aos/domain.h>
#include <aos/slot.h>
#include <aos/time.h>

#include "inittest.h"
#include "talk_handlers.h"

#define SECOND_NS 1000000000ull

errval_t aos_rpc_init(void)
{
    return ERR_OK;
}

static struct talk_state talk;
static struct waitset server_ws, client_ws;
static struct talk_binding lobby;
static struct talk_seat_binding ann, bob, eve;

static int serve(void *arg)
{
    (void)arg;
    waitset_run(&server_ws);
}

static void enter(const char *room, struct talk_seat_binding *seat, uint8_t expected)
{
    caddr_t own, peer;
    uint8_t got = 0;
    EXPECT_ERR(ERR_OK, chan_create_for(TALK_SEAT_HISTORY_WINDOW, &own, &peer));
    EXPECT_ERR(ERR_OK, talk_enter(&lobby, room, strlen(room), peer, &got));
    EXPECT(got == expected);
    EXPECT_ERR(ERR_OK, talk_seat_bind(own, seat));
    binding_set_waitset(&seat->base, &client_ws);
}

static void expect_count(uint32_t seats)
{
    uint32_t got = ~0u, cancelled;
    uint64_t deadline = time_deadline_ns(SECOND_NS);
    while (got != seats) { /* the end of a channel is no call: it is seen when it is seen */
        EXPECT(time_now_ns() < deadline);
        EXPECT_ERR(ERR_OK, talk_count(&lobby, &got, &cancelled));
    }
}

static uint32_t cancelled_calls(void)
{
    uint32_t seats, cancelled = 0;
    EXPECT_ERR(ERR_OK, talk_count(&lobby, &seats, &cancelled));
    return cancelled;
}

static uint8_t say(struct talk_seat_binding *seat, const char *text)
{
    uint8_t heard = 0;
    EXPECT_ERR(ERR_OK, talk_seat_say(seat, text, strlen(text), &heard));
    return heard;
}

/* --- tests ------------------------------------------------------------------------------------ */

static caddr_t early_end;

static int use_early(void *arg)
{
    uint8_t heard = 0;
    (void)arg;
    return talk_seat_bind(early_end, &ann) == ERR_OK &&
                   talk_seat_say(&ann, "early", 5, &heard) == ERR_OK
               ? 0
               : 1;
}

/* The client uses its end before the server was even told of the other one. */
static void an_end_is_used_before_it_is_served(void)
{
    caddr_t peer;
    struct thread *t;
    uint8_t seat = 0;
    int status = -1;
    EXPECT_ERR(ERR_OK, chan_create_for(TALK_SEAT_HISTORY_WINDOW, &early_end, &peer));
    EXPECT_ERR(ERR_OK, thread_create(use_early, NULL, NULL, &t));
    for (uint32_t i = 0; i < 10; i++) {
        thread_yield();
    }
    expect_count(0);
    EXPECT_ERR(ERR_OK, talk_enter(&lobby, "hall", 4, peer, &seat));
    EXPECT_ERR(ERR_OK, thread_join(t, &status));
    EXPECT(status == 0 && seat == 1);
    EXPECT(talk.rooms[TALK_ROOMS_MAX - 1].line_count == 1);
    binding_set_waitset(&ann.base, &client_ws);
}

static void each_end_is_a_session(void)
{
    struct talk_seat_next_call next;
    struct talk_line line;
    enter("hall", &bob, 2);
    enter("cellar", &eve, 1);
    expect_count(3);
    EXPECT_ERR(ERR_OK, talk_seat_next_begin(&bob, &next));
    EXPECT(say(&eve, "hello?") == 0);
    EXPECT(!binding_call_answered(&next.base));
    EXPECT(say(&ann, "hello") == 1);
    EXPECT_ERR(ERR_OK, talk_seat_next_end(&next, BINDING_DEADLINE, &line));
    EXPECT(line.number == 1 && strcmp(line.text, "hello") == 0);
}

/* Two calls that wait: one is refused, one cancelled, one late. The server knows of it. */
static void calls_that_wait(void)
{
    struct talk_seat_next_call next, other;
    struct talk_line line;
    uint32_t before = cancelled_calls();
    EXPECT_ERR(ERR_OK, talk_seat_next_begin(&bob, &next));
    EXPECT_ERR(ERR_OK, talk_seat_next_begin(&bob, &other));
    EXPECT_ERR(TALK_ERR_BUSY, talk_seat_next_end(&other, BINDING_DEADLINE, &line));
    binding_call_cancel(&next.base);
    EXPECT(say(&ann, "nobody listens") == 0);
    EXPECT(cancelled_calls() == before + 1);
    EXPECT_ERR(ERR_OK, talk_seat_next_begin(&bob, &next));
    EXPECT_ERR(RPC_ERR_TIMEOUT, talk_seat_next_end(&next, time_deadline_ns(1000000), &line));
    EXPECT(say(&ann, "too late") == 0);
    EXPECT(cancelled_calls() == before + 2);
    EXPECT_ERR(ERR_OK, talk_seat_next_begin(&bob, &next));
    EXPECT(say(&ann, "in time") == 1);
    EXPECT_ERR(ERR_OK, talk_seat_next_end(&next, BINDING_DEADLINE, &line));
    EXPECT(strcmp(line.text, "in time") == 0);
}

static uint32_t lines_told, lines_lost, last_seats, seats_told;
static char last_line[64];

static void on_said(void *arg, bool lost, const struct talk_line *line)
{
    (void)arg;
    lines_told++;
    lines_lost += lost;
    memcpy(last_line, line->text, sizeof(last_line));
}

static void on_seats(void *arg, uint8_t taken)
{
    (void)arg;
    seats_told++;
    last_seats = taken;
}

static void dispatch_until(const uint32_t *what, uint32_t value)
{
    while (*what != value) {
        EXPECT_ERR(ERR_OK, waitset_dispatch(&client_ws, time_deadline_ns(SECOND_NS)));
    }
}

/* Queued ones keep the newest and tell of the loss; coalesced ones tell the last state. */
static void events(void)
{
    static const struct talk_seat_event_ops event_ops = {.on_said = on_said, .on_seats = on_seats};
    talk_seat_set_events(&bob, &client_ws, &event_ops, NULL);
    EXPECT_ERR(ERR_OK, talk_seat_subscribe_said(&bob, true));
    EXPECT_ERR(ERR_OK, talk_seat_subscribe_seats(&bob, true));
    char text[] = "line 0";
    for (uint32_t i = 0; i < 9; i++) {
        text[5] = (char)('0' + i);
        EXPECT(say(&ann, text) == 0);
    }
    dispatch_until(&last_seats, 0);
    while (strcmp(last_line, "line 8") != 0) {
        EXPECT_ERR(ERR_OK, waitset_dispatch(&client_ws, time_deadline_ns(SECOND_NS)));
    }
    EXPECT(lines_told < 9 && lines_told >= 4 && lines_lost == 1);
    EXPECT_ERR(ERR_OK, talk_seat_mute(&bob, true));
    EXPECT(say(&ann, "unheard") == 0);
    EXPECT_ERR(ERR_OK, talk_seat_mute(&bob, false));
    static struct talk_seat_binding dan;
    enter("hall", &dan, 3);
    dispatch_until(&last_seats, 3);
    talk_seat_close(&dan);
    dispatch_until(&last_seats, 2);
    EXPECT(strcmp(last_line, "line 8") == 0 && seats_told >= 2);
    EXPECT_ERR(ERR_OK, talk_seat_subscribe_said(&bob, false));
    EXPECT_ERR(ERR_OK, talk_seat_subscribe_seats(&bob, false));
}

static void streams(void)
{
    struct talk_seat_history_stream s;
    struct talk_rooms_stream r;
    struct talk_line line;
    char name[16];
    size_t name_len;
    uint8_t seats;
    uint32_t lines = 0, rooms = 0, taken = 0, before = cancelled_calls();
    EXPECT_ERR(ERR_OK, talk_seat_history_open(&bob, 0, &s));
    errval_t err;
    while ((err = talk_seat_history_next(&s, &line)) == ERR_OK) {
        EXPECT(lines != 0 || strcmp(line.text, "early") == 0);
        lines++;
    }
    EXPECT(err == RPC_ERR_STREAM_END && lines == 15);
    talk_seat_history_close(&s);
    EXPECT_ERR(ERR_OK, talk_seat_history_open(&bob, lines, &s));
    EXPECT_ERR(TALK_ERR_QUIET, talk_seat_history_next(&s, &line));
    talk_seat_history_close(&s);
    EXPECT_ERR(ERR_OK, talk_seat_history_open(&bob, 0, &s));
    EXPECT_ERR(ERR_OK, talk_seat_history_next(&s, &line));
    talk_seat_history_close(&s); /* the rest is not wanted */
    EXPECT_ERR(ERR_OK, talk_rooms_open(&lobby, &r));
    while ((err = talk_rooms_next(&r, name, &name_len, &seats)) == ERR_OK) {
        rooms++;
        taken += seats;
    }
    EXPECT(err == RPC_ERR_STREAM_END && rooms == 2 && taken == 3);
    talk_rooms_close(&r);
    EXPECT(cancelled_calls() == before + 1);
}

/* Ann makes an end of her own seat and gives it to Bob, by way of the server. */
static void an_end_is_handed_on(void)
{
    struct talk_seat_accept_call accept;
    static struct talk_seat_binding as_ann;
    for (uint32_t round = 0; round < 2; round++) {
        caddr_t own, peer, got = 0;
        uint8_t from = 0;
        EXPECT_ERR(ERR_OK, chan_create_for(TALK_SEAT_HISTORY_WINDOW, &own, &peer));
        EXPECT_ERR(ERR_OK, talk_seat_share(&ann, peer));
        if (round == 0) { /* Bob waits for it; or it for him */
            EXPECT_ERR(ERR_OK, talk_seat_accept_begin(&bob, &accept));
        }
        EXPECT_ERR(ERR_OK, talk_seat_offer(&ann, 2, own));
        if (round == 1) {
            EXPECT_ERR(ERR_OK, talk_seat_accept_begin(&bob, &accept));
        }
        EXPECT_ERR(ERR_OK, talk_seat_accept_end(&accept, BINDING_DEADLINE, &got, &from));
        EXPECT(from == 1);
        EXPECT_ERR(ERR_OK, talk_seat_bind(got, &as_ann));
        struct talk_seat_next_call next;
        struct talk_line line;
        EXPECT_ERR(ERR_OK, talk_seat_next_begin(&bob, &next));
        EXPECT(say(&as_ann, "I am Ann") == 1);
        EXPECT_ERR(ERR_OK, talk_seat_next_end(&next, BINDING_DEADLINE, &line));
        EXPECT(line.number == 1 && strcmp(line.text, "I am Ann") == 0);
        talk_seat_close(&as_ann);
    }
    EXPECT(say(&ann, "so am I") == 0);
    caddr_t own, peer;
    EXPECT_ERR(ERR_OK, chan_create(&own, &peer));
    EXPECT_ERR(TALK_ERR_NO_SEAT, talk_seat_offer(&ann, 4, own));
    EXPECT_ERR(RPC_ERR_PEER_GONE, talk_seat_bind(peer, &as_ann));
}

/* What the server refuses is deleted, and who holds the other end is told. */
static void a_full_room(void)
{
    static struct talk_seat_binding more[TALK_SEATS_MAX], late;
    caddr_t own, peer;
    uint8_t seat;
    for (uint8_t i = 2; i < TALK_SEATS_MAX; i++) {
        enter("hall", &more[i], (uint8_t)(i + 1));
    }
    EXPECT_ERR(ERR_OK, chan_create(&own, &peer));
    EXPECT_ERR(TALK_ERR_FULL, talk_enter(&lobby, "hall", 4, peer, &seat));
    EXPECT_ERR(RPC_ERR_PEER_GONE, talk_seat_bind(own, &late));
    for (uint8_t i = 2; i < TALK_SEATS_MAX; i++) {
        talk_seat_close(&more[i]);
    }
    expect_count(3);
}

/* Who goes while a call waits, a stream is open and an end is on offer leaves nothing behind. */
static void nothing_stays(void)
{
    static struct talk_seat_binding guest;
    struct talk_seat_next_call next;
    struct talk_seat_history_stream s;
    struct talk_line line;
    uint64_t used = 0;
    for (uint32_t round = 0; round < 12; round++) {
        caddr_t own, peer;
        if (round == 4) {
            used = inittest_slots();
        }
        enter("hall", &guest, 3);
        EXPECT_ERR(ERR_OK, chan_create(&own, &peer));
        EXPECT_ERR(ERR_OK, talk_seat_offer(&ann, 3, own));
        EXPECT_ERR(ERR_OK, cap_destroy(peer));
        EXPECT_ERR(ERR_OK, talk_seat_next_begin(&guest, &next));
        EXPECT_ERR(ERR_OK, talk_seat_history_open(&guest, 0, &s));
        EXPECT_ERR(ERR_OK, talk_seat_history_next(&s, &line));
        binding_call_cancel(&next.base);
        talk_seat_history_close(&s);
        talk_seat_close(&guest);
        expect_count(3);
    }
    uint64_t after = inittest_slots();
    if (after != used) {
        printf("# %llu slots, then %llu\n", (unsigned long long)used, (unsigned long long)after);
    }
    EXPECT(after == used);
    talk_seat_close(&ann);
    talk_seat_close(&bob);
    talk_seat_close(&eve);
    expect_count(0);
}

int main(void)
{
    static const struct inittest tests[] = {
        {"TALK0001 an end is used before it is served", an_end_is_used_before_it_is_served},
        {"TALK0002 each end is a session", each_end_is_a_session},
        {"TALK0003 calls that wait", calls_that_wait},
        {"TALK0004 events", events},
        {"TALK0005 streams", streams},
        {"TALK0006 an end is handed on", an_end_is_handed_on},
        {"TALK0007 a full room", a_full_room},
        {"TALK0008 nothing stays", nothing_stays},
    };
    struct thread *server;
    caddr_t end;
    inittest_start("TALKTEST", INITTEST_COUNT(tests));
    waitset_init(&server_ws);
    waitset_init(&client_ws);
    talk_init(&talk, &server_ws);
    EXPECT_ERR(ERR_OK, thread_create(serve, NULL, NULL, &server));
    EXPECT_ERR(ERR_OK, talk_server_new_end(&talk.lobby, 42, &end));
    EXPECT_ERR(ERR_OK, talk_bind(end, &lobby));
    binding_set_waitset(&lobby.base, &client_ws);
    inittest_run(tests, INITTEST_COUNT(tests));
}
