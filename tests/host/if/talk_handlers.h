/* A server of talk.if. One thread runs its waitset, and nothing else touches it. */
#pragma once

#include <if/talk_seat_server.h>
#include <if/talk_server.h>

#define TALK_LINES 64u /* said in one room */

struct talk_room;

/* Taken if it has ends. */
struct talk_place {
    struct talk_state *talk;
    struct talk_room *room;
    uint8_t number;
    uint8_t ends;
    bool muted;
    struct talk_seat_next_responder next;
    struct talk_seat_accept_responder accept;
    caddr_t offered; /* an end that nobody has accepted yet, or 0 */
    uint8_t offered_by;
    struct talk_seat_history_sink history;
    uint32_t history_at;
};

/* In use if somebody sits in it. */
struct talk_room {
    size_t name_len;
    char name[16];
    uint32_t line_count;
    struct talk_line lines[TALK_LINES];
    struct talk_place places[TALK_SEATS_MAX];
};

struct talk_state {
    struct talk_server lobby;
    struct talk_seat_server seats;
    struct talk_room rooms[TALK_ROOMS_MAX];
    struct talk_rooms_sink listing;
    uint32_t listing_at;
    uint32_t cancelled;
};

/* Clears `t` and serves both interfaces with the waitset `ws`. */
void talk_init(struct talk_state *t, struct waitset *ws);
