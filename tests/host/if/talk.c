/* Handlers of talk.if. */
#include "talk_handlers.h"

#include <aos/cap.h>
#include <string.h>

static uint8_t talk_taken(const struct talk_room *room)
{
    uint8_t taken = 0;
    for (uint32_t i = 0; i < TALK_SEATS_MAX; i++) {
        taken = (uint8_t)(taken + (room->places[i].ends != 0));
    }
    return taken;
}

/* --- everybody in a room ---------------------------------------------------------------------- */

static void talk_tell_seats(struct talk_room *room)
{
    struct server *s = &room->places[0].talk->seats.base;
    for (struct server_conn *c = server_conn_next(s, NULL); c != NULL; c = server_conn_next(s, c)) {
        const struct talk_place *place = server_conn_state(c);
        if (place != NULL && place->room == room) {
            talk_seat_event_seats(c, talk_taken(room));
        }
    }
}

static void talk_tell_line(const struct talk_place *from, const struct talk_line *line)
{
    struct server *s = &from->talk->seats.base;
    for (struct server_conn *c = server_conn_next(s, NULL); c != NULL; c = server_conn_next(s, c)) {
        const struct talk_place *place = server_conn_state(c);
        if (place != NULL && place->room == from->room && place != from && !place->muted) {
            talk_seat_event_said(c, line);
        }
    }
}

/* Answers who waits for something that is said; true if somebody did. */
static bool talk_answer_next(struct talk_place *place, const struct talk_line *line)
{
    if (place->next.base.conn == NULL) {
        return false;
    }
    bool waits = !server_responder_cancelled(&place->next.base);
    place->talk->cancelled += !waits;
    talk_seat_next_reply(&place->next, ERR_OK, line);
    return waits;
}

/* --- the lobby -------------------------------------------------------------------------------- */

static struct talk_room *talk_find(struct talk_state *t, const char *name, size_t name_len)
{
    struct talk_room *empty = NULL;
    for (uint32_t i = 0; i < TALK_ROOMS_MAX; i++) {
        struct talk_room *room = &t->rooms[i];
        if (talk_taken(room) == 0) {
            empty = room;
        } else if (room->name_len == name_len && memcmp(room->name, name, name_len) == 0) {
            return room;
        }
    }
    if (empty != NULL) {
        memset(empty, 0, sizeof(*empty));
        memcpy(empty->name, name, name_len);
        empty->name_len = name_len;
        for (uint32_t i = 0; i < TALK_SEATS_MAX; i++) {
            struct talk_place *place = &empty->places[i];
            place->talk = t;
            place->room = empty;
            place->number = (uint8_t)(i + 1);
        }
    }
    return empty;
}

/* Serves a received end as one of this seat's. */
static errval_t talk_add_end(struct server_ctx *ctx, struct talk_place *place, caddr_t end)
{
    struct server_conn *conn;
    server_take_cap(ctx, end);
    errval_t err = server_add_end(&place->talk->seats.base, end, ctx->peer_pid, 0, &conn);
    if (err_is_ok(err)) {
        server_conn_set_state(conn, place);
        place->ends++;
    }
    return err;
}

static errval_t on_enter(struct server_ctx *ctx, const char *name, size_t name_len, caddr_t seat,
                         uint8_t *ret_number)
{
    struct talk_room *room = talk_find(ctx->state, name, name_len);
    for (uint32_t i = 0; room != NULL && i < TALK_SEATS_MAX; i++) {
        struct talk_place *place = &room->places[i];
        if (place->ends == 0) {
            *ret_number = place->number;
            place->muted = false;
            errval_t err = talk_add_end(ctx, place, seat);
            talk_tell_seats(room);
            return err;
        }
    }
    return TALK_ERR_FULL;
}

static void talk_list(void *arg)
{
    struct talk_state *t = arg;
    while (t->listing_at < TALK_ROOMS_MAX) {
        const struct talk_room *room = &t->rooms[t->listing_at];
        uint8_t taken = talk_taken(room);
        errval_t err = taken == 0 ? ERR_OK
                                  : talk_rooms_put(&t->listing, room->name, room->name_len, taken);
        if (err == RPC_ERR_AGAIN) {
            return;
        }
        if (err_is_fail(err)) {
            t->cancelled += err == RPC_ERR_CANCELLED;
            break;
        }
        t->listing_at++;
    }
    talk_rooms_finish(&t->listing, ERR_OK);
}

static errval_t on_rooms(struct server_ctx *ctx)
{
    struct talk_state *t = ctx->state;
    if (t->listing.base.conn != NULL) {
        return TALK_ERR_BUSY;
    }
    t->listing = talk_rooms_defer(ctx);
    t->listing_at = 0;
    server_sink_on_ready(&t->listing.base, talk_list, t);
    return SERVER_DEFERRED;
}

static errval_t on_count(struct server_ctx *ctx, uint32_t *ret_seats, uint32_t *ret_cancelled)
{
    const struct talk_state *t = ctx->state;
    *ret_seats = 0;
    for (uint32_t i = 0; i < TALK_ROOMS_MAX; i++) {
        *ret_seats += talk_taken(&t->rooms[i]);
    }
    *ret_cancelled = t->cancelled;
    return ERR_OK;
}

/* --- a seat ----------------------------------------------------------------------------------- */

