/* See line.h. */
#include "line_priv.h"

#include <stdlib.h>
#include <string.h>

#include <aos/cap.h>
#include <aos/ram.h>
#include <aos/slot.h>

#define LINE_RING_BYTES 16384u           /* of both rings of a line */

struct lines lines;

void line_init(const struct line_host *host, struct waitset *ws)
{
    memset(&lines, 0, sizeof(lines));
    lines.host = host;
    lines.ws = ws;
}

uint32_t line_count(void)
{
    return lines.count;
}

struct line *line_find(uint32_t peer, uint32_t number, bool proxy)
{
    struct line *l;

    if (peer >= LINE_PEERS_MAX || number >= LINES_MAX) {
        return NULL;
    }
    l = *line_place(peer, number, proxy);
    return l != NULL && l->peer == peer ? l : NULL;
}

struct line *line_new(uint32_t peer, uint32_t number, bool proxy)
{
    struct line *l = calloc(1, sizeof(*l));

    if (l != NULL) {
        l->peer = peer;
        l->number = number;
        l->serial = lines.next_serial++;
        l->room = LINE_WINDOW;
        l->proxy = proxy;
        l->tail = &l->head;
        l->next = lines.lines;
        lines.lines = l;
        lines.count++;
        *line_place(peer, number, proxy) = l;
    }
    return l;
}

void line_free(struct line *l)
{
    struct line **at = &lines.lines;

    while (*at != l) {
        at = &(*at)->next;
    }
    *at = l->next;
    lines.count--;
    *line_place(l->peer, l->number, l->proxy) = NULL;
    free(l);
}

static void line_drop_cap(caddr_t cap)
{
    if (cap != 0) {
        (void)cap_destroy(cap);
    }
}

void line_close(struct line *l)
{
    struct line_item *next;

    if (l->end != 0) {
        (void)cap_destroy(l->end);
        l->end = 0;
    } else if (l->raw.chan.end != 0) {
        raw_close(&l->raw);
    }
    for (struct line_item *i = l->head; i != NULL; i = next) {
        next = i->next;
        line_drop_cap(i->cap);
        free(i);
    }
    l->head = NULL;
    l->tail = &l->head;
    l->waiting = l->answers = 0;
    line_drop_cap(l->ring_copy);
    l->ring_copy = 0;
    if (l->ring != 0) {
        lines.host->free_frame(l->ring);   /* whoever uses it still sees its end */
        l->ring = 0;
    }
}

static errval_t line_send(const struct line *l, struct line_wire *w, caddr_t cap)
{
    w->line = l->number;
    w->to_proxy = !l->proxy;
    w->serial = l->serial;
    return lines.host->send(l->peer, w, cap);
}

/* A message of the local channel goes to the other monitor. */
static errval_t line_pass(struct line *l, struct line_wire *w, caddr_t cap)
{
    errval_t err = line_send(l, w, cap);

    if (err_is_ok(err) && --l->room == 0) {
        raw_hold(&l->raw, true);
    }
    return err;
}

void line_end(struct line *l)
{
    struct line_wire w = {.ended = true};

    if (!l->told) {
        l->told = true;
        line_close(l);
        (void)line_send(l, &w, 0);
    }
    if (l->heard) {
        line_free(l);
    }
}

/* --- to the local channel ------------------------------------------------------------------- */

/* A message has left for the local channel. */
static void line_took(struct line *l, const struct line_item *i)
{
    l->waiting--;
    if (i->answer) {
        l->answers--;
    } else if (++l->taken == LINE_TELL) {
        struct line_wire w = {.taken = l->taken};

        l->taken = 0;
        (void)line_send(l, &w, 0);
    }
}

/* Sends one message. What a peer that has ended does not hear any more is dropped, as if it had
 * been taken; what it has said still comes, and its end after that. SYS_ERR_LMP_FULL: it has to
 * wait; other errors: this side does not work any more. */
