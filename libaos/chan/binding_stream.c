/* Streams, client side. Invariants:
 *  1. A stream holds its txid slot (`held`) until it has ended and its items are read, or it is
 * closed: the server puts nothing of another stream where its items stand in the message area.
 *  2. count + credits <= window: what was received and not yet read, and what was read and not yet
 * told. An item beyond that breaks the stream off, like any other that is not as agreed.
 *  3. The server hears of read items when half a window was read, or nothing is left to read; so it
 * can always go on before the client waits. */
#include "chan_priv.h"

#include <aos/cap.h>
#include <aos/time.h>

static struct pending *stream_pending(const struct binding_stream *s)
{
    return &s->binding->pending[msg_slot(s->tx)];
}

static void stream_wake_disabled(struct binding_stream *s)
{
    thread_wake_all_disabled(&s->waiter);
    if (s->ready_wanted && s->binding->chan.ws != NULL) {
        s->ready_wanted = false;
        waitset_post_disabled(s->binding->chan.ws, &s->ready);
    }
}

/* The slot is given back, at once or, if the end is still to come, by the end. */
static void stream_let_go_disabled(struct binding_stream *s)
{
    if (s->held) {
        struct pending *p = stream_pending(s);
        s->held = false;
        p->stream = NULL;
        p->answered = s->ended;
        pending_drop_disabled(s->binding, p);
    }
}

void stream_end_disabled(struct pending *p, errval_t err)
{
    struct binding_stream *s = p->stream;
    s->ended = true;
    s->err = err;
    if (s->count == 0) {
        stream_let_go_disabled(s);
    }
    stream_wake_disabled(s);
}

/* What the answer to a call with a stream means: it has no results. */
static errval_t stream_end_error(const struct binding *b, const struct lmp_msg *msg)
{
    switch (msg_kind(msg->header)) {
    case MSG_REPLY:
        return (msg->header & MSG_SHAPE_MASK) == 0 ? RPC_ERR_STREAM_END : RPC_ERR_BAD_REPLY;
    case MSG_MALFORMED:
        return RPC_ERR_MALFORMED;
    default:
        return binding_error(b, msg_ordinal(msg->header), msg->words[0]);
    }
}

void stream_answer_disabled(struct binding *b, struct pending *p, const struct lmp_msg *msg)
{
    if (!p->stream->ended) {
        stream_end_disabled(p, stream_end_error(b, msg));
    }
}

/* Not as agreed: what was received before can be read still. */
static void stream_break_disabled(struct binding_stream *s)
{
    stream_let_go_disabled(s);
    s->ended = true;
    s->err = RPC_ERR_BAD_REPLY;
    stream_wake_disabled(s);
}

void stream_item_disabled(struct binding *b, const struct lmp_msg *msg)
{
    const uint64_t same = MSG_ORDINAL_MASK | MSG_FLEXIBLE | MSG_HASH_MASK | MSG_UMP_MASK;
    struct pending *p = pending_find_disabled(b, msg->header);
    if (p != NULL && p->state == PENDING_LOST) {
        /* The server has not heard of it, or did while it could not take note. */
        p->cancel_due = !binding_control_disabled(b, CHAN_CONTROL_CANCEL, p->tx, 0);
    }
    if (p == NULL || p->state != PENDING_STREAM || p->stream->ended ||
        ((p->header ^ msg->header) & same) != 0) {
        chan_discard_cap_disabled(msg->cap);
        return;
    }
    struct binding_stream *s = p->stream;
    uint32_t caps = msg_caps(msg->header);
    if (s->count + s->credits >= s->window || caps > 1 || caps != (msg->cap != 0) ||
        (msg->header & MSG_MORE) != 0) {
        chan_discard_cap_disabled(msg->cap);
        stream_break_disabled(s);
        return;
    }
    struct lmp_msg *item = &s->items[(s->head + s->count) % s->window];
    *item = *msg;
    chan_area_keep(&b->chan, item, chan_area_item(msg_slot(s->tx), s->seq + s->count, s->window));
    s->count++;
    stream_wake_disabled(s);
}

uint32_t stream_place_disabled(struct binding *b, uint64_t header)
{
    const struct pending *p = pending_find_disabled(b, header);
    if (p == NULL || p->state != PENDING_STREAM || p->stream->count == p->stream->window) {
        return UINT32_MAX / 2u;
    }
    const struct binding_stream *s = p->stream;
    return chan_area_item(msg_slot(s->tx), s->seq + s->count, s->window);
}

void stream_credit_disabled(struct binding_stream *s)
{
    if (s->held && !s->ended && s->credits != 0 &&
        (s->count == 0 || s->credits >= (s->window + 1u) / 2u) &&
        binding_control_disabled(s->binding, CHAN_CONTROL_CREDIT, s->tx, s->credits)) {
        s->credits = 0;
    }
}