static struct talk_place *talk_place_of(const struct server_ctx *ctx)
{
    return server_conn_state(ctx->conn);
}

static errval_t on_say(struct server_ctx *ctx, const char *text, size_t text_len,
                       uint8_t *ret_heard)
{
    struct talk_place *place = talk_place_of(ctx);
    struct talk_room *room = place->room;
    struct talk_line *line = &room->lines[room->line_count % TALK_LINES];
    room->line_count++;
    *line = (struct talk_line){.number = place->number, .text_len = text_len};
    memcpy(line->text, text, text_len);
    *ret_heard = 0;
    for (uint32_t i = 0; i < TALK_SEATS_MAX; i++) {
        if (&room->places[i] != place) {
            *ret_heard = (uint8_t)(*ret_heard + talk_answer_next(&room->places[i], line));
        }
    }
    talk_tell_line(place, line);
    return ERR_OK;
}

static errval_t on_next(struct server_ctx *ctx, struct talk_line *ret_line)
{
    struct talk_place *place = talk_place_of(ctx);
    (void)ret_line;
    if (place->next.base.conn != NULL) {
        return TALK_ERR_BUSY;
    }
    place->next = talk_seat_next_defer(ctx);
    return SERVER_DEFERRED;
}

static void talk_recall(void *arg)
{
    struct talk_place *place = arg;
    const struct talk_room *room = place->room;
    errval_t err = ERR_OK;
    while (place->history_at < room->line_count) {
        err = talk_seat_history_put(&place->history, &room->lines[place->history_at % TALK_LINES]);
        if (err == RPC_ERR_AGAIN) {
            return;
        }
        if (err_is_fail(err)) {
            place->talk->cancelled += err == RPC_ERR_CANCELLED;
            break;
        }
        place->history_at++;
    }
    talk_seat_history_finish(&place->history, ERR_OK);
}

static errval_t on_history(struct server_ctx *ctx, uint32_t from)
{
    struct talk_place *place = talk_place_of(ctx);
    if (place->history.base.conn != NULL) {
        return TALK_ERR_BUSY;
    }
    if (from >= place->room->line_count) {
        return TALK_ERR_QUIET;
    }
    place->history = talk_seat_history_defer(ctx);
    place->history_at = from;
    server_sink_on_ready(&place->history.base, talk_recall, place);
    return SERVER_DEFERRED;
}

static errval_t on_share(struct server_ctx *ctx, caddr_t seat)
{
    return talk_add_end(ctx, talk_place_of(ctx), seat);
}

static errval_t on_offer(struct server_ctx *ctx, uint8_t to, caddr_t end)
{
    const struct talk_place *from = talk_place_of(ctx);
    struct talk_place *place = &from->room->places[to - 1];
    if (place->ends == 0) {
        return TALK_ERR_NO_SEAT;
    }
    if (place->offered != 0) {
        return TALK_ERR_BUSY;
    }
    server_take_cap(ctx, end);
    if (place->accept.base.conn != NULL) {
        talk_seat_accept_reply(&place->accept, ERR_OK, end, from->number);
    } else {
        place->offered = end;
        place->offered_by = from->number;
    }
    return ERR_OK;
}

static errval_t on_accept(struct server_ctx *ctx, caddr_t *ret_end, uint8_t *ret_from)
{
    struct talk_place *place = talk_place_of(ctx);
    if (place->accept.base.conn != NULL) {
        return TALK_ERR_BUSY;
    }
    if (place->offered == 0) {
        place->accept = talk_seat_accept_defer(ctx);
        return SERVER_DEFERRED;
    }
    *ret_end = place->offered;
    *ret_from = place->offered_by;
    place->offered = 0;
    return ERR_OK;
}

static void on_mute(struct server_ctx *ctx, bool on)
{
    talk_place_of(ctx)->muted = on;
}

/* Every call that waits is answered, also when nobody hears it. */
static void on_seat_gone(struct server_ctx *ctx)
{
    static const struct talk_line nothing;
    struct talk_place *place = talk_place_of(ctx);
    if (place == NULL || --place->ends != 0) {
        return;
    }
    talk_seat_next_reply(&place->next, ERR_OK, &nothing);
    talk_seat_accept_reply(&place->accept, TALK_ERR_BUSY, 0, 0);
    if (place->history.base.conn != NULL) {
        talk_seat_history_finish(&place->history, ERR_OK);
    }
    if (place->offered != 0) {
        (void)cap_destroy(place->offered);
        place->offered = 0;
    }
    talk_tell_seats(place->room);
}

static const struct talk_server_ops talk_ops = {
    .on_enter = on_enter,
    .on_rooms = on_rooms,
    .on_count = on_count,
};

static const struct talk_seat_server_ops talk_seat_ops = {
    .on_say = on_say,
    .on_next = on_next,
    .on_history = on_history,
    .on_share = on_share,
    .on_offer = on_offer,
    .on_accept = on_accept,
    .on_mute = on_mute,
    .on_peer_gone = on_seat_gone,
};

void talk_init(struct talk_state *t, struct waitset *ws)
{
    memset(t, 0, sizeof(*t));
    talk_serve(&t->lobby, &talk_ops, t, ws);
    talk_seat_serve(&t->seats, &talk_seat_ops, t, ws);
}