static errval_t line_put(struct line *l, struct line_item *i)
{
    errval_t err = raw_send(&l->raw, &i->msg,
                            (struct msg_cap){i->cap, CAP_RIGHTS_ALL, MSG_CAP_MOVE});

    if (err_is_fail(err) && err_no(err) != SYS_ERR_LMP_FULL
        && err_no(err) != SYS_ERR_LMP_PEER_GONE && i->cap != 0) {
        line_drop_cap(i->cap);           /* revoked when it had come: as if it had not crossed */
        i->cap = 0;
        err = raw_send(&l->raw, &i->msg, (struct msg_cap){0});
    }
    if (err_no(err) == SYS_ERR_LMP_PEER_GONE) {
        line_drop_cap(i->cap);
        err = ERR_OK;
    }
    if (err_is_ok(err)) {
        line_took(l, i);
    }
    return err;
}

/* Sends what waits, as far as there is room; line_writable goes on. False: this side is over, since
 * it does not work any more, or since it was all that the other side had to say. */
static bool line_flush(struct line *l)
{
    while (l->head != NULL) {
        struct line_item *i = l->head;
        errval_t err = line_put(l, i);

        if (err_no(err) == SYS_ERR_LMP_FULL) {
            return true;
        }
        if (err_is_fail(err)) {
            return false;
        }
        l->head = i->next;
        l->tail = l->head == NULL ? &l->head : l->tail;
        free(i);
    }
    return !l->heard;
}

/* There is room in the local channel again. */
static void line_writable(struct raw_chan *raw)
{
    struct line *l = (struct line *)(void *)raw;

    if (!line_flush(l)) {
        line_end(l);
    }
}

/* Keeps it. False: there is no room. */
static bool line_keep(struct line *l, const struct line_item *what)
{
    struct line_item *i = malloc(sizeof(*i));

    if (i != NULL) {
        *i = *what;
        *l->tail = i;
        l->tail = &i->next;
    }
    return i != NULL;
}

/* Takes `cap`. A line that cannot take it ends; only what has to wait takes memory. */
static void line_deliver(struct line *l, const struct lmp_msg *msg, caddr_t cap, bool answer)
{
    bool room = answer ? l->answers < LINE_ANSWERS_MAX : l->waiting - l->answers < LINE_WINDOW;
    struct line_item now = {NULL, *msg, cap, answer};
    errval_t err = SYS_ERR_LMP_FULL;

    l->waiting++;
    l->answers += answer;
    if (room && l->head == NULL) {
        err = line_put(l, &now);
    }
    if (err_is_fail(err) && !(err_no(err) == SYS_ERR_LMP_FULL && room && line_keep(l, &now))) {
        line_drop_cap(now.cap);
        line_end(l);
    }
}

/* --- from the local channel ----------------------------------------------------------------- */

static errval_t line_ring_copy(const struct line *l, caddr_t *ret_copy)
{
    caddr_t copy;
    errval_t err = slot_alloc(&copy);

    if (err_is_ok(err)) {
        err = cap_mint(copy, l->ring, CAP_RIGHT_R | CAP_RIGHT_W);
        if (err_is_fail(err)) {
            slot_free(copy);
        }
    }
    if (err_is_ok(err)) {
        *ret_copy = copy;
    }
    return err;
}

/* The capability of `w` cannot cross: makes of it what is sent instead. True: who sent it gets
 * `ret_answer`. */
static bool line_refuse(struct line_wire *w, struct lmp_msg *ret_answer)
{
    enum msg_kind kind = msg_kind(w->header);

    *ret_answer = (struct lmp_msg){.header = raw_error_header(w->header),
                                   .words = {RPC_ERR_CAPABILITY}};
    w->cap = LINE_CAP_LOST;
    if (kind == MSG_CALL && !w->to_proxy) {
        w->cap = LINE_CAP_NONE;
        w->header = MSG_HEADER(CHAN_CONTROL_CANCEL, MSG_CONTROL, 0, 0)
            | (w->header & MSG_TXID_MASK);
        memset(w->words, 0, sizeof(w->words));
        return true;
    }
    if (kind == MSG_REPLY) {
        w->cap = LINE_CAP_NONE;
        w->header = ret_answer->header;
        memset(w->words, 0, sizeof(w->words));
        w->words[0] = RPC_ERR_CAPABILITY;
    }
    return false;
}

