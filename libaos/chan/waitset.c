/* Waitsets. The ready list holds channels with something to do, the work list posted work; both
 * change only while disabled. A thread that finds both empty waits in the kernel itself if it is
 * the only one that could run (serve.c). */
#include "chan_priv.h"

#include <aos/debug.h>

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

/* Takes the next ready channel. A connection is held (until conn_step): others may close it. */
static struct chan *waitset_pop_disabled(struct waitset *ws)
{
    struct chan *c = ws->ready_head;
    if (c != NULL) {
        USER_CHECK(c->ready && c->ws == ws);
        ws->ready_head = c->ready_next;
        c->ready_next = NULL;
        c->ready = false;
        if (c->role == CHAN_CONN) {
            conn_hold((struct server_conn *)c);
        }
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
    case CHAN_RAW:
        raw_run(c);
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

struct server_conn *waitset_next_disabled(struct waitset *ws, struct server_request *req)
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
    struct server_conn *conn = (struct server_conn *)c;
    return conn_step(conn, req) ? conn : NULL;
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

void waitset_unpost_disabled(struct waitset *ws, struct work *w)
{
    if (!w->queued) {
        return;
    }
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
    waitset_unpost_disabled(t->ws, &t->work);
    disp_enable();
}