errval_t binding_stream_open(struct binding *b, struct binding_call *call,
                             struct binding_stream *ret_stream, struct lmp_msg *items,
                             uint8_t window)
{
    struct binding_stream *s = ret_stream;
    struct pending *p;
    struct lmp_msg msg;
    *s = (struct binding_stream){.items = items, .window = window};
    /* They are written while disabled: the memory must be there. */
    __builtin_memset(items, 0, sizeof(*items) * window);
    errval_t err = pending_start(b, call, CHAN_STREAM_SLOT, &p, &msg);
    if (err_is_fail(err)) {
        return err;
    }
    s->binding = b;
    s->tx = p->tx;
    s->held = true;
    p->stream = s;
    p->state = PENDING_STREAM;
    err = pending_launch(b, p, call, &msg);
    if (err_is_fail(err)) {
        *s = (struct binding_stream){0};
    }
    return err;
}

static bool stream_ready_disabled(const struct binding_stream *s)
{
    return s->binding == NULL || s->count != 0 || s->ended;
}

bool binding_stream_ready(const struct binding_stream *s)
{
    disp_disable();
    bool ready = stream_ready_disabled(s) || (chan_poll_disabled(&s->binding->chan) &&
                                              stream_ready_disabled(s));
    disp_enable();
    return ready;
}

errval_t binding_stream_on_ready(struct binding_stream *s, void (*fn)(void *arg), void *arg)
{
    if (s->binding == NULL || s->binding->chan.ws == NULL) {
        return LIB_ERR_BAD_STATE;
    }
    disp_disable();
    s->ready.fn = fn;
    s->ready.arg = arg;
    s->ready_wanted = true;
    if (s->count != 0 || s->ended) {
        stream_wake_disabled(s);
    }
    disp_enable();
    return ERR_OK;
}

errval_t binding_stream_wait(struct binding_stream *s, uint64_t deadline_ns)
{
    errval_t err = s->binding == NULL ? RPC_ERR_NOT_BOUND : ERR_OK;
    disp_disable();
    while (err_is_ok(err) && !stream_ready_disabled(s)) {
        if (binding_look_disabled(s->binding, deadline_ns)) {
            continue;
        }
        if (!thread_block_until_disabled(&s->waiter, deadline_ns) && !stream_ready_disabled(s)) {
            err = RPC_ERR_TIMEOUT;
        }
    }
    disp_enable();
    chan_tidy();
    return err;
}

/* Takes out the first item, which was read. */
static void stream_pop(struct binding_stream *s)
{
    disp_disable();
    s->head = (uint8_t)((s->head + 1u) % s->window);
    s->count--;
    s->credits++;
    s->seq++;
    if (s->ended && s->count == 0) {
        stream_let_go_disabled(s);
    } else {
        stream_credit_disabled(s);
    }
    disp_enable();
}

errval_t binding_stream_next(struct binding_stream *s, struct binding_call *item)
{
    if (s->count == 0) {
        if (s->binding == NULL) {
            return RPC_ERR_NOT_BOUND;
        }
        errval_t err = binding_stream_wait(s, time_deadline_ns(s->binding->deadline_ns));
        if (err_is_fail(err)) {
            return err;
        }
        if (s->count == 0) {
            return s->err;
        }
    }
    const struct lmp_msg msg = s->items[s->head];
    uint32_t words = msg_words(msg.header), caps = msg_caps(msg.header);
    bool ok = words <= item->words_max && caps <= item->caps_max;
    ok = ok && chan_area_kept(&msg, item->words);
    if (ok && caps != 0) {
        item->got[0] = msg.cap;
        item->got_info[0] = msg.cap_info;
    }
    item->header = msg.header;
    if (ok && chan_traced(&s->binding->chan)) {
        trace_client(s->binding, false, msg.header, item->words, ERR_OK);
    }
    stream_pop(s);
    return ok ? ERR_OK : binding_stream_bad(s, &msg.cap, msg.cap != 0);
}

/* Drops what was not read. */
static void stream_clear(struct binding_stream *s)
{
    while (s->count != 0) {
        caddr_t cap = s->items[s->head].cap;
        s->head = (uint8_t)((s->head + 1u) % s->window);
        s->count--;
        if (cap != 0) {
            (void)cap_destroy(cap);
        }
    }
}

errval_t binding_stream_bad(struct binding_stream *s, const caddr_t *caps, uint32_t count)
{
    disp_disable();
    stream_break_disabled(s);
    disp_enable();
    stream_clear(s);
    return binding_bad_reply(caps, count);
}

void binding_stream_close(struct binding_stream *s)
{
    disp_disable();
    if (s->binding != NULL) {
        stream_let_go_disabled(s);
        if (s->binding->chan.ws != NULL) {
            waitset_unpost_disabled(s->binding->chan.ws, &s->ready);
        }
        s->binding = NULL;
    }
    s->ended = true;
    disp_enable();
    stream_clear(s);
    chan_tidy();
}