void line_refused(uint32_t peer, struct line_wire *w)
{
    struct line *l = line_find(peer, w->line, !w->to_proxy);
    struct lmp_msg answer;

    /* The line may have ended, and its number be that of another. */
    if (line_refuse(w, &answer) && l != NULL && !l->told && l->serial == w->serial) {
        line_deliver(l, &answer, 0, true);
    }
}

/* --- rings ---------------------------------------------------------------------------------- */

/* A frame of two rings, with copies for both. It is not made while the server answers: that would
 * rely on it. */
static errval_t line_make_ring(struct line *l, caddr_t *ret_copy)
{
    errval_t err = l->ring != 0 ? RPC_ERR_MALFORMED : lines.host->room(lines.count);

    if (err_is_ok(err)) {
        err = frame_alloc(LINE_RING_BYTES, &l->ring, &l->ring_bytes);
    }
    if (err_is_fail(err)) {
        return err;
    }
    err = line_ring_copy(l, &l->ring_copy);
    if (err_is_ok(err)) {
        err = line_ring_copy(l, ret_copy);
    }
    if (err_is_fail(err)) {
        line_drop_cap(l->ring_copy);
        l->ring_copy = 0;
        lines.host->free_frame(l->ring);
        l->ring = 0;
    }
    return err;
}

/* The client asks for rings: gives them to the server. True: that was it. */
static bool line_upgrade(struct line *l, const struct lmp_msg *msg)
{
    struct line_wire w = {.cap = LINE_CAP_OTHER, .header = msg->header};
    caddr_t copy;
    errval_t err;

    if (!l->proxy || msg_kind(msg->header) != MSG_CALL || msg_ordinal(msg->header) != 0
        || msg->words[0] != CHAN_OP_UPGRADE || msg->cap != 0) {
        return false;
    }
    err = line_make_ring(l, &copy);
    if (err_is_ok(err)) {
        w.header = (msg->header & ~MSG_SHAPE_MASK) | MSG_SHAPE(2, 1);
        w.words[0] = CHAN_OP_UPGRADE;
        w.words[1] = l->ring_bytes;
        err = line_pass(l, &w, copy);
        if (err_is_fail(err)) {
            (void)cap_destroy(copy);
        }
    }
    l->upgrading = err_is_ok(err);
    l->upgrade_tx = msg->header & MSG_TXID_MASK;
    if (err_is_fail(err)) {
        struct lmp_msg answer = {.header = raw_error_header(msg->header), .words = {err}};

        line_deliver(l, &answer, 0, true);
    }
    return true;
}

/* The answer to that: the client gets the frame, too. Returns the capability to send with it. */
static caddr_t line_upgraded(struct line *l, struct lmp_msg *msg)
{
    caddr_t copy = l->ring_copy;

    if (!l->upgrading || (msg->header & MSG_TXID_MASK) != l->upgrade_tx
        || (msg_kind(msg->header) != MSG_REPLY && msg_kind(msg->header) != MSG_ERROR)) {
        return 0;
    }
    l->upgrading = false;
    l->ring_copy = 0;
    if (msg_kind(msg->header) == MSG_ERROR) {
        line_drop_cap(copy);
        return 0;
    }
    msg->header = (msg->header & ~MSG_SHAPE_MASK) | MSG_SHAPE(1, 1);
    msg->words[0] = l->ring_bytes;
    return copy;
}

