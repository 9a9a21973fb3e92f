/* Events to one client: sent while it has credit (a free event slot), else kept, coalesced or
 * queued. */
#include "chan_priv.h"

#include <stdlib.h>

bool server_event_wanted(const struct server_conn *conn, uint32_t index)
{
    return (conn->subscribed >> index & 1u) != 0 && conn->chan.state == CHAN_OPEN;
}

static errval_t conn_event_send(struct server_conn *conn, uint32_t index, bool lost,
                                const uint64_t *words, uint32_t count)
{
    uint32_t slot = (uint32_t)__builtin_ctz(conn->events_free);
    const struct server_event *event = &conn->server->iface->events[index];
    struct lmp_msg msg = {.header = MSG_HEADER(event->ordinal, MSG_EVENT, count, 0) |
                                    (uint64_t)slot << MSG_SLOT_SHIFT | chan_hash(&conn->chan) |
                                    (event->flexible ? MSG_FLEXIBLE : 0) |
                                    (lost ? MSG_EVENT_LOST : 0)};
    if (msg_in_area(msg.header)) {
        if (!chan_area_write(&conn->chan.out, CHAN_CALLS_MAX + slot, words, count)) {
            return ERR_OK; /* a client without an area cannot have it */
        }
    } else {
        __builtin_memcpy(msg.words, words, 8u * count);
    }
    disp_disable();
    conn->events_free &= ~(1u << slot);
    disp_enable();
    errval_t err = chan_send_room(&conn->chan, &msg, (struct msg_cap){0});
    if (err_is_ok(err) && chan_traced(&conn->chan)) {
        trace_server(conn, conn->server->iface->id, true, msg.header, words);
    }
    if (err_is_fail(err)) {
        disp_disable();
        conn->events_free |= 1u << slot;
        disp_enable();
    }
    return err;
}

/* Removes the first item of event `index` if there are `limit` of them already. False: there are
 * not. */
static bool conn_event_trim(struct server_conn *conn, uint32_t index, uint32_t limit)
{
    uint32_t count = 0;
    for (struct server_event_item *i = conn->events_head; i != NULL; i = i->next) {
        count += i->index == index;
    }
    if (count < limit) {
        return false;
    }
    struct server_event_item *before = NULL, *i = conn->events_head;
    while (i->index != index) {
        before = i;
        i = i->next;
    }
    if (before == NULL) {
        conn->events_head = i->next;
    } else {
        before->next = i->next;
    }
    if (conn->events_tail == i) {
        conn->events_tail = before;
    }
    free(i);
    return true;
}

void server_event(struct server_conn *conn, uint32_t index, const uint64_t *words, uint32_t count)
{
    if (!server_event_wanted(conn, index)) {
        return;
    }
    bool lost = (conn->lost >> index & 1u) != 0;
    const bool first = conn->events_head == NULL && conn->events_free != 0;
    if (first && err_is_ok(conn_event_send(conn, index, lost, words, count))) {
        conn->lost &= ~(1u << index);
        return;
    }
    const struct server_event *event = &conn->server->iface->events[index];
    uint32_t limit = event->queue == 0 ? 1 : event->queue;
    if (conn_event_trim(conn, index, limit) && event->queue != 0) {
        conn->lost |= 1u << index;
    }
    struct server_event_item *item = malloc(sizeof(*item) + 8u * count);
    if (item == NULL) {
        conn->lost |= 1u << index;
        return;
    }
    *item = (struct server_event_item){.words = (uint16_t)count, .index = (uint16_t)index};
    __builtin_memcpy(item->word, words, 8u * count);
    if (conn->events_head == NULL) {
        conn->events_head = item;
    } else {
        conn->events_tail->next = item;
    }
    conn->events_tail = item;
    disp_disable();
    if (first && conn->chan.full == 0) {
        chan_ready_disabled(&conn->chan); /* there is room again already */
    }
    disp_enable();
}

void conn_events_run(struct server_conn *conn)
{
    while (conn->events_head != NULL && conn->events_free != 0 && conn->chan.state == CHAN_OPEN) {
        struct server_event_item *item = conn->events_head;
        bool lost = (conn->lost >> item->index & 1u) != 0;
        if (err_is_fail(conn_event_send(conn, item->index, lost, item->word, item->words))) {
            return;
        }
        conn->lost &= ~(1u << item->index);
        conn->events_head = item->next;
        if (item->next == NULL) {
            conn->events_tail = NULL;
        }
        free(item);
    }
}

void conn_events_drop(struct server_conn *conn)
{
    while (conn->events_head != NULL) {
        struct server_event_item *item = conn->events_head;
        conn->events_head = item->next;
        free(item);
    }
    conn->events_tail = NULL;
    conn->subscribed = 0;
}
