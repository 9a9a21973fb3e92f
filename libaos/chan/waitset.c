/* Waitsets. The ready list holds channels with something to do, the work list posted work; both
 * change only while disabled. A thread that finds both empty waits in the kernel itself if it is
 * the only one that could run. */
#include "chan_priv.h"

#include <aos/slot.h>
#include <aos/arch_lmp.h>

void waitset_init(struct waitset *ws)
{
    *ws = (struct waitset){0};
}

void waitset_post_disabled(struct waitset *ws, struct work *w)
{
    if (w->queued) {
        return;
    }
    w->queued = true;
    w->next = NULL;
    if (ws->work_head == NULL) {
        ws->work_head = w;
    } else {
        ws->work_tail->next = w;
    }
    ws->work_tail = w;
    (void)thread_wake_one_disabled(&ws->waiters);
}

void waitset_post(struct waitset *ws, struct work *w)
{
    disp_disable();
    waitset_post_disabled(ws, w);
    disp_enable();
}

static struct chan *waitset_pop_disabled(struct waitset *ws)
{
    struct chan *c = ws->ready_head;
    if (c != NULL) {
        ws->ready_head = c->ready_next;
        c->ready_next = NULL;
        c->ready = false;
    }
    return c;
}

static void waitset_run_chan(struct chan *c)
{
    switch ((enum chan_role)c->role) {
    case CHAN_BINDING:
        binding_run(c);
        return;
    case CHAN_CONN:
        conn_run(c);
        return;
    case CHAN_SOURCE:
        source_run(c);
        return;
    }
}

/* Takes the next posted work and runs it. Enters disabled; enabled again when it returns true. */
static bool waitset_work_disabled(struct waitset *ws)
{
    struct work *w = ws->work_head;
    if (w == NULL) {
        return false;
    }
    ws->work_head = w->next;
    w->queued = false;
    void (*fn)(void *arg) = w->fn;
    void *arg = w->arg;
    disp_enable();
    fn(arg);
    return true;
}

/* Runs one due thing. Enters disabled; enabled again when it returns true. */
static bool waitset_step_disabled(struct waitset *ws)
{
    if (waitset_work_disabled(ws)) {
        return true;
    }
    struct chan *c = waitset_pop_disabled(ws);
    if (c == NULL) {
        return false;
    }
    disp_enable();
    waitset_run_chan(c);
    return true;
}

bool waitset_poll(struct waitset *ws)
{
    chan_tidy();
    disp_disable();
    if (waitset_step_disabled(ws)) {
        return true;
    }
    disp_enable();
    return false;
}

errval_t waitset_dispatch(struct waitset *ws, uint64_t deadline_ns)
{
    chan_tidy();
    disp_disable();
    while (!waitset_step_disabled(ws)) {
        if (!thread_block_until_disabled(&ws->waiters, deadline_ns)) {
            disp_enable();
            return LIB_ERR_TIMEOUT;
        }
        disp_enable();
        chan_tidy();
        disp_disable();
    }
    return ERR_OK;
}

/* May this thread wait in the kernel on behalf of the whole domain? Disabled. */
static bool waitset_idle_disabled(const struct waitset *ws)
{
    return ws->work_head == NULL && ws->ready_head == NULL && !disp_runnable() && !disp_pending();
}

/* Was this message for a server connection of this waitset that can be served at once? */
static bool waitset_direct(const struct waitset *ws, const struct chan *c,
                           const struct lmp_msg *msg)
{
    const struct server_conn *conn = (const struct server_conn *)c;
    return c->role == CHAN_CONN && c->ws == ws && msg_kind(msg->header) == MSG_CALL &&
           (msg->header & MSG_MORE) == 0 && conn->queue_count == 0 && c->state == CHAN_OPEN;
}

/* Runs one due thing, or waits as a thread if there is none. A reply that is not yet sent is in
 * `req`, for the channel returned: so a server that fell behind finds back to the one-trap reply
 * and wait. Enters disabled, returns enabled. */