/* Something came from the local channel. */
static void line_message(struct raw_chan *raw, const struct lmp_msg *msg)
{
    struct line *l = (struct line *)(void *)raw;
    struct line_wire w = {.to_proxy = !l->proxy, .header = msg->header};
    struct lmp_msg answer;
    errval_t err;

    if (msg->header == KPI_CONTROL_HEADER(KPI_CONTROL_PEER_GONE)) {
        line_end(l);
        return;
    }
    l->used = true;
    if (line_upgrade(l, msg)) {
        return;
    }
    memcpy(w.words, msg->words, sizeof(w.words));
    if (msg->cap == 0) {
        if (err_is_fail(line_pass(l, &w, 0))) {
            line_end(l);
        }
        return;
    }
    if ((msg->cap_info & 0xff) == CAPTYPE_ENDPOINT) {
        err = line_export(l->peer, msg->cap, &w);
        if (err_is_ok(err) && err_is_fail(line_pass(l, &w, 0))) {
            line_unexport(l->peer, &w);
            line_end(l);
        }
    } else {
        w.cap = LINE_CAP_OTHER;
        err = line_pass(l, &w, msg->cap);
    }
    if (err_is_fail(err)) {
        bool told = line_refuse(&w, &answer);

        (void)cap_destroy(msg->cap);
        if (err_is_fail(line_pass(l, &w, 0))) {
            line_end(l);
        } else if (told) {
            line_deliver(l, &answer, 0, true);
        }
    }
}

errval_t line_open(struct line *l, caddr_t end)
{
    errval_t err = raw_open(&l->raw, lines.ws, end, line_message, NULL);

    if (err_is_ok(err)) {
        l->raw.writable = line_writable;
    }
    return err;
}

/* --- from the other monitor ----------------------------------------------------------------- */

/* The capability that came with `w`; 0: it is lost. */
static caddr_t line_cap(uint32_t peer, const struct line_wire *w, caddr_t cap)
{
    caddr_t end;

    if (w->cap != LINE_CAP_NEW_END && w->cap != LINE_CAP_OWN_END) {
        return w->cap == LINE_CAP_OTHER ? cap : 0;
    }
    return err_is_ok(line_import(peer, w, &end)) ? end : 0;
}

/* The first message for the end at home. */
static errval_t line_bind(struct line *l)
{
    caddr_t end = l->end;

    l->end = 0;
    return line_open(l, end);
}

/* The other monitor has taken `count` messages. */
static void line_may_pass(struct line *l, uint32_t count)
{
    bool held = l->room == 0;

    l->room += count <= LINE_WINDOW - l->room ? count : LINE_WINDOW - l->room;
    if (held && l->room != 0) {
        raw_hold(&l->raw, false);
    }
}

void line_receive(uint32_t peer, const struct line_wire *w, caddr_t cap)
{
    struct line *l = line_find(peer, w->line, w->to_proxy);
    struct lmp_msg msg = {.header = w->header};

    cap = line_cap(peer, w, cap);
    if (l == NULL || (l->told && !w->ended)) {
        line_drop_cap(cap);              /* crossed with the end of this side */
        return;
    }
    if (w->ended) {
        l->heard = true;
        if (l->told || l->end != 0 || !line_flush(l)) {
            line_end(l);
        }
        return;
    }
    if (w->taken != 0) {
        line_may_pass(l, w->taken);
        return;
    }
    memcpy(msg.words, w->words, sizeof(msg.words));
    l->used = true;
    if (l->end != 0 && err_is_fail(line_bind(l))) {
        line_drop_cap(cap);
        line_end(l);
        return;
    }
    if (cap == 0) {
        cap = line_upgraded(l, &msg);
    }
    line_deliver(l, &msg, cap, false);
}

void line_peer_gone(uint32_t peer)
{
    struct line *next;

    for (struct line *l = lines.lines; l != NULL; l = next) {
        next = l->next;
        if (l->peer == peer) {
            l->heard = true;
            l->told = true;
            line_close(l);
            line_free(l);
        }
    }
}
