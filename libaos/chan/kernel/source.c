/* Events that the kernel raises: a channel of the own domain on which nothing is ever sent. */
#include "chan_priv.h"

#include <abi/user.h>
#include <aos/cap.h>

void source_deliver_disabled(struct chan *c, const struct lmp_msg *msg)
{
    struct event_source *e = (struct event_source *)(void *)c;
    chan_discard_cap_disabled(msg->cap);
    if (msg->header == KPI_CONTROL_HEADER(KPI_CONTROL_EVENT)) {
        e->raised = true;
        chan_ready_disabled(c);
    }
}

bool source_run(struct chan *c)
{
    struct event_source *e = (struct event_source *)(void *)c;
    disp_disable();
    bool raised = e->raised;
    e->raised = false;
    disp_enable();
    if (raised) {
        e->handler(e->arg);
    }
    return true;
}

errval_t event_source_init(struct event_source *e, struct waitset *ws, void (*handler)(void *arg),
                           void *arg)
{
    caddr_t own, trigger;
    errval_t err = chan_create(&own, &trigger);
    if (err_is_fail(err)) {
        return err;
    }
    e->trigger = trigger;
    e->handler = handler;
    e->arg = arg;
    e->raised = false;
    err = chan_bind(&e->chan, CHAN_SOURCE, own, ws);
    if (err_is_fail(err)) {
        (void)cap_destroy(trigger);
        return err;
    }
    e->chan.owns_ram = true;
    return ERR_OK;
}

void event_source_deinit(struct event_source *e)
{
    (void)cap_destroy(e->trigger);
    e->trigger = 0;
    /* The peer was ours, so both ends go now. */
    disp_disable();
    e->chan.state = CHAN_GONE;
    disp_enable();
    chan_close(&e->chan);
}

errval_t irq_source_init(struct irq_source *q, struct waitset *ws, caddr_t irq_dest,
                         void (*handler)(void *arg), void *arg)
{
    errval_t err = event_source_init(&q->event, ws, handler, arg);
    if (err_is_fail(err)) {
        return err;
    }
    q->irq_dest = irq_dest;
    err = inv_irq_dest_connect(irq_dest, q->event.trigger);
    if (err_is_fail(err)) {
        event_source_deinit(&q->event);
    }
    return err;
}

errval_t irq_source_ack(struct irq_source *q)
{
    return inv_irq_dest_ack(q->irq_dest);
}

void irq_source_deinit(struct irq_source *q)
{
    event_source_deinit(&q->event);
}

errval_t chan_notify_connect(caddr_t notify, caddr_t end)
{
    return inv_notify_connect(notify, end);
}

void chan_notify_signal(caddr_t notify)
{
    (void)inv_notify_signal(notify);
}