static struct chan *waitset_next_disabled(struct waitset *ws, struct server_request *req)
{
    if (waitset_work_disabled(ws)) {
        return NULL;
    }
    struct chan *c = waitset_pop_disabled(ws);
    if (c == NULL) {
        thread_block_disabled(&ws->waiters);
        disp_enable();
        return NULL;
    }
    disp_enable();
    if (c->role != CHAN_CONN || c->end == 0) {
        waitset_run_chan(c);
        return NULL;
    }
    return conn_step((struct server_conn *)c, req) ? c : NULL;
}

void waitset_run(struct waitset *ws)
{
    struct server_request req;
    struct chan *reply_to = NULL; /* req.msg is an answer for it, without a capability */
    for (;;) {
        if (__builtin_expect(chan_untidy != 0, 0)) {
            chan_tidy();
        }
        disp_disable();
        if (!waitset_idle_disabled(ws)) {
            if (reply_to != NULL) {
                disp_enable();
                conn_reply((struct server_conn *)reply_to, &req.msg, (struct msg_cap){0});
                reply_to = NULL;
                continue;
            }
            reply_to = waitset_next_disabled(ws, &req);
            continue;
        }
        uint64_t cookie = arch_lmp_call(reply_to == NULL ? 0 : reply_to->end, 0, &req.msg);
        struct chan *c = (struct chan *)(uintptr_t)cookie;
        if (__builtin_expect(c == NULL, 0)) {
            uint64_t events = req.msg.header;
            disp_event_disabled(events & ~(uint64_t)KPI_EVENT_ERROR);
            disp_enable();
            if ((events & KPI_EVENT_ERROR) != 0 && reply_to != NULL) {
                conn_failed((struct server_conn *)reply_to, req.msg.words[0]);
            }
            reply_to = NULL;
            continue;
        }
        reply_to = NULL;
        if (!waitset_direct(ws, c, &req.msg)) {
            chan_deliver_disabled(cookie, &req.msg);
            disp_enable();
            continue;
        }
        req.caps_count = 0;
        if (req.msg.cap != 0) {
            chan_untidy = 1;
            (void)recv_slot_rotate_disabled();
            req.caps_count = 1;
            req.caps[0] = req.msg.cap;
            req.caps_info[0] = req.msg.cap_info;
        }
        disp_enable();
        struct msg_cap cap;
        if (conn_serve((struct server_conn *)c, &req, &cap)) {
            if (cap.cap == 0) {
                reply_to = c;
            } else {
                conn_reply((struct server_conn *)c, &req.msg, cap);
            }
        }
    }
}

static void waitset_timer_fire_disabled(struct timer *timer)
{
    struct waitset_timer *t = (struct waitset_timer *)(void *)timer;
    waitset_post_disabled(t->ws, &t->work);
}

errval_t waitset_timer_set(struct waitset *ws, struct waitset_timer *t, uint64_t deadline_ns,
                           void (*fn)(void *arg), void *arg)
{
    disp_disable();
    t->ws = ws;
    t->work.fn = fn;
    t->work.arg = arg;
    t->timer.fire_disabled = waitset_timer_fire_disabled;
    bool armed = timer_arm_disabled(&t->timer, deadline_ns);
    disp_enable();
    return armed ? ERR_OK : LIB_ERR_NO_MEMORY;
}

static void waitset_unpost_disabled(struct waitset *ws, struct work *w)
{
    struct work *before = NULL;
    for (struct work *i = ws->work_head; i != NULL; before = i, i = i->next) {
        if (i != w) {
            continue;
        }
        if (before == NULL) {
            ws->work_head = w->next;
        } else {
            before->next = w->next;
        }
        if (ws->work_tail == w) {
            ws->work_tail = before;
        }
        w->queued = false;
        return;
    }
}

void waitset_timer_cancel(struct waitset_timer *t)
{
    disp_disable();
    timer_cancel_disabled(&t->timer);
    if (t->work.queued) {
        waitset_unpost_disabled(t->ws, &t->work);
    }
    disp_enable();
}
